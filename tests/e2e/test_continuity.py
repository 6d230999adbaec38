"""Rooms go on whatever happens behind them, and break no rule of HLS meanwhile: what players are told and get is judged
all along (``tests/support/hls``)."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import ffmpeg
from tests.support.hls.follower import Follower
from tests.support.hls.known import KNOWN_OF_STAND_INS
from tests.support.processes import Child, until
from tests.support.server import RunningServer

ROOMS = {"own": "source", "made": "360p,240p"}
"""A room that passes on the host's own picture, and one that is transcoded; and their ladders."""


class Hosts:
    """A host for each room."""

    def __init__(self, server: RunningServer, clip: Path, folder: Path) -> None:
        self._server = server
        self._clip = clip
        self._folder = folder
        self._count = 0
        self._children: list[Child] = []

    def publish(self) -> None:
        """Put all on air."""
        self._count += 1
        for room in ROOMS:
            log = self._folder / f"{room}-{self._count}.log"
            self._children.append(ffmpeg.publish_file(self._server.publish_url(room), self._clip, log))

    def drop(self) -> None:
        """Their lines are cut."""
        for child in self._children:
            child.kill()


@pytest.fixture
def hosts(server: RunningServer, clip: Path, tmp_path: Path) -> Iterator[Hosts]:
    """Not on air yet."""
    for room, ladder in ROOMS.items():
        server.room(room, ladder=ladder, preset="fast")
    made = Hosts(server, clip, tmp_path)
    yield made
    made.drop()


def go_on(followers: list[Follower], segments: int, what: str) -> None:
    """Let rooms play so many segments more."""
    for follower in followers:
        seen = min(len(got.segments) for got in follower.got.values())
        until(lambda follower=follower, seen=seen: follower.whole(seen + segments), what)  # type: ignore[misc]


def kill_worker(server: RunningServer) -> None:
    killed = server.client.show("made")["worker"]["pid"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: server.client.show("made")["worker"]["pid"] not in (None, killed), "another worker")


def test_rooms_break_no_rule_whatever_happens_behind_them(server: RunningServer, hosts: Hosts) -> None:
    hosts.publish()
    with ExitStack() as watching:
        known = {"own": (), "made": KNOWN_OF_STAND_INS}
        followers = [watching.enter_context(Follower(server.playable(room), known=known[room])) for room in ROOMS]
        go_on(followers, 3, "segments")
        for follower in followers:
            follower.probe()
        hosts.drop()
        for room in ROOMS:
            server.wait_for(room, state="slate")
        go_on(followers, 1, "segments of the slate")
        hosts.publish()
        for room in ROOMS:
            server.wait_for(room, state="live")
        go_on(followers, 2, "segments after the slate")
        kill_worker(server)
        go_on(followers, 2, "segments of another worker")
        server.kill()
        hosts.drop()
        server.start()
        hosts.publish()
        go_on(followers, 3, "segments of another server")
        for follower in followers:
            follower.probe()
    assert [len(follower.broadcasts) for follower in followers] == [1, 1]
    for follower in followers:
        follower.finish()
