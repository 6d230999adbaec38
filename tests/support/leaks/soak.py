"""A room that has all to do for many minutes: scenes with speech over and over, filtered in picture and sound.

Whether it holds real time is told by how fast its playlist grows, and by what the room counts itself.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import m3u8  # type: ignore[import-untyped]
import psutil

from tests.support.hls_reader import fetch
from tests.support.leaks.figures import Cost, Figures, percentile
from tests.support.leaks.onair import LADDER, PRESET, Look, OnAirError, figures_of, look_at, publisher, spent
from tests.support.leaks.programme import compose
from tests.support.leaks.table import COVERED, DELAY, Verdict
from tests.support.leaks.tapes import Tape
from tests.support.scenes.scene import RATE
from tests.support.server import RunningServer
from tests.support.speech import THERE, spoken

if TYPE_CHECKING:
    from filters.api import Samples

SOUND_FILTER = "bleep"
PACE = 0.995
"""Of real time: the playlist grows by whole parts, so that ten minutes are known to a fifth of a second."""
SETTLE = 30.0
"""Seconds until detectors have loaded their models, and the room is what it will be."""

_ROOM = "soak"
_LOOK = 0.5  # seconds
_TOLD = 60.0  # seconds between two lines that say how it goes
_PART = 6  # frames, at 30 a second
_SEGMENT = 2 * RATE
_SAID = (
    "the stream goes on with the next page of the report",
    "please have a look at the darn numbers in the second column",
    "and that is the end of this chapter thank you for watching",
)


@dataclass(frozen=True, slots=True)
class Soaked:
    """What came of it: how long it was watched (seconds), frames that came out meanwhile, the server's own share of a
    processor, and the figures of the room."""

    seconds: float
    frames: int
    gate: float
    figures: Figures

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds


def soak(specs: Sequence[str], tapes: Sequence[Tape], minutes: float, tell: Callable[[str], None]) -> Soaked:
    """Keep a room with the filters ``specs`` on air with ``tapes`` for so long, once it has settled.

    ``tell`` hears now and then how it goes. Raises OnAirError.
    """
    with TemporaryDirectory() as folder, RunningServer(Path(folder)) as server:
        path = Path(folder, "programme.mp4")
        compose(tapes, path, leader=1, tail=1, sound=_speech())
        delay = float(server.room(_ROOM, LADDER, preset=PRESET, filters=list(specs))["delay"])
        with publisher(server.publish_url(_ROOM), path, Path(folder, "host.log"), "--loop") as host:
            media = _media(server.playable(_ROOM))
            for _ in _ticking(SETTLE):
                _newest(media)  # somebody has to watch, or detectors go to sleep
            looks: list[Look] = []
            began, first, gate = time.monotonic(), _newest(media), psutil.Process(server.pid).cpu_times()
            told = began
            for now in _ticking(60 * minutes):
                _newest(media)
                looks.append(look_at(server.client.show(_ROOM)))
                if not host.running:
                    raise OnAirError(f"the host has ended: {host.said().strip()}")
                if now - told >= _TOLD:
                    told = now
                    tell(f"  {(now - began) / 60:.0f} min: {_line(looks)}")
            ended, last, after = time.monotonic(), _newest(media), psutil.Process(server.pid).cpu_times()
    seconds = ended - began
    cost = Cost(
        spent([(look.at, look.detector) for look in looks]),
        spent([(look.at, look.worker) for look in looks]),
        percentile([look.lag for look in looks if look.lag is not None], 0.95),
    )
    figures = figures_of(" and ".join(specs), delay, looks, {"soak": cost})
    return Soaked(seconds, last - first, (after.user + after.system - gate.user - gate.system) / seconds, figures)


def verdicts(soaked: Soaked) -> Iterator[Verdict]:
    """Yield what is required of a room that has all to do."""
    figures = soaked.figures
    covered = sum(figures.covered.values()) / soaked.seconds
    yield Verdict("frames a second", f"{soaked.rate:.2f}", f">= {PACE * RATE:.2f}", soaked.rate >= PACE * RATE)
    yield Verdict("frames that the worker dropped", f"{figures.dropped}", "none", not figures.dropped)
    yield Verdict("quality that the room shed", "some" if figures.shed else "none", "none", not figures.shed)
    yield Verdict("covered by slate, of the time", f"{covered:.2%}", f"<= {COVERED:.0%}", covered <= COVERED)
    yield Verdict("restarts of worker and detectors", f"{figures.restarts}", "none", not figures.restarts)
    yield Verdict("delay", f"{figures.delay:.2f} s", f"<= {DELAY:g} s", figures.delay <= DELAY)


def lines(soaked: Soaked) -> Iterator[str]:
    """Yield what else there is to know."""
    cost = soaked.figures.costs["soak"]
    shown = [f"{value:.2f}" if value is not None else "-" for value in (cost.detector, cost.worker)]
    yield f"watched for {soaked.seconds / 60:.1f} min"
    yield f"processors: detectors {shown[0]}, worker {shown[1]}, server {soaked.gate:.2f}"
    yield f"clearance lag, p95: {cost.lag:.2f} s" if cost.lag is not None else "no clearance"
    yield f"slate by cause: {dict(soaked.figures.covered) or 'none'}"
    if soaked.figures.shed:
        yield f"shed: {soaked.figures.shed}"
    yield f"speech: {'espeak-ng' if THERE else 'none, as espeak-ng is missing'}"


def _speech() -> "Samples | None":
    return spoken(_SAID).samples if THERE else None


def _ticking(seconds: float) -> Iterator[float]:
    """Yield the moment, every ``_LOOK`` seconds, for so long."""
    began = due = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        yield now
        due += _LOOK
        time.sleep(max(0.0, due - time.monotonic()))


def _media(master: str) -> str:
    """Return the URL of the picture's playlist."""
    (playlist,) = m3u8.loads(fetch(master).decode(), uri=master).playlists
    return str(urljoin(master, playlist.uri))


def _newest(url: str) -> int:
    """Return how many frames there have been."""
    return frames_listed(fetch(url).decode(), url)


def frames_listed(text: str, url: str) -> int:
    """Return how many frames the playlist ``text`` of the address ``url`` has come to, since segment 0; of a broadcast
    with 30 frames a second."""
    playlist = m3u8.loads(text, uri=url)
    whole = sum(segment.uri is not None for segment in playlist.segments)
    last = playlist.segments[-1]
    begun = len(last.parts) * _PART if last.uri is None else 0
    return int(((playlist.media_sequence or 0) + whole) * _SEGMENT + begun)


def _line(looks: Sequence[Look]) -> str:
    last = looks[-1]
    covered = sum(last.covered.values()) - sum(looks[0].covered.values())
    lag = f"{last.lag:.2f} s" if last.lag is not None else "-"
    return f"{last.state}, lag {lag}, {last.dropped} dropped, {covered:.1f} s covered, {last.shed or 'nothing'} shed"
