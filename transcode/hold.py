"""The hold of a broadcast: its packets wait here, coded, until their time has come. Pure, no I/O, no clock.

What comes in is on the timeline as the host's media came; what goes out is the same, ``delay`` later, and carries the
stamps of when it goes out. The newest item that came tells the time, so what goes out depends on what came in alone.
Viewers' timeline never stands still for it: while nothing can go out, ticks do, and they make the slate.

What is thrown away is thrown away here, before anything else has got it. After that, and after each change of the
delay, media goes on with a keyframe, as nothing before it can be decoded; what comes late and belongs before that
border does not go out any more.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ingest.media import Kind, Track
from transcode.media import TIMELINE, Delay, Tick, TimedPacket

GRAIN = 1920
"""Delays are multiples of so many ticks, 1024 samples at 48 kHz: blocks of sound begin at the same samples for all."""
BORDER = TIMELINE // 4
"""No frame that went out before a break is shown so long (ticks) after the last stamp: none of them is after it."""
TICK = TIMELINE // 10
LONGEST_WAIT = 10 * TIMELINE
"""A picture that has no keyframe for so long is waited for no longer: sound goes on without it."""
MOST_BYTES = 256 << 20
_ITEM = 256  # bytes that an item takes beside its data


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Another source takes over here."""


Held = Track | TimedPacket | Tick | Interrupt
"""What comes in. Out come these and ``Delay``."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    at: int
    item: Held


class Hold:
    """Holds what comes for ``delay`` ticks; without, everything passes at once. ``pictures``: the broadcast has some.

    Overflow rule: where more than ``most_bytes`` are held, all of it is thrown away, and counted in ``overflows``.
    """

    def __init__(self, delay: int, pictures: bool, most_bytes: int = MOST_BYTES) -> None:
        self.delay = rounded(delay)
        self.bytes = 0
        self.overflows = 0
        self.now = 0
        """The time of the newest item (ticks)."""
        self.silent = self.delay > 0
        """Whether no media goes out at present: viewers' timeline goes on by ticks."""
        self._leader = Kind.VIDEO if pictures else Kind.AUDIO
        self._most = most_bytes
        self._queue: deque[_Waiting] = deque()
        self._broken = False  # whether media has been broken off and has not gone on yet
        self._blind = False  # whether the next picture that goes out has to be a keyframe
        self._border: int | None = None  # of the last break: media with earlier stamps than this (viewers') is over
        self._dumped: int | None = None  # when (the host's ticks): nothing from before that goes out, however late
        self._ticked = -TICK  # the last tick that was made here
        self._top = 0  # the latest stamp that has gone out

    @property
    def depth(self) -> int:
        """How much is held (ticks)."""
        return self.now - self._queue[0].at if self._queue else 0

    def push(self, item: Held) -> Iterator[Held | Delay]:
        """Take the next item; yield what goes out now."""
        match item:
            case TimedPacket(dts=at) | Tick(pts=at):
                self.now = max(self.now, at)
            case _:
                at = self.now
        if not (self.delay or self._queue or self.silent):
            yield from self._leave(item)
            return
        self._queue.append(_Waiting(at, item))
        self.bytes += _size(item)
        if self.bytes > self._most:
            self.overflows += 1
            yield from self.dump()
        yield from self._due()

    def change(self, delay: int) -> Iterator[Held | Delay]:
        """Hold for ``delay`` ticks from here on. More of it shows the slate meanwhile, less of it leaves media out."""
        if rounded(delay) == self.delay:
            return
        self.delay = rounded(delay)
        yield self._break_off(self.now)
        yield from self._due()

    def dump(self) -> Iterator[Held | Delay]:
        """Throw away all media that is held; tracks and what else belongs to what follows go out at once."""
        kept = [waiting.item for waiting in self._queue if isinstance(waiting.item, Track | Interrupt)]
        self._queue.clear()
        self.bytes = 0
        if self.delay:
            self._dumped = self.now
            yield self._break_off(self.now + self.delay)
        yield from kept
        yield from self._due()

    def _break_off(self, at: int) -> Delay:
        """Let no media go out before ``at`` (viewers' ticks); return what tells how long it will have been held."""
        self.silent = self._broken = self._blind = True
        self._border = max(at, self._top + BORDER)
        return Delay(self._border, self.delay)

    def _due(self) -> Iterator[Held | Delay]:
        while self._queue and self._queue[0].at <= self.now - self.delay:
            item = self._queue.popleft().item
            self.bytes -= _size(item)
            yield from self._leave(item)
        if self.silent and self.now - self._ticked >= TICK:
            self._ticked = self.now
            yield Tick(self.now)

    def _leave(self, item: Held) -> Iterator[Held]:
        """Yield ``item`` with the stamps of when it goes out, if it does."""
        match item:
            case TimedPacket(pts=pts, dts=dts):
                if self._passes(item):
                    self._top = max(self._top, pts + self.delay, dts + self.delay)
                    yield replace(item, pts=pts + self.delay, dts=dts + self.delay) if self.delay else item
            case Tick(pts=pts):
                if not self.silent and pts + self.delay >= self._ticked:
                    self._top = max(self._top, pts + self.delay)
                    yield replace(item, pts=pts + self.delay) if self.delay else item
            case _:
                yield item

    def _passes(self, packet: TimedPacket) -> bool:
        """Whether ``packet`` goes out; media that was broken off goes on with it, if so."""
        is_picture = packet.kind is Kind.VIDEO
        came = min(packet.pts, packet.dts)
        late = came + self.delay - self._border if self._border is not None else 0
        if late < 0 or (self._dumped is not None and came < self._dumped):
            self._blind |= is_picture  # those after it need it
            return False
        if is_picture and self._blind and not packet.keyframe:
            return False
        if self._broken and packet.kind is not self._leader and late < LONGEST_WAIT:
            return False
        self._blind &= not is_picture
        self._broken = self.silent = False
        return True


def rounded(delay: int) -> int:
    """Return ``delay`` (ticks) as it can be had: no shorter."""
    return -(-delay // GRAIN) * GRAIN


def _size(item: Held) -> int:
    match item:
        case TimedPacket(data=data) | Track(config=data):
            return _ITEM + len(data)
        case _:
            return _ITEM
