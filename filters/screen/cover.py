"""Says to the room what is covered: regions until they are decided, and secrets as they move. Pure, no I/O.

A secret that stands still is covered by one region that is open in time; one that moves by a region for each few of
its places.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import count

import numpy as np

from filters.api import TICKS, Box, Effect, Finding, Kind, Said, Unverified, Verified
from filters.screen.pursuit import common, joined

_ROOM = 10  # pixels more than needed, where something moves: the next places are covered by it, too
_UNVERIFIED = "unverified"
_NEARLY = 0.2  # of a box may be bare: it is found a little larger the next time
_MOST_FOUND = 2000  # that are remembered: those of some seconds
_HOUR = 3600 * TICKS  # a finding lasts no longer
_LONGEST = 60 * TICKS
"""A secret that stands still is told of anew after so long: findings are kept until they are over."""


class Speech:
    """What is to be said next, in order, and the numbers of regions."""

    def __init__(self, effect: Effect) -> None:
        self.effect = effect
        self._numbers = count(1)
        self._said: list[Said] = []
        self._secrets: dict[int, tuple[int, Box]] = {}  # their veils, and since when they are there
        self._found: deque[tuple[int, int, Box]] = deque(maxlen=_MOST_FOUND)

    def take(self) -> list[Said]:
        """Return what is to be said, once."""
        said, self._said = self._said, []
        return said

    def veil(self, start: int, box: Box, category: str = _UNVERIFIED, effect: Effect = Effect.FILL) -> int:
        """Cover ``box`` from ``start`` (ticks) on until it is lifted; return its number."""
        number = next(self._numbers)
        self._said.append(Unverified(number, start, box, category, effect))
        if category != _UNVERIFIED:
            self._secrets[number] = start, box
        return number

    def lift(self, numbers: Iterable[int]) -> None:
        """Cover these no longer."""
        for number in numbers:
            self._said.append(Verified(number))
            self._secrets.pop(number, None)

    def found(self, start: int, end: int, box: Box, category: str, score: float) -> None:
        """Cover ``box`` from ``start`` to before ``end``."""
        self._found.append((start, end, box))
        for at in range(start, end, _HOUR):
            until = min(at + _HOUR, end)
            self._said.append(Finding(Kind.PICTURE, at, until, category, box, score, self.effect))

    def covered(self, pts: int, box: Box) -> bool:
        """Whether ``box`` was covered at ``pts``, nearly all of it, by what has been found."""
        left = np.ones((box.height, box.width), bool)
        lasting = [there for start, there in self._secrets.values() if start <= pts]
        for there in [*lasting, *(there for start, end, there in self._found if start <= pts < end)]:
            if (part := common(box, there)) is not None:
                rows = slice(part.top - box.top, part.top - box.top + part.height)
                left[rows, part.left - box.left : part.left - box.left + part.width] = False
        return float(left.mean()) < _NEARLY


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
        category = _UNVERIFIED if self.provisional else self._category
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
