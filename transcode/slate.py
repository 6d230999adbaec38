"""Draws the slate: what viewers see while their host is away. No I/O but the machine's fonts, which are only read.

The title and a line of text stand on the host's own image, or on a plain dark ground. A slate is always drawn: what
cannot be is left out.
"""

import logging
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from transcode.canvas import Canvas
from transcode.media import Slate

_log = logging.getLogger(__name__)

_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf", "arial.ttf")
_MOST_PIXELS = 50_000_000
_TOP, _BOTTOM = (27, 32, 41), (15, 18, 24)  # of the plain ground: RGB
_ACCENT = (94, 196, 182)
_INK, _FAINT = (242, 244, 247), (172, 180, 192)
_SHADE = 185  # of 255: how dark the band behind the text is, where there is an image
_SMALLEST = 9  # pixels: smaller letters cannot be read
_MOST_LINES = 3

Font = ImageFont.FreeTypeFont


def slate_frame(slate: Slate, width: int, height: int) -> av.VideoFrame:
    """Return ``slate`` as a frame such as a canvas of ``width`` x ``height`` makes."""
    drawn = av.VideoFrame.from_ndarray(np.asarray(draw(slate, width, height)), "rgb24")
    return next(Canvas(width, height).draw(drawn, Fraction(1)))


def draw(slate: Slate, width: int, height: int) -> Image.Image:
    """Return ``slate`` as an RGB image of ``width`` x ``height`` pixels."""
    ground = _own_image(slate.image, width, height)
    image = ground or _plain(width, height)
    unit = min(width, height)  # text is as large as the shorter side allows
    title_font, line_font = _font(unit * 9 // 100), _font(max(unit * 9 // 200, min(unit * 9 // 100, _SMALLEST)))
    if title_font is None or line_font is None:
        return image
    room = width * 84 // 100
    title = _wrapped(slate.title, title_font, room, _MOST_LINES)
    line = _wrapped(slate.line, line_font, room, 2)
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
    """Return the host's image, upright and whole, on a canvas of its darkest ground; None if there is none to show."""
    if not data:
        return None
    try:
        with warnings.catch_warnings(action="error"), Image.open(BytesIO(data), formats=("PNG", "JPEG")) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise ValueError(f"it has {image.width} x {image.height} pixels")
            whole = ImageOps.exif_transpose(image).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        _log.warning("the slate's image cannot be shown: %s", error)
        return None
    ground = _plain(width, height)
    fitted = ImageOps.contain(whole, (width, height), Image.Resampling.LANCZOS)
    ground.paste(fitted, ((width - fitted.width) // 2, (height - fitted.height) // 2), fitted)
    return ground


def _shade(image: Image.Image, top: int) -> None:
    """Darken ``image`` below ``top``, softly, so that text can be read on it."""
    start = max(0, top - image.height // 8)
    rise = np.clip((np.arange(start, image.height) - start) / max(1, top - start), 0, 1) * _SHADE
    mask = np.repeat(rise.astype(np.uint8)[:, None], image.width, axis=1)
    image.paste(_BOTTOM, (0, start), Image.fromarray(mask))


def _font(size: int) -> Font | None:
    """Return a font of ``size`` pixels; None if its letters could not be read."""
    if size < _SMALLEST:
        return None
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    font = ImageFont.load_default(size)
    return font if isinstance(font, Font) else None


def _pitch(font: Font) -> int:
    ascent, descent = font.getmetrics()
    return (ascent + descent) * 11 // 10


def _wrapped(text: str, font: Font, room: int, most: int) -> Sequence[str]:
    """Break ``text`` into at most ``most`` lines of ``room`` pixels; what is too long ends in an ellipsis."""
    lines: list[str] = []
    words = _drawable(text, font).split()
    for word in (piece for whole in words for piece in _pieces(whole, font, room)):
        if lines and font.getlength(f"{lines[-1]} {word}") <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) > most:
        last = lines[most - 1]
        while last and font.getlength(f"{last}…") > room:
            last = last[:-1]
        lines[most - 1 :] = [f"{last.rstrip()}…" if _has(font, "…") else f"{last[:-2].rstrip()}..."]
    return lines


def _pieces(word: str, font: Font, room: int) -> Iterator[str]:
    """Break a word that is longer than a line."""
    while len(word) > 1 and font.getlength(word) > room:
        end = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or font.getlength(word[:n]) <= room)
        yield word[:end]
        word = word[end:]
    yield word


def _drawable(text: str, font: Font) -> str:
    """Return ``text`` without what ``font`` has no shape for; letters with accents that are missing lose these."""
    shown = []
    for letter in unicodedata.normalize("NFC", text):
        if letter.isspace():
            shown.append(" ")
        elif _has(font, letter):
            shown.append(letter)
        else:
            shown += [part for part in unicodedata.normalize("NFKD", letter) if part != letter and _has(font, part)]
    return "".join(shown)


def _has(font: Font, letter: str) -> bool:
    """Whether ``font`` has a shape for ``letter``: another than for what no font has."""
    if unicodedata.category(letter)[0] in "CM":  # control characters, marks by themselves
        return False
    mask, nothing = font.getmask(letter), font.getmask("\U0010fffe")
    return mask.size != nothing.size or bytes(mask) != bytes(nothing)
