"""The grids that a broadcast's frames and its sound lie on, counted from tick 0 of the timeline. Pure integers."""

from dataclasses import dataclass

from transcode.media import TIMELINE, FrameRate

RATE = 48_000
"""Samples in a second of encoded sound."""
BLOCK = 1024
"""Samples in what an AAC frame codes."""

_FINE = 1000  # timescale units in a frame of whole rates; NTSC's have 1001


@dataclass(frozen=True, slots=True)
class Grid:
    """Unit ``n`` of a rendition begins at ``n * length``, where a second has ``timescale``; a unit is a frame."""

    timescale: int
    length: int

    def at_or_after(self, pts: int) -> int:
        """Return the number of the first unit at or after ``pts`` (ticks)."""
        return -(-pts * self.timescale // (TIMELINE * self.length))


def sound_grid() -> Grid:
    """Return the grid of encoded sound."""
    return Grid(RATE, BLOCK)


def rung_grid(rate: FrameRate, every: int) -> Grid:
    """Return the grid of a rung that shows every ``every``-th of a broadcast's frames."""
    fine = _FINE if rate.denominator == 1 else 1
    return Grid(rate.numerator * fine, rate.denominator * fine * every)
