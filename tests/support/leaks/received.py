"""What viewers got, as a file, and which of its frames is which of the programme: by the markers. Reads files only.

A room's output has a constant rate and its delay is constant, so the first marker gives the distance between the two
numberings, and all others must confirm it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, takewhile
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from filters import Planes
from tests.support.leaks.pixels import INK, is_slate, small
from tests.support.leaks.programme import HALF
from tests.support.scenes.scene import RATE
from transcode.conversion import planes_of

_DARK, _BRIGHT = 40, 170
"""Mean luma (limited range) of a marker's black is below the one, of its white above the other."""
_NEAR = 4  # frames within which a marker is looked for where it ought to be


class ReceivedError(Exception):
    """What was received cannot be compared with what was published; the text says why."""


@dataclass(frozen=True, slots=True)
class Reception:
    """What viewers got: frame ``number`` of the programme is number ``number + shift`` in the file ``path``.

    ``hidden``: markers that were not found because slate, or a veil over all of the picture, is in their place.
    """

    path: Path
    shift: int
    hidden: int


def frames(path: Path, first: int = 0) -> Iterator[tuple[int, Planes]]:
    """Yield number and planes of the file's pictures from number ``first`` on; planes hold until the next one."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        stream.thread_count = 1  # more may wait for each other where a file is left before its end
        if first > 0:
            assert stream.time_base is not None
            file.seek(int(Fraction(first, RATE) / stream.time_base), stream=stream)
        for frame in file.decode(stream):
            assert frame.time is not None
            number = round(frame.time * RATE)
            if number >= first:
                yield number, planes_of(frame)


def find(path: Path, markers: Sequence[int]) -> Reception:
    """Return where in the file ``path`` a programme with these ``markers`` is. Raises ReceivedError."""
    edge = next(iter(_edges(path, 0)), None)
    if edge is None:
        raise ReceivedError("the first marker was not received: had the detectors loaded their models by then?")
    shifts = _shifts(edge, markers[0])
    slate = slate_of(path)
    veil = np.full_like(slate, INK[0])
    hidden = 0
    for number, marker in enumerate(markers[1:], 2):
        begin, end = marker + min(shifts) - HALF - _NEAR, marker + max(shifts) + HALF + _NEAR
        edge = next(iter(_edges(path, begin, end)), None)
        left = shifts & _shifts(edge, marker) if edge is not None else set()
        if not left and _is_any(path, begin, end, (slate, veil) if edge is None else (veil,)):
            hidden += 1
            continue
        if not left:
            where = f"is {edge[1] - marker - max(shifts):+} frames off" if edge is not None else "was not received"
            levels = " ".join(f"{level:.0f}" for _, level in _levels(path, begin, end))
            raise ReceivedError(
                f"marker {number} of {len(markers)} {where}: what was received has lost its pace. "
                f"Mean luma of the frames around it: {levels or 'there are none'}"
            )
        shifts = left
    if len(shifts) > 1:
        raise ReceivedError("the room has left out frames at each marker: where it is cannot be told to a frame")
    (shift,) = shifts
    return Reception(path, shift, hidden)


def slate_of(path: Path) -> NDArray[np.uint8]:
    """Return the slate of the room, ``small``: what a room that is held begins with."""
    return next(small(planes.y) for _, planes in frames(path))


def _is_any(path: Path, first: int, end: int, covers: Sequence[NDArray[np.uint8]]) -> bool:
    """Whether a frame from ``first`` to before ``end`` is one of ``covers``."""
    found = ((number, small(planes.y)) for number, planes in frames(path, first))
    near = takewhile(lambda each: each[0] < end, found)
    return any(is_slate(picture, cover) for _, picture in near for cover in covers)


def _edges(path: Path, first: int, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield the numbers of a frame that is black and the next one, if that is white."""
    for (black, before), (white, level) in pairwise(_levels(path, first, end)):
        if before < _DARK and level > _BRIGHT:
            yield black, white


def _shifts(edge: tuple[int, int], marker: int) -> set[int]:
    """Return how far numberings may be apart: between black and white a busy room may have left out frames."""
    black, white = edge
    return set(range(black + 1 - marker, white + 1 - marker))


def _levels(path: Path, first: int, end: int | None) -> Iterator[tuple[int, float]]:
    for number, planes in frames(path, first):
        if end is not None and number >= end:
            return
        yield number, float(small(planes.y).mean())


def remux(data: Path, path: Path) -> None:
    """Write the pictures of ``data``, fragments of CMAF, as an MP4 file ``path`` in which one can go to a place."""
    with av.open(str(data)) as file, av.open(str(path), "w", format="mp4") as out:
        source = file.streams.video[0]
        target: VideoStream = out.add_stream_from_template(source)
        for packet in file.demux(source):
            if packet.dts is not None:
                packet.stream = target
                out.mux_one(packet)
