"""``./run bench continuity``: what viewers notice when something behind a stream fails. A real page, real programs.

Each fault happens in a room whose ladder is ``source``, in one that is transcoded, and in a mixed one. Two watch at the
same time: Chromium on the room's page, and the HLS checker (tests/support/hls). All times in seconds:

- stall, jump: of the page's playhead, the longest;
- recovery: from the moment when things could go on (the fault, or the host's return) until the page showed the host's
  picture again, to stay; 0 if it was there all along. A blink of half a second is not counted;
- away: how long it was missing on the page;
- edge: the longest time in which a playlist told nothing new;
- lost: programme time that the playlists left out; gap: that they listed as EXT-X-GAP; of the worst rendition;
- breaks: discontinuities; broken: rules of the HLS checker; reloads: of the page; fatals: its player's;
- load: how many programs had work for the processor meanwhile. More than there are cores, and the times say little.
"""

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser
from playwright.sync_api import Error as BrowserError

from serve.client import ClientError
from tests.bench.e2e import machine
from tests.support import ffmpeg
from tests.support.browser import Viewer, chromium
from tests.support.hls.follower import Follower
from tests.support.hls.known import KNOWN_OF_STAND_INS, KNOWN_OF_STANDSTILLS, KNOWN_OF_TAKEOVERS
from tests.support.playback import Playback, Recorder
from tests.support.processes import Child, until
from tests.support.server import RunningServer
from tests.support.transcoding import scratch
from transcode.testcard import make_clip

ROOMS = {"source": "source", "transcoded": "360p,240p", "mixed": "source,240p"}
NAME = "demo"
SETTLE = 6.0
PATIENCE = 60.0
SECONDS = 16
"""Of the clip, which is played over and over."""


class Scene:
    """A room on air, watched by a page and a follower."""

    def __init__(self, server: RunningServer, viewer: Viewer, clip: Path, folder: Path) -> None:
        self.server = server
        self.viewer = viewer
        self.hosts: list[Child] = []
        self._clip = clip
        self._folder = folder

    def publish(self) -> None:
        """Put a host on air."""
        log = self._folder / f"host-{len(self.hosts)}.log"
        self.hosts.append(ffmpeg.publish_file(self.server.publish_url(NAME), self._clip, log))

    @property
    def host(self) -> Child:
        """The newest one."""
        return self.hosts[-1]

    def worker(self, but: tuple[int, ...] = ()) -> int:
        """Return the process of the worker, as soon as there is one; none of ``but``, which are dead."""

        def living() -> int | None:
            pid: int | None = (self.server.client.show(NAME)["worker"] or {}).get("pid")
            return None if pid in but else pid

        return until(living, "a worker", PATIENCE)

    def watch(self, seconds: float) -> None:
        """Let the page play."""
        self.viewer.page.wait_for_timeout(seconds * 1000)

    def watch_recorded(self) -> Recorder:
        """Begin to record the page."""
        self.recorder = Recorder(self.viewer.page)
        self.could_go_on()
        return self.recorder

    def could_go_on(self) -> None:
        """From now on nothing but Veilcast keeps the stream from going on."""
        self.since = time.monotonic()
        self.page_since = self.recorder.now

    def until_back(self) -> None:
        """Wait until the page shows the host's picture, and it moves."""

        def moving() -> bool:
            before = self.viewer.position
            self.viewer.page.wait_for_timeout(100)
            return self.viewer.code() is not None and self.viewer.position > before

        until(moving, f"the host's picture; {self.viewer.state}", PATIENCE)

    def close(self) -> None:
        for host in self.hosts:
            host.kill()


# --- the faults ------------------------------------------------------------------------------------------------


def host_away(scene: Scene, seconds: float) -> None:
    scene.host.kill()
    scene.watch(seconds)
    scene.could_go_on()
    scene.publish()


def host_stands_still(scene: Scene, seconds: float) -> None:
    """Its program is stopped, its connection stays open."""
    os.kill(scene.host.pid, signal.SIGSTOP)
    scene.watch(seconds)
    scene.could_go_on()
    os.kill(scene.host.pid, signal.SIGCONT)


def another_host(scene: Scene) -> None:
    before = scene.host
    scene.could_go_on()
    scene.publish()
    until(lambda: not before.running, "the first host to be sent away")


def worker_killed(scene: Scene, times: int) -> None:
    killed: list[int] = []
    for _ in range(times):
        scene.could_go_on()
        killed.append(scene.worker(but=tuple(killed)))
        os.kill(killed[-1], signal.SIGKILL)
    scene.worker(but=tuple(killed))


def worker_hangs(scene: Scene) -> None:
    pid = scene.worker()
    scene.could_go_on()
    os.kill(pid, signal.SIGSTOP)
    scene.worker(but=(pid,))


def server_restarted(scene: Scene, end: Callable[[RunningServer], object]) -> None:
    """The host's program connects again by itself, a second after it could."""
    end(scene.server)
    scene.host.kill()
    scene.server.start()
    scene.watch(1)
    scene.could_go_on()
    scene.publish()


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, and what is promised: seconds, numbers; None where nothing is. It never costs a reload.

    ``known``: rules of the HLS checker that it is known to break.
    """

    name: str
    happen: Callable[[Scene], None]
    long: bool = False
    needs_worker: bool = False
    stall: float | None = None
    recovery: float | None = None
    discontinuities: int | None = None
    known: Collection[str] = ()


FAULTS = (
    Fault("host away for 3 s", lambda scene: host_away(scene, 3), stall=0.5, discontinuities=0),
    Fault("host away for 10 s", lambda scene: host_away(scene, 10), stall=0.5, discontinuities=0),
    Fault("host away for 40 s", lambda scene: host_away(scene, 40), long=True, stall=0.5, discontinuities=0),
    Fault(
        "host stands still for 5 s",
        lambda scene: host_stands_still(scene, 5),
        stall=0.5,
        discontinuities=0,
        known=KNOWN_OF_STANDSTILLS,
    ),
    Fault("another host takes over", another_host, stall=0.5, discontinuities=0, known=KNOWN_OF_TAKEOVERS),
    Fault(
        "worker killed",
        lambda scene: worker_killed(scene, 1),
        needs_worker=True,
        recovery=3,
        discontinuities=1,
        known=KNOWN_OF_STAND_INS,
    ),
    Fault(
        "worker killed four times",
        lambda scene: worker_killed(scene, 4),
        needs_worker=True,
        discontinuities=1,
        known=KNOWN_OF_STAND_INS,
    ),
    Fault("worker hangs", worker_hangs, needs_worker=True, discontinuities=1, known=KNOWN_OF_STAND_INS),
    Fault("server stopped, started", lambda scene: server_restarted(scene, RunningServer.stop), recovery=5),
    Fault("server killed, started", lambda scene: server_restarted(scene, RunningServer.kill), recovery=5),
)


# --- measuring -------------------------------------------------------------------------------------------------

COLUMNS = ("stall", "jump", "recovery", "away", "edge", "lost", "gap", "breaks", "broken", "reloads", "fatals", "load")


@dataclass
class Report:
    """The table, row by row, and which limits were missed."""

    missed: list[str] = field(default_factory=list)

    def head(self) -> None:
        print(f"\n{'':<38}" + "".join(f"{name:>9}" for name in COLUMNS), flush=True)

    def row(self, room: str, fault: Fault, scene: Scene, playback: Playback, follower: Follower) -> None:
        """Print what was measured, and judge it."""
        what, account = f"{room}: {fault.name}", follower.account()
        recovery = playback.recovery(scene.page_since)
        away = max((end - begin for begin, end in playback.absences()), default=0.0)
        reloads, fatals = scene.viewer.loads - 1, int(scene.viewer.state["counters"]["fatals"])
        times = (playback.stall, playback.jump, recovery, away, account.wait, account.lost, account.gap)
        counts = (account.discontinuities, len(follower.violations), reloads, fatals)
        shown = "".join(f"{value:>9.2f}" for value in times) + "".join(f"{value:>9}" for value in counts)
        print(f"{what:<38}{shown}{os.getloadavg()[0]:>9.1f}", flush=True)
        self._judge(f"{what}: stall", playback.stall, fault.stall)
        self._judge(f"{what}: recovery", recovery, fault.recovery)
        self._judge(f"{what}: discontinuities", account.discontinuities, fault.discontinuities)
        self._judge(f"{what}: reloads", reloads, 0)
        self._judge(f"{what}: further broadcasts", len(follower.broadcasts) - 1, 0)
        self.missed += [f"{what}: {text}" for text in follower.violations]

    def failed(self, room: str, fault: Fault, error: Exception) -> None:
        print(f"{room + ': ' + fault.name:<38}{'FAILED':>9}", flush=True)
        self.missed.append(f"{room}: {fault.name}: {error}")

    def _judge(self, what: str, value: float, limit: float | None) -> None:
        if limit is not None and value > limit:
            self.missed.append(f"{what} {value:.2f}, limit {limit:g}")


@contextmanager
def on_air(browser: Browser, clip: Path, folder: Path, ladder: str) -> Iterator[Scene]:
    """A server of its own, a host on air, and a page that plays."""
    with ExitStack() as stack:
        server = stack.enter_context(RunningServer(folder))
        viewer = Viewer(browser)
        stack.callback(viewer.close)
        scene = Scene(server, viewer, clip, folder)
        stack.callback(scene.close)
        url = str(server.room(NAME, ladder=ladder, preset="fast")["watch_url"])
        scene.publish()
        server.playable(NAME)
        viewer.open(url)
        viewer.until_playing()
        scene.watch(SETTLE)
        yield scene


def measure(report: Report, browser: Browser, clip: Path, parent: Path, room: str, fault: Fault) -> None:
    folder = parent / f"{room}-{fault.name.replace(' ', '-')}"
    folder.mkdir()
    try:
        with on_air(browser, clip, folder, ROOMS[room]) as scene:
            with Follower(scene.server.playable(NAME), known=fault.known) as follower:
                recorder = scene.watch_recorded()
                scene.watch(1)
                fault.happen(scene)
                scene.watch(1)
                scene.until_back()
                scene.watch(SETTLE)
                playback = recorder.take()
            report.row(room, fault, scene, playback, follower)
    except (AssertionError, OSError, TimeoutError, BrowserError, ClientError) as error:
        report.failed(room, fault, error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="./run bench continuity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rooms", default=",".join(ROOMS), help="a list of " + ", ".join(ROOMS))
    parser.add_argument("--only", default="", metavar="WORDS", help="the faults with these words in their names")
    parser.add_argument("--times", type=int, default=1, help="how often each fault happens")
    parser.add_argument("--quick", action="store_true", help="leave out what takes long")
    given = parser.parse_args()
    rooms = given.rooms.split(",")
    if not set(rooms) <= set(ROOMS):
        parser.error(f"--rooms takes a list of {', '.join(ROOMS)}")
    faults = [fault for fault in FAULTS if given.only in fault.name and not (fault.long and given.quick)]
    if not faults:
        parser.error(f"--only has to be in one of: {', '.join(fault.name for fault in FAULTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # nothing is left behind
    report = Report()
    print(machine(), flush=True)
    with TemporaryDirectory(prefix="veilcast-bench-", dir=scratch()) as place, chromium() as browser:
        clip = Path(place, "clip.mp4")
        make_clip(clip, seconds=SECONDS, width=640, height=360, bitrate=800_000)
        report.head()
        for room in rooms:
            for fault in faults:
                for _ in range(given.times if room != "source" or not fault.needs_worker else 0):
                    measure(report, browser, clip, Path(place), room, fault)
    if report.missed:
        sys.exit("\nmissed:\n" + "\n".join(report.missed))


if __name__ == "__main__":
    main()
