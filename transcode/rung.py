"""A rung at work: takes the room's pictures, scales what the rung below needs, encodes its own, packs them into parts.

Each rung has a lane of its own and is called in it alone; pictures cascade from lane to lane, each the next one's size.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable
from fractions import Fraction

import av
from av.filter import Graph
from av.video.reformatter import Interpolation, VideoReformatter

from ingest.media import Codec
from transcode.cmaf.header import header
from transcode.cmaf.packer import Packer, Unit
from transcode.encode import SOFTWARE, EncoderError, open_encoder
from transcode.lane import Lane
from transcode.media import TIMELINE, Aired, Cut, Init, PartItem, Plan, Rung, SegmentStart

_log = logging.getLogger(__name__)

_FINE = 1000  # timescale units in a frame of whole rates; NTSC's have 1001


class RungLane:
    """Makes one rung of ``plan``; ``emit`` takes what it makes. ``aired`` says where another worker left off."""

    def __init__(
        self, plan: Plan, rung: Rung, lane: Lane, emit: Callable[[PartItem], None], aired: Aired | None
    ) -> None:
        rate = plan.frame_rate
        fine = _FINE if rate.denominator == 1 else 1
        self._plan = plan
        self._rung = rung
        self._lane = lane
        self._emit = emit
        self._timescale = rate.numerator * fine
        self._length = rate.denominator * fine * rung.every
        self._packer = Packer(rung.name, Codec.H264, self._timescale, self._length, plan.part_target, aired)
        self._below: RungLane | None = None
        self._reformatter = VideoReformatter()
        self._twins: Graph | None = None
        self._scaled: tuple[av.VideoFrame, av.VideoFrame] | None = None  # the last picture, and what became of it
        # The rung's frames are every ``every``-th of the room's, with numbers of their own.
        self._start = aired.end // self._length if aired else None
        self._cuts: deque[int] = deque()
        self._encoder = open_encoder(rung, rate, plan.preset)
        self._init: Init | None = self._header()  # that the next segment is to begin with
        # An encoder with other parameter sets than the segment's has to wait for the next one.
        self._lost = aired is not None and aired.init != self._init.name

    @property
    def start(self) -> int | None:
        """The first of the room's frames that is wanted; None before the first cut."""
        return None if self._start is None else self._start * self._rung.every

    def feeds(self, below: "RungLane") -> None:
        """Pictures go on to ``below``, in its size."""
        self._below = below

    def cut(self, cut: Cut, number: int) -> None:
        """Segment ``cut.msn`` begins with the room's frame ``number``, or the rung's first one after that."""
        self._lane.put(lambda: self._cut(cut, -(-number // self._rung.every)))

    def picture(self, frame: av.VideoFrame, number: int) -> None:
        """Take the room's frame ``number``. The frame may be read by others: it is not changed but for its stamps."""
        self._lane.put(lambda: self._picture(frame, number))

    def end(self, number: int) -> None:
        """The broadcast ends before the room's frame ``number``, here and further below."""
        self._lane.put(lambda: self._end(number))

    def close(self) -> None:
        """Return when all is done."""
        self._lane.close()

    # In the lane.

    def _header(self) -> Init:
        rate = float(self._plan.frame_rate) / self._rung.every
        return header(self._rung.name, self._encoder.track, self._timescale, rate)

    def _cut(self, cut: Cut, number: int) -> None:
        if self._start is None:
            self._start = number
        if self._packer.cut(cut.msn, number, cut.discontinuity):
            self._cuts.append(number)

    def _picture(self, frame: av.VideoFrame, number: int) -> None:
        if self._below is not None and self._below.wants(number):
            self._below.picture(self._scale(frame), number)
        own, odd = divmod(number, self._rung.every)
        if odd or self._start is None or own < self._start:
            return
        cut = False
        while self._cuts and own >= self._cuts[0]:
            self._cuts.popleft()
            cut = True
        if (cut and self._lost) or (own == self._start and not self._lost):
            self._lost, cut = False, True
        if not self._lost:
            self._encode(frame, own, cut)

    def wants(self, number: int) -> bool:
        """Whether the room's frame ``number`` is needed here or further below."""
        return number % self._rung.every == 0 or (self._below is not None and self._below.wants(number))

    def _encode(self, frame: av.VideoFrame, number: int, keyframe: bool) -> None:
        try:
            self._pack(self._encoder.encode(frame, number, keyframe))
        except EncoderError as error:
            if self._encoder.name == SOFTWARE:
                raise
            _log.warning("rung %s: %s: the processor encodes from the next segment on", self._rung.name, error)
            self._encoder = open_encoder(self._rung, self._plan.frame_rate, self._plan.preset, (SOFTWARE,))
            self._lost, self._init = True, self._header()

    def _pack(self, units: Iterable[Unit]) -> None:
        for unit in units:
            for item in self._packer.unit(unit):
                if isinstance(item, SegmentStart) and self._init is not None:
                    self._emit(self._init)
                    self._init = None
                self._emit(item)

    def _end(self, number: int) -> None:
        if self._below is not None:
            self._below.end(number)
        if self._start is not None:
            try:
                self._pack(self._encoder.flush())
            except EncoderError as error:
                if self._encoder.name == SOFTWARE:
                    raise
                _log.warning("rung %s: %s: its last frames are lost", self._rung.name, error)
            for item in self._packer.end(max(-(-number // self._rung.every), self._start)):
                self._emit(item)

    def _scale(self, frame: av.VideoFrame) -> av.VideoFrame:
        assert self._below is not None
        if self._scaled is None or self._scaled[0] is not frame:
            size = self._below._rung.width, self._below._rung.height
            if size == (frame.width, frame.height):
                smaller = self._twin(frame)
            else:
                smaller = self._reformatter.reformat(frame, *size, interpolation=Interpolation.BICUBIC, threads=1)
            self._scaled = frame, smaller
        return self._scaled[1]

    def _twin(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return another frame with the pixels of ``frame``: two encoders that stamp the same one mix up its times."""
        if self._twins is None:
            self._twins = Graph()
            source = self._twins.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, TIMELINE)
            )
            source.link_to(self._twins.add("buffersink"))
            self._twins.configure()
        self._twins.push(frame)
        twin = self._twins.pull()
        assert isinstance(twin, av.VideoFrame)
        return twin
