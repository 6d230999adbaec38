"""How much of the machine's time a process takes, from what it says it has used. Pure: it is told the time."""

PERIOD = 10.0
"""Seconds over which it is measured."""


class Usage:
    """The processors that a process takes (CPU seconds in a second); ``processors`` is None until that is known."""

    def __init__(self) -> None:
        self.processors: float | None = None
        self._since: tuple[float, float] | None = None  # a time, and the CPU seconds used up to then

    def used(self, cpu: float, now: float) -> None:
        """``now`` (seconds of a monotonic clock) it has used ``cpu`` seconds since it began."""
        if self._since is None:
            self._since = now, cpu
        elif now - self._since[0] >= PERIOD:
            self.processors = (cpu - self._since[1]) / (now - self._since[0])
            self._since = now, cpu
