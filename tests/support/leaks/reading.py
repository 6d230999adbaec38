"""Whether a secret can be read in a picture: by RapidOCR's recogniser or by tesseract, of a crop twice as large.

The models are loaded at the first use; one instance is one thread's.
"""

import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR
from tesserocr import PSM, PyTessBaseAPI

from filters import Planes
from filters.pixels import bgr_of
from tests.support.leaks.likeness import READABLE, likeness
from tests.support.leaks.pixels import crop
from tests.support.scenes.scene import Box

_TESSDATA = Path("/usr/share/tesseract-ocr/5/tessdata")  # where Debian's tesseract-ocr-eng puts it
_MARGIN = 4  # pixels around a box: recognisers need some ground around letters
_LINE = 48  # pixels: what is higher than that may be several lines


class Readers:
    """The two recognisers."""

    def __init__(self) -> None:
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        self._rapid: Any = RapidOCR(
            params={"EngineConfig.onnxruntime.intra_op_num_threads": 1, "Global.log_level": "error"}
        )
        self._tesseract = PyTessBaseAPI(path=str(_TESSDATA), lang="eng", psm=PSM.SINGLE_LINE)

    def can_read(self, planes: Planes, box: Box, text: str) -> bool:
        """Whether one of them reads ``text`` in ``box``."""
        image = bgr_of(crop(planes, box, _MARGIN))
        image = np.asarray(cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)
        return any(likeness(text, read) >= READABLE for read in self._readings(image))

    def _readings(self, image: NDArray[np.uint8]) -> Iterator[str]:
        modes = [PSM.SINGLE_LINE, PSM.SINGLE_BLOCK] if image.shape[0] > 2 * _LINE else [PSM.SINGLE_LINE]
        for mode in modes:
            self._tesseract.SetPageSegMode(mode)
            height, width = image.shape[:2]
            self._tesseract.SetImageBytes(image[:, :, ::-1].tobytes(), width, height, 3, 3 * width)
            yield self._tesseract.GetUTF8Text()
        made = self._rapid(image, use_det=False, use_cls=False, use_rec=True)
        yield " ".join(made.txts or ())


@cache
def readers() -> Readers:
    """Return this process's recognisers."""
    return Readers()
