"""Judges what the playlists of one rendition of one broadcast say, one after the other. Pure: it is told the time."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import fields, replace

from tests.support.hls import rules
from tests.support.hls.account import Account, Listed, sum_up
from tests.support.hls.findings import Place
from tests.support.hls.reader import Entry, PartLine, Playlist, read
from tests.support.hls.sheet import CLOSE, PART_TARGETS, check_sheet
from tests.support.hls.told import Told

_DATED = 0.005 + 1e-4
"""Seconds by which a segment may be dated elsewhere than the one before ends: the server's clock is followed slowly.
And binary fractions of dates are not exact."""


class History:
    """What was told of a rendition. Rules are held against each playlist as it comes."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.segments: dict[int, Listed] = {}
        self.parts: dict[tuple[int, int], PartLine] = {}
        self.newest: Playlist | None = None
        """The last one, with what a Delta Update left out."""
        self.edges: list[tuple[float, tuple[int, int]]] = []
        """When the live edge had come how far: the media sequence number and the part index that come next."""
        self.reached: list[tuple[float, float]] = []
        """When it had come how far in programme time."""
        self.left: dict[int, float] = {}
        """When segments left the playlist, since the server was away the last time."""
        self.asked_at = self.told_at = float("-inf")
        self._media: list[float] = []
        self._hints: dict[tuple[int, int], str] = {}
        self._lengths: list[float] = []
        self._newest_parts: list[tuple[float, tuple[int, int]]] = []
        self._was_merged = False

    @property
    def ended(self) -> bool:
        return self.newest is not None and self.newest.ended

    @property
    def edge(self) -> tuple[int, int]:
        """What comes next; -1: nothing has been listed."""
        return self.edges[-1][1] if self.edges else (-1, 0)

    @property
    def longest(self) -> float:
        """How long the longest playlist was, in seconds."""
        return max(self._lengths, default=0.0)

    def edge_at(self, moment: float) -> tuple[int, int]:
        """How far it was known to have come at ``moment``."""
        at = bisect_right(self.edges, moment, key=lambda each: each[0])
        return self.edges[at - 1][1] if at else (-1, 0)

    def reached_at(self, moment: float) -> float:
        """The programme time that it was known to have come to at ``moment``; -inf: none."""
        at = bisect_right(self.reached, moment, key=lambda each: each[0])
        return self.reached[at - 1][1] if at else float("-inf")

    def last_part_at(self, moment: float) -> tuple[int, int] | None:
        """The newest part that had been listed at ``moment``."""
        at = bisect_right(self._newest_parts, moment, key=lambda each: each[0])
        return self._newest_parts[at - 1][1] if at else None

    def take(self, told: Told) -> Playlist:
        """Compare a playlist with the rules, and with all before it; return all of what it says."""
        said = read(told.text)
        check_sheet(told.text, said, self.place)
        playlist = self._merged(said)
        before = self.newest
        if before is not None:
            self._compare(before, playlist, told, bool(said.skipped))
        self._blocking(playlist, told)
        self._hint(playlist)
        media = self._listed(playlist, told.at)
        if playlist.edge > self.edge:
            self.edges.append((told.at, playlist.edge))
            self.reached.append((told.at, playlist.reached))
        newest = max(((entry.number, len(entry.parts) - 1) for entry in playlist.entries if entry.parts), default=None)
        if newest is not None:
            self._newest_parts.append((told.at, newest))
        if media:
            self._media.append(told.at)
        self._lengths.append(sum(entry.seconds for entry in playlist.entries))
        self.newest, self.asked_at, self.told_at = playlist, told.asked_at, told.at
        return playlist

    def account(self, since: float = 0.0, until: float = 0.0) -> Account:
        """Sum up what was listed from the moment ``since`` on. ``until``: when following ended."""
        listed = [segment for _, segment in sorted(self.segments.items())]
        news = [at for at, _ in self.edges]
        media = self._media
        if not self.ended:  # nothing new is a wait, too
            news = [*news, max(until, *news)] if news else news
            media = [*media, until] if media else media
        return sum_up(listed, news, media, since)

    def _merged(self, said: Playlist) -> Playlist:
        """What a player that is told a Delta Update knows then."""
        if not said.skipped:
            return said
        known = {entry.number: entry for entry in self.newest.entries} if self.newest is not None else {}
        skipped = range(said.first, said.first + said.skipped)
        unknown = [number for number in skipped if number not in known]
        self.place.hold(rules.DELTA, not unknown, f"skips {unknown}, which nobody was told")
        kept = [replace(known[number], parts=()) for number in skipped if number in known]
        breaks = kept[-1].breaks - said.breaks if kept else 0
        listed = [replace(entry, breaks=entry.breaks + breaks) for entry in said.entries]
        return replace(said, entries=(*kept, *listed))

    def _compare(self, before: Playlist, now: Playlist, told: Told, merged: bool) -> None:
        hold = self.place.hold
        hold(rules.TARGET_FIXED, now.target == before.target, f"{before.target} became {now.target}")
        hold(rules.PART_TARGET_FIXED, now.part_target == before.part_target, f"{before.part_target}, {now.part_target}")
        hold(rules.CONTROL_FIXED, now.control == before.control, f"{before.control} became {now.control}")
        hold(rules.EDGE, now.edge >= before.edge, f"from {before.edge} back to {now.edge}")
        hold(rules.ENDLIST, now.ended or not before.ended, "taken back")
        hold(rules.ENDLIST, not before.ended or now.entries == before.entries, "another list after the end")
        self._left(before, now)
        if told.after_absence:
            self.left.clear()
        else:
            self._length(before, now)
            self.left |= dict.fromkeys(range(before.first, now.first), told.at)
        if now.edge == before.edge and (merged or self._was_merged) and not now.ended:
            seen = f"at {now.edge} all of it says another thing than a Delta Update did"
            hold(rules.DELTA, _listed(now) == _listed(before), seen)
        self._was_merged = merged

    def _left(self, before: Playlist, now: Playlist) -> None:
        """What has left the playlist is told by its first numbers."""
        hold = self.place.hold
        hold(rules.MEDIA_SEQUENCE, now.first >= before.first, f"from {before.first} back to {now.first}")
        names, listed = [entry.uri for entry in before.whole], {entry.uri for entry in now.whole}
        left = next((place for place, name in enumerate(names) if name in listed), None)
        if left is not None:  # else all of them did
            seen = f"{before.first} became {now.first}, and {left} segments left"
            hold(rules.MEDIA_SEQUENCE, now.first - before.first == left, seen)
        hold(rules.DISCONTINUITY_SEQUENCE, now.breaks >= before.breaks, f"from {before.breaks} back to {now.breaks}")
        told = {entry.uri: entry for entry in before.whole}
        both = [(told[entry.uri].breaks, entry) for entry in now.whole if entry.uri in told]
        wrong = [f"segment {entry.number}: {breaks} became {entry.breaks}" for breaks, entry in both[:1]]
        hold(rules.DISCONTINUITY_SEQUENCE, all(breaks == entry.breaks for breaks, entry in both[:1]), ", ".join(wrong))

    def _length(self, before: Playlist, now: Playlist) -> None:
        least = PART_TARGETS * (now.target or 0.0)
        was, lasts = (sum(entry.seconds for entry in each.whole) for each in (before, now))
        removed = now.first > before.first
        self.place.hold(rules.LENGTH, not removed or lasts >= least - CLOSE, f"from {was:.2f} s to {lasts:.2f} s")

    def _blocking(self, playlist: Playlist, told: Told) -> None:
        if told.msn is None or playlist.ended:
            return
        seen = f"waited for {told.msn}.{told.part}, and was told what comes before {playlist.edge}"
        if told.part is None:
            self.place.hold(rules.BLOCKING, playlist.edge[0] > told.msn, seen)
            return
        whole = {entry.number: entry for entry in playlist.whole}
        asked = whole.get(told.msn)
        if asked is None:
            self.place.hold(rules.BLOCKING, playlist.edge > (told.msn, told.part), seen)
        elif asked.parts and told.part >= len(asked.parts):  # stands for the first part of the next segment
            self.place.hold(rules.BLOCKING, playlist.edge > (told.msn + 1, 0), seen)

    def _hint(self, playlist: Playlist) -> None:
        if playlist.part_target is None or playlist.ended or not playlist.entries:
            return
        self.place.hold(rules.HINT, playlist.hint is not None, f"none at {playlist.edge}")
        if playlist.hint is not None:
            self._hints[playlist.edge] = playlist.hint
        for entry in playlist.entries:
            for index, part in enumerate(entry.parts):
                hint = self._hints.get((entry.number, index))
                seen = f"{hint} was hinted at, {part.uri} came"
                self.place.hold(rules.HINT, hint in (None, part.uri), seen)
            hint = self._hints.get((entry.number, len(entry.parts)))
            if entry.uri is not None and entry.parts and hint is not None:
                following = next((each for each in playlist.entries if each.number == entry.number + 1), None)
                came = following.parts[0].uri if following is not None and following.parts else None
                seen = f"{hint} was hinted at, {came} came: segment {entry.number} was over"
                self.place.hold(rules.HINT_AT_END, came in (None, hint), seen)

    def _listed(self, playlist: Playlist, at: float) -> bool:
        """Take note of what is listed; return whether there is anything new to play."""
        media = False
        for entry, end in zip(playlist.entries, playlist.ends(), strict=True):
            media |= self._parts_of(entry, end, playlist)
            if entry.uri is None:
                continue
            known = self.segments.get(entry.number)
            if known is None:
                media |= not entry.gap and (entry.number, 0) not in self.parts
                late = bool(self.segments) and entry.number < max(self.segments)
                self.place.hold(
                    rules.APPENDED, not late, f"segment {entry.number} after {max(self.segments, default=0)}"
                )
                if not late:
                    self._dates(entry)
                self.segments[entry.number] = Listed(entry, at)
            else:
                for text in _changes(known.entry, entry):
                    self.place.hold(rules.SEGMENT_FIXED, False, f"segment {entry.number}: {text}")
        return media

    def _parts_of(self, entry: Entry, end: float, playlist: Playlist) -> bool:
        media = False
        for index, part in enumerate(entry.parts):
            known = self.parts.setdefault((entry.number, index), part)
            self.place.hold(rules.PART_FIXED, known == part, f"part {entry.number}.{index}: {known} became {part}")
            media |= known is part
        recent = end < PART_TARGETS * (playlist.target or 0.0) - CLOSE
        if recent and not playlist.ended:
            there = (entry.number, len(entry.parts)) not in self.parts
            seen = f"segment {entry.number} lists {len(entry.parts)} of its parts, {end:.2f} s from the end"
            self.place.hold(rules.PARTS_STAY, there, seen)
        return media

    def _dates(self, entry: Entry) -> None:
        """A new segment is dated where the one before ends, or later."""
        if entry.date is None or not self.segments:
            return
        before = self.segments[max(self.segments)]
        if before.entry.date is None:
            return
        if before.entry.number + 1 == entry.number:
            off = entry.date - before.end
            seen = f"segment {entry.number}: {off * 1000:+.1f} ms"
            self.place.hold(rules.DATES, abs(off) <= _DATED, seen)
        back = before.start - entry.date
        seen = f"segment {entry.number} begins {back:.3f} s before {before.entry.number}"
        self.place.hold(rules.DATES_FORWARD, back <= 0, seen)


def _listed(playlist: Playlist) -> list[Entry]:
    """What there is to play."""
    return [entry for entry in playlist.entries if entry.uri is not None or entry.parts]


def _changes(known: Entry, now: Entry) -> Iterator[str]:
    for each in fields(Entry):
        was, is_now = getattr(known, each.name), getattr(now, each.name)
        if each.name not in ("parts", "breaks") and was != is_now:
            yield f"{each.name} changed from {was} to {is_now}"
