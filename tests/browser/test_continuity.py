"""Viewers see one stream whatever happens behind it: a page in Chromium and the HLS checker watch at the same time.

`./run bench continuity` does more of this, and measures it.
"""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import ffmpeg
from tests.support.browser import Viewer
from tests.support.hls.follower import Follower
from tests.support.hls.known import KNOWN_OF_STAND_INS
from tests.support.playback import Recorder
from tests.support.processes import Child, until
from tests.support.server import RunningServer

STALL, WORKER_BACK, SERVER_BACK = 0.5, 3.0, 5.0
"""Seconds that are promised: to stand still, and until the host's picture is back after a fault."""
SLACK = 3


@pytest.fixture
def ladder() -> str:
    """The room's."""
    return "360p,240p"


@pytest.fixture
def hosts(tmp_path: Path, clip: Path, server: RunningServer, ladder: str) -> Iterator[Callable[[], Child]]:
    """Put a host on air."""
    begun: list[Child] = []

    def publish() -> Child:
        begun.append(ffmpeg.publish_file(server.publish_url("demo"), clip, tmp_path / f"host-{len(begun)}.log"))
        return begun[-1]

    server.room("demo", ladder=ladder, preset="fast")
    yield publish
    for host in begun:
        host.kill()


@pytest.fixture
def host(hosts: Callable[[], Child]) -> Child:
    """The first one."""
    return hosts()


@pytest.fixture
def viewer(server: RunningServer, view: Callable[..., Viewer], host: Child) -> Viewer:
    """A page that plays the host's picture."""
    server.playable("demo")
    opened: Viewer = view(server.client.show("demo")["watch_url"])
    opened.until_playing()
    return opened


def until_back(viewer: Viewer) -> None:
    """Wait until the host's picture is on screen and plays on."""
    until(lambda: viewer.code() is not None and viewer.played(2) > 1, "the host's picture")


def check_one_stream(viewer: Viewer, follower: Follower, discontinuities: int = 0) -> None:
    assert follower.violations == []
    assert len(follower.broadcasts) == 1
    assert follower.account().discontinuities <= discontinuities
    assert (viewer.loads, viewer.errors) == (1, [])


@pytest.mark.parametrize("ladder", ["360p,240p", "source"])
def test_while_the_host_is_away_the_stream_goes_on(
    server: RunningServer, host: Child, hosts: Callable[[], Child], viewer: Viewer, ladder: str, artifacts: Path
) -> None:
    with Follower(server.playable("demo")) as follower:
        recorder = Recorder(viewer.page)
        host.kill()
        until(lambda: viewer.code() is None, "the slate")
        viewer.played(3)
        viewer.page.screenshot(path=artifacts / f"room-slate-{ladder}.png")
        hosts()
        until_back(viewer)
        playback = recorder.take()
    assert playback.stall <= STALL * SLACK
    account = follower.account()
    assert (account.lost, account.again) == (0, 0)
    check_one_stream(viewer, follower)


def test_a_killed_worker_is_hardly_seen(server: RunningServer, viewer: Viewer) -> None:
    with Follower(server.playable("demo"), known=KNOWN_OF_STAND_INS) as follower:
        recorder = Recorder(viewer.page)
        killed, since = server.client.show("demo")["worker"]["pid"], recorder.now
        os.kill(killed, signal.SIGKILL)
        until(lambda: server.client.show("demo")["worker"]["pid"] not in (None, killed), "another worker")
        viewer.played(3)  # what the page had in hand is shown by then
        until_back(viewer)
        playback = recorder.take()
    assert playback.recovery(since) <= WORKER_BACK * SLACK
    assert playback.stall <= STALL * SLACK
    check_one_stream(viewer, follower, discontinuities=1)


def test_a_killed_server_goes_on_with_the_stream(
    server: RunningServer, host: Child, hosts: Callable[[], Child], viewer: Viewer
) -> None:
    with Follower(server.playable("demo")) as follower:
        recorder = Recorder(viewer.page)
        server.kill()
        host.kill()
        server.start()
        hosts()
        since = recorder.now
        until_back(viewer)
        playback = recorder.take()
    assert follower.failures, "it was away"
    assert playback.recovery(since) <= SERVER_BACK * SLACK
    check_one_stream(viewer, follower, discontinuities=1)
