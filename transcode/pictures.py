"""A room's pictures on their way to the rungs: decoded, brought to one size, numbered, guarded. Threads: one caller.

Every frame of the broadcast's constant rate is made, whatever comes: a picture that is late is stood in for by the one
before it, and by the slate while the host is away.
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import av

from ingest.media import Track
from transcode.canvas import Canvas, PictureError
from transcode.decode import VideoDecoder
from transcode.frames import FrameClock
from transcode.guard import Guard
from transcode.media import Cut, Delay, Plan, Slate, TimedPacket
from transcode.rung import RungLane
from transcode.slate import slate_frame


class Pictures:
    """Feeds the rungs of ``plan``, best first. ``dropped`` and ``repeated`` count frames, ``errors`` failures."""

    def __init__(self, plan: Plan, rungs: Sequence[RungLane], guard: Guard) -> None:
        self.dropped = 0
        self.repeated = 0
        self.errors = 0
        self._rungs = rungs
        self._guard = guard
        self._size = plan.encoded[0].width, plan.encoded[0].height
        self._canvas = Canvas(*self._size)
        starts = [rung.start for rung in rungs if rung.start is not None]
        # A rung that has aired nothing begins where the others are: at the next cut.
        self._clock = FrameClock(plan.frame_rate, min(starts, default=0))
        self._begun = bool(starts)
        self._start = self._clock.pts(self._clock.next)  # what comes before was shown, or is not wanted
        self._decoder: VideoDecoder | None = None
        self.slate = self._canvas.blank()
        """What is shown while the host is away: another frame each time that it changes."""
        self._shown = self.slate
        self._came = 0  # the stamp that what is shown came with, before it was held
        self._track: Track | None = None

    def track(self, track: Track) -> None:
        """Packets are of ``track`` from here on."""
        self._flush()
        self._track = track
        self._decoder = VideoDecoder(track)

    def delay(self, delay: Delay) -> None:
        """What is decoded from here on has been held for another time."""
        self._flush()
        self._guard.delay(delay)
        if self._track is not None:
            self._decoder = VideoDecoder(self._track)

    def packet(self, packet: TimedPacket) -> None:
        """Take the next packet."""
        if self._decoder is not None:
            self._take(self._decoder.decode(packet), self._decoder.sample_aspect_ratio)

    def cut(self, cut: Cut) -> None:
        """A segment begins with the first frame at or after the cut. The first one begins the broadcast."""
        number = self._clock.at_or_after(cut.pts)
        if not self._begun:
            self._begun = True
            self._clock.next = number
            self._start = self._clock.pts(number)
        for rung in self._rungs:
            rung.cut(cut, number)

    def advance(self, pts: int) -> None:
        """No picture for a time before ``pts`` is waited for any longer."""
        if self._begun:
            self._repeat(self._clock.due(pts))

    def announce(self, slate: Slate) -> None:
        """``slate`` is what is shown while the host is away; at once if it is."""
        away = self._shown is self.slate
        self.slate = slate_frame(slate, *self._size)
        if away:
            self._shown = self.slate

    def blank(self) -> None:
        """There is no picture to repeat any more: the host is away."""
        self._shown = self.slate

    def end(self, pts: int) -> None:
        """The broadcast ends at ``pts``."""
        self._flush()
        self.advance(pts - 1)
        self._rungs[0].end(self._clock.next)

    def _flush(self) -> None:
        """Take what the decoder still has, and the canvas, where pictures wait for their successors' fields."""
        if self._decoder is None:
            return
        self._take(self._decoder.flush(), self._decoder.sample_aspect_ratio)
        self.errors += self._decoder.errors
        self._decoder = None
        self._place_all(self._canvas.flush())

    def _take(self, frames: Iterable[av.VideoFrame], sample_aspect_ratio: Fraction) -> None:
        for decoded in frames:
            self._place_all(self._canvas.draw(decoded, sample_aspect_ratio))

    def _place_all(self, pictures: Iterator[av.VideoFrame]) -> None:
        try:
            for picture in pictures:
                self._place(picture)
        except PictureError:
            self.errors += 1

    def _place(self, picture: av.VideoFrame) -> None:
        assert picture.pts is not None
        number = self._clock.place(picture.pts) if self._begun else None
        if number is not None:
            self._repeat(range(self._clock.next, number))
        elif self._begun and picture.pts >= self._start:
            self.dropped += 1
        self._shown, self._came = picture, picture.pts - self._guard.shift
        if number is not None:
            self._show(number)

    def _repeat(self, numbers: range) -> None:
        self.repeated += len(numbers)
        for number in numbers:
            self._show(number)

    def _show(self, number: int) -> None:
        pts = self._clock.pts(number)
        frame: av.VideoFrame | None = self._shown
        if self._shown is self.slate:
            self._guard.absent(pts)
        else:
            frame = self._guard.picture(self._shown, self._came, pts)
        self._rungs[0].picture(frame or self.slate, number)
        self._clock.next = number + 1
