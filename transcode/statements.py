"""What a room's detectors have said: counted, held against what they had promised, and told in the room's time. Pure.

They speak of their own time (``own_time``). Rule: whatever they take for covered is covered, also in a stretch of the
room's time that comes after they have said so.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from filters import Box, Finding, Kind, Unverified, Upto
from transcode.own_time import OwnTime
from transcode.verdicts import Found, LedgerEntry, Note, Unveil, Veil

MOST = 6000
"""Findings in force, or regions unverified, that a room's detectors may have: each costs time for each picture."""


class TooManyError(Exception):
    """They have found more than can be covered; the text says of how much there is too much."""


class Statements:
    """Those of a broadcast's detectors. ``noted`` takes a line for the operator, ``recorded`` the moderation log's."""

    def __init__(self, noted: Callable[[str], None], recorded: Callable[[Note], None]) -> None:
        self.broken_promises = 0
        self.findings: Counter[str] = Counter()
        """By category."""
        self._noted = noted
        self._recorded = recorded
        self._titles: tuple[str, ...] = ()
        self._promised: list[Upto] = []  # own ticks
        self._unverified: dict[tuple[int, int], Unverified] = {}
        self._ahead: list[Found] = []  # of time that they have not been given yet
        self._ends: list[int] = []  # of findings, a heap (the room's ticks)

    def begin(self, titles: Sequence[str]) -> None:
        """Detectors of these names begin: they have promised nothing."""
        self._titles = tuple(titles)
        self._promised = [Upto(-1, -1)] * len(self._titles)
        self._unverified.clear()
        self._ahead.clear()

    def promise(self, detector: int, upto: Upto) -> None:
        """One of them has cleared all before ``upto`` (own ticks)."""
        self._promised[detector] = upto

    def hear(self, said: Found | Veil | Unveil, time: OwnTime, now: int, oldest: int) -> Iterator[LedgerEntry]:
        """Take what one of them says at ``now``; yield what the ledger is told of it. Nothing from before ``oldest``
        is waiting to go out (ticks of the room). Raises TooManyError."""
        told = list(time.told(said))
        late = not isinstance(said, Unveil) and any(
            _start(entry) < oldest for entry in told
        )  # else nothing has gone out that it is about
        match said:
            case Found(finding=finding):
                self._judge(said.detector, late and self._breaks(said.detector, finding), now)
                self.findings[finding.category] += 1
                self._ahead = [found for found in self._ahead if found.finding.end > time.top]
                if finding.end > time.top:
                    self._ahead.append(said)
            case Veil(detector=detector, region=region):
                early = region.start < self._promised[detector].picture
                self._judge(detector, late and early and not self._drawn_anew(detector, region), now)
                self._unverified[detector, region.id] = region
                self._bound(oldest)
            case Unveil(detector=detector, id=number):
                self._unverified.pop((detector, number), None)
        for entry in told:
            if isinstance(entry, Found):
                self._find(entry, oldest)
            yield entry

    def again(self, time: OwnTime) -> Iterator[LedgerEntry]:
        """They have woken up: yield what they take for covered from here on, too."""
        for found in self._ahead:
            yield from time.told(found)
        for (detector, _), region in self._unverified.items():
            yield from time.told(Veil(detector, region))

    def _find(self, found: Found, oldest: int) -> None:
        finding = found.finding
        heapq.heappush(self._ends, finding.end)
        self._bound(oldest)
        self._recorded(
            Note(
                "finding",
                finding.start,
                finding.end,
                self._titles[found.detector],
                finding.kind,
                finding.category,
                finding.covering,
            )
        )

    def _bound(self, oldest: int) -> None:
        """Count findings that are in force or will be. Raises TooManyError if these, or what is unverified, are."""
        while self._ends and self._ends[0] < oldest:
            heapq.heappop(self._ends)
        if max(len(self._ends), len(self._unverified)) > MOST:
            self._ends.clear()
            raise TooManyError(f"has found more than {MOST} things at once, or has as many unverified")

    def _breaks(self, detector: int, finding: Finding) -> bool:
        """Whether the detector had promised not to say that any more."""
        promised = self._promised[detector]
        upto = promised.picture if finding.kind is Kind.PICTURE else promised.sound
        return finding.start < upto and not self._still_veiled(detector, finding)

    def _judge(self, detector: int, broken: bool, now: int) -> None:
        if not broken:
            return
        title = self._titles[detector]
        if not self.broken_promises:
            self._noted(f"Filter {title} finds things before what it has cleared: it should clear less.")
        self.broken_promises += 1
        self._recorded(Note("broken promise", now, filter=title))

    def _still_veiled(self, detector: int, finding: Finding) -> bool:
        """Whether a finding is of what its detector has said not to be sure of."""
        box, start = finding.box, finding.start
        return box is not None and any(
            number == detector and region.start <= start and _holds(region.box, box)
            for (number, _), region in self._unverified.items()
        )

    def _drawn_anew(self, detector: int, region: Unverified) -> bool:
        """Whether a region takes the place of others, or of a part of one: their borders need not be the same."""
        return any(
            number == detector and other.start <= region.start and _meet(other.box, region.box)
            for (number, _), other in self._unverified.items()
        )


def _start(entry: LedgerEntry) -> int:
    """Return from when on something is to be covered (ticks)."""
    match entry:
        case Found(finding=finding):
            return finding.start
        case Veil(region=region):
            return region.start
    raise AssertionError(entry)


def _meet(a: Box, b: Box) -> bool:
    return (
        a.left < b.left + b.width
        and b.left < a.left + a.width
        and a.top < b.top + b.height
        and b.top < a.top + a.height
    )


def _holds(outer: Box, inner: Box) -> bool:
    return (
        outer.left <= inner.left
        and outer.top <= inner.top
        and inner.left + inner.width <= outer.left + outer.width
        and inner.top + inner.height <= outer.top + outer.height
    )
