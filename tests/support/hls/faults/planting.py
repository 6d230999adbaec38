"""How faults are planted: copies of legal records with something changed. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.support.hls.legal import Record
from tests.support.hls.rules import Rule
from tests.support.hls.told import Told

PICTURE, OTHER, SOUND = "180p", "120p", "audio"
"""The renditions of the record that faults are planted in."""
Plant = Callable[[Record], Record]
Edit = Callable[[str], str]
KEPT = 45
"""Playlists of each rendition, where media plays no part: some ten seconds."""


@dataclass(frozen=True)
class Fault:
    """What breaks ``rule`` and, where one thing cannot be wrong alone, the rules named ``also``.

    ``text`` is for people. ``media``: whether what was got plays a part.
    """

    rule: Rule
    text: str
    plant: Plant
    also: frozenset[str] = frozenset()
    media: bool = False


def fault(rule: Rule, text: str, plant: Plant, *also: str, media: bool = False) -> Fault:
    return Fault(rule, text, plant, frozenset(also), media)


def of_playlists(record: Record) -> Record:
    """The last seconds of ``record``, without media."""
    playlists = {name: _from_full(told[-KEPT:]) for name, told in record.playlists.items()}
    begin = min(told[0].asked_at for told in playlists.values())
    masters = tuple(replace(each, asked_at=begin, at=begin) for each in record.masters[-1:])
    return replace(record, playlists=playlists, media={}, masters=masters)


def _from_full(told: tuple[Told, ...]) -> tuple[Told, ...]:
    return told[next(n for n, each in enumerate(told) if "EXT-X-SKIP" not in each.text) :]


def with_told(record: Record, rendition: str, told: tuple[Told, ...]) -> Record:
    return replace(record, playlists={**record.playlists, rendition: told})


def in_all(edit: Edit, rendition: str = PICTURE) -> Plant:
    """All playlists of a rendition are wrong."""

    def plant(record: Record) -> Record:
        told = tuple(replace(each, text=edit(each.text)) for each in record.playlists[rendition])
        return with_told(record, rendition, told)

    return plant


def in_last(edit: Edit, rendition: str = PICTURE, before: int = 0) -> Plant:
    """The last playlist that is not a Delta Update is wrong, and the last one; or one so many ``before``."""

    def plant(record: Record) -> Record:
        told = _up_to_full(record, rendition)
        at = len(told) - 1 - before
        return with_told(record, rendition, (*told[:at], replace(told[at], text=edit(told[at].text)), *told[at + 1 :]))

    return plant


def in_single(edit: Edit, rendition: str = PICTURE) -> Plant:
    """There is one playlist of that rendition, and it is wrong."""

    def plant(record: Record) -> Record:
        last = _up_to_full(record, rendition)[-1]
        return with_told(record, rendition, (replace(last, text=edit(last.text), msn=None, part=None),))

    return plant


def in_masters(edit: Edit) -> Plant:
    def plant(record: Record) -> Record:
        return replace(record, masters=tuple(replace(each, text=edit(each.text)) for each in record.masters))

    return plant


def _up_to_full(record: Record, rendition: str) -> tuple[Told, ...]:
    """What was told up to the last playlist that is all of it, and has a segment of five parts that grows."""
    told = record.playlists[rendition]
    good = [n for n, each in enumerate(told) if not each.skip and growing(each.text) in range(4, 8)]
    return told[: good[-1] + 1]


def growing(text: str) -> int:
    """How many parts the segment has that grows."""
    return len([line for line in Pages(text).blocks[-1] if line.startswith("#EXT-X-PART:")])


def swap(old: str, new: str, times: int = -1) -> Edit:
    """Put ``new`` in the place of ``old``, which has to be there, but for the playlists where it has left."""
    return lambda text: text.replace(old, new, times)


def swap_pattern(pattern: str, new: str, times: int = 0) -> Edit:
    return lambda text: re.sub(pattern, new, text, count=times)


def without(start: str, times: int = 0) -> Edit:
    """Leave out the lines that begin with ``start``, all or the first few."""
    return lambda text: re.sub(rf"(?m)^{re.escape(start)}.*\n", "", text, count=times)


def raised(tag: str, by: int) -> Edit:
    """The number of a tag is another one."""
    return lambda text: re.sub(rf"(?m)^(#{tag}:)(\d+)$", lambda match: f"{match[1]}{int(match[2]) + by}", text)


class Pages:
    """A playlist cut into what comes first, what belongs to each segment, and what comes last."""

    def __init__(self, text: str) -> None:
        lines = text.splitlines()
        begin = next(n for n, line in enumerate(lines) if line.startswith(("#EXT-X-MAP", "#EXT-X-PROGRAM")))
        end = next(
            (n for n, line in enumerate(lines) if line.startswith(("#EXT-X-PRELOAD", "#EXT-X-ENDLIST"))), len(lines)
        )
        self.head, self.tail = lines[:begin], lines[end:]
        self.blocks: list[list[str]] = [[]]
        for line in lines[begin:end]:
            self.blocks[-1].append(line)
            if not line.startswith("#"):
                self.blocks.append([])

    @property
    def text(self) -> str:
        return "\n".join([*self.head, *(line for block in self.blocks for line in block), *self.tail, ""])


def in_blocks(change: Callable[[Pages], None]) -> Edit:
    def edit(text: str) -> str:
        pages = Pages(text)
        change(pages)
        return pages.text

    return edit
