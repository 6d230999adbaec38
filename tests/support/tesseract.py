"""Reads lines with tesseract, where the machine has its English data: what our own reader is measured beside."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from filters.reading.reading import NOTHING, Reading

if TYPE_CHECKING:
    from filters.api import Bytes

_PLACES = ("/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata", "/usr/share/tessdata",
           "/usr/share/tesseract/tessdata", "/opt/homebrew/share/tessdata", "/usr/local/share/tessdata")  # fmt: skip
_BEST = 38  # pixels of a line at which it reads best
_DARK = 110  # luma of a ground on which the text is light


def data_folder() -> str | None:
    """Return the folder of tesseract's English data; None if it is not on this machine, or tesserocr is not."""
    try:
        import tesserocr  # noqa: F401
    except ImportError:
        return None
    named = os.environ.get("TESSDATA_PREFIX")
    for place in ((named,) if named else ()) + _PLACES:
        if (Path(place) / "eng.traineddata").is_file():
            return place
    return None


class TesseractReader:
    """Reads lines with the data in ``folder``."""

    def __init__(self, folder: str) -> None:
        import tesserocr

        os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # threads of its own only make it slower
        self._word = tesserocr.RIL.WORD
        self._iterate = tesserocr.iterate_level
        self._api = tesserocr.PyTessBaseAPI(
            path=folder, lang="eng", psm=tesserocr.PSM.SINGLE_LINE, oem=tesserocr.OEM.LSTM_ONLY
        )
        for name, value in (("tessedit_do_invert", "0"), ("user_defined_dpi", "120"), ("debug_file", "/dev/null")):
            self._api.SetVariable(name, value)

    def read(self, line: "Bytes") -> Reading:
        """See ``LineReader``."""
        height, width = line.shape
        if height < 4 or width < 4:
            return NOTHING
        scale = _BEST / height if height < _BEST else 1.0
        image = line if scale == 1 else cv2.resize(line, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        if np.median(image) < _DARK:
            image = 255 - image
        image = np.ascontiguousarray(image)
        self._api.SetImageBytes(image.tobytes(), image.shape[1], image.shape[0], 1, image.shape[1])
        self._api.Recognize()
        text, edges, sure = "", [0.0], []
        results = self._api.GetIterator()
        for result in self._iterate(results, self._word) if results is not None else ():
            try:
                word, box = result.GetUTF8Text(self._word), result.BoundingBox(self._word)
            except RuntimeError:  # nothing was read
                continue
            if not word or box is None:
                continue
            left, right = box[0] / scale, box[2] / scale
            if text:
                text += " "
                edges.append(max(left, edges[-1]))
            else:
                edges[0] = left
            # Its own boxes of characters waver; those of words are sound.
            edges += [left + (right - left) * (n + 1) / len(word) for n in range(len(word))]
            text += word
            sure.append(result.Confidence(self._word) / 100 * len(word))
        if not text:
            return NOTHING
        return Reading(text, tuple(edges), max(0.0, sum(sure) / len(text.replace(" ", ""))))

    def close(self) -> None:
        """Let go of the data."""
        self._api.End()
