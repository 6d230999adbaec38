"""What a test scene is: pictures at a constant rate, and in each of them the secrets that can be read. No I/O here."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 1280, 720
RATE = 30
"""Frames a second."""

Image = NDArray[np.uint8]
"""(HEIGHT, WIDTH, 3), BGR."""
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the picture, right and bottom excluded."""


@dataclass(frozen=True, slots=True)
class Label:
    """A secret, or what can be read of it, in one frame."""

    id: str
    """Names one distinct secret of the scene: the same in all frames that show it."""
    category: str
    """One of ``secrets.CATEGORIES``."""
    text: str
    """What of it can be read: half-typed, so much of it."""
    box: Box
    """The bounding box of its ink, tight within a pixel or two."""
    share: float
    """Of its characters, how many are there and not hidden: 1.0 is all. A line that is cut along its length, or is
    fading, counts by the part of its height, or by the opacity, that shows."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture, which is read-only and the same object for as long as nothing moves, and the secrets in it."""

    image: Image
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """Frames at ``RATE``; ``frames`` can be iterated over again, and reads them from the disk each time."""

    kind: str
    name: str
    seed: int
    frames: Iterable[Frame]
