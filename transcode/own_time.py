"""The time of detectors that sleep now and then: it stands still meanwhile. Pure, no I/O, no clock.

Detectors are given sound without a hole, and stamps that never go back. Those that have slept for an hour cannot be
given an hour of silence, and are not made anew either. So they have a time of their own: stretches of the room's time,
one after the other, with a moment of nothing in between. What they are given is stamped with it, and what they say is
told of the room's time again.

Rule: what they say is told of no time that they were not given. A clearance that reaches into the moment between two
stretches ends where the first of them did.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace

from filters import Kind, Upto
from ingest.media import Kind as TrackKind
from transcode.grid import BLOCK, RATE
from transcode.media import LATE_TRACK, TIMELINE, RoomItem, Tick, TimedPacket
from transcode.verdicts import Cleared, Found, Hole, LedgerEntry, Veil

PAUSE = 2 * TIMELINE
"""What lies between two stretches (ticks). What comes late after a sleep, by less than this, has its place there."""
_GRAIN = BLOCK * TIMELINE // RATE  # blocks of sound stay what they are
_ALWAYS = -(1 << 62)


@dataclass(slots=True)
class _Stretch:
    """From ``begin`` (own ticks) on, the room's time is ``shift`` ticks more. ``given``: how far it was given."""

    begin: int
    shift: int
    given: Upto


class OwnTime:
    """The time of one detector process."""

    def __init__(self) -> None:
        self._stretches = [_Stretch(_ALWAYS, 0, Upto(_ALWAYS, _ALWAYS))]
        self._top: int | None = None  # the latest stamp that was given

    @property
    def top(self) -> int:
        """The latest of their stamps that they were given; -1 if there is none."""
        return -1 if self._top is None else self._top

    @property
    def given(self) -> Upto:
        """How far (ticks of the room) they have got the present stretch: pictures that come from before that are late,
        and so is sound."""
        stretch = self._stretches[-1]
        return Upto(stretch.given.picture + stretch.shift, stretch.given.sound + stretch.shift)

    def own(self, item: RoomItem) -> RoomItem | None:
        """Return ``item`` with their stamps; None if it comes from before the present stretch."""
        stretch = self._stretches[-1]
        match item:
            case TimedPacket(pts=pts, dts=dts):
                if min(pts, dts) - stretch.shift < stretch.begin:
                    return None
                return replace(item, pts=pts - stretch.shift, dts=dts - stretch.shift) if stretch.shift else item
            case Tick(pts=pts):
                if pts - stretch.shift < stretch.begin:
                    return None
                return replace(item, pts=pts - stretch.shift) if stretch.shift else item
        return item

    def gave(self, own: RoomItem) -> None:
        """They were given this, with their stamps."""
        match own:
            case TimedPacket(kind=TrackKind.VIDEO, pts=pts, dts=dts):
                self._note(max(pts, dts), dts - LATE_TRACK)
            case TimedPacket(pts=pts, dts=dts):
                self._note(dts - LATE_TRACK, pts)
            case Tick(pts=pts):
                self._note(pts, pts)

    def _note(self, picture: int, sound: int) -> None:
        stretch = self._stretches[-1]
        stretch.given = Upto(max(stretch.given.picture, picture), max(stretch.given.sound, sound))
        self._top = max(picture, sound, picture if self._top is None else self._top)

    def jump(self, first: int) -> None:
        """They wake up: what they are given next begins at ``first`` (ticks of the room), but for what comes late."""
        if self._top is None:
            return  # to those it is all the same
        at = max(0, first - PAUSE)
        shift = (at - self._top - 1) // _GRAIN * _GRAIN
        begin = at - shift
        self._stretches.append(_Stretch(begin, shift, Upto(begin, begin)))

    def told(self, said: LedgerEntry) -> Iterator[LedgerEntry]:
        """Yield what they have said, in the room's time."""
        if len(self._stretches) == 1:
            yield said
            return
        match said:
            case Found(finding=finding):
                for start, end in self._pieces(finding.start, finding.end):
                    yield replace(said, finding=replace(finding, start=start, end=end))
            case Veil(region=region):
                # Of what they are not sure now they were not before: where time was gone back in, that counts, too.
                latest = self._stretches[-1].begin
                starts = [start for start, _ in self._pieces(region.start, max(region.start, latest) + 1)]
                yield replace(said, region=replace(region, start=min(starts)))
            case Hole():
                for start, end in self._pieces(said.start, said.end):
                    yield replace(said, start=start, end=end)
            case Cleared(picture=picture, sound=sound):
                yield replace(
                    said, picture=self._cleared(picture, Kind.PICTURE), sound=self._cleared(sound, Kind.SOUND)
                )
            case _:
                yield said

    def _pieces(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield what lies from ``start`` to before ``end`` (own), in the room's time."""
        ends = [stretch.begin for stretch in self._stretches[1:]] + [max(end, self._stretches[-1].begin)]
        for stretch, over in zip(self._stretches, ends, strict=True):
            first, last = max(start, stretch.begin), min(end, over)
            if first < last:
                yield first + stretch.shift, last + stretch.shift

    def _cleared(self, upto: int, kind: Kind) -> int:
        index = max(0, bisect_left(self._stretches, upto, key=lambda stretch: stretch.begin) - 1)
        stretch = self._stretches[index]
        if index < len(self._stretches) - 1:
            upto = min(upto, stretch.given.picture if kind is Kind.PICTURE else stretch.given.sound)
        return upto + stretch.shift
