"""Finds lines of text on a screen by their edges: strips of fine structure, parted by rows and wide gaps. Pure, no I/O.

Quick rather than clever: for what is drawn, not for photographs.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np

from filters.api import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from filters.api import Bytes

_EDGE, _DIM = 34, 20  # luma from one pixel to its neighbours; of text that hardly stands out
_AROUND = 3  # pixels
_FEW_DIM = 60  # pixels: less is no text
_GAP = 19  # pixels between words of a line, at most
_NEAR, _WIDE_GAP = 24, 1.6  # pixels, and of a line's height, between parts of it
_BESIDE_GAP = 0.75  # of the height, between parts that are surely of one line
_ALIKE, _CLOSE_BY = 0.7, 0.6  # of the higher part: so much of it is as high as the other; and close beside it
_HELD, _HIGHER = 0.4, 1.3  # the same where the higher one holds the other nearly; times as high as it are both
_RULE, _BAR = 90, 34  # longer edges than these are no letters': frames, tables, a caret
_CLOSE = 4  # pixels above and below a rule that are empty, but for this share
_BESIDE = 0.12
_LOW, _HIGH = 7, 56  # pixels of a line
_NARROW = 12
_MERGED = 22  # pixels: higher strips may be several lines
_INK, _HANGING = 0.16, 0.28  # of a row's usual number of edges: less is the space between lines, or hangs down into it
_WIDE, _LIKE = 4, 1.5  # times as wide as high are lines that are close; and as high as the lowest of them
_SPARSE = 0.22  # of a strip that are edges of letters, at least

_CROSS = np.ones((3, 3), np.uint8)


def lines(luma: "Bytes", top: int = 0, bottom: int | None = None) -> list[Box]:
    """Return boxes around what may be lines of text in ``luma``, in the rows from ``top`` to before ``bottom``."""
    strip = luma[top:bottom]
    parts = [Box(x, y + top, w, h) for x, y, w, h in _found(strip)]
    found = _joined(parts)
    while len(found) < len(parts):  # what is joined may be as high as what is close beside it now
        found, parts = _joined(found, near=0, wide=_BESIDE_GAP), found
    size = max(1, strip.shape[1] // 2), max(1, strip.shape[0] // 2)
    half = np.asarray(cv2.resize(strip, size, interpolation=cv2.INTER_AREA), np.uint8)
    large = [Box(x * 2, y * 2 + top, w * 2, h * 2) for x, y, w, h in _found(half)]
    found += [box for box in large if box.height > _HIGH and not _known(box, found)]
    return found


def _joined(boxes: list[Box], near: int = _NEAR, wide: float = _WIDE_GAP) -> list[Box]:
    """Return lines of which parts that stand close together are one: thin strokes between them get lost.

    ``near``, ``wide``: what is close, in pixels, and as a share of the line's height."""
    made: list[Box] = []
    for box in sorted(boxes, key=lambda box: box.left):
        for index, other in enumerate(made):
            gap = box.left - (other.left + other.width)
            high = min(box.top + box.height, other.top + other.height) - max(box.top, other.top)
            tall = max(box.height, other.height)
            whole = max(box.top + box.height, other.top + other.height) - min(box.top, other.top)
            alike = _ALIKE if gap > tall else _CLOSE_BY if whole > _HIGHER * tall else _HELD
            if gap <= max(near, wide * tall) and high > alike * tall:
                top, bottom = min(box.top, other.top), max(box.top + box.height, other.top + other.height)
                right = max(box.left + box.width, other.left + other.width)
                made[index] = Box(other.left, top, right - other.left, bottom - top)
                break
        else:
            made.append(box)
    return made


def _known(box: Box, among: list[Box]) -> bool:
    """Whether lines that have been found fill most of ``box``."""
    filled = sum(_shared(box, other) for other in among)
    return filled > box.width * box.height / 2


def _shared(a: Box, b: Box) -> int:
    wide = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    high = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    return max(0, wide) * max(0, high)


def _found(luma: "Bytes") -> Iterator[tuple[int, int, int, int]]:
    edges = cv2.morphologyEx(luma, cv2.MORPH_GRADIENT, _CROSS)
    _, mask = cv2.threshold(edges, _EDGE, 255, cv2.THRESH_BINARY)
    clear = list(_strips(np.asarray(mask, np.uint8)))
    yield from clear
    _, mask = cv2.threshold(edges, _DIM, 255, cv2.THRESH_BINARY)
    for left, top, wide, high in clear:  # beside clear text there may be some that is dim
        mask[max(0, top - _AROUND) : top + high + _AROUND, max(0, left - _AROUND) : left + wide + _AROUND] = 0
    dim = list(_strips(np.asarray(mask, np.uint8))) if cv2.countNonZero(mask) > _FEW_DIM else []
    # By itself it may be a photograph's.
    yield from (strip for strip in dim if any(_goes_on(strip, other) for other in clear))


def _goes_on(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    gap = max(a[0], b[0]) - min(a[0] + a[2], b[0] + b[2])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return gap <= _NEAR and high * 10 > 7 * min(a[3], b[3])


def _strips(mask: "Bytes") -> Iterator[tuple[int, int, int, int]]:
    """Yield left, top, width and height of what may be a line in a mask of edges."""
    bars = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((_BAR, 1), np.uint8))
    letters = np.asarray(cv2.subtract(mask, bars), np.uint8)
    letters = np.asarray(cv2.subtract(letters, _rules(letters)), np.uint8)
    closed = cv2.morphologyEx(letters, cv2.MORPH_CLOSE, np.ones((3, _GAP), np.uint8))
    joined = np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((4, 4), np.uint8)), np.uint8)
    ink = (letters > 0).view(np.uint8)
    for left, top, wide, high in _outlined(joined):
        if wide < _NARROW or high < _LOW:
            continue
        rows = _rows(ink[top : top + high, left : left + wide])
        for start, end in rows:
            tall = end - start
            if len(rows) == 1 and cv2.countNonZero(joined[top : top + high, left : left + wide]) < 0.3 * wide * high:
                continue
            if _LOW <= tall <= _HIGH and ink[top + start : top + end, left : left + wide].mean() > _SPARSE / 2:
                yield left, top + start, wide, tall


def _rules(mask: "Bytes") -> "Bytes":
    """Return the long level edges of ``mask`` that have nothing close above or below: the others are those of letters
    that stand close together."""
    long = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((1, _RULE), np.uint8)), np.uint8)
    for left, top, wide, high in _outlined(long):
        band = slice(max(0, top - _CLOSE), top + high + _CLOSE), slice(left, left + wide)
        beside = cv2.countNonZero(mask[band]) - cv2.countNonZero(long[band])
        if beside > _BESIDE * mask[band].size:
            long[top : top + high, left : left + wide] = 0
    return long


def _outlined(mask: "Bytes") -> Iterator[tuple[int, int, int, int]]:
    """Yield left, top, width and height of each connected part: of a sparse mask that is quicker than to label them."""
    outlines, levels = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    for outline, level in zip(outlines, levels[0] if levels is not None else (), strict=True):
        if level[3] < 0:  # no hole
            left, top, wide, high = cv2.boundingRect(outline)
            yield left, top, wide, high


def _rows(ink: "Bytes") -> list[tuple[int, int]]:
    """Return where lines begin and end that touch each other in a strip."""
    high = len(ink)
    if high <= _MERGED:
        return [(0, high)]
    share = ink.mean(1)
    runs = _runs(share, _INK, 5)
    if len(runs) < 2 and ink.shape[1] > _WIDE * high:  # lines of small letters that hang down into each other
        runs = _runs(share, _HANGING, _LOW)
        tall = [end - start for start, end in runs]
        runs = runs if runs and max(tall) <= _LIKE * min(tall) else []
    if len(runs) < 2:
        return [(0, high)]
    around = [(max(0, start - 3), min(high, end + 3)) for start, end in runs]
    return [(start + a, start + b) for start, end in around for a, b in _rows(ink[start:end])]


def _runs(share: "NDArray[np.float64]", least: float, lowest: int) -> list[tuple[int, int]]:
    """Return from which to before which row there are more than ``least`` of the usual number of edges."""
    full = share > least * np.percentile(share, 90)
    changes = np.flatnonzero(np.diff(np.concatenate(([0], full.view(np.int8), [0]))))
    runs = [(int(start), int(end)) for start, end in zip(changes[::2], changes[1::2], strict=True)]
    return [(start, end) for start, end in runs if end - start >= lowest]
