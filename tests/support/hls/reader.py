"""Reads media playlists: text in, values out, and whatever is wrong with the text itself. Pure.

It is the tests' own, so that what one program writes is read by another; and it forgives nothing. Sources: RFC 8216, 4;
draft-pantos-hls-rfc8216bis, 4.4.
"""

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(?:,|$)')
_ONCE = (
    "EXTM3U",
    "EXT-X-VERSION",
    "EXT-X-TARGETDURATION",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-ENDLIST",
    "EXT-X-PART-INF",
    "EXT-X-SERVER-CONTROL",
    "EXT-X-SKIP",
    "EXT-X-INDEPENDENT-SEGMENTS",
)
_LISTS = {
    "EXT-X-PART-INF": ("PART-TARGET",),
    "EXT-X-SERVER-CONTROL": (),
    "EXT-X-MAP": ("URI",),
    "EXT-X-PART": ("URI", "DURATION"),
    "EXT-X-SKIP": ("SKIPPED-SEGMENTS",),
    "EXT-X-PRELOAD-HINT": ("TYPE", "URI"),
    "EXT-X-RENDITION-REPORT": ("URI", "LAST-MSN"),
}
"""Tags with an attribute list, and which attributes they must have."""
_KNOWN = {*_ONCE, *_LISTS, "EXTINF", "EXT-X-DISCONTINUITY", "EXT-X-PROGRAM-DATE-TIME", "EXT-X-GAP"}


@dataclass(frozen=True, slots=True)
class PartLine:
    """A part as it is listed; ``duration`` in seconds."""

    uri: str
    duration: float
    independent: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A segment as it is listed; one without ``uri`` and ``duration`` (seconds) grows.

    ``date`` is its EXT-X-PROGRAM-DATE-TIME in Unix seconds, ``breaks`` its Discontinuity Sequence Number (8216bis,
    6.2.1).
    """

    number: int
    uri: str | None
    duration: float | None
    date: float | None
    gap: bool
    torn: bool
    init: str | None
    breaks: int
    parts: tuple[PartLine, ...]

    @property
    def seconds(self) -> float:
        """How long it lasts, or has lasted so far."""
        return self.duration if self.duration is not None else sum(part.duration for part in self.parts)


@dataclass(frozen=True, slots=True)
class Report:
    """Where another rendition is said to be: EXT-X-RENDITION-REPORT."""

    uri: str
    msn: int
    part: int | None


@dataclass(frozen=True, slots=True)
class Playlist:
    """A media playlist. ``control``: the attributes of EXT-X-SERVER-CONTROL; ``tags`` are the names of all tags."""

    version: int
    target: float | None
    part_target: float | None
    control: dict[str, str]
    first: int
    breaks: int
    skipped: int
    entries: tuple[Entry, ...]
    ended: bool
    hint: str | None
    reports: tuple[Report, ...]
    tags: frozenset[str]
    problems: tuple[str, ...]

    @property
    def edge(self) -> tuple[int, int]:
        """The media sequence number and the part index that come next."""
        if not self.entries:
            return self.first + self.skipped, 0
        last = self.entries[-1]
        return (last.number, len(last.parts)) if last.uri is None else (last.number + 1, 0)

    @property
    def whole(self) -> tuple[Entry, ...]:
        """The segments that grow no longer."""
        return tuple(entry for entry in self.entries if entry.uri is not None)

    @property
    def reached(self) -> float:
        """The programme time of its end; -inf where that is not told."""
        last = self.entries[-1] if self.entries else None
        return last.date + last.seconds if last is not None and last.date is not None else float("-inf")

    def ends(self) -> list[float]:
        """How far the end of each entry is from the end of the playlist, in seconds."""
        ends, edge = [], 0.0
        for entry in reversed(self.entries):
            ends.append(edge)
            edge += entry.seconds
        return ends[::-1]


def attributes(text: str) -> dict[str, str] | None:
    """Read an attribute list (RFC 8216, 4.2); None if it is none. Quotes are taken off."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _ATTRIBUTE.match(text, at)
        if match is None or match[1] in found:
            return None
        found[match[1]] = match[2].strip('"')
        at = match.end()
    return found if not text.endswith(",") else None


@dataclass
class _Pending:
    """What was said of the next segment so far."""

    date: float | None = None
    gap: bool = False
    torn: bool = False
    duration: float | None = None
    parts: list[PartLine] = field(default_factory=list)

    @property
    def said(self) -> bool:
        return bool(self.parts) or self.date is not None or self.torn or self.gap or self.duration is not None


class _Reader:
    def __init__(self) -> None:
        self.problems: list[str] = []
        self.counts: Counter[str] = Counter()
        self.values: dict[str, str] = {}
        self.lists: dict[str, dict[str, str]] = {}
        self.entries: list[Entry] = []
        self.reports: list[Report] = []
        self.init: str | None = None
        self.pending = _Pending()

    def number(self, text: str | None, kind: type[int] | type[float] = int) -> float | None:
        """Read a number without a sign; None if there is none."""
        if text is None:
            return None
        try:
            value = kind(text)
        except ValueError:
            value = -1
        if value < 0:
            self.problems.append(f"{text!r} is no number")
            return None
        return value

    def whole(self, text: str | None) -> int:
        return int(self.number(text) or 0)

    def line(self, line: str) -> None:
        if line.startswith("#EXT"):
            name, _, rest = line[1:].partition(":")
            self.counts[name] += 1
            if name not in _KNOWN:
                self.problems.append(f"nobody knows the tag {name}")
            elif name in _LISTS:
                self.listed(name, rest)
            else:
                self.tag(name, rest)
        elif line and not line.startswith("#"):
            self.segment(line)
        elif not line:
            self.problems.append("there is an empty line")

    def tag(self, name: str, rest: str) -> None:
        pending = self.pending
        if name == "EXTINF":
            length, comma, _ = rest.partition(",")
            pending.duration = self.number(length, float)
            if not comma:
                self.problems.append(f"EXTINF:{rest} has no comma")
        elif name == "EXT-X-DISCONTINUITY":
            pending.torn = True
        elif name == "EXT-X-GAP":
            pending.gap = True
        elif name == "EXT-X-PROGRAM-DATE-TIME":
            try:
                pending.date = datetime.fromisoformat(rest).timestamp()
            except ValueError:
                self.problems.append(f"{rest!r} is no date")
        else:
            self.values[name] = rest

    def listed(self, name: str, rest: str) -> None:
        found = attributes(rest)
        if found is None or not set(_LISTS[name]) <= set(found):
            self.problems.append(f"the attributes of {name} are not legal: {rest}")
            return
        self.lists[name] = found
        if name == "EXT-X-MAP":
            self.init = found["URI"]
        elif name == "EXT-X-PART":
            lasts = float(self.number(found["DURATION"], float) or 0.0)
            self.pending.parts.append(PartLine(found["URI"], lasts, found.get("INDEPENDENT") == "YES"))
        elif name == "EXT-X-RENDITION-REPORT":
            part = found.get("LAST-PART")
            self.reports.append(
                Report(found["URI"], self.whole(found["LAST-MSN"]), None if part is None else self.whole(part))
            )

    def segment(self, uri: str | None) -> None:
        """The segment that tags have told of so far has its URI, or (None) grows."""
        pending, self.pending = self.pending, _Pending()
        if uri is not None and pending.duration is None:
            self.problems.append(f"{uri} has no EXTINF")
        self.entries.append(
            Entry(
                0,
                uri,
                pending.duration,
                pending.date,
                pending.gap,
                pending.torn,
                self.init,
                0,
                tuple(pending.parts),
            )
        )


def read(text: str) -> Playlist:
    """Read a media playlist."""
    reader = _Reader()
    if not text.endswith("\n"):
        reader.problems.append("the last line does not end")
    for line in text.splitlines():
        reader.line(line)
    if reader.pending.said:
        reader.segment(None)
    reader.problems += [f"{name} is there {reader.counts[name]} times" for name in _ONCE if reader.counts[name] > 1]
    first = reader.whole(reader.values.get("EXT-X-MEDIA-SEQUENCE"))
    breaks = before = reader.whole(reader.values.get("EXT-X-DISCONTINUITY-SEQUENCE"))
    skipped = reader.whole(reader.lists.get("EXT-X-SKIP", {}).get("SKIPPED-SEGMENTS"))
    entries = []
    for number, entry in enumerate(reader.entries, first + skipped):
        before += entry.torn
        entries.append(replace(entry, number=number, breaks=before))
    target = reader.number(reader.values.get("EXT-X-TARGETDURATION"))
    part_target = reader.number(reader.lists.get("EXT-X-PART-INF", {}).get("PART-TARGET"), float)
    return Playlist(
        version=reader.whole(reader.values.get("EXT-X-VERSION", "1")),
        target=target,
        part_target=part_target,
        control=reader.lists.get("EXT-X-SERVER-CONTROL", {}),
        first=first,
        breaks=breaks,
        skipped=skipped,
        entries=tuple(entries),
        ended=bool(reader.counts["EXT-X-ENDLIST"]),
        hint=reader.lists.get("EXT-X-PRELOAD-HINT", {}).get("URI"),
        reports=tuple(reader.reports),
        tags=frozenset(reader.counts),
        problems=tuple(reader.problems),
    )
