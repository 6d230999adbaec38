"""What changes on a screen is covered until it has been read, and secrets from their first picture to their last."""

import pytest

from tests.support.screens import HEADER, HEIGHT, Act, play

SECRET, TEXT = 100, 101


@pytest.mark.parametrize(("noise", "pace"), [(0, 0.3), (5, 6)])
@pytest.mark.parametrize(
    "script",
    [
        pytest.param([Act(10, "show", SECRET, 60, 90)], id="appears"),
        pytest.param([Act(10, "show", SECRET, 60, 90), Act(14, "hide", SECRET)], id="flashes"),
        pytest.param([Act(10, "type", SECRET, 60, 90, 30)], id="is typed"),
        pytest.param(
            [Act(10, "show", TEXT, 60, 90), Act(30, "hide", TEXT), Act(30, "show", SECRET, 60, 90)], id="replaces"
        ),
        pytest.param(
            [Act(10, "show", SECRET, 60, 90), Act(30, "hide", SECRET), Act(30, "show", TEXT, 60, 90)], id="replaced"
        ),
        pytest.param([Act(10, "show", SECRET, 60, 90), Act(40, "move", SECRET, 8, 3, 20)], id="moves"),
        pytest.param([Act(10, "show", SECRET, 60, 90), Act(40, "move", SECRET, -9, 0, 20)], id="leaves"),
        pytest.param([Act(10, "page", 7), Act(40, "scroll", 0, 0, 5, 20)], id="is scrolled"),
        pytest.param([Act(10, "page", 7), Act(40, "scroll", 0, 0, 120)], id="jumps"),
        pytest.param([Act(10, "page", 7), Act(40, "page", 8)], id="gives way"),
        pytest.param([Act(10, "window", SECRET, 40, 40), Act(40, "drag", 0, 7, 4, 15)], id="is dragged"),
    ],
)
def test_no_secret_is_shown(script: list[Act], noise: int, pace: float) -> None:
    assert play(script, noise=noise, pace=pace, tail=20).leaks == []


def test_what_has_been_read_is_shown() -> None:
    outcome = play([Act(10, "show", TEXT, 60, HEIGHT // 2)], pace=0.3)
    assert outcome.late == 0
    assert outcome.blurred == 0


@pytest.mark.parametrize("down", [40, -40])
def test_a_page_is_shown_on_its_way_if_all_of_that_is_there_at_its_beginning_or_end(down: int) -> None:
    """It moves too fast to be read; what comes into sight is read where it stops."""
    begin = [Act(10, "page", 7)] if down > 0 else [Act(10, "page", 7), Act(10, "scroll", 0, 0, 200)]
    outcome = play([*begin, Act(60, "scroll", 0, 0, down, 5)], pace=0.3)
    assert outcome.leaks == []
    assert outcome.blurred < 0.02


def test_a_page_that_passes_by_too_fast_is_covered() -> None:
    outcome = play([Act(10, "page", 7), Act(60, "scroll", 0, 0, 40, 14)], pace=0.3)
    assert outcome.leaks == []
    assert outcome.blurred > 0.02


@pytest.mark.parametrize("seed", range(6))
def test_what_could_not_be_read_before_it_has_gone_under_something_else_stays_covered(seed: int) -> None:
    """Lines are eaten row by row by what stands above the page; what is read of the rest tells nothing of them."""
    script = [Act(10, "page", 7), Act(40, "scroll", 0, 0, 120), Act(44, "scroll", 0, 0, 1, 60)]
    assert play(script, seed=seed, pace=1, header=HEADER).leaks == []
