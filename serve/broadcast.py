"""A broadcast in the gate: timed packets in, parts to the origin, its numbers into the store. No sockets, no clock."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ingest.media import Kind, Track
from serve.moderation import Detections, Moderation
from serve.parts import BroadcastStart, PartLink
from serve.store import BroadcastRow, FilterRow, Store, StoreError
from transcode.cutter import SHORTEST, Cutter
from transcode.hold import Held, Interrupt
from transcode.interlude import CodedSlate
from transcode.media import SOURCE, Cut, Delay, End, PartItem, Plan, RoomItem, Slate, Tick, TimedPacket
from transcode.passthrough import Passthrough
from transcode.process import Stats
from transcode.regular_cutter import AHEAD, RegularCutter
from transcode.verdicts import LedgerEntry, Note
from transcode.wire import Covering, Fault

_log = logging.getLogger(__name__)

AWAKE = 60.0
"""Seconds that detectors stay at work after the last viewer has gone, or the broadcast has begun without any."""


class Worker(Protocol):
    """What transcodes a broadcast: a process of its own, but for tests."""

    @property
    def stats(self) -> Stats:
        """How it does."""
        ...

    def feed(self, item: RoomItem) -> None:
        """Take the next item of the room link."""
        ...

    def rule(self, entry: LedgerEntry) -> None:
        """Take what is said of the media, before all media that is not worked on yet."""
        ...

    def use(self, specs: Sequence[str]) -> None:
        """Let these plain filters act from now on, loaded anew."""
        ...

    async def finish(self) -> None:
        """Return when all that was fed, an ``End`` last, is made, or given up, or it is closed."""
        ...

    async def close(self) -> None:
        """End at once."""
        ...


Workers = Callable[
    [Plan, Callable[[PartItem], None], Callable[[str], None], Callable[[Covering | Fault], None]], Worker
]
"""Starts a worker for a plan; it is told who takes its parts, whom to tell when something is amiss, and whom when slate
and silence go out instead of the host's media."""

Slates = Callable[[Track, Slate, Callable[[CodedSlate], None]], None]
"""Has a slate coded for players that have a host's own picture, and delivers it; what cannot be made never comes."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a room's broadcasts work with. ``spared``: processors that the detectors of a room may take between them
    where its operator has not said. ``awake``: seconds that detectors stay at work though nobody watches."""

    store: Store
    link: PartLink
    workers: Workers
    slates: Slates
    detections: Detections
    spared: float = 1.0
    awake: float = AWAKE


@dataclass(frozen=True, slots=True)
class Moderating:
    """How a broadcast is moderated: its ``filters``, how long its media is held (``delay``, ticks), and how many
    processors its detectors may take between them (``cores``).

    ``recorded`` takes what goes into the moderation log; ``changed`` and ``overran``: see ``Moderation``.
    """

    filters: tuple[FilterRow, ...]
    delay: int
    recorded: Callable[[Note], None]
    changed: Callable[[], None]
    overran: Callable[[], None]
    cores: float = 1.0


class Broadcast:
    """A running broadcast. Numbers are in the store before a player can see them."""

    def __init__(self, row: BroadcastRow, cutter: Cutter | RegularCutter, means: Means, moderating: Moderating) -> None:
        self._row = row
        self._check(moderating.filters)
        self._cutter = cutter
        self._store = means.store
        self._link = link = means.link
        self._slates = means.slates
        self._slate: Slate | None = None
        self._passthrough = Passthrough(row.plan)
        self._tracks = {track.kind: track for track in row.tracks}
        self._saved = True
        self._fed = True
        self._over = False
        self._closing: asyncio.Task[None] | None = None
        link.begin(BroadcastStart(row.room, row.id, row.plan, row.started_at, row.discontinuities))
        self.worker: Worker | None = None
        if row.plan.transcoded:
            self.worker = means.workers(row.plan, self._made, self._noted, self._told)
        self.moderation = Moderation(
            row.plan,
            moderating.delay,
            self.worker,
            means.detections,
            self._noted,
            moderating.recorded,
            moderating.changed,
            moderating.overran,
        )
        if self.moderation.hold.delay:
            self._send(Delay(0, self.moderation.hold.delay))
        self.moderate(moderating.filters, moderating.delay, moderating.cores)
        for track in row.tracks:
            self.moderation.know(track)
            self._send(track)

    @classmethod
    def begin(
        cls, room: str, plan: Plan, tracks: tuple[Track, ...], started_at: int, means: Means, moderating: Moderating
    ) -> "Broadcast":
        """Begin a new one; ``started_at`` is the wall-clock time of tick 0 in Unix milliseconds."""
        row = BroadcastRow(secrets.token_hex(4), room, started_at, plan, tracks, 0, 0, 0)
        return cls(row, _cutter(plan, row.number + 1, 0), means, moderating)

    @classmethod
    def resume(cls, row: BroadcastRow, position: int, means: Means, moderating: Moderating) -> "Broadcast":
        """Go on with one after a restart, ``position`` (ticks) being where the timeline stands now.

        The number in the store may be old (a full disk): go past any that can have been used since, and one more, which
        is listed as a gap.
        """
        number = row.number + 2 + -(-(position - row.position) // SHORTEST)
        return cls(row, _cutter(row.plan, number, position), means, moderating)

    @property
    def id(self) -> str:
        """The broadcast's name in URLs."""
        return self._row.id

    @property
    def started_at(self) -> int:
        """Wall-clock time of tick 0 in Unix milliseconds."""
        return self._row.started_at

    @property
    def plan(self) -> Plan:
        """What is fixed for its life."""
        return self._row.plan

    def lists(self, kind: Kind) -> bool:
        """Whether it has a rendition for ``kind``."""
        return bool(self.plan.rungs) if kind is Kind.VIDEO else self.plan.sound is not None

    def needs(self, kind: Kind) -> bool:
        """Whether players would lack something without the host's ``kind``: what it is not, a worker stands in for."""
        return self.lists(kind) and self._passes_on(kind)

    def takes(self, track: Track) -> bool:
        """Whether it can go on with ``track``: what is passed on stays in the codec that players were told of."""
        before = self._tracks.get(track.kind)
        return before is None or before.codec is track.codec or not self._passes_on(track.kind)

    def track(self, track: Track) -> None:
        """A track is announced: nothing happens unless its configuration differs from the one before."""
        if self.lists(track.kind) and self.moderation.tracks.get(track.kind) != track:
            self._take(track)

    def slate(self, slate: Slate) -> None:
        """What viewers see while the host is away is this from now on, or soon."""
        self._slate = slate
        self._send(slate)
        self._order_slate()

    @property
    def keeps_time(self) -> bool:
        """Whether all its pictures and sounds are made here, so that nothing runs ahead."""
        return self.plan.transcoded and not _cut_by_host(self.plan)

    @property
    def shows_slate(self) -> bool:
        """Whether viewers have a slate while the host is away, and no gap."""
        return self.keeps_time or self._passthrough.stands_in

    def _order_slate(self) -> None:
        """Have the slate coded for those who get the host's own picture."""
        track = self._tracks.get(Kind.VIDEO)
        if track is not None and self._slate is not None and self._passes_on(Kind.VIDEO):
            order = track, self._slate
            self._slates(*order, lambda coded: self._take_slate(order, coded))

    def _take_slate(self, order: tuple[Track, Slate], coded: CodedSlate) -> None:
        if not self._over and order == (self._tracks.get(Kind.VIDEO), self._slate):
            self._passthrough.slate(coded)

    def interrupt(self) -> None:
        """Another source takes over."""
        self._take(Interrupt())

    def packet(self, packet: TimedPacket) -> None:
        """The next packet of the source."""
        self._take(packet)

    def tick(self, tick: Tick) -> None:
        """The timeline goes on without media."""
        self._take(tick)

    def moderate(self, filters: tuple[FilterRow, ...], delay: int, cores: float, anew: bool = False) -> None:
        """These filters act from here on, and media is held for ``delay`` ticks. ``anew``: they are loaded anew."""
        self._check(filters)
        self._play_all(self.moderation.change(filters, delay, cores, anew))

    def _check(self, filters: tuple[FilterRow, ...]) -> None:
        if filters and self._hidden_here:
            raise ValueError("a broadcast that passes on the host's own picture or sound cannot be filtered")

    def cover(self, on: bool) -> None:
        """Let slate and silence go out, at once, until it is lifted."""
        lifted = self.moderation.ordered and not on
        self.moderation.cover(on)
        if lifted and self._hidden_here:
            self._cutter.interrupt()

    def dump(self) -> None:
        """Throw away what is held: it never airs."""
        self._play_all(self.moderation.dump())

    def _take(self, item: Held) -> None:
        """Take what comes from the host, and play what its time has come for."""
        self._play_all(self.moderation.take(item))

    def _play_all(self, items: Iterable[Held | Delay]) -> None:
        for item in items:
            self._play(item)

    def _play(self, item: Held | Delay) -> None:
        if isinstance(item, TimedPacket) and self.moderation.ordered and self._hidden_here:
            item = Tick(item.dts)
        match item:
            case TimedPacket():
                for cut in self._cutter.packet(item):
                    self._send(cut)
            case Tick():
                if self.keeps_time and self.moderation.hold.silent and isinstance(self._cutter, RegularCutter):
                    self._cutter.start(item.pts)  # while the hold fills viewers have the slate
                for cut in self._cutter.tick(item):
                    self._send(cut)
            case Track():
                self._configure(item)
            case Interrupt():
                self._cutter.interrupt()
            case Delay():
                self._send(item)

    def _configure(self, track: Track) -> None:
        """Media is of ``track`` from here on."""
        if self._tracks.get(track.kind) == track:
            return
        if track.kind in self._tracks and self._passes_on(track.kind):
            self._cutter.discontinuity()
        self._tracks[track.kind] = track
        self._row = replace(self._row, tracks=tuple(self._tracks.values()))
        self._send(track)
        if track.kind is Kind.VIDEO:
            self._order_slate()

    @property
    def _hidden_here(self) -> bool:
        """Whether a cover is up to the gate: what it passes on, no worker can hide."""
        return any(self._passes_on(kind) for kind in Kind)

    def end(self) -> asyncio.Task[None] | None:
        """No more will come: players get ENDLIST after the last part, which a worker may still be making.

        Returns what waits for that, if it has to be waited for.
        """
        self.moderation.retire()  # what is held is dropped
        self._send(End(self._cutter.media_end))
        try:
            self._store.end_broadcast(self.id)
        except StoreError as error:
            _log.error("room %s: %s", self._row.room, error)
        if self.worker is None:
            self._link.end(self.id)
            return None
        return asyncio.create_task(self._finish(self.worker), name=f"end of broadcast {self.id}")

    async def _finish(self, worker: Worker) -> None:
        try:
            await worker.finish()
        except Exception:
            _log.exception("room %s: the last parts of broadcast %s are lost", self._row.room, self.id)
        if not self._over:
            self._over = True
            self._link.end(self.id)

    def discard(self) -> None:
        """Its last parts are wanted by nobody: none goes anywhere from now on, and no more are made."""
        self._over = True
        if self.worker is not None:
            self._closing = asyncio.create_task(self.worker.close(), name=f"discard of broadcast {self.id}")

    async def drop(self) -> None:
        """Stop at once; the next start of the server may go on with it."""
        self._over = True
        await self.moderation.close()
        if self.worker is not None:
            await self.worker.close()

    def _passes_on(self, kind: Kind) -> bool:
        """Whether players get the host's own ``kind``."""
        if kind is Kind.VIDEO:
            return any(rung.name == SOURCE for rung in self.plan.rungs)
        return self.plan.sound is not None and not self.plan.sound.transcoded

    def _send(self, item: RoomItem) -> None:
        if isinstance(item, Cut):
            self._note(item)
        for made in self._passthrough.feed(item):
            self._made(made)
        if self.worker is not None:
            self._feed(self.worker, item)

    def _feed(self, worker: Worker, item: RoomItem) -> None:
        """Hand ``item`` to the worker. What goes wrong there is no fault of the host's, nor of the room's clockwork."""
        try:
            worker.feed(item)
        except Exception:
            if self._fed:  # once
                _log.exception("room %s: a worker was not given what it needs", self._row.room)
            self._fed = False

    def _made(self, item: PartItem) -> None:
        if not self._over:
            self._link.part(self.id, item)

    def _told(self, message: Covering | Fault) -> None:
        if not self._over:
            self.moderation.told(message)

    def _noted(self, text: str) -> None:
        _log.warning("room %s: %s", self._row.room, text)

    def _note(self, cut: Cut) -> None:
        self._row = replace(
            self._row,
            number=cut.msn,
            position=cut.pts,
            discontinuities=self._row.discontinuities + cut.discontinuity,
        )
        try:
            self._store.save_broadcast(self._row)
        except StoreError as error:
            if self._saved:  # once: the stream goes on, and a restart skips numbers generously
                _log.error("room %s: %s", self._row.room, error)
            self._saved = False
        else:
            self._saved = True


def said_ahead(plan: Plan) -> int:
    """How long (ticks) before its time a cut may be in the store."""
    return 0 if _cut_by_host(plan) else AHEAD


def _cut_by_host(plan: Plan) -> bool:
    """Whether segments begin with the host's keyframes: where its picture is passed on. Else they are as suits us."""
    return any(rung.name == SOURCE for rung in plan.rungs) or not plan.transcoded


def _cutter(plan: Plan, number: int, position: int) -> Cutter | RegularCutter:
    if _cut_by_host(plan):
        return Cutter(number, plan.target_duration, bool(plan.rungs), position)
    return RegularCutter(number, plan.frame_rate if plan.rungs else None, position)
