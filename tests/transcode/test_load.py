"""Overload: which level of shedding a room is at, from how far it is behind. Times and lags in seconds."""

from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcode.load import (
    EVIDENCE,
    LONGEST_STAY,
    SOON,
    STAY,
    Mode,
    Shedding,
    announcement,
    highest,
    modes,
)
from transcode.media import TIMELINE, Rung

WHOLE, HALF, GAP = Mode.WHOLE, Mode.HALF, Mode.GAP
RUNGS = [Rung(name, 16, 16, 1, 1) for name in ("1080p", "720p", "480p")]


def levels(lags: Iterable[float], rungs: int = 3) -> list[int]:
    """The level after each of the samples, one a second."""
    shedding = Shedding(rungs)
    found = []
    for second, lag in enumerate(lags):
        before = shedding.level
        changed = shedding.sample(second * TIMELINE, round(lag * TIMELINE))
        assert changed == (shedding.level != before)
        found.append(shedding.level)
    return found


def changes(found: list[int]) -> list[tuple[int, int]]:
    """When (seconds) the level changed, and to what."""
    return [(second + 1, after) for second, (before, after) in enumerate(pairwise(found)) if before != after]


class Machine:
    """A room on a machine that carries ``work(level)`` seconds of it in a second of its own: below 1 is enough."""

    def __init__(self, work: Callable[[int], float], rungs: int = 3, lag: float = 0.0) -> None:
        self.shedding = Shedding(rungs)
        self.lag = lag
        self.longest = lag
        self.levels: list[int] = []
        self._work = work

    def run(self, seconds: int) -> "Machine":
        for _ in range(seconds):
            self.lag = max(0.0, self.lag + 1 - 1 / self._work(self.shedding.level))
            self.longest = max(self.longest, self.lag)
            self.shedding.sample(len(self.levels) * TIMELINE, round(self.lag * TIMELINE))
            self.levels.append(self.shedding.level)
        return self


# The order.


def test_rungs_are_halved_and_then_left_out_from_the_best_on() -> None:
    assert [modes(level, 3) for level in range(6)] == [
        (WHOLE, WHOLE, WHOLE),
        (HALF, WHOLE, WHOLE),
        (GAP, WHOLE, WHOLE),
        (GAP, HALF, WHOLE),
        (GAP, GAP, WHOLE),
        (GAP, GAP, HALF),
    ]


@pytest.mark.parametrize(("rungs", "most"), [(0, 0), (1, 1), (2, 3), (3, 5), (6, 11)])
def test_the_lowest_rung_is_never_left_out(rungs: int, most: int) -> None:
    assert highest(rungs) == most
    for level in range(20):
        assert GAP not in modes(level, rungs)[-1:]
    assert levels(range(200), rungs)[-1] == most


def test_the_operator_is_told_what_viewers_lack() -> None:
    assert announcement(0, RUNGS) == "all renditions are whole again"
    for level, lack in (
        (1, "with half the frames of 1080p"),
        (3, "without 1080p and with half the frames of 720p"),
        (4, "without 1080p and without 720p"),
    ):
        assert announcement(level, RUNGS) == (
            f"the encoder falls behind: the room goes on {lack}, until there is time again"
        )


# Up.


@given(st.lists(st.floats(0, 1), max_size=300))
def test_a_room_that_keeps_up_loses_nothing(lags: list[float]) -> None:
    assert not any(levels(lags))


def test_a_room_that_falls_behind_goes_up_level_by_level() -> None:
    rising = [0, 0.5, 1, *[1.5 + second / 4 for second in range(40)]]
    assert changes(levels(rising)) == [(6, 1), (9, 2), (12, 3), (15, 4), (18, 5)]


def test_a_room_that_stays_behind_is_in_trouble_too() -> None:
    assert changes(levels([0, *[3] * 5])) == [(4, 1)]


def test_a_moment_of_trouble_is_none() -> None:
    assert not any(levels([0, 4, 5, 4, 0.5] * 20))


@given(st.floats(1, 60), st.floats(0.11, 0.9), st.integers(0, 5))
def test_a_room_that_catches_up_loses_nothing(behind: float, by: float, waited: int) -> None:
    """As a worker does that begins where another one died."""
    assert not any(levels([*[0] * waited, *[max(0, behind - by * second) for second in range(600)]]))


def test_time_without_a_worker_says_nothing() -> None:
    shedding = Shedding(3)
    for second, lag in [(0, 0), (1, 1.5), (2, 2.5), (8, 8), (9, 6), (10, 4), (11, 2), (12, 0)]:
        assert not shedding.sample(second * TIMELINE, lag * TIMELINE)  # type: ignore[arg-type]


@given(
    st.lists(st.floats(1, 30), min_size=20, max_size=60),
    st.lists(st.floats(0, 10), min_size=60, max_size=60),
)
def test_what_never_falls_is_answered_the_sooner_the_worse_it_is(steps: list[float], more: list[float]) -> None:
    rising = sorted(steps)
    worse = [lag + extra for lag, extra in zip(rising, sorted(more), strict=False)]
    assert all(a <= b for a, b in zip(levels(rising), levels(worse), strict=True))


# Down.


def test_a_level_is_given_back_when_the_room_has_been_well_for_long() -> None:
    stay = STAY // TIMELINE
    found = levels([*[3] * 8, *[0] * 100])
    assert changes(found) == [(3, 1), (6, 2), (8 + stay, 1), (8 + 2 * stay, 0)]


@given(st.integers(1, STAY // TIMELINE - 1))
def test_it_has_to_be_well_all_the_time(well: int) -> None:
    assert levels([*[3] * 4, *([*[0] * well, 0.8] * 20)])[-1] == 1


def test_a_load_that_goes_away_leaves_nothing_behind() -> None:
    heavy = Machine(lambda level: 1.6 - level / 4 if len(heavy.levels) < 60 else 0.5)
    heavy.run(600)
    assert max(heavy.levels) == 3
    assert heavy.levels[-1] == 0


def test_one_that_is_needed_for_good_is_tried_seldom() -> None:
    machine = Machine(lambda level: 1.2 if level == 0 else 0.8).run(3600)
    found = changes(machine.levels)
    tries = [second for second, level in found if level == 0]
    apart = [after - before for before, after in pairwise(tries)]
    assert {level for _, level in found} == {0, 1}
    assert all(after > before for before, after in pairwise(apart[:4])), "each time later"
    assert min(apart[5:]) >= LONGEST_STAY // TIMELINE
    assert len(tries) <= 10


def test_patience_is_forgotten_when_a_level_was_not_needed_for_long() -> None:
    stay, soon = STAY // TIMELINE, SOON // TIMELINE
    trouble, well = [3] * 4, [0] * 2 * stay
    again = [*trouble, *well, *trouble, *[0] * 3 * stay]
    assert [second for second, level in changes(levels(again)) if level == 0] == [4 + stay, 8 + 2 * stay + 2 * stay]
    late = [*again, *[0] * soon, *trouble, *well]
    assert changes(levels(late))[-1] == (len(again) + soon + 4 + stay, 0)


# Whatever comes.


@given(st.lists(st.tuples(st.integers(1, 40), st.floats(0, 8)), max_size=60), st.integers(0, 4))
def test_levels_change_one_by_one_and_seldom(story: list[tuple[int, float]], rungs: int) -> None:
    found = levels((lag for seconds, lag in story for _ in range(seconds)), rungs)
    assert all(0 <= level <= highest(rungs) for level in found)
    found_changes = changes([0, *found])
    assert all(abs(after - before) <= 1 for before, after in pairwise([0, *found]))
    downs = [at for (at, after), (_, before) in zip(found_changes[1:], found_changes, strict=False) if after < before]
    assert all(later - earlier >= STAY // TIMELINE for earlier, later in pairwise(downs))
    ups = [at for at, _ in found_changes if at not in downs]
    assert all(later - earlier >= EVIDENCE // TIMELINE for earlier, later in pairwise(ups))


@given(st.floats(0.3, 2.5), st.floats(0.05, 0.4), st.floats(0, 0.3))
def test_a_machine_that_can_carry_a_level_bounds_how_late_it_is(load: float, saved: float, more: float) -> None:
    """And one with more to do never sheds less."""

    def run(whole: float) -> Machine:
        return Machine(lambda level: max(0.1, whole - saved * level)).run(200)

    one, worse = run(load), run(load + more)
    assert max(one.levels) <= max(worse.levels)
    if load - saved * highest(3) < 0.9:
        assert one.longest < 12
        assert one.lag <= 3
    if load <= 1:
        assert not any(one.levels)
