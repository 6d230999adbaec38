"""A broadcast in the gate: timed packets in, parts to the origin, its numbers into the store. No sockets, no clock."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from ingest.media import Kind, Track
from serve.parts import BroadcastStart, PartLink
from serve.store import BroadcastRow, Store, StoreError
from transcode.cutter import SHORTEST, Cutter
from transcode.interlude import CodedSlate
from transcode.media import SOURCE, Cut, End, PartItem, Plan, RoomItem, Slate, Tick, TimedPacket
from transcode.passthrough import Passthrough
from transcode.process import Stats
from transcode.regular_cutter import AHEAD, RegularCutter

_log = logging.getLogger(__name__)


class Worker(Protocol):
    """What transcodes a broadcast: a process of its own, but for tests."""

    @property
    def stats(self) -> Stats:
        """How it does."""
        ...

    def feed(self, item: RoomItem) -> None:
        """Take the next item of the room link."""
        ...

    async def finish(self) -> None:
        """Return when all that was fed, an ``End`` last, is made, or given up, or it is closed."""
        ...

    async def close(self) -> None:
        """End at once."""
        ...


Workers = Callable[[Plan, Callable[[PartItem], None], Callable[[str], None]], Worker]
"""Starts a worker for a plan; it is told who takes its parts, and whom to tell when something is amiss."""

Slates = Callable[[Track, Slate, Callable[[CodedSlate], None]], None]
"""Has a slate coded for players that have a host's own picture, and delivers it; what cannot be made never comes."""


class Broadcast:
    """A running broadcast. Numbers are in the store before a player can see them."""

    def __init__(
        self,
        row: BroadcastRow,
        cutter: Cutter | RegularCutter,
        store: Store,
        link: PartLink,
        workers: Workers,
        slates: Slates,
    ) -> None:
        self._row = row
        self._cutter = cutter
        self._store = store
        self._link = link
        self._slates = slates
        self._slate: Slate | None = None
        self._passthrough = Passthrough(row.plan)
        self._tracks = {track.kind: track for track in row.tracks}
        self._saved = True
        self._fed = True
        self._over = False
        self._closing: asyncio.Task[None] | None = None
        link.begin(BroadcastStart(row.room, row.id, row.plan, row.started_at, row.discontinuities))
        self.worker: Worker | None = workers(row.plan, self._made, self._noted) if row.plan.transcoded else None
        for track in row.tracks:
            self._send(track)

    @classmethod
    def begin(
        cls,
        room: str,
        plan: Plan,
        tracks: tuple[Track, ...],
        started_at: int,
        store: Store,
        link: PartLink,
        workers: Workers,
        slates: Slates,
    ) -> "Broadcast":
        """Begin a new one; ``started_at`` is the wall-clock time of tick 0 in Unix milliseconds."""
        row = BroadcastRow(secrets.token_hex(4), room, started_at, plan, tracks, -1, 0, 0)
        return cls(row, _cutter(plan, 0, 0), store, link, workers, slates)

    @classmethod
    def resume(
        cls, row: BroadcastRow, position: int, store: Store, link: PartLink, workers: Workers, slates: Slates
    ) -> "Broadcast":
        """Go on with one after a restart, ``position`` (ticks) being where the timeline stands now.

        The number in the store may be old (a full disk): go past any that can have been used since.
        """
        number = row.number + 1 + -(-(position - row.position) // SHORTEST)
        return cls(row, _cutter(row.plan, number, position), store, link, workers, slates)

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

    def track(self, track: Track) -> None:
        """A track is announced: nothing happens unless its configuration differs from what players have."""
        if not self.lists(track.kind) or self._tracks.get(track.kind) == track:
            return
        if track.kind in self._tracks and self._passes_on(track.kind):
            self._cutter.discontinuity()
        self._tracks[track.kind] = track
        self._row = replace(self._row, tracks=tuple(self._tracks.values()))
        self._send(track)
        if track.kind is Kind.VIDEO:
            self._order_slate()

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
        self._cutter.interrupt()

    def packet(self, packet: TimedPacket) -> None:
        """The next packet of the source."""
        for item in self._cutter.packet(packet):
            self._send(item)

    def tick(self, tick: Tick) -> None:
        """The timeline goes on without media."""
        for item in self._cutter.tick(tick):
            self._send(item)

    def end(self) -> asyncio.Task[None] | None:
        """No more will come: players get ENDLIST after the last part, which a worker may still be making.

        Returns what waits for that, if it has to be waited for.
        """
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
