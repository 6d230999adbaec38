"""Follows the playlists of a room as a careful player does, and tells what was lost and which rules were broken.

``History`` is pure: it is told the texts of one media playlist and when each came. ``PlaylistFollower`` fetches them.
Media is not fetched; ``tests/support/hls_reader.py`` does that. Rules carry the section of RFC 8216 or 8216bis that
states them. Times are in seconds, moments those of ``time.monotonic``.
"""

import http.client
import threading
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Self
from urllib.parse import urljoin

import m3u8  # type: ignore[import-untyped]

from tests.support.hls_reader import fetch

SAME_MOMENT = 0.02
"""Programme times are told in milliseconds, and sound is cut at whole frames of it: less than a frame is no hole."""
PAUSE = 1.0
"""Media comes several times a second; a longer wait than this is an interruption."""
_RETRY, _LOOK, _TIMEOUT = 0.2, 0.5, 20.0


@dataclass(frozen=True, slots=True)
class Listed:
    """A whole segment as it is listed. It never changes (8216, 6.2.1).

    ``start`` is its EXT-X-PROGRAM-DATE-TIME in Unix seconds, ``breaks`` its Discontinuity Sequence Number (8216bis,
    6.2.1), ``seen`` when it was listed first.
    """

    number: int
    uri: str
    start: float
    duration: float
    gap: bool
    init: str | None
    breaks: int
    seen: float = field(compare=False)

    @property
    def end(self) -> float:
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class Account:
    """What a player of one rendition would have suffered, or of several: the worst of each.

    ``gap``: seconds listed as EXT-X-GAP. ``lost``: programme time between the end of a segment and the start of the
    next. ``again``: programme time that was told twice. ``wait``: the longest time without anything new. ``recovery``:
    from the moment that was asked for to the end of the last interruption; 0 if media came all along.
    """

    discontinuities: int = 0
    gap: float = 0.0
    lost: float = 0.0
    again: float = 0.0
    wait: float = 0.0
    recovery: float = 0.0
    skipped: int = 0
    """Numbers that were never listed."""

    def worst(self, other: Self) -> "Account":
        return Account(*(max(getattr(self, each.name), getattr(other, each.name)) for each in fields(self)))


class History:
    """What the playlists of one rendition of one broadcast said, one after the other."""

    def __init__(self) -> None:
        self.segments: dict[int, Listed] = {}
        self.broken: list[str] = []
        self.ended = False
        self.edge = (-1, 0)
        """The media sequence number and the part index that come next; -1: nothing has been listed."""
        self._parts: dict[tuple[int, int], tuple[str, float]] = {}
        self._first = self._breaks = 0
        self._targets: tuple[float, float | None] | None = None
        self._news: list[float] = []
        self._media: list[float] = []

    def take(self, at: float, text: str, blocked: bool = False) -> None:
        """Compare a playlist that came at ``at`` with all before it; ``blocked``: it was held until there was news."""
        playlist = m3u8.loads(text)
        before, first = self.edge, int(playlist.media_sequence or 0)
        self._header(playlist, first)
        edge, media = self._listed(playlist, first, at)
        self._rule(edge >= before, f"the live edge went back from {before} to {edge} (8216, 6.2.1)")
        self._rule(
            not blocked or edge != before or playlist.is_endlist,
            f"a blocking reload was answered without what it waited for, {before} (8216bis, 6.2.5.2)",
        )
        if edge != before:
            self._news.append(at)
        if media:
            self._media.append(at)
        self._rule(playlist.is_endlist or not self.ended, "ENDLIST was taken back (8216, 4.3.3.4)")
        self.ended = self.ended or playlist.is_endlist
        self.edge = max(before, edge)

    def account(self, since: float = 0.0, until: float = 0.0) -> Account:
        """Sum up what was listed from the moment ``since`` on. ``until``: when following ended."""
        listed = [segment for _, segment in sorted(self.segments.items())]
        joints = [(before, after) for before, after in pairwise(listed) if after.seen >= since]
        holes = [after.start - before.end for before, after in joints]
        news = [*self._news, max(until, *self._news)] if self._news and not self.ended else self._news
        return Account(
            discontinuities=sum(after.breaks - before.breaks for before, after in joints),
            gap=sum(segment.duration for segment in listed if segment.gap and segment.seen >= since),
            lost=sum(hole for hole in holes if hole > SAME_MOMENT),
            again=sum(-hole for hole in holes if hole < -SAME_MOMENT),
            wait=max((after - before for before, after in pairwise(news) if after > since), default=0.0),
            recovery=self._recovery(since, until),
            skipped=sum(after.number - before.number - 1 for before, after in joints),
        )

    def _recovery(self, since: float, until: float) -> float:
        media = [*self._media, until] if self._media and not self.ended else self._media
        ends = [after for before, after in pairwise(media) if after - before > PAUSE and after > since]
        return max(ends) - since if ends else 0.0

    def _header(self, playlist: m3u8.M3U8, first: int) -> None:
        breaks = int(playlist.discontinuity_sequence or 0)
        targets = (playlist.target_duration, playlist.part_inf and playlist.part_inf.part_target)
        if self._targets is not None:
            self._rule(targets == self._targets, f"targets changed from {self._targets} to {targets} (8216bis, 6.2.1)")
            self._rule(first >= self._first, f"MEDIA-SEQUENCE went back from {self._first} to {first} (8216, 6.2.2)")
            self._rule(
                breaks >= self._breaks,
                f"DISCONTINUITY-SEQUENCE went back from {self._breaks} to {breaks} (8216, 6.2.2)",
            )
        self._targets, self._first, self._breaks = targets, first, breaks

    def _listed(self, playlist: m3u8.M3U8, first: int, at: float) -> tuple[tuple[int, int], bool]:
        """Return where the playlist's live edge is, and whether there is anything new to play."""
        edge, media, breaks = self.edge, False, int(playlist.discontinuity_sequence or 0)
        for number, segment in enumerate(playlist.segments, first):
            breaks += bool(segment.discontinuity)
            for index, part in enumerate(segment.parts):
                media |= self._part(number, index, part)
            if segment.uri is None:  # it grows
                edge = (number, len(segment.parts))
                continue
            edge = (number + 1, 0)
            known = self.segments.get(number)
            gap, init = bool(segment.gap_tag), segment.init_section and segment.init_section.uri
            start = segment.program_date_time.timestamp() if segment.program_date_time else float("nan")
            listed = Listed(number, segment.uri, start, segment.duration, gap, init, breaks, at)
            if known is None:
                media |= not gap and (number, 0) not in self._parts
                self._segment(listed, playlist.target_duration)
            for text in _changes(known, listed) if known else ():
                self._rule(False, f"segment {number}: {text} (8216, 6.2.1)")
        return edge, media

    def _segment(self, segment: Listed, target: float) -> None:
        number = segment.number
        self._rule(not self.segments or number > max(self.segments), f"segment {number} came late (8216, 6.2.1)")
        self._rule(round(segment.duration) <= target, f"segment {number} is longer than the target (8216, 4.3.3.1)")
        self._rule(segment.gap or segment.init is not None, f"segment {number} has no EXT-X-MAP (8216, 4.3.2.5)")
        self.segments[number] = segment

    def _part(self, number: int, index: int, part: m3u8.PartialSegment) -> bool:
        """Take note of a part; return whether it is new."""
        said = (str(part.uri), float(part.duration))
        known = self._parts.setdefault((number, index), said)
        self._rule(known == said, f"part {number}.{index} changed from {known} to {said} (8216bis, 6.2.1)")
        most = self._targets and self._targets[1]
        self._rule(not most or said[1] <= most, f"part {number}.{index} is longer than its target (8216bis, 4.4.4.9)")
        return known is said

    def _rule(self, holds: bool, text: str) -> None:
        if not holds and text not in self.broken:
            self.broken.append(text)


def _changes(known: Listed, now: Listed) -> Iterator[str]:
    for each in fields(Listed):
        was, is_now = getattr(known, each.name), getattr(now, each.name)
        if each.compare and was != is_now and was == was:  # NaN, where there is no date, is never equal to itself
            yield f"{each.name} changed from {was} to {is_now}"


class PlaylistFollower:
    """Follows all renditions of a room by blocking reloads, each in a thread of its own, also into the next broadcast.

    A request that fails is counted in ``failures`` by what came instead, and made again. With ``with`` it runs inside
    the block.
    """

    def __init__(self, master_url: str) -> None:
        self.failures: Counter[str] = Counter()
        self.histories: dict[tuple[str, str], History] = {}
        """By broadcast and rendition, in the order in which they were seen."""
        self._master_url = master_url
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._look, daemon=True)]
        self._ended_at = 0.0

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended_at = time.monotonic()
        self._stop.set()
        for thread in list(self._threads):
            thread.join(_TIMEOUT)

    @property
    def broadcasts(self) -> list[str]:
        return list(dict.fromkeys(broadcast for broadcast, _ in self.histories))

    @property
    def broken(self) -> list[str]:
        """Which rules were broken where."""
        return [
            f"{broadcast}/{rendition}: {text}"
            for (broadcast, rendition), history in list(self.histories.items())
            for text in list(history.broken)
        ]

    def account(self, since: float = 0.0) -> Account:
        """Sum up what happened from the moment ``since`` on: the worst of all renditions."""
        total = Account()
        for history in list(self.histories.values()):
            total = total.worst(history.account(since, self._ended_at or time.monotonic()))
        return total

    def _look(self) -> None:
        """Begin to follow what the multivariant playlist names."""
        while not self._stop.is_set():
            text = self._get(self._master_url)
            master = m3u8.loads(text) if text else None
            for uri in [each.uri for each in (*master.playlists, *master.media) if each.uri] if master else ():
                *_, broadcast, file = str(uri).split("/")
                key = broadcast, file.removesuffix(".m3u8")
                if key not in self.histories:
                    self.histories[key] = history = History()
                    url = urljoin(self._master_url, uri)
                    self._threads.append(threading.Thread(target=self._follow, args=(url, history), daemon=True))
                    self._threads[-1].start()
            self._stop.wait(_LOOK)

    def _follow(self, url: str, history: History) -> None:
        blocked = False
        while not self._stop.is_set() and not history.ended:
            number, part = history.edge
            text = self._get(f"{url}?_HLS_msn={number}&_HLS_part={part}" if blocked else url)
            if text is None:
                self._stop.wait(_RETRY)
            elif not self._stop.is_set():
                history.take(time.monotonic(), text, blocked)
            blocked = text is not None

    def _get(self, url: str) -> str | None:
        try:
            return fetch(url, _TIMEOUT).decode()
        except urllib.error.HTTPError as error:
            self.failures[str(error.code)] += 1
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            self.failures[type(reason).__name__] += 1
        return None
