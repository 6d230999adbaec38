"""Makes text legible that stands out by its colour alone, or hardly stands out from the dark. Pure, no I/O.

Readers and everything before them see luma; magenta on grey of the same brightness, as terminals write it, is hardly
there. Its colour is added to its luma: what is brighter than its ground gets brighter, what is darker gets darker, and
what is neither stands out from it. Dark tones are set further apart: what is dim on a dark ground, as terminals write
it, differs by less than what coders make of bright ones.
"""

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from filters.api import Bytes, Planes

_COARSE, _AROUND = 8, 7  # pixels of luma, and so many of these: the surroundings are their mean
_TINGE = 22  # levels by which chroma differs anyway: fringes of letters, coding
_GROUND = 9  # of every fourth pixel: most of so many are ground
_DARK = 130  # luma of ground
_ALIKE = 5  # luma: less is no difference
_FEW = 40  # pixels of chroma: less is no text
# Luma as it is, and as it is seen.
_TONES = np.rint(np.interp(np.arange(256), (0, 16, 80, 200, 235, 255), (0, 0, 104, 210, 252, 255))).astype(np.uint8)


def toned(luma: "Bytes") -> "Bytes":
    """Return ``luma`` with darker tones further apart."""
    return np.asarray(cv2.LUT(luma, _TONES), np.uint8)


def legible(planes: "Planes") -> "Bytes":
    """Return the luma of ``planes`` (4:2:0), more of it where colour makes a difference."""
    seen = toned(planes.y)
    colour = np.asarray(cv2.max(_apart(planes.u), _apart(planes.v)), np.uint8)
    if cv2.countNonZero(colour) < _FEW:
        return seen
    left, top, wide, high = cv2.boundingRect(colour)
    height, width = seen.shape
    part = slice(top * 2, min((top + high) * 2, height)), slice(left * 2, min((left + wide) * 2, width))
    luma = seen[part]
    size = luma.shape[::-1]
    more = np.asarray(cv2.resize(colour[top : top + high, left : left + wide], size), np.uint8)
    few = luma[:: _COARSE // 2, :: _COARSE // 2]
    ground = np.asarray(cv2.medianBlur(np.ascontiguousarray(few), _GROUND), np.uint8)
    # What is as bright as its ground counts as darker on light and as brighter on dark.
    _, light = cv2.threshold(ground, _DARK, 2 * _ALIKE, cv2.THRESH_BINARY)
    border = cv2.add(cv2.addWeighted(ground, 1, ground, 0, -_ALIKE), light)
    brighter = cv2.bitwise_and(more, cv2.compare(luma, cv2.resize(border, size), cv2.CMP_GT))
    seen[part] = cv2.subtract(cv2.add(luma, brighter), cv2.subtract(more, brighter))
    return seen


def _apart(chroma: "Bytes") -> "Bytes":
    """Return by how much a plane differs from its surroundings."""
    around = cv2.resize(_around(chroma, _COARSE // 2), chroma.shape[::-1])
    apart = cv2.absdiff(chroma, around)
    return np.asarray(cv2.addWeighted(apart, 1, apart, 0, -_TINGE), np.uint8)


def _around(plane: "Bytes", coarse: int) -> "Bytes":
    height, width = plane.shape
    small = cv2.resize(plane, (max(1, width // coarse), max(1, height // coarse)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(small, (_AROUND, _AROUND)), np.uint8)
