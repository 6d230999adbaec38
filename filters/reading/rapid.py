"""Reads lines and finds text with the models of the package rapidocr (PP-OCR, Apache-2.0), by onnxruntime.

The models are files of that package: nothing is fetched, and nothing of the package's code is loaded.
"""

import math
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from filters.api import Box
from filters.reading.ctc import WIDEST, decoded
from filters.reading.models import loaded
from filters.reading.reading import NOTHING, Reading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from filters.api import Bytes

_RECOGNITION, _DETECTION = "PP-OCRv6_rec_small.onnx", "PP-OCRv6_det_small.onnx"
_HEIGHT = 48  # pixels of a line as the recogniser takes it
_NARROWEST, _WIDEST = 48, 2400
_LETTERS = "".join(map(chr, range(0x21, 0x7F))) + "©£€§°«»" + "".join(map(chr, range(0xC0, 0x180)))
"""What is told apart: the model knows some 18,700 characters more, of scripts that no rule of ours is written for."""
_WIDE = {chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F)} | {"。": ".", "、": ",", "—": "-", "\u2013": "-"}
_TEXT = 0.3  # from this likelihood on a pixel belongs to text
_SURE = 0.4  # mean likelihood of what counts as text
_THINNEST = 3.0  # pixels: what is found is less high than its letters
_STEEP = 40  # degrees
_GROWN = 0.7  # of a found strip's thickness: so much more on each side holds the letters whole


def session(model: str) -> Any:  # noqa: ANN401 - onnxruntime has no types
    """Return a model of the package ready to run, in the caller's thread alone. Raises FilterError."""
    return loaded(files("rapidocr") / "models" / model, "rapidocr")


class RapidReader:
    """Reads lines: slow and good, also over pictures and at odd sizes."""

    def __init__(self) -> None:
        self._session = session(_RECOGNITION)
        self._input = self._session.get_inputs()[0].name
        known = ["", *self._session.get_modelmeta().custom_metadata_map["character"].splitlines(), " "]
        folded = [_WIDE.get(character, character) for character in known]
        chosen = [number for number, character in enumerate(folded) if character in _LETTERS or not character.strip()]
        self._numbers = np.array(chosen)
        self._characters = [folded[number] if number else "" for number in chosen]

    def read(self, line: "Bytes") -> Reading:
        """See ``LineReader``."""
        height, width = line.shape
        if height < 2 or width < 2:
            return NOTHING
        wanted = min(max(round(width * _HEIGHT / height), _NARROWEST), _WIDEST)
        scaled = cv2.resize(
            line, (wanted, _HEIGHT), interpolation=cv2.INTER_CUBIC if height < _HEIGHT else cv2.INTER_AREA
        )
        pixels = np.repeat((scaled.astype(np.float32) / 127.5 - 1)[None, None], 3, axis=1)
        likely = self._session.run(None, {self._input: pixels})[0][0][:, self._numbers]
        text, edges, sure = decoded(likely, self._characters, width / len(likely), width, WIDEST * height)
        return Reading(text, edges, float(np.mean(sure))) if text else NOTHING


class Strip(NamedTuple):
    """A line of text that may be slanted: ``centre`` (x, y), ``length`` along it and ``thickness``, in pixels, and
    ``angle`` in degrees, clockwise."""

    centre: tuple[float, float]
    length: float
    thickness: float
    angle: float

    def upright(self, luma: "Bytes") -> "Bytes":
        """Return what is in it, turned to be level: (thickness, length)."""
        size = max(2, round(self.length)), max(2, round(self.thickness))
        turn = cv2.getRotationMatrix2D(self.centre, self.angle, 1.0)
        turn[0, 2] += size[0] / 2 - self.centre[0]
        turn[1, 2] += size[1] / 2 - self.centre[1]
        return np.asarray(cv2.warpAffine(luma, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    def box(self, start: float, end: float) -> Box:
        """Return what holds the part from ``start`` to ``end``, pixels along it."""
        part = (start + end) / 2 - self.length / 2
        slope = math.radians(self.angle)
        centre = (self.centre[0] + part * math.cos(slope), self.centre[1] + part * math.sin(slope))
        corners = cv2.boxPoints((centre, (max(1.0, end - start), self.thickness), self.angle))
        left, top = (int(side) for side in np.floor(corners.min(0)))
        right, bottom = (int(side) for side in np.ceil(corners.max(0)))
        return Box(left, top, max(1, right - left), max(1, bottom - top))


class TextFinder:
    """Finds where text is, in any picture: on signs and cards, too."""

    def __init__(self) -> None:
        self._session = session(_DETECTION)
        self._input = self._session.get_inputs()[0].name

    def find(self, luma: "Bytes", longest: int) -> list[Strip]:
        """Return where lines of text are in ``luma`` (height, width), seen with ``longest`` pixels a side at most."""
        height, width = luma.shape
        scale = min(1.0, longest / max(height, width))
        rows, columns = (max(32, round(side * scale / 32) * 32) for side in (height, width))
        scaled = cv2.resize(luma, (columns, rows), interpolation=cv2.INTER_AREA)
        pixels = np.repeat((scaled.astype(np.float32) / 127.5 - 1)[None, None], 3, axis=1)
        likely = self._session.run(None, {self._input: pixels})[0][0, 0]
        mask = (likely > _TEXT).astype(np.uint8)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        return [
            strip for outline in outlines if (strip := self._strip(outline, likely, width / columns, height / rows))
        ]

    def _strip(self, outline: Any, likely: "NDArray[np.float32]", x: float, y: float) -> Strip | None:  # noqa: ANN401
        """Return the strip of an outline, ``x`` and ``y`` times as large; None for what is hardly text."""
        left, top, wide, high = cv2.boundingRect(outline)
        inside = np.zeros((high, wide), np.uint8)
        cv2.drawContours(inside, [outline], -1, 1, -1, offset=(-left, -top))
        if likely[top : top + high, left : left + wide][inside > 0].mean() < _SURE:
            return None
        # In the pixels of the picture, where angles are right.
        (cx, cy), (length, thickness), angle = cv2.minAreaRect((outline * (x, y)).astype(np.float32))
        if length < thickness:
            length, thickness, angle = thickness, length, angle - 90
        angle = (angle + 90) % 180 - 90
        if thickness < _THINNEST or length < thickness or abs(angle) > _STEEP:
            return None
        grow = thickness * _GROWN
        return Strip((cx, cy), length + 2 * grow, thickness + 2 * grow, angle)
