"""``./run bench hold``: what holding a room costs, and detectors, and plain filters; and what becomes of a starved one.

A room is a real broadcast with its worker and detector, fed in real time. CPU is what gate, worker and detector took
(user and system) while they showed viewers the same stretch of the same clip. Rooms that are compared run side by side,
each on a processor of its own, and swap for the next pair; those that need more than one processor run by turns.

Starved: all of it on one processor, alone and beside a program that takes whatever it can, with a detector that takes
20 ms for each picture. What is not cleared in time is covered; nothing else is at stake.

The material is made at the first run, which takes a minute, and kept in the user's cache.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import av

from filters import Planes, Stream
from filters.chain import Chain
from filters.registry import make
from filters.spec import parse
from tests.bench.e2e import machine
from tests.bench.material import clip, smaller_clip
from tests.bench.transcode import TWO_MEGABITS, Report
from tests.support.held import FILTERS, Job, Measured, measure
from transcode.conversion import copy_of
from transcode.guard import Guard
from transcode.media import TIMELINE

LENGTH = 24
"""Seconds of the clip."""
HELD = 4.0
"""Seconds that an empty hold holds."""
LOOKAHEAD = 2.0
"""Seconds that the detectors look ahead."""

RATIO = 1.15
MEMORY = 250
"""MB of worker and detector together."""


class Table(Report):
    """The table, row by row."""

    def head(self, text: str) -> None:
        print(f"\n{text}", flush=True)


@dataclass(frozen=True, slots=True)
class Task:
    """What is measured, and how long (seconds)."""

    report: Table
    seconds: float
    pairs: int

    def job(self, height: int) -> Job:
        """A room that is not held."""
        source = clip(LENGTH)
        if height != 1080:
            source = smaller_clip(source, height, TWO_MEGABITS, LENGTH)
        return Job(source, LENGTH, f"{height}p", "fast", self.seconds)


# --- CPU and memory --------------------------------------------------------------------------------------------


def measure_720p(task: Task) -> None:
    without = task.job(720)
    held, watched = _variants(without)
    task.report.head("720p30 -> 720p, preset fast; CPU of gate + worker + detector for each second of the programme")
    ratio = _compare(task, "an empty hold of 4 s", without, held, task.pairs)[0]
    shown = f"{ratio:.3f}"
    task.report.judge("empty hold / not held, median", shown, ratio <= RATIO, f"<= {RATIO} at 720p30")
    ratio, outcome = _compare(task, "a trivial detector", without, watched, max(1, task.pairs - 1))
    task.report.row("trivial detector / not held, median", f"{ratio:.3f}")
    _memory(task, outcome, required=True)


def measure_1080p(task: Task) -> None:
    without = task.job(1080)
    held, watched = _variants(without)
    task.report.head("1080p30 -> 1080p, preset fast; by turns")
    alone, empty, looked = (_run(job) for job in (without, held, watched))
    task.report.row("not held", _cost(alone, task.seconds))
    task.report.row("an empty hold of 4 s", _cost(empty, task.seconds), f"ratio {empty.cpu / alone.cpu:.3f}")
    task.report.row("a trivial detector", _cost(looked, task.seconds), f"ratio {looked.cpu / alone.cpu:.3f}")
    _memory(task, looked, required=False)


def _variants(job: Job) -> tuple[Job, Job]:
    """Return the same with an empty hold, and with a trivial detector."""
    return replace(job, delay=HELD), replace(job, delay=LOOKAHEAD, detector="Nothing")


def _compare(task: Task, what: str, without: Job, other: Job, pairs: int) -> tuple[float, Measured]:
    """Return the median of the CPU ratios, and the last outcome. Viewers of both see the same at the same time."""
    one, *more = sorted(os.sched_getaffinity(0))
    places = (one, more[0] if more else one)
    ratios = []
    for pair in range(pairs):
        jobs = [
            replace(without, wait=other.delay, place=(places[0],)),
            replace(other, place=(places[1],)),
        ]
        places = places[::-1]
        with ProcessPoolExecutor(2) as pool:
            plain, changed = pool.map(measure, jobs)
        for outcome in (plain, changed):
            assert not outcome.shed, f"the machine is too busy to measure: the room sheds ({outcome.shed})"
        ratios.append(changed.cpu / plain.cpu)
        shown = _cost(plain, task.seconds), _cost(changed, task.seconds)
        task.report.row(f"{what}, pair {pair + 1}", *shown, f"{ratios[-1]:.3f}")
    return statistics.median(ratios), changed


def _run(job: Job) -> Measured:
    with ProcessPoolExecutor(1) as pool:
        return pool.submit(measure, job).result()


def _cost(outcome: Measured, seconds: float) -> str:
    parts = (outcome.gate, outcome.worker, outcome.detector)
    return "+".join(f"{part / seconds:.3f}" for part in parts if part) + " s"


def _memory(task: Task, outcome: Measured, required: bool) -> None:
    worker, detector = outcome.worker_memory / 1e6, outcome.detector_memory / 1e6
    shown = f"{worker:.0f} + {detector:.0f} MB"
    if required:
        holds = worker + detector <= MEMORY
        task.report.judge("memory of worker and detector (RSS)", shown, holds, f"<= {MEMORY} MB before models")
    else:
        task.report.row("memory of worker and detector (RSS)", shown)


# --- starved ---------------------------------------------------------------------------------------------------


def measure_starved(task: Task) -> None:
    task.report.head(
        f"720p30, a detector that takes 20 ms for each picture, {LOOKAHEAD:g} s ahead: how far its clearance is behind"
        f"\n{'':<44}{'p50 / p95':>22}{'viewers were covered':>22}"
    )
    job = replace(task.job(720), detector="Costly", seconds=max(task.seconds, 15.0))
    one = (min(os.sched_getaffinity(0)),)
    for what, delay, place, beside in (
        ("all processors", LOOKAHEAD, (), False),
        ("one processor", LOOKAHEAD, one, False),
        ("one processor", HELD, one, False),
        ("one that something else takes, too", HELD, one, True),
    ):
        starved = replace(job, delay=delay, place=place)
        with ProcessPoolExecutor(2) as pool:
            if beside:
                pool.submit(_burn, place, delay + job.settle + job.seconds)
            outcome = pool.submit(measure, starved).result()
        behind = " / ".join(f"{_percentile(outcome.lags, rank):.2f}" for rank in (0.5, 0.95))
        task.report.row(f"{what}, {delay:g} s of delay", f"{behind} s", f"{outcome.covered:.0%}", outcome.shed)


def _burn(place: Sequence[int], seconds: float) -> None:
    """Take all that there is to take of the processors ``place``, for so long."""
    os.sched_setaffinity(0, place)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def _percentile(values: Sequence[float], rank: float) -> float:
    assert values, "the detector has cleared nothing"
    ordered = sorted(values)
    return ordered[round(rank * (len(ordered) - 1))]


# --- plain filters ---------------------------------------------------------------------------------------------


def measure_filters(task: Task) -> None:
    task.report.head("A plain filter that inverts each picture, ms of CPU: in the chain; with the guard around it")
    for height in (720, 1080):
        frames = _frames(task.job(height).clip)
        stream = Stream(frames[0].width, frames[0].height, 30.0, 0)
        for name in ("bgr", "Yuv"):
            spec = parse(f"{FILTERS}:{name}")
            chain = Chain([(name, make(spec))])
            alone = _median(_in_chain(chain, copy_of(frame)[1]) for frame in frames)
            guard = Guard(frame=TIMELINE // 30)
            guard.use(chain, stream)
            guarded = _median(_in_guard(guard, frame, number) for number, frame in enumerate(frames))
            task.report.row(f"{height}p, {'255 - image' if name == 'bgr' else 'planes in place'}", f"{alone:.2f}",
                            f"{guarded:.2f}")  # fmt: skip


def _frames(path: Path, count: int = 60) -> list[av.VideoFrame]:
    with av.open(str(path)) as file:
        return [frame for frame, _ in zip(file.decode(video=0), range(count), strict=False)]


Timed = Callable[[], object]


def _in_chain(chain: Chain, planes: Planes) -> Timed:
    return lambda: chain.picture(planes, 0.0)


def _in_guard(guard: Guard, frame: av.VideoFrame, number: int) -> Timed:
    at = number * TIMELINE // 30
    return lambda: guard.picture(frame, at, at)


def _median(calls: Iterable[Timed]) -> float:
    """Return the CPU time (ms) of the median call."""
    taken = []
    for call in calls:
        before = time.process_time()
        call()
        taken.append((time.process_time() - before) * 1000)
    return statistics.median(taken)


SECTIONS: dict[str, Callable[[Task], None]] = {
    "720p": measure_720p,
    "1080p": measure_1080p,
    "starved": measure_starved,
    "filters": measure_filters,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="./run bench hold", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=12, help="that each room is measured for; 12 unless told")
    parser.add_argument("--pairs", type=int, default=3, help="of rooms side by side; 3 unless told")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, of " + ",".join(SECTIONS))
    given = parser.parse_args()
    chosen = given.only.split(",")
    if not set(chosen) <= set(SECTIONS):
        parser.error(f"--only takes a list of {', '.join(SECTIONS)}")
    report = Table()
    print(machine(), flush=True)
    task = Task(report, given.seconds, given.pairs)
    for name, section in SECTIONS.items():
        if name in chosen:
            with report.measuring(name):
                section(task)
    if report.missed:
        sys.exit("\nmissed:\n" + "\n".join(report.missed))


if __name__ == "__main__":
    main()
