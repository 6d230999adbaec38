"""The frame clock: which of a broadcast's constant-rate frames a picture becomes. Pure, integers only, no I/O.

Frame ``n`` of the room is shown at tick ``n / rate``, counted from tick 0 of the timeline. Hosts' stamps are whole
milliseconds and their clocks drift, so a picture is taken for the expected frame as long as it is less than
three quarters of a frame off: stamps that waver around a border neither drop nor repeat anything.
"""

from transcode.media import TIMELINE, FrameRate


class FrameClock:
    """Numbers the frames of one broadcast; ``next`` is the number of the one that comes next."""

    def __init__(self, rate: FrameRate, start: int = 0) -> None:
        self.next = start
        self._rate = rate
        self._frame = rate.denominator * TIMELINE  # one frame, where a tick is ``rate.numerator``

    def at_or_after(self, pts: int) -> int:
        """Return the number of the first frame at or after ``pts`` (ticks)."""
        return -(-pts * self._rate.numerator // self._frame)

    def pts(self, number: int) -> int:
        """Return when frame ``number`` is shown (ticks)."""
        return number * self._frame // self._rate.numerator

    def place(self, pts: int) -> int | None:
        """Return the number of the frame that a picture shown at ``pts`` becomes; None if its place is taken.

        Frames from ``next`` to there show what was before.
        """
        at = pts * self._rate.numerator
        early = self.next * self._frame - at
        if 4 * abs(early) <= 3 * self._frame:
            return self.next
        if early > 0:
            return None
        return (2 * at + self._frame) // (2 * self._frame)

    def due(self, pts: int) -> range:
        """Return the numbers of the frames that are shown at or before ``pts`` and have not come."""
        return range(self.next, pts * self._rate.numerator // self._frame + 1)
