"""A picture in tiles: which of them differ between two pictures. Pure, no I/O.

Maps are bool arrays (rows, columns), one cell for each tile of ``WIDE`` x ``HIGH`` pixels; pictures are luma, padded to
whole tiles.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import cv2
import numpy as np

from filters.api import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from filters.api import Bytes

    Map: TypeAlias = NDArray[np.bool_]
    Counts: TypeAlias = NDArray[np.uint16]

WIDE, HIGH = 32, 16
"""Pixels of a tile: a few letters of small text."""
_STEP = (
    26  # luma that a pixel has to change by: more than coding makes it waver, less than between a text and its ground
)
_BLEND, _WAVER = 0.06, 4.0  # of what a tile shows, and luma: so much may be left of a mixture
_SHARES = 0.1  # by which the shares of a mixture may be off
_FEW = 4  # of a tile's 512 pixels that have: less than a letter


def padded(luma: "Bytes") -> "Bytes":
    """Return a copy of ``luma`` (height, width), grown to the right and below to whole tiles."""
    height, width = luma.shape
    rows, columns = -(-height // HIGH), -(-width // WIDE)
    return cv2.copyMakeBorder(luma, 0, rows * HIGH - height, 0, columns * WIDE - width, cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def difference(a: "Bytes", b: "Bytes") -> "Counts":
    """Return how many pixels of each tile differ: (rows, columns)."""
    _, far = cv2.threshold(cv2.absdiff(a, b), _STEP, 1, cv2.THRESH_BINARY)
    rows, columns = a.shape[0] // HIGH, a.shape[1] // WIDE
    strips = np.add.reduce(np.asarray(far, np.uint8).reshape(rows, HIGH, -1), axis=1, dtype=np.uint8)
    return np.asarray(np.add.reduce(strips.reshape(rows, columns, WIDE), axis=2, dtype=np.uint16), np.uint16)


def differs(counts: "Counts") -> "Map":
    """Return which tiles differ, of what ``difference`` gave."""
    return np.asarray(counts >= _FEW, bool)


def blended(before: "Bytes", halfway: "Bytes", after: "Bytes", tiles: "Map") -> "Map":
    """Return which of ``tiles`` are, halfway, a mixture of how they look before and after, as when one fades into the
    other: what is left of them by least squares is no more than coding."""
    rows, columns = tiles.shape
    a, b, c = (
        each.reshape(rows, HIGH, columns, WIDE).transpose(0, 2, 1, 3)[tiles].reshape(-1, HIGH * WIDE).astype(np.float32)
        for each in (before, halfway, after)
    )
    a, b, c = (each - each.mean(1, keepdims=True) for each in (a, b, c))
    aa, cc, ac, ab, cb = ((p * q).sum(1) for p, q in ((a, a), (c, c), (a, c), (a, b), (c, b)))
    even = aa * cc - ac * ac + 1e-3
    x, y = (ab * cc - cb * ac) / even, (cb * aa - ab * ac) / even
    rest = b - x[:, None] * a - y[:, None] * c
    fits = np.square(rest).mean(1) <= np.maximum(_BLEND * np.square(b).mean(1), _WAVER**2)
    found = np.zeros_like(tiles)
    found[tiles] = fits & (np.minimum(x, y) > -_SHARES) & (x + y < 1 + _SHARES)
    return found


def grown(tiles: "Map", rows: int = 1, columns: int = 1) -> "Map":
    """Return ``tiles`` and those around them."""
    kernel = np.ones((2 * rows + 1, 2 * columns + 1), np.uint8)
    return cv2.dilate(tiles.astype(np.uint8), kernel).astype(bool)


def within(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the tiles that ``box`` touches, as a map's index."""
    top, bottom = max(0, box.top // HIGH), min(shape[0], (box.top + box.height - 1) // HIGH + 1)
    left, right = max(0, box.left // WIDE), min(shape[1], (box.left + box.width - 1) // WIDE + 1)
    return slice(top, max(top, bottom)), slice(left, max(left, right))


class Area(NamedTuple):
    """A rectangle of tiles: from ``top`` to before ``bottom``, from ``left`` to before ``right``."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def box(self) -> Box:
        """The same in pixels."""
        return Box(self.left * WIDE, self.top * HIGH, (self.right - self.left) * WIDE, (self.bottom - self.top) * HIGH)

    @property
    def slices(self) -> tuple[slice, slice]:
        """The same as a map's index."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


_GAP = 2  # tiles between two areas that make one
_MOST = 24  # areas: then they are taken together


def areas(tiles: "Map") -> list[Area]:
    """Return rectangles that hold all ``tiles`` and little else."""
    if not tiles.any():
        return []
    joined = cv2.morphologyEx(tiles.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1 + _GAP, 1 + 2 * _GAP), np.uint8))
    count, _, boxes, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    if count - 1 > _MOST:
        return [_around(tiles)]
    found = []
    for left, top, wide, high, _ in boxes[1:]:
        part = tiles[top : top + high, left : left + wide]
        found += [_moved(area, int(top), int(left)) for area in _split(part)]
    return found


def _split(part: "Map") -> Iterator[Area]:
    """Yield a component's rectangles: bands of rows where it is ragged, as text on a page is."""
    whole = _around(part)
    size = (whole.bottom - whole.top) * (whole.right - whole.left)
    if size <= 4 or part.sum() * 2 >= size or whole.bottom - whole.top < 3:
        yield whole
        return
    middle = (whole.top + whole.bottom) // 2
    for start, end in ((whole.top, middle), (middle, whole.bottom)):
        band = part[start:end]
        if band.any():
            yield from (_moved(area, start, 0) for area in _split(band))


def _around(tiles: "Map") -> Area:
    rows, columns = np.flatnonzero(tiles.any(1)), np.flatnonzero(tiles.any(0))
    return Area(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def _moved(area: Area, rows: int, columns: int) -> Area:
    return Area(area.top + rows, area.bottom + rows, area.left + columns, area.right + columns)


def covering(shape: tuple[int, ...], among: Iterable[Area]) -> "Map":
    """Return the map of ``shape`` with all tiles of the areas."""
    tiles = np.zeros(shape, bool)
    for area in among:
        tiles[area.slices] = True
    return tiles
