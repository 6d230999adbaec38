"""Chooses a font for a text in any script, of those that the machine has. No I/O but its font files, only read."""

import unicodedata
from collections.abc import Iterator

from PIL import ImageFont

Font = ImageFont.FreeTypeFont

_NAMES = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf", "arial.ttf"),
    *("NotoSansCJK-Regular.ttc", "wqy-microhei.ttc", "DroidSansFallbackFull.ttf", "Arial Unicode.ttf", "msyh.ttc"),
    *("NotoSansArabic-Regular.ttf", "NotoSansDevanagari-Regular.ttf", "NotoSansThai-Regular.ttf"),
    *("NotoSansBengali-Regular.ttf", "NotoSansTamil-Regular.ttf", "NotoSansHebrew-Regular.ttf", "FreeSans.ttf"),
)
"""Asked for in this order, until one has all letters of a text."""
_JOINERS = "\u200c\u200d"  # control characters without which some scripts are misspelt
_NONE = "\U0010fffe"  # stands for no letter, so a font shows what it has for those that it lacks


def fitting(text: str, size: int) -> tuple[Font, str]:
    """Return the font of ``size`` pixels that has most letters of ``text``, and what of it that can show.

    Letters with accents that it lacks are left without these, others are left out rather than shown as boxes.
    White space becomes spaces, but for line breaks.
    """
    text = unicodedata.normalize("NFC", text)
    best: tuple[Font, str] | None = None
    for font in _installed(size):
        shown = showable(text, font)
        if best is None or len(shown) > len(best[1]):
            best = font, shown
        if len(shown) >= len(text):
            break
    assert best is not None, "Pillow has a font of its own"
    return best


def _installed(size: int) -> Iterator[Font]:
    """Yield fonts, and at last Pillow's own, which has the Latin letters without accents."""
    for name in _NAMES:
        try:
            yield ImageFont.truetype(name, size)
        except OSError:
            continue
    own = ImageFont.load_default(size)
    assert isinstance(own, Font), "Pillow's wheels have FreeType"
    yield own


def showable(text: str, font: Font) -> str:
    """Return what ``font`` can show of ``text``: see ``fitting``."""
    plain = font.font_variant(layout_engine=ImageFont.Layout.BASIC)  # in which a lone mark gets no circle to stand on
    lacking = _shape(plain, _NONE)
    shown = ""
    for letter in text:
        if letter.isspace():
            shown += "\n" if letter == "\n" else " "
        elif _allowed(letter, shown) and _shape(plain, letter) != lacking:
            shown += letter
        else:
            parts = unicodedata.normalize("NFKD", letter)
            shown += "".join(part for part in parts if part.isalnum() and _shape(plain, part) != lacking)
    return shown


def _allowed(letter: str, before: str) -> bool:
    """Whether ``letter`` may be shown: marks and joiners need something to stand on, control characters never may."""
    kind = unicodedata.category(letter)[0]
    if kind == "M" or letter in _JOINERS:
        return bool(before[-1:].strip())
    return kind != "C"


def _shape(font: Font, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)
