"""How much of the machine's time a process takes."""

import pytest

from transcode.usage import PERIOD, Usage


def test_it_is_not_known_until_it_was_measured_long_enough() -> None:
    usage = Usage()
    usage.used(3.0, 100.0)
    assert usage.processors is None
    usage.used(8.0, 100.0 + PERIOD - 0.1)
    assert usage.processors is None
    usage.used(8.0, 100.0 + PERIOD)
    assert usage.processors == pytest.approx(5.0 / PERIOD)


def test_it_is_what_was_taken_of_late() -> None:
    usage = Usage()
    for second in range(100):
        usage.used(min(second, 30) * 1.5, float(second))
    assert usage.processors == 0
