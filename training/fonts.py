"""The fonts of this machine that show text as screens do. Install Debian's packages of free fonts for more of them."""

from functools import lru_cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from PIL import ImageFont

FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
_LEFT_OUT = (
    *("symbol", "emoji", "dingbats", "d050000l", "math", "icon", "awesome", "signwriting", "standardsymbols", "z003"),
    *("fallback", "initials", "keyboard", "outline", "shadow"),
)
_SCRIPTS = (
    "NotoSans-",
    "NotoSerif-",
    "NotoSansMono",
    "NotoMono",
    "NotoSansDisplay-",
    "NotoSerifDisplay-",
    "NotoSansUI",
)
"""Of the Noto fonts these have Latin letters; others are for one other script each."""
_USUAL = ("dejavu", "liberation", "arimo", "cousine", "tinos", "roboto", "noto", "opensans", "hack", "ubuntu", "inter",
          "jetbrains", "firacode", "carlito", "inconsolata", "nimbus")  # fmt: skip
"""Taken more often: screens show these, or ones like them."""


class Face(NamedTuple):
    """A font file; ``weight``: how often it is taken."""

    path: str
    weight: float


def faces() -> list[Face]:
    """Return the fonts with Latin letters."""
    found = []
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*")):
            name = path.name.lower()
            if path.suffix.lower() not in {".ttf", ".otf"} or any(word in name for word in _LEFT_OUT):
                continue
            if path.name.startswith("Noto") and not path.name.startswith(_SCRIPTS):
                continue
            if not _latin(str(path)):
                continue
            weight = 1.0
            if any(word in name for word in ("italic", "oblique", "thin", "black", "hairline", "condensed")):
                weight *= 0.25
            if any(word in str(path).lower() for word in _USUAL):
                weight *= 4
            found.append(Face(str(path), weight))
    return _evened(found)


def _evened(found: list[Face]) -> list[Face]:
    """Return the same with no family taken far more often for its many files."""
    counts: dict[str, int] = {}
    for face in found:
        counts[_family(face)] = counts.get(_family(face), 0) + 1
    return [face._replace(weight=face.weight / counts[_family(face)] ** 0.6) for face in found]


def _family(face: Face) -> str:
    return Path(face.path).name.split("-")[0].lower()[:10]


def _latin(path: str) -> bool:
    try:
        font = ImageFont.truetype(path, 24, layout_engine=ImageFont.Layout.BASIC)
    except OSError:
        return False
    wide, missing = font.getmask("WQ@0"), font.getmask("\uffff\uffff\uffff\uffff")
    if not wide.size[0] or (wide.size == missing.size and bytes(wide) == bytes(missing)):
        return False
    return bytes(font.getmask("a")) not in {bytes(font.getmask("b")), bytes(font.getmask("A"))}


@lru_cache(maxsize=600)
def font(path: str, size: float) -> ImageFont.FreeTypeFont:
    """Return a font in a size, in pixels."""
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=400)
def _shown(path: str) -> frozenset[str]:
    from training.alphabet import ALPHABET

    known = ImageFont.truetype(path, 20, layout_engine=ImageFont.Layout.BASIC)
    missing = bytes(known.getmask("\uffff"))
    return frozenset(
        character for character in ALPHABET if character == " " or bytes(known.getmask(character)) not in {missing, b""}
    )


def shown(path: str, text: str) -> str:
    """Return ``text`` without the characters that a font has not."""
    known = _shown(path)
    return text if known.issuperset(text) else "".join(character for character in text if character in known)


def choose(random: Random, among: list[Face]) -> Face:
    """Choose one."""
    return random.choices(among, [face.weight for face in among])[0]
