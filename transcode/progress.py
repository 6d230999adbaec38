"""How far a broadcast has come on the part link, whichever worker it came from. Pure, no I/O.

It also holds workers to the order of the part link, so that a confused one cannot break a playlist.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from transcode.media import TIMELINE, Aired, Init, Part, PartItem, SegmentEnd, SegmentStart


class OutOfOrder(Exception):
    """A part item does not follow what came before; the text says how."""


@dataclass(slots=True)
class _Rendition:
    init: str | None = None
    timescale: int = 1
    aired: Aired | None = None


class Progress:
    """Follows the part items of ``renditions``."""

    def __init__(self, renditions: Iterable[str]) -> None:
        self._renditions = {name: _Rendition() for name in renditions}

    def take(self, item: PartItem) -> bool:
        """Note the next item and tell whether it is news; an Init that viewers have is not. Raises OutOfOrder."""
        rendition = self._renditions.get(item.rendition)
        if rendition is None:
            raise OutOfOrder(f"there is no rendition {item.rendition!r}")
        if isinstance(item, Init):
            known, rendition.init = rendition.init, item.name
            return known != item.name
        if isinstance(item, SegmentStart):
            rendition.aired = _begin(rendition, item)
            rendition.timescale = item.timescale
        else:
            rendition.aired = _go_on(rendition.aired, item)
        return True

    @property
    def aired(self) -> tuple[Aired, ...]:
        """How far each rendition has come; those that have not begun are left out."""
        return tuple(rendition.aired for rendition in self._renditions.values() if rendition.aired)

    @property
    def position(self) -> int | None:
        """How far the last of the renditions has come, in timeline ticks; None if one has not begun."""
        positions = [
            rendition.aired.end * TIMELINE // rendition.timescale
            for rendition in self._renditions.values()
            if rendition.aired
        ]
        return min(positions) if len(positions) == len(self._renditions) > 0 else None

    def reached(self, name: str) -> int | None:
        """How far the rendition ``name`` has come, in timeline ticks; None if it has not begun."""
        rendition = self._renditions[name]
        return rendition.aired.end * TIMELINE // rendition.timescale if rendition.aired else None


def _begin(rendition: _Rendition, item: SegmentStart) -> Aired:
    before = rendition.aired
    if rendition.init is None:
        raise OutOfOrder(f"{_name(item)} begins without an init segment")
    if item.timescale <= 0:
        raise OutOfOrder(f"{_name(item)} has a timescale of {item.timescale}")
    if before is not None:
        if not before.whole:
            raise OutOfOrder(f"{_name(item)} begins before segment {before.msn} has ended")
        if item.msn <= before.msn:
            raise OutOfOrder(f"{_name(item)} comes after segment {before.msn}")
        if item.timescale == rendition.timescale and item.start < before.end:
            raise OutOfOrder(f"{_name(item)} begins at {item.start}, before segment {before.msn} ends ({before.end})")
    return Aired(item.rendition, rendition.init, item.msn, 0, item.start, item.start, False)


def _go_on(before: Aired | None, item: Part | SegmentEnd) -> Aired:
    if before is None or before.whole or item.msn != before.msn:
        raise OutOfOrder(f"{_name(item)} has not begun or is whole")
    if item.duration < 0:
        raise OutOfOrder(f"{_name(item)} has a duration of {item.duration}")
    if isinstance(item, SegmentEnd):
        return replace(before, end=before.start + item.duration, whole=True)
    if item.index != before.index:
        raise OutOfOrder(f"{_name(item)} goes on with part {item.index} where {before.index} is next")
    return replace(before, index=before.index + 1, end=before.end + item.duration)


def _name(item: SegmentStart | Part | SegmentEnd) -> str:
    return f"segment {item.msn} of {item.rendition!r}"
