"""Decides when the lanes of a room work side by side: only while one thread cannot carry it."""

from transcode.lane import Crew
from transcode.machine import processors
from transcode.media import TIMELINE

BEHIND = TIMELINE // 8
"""So many ticks of media taken without having had to wait for more once: the room is behind."""

STAY, LONGEST_STAY = 2 * TIMELINE, 128 * TIMELINE
"""A room that was behind stays spread out for so many ticks; twice as long each time that it is soon behind again."""

SOON = 60 * TIMELINE


class Pace:
    """Spreads out ``crew`` when its room is behind, and gathers it when it has caught up.

    What one thread can carry is found out by trying: what it costs side by side does not tell.
    """

    def __init__(self, crew: Crew, cores: int | None = None) -> None:
        self._crew = crew
        self._cores = processors() if cores is None else cores
        self._now: int | None = None
        self._waited = 0
        self._stay = STAY
        self._spread_at = 0
        self._gathered_at = -SOON

    def took(self, dts: int) -> None:
        """A packet of time ``dts`` (ticks) was worked on."""
        if self._now is None:
            self._now = self._waited = dts
        self._now = max(self._now, dts)
        if not self._crew.apart and self._cores > 1 and self._now - self._waited > BEHIND:
            again = self._now - self._gathered_at < SOON
            self._stay = min(2 * self._stay, LONGEST_STAY) if again else STAY
            self._spread_at = self._now
            self._crew.spread()

    def waits(self) -> None:
        """There is nothing to do at the moment."""
        if self._now is None:
            return
        self._waited = self._now
        if self._crew.apart and self._now - self._spread_at >= self._stay:
            self._crew.gather()
            self._gathered_at = self._now
