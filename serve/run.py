"""Runs a server as a program: event loop, signals, logging.

The first SIGTERM or SIGINT drains it; a second one acts as it does by default and ends it at once.
"""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from serve.config import ServeConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from serve.server import Server

T = TypeVar("T")

_YOUNG = 20_000
"""Objects that are made, and are still there, before the collector looks: more than what viewers by the thousand wait
with, and less than some MB."""


def set_up_logging(level: str) -> None:
    """Log to standard error, from a level on: ``INFO`` is for operators, ``DEBUG`` for developers."""
    logging.basicConfig(
        stream=sys.stderr,
        level=level,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)  # its debugging is of itself


def run(main: "Coroutine[None, None, T]") -> T:
    """Run a program's main coroutine, on uvloop where there is one."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        with asyncio.Runner() as runner:
            return runner.run(main)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)


async def until_told_to_end(work: "Coroutine[None, None, None]") -> None:
    """Do some work until it is done or the first SIGTERM or SIGINT, which cancels it. Raises what it raises."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def tell() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell)
    working = asyncio.create_task(work)
    waiting = asyncio.create_task(told.wait())
    await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


def settle() -> None:
    """Tell the garbage collector that what there is by now stays: it looks through the rest alone, and less often.

    Thousands of requests that are held come and go a second without making any garbage, and would have it search all of
    the program for some, for a tenth of a second at a time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)


@asynccontextmanager
async def running(config: ServeConfig) -> "AsyncIterator[Server]":
    """A started server, drained at the end. Raises StartError."""
    from serve.server import Server

    server = Server(config)
    await server.start()
    settle()
    try:
        yield server
    finally:
        await server.close()


async def serve(config: ServeConfig, ready: "Callable[[Server], Awaitable[None]]") -> None:
    """Serve for ever. ``ready`` is called once, when hosts and viewers can come. Raises StartError."""
    async with running(config) as server:
        await ready(server)
        await asyncio.Event().wait()
