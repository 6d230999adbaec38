"""Rooms that transcode come and go on a real server, and leave no process, descriptor, thread or memory behind."""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice

import psutil
import pytest

from tests.support.media import make_clip
from tests.support.processes import until
from tests.support.rtmp_client import RtmpClient
from tests.support.server import RunningServer

SECONDS = 3
MIB = 1 << 20


@dataclass(frozen=True)
class Left:
    """What a server has open when all its rooms are empty."""

    children: int
    files: int
    threads: int

    @classmethod
    def of(cls, server: psutil.Process) -> "Left":
        return cls(len(server.children(recursive=True)), server.num_fds(), server.num_threads())


End = Callable[[RunningServer, RtmpClient, psutil.Process], None]


def stopped(server: RunningServer, _: RtmpClient, __: psutil.Process) -> None:
    server.client.stop("demo")


def deleted(server: RunningServer, _: RtmpClient, __: psutil.Process) -> None:
    server.client.delete("demo")


def host_gone(server: RunningServer, host: RtmpClient, _: psutil.Process) -> None:
    host.abort()
    server.wait_for("demo", state="slate")
    server.client.stop("demo")


def worker_killed(server: RunningServer, _: RtmpClient, worker: psutil.Process) -> None:
    os.kill(worker.pid, signal.SIGKILL)
    server.client.stop("demo")


def worker_replaced(server: RunningServer, _: RtmpClient, worker: psutil.Process) -> None:
    os.kill(worker.pid, signal.SIGKILL)
    until(lambda: worker_of(server) not in (None, worker.pid), "another worker")
    server.client.stop("demo")


def another_ladder(server: RunningServer, _: RtmpClient, __: psutil.Process) -> None:
    server.client.change("demo", {"ladder": "source"})
    server.client.stop("demo")


ENDS: tuple[End, ...] = (stopped, deleted, host_gone, worker_killed, worker_replaced, another_ladder)


def worker_of(server: RunningServer) -> int | None:
    stats = server.client.show("demo")["worker"]
    pid: int | None = stats and stats["pid"]
    return pid


async def publish(server: RunningServer) -> RtmpClient:
    """A host that has sent all it has."""
    clip = make_clip(seconds=SECONDS)
    host, _, port = server.rtmp.rpartition(":")
    client = await RtmpClient.connect(host, int(port))
    await client.publish(server.client.show("demo")["stream_key"])
    client.send(*clip.tracks, *clip.packets)
    await client.drain()
    return client


def show(server: RunningServer, end: End) -> None:
    """A room from its opening to its end, with something to see in between."""
    server.room("demo", ladder="auto", preset="fast")
    with asyncio.Runner() as runner:
        host = runner.run(publish(server))
        server.playable("demo")
        pid = worker_of(server)
        assert pid is not None
        worker = psutil.Process(pid)
        end(server, host, worker)
        host.abort()
        runner.run(host.close())
    until(lambda: not worker.is_running(), f"the worker to be gone ({end.__name__})")


def settled(server: psutil.Process, before: Left) -> None:
    """Wait until nothing is left that was not there before: connections take a moment to close."""
    found = Left.of(server)

    def as_before() -> bool:
        nonlocal found
        found = Left.of(server)
        return found.children <= before.children and found.files <= before.files and found.threads <= before.threads

    try:
        until(as_before, "the server to be as before")
    except AssertionError:
        assert found == before
        raise


def test_shows_leave_nothing_behind(server: RunningServer) -> None:
    process = psutil.Process(server.pid)
    show(server, stopped)  # what is made once is made now
    until(lambda: not process.children(), "the last worker to be gone")
    before, memory = Left.of(process), process.memory_info().rss
    for end in ENDS:
        show(server, end)
    settled(process, before)
    assert process.memory_info().rss - memory < 24 * MIB


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_shows_leave_nothing_behind(server: RunningServer) -> None:
    process = psutil.Process(server.pid)
    memory: list[int] = []
    before: Left | None = None
    for number, end in enumerate(islice(cycle(ENDS), 100), 1):
        show(server, end)
        memory.append(process.memory_info().rss)
        if number == 10:
            until(lambda: not process.children(), "the last worker to be gone")
            before = Left.of(process)
    assert before is not None
    settled(process, before)
    # Shows that have ended are kept for a minute, so the first dozens still add up.
    assert memory[-1] - memory[9] < 24 * MIB, [rss // MIB for rss in memory]
    assert memory[-1] - memory[59] < 8 * MIB, [rss // MIB for rss in memory]
