"""The real worker process over its socket: it makes what the pipeline makes, and its end costs viewers nothing.

Each picture of the host is painted with its number, so that what comes out can be counted.
"""

import asyncio
import functools
import os
import random
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import av
import numpy as np
import psutil
import pytest
import uvloop

from ingest.media import Kind
from tests.support import toy_worker
from tests.support.media import GREYS, decode, make_clip, number_of
from tests.support.segments import check_full, check_rendition, segments_of
from tests.support.stage import Stage
from transcode.media import (
    AUDIO,
    TIMELINE,
    End,
    FrameRate,
    Init,
    Part,
    PartItem,
    Plan,
    RoomItem,
    Rung,
    SegmentStart,
    TimedPacket,
)
from transcode.process import Transcoder
from transcode.supervisor import Limits
from transcode.wire import VERSION, Done, Entry, Hello, Message, Ping, Pong, Setup, Shed, Unpacker, pack

PATIENCE = 20.0
LIMITS = Limits(ping=0.05, start=PATIENCE, silence=PATIENCE, finish=PATIENCE, backoff=0.02, longest_backoff=0.05)
RUNGS = ("150p", "120p")


@functools.cache
def rehearsal() -> Stage:
    """A show of six seconds, made in this process: what goes in, and all that must come out."""
    clip = make_clip(seconds=6, size=(200, 150), gop=40)
    return Stage(clip, ",".join(RUNGS)).play(clip.packets).end()


class Show:
    """The same show, made by workers."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.script = rehearsal()
        self.items: list[PartItem] = []
        self.notes: list[str] = []
        self.transcoder = Transcoder(self.script.plan, self.items.append, self.notes.append, limits=limits)
        self._fed = 0

    @property
    def pid(self) -> int:
        assert self.transcoder.stats.pid is not None
        return self.transcoder.stats.pid

    @property
    def left_behind(self) -> set[str]:
        """Renditions whose stand-in the gate has."""
        return set(self.transcoder._understudy._stand_ins)

    def feed(self, until: float = 1.0) -> None:
        """Give it what comes up to a fraction of the show."""
        end = round(until * len(self.script.room_items))
        for item in self.script.room_items[self._fed : end]:
            self.transcoder.feed(item)
        self._fed = end

    def parts(self, rendition: str) -> list[Part]:
        return [item for item in self.items if isinstance(item, Part) and item.rendition == rendition]

    async def aired(self, count: int) -> None:
        await until(lambda: all(len(self.parts(name)) >= count for name in (*RUNGS, AUDIO)), f"{count} parts")

    async def play_out(self) -> None:
        self.feed()
        await self.transcoder.finish()

    def check(self) -> None:
        """Viewers got the rehearsal: every frame and every sample in the same parts."""
        for name in (*RUNGS, AUDIO):
            assert boundaries(self.items, name) == boundaries(self.script.items, name)
            segments = segments_of(self.items, name)
            check_rendition(segments, self.script.plan)
            check_full(segments, self.script.plan)
            assert not any(segment.discontinuity for segment in segments)
            assert [i.name for i in self.items if isinstance(i, Init) and i.rendition == name] == [
                i.name for i in self.script.items if isinstance(i, Init) and i.rendition == name
            ]
        for name in RUNGS:
            numbers = [number_of(frame) for frame in decode(self.items, name)]
            assert numbers == self.script.numbers(name)
            assert numbers == [(numbers[0] + n) % GREYS for n in range(len(numbers))]
        heard, expected = tone(self.items), tone(self.script.items)
        assert len(heard) == len(expected)
        assert level(heard[8192:-8192]) == pytest.approx(level(expected[8192:-8192]), rel=0.05)


def boundaries(items: list[PartItem], rendition: str) -> list[tuple[int, ...]]:
    """Where segments and parts begin and how long they last."""
    found: list[tuple[int, ...]] = []
    for item in items:
        if item.rendition == rendition and isinstance(item, SegmentStart):
            found.append((item.msn, item.start, item.timescale))
        elif item.rendition == rendition and not isinstance(item, Init | SegmentStart):
            found.append((item.msn, item.index if isinstance(item, Part) else -1, item.duration))
    return found


def tone(items: list[PartItem]) -> np.ndarray:
    return np.concatenate([f.to_ndarray()[0] for f in decode(items, AUDIO) if isinstance(f, av.AudioFrame)])


def level(heard: np.ndarray) -> float:
    """How loud the host's 440 Hz are, all through and in one phase."""
    return float(np.abs(np.mean(heard * np.exp(-2j * np.pi * 440 * np.arange(len(heard)) / 48000))) * 2)


async def until(condition: Callable[[], bool], what: str) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"waited {PATIENCE:g} s for {what}"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def on_air(limits: Limits = LIMITS) -> AsyncIterator[Show]:
    show = Show(limits)
    show.transcoder.start()
    try:
        yield show
    finally:
        await show.transcoder.close()


# --- a worker that works ---------------------------------------------------------------------------------------


async def test_a_worker_makes_what_the_pipeline_makes() -> None:
    async with on_air() as show:
        await show.play_out()
    show.check()
    assert show.notes == []
    assert show.transcoder.stats.restarts == 0


async def test_parts_come_while_the_show_goes_on() -> None:
    async with on_air() as show:
        for tenth in range(2, 10):
            show.feed(tenth / 10)
            await show.aired(round(tenth / 10 * 28) - 5)
        await show.play_out()
    show.check()


async def test_it_cannot_leave_a_core_file_and_leaves_the_server_the_processor() -> None:
    """What is in its memory has not been moderated."""
    async with on_air() as show:
        show.feed(0.5)
        await show.aired(3)
        process = psutil.Process(show.pid)
        assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        assert resource.RLIMIT_CORE == psutil.RLIMIT_CORE
        assert process.nice() > psutil.Process().nice()
        assert os.getsid(show.pid) == show.pid, "the terminal's Ctrl-C does not reach it"


async def test_its_memory_is_known() -> None:
    async with on_air() as show:
        show.feed(0.5)
        await until(lambda: show.transcoder.stats.rss > 0, "a pong")
        assert 10 << 20 < show.transcoder.stats.rss < 400 << 20


@pytest.mark.parametrize("seed", range(3))
async def test_damaged_media_does_not_end_it_and_the_next_keyframe_heals_it(seed: int) -> None:
    chance = random.Random(seed)

    def damaged(item: RoomItem) -> RoomItem:
        if not isinstance(item, TimedPacket) or chance.random() > 0.2:
            return item
        data = bytearray(item.data)
        for _ in range(chance.randrange(1, 9)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return replace(item, data=bytes(data[: chance.randrange(len(data) + 1)] if chance.random() < 0.3 else data))

    async with on_air() as show:
        items = show.script.room_items
        for item in [*map(damaged, items[:-60]), *items[-60:]]:
            show.transcoder.feed(item)
        await show.transcoder.finish()
    assert show.notes == []
    for name in (*RUNGS, AUDIO):
        assert boundaries(show.items, name) == boundaries(show.script.items, name)
    for name in RUNGS:
        last = [number_of(frame) for frame in decode(show.items, name)][-20:]
        assert last == show.script.numbers(name)[-20:], "the last group of pictures is whole"


async def test_what_a_room_is_to_go_without_is_not_made() -> None:
    async with on_air() as show:
        show.feed(0.4)
        await show.aired(8)
        show.transcoder._child.say(Shed(2))
        await show.play_out()
    for name in (*RUNGS, AUDIO):
        segments = segments_of(show.items, name)
        check_rendition(segments, show.script.plan)
        assert [(s.msn, s.start) for s in segments] == [(s.msn, s.start) for s in segments_of(show.script.items, name)]
        assert (segments[-1].parts == []) == (name == RUNGS[0]), "the best rung is a gap at last"
    assert [number_of(f) for f in decode(show.items, RUNGS[1])] == show.script.numbers(RUNGS[1])


# --- a worker that ends before its time ------------------------------------------------------------------------

QUICK_TO_JUDGE = replace(LIMITS, silence=1.0)
WAYS = [
    pytest.param(signal.SIGKILL, "was ended by SIGKILL", id="killed"),
    pytest.param(signal.SIGABRT, "was ended by SIGABRT", id="an abort inside"),
    pytest.param(signal.SIGSEGV, "was ended by SIGSEGV", id="a crash inside"),
    pytest.param(signal.SIGSTOP, "has said nothing for 1 s", id="hangs"),
]


@pytest.mark.parametrize(("way", "noted"), WAYS)
async def test_another_goes_on_with_the_very_next_frame(way: signal.Signals, noted: str) -> None:
    async with on_air(QUICK_TO_JUDGE) as show:
        show.feed(0.5)
        await show.aired(6)
        first = show.pid
        os.kill(first, way)
        show.feed(0.8)
        await until(lambda: show.notes != [], "it to be missed")
        assert show.notes[0].startswith(f"The worker {noted}; ")
        await show.play_out()
        assert not psutil.pid_exists(first)
    show.check()
    assert show.transcoder.stats.restarts == 1


async def test_workers_may_be_killed_one_after_the_other() -> None:
    async with on_air() as show:
        for restarts, fraction in enumerate((0.1, 0.35, 0.6, 0.85)):
            show.feed(fraction)
            await until(lambda: show.transcoder.stats.pid is not None, "a worker")
            await show.aired(round(fraction * 28) - 6)
            os.kill(show.pid, signal.SIGKILL)
            await until(lambda: show.transcoder.stats.restarts > restarts, "another")  # noqa: B023
        await show.play_out()
    show.check()


async def test_viewers_who_wait_too_long_for_another_get_the_slate() -> None:
    """Workers cannot be started for a while: what the last one left behind goes out, and the next goes on after it."""
    async with on_air(replace(LIMITS, pause=0.2)) as show:
        show.feed(0.4)
        await until(lambda: len(show.left_behind) == 3, "what it leaves behind")
        await show.aired(6)
        started, show.transcoder._child._command = show.transcoder._child._command, ("/nowhere",)
        os.kill(show.pid, signal.SIGKILL)
        await until(lambda: show.notes != [], "it to be missed")
        came = len(show.items)
        for tenth in range(20, 31):
            await asyncio.sleep(0.03)
            show.feed(tenth / 50)
        await until(lambda: len(show.parts(RUNGS[0])) > 10, "slates")
        assert len(show.items) > came
        show.transcoder._child._command = started
        await until(lambda: show.transcoder._child.listening, "a worker")
        await show.play_out()
    for name in (*RUNGS, AUDIO):
        segments = segments_of(show.items, name)
        check_rendition(segments, show.script.plan)
        assert not any(segment.discontinuity for segment in segments)
        assert [(s.msn, s.start, s.duration) for s in segments] == [
            (s.msn, s.start, s.duration) for s in segments_of(show.script.items, name)
        ]
    for name in RUNGS:
        numbers, expected = ([number_of(f) for f in decode(items, name)] for items in (show.items, show.script.items))
        strange = [index for index, number in enumerate(numbers) if number != expected[index]]
        assert len(numbers) == len(expected)
        assert 5 < len(strange) < 120
        assert strange[-1] - strange[0] < 130, "one stretch of slate"


async def test_one_that_is_killed_at_the_very_end_is_replaced_for_the_rest() -> None:
    async with on_air() as show:
        show.feed(0.5)
        await show.aired(4)
        os.kill(show.pid, signal.SIGSTOP)
        show.feed()
        os.kill(show.pid, signal.SIGKILL)
        await show.transcoder.finish()
    show.check()


async def test_one_that_is_told_what_makes_no_sense_is_replaced(capfd: pytest.CaptureFixture[str]) -> None:
    async with on_air() as show:
        show.feed(0.5)
        await show.aired(6)
        assert show.transcoder._child._writer is not None
        show.transcoder._child._writer.write(b"\xff" * 64)
        await until(lambda: show.notes != [], "it to be missed")
        assert show.notes[0].startswith("The worker has ended with status 70; ")
        await show.play_out()
    show.check()
    assert "WireError: there is no message 255" in capfd.readouterr().err


def on_uvloop(test: Awaitable[None]) -> None:
    async def run() -> None:
        await test

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def test_on_the_event_loop_of_the_server_too() -> None:
    on_uvloop(test_another_goes_on_with_the_very_next_frame(signal.SIGKILL, "was ended by SIGKILL"))


async def broken_off() -> None:
    """A host's packets go on coming while the link to a worker breaks."""
    plan = Plan((Rung(toy_worker.NAME, 1280, 720, 1, 1_000_000),), None, FrameRate(10, 1), "fast", 2, 20_000)
    parts: list[PartItem] = []
    transcoder = Transcoder(
        plan, parts.append, lambda _: None, limits=LIMITS, command=(sys.executable, toy_worker.__file__)
    )
    transcoder.start()
    fed = 0

    def feed(count: int, size: int) -> None:
        nonlocal fed
        for _ in range(count):
            at = fed * toy_worker.FRAME
            transcoder.feed(TimedPacket(Kind.VIDEO, at, at, fed % 10 == 0, bytes(size)))
            fed += 1

    for restarts in range(4):
        await until(lambda: transcoder._child.listening, "a worker")
        pid = transcoder.stats.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        feed(10, 50_000)  # which it will not have read: then the end of the link is a reset
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        while transcoder.stats.restarts == restarts:
            feed(1, 100)
            await asyncio.sleep(0)
    await transcoder.close()


async def test_to_feed_one_that_breaks_off_just_then_raises_nothing() -> None:
    await broken_off()


def test_nor_does_it_on_the_event_loop_of_the_server() -> None:
    on_uvloop(broken_off())


# --- the process by itself -------------------------------------------------------------------------------------


class Worker:
    """The process, and this test in the gate's place."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(PATIENCE)
        self._unpacker = Unpacker()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "transcode.worker", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stderr=subprocess.PIPE,
            )

    def say(self, *messages: Message) -> None:
        for message in messages:
            self.socket.sendall(pack(message))

    def hear(self) -> Iterator[Message]:
        while data := self.socket.recv(1 << 18):
            yield from self._unpacker.receive(data)

    def set_up(self) -> "Worker":
        assert next(self.hear()) == Hello(VERSION)
        self.say(Setup(VERSION, rehearsal().plan, ()))
        return self

    def ended(self) -> tuple[int, str]:
        """Its status, and what it said last."""
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said.decode()


@contextmanager
def hired() -> Iterator[Worker]:
    worker = Worker()
    try:
        yield worker
    finally:
        worker.socket.close()
        worker.process.kill()
        worker.process.communicate()


def test_one_that_is_alone_ends_by_itself() -> None:
    with hired() as worker:
        worker.socket.close()
        assert worker.ended() == (0, "")


def test_one_at_work_ends_when_the_gate_is_gone() -> None:
    with hired() as worker:
        worker.set_up()
        worker.say(*(Entry(n, item) for n, item in enumerate(rehearsal().room_items[:200])))
        next(message for message in worker.hear() if isinstance(message, Part))
        worker.socket.close()
        _, said = worker.ended()
        assert said == "", "it makes no fuss"


def test_one_that_is_not_listened_to_ends_when_the_gate_is_gone() -> None:
    """Its own sending waits then, in whatever thread."""
    with hired() as worker:
        worker.set_up()
        worker.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        worker.socket.setblocking(False)
        flood = memoryview(b"".join(pack(Entry(n, item)) for n, item in enumerate(rehearsal().room_items[:-1])) * 3)
        quiet = 0
        while flood and quiet < 3:
            _, writable, _ = select.select([], [worker.socket], [], 0.1)
            quiet = 0 if writable else quiet + 1
            if writable:
                flood = flood[worker.socket.send(flood[: 1 << 16]) :]
        assert worker.process.poll() is None
        worker.socket.close()
        _, said = worker.ended()
        assert said == ""


def test_it_leaves_sigint_to_the_gate() -> None:
    with hired() as worker:
        worker.set_up()
        worker.say(Ping())
        assert any(isinstance(message, Pong) for message in worker.hear())
        worker.process.send_signal(signal.SIGINT)
        worker.say(Entry(0, End(TIMELINE)))
        assert any(isinstance(message, Done) for message in worker.hear())
        assert worker.ended() == (0, "")


@pytest.mark.parametrize(
    ("garbage", "why"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "WireError: there is no message 47"),
        (b"\xff\xff\xff\xff\x02", "WireError: a message of 4294967295 bytes is longer than the link takes"),
        (b"\0\0\0\x01\x01\xc1", "WireError: message 1 is damaged"),
    ],
)
def test_one_that_is_told_nonsense_says_so_and_ends(garbage: bytes, why: str) -> None:
    with hired() as worker:
        assert next(worker.hear()) == Hello(VERSION)
        worker.socket.sendall(garbage)
        status, said = worker.ended()
        assert status == 70
        assert said.startswith("Traceback")
        assert why in said
