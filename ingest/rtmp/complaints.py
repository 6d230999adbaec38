"""What a log says of strangers: so much and no more, or whoever floods a port fills a disk. Knows no clock."""

import logging
from collections.abc import Callable
from typing import Final

_SECONDS: Final = 60


class Complaints:
    """Writes at most ``most`` lines a minute to ``log``, and how many there would have been with the next one."""

    def __init__(self, log: logging.Logger, now: Callable[[], float], most: int) -> None:
        self._log = log
        self._now = now
        self._most = most
        self._until = 0.0
        self._said = self._left_out = 0

    def say(self, level: int, text: str, *values: object) -> None:
        """Write a line, unless there have been too many."""
        now = self._now()
        if now >= self._until:
            if self._left_out:
                self._log.warning("%d more lines about connections like these were left out", self._left_out)
            self._until = now + _SECONDS
            self._said = self._left_out = 0
        if self._said < self._most:
            self._said += 1
            self._log.log(level, text, *values)
        else:
            self._left_out += 1
