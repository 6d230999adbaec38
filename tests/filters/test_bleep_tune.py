"""`veilcast filters tune bleep`: thresholds are found on recordings, with and without labels."""

import math
import wave
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cli import cli
from filters.api import SAMPLE_RATE
from filters.errors import FilterError
from filters.speech.tuning import _power, labels_of
from filters.speech.words import read
from tests.support.speech import spoken


def run(*words: str | Path) -> str:
    done = CliRunner().invoke(cli, ["filters", "tune", "bleep", *map(str, words)])
    return done.output if done.exit_code == 0 else f"exit {done.exit_code}: {done.output}"


@pytest.fixture
def talk(tmp_path: Path) -> tuple[Path, Path]:
    made = spoken(("we have seen that the", "bullshit", "is here again, and the", "hospital", "was open"), "en-us+f3")
    path, labels = tmp_path / "talk.wav", tmp_path / "labels.txt"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((made.samples[0] * 32767).astype(np.int16).tobytes())
    lines = [
        f"{made.times[n][0]:.6f}\t{made.times[n][1]:.6f}\t{word}" for n, word in ((1, "Bullshit"), (3, "hospital"))
    ]
    labels.write_text("\n".join(lines), encoding="utf-8")
    return path, labels


def test_what_is_labelled_is_found(talk: tuple[Path, Path]) -> None:
    audio, labels = talk
    lines = run(audio, "--labels", labels, "--words", "bullshit+hospital").splitlines()
    assert [line.partition(" /")[0] for line in lines] == ["bullshit", "hospital"]
    assert all("found 1 of 1, 0 false in 0.1 min" in line for line in lines), lines
    assert all(read(line, "here") is not None for line in lines), "they can be used as they are"


def test_without_labels_what_is_found_is_false(talk: tuple[Path, Path]) -> None:
    (line,) = run(talk[0], "--words", "bullshit").splitlines()
    entry = read(line, "here")
    assert entry is not None
    assert entry.threshold is not None
    assert entry.threshold > -8
    assert "0 false" in line


def test_the_power_that_is_advised() -> None:
    assert _power(-12, [], [], 1) == -12, "nothing is known: as usual"
    assert _power(-12, [], [-30, -8.5, -3.2], 1) == -8, "one of the false ones may stay"
    assert _power(-12, [-15.5, 3], [-30, -25], 0) == -17, "so that all are found"
    assert _power(-12, [-15.5, 3], [-10.5], 0) == -10, "but what is allowed counts more"
    assert _power(-12, [-math.inf, 3], [], 0) == -12, "what is not found at all cannot be helped"


def test_mistakes_are_told(tmp_path: Path) -> None:
    audio, labels = tmp_path / "none.wav", tmp_path / "labels.txt"
    audio.write_bytes(b"no sound at all")
    labels.write_text("1.0 2.0 word\n")
    assert "cannot be decoded" in run(audio, "--words", "conference")
    assert "has no words" in run(audio)
    assert "once for each AUDIO" in run(audio, audio, "--labels", labels, "--words", "conference")
    with pytest.raises(FilterError, match=r"labels.txt, line 1"):
        labels_of(labels)
