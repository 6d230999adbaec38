"""The release rule: what detectors have said of a room's media, and so what may go out, and how. Pure, no I/O.

Rule: a picture or a stretch of sound goes out if every detector that has a say in it has cleared it, and no hole takes
it; then all findings that cover it, and all regions that are unverified, are covered in it. Anything else does not go
out, and there is no way round it. Times are ticks of the timeline as the host's media came.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from filters import TICKS, Box, Effect, Finding, Kind, Unverified, Upto
from transcode.verdicts import Cause, Cleared, Cover, Found, Hole, LedgerEntry, Orphan, Require, Unveil, Veil


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a picture or a stretch of sound. ``cause``: why it does not go out; None if it does.

    ``regions`` of a picture (None: all of it) and ``spans`` of sound (ticks) are covered by their effects.
    """

    cause: Cause | None = None
    regions: tuple[tuple[Box | None, Effect], ...] = ()
    spans: tuple[tuple[int, int, Effect], ...] = ()


_CLEAR = Verdict()
_LONGEST = 3600 * TICKS  # a finding


class Ledger:
    """Keeps what has been said. Findings and holes are kept until they are forgotten, and leave a hole then: should
    anything from so early come after all, it does not go out."""

    def __init__(self) -> None:
        self._takes: tuple[tuple[Kind, ...], ...] = ()
        self._cleared: list[Upto] = []
        self._findings: list[tuple[int, Finding]] = []  # and the detector's number
        self._veils: dict[tuple[int, int], Unverified] = {}
        self._holes: list[Hole] = []
        self._forgotten = 0  # how far something has been covered that is not known any more
        self._covered = False

    @property
    def idle(self) -> bool:
        """Whether everything goes out as it is."""
        return not (self._takes or self._covered or self._holes)

    def take(self, entry: LedgerEntry) -> None:
        """Note what is said. Numbers of detectors that there are not are none's: ValueError."""
        match entry:
            case Require(takes=takes):
                self._takes = takes
                self._cleared = [Upto(-1, -1)] * len(takes)
                self._findings.clear()
                self._veils.clear()
            case Found(detector=detector, finding=finding):
                self._check(detector)
                self._findings.append((detector, finding))
            case Veil(detector=detector, region=region):
                self._check(detector)
                self._veils[detector, region.id] = region
            case Unveil(detector=detector, id=number):
                self._check(detector)
                self._veils.pop((detector, number), None)
            case Orphan(end=end):
                self._orphan(end)
            case Cleared(detector=detector, picture=picture, sound=sound):
                self._check(detector)
                before = self._cleared[detector]
                self._cleared[detector] = Upto(max(before.picture, picture), max(before.sound, sound))
            case Hole(start=start, end=end, cause=cause):
                last = self._holes[-1] if self._holes else None
                if last is not None and (last.cause, last.of) == (cause, entry.of) and last.start <= start <= last.end:
                    self._holes[-1] = replace(last, end=max(last.end, end))
                else:
                    self._holes.append(entry)
            case Cover(on=on):
                self._covered = on

    def picture(self, pts: int) -> Verdict:
        """Return what becomes of the picture that came with the stamp ``pts``."""
        if (cause := self._barred(Kind.PICTURE, pts, pts + 1)) is not None:
            return Verdict(cause)
        found = [
            (finding.box, finding.covering)
            for _, finding in self._findings
            if finding.kind is Kind.PICTURE and finding.start <= pts < finding.end
        ]
        found += [(region.box, region.effect) for region in self._veils.values() if region.start <= pts]
        return Verdict(regions=tuple(found)) if found else _CLEAR

    def sound(self, start: int, end: int, margin: int = 0) -> Verdict:
        """Return what becomes of the sound from ``start`` to before ``end``; spans up to ``margin`` outside, too."""
        if (cause := self._barred(Kind.SOUND, start, end)) is not None:
            return Verdict(cause)
        found = tuple(
            (finding.start, finding.end, finding.covering)
            for _, finding in self._findings
            if finding.kind is Kind.SOUND and finding.start < end + margin and start - margin < finding.end
        )
        return Verdict(spans=found) if found else _CLEAR

    def forget(self, before: int) -> None:
        """Nothing from before ``before`` will be asked for any more, nor with a margin that reaches so far."""
        ends = [finding.end for _, finding in self._findings] + [hole.end for hole in self._holes]
        over = [end for end in ends if end <= before]
        if over:
            self._forgotten = max(self._forgotten, *over)
            self._findings = [each for each in self._findings if each[1].end > before]
            self._holes = [hole for hole in self._holes if hole.end > before]

    def entries(self) -> Iterator[LedgerEntry]:
        """Yield what another ledger has to take to say the same."""
        yield Require(self._takes)
        for detector, cleared in enumerate(self._cleared):
            if cleared != (-1, -1):
                yield Cleared(detector, cleared.picture, cleared.sound)
        for detector, finding in self._findings:
            yield Found(detector, finding)
        for (detector, _), region in self._veils.items():
            yield Veil(detector, region)
        yield from self._holes
        if self._forgotten:
            yield Hole(0, self._forgotten, Cause.UNSEEN)
        yield Cover(self._covered)

    def _barred(self, kind: Kind, start: int, end: int) -> Cause | None:
        if self._covered:
            return Cause.OPERATOR
        holes = [
            hole.cause for hole in self._holes if hole.of in (None, kind) and hole.start < end and start < hole.end
        ]
        if Cause.ASLEEP in holes:
            return Cause.ASLEEP  # no clearance of that is missed
        for takes, cleared in zip(self._takes, self._cleared, strict=True):
            upto = cleared.picture if kind is Kind.PICTURE else cleared.sound
            if kind in takes and end > upto:
                return Cause.WARMING if upto < 0 else Cause.LATE
        return holes[0] if holes else Cause.UNSEEN if start < self._forgotten else None

    def _orphan(self, end: int) -> None:
        """Regions that nobody will lift become findings."""
        for (detector, _), region in self._veils.items():
            for start in range(region.start, end, _LONGEST):
                until = min(start + _LONGEST, end)
                finding = Finding(Kind.PICTURE, start, until, region.category, region.box, 1.0, region.effect)
                self._findings.append((detector, finding))
        self._veils.clear()

    def _check(self, detector: int) -> None:
        if not 0 <= detector < len(self._takes):
            raise ValueError(f"there is no detector {detector}")
