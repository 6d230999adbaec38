"""Puts a drawing that is transparent in places on pictures, in their planes: blended once, added to each. Pure."""

from typing import TYPE_CHECKING

import cv2
import numpy as np

from filters.api import Planes
from filters.pixels import TO_YUV

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from filters.api import Bytes

_ONE = 256  # what an opacity of 1 is, so that a shift divides by it
_HALF = 127  # what is added so that the shift rounds; one more and white could overflow


class Stamp:
    """``drawing``, uint8 RGBA (height, width, 4), with its upper left corner at ``left``, ``top`` of pictures of
    ``size``, which is width and height. What would lie outside these is left out."""

    def __init__(self, drawing: "Bytes", left: int, top: int, opacity: float, size: tuple[int, int]) -> None:
        width, height = size
        right, bottom = (
            min(side, at + of) for side, at, of in zip(size, (left, top), drawing.shape[1::-1], strict=True)
        )
        columns = slice(max(0, left) // 2 * 2, min(width, right + right % 2))
        rows = slice(max(0, top) // 2 * 2, min(height, bottom + bottom % 2))
        self._parts: list[tuple[tuple[slice, slice], NDArray[np.uint16], NDArray[np.uint16]]] = []
        if columns.start >= columns.stop or rows.start >= rows.stop:
            return
        ground = np.zeros((height, width, 4), np.uint8)
        inside = drawing[max(0, -top) : bottom - top, max(0, -left) : right - left]
        ground[max(0, top) : bottom, max(0, left) : right] = inside
        cut = ground[rows, columns].astype(np.float64)
        alpha = cut[..., 3] / 255 * opacity
        # Weighted before it is made smaller: the colour of what is not seen does not count.
        weighted = (cut[..., 2::-1] @ TO_YUV[:, :3].T + TO_YUV[:, 3]) * alpha[..., None]
        for index, scale in enumerate((1, 2, 2)):
            where = slice(rows.start // scale, rows.stop // scale), slice(columns.start // scale, columns.stop // scale)
            left_over = np.round(_ONE * (1 - _smaller(alpha, scale))).astype(np.uint16)
            added = (_ONE * _smaller(weighted[..., index], scale) + _HALF).astype(np.uint16)
            self._parts.append((where, left_over, added))

    def put(self, planes: Planes) -> None:
        """Put it on the picture ``planes``, in place."""
        for plane, (where, left_over, added) in zip(planes, self._parts, strict=False):
            part = plane[where]
            blended = part * left_over
            blended += added
            blended >>= 8
            part[:] = blended


def _smaller(values: "NDArray[np.float64]", scale: int) -> "NDArray[np.float64]":
    """Return the means of squares of ``scale`` values."""
    if scale == 1:
        return values
    height, width = values.shape
    values = np.ascontiguousarray(values)
    return np.asarray(cv2.resize(values, (width // scale, height // scale), interpolation=cv2.INTER_AREA), np.float64)
