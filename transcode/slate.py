"""Draws the slate: what viewers see while their host is away. No I/O but the machine's fonts, which are only read.

The title and a line of text stand on the host's own image, or on a plain dark ground. A slate is always drawn: what
cannot be is left out.
"""

import logging
import struct
import warnings
from collections.abc import Iterator, Sequence
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from filters.fonts import Font, fitting, showable
from transcode.canvas import Canvas
from transcode.media import SLATE_PIXELS, Slate

_log = logging.getLogger(__name__)

_MOST_LETTERS = 300
_TOP, _BOTTOM = (27, 32, 41), (15, 18, 24)  # of the plain ground: RGB
_ACCENT = (94, 196, 182)
_INK, _FAINT = (242, 244, 247), (172, 180, 192)
_SHADE = 220  # of 255: how dark the band behind the text is, where there is an image
_DIM = 0.35  # of the light of an image that are left where it stands in for bars
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a photograph upright, by its orientation (EXIF 2.32, 4.6.4, tag 274)."""
_ORIENTATION = 274
_DAMAGED = (OSError, ValueError, SyntaxError, TypeError, LookupError, EOFError, ArithmeticError, struct.error)
"""What Pillow raises on damaged files."""
_SMALLEST = 9  # pixels: smaller letters cannot be read
_MOST_LINES = 3


def slate_frame(slate: Slate, width: int, height: int) -> av.VideoFrame:
    """Return ``slate`` as a frame such as a canvas of ``width`` x ``height`` makes."""
    drawn = av.VideoFrame.from_ndarray(np.asarray(draw(slate, width, height)), "rgb24")
    return next(Canvas(width, height).draw(drawn, Fraction(1)))


def draw(slate: Slate, width: int, height: int) -> Image.Image:
    """Return ``slate`` as an RGB image of ``width`` x ``height`` pixels."""
    ground = _own_image(slate.image, width, height)
    image = ground or _plain(width, height)
    unit = min(width, height)  # text is as large as the shorter side allows
    if unit * 9 // 100 < _SMALLEST:
        return image
    room = width * 84 // 100
    title_font, text = fitting(slate.title[:_MOST_LETTERS], unit * 9 // 100)
    title = _wrapped(text, title_font, room, _MOST_LINES)
    line_font, text = fitting(slate.line[:_MOST_LETTERS], max(unit * 9 // 200, _SMALLEST))
    line = _wrapped(text, line_font, room, 2)
    if not title and not line:
        return image
    bar = max(2, unit // 110)
    gap = unit * 4 // 100
    tall = len(title) * _pitch(title_font) + len(line) * _pitch(line_font) + 2 * gap + bar
    top = height - tall - height * 7 // 100 if ground else (height - tall) // 2
    if ground:
        _shade(image, top - gap)
    left = (width - room) // 2
    pen = ImageDraw.Draw(image)
    pen.rectangle((left, top, left + unit * 12 // 100, top + bar - 1), fill=_ACCENT)
    top = _write(pen, title, title_font, _INK, left, top + bar + gap)
    _write(pen, line, line_font, _FAINT, left, top + gap // 2)
    return image


def _write(
    pen: ImageDraw.ImageDraw, lines: Sequence[str], font: Font, ink: tuple[int, int, int], left: int, top: int
) -> int:
    """Write ``lines`` from ``left`` and ``top`` on; return where they end."""
    for line in lines:
        pen.text((left, top), line, fill=ink, font=font)
        top += _pitch(font)
    return top


def _plain(width: int, height: int) -> Image.Image:
    """Return a ground that gets a little darker downwards."""
    share = np.linspace(0, 1, height)[:, None]
    column = np.asarray(_TOP) * (1 - share) + np.asarray(_BOTTOM) * share
    return Image.fromarray(np.repeat(np.round(column).astype(np.uint8)[:, None, :], width, axis=1))


def _own_image(data: bytes, width: int, height: int) -> Image.Image | None:
    """Return the host's image, upright and whole, on a canvas; None if there is none to show.

    What it leaves of the canvas is filled with itself, dark and blurred; around and behind one that is transparent in
    places is the plain ground.
    """
    if not data:
        return None
    try:
        fitted = _fitted(data, width, height)
    except (*_DAMAGED, Image.DecompressionBombError) as error:
        _log.warning("the slate's image cannot be shown, use another PNG or JPEG file: %s", error)
        return None
    place = (width - fitted.width) // 2, (height - fitted.height) // 2
    if fitted.mode == "RGBA":
        ground = _plain(width, height)
        ground.paste(fitted, place, fitted)
    else:
        ground = _blurred(fitted, width, height)
        ground.paste(fitted, place)
    return ground


def _fitted(data: bytes, width: int, height: int) -> Image.Image:
    """Return an image file's content, upright and as large as ``width`` x ``height`` allow: RGB, or RGBA."""
    with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(data), formats=("PNG", "JPEG")) as image:
        if image.width * image.height > SLATE_PIXELS:
            raise ValueError(f"it has {image.width} x {image.height} pixels, more than {SLATE_PIXELS}")
        image.draft("RGB", (max(width, height),) * 2)  # a JPEG is decoded no larger than it need be
        orientation = image.getexif().get(_ORIENTATION, 1)
        whole = _eight_bits(image)
    if orientation in (5, 6, 7, 8):  # it lies on its side
        width, height = height, width
    scale = min(Fraction(width, whole.width), Fraction(height, whole.height))
    size = max(1, round(whole.width * scale)), max(1, round(whole.height * scale))
    fitted = whole.resize(size, Image.Resampling.LANCZOS)
    return fitted.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else fitted


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return ``image`` as RGB, or as RGBA if any of it may be transparent."""
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    image.load()
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _blurred(image: Image.Image, width: int, height: int) -> Image.Image:
    """Return ``image``, dark and blurred, on all of ``width`` x ``height``."""
    small = ImageOps.fit(image, (max(1, width // 16), max(1, height // 16)), Image.Resampling.BOX)
    soft = small.filter(ImageFilter.GaussianBlur(2)).resize((width, height), Image.Resampling.BICUBIC)
    return Image.blend(Image.new("RGB", soft.size), soft, _DIM)


def _shade(image: Image.Image, top: int) -> None:
    """Darken ``image`` below ``top``, softly, so that text can be read on it."""
    start = max(0, top - image.height // 8)
    rise = np.clip((np.arange(start, image.height) - start) / max(1, top - start), 0, 1) * _SHADE
    mask = np.repeat(rise.astype(np.uint8)[:, None], image.width, axis=1)
    image.paste(_BOTTOM, (0, start), Image.fromarray(mask))


def _pitch(font: Font) -> int:
    ascent, descent = font.getmetrics()
    return (ascent + descent) * 11 // 10


def _wrapped(text: str, font: Font, room: int, most: int) -> Sequence[str]:
    """Break ``text`` into at most ``most`` lines of ``room`` pixels; what is too long ends in an ellipsis."""
    lines: list[str] = []
    for word in (piece for whole in text.split() for piece in _pieces(whole, font, room)):
        if lines and font.getlength(f"{lines[-1]} {word}") <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) > most:
        lines[most - 1 :] = [_shortened(lines[most - 1], font, room)]
    return lines


def _shortened(line: str, font: Font, room: int) -> str:
    """Return ``line`` with an ellipsis, in place of its last word if there is no room else."""
    dots = "…" if showable("…", font) else "..."
    while line and font.getlength(line + dots) > room:
        line = line.rpartition(" ")[0] or line[:-1]
    return line.rstrip(" ,;:.-") + dots


def _pieces(word: str, font: Font, room: int) -> Iterator[str]:
    """Break a word that is longer than a line."""
    while len(word) > 1 and font.getlength(word) > room:
        end = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or font.getlength(word[:n]) <= room)
        yield word[:end]
        word = word[end:]
    yield word
