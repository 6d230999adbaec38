"""A broadcast in the gate: timed packets in, parts to the origin, its numbers into the store. No sockets, no clock."""

import logging
import secrets
from dataclasses import replace

from ingest.media import Kind, Track
from serve.parts import BroadcastStart, PartLink
from serve.store import BroadcastRow, Store, StoreError
from transcode.cutter import SHORTEST, Cutter
from transcode.media import Cut, End, Plan, RoomItem, Tick, TimedPacket
from transcode.pipeline import SourcePipeline

_log = logging.getLogger(__name__)


class Broadcast:
    """A running broadcast of a ``source`` room. Numbers are in the store before a player can see them."""

    def __init__(self, row: BroadcastRow, cutter: Cutter, store: Store, link: PartLink) -> None:
        self._row = row
        self._cutter = cutter
        self._store = store
        self._link = link
        self._pipeline = SourcePipeline(row.plan)
        self._tracks = {track.kind: track for track in row.tracks}
        self._saved = True
        link.begin(BroadcastStart(row.room, row.id, row.plan, row.started_at, row.discontinuities))
        for track in row.tracks:
            self._send(track)

    @classmethod
    def begin(
        cls, room: str, plan: Plan, tracks: tuple[Track, ...], started_at: int, store: Store, link: PartLink
    ) -> "Broadcast":
        """Begin a new one; ``started_at`` is the wall-clock time of tick 0 in Unix milliseconds."""
        row = BroadcastRow(secrets.token_hex(4), room, started_at, plan, tracks, -1, 0, 0)
        return cls(row, Cutter(0, plan.target_duration, plan.video is not None), store, link)

    @classmethod
    def resume(cls, row: BroadcastRow, position: int, store: Store, link: PartLink) -> "Broadcast":
        """Go on with one after a restart, ``position`` (ticks) being where the timeline stands now.

        The number in the store may be old (a full disk): go past any that can have been used since.
        """
        number = row.number + 1 + -(-(position - row.position) // SHORTEST)
        cutter = Cutter(number, row.plan.target_duration, row.plan.video is not None, position)
        return cls(row, cutter, store, link)

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
        return (self.plan.video if kind is Kind.VIDEO else self.plan.audio) is not None

    def track(self, track: Track) -> None:
        """A track is announced: nothing happens unless its configuration differs from what players have."""
        if not self.lists(track.kind) or self._tracks.get(track.kind) == track:
            return
        if track.kind in self._tracks:
            self._cutter.discontinuity()
        self._tracks[track.kind] = track
        self._row = replace(self._row, tracks=tuple(self._tracks.values()))
        self._send(track)

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

    def end(self) -> None:
        """No more will come: players get ENDLIST."""
        self._send(End(self._cutter.media_end))
        self._link.end(self.id)
        try:
            self._store.end_broadcast(self.id)
        except StoreError as error:
            _log.error("room %s: %s", self._row.room, error)

    def _send(self, item: RoomItem) -> None:
        if isinstance(item, Cut):
            self._note(item)
        for made in self._pipeline.feed(item):
            self._link.part(self.id, made)

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
