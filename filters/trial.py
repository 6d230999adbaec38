"""Tries a detector: gives it material as a room does, and judges what it says by what it has promised. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from filters.api import (
    SAMPLE_RATE,
    TICKS,
    Box,
    Detector,
    Finding,
    Kind,
    Picture,
    Planes,
    Sound,
    Unverified,
    Upto,
    Verified,
)
from filters.faults import explain, source_of

if TYPE_CHECKING:
    from filters.api import Samples

_SHOWN = 6  # intervals that a message lists


@dataclass(frozen=True, slots=True)
class Material:
    """What a detector is tried on. ``samples`` (channels, count) begin at 0; ``truth`` is what has to be covered."""

    pictures: Sequence[Picture] = ()
    samples: "Samples | None" = None
    truth: Sequence[Finding] = ()

    @property
    def end(self) -> Upto:
        """How far it goes (ticks)."""
        count = 0 if self.samples is None else self.samples.shape[1]
        return Upto(self.pictures[-1].pts + 1 if self.pictures else 0, count * TICKS // SAMPLE_RATE)


class Trial:
    """One run of ``detector``, which is open, on ``material``, whose sound comes in blocks of ``block`` samples."""

    def __init__(self, title: str, detector: Detector, material: Material, block: int) -> None:
        self.findings: list[Finding] = []
        self._title = title
        self._detector = detector
        self._takes = detector.takes
        self._material = material
        self._block = block
        self._seen = Upto(0, 0)
        self._cleared = Upto(0, 0)
        self._unverified: dict[int, Unverified] = {}
        self._failures: dict[str, _Failure] = {}
        self._leaks = [_Leak() for _ in material.truth]

    def run(self) -> list[str]:
        """Give it everything, in order, and return what is wrong with it."""
        for piece in self._pieces():
            try:
                self._give(piece)
            except Exception as error:  # an author's code, which may do anything
                self._fail("error", explain(self._title, error, source_of(type(self._detector))))
                break
        for truth, leak in zip(self._material.truth, self._leaks, strict=True):
            if leak.first is not None:
                self._fail(
                    "leak", f"a leak: {_named(truth)} is not covered at {_s(leak.first)}, {leak.amount()} in all"
                )
        return [failure.told() for failure in self._failures.values()]

    def _pieces(self) -> Iterator[Picture | Sound]:
        """Yield what it takes, in the order in which it comes: sound once a block of it is whole."""
        pieces: list[tuple[int, Picture | Sound]] = []
        if Kind.PICTURE in self._takes:
            pieces += [(picture.pts, picture) for picture in self._material.pictures]
        if Kind.SOUND in self._takes and self._material.samples is not None:
            samples = self._material.samples
            for first in range(0, samples.shape[1], self._block):
                part = samples[:, first : first + self._block].copy()
                part.flags.writeable = False
                end = (first + part.shape[1]) * TICKS // SAMPLE_RATE
                pieces.append((end, Sound(first * TICKS // SAMPLE_RATE, first, part)))
        yield from (piece for _, piece in sorted(pieces, key=lambda each: each[0]))

    def _give(self, piece: Picture | Sound) -> None:
        if isinstance(piece, Picture):
            lent = Picture(piece.pts, _locked(piece.planes), piece._bgr)
            said = self._detector.picture(lent)
            said = list(said) if isinstance(said, Iterable) and not isinstance(said, tuple) else said
            for plane in lent.planes:  # whoever has kept them has something else from now on
                plane.flags.writeable = True
                plane[:] = 128
            self._seen = self._seen._replace(picture=piece.pts + 1)
        else:
            said = self._detector.sound(piece)
            end = (piece.first + piece.samples.shape[1]) * TICKS // SAMPLE_RATE
            said = list(said) if isinstance(said, Iterable) and not isinstance(said, tuple) else said
            self._seen = self._seen._replace(sound=end)
        for each in said if isinstance(said, list | tuple) else () if said is None else (said,):
            self._hear(each)
        self._clear(self._detector.clearance(self._seen))

    def _hear(self, said: object) -> None:
        match said:
            case Finding(kind=kind):
                if kind not in self._takes:
                    self._fail("takes", f"finds something in {_MEDIUM[kind]}, which it is not given")
                self._check_promise(said, _upto(self._cleared, kind))
                self.findings.append(said)
            case Unverified():
                self._check_promise(said, self._cleared.picture)
                self._unverified[said.id] = said
            case Verified(id=number):
                if self._unverified.pop(number, None) is None:
                    self._fail("verified", f"says Verified({number}), though no such part of the picture is unverified")
            case _:
                self._fail("said", f"yields {type(said).__name__}: only Finding, Unverified and Verified say something")

    def _check_promise(self, said: Finding | Unverified, cleared: int) -> None:
        if said.start < cleared and not any(_within(said, region) for region in self._unverified.values()):
            self._fail(
                "promise",
                f"a broken promise: {_named(said)} is said when all before {_s(cleared)} has been cleared: it may have "
                "been seen and heard by then",
            )

    def _clear(self, given: object) -> None:
        if not isinstance(given, Upto) or not all(isinstance(pts, int) for pts in given):
            self._fail(
                "clearance", f"its clearance is {type(given).__name__}: return Upto(picture, sound) in whole ticks"
            )
            return
        for kind in sorted(self._takes):
            cleared, seen, before = (_upto(each, kind) for each in (given, self._seen, self._cleared))
            if cleared > seen:
                text = (
                    f"clears {_MEDIUM[kind]} up to {_s(cleared)} when it has been given no more than up to {_s(seen)}"
                )
                self._fail(f"beyond {kind}", text)
            if cleared < before:
                self._fail(
                    f"back {kind}", f"its clearance of {_MEDIUM[kind]} goes back from {_s(before)} to {_s(cleared)}"
                )
            if seen - cleared > round(self._detector.lookahead * TICKS):
                text = f"its clearance of {_MEDIUM[kind]} is {_s(seen - cleared)} behind at {_s(seen)}: more than its "
                self._fail(f"lag {kind}", f"{text}lookahead of {self._detector.lookahead:g} s, so all is covered")
        now = Upto(max(given.picture, self._cleared.picture), max(given.sound, self._cleared.sound))
        self._release_pictures(self._cleared.picture, now.picture)
        self._release_sound(self._cleared.sound, now.sound)
        self._cleared = now

    def _release_pictures(self, start: int, end: int) -> None:
        """What has been cleared goes out now, at the earliest: what of it must be covered has to be."""
        if Kind.PICTURE not in self._takes:
            return
        for truth, leak in zip(self._material.truth, self._leaks, strict=True):
            if truth.kind is Kind.PICTURE and truth.start < end and start < truth.end:
                for picture in self._material.pictures:
                    if max(start, truth.start) <= picture.pts < min(end, truth.end) and self._bare(picture, truth.box):
                        leak.picture(picture.pts)

    def _bare(self, picture: Picture, box: Box | None) -> bool:
        """Whether anything in ``box`` can be seen."""
        covers: list[Box | None] = [
            each.box for each in self.findings if each.kind is Kind.PICTURE and each.start <= picture.pts < each.end
        ]
        covers += [each.box for each in self._unverified.values() if each.start <= picture.pts]
        if None in covers:
            return False
        seen = np.ones(picture.planes.y.shape, bool)
        for cover in covers:
            seen[_slices(cover)] = False
        return bool(seen[_slices(box)].any())

    def _release_sound(self, start: int, end: int) -> None:
        if Kind.SOUND not in self._takes:
            return
        covered = covered_by(self.findings, Kind.SOUND)
        for truth, leak in zip(self._material.truth, self._leaks, strict=True):
            if truth.kind is Kind.SOUND and truth.start < end and start < truth.end:
                for bare in _without((max(start, truth.start), min(end, truth.end)), covered):
                    leak.sound(*bare)

    def _fail(self, key: str, text: str) -> None:
        self._failures.setdefault(key if key != "leak" else text, _Failure(text)).times += 1


def covered_by(findings: Iterable[Finding], kind: Kind) -> list[tuple[int, int]]:
    """Return the intervals (ticks) in which ``findings`` cover anything, in order and apart."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted((each.start, each.end) for each in findings if each.kind is kind):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def apart(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]) -> int:
    """Return the longest time (ticks) that is in but one of two lists of intervals."""
    pieces = [piece for each in one for piece in _without(each, other)]
    pieces += [piece for each in other for piece in _without(each, one)]
    return max((end - start for start, end in pieces), default=0)


def listed(intervals: Sequence[tuple[int, int]]) -> str:
    """Return intervals for people to read."""
    told = ", ".join(f"{start / TICKS:.3f}-{_s(end)}" for start, end in intervals[:_SHOWN])
    return (told + (", …" if len(intervals) > _SHOWN else "")) or "nothing"


@dataclass(slots=True)
class _Failure:
    text: str
    times: int = 0

    def told(self) -> str:
        return self.text if self.times == 1 else f"{self.text} ({self.times} times)"


@dataclass(slots=True)
class _Leak:
    """Where something was not covered: how many pictures, or how long (ticks)."""

    first: int | None = None
    pictures: int = 0
    ticks: int = 0
    """Of sound."""

    def picture(self, pts: int) -> None:
        self.first = pts if self.first is None else self.first
        self.pictures += 1

    def sound(self, start: int, end: int) -> None:
        self.first = start if self.first is None else self.first
        self.ticks += end - start

    def amount(self) -> str:
        return f"{self.pictures} pictures" if self.pictures else _s(self.ticks)


_MEDIUM = {Kind.PICTURE: "pictures", Kind.SOUND: "sound"}


def _locked(planes: Planes) -> Planes:
    copies = Planes(*(plane.copy() for plane in planes))
    for plane in copies:
        plane.flags.writeable = False
    return copies


def _upto(upto: Upto, kind: Kind) -> int:
    return upto.picture if kind is Kind.PICTURE else upto.sound


def _within(said: Finding | Unverified, region: Unverified) -> bool:
    """Whether ``said`` is about what is covered as ``region``: it may be said late."""
    inner, outer = said.box, region.box
    return (
        inner is not None
        and region.start <= said.start
        and outer.left <= inner.left
        and outer.top <= inner.top
        and inner.left + inner.width <= outer.left + outer.width
        and inner.top + inner.height <= outer.top + outer.height
    )


def _slices(box: Box | None) -> tuple[slice, slice]:
    if box is None:
        return slice(None), slice(None)
    left, top = max(0, box.left), max(0, box.top)
    return slice(top, max(0, box.top + box.height)), slice(left, max(0, box.left + box.width))


def _without(piece: tuple[int, int], covered: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield what of ``piece`` is in none of ``covered``, which are in order and apart."""
    start, end = piece
    for low, high in covered:
        if high <= start or low >= end:
            continue
        if start < low:
            yield start, low
        start = max(start, high)
    if start < end:
        yield start, end


def _named(said: Finding | Unverified) -> str:
    where = "" if said.box is None else f" in {tuple(said.box)}"
    until = f" to {_s(said.end)}" if isinstance(said, Finding) else ""
    return f"{said.category!r} from {_s(said.start)}{until}{where}"


def _s(ticks: int) -> str:
    return f"{ticks / TICKS:.3f} s"
