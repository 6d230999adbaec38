"""Covers what must not be seen or heard: parts of pictures in their planes, intervals of sound. In place. Pure.

Nothing of the original is left in sound and under a fill. Blurred or coarse pixels keep a few colours of what they
cover, too few to read or to make out a face.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from filters.api import SAMPLE_RATE, Box, Effect, Planes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from filters.api import Bytes, Samples

RAMP = SAMPLE_RATE * 6 // 1000
"""Samples before and after an interval in which sound fades: a sudden end would click."""
TONE_HZ = 1000
TONE_LEVEL = 10 ** (-18 / 20)
"""Amplitude of the tone: -18 dBFS, the level that broadcasters line up with (EBU R 68)."""

_INK = (32, 128, 128)  # what a fill shows: dark, but no hole
_ROWS = 3  # cells along the shorter side of what is blurred or coarse, at most: a line of text has no more of its own
_SMALLEST = 20  # cells that a picture's height is parted into, at most: text is hardly larger where many lines stand

# Tables, by whole samples: so it does not matter to a single bit where one block ends and the next begins.
_GAIN = (0.5 - 0.5 * np.cos(np.pi * np.arange(RAMP + 2) / (RAMP + 1))).astype(np.float32)  # by samples away
_PERIOD = SAMPLE_RATE // TONE_HZ
_TONE = (TONE_LEVEL * np.sin(2 * np.pi * np.arange(_PERIOD) / _PERIOD)).astype(np.float32)


def cover_picture(planes: Planes, box: Box | None, effect: Effect) -> None:
    """Cover ``box`` in ``planes``, or all of them if it is None, with one of the effects for pictures.

    A box is made larger to whole pixels of chroma; what of it is outside the picture does not matter. What is shown
    depends on what is inside the box alone.
    """
    height, width = planes.y.shape
    left, top, right, bottom = _clipped(box or Box(0, 0, width, height), width, height)
    if left >= right or top >= bottom:
        return
    columns, rows = _cells(right - left, bottom - top, height)
    for plane, ink, scale in zip(planes, _INK, (1, 2, 2), strict=True):
        part = plane[top // scale : bottom // scale, left // scale : right // scale]
        match effect:
            case Effect.PIXELATE:
                part[:] = _enlarged(_shrunk(part, columns, rows), part, cv2.INTER_NEAREST)
            case Effect.BLUR:
                part[:] = _enlarged(_shrunk(part, columns, rows), part, cv2.INTER_CUBIC)
            case _:
                part[:] = ink


def cover_sound(samples: "Samples", first: int, spans: Sequence[tuple[int, int, Effect]]) -> None:
    """Cover ``spans`` (start, end, mute or tone) in ``samples``, (channels, count), of which the first is number
    ``first``; spans are in such numbers, too, from ``start`` to before ``end``.

    They may overlap, and be partly or wholly elsewhere; a tone is heard wherever any of them has one. For ``RAMP``
    samples on both sides the original fades. All else stays as it is.
    """
    numbers = np.arange(first, first + samples.shape[1])
    kept = _kept(numbers, [(start, end) for start, end, _ in spans])
    if kept is None:
        return
    samples[:, kept == 0] = 0  # not multiplied: what has been no number would stay that
    fading = (kept > 0) & (kept < 1)
    samples[:, fading] *= kept[fading]
    kept = _kept(numbers, [(start, end) for start, end, effect in spans if effect is Effect.TONE])
    if kept is not None:
        heard = kept < 1
        samples[:, heard] += (1 - kept[heard]) * _TONE[numbers[heard] % _PERIOD]


def _kept(numbers: "NDArray[np.int64]", spans: Sequence[tuple[int, int]]) -> "Samples | None":
    """Return how much is kept of each of the samples ``numbers``, which follow each other: 0 in a span, 1 away from
    all. None if they are away from all of them."""
    if not len(numbers):
        return None
    low, high = int(numbers[0]) - RAMP, int(numbers[-1]) + RAMP
    nearest: NDArray[np.int64] | None = None
    for start, end in spans:
        if start < end and start <= high and end > low:
            away = np.maximum(start - numbers, numbers - (end - 1)).clip(0, RAMP + 1)
            nearest = away if nearest is None else np.minimum(nearest, away)
    return None if nearest is None else _GAIN[nearest]


def _clipped(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom: even numbers within ``width`` and ``height``, which are even."""
    left, top = (max(0, side) // 2 * 2 for side in (box.left, box.top))
    right = min(width, -(-(box.left + box.width) // 2) * 2)
    bottom = min(height, -(-(box.top + box.height) // 2) * 2)
    return left, top, right, bottom


def _cells(width: int, height: int, picture: int) -> tuple[int, int]:
    """Return into how many cells, along and down, a part of ``width`` x ``height`` pixels is parted."""
    side = max(-(-min(width, height) // _ROWS), picture // _SMALLEST)
    return max(1, round(width / side)), max(1, round(height / side))


def _shrunk(part: "Bytes", columns: int, rows: int) -> "Bytes":
    """Return the mean colours of its cells."""
    height, width = part.shape
    size = min(columns, width), min(rows, height)
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)


def _enlarged(cells: "Bytes", part: "Bytes", interpolation: int) -> "Bytes":
    height, width = part.shape
    return np.asarray(cv2.resize(cells, (width, height), interpolation=interpolation), np.uint8)
