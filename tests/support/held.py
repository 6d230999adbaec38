"""A held and filtered room without a server, for benchmarks: a real broadcast with its worker and detector processes,
fed a clip in real time, and what they take of the machine meanwhile.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from filters.registry import check
from filters.spec import parse
from ingest.media import Track
from serve.broadcast import Broadcast, Means, Moderating
from serve.moderation import start_detection
from serve.parts import BroadcastStart
from serve.store import FilterRow, RoomRow, Store
from tests.support.transcoding import read_clip
from transcode.interlude import CodedSlate
from transcode.media import TIMELINE, PartItem, Plan, Slate, TimedPacket
from transcode.process import Transcoder
from transcode.verdicts import OVERRUNS, ModerationStats
from transcode.wire import Covering, Fault

FILTERS = Path(__file__).with_name("bench_filters.py")
_LOOK = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Job:
    """A room that plays the first ``length`` seconds of ``clip``, over and over.

    It begins after ``wait``; what it takes is measured for ``seconds``, from when viewers have had ``settle`` of it.
    ``delay``: how long it is held; ``detector`` of ``bench_filters``, if any; ``place``: the processors it may use.
    """

    clip: Path
    length: int
    ladder: str
    preset: str
    seconds: float
    delay: float = 0.0
    detector: str = ""
    settle: float = 3.0
    wait: float = 0.0
    place: tuple[int, ...] = ()


@dataclass
class Measured:
    """CPU in seconds, memory (resident) in bytes; ``lags`` of the detector's clearance in seconds, as they were seen.

    ``covered`` is the share of the time in which detectors kept viewers from the host. ``shed``: what the room went
    without.
    """

    gate: float = 0.0
    worker: float = 0.0
    detector: float = 0.0
    worker_memory: int = 0
    detector_memory: int = 0
    lags: list[float] = field(default_factory=list)
    covered: float = 0.0
    shed: str = ""

    @property
    def cpu(self) -> float:
        """Of all three."""
        return self.gate + self.worker + self.detector


class _NoLink:
    """Viewers' end, where nobody is."""

    def begin(self, start: BroadcastStart) -> None:
        pass

    def part(self, broadcast: str, item: PartItem) -> None:
        pass

    def end(self, broadcast: str) -> None:
        pass

    def forget(self, room: str) -> None:
        pass


def measure(job: Job) -> Measured:
    """Play it, in this process."""
    if job.place:
        os.sched_setaffinity(0, job.place)
    with TemporaryDirectory() as folder:
        return asyncio.run(_Held(job, Store(Path(folder))).play())


class _Held:
    def __init__(self, job: Job, store: Store) -> None:
        store.save_room(RoomRow("bench", "", job.ladder, job.preset, None, False, "key", True))
        self._job = job
        self._store = store
        self._clip = read_clip(job.clip, job.ladder, job.preset, job.length)
        self._measured = Measured()
        self._notes: list[str] = []

    async def play(self) -> Measured:
        await asyncio.sleep(self._job.wait)
        broadcast = self._begin()
        feeding = asyncio.create_task(self._feed(broadcast))
        try:
            await asyncio.sleep(self._job.delay + self._job.settle)
            await self._measure(broadcast)
        finally:
            feeding.cancel()
            await asyncio.wait([feeding])
            await broadcast.drop()
            self._store.close()
        if not feeding.cancelled() and (error := feeding.exception()) is not None:
            raise error
        worker = broadcast.worker
        assert worker is not None
        assert not worker.stats.restarts, "the worker had to be replaced"
        assert not broadcast.moderation.stats.restarts, "the detector had to be replaced"
        return self._measured

    def _begin(self) -> Broadcast:
        job = self._job
        tracks = tuple(item for item in self._clip.items if isinstance(item, Track))
        filters: tuple[FilterRow, ...] = ()
        if job.detector:
            spec = f"{FILTERS}:{job.detector}"
            filters = (FilterRow(spec, "detector", check(parse(spec)).lookahead),)
        means = Means(self._store, _NoLink(), _worker, _no_slates, start_detection)
        moderating = Moderating(filters, round(job.delay * TIMELINE), lambda _: None, lambda: None, lambda: None)
        return Broadcast.begin("bench", self._clip.plan, tracks, round(time.time() * 1000), means, moderating)

    async def _feed(self, broadcast: Broadcast) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for packet in self._packets():
            await asyncio.sleep(max(0.0, began + packet.dts / TIMELINE - loop.time()))
            broadcast.packet(packet)

    def _packets(self) -> Iterator[TimedPacket]:
        """The clip over and over."""
        packets = [item for item in self._clip.items if isinstance(item, TimedPacket)]
        length = self._job.length * TIMELINE
        for shift in count(0, length):
            for packet in packets:
                yield replace(packet, pts=packet.pts + shift, dts=packet.dts + shift)

    async def _measure(self, broadcast: Broadcast) -> None:
        """Watch it for a while."""
        loop = asyncio.get_running_loop()
        measured, worker = self._measured, broadcast.worker
        assert worker is not None
        until = loop.time() + self._job.seconds
        before, covered = _used(broadcast), _overrun(broadcast.moderation.stats)
        while loop.time() < until:
            await asyncio.sleep(_LOOK)
            stats = broadcast.moderation.stats
            measured.lags += [each.lag for each in stats.detectors if each.lag is not None]
            measured.shed = worker.stats.shed or measured.shed
        after, stats = _used(broadcast), broadcast.moderation.stats
        measured.gate, measured.worker, measured.detector = (b - a for a, b in zip(before, after, strict=True))
        measured.worker_memory, measured.detector_memory = worker.stats.rss, stats.rss
        measured.covered = (_overrun(stats) - covered) / self._job.seconds


def _used(broadcast: Broadcast) -> tuple[float, float, float]:
    """Return the CPU seconds that gate, worker and detector have used."""
    worker = broadcast.worker
    assert worker is not None
    return time.process_time(), _of(worker.stats.pid), _of(broadcast.moderation.stats.pid)


def _of(pid: int | None) -> float:
    times = psutil.Process(pid).cpu_times() if pid is not None else None
    return times.user + times.system if times is not None else 0.0


def _overrun(stats: ModerationStats) -> float:
    return sum(stats.covered_seconds.get(cause, 0.0) for cause in OVERRUNS)


def _worker(
    plan: Plan,
    received: Callable[[PartItem], None],
    noted: Callable[[str], None],
    told: Callable[[Covering | Fault], None],
) -> Transcoder:
    transcoder = Transcoder(plan, received, noted, told)
    transcoder.start()
    return transcoder


def _no_slates(track: Track, slate: Slate, deliver: Callable[[CodedSlate], None]) -> None:
    """Nobody needs any."""
