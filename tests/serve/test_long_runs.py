"""A room that is on air for long: sound and picture stay together, numbers go on, and nothing grows.

The host's pictures are numbered anew every 8 s, and then it beeps: both are looked for in what players get.
"""

import asyncio
import functools
import gc
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from ingest.media import Codec, Kind, Packet, Track
from tests.support.house import Host, House, broadcast_of
from tests.support.media import GREYS, Clip, decode, make_clip, number_of
from transcode.media import AUDIO, Init, PartItem, Plan, SegmentStart
from transcode.process import Transcoder
from transcode.wire import Covering, Fault

FPS, RATE, FRAME = 25, 44_100, 1024
TURN = 51_200
"""Milliseconds of the clip: the shortest of which pictures and frames of sound are whole numbers."""
CYCLE = GREYS // FPS
"""Seconds from one beep to the next."""
DELAY = FRAME / RATE
"""Seconds that the host's AAC encoder adds; its stamps do not tell."""
SYNC = 0.040
"""What is seen and heard at the same time is never further apart (seconds)."""
HOUR = 3_600_000
WRAP = 1 << 32
MIB = 1 << 20
LADDERS = ["source", "auto"]


@functools.cache
def clip() -> Clip:
    """One turn of what the host sends."""
    pictures = make_clip(seconds=TURN / 1000, fps=FPS, gop=2 * FPS, size=(64, 48), audio=False)
    track, sounds = _beeps()
    packets = sorted([*pictures.packets, *sounds], key=lambda packet: packet.stamp)
    return Clip(pictures.video, track, tuple(packets))


def _beeps() -> tuple[Track, list[Packet]]:
    encoder = av.CodecContext.create("aac", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "fltp"
    encoder.open()
    at = np.arange(TURN * RATE // 1000)
    heard = 0.5 * np.sin(at / RATE * 1000 * 2 * np.pi) * (at % (CYCLE * RATE) < RATE // 5)
    made: list[av.Packet[av.AudioStream]] = []
    for start in range(0, len(at), FRAME):
        frame = av.AudioFrame.from_ndarray(heard[None, start : start + FRAME].astype(np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = RATE, start
        made += encoder.encode(frame)
    made = [*made, *encoder.encode(None)][: len(at) // FRAME]
    assert encoder.extradata
    track = Track(Kind.AUDIO, Codec.AAC, bytes(encoder.extradata))
    return track, [
        Packet(Kind.AUDIO, n * FRAME * 1000 // RATE, 0, True, bytes(p)) for n, p in enumerate(made[: len(at) // FRAME])
    ]


@dataclass
class Sender:
    """The host's encoder: it goes on where it stopped."""

    house: House
    stamp: int = 0
    host: Host | None = None

    def connect(self, key: str) -> None:
        self.host = self.house.connect(key, clip())
        self.host.announce()

    def drop(self) -> None:
        assert self.host is not None
        self.host.drop()

    def send(self, milliseconds: int) -> None:
        """Send as much, as fast as it plays."""
        assert self.host is not None
        assert self.host.sink is not None
        end = self.stamp + milliseconds
        for packet in packets(self.stamp, end):
            self._pass(packet.stamp)
            stamp = packet.stamp % WRAP
            self.host.sink.packet(Packet(packet.kind, stamp, packet.offset, packet.keyframe, packet.data))
        self._pass(end)

    def _pass(self, stamp: int) -> None:
        """Let the room's time go on up to when the host's clock says ``stamp``."""
        self.house.pass_time((stamp - self.stamp) / 1000)
        self.stamp = stamp


def packets(start: int, end: int) -> Iterator[Packet]:
    """What is stamped from ``start`` to before ``end``, with stamps that do not wrap."""
    turn = start // TURN * TURN
    while turn < end:
        for packet in clip().packets:
            stamp = turn + packet.stamp
            if start <= stamp < end:
                yield Packet(packet.kind, stamp, packet.offset, packet.keyframe, packet.data)
        turn += TURN


@dataclass
class Watched:
    """What players got of a broadcast, looked at bit by bit and forgotten."""

    items: list[PartItem]
    picture: str
    numbers: dict[str, int] = field(default_factory=dict)
    """The newest segment's, of each rendition."""
    discontinuities: int = 0
    beeps: int = 0
    worst: float = 0.0
    _inits: dict[str, Init] = field(default_factory=dict)

    def look(self) -> None:
        """Check numbers and sync of what came since the last time."""
        for item in self.items:
            if isinstance(item, Init):
                self._inits[item.rendition] = item
            elif isinstance(item, SegmentStart):
                assert item.msn == self.numbers.get(item.rendition, item.msn - 1) + 1, "none is missing"
                self.discontinuities += item.discontinuity
                self.numbers[item.rendition] = item.msn
        came = [*self._inits.values(), *(item for item in self.items if not isinstance(item, Init))]
        seen, heard = list(restarts(came, self.picture)), list(onsets(came))
        for beep in heard:
            nearest = min(seen, key=lambda at: abs(at - beep), default=beep + CYCLE)
            if abs(nearest - beep) < CYCLE / 2:  # else it lies in what came before, or is to come
                self.beeps += 1
                self.worst = max(self.worst, abs(nearest - beep))
        self.items.clear()


def restarts(items: list[PartItem], rendition: str) -> Iterator[float]:
    """When (seconds on the timeline) pictures begin to be numbered anew."""
    frames = [(at_of(frame), number_of(frame)) for frame in decode(items, rendition)]
    for (_, before), (at, number) in pairwise(frames):
        if number < before - GREYS // 4:
            yield at - number / FPS


def onsets(items: list[PartItem]) -> Iterator[float]:
    """When (seconds on the timeline) beeps begin."""
    silent = 0.0
    for frame in decode(items, AUDIO):
        assert isinstance(frame, av.AudioFrame)
        loud = np.abs(frame.to_ndarray()).max(axis=0) > 0.1
        if loud.any():
            first = int(loud.argmax()) / frame.sample_rate
            if silent + first > 0.5:
                yield at_of(frame) + first - DELAY
            silent = int(loud[::-1].argmax()) / frame.sample_rate
        else:
            silent += frame.samples / frame.sample_rate


def at_of(frame: av.VideoFrame | av.AudioFrame) -> float:
    assert frame.pts is not None
    assert frame.time_base is not None
    return float(frame.pts * frame.time_base)


def on_air(house: House, ladder: str, sender: Sender) -> Watched:
    """The room's broadcast, after 10 s."""
    sender.connect(house.open(ladder=ladder))
    sender.send(10_000)
    plan = house.link.starts[-1].plan
    return Watched(house.link.items[broadcast_of(house)], plan.rungs[0].name)


# Stamps are milliseconds modulo 2**32: 49 days.


@pytest.mark.parametrize("ladder", LADDERS)
async def test_stamps_may_wrap_on_air(house: House, ladder: str) -> None:
    sender = Sender(house, WRAP - 25_000)
    watched = on_air(house, ladder, sender)
    sender.send(50_000)
    watched.look()
    assert watched.beeps >= 6
    assert watched.worst <= SYNC
    assert (len(house.link.starts), watched.discontinuities) == (1, 0)


# Faults, over and over.


def transcoder(
    plan: Plan,
    received: Callable[[PartItem], None],
    noted: Callable[[str], None],
    told: Callable[[Covering | Fault], None],
) -> Transcoder:
    """A worker in a process of its own."""
    made = Transcoder(plan, received, noted, told)
    made.start()
    return made


@dataclass(frozen=True)
class Used:
    """What a process has open, and how much memory it takes."""

    rss: int
    files: int
    threads: int

    @classmethod
    def by(cls, pid: int) -> "Used":
        process = psutil.Process(pid)
        return cls(process.memory_info().rss, process.num_fds(), process.num_threads())

    @classmethod
    def most(cls, all_of_them: Iterable["Used"]) -> "Used":
        used = list(all_of_them)
        return cls(max(u.rss for u in used), max(u.files for u in used), max(u.threads for u in used))


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_an_hour_of_drops_at_eight_times_the_speed_leaves_all_as_it_was(tmp_path: Path) -> None:
    """The host is gone for 12 s in every fifth minute; its worker is killed in the 11th and the 21st."""
    house = House(tmp_path, transcoder)
    sender = Sender(house)
    watched = on_air(house, "auto", sender)
    key = house.rooms.get("demo").row.stream_key
    loop = asyncio.get_running_loop()
    began, begun = loop.time(), house.clock.milliseconds
    workers: set[int] = set()
    used: dict[int, list[Used]] = {}

    async def run(milliseconds: int, go_on: Callable[[int], None]) -> None:
        for _ in range(0, milliseconds, 250):
            go_on(250)
            ahead = (house.clock.milliseconds - begun) / 8000 - (loop.time() - began)
            await asyncio.sleep(max(ahead, 0))

    def worker() -> int:
        stats = house.rooms.get("demo").worker
        assert stats is not None
        assert stats.pid is not None
        return stats.pid

    for minute in range(60):
        if minute % 5 == 0 and minute:
            sender.drop()
            await run(12_000, lambda milliseconds: house.pass_time(milliseconds / 1000))
            sender.stamp = minute * HOUR  # another run of the encoder
            sender.connect(key)
        if minute in (10, 20):
            workers.add(worker())
            os.kill(worker(), signal.SIGKILL)
        if minute == 55:
            watched.look()
            watched.beeps, watched.worst = 0, 0.0
        await run(60_000, sender.send)
        watched.look()
        workers.add(worker())
        if minute >= 25:
            gc.collect()
            for pid in (os.getpid(), worker()):
                used.setdefault(pid, []).append(Used.by(pid))
    try:
        print(f"\n{watched.worst * 1000:.0f} ms, {watched.discontinuities} discontinuities")
        assert len(workers) == 3
        assert len(house.link.starts) == 1
        assert watched.discontinuities <= 2
        assert watched.beeps >= 30
        assert watched.worst <= SYNC
        for of_one in used.values():
            middle, end = Used.most(of_one[:15]), Used.most(of_one[-15:])
            print(middle, end)
            assert end.rss - middle.rss < 8 * MIB
            assert end.files <= middle.files
            assert end.threads <= middle.threads
    finally:
        await house.rooms.drop()
