"""By how much a page has been scrolled, or a window moved, from one picture to the next. Pure, no I/O.

Phase correlation proposes (E. De Castro and C. Morandi, Registration of Translated and Rotated Images Using Finite
Fourier Transforms, 1987), and what is left of the change decides.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from filters.screen.tiles import HIGH, WIDE, difference, differs

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from filters.api import Bytes
    from filters.screen.tiles import Map

_LEAST = 3  # rows and columns of tiles: less has nothing to tell by
_BETTER = 0.6  # of the tiles that change: more are left, so it was something else
_LESS = 0.5  # of the pixels of a tile that change: so much fewer are left of it, and the rest is its coder's doing
_DRAWN = 0.2  # of the tiles that a shift explains: fewer show nothing but ground
_MARGIN = 1  # tiles around what has moved


class Shift(NamedTuple):
    """How far things have moved, in pixels."""

    right: int
    down: int


NONE = Shift(0, 0)
_APART = Shift(2, 1)  # so far from itself ground looks the same, and what is drawn does not


def shifted(rows: "NDArray[Any]", by: Shift, fill: int = 0) -> "NDArray[Any]":
    """Return a picture, or a map, moved; what comes in is ``fill``."""
    made = np.full_like(rows, fill)
    (a, b), (c, d) = _range(rows.shape[0], by.down), _range(rows.shape[1], by.right)
    made[a + by.down : b + by.down, c + by.right : d + by.right] = rows[a:b, c:d]
    return made


def _range(length: int, by: int) -> tuple[int, int]:
    return max(0, -by), max(0, -by, length - max(0, by))


def shift_between(before: "Bytes", now: "Bytes", moved: "Map", last: Shift) -> "tuple[Shift, Map, Map]":
    """Return how far most of what has ``moved`` is shifted, which tiles are then still other than before, and which of
    these have not come closer to that by it: the others are what was there, but blurred as coders do in haste.

    ``last``: how far it was the last time, which is a good guess.
    """
    rows, columns = np.flatnonzero(moved.any(1)), np.flatnonzero(moved.any(0))
    top, bottom = max(0, int(rows[0]) - _MARGIN), min(moved.shape[0], int(rows[-1]) + 1 + _MARGIN)
    left, right = max(0, int(columns[0]) - _MARGIN), min(moved.shape[1], int(columns[-1]) + 1 + _MARGIN)
    if bottom - top < _LEAST or right - left < _LEAST:
        return NONE, moved, moved
    part = slice(top * HIGH, bottom * HIGH), slice(left * WIDE, right * WIDE)
    tiles = slice(top, bottom), slice(left, right)
    a, b, inside = before[part], now[part], moved[tiles]
    most = _LESS * difference(b, a)
    best, left_over, other = NONE, inside, inside
    for guess in (last, None):
        for candidate in (last,) if guess is not None else _likely(a, b):
            if candidate == NONE:
                continue
            counts = difference(b, shifted(a, candidate))
            rest = inside & differs(counts)
            unlike = rest & (counts >= most)
            if rest.sum() + unlike.sum() < left_over.sum() + other.sum():
                best, left_over, other = candidate, rest, unlike
        if left_over.sum() < inside.sum() * _BETTER / 2:
            break
    if other.sum() > inside.sum() * _BETTER:
        return NONE, moved, moved
    explained = inside & ~other
    drawn = differs(difference(b, shifted(b, _APART)))
    if (explained & drawn).sum() < _DRAWN * explained.sum():
        return NONE, moved, moved  # things that vanish look like blank ground that has come
    still, unlike = moved.copy(), moved.copy()
    still[tiles], unlike[tiles] = left_over, other
    return best, still, unlike


def _likely(before: "Bytes", now: "Bytes") -> Iterable[Shift]:
    """Propose shifts."""
    a, b = (cv2.resize(each, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for each in (before, now))
    # Edges rather than light: a bright area that stands still would speak loudest.
    a, b = (np.asarray(cv2.Laplacian(each, cv2.CV_32F)) for each in (a, b))
    size = cv2.getOptimalDFTSize(a.shape[0]), cv2.getOptimalDFTSize(a.shape[1])
    a, b = (
        cv2.copyMakeBorder(e, 0, size[0] - e.shape[0], 0, size[1] - e.shape[1], cv2.BORDER_CONSTANT) for e in (a, b)
    )
    product = cv2.mulSpectrums(cv2.dft(b), cv2.dft(a), 0, conjB=True)
    # Amplitudes are kept in part: pure phases make noise as loud as letters.
    surface = cv2.idft(product / np.sqrt(np.abs(product) + 1e-3))
    found = []
    for _ in range(3):
        _, _, _, (x, y) = cv2.minMaxLoc(surface)
        surface[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3] = -np.inf
        right, down = (v if v <= s // 2 else v - s for v, s in ((x, size[1]), (y, size[0])))
        found.append((2 * right, 2 * down))
    for right, down in found:
        if (right, down) != (0, 0):
            yield from (Shift(right + x, down + y) for y in (-1, 0, 1) for x in ((0,) if not right else (-1, 0, 1)))
