"""Filters whose cost is measured, or known: for benchmarks, by ``tests/support/bench_filters.py:name``."""

import time
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from filters import Detector, Finding, Picture, Planes, Sound, VideoFilter, video_filter


class Nothing(Detector):
    """Take pictures and sound, and find nothing."""

    lookahead = 2.0

    def picture(self, picture: Picture) -> Iterable[Finding]:
        return ()

    def sound(self, sound: Sound) -> Iterable[Finding]:
        return ()


class Costly(Detector):
    """Take ``cost`` ms of CPU time for each picture."""

    lookahead = 2.0

    def __init__(self, *, cost: float = 20.0) -> None:
        self._cost = cost / 1000

    def picture(self, picture: Picture) -> Iterable[Finding]:
        until = time.thread_time() + self._cost
        while time.thread_time() < until:
            picture.planes.y.sum()  # most of it without the GIL, as models do
        return ()


@video_filter
def bgr(image: NDArray[np.uint8], t: float) -> NDArray[np.uint8]:
    return 255 - image


class Yuv(VideoFilter):
    """The same on planes, in place."""

    pixels = "yuv"

    def picture(self, image: Planes, t: float) -> Planes:
        for plane in image:
            np.subtract(255, plane, out=plane)
        return image
