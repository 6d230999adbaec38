"""The command line. Each command turns words into one call and its result into text; the work is elsewhere.

It must start fast, since shells ask it for completions: whatever is heavy is imported where it is used.
"""

import errno
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from click.shell_completion import get_completion_class

from serve import terminal
from serve.client import Client, ClientError, Room, Target
from serve.config import Address, ConfigError, ServeConfig
from serve.options import (
    SpecType,
    config_option,
    data_option,
    filter_folders,
    json_option,
    listening,
    on_server,
    room_name,
    room_names,
    room_settings,
    secured,
    server_option,
    token_option,
    verbose_option,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import TypeVar

    from serve.server import Server

    T = TypeVar("T")

SHELLS = ("bash", "zsh", "fish")


class Commands(click.Group):
    """Commands whose known errors end in one line and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except (ClientError, ConfigError) as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader has left: click ends quietly
                raise
            raise click.ClickException(str(error)) from error


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            click.echo(f"veilcast {version('veilcast')}")
        except PackageNotFoundError:
            click.echo("veilcast, not installed")
        ctx.exit()


@click.group(cls=Commands, context_settings={"auto_envvar_prefix": "VEILCAST", "help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
def cli() -> None:
    """Veilcast: live streaming from your own machine.

    Every option can be given by a variable: --title of `veilcast room start` by VEILCAST_ROOM_START_TITLE.
    """


@cli.command()
@data_option
@listening
@click.option("--no-browser", is_flag=True, help="Open no browser.")
@verbose_option
@json_option
@click.pass_context
def demo(
    ctx: click.Context, data: Path, rtmp: Address, http: Address, no_browser: bool, verbose: bool, as_json: bool
) -> None:
    """Show a live stream at once: a server, a room and a sample host that publishes into it.

    Takes other ports where the usual ones are taken.
    """
    import asyncio

    from serve import demo as show

    chosen = {o for o in ("data", "rtmp", "http") if ctx.get_parameter_source(o) is not ParameterSource.DEFAULT}
    config = ServeConfig(data if "data" in chosen else data / "demo", rtmp, http)
    config, notes = show.with_free_ports(config, frozenset(chosen))
    for text in notes:
        terminal.note(text)

    async def ready(server: "Server", room: Room) -> None:
        if as_json:
            terminal.emit_json(room)
        else:
            click.echo(f"Watch: {room['watch_url']}")
            terminal.qr(str(room["watch_url"]))
            click.echo("To publish yourself, in OBS: Settings, Stream, Service “Custom…”")
            terminal.fields(terminal.publishing(room))
            click.echo("Ctrl-C ends the demo.")
        if not no_browser and (sys.platform != "linux" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()):
            import webbrowser

            await asyncio.to_thread(webbrowser.open, room["watch_url"])

    program = (sys.executable, str(Path(__file__).resolve()))
    _run(show.demo(config, program, show.sample_clip(), ready, terminal.note), "DEBUG" if verbose else "WARNING")


@cli.command()
@config_option
@data_option
@listening
@secured
@filter_folders
@click.option(
    "--watch-filters",
    is_flag=True,
    envvar="VEILCAST_WATCH_FILTERS",
    show_envvar=True,
    help="Load filters anew when their files change: for whoever writes one.",
)
@verbose_option
@json_option
def serve(
    data: Path,
    rtmp: Address,
    http: Address,
    https: Address | None,
    https_cert: Path | None,
    https_key: Path | None,
    rtmps: Address | None,
    filters: tuple[Path, ...],
    watch_filters: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Run the server. SIGTERM drains it and ends with status 0."""
    import asyncio
    from contextlib import suppress

    from serve import run

    config = ServeConfig(data, rtmp, http, filters, watch_filters, https, https_cert, https_key, rtmps)

    async def ready(server: "Server") -> None:
        rooms: list[Room] = []
        with suppress(ClientError):
            rooms = await asyncio.to_thread(Client(Target.find(data)).rooms)
        terminal.serving(server.url, server.rtmp_url, server.https_urls, server.rtmps_urls, config, rooms, as_json)

    _run(run.serve(config, ready), "DEBUG" if verbose else "INFO")


def _run(work: "Coroutine[None, None, None]", level: str) -> None:
    from serve import run
    from serve.demo import DemoError
    from serve.server import StartError

    run.set_up_logging(level)
    try:
        run.run(run.until_told_to_end(work))
    except (StartError, DemoError) as error:
        raise click.ClickException(str(error)) from error


@cli.group()
def room() -> None:
    """Make rooms, look at them, change them."""


@room.command()
@click.argument("name", shell_complete=room_names)
@room_settings
@click.option("--force", is_flag=True, help="Start it even if this machine cannot carry one more room.")
@on_server
@json_option
def start(client: Client, name: str, settings: dict[str, Any], force: bool, as_json: bool) -> None:
    """Open a room, and make it on first use. Prints what the host and the viewers need.

    Doing it again changes nothing but the settings that are given.
    """
    opened = client.start(name, settings, force)
    terminal.emit_json(opened) if as_json else terminal.opened(opened)


@room.command("list")
@on_server
@json_option
def list_(client: Client, as_json: bool) -> None:
    """List the rooms."""
    rooms = client.rooms()
    terminal.emit_json(rooms) if as_json else terminal.listed(rooms)


@room.command()
@room_name
@on_server
@json_option
def show(client: Client, name: str, as_json: bool) -> None:
    """Show all about a room."""
    found = client.show(name)
    terminal.emit_json(found) if as_json else terminal.shown(found)


@room.command("set")
@room_name
@room_settings
@on_server
@json_option
def set_(client: Client, name: str, settings: dict[str, Any], as_json: bool) -> None:
    """Change a room's settings, also while it is live."""
    if not settings:
        raise click.UsageError(
            "nothing to change: give --title, --ladder, --preset, --loudness, --grace, --slate, --filter, --delay,"
            " --on-overrun, --moderation-budget, --private or --public"
        )
    changed = client.change(name, settings)
    if as_json:
        terminal.emit_json(changed)
    else:
        terminal.shown(changed)
        terminal.next_broadcast(changed, settings)


@room.command()
@room_name
@on_server
@json_option
def stop(client: Client, name: str, as_json: bool) -> None:
    """End a room's broadcast and close the room. `room start` opens it again."""
    stopped = client.stop(name)
    terminal.emit_json(stopped) if as_json else click.echo(f"Room {name!r} is stopped.")


@room.command()
@room_name
@click.option("--yes", is_flag=True, help="Don't ask.")
@on_server
@json_option
def delete(client: Client, name: str, yes: bool, as_json: bool) -> None:
    """Delete a room, its stream key and its history."""
    client.show(name)
    try:
        sure = yes or click.confirm(f"Delete room {name!r}, its stream key and its history?", err=True)
    except click.Abort:  # no answer: the line of the question is still open
        click.echo(err=True)
        sure = False
    if not sure:
        raise click.ClickException(f"room {name!r} was not deleted: answer y, or add --yes")
    client.delete(name)
    terminal.emit_json({"name": name, "deleted": True}) if as_json else click.echo(f"Room {name!r} is deleted.")


@room.command("rotate-key")
@room_name
@on_server
@json_option
def rotate_key(client: Client, name: str, as_json: bool) -> None:
    """Replace a room's stream key. The old one is worth nothing from now on."""
    rotated = client.rotate_key(name)
    terminal.emit_json(rotated) if as_json else terminal.fields(terminal.publishing(rotated), indent="")


@room.command()
@room_name
@on_server
@json_option
def kick(client: Client, name: str, as_json: bool) -> None:
    """Disconnect a room's host. It may come back; `rotate-key` keeps it out."""
    kicked = client.kick(name)
    terminal.emit_json(kicked) if as_json else click.echo(f"The host of room {name!r} is disconnected.")


@room.command()
@room_name
@on_server
@json_option
def dump(client: Client, name: str, as_json: bool) -> None:
    """Throw away all that a room holds back: viewers never get it. They see the slate for as long."""
    dumped = client.dump(name)
    if as_json:
        terminal.emit_json(dumped)
    else:
        click.echo(f"What room {name!r} held is thrown away: viewers see the slate for {dumped['delay']:g} s.")


@room.command()
@room_name
@click.option("--on/--off", default=True, help="Show the slate from now on, which is the default; or no longer.")
@on_server
@json_option
def cover(client: Client, name: str, on: bool, as_json: bool) -> None:
    """Show the slate, without sound, in place of a room's host: at once, until `--off`."""
    covered = client.cover(name, on)
    if as_json:
        terminal.emit_json(covered)
    else:
        click.echo(f"Room {name!r} is covered." if on else f"Room {name!r} is covered by you no longer.")


@cli.group()
def filters() -> None:
    """Look at filters, and try them on a file. No server is needed."""


@filters.command("list")
@json_option
def filters_list(as_json: bool) -> None:
    """List the filters that are installed."""
    import asyncio

    import msgspec

    from serve.inspector import Inspector

    found = asyncio.run(_inspecting(Inspector(None).known()))
    terminal.emit_json(msgspec.to_builtins(found)) if as_json else terminal.filters(found)


@filters.command()
@click.argument("name", type=SpecType())
@json_option
def describe(name: str, as_json: bool) -> None:
    """Say what a filter does and which options it has. NAME may be ./file.py:name, too."""
    import asyncio

    import msgspec

    from filters.spec import parse
    from serve.inspector import Inspector

    about = asyncio.run(_inspecting(Inspector(None).describe(parse(name))))
    terminal.emit_json(msgspec.to_builtins(about)) if as_json else terminal.described(about)


async def _inspecting(work: "Coroutine[None, None, T]") -> "T":
    from serve.errors import SettingError

    try:
        return await work
    except SettingError as error:
        raise click.ClickException(str(error)) from error


@filters.command("run")
@click.argument("first", type=SpecType(), metavar="SPEC")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="IN")
@click.argument("target", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="OUT")
@click.option("--filter", "more", type=SpecType(), multiple=True, metavar="SPEC", help="Another filter, after SPEC.")
def run_filters(first: str, source: Path, target: Path, more: tuple[str, ...]) -> None:
    """Run filters on a file, as a room would: veilcast filters run SPEC in.mp4 out.mp4."""
    from filters.spec import parse
    from transcode.offline import OfflineError, run

    try:
        run([parse(text) for text in (first, *more)], source, target)
    except OfflineError as error:
        raise click.ClickException(str(error)) from error


@filters.command()
@click.argument("name", type=click.Choice(["bleep"]))
@click.argument("audio", type=click.Path(exists=True, dir_okay=False, path_type=Path), nargs=-1, required=True)
@click.option("--words", default="", metavar="A+B", help="Words and phrases to look for.")
@click.option("--file", "listed", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file of words.")
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="Where words are said in AUDIO, one file for each: lines of START, END and a word, with tabs (Audacity).",
)
@click.option("--false", "per_minute", default=0.1, show_default=True, help="False bleeps that may come of a word.")
def tune(
    name: str, audio: tuple[Path, ...], words: str, listed: Path | None, labels: tuple[Path, ...], per_minute: float
) -> None:
    """Find thresholds for words, on recordings; prints lines for a file of words.

    Without --labels the words are taken not to be said in AUDIO: what is found there is false.
    """
    from filters.errors import FilterError
    from filters.speech.tuning import advise, labels_of
    from filters.speech.words import gathered

    if labels and len(labels) != len(audio):
        raise click.UsageError("give --labels once for each AUDIO, in the same order, or not at all")
    if per_minute < 0:
        raise click.UsageError("--false is 0 or more, a minute")
    try:
        entries = gathered([word for word in words.split("+") if word], (), str(listed.resolve()) if listed else "")
        marked = [labels_of(path) for path in labels] or [[] for _ in audio]
        for advice in advise(entries, list(zip(audio, marked, strict=True)), per_minute):
            click.echo(advice.line)
    except FilterError as error:
        raise click.ClickException(str(error)) from error


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("url")
@click.option("--loop", is_flag=True, help="Begin again at the end, until stopped.")
def push(file: Path, url: str, loop: bool) -> None:
    """Publish a file in real time.

    URL is rtmp://HOST:PORT/live/KEY, as `room start` prints its two parts.
    """
    if not url.startswith(("rtmp://", "rtmps://")):
        raise click.UsageError("the URL is rtmp://HOST:PORT/live/KEY: see `veilcast room show NAME`")
    from transcode.push import PushError
    from transcode.push import push as publish

    try:
        publish(url, file, loop=loop)
    except PushError as error:
        raise click.ClickException(str(error)) from error


@cli.command("make-clip", hidden=True)
@click.argument("file", type=click.Path(path_type=Path))
def make_clip(file: Path) -> None:
    """Make the clip that the demo's sample host publishes."""
    from transcode.testcard import make_clip as make

    make(file, speaks=True)


@cli.command()
@data_option
@server_option
@token_option
@listening
@secured
@json_option
def doctor(
    data: Path,
    server: str | None,
    token: str | None,
    rtmp: Address,
    http: Address,
    https: Address | None,
    https_cert: Path | None,
    https_key: Path | None,
    rtmps: Address | None,
    as_json: bool,
) -> None:
    """Look for what could keep Veilcast from working, and say what to do. Fails where something is wrong."""
    from serve.doctor import Check, Outcome, examine

    checks: list[Check] = []
    config = ServeConfig(data, rtmp, http, https=https, https_cert=https_cert, https_key=https_key, rtmps=rtmps)
    for check in examine(config, server, token):
        checks.append(check)
        if not as_json:
            terminal.checked(check)
    if as_json:
        terminal.emit_json([asdict(check) for check in checks])
    if any(check.outcome is Outcome.FAIL for check in checks):
        sys.exit(1)


@cli.command()
@click.argument("shell", type=click.Choice(SHELLS), required=False)
def completion(shell: str | None) -> None:
    """Print the completion script of a shell: bash, zsh or fish; without a name, of yours.

    For bash: eval "$(veilcast completion bash)"
    """
    chosen = shell or Path(os.environ.get("SHELL", "")).name
    if chosen not in SHELLS or (kind := get_completion_class(chosen)) is None:
        raise click.UsageError(f"name the shell: {', '.join(SHELLS)}")
    click.echo(kind(cli, {}, "veilcast", "_VEILCAST_COMPLETE").source())


def main() -> None:
    """The program ``veilcast``."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a sign shows another
    cli(prog_name="veilcast")


if __name__ == "__main__":
    main()
