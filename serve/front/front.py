"""The web server: it listens, has all connections, and ends them in order. Pages and API are aiohttp's application.

A connection is a few hundred bytes, and has neither a task nor a timer of its own: one sweep keeps all time limits.
"""

import asyncio
import ssl
from collections.abc import Callable

from aiohttp import web

from serve.config import Address
from serve.front.connection import Connection, Limits, Means
from serve.front.lent import OneRequest
from serve.front.waiting import Waiting
from serve.hls import Hls
from serve.patience import Patience

_BACKLOG = 1024
_SWEEP = 0.2
"""Seconds from one look at all time limits to the next."""
_DRAIN = 2.0
"""Seconds for clients that read slowly; whoever waits for news is answered at once."""


class Front:
    """Serves ``hls``, and ``app`` for all else. ``start`` it, let it ``listen``, and ``close`` it at the end."""

    def __init__(self, app: web.Application, hls: Hls, patience: Patience, limits: Limits | None = None) -> None:
        # Of the drain aiohttp takes half before it tells what is under way, and half after.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_DRAIN / 2, handler_cancellation=True)
        self._hls = hls
        self._patience = patience
        self._limits = limits or Limits()
        self._listeners: list[asyncio.Server] = []
        self._sweeping: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    async def start(self) -> None:
        """Make the application ready."""
        await self._runner.setup()
        manager = self._runner.server
        assert manager is not None
        self._loop = loop = asyncio.get_running_loop()

        def lend(last: Callable[[], bool], returned: Callable[[], None]) -> OneRequest:
            return OneRequest(manager, loop, last, returned)

        self.waiting = Waiting(loop, self._patience)
        self._means = Means(self._hls, self.waiting, lend, self._limits, loop.time(), left=self._left)
        self._sweep()

    async def listen(self, address: Address, secure: ssl.SSLContext | None = None) -> Address:
        """Serve at ``address``; return it with its port. Raises OSError."""
        listener = await self._loop.create_server(
            lambda: Connection(self._means), address.host, address.port, ssl=secure, backlog=_BACKLOG
        )
        self._listeners.append(listener)
        return Address(address.host, int(listener.sockets[0].getsockname()[1]))

    async def close(self) -> None:
        """Drain: nobody is let in any more, what is held is answered, what is asked is finished for a moment."""
        for listener in self._listeners:
            listener.close()
        await asyncio.sleep(0)  # what has arrived by now is begun with
        self._means.closing = True
        self._patience.end()
        for connection in tuple(self._means.connections):
            connection.finish()
        await asyncio.gather(self._runner.cleanup(), self._gone())
        for connection in tuple(self._means.connections):
            connection.abort()
        if self._sweeping is not None:
            self._sweeping.cancel()

    def _sweep(self) -> None:
        self._means.now = now = self._loop.time()
        self._sweeping = self._loop.call_later(_SWEEP, self._sweep)
        self.waiting.look(now)
        for connection in tuple(self._means.connections):
            connection.look(now)

    async def _gone(self) -> None:
        """Wait until all connections have ended, but not for too long."""
        try:
            async with asyncio.timeout(_DRAIN):
                while self._means.connections:
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            pass

    def _left(self) -> None:
        if not self._means.connections:
            self._empty.set()
