"""The cutter of a broadcast whose pictures are all encoded here. Pure, no I/O.

Rules: a segment begins every whole number of output frames nearest ``REGULAR``, counted on the room's frame grid, which
the worker counts too; a broadcast's first is half as long, since players wait for it. The marks are said ahead of the
media, so that the worker has each before the frame it falls on. Numbers go on whether media comes or not.
"""

from collections.abc import Iterator

from ingest.media import Kind
from transcode.cutter import REGULAR
from transcode.media import TIMELINE, Cut, FrameRate, Tick, TimedPacket

AHEAD = TIMELINE // 2
_EVEN = 4
"""The first segment begins on a multiple of so many frames: rungs that leave out frames begin there too."""


class RegularCutter:
    """Puts ``Cut`` marks into one broadcast's packets; ``number`` is the first segment's.

    ``rate`` is the picture's, None where there is sound alone. A broadcast that goes on after a server restart gives
    ``position`` (ticks), where the timeline stands.
    """

    def __init__(self, number: int, rate: FrameRate | None, position: int = 0) -> None:
        self._number = number
        # One unit of the grid is a frame; without frames, a second.
        self._units, self._seconds = (rate.numerator, rate.denominator) if rate else (1, 1)
        self._length = regular_length(FrameRate(self._units, self._seconds))
        self._leader = Kind.VIDEO if rate else Kind.AUDIO
        self._unit: int | None = None  # of the next cut
        self._first = position == 0
        self._waiting = True  # for a keyframe: nothing before it can be decoded
        self._end = position
        if position > 0:
            self._begin(position)

    def start(self, pts: int) -> None:
        """Segments begin at ``pts`` (ticks), whether media does or not, unless they have begun before."""
        if self._unit is None:
            self._begin(pts)

    def interrupt(self) -> None:
        """Another source takes over: its picture begins with a keyframe."""
        self._waiting = True

    def discontinuity(self) -> None:
        """A track's configuration changed: here that is the decoder's affair alone."""

    def packet(self, packet: TimedPacket) -> Iterator[Cut | Tick | TimedPacket]:
        """Yield ``packet``, after the ``Cut`` marks that are due; nothing where it cannot be decoded."""
        if packet.kind is self._leader and packet.keyframe:
            self._waiting = False
            if self._unit is None:
                self._begin(packet.pts)
        if self._unit is None or (self._waiting and packet.kind is self._leader):
            return
        yield from self._due(packet.pts)
        yield packet

    def tick(self, tick: Tick) -> Iterator[Cut | Tick]:
        """Yield the cuts that are due when the timeline reaches ``tick`` without media, then ``tick``."""
        if self._unit is not None:
            yield from self._due(tick.pts)
        yield tick

    @property
    def media_end(self) -> int:
        """How far the broadcast has come (ticks)."""
        return self._end

    def _begin(self, pts: int) -> None:
        unit = -(-pts * self._units // (self._seconds * TIMELINE))
        self._unit = -(-unit // _EVEN) * _EVEN if self._leader is Kind.VIDEO else unit

    def _due(self, pts: int) -> Iterator[Cut]:
        self._end = max(self._end, pts)
        assert self._unit is not None
        while (at := self._unit * self._seconds * TIMELINE // self._units) <= pts + AHEAD:
            yield Cut(self._number, at)
            self._number += 1
            self._unit += self._length // 2 if self._first else self._length
            self._first = False


def regular_length(rate: FrameRate) -> int:
    """Return how many frames a segment has, but for a broadcast's first."""
    return max(1, round(REGULAR * rate.numerator / (rate.denominator * TIMELINE)))
