"""Pictures are compared tile by tile: what is a letter's worth of change is seen, what coding does is not."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from filters.api import Box
from filters.screen.tiles import HIGH, WIDE, Area, areas, blended, covering, difference, differs, grown, padded, within

GROUND = np.full((6 * HIGH, 8 * WIDE), 200, np.uint8)


def test_pictures_are_padded_to_whole_tiles_by_what_is_at_their_edges() -> None:
    ramp = np.tile(np.arange(70, dtype=np.uint8), (33, 1))
    picture = padded(ramp)
    assert picture.shape == (3 * HIGH, 3 * WIDE)
    np.testing.assert_array_equal(picture[:33, :70], ramp)
    assert (picture[:, 70:] == 69).all()
    picture[:] = 0
    assert ramp[0, 69] == 69, "it is a copy"


def test_a_comma_is_seen_in_its_tile_alone() -> None:
    now = GROUND.copy()
    now[2 * HIGH + 6 : 2 * HIGH + 10, 3 * WIDE + 5 : 3 * WIDE + 7] = 60
    assert np.argwhere(differs(difference(GROUND, now))).tolist() == [[2, 3]]


def test_what_coding_does_is_not_seen() -> None:
    noise = np.random.default_rng(5).integers(-12, 13, GROUND.shape)
    assert not differs(difference(GROUND, (GROUND + noise).astype(np.uint8))).any()


def test_darker_and_lighter_are_alike() -> None:
    now = GROUND.copy()
    now[:HIGH, :WIDE] -= 40
    now[HIGH : 2 * HIGH, :WIDE] += 40
    assert differs(difference(GROUND, now))[:2, 0].all()
    assert (difference(GROUND, now) == difference(now, GROUND)).all()


@given(arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24)), elements=st.booleans()))
def test_areas_hold_every_tile(tiles: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> None:
    found = areas(tiles)
    assert (covering(tiles.shape, found) | ~tiles).all()
    assert bool(found) == bool(tiles.any())
    assert all(tiles[area.slices].any() for area in found), "none is there for nothing"


def test_areas_that_are_far_apart_stay_apart() -> None:
    tiles = np.zeros((20, 20), bool)
    tiles[1:3, 1:5] = tiles[15:17, 12:18] = True
    assert set(areas(tiles)) == {Area(1, 3, 1, 5), Area(15, 17, 12, 18)}


def test_a_page_of_ragged_lines_is_covered_by_bands_rather_than_whole() -> None:
    tiles = np.zeros((32, 40), bool)
    tiles[:, :4] = True
    tiles[2, :40] = True
    assert covering(tiles.shape, areas(tiles)).sum() < 0.5 * tiles.size


def test_a_box_touches_the_tiles_in_which_its_pixels_are() -> None:
    shape = (6, 8)
    assert within(Box(WIDE, HIGH, WIDE, HIGH), shape) == (slice(1, 2), slice(1, 2))
    assert within(Box(WIDE - 1, HIGH - 1, WIDE + 2, HIGH + 2), shape) == (slice(0, 3), slice(0, 3))
    assert not np.ones(shape, bool)[within(Box(-50, 10, 40, 10), shape)].any(), "outside there is none"
    area = Area(1, 3, 2, 5)
    assert within(area.box, shape) == area.slices


def test_tiles_grow_to_all_sides() -> None:
    tiles = np.zeros((7, 9), bool)
    tiles[3, 4] = True
    assert [*map(int, np.flatnonzero(grown(tiles, 1, 2).any(0)))] == [2, 3, 4, 5, 6]
    assert grown(tiles, 1, 2).sum() == 15


def test_what_fades_is_a_mixture_of_before_and_after_and_what_flashes_is_not() -> None:
    random = np.random.default_rng(3)
    before, after, flash = (random.choice(np.array([40, 200], np.uint8), GROUND.shape) for _ in range(3))
    mixed = 0.4 * before + 0.6 * after + random.integers(-3, 4, GROUND.shape)
    halfway = np.rint(mixed).clip(0, 255).astype(np.uint8)
    halfway[:HIGH, :WIDE] = flash[:HIGH, :WIDE]
    tiles = np.zeros((6, 8), bool)
    tiles[0, 0] = tiles[0, 1] = tiles[4, 5] = True
    assert np.argwhere(blended(before, halfway, after, tiles)).tolist() == [[0, 1], [4, 5]]
