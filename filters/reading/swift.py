"""Reads lines of screen text with a small model of our own (``training/``), by onnxruntime: a few milliseconds a line.

It knows what screens show: drawn letters, on plain ground, level; not photographs, and not what is handwritten.
"""

from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from filters.reading.ctc import WIDEST, decoded
from filters.reading.levelled import HEIGHT, levelled
from filters.reading.models import loaded
from filters.reading.reading import NOTHING, Reading

if TYPE_CHECKING:
    from filters.api import Bytes

_MODEL = "screen.onnx"
_STRIDE = 4  # the model takes widths that are a multiple of it
_LEAST = 0.2  # of the characters are the least sure ones: of all that was tried they tell best whether a line is right


class SwiftReader:
    """Reads lines of a screen: very quick, and good at digits, keys and addresses."""

    def __init__(self) -> None:
        self._session = loaded(files("filters") / "reading" / _MODEL, "veilcast")
        self._input = self._session.get_inputs()[0].name
        self._characters = ["", *self._session.get_modelmeta().custom_metadata_map["characters"]]

    def read(self, line: "Bytes") -> Reading:
        """See ``LineReader``. ``confidence`` is that of the least sure characters."""
        height, width = line.shape
        if height < 2 or width < 2:
            return NOTHING
        scaled = levelled(line)
        wide = scaled.shape[1]
        pixels = np.zeros((1, 1, HEIGHT, wide + -wide % _STRIDE), np.float32)
        pixels[0, 0, :, :wide] = scaled
        likely = self._session.run(None, {self._input: pixels})[0][0]
        step = width / wide * pixels.shape[3] / len(likely)
        text, edges, sure = decoded(likely, self._characters, step, width, WIDEST * height)
        if not text:  # as sure as the least sure of its blanks
            return Reading("", (0.0,), float(likely[:, 0].min()))
        least = sorted(sure)[: max(1, round(len(sure) * _LEAST))]
        return Reading(text, edges, sum(least) / len(least))
