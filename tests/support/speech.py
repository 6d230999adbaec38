"""Speech that is made by espeak-ng, with times that are exact: each piece is made alone, and they are put together."""

import io
import shutil
import subprocess
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from filters.api import SAMPLE_RATE

if TYPE_CHECKING:
    from filters.api import Samples

THERE = shutil.which("espeak-ng") is not None
PAUSE = 0.04
"""Seconds between two pieces."""
_SILENT = 0.01  # of the loudest sample of a piece


@dataclass(frozen=True)
class Spoken:
    """Sound at ``SAMPLE_RATE`` (1, count), and from where to where (seconds) each piece is heard in it."""

    samples: "Samples"
    times: tuple[tuple[float, float], ...]


def spoken(pieces: Sequence[str], voice: str = "en-us", speed: int = 150, pitch: int = 50) -> Spoken:
    """Have ``pieces`` said, one after the other. Voices: en-us, en-us+f3, en-gb, …; ``speed`` in words a minute."""
    parts: list[Samples] = []
    times = []
    count = 0
    gap = np.zeros(round(PAUSE * SAMPLE_RATE), np.float32)
    for piece in pieces:
        said = _said(piece, voice, speed, pitch)
        times.append((count / SAMPLE_RATE, (count + len(said)) / SAMPLE_RATE))
        parts += [said, gap]
        count += len(said) + len(gap)
    return Spoken(np.concatenate(parts)[None], tuple(times))


@cache
def _said(text: str, voice: str, speed: int, pitch: int) -> "Samples":
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", text]
    made = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    with wave.open(io.BytesIO(made)) as file:
        rate = file.getframerate()
        heard = np.frombuffer(file.readframes(1 << 30), np.int16).astype(np.float32) / 32768
    loud = np.flatnonzero(np.abs(heard) > _SILENT * np.abs(heard).max())
    heard = heard[loud[0] : loud[-1] + 1]
    at = np.arange(int(len(heard) * SAMPLE_RATE / rate)) * rate / SAMPLE_RATE
    return np.asarray(np.interp(at, np.arange(len(heard)), heard), np.float32)
