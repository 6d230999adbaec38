"""Whether the labels of a scene can be true, from their boxes alone. Pure, no I/O."""

from collections.abc import Iterable
from itertools import combinations
from math import radians, tan

from tests.support.scenes.scene import Label
from tests.support.scenes.sight import area, common

_HIGHER = 1.9  # times: ink that is measured well is as high in each frame, but for a pixel at a small one's edge
_OVERLAP = 0.2  # of the smaller box: lines that are written beside each other share no more
_TILT = tan(radians(5))  # of its width: so much higher is the box of a held line that is turned as far as it may be


def faults(kind: str, frames: Iterable[tuple[Label, ...]]) -> list[str]:
    """Return what cannot be true of the labels of a scene of ``kind``, one for each secret or two of them.

    The box of a complete secret is at most 1.9 times as high as its lowest one in the scene, but for as much as it is
    wider, which says that it is zoomed, and as a hand tilts it. Two boxes in one frame share a fifth of the smaller at
    most.
    """
    found: dict[str, str] = {}
    first: dict[Label, int] = {}
    seen: set[tuple[Label, ...]] = set()
    for at, labels in enumerate(frames):
        if labels in seen:
            continue
        seen.add(labels)
        for label in labels:
            first.setdefault(label, at)
        for one, two in combinations(labels, 2):
            if area(common(one.box, two.box)) > _OVERLAP * min(area(one.box), area(two.box)):
                names = " ".join(sorted((one.id, two.id)))
                found.setdefault(names, f"frame {at}: {one.id} at {one.box} lies over {two.id} at {two.box}")
    lowest: dict[str, Label] = {}
    complete = [label for label in first if label.share == 1.0]
    for label in complete:
        lowest[label.id] = min(lowest.get(label.id, label), label, key=_height)
    for label in complete:
        low = lowest[label.id]
        zoomed = max(_width(label) / _width(low), 1.0)
        tilted = _TILT * _width(label) if kind == "camera" else 0.0
        if _height(label) > _HIGHER * zoomed * _height(low) + tilted:
            found.setdefault(label.id, f"frame {first[label]}: {label.id} at {label.box}, and at {low.box} elsewhere")
    return list(found.values())


def _height(label: Label) -> int:
    return label.box[3] - label.box[1]


def _width(label: Label) -> int:
    return label.box[2] - label.box[0]
