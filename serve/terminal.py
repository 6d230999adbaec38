"""What the command line shows people: rooms, addresses, QR codes, checks. Returns text or prints it; asks nobody.

Standard output is for what was asked for, standard error for notes. Colours and QR codes go to terminals alone.
"""

import io
import json
import sys
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from serve.client import Room
from serve.config import Address, ServeConfig
from serve.network import reachable

if TYPE_CHECKING:
    from serve.doctor import Check
    from serve.inspector import Description, Inspected, Option

_WAITS = {
    "waiting": "open, waiting for its host",
    "live": "live",
    "slate": "live, showing the slate",
    "covered": "live, covered",
    "stopped": "stopped",
}


_COVERED = {
    "operator": "by its operator",
    "dump": "what was held has been thrown away",
    "filter": "a filter fails",
    "filling": "the delay has begun, or has grown",
    "warming": "a detector is getting ready",
    "late": "a detector is late",
    "unseen": "detectors have not seen all of it",
    "asleep": "nobody watched, and detectors slept",
}
_TYPES = {"str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false"}
_OVERRUN = {"cover": "shows the slate", "stop": "stops the room"}

_WORKER = (
    ("restarts", "restarts"),
    ("dropped_packets", "packets dropped"),
    ("dropped_frames", "frames dropped"),
)


def emit_json(value: object) -> None:
    """Print one JSON value, for programs."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def note(text: str) -> None:
    """Tell something beside the answer."""
    click.echo(text, err=True)


def plain(text: object) -> str:
    """Text from elsewhere (a room's title, a host's software) without what would steer a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def fields(rows: Iterable[tuple[str, object]], indent: str = "  ") -> None:
    """Print names and values in two columns; values are left whole, so that they can be copied."""
    rows = list(rows)
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{indent}{click.style(name.ljust(width), dim=True)}  {plain(value)}".rstrip())


def qr(link: str) -> None:
    """Print a link as a QR code, on a terminal; elsewhere nothing."""
    if not sys.stdout.isatty():
        return
    import segno

    code = io.StringIO()
    segno.make(link, error="l", micro=False).terminal(code, border=2, compact=True)
    for line in code.getvalue().splitlines():
        click.secho(line, fg="bright_white", bg="black")  # light on dark, whatever the terminal's own colours


def opened(room: Room) -> None:
    """Print what a host needs to publish into a room, and the link for its viewers."""
    click.echo(f"Room {plain(room['name'])!r} is {plain(_state(room))}.")
    click.echo("In OBS: Settings, Stream, Service “Custom…”")
    fields(publishing(room), indent="    ")
    click.echo("For viewers:")
    fields([("Watch", room["watch_url"])], indent="    ")
    click.echo("Pictures and sound:")
    fields([*encoding(room), *moderation(room)], indent="    ")
    warnings(room)
    qr(str(room["watch_url"]))


def publishing(room: Room) -> list[tuple[str, object]]:
    """The two fields that OBS asks for; what can stand in the first by RTMPS."""
    secure = [("or, encrypted", room["rtmps_url"])] if "rtmps_url" in room else []
    return [("Server", room["rtmp_url"]), *secure, ("Stream key", room["stream_key"])]


def shown(room: Room) -> None:
    """Print all that is known of a room."""
    rows: list[tuple[str, object]] = [
        ("Room", room["name"]),
        ("Title", room.get("title") or "(none)"),
        ("State", _state(room)),
        ("Viewers", room["viewers"]),
        ("Listed", "no (private: anyone with the link can watch)" if room.get("private") else "yes"),
        *encoding(room),
        *moderation(room),
    ]
    if room.get("live_since") is not None:
        rows.append(("Live for", lasted(room["live_since"])))
    if publisher := room.get("publisher"):
        rows.append(("Host", f"{publisher.get('address')} {publisher.get('software') or ''}"))
        if video := publisher.get("video"):
            rows.append(("Video", f"{video['codec']}, {video['width']}x{video['height']}"))
        if audio := publisher.get("audio"):
            rows.append(("Audio", f"{audio['codec']}, {audio['sample_rate']} Hz, channels: {audio['channels']}"))
    rows += [*publishing(room), ("Watch", room["watch_url"]), ("HLS", room["hls_url"])]
    fields(rows, indent="")
    warnings(room)


def _state(room: Room) -> str:
    state = str(_WAITS.get(room["state"], room["state"]))
    if room["state"] == "covered" and (cause := room.get("covered")):
        return f"{state}: {_COVERED.get(cause, cause)}"
    return state


def encoding(room: Room) -> list[tuple[str, object]]:
    """What becomes of a room's pictures and sound, and how its worker does if that is worth a word."""
    renditions = [_rendition(made) for made in room.get("renditions") or []]
    ladder = plain(room.get("ladder", "source"))
    rows: list[tuple[str, object]] = [("Ladder", f"{ladder}: {', '.join(renditions)}" if renditions else ladder)]
    if preset := room.get("preset"):
        rows.append(("Preset", preset))
    if (loudness := room.get("loudness")) is not None:
        rows.append(("Loudness", f"{loudness:g} LUFS"))
    if (grace := room.get("grace")) is not None:
        rows.append(("Grace", f"waits {grace} s for a host that is away"))
    if room.get("slate"):
        rows.append(("Slate", "an image of its own"))
    worker = room.get("worker") or {}
    told = [f"{text} {worker[name]}" for name, text in _WORKER if worker.get(name)]
    if (processors := worker.get("processors")) is not None:
        told.insert(0, f"takes {processors:.1f} processors")
    if told:
        rows.append(("Worker", ", ".join(told)))
    return rows


def moderation(room: Room) -> list[tuple[str, object]]:
    """How a room is moderated, and what its filters do. Their options are the operator's to see."""
    rows: list[tuple[str, object]] = []
    filters = room.get("filters") or []
    for number, has in enumerate(filters):
        ahead = f" (looks {has['lookahead']:g} s ahead)" if has.get("lookahead") else ""
        rows.append(("" if number else "Filters", f"{has['spec']}{ahead}"))
    if delay := room.get("delay"):
        rows.append(("Delay", f"held {delay:g} s for moderation"))
    if any(has.get("role") == "detector" for has in filters) and (overrun := room.get("on_overrun")):
        rows.append(("If late", _OVERRUN.get(overrun, overrun)))
        budget = room.get("moderation_budget")
        share = "a share of the machine's" if budget is None else f"{budget:g}"
        rows.append(("Budget", f"{share} processors for its detectors"))
    told = room.get("moderation") or {}
    if held := told.get("held_bytes"):
        rows.append(("Held", f"{told['held_seconds']:.1f} s, {held / (1 << 20):.1f} MiB"))
    if detectors := _detectors(told):
        rows.append(("Detectors", detectors))
    if findings := told.get("findings"):
        rows.append(("Found", ", ".join(f"{category} {count}" for category, count in sorted(findings.items()))))
    if covered := {cause: seconds for cause, seconds in (told.get("covered_seconds") or {}).items() if seconds}:
        times = (f"{seconds:.1f} s ({_COVERED.get(cause, cause)})" for cause, seconds in sorted(covered.items()))
        rows.append(("Covered", ", ".join(times)))
    if promises := told.get("broken_promises"):
        rows.append(("Broken promises", f"{promises} (findings that came too late)"))
    return rows


def _detectors(told: dict[str, Any]) -> str:
    words = []
    for detector in told.get("detectors") or []:
        lag = detector.get("lag")
        doing = "sleeps" if told.get("asleep") else "is getting ready" if lag is None else f"{lag:.1f} s behind"
        words.append(f"{detector['filter']} {doing}")
    if told.get("restarts"):
        words.append(f"restarts {told['restarts']}")
    if (processors := told.get("processors")) is not None:
        budget = told.get("budget")
        words.append(f"take {processors:.1f}{'' if budget is None else f' of {budget:g}'} processors")
    return ", ".join(words)


def _rendition(made: dict[str, Any]) -> str:
    return f"{made['name']} ({made['width']}x{made['height']}, {made['frame_rate']:g}/s)"


def next_broadcast(room: Room, settings: Collection[str]) -> None:
    """Say when ``settings`` that were given take effect; what concerns pictures and sound needs a new broadcast."""
    if room.get("broadcast") is not None or not {"ladder", "preset", "loudness"}.intersection(settings):
        return  # a running broadcast is one that these settings changed nothing of
    if room.get("publisher"):
        note("Pictures and sound change with a new broadcast, which begins now: viewers follow by themselves.")
    else:
        note("Pictures and sound change with the next broadcast.")


def warnings(room: Room) -> None:
    """Print what a room's host should know, and what is wrong with its filters."""
    faults = (room.get("moderation") or {}).get("faults") or []
    for text in dict.fromkeys([*(room.get("warnings") or []), *faults]):
        note(f"{click.style('Warning:', fg='yellow')} {plain(text)}")


def filters(found: Sequence["Inspected"]) -> None:
    """Print filters by their names; what cannot be used is a note."""
    if usable := [(one.spec, one.description) for one in found if one.description is not None]:
        fields(((name, f"{about.role.ljust(8)}  {about.summary}") for name, about in usable), indent="")
    for one in found:
        if one.error is not None:
            note(f"{click.style('Warning:', fg='yellow')} {plain(one.error)}")


def described(about: "Description") -> None:
    """Print what a filter says of itself, and how it is written in a room's settings."""
    click.echo(f"{plain(about.name)} ({plain(about.role)})")
    for line in about.doc.splitlines():
        click.echo(f"  {plain(line)}".rstrip())
    if about.options:
        click.echo("Options:")
        fields((option.name, _option(option)) for option in about.options)
    if about.role == "detector":
        context = f", and has to have seen {about.context:g} s" if about.context else ""
        click.echo(f"Looks {about.lookahead:g} s ahead{context}. Is given: {plain(', '.join(about.takes))}.")


def _option(option: "Option") -> str:
    kind = " or ".join(option.choices) if option.choices else _TYPES.get(option.type, option.type)
    if option.type == "list":
        kind = f"a list, a+b+c{f', of {kind}' if option.choices else ''}"
    if option.required:
        return f"{kind}; must be given"
    value = option.default
    shown = "+".join(map(str, value)) if isinstance(value, list) else str(value).lower() if value is not None else ""
    return f"{kind}; {shown}" if shown else kind


def listed(rooms: Sequence[Room]) -> None:
    """Print a table of rooms."""
    if not rooms:
        click.echo("There are no rooms yet: make one with `veilcast room start NAME`.")
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for heading in ("Room", "State", "Viewers", "Live for", "Title"):
        table.add_column(heading, justify="right" if heading == "Viewers" else "left")
    table.add_column("Watch", no_wrap=True, overflow="ignore")
    for room in rooms:
        state = f"{room['state']}, private" if room.get("private") else room["state"]
        since = lasted(room.get("live_since"))
        cells = (room["name"], state, room["viewers"], since, room.get("title") or "", room["watch_url"])
        table.add_row(*(Text(plain(cell)) for cell in cells))
    width = None if sys.stdout.isatty() else 200  # a pipe has no width to keep to
    Console(width=width, file=sys.stdout, highlight=False).print(table)


def lasted(since: float | None) -> str:
    """How long ago a moment in unix seconds was: ``1:02:03``; nothing for None."""
    if since is None:
        return ""
    seconds = max(0, int(time.time() - since))
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def links(scheme: str, addresses: Iterable[Address], path: str = "") -> list[str]:
    """The addresses as links: ``http://HOST:PORT`` and ``path``."""
    return [f"{scheme}://{address}{path}" for address in addresses]


def serving(
    url: str,
    rtmp_url: str,
    https_urls: Sequence[str],
    rtmps_urls: Sequence[str],
    config: ServeConfig,
    rooms: Sequence[Room],
    as_json: bool,
) -> None:
    """Print where a server that has started is found, on this machine and on its networks, and its open rooms.

    The QR code is that of the only room's watch link, or else of the home page.
    """
    web = links("http", reachable(replace(config.http, port=urlsplit(url).port or config.http.port)), "/")
    rtmp = links("rtmp", reachable(replace(config.rtmp, port=urlsplit(rtmp_url).port or config.rtmp.port)), "/live")
    https = [f"{one}/" for one in https_urls]
    on_air = [room for room in rooms if room["state"] != "stopped"]
    watch = [str(room["watch_url"]) for room in on_air]
    if as_json:
        emit_json({
            "url": url, "rtmp_url": rtmp_url, "web": web, "https": https, "rtmp": rtmp,
            "rtmps": list(rtmps_urls), "data": str(config.data),
            "watch": watch,
        })  # fmt: skip
        return
    click.echo("Veilcast is running.")
    secure = [f"{one}/r/{room['name']}" for one in https_urls[:1] for room in on_air]
    groups = [
        ("For viewers", [*web, *https]),
        ("For hosts", [*rtmp, *rtmps_urls]),
        ("Open rooms", [*watch, *secure]),
        ("Data folder", [str(config.data)]),
    ]
    fields((name if i == 0 else "", value) for name, values in groups for i, value in enumerate(values))
    if https and config.https_cert is None:
        click.echo(
            "Nobody vouches for the HTTPS certificate, since this server made it itself: each browser warns once, and"
            f" goes on if told so. To have one trust it, install {config.own_certificate} there."
        )
    if rtmps_urls and config.https_cert is None:
        click.echo(
            "The certificate for RTMPS is of this server's own making: encoders that look at it, as OBS does, refuse it"
            f" until their machine trusts {config.own_certificate}."
        )
    click.echo("Open a room with `veilcast room start NAME`. Ctrl-C ends the server.")
    qr(watch[0] if len(watch) == 1 else web[0])


def checked(check: "Check") -> None:
    """Print what one of the doctor's checks found, and what to do."""
    colour = {"ok": "green", "warn": "yellow", "fail": "red"}[check.outcome]
    fix = f": {check.fix}" if check.fix else ""
    click.echo(f"{click.style(check.outcome.ljust(4), fg=colour)}  {check.name}: {check.found}{fix}")
