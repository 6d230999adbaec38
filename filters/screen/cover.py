"""Says to the room what is covered: regions until they are decided, and secrets as they move. Pure, no I/O.

A secret that stands still is covered by one region that is open in time; one that moves by a region for each few of
its places.
"""

from collections.abc import Iterable, Sequence
from itertools import count

from filters.api import TICKS, Box, Effect, Finding, Kind, Said, Unverified, Verified
from filters.screen.pursuit import joined

_ROOM = 10  # pixels more than needed, where something moves: the next places are covered by it, too
_HOUR = 3600 * TICKS  # a finding lasts no longer
_LONGEST = 60 * TICKS
"""A secret that stands still is told of anew after so long: findings are kept until they are over."""


class Speech:
    """What is to be said next, in order, and the numbers of regions."""

    def __init__(self, effect: Effect) -> None:
        self.effect = effect
        self._numbers = count(1)
        self._said: list[Said] = []

    def take(self) -> list[Said]:
        """Return what is to be said, once."""
        said, self._said = self._said, []
        return said

    def veil(self, start: int, box: Box, category: str = "unverified", effect: Effect = Effect.FILL) -> int:
        """Cover ``box`` from ``start`` (ticks) on until it is lifted; return its number."""
        number = next(self._numbers)
        self._said.append(Unverified(number, start, box, category, effect))
        return number

    def lift(self, numbers: Iterable[int]) -> None:
        """Cover these no longer."""
        self._said += [Verified(number) for number in numbers]

    def found(self, start: int, end: int, box: Box, category: str, score: float) -> None:
        """Cover ``box`` from ``start`` to before ``end``."""
        for at in range(start, end, _HOUR):
            until = min(at + _HOUR, end)
            self._said.append(Finding(Kind.PICTURE, at, until, category, box, score, self.effect))


class Cover:
    """The cover of one secret from the picture at ``start`` (ticks) on, where it is in ``box``.

    ``provisional``: whether it is one is not known yet; what it covered is shown if it is not.
    """

    def __init__(
        self, speech: Speech, category: str, score: float, start: int, box: Box, provisional: bool = False
    ) -> None:
        self.start = start
        self.provisional = provisional
        self._speech = speech
        self._category = category
        self._score = score
        self._box = box
        self._number = self._open(box)

    def _open(self, box: Box) -> int:
        category = "unverified" if self.provisional else self._category
        return self._speech.veil(self.start, box, category, self._speech.effect)

    def move(self, pts: int, box: Box) -> None:
        """It is in ``box`` from ``pts`` on."""
        if _holds(self._box, box) and not (pts - self.start > _LONGEST and not self.provisional):
            return
        roomy = box if _holds(self._box, box) else _roomy(self._box, box)
        self._change(pts, roomy)

    def renew(self, start: int) -> None:
        """It is covered from ``start`` on alone: what was covered before, provisionally, is shown."""
        if start > self.start:
            before, self.start = self._number, start
            self._number = self._open(self._box)
            self._speech.lift([before])

    def _change(self, pts: int, box: Box) -> None:
        start, before, old = self.start, self._number, self._box
        self.start, self._box = pts, box
        self._number = self._open(box)
        self._told(start, pts, old)
        self._speech.lift([before])

    def _told(self, start: int, end: int, box: Box) -> None:
        if not self.provisional:
            self._speech.found(start, end, box, self._category, self._score)
        elif start < end:  # it has moved: what it covered stays covered, as nothing will be said of that any more
            self._speech.found(start, end, box, "unverified", self._score)

    def close(self, pts: int) -> None:
        """It is not there any more from ``pts`` on; or, ``provisional``, it is none."""
        if not self.provisional:
            self._told(self.start, pts, self._box)
        self._speech.lift([self._number])


def cover_past(
    speech: Speech, category: str, score: float, places: Sequence[tuple[int, Box]], end: int
) -> tuple[int, Box] | None:
    """Cover a secret at ``places``, (pts, box) in order, the last one until before ``end``.

    Returns from when on, and where, the last of it is, which is left to cover; None if there is no place.
    """
    run: tuple[int, Box] | None = None
    for pts, box in places:
        if run is None:
            run = pts, box
        elif not _holds(run[1], box):
            grown = joined(run[1], box)
            if grown.width <= box.width + 2 * _ROOM and grown.height <= max(box.height, _ROOM) * 2:
                run = run[0], grown
            else:
                speech.found(run[0], pts, run[1], category, score)
                run = pts, box
    if run is not None:
        speech.found(run[0], end, run[1], category, score)
        run = end, run[1]
    return run


def _holds(outer: Box, inner: Box) -> bool:
    return (
        outer.left <= inner.left
        and outer.top <= inner.top
        and inner.left + inner.width <= outer.left + outer.width
        and inner.top + inner.height <= outer.top + outer.height
    )


def _roomy(before: Box, now: Box) -> Box:
    """Return ``now`` with room in the direction in which it moves."""
    right, down = now.left - before.left, now.top - before.top
    more_x = _ROOM if abs(right) > 0 else 0
    more_y = _ROOM if abs(down) > 0 else 0
    left = now.left - (more_x if right < 0 else 0)
    top = now.top - (more_y if down < 0 else 0)
    return Box(left, top, now.width + more_x, now.height + more_y)
