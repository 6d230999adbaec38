"""A worker process is fed, watched and replaced, and what viewers get of it has no seam."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import uvloop

from filters import Finding
from filters import Kind as SoundOrPicture
from ingest.media import Codec, Kind, Track
from tests.support import toy_worker
from transcode.log import CREDIT
from transcode.media import (
    TIMELINE,
    Cut,
    End,
    FrameRate,
    Init,
    Part,
    PartItem,
    Plan,
    RoomItem,
    Rung,
    SegmentEnd,
    SegmentStart,
    TimedPacket,
)
from transcode.process import Stats, Transcoder
from transcode.supervisor import Limits
from transcode.verdicts import Found, Require
from transcode.wire import VERSION

PATIENCE = 20.0
FRAME = toy_worker.FRAME
PLAN = Plan((Rung("720p", 1280, 720, 1, 3_000_000),), None, FrameRate(10, 1), "fast", 2, 20_000)
LIMITS = Limits(ping=0.05, start=PATIENCE, silence=PATIENCE, finish=PATIENCE, backoff=0.02, longest_backoff=0.05)


def toy(*options: str | Path | int) -> tuple[str, ...]:
    return (sys.executable, toy_worker.__file__, *map(str, options))


def picture(number: int, size: int = 100) -> TimedPacket:
    """Ten pictures a second, keyframes every second."""
    at = number * FRAME
    return TimedPacket(Kind.VIDEO, at, at, number % 10 == 0, bytes(size))


def pictures(start: int, stop: int, size: int = 100) -> Iterator[RoomItem]:
    """Pictures, cut every two seconds; a cut is said half a second ahead."""
    for number in range(start, stop):
        if number == 0:
            yield Track(Kind.VIDEO, Codec.H264, b"config")
            yield Cut(0, 0)
        if number % 20 == 15:
            yield Cut(number // 20 + 1, (number + 5) * FRAME)
        yield picture(number, size)


async def until(condition: Callable[[], bool], what: str) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"waited {PATIENCE:g} s for {what}"
        await asyncio.sleep(0.005)


class Stage:
    """A Transcoder, and what comes of it."""

    def __init__(self, command: tuple[str, ...], limits: Limits = LIMITS) -> None:
        self.items: list[PartItem] = []
        self.notes: list[str] = []
        self.transcoder = Transcoder(PLAN, self.items.append, self.notes.append, limits=limits, command=command)

    @property
    def parts(self) -> list[Part]:
        return [item for item in self.items if isinstance(item, Part)]

    def play(self, start: int, stop: int) -> None:
        for item in pictures(start, stop):
            self.transcoder.feed(item)

    async def aired(self, count: int) -> None:
        await until(lambda: len(self.parts) >= count, f"{count} parts")

    async def noted(self, text: str) -> None:
        await until(lambda: any(text in note for note in self.notes), text)

    def kill(self) -> None:
        assert self.transcoder.stats.pid is not None
        os.kill(self.transcoder.stats.pid, signal.SIGKILL)

    async def finish(self, frames: int) -> None:
        self.transcoder.feed(End(frames * FRAME))
        await self.transcoder.finish()

    def check_seamless(self, frames: int) -> None:
        """The parts of pictures 0 to ``frames``, each once, in segments of 20, and one init segment."""
        expected: list[PartItem] = []
        for number in range(frames):
            msn, index = divmod(number, 20)
            if index == 0:
                expected.append(SegmentStart("720p", msn, number * FRAME, TIMELINE, False))
            expected.append(Part("720p", msn, index, FRAME, number % 10 == 0, str(number * FRAME).encode()))
            if index == 19 or number == frames - 1:
                expected.append(SegmentEnd("720p", msn, (index + 1) * FRAME))
        assert isinstance(self.items[0], Init)
        assert self.items[1:] == expected


@asynccontextmanager
async def on_stage(*options: str | Path | int, limits: Limits = LIMITS) -> AsyncIterator[Stage]:
    stage = Stage(toy(*options), limits)
    stage.transcoder.start()
    try:
        yield stage
    finally:
        await stage.transcoder.close()


# --- a worker that works ---------------------------------------------------------------------------------------


async def test_a_worker_makes_the_parts_of_a_broadcast() -> None:
    async with on_stage() as stage:
        stage.play(0, 50)
        await stage.finish(50)
    stage.check_seamless(50)
    assert stage.notes == []
    assert stage.transcoder.stats.restarts == 0


async def test_parts_come_while_the_broadcast_goes_on() -> None:
    async with on_stage() as stage:
        for number in range(30):
            stage.play(number, number + 1)
            await stage.aired(number + 1)


async def test_what_it_says_of_itself_can_be_read() -> None:
    async with on_stage("--rss", 60 << 20) as stage:
        assert stage.transcoder.stats == Stats(None, 0, 0, 0, 0, 0)
        stage.play(0, 1)
        await until(lambda: stage.transcoder.stats.repeated_frames == 3, "what the worker counts")
        stats = stage.transcoder.stats
        assert stats == Stats(stats.pid, 60 << 20, 0, 0, 1, 3)
        assert stats.pid is not None
        assert os.getsid(stats.pid) == stats.pid


async def test_what_it_takes_of_the_machine_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcode.usage.PERIOD", 0.01)
    async with on_stage() as stage:
        assert stage.transcoder.stats.processors is None
        await until(lambda: stage.transcoder.stats.processors == 0, "two pongs: it says that it has done no more")


async def test_what_workers_before_it_counted_is_added() -> None:
    async with on_stage() as stage:
        stage.play(0, 1)
        for restarts in range(3):
            await until(lambda: stage.transcoder.stats.repeated_frames == 3 * (restarts + 1), "the sum")  # noqa: B023
            stage.kill()
            await until(lambda: stage.transcoder.stats.restarts > restarts, "another")  # noqa: B023


async def test_a_slow_worker_is_sent_no_more_than_it_has_credit_for() -> None:
    size = 100_000
    async with on_stage("--no-acks") as stage:
        stage.transcoder.feed(Cut(0, 0))
        for number in range(100):
            stage.transcoder.feed(picture(number, size))
        credit = (CREDIT - 256) // (size + 256)
        await stage.aired(credit)
        for number in range(100, 800):
            stage.transcoder.feed(picture(number, size))
        assert stage.transcoder.stats.dropped_packets > 0
        stage.transcoder.feed(picture(800, size))
        await until(lambda: stage.transcoder.stats.repeated_frames > credit, "a pong")
        assert stage.transcoder.stats.repeated_frames == 1 + credit == 1 + len(stage.parts)


# --- a worker that has to be replaced --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "noted"),
    [
        ("die", "The worker was ended by SIGKILL; another takes over."),
        ("exit", "The worker has ended with status 3; another takes over."),
        ("close", "The worker has closed its link; another takes over."),
        ("garbage", "The worker has sent what makes no sense (there is no message"),
        ("repeat", "The worker has sent what makes no sense (segment 0 of '720p' has not begun or is whole); another"),
        ("done", "The worker has stopped before the end; another takes over."),
        ("ping", "The worker sends Ping, which is the gate's to send; another takes over."),
        ("grow", "The worker uses 2048 MiB of memory, more than the 1024 allowed; another takes over."),
        ("hang", "The worker has said nothing for 0.5 s; another takes over."),
    ],
)
async def test_another_goes_on_with_the_very_next_part(wrong: str, noted: str, tmp_path: Path) -> None:
    limits = replace(LIMITS, silence=0.5) if wrong == "hang" else LIMITS
    async with on_stage("--wrong", wrong, "--after", 36, "--once", tmp_path / "once", limits=limits) as stage:
        stage.play(0, 10)
        await stage.aired(10)
        first = stage.transcoder.stats.pid
        stage.play(10, 60)
        await stage.noted("another takes over")
        stage.play(60, 75)
        await stage.finish(75)
        assert first is not None
        assert not psutil.pid_exists(first)
    stage.check_seamless(75)
    assert len(stage.notes) == 1
    assert stage.notes[0].startswith(noted)
    assert stage.transcoder.stats.restarts == 1


@pytest.mark.parametrize("after", [1, 2, 8, 19])
async def test_it_makes_no_difference_when_a_worker_dies(after: int, tmp_path: Path) -> None:
    async with on_stage("--wrong", "die", "--after", after, "--once", tmp_path / "once") as stage:
        stage.play(0, 25)
        await stage.finish(25)
    stage.check_seamless(25)


async def test_a_packet_that_no_worker_lives_through_is_given_up() -> None:
    async with on_stage() as stage:
        stage.play(0, 12)
        await stage.aired(12)
        stage.transcoder.feed(replace(picture(12), data=toy_worker.POISON))
        stage.play(13, 30)
        await stage.noted("without what this one was given")
        stage.play(30, 75)
        await stage.finish(75)
    assert stage.transcoder.stats.restarts <= 4
    shown = [int(part.data) // FRAME for part in stage.parts]
    assert shown[:12] == list(range(12))
    assert shown[12:] == list(range(30, 75)), "all that came after it"


async def test_workers_may_die_one_after_the_other() -> None:
    async with on_stage() as stage:
        for number in range(0, 60, 10):
            stage.play(number, number + 10)
            await stage.aired(number + 5)
            stage.kill()
            await until(lambda: stage.transcoder.stats.restarts > number // 10, "another")  # noqa: B023
        await stage.finish(60)
    stage.check_seamless(60)


async def test_the_init_segment_is_passed_on_again_only_if_it_is_another(tmp_path: Path) -> None:
    async with on_stage() as stage:
        stage.play(0, 5)
        await stage.aired(5)
        stage.transcoder._child._command = toy("--init", "init-2")
        stage.kill()
        stage.play(5, 10)
        await stage.aired(10)
    assert [item.name for item in stage.items if isinstance(item, Init)] == ["init-1", "init-2"]


async def test_a_worker_that_speaks_another_version_is_not_used() -> None:
    async with on_stage("--version", VERSION + 1) as stage:
        stage.play(0, 5)
        await stage.noted(f"speaks version {VERSION + 1} of the link, not {VERSION}")
    assert stage.items == []


async def test_a_worker_that_never_begins_is_replaced() -> None:
    stage = Stage((sys.executable, "-c", "import time; time.sleep(60)"), replace(LIMITS, start=0.2))
    stage.transcoder.start()
    await stage.noted("has said nothing for 0.2 s")
    await stage.transcoder.close()


async def test_a_command_that_is_not_there_is_told_and_tried_again() -> None:
    stage = Stage(("/nonexistent/worker",))
    stage.transcoder.start()
    await until(lambda: len(stage.notes) >= 5, "five attempts")
    await stage.transcoder.close()
    assert stage.notes[0].startswith("The worker cannot be started: ")
    waits = [note.partition(" takes over")[2] for note in stage.notes[:5]]
    assert waits == [".", " in 0.02 s.", " in 0.04 s.", " in 0.05 s.", " in 0.05 s."]


async def test_after_sound_work_a_replacement_comes_at_once_again() -> None:
    async with on_stage(limits=replace(LIMITS, sound=0.0)) as stage:
        for restarts in range(3):
            await until(lambda: stage.transcoder.stats.pid is not None, "a worker")
            stage.kill()
            await until(lambda: stage.transcoder.stats.restarts > restarts, "another")  # noqa: B023
    assert {note.partition(" takes over")[2] for note in stage.notes} == {"."}


async def test_a_mistake_of_the_receiver_is_told_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    async with on_stage() as stage:
        received: list[PartItem] = []

        def refuse_once(item: PartItem) -> None:
            stage.transcoder._received = received.append
            raise KeyError("nobody is there")

        stage.transcoder._received = refuse_once
        stage.play(0, 5)
        await stage.noted("was ended by a mistake of the server: KeyError('nobody is there')")
        await until(lambda: len(received) >= 6, "parts")
    assert "KeyError" in caplog.text


# --- the end ---------------------------------------------------------------------------------------------------


async def test_finish_does_not_wait_for_ever() -> None:
    async with on_stage("--no-done", limits=replace(LIMITS, finish=0.5)) as stage:
        stage.play(0, 5)
        await stage.finish(5)
        assert stage.transcoder.stats.pid is None
    assert len(stage.parts) == 5


async def test_to_finish_and_to_close_again_does_nothing() -> None:
    async with on_stage() as stage:
        stage.play(0, 5)
        await stage.finish(5)
        await stage.transcoder.finish()
        await stage.transcoder.close()
        stage.transcoder.feed(picture(6))
    await Stage(toy()).transcoder.close()


async def test_it_may_be_closed_by_many_at_once() -> None:
    async with on_stage() as stage:
        await until(lambda: stage.transcoder.stats.pid is not None, "a worker")
        finishing = asyncio.create_task(stage.transcoder.finish())
        await asyncio.gather(stage.transcoder.close(), stage.transcoder.close(), finishing)
        assert stage.transcoder.stats.pid is None


def left() -> tuple[int, int, int]:
    """What is open, which children there are, and which tasks."""
    return len(list(Path("/proc/self/fd").iterdir())), len(psutil.Process().children()), len(asyncio.all_tasks())


async def test_nothing_is_left_behind() -> None:
    async def cycle(number: int) -> None:
        async with on_stage() as stage:
            if number % 4 == 0:
                return  # closed before it began
            await until(lambda: stage.transcoder.stats.pid is not None, "a worker")
            if number % 4 == 1:
                return  # closed before it said a word
            stage.play(0, 3)
            await stage.aired(3)
            if number % 4 == 2:
                await stage.finish(3)

    await cycle(3)
    before = left()
    for number in range(20):
        await cycle(number)
    assert left() == before


async def test_it_may_be_closed_at_any_moment() -> None:
    async def cycle(moment: int) -> None:
        stage = Stage(toy(), replace(LIMITS, ping=0.0))
        stage.transcoder.start()
        for _ in range(moment):
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE):
            await stage.transcoder.close()
        assert stage.transcoder.stats.pid is None

    await cycle(100)
    before = left()
    for moment in (*range(12), *range(12, 1500, 100)):
        await cycle(moment)
    assert left() == before


def test_on_the_event_loop_of_the_server_too(tmp_path: Path) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(test_another_goes_on_with_the_very_next_part("die", "The worker was ended by SIGKILL", tmp_path))
        runner.run(test_it_may_be_closed_at_any_moment())


async def test_a_room_that_stays_behind_goes_without_something_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcode.load.EVIDENCE", TIMELINE // 5)
    monkeypatch.setattr("transcode.process._SAMPLE", 0.05)
    async with on_stage("--wrong", "hang", "--after", 25) as stage:
        for item in pictures(0, 20):
            stage.transcoder.feed(item)
        await until(lambda: len(stage.parts) > 5, "parts")
        assert stage.transcoder.stats.shed == ""
        for number in range(20, 400):
            stage.transcoder.feed(picture(number))
            if stage.transcoder.stats.shed:
                break
            await asyncio.sleep(0.01)
        assert stage.notes == [f"Load: {stage.transcoder.stats.shed}."]
        assert "half the frames of 720p" in stage.transcoder.stats.shed


# --- what is said of the media ---------------------------------------------------------------------------------


async def test_what_was_said_of_media_that_no_worker_will_be_given_any_more_is_forgotten() -> None:
    async with on_stage() as stage:
        stage.transcoder.rule(Require(((SoundOrPicture.PICTURE,),)))
        for number in range(400):
            at = number * FRAME
            stage.transcoder.rule(Found(0, Finding(SoundOrPicture.PICTURE, at, at + 1, "thing")))
            stage.play(number, number + 1)
            if number % 20 == 19:
                await stage.aired(number - 5)
        assert len(list(stage.transcoder._ledger.entries())) < 120
