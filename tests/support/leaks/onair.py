"""Publishes a programme over RTMP into a real room, takes what viewers get, and watches what it takes meanwhile."""

import contextlib
import io
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import psutil

from tests.support.harvest import Harvest
from tests.support.leaks.figures import Cost, Figures, percentile
from tests.support.leaks.programme import Programme
from tests.support.leaks.received import find, remux
from tests.support.processes import Child
from tests.support.scenes.scene import RATE
from tests.support.server import VEILCAST, RunningServer

LADDER, PRESET = "720p", "fast"
_ROOM = "leaks"
_LOOK = 0.5  # seconds
_MARGIN = 1.0  # seconds at the beginning and the end of a kind that do not count: moments are known to half a second
_PATIENCE = 60.0  # seconds that publishing may take longer than the programme


class OnAirError(Exception):
    """The run is worth nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class Look:
    """The room at the moment ``at`` (``time.monotonic``). CPU in seconds since a process began, with its pid."""

    at: float
    detector: tuple[int, float] | None
    worker: tuple[int, float] | None
    lag: float | None
    covered: Mapping[str, float]
    restarts: int
    broken_promises: int
    dropped: int
    repeated: int
    shed: str
    state: str


@dataclass
class Watching:
    """Looks at a room, twice a second, until told otherwise."""

    looks: list[Look] = field(default_factory=list)

    def until(self, server: RunningServer, over: Callable[[], bool], seconds: float) -> None:
        """Look until ``over`` says so, ``seconds`` at most."""
        end = time.monotonic() + seconds
        due = time.monotonic()
        while not over() and time.monotonic() < end:
            self.looks.append(look_at(server.client.show(_ROOM)))
            due += _LOOK
            time.sleep(max(0.0, due - time.monotonic()))


def play(spec: str, programme: Programme, received: Path, tell: Callable[[str], None]) -> Figures:
    """Publish ``programme`` into a room with the filter ``spec``; write what viewers get to the MP4 file ``received``.

    ``tell`` hears what happens. Raises OnAirError, ReceivedError.
    """
    watching = Watching()
    with TemporaryDirectory() as folder, RunningServer(Path(folder)) as server:
        delay = float(server.room(_ROOM, LADDER, preset=PRESET, filters=[spec])["delay"])
        url = server.publish_url(_ROOM)
        with publisher(url, programme.path, Path(folder, "host.log")) as host:
            with Harvest(server.playable(_ROOM)) as harvest:
                tell(f"on air, {delay:.2f} s late")
                watching.until(server, lambda: not host.running, programme.seconds + _PATIENCE)
            status = host.stop()
        if status:
            raise OnAirError(f"the host ended with status {status}: {host.said().strip()}")
        for line in Path(folder, "server.log").read_text(encoding="utf-8").splitlines():
            if "WARNING" in line or "ERROR" in line:
                tell(f"the server: {line}")
        (name,) = harvest.pictures
        reaped = harvest.reaped[name]
        if harvest.errors or reaped.missed or reaped.discontinuities:
            lost = f"{reaped.missed} parts missed, {reaped.discontinuities} breaks, {harvest.errors[:3]}"
            raise OnAirError(f"not all was received: {lost}")
        Path(folder, "cmaf").write_bytes(harvest.media(name))
        remux(Path(folder, "cmaf"), received)
    if shed := {look.shed for look in watching.looks if look.shed}:
        tell(f"the machine was too busy: {', '.join(sorted(shed))}")
    moments = dict(_moments(reaped.init, reaped.parts))
    shift = find(received, programme.markers).shift
    return _figures(spec, delay, programme, watching.looks, lambda frame: _moment(moments, frame + shift))


def publisher(url: str, path: Path, log: Path, *words: str) -> Child:
    """Publish ``path`` in real time, as it is."""
    return Child((*VEILCAST, "push", *words, path, url), log)


def look_at(room: Mapping[str, Any]) -> Look:
    """Return what an operator is told of ``room``, and what its processes have taken."""
    moderation, worker = room["moderation"] or {}, room["worker"] or {}
    lags = [each["lag"] for each in moderation.get("detectors", ()) if each["lag"] is not None]
    return Look(
        time.monotonic(),
        _cpu(moderation.get("pid")),
        _cpu(worker.get("pid")),
        max(lags, default=None),
        moderation.get("covered_seconds", {}),
        moderation.get("restarts", 0) + worker.get("restarts", 0),
        moderation.get("broken_promises", 0),
        worker.get("dropped_frames", 0),
        worker.get("repeated_frames", 0),
        worker.get("shed", ""),
        room["state"],
    )


def _cpu(pid: int | None) -> tuple[int, float] | None:
    if pid is None:
        return None
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return pid, times.user + times.system
    return None


def spent(readings: Sequence[tuple[float, tuple[int, float] | None]]) -> float | None:
    """Return the processors that a process took: of (moment, (pid, CPU seconds)), those that follow each other and are
    of the same process. None if there are none."""
    seconds = cpu = 0.0
    for (before, one), (at, other) in pairwise(readings):
        if one is not None and other is not None and one[0] == other[0]:
            seconds += at - before
            cpu += other[1] - one[1]
    return cpu / seconds if seconds else None


def _moments(init: bytes, parts: Sequence[tuple[float, bytes]]) -> Iterator[tuple[int, float]]:
    """Yield the numbers of frames that begin parts, with the moments at which these could be had."""
    for at, data in parts:
        with av.open(io.BytesIO(init + data), "r") as file:
            packet = next(file.demux(file.streams.video[0]))
            if packet.pts is not None:
                yield round(packet.pts * packet.time_base * RATE), at


def _moment(moments: Mapping[int, float], frame: int) -> float:
    """Return when viewers could have a frame."""
    for number in range(frame, frame - 2 * RATE, -1):
        if number in moments:
            return moments[number]
    raise OnAirError(f"frame {frame} is not among what was received")


def _figures(
    spec: str, delay: float, programme: Programme, looks: Sequence[Look], moment: Callable[[int], float]
) -> Figures:
    """Put together what was seen of the room. ``moment``: when viewers could have a frame of the programme."""
    costs = {}
    for kind, (first, end) in programme.kinds().items():
        went = moment(first) + _MARGIN, moment(end) - _MARGIN
        came = went[0] - delay, went[1] - delay  # detectors have had it by so much earlier
        costs[kind] = Cost(
            spent([(look.at, look.detector) for look in _between(looks, *came)]),
            spent([(look.at, look.worker) for look in _between(looks, *went)]),
            percentile([look.lag for look in _between(looks, *came) if look.lag is not None], 0.95),
        )
    kinds = programme.kinds().values()
    whole = _between(looks, moment(min(first for first, _ in kinds)), moment(max(end for _, end in kinds)))
    return figures_of(spec, delay, whole, costs)


def figures_of(spec: str, delay: float, looks: Sequence[Look], costs: Mapping[str, Cost]) -> Figures:
    """Return figures of the stretch that ``looks`` are of. Raises OnAirError if there are none."""
    if len(looks) < 2:
        raise OnAirError("the room was not seen while it was on air")
    first, last = looks[0], looks[-1]
    covered = Counter(last.covered)
    covered.subtract(first.covered)
    return Figures(
        spec=spec,
        live=True,
        delay=delay,
        costs=costs,
        covered={cause: seconds for cause, seconds in covered.items() if seconds > 0},
        restarts=last.restarts - first.restarts,
        broken_promises=last.broken_promises - first.broken_promises,
        dropped=last.dropped - first.dropped,
        repeated=last.repeated - first.repeated,
        shed=", ".join(sorted({look.shed for look in looks if look.shed})),
    )


def _between(looks: Sequence[Look], start: float, end: float) -> list[Look]:
    return [look for look in looks if start <= look.at < end]
