"""Rooms come and go on a real server, transcoded or not, and leave no process, descriptor, thread or memory behind."""

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


End = Callable[[RunningServer, RtmpClient], None]


def stopped(server: RunningServer, _: RtmpClient) -> None:
    server.client.stop("demo")


def deleted(server: RunningServer, _: RtmpClient) -> None:
    server.client.delete("demo")


def host_gone(server: RunningServer, host: RtmpClient) -> None:
    host.abort()
    server.wait_for("demo", state="slate")
    server.client.stop("demo")


def worker_killed(server: RunningServer, _: RtmpClient) -> None:
    os.kill(worker_of(server), signal.SIGKILL)
    server.client.stop("demo")


def worker_replaced(server: RunningServer, _: RtmpClient) -> None:
    pid = worker_of(server)
    os.kill(pid, signal.SIGKILL)
    until(lambda: worker_of(server) not in (0, pid), "another worker")
    server.client.stop("demo")


def another_ladder(server: RunningServer, _: RtmpClient) -> None:
    before = server.client.show("demo")["ladder"]
    server.client.change("demo", {"ladder": "auto" if before == "source" else "source"})
    server.client.stop("demo")


TRANSCODED: tuple[End, ...] = (stopped, deleted, host_gone, worker_killed, worker_replaced, another_ladder)
SOURCE: tuple[End, ...] = (stopped, deleted, host_gone, another_ladder)
SHOWS = (*(("auto", end) for end in TRANSCODED), *(("source", end) for end in SOURCE))
"""Ladders of rooms, and how what is on air in them ends."""


def worker_of(server: RunningServer) -> int:
    """The process of the room's worker; 0 while there is none."""
    stats = server.client.show("demo")["worker"]
    return int((stats and stats["pid"]) or 0)


async def publish(server: RunningServer) -> RtmpClient:
    """A host that has sent all it has."""
    clip = make_clip(seconds=SECONDS)
    host, _, port = server.rtmp.rpartition(":")
    client = await RtmpClient.connect(host, int(port))
    await client.publish(server.client.show("demo")["stream_key"])
    client.send(*clip.tracks, *clip.packets)
    await client.drain()
    return client


def show(server: RunningServer, ladder: str, end: End) -> None:
    """A room from its opening to its end, with something to see in between."""
    server.room("demo", ladder=ladder, preset="fast")
    with asyncio.Runner() as runner:
        host = runner.run(publish(server))
        server.playable("demo")
        assert bool(worker_of(server)) == (ladder != "source")
        end(server, host)
        host.abort()
        runner.run(host.close())
    # Those of transcoded rooms, and those that code a slate for the host's own picture.
    children = psutil.Process(server.pid).children
    until(lambda: not children(), f"all child processes to be gone ({ladder}, {end.__name__})")


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
    show(server, "auto", stopped)  # what is made once is made now
    before, memory = Left.of(process), process.memory_info().rss
    for ladder, end in SHOWS:
        show(server, ladder, end)
    settled(process, before)
    assert process.memory_info().rss - memory < 24 * MIB


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_shows_leave_nothing_behind(server: RunningServer) -> None:
    process = psutil.Process(server.pid)
    memory: list[int] = []
    before: Left | None = None
    for number, (ladder, end) in enumerate(islice(cycle(SHOWS), 200), 1):
        show(server, ladder, end)
        memory.append(process.memory_info().rss)
        if number == 10:
            before = Left.of(process)
    assert before is not None
    settled(process, before)
    print("MiB after every tenth show:", [rss // MIB for rss in memory[9::10]])
    # Shows that have ended are kept for a minute, so the first dozens still add up.
    assert memory[-1] - memory[9] < 24 * MIB, [rss // MIB for rss in memory]
    assert memory[-1] - memory[99] < 8 * MIB, [rss // MIB for rss in memory]
