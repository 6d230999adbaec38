"""``./run bench transcode``: what a transcoded room costs, how good it looks, how late it is; ffmpeg beside it.

ffmpeg does the same work by the best command we know: one decode, each rung scaled from the one above, one AAC for all,
and the options of our encoders. Ours is the real worker process, fed over its socket. CPU is what the processes took
(user and system), so their ratio means something on a busy machine too; times in seconds do not.

The material is made at the first run, which takes some minutes, and kept in the user's cache.
"""

import argparse
import asyncio
import math
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from urllib.parse import urljoin

import av
import m3u8  # type: ignore[import-untyped]
import psutil

from ingest.media import Kind
from tests.bench.e2e import machine
from tests.bench.material import clip, smaller_clip
from tests.support.hls_reader import fetch
from tests.support.load import Load
from tests.support.processes import until
from tests.support.server import RunningServer, status
from tests.support.transcoding import (
    Came,
    Clip,
    Outcome,
    Room,
    cascade,
    join_segments,
    measuring,
    read_clip,
    run_ffmpeg,
    run_room,
    scratch,
)
from transcode.media import TIMELINE

MEBI = 1 << 20
THREE = "1080p,720p,480p"
TWO = "720p,480p"
TWO_MEGABITS = 4.0  # of the 720p30 host

RATIO, RATIO_SOUGHT = 1.0, 0.9
SAME_PSNR, SAME_SSIM = 0.1, 0.002  # dB; two encodes of one encoder with frame threads differ by some of this
LATEST = 120.0  # ms
MEMORY = 260  # MB
FIRST = 2.5  # s
SPARE = 0.9  # of the processors' time may be planned for
KEEPS_UP = 1.0  # s; rooms whose last parts are later than that (p95) do not keep up


@dataclass
class Report:
    """The table, row by row, and which limits were missed."""

    missed: list[str] = field(default_factory=list)

    def head(self, text: str) -> None:
        print(f"\n{text}\n{'':<44}{'Veilcast':>22}{'ffmpeg':>22}", flush=True)

    def row(self, what: str, ours: str, peer: str = "", verdict: str = "") -> None:
        print(f"{what:<44}{ours:>22}{peer:>22}{f'   {verdict}' if verdict else ''}".rstrip(), flush=True)

    def judge(self, what: str, ours: str, holds: bool, limit: str, peer: str = "") -> None:
        """Print a row that has a limit."""
        self.row(what, ours, peer, f"{'ok' if holds else 'MISSED'}: {limit}")
        if not holds:
            self.missed.append(f"{what}: {ours}, limit {limit}")

    @contextmanager
    def measuring(self, what: str) -> Iterator[None]:
        """Tell how busy others were meanwhile. Count what cannot be measured as missed, and go on with the next."""
        began, own, busy = time.monotonic(), Outcome(), _busy()
        try:
            with measuring(own):
                yield
        except (AssertionError, OSError, TimeoutError, subprocess.SubprocessError) as error:
            self.missed.append(f"{what}: {error}")
            self.row(what, "FAILED")
        whole = (time.monotonic() - began) * (os.cpu_count() or 1)
        others = max(0.0, _busy() - busy - own.cpu - own.gate) / whole
        self.row("what others took of the machine meanwhile", f"{others:.0%}")


def _busy() -> float:
    """Return the CPU seconds that this machine has worked, or been kept from working."""
    times = psutil.cpu_times()
    return sum(float(getattr(times, kind, 0.0)) for kind in ("user", "nice", "system", "steal"))


@dataclass(frozen=True, slots=True)
class Task:
    """What is measured, and how long; times in seconds."""

    report: Report
    presets: tuple[str, ...]
    seconds: int
    pairs: int
    folder: Path

    @property
    def brief(self) -> int:
        """Seconds of material where a whole minute would tell no more."""
        return min(self.seconds, 10)

    def source(self) -> Path:
        return clip(self.seconds)

    def small_source(self) -> Path:
        return smaller_clip(self.source(), 720, TWO_MEGABITS, min(self.seconds, 24))


# --- CPU -------------------------------------------------------------------------------------------------------


def measure_cpu(task: Task) -> None:
    """The two run side by side, each on a processor of its own, and swap for the next pair.

    So what disturbs one disturbs the other, and a CPU second is the same on both sides: on a processor whose neighbour
    works, as threads of one program do for each other, it is worth less.
    """
    one, *more = sorted(os.sched_getaffinity(0))
    places = (one, more[0] if more else one)
    for preset in task.presets:
        task.report.head(f"CPU seconds for {task.seconds} s of 1080p30 -> {THREE}, AAC; preset {preset}")
        ratios, gates = [], []
        for pair in range(task.pairs):
            (cpu, gate), peer = _side_by_side(task, preset, task.seconds, [{place} for place in places])
            places = places[::-1]
            ratios.append(cpu / peer)
            gates.append(gate)
            task.report.row(f"pair {pair + 1}", f"{cpu:.2f} s", f"{peer:.2f} s", f"{ratios[-1]:.3f}")
        ratio = statistics.median(ratios)
        limit = f"<= {RATIO} required, <= {RATIO_SOUGHT} sought" + (" and reached" if ratio <= RATIO_SOUGHT else "")
        task.report.judge(f"CPU ratio, median of {task.pairs}, {preset}", f"{ratio:.3f}", ratio <= RATIO, limit)
        task.report.row("the gate's side of the link, not counted", f"{statistics.median(gates):.2f} s")
        brief = min(task.seconds, 20)
        (cpu, _), peer = _live(_our_cpu, task, preset, brief), _live(_peer_cpu, task, preset, brief)
        shown = f"{cpu:.2f} s", f"{peer:.2f} s", f"{cpu / peer:.3f}"
        task.report.row(f"for information: {brief} s in real time, by turns", *shown)


_Result = TypeVar("_Result")

Places = set[int]
"""The processors that a process may use."""


def _side_by_side(task: Task, preset: str, seconds: int, places: Sequence[Places]) -> tuple[tuple[float, float], float]:
    """Return our CPU seconds and the gate's, and ffmpeg's."""
    with ProcessPoolExecutor(2) as pool:
        ours = pool.submit(_our_cpu, task.source(), preset, seconds, places[0], task.folder, False)
        peer = pool.submit(_peer_cpu, task.source(), preset, seconds, places[1], task.folder, False)
        return ours.result(), peer.result()


def _live(
    side: Callable[[Path, str, int, Places, Path, bool], _Result], task: Task, preset: str, seconds: int
) -> _Result:
    """Return the CPU seconds of one side that has all processors to itself and works in real time."""
    with ProcessPoolExecutor(1) as pool:
        return pool.submit(side, task.source(), preset, seconds, os.sched_getaffinity(0), task.folder, True).result()


def _our_cpu(
    source: Path, preset: str, seconds: int, place: Places, _folder: Path, real_time: bool
) -> tuple[float, float]:
    os.sched_setaffinity(0, place)
    outcome = run_room(read_clip(source, THREE, preset, seconds), real_time)
    assert not outcome.dropped, f"{outcome.dropped} packets were dropped"
    return outcome.cpu, outcome.gate


def _peer_cpu(source: Path, preset: str, seconds: int, place: Places, folder: Path, real_time: bool) -> float:
    os.sched_setaffinity(0, place)
    with TemporaryDirectory(dir=folder) as made:
        return run_ffmpeg(read_clip(source, THREE, preset, seconds), Path(made), real_time)


# --- quality ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quality:
    """How near a rung is to the host's picture scaled to its size; ``rate`` in Mbit/s."""

    psnr: float
    ssim: float
    rate: float


def measure_quality(task: Task) -> None:
    for preset in task.presets:
        task.report.head(f"PSNR (dB), SSIM and Mbit/s of the first {task.brief} s; preset {preset}")
        media = read_clip(task.source(), THREE, preset, task.brief)
        names = [rung.name for rung in media.plan.encoded]
        with TemporaryDirectory(dir=task.folder) as place:
            ours, theirs = Path(place, "ours"), Path(place, "theirs")
            for folder in (ours, theirs):
                folder.mkdir()
            run_room(media, keep=True).write(ours)
            run_ffmpeg(media, theirs)
            join_segments(theirs, names)
            for name, own, peer in zip(names, _qualities(media, ours), _qualities(media, theirs), strict=True):
                shown = (f"{q.psnr:.2f} {q.ssim:.4f} {q.rate:.2f}" for q in (own, peer))
                worse, odder = own.psnr - peer.psnr, own.ssim - peer.ssim
                limit = f"{worse:+.3f} dB, {odder:+.5f}, {own.rate / peer.rate - 1:+.2%}; no worse than noise"
                same = worse >= -SAME_PSNR and odder >= -SAME_SSIM
                task.report.judge(f"{name}, {preset}", next(shown), same, limit, next(shown))


def _qualities(media: Clip, folder: Path) -> list[Quality]:
    """Compare each rung's file in ``folder`` with the material, scaled alike."""
    rungs = media.plan.encoded
    frames = math.floor(media.seconds * float(media.plan.frame_rate))
    count = f"trim=end_frame={frames},settb=1/30,setpts=N"
    words: list[str | Path] = ["ffmpeg", "-hide_banner", "-nostdin", "-t", f"{media.seconds:g}", "-i", media.path]
    chains = [f"[0:v]{count}[whole]", cascade("whole", [(rung.width, rung.height) for rung in rungs])]
    for number, rung in enumerate(rungs):
        words += ["-i", folder / f"{rung.name}.mp4"]
        chains.append(f"[{number + 1}:v]{count},split[a{number}][b{number}];[{number}]split[c{number}][d{number}]")
        chains.append(f"[a{number}][c{number}]psnr@{number}[p{number}];[b{number}][d{number}]ssim@{number}[s{number}]")
    words += ["-filter_complex", ";".join(chains)]
    for number in range(len(rungs)):
        words += ["-map", f"[p{number}]", "-map", f"[s{number}]"]
    words += ["-f", "null", "-"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300)
    psnr = dict(re.findall(r"psnr@(\d) @ .*average:([\d.]+)", done.stderr))
    ssim = dict(re.findall(r"ssim@(\d) @ .*All:([\d.]+)", done.stderr))
    return [
        Quality(float(psnr[str(n)]), float(ssim[str(n)]), _coded(folder / f"{rung.name}.mp4") * 8e-6 / media.seconds)
        for n, rung in enumerate(rungs)
    ]


def _coded(path: Path) -> int:
    """Return the bytes of a file's access units."""
    with av.open(str(path)) as file:
        return sum(packet.size for packet in file.demux(file.streams.video[0]))


# --- latency ---------------------------------------------------------------------------------------------------


def measure_latency(task: Task) -> None:
    media = read_clip(task.small_source(), TWO, "fast", min(task.seconds, 20))
    task.report.head(f"From a part's last frame in to the part out, ms; 720p30 -> {TWO}, preset fast, in real time")
    outcome = run_room(media, real_time=True)
    for name in (*(rung.name for rung in media.plan.encoded), "audio"):
        parts = [part for part in _settled(outcome) if part.rendition == name]
        task.report.row(f"{name}, p50 / p95 / worst of {len(parts)}", _milliseconds(parts))
    pictures = [part for part in _settled(outcome) if part.rendition != Kind.AUDIO]
    p95 = _percentile([part.lag for part in pictures], 0.95) * 1000
    task.report.judge("latency of pictures, p95", f"{p95:.0f} ms", p95 <= LATEST, f"<= {LATEST:g} ms")


def _settled(outcome: Outcome) -> list[Came]:
    """Leave out the first segments, while the worker starts."""
    return [part for part in outcome.parts if part.end > 2 * TIMELINE]


def _milliseconds(parts: Sequence[Came]) -> str:
    lags = [part.lag * 1000 for part in parts]
    return f"{_percentile(lags, 0.5):.0f} / {_percentile(lags, 0.95):.0f} / {max(lags):.0f}"


def _percentile(values: Sequence[float], rank: float) -> float:
    ordered = sorted(values)
    return ordered[round(rank * (len(ordered) - 1))]


# --- memory, start ---------------------------------------------------------------------------------------------


def measure_memory(task: Task) -> None:
    task.report.head(f"Memory of a worker, 1080p30 -> {THREE}, peak over {task.brief} s")
    for preset in task.presets:
        outcome = run_room(read_clip(task.source(), THREE, preset, task.brief), watch=True)
        peak = outcome.peak / 1e6
        task.report.judge(f"resident, {preset}", f"{peak:.0f} MB", peak <= MEMORY, f"<= {MEMORY} MB")
        task.report.row("of that, shared pages in proportion (PSS)", f"{outcome.shared_out / 1e6:.0f} MB")


def measure_start(task: Task) -> None:
    task.report.head(f"From an accepted publish to a playlist of each rendition with a whole segment; 720p30 -> {TWO}")
    waits = []
    source = task.small_source()
    with RunningServer(task.folder) as server:
        for number in range(3):
            name = f"start-{number}"
            url: str = server.room(name, ladder=TWO)["hls_url"]
            with Load(source, [server.publish_url(name)], task.folder / f"{name}.log") as load:
                began = load.on_air()
                until(partial(_playable, url), f"{name} to be playable")
                waits.append(time.time() - began)
            server.client.delete(name)
    middle = statistics.median(waits)
    shown = f"{middle:.2f} s"
    task.report.judge("publish to first playable, p50 of 3", shown, middle <= FIRST, f"<= {FIRST} s")
    task.report.row("best / worst", f"{min(waits):.2f} / {max(waits):.2f} s")


def _playable(url: str) -> bool:
    if status(url) != 200:
        return False
    master = m3u8.loads(fetch(url).decode())
    names = [each.uri for each in (*master.playlists, *master.media) if each.uri]
    return all(b"#EXTINF" in fetch(urljoin(url, name)) for name in names)


# --- how many rooms --------------------------------------------------------------------------------------------


def measure_sheet(task: Task) -> None:
    cores = os.cpu_count() or 1
    task.report.head(f"Rooms of 720p30 -> {TWO} on this machine; planned for {SPARE:.0%} of {cores} cores")
    for preset in ("fast", "balanced"):
        media = read_clip(task.small_source(), TWO, preset, min(task.seconds, 15))
        alone = run_room(media)
        cost = (alone.cpu + alone.gate) / media.seconds
        rooms = math.floor(SPARE * cores / cost)
        task.report.row(f"{preset}: CPU for each second of a room", f"{cost:.3f} s")
        task.report.row(f"{preset}: rooms = {SPARE} x {cores} / {cost:.3f}", str(rooms))
        while rooms > 0 and not _keep_up(task, media, preset, rooms):
            rooms -= 1
        task.report.row(f"{preset}: rooms that keep up", str(rooms))


def _keep_up(task: Task, media: Clip, preset: str, rooms: int) -> bool:
    """Run so many rooms in real time, their keyframes spread out, and look whether they stay in time."""

    async def play() -> list[Outcome]:
        every = 2.0 / rooms
        return await asyncio.gather(*(Room(media).play(True, number * every) for number in range(rooms)))

    counted = Outcome()
    with measuring(counted):
        outcomes = asyncio.run(play())
    late = [part for outcome in outcomes for part in outcome.parts if part.end > (media.seconds - 4) * TIMELINE]
    worst = _percentile([part.lag for part in late], 0.95)
    holds = worst <= KEEPS_UP and not any(outcome.dropped for outcome in outcomes)
    cost = (counted.cpu + counted.gate) / media.seconds / rooms
    what = f"{preset}: {rooms} in real time, p50 / p95 / worst ms"
    task.report.row(
        what, _milliseconds(late), "", f"{'keep up' if holds else 'fall behind'}; {cost:.3f} s a second each"
    )
    return holds


SECTIONS: dict[str, Callable[[Task], None]] = {
    "cpu": measure_cpu,
    "quality": measure_quality,
    "latency": measure_latency,
    "memory": measure_memory,
    "start": measure_start,
    "sheet": measure_sheet,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="./run bench transcode", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=60, help="of material; 60 unless told")
    parser.add_argument("--pairs", type=int, default=6, help="runs of each side for the CPU ratio; 6 unless told")
    parser.add_argument("--preset", choices=("fast", "balanced", "both"), default="balanced")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, of " + ",".join(SECTIONS))
    given = parser.parse_args()
    chosen = given.only.split(",")
    if not set(chosen) <= set(SECTIONS):
        parser.error(f"--only takes a list of {', '.join(SECTIONS)}")
    report = Report()
    print(machine(), flush=True)
    presets = ("fast", "balanced") if given.preset == "both" else (given.preset,)
    with TemporaryDirectory(prefix="veilcast-bench-", dir=scratch()) as folder:
        task = Task(report, presets, given.seconds, given.pairs, Path(folder))
        for name, measure in SECTIONS.items():
            if name in chosen:
                with report.measuring(name):
                    measure(task)
    if report.missed:
        sys.exit("\nmissed:\n" + "\n".join(report.missed))


if __name__ == "__main__":
    main()
