"""What of a secret can be seen: where its ink is, what of it lies in a window and under nothing else. Pure, no I/O."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.support.scenes.scene import HEIGHT, WIDTH, Box, Image, Label
from tests.support.scenes.secrets import Secret, Vault

PICTURE: Box = (0, 0, WIDTH, HEIGHT)
_READABLE = 0.5  # of a character's area: with less of it, it is hidden
_DIFFERS = 24  # of 255 levels: fainter edges of letters are not ink that could be read
_STANDS_OUT = 60  # likewise, where the ground may have a gradient


class Spot(NamedTuple):
    """Where the ink of a secret is, or would be if nothing hid it, and what of it a page lets be seen."""

    box: Box
    window: Box
    """What the page and what it scrolls in cut it to."""
    covers: tuple[Box, ...] = ()
    """What lies over it."""


def difference(one: Image, other: Image) -> NDArray[np.bool_]:
    """Return where two pictures of one size differ visibly, (height, width)."""
    return np.asarray(np.abs(one.astype(np.int16) - other).max(axis=2) > _DIFFERS)


def ink(differs: NDArray[np.bool_], box: Box) -> Box | None:
    """Return the bounding box of what differs within ``box``; None if nothing does."""
    height, width = differs.shape
    left, top, right, bottom = common(box, (0, 0, width, height))
    if left >= right or top >= bottom:  # a slice would count what is negative from the other end
        return None
    part = differs[top:bottom, left:right]
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    if not len(rows):
        return None
    return (left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1)


def on_plain(image: Image, box: Box) -> Box | None:
    """Return the bounding box of what stands out within ``box``, most of which is of one colour."""
    height, width = image.shape[:2]
    left, top, right, bottom = common(box, (0, 0, width, height))
    if left >= right or top >= bottom:
        return None
    part = image[top:bottom, left:right].astype(np.int16)
    ground = np.median(part.reshape(-1, 3), axis=0)
    found = ink(np.asarray(np.abs(part - ground).max(axis=2) > _STANDS_OUT), (0, 0, right - left, bottom - top))
    return None if found is None else moved(found, left, top)


def moved(box: Box, x: int, y: int) -> Box:
    return (box[0] + x, box[1] + y, box[2] + x, box[3] + y)


def common(one: Box, other: Box) -> Box:
    """Return what two boxes share; its right is not right of its left, or its bottom not below its top, if nothing."""
    return (max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3]))


def area(box: Box) -> int:
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)


def overlap(one: Box, other: Box) -> bool:
    return area(common(one, other)) > 0


def seen(
    secret: Secret, box: Box, window: Box = PICTURE, covers: Sequence[Box] = (), text: str | None = None
) -> Label | None:
    """Return what can be read of ``secret``, whose ink fills ``box``, through ``window`` and beside ``covers``.

    Characters are taken to be of one width. ``text`` is what stands there if it is not all of the secret. A character
    of which half is hidden does not count, any other counts by the part of it that shows. None: nothing can be read.
    """
    text = secret.text if text is None else text
    left, top, right, bottom = box
    window = common(window, PICTURE)
    if not area(common(box, window)):
        return None
    if common(box, window) == box and not any(area(common(box, cover)) for cover in covers):
        share = min(len(text) / len(secret.text), 1.0)
        return Label(secret.id, secret.category, text, box, round(share, 3))
    parts: list[tuple[str, Box, float]] = []
    for index, sign in enumerate(text):
        cell = (
            left + (right - left) * index // len(text),
            top,
            left + (right - left) * (index + 1) // len(text),
            bottom,
        )
        clear = common(cell, window)
        shows = area(clear)
        for cover in covers:
            hidden = common(clear, cover)
            shows -= area(hidden)
            clear = _less(clear, hidden)
        part = shows / area(cell) if area(cell) else 0.0
        if part >= _READABLE:
            parts.append((sign, clear, part))
    if not parts:
        return None
    boxes = [cell for _, cell, _ in parts]
    shown = (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
    share = sum(part for _, _, part in parts) / max(len(secret.text), len(text))
    return Label(secret.id, secret.category, "".join(sign for sign, _, _ in parts), shown, round(share, 3))


def all_seen(
    vault: Vault,
    boxes: Mapping[str, Box],
    window: Box = PICTURE,
    covers: Sequence[Box] = (),
    shift: tuple[int, int] = (0, 0),
) -> tuple[Label, ...]:
    """Return what can be read of the secrets whose ink fills ``boxes`` (by id), moved by ``shift`` (x, y)."""
    labels = (seen(vault[name], moved(box, *shift), window, covers) for name, box in boxes.items())
    return tuple(label for label in labels if label is not None)


def all_spotted(
    vault: Vault,
    spots: Mapping[str, Spot],
    window: Box = PICTURE,
    covers: Sequence[Box] = (),
    shift: tuple[int, int] = (0, 0),
) -> tuple[Label, ...]:
    """Return what can be read of the secrets of a page (by id) moved by ``shift`` (x, y), as ``all_seen`` does."""
    labels = (
        seen(
            vault[name],
            moved(spot.box, *shift),
            common(moved(spot.window, *shift), window),
            [*(moved(cover, *shift) for cover in spot.covers), *covers],
        )
        for name, spot in spots.items()
    )
    return tuple(label for label in labels if label is not None)


def _less(box: Box, hidden: Box) -> Box:
    """Return ``box`` without ``hidden``, where that reaches over one whole side of it; else all of it."""
    if not area(hidden):
        return box
    left, top, right, bottom = box
    if hidden[0] == left and hidden[2] == right:
        if hidden[1] == top:
            return (left, hidden[3], right, bottom)
        if hidden[3] == bottom:
            return (left, top, right, hidden[1])
    if hidden[1] == top and hidden[3] == bottom:
        if hidden[0] == left:
            return (hidden[2], top, right, bottom)
        if hidden[2] == right:
            return (left, top, hidden[0], bottom)
    return box
