"""The last pictures of a screen, and how it was scrolled between them; what is found now is followed back in them.

Pure, no I/O. Pictures are numbered one after another.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from filters.api import TICKS, Box
from filters.screen.pursuit import FAR, NEAR, Place, clipped, cut, find, find_afar, joined
from filters.screen.shift import NONE, Shift
from filters.screen.tiles import HIGH, WIDE

if TYPE_CHECKING:
    from filters.api import Bytes
    from filters.screen.tiles import Map

_SURE = 0.8
"""Likeness from which on what is found replaces what is looked for: so it may change on its way."""
SWEPT = 6
"""Pictures in which something that was moving is taken to go on, though it cannot be made out."""
_FARTHEST = 800  # pixels
_LATELY, _LONGEST = 5, TICKS // 10  # pictures that tell when the next ones come; and at most so long apart
_TRIES = 4  # pictures in which it is looked for further away
_PLACES = 256  # that are remembered: more than there are pictures
_HARDLY = 2  # pictures that show something before it can be found in them
_PATIENCE = 5  # pictures in a row in which it may be unlike: they are blurred, or it is half there


@dataclass(frozen=True, slots=True)
class Moment:
    """One picture: padded luma. ``shift``: how far things have moved since the one before; ``torn``: much of it is
    other than there, and was not only moved; ``other``: where that is so."""

    number: int
    pts: int
    picture: "Bytes"
    shift: Shift
    torn: bool = False
    other: "Map | None" = None


@dataclass(slots=True)
class Way:
    """Where something is in one picture after another: ``places``, as (number, box). ``patch``: how it looked when it
    was seen last, in ``box``; ``free``: it may move as it likes, as what is held in hands does."""

    patch: "Bytes"
    box: Box
    free: bool
    places: deque[tuple[int, Box]] = field(default_factory=lambda: deque(maxlen=_PLACES))
    going: Shift = NONE  # how it moves
    drift: Shift = NONE  # how far the page has moved since it was seen
    lost: int | None = None  # since which picture it is not found
    back: int = -1  # in which picture it was found again

    def follow(self, moment: Moment) -> None:
        """Look for it in the next picture. For a while it is taken to go on where it cannot be made out."""
        self.drift = Shift(self.drift.right + moment.shift.right, self.drift.down + moment.shift.down)
        place = _found(moment, self.patch, self.box, (self.drift, self.going), self.free)
        if place is None:
            self.lost = self.lost if self.lost is not None else moment.number
            if moment.number < self.over:
                there = swept(self.box, self.going, moment.number - self.lost + 1, self.free)
                self.places.append((moment.number, joined(there, moved(self.box, self.drift))))
            return
        if self.lost is not None:  # what is read of pictures in which it was not tells nothing of it now
            self.back = moment.number
        self.going = Shift(place.box.left - self.box.left, place.box.top - self.box.top)
        self.box, self.lost, self.drift = place.box, None, NONE
        if place.likeness > _SURE:
            self.patch = _part(moment, place.box, self.patch)
        self.places.append((moment.number, place.box))

    @property
    def over(self) -> int:
        """In which picture it is gone for good, if it is lost."""
        assert self.lost is not None
        return self.lost + (1 if self.going == NONE and self.drift == NONE else SWEPT)

    def at(self, number: int) -> Box:
        """Return where it was in picture ``number``."""
        for known, box in reversed(self.places):
            if known <= number:
                return box
        return self.places[0][1] if self.places else self.box


class Ring:
    """The pictures of the last ``most`` moments, and up to half as many more while they are needed; memory is taken by
    those that differ."""

    def __init__(self, most: int) -> None:
        self._moments: deque[Moment] = deque()
        self._most = most

    def add(self, moment: Moment, since: int) -> None:
        """Take the newest picture; those from ``since`` on are still needed."""
        self._moments.append(moment)
        while len(self._moments) > self._most and (
            self._moments[0].number < since or len(self._moments) > self._most * 3 // 2
        ):
            self._moments.popleft()

    @property
    def oldest(self) -> int:
        """The number of the oldest picture that there is."""
        return self._moments[0].number

    @property
    def now(self) -> int:
        """The stamp of the newest picture."""
        return self._moments[-1].pts

    @property
    def shape(self) -> tuple[int, int]:
        """Of the pictures, in tiles: (rows, columns)."""
        height, width = self._moments[-1].picture.shape
        return height // HIGH, width // WIDE

    def has(self, number: int) -> bool:
        """Whether the picture of that number is there."""
        return number >= self._moments[0].number

    def at(self, number: int) -> Moment:
        """Return the picture of that number, or the oldest or newest that there is."""
        return self._moments[min(max(0, number - self._moments[0].number), len(self._moments) - 1)]

    def pts(self, number: int) -> int:
        """Return the stamp of the picture of that number, or of the oldest that there is; of one that is yet to come,
        when it is to be expected."""
        newest = self._moments[-1].number
        back = max(1, min(_LATELY, newest - self.oldest))
        usual = (self.now - self.at(newest - back).pts) // back
        return self.at(number).pts + max(0, number - newest) * min(usual, _LONGEST)

    def travel(self, start: int, end: int) -> Shift | None:
        """Return how far things have moved from picture ``start`` to ``end``; None if that is not known, or they have
        not only moved, one way."""
        moments = [self.at(number) for number in range(start + 1, end + 1)]
        if not self.has(start) or any(moment.torn for moment in moments):
            return None
        ways = {("right", moment.shift.right > 0) for moment in moments if moment.shift.right}
        ways |= {("down", moment.shift.down > 0) for moment in moments if moment.shift.down}
        return self.moved_by(start, end) if len(ways) <= 1 else None

    def moved_by(self, start: int, end: int) -> Shift:
        """Return how far things have moved from picture ``start`` to ``end`` in all, to and fro, as far as is known."""
        shifts = [self.at(number).shift for number in range(max(start, self.oldest) + 1, end + 1)]
        return Shift(sum(abs(shift.right) for shift in shifts), sum(abs(shift.down) for shift in shifts))

    def back(self, start: int, patch: "Bytes", box: Box, until: int, afar: bool = False) -> list[tuple[int, Box]]:
        """Return where ``patch``, in ``box`` at picture ``start``, was in those before it, back to where it came.

        It is taken to have been there in each from ``until`` on, though it may not have looked the same; if it was
        further away then, there, too: it may have been pushed in. ``afar``: it may move as it likes, as what is held in
        hands does.
        """
        places: list[tuple[int, Box]] = []
        pushed: dict[int, Box] = {}
        tries = _TRIES
        unlike = doubted = 0  # pictures in a row in which it is not found; and those of them that are kept for now
        going = NONE  # how it moves: where it cannot be seen it is taken to go on like that, or with the page
        drift = NONE  # how far the page has moved since it was seen
        later = self.at(start)
        for number in range(start - 1, self._moments[0].number - 1, -1):
            moment = self.at(number)
            if later.picture is moment.picture and not unlike:
                places.append((number, box))
                later = moment
                continue
            ahead = Shift(going.right * (unlike + 1), going.down * (unlike + 1))
            drift = Shift(drift.right - later.shift.right, drift.down - later.shift.down)
            place = _found(moment, patch, box, (drift, ahead), afar)
            later = moment
            if place is None:
                unlike += 1
                if number < until and unlike > _PATIENCE:
                    break
                doubted += 1
                if number >= until and going == NONE and drift == NONE and not (afar or pushed) and tries:
                    tries -= 1
                    pushed = self._pushed(start, number, patch, box, until)
                places.append((number, joined(swept(box, going, unlike, afar), moved(box, drift))))
                continue
            steps, unlike, doubted, drift = unlike + 1, 0, 0, NONE
            going = Shift((place.box.left - box.left) // steps, (place.box.top - box.top) // steps)
            box = place.box
            if place.likeness > _SURE:
                patch = _part(moment, box, patch)
            places.append((number, box))
        if doubted:  # these were before it came, but for the first ones: what has just come is hardly coded
            needless = sum(1 for number, _ in places[len(places) - doubted + _HARDLY :] if number < until)
            places = places[: len(places) - needless]
        return [(number, joined(box, pushed.get(number, box))) for number, box in places]

    def _pushed(self, start: int, number: int, patch: "Bytes", box: Box, until: int) -> dict[int, Box]:
        """Return where ``patch``, in ``box`` at picture ``start``, was further away in picture ``number`` and those
        before it up to ``until``; nothing if that is something else, which is there at ``start``, too."""
        place = find_afar(self.at(number).picture, patch, box)
        if place is None or find(self.at(start).picture, patch, place.box, NEAR) is not None:
            return {}
        before = self.back(number, patch, place.box, until, afar=True)
        return {number: place.box} | {number: box for number, box in before if number >= until}

    def on(self, start: int, patch: "Bytes", box: Box, afar: bool = False) -> Way:
        """Follow ``patch``, in ``box`` at picture ``start``, through those after it; return its way from there on."""
        way = Way(patch, box, afar)
        before = self.at(start)
        for moment in self._after(start):
            if moment.picture is not before.picture:
                way.follow(moment)
            elif way.lost is None:
                way.places.append((moment.number, way.box))
            before = moment
        return way

    def _after(self, number: int) -> Iterator[Moment]:
        first = self._moments[0].number
        for index in range(max(0, number + 1 - first), len(self._moments)):
            yield self._moments[index]


def _found(moment: Moment, patch: "Bytes", box: Box, shifts: Sequence[Shift], afar: bool) -> Place | None:
    """Return where it is: it may have stayed, or have moved by one of ``shifts``; or ``afar``, as it liked."""
    for shift in shifts:  # if it has moved with the page, which is most likely, it is there to the pixel
        there = find(moment.picture, patch, moved(box, shift), NEAR) if shift != NONE else None
        if there is not None and there.likeness > _SURE:
            return there
    best = find(moment.picture, patch, box)
    for shift in shifts:
        if shift != NONE and (best is None or best.likeness < _SURE):
            there = find(moment.picture, patch, moved(box, shift), FAR + max(abs(shift.right), abs(shift.down)) // 2)
            if there is not None and (best is None or there.likeness > best.likeness):
                best = there
    return find_afar(moment.picture, patch, box) if best is None and afar else best


def moved(box: Box, by: Shift) -> Box:
    """Return a box that has been moved."""
    return box._replace(left=box.left + by.right, top=box.top + by.down)


def _part(moment: Moment, box: Box, before: "Bytes") -> "Bytes":
    """Return how it looks now; as it looked ``before`` where it is not wholly in the picture."""
    return cut(moment.picture, box) if clipped(box, moment.picture) == box else before


def swept(box: Box, going: Shift, unlike: int, free: bool) -> Box:
    """Return all that something may be in that was in ``box`` ``unlike`` pictures ago, and was ``going`` on then."""
    # What is held into a picture, or taken away, gathers speed.
    far = unlike * (unlike + 3) + 2 if free else 2 * unlike + 2
    right, down = (min(max(by * far, -_FARTHEST), _FARTHEST) for by in going)
    return joined(box, moved(box, Shift(right, down)))
