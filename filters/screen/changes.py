"""What has changed on a screen since it was last read: tile by tile, scrolled pages taken into account. Pure, no I/O.

A tile is *dirty* while it differs from what was read of it last (or is being read). *Owners* are the looks that have
not been read to the end: what they show must not be taken for clear, wherever it is scrolled.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from filters.api import Box
from filters.screen.pursuit import NEAR, find
from filters.screen.shift import NONE, Shift, shift_between, shifted
from filters.screen.tiles import HIGH, WIDE, difference, differs, within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from filters.api import Bytes
    from filters.screen.tiles import Map

EARLIER = 5
"""Pictures before the one in which a change was seen that it may have begun in: what comes in slowly is seen late."""
_MUCH = 0.05  # of all tiles: if more change at once it may be a scrolled page
_ALL, _LITTLE = 0.2, 0.1  # of all tiles: if so many change after so few it is another picture
_LEAP, _LEAPS = 0.12, 6  # of all pixels that change at once; and times as many as in the picture before
_FADING = 0.85
_AGAIN = 2  # pictures after which tiles are compared though nothing moved: slow changes add up
_RESTLESS = 3  # pictures, nearly in a row, in which a tile has moved
_NEVER = -(1 << 30)
_SOON, _OFTEN = 25, 4  # pictures after it was read in which a tile changes again, and how often in a row
_SEEN = 2  # pictures in which something has to stay as it is to have been seen
_SWIFT = 32  # pixels from picture to picture
_CALM = 6  # so long is one remembered that has been restless


class Changes:
    """Compares each picture with the one before, and with what was read."""

    def __init__(self, picture: "Bytes") -> None:
        rows, columns = picture.shape[0] // HIGH, picture.shape[1] // WIDE
        self.shape = rows, columns
        self.number = 0
        """Of the newest picture."""
        self.shift = NONE
        """How far things have moved since the picture before: a page is scrolled, or a window dragged."""
        self.swift = 0
        """In how many pictures in a row they have moved so far at once that little can be read of them."""
        self.shifted_at = _NEVER
        """In which picture they have last."""
        self.glided_at = _NEVER
        """In which picture they have last, and not swiftly."""
        self.rushed_at = _NEVER
        """In which picture they have last, and swiftly."""
        self.moved: Map = np.ones(self.shape, bool)
        """Tiles that are other than in the picture before, what was only scrolled left out."""
        self.first: NDArray[np.int64] = np.zeros(self.shape, np.int64)
        """Since which picture a tile is dirty; -1 if it is not."""
        self.moved_at: NDArray[np.int64] = np.zeros(self.shape, np.int64)
        """In which picture it moved last."""
        self.read_at: NDArray[np.int64] = np.full(self.shape, _NEVER, np.int64)
        """Which picture of it was read last."""
        self.owner: NDArray[np.int64] = np.zeros(self.shape, np.int64)
        """The look that shows what was read last of a tile; 0: it has been read."""
        self.incoming: Map = np.zeros(self.shape, bool)
        """Tiles into which things come with a page that is scrolled."""
        self.stirred: Map = self.moved
        """``moved``, with what was only scrolled."""
        self.unlike: Map = self.moved
        """``moved``, but for what was only scrolled and is blurred meanwhile."""
        self._unrest: NDArray[np.int64] = np.zeros(self.shape, np.int64)
        self._churn: NDArray[np.int64] = np.zeros(
            self.shape, np.int64
        )  # how often it has changed soon after it was, or could be, read
        self._churned_at: NDArray[np.int64] = np.full(self.shape, _NEVER, np.int64)
        self.cut = False
        """Whether much of it gives way to something else at once, and little had changed before."""
        self.cut_at = 0
        """In which picture it last has."""
        self.leapt = False
        """Whether so much of it is other than in the picture before, and so little of that was, that it is another."""
        self.vanished: Map = np.zeros(self.shape, bool)
        """Tiles that were dirty in the picture before and are what was read last again."""
        self.interrupted: Map = np.zeros(self.shape, bool)
        """Tiles that were dirty in the picture before, and could be read there, and are something else now."""
        self.before = self.first
        """``first`` as it was at the picture before."""
        self.left: Map = np.zeros(self.shape, bool)
        """Tiles that were dirty in the picture before, and have been moved out of it."""
        self._step = 0.0  # of all pixels that were other than in the picture before, in the last one or not long before
        self._drift = NONE  # how far things have moved that maps have not yet
        self._gone = NONE  # how far things have moved since tiles were last taken to have left
        self._before = picture
        self._read = np.zeros_like(picture)

    @property
    def dirty(self) -> "Map":
        """Tiles that are other than what was read of them."""
        return self.first >= 0

    def take(self, picture: "Bytes", pages: bool = True) -> None:
        """Take the next picture; ``pages``: there may be one that is scrolled."""
        self.number += 1
        number = self.number
        apart = difference(picture, self._before)
        moved = differs(apart)
        step = float(apart.mean()) / (HIGH * WIDE)
        self.leapt = step > max(_LEAP, _LEAPS * self._step)
        self._step = max(step, _FADING * self._step)  # a film of fewer pictures rests between two of them
        last, self.shift = self.shift, NONE
        self.left = np.zeros(self.shape, bool)
        self.stirred = self.unlike = moved
        if pages and moved.mean() > _MUCH:
            self.shift, moved, self.unlike = shift_between(self._before, picture, moved, last)
            if self.shift != NONE:
                self.shifted_at = number
                self._follow(picture)
        self.incoming = _incoming(self.stirred, self.shift)
        self.swift = self.swift + 1 if max(map(abs, self.shift)) >= _SWIFT else 0
        if self.swift > 1:  # a line more in a chat is no page that is scrolled
            self.rushed_at = number
        elif self.shift != NONE and not self.swift:
            self.glided_at = number
        self.before = self.first.copy()
        dirty_before = self.dirty
        stood = number - 1 - self.moved_at >= _SEEN
        # A scrolled page that gives way to another has not stood, and has not been read to its end either.
        cut = self.shift == NONE and number - self.shifted_at <= _RESTLESS and moved.mean() > _MUCH
        # Nor has what came just before all of the picture gives way to another.
        self.cut = self.shift == NONE and bool(moved.mean() > _ALL and self.moved.mean() < _LITTLE)
        self.cut_at = number if self.cut else self.cut_at
        self.interrupted = dirty_before & moved & (stood | cut | self.cut)
        self._stir(self.interrupted)
        self.moved = moved
        self.moved_at[moved] = number
        self._unrest = np.clip(self._unrest + np.where(moved, 2, -1), 0, 2 * _RESTLESS + _CALM)
        self.vanished = np.zeros(self.shape, bool)
        if moved.any() or self.shift != NONE or dirty_before.any() or number % _AGAIN == 0:
            other = differs(difference(picture, self._read))
            self.vanished = dirty_before & ~other
            anew = other & ~dirty_before
            self.first[anew] = number
            self._stir(anew & (number - self.read_at < _SOON))
            self._churn[anew & (number - self.read_at >= _SOON)] = 0
            self.first[~other] = -1
        self._before = picture

    def _stir(self, tiles: "Map") -> None:
        """``tiles`` have changed soon after they were read, or could be."""
        self._churn[tiles] = np.where(self.number - self._churned_at < _SOON, self._churn + 1, 1)[tiles]
        self._churned_at[tiles] = self.number

    def _follow(self, picture: "Bytes") -> None:
        """Let what was read move with the page, where that explains the picture better."""
        there = shifted(self._read, self.shift)
        better = difference(picture, there) < difference(picture, self._read)
        np.copyto(self._read, there, where=_enlarged(better))
        right, down = self.shift
        # Maps move by whole tiles, when so much has come together: content is where they say within half of one.
        x, y = self._drift.right + right, self._drift.down + down
        by = Shift(math.trunc(x / WIDE), math.trunc(y / HIGH))
        self._drift = Shift(x - by.right * WIDE, y - by.down * HIGH)
        # A tile's content should lie across several: is it there, or has it gone out, or under another?
        unexplained = differs(difference(picture, shifted(self._before, self.shift)))
        lost = [
            shifted(unexplained, Shift(-columns, -rows), 1)
            for rows in {down // HIGH, -(-down // HIGH)}
            for columns in {right // WIDE, -(-right // WIDE)}
        ]
        self.left = self.dirty & self.stirred & np.logical_and.reduce(lost)
        self._gone = Shift(self._gone.right + abs(right), self._gone.down + abs(down))
        if self._gone.right >= WIDE // 2 or self._gone.down >= HIGH // 2:  # more would be a line at the edge
            self._gone = NONE
            self.left = self.dirty & self.stirred & np.logical_or.reduce(lost)
        for tiles, fill in ((self.owner, 0), (self.first, -1), (self.read_at, _NEVER), (self._churn, 0)):
            if by != NONE:
                np.copyto(tiles, shifted(tiles, by, fill), where=better)

    def read(self, picture: "Bytes", tiles: "Map", look: int) -> None:
        """What ``tiles`` show in ``picture``, the newest, is being read by ``look``."""
        np.copyto(self._read, picture, where=_enlarged(tiles))
        self.first[tiles] = -1
        self.owner[tiles] = look
        self.read_at[tiles] = self.number

    def finished(self, look: int) -> None:
        """``look`` has been read to the end."""
        self.owner[self.owner == look] = 0

    def unlearn(self, patch: "Bytes", box: Box) -> None:
        """What looks like ``patch`` in ``box`` has not been read: should it come again it is dirty."""
        place = find(self._read, patch, box, NEAR) if patch.shape == (box.height, box.width) else None
        if place is None:
            return
        tiles = np.zeros(self.shape, bool)
        tiles[within(box, self.shape)] = True
        np.copyto(self._read, self._before ^ 0x80, where=_enlarged(tiles))
        self.first[tiles & ~self.dirty] = self.number

    def forget(self, tiles: "Map", since: int) -> None:
        """What was read of ``tiles`` is not true any more, since picture ``since``."""
        self.first[tiles] = since
        # Nothing looks like this: it differs from any picture.
        np.copyto(self._read, self._before ^ 0x80, where=_enlarged(tiles))

    def calm(self, tiles: "Map") -> None:
        """``tiles`` are not restless any more."""
        self._unrest[tiles] = self._churn[tiles] = 0

    @property
    def restless(self) -> "Map":
        """Tiles that move all the time, and not with the page, or are other than they were read each time."""
        churning = (self._churn >= _OFTEN) & (self.number - self._churned_at < _SOON)
        return (self._unrest >= 2 * _RESTLESS) | churning


def _enlarged(tiles: "Map") -> "Map":
    """Return the same for each pixel."""
    return np.repeat(np.repeat(tiles, HIGH, 0), WIDE, 1)


def _incoming(stirred: "Map", shift: Shift) -> "Map":
    """Return the edge of what has ``stirred`` that things come in at, as wide as they have moved and a tile more."""
    strip = np.zeros_like(stirred)
    if shift == NONE or not stirred.any():
        return strip
    rows, columns = np.flatnonzero(stirred.any(1)), np.flatnonzero(stirred.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    if shift.down:
        high = -(-abs(shift.down) // HIGH) + 1
        strip[slice(top, top + high) if shift.down > 0 else slice(max(0, bottom - high), bottom), left:right] = True
    if shift.right:
        wide = -(-abs(shift.right) // WIDE) + 1
        strip[top:bottom, slice(left, left + wide) if shift.right > 0 else slice(max(0, right - wide), right)] = True
    return strip
