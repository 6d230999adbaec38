"""How many secrets the scenes of a seed show, and whether what is labelled can be read where the label says.

    python -m tests.support.scenes.check [--boxes] SEED [KIND …]

It ends with 1 if the boxes of labels cannot be true (``sanity``); with ``--boxes`` nothing is read.

Each distinct secret is read by Tesseract, from the first frame that shows it complete and from one in the middle of
those that do, out of its box enlarged, in one way or another; it counts as read when at most a fifth of its
characters are wrong.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import tesserocr
from PIL import Image as Pictures

from tests.support.scenes.catalogue import KINDS, scenes
from tests.support.scenes.sanity import faults
from tests.support.scenes.scene import RATE, Frame, Image, Label, Scene

WORK = Path(__file__).parents[2] / "artifacts" / "scenes"
_TESSDATA = "/usr/share/tesseract-ocr/5/tessdata"
_LEAST = 3  # frames that have to show a secret complete
_MARGIN = 2  # pixels around a box: more would show parts of other lines
_WAYS = ((36, tesserocr.PSM.SINGLE_LINE), (28, tesserocr.PSM.RAW_LINE))
"""Pixels of height that text is enlarged to, but at least twice; and how Tesseract takes it to be laid out."""
_WRONG = 0.2


@dataclass(slots=True)
class Tally:
    """What scenes hold."""

    scenes: int = 0
    frames: int = 0
    secrets: Counter[str] = field(default_factory=Counter)
    """Distinct ones that are complete for three frames or more, by category."""
    labels: int = 0
    lowest: int = 0
    """Height of the lowest box of a complete secret, in pixels."""
    tried: int = 0
    unread: list[tuple[str, int, Label, str]] = field(default_factory=list)
    """Scene, frame, label, what was read instead."""
    faults: list[str] = field(default_factory=list)
    """What cannot be true of the labels, with the scene's name."""


def tally(shown: Iterable[Scene], reader: "tesserocr.PyTessBaseAPI | None" = None) -> Tally:
    """Count what is in scenes and, with a reader, try to read it."""
    found = Tally(lowest=1 << 16)
    for scene in shown:
        found.scenes += 1
        complete: dict[str, list[int]] = {}
        labels: list[tuple[Label, ...]] = []
        for at, frame in enumerate(scene.frames):
            found.frames += 1
            found.labels += len(frame.labels)
            labels.append(frame.labels)
            for label in frame.labels:
                if label.share == 1.0:
                    complete.setdefault(label.id, []).append(at)
                    found.lowest = min(found.lowest, label.box[3] - label.box[1])
        found.faults += [f"{scene.name} {fault}" for fault in faults(scene.kind, labels)]
        wanted: dict[int, list[str]] = {}
        for name, frames in complete.items():
            if len(frames) >= _LEAST:
                found.secrets[name.rpartition("-")[0]] += 1
                for at in {frames[0], frames[len(frames) // 2]}:
                    wanted.setdefault(at, []).append(name)
        for at, frame, label in _wanted(scene.frames, wanted) if reader else ():
            found.tried += 1
            readings = [_read(reader, frame.image, label, height, mode) for height, mode in _WAYS]
            if not any(_right(label.text, read) for read in readings):
                found.unread.append((scene.name, at, label, readings[0]))
    return found


def _cpu() -> float:
    """Return the CPU seconds of this process and of the programs that it has ended."""
    return sum(os.times()[:4])


def _wanted(frames: Iterable[Frame], wanted: dict[int, list[str]]) -> Iterator[tuple[int, Frame, Label]]:
    for at, frame in enumerate(frames):
        for label in frame.labels:
            if label.id in wanted.get(at, ()):
                yield at, frame, label


def _read(reader: "tesserocr.PyTessBaseAPI", image: Image, label: Label, height: int, mode: int) -> str:
    left, top, right, bottom = label.box
    part = image[max(top - _MARGIN, 0) : bottom + _MARGIN, max(left - _MARGIN, 0) : right + _MARGIN]
    grey = np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), np.uint8)
    if np.median(grey) < 128:
        grey = 255 - grey
    scale = max(2.0, height / (bottom - top))
    grey = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
    grey = np.pad(grey, 16, constant_values=int(np.median(grey)))
    reader.SetPageSegMode(mode)
    reader.SetImage(Pictures.fromarray(grey))
    return str(reader.GetUTF8Text()).strip()


def _right(text: str, read: str) -> bool:
    text, read = _bare(text), _bare(read)
    return _distance(text, read) <= _WRONG * len(text)


def _bare(text: str) -> str:
    return "".join(text.split())


def _distance(one: str, other: str) -> int:
    """Return how many characters have to be put in, taken out or replaced to make ``one`` into ``other``."""
    before = list(range(len(other) + 1))
    for row, sign in enumerate(one, 1):
        now = [row]
        for column, mark in enumerate(other, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (sign != mark)))
        before = now
    return before[-1]


def main(arguments: Sequence[str]) -> int:
    """Print the table, and what is wrong; return 1 if labels cannot be true."""
    boxes_only = "--boxes" in arguments
    words = [word for word in arguments if word != "--boxes"]
    seed, kinds = int(words[0]), tuple(words[1:]) or KINDS
    total = Tally()
    print(f"{'kind':12} scenes seconds secrets secret-frames lowest        read  CPU s")
    with tesserocr.PyTessBaseAPI(path=_TESSDATA, lang="eng") as reader:
        reader.SetVariable("load_system_dawg", "0")
        reader.SetVariable("load_freq_dawg", "0")
        for kind in kinds:
            began = _cpu()
            made = list(scenes((kind,), seed, WORK))
            took = _cpu() - began
            found = tally(made, None if boxes_only else reader)
            read = f"{found.tried - len(found.unread)}/{found.tried}"
            print(
                f"{kind:12}{found.scenes:7}{found.frames / RATE:8.1f}{sum(found.secrets.values()):8}{found.labels:14}"
                f"{found.lowest if found.secrets else '-':>7}{read:>12}{took:7.1f}",
                flush=True,
            )
            total.scenes += found.scenes
            total.frames += found.frames
            total.secrets += found.secrets
            total.labels += found.labels
            total.tried += found.tried
            total.unread += found.unread
            total.faults += found.faults
    read = f"{total.tried - len(total.unread)}/{total.tried}"
    print(
        f"{'all':12}{total.scenes:7}{total.frames / RATE:8.1f}{sum(total.secrets.values()):8}{total.labels:14}"
        f"{'':7}{read:>12}"
    )
    print(", ".join(f"{category} {count}" for category, count in sorted(total.secrets.items())))
    for name, at, label, read in total.unread:
        print(f"not read: {name} frame {at} {label.box} {label.text!r} as {read!r}")
    for fault in total.faults:
        print(f"cannot be: {fault}")
    return 1 if total.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
