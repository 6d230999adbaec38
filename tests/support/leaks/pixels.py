"""Tells from pixels what of a box is veiled, what is veiled without cause, and what is slate. Pure, no I/O.

Masks are uint8 arrays, 255 or 0. Veils have the colour that ``filters/effects.py`` fills with.
"""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from filters import Planes
from tests.support.scenes.scene import Box

Mask = NDArray[np.uint8]

INK = (32, 128, 128)
"""Y, U, V of a fill."""
TOLERANCE = 12
"""Levels by which a fill may be off: what x264 leaves of one at a room's bit rate, the first frame of it included."""
DISTINCT = 2 * TOLERANCE
"""A pixel of the source that is further from ink tells whether a veil lies over it; another one would look the same."""
_FEW = 0.02  # of a box: with fewer pixels than that it is judged by those that are a little lighter than ink, too

BLOCK = 8
"""Veils without cause are measured in blocks of so many pixels: single ones are noise of two encoders."""
_FULL = 0.95  # of a block's pixels are ink-coloured where it is veiled
_HIDDEN = 4 / BLOCK**2  # of them at least showed something else before: where nothing was, nothing is lost
GROWTH = (12, 6)
"""Pixels, sideways and up or down, by which a veil may be larger than what it is for."""

_SMALL = (160, 90)  # a picture of that size is enough to know the slate by
_SAME = 3.0  # levels, on average


def inked(planes: Planes) -> Mask:
    """Return where a picture has the colour of a veil: (height, width)."""
    return _near(planes, TOLERANCE)


def distinct(planes: Planes, beyond: int = DISTINCT) -> Mask:
    """Return where a picture has another colour than that, by more than ``beyond`` levels."""
    return np.asarray(cv2.bitwise_not(_near(planes, beyond)), np.uint8)


def _near(planes: Planes, tolerance: int) -> Mask:
    parts = [
        cv2.inRange(plane, np.array(ink - tolerance), np.array(ink + tolerance))
        for plane, ink in zip(planes, INK, strict=True)
    ]
    height, width = planes.y.shape
    colour = cv2.resize(cv2.bitwise_and(parts[1], parts[2]), (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.bitwise_and(parts[0], colour), np.uint8)


def veiled(box: Box, source: Planes, veil: Mask) -> float:
    """Return the share of ``box`` that is veiled, 0 to 1. ``veil`` is where the picture that went out is inked.

    It is judged by those pixels that are not of that colour before: in a dark theme, by the strokes of the letters.
    """
    part = _part(source, box)
    over = veil[_even(box)]
    for beyond in (DISTINCT, TOLERANCE):
        tells = distinct(part, beyond) > 0
        if tells.mean() >= _FEW:
            return float((over[tells] > 0).mean())
    return float((over > 0).mean())


def _even(box: Box) -> tuple[slice, slice]:
    left, top, right, bottom = box
    return slice(max(0, top) // 2 * 2, -(-bottom // 2) * 2), slice(max(0, left) // 2 * 2, -(-right // 2) * 2)


def _part(planes: Planes, box: Box) -> Planes:
    """Return views of what of ``planes`` lies in ``box``, which is made larger to whole pixels of chroma."""
    rows, columns = _even(box)
    half = (slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2))
    return Planes(planes.y[rows, columns], planes.u[half], planes.v[half])


def crop(planes: Planes, box: Box, margin: int) -> Planes:
    """Return views of ``box`` with ``margin`` pixels around it, as far as the picture reaches."""
    height, width = planes.y.shape
    left, top, right, bottom = box
    return _part(
        planes,
        (max(0, left - margin), max(0, top - margin), min(width, right + margin), min(height, bottom + margin)),
    )


def overdone(source: Mask, veil: Mask, causes: Iterable[Box]) -> float:
    """Return how many pixels are veiled without cause. ``source``: where it is ``distinct``; ``causes``: boxes of what
    had to be veiled."""
    height, width = veil.shape
    blocks = (width // BLOCK, height // BLOCK)

    def means(mask: Mask) -> NDArray[np.float32]:
        return np.asarray(cv2.resize(mask, blocks, interpolation=cv2.INTER_AREA) / 255, np.float32)

    lost = (means(veil) >= _FULL) & (means(np.asarray(cv2.bitwise_and(source, veil), np.uint8)) >= _HIDDEN - 1e-6)
    if not lost.any():
        return 0.0
    caused = np.zeros_like(veil)
    for left, top, right, bottom in causes:
        rows = slice(max(0, top - GROWTH[1]), bottom + GROWTH[1])
        caused[rows, max(0, left - GROWTH[0]) : right + GROWTH[0]] = 255
    return float((lost * (1 - means(caused))).sum() * BLOCK**2)


def small(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture's luma, small enough to compare quickly."""
    return np.asarray(cv2.resize(luma, _SMALL, interpolation=cv2.INTER_AREA), np.uint8)


def is_slate(picture: NDArray[np.uint8], slate: NDArray[np.uint8]) -> bool:
    """Whether a picture is the slate; both are ``small``."""
    return float(cv2.absdiff(picture, slate).mean()) < _SAME
