"""Scripts for the detector that knows the answer: it covers all that labels say, or with faults planted. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.support.leaks.programme import Programme
from tests.support.scenes.scene import Box, Label

MARGIN = 4
"""Pixels that a veil is larger than a label's box on each side: less than what counts as over-blur."""
LATE = 45
"""Frames that are not cleared in time, if that is planted."""


class Fault(StrEnum):
    """What can be planted."""

    FRAME_LATE = "frame-late"
    """A veil comes one frame late."""
    SMALL = "small"
    """A veil lacks a fifth of its box."""
    NEVER = "never"
    """A secret is never covered."""
    LARGE = "large"
    """A veil is far too large."""
    GAP = "gap"
    """A veil is away for three frames."""


@dataclass(frozen=True, slots=True)
class Script:
    """What to cover: (first, end, left, top, width, height), in frames from the first marker; ``late``: (first, end).

    ``planted``: (scene's name, secret's id, fault).
    """

    boxes: tuple[tuple[int, ...], ...]
    late: tuple[tuple[int, int], ...]
    planted: tuple[tuple[str, str, Fault], ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as the detector reads it."""
        return {"boxes": self.boxes, "late": self.late}


def write(programme: Programme, faults: Sequence[Fault] = (), late: bool = False) -> Script:
    """Return a script for ``programme``; of each of its scenes the first secrets get one of ``faults`` each.

    ``late``: a stretch in the middle of the last scene is not cleared in time.
    """
    boxes: list[tuple[int, ...]] = []
    planted: list[tuple[str, str, Fault]] = []
    for cue in programme.cues:
        ill: dict[str, Fault] = {}
        begun: dict[str, int] = {}  # the frame with which a secret came into sight
        before: frozenset[str] = frozenset()
        for frame, labels in enumerate(cue.tape.labels):
            for label in labels:
                if label.id not in ill and len(ill) < len(faults):
                    ill[label.id] = faults[len(ill)]
                    planted.append((cue.tape.name, label.id, ill[label.id]))
                if label.id not in before:
                    begun[label.id] = frame
                box = _veil(label, ill.get(label.id), frame - begun[label.id])
                if box is not None:
                    at = cue.first + frame - programme.markers[0]
                    boxes.append((at, at + 1, box[0], box[1], box[2] - box[0], box[3] - box[1]))
            before = frozenset(label.id for label in labels)
    spans: tuple[tuple[int, int], ...] = ()
    if late:
        cue = programme.cues[-1]
        first = cue.first + cue.tape.frames // 2 - programme.markers[0]
        spans = ((first, first + LATE),)
    return Script(tuple(boxes), spans, tuple(planted))


def _veil(label: Label, fault: Fault | None, age: int) -> Box | None:
    """Return what is covered of a secret that has been in sight for ``age`` frames."""
    left, top, right, bottom = label.box
    match fault:
        case Fault.NEVER:
            return None
        case Fault.FRAME_LATE if age == 0:
            return None
        case Fault.GAP if 6 <= age < 9:
            return None
        case Fault.SMALL:
            return left, top, right - (right - left) // 5, bottom
        case Fault.LARGE:
            return left - 150, top - 60, right + 150, bottom + 60
    return left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN
