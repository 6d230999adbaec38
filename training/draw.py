"""Draws screens full of lines of text, and says where in them each character stands."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, PcfFontFile

from training.alphabet import ALPHABET
from training.fonts import Face, choose, faces, font, shown
from training.texts import Texts

WIDTH, HEIGHT = 1280, 720
_BITMAPS = (
    "6x13",
    "6x13B",
    "7x13",
    "7x13B",
    "7x14",
    "7x14B",
    "8x13",
    "8x13B",
    "9x15",
    "9x15B",
    "9x18",
    "9x18B",
    "10x20",
    "6x10",
    "6x12",
)
_FILTERS = ((1 / 3, 1 / 3, 1 / 3), (0.031, 0.302, 0.334, 0.302, 0.031), (1 / 9, 2 / 9, 3 / 9, 2 / 9, 1 / 9))
"""Across thirds of pixels, for subpixels."""
_SIZES = ((9.0, 11.5), (11.5, 17.0), (17.0, 26.0), (26.0, 56.0))
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True)
class Written:
    """A line on a screen. ``spans``: from where to where each character stands, in pixels; ``ink``: left, top, right,
    bottom of all of it."""

    text: str
    spans: NDArray[np.float32]
    ink: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Ink:
    """A line's coverage, 0 to 1."""

    cover: NDArray[np.float32]
    spans: NDArray[np.float32]


@cache
def _faces() -> list[Face]:
    return faces()


@cache
def _bitmap(name: str) -> ImageFont.ImageFont | None:
    path = Path("/usr/share/fonts/X11/misc", f"{name}-ISO8859-1.pcf.gz")
    if not path.is_file():
        return None
    import gzip
    import io

    with tempfile.TemporaryDirectory() as folder:
        made = PcfFontFile.PcfFontFile(io.BytesIO(gzip.decompress(path.read_bytes())), "iso8859-1")
        made.save(str(Path(folder, "made")))
        return ImageFont.load(str(Path(folder, "made.pil")))


def _starts(drawn: Any, text: str) -> NDArray[np.float32]:  # noqa: ANN401 - two sorts of fonts
    """Return where characters begin, and the last one ends: kerning is spread over all of them."""
    steps = [0.0, *(_advance(drawn, character) for character in text)]
    starts = np.cumsum(np.array(steps, np.float32))
    return np.asarray(starts * (drawn.getlength(text) / max(1e-3, float(starts[-1]))), np.float32)


@lru_cache(maxsize=20000)
def _advance(drawn: Any, character: str) -> float:  # noqa: ANN401
    return float(drawn.getlength(character))


def _mask(drawn: Any, text: str, mode: str = "L") -> NDArray[np.float32]:  # noqa: ANN401
    """Return coverage with a pixel of room at the left."""
    left, _, right, bottom = drawn.getbbox(text)
    size = int(max(right, drawn.getlength(text)) - min(0, left)) + 4, int(bottom) + 4
    image = Image.new(mode, size)
    draw = ImageDraw.Draw(image)
    draw.fontmode = "1" if mode == "1" else "L"
    draw.text((2, 1), text, 1 if mode == "1" else 255, drawn)
    return np.asarray(np.asarray(image.convert("L"), np.float32) / 255, np.float32)


@dataclass(frozen=True, slots=True)
class Style:
    """How lines of one panel are drawn."""

    face: str
    """A file, or the name of a bitmap font."""
    size: float
    way: str
    gamma: float
    spread: float
    """Pixels between letters, more than usual."""
    kernel: tuple[float, ...]

    def ink(self, text: str) -> _Ink:
        """Draw a text."""
        if self.way == "bitmap":
            return self._bitmap(text)
        if self.way in {"hinted", "mono"}:
            drawn = font(self.face, round(self.size))
            if self.spread:
                return self._spread(drawn, text, 1)
            return _Ink(_mask(drawn, text, "1" if self.way == "mono" else "L") ** self.gamma, _starts(drawn, text) + 2)
        drawn = font(self.face, round(self.size * 6) / 2)
        wide = self._spread(drawn, text, 3) if self.spread else _Ink(_mask(drawn, text), _starts(drawn, text) + 2)
        cover = wide.cover
        cover = np.pad(cover, ((0, -cover.shape[0] % 3), (3, 6 + -cover.shape[1] % 3)))
        cover = cover.reshape(-1, 3, cover.shape[1]).mean(1)
        if self.way == "smooth":
            thin = cover.reshape(cover.shape[0], -1, 3).mean(2)
        else:
            seen = cv2.filter2D(cover, -1, np.array([self.kernel], np.float32))
            thin = seen.reshape(cover.shape[0], -1, 3) @ np.array(_LUMA, np.float32)
        return _Ink(np.asarray(thin**self.gamma, np.float32), np.asarray((wide.spans + 3) / 3, np.float32))

    def _bitmap(self, text: str) -> _Ink:
        drawn = _bitmap(self.face)
        assert drawn is not None
        mask = drawn.getmask(text)
        image = np.asarray(mask, np.float32).reshape(mask.size[1], mask.size[0]) / 255
        return _Ink(np.asarray(np.pad(image, ((1, 1), (2, 2))), np.float32), _starts(drawn, text) + 2)

    def _spread(self, drawn: Any, text: str, scale: int) -> _Ink:  # noqa: ANN401
        starts, at = [2.0], 2.0
        parts = []
        for character in text:
            parts.append((round(at), _mask(drawn, character)))
            at += drawn.getlength(character) + self.spread * scale
            starts.append(at)
        high = max(part.shape[0] for _, part in parts)
        cover = np.zeros((high, max(left + part.shape[1] for left, part in parts)), np.float32)
        for left, part in parts:
            here = cover[: part.shape[0], left - min(left, 2) : left - min(left, 2) + part.shape[1]]
            np.maximum(here, part[:, : here.shape[1]], out=here)
        return _Ink(cover, np.array(starts, np.float32))


def style(random: Random, scale: float) -> Style:
    """Choose a style; ``scale``: the picture will be so much smaller when it is seen."""
    if random.random() < 0.06:
        names = [name for name in _BITMAPS if _bitmap(name) is not None]
        if names:
            return Style(random.choice(names), 0, "bitmap", 1, 0, ())
    low, high = random.choices(_SIZES, (24, 50, 19, 7))[0]
    size = random.uniform(low, high) * scale
    way = random.choices(("hinted", "smooth", "subpixel", "mono"), (40, 35, 22, 3))[0]
    if way == "mono" and size < 11:
        way = "hinted"
    spread = random.choice((0.5, 1, 1.5, 2, -0.3)) * size / 16 if random.random() < 0.05 else 0
    return Style(choose(random, _faces()).path, size, way, random.choice((1, 1, 0.75, 0.9, 1.2)), spread,
                 random.choice(_FILTERS))  # fmt: skip


def _colours(random: Random) -> tuple[float, float]:
    """Return ground and ink."""
    while True:
        ground = random.choice(
            (255, 250, 240, random.uniform(180, 255), random.uniform(0, 255), random.uniform(10, 60), 30, 13)
        )
        ink = random.choice((0, 30, 255, 230, random.uniform(0, 255), random.uniform(0, 120), random.uniform(120, 255)))
        contrast = abs(ink - ground)
        if contrast > 110 or (contrast > 45 and random.random() < 0.25):
            return ground, ink


class Screen:
    """One screen that is being drawn."""

    def __init__(self, random: Random, scale: float = 1.0) -> None:
        self._random = random
        self._scale = scale
        self._texts = Texts(random)
        self.luma = np.full((round(HEIGHT * scale), round(WIDTH * scale)), 128, np.float32)
        self.lines: list[Written] = []
        self._fill()

    def _fill(self) -> None:
        high, wide = self.luma.shape
        top = 0
        while top < high - 20:
            tall = min(high - top, self._random.randint(50, 240))
            columns = self._random.choices((1, 2, 3, 4), (3, 4, 3, 2))[0]
            cuts = [0, *sorted(self._random.randint(1, 11) * wide // 12 for _ in range(columns - 1)), wide]
            for left, right in pairwise(cuts):
                if right - left > 40:
                    self._panel(left, top, right, top + tall)
            top += tall

    def _panel(self, left: int, top: int, right: int, bottom: int) -> None:
        random = self._random
        ground, ink = _colours(random)
        panel = self.luma[top:bottom, left:right]
        panel[:] = ground
        if random.random() < 0.12:  # a slight gradient
            ways = (
                np.linspace(-1, 1, panel.shape[1])[None, :]
                if random.random() < 0.5
                else np.linspace(-1, 1, panel.shape[0])[:, None]
            )
            panel += (ways * random.uniform(3, 18)).astype(np.float32)
        look = style(random, self._scale)
        leading = random.choices(
            (random.uniform(1.0, 1.2), random.uniform(1.2, 1.7), random.uniform(1.7, 3)), (3, 5, 2)
        )[0]
        y = top + random.randint(1, 12)
        while y < bottom - 8:
            x = left + random.randint(2, 30)
            step = 0
            while x < right - 20:
                made = self._line(look, ground, ink, x, y, right, bottom)
                if made is None:
                    break
                x, tall = made
                step = max(step, tall)
                x += random.randint(30, 90)
                if random.random() < 0.5:
                    break
            if not step:
                return
            y += max(6, round(step * leading))
            if random.random() < 0.15:
                look = style(random, self._scale)

    def _line(
        self, look: Style, ground: float, ink: float, x: int, y: int, right: int, bottom: int
    ) -> tuple[int, int] | None:
        """Write a line; return where it ends, and the letters' usual height. None: there is no room."""
        random = self._random
        room = right - x - 6
        wide = (look.size or 12) * 0.5
        text = self._texts.line(max(1, min(random.randint(1, 90), int(room / wide) + 4)))
        if look.way == "bitmap":
            text = "".join(character for character in text if ord(character) < 256)
        else:
            text = shown(look.face, text)
        text = " ".join(text.split())
        if not text:
            text = "0"
        drawn = look.ink(text)
        if drawn.spans[-1] + 4 > room:  # what does not fit is left out
            count = int(np.searchsorted(drawn.spans, room - 4)) - 1
            text = text[: max(0, count)].rstrip()
            if not text:
                return None
            drawn = look.ink(text)
        cover = drawn.cover
        rows, columns = np.flatnonzero((cover > 0.2).any(1)), np.flatnonzero((cover > 0.2).any(0))
        if not len(rows):
            return None
        top, low = int(rows[0]), int(rows[-1]) + 1
        tall = round(look.size) or low
        if y + low > bottom - 1 or x + cover.shape[1] > self.luma.shape[1]:
            return None
        if abs(ink - ground) > 80 and random.random() < 0.04:
            ink = ground + (ink - ground) * random.uniform(0.4, 0.8)
        place = self.luma[y : y + cover.shape[0], x : x + cover.shape[1]]
        cover = cover[: place.shape[0]]
        ink_box = (x + float(columns[0]), y + float(top), x + float(columns[-1]) + 1, y + float(low))
        self._around(ink_box, drawn.spans + x, ground, ink)
        if random.random() < 0.03 and len(text) > 3:  # a selection
            a, b = sorted(random.sample(range(len(text) + 1), 2))
            start, end = int(drawn.spans[a]), int(drawn.spans[b]) + 1
            area = self.luma[max(0, int(ink_box[1]) - 2) : int(ink_box[3]) + 2, x + start : x + end]
            swapped = random.random() < 0.5
            other = ink if swapped else (ground * 2 + random.uniform(0, 255)) / 3
            area[:] = other
            letters = ground if swapped else ink
            if abs(letters - other) < 60:
                letters = 255.0 if other < 128 else 0.0
            inks = np.full(cover.shape[1], ink, np.float32)
            inks[start:end] = letters
            place[:] = place * (1 - cover) + inks * cover
        else:
            place[:] = place * (1 - cover) + ink * cover
        self.lines.append(Written(text, drawn.spans + x, ink_box))
        return round(x + float(drawn.spans[-1])), tall

    def _around(
        self, box: tuple[float, float, float, float], spans: NDArray[np.float32], ground: float, ink: float
    ) -> None:
        """Draw what stands beside a line: frames, rules, icons, a caret."""
        random, luma = self._random, self.luma
        left, top, right, bottom = (round(side) for side in box)
        what = random.random()
        pale = ground + (ink - ground) * random.uniform(0.15, 1.0)
        if what < 0.05:  # underlined
            y = bottom + random.randint(-2, 3)
            luma[y : y + random.choice((1, 1, 2)), left:right] = pale
        elif what < 0.11:  # a frame
            by, aside = random.randint(3, 9), random.randint(4, 14)
            corners = (max(0, left - aside), max(0, top - by)), (right + aside, bottom + by)
            cv2.rectangle(luma, *corners, pale, random.choice((1, 1, 1, 2)))
        elif what < 0.15:  # rules above, below, beside
            for y in (top - random.randint(3, 8), bottom + random.randint(2, 8)):
                if random.random() < 0.7 and y > 0:
                    luma[y : y + 1, max(0, left - 14) : right + 14] = pale
            if random.random() < 0.4:
                x = max(0, left - random.randint(3, 9))
                luma[max(0, top - 5) : bottom + 5, x : x + random.choice((1, 1, 3))] = pale
        elif what < 0.19:  # a caret
            x = round(float(random.choice((spans[-1] + 1, spans[-1] + 2, random.choice(spans.tolist())))))
            luma[max(0, top - 2) : bottom + 2, x : x + random.choice((1, 1, 2))] = ink
        elif what < 0.22:  # an icon
            size = bottom - top
            x = left - size // 2 - random.randint(4, 9)
            if x > size:
                if random.random() < 0.5:
                    cv2.circle(
                        luma,
                        (x, (top + bottom) // 2),
                        max(2, size // random.choice((2, 3, 5))),
                        pale,
                        random.choice((-1, 1, 2)),
                    )
                else:
                    side = size // random.choice((2, 3))
                    cv2.rectangle(luma, (x - side, top), (x + side, bottom), pale, random.choice((-1, 1)))


def screen(random: Random) -> tuple[NDArray[np.uint8], Sequence[Written]]:
    """Return a screen of 1280 x 720, of which some are a larger one made smaller, and what is written on it."""
    scale = random.choices((1.0, 1.5, random.uniform(1.0, 2.0)), (65, 22, 13))[0]
    made = Screen(random, scale)
    luma = made.luma.clip(0, 255)
    lines = made.lines
    if scale != 1.0:
        how = random.choice((cv2.INTER_AREA, cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC))
        luma = cv2.resize(luma, (WIDTH, HEIGHT), interpolation=how).clip(0, 255)
        x, y = WIDTH / made.luma.shape[1], HEIGHT / made.luma.shape[0]
        lines = [
            Written(line.text, line.spans * x, (line.ink[0] * x, line.ink[1] * y, line.ink[2] * x, line.ink[3] * y))
            for line in lines
        ]
    return luma.round().astype(np.uint8), lines


assert "\n" not in ALPHABET
