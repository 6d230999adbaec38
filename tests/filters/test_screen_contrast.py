"""Text that stands out by its colour alone gets as much luma; what does without stays as it is."""

import numpy as np
import pytest
from numpy.typing import NDArray

from filters import Planes
from filters.screen.contrast import legible, toned
from tests.filters.test_screen_lines import Page

WIDTH, HEIGHT = 640, 240


def written(ground: int, ink: int, u: int = 128, v: int = 128) -> tuple[Planes, NDArray[np.bool_]]:
    """Return a line of text of these colours, and where its letters are."""
    page = Page(WIDTH, HEIGHT, (255, 0))
    page.write("paid to NL25 QBQZ 1386", 40, 100, 24)
    shares = page.luma.astype(float) / 255
    half = shares.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean((1, 3))

    def mixed(share: NDArray[np.float64], low: int, high: int) -> NDArray[np.uint8]:
        return np.rint(low + (high - low) * share).astype(np.uint8)

    return Planes(mixed(shares, ground, ink), mixed(half, 128, u), mixed(half, 128, v)), shares > 0.9


@pytest.mark.parametrize(("ground", "ink"), [(48, 62), (210, 196)])
def test_coloured_letters_on_ground_of_the_same_brightness_stand_out(ground: int, ink: int) -> None:
    planes, letters = written(ground, ink, 200, 200)
    seen = legible(planes)
    apart = seen[letters].mean() - seen[:40].mean()
    assert abs(apart) > 34, "an edge of letters for those who look for lines"
    assert np.sign(apart) == np.sign(ink - ground)
    assert (seen[:40] == toned(planes.y)[:40]).all()


@pytest.mark.parametrize(("ground", "ink"), [(46, 67), (36, 55), (67, 46)])
def test_dim_letters_on_dark_ground_stand_out_like_others(ground: int, ink: int) -> None:
    planes, letters = written(ground, ink)
    seen = legible(planes)
    assert abs(float(seen[letters].mean()) - float(seen[:40].mean())) > 28, "more than coders make a picture waver"


def test_tones_keep_their_order_and_bright_ones_their_distances() -> None:
    tones = toned(np.arange(256, dtype=np.uint8).reshape(16, 16)).ravel().astype(int)
    assert (np.diff(tones) >= 0).all()
    assert tones[235] - tones[205] >= 30


@pytest.mark.parametrize(("u", "v"), [(128, 128), (140, 118)])
def test_what_has_no_colour_or_a_tinge_stays_as_it_is(u: int, v: int) -> None:
    planes, _ = written(30, 220, u, v)
    assert (legible(planes) == toned(planes.y)).all()


@pytest.mark.parametrize(
    ("ground", "ink", "u", "v"),
    [
        (30, 200, 90, 200),
        (98, 41, 240, 110),
        (98, 81, 90, 240),
        (140, 112, 72, 58),
        (128, 210, 16, 146),
        (200, 120, 90, 200),
    ],
)
def test_what_stands_out_already_is_not_made_less_clear(ground: int, ink: int, u: int, v: int) -> None:
    planes, letters = written(ground, ink, u, v)
    seen = legible(planes)

    def apart(luma: NDArray[np.uint8]) -> float:
        return abs(float(luma[letters].mean()) - float(luma[:40].mean()))

    assert apart(seen) >= apart(planes.y) - 1
