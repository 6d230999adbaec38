"""Decides when the lanes of a room work side by side: only while one thread cannot carry it."""

import time
from collections.abc import Callable

from transcode.lane import Crew, processors
from transcode.media import TIMELINE

BEHIND = TIMELINE // 8
"""So many ticks of media taken without having had to wait for more once: the room is behind."""

STRETCH = 4 * TIMELINE
"""So many ticks of media tell what a room costs."""

LIGHT = 0.75
"""A room that costs less than this part of a processor's time is carried by one thread."""


class Pace:
    """Spreads out ``crew`` when its room is behind, and gathers it when it has caught up and one thread is enough.

    ``cpu`` tells the CPU seconds that the room has taken so far, in all threads.
    """

    def __init__(self, crew: Crew, cores: int | None = None, cpu: Callable[[], float] = time.process_time) -> None:
        self._crew = crew
        self._cores = processors() if cores is None else cores
        self._cpu = cpu
        self._now: int | None = None
        self._waited = 0
        self._since = 0  # where on the timeline the cost is counted from, and what it was there
        self._spent = 0.0

    def took(self, dts: int) -> None:
        """A packet of time ``dts`` was worked on."""
        if self._now is None:
            self._now = self._waited = dts
        self._now = max(self._now, dts)
        if not self._crew.apart and self._cores > 1 and self._now - self._waited > BEHIND:
            self._crew.spread()
            self._count()

    def waits(self) -> None:
        """There is nothing to do at the moment."""
        if self._now is None:
            return
        self._waited = self._now
        if self._crew.apart and self._now - self._since >= STRETCH:
            if (self._cpu() - self._spent) * TIMELINE < LIGHT * (self._now - self._since):
                self._crew.gather()
            self._count()

    def _count(self) -> None:
        assert self._now is not None
        self._since, self._spent = self._now, self._cpu()
