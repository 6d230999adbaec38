"""Judges the renditions of one broadcast by each other: numbers, dates, reports. Pure.

What they were told when is compared by the moments of requests and answers, never by how long anything took: a machine
that is busy breaks no rule.
"""

from collections import defaultdict

from tests.support.hls import rules
from tests.support.hls.history import History
from tests.support.hls.multivariant import rendition_of
from tests.support.hls.reader import Playlist
from tests.support.hls.told import Told


class Comparison:
    """Compares what is told of one rendition with ``histories``, those of all."""

    def __init__(self, histories: dict[str, History]) -> None:
        self._histories = histories
        self._reported: dict[str, list[tuple[float, str, tuple[int, int]]]] = defaultdict(list)
        """Of each rendition: when another one told where it was, which one, and the last part that it named."""

    def take(self, name: str, told: Told) -> None:
        """``name`` is told a playlist."""
        history = self._histories[name]
        asked_before, edge_before = history.asked_at, history.edge
        playlist = history.take(told)
        self._not_ahead(name, playlist, told)
        for other, theirs in self._histories.items():
            if other != name and theirs.newest is not None:
                self._targets_and_step(history, playlist, told, other, theirs)
        if playlist.part_target is not None and not playlist.ended:
            news = playlist.edge > edge_before and not told.after_absence
            self._reports(name, playlist, told, asked_before if news else float("-inf"))

    def _targets_and_step(self, one: History, playlist: Playlist, told: Told, name: str, other: History) -> None:
        assert other.newest is not None
        seen = f"{playlist.target}, {name} has {other.newest.target}"
        one.place.hold(rules.SAME_TARGETS, other.newest.target == playlist.target, seen)
        behind = other.reached_at(told.asked_at) - playlist.reached
        seen = f"at {playlist.edge}, {behind:.2f} s behind what {name} had told"
        one.place.hold(rules.IN_STEP, playlist.ended or not behind > (playlist.target or 0.0), seen)

    def _reports(self, name: str, playlist: Playlist, told: Told, before: float) -> None:
        """``before``: when the playlist before was asked for. There is news since, so this one was made later."""
        place = self._histories[name].place
        reports = {rendition_of(report.uri): report for report in playlist.reports}
        for other, theirs in self._histories.items():
            if other == name or theirs.newest is None:
                continue
            report = reports.get(other)
            place.hold(rules.REPORTS, report is not None and report.part is not None, f"none for {other}")
            if report is None or report.part is None:
                continue
            said = report.msn, report.part
            self._reported[other].append((told.at, name, said))
            known = theirs.last_part_at(before)
            seen = f"{other} is said to have {said}, and had told {known} before"
            place.hold(rules.REPORT_STALE, known is None or said >= known, seen)

    def _not_ahead(self, name: str, playlist: Playlist, told: Told) -> None:
        """What others said before this was asked for is in it."""
        later = []
        for at, teller, said in self._reported[name]:
            if at > told.asked_at:
                later.append((at, teller, said))
                continue
            seen = f"{teller} said that there is {said}, and what comes next is {playlist.edge}"
            self._histories[name].place.hold(rules.REPORT_AHEAD, playlist.edge > said, seen)
        self._reported[name] = later

    def finish(self, frame: float) -> None:
        """Compare all that was listed; ``frame``: the longest that there is (seconds)."""
        for one in self._histories.values():
            for name, other in self._histories.items():
                if other is not one and one.segments and other.segments:
                    _compare(one, other, name, frame)


def _compare(one: History, other: History, name: str, frame: float) -> None:
    first, last = min(other.segments), max(other.segments)
    for number, listed in one.segments.items():
        there = other.segments.get(number)
        if there is None:
            # The last one before a server was killed may be in some renditions alone.
            missing = first <= number <= last and number + 1 in one.segments
            one.place.hold(rules.SAME_NUMBERS, not missing, f"{name} has no segment {number}")
            continue
        breaks = listed.entry.breaks, there.entry.breaks
        one.place.hold(rules.SAME_BREAKS, breaks[0] == breaks[1], f"segment {number}: {breaks[0]}, {name} {breaks[1]}")
        off = listed.start - there.start
        seen = f"segment {number}: {off * 1000:+.1f} ms from that of {name}"
        one.place.hold(rules.SAME_DATES, not abs(off) > frame, seen)
