"""The desk: a thread in which a scribe reads, while the stream goes on. It takes looks and gives reports.

Overflow rule: none is dropped but by whoever has submitted it; what has not been read stays covered.
"""

import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress

from filters.screen.scribe import Finished, Look, Report, Scribe

_PATIENT = 4
"""Reading gives way to pictures that must go out: so much nicer than them is its thread."""


class Desk:
    """Reads looks in a thread of its own. What the scribe raises is raised by ``reports``."""

    def __init__(self, scribe: Scribe) -> None:
        self.seconds = 0.0
        """Of a processor that reading has taken."""
        self._scribe = scribe
        self._new: deque[Look] = deque()
        self._dropped: list[int] = []
        self._reports: deque[Report] = deque()
        self._asked: set[int] = set()
        self._error: BaseException | None = None
        self._over = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="reading", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        """How many looks have not been read to the end."""
        return len(self._asked)

    def submit(self, look: Look) -> None:
        """Have a look read."""
        with self._wake:
            self._asked.add(look.number)
            self._new.append(look)
            self._wake.notify_all()

    def drop(self, look: int) -> None:
        """Do not read what is left of a look."""
        with self._wake:
            self._asked.discard(look)
            self._dropped.append(look)

    def reports(self) -> list[Report]:
        """Return what has been read since the last call. Raises what reading raised."""
        if self._error is not None:
            raise self._error
        reports = []
        while self._reports:
            reports.append(self._reports.popleft())
        return reports

    def wait(self, seconds: float) -> None:
        """Return when something more has been read, or the time is over."""
        with self._wake:
            if not self._reports and self._error is None:
                self._wake.wait(seconds)

    def close(self) -> None:
        """End the thread; what is not read is not."""
        with self._wake:
            self._over = True
            self._wake.notify_all()
        self._thread.join()

    def _work(self) -> None:
        if sys.platform == "linux":
            with suppress(OSError):  # a thread has a niceness of its own there
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.nice(0) + _PATIENT)
        try:
            while not self._over:
                with self._wake:
                    while not (self._new or self._scribe.backlog or self._over):
                        self._wake.wait()
                    new, dropped = list(self._new), self._dropped
                    self._new.clear()
                    self._dropped = []
                for look in new:
                    self._scribe.submit(look)
                for number in dropped:
                    self._scribe.drop(number)
                reports = self._scribe.step()
                self.seconds = time.thread_time()
                with self._wake:
                    self._reports.extend(reports)
                    for report in reports:
                        if isinstance(report, Finished):
                            self._asked.discard(report.look)
                    if reports:
                        self._wake.notify_all()
        except BaseException as error:
            with self._wake:
                self._error = error
                self._wake.notify_all()
