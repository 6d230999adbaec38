"""The packer makes the parts of an encoded rendition, whose units lie on a grid. Pure, no I/O.

Rules: places on the grid are numbered on the room's timeline from tick 0, place ``n`` begins at ``n * length``. A unit
takes one place, or more where others are left out. A part is as many places as fit PART-TARGET and closes with its last
unit, since nothing has to be waited for. A segment begins with the first keyframe at or after the cutter's mark, or
with the mark where it has no units, and lasts until the next one begins. Where it is certain that this is with the mark
it ends with its last unit, as parts do: nobody is left to wait for a part that never comes.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ingest.media import Codec
from transcode.cmaf import boxes
from transcode.media import Aired, Part, PartItem, SegmentEnd, SegmentStart
from transcode.opening import PART_UNIT


class Unit(NamedTuple):
    """An access unit as an encoder made it, decoded and shown at its ``number``; pictures as length-prefixed NAL units.

    It takes ``places``, at most a part's. There are hundreds a second, and this is the cheapest way to make one.
    """

    number: int
    keyframe: bool
    data: bytes | memoryview
    places: int = 1


@dataclass(frozen=True, slots=True)
class _Mark:
    msn: int
    number: int
    discontinuity: bool
    certain: bool


class Packer:
    """Makes the parts of ``rendition``; a place is ``length`` of ``timescale``, ``part_target`` is in 10 µs.

    One that takes over from another, at ``aired``, goes on in the middle of a segment.
    """

    def __init__(
        self, rendition: str, codec: Codec, timescale: int, length: int, part_target: int, aired: Aired | None = None
    ) -> None:
        self._rendition = rendition
        self._codec = codec
        self._timescale = timescale
        self._length = length
        self.most = max(1, part_target * timescale // (length * PART_UNIT))
        """How many places a full part has."""
        self._marks: deque[_Mark] = deque()
        self._msn: int | None = None
        self._start = 0  # number of the segment's first unit
        self._next = 0  # number of the unit that would follow the last
        self._index = 0
        self._sequence = 0
        self._units: list[Unit] = []
        self._open = False
        if aired is not None:
            self._msn, self._index, self._start = aired.msn, aired.index, aired.start // length
            self._open = not aired.whole
            self._next = aired.end // length

    def cut(self, msn: int, number: int, discontinuity: bool = False, certain: bool = True) -> bool:
        """Segment ``msn`` begins with unit ``number``. Returns whether that is news to one that took over.

        ``certain``: that unit will be a keyframe, if it comes.
        """
        if self._msn is not None and msn <= self._msn:
            return False
        self._marks.append(_Mark(msn, number, discontinuity, certain))
        return True

    def unit(self, unit: Unit) -> Iterator[PartItem]:
        """Take the next unit; one before the first segment is left out."""
        while unit.keyframe and self._marks and unit.number >= self._marks[0].number:
            yield from self._begin(self._marks.popleft())
        if not self._open:
            return
        end = unit.number + unit.places
        if self._units and (unit.number != self._next or end - self._units[0].number > self.most):
            yield from self.flush()
        self._next = end
        self._units.append(unit)
        if self._marks and self._marks[0].number == end and self._marks[0].certain:
            yield from self._close(end)
        elif end - self._units[0].number == self.most:
            yield from self.flush()

    def gap(self, number: int) -> Iterator[PartItem]:
        """Segments whose mark is at or before ``number`` begin, though no unit comes."""
        while self._marks and number >= self._marks[0].number:
            yield from self._begin(self._marks.popleft())

    def end(self, number: int) -> Iterator[PartItem]:
        """The segment ends before unit ``number``: its next one is that of another segment, or there is none."""
        yield from self._close(number)

    def _begin(self, mark: _Mark) -> Iterator[PartItem]:
        number = max(mark.number, self._next)  # a mark that was said late falls behind what is made
        yield from self._close(number)
        self._msn, self._start, self._index, self._open = mark.msn, number, 0, True
        yield SegmentStart(self._rendition, mark.msn, number * self._length, self._timescale, mark.discontinuity)

    def _close(self, number: int) -> Iterator[PartItem]:
        yield from self.flush()
        if self._open and self._msn is not None:
            yield SegmentEnd(self._rendition, self._msn, max(0, number - self._start) * self._length)
            self._next = max(self._next, number)
        self._open = False

    def flush(self) -> Iterator[PartItem]:
        """Yield what is there as a part, though more would fit."""
        if not self._units or self._msn is None:
            return
        units, self._units = self._units, []
        self._sequence += 1
        samples = [boxes.Sample(u.places * self._length, 0, u.keyframe, u.data) for u in units]
        data = boxes.chunk(self._sequence, units[0].number * self._length, samples, self._codec)
        independent = any(unit.keyframe for unit in units)
        places = units[-1].number + units[-1].places - units[0].number
        yield Part(self._rendition, self._msn, self._index, places * self._length, independent, data)
        self._index += 1
