"""Judges single answers of the server, each asked for with a purpose. Pure; ``prober.py`` asks.

Nothing is held to a clock but what may not wait for anything: of several tries the fastest counts.
"""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tests.support.hls import rules
from tests.support.hls.findings import Place
from tests.support.hls.reader import PLAYLIST_TYPE, Entry, read
from tests.support.hls.told import Answer

_MEDIA_TYPES = ("video/mp4", "audio/mp4")
_PLAYLIST_AGE, _MEDIA_AGE = 6, 86400
_LOW_LATENCY = {"EXT-X-PART", "EXT-X-PART-INF", "EXT-X-PRELOAD-HINT", "EXT-X-SERVER-CONTROL", "EXT-X-RENDITION-REPORT"}


class Purpose(Enum):
    """What was asked for."""

    PLAYLIST = "a media playlist that is named"
    MEDIA = "media that is listed"
    PLAIN = "a playlist, without waiting"
    TOO_FAR = "a number too far ahead"
    PART_ALONE = "a part without a number"
    MALFORMED = "a directive that is no number"
    COMPRESSED = "a playlist, compressed; the twin is the same one plain"
    CLASSIC = "a classic playlist; the twin is the full one"
    HINTED = "a part before it was there; the twin is what it became"
    GAP = "the media of a gap"
    LEFT = "a segment that left the playlist lately"
    GONE = "a segment that is not there, long gone or to come"


@dataclass(frozen=True, slots=True)
class Probe:
    """The ``answers`` to ``url``, all asked for with the same purpose. ``limit``: seconds that nothing takes which does
    not wait. ``twin``: what it is to be compared with."""

    purpose: Purpose
    url: str
    answers: tuple[Answer, ...]
    limit: float = 1.0
    twin: bytes = b""

    @property
    def newest(self) -> Answer:
        return self.answers[-1]

    @property
    def fastest(self) -> float:
        return min(answer.seconds for answer in self.answers)


def check_probe(probe: Probe, place: Place) -> None:
    """Hold the answers to a probe to the rules."""
    for answer in probe.answers:
        allowed = answer.headers.get("access-control-allow-origin")
        place.hold(rules.CORS, allowed == "*", f"{probe.url}: {answer.status} with {allowed}")
    _CHECKS[probe.purpose](probe, place)


def _status(rule: rules.Rule, status: int) -> Callable[[Probe, Place], None]:
    def check(probe: Probe, place: Place) -> None:
        got = [answer.status for answer in probe.answers]
        place.hold(rule, set(got) == {status}, f"{probe.url}: {got}")

    return check


def _playlist(probe: Probe, place: Place) -> None:
    _status(rules.RESOLVES, 200)(probe, place)
    if probe.newest.status == 200:
        kind, cache = (probe.newest.headers.get(name, "") for name in ("content-type", "cache-control"))
        place.hold(rules.TYPES, kind == PLAYLIST_TYPE, f"{probe.url}: {kind}")
        place.hold(rules.CACHING, _age(cache) <= _PLAYLIST_AGE, f"{probe.url}: {cache}")


def _media(probe: Probe, place: Place) -> None:
    _status(rules.THERE, 200)(probe, place)
    if probe.newest.status == 200:
        kind, cache = (probe.newest.headers.get(name, "") for name in ("content-type", "cache-control"))
        place.hold(rules.TYPES, kind in _MEDIA_TYPES, f"{probe.url}: {kind}")
        place.hold(rules.CACHING, "immutable" in cache and _age(cache) >= _MEDIA_AGE, f"{probe.url}: {cache}")


def _age(cache: str) -> float:
    found = [word.strip().removeprefix("max-age=") for word in cache.split(",") if word.strip().startswith("max-age=")]
    return int(found[0]) if found else float("inf")


def _plain(probe: Probe, place: Place) -> None:
    seen = f"{probe.url}: {probe.fastest:.3f} s, limit {probe.limit:.3f}"
    place.hold(rules.AT_ONCE, probe.fastest <= probe.limit, seen)


def _gone(probe: Probe, place: Place) -> None:
    _status(rules.GONE, 404)(probe, place)
    place.hold(rules.GONE, probe.fastest <= probe.limit, f"{probe.url}: after {probe.fastest:.3f} s")


def _hinted(probe: Probe, place: Place) -> None:
    answer = probe.newest
    same = answer.status == 200 and answer.body == probe.twin
    seen = f"{probe.url}: {answer.status} with {len(answer.body)} bytes, later it had {len(probe.twin)}"
    place.hold(rules.HELD, same, seen)


def _compressed(probe: Probe, place: Place) -> None:
    answer = probe.newest
    kind = answer.headers.get("content-encoding")
    try:
        same = kind == "gzip" and gzip.decompress(answer.body) == probe.twin
    except (OSError, EOFError, zlib.error):
        same = False
    place.hold(rules.COMPRESSED, same, f"{probe.url}: {kind}, {len(answer.body)} bytes for {len(probe.twin)}")


def _classic(probe: Probe, place: Place) -> None:
    classic, full = (read(text.decode(errors="replace")) for text in (probe.newest.body, probe.twin))
    more = classic.tags & _LOW_LATENCY
    place.hold(rules.CLASSIC, not more and not classic.problems, f"{probe.url}: {sorted(more)} {classic.problems}")
    listed, there = _whole(classic.entries), _whole(full.entries)
    both = listed.keys() & there.keys()  # either may be a segment older, and there may be a gap before the first one
    same = len(both) >= len(there) - 2 and all(listed[number] == there[number] for number in both)
    place.hold(rules.CLASSIC, same, f"{probe.url}: lists {sorted(listed)}, the full one {sorted(there)}")


def _whole(entries: tuple[Entry, ...]) -> dict[int, tuple[object, ...]]:
    return {each.number: (each.uri, each.duration, each.date, each.gap, each.init) for each in entries if each.uri}


_CHECKS: dict[Purpose, Callable[[Probe, Place], None]] = {
    Purpose.PLAYLIST: _playlist,
    Purpose.MEDIA: _media,
    Purpose.PLAIN: _plain,
    Purpose.TOO_FAR: _status(rules.TOO_FAR, 400),
    Purpose.PART_ALONE: _status(rules.PART_ALONE, 400),
    Purpose.MALFORMED: _status(rules.MALFORMED, 400),
    Purpose.COMPRESSED: _compressed,
    Purpose.CLASSIC: _classic,
    Purpose.HINTED: _hinted,
    Purpose.GAP: _status(rules.GAP_404, 404),
    Purpose.LEFT: _status(rules.KEPT, 200),
    Purpose.GONE: _gone,
}
