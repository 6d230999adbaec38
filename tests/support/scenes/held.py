"""Things that are held up into a camera: a payment card, a sheet of paper. Drawn, with the ink of each secret. No I/O
but the fonts."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from tests.support.scenes.prose import Prose
from tests.support.scenes.scene import Box, Image
from tests.support.scenes.secrets import Secret, Vault

_FONTS = "/usr/share/fonts/truetype/dejavu/"
_INK = 96  # of 255: coverage from which on a pixel belongs to a letter
_SKIN = ((222, 184, 160), (160, 112, 84), (104, 70, 52))

_Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Held:
    """``image`` (height, width, BGRA); ``inks``: each secret with the points (n, 2) that its ink lies between."""

    image: Image
    inks: tuple[tuple[Secret, NDArray[np.float64]], ...]

    def boxes(self, matrix: NDArray[np.float64]) -> dict[str, Box]:
        """Return where the ink of each secret comes to lie when ``image`` is moved as ``matrix`` (2, 3) says."""
        boxes = {}
        for secret, points in self.inks:
            there = points @ matrix[:, :2].T + matrix[:, 2]
            (left, top), (right, bottom) = there.min(axis=0), there.max(axis=0)
            boxes[secret.id] = (
                int(np.floor(left)),
                int(np.floor(top)),
                int(np.ceil(right)) + 1,
                int(np.ceil(bottom)) + 1,
            )
        return boxes


class _Drawing:
    def __init__(self, size: tuple[int, int], ground: _Colour, corner: int) -> None:
        self.size = size
        self.picture = Pictures.new("RGBA", size, (0, 0, 0, 0))
        self.draw = ImageDraw.Draw(self.picture)
        self.draw.rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), corner, (*ground, 255))
        self.inks: list[tuple[Secret, NDArray[np.float64]]] = []

    def text(self, at: tuple[int, int], text: str, size: int, colour: _Colour, font: str = "DejaVuSans.ttf") -> int:
        """Write ``text``, and return where it ends."""
        face = ImageFont.truetype(_FONTS + font, size)
        self.draw.text(at, text, (*colour, 255), face)
        return at[0] + round(self.draw.textlength(text, face))

    def secret(
        self, at: tuple[int, int], secret: Secret, size: int, colour: _Colour, font: str = "DejaVuSans.ttf"
    ) -> None:
        self.text(at, secret.text, size, colour, font)
        mask = Pictures.new("L", self.size, 0)
        ImageDraw.Draw(mask).text(at, secret.text, 255, ImageFont.truetype(_FONTS + font, size))
        points = np.argwhere(np.asarray(mask) > _INK)[:, ::-1].astype(np.int32)
        self.inks.append((secret, np.asarray(cv2.convexHull(points)[:, 0], np.float64)))

    def held(self, rng: Random) -> Held:
        """Finish it, with a thumb at its edge."""
        width, height = self.size
        side, thick = rng.choice((0, width)), width // 9
        self.draw.ellipse(
            (side - thick, height - thick * 3 // 2, side + thick, height + thick), (*rng.choice(_SKIN), 255)
        )
        pixels = np.asarray(self.picture, np.uint8)
        return Held(np.ascontiguousarray(pixels[:, :, [2, 1, 0, 3]]), tuple(self.inks))


def card(rng: Random, vault: Vault, prose: Prose, width: int) -> Held:
    """Draw a payment card ``width`` pixels wide."""
    height = width * 54 // 86
    ground, colour = rng.choice(
        (((28, 42, 92), (240, 240, 240)), ((214, 206, 190), (30, 30, 34)), ((12, 92, 84), (250, 250, 250)))
    )
    drawing = _Drawing((width, height), ground, width // 25)
    unit = width // 20
    drawing.text((unit, unit), f"{prose.module().title()} Bank", unit * 6 // 5, colour)
    drawing.draw.rounded_rectangle((unit * 2, unit * 4, unit * 4, unit * 11 // 2), unit // 4, (206, 176, 92, 255))
    font = rng.choice(("DejaVuSansMono.ttf", "DejaVuSans.ttf"))
    drawing.secret((unit * 3 // 2, unit * 13 // 2), vault.take("card-number"), unit * 7 // 5, colour, font)
    drawing.text(
        (unit * 8, unit * 17 // 2),
        f"VALID THRU {rng.randrange(1, 13):02}/{rng.randrange(27, 33)}",
        unit * 3 // 4,
        colour,
    )
    drawing.text((unit * 3 // 2, unit * 10), prose.name().upper(), unit * 9 // 10, colour)
    return drawing.held(rng)


def sheet(rng: Random, vault: Vault, prose: Prose, width: int, categories: Sequence[str]) -> Held:
    """Draw a sheet of paper ``width`` pixels wide, on which secrets of ``categories`` are written."""
    drawing = _Drawing((width, width * 2 // 3), (244, 242, 234), 4)
    unit, dark = width // 24, (36, 36, 44)
    drawing.text((unit * 2, unit), prose.title(), unit * 3 // 2, dark, "DejaVuSans-Bold.ttf")
    y = unit * 4
    for category in categories:
        name = {"email": "Mail", "phone": "Tel.", "iban": "IBAN", "password": "Password:", "ssn": "SSN"}[category]
        x = drawing.text((unit * 2, y), f"{name} ", unit, dark)
        drawing.secret((x, y), vault.take(category), unit, dark)
        y += unit * 5 // 2
    drawing.text((unit * 2, y), f"{prose.date()}, {prose.address()}", unit * 4 // 5, dark)
    drawing.text((unit * 2, y + unit * 2), prose.sentence(), unit * 7 // 10, dark)
    return drawing.held(rng)
