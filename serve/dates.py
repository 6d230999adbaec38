"""The programme time of segments (EXT-X-PROGRAM-DATE-TIME): the wall clock of the server, followed slowly. No I/O.

The timeline of a room runs by its host's clock, which may be some hundred millionths wrong: a second or more in an
evening. Players synchronise by these dates, so they keep to the server's clock; and they subtract them from each other,
so neighbours are never more than ``SLEW`` further apart than their media is long.
"""

from collections import OrderedDict, deque
from collections.abc import Callable

SLEW = 4
"""Milliseconds by which one segment may be dated otherwise than the timeline says."""
_LATELY = 16  # segments of which the one that came soonest tells how the clocks stand: others were held up on the way
_KEPT = 64  # segments that are remembered for the other renditions


class ProgramDates:
    """Dates of one broadcast. Segments of one number are moved by the same in all renditions.

    ``started_at`` is the wall-clock time of tick 0 of the timeline, and ``wall`` tells the present one, both in Unix
    milliseconds.
    """

    def __init__(self, started_at: int, wall: Callable[[], int]) -> None:
        self._started_at = started_at
        self._wall = wall
        self._usual: int | None = None  # how long after its date a segment begins to come
        self._lately: deque[int] = deque(maxlen=_LATELY)
        self._moved = 0  # by how much segments are dated otherwise now
        self._known: OrderedDict[int, int] = OrderedDict()  # by how much each is

    def date(self, msn: int, start: int) -> int:
        """Return the date of segment ``msn``, which begins to come now, and ``start`` milliseconds after tick 0."""
        date = self._started_at + start
        if msn in self._known:
            return date + self._known[msn]
        self._lately.append(self._wall() - date)
        if len(self._lately) == _LATELY:
            soonest = min(self._lately)
            self._usual = soonest if self._usual is None else self._usual
            self._moved += max(-SLEW, min(soonest - self._usual - self._moved, SLEW))
        self._known[msn] = self._moved
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return date + self._moved
