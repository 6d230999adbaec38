"""Shows screens as a stream does: coded by x264 at some quality, still or moving. And cuts lines out of them."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from random import Random
from typing import NamedTuple

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from filters.reading.levelled import HEIGHT, levelled
from training.alphabet import numbers
from training.draw import Written, screen

FULL = 80
"""What 1.0 is in a sample."""
_WIDEST = 640
_TIMES = 2
"""Ways in which each screen is shown: drawing one takes longer than coding it."""
_OFF = ((0, 1, 2, 3, 4, 5, 6, 7, 9), (1, 2, 4, 9, 12, 7, 4, 2, 1))
"""Pixels around a line's ink, above and below, and how often that is so: what a line is found in is not exact."""

Luma = NDArray[np.uint8]


class Sample(NamedTuple):
    """A line: ``pixels`` (HEIGHT, width), the classes of its characters, and where in the picture their middles are."""

    pixels: NDArray[np.int8]
    classes: NDArray[np.uint8]
    middles: NDArray[np.float32]


def samples(seed: int) -> Iterator[Sample]:
    """Return lines without end."""
    random = Random(seed)
    before: Luma | None = None
    while True:
        drawn, lines = screen(random)
        for _ in range(_TIMES):
            shown = _shown(random, drawn, before)
            for line in lines:
                sample = _cut(random, shown, line)
                if sample is not None:
                    yield sample
            for _ in range(len(lines) // 50 + 1):
                yield _empty(random, shown, lines)
        before = drawn


def _shown(random: Random, luma: Luma, before: Luma | None) -> Luma:
    chance = random.random()
    if chance < 0.08:
        return luma
    coded = (16 + luma.astype(np.float32) * (219 / 255)).round().astype(np.uint8)
    pictures = [coded]
    if chance < 0.4:  # scrolled
        by = random.choice((1, 2, 3, 4, 6, 8, 12, 16, 24, 40)) * random.choice((-1, 1))
        pictures = [np.roll(coded, by * step, axis=0) for step in range(random.choice((1, 2)), -1, -1)]
    elif chance < 0.6:  # the same again
        pictures = [coded, coded]
    elif chance < 0.75 and before is not None:
        pictures = [before, coded]
    elif chance < 0.8:
        pictures = [
            np.asarray(cv2.addWeighted(coded, part, np.full_like(coded, 120), 1 - part, 0)) for part in (0.3, 1)
        ]
    seen = _through(pictures, round(random.triangular(14, 38, 25)))
    if random.random() < 0.06:
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), random.uniform(0.3, 0.8)), np.uint8)
    if random.random() < 0.05:
        noise = np.random.default_rng(random.getrandbits(32)).normal(0, random.uniform(1, 7), seen.shape)
        seen = (seen + noise).clip(0, 255).astype(np.uint8)
    return seen


def _through(pictures: list[Luma], quality: int) -> Luma:
    """Return the last of some pictures as it is after x264 (``quality``: QP)."""
    encoder = av.CodecContext.create("libx264", "w")
    height, width = pictures[0].shape
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 30)
    encoder.options = {"preset": "veryfast", "tune": "zerolatency", "qp": str(quality), "threads": "1"}
    decoder = av.CodecContext.create("h264", "r")
    decoder.options = {"threads": "1"}
    chroma = np.full((height // 2, width), 128, np.uint8)
    packets = []
    for at, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(np.concatenate((picture, chroma)), "yuv420p")
        frame.pts, frame.time_base = at, Fraction(1, 30)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + list(decoder.decode(None))
    return np.asarray(frames[-1].to_ndarray()[:height, :width], np.uint8)


def _off(random: Random) -> int:
    return random.choices(*_OFF)[0]


def _cut(random: Random, luma: Luma, line: Written) -> Sample | None:
    """Return a line, or some of it, as it is read: with a little around, not always all of its ends."""
    left, top, right, bottom = line.ink
    first, last = 0, len(line.text)
    upper, lower = max(0, round(top) - _off(random)), min(luma.shape[0], round(bottom) + _off(random))
    scale = HEIGHT / max(1, lower - upper)
    start, end = left - random.randint(3, 12), right + random.randint(3, 12)
    part = random.random()
    if last > 4 and (part < 0.12 or (end - start) * scale > _WIDEST):
        most = _WIDEST / scale - 24
        a = random.randrange(last - 2)
        fit = int(np.searchsorted(line.spans, line.spans[a] + most)) - 1
        b = min(last, max(a + 1, fit))
        if part < 0.12:
            b = random.randint(a + 1, b)
        if random.random() < 0.3:
            a = 0 if line.spans[b] < most else a
        inside = [
            float(line.spans[at] + random.uniform(-0.4, 0.4) * (line.spans[min(at + 1, last)] - line.spans[at]))
            for at in (a, b)
        ]
        start = inside[0] if a else start
        end = inside[1] if b < last else end
    start, end = max(0.0, round(start)), min(float(luma.shape[1]), round(end))
    seen = (np.minimum(line.spans[1:], end) - np.maximum(line.spans[:-1], start)) / np.maximum(np.diff(line.spans), 0.1)
    there = np.flatnonzero(seen >= 0.5)
    if not len(there) or end - start < 6 or lower - upper < 6:
        return None
    first, last = int(there[0]), int(there[-1]) + 1
    while first < last and line.text[first] == " ":
        first += 1
    while last > first and line.text[last - 1] == " ":
        last -= 1
    if first == last:
        return None
    picture = levelled(luma[upper:lower, int(start) : int(end)])
    across = picture.shape[1] / (end - start)
    middles = ((line.spans[first:last] + line.spans[first + 1 : last + 1]) / 2 - start) * across
    classes = np.array(numbers(line.text[first:last]), np.uint8)
    return Sample(_packed(picture), classes, middles.astype(np.float32))


def _empty(random: Random, luma: Luma, lines: Sequence[Written]) -> Sample:
    """Return a place in which nothing is written, whatever else is there."""
    for _ in range(40):
        wide, high = random.randint(14, 300), random.randint(12, 40)
        x, y = random.randrange(luma.shape[1] - wide), random.randrange(luma.shape[0] - high)
        if not any(
            left < x + wide and x < right and top < y + high and y < bottom
            for left, top, right, bottom in (line.ink for line in lines)
        ):
            return Sample(
                _packed(levelled(luma[y : y + high, x : x + wide])), np.zeros(0, np.uint8), np.zeros(0, np.float32)
            )
    blank = np.full((20, 100), 90, np.uint8)
    return Sample(_packed(levelled(blank)), np.zeros(0, np.uint8), np.zeros(0, np.float32))


def _packed(picture: NDArray[np.float32]) -> NDArray[np.int8]:
    return (picture * FULL).round().astype(np.int8)
