"""Pictures as they are coded (``Planes``) into BGR and back: BT.709, limited range, 8 bit. Pure.

Chroma is taken to lie in the middle of its four pixels, so that one way undoes the other.
"""

from typing import TYPE_CHECKING

import cv2
import numpy as np

from filters.api import Planes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from filters.api import Bytes

_RED, _BLUE = 0.2126, 0.0722  # what these add to luma (Rec. ITU-R BT.709-6, 3.2)
_GREEN = 1 - _RED - _BLUE
_LUMA, _CHROMA = 219 / 255, 224 / 255  # the share of 8 bits that limited range uses
_OFFSET = (16.0, 128.0, 128.0)


def _to_yuv() -> "NDArray[np.float64]":
    y = np.array([_BLUE, _GREEN, _RED])
    u = (np.array([1.0, 0.0, 0.0]) - y) / (2 * (1 - _BLUE))
    v = (np.array([0.0, 0.0, 1.0]) - y) / (2 * (1 - _RED))
    matrix = np.stack([y * _LUMA, u * _CHROMA, v * _CHROMA])
    return np.column_stack([matrix, _OFFSET])


def _to_bgr() -> "NDArray[np.float64]":
    matrix = np.linalg.inv(TO_YUV[:, :3])
    return np.column_stack([matrix, -matrix @ TO_YUV[:, 3]])


TO_YUV = _to_yuv()
"""(3, 4): ``TO_YUV @ (b, g, r, 1)`` is ``(y, u, v)``, all of them 0 to 255."""
TO_BGR = _to_bgr()
"""(3, 4): ``TO_BGR @ (y, u, v, 1)`` is ``(b, g, r)``."""


def bgr_of(planes: Planes) -> "Bytes":
    """Return ``planes`` as a new BGR array (height, width, 3); height and width are even."""
    height, width = planes.y.shape
    u, v = (cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in planes[1:])
    return np.asarray(cv2.transform(cv2.merge((planes.y, u, v)), TO_BGR), np.uint8)


def planes_of(image: "Bytes") -> Planes:
    """Return a BGR array (height, width, 3) as new planes. Raises ValueError unless height and width are even."""
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        raise ValueError(f"a picture of {width} x {height} pixels has no planes: both must be even")
    y = np.asarray(cv2.extractChannel(cv2.transform(image, TO_YUV), 0), np.uint8)
    small = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    _, u, v = (np.asarray(plane, np.uint8) for plane in cv2.split(cv2.transform(small, TO_YUV)))
    return Planes(y, u, v)
