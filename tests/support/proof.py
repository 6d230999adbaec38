"""What a filtered room published, held against what its detector had cleared when it was published.

The stream is an indexed one, the detector is ``toy_filters.Picky``, and what was published is a ``Harvest``.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from filters import TICKS
from tests.support.harvest import Harvest
from tests.support.indexed import heard
from tests.support.toy_filters import FOUND, PERIOD
from transcode.testcard import SAMPLE_RATE, read_code

_SMEAR = 0.0215
"""Seconds by which AAC spreads a sound into silence beside it."""


@dataclass
class Proof:
    """``leaks`` tells what was published that had not been cleared, or was found; it has to be empty.

    ``shown``: for each rendition (moment, seconds, number) of each picture that can be seen; ``audible``: (moment,
    seconds) of each 20 ms of sound that can be heard. ``numbers``: what the detector saw.
    """

    leaks: list[str] = field(default_factory=list)
    shown: dict[str, list[tuple[float, float, int]]] = field(default_factory=dict)
    audible: list[tuple[float, float]] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    frames: int = 0

    def between(self, start: float, end: float) -> list[int]:
        """The numbers of pictures that came out from one moment to another, in the best rendition."""
        (best, *_) = self.shown.values()
        return [number for at, _, number in best if start <= at < end]


def prove(harvest: Harvest, log: Path, since: float = 0.0) -> Proof:
    """Look at all that was published from the moment ``since`` on (``time.monotonic``)."""
    proof = Proof()
    cleared: dict[int, float] = {}
    stamps: dict[int, int] = {}
    sounds: list[tuple[float, float]] = []
    for line in map(json.loads, log.read_text().splitlines()):
        for pts, number in line["pictures"]:
            cleared.setdefault(number, line["at"])
            stamps[number] = pts
        sounds.append((line["at"], line["sound"] / TICKS))
    proof.numbers = set(cleared)
    shifts: Counter[float] = Counter()
    for name in harvest.pictures:
        proof.shown[name] = []
        for at, seconds, luma in harvest.frames(name):
            proof.frames += 1
            number = read_code(luma)
            if number is None or at < since:
                continue
            proof.shown[name].append((at, seconds, number))
            if number % PERIOD in FOUND:
                proof.leaks.append(f"{name}: {number} had been found, and is shown at {seconds:.2f}")
            elif cleared.get(number, at) >= at:
                proof.leaks.append(f"{name}: {number} is shown at {seconds:.2f}, and had not been cleared")
            if number in stamps:
                shifts[round((seconds - stamps[number] / TICKS) * 50) / 50] += 1
    if shifts:
        _listen(proof, harvest, sounds, shifts.most_common(1)[0][0], since)
    return proof


def _listen(proof: Proof, harvest: Harvest, sounds: list[tuple[float, float]], shift: float, since: float) -> None:
    moments: list[tuple[float, float]] = []
    waves = []
    start = None
    for at, seconds, samples in harvest.sound():
        start = seconds if start is None else start
        moments.append((seconds, at))
        waves.append(samples)
    assert start is not None
    times = np.array([seconds for seconds, _ in moments])
    right: Counter[bool] = Counter()
    phases: Counter[int] = Counter()
    found = list(heard(np.concatenate(waves), start))
    for slot, tone in found:
        phases[(slot - tone) % 16] += 1
    phase = phases.most_common(1)[0][0]
    for slot, tone in found:
        begins, ends = slot / 50, (slot + 1) / 50
        at = moments[int(np.searchsorted(times, begins, "right")) - 1][1]
        if at < since:
            continue
        right[(slot - tone) % 16 == phase] += 1
        proof.audible.append((at, begins))
        came = ends - shift - 2 * _SMEAR
        if not any(moment < at and upto >= came for moment, upto in sounds):
            proof.leaks.append(f"sound at {begins:.2f} is heard, and had not been cleared")
        middle = (begins + ends) / 2 - shift
        if int(middle - 3 * _SMEAR) % 7 == 3 and int(middle + 3 * _SMEAR) % 7 == 3:
            proof.leaks.append(f"sound at {begins:.2f} had been found, and is heard")
    assert right[True] > 0.8 * right.total(), f"sound cannot be told: {right}"
    assert SAMPLE_RATE == 48_000
