"""``./run bench continuity``: what viewers notice when something behind a stream fails. A real page, real programs.

Each fault happens in a room whose ladder is ``source``, in one that is transcoded, and in a mixed one. Chromium plays
the page and tells its longest stall, jumps, and for how long the host's picture was missing; a playlist follower of our
own looks for discontinuities, gaps and broken rules. All in seconds.
"""

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from tests.bench.e2e import machine
from tests.support import ffmpeg
from tests.support.browser import Viewer, chromium
from tests.support.hls_reader import Follower
from tests.support.playback import Playback, Recorder
from tests.support.processes import Child, until
from tests.support.server import RunningServer
from tests.support.transcoding import scratch
from transcode.testcard import make_clip

ROOMS = {"source": "source", "transcoded": "360p,240p", "mixed": "source,240p"}
SETTLE = 6.0
PATIENCE = 60.0
NAME = "demo"
SECONDS = 16
"""Of the clip, which is played over and over."""


@dataclass
class Scene:
    """A room on air, watched by a page and a follower."""

    server: RunningServer
    folder: Path
    clip: Path
    viewer: Viewer
    ladder: str
    host: Child | None = None
    back: float = 0.0
    """From the moment that things could go on until the host's picture is on screen again."""
    hosts: int = 0

    def publish(self) -> None:
        """Have a host on air."""
        self.hosts += 1
        url, log = self.server.publish_url(NAME), self.folder / f"host-{self.hosts}.log"
        self.host = ffmpeg.publish_file(url, self.clip, log)

    def drop(self) -> None:
        """End the host's program."""
        assert self.host is not None
        self.host.kill()

    def worker(self) -> int:
        """Return the worker's process."""
        pid: int = until(lambda: (self.server.client.show(NAME)["worker"] or {}).get("pid"), "a worker", PATIENCE)
        return pid

    def play(self, seconds: float) -> None:
        """Let the page play."""
        self.viewer.page.wait_for_timeout(seconds * 1000)

    def until_back(self, since: float) -> None:
        """Wait until the page shows the host's picture, and it moves."""

        def moving() -> bool:
            before = self.viewer.position
            self.viewer.page.wait_for_timeout(100)
            return self.viewer.code() is not None and self.viewer.position > before

        until(moving, "the host's picture to be back", PATIENCE)
        self.back = time.monotonic() - since


# --- the faults ------------------------------------------------------------------------------------------------


def host_away(scene: Scene, seconds: float) -> None:
    scene.drop()
    scene.play(seconds)
    began = time.monotonic()
    scene.publish()
    scene.until_back(began)


def host_stands_still(scene: Scene) -> None:
    """The program is stopped, its connection stays open."""
    assert scene.host is not None
    os.kill(scene.host.pid, signal.SIGSTOP)
    scene.play(5)
    began = time.monotonic()
    os.kill(scene.host.pid, signal.SIGCONT)
    scene.until_back(began)


def host_replaced(scene: Scene) -> None:
    before, began = scene.host, time.monotonic()
    scene.publish()
    scene.play(1)
    scene.until_back(began)
    assert before is not None
    with suppress(OSError):
        before.kill()


def worker_killed(scene: Scene) -> None:
    began = time.monotonic()
    os.kill(scene.worker(), signal.SIGKILL)
    scene.play(1)
    scene.until_back(began)


def worker_hangs(scene: Scene) -> None:
    began = time.monotonic()
    os.kill(scene.worker(), signal.SIGSTOP)
    scene.play(5)
    scene.until_back(began)


def worker_killed_often(scene: Scene) -> None:
    for _ in range(4):
        os.kill(scene.worker(), signal.SIGKILL)
        scene.play(0.5)
    began = time.monotonic()
    scene.until_back(began)


def server_killed(scene: Scene) -> None:
    _restart(scene, scene.server.kill)


def server_stopped(scene: Scene) -> None:
    _restart(scene, lambda: None if scene.server.stop() == 0 else sys.exit("the server did not stop well"))


def _restart(scene: Scene, end: Callable[[], None]) -> None:
    end()
    scene.drop()
    scene.server.start()
    scene.play(1)  # a host's program that connects again by itself
    began = time.monotonic()
    scene.publish()
    scene.until_back(began)


@dataclass(frozen=True)
class Fault:
    """One fault; limits in seconds and numbers, where the design promises any (None: told for information)."""

    name: str
    happen: Callable[[Scene], None]
    worker: bool = False
    stall: dict[str, float] = field(default_factory=dict)
    back: float | None = None
    discontinuities: int | None = None


FAULTS = (
    Fault("host away for 3 s", lambda scene: host_away(scene, 3), stall={"transcoded": 0.5}, discontinuities=0),
    Fault("host away for 10 s", lambda scene: host_away(scene, 10), stall={"transcoded": 0.5}, discontinuities=0),
    Fault("host away for 40 s", lambda scene: host_away(scene, 40), stall={"transcoded": 0.5}, discontinuities=0),
    Fault("host stands still for 5 s", host_stands_still, stall={"transcoded": 0.5}, discontinuities=0),
    Fault("another host takes over", host_replaced, discontinuities=0),
    Fault("worker killed", worker_killed, worker=True, back=3.0, discontinuities=1),
    Fault("worker hangs", worker_hangs, worker=True, discontinuities=1),
    Fault("worker killed four times", worker_killed_often, worker=True, discontinuities=1),
    Fault("server stopped and started", server_stopped, back=5.0),
    Fault("server killed and started", server_killed, back=5.0),
)


# --- measuring -------------------------------------------------------------------------------------------------


@dataclass
class Report:
    """The table, row by row, and which limits were missed."""

    missed: list[str] = field(default_factory=list)

    def head(self) -> None:
        names = ("stall", "jump", "no host", "back in", "gaps", "discont.", "reloads", "fatals")
        print(f"\n{'':<42}" + "".join(f"{name:>10}" for name in names), flush=True)

    def row(self, room: str, fault: Fault, scene: Scene, playback: Playback, follower: Follower) -> None:
        """Print what was measured, and judge it."""
        discontinuities = max(len(got.discontinuities) for got in follower.got.values())
        gaps = max(sum(data is None for data in got.segments.values()) for got in follower.got.values())
        state = scene.viewer.state
        reloads, fatals = scene.viewer.loads - 1, state["counters"]["fatals"]
        values = (playback.stall, playback.jump, missing(playback), scene.back)
        shown = "".join(f"{value:>10.2f}" for value in values)
        print(
            f"{room + ': ' + fault.name:<42}{shown}{gaps:>10}{discontinuities:>10}{reloads:>10}{fatals:>10}", flush=True
        )
        self._judge(room, fault, "stall", playback.stall, fault.stall.get(room))
        self._judge(room, fault, "back in", scene.back, fault.back)
        self._judge(room, fault, "discontinuities", discontinuities, fault.discontinuities)
        self._judge(room, fault, "reloads", reloads, 0)
        for text in follower.wrong:
            self._miss(f"{room}: {fault.name}: {text}")

    def failed(self, room: str, fault: Fault, error: Exception) -> None:
        print(f"{room + ': ' + fault.name:<42}{'FAILED':>10}", flush=True)
        self._miss(f"{room}: {fault.name}: {error}")

    def _judge(self, room: str, fault: Fault, what: str, value: float, limit: float | None) -> None:
        if limit is not None and value > limit:
            self._miss(f"{room}: {fault.name}: {what} {value:.2f}, limit {limit:g}")

    def _miss(self, text: str) -> None:
        self.missed.append(text)


def missing(playback: Playback) -> float:
    """Return the longest stretch of video time without a picture of the host's."""
    times = [frame.time for frame in playback.frames if frame.code is not None]
    return max((b - a for a, b in pairwise(times) if b > a), default=0.0)


@contextmanager
def on_air(browser: Browser, clip: Path, folder: Path, ladder: str) -> Iterator[Scene]:
    """A server of its own, a host on air, and a page that plays."""
    with ExitStack() as stack:
        server = stack.enter_context(RunningServer(folder))
        page = str(server.room(NAME, ladder=ladder, preset="fast")["watch_url"])
        viewer = Viewer(browser)
        stack.callback(viewer.close)
        scene = Scene(server, folder, clip, viewer, ladder)
        scene.publish()
        stack.callback(lambda: scene.host.kill() if scene.host and scene.host.running else None)
        server.playable(NAME)
        viewer.open(page)
        viewer.until_playing()
        yield scene


def measure(report: Report, browser: Browser, clip: Path, parent: Path, room: str, fault: Fault) -> None:
    folder = parent / f"{room}-{fault.name.replace(' ', '-')}"
    folder.mkdir()
    try:
        with on_air(browser, clip, folder, ROOMS[room]) as scene:
            scene.play(SETTLE)
            follower = Follower(scene.server.playable(NAME)).start()
            recorder = Recorder(scene.viewer.page)
            scene.play(1)
            fault.happen(scene)
            scene.play(SETTLE)
            playback = recorder.take()
            with suppress(AssertionError):  # what is wrong is in its list
                follower.finish()
            report.row(room, fault, scene, playback, follower)
    except (AssertionError, OSError, TimeoutError) as error:
        report.failed(room, fault, error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="./run bench continuity", description=__doc__)
    parser.add_argument("--rooms", default=",".join(ROOMS), help="of " + ",".join(ROOMS))
    parser.add_argument("--only", default="", help="faults whose names have this in them")
    given = parser.parse_args()
    rooms = given.rooms.split(",")
    if not set(rooms) <= set(ROOMS):
        parser.error(f"--rooms takes a list of {', '.join(ROOMS)}")
    faults = [fault for fault in FAULTS if given.only in fault.name]
    if not faults:
        parser.error(f"--only has to be in one of: {', '.join(fault.name for fault in FAULTS)}")
    report = Report()
    print(machine(), flush=True)
    with TemporaryDirectory(prefix="veilcast-bench-", dir=scratch()) as place, chromium() as browser:
        clip = Path(place, "clip.mp4")
        make_clip(clip, seconds=SECONDS, width=640, height=360, bitrate=800_000)
        report.head()
        for room in rooms:
            for fault in faults:
                if room != "source" or not fault.worker:
                    measure(report, browser, clip, Path(place), room, fault)
    if report.missed:
        sys.exit("\nmissed:\n" + "\n".join(report.missed))


if __name__ == "__main__":
    main()
