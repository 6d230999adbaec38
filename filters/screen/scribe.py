"""Reads what has changed on a screen, line by line, and says where secrets are. Knows no clock and starts no thread.

A look is taken apart into lines; lines that are known already are not read again; the others are read quickly, from top
to bottom, and then, what is doubtful, by the better reader. A label whose value stands in another line speaks for that.
"""

import heapq
import re
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Protocol

import numpy as np

from filters.api import Box
from filters.reading.hybrid import HybridReader
from filters.reading.rapid import Strip
from filters.reading.reading import NOTHING, Reading
from filters.screen.lines import lines
from filters.screen.memory import LineMemory
from filters.screen.pursuit import clipped, common, joined
from filters.screen.tiles import HIGH, within
from filters.secrets import Match

if TYPE_CHECKING:
    from filters.api import Bytes
    from filters.screen.tiles import Map


@dataclass(frozen=True, slots=True)
class Look:
    """What is to be read: of ``picture`` (padded luma) what ``tiles`` show. ``scene``: it is no screen but a camera's
    picture, or another that moves, of which this box is looked at. ``fleeting``: it is ``gone``, or is about to be: the
    page is being scrolled, a window dragged, a slide fades; ``swift``: so fast that nothing can be read."""

    number: int
    picture: "Bytes"
    tiles: "Map"
    scene: Box | None = None
    fleeting: bool = False
    swift: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A secret, or ``partial``: the beginning of one. ``box``: where it stands in the look's picture."""

    category: str
    box: Box
    score: float
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Outline:
    """Where a look's lines are that have to be read; the rest of it is none's. ``full``: a scene has too many lines to
    be a camera's picture, or moves too fast; they are not read."""

    look: int
    lines: tuple[Box, ...]
    full: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """A line (``box``) has been read; these are its secrets."""

    look: int
    box: Box
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Unclear:
    """A line (``box``) cannot be read well while it moves: it may not be there whole yet."""

    look: int
    box: Box


@dataclass(frozen=True, slots=True)
class Finished:
    """All of a look has been read."""

    look: int


Report = Outline | Decided | Unclear | Finished


class Judge(Protocol):
    """Tells secrets in texts: see ``filters.secrets.Matcher``."""

    def find(self, text: str) -> list[Match]:
        """Return the secrets in a text."""
        ...

    def cut(self, text: str) -> list[Match]:
        """Return what else is secret in a text whose beginning is out of sight."""
        ...

    def label(self, text: str) -> str | None:
        """Return of what category a value is that stands beside this text."""
        ...

    def value(self, category: str, text: str) -> list[Match]:
        """Return what of a text is secret because a label stands beside it."""
        ...


OUTSIDE = 128
"""Pixels beside a scene that are searched for text with it."""
_BORDER = 64  # pixels
_SHORT_WORD = 10  # letters, with the space after it
_CERTAIN = 0.85  # score of a secret about which a better reading would change nothing


def in_doubt(text: str, doubtful: Sequence[tuple[int, int]], found: Sequence[Match]) -> list[tuple[int, int]]:
    """Return what of ``doubtful`` parts of a text is not among what is ``found`` for certain, with the word that it
    begins in, and a short one before that: it may be a part of it, or what tells what it is. Of an address the word
    before it may be a part: an underscore is easily read as a space."""
    certain = [match for match in found if match.score >= _CERTAIN and not match.partial and match.category != "email"]
    parts = [(a, b) for a, b in doubtful if not any(match.start <= a + 1 and b - 1 <= match.end for match in certain)]
    addresses = {match.start for match in found if match.category == "email"}
    return [(text.rfind(" ", 0, max(0, a - 1)) + 1 if a in addresses else _word(text, a), b) for a, b in parts]


def _word(text: str, at: int) -> int:
    start = text.rfind(" ", 0, at) + 1
    before = text.rfind(" ", 0, max(0, start - 1)) + 1
    return before if start - before <= _SHORT_WORD else start


class Finder(Protocol):
    """Finds lines of text in any picture: see ``filters.reading.rapid.TextFinder``."""

    def find(self, luma: "Bytes", longest: int) -> list[Strip]:
        """Return where lines are."""
        ...


@dataclass(slots=True)
class _Line:
    box: Box
    picture: "Bytes"  # with a margin
    left: int  # of it, in the whole
    strip: Strip | None = None
    readings: list[Reading] = field(default_factory=list)
    parts: list[tuple[int, int]] = field(default_factory=list)  # to be read better


@dataclass(slots=True)
class _Job:
    look: Look
    lines: list[_Line] = field(default_factory=list)
    open: int = 0
    unsure: int = 0  # lines
    text: list[Box] | None = None  # where the finder sees some


@dataclass(frozen=True, slots=True)
class _Text:
    """A line that is on the screen, as far as is known."""

    box: Box
    picture: "Bytes"
    text: str
    label: str | None
    look: int


_EDGE = 3  # pixels from the picture's: a line that begins there may have begun further out
_MARGIN, _MARGIN_SIDE = 3, 9  # pixels around a line that are read with it; a thin stroke may stand beside it
_SIDE = 0.45  # of a line's height: covered beside a secret's letters, whose places are known about so well
_LOOSE = 0.15  # of the height of what is found in a scene: covered around it, too
_ABOVE = 2  # pixels covered above and below
_CLEAR = 0.9  # confidence from which on a reading will do for good
_MANY = 6  # lines of a look that the quick reader cannot make out: the finder is asked
_MOST_UNSURE = 0.6  # of the lines of a look at what moves: it is no page
_LOOK_LONGEST = 960  # pixels of a look as it is searched for text
_SEEN = 12  # pixels of a line that the finder sees for sure
_SCENE_LONGEST = 704  # pixels of a scene as it is searched for text
_BEFORE = re.compile(r"[a-z0-9.+-]{2,24} \Z")
_MUCH = 9  # letters and digits of a number or key
_SHORT = ("email", "password")  # kinds of which a beginning is not much, however long
_USUAL = {"card-number": 19, "iban": 34}  # letters of a whole one, with spaces
_FULL = 14  # lines of text in a scene: more are a page that moves too fast to be read
_MOST_TEXTS = 400
_APART = 5  # rows of tiles between two bands of a picture in which lines are looked for
_MOST_KNOWN = 400
_SHORTEST = 6  # letters of a secret that is told by itself
_LONG, _ENDS = 12, 3  # of a secret that is as long, so many letters at each end may be out of sight
_ALIKE = str.maketrans("01l|I5S8B", "oiiiissbb")  # as they are misread for each other
_LIKE = 10.0  # mean luma by which a line may have changed and be the same
_POSTPONED = 2  # looks that come before what takes long: meanwhile it may have become clearer
_BESIDE, _BELOW = 12.0, 2.6  # line heights between a label and its value


class Scribe:
    """Reads looks; ``step`` does a little of that."""

    def __init__(self, reader: HybridReader, finder: Finder, judge: Judge) -> None:
        self._reader = reader
        self._finder = finder
        self._judge = judge
        self._jobs: dict[int, _Job] = {}
        self._tasks: list[tuple[int, int, int, int]] = []  # rank, look, step, line: the oldest first, what is slow last
        self._memory: LineMemory[tuple[Reading, ...]] = LineMemory()
        self._texts: deque[_Text] = deque(maxlen=_MOST_TEXTS)
        self._known: OrderedDict[str, tuple[str, int]] = OrderedDict()  # their categories, and what is cut off each end

    @property
    def backlog(self) -> int:
        """Looks that have not been read to the end."""
        return len(self._jobs)

    def submit(self, look: Look) -> None:
        """Take what is to be read."""
        self._jobs[look.number] = _Job(look)
        self._do(look.number, 0)

    def drop(self, look: int) -> None:
        """Do not read what is left of a look: nobody waits for it any more."""
        self._jobs.pop(look, None)

    def step(self) -> list[Report]:
        """Do the next bit of work; return what comes of it."""
        job = None
        while job is None:
            if not self._tasks:
                return []
            _, number, step, index = heapq.heappop(self._tasks)
            job = self._jobs.get(number)
        match step:
            case 0:
                return list(self._outline(job))
            case 1:
                return list(self._read(job, index))
            case _:
                return list(self._read_again(job, index))

    def _do(self, look: int, step: int, line: int = 0, slow: bool = False) -> None:
        heapq.heappush(self._tasks, (look + _POSTPONED * slow, look, step, line))

    def _outline(self, job: _Job) -> Iterator[Report]:
        if not job.look.swift:
            job.lines = _strips(job.look, self._finder) if job.look.scene is not None else _lines(job.look)
        if job.look.swift or (job.look.scene is not None and _inside(job.lines, job.look) > _FULL):
            job.lines = []
            yield Outline(job.look.number, (), True)
            yield from self._finished(job)
            return
        job.open = len(job.lines)
        for index in range(len(job.lines)):
            self._do(job.look.number, 1, index)
        yield Outline(job.look.number, tuple(line.box for line in job.lines))
        yield from self._finished(job)

    def _read(self, job: _Job, index: int) -> Iterator[Report]:
        line = job.lines[index]
        known = self._memory.recall(line.picture)
        if known is not None:
            line.readings = list(known)
            yield from self._decide(job, line)
            return
        first = self._reader.first(line.picture) if line.strip is None else None  # what is quick is poor at scenes
        if first is not None and self._reader.unsure(first):
            job.unsure += 1
        line.readings = [first] if first is not None else []
        line.parts = self._reader.again(line.picture, first)
        if line.parts:
            slow = not job.look.fleeting and first is not None and self._reader.unsure(first)
            self._do(job.look.number, 2, index, slow)
            return
        self._keep(job, line)
        yield from self._decide(job, line)

    def _read_again(self, job: _Job, index: int) -> Iterator[Report]:
        line = job.lines[index]
        if line.strip is None and self._reader.unsure(line.readings[0]):
            many = _MOST_UNSURE * len(job.lines) if job.look.fleeting else _MANY
            if not job.look.gone and job.unsure >= max(_MANY, many) and not self._is_text(job, line.box):
                yield from self._decide(job, line)
                return
            if job.look.fleeting:
                yield Unclear(job.look.number, line.box)
                yield from self._done(job)
                return
        line.readings.append(self._reader.second(line.picture, line.parts.pop(0)))
        if line.parts:
            self._do(job.look.number, 2, index)
            return
        self._keep(job, line)
        yield from self._decide(job, line)

    def _keep(self, job: _Job, line: _Line) -> None:
        """Remember what has been read of a line, unless it may become clearer at once."""
        if not job.look.fleeting or all(reading.confidence >= _CLEAR for reading in line.readings):
            self._memory.keep(line.picture, tuple(line.readings))

    def _is_text(self, job: _Job, box: Box) -> bool:
        """Whether the finder takes for text, too, what the quick reader cannot make out: photographs have edges."""
        whole = reduce(joined, (line.box for line in job.lines))
        longest = max(whole.width, whole.height)
        if box.height * min(_LOOK_LONGEST, longest) < _SEEN * longest:
            return True  # it is too small for the finder
        if job.text is None:
            strips = self._finder.find(_cropped(job.look.picture, whole), _LOOK_LONGEST)
            found = (strip.box(0, strip.length) for strip in strips)
            job.text = [each._replace(left=each.left + whole.left, top=each.top + whole.top) for each in found]
        return any(_overlap(box, each) for each in job.text)

    def _decide(self, job: _Job, line: _Line) -> Iterator[Report]:
        matches = [(reading, match) for reading in line.readings for match in self._judge.find(reading.text)]
        if line.strip is None and line.box.left <= _EDGE:
            matches += [(reading, match) for reading in line.readings for match in self._judge.cut(reading.text)]
        hits = [self._hit(line, reading, match) for reading, match in matches]
        known = self._known_again(line, matches)
        for reading, match in matches:
            self._learn(match, reading.text)
        best = max(line.readings, key=lambda reading: len(reading.text) * reading.confidence, default=NOTHING)
        if line.strip is None:
            hits += self._beside(job, line, best, not all(hit.partial for hit in hits))
        yield Decided(job.look.number, line.box, (*hits, *known))
        yield from self._done(job)

    def _learn(self, match: Match, text: str) -> None:
        """Remember a secret: when its label is out of sight, or its ends are, nothing tells that it is one."""
        value = text[match.start : match.end]
        ends = _ENDS if len(value) >= _LONG else 0
        sure = ends or match.category == "password" or match.score >= _CERTAIN
        if match.partial or not sure or not _telling(value):
            return
        core = _folded(value)[ends : len(value) - ends]
        self._known[core] = match.category, ends
        self._known.move_to_end(core)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)

    def _known_again(self, line: _Line, matches: Sequence[tuple[Reading, Match]]) -> list[Hit]:
        """Return what is known to be secret, and is not among the ``matches`` here."""
        hits = []
        for reading in line.readings:
            text = _folded(reading.text)
            found = [match for read, match in matches if read is reading]
            for core, (category, ends) in self._known.items():
                at = text.find(core)
                while at >= 0:
                    end = at + len(core)
                    apart = ends or not (text[at - 1 : at].isalnum() or text[end : end + 1].isalnum())
                    if apart and not any(match.start <= at and end <= match.end for match in found):
                        match = Match(category, max(0, at - ends), min(len(text), end + ends), 1.0)
                        hits.append(self._hit(line, reading, match))
                    at = text.find(core, end)
        return hits

    def _done(self, job: _Job) -> Iterator[Report]:
        job.open -= 1
        yield from self._finished(job)

    def _finished(self, job: _Job) -> Iterator[Report]:
        if not job.open:
            del self._jobs[job.look.number]
            yield Finished(job.look.number)

    def _hit(self, line: _Line, reading: Reading, match: Match) -> Hit:
        start, end = reading.span(match.start, match.end)
        if match.category == "email" and (before := _BEFORE.search(reading.text, 0, match.start)) is not None:
            start = reading.edges[before.start()]  # an underscore may have been read as a space
        whole = not match.partial or _much(reading.text, match)
        if whole and match.partial:  # the rest may be there, and too faint to be read
            letters = match.end - match.start
            end += (end - start) / letters * max(0, _USUAL.get(match.category, 0) - letters)
        match = match._replace(partial=not whole)
        side = _SIDE * line.box.height
        if line.strip is not None:
            box = line.strip.box(start - side, end + side)
            more = round(_LOOSE * line.strip.thickness)
            box = Box(box.left - more, box.top - more, box.width + 2 * more, box.height + 2 * more)
            return Hit(match.category, box, match.score, match.partial)
        left, right = line.left + start - side, line.left + end + side
        return Hit(match.category, _spread(line.box, left, right), match.score, match.partial)

    # Labels, and values beside or below them.

    def _beside(self, job: _Job, line: _Line, reading: Reading, found: bool) -> list[Hit]:
        """Return secrets that only a label in another line makes ones."""
        picture = job.look.picture
        number = job.look.number
        own = _Text(line.box, _cropped(picture, line.box), reading.text, self._judge.label(reading.text), number)
        newer = any(text.look > number and _overlap(text.box, line.box) for text in self._texts)
        kept = (text for text in self._texts if text.look > number or not _overlap(text.box, line.box))
        self._texts = deque(kept, maxlen=_MOST_TEXTS)
        hits: list[Hit] = []
        labels = [text for text in self._texts if text.label is not None and _there(text, picture)]
        if not found and (labels or own.label is not None):
            texts = [text for text in self._texts if _there(text, picture)]
            if own.label is not None:
                for value in _nearest(own, texts):
                    if value.label is None:
                        hits += self._value(own.label, value)
            else:
                for label in labels:
                    if label.label is not None and any(near is own for near in _nearest(label, [*texts, own])):
                        hits += self._value(label.label, own, reading, line.left)
        if not newer:
            self._texts.append(own)
        return hits

    def _value(self, label: str, text: _Text, reading: Reading | None = None, left: int = 0) -> list[Hit]:
        hits = []
        for match in self._judge.value(label, text.text):
            self._learn(match, text.text)
            if reading is None:
                reach = text.box.left - _MARGIN_SIDE, text.box.left + text.box.width + _MARGIN_SIDE
                box = _spread(text.box, *reach)
            else:
                start, end = reading.span(match.start, match.end)
                side = _SIDE * text.box.height
                box = _spread(text.box, left + start - side, left + end + side)
            hits.append(Hit(match.category, box, match.score, match.partial))
        return hits


def _lines(look: Look) -> list[_Line]:
    """Return the lines of a screen that lie in what has changed, in the order in which they are read."""
    rows = np.flatnonzero(look.tiles.any(1))
    boxes: list[Box] = []
    for band in np.split(rows, np.flatnonzero(np.diff(rows) > _APART) + 1) if len(rows) else ():
        top, bottom = max(0, int(band[0] - 2) * HIGH), int(band[-1] + 3) * HIGH
        boxes += lines(look.picture, top, bottom)
    boxes = [box for box in boxes if look.tiles[within(box, look.tiles.shape)].any()]
    return [_line(look.picture, box) for box in _in_order(boxes)]


def _line(picture: "Bytes", box: Box) -> _Line:
    around = Box(box.left - _MARGIN_SIDE, box.top - _MARGIN, box.width + 2 * _MARGIN_SIDE, box.height + 2 * _MARGIN)
    around = clipped(around, picture) or box
    return _Line(box, _cropped(picture, around), around.left)


def _much(text: str, match: Match) -> bool:
    """Whether there is so much of a secret that it is covered though some of it is missing."""
    there = sum(map(str.isalnum, text[match.start : match.end]))
    return match.category not in _SHORT and there >= _MUCH


def _strips(look: Look, finder: Finder) -> list[_Line]:
    scene = look.scene
    assert scene is not None
    # A line may begin beside it: without its label a password is none.
    around = Box(scene.left - OUTSIDE, scene.top, scene.width + 2 * OUTSIDE, scene.height)
    around = clipped(around, look.picture) or scene
    found = []
    longest = _SCENE_LONGEST * max(around.width, around.height) // max(scene.width, scene.height)
    for strip in finder.find(_cropped(look.picture, around), longest):
        x, y = strip.centre
        moved = strip._replace(centre=(x + around.left, y + around.top))
        box = moved.box(0, moved.length)
        if common(box, scene) is not None:
            found.append(_Line(box, moved.upright(look.picture), 0, moved))
    return found


def _inside(found: Sequence[_Line], look: Look) -> int:
    """Return how many lines are inside a scene: its borders are taken wide, but at the picture's."""
    scene, (high, wide) = look.scene, look.picture.shape
    assert scene is not None
    x, y = min(_BORDER, scene.width // 4), min(_BORDER // 2, scene.height // 4)
    left, top = scene.left + x * (scene.left > 0), scene.top + y * (scene.top > 0)
    right = scene.left + scene.width - x * (scene.left + scene.width < wide)
    inner = Box(left, top, right - left, scene.top + scene.height - y * (scene.top + scene.height < high) - top)
    shared = [(line.box, common(line.box, inner)) for line in found]
    return sum(part is not None and 2 * part.width * part.height > box.width * box.height for box, part in shared)


def _in_order(boxes: Sequence[Box]) -> list[Box]:
    """Return lines row by row, each from left to right."""
    rows: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: box.top * 2 + box.height):
        middle = box.top * 2 + box.height
        if rows and middle - (rows[-1][0].top * 2 + rows[-1][0].height) < rows[-1][0].height:
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row, key=lambda box: box.left)]


def _folded(text: str) -> str:
    """Return a text of the same length in which what is misread for each other is the same."""
    folded = text.translate(_ALIKE).lower()
    return folded if len(folded) == len(text) else text


def _telling(value: str) -> bool:
    """Whether a secret is none of the words that stand everywhere."""
    return len(value) >= _SHORTEST and not value.replace(" ", "").isalpha()


def _cropped(picture: "Bytes", box: Box) -> "Bytes":
    return picture[box.top : box.top + box.height, box.left : box.left + box.width]


def _spread(line: Box, left: float, right: float) -> Box:
    start = max(0, int(left))
    return Box(start, max(0, line.top - _ABOVE), max(1, round(right) - start), line.height + 2 * _ABOVE)


def _overlap(a: Box, b: Box) -> bool:
    wide = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    high = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    return wide > 0 and high * 2 > min(a.height, b.height)


def _there(text: _Text, picture: "Bytes") -> bool:
    """Whether a line is still where it was."""
    now = _cropped(picture, text.box)
    return now.shape == text.picture.shape and float(np.abs(now.astype(np.int16) - text.picture).mean()) < _LIKE


def _nearest(label: _Text, among: Iterable[_Text]) -> list[_Text]:
    """Return the text to the right of a label, and the one below it."""
    a = label.box
    tall = a.height
    right, below = [], []
    for text in among:
        b = text.box
        if text is label or not b.height < 3 * tall:
            continue
        gap = b.left - (a.left + a.width)
        if abs((b.top * 2 + b.height) - (a.top * 2 + a.height)) < 1.4 * tall and 0 <= gap < _BESIDE * tall:
            right.append((gap, text))
        down = b.top - (a.top + tall)
        if -2 <= down < _BELOW * tall and a.left - 2 * tall <= b.left < a.left + max(a.width, 4 * tall):
            below.append((down, text))
    return [min(found, key=lambda each: each[0])[1] for found in (right, below) if found]
