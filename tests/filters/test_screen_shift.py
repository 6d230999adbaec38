"""How far a page was scrolled, or a window dragged, is found to the pixel; what is no shift is not taken for one."""

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from filters.screen.shift import NONE, Shift, shift_between, shifted
from filters.screen.tiles import HIGH, WIDE, difference, differs

if TYPE_CHECKING:
    from filters.api import Bytes
    from filters.screen.tiles import Map

HEIGHT, WIDTH = 20 * HIGH, 16 * WIDE
LINE = 20


def page(height: int, seed: int = 1) -> "Bytes":
    """A long page of lines of words: blocks as high as letters, some pixels wide, on white."""
    random = np.random.default_rng(seed)
    made = np.full((height, WIDTH), 240, np.uint8)
    for top in range(4, height - LINE, LINE):
        x = 12
        while x < WIDTH - 60:
            if random.random() < 0.12:
                x += 14
            wide = int(random.integers(2, 7))
            made[top + int(random.integers(0, 5)) : top + 12, x : x + wide] = random.integers(20, 120)
            x += wide + int(random.integers(1, 4))
    return made


def noisy(picture: "Bytes", seed: int, luma: int = 6) -> "Bytes":
    noise = np.random.default_rng(seed).integers(-luma, luma + 1, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def between(before: "Bytes", now: "Bytes", last: Shift = NONE) -> "tuple[Shift, Map, Map]":
    """What is found, which tiles have changed, and which of them the shift does not explain."""
    moved = differs(difference(before, now))
    by, left, _ = shift_between(before, now, moved, last)
    return by, moved, left


@pytest.mark.parametrize("down", [-1, 2, -7, 16, 33, -60, 121, -150])
def test_a_scrolled_page_with_noise(down: int) -> None:
    long = page(3 * HEIGHT)
    before, now = (long[at : at + HEIGHT] for at in (HEIGHT, HEIGHT - down))
    by, moved, left = between(noisy(before, 1), noisy(now, 2))
    assert by == Shift(0, down)
    assert (left & ~moved).sum() == 0
    new = slice(None, -(-down // HIGH)) if down > 0 else slice(down // HIGH, None)
    outside = left.copy()
    outside[new] = False
    assert outside.sum() <= 2, "but for what has come in, all is explained"


@pytest.mark.parametrize("down", [-27, 44])
def test_a_page_that_its_coder_blurs_as_it_moves(down: int) -> None:
    """Most of it is other than before, and all of it closer to that; what has come over it is not."""
    long = page(3 * HEIGHT)
    before, now = (long[at : at + HEIGHT].copy() for at in (HEIGHT, HEIGHT - down))
    now = np.asarray(cv2.addWeighted(now, 0.6, cv2.GaussianBlur(now, (9, 9), 0), 0.4, 0), np.uint8)
    over = slice(HEIGHT // 2, HEIGHT // 2 + 3 * HIGH), slice(4 * WIDE, 7 * WIDE)
    now[over] = page(HEIGHT, 5)[: 3 * HIGH, : 3 * WIDE]
    by, left, unlike = shift_between(before, now, differs(difference(before, now)), NONE)
    assert by == Shift(0, down)
    assert left.mean() > 0.5
    new = slice(None, -(-down // HIGH)) if down > 0 else slice(down // HIGH, None)
    assert unlike[HEIGHT // 2 // HIGH + 1, 5], "what has come over it"
    unlike[new] = unlike[HEIGHT // 2 // HIGH - 1 : HEIGHT // 2 // HIGH + 4, 3:8] = False
    assert unlike.mean() < left.mean() / 4


def test_what_comes_in_is_left_over() -> None:
    """It has not been read, wherever the rest of the page has gone."""
    long = page(2 * HEIGHT)
    by, moved, left = between(long[:HEIGHT], long[3 * LINE : HEIGHT + 3 * LINE])
    assert by == Shift(0, -3 * LINE)
    rows = slice(-(3 * LINE) // HIGH, None)
    assert (left[rows] | ~moved[rows])[:, 1:-2].mean() > 0.8
    assert left[rows].sum() > 3 * 8


def test_a_header_that_stays_does_not_hide_the_shift() -> None:
    long, header = page(2 * HEIGHT), page(4 * HIGH, 9)
    before, now = long[:HEIGHT].copy(), long[26 : HEIGHT + 26].copy()
    before[: 4 * HIGH] = now[: 4 * HIGH] = header
    by, moved, left = between(before, now)
    assert by == Shift(0, -26)
    assert not moved[:4].any()
    assert left[6:-3].sum() <= 2


@pytest.mark.parametrize("by", [Shift(9, 5), Shift(-31, 14), Shift(64, -40), Shift(-3, 0)])
def test_a_window_is_dragged(by: Shift) -> None:
    desk = np.full((HEIGHT, WIDTH), 90, np.uint8)
    window = page(8 * HIGH, 4)[:, : 8 * WIDE]

    def with_window(left: int, top: int) -> "Bytes":
        made = desk.copy()
        made[top : top + window.shape[0], left : left + window.shape[1]] = window
        return made

    x, y = 96 + by.right, 80 + by.down
    found, _, left = between(noisy(with_window(96, 80), 3), noisy(with_window(x, y), 4))
    assert found == by
    inside = slice(-(-y // HIGH), (y + window.shape[0]) // HIGH), slice(-(-x // WIDE), (x + window.shape[1]) // WIDE)
    assert left[inside].size > 40
    assert not left[inside].any(), "within the window nothing is new"


def test_how_far_it_was_the_last_time_is_a_guess_that_is_tried() -> None:
    """A page of the same line again and again fits many shifts."""
    line = page(2 * LINE + 4)[:LINE]
    before = np.tile(line, (HEIGHT // LINE, 1))
    now = np.roll(before, -LINE // 2, 0)
    assert between(before, now, Shift(0, LINE // 2))[0] == Shift(0, LINE // 2)
    assert between(before, now, Shift(0, -LINE // 2))[0] == Shift(0, -LINE // 2)


@pytest.mark.parametrize("what", ["another page", "a film", "light", "half another"])
def test_what_is_no_shift_leaves_all_that_has_changed(what: str) -> None:
    before = page(HEIGHT)
    random = np.random.default_rng(3)
    film = [np.kron(random.integers(0, 256, (40, 64)), np.ones((8, 8))).astype(np.uint8) for _ in range(2)]
    part = before.copy()
    part[: HEIGHT // 2] = page(HEIGHT, 8)[: HEIGHT // 2]
    pairs = {
        "another page": (before, page(HEIGHT, 7)),
        "a film": (film[0], film[1]),
        "light": (before, (before * 0.5).astype(np.uint8)),
        "half another": (before, part),
    }
    by, moved, left = between(*pairs[what])
    assert moved.sum() > 0.2 * moved.size
    assert by == NONE
    np.testing.assert_array_equal(left, moved)


def test_a_map_is_moved_and_filled() -> None:
    tiles = np.arange(12).reshape(3, 4)
    assert shifted(tiles, Shift(1, -1), -1).tolist() == [[-1, 4, 5, 6], [-1, 8, 9, 10], [-1, -1, -1, -1]]
    assert (shifted(tiles, Shift(0, 9), 7) == 7).all(), "further than it is large"
    assert (shifted(tiles, NONE) == tiles).all()


def test_what_vanishes_is_no_page_that_is_scrolled() -> None:
    """Blank ground fits on what has gone, wherever it is taken from."""
    before = page(HEIGHT)
    before[: HEIGHT // 2] = 240
    by, moved, left = between(noisy(before, 1), noisy(np.full_like(before, 240), 2))
    assert by == NONE
    assert (left == moved).all()
