"""The options that several commands share, and what click has to know about them.

Every option has a ``VEILCAST_…`` variable: the shared ones the names given here, the others click's automatic ones.
"""

import base64
import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from filters.errors import SpecError
from filters.spec import parse
from serve.client import Client, ClientError, Target
from serve.config import OPTIONS, Address, ConfigError, default_data, read_file
from transcode.ladder import PRESETS, LadderError, parse_ladder

OFF = "off"
NONE = "none"
AUTO = "auto"
Command = Callable[..., None]
_SETTINGS = (
    "title", "ladder", "preset", "loudness", "grace", "slate", "private", "filter", "delay", "on_overrun",
    "moderation_budget",
)  # fmt: skip


class AddressType(click.ParamType[Address]):
    """HOST:PORT."""

    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:  # noqa: ANN401
        """Read it."""
        try:
            return value if isinstance(value, Address) else Address.parse(value)
        except ConfigError as error:
            self.fail(str(error), param, ctx)


def _config_file(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
    if path is not None:
        ctx.default_map = {**(ctx.default_map or {}), **read_file(path)}


config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_config_file,
    envvar="VEILCAST_CONFIG",
    show_envvar=True,
    help=f"A TOML file with these options: {', '.join(OPTIONS)}.",
)
data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_data,
    show_default="the platform's user data folder",
    envvar="VEILCAST_DATA",
    show_envvar=True,
    help="The server's data folder.",
)
server_option = click.option(
    "--server",
    metavar="URL",
    envvar="VEILCAST_SERVER",
    show_envvar=True,
    help="A server elsewhere, http://HOST:PORT; with --token.",
)
token_option = click.option(
    "--token",
    metavar="T",
    envvar="VEILCAST_TOKEN",
    show_envvar=True,
    help="That server's operator token.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Log more, to standard error.")


def listening(command: Command) -> Command:
    """Add the options that say where a server listens."""
    for option, default, use in (("http", "0.0.0.0:8080", "viewers and the API"), ("rtmp", "0.0.0.0:1935", "hosts")):
        command = click.option(
            f"--{option}",
            type=AddressType(),
            default=default,
            show_default=True,
            envvar=f"VEILCAST_{option.upper()}",
            show_envvar=True,
            help=f"Where to listen for {use}.",
        )(command)
    return command


def secured(command: Command) -> Command:
    """Add the options that say where a server listens for HTTPS and RTMPS, and with what."""
    for option, use in (
        ("key", "The certificate's private key, in PEM form, without a password."),
        ("cert", "The certificate for HTTPS and RTMPS, in PEM form, with its issuers' below it."),
    ):
        command = click.option(
            f"--https-{option}",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            envvar=f"VEILCAST_HTTPS_{option.upper()}",
            show_envvar=True,
            help=use,
        )(command)
    for option, protocol in (("rtmps", "RTMPS"), ("https", "HTTPS")):
        command = click.option(
            f"--{option}",
            type=AddressType(),
            envvar=f"VEILCAST_{option.upper()}",
            show_envvar=True,
            help=f"Where to listen for {protocol}, too; with a certificate of the server's own making where none is"
            " given.",
        )(command)
    return command


def filter_folders(command: Command) -> Command:
    """Add the option that says where filters may lie."""
    return click.option(
        "--filters",
        multiple=True,
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        envvar="VEILCAST_FILTERS",
        show_envvar=True,
        show_default="the working folder and DATA/filters",
        help="A folder below which rooms may have filters from files. Give it for each.",
    )(command)


def on_server(command: Command) -> Command:
    """Give a command the client of the server that is meant, and the options that say which."""

    @data_option
    @server_option
    @token_option
    @functools.wraps(command)
    def with_client(*, data: Path, server: str | None, token: str | None, **others: object) -> None:
        command(Client(Target.find(data, server, token)), **others)

    return with_client


def room_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The running server's rooms, for the shell; none where no server answers quickly."""
    try:
        target = Target.find(
            ctx.params.get("data") or default_data(), ctx.params.get("server"), ctx.params.get("token")
        )
        rooms = Client(target, timeout=1).rooms()
    except (ClientError, OSError):
        return []
    return [CompletionItem(r["name"], help=r.get("title")) for r in rooms if r["name"].startswith(incomplete)]


room_name = click.argument("name", shell_complete=room_names)


def _ladder(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        try:
            parse_ladder(value)
        except LadderError as error:
            raise click.ClickException(str(error)) from error
    return value


class LoudnessType(click.ParamType[float | str]):
    """LUFS, or off. The server knows what can be had."""

    name = "LUFS|off"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:  # noqa: ANN401
        """Read it."""
        if value == OFF:
            return OFF
        try:
            loudness = float(value)
        except ValueError:
            loudness = math.nan
        if not math.isfinite(loudness):
            self.fail(f"{value!r} is no loudness: write LUFS such as -16, or off", param, ctx)
        return loudness


class SlateType(click.ParamType[str]):
    """An image file, or none; gives its content in base64, empty for none. The server knows what can be shown."""

    name = "FILE|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401
        """Read it."""
        from serve.rooms import MOST_SLATE  # a quick start of the CLI

        if value == NONE:
            return ""
        try:
            with Path(value).open("rb") as file:
                image = file.read(MOST_SLATE + 1)
        except OSError as error:
            self.fail(f"cannot read {value}: {error.strerror}", param, ctx)
        if not image:  # which would take the slate away
            self.fail(f"{value} is empty: name a PNG or JPEG file, or {NONE}", param, ctx)
        if len(image) > MOST_SLATE:
            self.fail(f"{value} is too large: use a file of {MOST_SLATE >> 20} MiB at most", param, ctx)
        return base64.b64encode(image).decode()


class SpecType(click.ParamType[str]):
    """A filter, with its path made absolute; or none."""

    name = "SPEC|none"
    envvar_list_splitter = "\n"  # an option's value may have blanks

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401
        """Read it."""
        if value == NONE:
            return NONE
        try:
            return str(parse(value).absolute(Path.cwd()))
        except SpecError as error:
            self.fail(str(error), param, ctx)


def _filters(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> list[str] | None:
    if NONE in values and len(values) > 1:
        raise click.UsageError(f"--filter {NONE} takes all filters away: give it alone, or leave it out")
    return None if not values else [] if NONE in values else list(values)


class DelayType(click.ParamType[float | str]):
    """Seconds, or auto. The server knows what can be had."""

    name = "SECONDS|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:  # noqa: ANN401
        """Read it."""
        if value == AUTO:
            return AUTO
        try:
            delay = float(value)
        except ValueError:
            delay = math.nan
        if not math.isfinite(delay):
            self.fail(f"{value!r} is no delay: write seconds such as 4, or auto", param, ctx)
        return delay


class BudgetType(click.ParamType[float | str]):
    """Processors, or auto. The server knows what can be had."""

    name = "CORES|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:  # noqa: ANN401
        """Read it."""
        if value == AUTO:
            return AUTO
        try:
            cores = float(value)
        except ValueError:
            cores = math.nan
        if not math.isfinite(cores):
            self.fail(f"{value!r} is no budget: write processors such as 0.5, or auto", param, ctx)
        return cores


def _refuse_recordings(_: click.Context, __: click.Parameter, wanted: bool) -> None:
    """They are to come. What is not there is refused and never passed over."""
    if wanted:
        raise click.ClickException("recordings are not available in this version; nothing was started or changed")


def room_settings(command: Command) -> Command:
    """Add the options that a room can be given, as ``settings``: those that were given and no others."""

    @click.option("--title", metavar="T", help="What viewers see above the player.")
    @click.option(
        "--ladder",
        metavar="L",
        callback=_ladder,
        help="The renditions: auto, a list such as 720p,480p or source,720p, or source.",
    )
    @click.option("--preset", type=click.Choice(PRESETS), help="Less work for the encoder, or a better picture.")
    @click.option(
        "--loudness",
        type=LoudnessType(),
        metavar="LUFS|off",
        help="Bring the sound to so many LUFS (EBU R128), such as -16; off leaves it as it comes.",
    )
    @click.option(
        "--grace", type=int, metavar="SECONDS", help="How long a broadcast waits for a host that is away; 120 at first."
    )
    @click.option(
        "--slate",
        type=SlateType(),
        metavar="FILE|none",
        help="A PNG or JPEG that viewers see while the host is away, with the title on it; none takes it away.",
    )
    @click.option(
        "--private/--public",
        default=None,
        help="Private: not listed on the home page nor in the public list; anyone with the link can watch.",
    )
    @click.option(
        "--filter",
        type=SpecType(),
        multiple=True,
        callback=_filters,
        metavar="SPEC|none",
        help="A filter: NAME, NAME:option=value,option=value, or ./file.py:name. Give it for each, in their order:"
        " they replace those that the room has; none takes them away. In the variable: one on each line.",
    )
    @click.option(
        "--delay",
        type=DelayType(),
        metavar="SECONDS|auto",
        help="How much later viewers get everything, up to 30 s, so that filters can look ahead and you can dump;"
        " auto, as at first: as much as the filters need.",
    )
    @click.option(
        "--on-overrun",
        type=click.Choice(("cover", "stop")),
        help="What happens when a filter is late: cover, as at first, shows the slate; stop stops the room.",
    )
    @click.option(
        "--moderation-budget",
        type=BudgetType(),
        metavar="CORES|auto",
        help="How many processors the room's detectors may take between them, 0.1 to 64: those that can look less often"
        " with fewer; auto, as at first: half of the machine's, 0.5 to 2.",
    )
    @click.option(
        "--record", is_flag=True, callback=_refuse_recordings, expose_value=False, hidden=True, help="Not there yet."
    )
    @functools.wraps(command)
    def with_settings(**words: object) -> None:
        given = {name: words.pop(name) for name in _SETTINGS}
        settings = {name: value for name, value in given.items() if value is not None}
        if given["filter"] is not None:
            settings["filters"] = settings.pop("filter")
        if given["loudness"] == OFF:
            settings["loudness"] = None
        for name in ("delay", "moderation_budget"):
            if given[name] == AUTO:
                settings[name] = None
        command(settings=settings, **words)

    return with_settings
