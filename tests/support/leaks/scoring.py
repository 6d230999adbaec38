"""From what was seen of each secret in each frame to what leaked, how, and for how long. Pure, no I/O.

Words as the table has them. A secret is **shown** in a frame that has at least ``SHOWN`` of it; it is **leaked** there
if less than ``COVERED`` of its box is veiled, or if a recogniser reads it all the same. A **stretch** is as long as it
is in sight without a break. One that is never covered in a whole stretch has been **misread**: it would have leaked at
any speed. One that is covered in a part of it and open in another leaked by **timing**; if it was open from the
beginning and covered later on, that is a **first-frame** leak. Slate, and a frame that a room leaves out, show nothing
and tell nothing of that.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

SHOWN = 0.9
"""Of a secret's characters, from which on nothing of worth is missing."""
PARTIAL = 0.5
"""From here on it is in sight, and counted apart."""
COVERED = 0.9
"""Of a secret's box."""
_Z = 1.959964  # of a normal distribution, 95 % lie within so many deviations


class Seen(NamedTuple):
    """A secret in one frame. ``share``: of its characters, how many were there before; ``veiled``: of its box, how much
    went out covered; ``read``: a recogniser reads it in what went out; ``absent``: viewers got slate, or no frame."""

    frame: int
    id: str
    category: str
    share: float
    veiled: float
    read: bool
    absent: bool = False

    @property
    def leaked(self) -> bool:
        """Whether viewers can have it from this frame, if it is all there."""
        return not self.absent and (self.veiled < COVERED or self.read)


@dataclass(frozen=True, slots=True)
class Secret:
    """What became of one secret. Frames are numbers of its scene; ``open`` are its leaked ones as (first, last)."""

    id: str
    category: str
    shown: int
    partial: int
    partial_open: int
    by_timing: int
    """Leaked frames of stretches in which it was covered, too."""
    by_misread: int
    """Leaked frames of stretches in which it never was."""
    first_frame: bool
    open: tuple[tuple[int, int], ...]

    @property
    def leaked(self) -> int:
        """In how many frames."""
        return self.by_timing + self.by_misread


def judge(seen: Iterable[Seen]) -> list[Secret]:
    """Return what became of each secret of one scene that was shown, or partly in sight."""
    of_each: defaultdict[str, list[Seen]] = defaultdict(list)
    for each in seen:
        if each.share >= PARTIAL:
            of_each[each.id].append(each)
    return [_judged(sorted(looks)) for looks in of_each.values()]


def _judged(looks: Sequence[Seen]) -> Secret:
    by_timing = by_misread = 0
    first_frame = False
    for stretch in _stretches(looks):
        shown = [look.leaked for look in stretch if look.share >= SHOWN and not look.absent]
        leaked = sum(shown)
        if all(look.leaked for look in stretch if not look.absent):
            by_misread += leaked
        else:
            by_timing += leaked
            first_frame |= bool(leaked) and shown[0]
    whole = [look for look in looks if look.share >= SHOWN]
    partial = [look for look in looks if look.share < SHOWN]
    return Secret(
        looks[0].id,
        looks[0].category,
        len(whole),
        len(partial),
        sum(look.leaked for look in partial),
        by_timing,
        by_misread,
        first_frame,
        tuple(_runs([look.frame for look in whole if look.leaked])),
    )


def _stretches(looks: Sequence[Seen]) -> Iterable[list[Seen]]:
    stretch = [looks[0]]
    for before, look in pairwise(looks):
        if look.frame > before.frame + 1:
            yield stretch
            stretch = []
        stretch.append(look)
    yield stretch


def _runs(frames: Sequence[int]) -> list[tuple[int, int]]:
    """Return numbers that follow each other as (first, last)."""
    runs: list[tuple[int, int]] = []
    for frame in frames:
        if runs and runs[-1][1] == frame - 1:
            runs[-1] = runs[-1][0], frame
        else:
            runs.append((frame, frame))
    return runs


@dataclass
class Totals:
    """Sums over secrets of one kind of scene, or of all. Areas in frames: 1 is one whole picture for one frame."""

    shown: int = 0
    timing: int = 0
    misread: int = 0
    first_frame: int = 0
    unreadable: int = 0
    """Secrets that no recogniser can read before they are published: they count for nothing else."""
    frames_shown: int = 0
    frames_timing: int = 0
    frames_misread: int = 0
    partial: int = 0
    partial_open: int = 0
    frames: int = 0
    overdone: float = 0.0
    slate: int = 0
    leaks: list[tuple[str, Secret]] = field(default_factory=list)
    """With the names of their scenes."""

    def add(self, scene: str, secrets: Iterable[Secret], unreadable: Collection[str] = ()) -> None:
        """Add the secrets of ``scene``; ``unreadable``: the ids of those that cannot be read at the source."""
        for secret in secrets:
            if not secret.shown:
                self.partial += secret.partial
                self.partial_open += secret.partial_open
                continue
            if secret.id in unreadable:
                self.unreadable += 1
                continue
            self.shown += 1
            self.timing += bool(secret.by_timing)
            self.misread += bool(secret.by_misread)
            self.first_frame += secret.first_frame
            self.frames_shown += secret.shown
            self.frames_timing += secret.by_timing
            self.frames_misread += secret.by_misread
            self.partial += secret.partial
            self.partial_open += secret.partial_open
            if secret.leaked:
                self.leaks.append((scene, secret))

    def add_area(self, frames: int, overdone: float, slate: int) -> None:
        """Add a scene's frames: how much of them (in frames) was veiled without cause, and how many were slate."""
        self.frames += frames
        self.overdone += overdone
        self.slate += slate

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    @property
    def overdone_share(self) -> float:
        """Of area and time, what was veiled without cause; slate counts as all of a picture."""
        return (self.overdone + self.slate) / self.frames if self.frames else 0.0

    @property
    def covered_share(self) -> float:
        """Of the time, what was slate."""
        return self.slate / self.frames if self.frames else 0.0


def wilson(count: int, of: int) -> tuple[float, float]:
    """Return the bounds of a share at 95 % (E. B. Wilson, 1927): (0, 1) where nothing was tried."""
    if not of:
        return 0.0, 1.0
    p, square = count / of, _Z * _Z
    middle = p + square / 2 / of
    half = _Z * sqrt(p * (1 - p) / of + square / 4 / of / of)
    scale = 1 + square / of
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
