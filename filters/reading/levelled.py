"""Brings a line to what the reader of screen text has learnt from: one height, ground 0, letters near 1. No I/O."""

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from filters.api import Bytes

HEIGHT = 24
"""Pixels of a line."""
_WIDEST = 4000
_RARE = 0.005  # of the pixels are lighter, or darker, than what counts as letters
_FAINT = 14.0  # luma: less contrast than that is none, and is not made more of


def levelled(line: "Bytes") -> "NDArray[np.float32]":
    """Return ``line`` (height, width) as (HEIGHT, width in proportion): light letters on dark ground, or so."""
    height, width = line.shape
    wanted = min(max(8, round(width * HEIGHT / height)), _WIDEST)
    how = cv2.INTER_CUBIC if height < HEIGHT else cv2.INTER_AREA
    scaled = np.asarray(cv2.resize(line, (wanted, HEIGHT), interpolation=how), np.uint8)
    share = np.cumsum(np.bincount(scaled.ravel(), minlength=256)) / scaled.size
    low, ground, high = (float(np.searchsorted(share, part)) for part in (_RARE, 0.5, 1 - _RARE))
    above, below = high - ground, ground - low
    full = max(above, below, _FAINT) * (1 if above >= below else -1)
    return np.asarray(((scaled.astype(np.float32) - ground) / full).clip(-1.5, 1.5), np.float32)
