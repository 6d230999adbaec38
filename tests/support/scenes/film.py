"""Where a scene is kept on disk: one file for each distinct picture, and a list of what is when on screen.

Memory holds one picture at a time, however long the scene.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from pathlib import Path

import cv2
import numpy as np

from tests.support.scenes.scene import HEIGHT, WIDTH, Frame, Image, Label

_INDEX = "index.json"
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95)


class Film:
    """Writes a scene. ``noisy``: its pictures are a camera's, and are kept as JPEG; others are kept without loss."""

    def __init__(self, folder: Path, noisy: bool = False) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._suffix = "jpg" if noisy else "png"
        self._how: tuple[int, ...] = _JPEG if noisy else _PNG
        self._last: Image | None = None
        self._pictures = 0
        self._labels: list[tuple[Label, ...]] = []
        self._runs: list[tuple[int, int, int]] = []
        self.frames = 0

    def add(self, image: Image, labels: Sequence[Label] = (), frames: int = 1) -> None:
        """Add ``frames`` frames that show ``image``; the same object as before is not written again.

        Raises:
            ValueError: a picture of another size, or a box that is not in it.
        """
        if image.shape != (HEIGHT, WIDTH, 3):
            raise ValueError(f"a scene's picture has the shape {image.shape}")
        for label in labels:
            left, top, right, bottom = label.box
            if not (0 <= left < right <= WIDTH and 0 <= top < bottom <= HEIGHT):
                raise ValueError(f"{label} is not in the picture")
        if frames <= 0:
            return
        if image is not self._last:
            name = str(self._folder / f"{self._pictures:05}.{self._suffix}")
            if not cv2.imwrite(name, image, self._how):
                raise OSError(f"could not write {name}")
            self._last = image
            self._pictures += 1
        if not self._labels or self._labels[-1] != tuple(labels):
            self._labels.append(tuple(labels))
        self._runs.append((self._pictures - 1, len(self._labels) - 1, frames))
        self.frames += frames

    def close(self) -> None:
        """Write what is when on screen; a scene without it is not complete."""
        labels = [[astuple(label) for label in frame] for frame in self._labels]
        (self._folder / _INDEX).write_text(json.dumps({"suffix": self._suffix, "labels": labels, "runs": self._runs}))


class Shown:
    """The frames of a scene that ``Film`` has written, from the disk each time they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __iter__(self) -> Iterator[Frame]:
        index = json.loads((self._folder / _INDEX).read_text())
        labels = [
            tuple(
                Label(name, category, text, (box[0], box[1], box[2], box[3]), share)
                for name, category, text, box, share in frame
            )
            for frame in index["labels"]
        ]
        shown = -1
        image: Image = np.empty(0, np.uint8)
        for picture, said, frames in index["runs"]:
            if picture != shown:
                image = self._read(self._folder / f"{picture:05}.{index['suffix']}")
                shown = picture
            frame = Frame(image, labels[said])
            for _ in range(frames):
                yield frame

    @staticmethod
    def _read(path: Path) -> Image:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise OSError(f"could not read {path}")
        image.flags.writeable = False
        return np.asarray(image, np.uint8)
