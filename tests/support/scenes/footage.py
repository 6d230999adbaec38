"""What a camera gives: a picture that pans, zooms, shakes, is exposed now more, now less, with noise; or a webcam's.

The pictures come with scikit-image, and are free for any use: astronaut (NASA, public domain), coffee (Rachel Michetti,
CC0), chelsea (Stéfan van der Walt, CC0), rocket (SpaceX, CC0).
"""

from dataclasses import dataclass
from importlib.util import find_spec
from math import hypot, pi, sin
from pathlib import Path
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.support.scenes.scene import RATE, Image

_BACKGROUNDS = ("coffee.png", "chelsea.png", "rocket.jpg", "astronaut.png")
_PERSON = "astronaut.png"
_HEAD = ((224, 118), (78, 112))
"""Centre and half axes of the astronaut's head in her picture."""
_SHOULDERS = ((60, 512), (92, 330), (176, 236), (286, 236), (400, 312), (446, 512))
_SHIFTS = 97  # pixels, a prime: by so many at most the grains of noise are moved, otherwise in each frame


class PicturesMissing(RuntimeError):
    """scikit-image, whose pictures these scenes show, is not installed."""


@dataclass(frozen=True, slots=True)
class _Sway:
    """A slow wandering about nought: three waves; ``size`` at its furthest."""

    size: float
    waves: tuple[tuple[float, float], ...]

    @classmethod
    def made(cls, rng: Random, size: float, slowest: float, fastest: float) -> "_Sway":
        """Make one whose waves take ``fastest`` to ``slowest`` seconds."""
        return cls(size, tuple((rng.uniform(fastest, slowest), rng.uniform(0, 2 * pi)) for _ in range(3)))

    def at(self, frame: int) -> float:
        waves = (sin(2 * pi * frame / RATE / period + phase) for period, phase in self.waves)
        return self.size * sum(waves) / len(self.waves)


class Footage:
    """Camera-like pictures of ``width`` by ``height``; the same generator state gives the same ones."""

    def __init__(self, rng: Random, width: int, height: int, webcam: bool = False) -> None:
        self._size = (width, height)
        self._webcam = webcam
        picture = _picture(rng.choice(_BACKGROUNDS[:3] if webcam else _BACKGROUNDS))
        scale = max(width / picture.shape[1], height / picture.shape[0]) * 1.35
        self._back = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
        if webcam:
            self._back = np.asarray(cv2.GaussianBlur(self._back, (0, 0), 9), np.uint8)
            self._person = _person(height * 0.95)
        room = (self._back.shape[1] - width) / 2, (self._back.shape[0] - height) / 2
        self._pan = (_Sway.made(rng, room[0] * 0.8, 9, 5), _Sway.made(rng, room[1] * 0.8, 9, 5))
        self._shake = (_Sway.made(rng, 4, 0.9, 0.2), _Sway.made(rng, 4, 0.9, 0.2))
        self._zoom = _Sway.made(rng, 0.12, 8, 4)
        self._lean = (_Sway.made(rng, width * 0.05, 5, 2), _Sway.made(rng, 4, 5, 2))
        self._exposure = _Sway.made(rng, 0.25, 6, 2)
        noise = np.random.default_rng(rng.randrange(1 << 32))
        sigma = rng.uniform(1.5, 4)
        size = (height + _SHIFTS, width + _SHIFTS, 3)
        grains = noise.normal(0, sigma, size).round().astype(np.int16)
        self._lighter, self._darker = (np.clip(way, 0, 255).astype(np.uint8) for way in (grains, -grains))
        self._shift = rng.randrange(_SHIFTS)

    def view(self, frame: int) -> Image:
        """Return what is before the camera."""
        width, height = self._size
        if self._webcam:
            image = self._back[:height, :width].copy()
            self._place_person(image, frame)
            return image
        zoom = 1.12 + self._zoom.at(frame)
        x = self._back.shape[1] / 2 + self._pan[0].at(frame) * 0.8
        y = self._back.shape[0] / 2 + self._pan[1].at(frame) * 0.8
        matrix = np.array(
            [
                [zoom, 0, width / 2 - zoom * x + self._shake[0].at(frame)],
                [0, zoom, height / 2 - zoom * y + self._shake[1].at(frame)],
            ]
        )
        image = np.asarray(cv2.warpAffine(self._back, matrix, self._size, borderMode=cv2.BORDER_REFLECT), np.uint8)
        return self._blurred(image, frame)

    def sensed(self, image: Image, frame: int) -> Image:
        """Return ``image`` as the sensor gives it: exposed as at this time, with noise."""
        height, width = image.shape[:2]
        x, y = (self._shift + frame * 89) % _SHIFTS, (self._shift + frame * 41) % _SHIFTS
        part = np.s_[y : y + height, x : x + width]
        exposed = cv2.convertScaleAbs(image, alpha=1 + self._exposure.at(frame))
        return np.asarray(cv2.subtract(cv2.add(exposed, self._lighter[part]), self._darker[part]), np.uint8)

    def _blurred(self, image: Image, frame: int) -> Image:
        """Blur along the way that the camera has moved since the frame before."""
        across = self._pan[0].at(frame) - self._pan[0].at(frame - 1)
        down = self._pan[1].at(frame) - self._pan[1].at(frame - 1)
        length = int(hypot(across, down))
        if length < 2:
            return image
        size = (length, 1) if abs(across) > abs(down) else (1, length)
        return np.asarray(cv2.blur(image, size), np.uint8)

    def _place_person(self, image: Image, frame: int) -> None:
        height, width = self._person.shape[:2]
        turn = np.asarray(cv2.getRotationMatrix2D((width / 2, height), self._lean[1].at(frame), 1), np.float64)
        turn[:, 2] += ((image.shape[1] - width) / 2 + self._lean[0].at(frame), image.shape[0] - height)
        laid_over(image, self._person, turn)


def laid_over(image: Image, piece: Image, matrix: NDArray[np.float64]) -> None:
    """Lay ``piece`` (height, width, BGRA) over ``image``, in place, moved as ``matrix`` (2, 3) says."""
    height, width = piece.shape[:2]
    corners = np.array([(0, 0), (width, 0), (0, height), (width, height)]) @ matrix[:, :2].T + matrix[:, 2]
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0)).astype(int), (image.shape[1], image.shape[0]))
    if left >= right or top >= bottom:
        return
    here = matrix.copy()
    here[:, 2] -= (left, top)
    moved = cv2.warpAffine(piece, here, (int(right - left), int(bottom - top)), flags=cv2.INTER_LINEAR)
    alpha = cv2.merge([moved[:, :, 3]] * 3)
    part = np.s_[top:bottom, left:right]
    over = cv2.multiply(moved[:, :, :3], alpha, scale=1 / 255)
    image[part] = cv2.add(over, cv2.multiply(image[part], 255 - alpha, scale=1 / 255))


def _picture(name: str) -> Image:
    found = find_spec("skimage")
    if found is None or not found.submodule_search_locations:
        raise PicturesMissing("scikit-image is not installed")
    image = cv2.imread(str(Path(found.submodule_search_locations[0]) / "data" / name), cv2.IMREAD_COLOR)
    if image is None:
        raise PicturesMissing(f"scikit-image has no {name}")
    return np.asarray(image, np.uint8)


def _person(height: float) -> Image:
    """Return the astronaut cut out of her picture, ``height`` pixels high, with soft edges: (height, width, BGRA)."""
    picture = _picture(_PERSON)
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.ellipse(mask, _HEAD[0], _HEAD[1], 0, 0, 360, 255, -1)
    cv2.fillPoly(mask, [np.array(_SHOULDERS, np.int32)], 255)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 4), np.uint8)
    scale = height / picture.shape[0]
    cut = np.dstack([picture, mask])
    return np.asarray(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
