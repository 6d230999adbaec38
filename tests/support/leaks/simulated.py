"""Runs a detector on a programme as a room does, without server: as fast as it goes, or in real time.

Each picture is given to the detector as far before it goes out as it looks ahead; what it has not cleared by then is
slate. Pictures alone; what goes out is encoded lightly. The same watcher, release rule and effects as in a room.
As fast as it goes is only for detectors that do their work in the call, or wait for what they do elsewhere.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
from av.video.stream import VideoStream

from filters import Detector, Kind, Picture, Said, Stream, Upto
from filters.pixels import bgr_of
from filters.registry import make
from filters.spec import parse
from ingest.media import Kind as TrackKind
from tests.support.leaks.programme import Programme
from tests.support.scenes.scene import HEIGHT, RATE, WIDTH
from transcode.canvas import Canvas
from transcode.conversion import planes_of
from transcode.decode import VideoDecoder
from transcode.files import MediaFile
from transcode.guard import Guard
from transcode.lane import Inline
from transcode.lookout import Watcher
from transcode.media import TIMELINE, Slate
from transcode.slate import slate_frame
from transcode.verdicts import Cleared, LedgerEntry, Require

_FRAME = TIMELINE // RATE
_SLATE = Slate("Covered", "")
_X264 = {"preset": "ultrafast", "crf": "16", "g": str(2 * RATE)}


class Cost(NamedTuple):
    """Of one picture, by its number: what the detector took for it (CPU seconds), and how far its clearance was behind
    when it had been given it (frames)."""

    frame: int
    cpu: float
    lag: float


@dataclass
class Simulated:
    """What came of it: ``lookahead`` in seconds, and what each picture took."""

    lookahead: float
    costs: list[Cost] = field(default_factory=list)


class _Timed(Detector):
    """Another detector, with what it takes."""

    def __init__(self, inner: Detector) -> None:
        self.lookahead, self.context = inner.lookahead, inner.context
        self._inner = inner
        self.cpu = 0.0

    @property
    def takes(self) -> frozenset[Kind]:
        return frozenset({Kind.PICTURE})

    def open(self, stream: Stream) -> None:
        self._inner.open(stream)

    def close(self) -> None:
        self._inner.close()

    def picture(self, picture: Picture) -> list[Said]:
        began = time.thread_time()
        said = list(self._inner.picture(picture))
        self.cpu += time.thread_time() - began
        return said

    def clearance(self, seen: Upto) -> Upto:
        began = time.thread_time()
        cleared = self._inner.clearance(seen)
        self.cpu += time.thread_time() - began
        return cleared


class _Helpers:
    """The threads that a detector has started: no others of Python's are there."""

    def __init__(self) -> None:
        self._known: dict[int, float] = {}

    def spent(self) -> float:
        """Return the CPU seconds that they took since the last call."""
        now: dict[int, float] = {}
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and thread.ident is not None:
                with suppress(OSError):  # it has ended just now
                    now[thread.ident] = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        spent = sum(max(0.0, seconds - self._known.get(ident, 0.0)) for ident, seconds in now.items())
        self._known = now
        return spent


def simulate(
    spec: str,
    programme: Programme,
    received: Path,
    tell: Callable[[int], None] = lambda _: None,
    real_time: bool = False,
) -> Simulated:
    """Write what viewers would get of ``programme`` with the detector ``spec`` to the MP4 file ``received``.

    ``tell`` is told how many frames are done, now and then. ``real_time``: pictures come as from a host. Raises
    FilterError.
    """
    inner = make(parse(spec).absolute(Path.cwd()))
    assert isinstance(inner, Detector), f"{spec} is no detector"
    timed = _Timed(inner)
    simulated = Simulated(timed.lookahead)
    guard = Guard(frame=_FRAME)
    cleared = 0

    def say(entry: LedgerEntry) -> None:
        nonlocal cleared
        if isinstance(entry, Cleared):
            cleared = max(cleared, entry.picture)
        guard.ledger.take(entry)

    watcher = Watcher(0, spec, timed, Inline(), say)
    guard.ledger.take(Require(((Kind.PICTURE,),)))
    watcher.open(Stream(WIDTH, HEIGHT, float(RATE), 0, live=real_time))
    ahead = round(timed.lookahead * TIMELINE) + _FRAME
    held: deque[tuple[int, av.VideoFrame]] = deque()
    helpers, began = _Helpers(), time.monotonic()
    with _Film(received) as film:
        for pts, frame in _pictures(programme.path):
            if real_time:
                time.sleep(max(0.0, began + pts / TIMELINE - time.monotonic()))
            timed.cpu = helpers.spent()
            planes = planes_of(frame)
            for plane in planes:
                plane.flags.writeable = False
            watcher.picture(Picture(pts, planes, bgr_of), frame)
            number = pts // _FRAME
            simulated.costs.append(Cost(number, timed.cpu, (pts + 1 - cleared) / _FRAME))
            if number % RATE == 0:
                tell(number)
            held.append((pts, frame))
            while held and held[0][0] + ahead <= pts:
                came, due = held.popleft()
                film.show(guard.picture(due, came, came))
        # What is held at the end is grey, and nobody looks at it.
    watcher.close()
    return simulated


def _pictures(path: Path) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield stamp (ticks) and picture, as a room decodes them."""
    with MediaFile(path) as file:
        decoder = VideoDecoder(next(track for track in file.tracks if track.kind is TrackKind.VIDEO))
        canvas = Canvas(WIDTH, HEIGHT)
        for packet in file.packets():
            if packet.kind is not TrackKind.VIDEO:
                continue
            for decoded in decoder.decode(packet):
                for frame in canvas.draw(decoded, decoder.sample_aspect_ratio):
                    assert frame.pts is not None
                    yield frame.pts, frame


class _Film:
    """What goes out, as a file; it begins with a second of slate, as a room does."""

    def __init__(self, path: Path) -> None:
        self._file = av.open(str(path), "w", format="mp4")
        stream = self._file.add_stream("libx264", rate=RATE, options=_X264)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, RATE)
        self._stream = stream
        self._slate = slate_frame(_SLATE, WIDTH, HEIGHT)
        self._count = 0

    def __enter__(self) -> "_Film":
        for _ in range(RATE):
            self.show(None)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.mux(self._stream.encode(None))
        self._file.close()

    def show(self, frame: av.VideoFrame | None) -> None:
        """Show a picture next, or the slate."""
        shown = frame if frame is not None else self._slate
        shown.pts, shown.time_base, shown.pict_type = self._count, Fraction(1, RATE), 0
        self._file.mux(self._stream.encode(shown))
        self._count += 1
