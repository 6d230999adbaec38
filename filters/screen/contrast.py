"""Makes text legible that stands out by its colour alone. Pure, no I/O.

Readers and everything before them see luma; magenta on grey of the same brightness, as terminals write it, is hardly
there. Its colour is added to its luma: brighter on dark ground, darker on light.
"""

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from filters.api import Bytes, Planes

_COARSE, _AROUND = 8, 7  # pixels of luma, and so many of these: the surroundings are their mean
_TINGE = 22  # levels by which chroma differs anyway: fringes of letters, coding
_DARK = 110  # luma of ground
_FEW = 40  # pixels of chroma: less is no text


def legible(planes: "Planes") -> "Bytes":
    """Return the luma of ``planes`` (4:2:0), more of it where colour makes a difference."""
    colour = np.asarray(cv2.max(_apart(planes.u), _apart(planes.v)), np.uint8)
    if cv2.countNonZero(colour) < _FEW:
        return planes.y
    left, top, wide, high = cv2.boundingRect(colour)
    height, width = planes.y.shape
    part = slice(top * 2, min((top + high) * 2, height)), slice(left * 2, min((left + wide) * 2, width))
    luma = planes.y[part]
    size = luma.shape[::-1]
    more = np.asarray(cv2.resize(colour[top : top + high, left : left + wide], size), np.uint8)
    _, dark = cv2.threshold(_around(planes.y, _COARSE), _DARK, 255, cv2.THRESH_BINARY_INV)
    made = planes.y.copy()
    if dark.all():
        made[part] = cv2.add(luma, more)
    elif not dark.any():
        made[part] = cv2.subtract(luma, more)
    else:
        on_dark = cv2.resize(dark, (width, height), interpolation=cv2.INTER_NEAREST)[part]
        brighter = cv2.bitwise_and(more, on_dark)
        made[part] = cv2.subtract(cv2.add(luma, brighter), cv2.subtract(more, brighter))
    return made


def _apart(chroma: "Bytes") -> "Bytes":
    """Return by how much a plane differs from its surroundings."""
    around = cv2.resize(_around(chroma, _COARSE // 2), chroma.shape[::-1])
    apart = cv2.absdiff(chroma, around)
    return np.asarray(cv2.addWeighted(apart, 1, apart, 0, -_TINGE), np.uint8)


def _around(plane: "Bytes", coarse: int) -> "Bytes":
    height, width = plane.shape
    small = cv2.resize(plane, (max(1, width // coarse), max(1, height // coarse)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(small, (_AROUND, _AROUND)), np.uint8)
