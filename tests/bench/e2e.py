"""``./run bench e2e``: what a viewer waits for, how late the picture is, what the server costs; nginx-rtmp beside it.

All of it runs on this one machine, hosts and browser too. So figures are noisy: trust ratios, and repeat.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import psutil
from playwright.sync_api import Browser
from playwright.sync_api import Error as BrowserError

from serve.client import ClientError
from tests.support.browser import Viewer, chromium
from tests.support.clock import publish_clock
from tests.support.hls_reader import fetch
from tests.support.load import Load, make_noise
from tests.support.nginx import Nginx
from tests.support.processes import until
from tests.support.server import RunningServer, status

MEGABITS = 6

# When the first frame of the page's video is on screen, in milliseconds since the page was asked for.
_FIRST_FRAME = """
const look = () => {
  const video = document.querySelector("video");
  if (!video) return requestAnimationFrame(look);
  video.requestVideoFrameCallback(() => { window.firstFrame = performance.now(); });
};
look();
"""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how often is measured; times in seconds."""

    starts: int = 3
    opens: int = 10
    ages: int = 100
    loads: tuple[int, ...] = (1, 10, 30)
    settle: float = 6.0
    window: float = 20.0


QUICK = Effort(starts=1, opens=3, ages=25, settle=2.0, window=5.0)


class Contestant(Protocol):
    """A server that takes hosts and gives playlists."""

    name: str

    @property
    def pids(self) -> Sequence[int]:
        """Its processes, without their children."""
        ...

    def open(self, stream: str) -> str:
        """Make ready for a host; return where it publishes."""
        ...

    def is_playable(self, stream: str) -> bool: ...

    def close(self, stream: str) -> None:
        """Forget a stream whose host is gone."""
        ...


class Ours:
    """Veilcast: each stream has a ``source`` room, with these settings."""

    name = "veilcast"

    def __init__(self, server: RunningServer, **settings: object) -> None:
        self._server = server
        self._settings = settings
        self._playlists: dict[str, str] = {}

    @property
    def pids(self) -> Sequence[int]:
        return [self._server.pid]

    def open(self, stream: str) -> str:
        self._playlists[stream] = self._server.room(stream, ladder="source", **self._settings)["hls_url"]
        return self._server.publish_url(stream)

    def is_playable(self, stream: str) -> bool:
        return status(self._playlists[stream]) == 200  # it is there as soon as there is media to list

    def close(self, stream: str) -> None:
        self._server.client.delete(stream)


class Peer:
    """nginx-rtmp."""

    name = "nginx-rtmp"

    def __init__(self, nginx: Nginx) -> None:
        self._nginx = nginx

    @property
    def pids(self) -> Sequence[int]:
        return [self._nginx.pid]

    def open(self, stream: str) -> str:
        return f"rtmp://127.0.0.1:{self._nginx.rtmp_port}/live/{stream}"

    def is_playable(self, stream: str) -> bool:
        url = self._nginx.playlist(stream)
        return status(url) == 200 and b"#EXTINF" in fetch(url)

    def close(self, stream: str) -> None:
        """It forgets by itself."""


@dataclass
class Report:
    """The table, row by row, and what could not be measured."""

    failures: list[str] = field(default_factory=list)

    def row(self, what: str, ours: str, peer: str = "") -> None:
        print(f"{what:<52}{ours:>16}{peer:>16}", flush=True)

    @contextmanager
    def measuring(self, what: str) -> Iterator[None]:
        """Note a measurement that cannot be made, and go on with the next."""
        try:
            yield
        except (AssertionError, OSError, ClientError, BrowserError, subprocess.SubprocessError) as error:
            self.failures.append(f"{what}: {error}")
            self.row(what, "FAILED")


def machine() -> str:
    """Describe what all of this ran on."""
    cpu = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [
            line.partition(":")[2].strip() for line in information.read_text().splitlines() if "model name" in line
        ]
        cpu = names[0] if names else cpu
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores ({cpu}), {memory:.0f} GiB, load {load:.1f} before the start;"
        f" {platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def percentiles(values: Sequence[float], unit: str) -> str:
    ordered = sorted(values)
    worst = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return f"{statistics.median(ordered):.2f} / {worst:.2f} {unit}"


@contextmanager
def hosts(contestant: Contestant, clip: Path, streams: Sequence[str], log: Path) -> Iterator[Load]:
    """Hosts on air, until the end of the block; afterwards the server has forgotten them."""
    try:
        with Load(clip, [contestant.open(stream) for stream in streams], log) as load:
            yield load
    finally:
        for stream in streams:
            contestant.close(stream)


def first_playlists(contestant: Contestant, clip: Path, folder: Path, count: int) -> list[float]:
    """Seconds from an accepted publish to the first playlist with media in it, to some 50 ms; ``count`` times."""
    waits = []
    for number in range(count):
        stream = f"start-{number}"
        with hosts(contestant, clip, [stream], folder / f"{contestant.name}-{stream}.log") as load:
            began = load.on_air()
            until(partial(contestant.is_playable, stream), f"{stream} to be playable on {contestant.name}")
            waits.append(time.time() - began)
    return waits


def first_frames(browser: Browser, url: str, count: int) -> list[float]:
    """Seconds from asking for a live page to its first frame, each with an empty cache."""
    waits = []
    for _ in range(count):
        viewer = Viewer(browser)
        try:
            viewer.context.add_init_script(_FIRST_FRAME)
            viewer.open(url)
            shown = viewer.page.wait_for_function("() => window.firstFrame")
            waits.append(float(shown.json_value()) / 1000)
        finally:
            viewer.close()
    return waits


def picture_ages(browser: Browser, url: str, count: int) -> list[float]:
    """How old pictures of the clock are when they are presented, in seconds."""
    viewer = Viewer(browser).open(url)
    try:
        viewer.until_playing()
        viewer.page.wait_for_timeout(5000)  # the player closes up to its live edge
        ages = []
        for _ in range(count):
            viewer.page.wait_for_timeout(150)
            code = viewer.code()
            if code is not None:
                ages.append(code["age"] / 1000)
        assert len(ages) >= 0.8 * count, f"only {len(ages)} of {count} bar codes could be read"
        return ages
    finally:
        viewer.close()


def family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def cpu_seconds(pids: Sequence[int]) -> float:
    """CPU time of processes and their children, in seconds."""
    total = 0.0
    for pid in pids:
        times = [process.cpu_times() for process in family(pid)]
        total += sum(each.user + each.system for each in times) + times[0].children_user + times[0].children_system
    return total


def cost(contestant: Contestant, clip: Path, folder: Path, rooms: int, effort: Effort) -> tuple[float, float]:
    """Return CPU seconds for each minute of ``rooms`` live streams, and resident memory in MiB."""
    streams = [f"load-{rooms}-{number}" for number in range(rooms)]
    with hosts(contestant, clip, streams, folder / f"{contestant.name}-load-{rooms}.log") as load:
        load.on_air()
        for stream in streams:
            until(partial(contestant.is_playable, stream), f"{stream} to be playable on {contestant.name}")
        time.sleep(effort.settle)
        spent, began = cpu_seconds(contestant.pids), time.monotonic()
        time.sleep(effort.window)
        spent, lasted = cpu_seconds(contestant.pids) - spent, time.monotonic() - began
        load.check()
        memory = sum(process.memory_info().rss for pid in contestant.pids for process in family(pid)) / 2**20
    return spent * 60 / lasted, memory


def measure_viewer(report: Report, server: RunningServer, folder: Path, effort: Effort) -> None:
    """What a viewer's browser sees of a 720p30 host."""
    url = server.room("clock", ladder="source")["watch_url"]
    with publish_clock(server.publish_url("clock"), folder / "clock.log"), chromium() as browser:
        server.playable("clock")
        what = f"page open to first frame, p50 / p95 of {effort.opens}"
        with report.measuring(what):
            report.row(what, percentiles(first_frames(browser, url, effort.opens), "s"))
        what = f"glass to glass, p50 / p95 of {effort.ages} pictures"
        with report.measuring(what):
            report.row(what, percentiles(picture_ages(browser, url, effort.ages), "s"))


def measure_servers(report: Report, contestants: list[Contestant], clip: Path, folder: Path, effort: Effort) -> None:
    """What each server does with the same hosts, one server at a time."""
    what = f"publish to first playable playlist, p50 / p95 of {effort.starts}"
    with report.measuring(what):
        waits = [first_playlists(contestant, clip, folder, effort.starts) for contestant in contestants]
        report.row(what, *(percentiles(each, "s") for each in waits))
    for rooms in effort.loads:
        what = f"CPU per minute of {rooms} x 1080p30, {MEGABITS} Mbit/s"
        with report.measuring(what):
            costs = [cost(contestant, clip, folder, rooms, effort) for contestant in contestants]
            report.row(what, *(f"{spent:.2f} s" for spent, _ in costs))
            report.row(
                f"resident memory with {rooms}, {effort.settle + effort.window:.0f} s on air",
                *(f"{memory:.0f} MiB" for _, memory in costs),
            )


def main() -> None:
    parser = argparse.ArgumentParser(prog="./run bench e2e", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure shorter and less often: under two minutes")
    effort = QUICK if parser.parse_args().quick else Effort()
    report = Report()
    print(f"{machine()}\nHosts, servers and browser share this machine: figures are noisy.\n")
    report.row("", "Veilcast", "nginx-rtmp")
    with TemporaryDirectory(prefix="veilcast-bench-") as name:
        folder = Path(name)
        with report.measuring("what a viewer sees"), RunningServer(folder) as server:
            measure_viewer(report, server, folder, effort)
        with report.measuring("what the servers cost"):
            make_noise(folder / "noise.mp4", MEGABITS)
            with RunningServer(folder) as server, Nginx(folder / "nginx") as nginx:
                measure_servers(report, [Ours(server), Peer(nginx)], folder / "noise.mp4", folder, effort)
    if report.failures:
        sys.exit("\nnot measured:\n" + "\n".join(report.failures))


if __name__ == "__main__":
    main()
