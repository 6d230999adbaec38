"""The conformance kit: what authors test their filters with, in pytest or without. Loads numpy and OpenCV.

    from filters.testing import check_detector, check_plain, patch, pictures

    def test_my_filter():
        check_plain("./my_filter.py:invert")

    def test_my_detector():
        box = Box(40, 40, 80, 60)
        shown = pictures(4, patch(box, (0, 255, 0), start=1, end=2))
        check_detector("./my_detector.py:Green", shown, truth=[
            Finding(Kind.PICTURE, 1 * TICKS, 2 * TICKS, "green", box),
        ])

What a detector must keep to, and what fails here:

- it never says anything about a time that it has cleared before, but of a part of the picture that is unverified;
- it clears no more than it has been given, and never goes back;
- its clearance is never further behind than its ``lookahead``;
- what has to be covered is, when its clearance passes it;
- it yields findings, ``Unverified`` and ``Verified`` alone, and keeps no picture for longer than the call;
- what it finds does not depend on how sound is cut into blocks.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from filters.api import (
    SAMPLE_RATE,
    TICKS,
    AudioFilter,
    Detector,
    Filter,
    Finding,
    Kind,
    Picture,
    Planes,
    Stream,
    VideoFilter,
)
from filters.chain import Chain
from filters.errors import FilterError
from filters.faults import explain, source_of
from filters.material import Paint, add_tone, patch, pictures, sounds
from filters.pixels import bgr_of, planes_of
from filters.registry import make
from filters.spec import parse
from filters.trial import Material, Trial, apart, covered_by, listed

if TYPE_CHECKING:
    from filters.api import Samples

__all__ = [
    "ConformanceError",
    "Paint",
    "add_tone",
    "bgr_of",
    "check_detector",
    "check_plain",
    "patch",
    "pictures",
    "planes_of",
    "sounds",
]

BLOCK = 1024
"""Samples in a block of sound, as plain filters get them."""
_PADDING = 32  # bytes between the rows of a plane: a decoder's have them, too
_DAY = 86_400.0
_OTHER_SIZES = ((322, 182), (180, 320))

_F = TypeVar("_F", bound=Filter)
Maker = Callable[[], _F] | str
"""What makes a filter anew each time: a class, a function, or a spec such as ``./file.py:name:option=value``."""


class ConformanceError(AssertionError):
    """A filter does not keep to what is asked of filters. ``failures``: each of them in a line."""

    def __init__(self, title: str, failures: Sequence[str]) -> None:
        self.failures = tuple(failures)
        super().__init__("\n".join([f"the filter {title} fails:", *(f"- {failure}" for failure in failures)]))


def check_plain(
    filter: "Maker[VideoFilter] | Maker[AudioFilter] | VideoFilter | AudioFilter",
    *,
    width: int = 1280,
    height: int = 720,
    frame_rate: float = 30.0,
    channels: int = 2,
    seconds: float = 1.0,
    share: float = 0.5,
) -> float:
    """Try a plain filter, and return the seconds of CPU time that it takes for a picture or block: the median.

    It gets ``seconds`` of moving pictures or sound, and a few of other sizes if it can be made anew. It has to give
    back the right shapes and types, finite sound, and to take no more than ``share`` of the time that a picture or
    block lasts. Raises ConformanceError.
    """
    title = _title(filter)
    again = isinstance(filter, str) or not isinstance(filter, Filter)
    first = _made(filter)
    if isinstance(first, VideoFilter):
        streams = [Stream(width, height, frame_rate, 0), *(Stream(*size, frame_rate, 0) for size in _OTHER_SIZES)]
        lasts, unit = 1 / frame_rate, f"picture of {width} x {height}"
    elif isinstance(first, AudioFilter):
        streams = [Stream(0, 0, 0, channels), Stream(0, 0, 0, 3 - channels)]
        lasts, unit = BLOCK / SAMPLE_RATE, f"block of {BLOCK} samples"
    else:
        raise ConformanceError(title, ["it is a detector: try it with check_detector"])
    failures: list[str] = []
    taken = [0.0]
    try:
        taken = _played(title, first, streams[0], round(seconds / lasts), 0.0)
        for stream in streams[1:] if again else ():
            _played(title, _made(filter), stream, 3, _DAY)
    except FilterError as error:
        failures.append(str(error))
    median = statistics.median(taken)
    if median > share * lasts:
        failures.append(
            f"it is too slow: it takes {median * 1000:.1f} ms of CPU time for a {unit}, and may take {share:.0%} of "
            f"the {lasts * 1000:.1f} ms that it lasts"
        )
    if failures:
        raise ConformanceError(title, failures)
    return median


def check_detector(
    detector: "Maker[Detector]",
    pictures: Sequence[Picture] = (),
    sounds: "Samples | None" = None,
    truth: Sequence[Finding] = (),
    *,
    frame_rate: float = 30.0,
    blocks: Sequence[int] = (BLOCK, 331, 4999),
    tolerance: float = 0.03,
) -> list[Finding]:
    """Try a detector, and return what it has found. Raises ConformanceError, which lists all that is wrong.

    ``sounds`` (channels, count) begin at 0; if it takes sound it is tried once for each size in ``blocks`` (samples),
    and what is covered may differ by ``tolerance`` seconds. ``truth`` is what has to be covered; the material goes on
    for as long as the detector looks ahead after that, or it is a ValueError.
    """
    title = _title(detector)
    material = Material(pictures, sounds, truth)
    failures: dict[str, None] = {}
    found: list[list[Finding]] = []
    for block in blocks:
        made = _made(detector)
        if not isinstance(made, Detector):
            raise ConformanceError(title, ["it is no detector: try it with check_plain"])
        _check_material(made, material)
        try:
            made.open(_stream(material, frame_rate))
            trial = Trial(title, made, material, block)
            failures.update(dict.fromkeys(trial.run()))
            made.close()
        except Exception as error:  # an author's code, which may do anything
            raise ConformanceError(title, [*failures, explain(title, error, source_of(type(made)))]) from error
        found.append(trial.findings)
        if Kind.SOUND not in made.takes or sounds is None:
            break
    for block, findings in zip(blocks, found, strict=False):
        for kind in Kind:
            one, other = covered_by(found[0], kind), covered_by(findings, kind)
            if (off := apart(one, other)) > tolerance * TICKS:
                failures[
                    f"what it finds in {kind} depends on how sound is cut: with blocks of {blocks[0]} samples "
                    f"{listed(one)}, with {block} {listed(other)}; they are {off / TICKS:.3f} s apart"
                ] = None
    if failures:
        raise ConformanceError(title, list(failures))
    return found[0]


def _made(filter: "Maker[_F] | _F") -> Filter:
    if isinstance(filter, Filter):
        return filter
    return make(parse(filter).absolute(Path.cwd())) if isinstance(filter, str) else filter()


def _title(filter: object) -> str:
    if isinstance(filter, str):
        return parse(filter).title
    return getattr(filter, "__name__", type(filter).__name__)


def _played(title: str, made: Filter, stream: Stream, count: int, start: float) -> list[float]:
    """Have ``made`` filter ``count`` pictures or blocks; return the CPU time that each took (seconds)."""
    chain = Chain([(title, made)])
    taken = []
    chain.open(stream)
    try:
        if chain.pictures:
            shown = pictures(min(count, 8) / 30, width=stream.width, height=stream.height)
            for number in range(count):
                planes = _padded(shown[number % len(shown)].planes)
                began = time.process_time()
                chain.picture(planes, start + number / stream.frame_rate)
                taken.append(time.process_time() - began)
        else:
            heard = sounds(count * BLOCK / SAMPLE_RATE, channels=stream.channels)
            for first in range(0, heard.shape[1], BLOCK):
                began = time.process_time()
                chain.sound(heard[:, first : first + BLOCK].copy(), start + first / SAMPLE_RATE)
                taken.append(time.process_time() - began)
    finally:
        chain.close()
    return taken


def _padded(planes: Planes) -> Planes:
    """Return a copy with gaps between its rows."""
    return Planes(*(np.pad(plane, ((0, 0), (0, _PADDING)))[:, : plane.shape[1]] for plane in planes))


def _stream(material: Material, frame_rate: float) -> Stream:
    height, width = material.pictures[0].planes.y.shape if material.pictures else (0, 0)
    channels = 0 if material.samples is None else material.samples.shape[0]
    return Stream(width, height, frame_rate, channels, live=False)


def _check_material(detector: Detector, material: Material) -> None:
    """Raise ValueError if it ends before all of the truth has had to be found, or the detector is given nothing."""
    there = {Kind.PICTURE: bool(material.pictures), Kind.SOUND: material.samples is not None}
    if not any(there[kind] for kind in detector.takes):
        raise ValueError(f"the detector takes {' and '.join(sorted(detector.takes))}: there is none in the material")
    for truth in material.truth:
        if truth.kind not in detector.takes:
            raise ValueError(f"{truth.category!r} is in the {truth.kind}, which the detector is not given")
        end = material.end.picture if truth.kind is Kind.PICTURE else material.end.sound
        if truth.end + detector.lookahead * TICKS > end:
            raise ValueError(
                f"let the material go on after {truth.category!r}, for the {detector.lookahead:g} s that the detector "
                "looks ahead: else it need not have been found yet"
            )
