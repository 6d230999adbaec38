"""The desk reads in a thread of its own: what is read comes back in order, and so does what goes wrong."""

import threading
import time
from typing import cast

import numpy as np
import pytest

from filters.screen.desk import Desk
from filters.screen.scribe import Finished, Look, Outline, Report, Scribe

LIMIT = 10.0


class Reads:
    """Stands in for a scribe: each look takes two steps, the first of which waits until it is let."""

    def __init__(self, fault: BaseException | None = None) -> None:
        self.let = threading.Event()
        self.let.set()
        self.threads: set[int] = set()
        self._looks: list[int] = []
        self._outlined = False
        self._fault = fault

    @property
    def backlog(self) -> int:
        return len(self._looks)

    def submit(self, look: Look) -> None:
        self._looks.append(look.number)

    def step(self) -> list[Report]:
        if not self._looks:
            return []
        self.threads.add(threading.get_ident())
        assert self.let.wait(LIMIT)
        if self._fault is not None:
            raise self._fault
        self._outlined = not self._outlined
        return [Outline(self._looks[0], ())] if self._outlined else [Finished(self._looks.pop(0))]


def desk(reads: Reads) -> Desk:
    return Desk(cast(Scribe, reads))


def look(number: int) -> Look:
    return Look(number, np.zeros((16, 32), np.uint8), np.ones((1, 1), bool))


def heard(desk: Desk, count: int) -> list[Report]:
    """Wait for so many reports."""
    reports: list[Report] = []
    end = time.monotonic() + LIMIT
    while len(reports) < count and time.monotonic() < end:
        desk.wait(0.1)
        reports += desk.reports()
    return reports


def test_looks_are_read_in_another_thread_and_reported_once() -> None:
    reads = Reads()
    made = desk(reads)
    for number in (1, 2):
        made.submit(look(number))
    assert heard(made, 4) == [Outline(1, ()), Finished(1), Outline(2, ()), Finished(2)]
    assert made.reports() == []
    assert (made.backlog, reads.threads & {threading.get_ident()}) == (0, set())
    made.close()


def test_it_tells_how_much_is_waiting() -> None:
    reads = Reads()
    made = desk(reads)
    assert made.backlog == 0
    reads.let.clear()
    for number in (1, 2, 3):
        made.submit(look(number))
    began = time.monotonic()
    made.wait(0.05)
    assert time.monotonic() - began >= 0.04, "there is nothing to hear"
    assert made.backlog == 3
    reads.let.set()
    heard(made, 6)
    assert made.backlog == 0
    made.close()


def test_what_reading_raises_is_raised_by_reports() -> None:
    made = desk(Reads(ZeroDivisionError("in the reader")))
    made.submit(look(1))
    with pytest.raises(ZeroDivisionError, match="in the reader"):
        heard(made, 1)
    with pytest.raises(ZeroDivisionError):
        made.reports()
    made.close()


def test_it_is_closed_with_work_left_and_its_thread_is_over() -> None:
    reads = Reads()
    made = desk(reads)
    reads.let.clear()
    for number in range(100):
        made.submit(look(number))
    threading.Timer(0.05, reads.let.set).start()
    made.close()
    assert not made._thread.is_alive()
    assert made.backlog > 90, "what is not read is not"


def test_it_counts_the_processor_time_of_reading_alone() -> None:
    made = desk(Reads())
    end = time.thread_time() + 0.1
    while time.thread_time() < end:
        sum(range(1000))
    made.submit(look(1))
    heard(made, 2)
    assert 0 < made.seconds < 0.1
    made.close()
