"""What a room goes without while the machine cannot carry it, and when. Pure: told the time by the timeline.

The order, for rungs A (the best), B and C (the lowest) that are encoded here; each level keeps what those before it
have taken:

===== ============================================ ==========
level what it takes                                A  B  C
===== ============================================ ==========
0     nothing
1     every second frame of A                      half
2     A, from the next segment on                  gap
3     every second frame of B                      gap half
4     B, from the next segment on                  gap gap
5     every second frame of C                      gap gap half
===== ============================================ ==========

The lowest rung, the sound, and the host's own picture (``source``) are never taken away. So a room with one rung has
level 1 alone, and one that encodes only sound has none.
"""

from collections.abc import Sequence
from enum import Enum

from transcode.media import TIMELINE, Rung

LATE = TIMELINE
"""A room that is further behind than this (ticks) is in trouble, unless it catches up."""
IN_TIME = TIMELINE // 2
"""A room that is not further behind than this (ticks) is well: a part and a look-ahead are not more."""
EVIDENCE = 3 * TIMELINE
"""How long trouble lasts before the next level is taken: what a level saves shows after a segment at most."""
STAY, LONGEST_STAY = 20 * TIMELINE, 640 * TIMELINE
"""How long a room is well before a level is given back; twice as long each time that it had to be taken again soon."""
SOON = 120 * TIMELINE
_FALL = 10  # a lag that falls by less than a tenth of the time that passes is not caught up with
_HOLE = 5 * TIMELINE // 2  # without a sample: what came before says nothing any more


class Mode(Enum):
    """What is made of a rung: all of it, every second frame, each lasting twice as long, or nothing."""

    WHOLE = "whole"
    HALF = "half"
    GAP = "gap"


def highest(rungs: int) -> int:
    """Return the highest level of a room that encodes so many rungs."""
    return max(0, 2 * rungs - 1)


def modes(level: int, rungs: int) -> tuple[Mode, ...]:
    """Return what ``level`` makes of each of so many rungs, the best first."""
    level = min(level, highest(rungs))
    steps = (Mode.WHOLE, Mode.HALF, Mode.GAP)
    return tuple(steps[min(max(level - 2 * place, 0), 2)] for place in range(rungs))


def announcement(level: int, rungs: Sequence[Rung]) -> str:
    """Say to the operator what ``level`` means for ``rungs``, those that are encoded, the best first."""
    made = list(zip((rung.name for rung in rungs), modes(level, len(rungs)), strict=True))
    without = [f"without {name}" for name, mode in made if mode is Mode.GAP]
    halved = [f"with half the frames of {name}" for name, mode in made if mode is Mode.HALF]
    if not without and not halved:
        return "all renditions are whole again"
    return f"the encoder falls behind: the room goes on {' and '.join(without + halved)}, until there is time again"


class Shedding:
    """Finds the level for a room that encodes ``rungs`` rungs, from how far it is behind.

    Up by one when it has been ``LATE`` for ``EVIDENCE`` and does not catch up: then it is the machine that is too slow,
    and not a worker that begins late. Down by one when it has been ``IN_TIME`` for as long as patience lasts; that
    grows with each level that had to be taken again ``SOON`` after it was given back, so nothing flaps.
    """

    def __init__(self, rungs: int) -> None:
        self.level = 0
        self._highest = highest(rungs)
        self._now: int | None = None
        self._behind: tuple[int, int] | None = None  # since when, and how far then
        self._well: int | None = None  # since when
        self._patience = STAY
        self._given_back: int | None = None  # when, if it has not been taken again

    def sample(self, now: int, lag: int) -> bool:
        """Take how far (ticks) what is made is behind what has come, at ``now`` on the timeline; about once a second.

        Tells whether the level is another now. Where no worker is at work there is nothing to sample.
        """
        if self._now is not None and now - self._now > _HOLE:
            self._behind = self._well = None
        self._now = now
        before = self.level
        self._trouble(now, lag)
        self._ease(now, lag)
        return self.level != before

    def _trouble(self, now: int, lag: int) -> None:
        if lag <= LATE:
            self._behind = None
            return
        since, then = self._behind or (now, lag)
        if now - since >= EVIDENCE:
            if _FALL * (then - lag) < now - since and self.level < self._highest:
                self._take(now)
            since, then = now, lag
        self._behind = since, then

    def _take(self, now: int) -> None:
        self.level += 1
        if self._given_back is not None:
            soon = now - self._given_back < SOON
            self._patience = min(2 * self._patience, LONGEST_STAY) if soon else STAY
            self._given_back = None

    def _ease(self, now: int, lag: int) -> None:
        if lag > IN_TIME:
            self._well = None
            return
        if self._well is None:
            self._well = now
        if self.level > 0 and now - self._well >= self._patience:
            self.level -= 1
            self._given_back = self._well = now
