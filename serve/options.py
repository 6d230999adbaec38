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

from serve.client import Client, ClientError, Target
from serve.config import Address, ConfigError, default_data, read_file
from transcode.ladder import PRESETS, LadderError, parse_ladder

OFF = "off"
NO_SLATE = "none"
Command = Callable[..., None]


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
    help="A TOML file with these options: data, rtmp, http.",
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

        if value == NO_SLATE:
            return ""
        try:
            with Path(value).open("rb") as file:
                image = file.read(MOST_SLATE + 1)
        except OSError as error:
            self.fail(f"cannot read {value}: {error.strerror}", param, ctx)
        if not image:  # which would take the slate away
            self.fail(f"{value} is empty: name a PNG or JPEG file, or {NO_SLATE}", param, ctx)
        if len(image) > MOST_SLATE:
            self.fail(f"{value} is too large: use a file of {MOST_SLATE >> 20} MiB at most", param, ctx)
        return base64.b64encode(image).decode()


def _absent(option: str, things: str, **attributes: Any) -> Callable[[Command], Command]:  # noqa: ANN401
    """An option that is to come. It is refused and never passed over: a room asked for with a filter must not
    start without it."""

    def refuse(_: click.Context, __: click.Parameter, value: object) -> None:
        if value not in (None, (), False):  # an empty text was given, too
            raise click.ClickException(f"{things} not available in this version; nothing was started or changed")

    return click.option(option, callback=refuse, expose_value=False, hidden=True, **attributes)


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
    @_absent("--filter", "filters are", multiple=True)
    @_absent("--delay", "a delay is")
    @_absent("--record", "recordings are", is_flag=True)
    @functools.wraps(command)
    def with_settings(**words: object) -> None:
        given = {
            name: words.pop(name) for name in ("title", "ladder", "preset", "loudness", "grace", "slate", "private")
        }
        settings = {name: value for name, value in given.items() if value is not None}
        if given["loudness"] == OFF:
            settings["loudness"] = None
        command(settings=settings, **words)

    return with_settings
