"""Programme dates: the server's clock, followed slowly, and the same for all renditions."""

from itertools import pairwise

import pytest

from serve.dates import SLEW, ProgramDates

NOON = 1_800_000_000_000
SEGMENT = 2000


class Server:
    """A server whose clock runs by the test; ``late``: how long after its date a segment begins to come."""

    def __init__(self) -> None:
        self.now = NOON
        self.dates = ProgramDates(NOON, lambda: self.now)

    def segments(self, count: int, parts_per_million: int = 0, late: int = 300, first: int = 0) -> list[int]:
        """Dates of segments of a host whose clock is so much slower than the server's."""
        dates = []
        for number in range(first, first + count):
            start = number * SEGMENT
            self.now = NOON + start + start * parts_per_million // 1_000_000 + late
            dates.append(self.dates.date(number, start))
        return dates


def test_dates_are_those_of_the_timeline_as_long_as_the_hosts_clock_agrees_with_ours() -> None:
    assert Server().segments(200) == [NOON + number * SEGMENT for number in range(200)]


@pytest.mark.parametrize("off", [-500, -20, 20, 500])
def test_a_clock_that_is_wrong_is_corrected_and_neighbours_stay_close(off: int) -> None:
    """5 ms is what players are promised; half a second in a thousand is far more than any host's clock is off."""
    server = Server()
    dates = server.segments(3000, off)
    assert abs((server.now - 300) - dates[-1]) <= 60
    assert all(abs(after - before - SEGMENT) <= SLEW < 5 for before, after in pairwise(dates))


def test_what_is_held_up_on_its_way_moves_no_date() -> None:
    """The first segments wait for the measuring of the stream, and later ones for a worker that was replaced."""
    server = Server()
    server.segments(3, late=900)
    server.segments(50, first=3)
    server.segments(10, late=4000, first=53)
    assert server.segments(50, first=63) == [NOON + number * SEGMENT for number in range(63, 113)]


def test_renditions_are_moved_alike_and_each_is_dated_where_it_begins() -> None:
    server = Server()
    dates = server.segments(100, 500)
    server.now += 60_000
    assert server.dates.date(99, 99 * SEGMENT) == dates[-1]
    assert server.dates.date(99, 99 * SEGMENT + 13) == dates[-1] + 13
