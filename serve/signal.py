"""A signal that wakes everybody who waits for the next change. No state but the waiters."""

import asyncio


class Signal:
    """Level-free: ``wait`` returns at the next ``fire`` after it was called, whoever else waits."""

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    def fire(self) -> None:
        """Wake all who wait now."""
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        self._next = None

    async def wait(self) -> None:
        """Sleep until the next ``fire``. Cancelling it leaves other waiters alone."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._next)
