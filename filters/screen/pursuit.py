"""Follows a part of a picture from one picture to the next, forwards or backwards in time. Pure, no I/O."""

from typing import TYPE_CHECKING, NamedTuple

import cv2

from filters.api import Box

if TYPE_CHECKING:
    from filters.api import Bytes

NEAR, FAR = 3, 16
"""Pixels around where something is expected that are searched at first, and if it is not there."""
FOUND = 0.6
"""Likeness (normalised correlation) from which on it is the same."""
_SURE = 0.85
_STAYED = 0.97  # what has moved by a pixel is less like itself, what has only been coded anew is not
_CERTAIN = 0.7  # from which on it is the same though it is far away
_AFAR = 160  # pixels
_COARSE, _COARSE_LEAST = 4, 6  # so much smaller are pictures in which it is searched afar; pixels of its height in them
_VISIBLE = 0.3  # of what is looked for: less cannot be told


class Place(NamedTuple):
    """Where something was found, and how alike it is, up to 1."""

    box: Box
    likeness: float


def cut(picture: "Bytes", box: Box) -> "Bytes":
    """Return a copy of what is in ``box``, which lies in the picture."""
    return picture[box.top : box.top + box.height, box.left : box.left + box.width].copy()


def clipped(box: Box, picture: "Bytes") -> Box | None:
    """Return what of ``box`` lies in the picture; None if nothing does."""
    height, width = picture.shape
    left, top = max(0, box.left), max(0, box.top)
    right, bottom = min(width, box.left + box.width), min(height, box.top + box.height)
    return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None


def common(a: Box, b: Box) -> Box | None:
    """Return what lies in both; None if nothing does."""
    left, top = max(a.left, b.left), max(a.top, b.top)
    right, bottom = min(a.left + a.width, b.left + b.width), min(a.top + a.height, b.top + b.height)
    return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None


def joined(a: Box, b: Box) -> Box:
    """Return what holds both."""
    left, top = min(a.left, b.left), min(a.top, b.top)
    right, bottom = max(a.left + a.width, b.left + b.width), max(a.top + a.height, b.top + b.height)
    return Box(left, top, right - left, bottom - top)


def find(picture: "Bytes", patch: "Bytes", expected: Box, reach: int = FAR) -> Place | None:
    """Return where ``patch`` is, near ``expected``; None if nothing there is like it, or it is of another size.

    Of what is expected to reach out of the picture the part inside is looked for.
    """
    seen = clipped(expected, picture)
    if seen is None or patch.shape != (expected.height, expected.width):
        return None
    if seen.width * seen.height < _VISIBLE * expected.width * expected.height:
        return None
    if seen == expected and (alike := _likeness(picture, patch, expected)) >= _STAYED:
        return Place(expected, alike)
    best = None
    for around in (NEAR, reach) if reach > NEAR else (NEAR,):
        inner = _inner(seen, picture, around)
        right, down = inner.left - expected.left, inner.top - expected.top
        part = patch[down : down + inner.height, right : right + inner.width]
        left, top = max(0, inner.left - around), max(0, inner.top - around)
        window = picture[top : inner.top + inner.height + around, left : inner.left + inner.width + around]
        likeness = cv2.matchTemplate(window, part, cv2.TM_CCOEFF_NORMED)
        _, most, _, at = cv2.minMaxLoc(likeness)
        best = Place(Box(left + at[0] - right, top + at[1] - down, expected.width, expected.height), float(most))
        if most >= _SURE:
            break
    return best if best is not None and best.likeness >= FOUND else None


def find_afar(picture: "Bytes", patch: "Bytes", expected: Box) -> Place | None:
    """Return where ``patch`` is further away from ``expected``: something has been thrust in, or snatched away."""
    side = int(min(patch.shape) // _COARSE_LEAST)
    by = max(1, min(_COARSE, side))
    seen = clipped(expected, picture)
    if by == 1 or seen != expected:
        return None
    left, top = max(0, expected.left - _AFAR), max(0, expected.top - _AFAR)
    window = picture[top : expected.top + expected.height + _AFAR, left : expected.left + expected.width + _AFAR]
    small, part = (cv2.resize(each, None, None, 1 / by, 1 / by, cv2.INTER_AREA) for each in (window, patch))
    likeness = cv2.matchTemplate(small, part, cv2.TM_CCOEFF_NORMED)
    _, most, _, at = cv2.minMaxLoc(likeness)
    if most < FOUND:
        return None
    place = find(picture, patch, Box(left + at[0] * by, top + at[1] * by, expected.width, expected.height), by + NEAR)
    return place if place is not None and place.likeness >= _CERTAIN else None


def _likeness(picture: "Bytes", patch: "Bytes", box: Box) -> float:
    """Return how alike ``patch`` is to what is in ``box``: rather less than by correlation, and much quicker."""
    there = picture[box.top : box.top + box.height, box.left : box.left + box.width]
    if there.shape != patch.shape:
        return 0.0
    apart = cv2.norm(there, patch, cv2.NORM_L2SQR) / patch.size
    return 1.0 - apart / (2.0 * max(float(patch.var()), 1.0))


def _inner(seen: Box, picture: "Bytes", around: int) -> Box:
    """Return what of ``seen`` stays in the picture if it is ``around`` pixels further out than it seems: half of it at
    least."""
    height, width = picture.shape
    left, wide = _within(seen.left, seen.width, width, around)
    top, high = _within(seen.top, seen.height, height, around)
    return Box(left, top, wide, high)


def _within(start: int, length: int, whole: int, around: int) -> tuple[int, int]:
    first = max(start, min(around, start + length // 4))
    last = min(start + length, max(whole - around, start + length - length // 4))
    return first, last - first
