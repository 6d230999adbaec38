"""Secrets that are covered: each from the picture on in which it came, wherever it moves, until it is gone.

Pure, no I/O. What is told in numbers of pictures; ``Speech`` is told in ticks.
"""

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from filters.api import Box
from filters.screen.changes import EARLIER, Changes
from filters.screen.cover import Cover, Speech, cover_past
from filters.screen.looks import Reading, earliest
from filters.screen.pursuit import NEAR, clipped, cut, find, joined
from filters.screen.ring import Moment, Ring, Way
from filters.screen.scribe import Hit
from filters.screen.shift import NONE
from filters.screen.tiles import within

if TYPE_CHECKING:
    from filters.api import Bytes

_LOST_FOR = 20  # pictures after which something that was lost is read anew
_SAME = 0.5  # of a box: so much in common with another is the same
_BESIDE, _ABOVE = 6, 2  # pixels that what is found may reach out of its cover: more, and it gets one of its own
_CHANGED = 0.8  # likeness below which it is not what was read any more


@dataclass(slots=True)
class _Secret:
    """Something that is covered, and followed."""

    cover: Cover
    category: str
    way: Way
    origin: "Bytes"  # how it looked when it was read
    read_at: int  # the picture that was read

    @property
    def stays(self) -> bool:
        """Whether it is a secret for sure, and there."""
        return self.way.lost is None and not self.cover.provisional


class Tracking:
    """Covers secrets and follows them. ``rolling``: for how many pictures what may be the beginning of one is covered;
    ``shown``: after how many one has gone out."""

    def __init__(self, speech: Speech, ring: Ring, rolling: int, shown: int) -> None:
        self._speech = speech
        self._ring = ring
        self._rolling = rolling
        self._shown = shown
        self._secrets: list[_Secret] = []

    def found(self, changes: Changes, reading: Reading, hit: Hit) -> None:
        """Cover a secret: from the picture on in which it came, as far as it can be followed."""
        moment = self._ring.at(reading.picture)
        box = clipped(hit.box, moment.picture)
        if box is None:
            return
        since = earliest(reading.first[within(box, changes.shape)], reading.picture)
        patch, free = cut(moment.picture, box), reading.look.scene is not None
        past: list[tuple[int, Box]] | None = None
        for secret in self._secrets:
            way, came = secret.way, secret.way.places[0][0]
            if not secret.stays or hit.partial or came > reading.picture or not _held(box, way.at(reading.picture)):
                continue
            if not _alike(moment, way):  # it follows something else, whose place this has taken
                continue
            if not _held(box, way.at(since)):  # has it come the same way, or was it taken for another?
                past = past or self._ring.back(reading.picture, patch, box, since - EARLIER + 1, free)
                if any(number >= since and not _held(at, way.at(number)) for number, at in past):
                    continue
            if reading.picture > secret.read_at:
                secret.read_at, secret.origin = reading.picture, way.patch
            return
        if past is None:
            past = self._ring.back(reading.picture, patch, box, since - EARLIER + 1, free)
        way = self._ring.on(reading.picture, patch, box, free)
        if self._covered_before(reading, hit.category, box, since):  # then it is covered up to where it has changed
            past = [(number, at) for number, at in past if number > since - EARLIER]
        past = [each for each in past if not self._told(changes.number, *each)]
        way.places.extendleft([(reading.picture, box), *past])
        held = changes.number - self._shown + 1
        began = min([way.places[0][0], *(max(held, begun) for begun in self._begun(reading, box))])
        way.places[0] = (began, way.places[0][1])
        stamped = [(self._ring.pts(number), clipped(at, moment.picture) or at) for number, at in way.places]
        there = way.lost is None
        if hit.partial:
            if there:
                whole = reduce(joined, (at for _, at in way.places))
                cover = Cover(self._speech, hit.category, hit.score, stamped[0][0], whole, True)
                self._secrets.append(_Secret(cover, hit.category, way, way.patch, reading.picture))
            return
        if not there:
            changes.unlearn(patch, box)
            changes.unlearn(way.patch, way.box)
        if way.lost is not None and way.over <= changes.number:
            cover_past(self._speech, hit.category, hit.score, stamped, self._ring.pts(way.places[-1][0] + 1))
            return
        last = cover_past(self._speech, hit.category, hit.score, stamped, self._ring.now)
        assert last is not None
        if there:
            self._replace(way.box)
        cover = Cover(self._speech, hit.category, hit.score, *last)
        self._secrets.append(_Secret(cover, hit.category, way, way.patch, reading.picture))

    def _told(self, newest: int, number: int, box: Box) -> bool:
        """Whether a picture has gone out in which ``box`` was covered: there is nothing more to say of it."""
        return number <= newest - self._shown and self._speech.covered(self._ring.pts(number), box)

    def _replace(self, box: Box) -> None:
        """End covers of what lies in ``box``, which gets a cover of its own."""
        kept = []
        for secret in self._secrets:
            if secret.stays and _held(secret.way.box, box):
                secret.cover.close(self._ring.now)
            else:
                kept.append(secret)
        self._secrets = kept

    def _covered_before(self, reading: Reading, category: str, box: Box, since: int) -> bool:
        return any(
            secret.category == category
            and secret.stays
            and secret.way.places[0][0] <= since - EARLIER
            and _held(box, secret.way.at(reading.picture))
            for secret in self._secrets
        )

    def _begun(self, reading: Reading, box: Box) -> list[int]:
        """Return since when beginnings of it have been seen."""
        return [
            secret.way.places[0][0]
            for secret in self._secrets
            if secret.cover.provisional and _common(secret.way.at(reading.picture), box) > _SAME
        ]

    def follow(self, changes: Changes, moment: Moment) -> None:
        """Follow what is covered into the newest picture."""
        for secret in self._secrets:
            way = secret.way
            if not (
                changes.shift != NONE or way.lost is not None or changes.moved[within(way.box, changes.shape)].any()
            ):
                secret.cover.move(moment.pts, way.box)  # it is told of anew now and then
                continue
            way.follow(moment)
            if way.places[-1][0] == moment.number:
                secret.cover.move(moment.pts, way.places[-1][1])
        self._let_go(changes)

    def _let_go(self, changes: Changes) -> None:
        """End covers of what has been gone for long, and beginnings that have not become anything."""
        kept = []
        for secret in self._secrets:
            way = secret.way
            if secret.cover.provisional:
                secret.cover.renew(self._ring.pts(changes.number - self._rolling))
                if way.lost is not None or changes.number - secret.read_at > self._rolling:
                    secret.cover.close(self._ring.now)
                    continue
            elif way.lost is not None and changes.number - way.lost >= _LOST_FOR:
                tiles = within(way.box, changes.shape)
                if not (changes.dirty | (changes.owner > 0))[tiles].any():
                    secret.cover.close(self._ring.pts(way.over))
                    continue
            kept.append(secret)
        self._secrets = kept

    def reconcile(self, changes: Changes, reading: Reading) -> None:
        """End covers of what is not there any more, as has been read."""
        kept = []
        for secret in self._secrets:
            if self._gone(changes, reading, secret):
                over = secret.way.over if secret.way.lost is not None else reading.picture + 1
                secret.cover.close(self._ring.now if secret.cover.provisional else self._ring.pts(over))
                changes.unlearn(secret.way.patch, secret.way.box)
            else:
                kept.append(secret)
        self._secrets = kept

    def _gone(self, changes: Changes, reading: Reading, secret: _Secret) -> bool:
        if secret.read_at >= reading.picture or secret.way.back > reading.picture:
            return False
        way, box = secret.way, secret.way.at(reading.picture)
        if not reading.look.tiles[within(box, changes.shape)].any():
            return False
        if any(_common(box, line) > 0 for line in reading.unclear):
            return False
        if any(_common(box, hit.box) > _SAME / 2 for hit in reading.hits):
            # It has been found again, and has a cover of its own; or is the same, and was not followed anew.
            return secret.cover.provisional or way.lost is not None
        if secret.cover.provisional:
            return True
        if way.lost is not None:
            return way.lost <= reading.picture
        part = clipped(box, reading.look.picture)
        if part is None or part[2:] != secret.origin.shape[::-1]:
            return True
        place = find(cut(reading.look.picture, part), secret.origin, Box(0, 0, part.width, part.height))
        return place is None or place.likeness < _CHANGED


def _alike(moment: Moment, way: Way) -> bool:
    """Whether what is followed looks as it does at that moment."""
    place = find(moment.picture, way.patch, way.at(moment.number), NEAR)
    return place is not None and place.likeness >= _CHANGED


def _common(a: Box, b: Box) -> float:
    """Return how much of the smaller box lies in the other."""
    return max(_covered(a, b), _covered(b, a))


def _held(box: Box, by: Box) -> bool:
    """Whether a box lies in another, or nearly so."""
    return (
        by.left - box.left <= _BESIDE
        and by.top - box.top <= _ABOVE
        and box.left + box.width - by.left - by.width <= _BESIDE
        and box.top + box.height - by.top - by.height <= _ABOVE
    )


def _covered(box: Box, by: Box) -> float:
    """Return how much of a box lies in another."""
    wide = min(box.left + box.width, by.left + by.width) - max(box.left, by.left)
    high = min(box.top + box.height, by.top + by.height) - max(box.top, by.top)
    return max(0, wide) * max(0, high) / (box.width * box.height)
