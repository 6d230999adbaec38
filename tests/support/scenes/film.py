"""Where a scene is kept on disk: a video of its distinct pictures, and a list of what is when on screen.

Memory holds one picture at a time, however long the scene.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from tests.support.scenes.scene import HEIGHT, RATE, WIDTH, Frame, Image, Label

_INDEX = "index.json"
_VIDEO = "pictures.mkv"
_CODEC = "libx264rgb"  # keeps the colours of each pixel, which YUV does not
_LOSSLESS, _FINE = "0", "16"  # x264's quantiser; at 16, pixels are off by a few levels, less than a camera's noise


class Film:
    """Writes a scene. ``noisy``: its pictures are a camera's, and some levels of loss are nothing in their noise."""

    def __init__(self, folder: Path, noisy: bool = False) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._container = av.open(str(folder / _VIDEO), "w")
        options = {"preset": "ultrafast", "qp": _FINE if noisy else _LOSSLESS}
        stream = self._container.add_stream(_CODEC, rate=RATE, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "bgr24"
        self._stream = stream
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
            self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
            self._last = image
            self._pictures += 1
        if not self._labels or self._labels[-1] != tuple(labels):
            self._labels.append(tuple(labels))
        self._runs.append((self._pictures - 1, len(self._labels) - 1, frames))
        self.frames += frames

    def close(self) -> None:
        """Write the rest, and what is when on screen; a scene is not complete before."""
        self._container.mux(self._stream.encode())
        self._container.close()
        labels = [[astuple(label) for label in frame] for frame in self._labels]
        (self._folder / _INDEX).write_text(json.dumps({"labels": labels, "runs": self._runs}))


class Shown:
    """The frames of a scene that ``Film`` has written, from the disk each time they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __iter__(self) -> Iterator[Frame]:
        index = json.loads((self._folder / _INDEX).read_text())
        labels = [tuple(_label(*fields) for fields in frame) for frame in index["labels"]]
        with av.open(str(self._folder / _VIDEO)) as container:
            pictures = container.decode(video=0)
            shown = -1
            image: Image = np.empty(0, np.uint8)
            for picture, said, frames in index["runs"]:
                if picture != shown:
                    image = np.asarray(next(pictures).to_ndarray(format="bgr24"), np.uint8)
                    image.flags.writeable = False
                    shown = picture
                frame = Frame(image, labels[said])
                for _ in range(frames):
                    yield frame


def _label(name: str, category: str, text: str, box: list[int], share: float) -> Label:
    left, top, right, bottom = box
    return Label(name, category, text, (left, top, right, bottom), share)
