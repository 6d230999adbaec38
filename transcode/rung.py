"""A rung at work: takes the room's pictures, scales what the rung below needs, encodes its own, packs them into parts.

Each rung has a lane of its own and is called in it alone; pictures cascade from lane to lane, each the next one's size.

A rung can be told to do less (``load``). At half the frames its parts and segments are what they were, and of the
frames of a part it shows the first, the third and so on, each until the next one: x264 counts frames, not time, so they
get the bits that they had before, and the rung half its bit rate. As a gap it begins and ends with a segment, and
pictures for the rungs below go on; regular segments are listed as gaps when they begin, so that players need not wait.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

import av
from av.filter import Graph
from av.video.reformatter import Interpolation, VideoReformatter

from ingest.media import Codec
from transcode.cmaf.header import header
from transcode.cmaf.packer import Packer, Unit
from transcode.encode import HARDWARE, SOFTWARE, Encoder, EncoderError, open_encoder
from transcode.grid import rung_grid
from transcode.lane import Lane
from transcode.load import Mode
from transcode.media import SOURCE, TIMELINE, Aired, Cut, Init, PartItem, Plan, Rung, SegmentStart
from transcode.regular_cutter import regular_length

_log = logging.getLogger(__name__)


class RungLane:
    """Makes one rung of ``plan``. ``emit`` takes what it makes: in one call what viewers are to learn at once.

    ``aired`` says where another worker left off.
    """

    def __init__(
        self, plan: Plan, rung: Rung, lane: Lane, emit: Callable[[Sequence[PartItem]], None], aired: Aired | None
    ) -> None:
        grid = rung_grid(plan.frame_rate, rung.every)
        self._plan = plan
        self._rung = rung
        self._lane = lane
        self._emit = emit
        self._timescale = grid.timescale
        self._packer = Packer(rung.name, Codec.H264, grid.timescale, grid.length, plan.part_target, aired)
        self._below: RungLane | None = None
        self._reformatter = VideoReformatter()
        self._twins: Graph | None = None
        self._scaled: tuple[av.VideoFrame, av.VideoFrame] | None = None  # the last picture, and what became of it
        # The rung's frames are every ``every``-th of the room's, with numbers of their own.
        self._start = aired.end // grid.length if aired else None
        self._cuts: deque[int] = deque()  # in the room's numbers
        # How many of the room's frames a segment has, where that is known before it ends.
        self._regular = None if any(other.name == SOURCE for other in plan.rungs) else regular_length(plan.frame_rate)
        self._newest = -1 if self._start is None else self._start - 1  # number of the picture that was shown last
        self._first: int | None = None  # where the broadcast begins, if that is here: its first segment is shorter
        self._mode = Mode.WHOLE
        self._place = 0  # of the next frame in its part
        self._places: deque[int] = deque()  # that each picture in the encoder, or out of it and not packed, takes
        self._ready: deque[Unit] = deque()  # out of it
        self._open = False  # the last picture may take the next one's place
        self._codecs: tuple[str, ...] = (*HARDWARE, SOFTWARE)
        self._encoder: Encoder | None = self._engage()
        self._init: Init | None = self._header(self._encoder)  # that the next segment is to begin with
        self._shown = self._init.name
        # An encoder with other parameter sets than the segment's has to wait for the next one.
        self._resting = aired is not None and aired.init != self._shown

    @property
    def start(self) -> int | None:
        """The first of the room's frames that is wanted; None before the first cut."""
        return None if self._start is None else self._start * self._rung.every

    def feeds(self, below: "RungLane") -> None:
        """Pictures go on to ``below``, in its size."""
        self._below = below

    def cut(self, cut: Cut, number: int) -> None:
        """Segment ``cut.msn`` begins with the room's frame ``number``, or the rung's first one after that."""
        self._lane.put(lambda: self._cut(cut, number))

    def picture(self, frame: av.VideoFrame, number: int) -> None:
        """Take the room's frame ``number``. The frame may be read by others: it is not changed but for its stamps."""
        self._lane.put(lambda: self._picture(frame, number))

    def shed(self, mode: Mode) -> None:
        """Make so much of the rung from here on; a gap begins and ends with a segment."""
        self._lane.put(lambda: self._shed(mode))

    def end(self, number: int) -> None:
        """The broadcast ends before the room's frame ``number``, here and further below."""
        self._lane.put(lambda: self._end(number))

    def close(self) -> None:
        """Return when all is done."""
        self._lane.close()

    # In the lane.

    def _engage(self) -> Encoder:
        return open_encoder(self._rung, self._plan.frame_rate, self._plan.preset, self._codecs)

    def _header(self, encoder: Encoder) -> Init:
        rate = float(self._plan.frame_rate) / self._rung.every
        return header(self._rung.name, encoder.track, self._timescale, rate)

    def _own(self, number: int) -> int:
        """Return the rung's number of its first frame at or after the room's ``number``."""
        return -(-number // self._rung.every)

    def _shed(self, mode: Mode) -> None:
        self._mode = mode

    def _cut(self, cut: Cut, number: int) -> None:
        own = self._own(number)
        if self._start is None:
            self._start, self._first = own, number
        if self._packer.cut(cut.msn, own, cut.discontinuity, certain=own > self._newest):
            self._cuts.append(number)

    def _picture(self, frame: av.VideoFrame, number: int) -> None:
        if self._below is not None and self._below.wants(number):
            self._below.picture(self._scale(frame), number)
        own, odd = divmod(number, self._rung.every)
        if odd or self._start is None or own < self._start:
            return
        cut = None
        while self._cuts and number >= self._cuts[0]:
            cut = self._cuts.popleft()
        if cut is not None:
            self._resting = self._mode is Mode.GAP
            if self._resting:
                self._rest(own, cut)
        if not self._resting:
            self._show(frame, own, cut is not None or own == self._start)

    def wants(self, number: int) -> bool:
        """Whether the room's frame ``number`` is needed here or further below."""
        return number % self._rung.every == 0 or (self._below is not None and self._below.wants(number))

    def _rest(self, own: int, cut: int) -> None:
        """The segment that begins with the room's frame ``cut`` is a gap; it ends at once if its length is known."""
        self._finish()
        self._send(self._packer.gap(own))
        if self._cuts:
            self._send(self._packer.end(self._own(self._cuts[0])))
        elif self._regular is not None and cut != self._first:
            self._send(self._packer.end(self._own(cut + self._regular)))

    def _show(self, frame: av.VideoFrame, number: int, keyframe: bool) -> None:
        if keyframe:
            self._place, self._open = 0, False
        self._newest = number
        self._place = self._place % self._packer.most + 1
        if self._open:
            self._places[-1] += 1
            self._open = False
        else:
            self._open = self._mode is Mode.HALF and self._place < self._packer.most
            self._encode(frame, number, keyframe)
        self._pack()

    def _encode(self, frame: av.VideoFrame, number: int, keyframe: bool) -> None:
        if self._encoder is None:
            self._encoder = self._engage()
            self._renew(self._header(self._encoder))
        self._places.append(1)
        try:
            self._ready.extend(self._encoder.encode(frame, number, keyframe))
        except EncoderError as error:
            if self._encoder.name == SOFTWARE:
                raise
            _log.warning("rung %s: %s: the processor encodes from the next segment on", self._rung.name, error)
            self._forget()
            self._codecs = (SOFTWARE,)
            self._encoder = self._engage()
            self._resting = True
            self._renew(self._header(self._encoder))

    def _renew(self, init: Init) -> None:
        """Segments need ``init`` from the next one on, if viewers have another."""
        if init.name != self._shown:
            self._init, self._shown = init, init.name

    def _pack(self) -> None:
        """Pack what is ready, but for a picture that may come to last longer."""
        while self._ready and len(self._places) > self._open:
            unit, places = self._ready.popleft(), self._places.popleft()
            self._send(self._packer.unit(unit if places == 1 else unit._replace(places=places)))

    def _send(self, items: Iterable[PartItem]) -> None:
        made: list[PartItem] = []
        for item in items:
            if isinstance(item, SegmentStart) and self._init is not None:
                made.append(self._init)
                self._init = None
            made.append(item)
        if made:
            self._emit(made)

    def _finish(self) -> None:
        """Pack what the encoder still has, and let it go."""
        encoder, self._encoder = self._encoder, None
        if encoder is None:
            return
        try:
            self._ready.extend(encoder.flush())
        except EncoderError as error:
            if encoder.name == SOFTWARE:
                raise
            _log.warning("rung %s: %s: its last frames are lost", self._rung.name, error)
        self._forget()
        self._pack()

    def _forget(self) -> None:
        """No more comes out of the encoder."""
        self._open = False
        while len(self._places) > len(self._ready):
            self._places.pop()

    def _end(self, number: int) -> None:
        if self._below is not None:
            self._below.end(number)
        if self._start is not None:
            self._finish()
            self._send(self._packer.end(max(self._own(number), self._start)))

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
