"""How long requests are held: until there is news or their time is up, but no longer than the server stays."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from serve.signal import Signal


class Patience:
    """The server's. Whoever holds a request, to answer it when there is news, does so within ``at_most``, or listens
    to ``ended``."""

    def __init__(self) -> None:
        self.over = False
        self.ended = Signal()
        self._held: set[asyncio.Timeout] = set()

    @asynccontextmanager
    async def at_most(self, seconds: float) -> AsyncIterator[None]:
        """Hold a request for so long. Raises TimeoutError when that is over, or all patience is."""
        async with asyncio.timeout(0 if self.over else seconds) as held:
            self._held.add(held)
            try:
                yield
            finally:
                self._held.discard(held)

    def end(self) -> None:
        """The server goes down: nothing is held any more."""
        self.over = True
        for held in self._held:
            if not held.expired():  # its time was up at this very moment
                held.reschedule(asyncio.get_running_loop().time())
        self.ended.fire()
