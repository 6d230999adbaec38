"""Lines of text are found once each, and whole, wherever they stand. ``written`` draws them, for other tests, too."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from filters.api import Box
from filters.screen.lines import lines

if TYPE_CHECKING:
    from filters.api import Bytes

DARK_ON_LIGHT, LIGHT_ON_DARK, FAINT = (20, 240), (225, 25), (120, 235)
INKS = pytest.mark.parametrize("inks", [DARK_ON_LIGHT, LIGHT_ON_DARK, FAINT])
CARD = "Pay with 4556 7375 8689 9855"


class Page:
    """A picture that is written on with DejaVu Sans: luma of ``width`` x ``height``, ``inks`` of text and ground."""

    def __init__(self, width: int = 960, height: int = 120, inks: tuple[int, int] = DARK_ON_LIGHT) -> None:
        self.ink, ground = inks
        self._image = Image.new("L", (width, height), ground)
        self.draw = ImageDraw.Draw(self._image)

    def write(self, text: str, left: int, top: int, size: int) -> Box:
        """Write ``text``, ``size`` pixels large; return where its ink is."""
        font = ImageFont.truetype("DejaVuSans.ttf", size)
        self.draw.text((left, top), text, self.ink, font)
        a, b, c, d = map(round, self.draw.textbbox((left, top), text, font=font))
        return Box(a, b, c - a, d - b)

    @property
    def luma(self) -> "Bytes":
        """The picture as it is now."""
        return np.array(self._image)


def written(text: str, size: int = 20, inks: tuple[int, int] = DARK_ON_LIGHT, margin: int = 10) -> "tuple[Bytes, Box]":
    """Return a line of text with some ground around it, and where in that its ink is."""
    page = Page(size * len(text), 3 * size, inks)
    box = page.write(text, margin, size, size)
    return page.luma[box.top - 3 : box.top + box.height + 3, : box.left + box.width + margin], box._replace(top=3)


def assert_found(found: Sequence[Box], wanted: Sequence[Box], off: int = 4) -> None:
    """Assert that each that is wanted is found once: ``off`` pixels less at most (9 more are read), some more."""

    def alike(one: Box, ink: Box) -> bool:
        less = (
            one.left - ink.left,
            one.top - ink.top,
            ink.left + ink.width - one.left - one.width,
            ink.top + ink.height - one.top - one.height,
        )
        return max(less) <= off and min(less) >= -max(8, ink.height // 2)

    for ink in wanted:
        assert [alike(one, ink) for one in found].count(True) == 1, f"{ink} in {found}"
    assert len(found) == len(wanted), found


@INKS
@pytest.mark.parametrize("size", [9, 11, 13, 16, 20, 26, 32, 40, 48])
def test_a_line_of_any_usual_size_is_found_whole(size: int, inks: tuple[int, int]) -> None:
    page = Page(1000, 3 * size, inks)
    assert_found(lines(page.luma), [])
    text = page.write(CARD, 30, size, size)
    assert_found(lines(page.luma), [text], size // 4 + 1)


@pytest.mark.parametrize("size", [11, 14, 18, 24])
@pytest.mark.parametrize("spacing", [1.3, 1.6])
def test_lines_of_a_paragraph_are_found_one_by_one(size: int, spacing: float) -> None:
    said = (
        "The invoice was paid with card 4556 7375 8689",
        "on Monday, says Jane; jumpy glyphs: (QWERTY)",
        "telephone +44 20 7946 0958, extension no. 12",
    )
    page = Page(960, 6 * size)
    wanted = [page.write(text, 20, round(size * (0.5 + n * spacing)), size) for n, text in enumerate(said)]
    assert_found(lines(page.luma), wanted)


@pytest.mark.parametrize("size", [11, 14, 18, 24])
@pytest.mark.parametrize("thick", [1, 2])
def test_an_underlined_line_is_found_as_any_other(size: int, thick: int) -> None:
    page = Page()
    text = page.write("jane.doe@example.com, 4556 7375 8689", 30, 40, size)
    under = 40 + round(1.02 * size)
    page.draw.rectangle((text.left, under, text.left + text.width, under + thick - 1), page.ink)
    assert_found(lines(page.luma), [text])


@pytest.mark.parametrize("size", [11, 14, 18, 24])
def test_cells_of_a_table_with_rules_are_lines_of_their_own(size: int) -> None:
    page, rows, high = Page(960, 200), 4, size + 12
    columns = ((20, "Order 1041"), (320, "4556 7375 8689 9855"), (680, "jane@example.com"))
    wanted = [page.write(text, x + 8, 10 + row * high + 4, size) for row in range(rows) for x, text in columns]
    for y in range(10, 11 + rows * high, high):
        page.draw.line((20, y, 940, y), 130)
    for x in (*(x for x, _ in columns), 940):
        page.draw.line((x, 10, x, 10 + rows * high), 130)
    assert_found(lines(page.luma), wanted)


@pytest.mark.parametrize("size", [11, 14, 18, 24])
def test_two_columns_are_apart(size: int) -> None:
    page = Page(960, 6 * size)
    wanted = []
    for row in range(3):
        left = page.write(f"In the left column, line {row}", 20, round(size * (0.5 + 1.5 * row)), size)
        wanted += [left, page.write(f"4556 7375 8689 98{row}5", 20 + 20 * size, left.top - size // 6, size)]
    assert_found(lines(page.luma), wanted, size // 4)


def test_lines_that_hang_down_into_each_other_are_two() -> None:
    """An editor with a small font: underscores and the like fill what is between."""
    page = Page(480, 60)
    page.write("gateway_password = g&y1W3Wquc@DY", 20, 10, 12)
    page.write("billing_timeout = /srv/billing_query", 20, 23, 12)
    upper, lower = sorted(lines(page.luma), key=lambda box: box.top)
    assert upper.top + upper.height <= lower.top + 3


@pytest.mark.parametrize("ground", [48, 225])
def test_what_hardly_stands_out_is_of_one_line_with_what_does_beside_it(ground: int) -> None:
    page = Page(640, 60, (ground + (150 if ground < 128 else -150), ground))
    clear = page.write("11:14:42 mixer: paid to", 20, 20, 15)
    page.ink = ground + (26 if ground < 128 else -26)
    dim = page.write("PL14 8921 8472 9008 3748", clear.left + clear.width + 6, 20, 15)
    (found,) = lines(page.luma)
    assert found.left + found.width >= dim.left + dim.width - 6


def test_rows_are_searched_alone_if_wanted() -> None:
    page = Page(400, 300)
    page.write(CARD, 10, 20, 16)
    low = page.write(CARD, 10, 220, 16)
    assert_found(lines(page.luma, 160, 288), [low])


def test_frames_carets_and_soft_pictures_are_no_lines() -> None:
    page = Page(400, 300)
    page.draw.rectangle((20, 20, 380, 280), outline=page.ink)
    page.draw.line((50, 60, 50, 80), page.ink, 2)
    assert lines(page.luma) == []
    across = np.linspace(0, 12, 400)
    assert lines((120 + 80 * np.sin(across) * np.cos(across[:300, None])).astype(np.uint8)) == []
