"""Watches a screen: veils what has changed until it has been read, covers secrets from their first picture to their
last, wherever they move. No I/O, no thread, no clock: it is told how urgent things are by the pictures' stamps.

What changes is veiled from the picture in which it did, and shown again when all of its lines have been read. What
changes all the time is a *scene*: a camera's picture, or a film in a page. It is looked at every now and then, and
stays veiled from the last look but one until the next look has been read. A page that moves too fast to be read stays
veiled until it stops, and is shown all the way if all of it is there where it begins or stops; otherwise it stays
covered for that time. So does what is gone before its turn comes where reading is behind.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from filters.api import TICKS, Box, Effect, Said
from filters.screen.changes import EARLIER, Changes
from filters.screen.cover import Speech
from filters.screen.looks import Reading, Veil, earliest
from filters.screen.pursuit import NEAR, clipped, common, cut, find, joined
from filters.screen.ring import Moment, Ring, moved
from filters.screen.scribe import Decided, Finished, Look, Outline, Report, Unclear
from filters.screen.shift import NONE, Shift
from filters.screen.tiles import HIGH, WIDE, Area, areas, blended, covering, difference, differs, grown, padded, within
from filters.screen.tracking import Tracking

if TYPE_CHECKING:
    from filters.api import Bytes
    from filters.screen.tiles import Map

_SHOWN = 6  # of the pictures that things are followed back, so many have gone out
_SETTLED, _SETTLED_LARGE = 2, 8  # pictures without movement after which something is read; coders are blurred at first
_LARGE = 0.1  # of all tiles
_PATIENCE, _PATIENCE_LARGE = 15, 36  # pictures: what moves for longer than that is read while it does
_SPACING = 9  # pictures between two looks at one place, unless much of it has changed
_BETWEEN = 3  # pictures between two looks
_AT_ONCE = 3  # secrets that are followed for one picture
_CROWDED = 8  # looks that are being read: what is gone then is not read any more
_POPUP = 3  # tiles: what was there for a moment and is no larger was a letter or a caret
_SHIFTING, _BETWEEN_SHIFTS = 3, 6  # pictures after a shift; and between two looks as long as things are shifted
_BEHIND = 1.0  # seconds that reading may be behind without looking rarer
_RAREST = 4.0
_SCENE_FROM, _SCENE_UNTIL = 0.06, 0.02  # of all tiles, restless: less is read like the rest
_PAGE_UNTIL = 0.08  # the same of a page, of which a strip is new as long as it is scrolled
_STIRRED = 0.2  # of all tiles, that move as a scene begins
_UNREST = 5  # pictures after which a tile that moves is restless, at most
_LARGE_SCENE = 0.6  # of the picture: no page is looked for beside it
_SWIFTLY = 2  # pictures in which things have moved swiftly
_MOST_WAITING = 3  # looks at a scene that are still being read, when it is looked at because of a cut
_SCENE_SPACING = 18  # pictures between two looks at a scene
_DECAY = 0.85  # of a scene's motion: it rests between two pictures of a film that has fewer
_CUT_BELOW, _CUT_ABOVE = 0.5, 0.75  # of a scene's tiles that change in a picture, and in the next: it is another one
_PAGE_OVER = 3  # pictures that a page stands still, or goes on slowly
_TORN, _TORN_MOVED = 0.05, 0.03  # of all tiles that are new: with so many things have not only stood or moved
_SCENE_OVER, _FILM_OVER = 8, 45  # pictures in which little of it moves; films rest now and then
_TEXTS = 6  # lines of text in a scene: it is rather a page that comes in
_MAIN = 0.6  # of all that is restless: there is little beside it
_SUPERSEDED = 0.1  # of its tiles that differ from what is there now, at most: it has been read anew, for it is clearer
_OTHERWISE = 2  # pictures of a moving page in which something is other than moved: in one it may be its coder's doing
_MOST_STOPS = 4  # pictures of a page on its way that are read
_MOST_STANDS, _STAND = 16, 3  # of one that stands and changes by turns; and how long each is shown, in the mean
_ABOUT = 6  # pixels by which it is known how far things have moved
_GROWN = 2  # tiles around what is restless
_LINE = 48  # pixels: a line that is cut at the beginning may be cut at the end, too, unless so much is seen in both


@dataclass(slots=True)
class _Left:
    """A veil over where something unread was ``until`` it was moved, or looked at again; a ``line`` that could not be
    read in picture ``at`` may have been ``answered`` since."""

    veil: Veil
    until: int
    line: Box | None = None
    at: int = -1
    answered: bool = False


@dataclass(slots=True)
class _Glance:
    """A look at a scene, and the veil over what comes after it."""

    look: int
    picture: int
    veil: int
    full: bool = False  # it has not been read


@dataclass(slots=True)
class _Scene:
    area: Area
    share: float  # of the picture
    swift: bool  # it is a page that is scrolled swiftly, or a slide that is pushed away
    glances: deque[_Glance] = field(default_factory=deque)
    full: bool = False  # it is a page that moves too fast, as far as is known
    ended: int | None = None  # in which picture it has
    quiet: int = 0
    lines: int = 0  # of text, when it was looked at last
    known: bool = False  # whether it has been looked at
    cut: bool = False  # something else has come in its place
    stirred: float = 1.0  # of its tiles, that changed in the last picture, or not long before

    @property
    def area_tiles(self) -> int:
        """How many tiles it has."""
        return (self.area.bottom - self.area.top) * (self.area.right - self.area.left)

    @property
    def page(self) -> bool:
        """Whether it is one, as far as is known, and no camera's picture."""
        return self.swift or self.full


class Watch:
    """Watches pictures of one size. ``submit`` takes what is to be read, ``drop`` what need not be any more.

    ``memory``: how far back (pictures) things are followed, a little further than what has not gone out; ``rolling``:
    for how many what may be the beginning of a secret is covered; ``pressure`` tells how much rarer than usual things
    are to be looked at (1: as usual).
    """

    def __init__(
        self,
        submit: Callable[[Look], None],
        effect: Effect,
        memory: int,
        rolling: int,
        pressure: Callable[[], float] = lambda: 1.0,
        drop: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._submit = submit
        self._drop = drop
        self._speech = Speech(effect)
        self._ring = Ring(memory)
        self._tracking = Tracking(self._speech, self._ring, rolling, memory - _SHOWN)
        self._pressure = pressure
        self._changes: Changes | None = None
        self._open: list[tuple[Veil, Area, int]] = []  # veils over what is dirty, and when they were drawn
        self._trail: list[_Left] = []
        self._readings: dict[int, Reading] = {}
        self._scene: _Scene | None = None
        self._past: list[_Scene] = []  # scenes that are over, with looks that are still being read
        self._heard: deque[Report] = deque()
        self._looks = 0
        self._looked = -_BETWEEN
        self._pts = 0
        self._size = (0, 0)

    @property
    def cleared(self) -> int:
        """No region that is named from now on begins before this (ticks)."""
        return self._ring.pts(self._changes.number - EARLIER) if self._changes is not None else -1

    @property
    def oldest(self) -> int | None:
        """The stamp of the oldest picture that is still being read."""
        return min((self._ring.pts(reading.picture) for reading in self._readings.values()), default=None)

    def look(self, pts: int, luma: "Bytes", reports: Sequence[Report]) -> list[Said]:
        """Take the next picture, and what has been read meanwhile; return what is to be covered."""
        picture = padded(luma)
        self._pts = pts
        if self._changes is None:
            self._size = luma.shape
            self._changes = Changes(picture)
            self._ring.add(Moment(0, pts, picture, NONE), 0)
        else:
            scene = self._scene
            camera = scene is not None and scene.share > _LARGE_SCENE and scene.known and not scene.page
            self._changes.take(picture, not camera)
            before = self._ring.at(self._changes.number - 1).picture
            if np.array_equal(before, picture):
                picture = before
            since = min((reading.picture for reading in self._readings.values()), default=self._changes.number)
            shift = self._changes.shift
            new = self._changes.unlike & ~self._changes.incoming
            torn = bool(new.mean() > (_TORN if shift == NONE else _TORN_MOVED))
            self._ring.add(Moment(self._changes.number, pts, picture, shift, torn, new if new.any() else None), since)
        changes, moment = self._changes, self._ring.at(self._changes.number)
        self._tracking.follow(changes, moment)
        self.hear(reports)
        self._give_up(changes, moment)
        self._mind_scene(changes, moment)
        self._sample(changes, moment)
        self._veil(changes)
        return self._speech.take()

    def hear(self, reports: Sequence[Report]) -> None:
        """Take what has been read; what is to be covered for it is said with the next picture.

        Of much that is found at once some is left for later: each takes its time to be followed, and is veiled anyway.
        """
        assert self._changes is not None
        self._heard.extend(reports)
        hits = 0
        while self._heard and hits < _AT_ONCE:
            report = self._heard.popleft()
            hits += len(report.hits) if isinstance(report, Decided) else 0
            self._hear(self._changes, report)

    # What has changed is veiled.

    def _veil(self, changes: Changes) -> None:
        """Veil what is dirty, and what is being read and has been scrolled to where no veil is."""
        dirty = changes.dirty
        needless = [each for each in self._open if not dirty[each[1].slices].any()]
        self._open = [each for each in self._open if each not in needless]
        bare = dirty & ~covering(changes.shape, (area for _, area, _ in self._open))
        if bare.any():
            for area in areas(grown(bare)):
                start = earliest(changes.first[area.slices], changes.number) - EARLIER + 1
                self._open.append((self._veiled(self._ring.pts(start), area.box), area, changes.number))
        for number, reading in self._readings.items():
            if reading.outlined and changes.shift != NONE:  # its lines stand elsewhere from now on
                reading.outlined = False
                reading.veiled[:] = False
            bare = (changes.owner == number) & ~reading.veiled
            if bare.any():
                for area in areas(grown(bare)):
                    start = self._ring.pts(changes.number - EARLIER + 1)
                    reading.veils.append(self._veiled(start, area.box))
                    reading.veiled[area.slices] = True
        self._shed(changes, needless)

    def _veiled(self, start: int, box: Box) -> Veil:
        return Veil(self._speech.veil(start, box), start, box)

    def _give_up(self, changes: Changes, moment: Moment) -> None:
        """Where reading is behind, leave out what is not there any more, or is being read anew.

        What is not there any more stays covered for the time that it was.
        """
        there = set(np.unique(changes.owner).tolist()) if self._readings else set()
        for number, reading in list(self._readings.items()):
            if reading.look.scene is not None:
                continue
            if reading.gone is None and number not in there:
                reading.gone = changes.number
            late = self._pts - self._ring.pts(reading.asked or reading.picture) > _BEHIND * TICKS
            if reading.gone is None or not late:
                continue
            del self._readings[number]
            self._keep_trail(reading)
            self._drop(number)
            tiles = reading.look.tiles
            other = tiles & differs(difference(reading.look.picture, moment.picture))
            newer = [owner for owner in np.unique(changes.owner[tiles]).tolist() if owner in self._readings]
            end = self._ring.pts(reading.gone)
            if other.sum() > _SUPERSEDED * tiles.sum():
                for veil in reading.all_veils:
                    self._speech.found(veil.start, end, veil.box, "unread", 1.0)
            else:  # it is there, and clearer: who reads that tells of this, too
                for area in areas(grown(other)):
                    start = self._ring.pts(earliest(reading.first[area.slices], reading.picture) - EARLIER + 1)
                    self._speech.found(start, end, area.box, "unread", 1.0)
                if newer:
                    self._readings[max(newer)].also(reading)
                    continue
            self._speech.lift(veil.number for veil in reading.all_veils)

    def _shed(self, changes: Changes, veils: Sequence[tuple[Veil, Area, int]]) -> None:
        """Lift veils; where things that are still unread have been moved from, they stay until those are read."""
        for veil, _, drawn in veils:
            if changes.shifted_at > drawn:
                self._trail.append(_Left(veil, changes.number))
            else:
                self._speech.lift([veil.number])
        if self._trail:
            oldest = earliest(changes.first, changes.number + 1)
            oldest = min([oldest, *(reading.began for reading in self._readings.values())])
            for left in self._trail:
                if left.until < oldest:
                    if left.line is not None and not left.answered:
                        self._speech.found(left.veil.start, self._ring.pts(left.until), left.veil.box, "unread", 1.0)
                    self._speech.lift([left.veil.number])
            self._trail = [left for left in self._trail if left.until >= oldest]

    def _keep_trail(self, reading: Reading) -> None:
        """What is given up stays covered where it was before it was moved, too."""
        began = reading.began - EARLIER
        for left in self._trail:
            if left.until < began:
                continue
            veil, until = left.veil, min(left.until, reading.gone or left.until)
            right, down = self._ring.moved_by(began, until)
            for area in areas(grown(reading.look.tiles)):
                x, y, width, height = area.box
                box = common(Box(x - right, y - down, width + 2 * right, height + 2 * down), veil.box)
                if box is not None:
                    self._speech.found(veil.start, self._ring.pts(until), box, "unread", 1.0)

    # What is read.

    def _sample(self, changes: Changes, moment: Moment) -> None:
        """Have read what has settled, what has moved for long, and what was there for a moment."""
        number, dirty = changes.number, changes.dirty
        past = changes.vanished & (changes.read_at < number - 1)
        if changes.interrupted.sum() >= _POPUP:
            past |= changes.interrupted & ~self._fading(changes, moment)
            # What changes again and again is not read each time.
            if (busy := changes.interrupted & changes.restless).any():
                self._pass_over(changes, busy)
                past &= ~busy
        shifting = number - changes.shifted_at < _SHIFTING
        if shifting and not changes.cut:
            past = changes.left
        if past.any():
            if len(self._readings) < _CROWDED or changes.shifted_at >= earliest(changes.before[past], number):
                self._read(changes, self._ring.at(number - 1), past, now=False)
            else:
                self._pass_over(changes, past)
            dirty = changes.dirty
        rarer = self._rarer()
        if not dirty.any() or number - self._looked < (_BETWEEN_SHIFTS if shifting else _BETWEEN) * rarer:
            return
        # What a page that glides shows anew is as clear as the rest of it.
        large = dirty.mean() > _LARGE and number - changes.glided_at >= _SHIFTING
        still = number - changes.moved_at >= (_SETTLED_LARGE if large else _SETTLED)
        if large:  # it may fade, by less from picture to picture than is seen
            still &= ~differs(difference(moment.picture, self._ring.at(number - _SETTLED_LARGE).picture))
        since = np.maximum(changes.first, changes.read_at)
        patience = _PATIENCE_LARGE if large else _PATIENCE
        ready = dirty & (still | (number - since >= patience * rarer))
        ready &= number - changes.read_at >= _SPACING * rarer
        if ready.any():
            self._read(changes, moment, ready, now=True)

    def _fading(self, changes: Changes, moment: Moment) -> "Map":
        """Which of the tiles that are something else now were halfway between what was there before, and has been read
        or is being read, and what is there now: they have shown nothing that is not told by these."""
        since = earliest(changes.before[changes.interrupted], changes.number)
        before, halfway = self._ring.at(since - EARLIER), self._ring.at(changes.number - 1)
        if not self._ring.has(since - EARLIER) or changes.shifted_at >= since:
            return np.zeros(changes.shape, bool)
        return blended(before.picture, halfway.picture, moment.picture, changes.interrupted)

    def _pass_over(self, changes: Changes, tiles: "Map") -> None:
        """Leave what ``tiles`` showed up to the picture before unread, and covered."""
        for area in areas(grown(tiles)):
            start = earliest(changes.before[area.slices], changes.number) - EARLIER + 1
            self._speech.found(self._ring.pts(start), self._pts, area.box, "unread", 1.0)
        changes.first[tiles & changes.dirty] = changes.number
        self._veil_anew(changes)

    def _rarer(self) -> float:
        """Return how much rarer than usual things are looked at: reading is behind, or takes too much."""
        oldest = self.oldest
        behind = (self._pts - oldest) / TICKS if oldest is not None else 0.0
        return max(self._pressure(), min(1.0 + max(0.0, behind - _BEHIND), _RAREST))

    def _read(self, changes: Changes, moment: Moment, tiles: "Map", now: bool) -> None:
        """Have ``tiles`` of a picture read: the newest, or (``now`` false) an older one, of what is gone."""
        self._looks += 1
        known = changes.first if now else changes.before
        new = changes.number - earliest(known[tiles], changes.number) < _PATIENCE_LARGE
        fleeting = not now or (new and self._in_change(changes, moment))
        look = Look(self._looks, moment.picture, tiles, fleeting=fleeting, gone=not now)
        first = np.where(tiles & (known >= 0), known, np.where(tiles, moment.number, -1))
        veils, around = [], areas(grown(tiles))
        for area in around:
            start = earliest(first[area.slices], moment.number) - EARLIER + 1
            veils.append(self._veiled(self._ring.pts(start), area.box))
        reading = Reading(look, moment.number, first, veils, covering(changes.shape, around))
        reading.gone = None if now else changes.number
        self._readings[look.number] = reading
        if now:
            changes.read(moment.picture, tiles, look.number)
            self._looked = changes.number
        else:
            changes.first[tiles & changes.dirty] = changes.number
        self._veil_anew(changes)
        self._submit(look)

    def _in_change(self, changes: Changes, moment: Moment) -> bool:
        """Whether a page is being scrolled, or gives way to another."""
        if changes.number - changes.shifted_at < _SHIFTING:
            return True
        before = self._ring.at(changes.number - _SETTLED_LARGE).picture
        return before is not moment.picture and bool(differs(difference(moment.picture, before)).mean() > _LARGE)

    def _veil_anew(self, changes: Changes) -> None:
        """What is veiled as dirty is veiled by a look now: what is left of it is veiled anew."""
        before, self._open = self._open, []
        self._veil(changes)
        self._shed(changes, before)

    def _hear(self, changes: Changes, report: Report) -> None:
        reading = self._readings.get(report.look)
        if reading is None:
            return
        if not self._ring.has(reading.picture):
            self._too_late(changes, report)
            return
        match report:
            case Outline(look=look, lines=lines, full=full):
                for scene in [self._scene, *self._past]:
                    for glance in scene.glances if scene is not None else ():
                        if scene is not None and glance.look == look:
                            scene.full, scene.lines, scene.known = full, len(lines), True
                            glance.full = full
                            scene.glances[0].full |= full and glance is scene.glances[1]
                reading.unread = full
                self._outline(changes, reading, lines)
            case Decided(box=box, hits=hits):
                reading.hits += hits
                for hit in hits:
                    self._tracking.found(changes, reading, hit)
                self._lift_line(reading, box)
                self._answer(reading, box)
            case Unclear(box=box):
                reading.unclear.append(box)
                self._again(changes, reading, box)
                self._lift_line(reading, box)
            case Finished(look=look):
                if not reading.unread:
                    self._tracking.reconcile(changes, reading)
                del self._readings[look]
                changes.finished(look)
                self._speech.lift(veil.number for veil in reading.all_veils)
                self._glanced(look)

    def _lift_line(self, reading: Reading, box: Box) -> None:
        self._speech.lift(veil.number for line, veil in reading.lines if line == box)
        reading.lines = [each for each in reading.lines if each[0] != box]

    def _again(self, changes: Changes, reading: Reading, line: Box) -> None:
        """Have a line read again when more of it is there; until then it stays veiled, where it is and where it was.
        What is gone stays covered for the time that it was there."""
        since = earliest(reading.first[within(line, changes.shape)], reading.picture)
        until = changes.number if reading.gone is None else min(reading.gone, changes.number)
        way, there = self._way(reading, line, since, until)
        way = _around(way, line.height)
        start = self._ring.pts(since - EARLIER + 1)
        tiles = np.zeros(changes.shape, bool)
        for box in (line, there):  # it may be that it was something else that has moved
            tiles[within(box, changes.shape)] = True
        tiles &= changes.owner == reading.look.number
        if self._scene is not None:  # what is in there is not looked at otherwise
            tiles[self._scene.area.slices] = False
        if reading.gone is not None or not tiles.any():
            end = self._ring.pts(reading.gone) if reading.gone is not None else self._pts
            self._speech.found(start, end, way, "unread", 1.0)
        if tiles.any():
            changes.owner[tiles] = 0
            changes.forget(tiles, since)
            self._trail.append(_Left(self._veiled(start, way), changes.number, line, reading.picture))

    def _answer(self, reading: Reading, box: Box) -> None:
        """A line has been read: it may be one that could not be before."""
        for left in self._trail:
            if left.line is None or left.answered or reading.picture <= left.at or not self._ring.has(left.at):
                continue
            shifts = [self._ring.at(number).shift for number in range(left.at + 1, reading.picture + 1)]
            by = Shift(sum(shift.right for shift in shifts), sum(shift.down for shift in shifts))
            there = moved(left.line, by)
            shared, picture = common(there, box), self._ring.at(left.at).picture
            if shared is None or shared.height * 2 < min(there.height, box.height) or shared.width * 2 < there.width:
                continue
            if clipped(left.line, picture) == left.line:
                left.answered = find(reading.look.picture, cut(picture, left.line), there, NEAR) is not None

    def _way(self, reading: Reading, line: Box, since: int, now: int) -> tuple[Box, Box]:
        """Return what holds all places of a line from picture ``since`` to ``now``, and its last one, if it has moved
        with the page."""
        way = at = line
        for number in range(reading.picture, since, -1):
            shift = self._ring.at(number).shift
            at = at._replace(left=at.left - shift.right, top=at.top - shift.down)
            way = joined(way, at)
        at = line
        for number in range(reading.picture + 1, now + 1):
            shift = self._ring.at(number).shift
            at = at._replace(left=at.left + shift.right, top=at.top + shift.down)
            way = joined(way, at)
        return way, at

    def _too_late(self, changes: Changes, report: Report) -> None:
        """What has been read is of a picture so old that it cannot be followed: it has to be read again."""
        if isinstance(report, Finished):
            reading = self._readings.pop(report.look)
            # All this time it may have been there: what is still held of it stays veiled until it is read.
            changes.forget((changes.owner == report.look) | reading.look.tiles, self._ring.oldest)
            changes.finished(report.look)
            self._veil(changes)
            self._speech.lift(veil.number for veil in reading.all_veils)
            self._glanced(report.look)

    def _outline(self, changes: Changes, reading: Reading, lines: Sequence[Box]) -> None:
        """Veil a look's lines in place of all of it, unless it has been scrolled since."""
        began = reading.began - EARLIER
        if reading.look.scene is not None or changes.shifted_at > began or reading.veiled.mean() < _LARGE:
            return
        start = self._ring.pts(began + 1)
        reading.lines = [(line, self._veiled(start, _around(line, line.height))) for line in lines]
        self._speech.lift(veil.number for veil in reading.veils)
        reading.veils, reading.outlined = [], True

    # Scenes.

    def _mind_scene(self, changes: Changes, moment: Moment) -> None:
        """Begin, look at, or end a scene."""
        scene, restless = self._scene, changes.restless
        if scene is None:
            swift = changes.swift >= _SWIFTLY
            if swift or restless.mean() > _SCENE_FROM:
                much = swift or changes.stirred.mean() > _STIRRED  # what moves at once belongs together
                self._begin_scene(changes, moment, (changes.stirred if much else False) | restless, swift)
            return
        if scene.swift and changes.number - changes.rushed_at > _PATIENCE_LARGE:
            scene.swift = False  # it is a film that has begun like one
        # A page may go on slowly: it is read then.
        moving = changes.moved if scene.page else changes.stirred
        stirred = moving[scene.area.slices].sum()
        calm = stirred < (_PAGE_UNTIL if scene.page else _SCENE_UNTIL) * restless.size and not changes.swift
        scene.quiet = scene.quiet + 1 if calm else 0
        outside = restless.sum() - restless[scene.area.slices].sum()
        film = not scene.page and not scene.cut and scene.lines < _TEXTS
        over = _PAGE_OVER if scene.swift else _FILM_OVER if film else _SCENE_OVER
        if scene.quiet > over or outside > _SCENE_FROM * restless.size:
            self._end_scene(changes, scene)
            return
        _leave_out(changes, scene.area)
        last = scene.glances[-1]
        before, scene.stirred = scene.stirred, max(stirred / scene.area_tiles, _DECAY * scene.stirred)
        cut = changes.leapt or (before < _CUT_BELOW and scene.stirred > _CUT_ABOVE)
        waiting = sum(glance.look in self._readings for glance in scene.glances)
        if cut and waiting < _MOST_WAITING and last.picture < changes.number - 1:
            self._glance(changes, self._ring.at(changes.number - 1), scene)  # what came since the last look is gone
            last, scene.cut, waiting = scene.glances[-1], True, waiting + 1
        due = not waiting and changes.number - last.picture >= _SCENE_SPACING * self._rarer()
        if due and (not scene.quiet or self._other(scene, last, moment)):
            self._glance(changes, moment, scene)

    def _other(self, scene: _Scene, last: _Glance, moment: Moment) -> bool:
        """Whether a scene that rests shows anything else than when it was looked at last."""
        before = self._ring.at(last.picture).picture
        return bool(differs(difference(before, moment.picture))[scene.area.slices].any())

    def _begin_scene(self, changes: Changes, moment: Moment, restless: "Map", swift: bool) -> None:
        around = areas(grown(restless, _GROWN, _GROWN))
        main = max(around, key=lambda area: restless[area.slices].sum())
        beside = restless.sum() - restless[main.slices].sum()
        if beside < min((1 - _MAIN) * restless.sum(), _SCENE_FROM / 2 * restless.size):
            around = [main]
        area = Area(
            min(area.top for area in around),
            max(area.bottom for area in around),
            min(area.left for area in around),
            max(area.right for area in around),
        )
        # What moves swiftly has been seen to from its first picture on; what is restless has been so for a while.
        began, tiles = changes.number - (changes.swift if swift else _UNREST), covering(changes.shape, [area])
        start, then, first = began if swift else began - EARLIER + 1, began, range(0)
        self._scene = scene = _Scene(area, tiles.mean(), swift)
        if not swift and changes.number - changes.cut_at < _PATIENCE_LARGE:  # it has begun with the cut
            began = start = changes.cut_at
            then = began - 1
            first = range(changes.cut_at + _SETTLED, changes.number - _SCENE_SPACING // 2, _SCENE_SPACING)
            if first:
                self._abandon(changes, tiles)
        # What changed before it began is read as it was then.
        earlier = tiles & changes.dirty & (changes.first < began)
        if earlier.any():
            self._read(changes, self._ring.at(then), earlier, now=False)
        scene.glances.append(_Glance(0, start, self._speech.veil(self._ring.pts(start), area.box)))
        _leave_out(changes, area)
        for number in first:
            self._glance(changes, self._ring.at(number), scene)
        self._glance(changes, moment, scene)

    def _abandon(self, changes: Changes, tiles: "Map") -> None:
        """Do not read what is being read of ``tiles`` since the cut: it is looked at as a scene."""
        for number, reading in list(self._readings.items()):
            if (
                reading.look.scene is None
                and reading.gone is None
                and reading.began >= changes.cut_at
                and not (reading.look.tiles & ~tiles).any()
            ):
                del self._readings[number]
                self._drop(number)
                changes.finished(number)
                self._speech.lift(veil.number for veil in reading.all_veils)

    def _glance(self, changes: Changes, moment: Moment, scene: _Scene) -> None:
        self._looks += 1
        tiles = covering(changes.shape, [scene.area])
        box = clipped(scene.area.box, moment.picture[: self._size[0], : self._size[1]])
        assert box is not None
        first = np.where(tiles, scene.glances[-1].picture, -1)
        swift = changes.number - changes.rushed_at <= _SCENE_OVER
        look = Look(self._looks, moment.picture, tiles, box, swift=swift)
        self._readings[look.number] = Reading(look, moment.number, first, [], tiles)
        veil = self._speech.veil(self._ring.pts(moment.number), scene.area.box)
        scene.glances.append(_Glance(look.number, moment.number, veil))
        self._submit(look)

    def _glanced(self, look: int) -> None:
        """A look at a scene has been read: what was before the last look but one is clear. What was before it of a page
        that moves too fast is not."""
        for scene in [self._scene, *self._past]:
            if scene is None or all(glance.look != look for glance in scene.glances):
                continue
            if scene.page and scene.ended is None:  # what it shows at its end may tell all
                continue
            while scene.glances[0].look != look and (scene.full or len(scene.glances) > 2):
                self._over(scene, scene.glances.popleft(), scene.glances[0].picture)
            if scene.ended is not None and not any(glance.look in self._readings for glance in scene.glances):
                self._settle(scene)
                self._past.remove(scene)

    def _over(self, scene: _Scene, glance: _Glance, until: int) -> None:
        """Lift the veil of a glance; of a page that moves too fast nothing is shown up to picture ``until``."""
        if scene.full or glance.full:
            start, end = self._ring.pts(glance.picture), self._ring.pts(until)
            self._speech.found(start, end, scene.area.box, "unread", 1.0)
        self._speech.lift([glance.veil])

    def _settle(self, scene: _Scene) -> None:
        """All of a scene that is over has been read."""
        assert scene.ended is not None
        while scene.glances:
            glance = scene.glances.popleft()
            self._over(scene, glance, scene.glances[0].picture if scene.glances else scene.ended)

    def _end_scene(self, changes: Changes, scene: _Scene) -> None:
        """What was a scene is read like the rest from its last look on."""
        self._scene = None
        scene.ended = changes.number - scene.quiet
        tiles = covering(changes.shape, [scene.area])
        if scene.quiet and not scene.page:
            if scene.ended - 1 > scene.glances[-1].picture:  # what came since the last look may be gone
                self._glance(changes, self._ring.at(scene.ended - 1), scene)
            self._forgo(changes, scene, tiles)
        stops = self._stops(scene) if scene.page and scene.quiet else None
        travelled = stops is not None
        if scene.page and scene.quiet and not travelled:
            stops = self._stands(scene)
        bridged = stops is not None
        # What it shows at its end may be gone before that is read, where it has only become slower.
        slower = scene.page and scene.quiet and self._ring.moved_by(scene.ended, changes.number) != (0, 0)
        if slower:
            stops = [*(stops or ()), scene.ended]
        begun = scene.glances[0 if bridged else -1].picture
        changes.forget(tiles, stops[-1] if stops else begun)
        if scene.quiet:
            changes.calm(tiles)
        self._veil(changes)
        before = begun if bridged else scene.ended
        if bridged:
            for glance in scene.glances:
                if self._readings.pop(glance.look, None) is not None:
                    self._drop(glance.look)
            if travelled:
                self._cover_others(scene)
        for number, after in pairwise([*(stops or ()), changes.number]):
            # Of what stood still, only what has changed since it stood before is read: the rest has been, and what of
            # that could not be made out is not read again, so it stays covered up to now.
            stood = bridged and not travelled
            gone = changes.number if stood else after
            seen = tiles & self._changed(before, number) if stood and before != begun else tiles
            self._read_on_its_way(changes, seen, number, before, gone)
            before = number
        if bridged:
            self._speech.lift(glance.veil for glance in scene.glances)
        elif any(glance.look in self._readings for glance in scene.glances):
            self._past.append(scene)
        else:
            self._settle(scene)

    def _forgo(self, changes: Changes, scene: _Scene, tiles: "Map") -> None:
        """Do not read looks at what is still there: that is read like the rest."""
        now = self._ring.at(changes.number).picture
        while (reading := self._readings.get(scene.glances[-1].look)) is not None:
            if (tiles & differs(difference(reading.look.picture, now))).any():
                break
            del self._readings[reading.look.number]
            self._drop(reading.look.number)
            self._speech.lift([scene.glances.pop().veil])

    def _stops(self, scene: _Scene) -> list[int] | None:
        """Return the pictures that have to be read to know all that a page has shown on its way, beside its beginning
        and its end; None if it is not known how it has moved, or there are too many of them."""
        began, ended = scene.glances[0].picture, scene.ended or 0
        travel = self._ring.travel(began, ended)
        if travel is None:
            return None
        area, (rows, columns) = scene.area, self._ring.shape
        if area == Area(0, rows, 0, columns) and abs(travel.right - self._size[1]) <= _ABOUT:
            return []  # a slide is pushed away
        # It has been grown, but at the picture's edges; and a line must be whole at one of them.
        high = area.box.height - _GROWN * HIGH * ((area.top > 0) + (area.bottom < rows)) - _LINE
        wide = area.box.width - _GROWN * WIDE * ((area.left > 0) + (area.right < columns)) - _LINE
        stops = [began]
        for number in range(began + 1, ended + 1):
            right, down = self._ring.moved_by(stops[-1], number)
            if right > wide or down > high:
                if number - 1 == stops[-1] or len(stops) > _MOST_STOPS:
                    return None
                stops.append(number - 1)
        return stops[1:]

    def _stands(self, scene: _Scene) -> list[int] | None:
        """Return each picture that a page stands still in, but the last one, if these are all there is and not many, as
        of a terminal that is filled by bursts; else None."""
        began, ended = scene.glances[0].picture, scene.ended or 0
        if not self._ring.has(began):
            return None
        # What comes in with a page that moves is told by its shift, and is no change of its own: it would not be read.
        if any(self._ring.at(number).shift != NONE for number in range(began + 1, ended + 1)):
            return None
        stands = [number for number in range(began, ended) if self._ring.at(number + 1).other is not None]
        return stands if len(stands) <= min(_MOST_STANDS, (ended - began) // _STAND) else None

    def _cover_others(self, scene: _Scene) -> None:
        """What has changed on a page's way otherwise than by moving with it has been seen nowhere else: cover it."""
        began, ended = scene.glances[0].picture, scene.ended or 0
        often = np.zeros(self._ring.shape, np.int64)
        for number in range(began + 1, ended + 1):
            if (other := self._ring.at(number).other) is not None:
                often += other
        inside = covering(self._ring.shape, [scene.area])
        for area in areas((often >= _OTHERWISE) & inside):
            self._speech.found(self._ring.pts(began), self._ring.pts(ended), area.box, "unread", 1.0)

    def _changed(self, before: int, number: int) -> "Map":
        """Return the tiles around all that has changed after picture ``before``, up to ``number``."""
        changed = np.zeros(self._ring.shape, bool)
        for each in range(before + 1, number + 1):
            if (other := self._ring.at(each).other) is not None:
                changed |= other
        return covering(self._ring.shape, areas(grown(changed)))

    def _read_on_its_way(self, changes: Changes, tiles: "Map", number: int, since: int, gone: int) -> None:
        """Have picture ``number`` of a page read that has moved on since, for all it has shown from ``since`` on, which
        is ``gone`` then, or read in a later one."""
        self._looks += 1
        look = Look(self._looks, self._ring.at(number).picture, tiles, fleeting=True, gone=True)
        first = np.where(tiles, since, -1)
        veils = [self._veiled(self._ring.pts(since - EARLIER + 1), area.box) for area in areas(tiles)]
        self._readings[look.number] = Reading(look, number, first, veils, tiles.copy(), gone=gone, asked=changes.number)
        self._submit(look)


def _leave_out(changes: Changes, area: Area) -> None:
    """What is in a scene is not looked at otherwise."""
    changes.first[area.slices] = -1
    changes.vanished[area.slices] = changes.interrupted[area.slices] = False


def _around(box: Box, side: int) -> Box:
    """Return a box with room around it for a line that is ``side`` pixels high."""
    return Box(box.left - side, box.top - side // 3, box.width + 2 * side, box.height + 2 * (side // 3))
