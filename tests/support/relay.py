"""A TCP relay on loopback that stands for the way between a viewer and the server: it can be cut, and it can lose.

Cut, it either stands still (no byte, no close: a dead radio link) or closes what is open and refuses what is new. With
a ``Way`` bytes come later, as TCP would bring them over a line that delays and loses packets.
"""

import asyncio
import contextlib
import random
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Self

SEGMENT = 1448
"""Bytes of payload in a full TCP segment on Ethernet."""
_MINIMUM_TIMEOUT = 0.2  # Linux's least retransmission timeout, seconds on top of the way there and back
_FAST = 3  # segments behind a lost one that make the sender send it again at once
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Way:
    """A line: ``delay`` seconds each way, and which share of segments is lost.

    An emulation of what the receiving program sees, not of TCP: a lost segment holds up all bytes behind it, for a
    round trip more where three segments follow at once, else for a retransmission timeout, twice as long for each time
    that it is lost again. There is no congestion window and no limit to the rate.
    """

    delay: float
    loss: float

    def lag(self, behind: int, chance: Callable[[], float]) -> float:
        """How much later than without loss a segment comes, ``behind`` which so many follow at once."""
        lag, timeout = 0.0, 2 * self.delay + _MINIMUM_TIMEOUT
        fast = behind >= _FAST
        while chance() < self.loss:
            if fast:
                lag, fast = lag + 2 * self.delay, False  # if it is lost again only the timeout helps
            else:
                lag, timeout = lag + timeout, timeout * 2
        return lag


class Relay:
    """Relays 127.0.0.1:``port`` to ``target`` ("HOST:PORT") from a thread of its own."""

    def __init__(self, target: str, way: Way | None = None) -> None:
        host, _, port = target.rpartition(":")
        self._target = host, int(port)
        self._way = way
        self._random = random.Random(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._flows.set()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def freeze(self) -> None:
        """Nothing comes through any more, nothing is closed."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def thaw(self) -> None:
        """All that was held up comes through at once."""
        self._loop.call_soon_threadsafe(self._flows.set)

    def refuse(self) -> None:
        """Reset what is open, and refuse what is new."""
        self._do(self._shut())

    def accept(self) -> None:
        """Listen again."""
        self._do(self._listen())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _end(self) -> None:
        await self._shut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writers = [writer]
        self._open.add(writer)
        try:
            await self._flows.wait()
            there, back = await asyncio.open_connection(*self._target)
            writers.append(back)
            self._open.add(back)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, back))
                both.create_task(self._carry(there, writer))
        except* (OSError, asyncio.CancelledError):
            pass  # one side is gone: the other has to go
        finally:
            for each in writers:
                self._open.discard(each)
                each.close()
            self._tasks.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction until its end, and hand that on."""
        due: deque[tuple[float, bytes]] = deque()
        more = asyncio.Event()
        async with asyncio.TaskGroup() as both:
            both.create_task(self._deliver(due, more, writer))
            latest = 0.0
            while True:
                data = await reader.read(_CHUNK)
                now = self._loop.time()
                segments = [data[at : at + SEGMENT] for at in range(0, len(data), SEGMENT)] or [b""]
                for index, segment in enumerate(segments):
                    if self._way is not None:
                        lag = self._way.lag(len(segments) - 1 - index, self._random.random)
                        latest = max(latest, now + self._way.delay + lag)
                    due.append((latest, segment))
                more.set()
                if not data:
                    return

    async def _deliver(
        self, due: deque[tuple[float, bytes]], more: asyncio.Event, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            while not due:
                more.clear()
                await more.wait()
            when, data = due.popleft()
            if (ahead := when - self._loop.time()) > 0:
                await asyncio.sleep(ahead)
            await self._flows.wait()
            if not data:
                with contextlib.suppress(OSError):
                    writer.write_eof()
                return
            writer.write(data)
            await writer.drain()
