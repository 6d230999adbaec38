"""The filter ``overlay``: a text, an image or both, above every picture. Reads its image and the machine's fonts."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from filters.api import Planes, Stream, VideoFilter
from filters.errors import SpecError
from filters.fonts import Font, fitting
from filters.stamp import Stamp

Position = Literal["top-left", "top", "top-right", "center", "bottom-left", "bottom", "bottom-right"]

_MOST_LETTERS = 500
_MOST_PIXELS = 16_000_000  # of an image: a larger one would take seconds
_SMALLEST = 9  # pixels: smaller letters cannot be read
_INK, _EDGE = (255, 255, 255, 255), (0, 0, 0, 200)  # can be read on any ground
_DAMAGED = (OSError, ValueError, SyntaxError, TypeError, LookupError, EOFError, ArithmeticError)
"""What Pillow raises on damaged files."""


class Overlay(VideoFilter):
    """Show a text, an image or both on every picture.

    text: what is written, in any script; it is broken into lines where it is too long.
    image: the absolute path of a PNG or JPEG file; what is transparent in it stays so. It stands above the text.
    position: top-left, top, top-right, center, bottom-left, bottom or bottom-right.
    size, image_size: how tall a line of text and the image are, as shares of the picture's height.
    opacity: from 0 to 1.
    margin: how far it is from the edges, as a share of the picture's height.
    """

    pixels = "yuv"

    def __init__(
        self,
        *,
        text: str = "",
        image: str = "",
        position: Position = "bottom-right",
        size: float = 0.05,
        image_size: float = 0.15,
        opacity: float = 1.0,
        margin: float = 0.03,
    ) -> None:
        if not text.strip() and not image:
            raise SpecError("it has nothing to show: give it text=… or image=/path/of/a.png")
        if len(text) > _MOST_LETTERS:
            raise SpecError(f"the option text has at most {_MOST_LETTERS} letters")
        if text.strip() and not fitting(text, _SMALLEST)[1].strip():
            raise SpecError("no font of this machine has the letters of its text: install one that does, such as Noto")
        _check("size", size, 0.01, 1)
        _check("image_size", image_size, 0.01, 1)
        _check("opacity", opacity, 0, 1)
        _check("margin", margin, 0, 0.4)
        if image:
            _read(image)
        self._text = text
        self._image = image
        self._position = position
        self._size = size
        self._image_size = image_size
        self._opacity = opacity
        self._margin = margin
        self._stamp: Stamp | None = None

    def open(self, stream: Stream) -> None:
        """Draw once what is put on every picture."""
        width, height = stream.width, stream.height
        if not width or not height:
            return
        margin = round(self._margin * height)
        room = max(1, width - 2 * margin), max(1, height - 2 * margin)
        across, down = _side(self._position)
        drawn: list[Image.Image] = []
        if self._image:
            drawn.append(ImageOps.contain(_read(self._image), (room[0], max(1, round(self._image_size * height)))))
        if self._text.strip():
            drawn.append(_written(self._text, max(_SMALLEST, round(self._size * height)), room[0], across))
        whole = _stacked(drawn, across, margin // 3)
        if whole.width > room[0] or whole.height > room[1]:
            whole = ImageOps.contain(whole, room)
        left = margin + round((room[0] - whole.width) * across)
        top = margin + round((room[1] - whole.height) * down)
        self._stamp = Stamp(np.asarray(whole), left, top, self._opacity, (width, height))

    def close(self) -> None:
        """Let go of the drawing."""
        self._stamp = None

    def picture(self, image: Planes, t: float) -> Planes:
        """Return ``image`` with the drawing on it."""
        if self._stamp is not None:
            self._stamp.put(image)
        return image


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise SpecError(f"the option {name} is from {least:g} to {most:g}, not {value:g}")


def _side(position: Position) -> tuple[float, float]:
    """Return where it stands, across and down: from 0, left or top, to 1."""
    words = position.split("-")
    across = 0.0 if "left" in words else 1.0 if "right" in words else 0.5
    return across, 0.0 if "top" in words else 1.0 if "bottom" in words else 0.5


def _read(path: str) -> Image.Image:
    """Return an image file, upright, as RGBA. Raises SpecError, which does not say where it is looked for."""
    if not Path(path).is_absolute():
        raise SpecError("the option image is an absolute path: it is read on the server")
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=("PNG", "JPEG")) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise ValueError(f"it has {image.width} x {image.height} pixels, more than {_MOST_PIXELS}")
            return ImageOps.exif_transpose(_eight_bits(image)).convert("RGBA")
    except UnidentifiedImageError:
        raise SpecError("its image cannot be shown: it is neither a PNG nor a JPEG file") from None
    except (*_DAMAGED, Image.DecompressionBombError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SpecError(f"its image cannot be read: {reason}") from error


def _eight_bits(image: Image.Image) -> Image.Image:
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))  # 16 bits of grey, which Pillow would clip


def _written(text: str, size: int, room: int, across: float) -> Image.Image:
    """Return ``text`` in lines of ``size`` pixels that are ``room`` pixels wide at most, if words can be so short."""
    font, shown = fitting(text, size)
    edge = max(1, size // 14)
    lines = [line for part in shown.split("\n") for line in _broken(part, font, room - 2 * edge)]
    return _stacked([_line(line, font, edge) for line in lines], across, 0)


def _line(text: str, font: Font, edge: int) -> Image.Image:
    ascent, descent = font.getmetrics()
    left, top, right, bottom = font.getbbox(text, stroke_width=edge)
    # Where all lines have the same height they stand evenly, but what some scripts have above or below is not cut off.
    top, bottom = min(top, -edge), max(bottom, ascent + descent + edge)
    image = Image.new("RGBA", (max(1, round(right - left)), max(1, round(bottom - top))))
    ImageDraw.Draw(image).text((-left, -top), text, _INK, font, stroke_width=edge, stroke_fill=_EDGE)
    return image


def _broken(text: str, font: Font, room: int) -> Iterator[str]:
    """Break ``text`` into lines at spaces, and inside words that are longer than a line."""
    line = ""
    for word in text.split():
        if line and font.getlength(f"{line} {word}") <= room:
            line += f" {word}"
            continue
        if line:
            yield line
        while len(word) > 1 and font.getlength(word) > room:
            end = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or font.getlength(word[:n]) <= room)
            yield word[:end]
            word = word[end:]
        line = word
    if line:
        yield line


def _stacked(images: Sequence[Image.Image], across: float, gap: int) -> Image.Image:
    """Return ``images`` below each other."""
    width = max(image.width for image in images)
    whole = Image.new("RGBA", (width, sum(image.height for image in images) + gap * (len(images) - 1)))
    top = 0
    for image in images:
        whole.paste(image, (round((width - image.width) * across), top))
        top += image.height + gap
    return whole
