"""Synthetic pictures and sound to try filters on: the same each time, and with what one puts into them. Pure."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np

from filters.api import SAMPLE_RATE, TICKS, Box, Picture
from filters.pixels import bgr_of, planes_of

if TYPE_CHECKING:
    from filters.api import Bytes, Samples

Paint = Callable[["Bytes", float], None]
"""Draws on a BGR picture (height, width, 3) as it is at a time in seconds."""

_LOUDNESS = 0.05  # of the sound, as a share of full scale


def pictures(
    seconds: float,
    paint: Paint | None = None,
    *,
    width: int = 320,
    height: int = 180,
    frame_rate: float = 30.0,
    start: float = 0.0,
) -> list[Picture]:
    """Return ``seconds`` of pictures from ``start`` (seconds) on: a soft ground that moves, a little noise, and on it
    what ``paint`` draws. Width and height are even; no colour of the ground is strong."""
    grain = np.random.default_rng(width * height).integers(0, 4, (height, width, 3), np.uint8)
    down, across = np.mgrid[:height, :width] / height
    made = []
    for number in range(round(seconds * frame_rate)):
        t = start + number / frame_rate
        waves = (np.sin(3 * across + t), np.cos(4 * down + t), np.sin(2 * (across + down) - t))
        image = np.stack([110 + 30 * wave for wave in waves], -1).astype(np.uint8) + np.roll(grain, number * 7, 1)
        if paint is not None:
            paint(image, t)
        made.append(Picture(round(t * TICKS), planes_of(image), bgr_of))
    return made


def patch(box: Box, colour: tuple[int, int, int], start: float, end: float) -> Paint:
    """Return what paints a rectangle of one BGR ``colour`` from ``start`` to before ``end`` (seconds)."""

    def paint(image: "Bytes", t: float) -> None:
        if start <= t < end:
            right, bottom = box.left + box.width - 1, box.top + box.height - 1
            cv2.rectangle(image, (box.left, box.top), (right, bottom), colour, cv2.FILLED)

    return paint


def sounds(seconds: float, *, channels: int = 1, seed: int = 1) -> "Samples":
    """Return ``seconds`` of soft noise that swells as speech does: float32 (channels, count)."""
    count = round(seconds * SAMPLE_RATE)
    noise = np.random.default_rng(seed).normal(0, _LOUDNESS, (channels, count))
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * np.arange(count) / SAMPLE_RATE)  # four syllables a second
    return (noise * swell).astype(np.float32)


def add_tone(samples: "Samples", start: float, end: float, hz: float, level: float = 0.5) -> None:
    """Add a tone to ``samples``, in place, from ``start`` to before ``end`` (seconds); ``level``: its amplitude."""
    first, last = (min(round(t * SAMPLE_RATE), samples.shape[1]) for t in (start, end))
    samples[:, first:last] += np.float32(level) * np.sin(2 * np.pi * hz * np.arange(first, last) / SAMPLE_RATE)
