"""The pipeline of a transcoded room: room-link items in, part-link items out. Threads: one caller, and the lanes.

Rule: it advances on packets and ticks alone and knows no clock, so the same items always make the same parts.
"""

from collections.abc import Callable, Iterable, Sequence

import av

from ingest.media import Kind, Track
from transcode.guard import Guard
from transcode.lane import Inline, Lane
from transcode.load import modes
from transcode.media import (
    AUDIO,
    LATE_TRACK,
    Aired,
    Cut,
    Delay,
    End,
    PartItem,
    Plan,
    RoomItem,
    Slate,
    Tick,
    TimedPacket,
)
from transcode.pictures import Pictures
from transcode.rung import RungLane
from transcode.sounds import Sounds


class Pipeline:
    """Decodes a room's packets and encodes the rungs and the sound of ``plan``: all that ``guard`` lets pass.

    ``emit`` takes what is made, from the lanes' threads: in one call what viewers are to learn at once. ``aired`` says
    where another pipeline of this broadcast left off: each rendition goes on with the very next frame.
    """

    def __init__(
        self,
        plan: Plan,
        emit: Callable[[Sequence[PartItem]], None],
        lane: Callable[[str], Lane] = lambda _: Inline(),
        aired: Iterable[Aired] = (),
        guard: Guard | None = None,
    ) -> None:
        self._guard = guard or Guard()
        before = {state.rendition: state for state in aired}
        self._rungs = [RungLane(plan, rung, lane(rung.name), emit, before.get(rung.name)) for rung in plan.encoded]
        for above, below in zip(self._rungs, self._rungs[1:], strict=False):
            above.feeds(below)
        self._pictures = Pictures(plan, self._rungs, self._guard) if self._rungs else None
        self._sound = None
        if plan.sound is not None and plan.sound.transcoded:
            self._sound = Sounds(plan, plan.sound, emit, before.get(AUDIO), self._guard)

    @property
    def dropped(self) -> int:
        """Pictures that had no place at the broadcast's frame rate."""
        return self._pictures.dropped if self._pictures else 0

    @property
    def repeated(self) -> int:
        """Frames that show the picture before, since none came."""
        return self._pictures.repeated if self._pictures else 0

    @property
    def slate(self) -> av.VideoFrame | None:
        """What is shown while the host is away; None where there is sound alone."""
        return self._pictures.slate if self._pictures else None

    def feed(self, item: RoomItem) -> None:
        """Take the next item of the room link."""
        match item:
            case TimedPacket(kind=Kind.VIDEO):
                if self._pictures:
                    self._pictures.packet(item)
                if self._sound:
                    self._sound.advance(item.dts - LATE_TRACK)
            case TimedPacket():
                if self._sound:
                    self._sound.packet(item)
                if self._pictures:
                    self._pictures.advance(item.dts - LATE_TRACK)
            case Track(kind=Kind.VIDEO):
                if self._pictures:
                    self._pictures.track(item)
            case Track():
                if self._sound:
                    self._sound.track(item)
            case Cut():
                if self._pictures:
                    self._pictures.cut(item)
                if self._sound:
                    self._sound.cut(item)
            case Slate():
                if self._pictures:
                    self._pictures.announce(item)
            case Delay():
                if self._pictures:
                    self._pictures.delay(item)
                else:
                    self._guard.delay(item)
            case Tick(pts=pts, away=away):
                self._tick(pts, away)
            case End(pts=pts):
                if self._pictures:
                    self._pictures.end(pts)
                if self._sound:
                    self._sound.end(pts)

    def shed(self, level: int) -> None:
        """Go without what ``level`` says from here on."""
        for rung, mode in zip(self._rungs, modes(level, len(self._rungs)), strict=True):
            rung.shed(mode)

    def close(self) -> None:
        """Return when all that was fed is made."""
        for rung in self._rungs:
            rung.close()

    def _tick(self, pts: int, away: bool) -> None:
        if self._pictures:
            if away:
                self._pictures.blank()
            self._pictures.advance(pts)
        if self._sound:
            self._sound.advance(pts)
