"""Finds thresholds for words, on recordings of the voice, microphone and music that they are for. Reads audio files."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from filters.api import SAMPLE_RATE
from filters.errors import FilterError
from filters.speech.lexicon import keywords
from filters.speech.resample import Resampler
from filters.speech.sphinx import SphinxSpotter, dictionary, threshold
from filters.speech.spotter import RATE, Hit, Keyword
from filters.speech.words import Entry

if TYPE_CHECKING:
    from filters.api import Samples

_LOOSEST = -60.0  # all that could be a word is looked at
_SPARE = 1.0  # power of ten below the least likely instance
_APART = 0.05  # seconds that a hit and a label need to have in common
_END = 3 * RATE  # samples of silence after a recording, in which what it ends with is told


@dataclass(frozen=True, slots=True)
class Label:
    """``spelling`` is said from ``start`` to ``end`` (seconds)."""

    start: float
    end: float
    spelling: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What is advised for ``spelling``: a ``power`` of ten, at which so many of ``said`` are ``found``, and
    ``false_bleeps`` are heard in ``minutes``."""

    spelling: str
    power: float
    said: int
    found: int
    false_bleeps: int
    minutes: float

    @property
    def line(self) -> str:
        """A line for a file of words."""
        rate = f"{self.false_bleeps} false in {self.minutes:.1f} min"
        found = f"found {self.found} of {self.said}, " if self.said else ""
        return f"{self.spelling} /1e{self.power:.0f}/  # {found}{rate}"


def labels_of(path: Path) -> list[Label]:
    """Read labels as Audacity writes them: start and end in seconds and a word, with tabs. Raises FilterError."""
    found = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
            if not line.strip() or line.startswith("\\"):
                continue
            try:
                start, end, spelling = line.split("\t", 2)
                found.append(Label(float(start), float(end), " ".join(spelling.lower().split())))
            except ValueError:
                raise FilterError(f"{path.name}, line {number}: a label is START, END and a word, with tabs") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FilterError(f"{path.name} cannot be read: {error}") from None
    return found


def advise(
    entries: Sequence[Entry], recordings: Sequence[tuple[Path, Sequence[Label]]], per_minute: float
) -> Iterator[Advice]:
    """Yield advice on each entry: all that is labelled is found, if ``per_minute`` false bleeps or fewer come of that.

    Raises FilterError.
    """
    known = keywords(entries, dictionary())
    said: list[list[float]] = [[] for _ in entries]
    false: list[list[float]] = [[] for _ in entries]
    minutes = 0.0
    for path, labels in recordings:
        seconds, hits = _listened(path, known)
        minutes += seconds / 60
        for word, entry in enumerate(entries):
            own = [hit for hit in hits if hit.word == word]
            there = [label for label in labels if label.spelling == entry.spelling]
            for label in there:
                said[word].append(max((hit.likelihood for hit in own if _is_at(hit, label)), default=-math.inf))
            false[word] += [hit.likelihood for hit in own if not any(_is_at(hit, label) for label in there)]
    for entry, keyword, true, wrong in zip(entries, known, said, false, strict=True):
        power = _power(threshold(keyword), true, wrong, per_minute * minutes)
        yield Advice(
            entry.spelling,
            power,
            len(true),
            sum(each >= power for each in true),
            sum(each >= power for each in wrong),
            minutes,
        )


def _power(usual: float, true: Sequence[float], false: Sequence[float], allowed: float) -> float:
    """Return the power of ten that is advised: a whole number."""
    worst = sorted(false, reverse=True)[int(allowed) :]
    least = max(_LOOSEST, math.floor(worst[0]) + 1 if worst else _LOOSEST)  # no more than allowed are false from here
    heard = [each for each in true if each > -math.inf]
    wanted = math.floor(min(heard) - _SPARE) if heard else usual
    return float(math.ceil(max(least, min(wanted, usual) if heard else usual)))


def _is_at(hit: Hit, label: Label) -> bool:
    return hit.start / RATE < label.end - _APART and hit.end / RATE > label.start + _APART


def _listened(path: Path, known: Sequence[Keyword]) -> tuple[float, list[Hit]]:
    """Return how long a recording is (seconds), and all that could be a word in it, the likeliest of what overlaps."""
    import numpy as np

    spotter = SphinxSpotter([replace(keyword, threshold=_LOOSEST) for keyword in known])
    resampler = Resampler()
    hits: list[Hit] = []
    count = 0
    for samples in _samples(path):
        count += samples.shape[1]
        hits += spotter.feed(resampler.feed(samples))
    hits += spotter.feed(np.zeros(_END, np.int16))
    best: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: -hit.likelihood):
        if not any(hit.word == other.word and hit.start < other.end and hit.end > other.start for other in best):
            best.append(hit)
    return count / SAMPLE_RATE, best


def _samples(path: Path) -> "Iterator[Samples]":
    import av
    import numpy as np

    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise FilterError(f"{path.name} has no sound")
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=SAMPLE_RATE)
            for frame in container.decode(container.streams.audio[0]):
                for made in resampler.resample(frame):
                    yield np.asarray(made.to_ndarray(), np.float32)
            for made in resampler.resample(None):
                yield np.asarray(made.to_ndarray(), np.float32)
    except av.FFmpegError as error:
        raise FilterError(f"{path.name} cannot be decoded: {error.strerror}") from None
