"""The frame clock: pictures at any pace become frames at a constant one."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcode.frames import FrameClock
from transcode.ladder import CONSTANT_RATES
from transcode.media import TIMELINE, FrameRate

MS = TIMELINE // 1000


def numbers(clock: FrameClock, stamps: list[int]) -> list[int | None]:
    """What each picture becomes; the frames between are repeated."""
    found = []
    for stamp in stamps:
        number = clock.place(stamp * MS)
        if number is not None:
            clock.next = number + 1
        found.append(number)
    return found


@pytest.mark.parametrize("rate", CONSTANT_RATES, ids=lambda rate: f"{float(rate):.2f}")
@pytest.mark.parametrize("phase", [0, 3, 7, 11, 16])
def test_a_steady_host_has_each_picture_shown_once_though_its_stamps_are_whole_milliseconds(
    rate: FrameRate, phase: int
) -> None:
    stamps = [phase + n * 1000 * rate.denominator // rate.numerator for n in range(5000)]
    clock = FrameClock(rate, round(phase * float(rate) / 1000))
    found = numbers(clock, stamps)
    assert None not in found
    assert all(b == a + 1 for a, b in pairwise(n for n in found if n is not None))


def test_stamps_that_waver_around_a_border_neither_drop_nor_repeat() -> None:
    clock = FrameClock(FrameRate(30, 1), 0)
    stamps = [n * 1000 // 30 + (16 + (n % 3) if n else 0) for n in range(1000)]
    assert numbers(clock, stamps) == list(range(1000))


def test_a_host_that_runs_slow_has_one_frame_repeated_now_and_then() -> None:
    clock = FrameClock(FrameRate(30, 1), 0)
    found = numbers(clock, [round(n * 1001 / 30) for n in range(5000)])
    steps = [b - a for a, b in pairwise(n for n in found if n is not None)]
    assert None not in found
    assert steps.count(2) == 5
    assert set(steps) == {1, 2}


def test_a_picture_too_many_is_left_out() -> None:
    clock = FrameClock(FrameRate(30, 1), 0)
    assert numbers(clock, [0, 2, 33, 40, 66, 100]) == [0, None, 1, None, 2, 3]


def test_a_late_picture_takes_no_place_that_is_taken() -> None:
    clock = FrameClock(FrameRate(30, 1), 0)
    clock.next = 30
    assert clock.place(500 * MS) is None


def test_frames_that_are_due_are_those_up_to_the_time() -> None:
    clock = FrameClock(FrameRate(30, 1), 3)
    assert list(clock.due(100 * MS - 1)) == []
    assert list(clock.due(100 * MS)) == [3]
    assert list(clock.due(200 * MS)) == [3, 4, 5, 6]


@pytest.mark.parametrize("rate", CONSTANT_RATES, ids=lambda rate: f"{float(rate):.2f}")
@given(pts=st.integers(0, 10**12))
def test_frames_and_times_agree(rate: FrameRate, pts: int) -> None:
    clock = FrameClock(rate)
    after = clock.at_or_after(pts)
    assert clock.pts(after) >= pts or clock.pts(after) == pts - 1  # ticks are whole, frames may begin between two
    assert clock.pts(after - 1) < pts


@given(st.sampled_from(CONSTANT_RATES), st.lists(st.integers(0, 400), max_size=80))
def test_numbers_only_grow_and_stay_near_their_time(rate: FrameRate, gaps: list[int]) -> None:
    clock, now, last = FrameClock(rate), 0, -1
    for gap in gaps:
        now += gap * MS
        number = clock.place(now)
        if number is not None:
            assert number > last
            assert abs(number * rate.denominator * TIMELINE - now * rate.numerator) <= (
                rate.denominator * TIMELINE * 3 // 4
            )
            last, clock.next = number, number + 1
