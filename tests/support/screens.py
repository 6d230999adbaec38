"""Screens that are drawn by a script, read by a reader that errs never, and shown as a room would. No I/O.

What stands where is known for each picture, so no text recognition is needed to tell what leaks: ``play`` gives a
script's pictures to a ``Watch``, keeps what it says in a ``Ledger``, and looks at each picture as it would go out.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import cv2
import numpy as np

from filters.api import TICKS, Box, Effect, Finding, Kind, Said, Unverified
from filters.screen.scribe import Decided, Finished, Hit, Look, Outline, Report, Unclear
from filters.screen.tiles import within
from filters.screen.watch import Watch
from transcode.ledger import Ledger
from transcode.verdicts import Cleared, Found, Require, Unveil, Veil

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from filters.api import Bytes

WIDTH, HEIGHT = 480, 288
STAMP = TICKS // 30
"""Ticks from one picture to the next."""
DELAY = 60
"""Pictures after which one is shown: enough for most that is read, not for all."""
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
HEADER = 32
"""Pixels of a page that stay at the top when it is scrolled, if any do."""
_READABLE = 0.9
"""Of a text: so much of it has to be seen to read it."""
_LASTING = 3  # pictures: what is shown for less may be shown
_PAPER, _INK = 235, 30  # luma

Kinds = Literal["show", "hide", "type", "fade", "move", "scroll", "page", "window", "drag", "film", "lid"]


_POSTPONED = 0.2  # of what is read comes before what is older
_UNCLEAR = 0.3  # of the lines of what moves cannot be made out


class Text(NamedTuple):
    """A line of text; ``secret`` if it must not be seen."""

    number: int
    secret: bool
    ink: "NDArray[np.float32]"  # 0 to 1


def text(number: int, secret: bool, letters: int = 14) -> Text:
    """Return text ``number``: always the same, and other than all others."""
    chosen = np.random.default_rng(number).choice(list(LETTERS), letters)
    said = "".join(chosen)
    (width, height), below = cv2.getTextSize(said, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
    ink = np.zeros((height + below + 2, width + 2), np.uint8)
    cv2.putText(ink, said, (1, height + 1), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255, 1, cv2.LINE_AA)
    return Text(number, secret, (ink / 255).astype(np.float32))


class Act(NamedTuple):
    """From picture ``at`` on, for ``length`` pictures, something happens on the screen; ``x``, ``y``: where, or by how
    much with each picture. ``which``: a text's number, even for secrets; or another number that tells how."""

    at: int
    kind: Kinds
    which: int = 0
    x: int = 0
    y: int = 0
    length: int = 1


@dataclass(slots=True)
class _Item:
    text: Text
    x: int
    y: int
    seen: float = 1.0  # how much of it from the left
    strength: float = 1.0


@dataclass(slots=True)
class Screen:
    """What is to be seen. A page lies below, then a film, texts of their own, a window, and lids over all of that."""

    header: int = 0
    page: list[_Item] = field(default_factory=list)
    down: int = 0
    items: dict[int, _Item] = field(default_factory=dict)
    window: tuple[int, int, list[_Item]] | None = None
    film: Box | None = None
    lids: dict[int, Box] = field(default_factory=dict)

    def act(self, act: Act, step: int) -> None:
        """Do picture ``step`` (from 0) of what happens."""
        which, x, y = act.which, act.x, act.y
        match act.kind:
            case "show":
                self.items[which] = _Item(_text(which), x, y)
            case "hide":
                self.items.pop(which, None)
            case "type":
                self.items[which] = _Item(_text(which), x, y, (step + 1) / act.length)
            case "fade":
                self.items[which] = _Item(_text(which), x, y, 1.0, (step + 1) / act.length)
            case "move":
                if which in self.items:
                    self.items[which].x += x
                    self.items[which].y += y
            case "scroll":
                self.down = max(0, self.down + y)
            case "page":
                self.page, self.down = list(_page(which)), 0
            case "window":
                texts = [_Item(_text(which), 12, 24), _Item(_text(which + 1), 12, 50), _Item(_text(which + 3), 12, 76)]
                self.window = (x, y, texts) if which >= 0 else None
            case "drag":
                if self.window is not None:
                    self.window = (self.window[0] + x, self.window[1] + y, self.window[2])
            case "film":
                self.film = Box(x, y, 160, 112) if which >= 0 else None
            case "lid":
                if step == 0:
                    self.lids[which] = Box(x, y, 70, 26)
                if step == act.length - 1 and act.length > 1:
                    self.lids.pop(which)

    def draw(self, random: np.random.Generator) -> "tuple[Bytes, list[Sight]]":
        """Return the picture, and the texts in it."""
        luma = np.full((HEIGHT, WIDTH), _PAPER, np.float32)
        there = np.full((HEIGHT, WIDTH), -1, np.int32)
        written = [_write(luma, there, item, 0, -self.down) for item in self.page]
        if self.header:
            _plate(luma, there, Box(0, 0, WIDTH, self.header), 200)
            written.append(_write(luma, there, _Item(_text(9001), 12, 8)))
        if self.film is not None:
            x, y, wide, high = self.film
            blocks = random.integers(40, 220, (high // 8, wide // 8)).astype(np.float32)
            _plate(luma, there, self.film, 0)
            luma[y : y + high, x : x + wide] = np.kron(blocks, np.ones((8, 8), np.float32))
        for item in self.items.values():
            high, wide = item.text.ink.shape
            _plate(luma, there, Box(item.x - 4, item.y - 4, wide + 8, high + 8), 225)
            written.append(_write(luma, there, item))
        if self.window is not None:
            x, y, texts = self.window
            _plate(luma, there, Box(x, y, 190, 110), 90)
            _plate(luma, there, Box(x + 2, y + 16, 186, 92), 245)
            written += [_write(luma, there, item, x, y) for item in texts]
        for lid in self.lids.values():
            _plate(luma, there, lid, 120)
        return luma.astype(np.uint8), list(_sights(there, written))


@cache
def _text(number: int) -> Text:
    return text(number, number % 2 == 0)


def _page(number: int) -> Iterator[_Item]:
    """Yield lines of a long page, some of them secrets."""
    random = np.random.default_rng(number)
    for row in range(60):
        secret = random.random() < 0.2
        if random.random() < 0.75:
            of = 10_000 + number * 1000 + row * 2 + (not secret)
            yield _Item(_text(of), 8 + 8 * int(random.integers(0, 8)), 40 + row * 22)


def _plate(luma: "NDArray[np.float32]", there: "NDArray[np.int32]", box: Box, light: int) -> None:
    rows, columns = (
        slice(max(0, box.top), max(0, box.top + box.height)),
        slice(max(0, box.left), max(0, box.left + box.width)),
    )
    luma[rows, columns] = light
    there[rows, columns] = -1


def _write(
    luma: "NDArray[np.float32]", there: "NDArray[np.int32]", item: _Item, right: int = 0, down: int = 0
) -> tuple[int, Box] | None:
    ink = item.text.ink
    high, wide = ink.shape[0], round(ink.shape[1] * item.seen)
    x, y = item.x + right, item.y + down
    left, top, end, bottom = max(0, x), max(0, y), min(WIDTH, x + wide), min(HEIGHT, y + high)
    if left >= end or top >= bottom:
        return None
    part = ink[top - y : bottom - y, left - x : end - x] * item.strength
    luma[top:bottom, left:end] = luma[top:bottom, left:end] * (1 - part) + _INK * part
    if item.strength < 0.5:
        return None
    there[top:bottom, left:end] = item.text.number
    return item.text.number, Box(left, top, end - left, bottom - top)


class Sight(NamedTuple):
    """A text as it is in one picture: what of it is to be seen, and how much that is."""

    number: int
    box: Box
    share: float


def _sights(there: "NDArray[np.int32]", written: Sequence[tuple[int, Box] | None]) -> Iterator[Sight]:
    for each in written:
        if each is None:
            continue
        number, (left, top, wide, high) = each
        rows, columns = np.nonzero(there[top : top + high, left : left + wide] == number)
        if len(rows):
            x, y = left + int(columns.min()), top + int(rows.min())
            box = Box(x, y, left + int(columns.max()) + 1 - x, top + int(rows.max()) + 1 - y)
            yield Sight(number, box, len(rows) / _text(number).ink.size)


class Reader:
    """Reads looks as the scribe does, mostly the oldest first, line by line, but without error. ``pace``: pictures that
    a line takes, at most; now and then it stands still for ``stall`` pictures."""

    def __init__(self, random: np.random.Generator, pace: float = 2, stall: int = 0, partial: bool = True) -> None:
        self.known: dict[bytes, list[Sight]] = {}
        self._random = random
        self._pace = pace
        self._stall = stall
        self._partial = partial
        self._looks: deque[Iterator[Report]] = deque()
        self._due = 0.0
        self.looks: list[Look] = []

    def submit(self, look: Look) -> None:
        """Take what is to be read."""
        self.looks.append(look)
        self._looks.append(self._read(look))

    def reports(self) -> list[Report]:
        """Return what has been read since the picture before."""
        said: list[Report] = []
        self._due = max(-1e9, self._due - 1)
        while self._looks and self._due <= 0:
            # What takes long waits for what comes after it.
            which = int(len(self._looks) > 1 and self._random.random() < _POSTPONED)
            report = next(self._looks[which], None)
            if report is None:
                del self._looks[which]
                continue
            said.append(report)
            self._due += self._random.random() * self._pace
            if self._stall and self._random.random() < 0.03:
                self._due += self._stall
        self._due = max(0.0, self._due)
        return said

    def _read(self, look: Look) -> Iterator[Report]:
        lines = [each for each in self.known[look.picture.tobytes()] if self._asked(look, each)]
        if look.swift:
            yield Outline(look.number, (), True)
            yield Finished(look.number)
            return
        yield Outline(look.number, tuple(line.box for line in lines))
        for line in lines:
            if look.fleeting and self._random.random() < _UNCLEAR:
                yield Unclear(look.number, line.box)
            else:
                yield Decided(look.number, line.box, tuple(self._hits(line)))
        yield Finished(look.number)

    def _asked(self, look: Look, line: Sight) -> bool:
        if look.scene is not None:
            x, y = line.box.left - look.scene.left, line.box.top - look.scene.top
            return (
                min(x, y) >= 0 and x + line.box.width <= look.scene.width and y + line.box.height <= look.scene.height
            )
        return line.share > 0.2 and bool(look.tiles[within(line.box, look.tiles.shape)].any())

    def _hits(self, line: Sight) -> Iterator[Hit]:
        if line.number % 2 or not (line.share >= _READABLE or (self._partial and line.share > 0.25)):
            return
        side = round(0.45 * line.box.height)
        left, top = max(0, line.box.left - side), max(0, line.box.top - 2)
        box = Box(left, top, line.box.left + line.box.width + side - left, line.box.top + line.box.height + 2 - top)
        yield Hit("card-number", box, 0.9, line.share < _READABLE)


class Leak(NamedTuple):
    """A secret that is to be seen in a picture that goes out, and how much of it is covered."""

    picture: int
    secret: int
    covered: float


@dataclass(slots=True)
class Outcome:
    """What viewers would have seen. ``blurred``: how much of the pictures is covered without need; ``late``: pictures
    that did not go out."""

    leaks: list[Leak]
    blurred: float
    late: int


def play(
    script: Sequence[Act],
    *,
    seed: int = 0,
    noise: int = 0,
    pace: float = 2,
    stall: int = 0,
    header: int = 0,
    partial: bool = True,
    delay: int = DELAY,
    tail: int = 40,
) -> Outcome:
    """Play a script, with coding ``noise`` of so many luma levels, and return what comes of it."""
    random = np.random.default_rng(seed)
    screen, reader, ledger = Screen(header), Reader(random, pace, stall, partial), Ledger()
    ledger.take(Require(((Kind.PICTURE,),)))
    watch = Watch(reader.submit, Effect.FILL, delay + 10, delay - 8)
    length = max(act.at + act.length for act in script) + tail
    shown: list[list[Sight]] = []
    scenes: list[Box | None] = []
    covered: list[Bytes | None] = []
    drawn: Bytes | None = None
    for number in range(length + delay):
        acts = [act for act in script if act.at <= number < act.at + act.length]
        for act in acts:
            screen.act(act, number - act.at)
        if drawn is None or acts or screen.film is not None:
            drawn, seen = screen.draw(random)
        luma = drawn
        if noise:
            wavering = random.integers(-noise, noise + 1, drawn.shape, np.int8)
            luma = np.asarray(cv2.add(drawn, wavering, dtype=cv2.CV_8U), np.uint8)
        shown.append(seen)
        reader.known[luma.tobytes()] = seen
        for said in watch.look(number * STAMP, luma, reader.reports()):
            ledger.take(_entry(said))
        ledger.take(Cleared(0, watch.cleared, 0))
        scenes.append(watch._scene.area.box if watch._scene is not None else None)
        if number >= delay:
            covered.append(_covered(ledger, (number - delay) * STAMP))
    leaks = list(_leaks(shown, covered, scenes, reader))
    return Outcome(leaks, _needless(shown, covered), sum(each is None for each in covered))


def _entry(said: Said) -> Found | Veil | Unveil:
    match said:
        case Finding():
            return Found(0, said)
        case Unverified():
            return Veil(0, said)
        case _:
            return Unveil(0, said.id)


def _covered(ledger: Ledger, pts: int) -> "Bytes | None":
    """Return which pixels of a picture are covered as it goes out; None if it does not."""
    verdict = ledger.picture(pts)
    if verdict.cause is not None:
        return None
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for box, _ in verdict.regions:
        left, top, wide, high = box if box is not None else (0, 0, WIDTH, HEIGHT)
        mask[max(0, top) : max(0, top + high), max(0, left) : max(0, left + wide)] = 1
    return mask


def _leaks(
    shown: Sequence[Sequence[Sight]],
    covered: "Sequence[Bytes | None]",
    scenes: Sequence[Box | None],
    reader: Reader,
) -> Iterator[Leak]:
    places: dict[int, dict[int, Box]] = {}
    for number, seen in enumerate(shown):
        for sight in seen:
            if sight.number % 2 == 0 and sight.share >= _READABLE:
                places.setdefault(sight.number, {})[number] = sight.box
    for secret, at in places.items():
        for run in _runs(sorted(at)):
            if len(run) < _LASTING:
                continue
            for number in run:
                mask = covered[number] if number < len(covered) else None
                if mask is None:
                    continue
                left, top, wide, high = at[number]
                share = float(mask[top : top + high, left : left + wide].mean())
                scene = scenes[number]
                if share < 0.9 and not (scene is not None and _inside(at[number], scene)):
                    yield Leak(number, secret, round(share, 2))


def _inside(inner: Box, outer: Box) -> bool:
    x, y = inner.left - outer.left, inner.top - outer.top
    return min(x, y) >= 0 and x + inner.width <= outer.width and y + inner.height <= outer.height


def _runs(numbers: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for number in numbers:
        if run and number != run[-1] + 1:
            yield run
            run = []
        run.append(number)
    if run:
        yield run


def _needless(shown: Sequence[Sequence[Sight]], covered: "Sequence[Bytes | None]") -> float:
    total = 0.0
    for seen, mask in zip(shown, covered, strict=False):
        if mask is None:
            continue
        spared = mask.copy()
        for sight in seen:
            if sight.number % 2 == 0:
                left, top, wide, high = sight.box
                spared[max(0, top - 4) : top + high + 4, max(0, left - 8) : left + wide + 8] = 0
        total += float(spared.mean())
    return total / max(1, len(covered))
