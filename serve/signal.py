"""A signal that wakes everybody who waits for the next change. No state but who waits and a count."""

import asyncio
from collections.abc import Callable


class Signal:
    """``wait`` returns at the next ``fire`` after it was called, whoever else waits.

    Who does something else between looking and waiting reads ``count`` before it looks, and hands it to ``wait``: a
    change in between is not missed. Who would wait a thousand times over listens instead: one call, and no task.
    """

    def __init__(self) -> None:
        self.count = 0
        self._next: asyncio.Future[None] | None = None
        self._listeners: list[Callable[[], None]] = []

    def fire(self) -> None:
        """Wake all who wait now, and call all who listen."""
        self.count += 1
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        self._next = None
        for called in tuple(self._listeners):
            called()

    def listen(self, called: Callable[[], None]) -> None:
        """Have ``called`` called at each ``fire``, within it, until ``leave``: it is to be quick and not to raise."""
        self._listeners.append(called)

    def leave(self, called: Callable[[], None]) -> None:
        """Have it called no more."""
        self._listeners.remove(called)

    async def wait(self, seen: int | None = None) -> None:
        """Sleep until the next ``fire`` since ``count`` was ``seen`` (now). Cancelling one leaves others alone."""
        if seen is not None and seen != self.count:
            return
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._next)
