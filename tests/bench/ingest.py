"""``./run bench ingest``: what a host costs; nginx-rtmp and ffmpeg beside it, in the same run.

Hosts send recorded bytes of 1080p30 at 6 Mbit/s (H.264, AAC), each picture at its time, to within 20 ms; keyframes are
2 s apart, and spread among the hosts. Each host has a room whose ladder is ``source``, so that the server's one process
takes RTMP and makes CMAF of it; each peer makes segments of 2 s of MPEG-TS, in a folder in memory if there is one. The
server has the first processor to itself; the hosts, one program, have the others and are not counted.

- CPU is what the server's processes took, user and system, the kernel's part of receiving included, in seconds for each
  minute of each stream: 60 divided by it are the hosts that one core carries.
- Rooms share a title, so that the slate that all have ready is made once, before anything is measured.
- An idle connection has shaken hands and sent ``connect``, and says no more.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from serve.client import ClientError
from tests.bench.e2e import MEGABITS, Contestant, Ours, Peer, cpu_seconds, family, machine
from tests.bench.viewers import pin, raise_files
from tests.support.limits import Limits
from tests.support.load import Load, make_noise
from tests.support.nginx import Nginx
from tests.support.processes import Child, free_port, until
from tests.support.rtmp_client import RtmpClient, address_of
from tests.support.server import RunningServer
from tests.support.transcoding import scratch

BESIDE = 30
"""Hosts of each server in the comparison."""
REQUIRED, SOUGHT = 150, 250
"""Hosts that one core is to carry."""
CHUNK_SIZES = (4096, 128, 60_000)
"""What OBS sends, what RTMP begins with, and what ffmpeg sends."""
STEP = 20  # milliseconds
IDLE, IDLE_BYTES = 1000, 30_000
LATE = 200.0
"""Milliseconds by which hosts may be late before the figures say little."""
_TITLE = "ingest"


@dataclass(frozen=True, slots=True)
class Effort:
    """What is measured, for how long (seconds)."""

    chunk_sizes: tuple[int, ...] = CHUNK_SIZES
    crowds: tuple[int, ...] = (REQUIRED, SOUGHT)
    settle: float = 3.0
    window: float = 12.0


QUICK = Effort(chunk_sizes=CHUNK_SIZES[:1], crowds=(REQUIRED,), settle=2.0, window=8.0)


# --- the other peer ------------------------------------------------------------------------------------------


class Ffmpegs:
    """An ``ffmpeg -listen 1 -c copy -f hls`` for each stream, on ``core``."""

    name = "ffmpeg"

    def __init__(self, folder: Path, core: int) -> None:
        self._folder = folder
        self._core = core
        self._children: dict[str, Child] = {}

    @property
    def pids(self) -> Sequence[int]:
        return [child.pid for child in self._children.values()]

    def open(self, stream: str) -> str:
        folder = self._folder / stream
        folder.mkdir(parents=True)
        url = f"rtmp://127.0.0.1:{free_port()}/live/{stream}"
        words = ["ffmpeg", "-hide_banner", "-loglevel", "warning", "-nostdin", "-listen", "1", "-i", url, "-c", "copy"]
        words += ["-f", "hls", "-hls_time", "2", "-hls_list_size", "12", "-hls_flags", "delete_segments"]
        child = self._children[stream] = Child([*words, folder / "live.m3u8"], self._folder / f"{stream}.log")
        pin(child.pid, {self._core})
        until(partial(self._listens, child), f"ffmpeg to listen for {stream}")
        return url

    def is_playable(self, stream: str) -> bool:
        playlist = self._folder / stream / "live.m3u8"
        return playlist.exists() and "#EXTINF" in playlist.read_text()

    def close(self, stream: str) -> None:
        self._children.pop(stream).stop()

    @staticmethod
    def _listens(child: Child) -> bool:
        assert child.running, child.said()
        sockets = psutil.Process(child.pid).net_connections("tcp")
        return any(socket.status == psutil.CONN_LISTEN for socket in sockets)


# --- what they cost --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds for each minute of each stream; how late hosts were, at the worst (ms), and what share of a core they
    took."""

    seconds: float
    late: float
    hosts: float


def measure(
    contestant: Contestant, clip: Path, folder: Path, hosts: int, chunk_size: int, effort: Effort, cores: set[int]
) -> Cost:
    """Let so many hosts publish to a server, and measure it."""
    streams = [f"host-{chunk_size}-{number}" for number in range(hosts)]
    log = folder / f"{contestant.name}-{hosts}-{chunk_size}.log"
    opened: list[str] = []
    try:
        urls = []
        for stream in streams:
            urls.append(contestant.open(stream))
            opened.append(stream)
        with Load(clip, urls, log, chunk_size, STEP) as load:
            pin(load.pid, cores)
            load.on_air()
            for stream in streams:
                until(partial(contestant.is_playable, stream), f"{stream} to be playable on {contestant.name}")
            settle(contestant, effort.settle)
            before, of_hosts, began = cpu_seconds(contestant.pids), cpu_seconds([load.pid]), time.monotonic()
            time.sleep(effort.window)
            spent, of_hosts = cpu_seconds(contestant.pids) - before, cpu_seconds([load.pid]) - of_hosts
            lasted = time.monotonic() - began
            load.check()
            return Cost(spent * 60 / lasted / hosts, load.worst(int(effort.window)), of_hosts / lasted)
    finally:
        for stream in opened:
            contestant.close(stream)


def settle(contestant: Contestant, seconds: float) -> None:
    """Wait until no process has come or gone for so long: slates are made by one."""
    known, since = set[int](), time.monotonic()
    while time.monotonic() - since < seconds:
        running = {process.pid for pid in contestant.pids for process in family(pid)}
        if running != known:
            known, since = running, time.monotonic()
        time.sleep(0.1)


def tell(limits: Limits, part: str, cost: Cost, required: float | None = None, sought: float | None = None) -> None:
    """Print what a server cost, and what makes the figure doubtful."""
    limits.row(part, "CPU a stream-minute", cost.seconds, "s", required, sought)
    doubt = ": TOO LATE, THE FIGURE SAYS LITTLE" if cost.late > LATE else ""
    carries, took = 60 / cost.seconds, f"{cost.hosts:.0%} of their core"
    limits.note(f"{carries:.0f} hosts a core; the hosts took {took}, and were up to {cost.late:.0f} ms late{doubt}")


def compare(limits: Limits, clip: Path, folder: Path, effort: Effort, core: int, others: set[int]) -> None:
    """``BESIDE`` hosts on each server in turn, for each chunk size; Veilcast comes last, so that its limit is known."""
    with ExitStack() as stack:
        server = stack.enter_context(RunningServer(folder))
        nginx = stack.enter_context(Nginx(folder / "nginx"))
        for pid in (server.pid, nginx.pid):
            pin(pid, {core})
        for chunk_size in effort.chunk_sizes:
            ffmpeg = Ffmpegs(folder / f"ffmpeg-{chunk_size}", core)
            costs: dict[str, Cost] = {}
            for contestant in (ffmpeg, Peer(nginx), Ours(server, title=_TITLE)):
                part = f"{contestant.name}, {BESIDE} hosts, chunks {chunk_size}"
                with limits.measuring(part, AssertionError, OSError, ClientError, psutil.Error):
                    cost = costs[contestant.name] = measure(
                        contestant, clip, folder, BESIDE, chunk_size, effort, others
                    )
                    peer = costs.get(Peer.name) if contestant.name == Ours.name else None
                    tell(limits, part, cost, round(peer.seconds, 3) if peer else None)


def crowd(limits: Limits, clip: Path, folder: Path, hosts: int, effort: Effort, core: int, others: set[int]) -> None:
    """As many hosts as one core is to carry."""
    part = f"{Ours.name}, {hosts} hosts, chunks {CHUNK_SIZES[0]}"
    with limits.measuring(part, AssertionError, OSError, ClientError, psutil.Error), RunningServer(folder) as server:
        pin(server.pid, {core})
        cost = measure(Ours(server, title=_TITLE), clip, folder, hosts, CHUNK_SIZES[0], effort, others)
        tell(limits, part, cost, 60 / REQUIRED, 60 / SOUGHT)


# --- idle connections ------------------------------------------------------------------------------------------


async def _hold(port: int, pid: int) -> float:
    """Return the bytes that each of ``IDLE`` connections takes of the server's resident memory."""
    process = psutil.Process(pid)
    before = process.memory_info().rss
    held = [await RtmpClient.connect("127.0.0.1", port, local=address_of(number)) for number in range(IDLE)]
    await asyncio.sleep(1)
    more = process.memory_info().rss - before
    gone = sum(client.reader.at_eof() for client in held)
    assert not gone, f"{gone} of {IDLE} idle connections were closed"
    for client in held:
        client.abort()
    return more / IDLE


def idle(limits: Limits, folder: Path) -> None:
    part = f"{IDLE} idle connections"
    with limits.measuring(part, AssertionError, OSError, EOFError), RunningServer(folder) as server:
        taken = asyncio.run(_hold(int(server.rtmp.rpartition(":")[2]), server.pid))
        limits.row(part, "memory (RSS) of each", taken / 1000, "KB", IDLE_BYTES / 1000)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="./run bench ingest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one chunk size, one crowd, and shorter: two minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    given = parser.parse_args()
    effort = QUICK if given.quick else Effort()
    core, *others = sorted(os.sched_getaffinity(0))
    if not others:
        parser.error("two processors are needed: one for the server, one for the hosts")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # nothing is left behind
    limits = Limits()
    print(machine(), flush=True)
    os.sched_setaffinity(0, others)
    raise_files()
    with TemporaryDirectory(prefix="veilcast-bench-", dir=scratch()) as place:
        folder = Path(place)
        clip = folder / "noise.mp4"
        make_noise(clip, MEGABITS)
        limits.head()
        idle(limits, _made(folder / "idle"))
        compare(limits, clip, _made(folder / "beside"), effort, core, set(others))
        for hosts in effort.crowds:
            crowd(limits, clip, _made(folder / f"crowd-{hosts}"), hosts, effort, core, set(others))
    if given.json:
        limits.write(given.json, machine=machine())
    limits.finish()


if __name__ == "__main__":
    main()
