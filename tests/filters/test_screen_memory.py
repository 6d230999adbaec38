"""A line is recalled as it is coded anew, and only that line: another digit makes another."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from filters.screen import memory
from filters.screen.memory import LineMemory
from tests.filters.test_screen_lines import DARK_ON_LIGHT, LIGHT_ON_DARK, written

if TYPE_CHECKING:
    from filters.api import Bytes

CARD = "4556 7375 8689 9855"
PALE = (150, 205)


def coded(line: "Bytes", seed: int, luma: float = 2.5) -> "Bytes":
    """The same as a coder shows it another time."""
    noise = np.random.default_rng(seed).normal(0, luma, line.shape)
    return np.clip(line + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("inks", [DARK_ON_LIGHT, LIGHT_ON_DARK, PALE])
@pytest.mark.parametrize("size", [10, 13, 20, 36])
def test_a_line_is_recalled_and_none_that_differs_in_a_digit(size: int, inks: tuple[int, int]) -> None:
    known: LineMemory[str] = LineMemory()
    line, _ = written(CARD, size, inks)
    assert known.recall(line) is None
    known.keep(coded(line, 1), "a card")
    assert known.recall(coded(line, 2)) == "a card"
    for at in (0, 8, 18):
        for digit in "0123456789".replace(CARD[at], ""):
            other, _ = written(CARD[:at] + digit + CARD[at + 1 :], size, inks)
            assert known.recall(coded(other, 3)) is None, f"{digit} at {at}"


def test_a_line_that_is_found_a_pixel_wider_is_the_same() -> None:
    line, _ = written(CARD)
    known: LineMemory[str] = LineMemory()
    known.keep(line[:, 1:], "a card")
    assert known.recall(line) == "a card"
    assert known.recall(line[:, 2:]) == "a card"
    assert known.recall(line[:, 4:]) is None


def test_a_line_that_lacks_a_row_is_another() -> None:
    line, _ = written(CARD)
    known: LineMemory[str] = LineMemory()
    known.keep(line, "a card")
    assert known.recall(line[1:]) is None


def test_those_that_were_seen_longest_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MOST", 3)
    known: LineMemory[int] = LineMemory()
    shown = [written(f"{number} {CARD}")[0] for number in range(4)]
    for number, line in enumerate(shown[:3]):
        known.keep(line, number)
    assert known.recall(shown[0]) == 0
    known.keep(shown[3], 3)
    assert [known.recall(line) for line in shown] == [0, None, 2, 3]
