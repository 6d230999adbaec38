"""The guard: every picture and all sound of a room pass it between decoding and encoding, and nothing else goes out.

It asks the ledger; covers what was found; then lets the plain filters of the room act, in order. What it does not let
pass is the slate's and silence's. It is told when what it is given came, and knows no clock. Threads: one caller.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress

import av

from filters import FilterError, Stream
from filters.chain import Chain
from filters.effects import RAMP, cover_picture, cover_sound
from transcode.conversion import copy_of, frame_of
from transcode.grid import BLOCK, RATE
from transcode.ledger import Ledger, Verdict
from transcode.media import TIMELINE, Delay
from transcode.soundtrack import Block, block_of, samples_of
from transcode.verdicts import OVERRUNS, Cause

_BLOCK_TICKS = BLOCK * TIMELINE // RATE
_MARGIN = RAMP * TIMELINE // RATE + 1
_KEPT = 2 * TIMELINE
"""What was said about earlier times than this before the newest is never asked for again, but for a still picture."""
_STILL = 2 * TIMELINE
"""A picture that has stood for so long (ticks) is no measure of what is heard."""
AGAIN = TIMELINE
"""A plain filter that has failed is tried again after so long (ticks); the room is covered until it works."""


class Guard:
    """Lets pictures and sound pass, or does not. ``told`` hears of the cause each time that it changes (None: passes),
    ``failed`` of plain filters: the fault, or an empty text when it is over.

    ``covered`` counts ticks of pictures (of sound, where there are no pictures) that did not pass, by cause.
    """

    def __init__(
        self,
        told: Callable[[Cause | None], None] = lambda _: None,
        failed: Callable[[str], None] = lambda _: None,
        frame: int = 0,
    ) -> None:
        self.covered: Counter[Cause] = Counter()
        self._ledger = Ledger()
        self._told = told
        self._failed = failed
        self._frame = frame  # what a picture lasts (ticks); 0 where there are none
        self._shift = 0  # of pictures
        self._shifts: deque[Delay] = deque([Delay(0, 0)])  # of sound: what is in force, and what will be
        self._chain: Chain | None = None
        self._fault = ""  # of the chain
        self._loading = False  # another one
        self._retry: tuple[bool, int] | None = None  # whether it was with pictures, and when it may act again
        self._overrun: dict[bool, Cause | None] = {True: None, False: None}  # of pictures, of sound
        self._cause: Cause | None = None
        self._times = {True: 0, False: 0}  # how far pictures and sound have come

    @property
    def ledger(self) -> Ledger:
        """What has been said of the room's media."""
        return self._ledger

    @property
    def shift(self) -> int:
        """How much earlier (ticks) than their stamps say the pictures came that are decoded now."""
        return self._shift

    def delay(self, delay: Delay) -> None:
        """Media has been held for that long from here on."""
        self._shift = delay.shift
        while self._shifts and self._shifts[-1].at >= delay.at:
            self._shifts.pop()  # nothing has come between the two
        self._shifts.append(delay)

    def wait(self) -> None:
        """Let nothing pass until other plain filters are ready, which ``use`` tells."""
        self.use(None)
        self._loading = True

    def use(self, chain: Chain | None, stream: Stream | None = None, fault: str = "") -> None:
        """Let the plain filters of ``chain`` act from here on; with a ``fault`` they cannot, and nothing passes.

        They are given ``stream`` to get ready, unless they are.
        """
        before, self._chain = self._chain, chain
        if before is not None:
            with suppress(FilterError):  # it is not needed any more
                before.close()
        self._retry, self._loading = None, False
        if chain is not None and stream is not None and not fault:
            try:
                chain.open(stream)
            except FilterError as error:
                fault = str(error)
        self._report(fault)

    # Pictures.

    def picture(self, frame: av.VideoFrame, came: int, shown: int) -> av.VideoFrame | None:
        """Return what is shown of ``frame``, which came with the stamp ``came``, at ``shown`` (ticks); None: nothing.

        The frame is shared with others: what is changed is a copy.
        """
        if self._idle:
            self._pass(True, None)
            return frame
        verdict = self._ledger.picture(came)
        passed = None
        if self._may(True, verdict, shown - self._shift, shown - self._shift - came >= _STILL):
            passed = self._changed(frame, verdict, shown - self._shift)
        if passed is None:
            self.covered[self._cause or Cause.FILTER] += self._frame
        self._forget(True, came)
        return passed

    def _changed(self, frame: av.VideoFrame, verdict: Verdict, at: int) -> av.VideoFrame | None:
        chain = self._chain if self._chain is not None and self._chain.pictures else None
        if not verdict.regions and chain is None:
            return frame
        changed, planes = copy_of(frame)
        for box, effect in verdict.regions:
            cover_picture(planes, box, effect)
        if chain is None:
            return changed
        try:
            made = chain.picture(planes, at / TIMELINE)
        except FilterError as error:
            self._fail(True, error, at)
            return None
        self._works(True)
        return changed if all(a is b for a, b in zip(made, planes, strict=True)) else frame_of(made)

    # Sound.

    def sound(self, block: Block) -> Block | None:
        """Return what is heard of ``block``; None: nothing. Silence passes always: there is nothing in it to hide."""
        chain = self._chain if self._chain is not None and self._chain.sounds else None
        if self._idle:
            self._pass(False, None)
            return block
        samples = samples_of(block.frame)
        start = block.number * _BLOCK_TICKS
        # A block on the border of two delays has to be fit to go out by both.
        shifts = {delay.shift for delay in self._in_force(start)}
        if not samples.any() and chain is None:
            self._overrun[False] = None
            self._forget(False, start - min(shifts))
            return block
        verdicts = [self._ledger.sound(start - s, start + _BLOCK_TICKS - s, _MARGIN) for s in shifts]
        barred = next((verdict for verdict in verdicts if verdict.cause is not None), verdicts[0])
        came = start - min(shifts)
        passed = None
        if self._may(False, barred, came):
            first = block.number * BLOCK
            spans = [
                (_sample(start + shift), _sample(end + shift), effect)
                for shift, verdict in zip(shifts, verdicts, strict=True)
                for start, end, effect in verdict.spans
            ]
            if not spans and chain is None:
                passed = block
            else:
                cover_sound(samples, first, spans)
                try:
                    heard = chain.sound(samples, came / TIMELINE) if chain is not None else samples
                    passed = block_of(block.number, heard)
                    self._works(False)
                except FilterError as error:
                    self._fail(False, error, came)
        if passed is None and not self._frame:
            self.covered[self._cause or Cause.FILTER] += _BLOCK_TICKS
        self._forget(False, came)
        return passed

    def _in_force(self, start: int) -> Sequence[Delay]:
        """Return the delays of what lies in the block that begins at ``start``."""
        while len(self._shifts) > 1 and self._shifts[1].at <= start:
            self._shifts.popleft()  # sound never goes back
        return [delay for delay in self._shifts if delay.at < start + _BLOCK_TICKS] or [self._shifts[0]]

    # Both.

    def absent(self, shown: int) -> None:
        """There is no picture of the host's at ``shown`` (ticks)."""
        self._overrun[True] = None
        self._pass(True, None)
        self._times[True] = shown - self._shift

    @property
    def _idle(self) -> bool:
        """Whether everything passes as it is."""
        return self._ledger.idle and self._chain is None and not (self._fault or self._loading)

    def _may(self, is_picture: bool, verdict: Verdict, at: int, still: bool = False) -> bool:
        """Whether something passes ``at`` (ticks), as far as detectors and operators have a say, and filters are not
        known to fail. A ``still`` picture that does not pass leaves the sound alone."""
        self._overrun[is_picture] = verdict.cause if verdict.cause in OVERRUNS and not still else None
        cause = verdict.cause or self._overrun[not is_picture]
        if cause is None and self._loading:
            cause = Cause.WARMING
        elif cause is None and self._fault:
            if self._due(is_picture, at):
                return True  # whether it is over is seen when it has worked
            cause = Cause.FILTER
        self._pass(is_picture, cause)
        return cause is None

    def _due(self, is_picture: bool, at: int) -> bool:
        """Whether what has failed may try again: of another medium nothing passes before that has worked."""
        return self._retry is not None and self._retry[0] == is_picture and at >= self._retry[1]

    def _pass(self, is_picture: bool, cause: Cause | None) -> None:
        # Where there are pictures they speak for both, or the two would contradict each other at each border.
        if cause is not self._cause and is_picture == bool(self._frame):
            self._cause = cause
            self._told(cause)

    def _fail(self, is_picture: bool, error: FilterError, at: int) -> None:
        self._retry = is_picture, at + AGAIN
        self._report(str(error))
        self._pass(bool(self._frame), Cause.FILTER)

    def _works(self, is_picture: bool) -> None:
        if self._fault and self._retry is not None and self._retry[0] == is_picture:
            self._retry = None
            self._report("")
            self._pass(is_picture, None)

    def _report(self, fault: str) -> None:
        if fault != self._fault:
            self._fault = fault
            self._failed(fault)

    def _forget(self, is_picture: bool, came: int) -> None:
        self._times[is_picture] = came
        # What both have left behind. A picture may stand still while sound goes on, and the other way round.
        behind = min(self._times.values()) if self._frame else came
        self._ledger.forget(behind - _KEPT)


def _sample(ticks: int) -> int:
    return round(ticks * RATE / TIMELINE)
