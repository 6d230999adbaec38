"""Remembers pictures of lines and what was said of them, so that the same line is read once. Pure, no I/O."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from filters.api import Bytes

_Said = TypeVar("_Said")

_MOST = 1500
"""Lines that are remembered; those that were seen longest ago are forgotten first."""
_APART = 0.26  # of a line's contrast: more is another letter, less is coding
_LEAST = 18  # luma: in a line without contrast
_ROUGH = 16  # pixels of width by which lines are looked up


class _Known(Generic[_Said]):
    __slots__ = ("picture", "said")

    def __init__(self, picture: "NDArray[np.int16]", said: _Said) -> None:
        self.picture = picture
        self.said = said


class LineMemory(Generic[_Said]):
    """What was said of lines, by their pictures."""

    def __init__(self) -> None:
        self._lines: OrderedDict[int, _Known[_Said]] = OrderedDict()
        self._by_size: dict[tuple[int, int], set[int]] = {}
        self._next = 0

    def recall(self, line: "Bytes") -> _Said | None:
        """Return what was said of ``line``, luma (height, width), cropped as it was then within a pixel of width."""
        seen = _smooth(line)
        height, width = seen.shape
        limit = _limit(seen)
        # Of one height exactly: a line of which the last row is missing is another, and reads otherwise.
        for wide in {(width + side) // _ROUGH for side in (-1, 0, 1)}:
            for number in self._by_size.get((height, wide), ()):
                known = self._lines[number]
                if abs(known.picture.shape[1] - width) <= 1 and _same(known.picture, seen, limit):
                    self._lines.move_to_end(number)
                    return known.said
        return None

    def keep(self, line: "Bytes", said: _Said) -> None:
        """Remember what is ``said`` of ``line``."""
        picture = _smooth(line)
        self._lines[self._next] = _Known(picture, said)
        self._by_size.setdefault(_key(picture), set()).add(self._next)
        self._next += 1
        if len(self._lines) > _MOST:
            number, gone = self._lines.popitem(last=False)
            self._by_size[_key(gone.picture)].discard(number)


def _key(picture: "NDArray[np.int16]") -> tuple[int, int]:
    return picture.shape[0], picture.shape[1] // _ROUGH


def _smooth(line: "Bytes") -> "NDArray[np.int16]":
    return np.asarray(cv2.blur(line, (2, 2)), np.int16)


def _limit(picture: "NDArray[np.int16]") -> float:
    low, high = np.percentile(picture, (2, 98))
    return max(_LEAST, _APART * float(high - low))


def _same(a: "NDArray[np.int16]", b: "NDArray[np.int16]", limit: float) -> bool:
    width = min(a.shape[1], b.shape[1])
    # One that is a pixel wider may be so on either side.
    places = [(x, y) for x in range(a.shape[1] - width + 1) for y in range(b.shape[1] - width + 1)]
    return any(np.abs(a[:, x : x + width] - b[:, y : y + width]).max() < limit for x, y in places)
