"""A signal that wakes everybody who waits for the next change. No state but the waiters and a count."""

import asyncio


class Signal:
    """``wait`` returns at the next ``fire`` after it was called, whoever else waits.

    Who does something else between looking and waiting reads ``count`` before it looks, and hands it to ``wait``: a
    change in between is not missed.
    """

    def __init__(self) -> None:
        self.count = 0
        self._next: asyncio.Future[None] | None = None

    def fire(self) -> None:
        """Wake all who wait now."""
        self.count += 1
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        self._next = None

    async def wait(self, seen: int | None = None) -> None:
        """Sleep until the next ``fire`` since ``count`` was ``seen`` (now). Cancelling one leaves others alone."""
        if seen is not None and seen != self.count:
            return
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._next)
