"""Planes become BGR and BGR planes as BT.709 says, and one way undoes the other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from filters import Planes
from filters.pixels import TO_BGR, TO_YUV, bgr_of, planes_of


def smooth(width: int = 320, height: int = 180) -> NDArray[np.uint8]:
    down, across = np.mgrid[:height, :width]
    waves = [np.sin(across / 61), np.cos(down / 47), np.sin((across + down) / 83)]
    return np.stack([128 + 110 * wave for wave in waves], -1).astype(np.uint8)


def plain(*colour: int) -> NDArray[np.uint8]:
    return np.full((4, 6, 3), colour, np.uint8)


def exact(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """BT.709-6, 3.2 to 3.5, in floating point: y, u and v of each pixel."""
    blue, green, red = np.moveaxis(image / 255, -1, 0)
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    u, v = (blue - y) / 1.8556, (red - y) / 1.5748
    return np.stack([219 * y + 16, 224 * u + 128, 224 * v + 128], -1)


@pytest.mark.parametrize(
    ("colour", "coded"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((0, 0, 255), (63, 102, 240)),  # red
        ((0, 255, 0), (173, 42, 26)),  # green
        ((255, 0, 0), (32, 240, 118)),  # blue
    ],
)
def test_known_colours(colour: tuple[int, int, int], coded: tuple[int, int, int]) -> None:
    assert tuple(int(plane[0, 0]) for plane in planes_of(plain(*colour))) == coded
    back = bgr_of(planes_of(plain(*colour))).astype(int)
    assert np.abs(back - colour).max() <= 2


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_any_plain_colour_is_within_one_level_of_the_exact_formula(colour: tuple[int, int, int]) -> None:
    image = plain(*colour)
    planes = planes_of(image)
    for plane, wanted in zip(planes, exact(image)[0, 0], strict=True):
        assert np.abs(plane - wanted).max() <= 1
    coded = np.array([plane[0, 0] for plane in planes] + [1])
    assert np.abs(bgr_of(planes)[0, 0] - np.clip(TO_BGR @ coded, 0, 255)).max() <= 1


def test_luma_of_a_picture_is_the_exact_one_and_not_shifted() -> None:
    off = planes_of(smooth()).y - exact(smooth())[..., 0]
    assert np.abs(off).max() <= 1
    assert abs(off.mean()) < 0.1


def test_a_picture_comes_back_within_two_levels() -> None:
    off = np.abs(bgr_of(planes_of(smooth())).astype(int) - smooth())
    assert (off <= 2).mean() > 0.999  # 8 bits of chroma: a step of it is two of blue
    assert off.max() <= 3
    assert off.mean() < 0.7


def test_planes_with_gaps_between_their_rows_are_read() -> None:
    planes = planes_of(smooth())
    wide = Planes(*(np.pad(plane, ((0, 0), (0, 32)))[:, : plane.shape[1]] for plane in planes))
    np.testing.assert_array_equal(bgr_of(wide), bgr_of(planes))


def test_results_are_new_and_writable() -> None:
    planes = planes_of(smooth())
    image = bgr_of(planes)
    assert image.shape == (180, 320, 3)
    assert all(array.dtype == np.uint8 and array.flags.writeable for array in (image, *planes))
    image[:] = 0
    assert planes.y.any()


def test_odd_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        planes_of(np.zeros((5, 6, 3), np.uint8))


def test_the_matrices_undo_each_other() -> None:
    whole = [np.vstack([matrix, [0, 0, 0, 1]]) for matrix in (TO_YUV, TO_BGR)]
    np.testing.assert_allclose(whole[0] @ whole[1], np.eye(4), atol=1e-9)
