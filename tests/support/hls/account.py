"""What a player would have suffered from what its playlists said: gaps, time that was lost, and waiting. Pure.

Times are in seconds, moments those of ``time.monotonic``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Self

from tests.support.hls.reader import Entry

SAME_MOMENT = 0.02
"""Programme times are told in milliseconds, and sound is cut at whole frames of it: less than a frame is no hole."""
PAUSE = 1.0
"""Media comes several times a second; a longer wait than this is an interruption."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A whole segment, and the moment when it was listed first."""

    entry: Entry
    seen: float

    @property
    def start(self) -> float:
        return self.entry.date if self.entry.date is not None else float("nan")

    @property
    def end(self) -> float:
        return self.start + self.entry.seconds


@dataclass(frozen=True, slots=True)
class Account:
    """What a player of one rendition would have suffered, or of several: the worst of each.

    ``gap``: seconds listed as EXT-X-GAP. ``lost``: programme time between the end of a segment and the start of the
    next. ``again``: programme time that was told twice. ``wait``: the longest time without anything new. ``recovery``:
    from the moment that was asked for to the end of the last interruption; 0 if media came all along.
    """

    discontinuities: int = 0
    gap: float = 0.0
    lost: float = 0.0
    again: float = 0.0
    wait: float = 0.0
    recovery: float = 0.0
    skipped: int = 0
    """Numbers that were never listed."""

    def worst(self, other: Self) -> "Account":
        return Account(*(max(getattr(self, each.name), getattr(other, each.name)) for each in fields(self)))


def sum_up(listed: Sequence[Listed], news: Sequence[float], media: Sequence[float], since: float) -> Account:
    """Sum up what was listed from the moment ``since`` on. ``news`` are the moments when there was anything new,
    ``media`` when there was something to play."""
    joints = [(before, after) for before, after in pairwise(listed) if after.seen >= since]
    holes = [after.start - before.end for before, after in joints]
    pauses = [after for before, after in pairwise(media) if after - before > PAUSE and after > since]
    return Account(
        discontinuities=sum(after.entry.breaks - before.entry.breaks for before, after in joints),
        gap=sum(each.entry.seconds for each in listed if each.entry.gap and each.seen >= since),
        lost=sum(hole for hole in holes if hole > SAME_MOMENT),
        again=sum(-hole for hole in holes if hole < -SAME_MOMENT),
        wait=max((after - before for before, after in pairwise(news) if after > since), default=0.0),
        recovery=max(pauses) - since if pauses else 0.0,
        skipped=sum(after.entry.number - before.entry.number - 1 for before, after in joints),
    )
