"""``./run bench viewers``: what players cost one origin process, and when their parts come; nginx beside it.

A room whose ladder is ``source`` (1280x720 at 30 frames a second, 2.5 Mbit/s, and AAC of 128 kbit/s) is published over
RTMP, so that the server's one process does nothing but ingest and serve. Each viewer plays picture and sound as hls.js
does: a blocking reload for each part, and the part. The server has the first processor to itself; the load, the host
and this program have the others.

- late: parts that are there later than one PART-TARGET after they could be, which is what the earliest of all, measured
  against its media time, tells; parts that fail or do not come are late, too. The host's own lateness is in it.
- memory: what the server's process has more (PSS) with all viewers there. Before they come the room is on air until its
  window has reached its full size.
- nginx cannot hold a request. So as many viewers fetch as often a file of the room's playlist (compressed beforehand)
  and one of its parts, both of the mean size that the room's viewers got, spread evenly over time.

CPU is what the processes took (user and system) while it was measured, the kernel's part of sending included.
"""

import argparse
import gzip
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urljoin

import psutil

from tests.bench.e2e import machine
from tests.support.load_client import Course, Files, LoadError, NoCompiler, Outcome, build, live, play, static
from tests.support.paced_host import PacedHost
from tests.support.server import RunningServer
from tests.support.static_nginx import StaticNginx
from tests.support.transcoding import scratch

NAME = "demo"
CPU = 80.0  # percent of one core
LATE = 1.0  # percent of all parts
MEMORY = 30.0  # KB a viewer
OTHERS = 5.0  # percent of the server's core that other programs may take before the figures say little
COMPLETE = 99.0  # percent of the parts that play by the clock
ALONE = 10.0  # seconds in which the server is measured without viewers
WARM = 60.0
"""Seconds until the room's window no longer grows: what is listed, and what has left the list and may be asked for."""
_SAMPLES = 12

Figures = dict[str, float | None]


# --- the programs ----------------------------------------------------------------------------------------------


def make_clip(path: Path) -> None:
    """Make what the host sends: a picture that really has its bit rate, and noise for sound."""
    rate = "2500k"
    words = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
    words += ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30,noise=alls=12:allf=t"]
    words += ["-f", "lavfi", "-i", "anoisesrc=color=pink:amplitude=0.3:sample_rate=48000", "-t", "8"]
    words += ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"]
    words += ["-bf", "0", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0"]
    words += ["-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", rate]
    words += ["-c:a", "aac", "-b:a", "128k", "-ac", "2", str(path)]
    subprocess.run(words, check=True, timeout=120)


def pin(pid: int, cores: set[int]) -> None:
    """Keep all threads of a process, and those of its children, on ``cores``."""
    process = psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        for thread in each.threads():
            os.sched_setaffinity(thread.id, cores)


class Meter:
    """What a program's processes, and everything on its core, take from ``start`` to ``stop``."""

    def __init__(self, pid: int, core: int, children: bool) -> None:
        process = psutil.Process(pid)
        self._processes = [process, *(process.children() if children else [])]
        self._core = core
        self.start()

    def start(self) -> None:
        self.began, self._times, self._busy = time.monotonic(), self._taken(), self._others()

    def stop(self) -> None:
        self.ended = time.monotonic()
        user, system = self._taken()
        self.cpu, self.busy = user + system - sum(self._times), self._others() - self._busy
        self.system = system - self._times[1]

    @property
    def share(self) -> float:
        """Percent of a core that the processes took."""
        return 100 * self.cpu / (self.ended - self.began)

    @property
    def system_share(self) -> float:
        """Percent of a core that the kernel took for them."""
        return 100 * self.system / (self.ended - self.began)

    @property
    def whole_share(self) -> float:
        """Percent of their core that was not idle."""
        return 100 * self.busy / (self.ended - self.began)

    def _taken(self) -> tuple[float, float]:
        times = [each.cpu_times() for each in self._processes]
        return sum(each.user for each in times), sum(each.system for each in times)

    def _others(self) -> float:
        times = psutil.cpu_times(percpu=True)[self._core]
        return float(sum(times[:8]) - times.idle - times.iowait)


def memory(pid: int) -> int:
    """Return a process's bytes, shared pages in proportion (PSS)."""
    return int(psutil.Process(pid).memory_full_info().pss)


# --- the room --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sample:
    """A playlist as it was sent, compressed, and a part."""

    playlist: bytes
    part: bytes


@dataclass(frozen=True, slots=True)
class Watched:
    """A room with viewers."""

    outcome: Outcome
    alone: Meter
    meter: Meter
    memory_before: int
    memory_with: int
    host_late: float
    samples: list[Sample]


def watch_room(clip: Path, folder: Path, course: Course, core: int, warm: float) -> Watched:
    with ExitStack() as stack:
        server = stack.enter_context(RunningServer(folder))
        server.room(NAME)
        pin(server.pid, {core})
        host = stack.enter_context(PacedHost(clip, server.publish_url(NAME), folder / "host.log"))
        url = server.playable(NAME)
        print(f"the room is on air; {warm + ALONE:g} s without viewers", flush=True)
        time.sleep(warm)
        alone = Meter(server.pid, core, children=False)
        time.sleep(ALONE)
        alone.stop()
        before = memory(server.pid)
        during: list[int] = []
        meter = Meter(server.pid, core, children=False)

        def measured() -> None:
            meter.stop()
            during.append(memory(server.pid))

        print(f"{course.viewers} viewers come", flush=True)
        outcome = play(live(url, course), meter.start, measured)
        assert not psutil.Process(server.pid).children(), "the server has a worker: it is not the origin alone"
        late = host.worst(meter.began, meter.ended)
        return Watched(outcome, alone, meter, before, during[0], late, take_samples(url, outcome))


def take_samples(url: str, outcome: Outcome) -> list[Sample]:
    """Return for each rendition a playlist and a part whose sizes are nearest to the mean of what viewers got."""
    master = _get(url)[0].decode()
    sound = re.search(r'TYPE=AUDIO.*URI="([^"]+)"', master)
    names = [next(line for line in master.splitlines() if line and not line.startswith("#"))]
    names += [sound.group(1)] if sound else []
    samples = []
    for name, rendition in zip(names, outcome.renditions, strict=True):
        address = urljoin(url, name)
        skip = "?_HLS_skip=YES" if b"CAN-SKIP-UNTIL" in _get(address)[0] else ""
        playlists = []
        for _ in range(_SAMPLES):
            playlists.append(_get(address + skip)[1])
            time.sleep(0.2)
        uris = re.findall(r'#EXT-X-PART:.*URI="([^"]+)"', gzip.decompress(playlists[-1]).decode())
        parts = [_get(urljoin(address, uri))[0] for uri in uris]
        samples.append(Sample(_nearest(playlists, rendition.playlist_bytes), _nearest(parts, rendition.part_bytes)))
    return samples


def _nearest(bodies: Sequence[bytes], size: float) -> bytes:
    return min(bodies, key=lambda body: abs(len(body) - size))


def _get(url: str) -> tuple[bytes, bytes]:
    """Return a body as it is meant, and as it was sent."""
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept-Encoding": "gzip"}), timeout=15) as answer:
        sent = answer.read()
        return (gzip.decompress(sent) if answer.headers["Content-Encoding"] == "gzip" else sent), sent


# --- the peer --------------------------------------------------------------------------------------------------


def fetch_files(watched: Watched, folder: Path, course: Course, core: int) -> tuple[Outcome, Meter]:
    """Let nginx serve what the room has served, to as many, as often."""
    nginx = StaticNginx(folder / "nginx", course.viewers)
    files = []
    for rendition, sample in zip(watched.outcome.renditions, watched.samples, strict=True):
        name = rendition.name
        (nginx.files / f"{name}.m3u8").write_bytes(gzip.decompress(sample.playlist))
        (nginx.files / f"{name}.m3u8.gz").write_bytes(sample.playlist)
        (nginx.files / f"{name}.m4s").write_bytes(sample.part)
        files.append(Files(name, f"/{name}.m3u8", f"/{name}.m4s", rendition.part_seconds))
    with nginx:
        pin(nginx.pid, {core})
        meter = Meter(nginx.pid, core, children=True)
        print(f"{course.viewers} viewers come to nginx", flush=True)
        return play(static(nginx.url, course, files), meter.start, meter.stop), meter


# --- what is told ----------------------------------------------------------------------------------------------


@dataclass
class Report:
    """The table, row by row, and which limits were missed."""

    missed: list[str] = field(default_factory=list)
    figures: Figures = field(default_factory=dict)

    def head(self) -> None:
        print(f"\n{'':<58}{'':>24}  limit", flush=True)

    def row(self, what: str, shown: str) -> None:
        print(f"{what:<58}{shown:>24}", flush=True)

    def figure(self, key: str, what: str, value: float, unit: str = "", digits: int = 1) -> None:
        """Print a figure without a limit."""
        self.figures[key] = value
        self.row(what, f"{value:.{digits}f}{unit}")

    def judge(self, key: str, what: str, value: float, unit: str, limit: str, holds: bool) -> None:
        """Print a figure that has a limit."""
        self.figures[key] = value
        shown = f"{value:.{1 if unit else 0}f}{unit}"
        print(f"{what:<58}{shown:>24}  {limit}: {'ok' if holds else 'NOT MET'}", flush=True)
        if not holds:
            self.missed.append(f"{what}: {shown}, limit {limit}")


def tell_room(report: Report, watched: Watched) -> None:
    outcome, meter = watched.outcome, watched.meter
    expected = sum(each.expected for each in outcome.renditions)
    came = 100 * sum(each.parts for each in outcome.renditions) / expected if expected else 0.0
    late = 100 * outcome.late / outcome.due if outcome.due else 100.0
    more = (watched.memory_with - watched.memory_before) / 1000 / outcome.viewers
    lacking = outcome.viewers - outcome.complete
    report.judge("cpu", "server, of one core", meter.share, " %", f"<= {CPU:g} %", meter.share <= CPU)
    report.figure("cpu_system", "  of that in the kernel", meter.system_share, " %")
    report.figure("cpu_alone", "  without viewers", watched.alone.share, " %")
    report.figure("core", "  all that was done on its core", meter.whole_share, " %")
    if (others := meter.whole_share - meter.share) > OTHERS:
        report.row("  OTHER PROGRAMS TOOK OF IT: NO FAIR MEASUREMENT", f"{others:.1f} %")
    report.judge("late", "parts later than one PART-TARGET", late, " %", f"< {LATE:g} %", late < LATE)
    for each in outcome.renditions:
        p50, p95, p99, worst = each.lateness or (0.0, 0.0, 0.0, 0.0)
        report.figures |= {f"{each.name}_p50": p50, f"{each.name}_p95": p95, f"{each.name}_p99": p99}
        report.figures |= {f"{each.name}_worst": worst, f"{each.name}_part_target": each.part_target * 1000}
        report.row(
            f"  {each.name}, p50 / p95 / p99 / worst of {each.parts}, ms",
            f"{p50:.0f} / {p95:.0f} / {p99:.0f} / {worst:.0f}",
        )
    report.judge("memory", "memory a viewer", more, " KB", f"<= {MEMORY:g} KB", more <= MEMORY)
    report.row(
        "  before, and with all of them", f"{watched.memory_before / 1e6:.1f} / {watched.memory_with / 1e6:.1f} MB"
    )
    report.judge(
        "came", "parts that came, of what plays by the clock", came, " %", f">= {COMPLETE:g} %", came >= COMPLETE
    )
    report.judge("incomplete", "viewers without picture or sound", lacking, "", "0", lacking == 0)
    report.judge("errors", "errors", outcome.wrong, "", "0", outcome.wrong == 0)
    for name, count in (outcome.errors | {f"status {code}": n for code, n in outcome.status.items()}).items():
        if count:
            report.row(f"  {name}", str(count))
    report.figure("reconnects", "connections opened again", outcome.reconnects, "", 0)
    report.figure("answers", "answers a second", outcome.answers / outcome.seconds, "", 0)
    report.figure("megabits", "Mbit/s sent", outcome.bytes * 8e-6 / outcome.seconds, "", 0)
    report.figure("host_late", "the host's own lateness, worst, ms", watched.host_late)
    report.figure("client_cpu", "the load client, of its core", 100 * outcome.cpu / outcome.seconds, " %")


def tell_peer(report: Report, watched: Watched, outcome: Outcome, meter: Meter) -> None:
    ours, peer = (each.cpu / outcome.seconds * 60 / outcome.viewers for each in (watched.meter, meter))
    report.figure("viewer_minute", "CPU seconds for a viewer-minute: Veilcast", ours, "", 4)
    report.figure("nginx_viewer_minute", "  nginx, the same bytes as files", peer, "", 4)
    report.figure("ratio", "  ratio", ours / peer if peer else float("inf"), "", 2)
    late = sum(each.late_ticks for each in outcome.renditions)
    report.row(
        "  nginx: answers a second, Mbit/s",
        f"{outcome.answers / outcome.seconds:.0f}, {outcome.bytes * 8e-6 / outcome.seconds:.0f}",
    )
    report.figure("nginx_cpu", "  nginx, of one core", meter.share, " %")
    report.figure("nginx_system", "  nginx: of that in the kernel", meter.system_share, " %")
    report.figure("nginx_core", "  nginx: all that was done on its core", meter.whole_share, " %")
    report.judge(
        "nginx_errors",
        "  nginx: errors, and files that came too late",
        outcome.wrong + late,
        "",
        "0",
        outcome.wrong + late == 0,
    )


def raise_files() -> None:
    """Let what is started have as many open files as there may be: a viewer has four connections, at both ends."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="./run bench viewers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--viewers", type=int, default=500, help="500 unless told")
    parser.add_argument("--seconds", type=float, default=30, help="that are measured; 30 unless told")
    parser.add_argument("--warm", type=float, default=WARM, help="that the room is on air before; 60 unless told")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    given = parser.parse_args()
    core, *others = sorted(os.sched_getaffinity(0))
    if not others:
        parser.error("two processors are needed: one for the server, one for the viewers")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # nothing is left behind
    report = Report()
    try:
        build()
        print(machine(), flush=True)
        os.sched_setaffinity(0, others)
        raise_files()
        course = Course(given.viewers, seconds=given.seconds)
        with TemporaryDirectory(prefix="veilcast-bench-", dir=scratch()) as place:
            clip = Path(place, "clip.mp4")
            make_clip(clip)
            watched = watch_room(clip, Path(place), course, core, given.warm)
            report.head()
            tell_room(report, watched)
            tell_peer(report, watched, *fetch_files(watched, Path(place), course, core))
    except (NoCompiler, LoadError) as error:
        sys.exit(f"./run bench viewers: {error}")
    if given.json:
        given.json.write_text(json.dumps({"viewers": given.viewers, **report.figures}, indent=2) + "\n")
    if report.missed:
        sys.exit("\nmissed:\n" + "\n".join(report.missed))


if __name__ == "__main__":
    main()
