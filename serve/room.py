"""A room: its settings, the one source it has, and its broadcast. No sockets.

A room's states: ``stopped`` (closed: nobody may publish) -> ``waiting`` (open, no host on air) -> ``live``. A host that
drops leaves its broadcast running for the room's grace: viewers see the slate (``slate``) or, where nothing is encoded
here, playlists go on with gaps (``waiting``), and a host that comes back goes on in it. After that, or when the room is
stopped, the broadcast ends and the next host begins another.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Protocol

from ingest.media import Codec, Kind, Packet, Track
from ingest.source import PublishRequest, Refused, Sink, Source
from serve.broadcast import Broadcast, Means, Moderating, said_ahead
from serve.capacity import ASSUMED, Picture, Running
from serve.errors import RoomError
from serve.signal import Signal
from serve.store import DETECTOR, BroadcastRow, FilterRow, RoomRow, StoreError
from serve.viewers import GONE
from transcode.cmaf.codecs import PLAYABLE, parse_audio, parse_video
from transcode.cmaf.config import AudioConfig, CodecError
from transcode.ladder import Encoding, parse_ladder
from transcode.media import TIMELINE, Slate
from transcode.opening import LONGEST_TARGET_DURATION, TARGET_DURATION, Opening
from transcode.process import Stats
from transcode.timekeeper import LATE, LATE_AT_MOST, Timekeeper
from transcode.verdicts import ModerationStats, Note

_log = logging.getLogger(__name__)

FIGHT = 30 * TIMELINE
"""As many takeovers as ``TAKEOVERS`` within this (ticks) are two encoders that fight over a key; it is over when nobody
has tried for as long."""
TAKEOVERS = 3
STOP = "stop"
"""What a room does when a detector is late, if it does not cover."""
_BACK_SOON = "The stream will be back in a moment."
_SOON = "The stream begins in a moment."
_PROMISED = 3 * TIMELINE
"""How long a source may be on air before it sends what the broadcast lists (ticks)."""
_MOST_WARNINGS = 8
_SPARE = 0.15  # seconds


class State(StrEnum):
    """What a room is doing."""

    STOPPED = "stopped"
    WAITING = "waiting"
    LIVE = "live"
    SLATE = "slate"
    COVERED = "covered"


class Clock(Protocol):
    """Tells the time."""

    def ticks(self) -> int:
        """A monotonic clock in timeline ticks."""
        ...

    def wall(self) -> int:
        """The wall clock in Unix milliseconds."""
        ...


class SystemClock:
    """The machine's clocks."""

    def ticks(self) -> int:
        """A monotonic clock in timeline ticks."""
        return time.monotonic_ns() * TIMELINE // 1_000_000_000

    def wall(self) -> int:
        """The wall clock in Unix milliseconds."""
        return time.time_ns() // 1_000_000


class Publisher:
    """The source that is on air in a room, and the sink of its media."""

    def __init__(self, room: "Room", source: Source, request: PublishRequest, since: int) -> None:
        self.source = source
        self.software = request.software
        self.since = since
        self.tracks: dict[Kind, Track] = {}
        self.claimed_rate = 0.0
        """Frames a second as its metadata has it; 0 where it has not."""
        self.heard: dict[Kind, int] = {}
        """When (clock ticks) the first packet of a kind came."""
        self.warnings: list[str] = []
        self._room = room

    def metadata(self, values: Mapping[str, object]) -> None:
        """Advice that nothing relies on, but that names the host's software: all encoders connect as "FMLE"."""
        encoder = values.get("encoder")
        if isinstance(encoder, str) and encoder:
            self.software = encoder[:100]
        rate = values.get("framerate")
        if isinstance(rate, int | float) and math.isfinite(rate) and rate > 0:
            self.claimed_rate = float(rate)
            self._room.claimed(self, self.claimed_rate)

    def track(self, track: Track) -> None:
        """A track begins or changes."""
        try:
            if track.kind is Kind.AUDIO:
                self._room.expect_sound(self, parse_audio(track))
            else:
                parse_video(track)
        except CodecError as error:
            self.tracks.pop(track.kind, None)
            self.warning(f"the {track.kind} is left out: {error}")
            return
        self.tracks[track.kind] = track
        self._room.track(self, track)

    def packet(self, packet: Packet) -> None:
        """The next access unit."""
        if packet.kind in self.tracks:
            self._room.packet(self, packet)

    def warning(self, text: str) -> None:
        """Something the host should know."""
        if text not in self.warnings and len(self.warnings) < _MOST_WARNINGS:
            self.warnings.append(text)
            self._room.warned(text)

    def closed(self, reason: str) -> None:
        """The source is gone."""
        self._room.left(self, reason)


class Room:
    """One room: its settings, its publisher, its broadcast."""

    def __init__(
        self, row: RoomRow, clock: Clock, means: Means, recorded: Callable[[str, Note], None] = lambda *_: None
    ) -> None:
        self.row = row
        self.changed = Signal()
        self.publisher: Publisher | None = None
        self.broadcast: Broadcast | None = None
        self.picture = ASSUMED
        """What its host sent the last time."""
        self._store = means.store
        self._clock = clock
        self._means = means
        self._recorded = recorded
        self._beginning = False  # viewers have not got anything but the slate yet
        self._ending: dict[Broadcast, asyncio.Task[None]] = {}  # whose last parts are still being made
        self._timekeeper = Timekeeper(clock.ticks())
        self._opening: Opening | None = None
        self._started_at = clock.wall()
        self._away_since = 0
        self._watched = clock.ticks()  # how long, by the clock, somebody has watched, or may have come yet
        self._shown: tuple[object, ...] = ()
        self._takeovers: deque[int] = deque(maxlen=TAKEOVERS)  # when (clock ticks)
        self._refused_at: int | None = None
        self._fight = ""

    @property
    def name(self) -> str:
        """The room's name."""
        return self.row.name

    @property
    def state(self) -> State:
        """What the room is doing."""
        if not self.row.open:
            return State.STOPPED
        if self.broadcast is None:
            return State.WAITING
        if self.publisher is not None and not self._timekeeper.away:
            return State.COVERED if self.covered else State.LIVE
        return State.SLATE if self.broadcast.shows_slate else State.WAITING

    @property
    def delay(self) -> float:
        """How much later (seconds) viewers get everything."""
        if self.row.delay is not None:
            return self.row.delay
        return max((found.lookahead for found in self.row.filters), default=0.0)

    @property
    def covered(self) -> str:
        """Why viewers get slate and silence though there is a host; empty if they get the host."""
        return self.broadcast.moderation.covered if self.broadcast else ""

    @property
    def moderation(self) -> ModerationStats | None:
        """How hold and filters of the running broadcast do; None without one, or without hold and filters."""
        moderation = self.broadcast.moderation if self.broadcast else None
        return moderation.stats if moderation is not None and moderation.needed else None

    def cover(self, on: bool) -> None:
        """Let viewers have slate and silence, at once, until it is lifted. Raises RoomError if nothing is on air."""
        if self.broadcast is None:
            raise RoomError(f"room {self.name!r} is not on air: there is nothing to cover")
        self.broadcast.cover(on)
        self._show_state()

    def dump(self) -> None:
        """Throw away what is held: it never airs. Raises RoomError if nothing is held."""
        if self.broadcast is None:
            raise RoomError(f"room {self.name!r} is not on air: nothing is held")
        if not self.broadcast.moderation.hold.delay:
            raise RoomError(
                f"room {self.name!r} has no delay, so nothing is held: cover it,"
                f" or give it one with: veilcast room set {self.name} --delay 10"
            )
        self.broadcast.dump()
        self._show_state()

    def reload_filters(self, rows: tuple[FilterRow, ...]) -> None:
        """A filter's file has changed, and was found to be as ``rows`` say: load it anew. Raises StoreError."""
        row = replace(self.row, filters=rows)
        self._store.save_room(row)
        self.row = row
        if self.broadcast is not None:
            self.broadcast.moderate(row.filters, self._ticks_held, self._cores, anew=True)
        self.changed.fire()

    @property
    def _ticks_held(self) -> int:
        """How long media is held: packets come one by one, so that what is cleared just in time is a little late."""
        needed = [found.lookahead + _SPARE for found in self.row.filters if found.role == DETECTOR]
        return round(max(self.delay, *needed, 0) * TIMELINE)

    @property
    def _cores(self) -> float:
        """Processors that its detectors may take between them."""
        budget = self.row.moderation_budget
        return self._means.spared if budget is None else budget

    @property
    def _moderating(self) -> Moderating:
        return Moderating(
            self.row.filters,
            self._ticks_held,
            lambda note: self._recorded(self.name, note),
            self._show_state,
            self._overran,
            self._cores,
        )

    def _overran(self) -> None:
        """A detector was too late: nothing has gone out, and if that is how it is to be, nothing will."""
        if self.row.on_overrun == STOP and self.row.open:
            _log.warning("room %s: a detector was too late, so the room is stopped, as it is set to be", self.name)
            asyncio.get_running_loop().call_soon(self._stop)

    def _stop(self) -> None:
        with contextlib.suppress(StoreError):  # it is stopped all the same
            self.update(replace(self.row, open=False))

    @property
    def warnings(self) -> list[str]:
        """What the host should know, and the operator."""
        shed = self.worker.shed if self.worker else ""
        faults = self.broadcast.moderation.faults if self.broadcast else ()
        found = (self._fight, shed, *faults)
        return [*(self.publisher.warnings if self.publisher else []), *(text for text in found if text)]

    @property
    def load(self) -> Running | None:
        """What the room takes of the machine, if it is on air."""
        if self.broadcast is None:
            return None
        worker = self.worker
        telling = worker is not None and self.state is State.LIVE and not worker.shed
        measured = worker.processors if worker and telling else None
        looking = self.broadcast.moderation.processors
        return Running(self.broadcast.plan, None if measured is None or looking is None else measured + looking)

    @property
    def worker(self) -> Stats | None:
        """How the process that transcodes the room does."""
        return self.broadcast.worker.stats if self.broadcast and self.broadcast.worker else None

    # What the operator does.

    def update(self, row: RoomRow) -> None:
        """Keep new settings. Raises StoreError, and then nothing has changed but that a stopped room is stopped."""
        try:
            self._store.save_room(row)
        except StoreError:
            if not row.open:
                self._close()
            raise
        before, self.row = self.row, row
        if before.stream_key != row.stream_key:
            self.disconnect("the stream key was changed")
        if not row.open:
            self._close()
        elif encoding_of(before) != encoding_of(row):
            self._end_broadcast()
            if self.publisher is not None:
                self._open_new()
        elif self.broadcast is not None:
            if (before.title, before.slate) != (row.title, row.slate):
                self.broadcast.slate(self._slate)
            if _moderated(before) != _moderated(row):
                self.broadcast.moderate(row.filters, self._ticks_held, self._cores)
        self.changed.fire()

    def disconnect(self, reason: str) -> None:
        """Send the publisher away, if there is one; the room is free at once, however long its connection takes."""
        if (publisher := self.publisher) is not None:
            publisher.source.disconnect(reason)
            self._off_air(publisher)

    def resume(self, row: BroadcastRow) -> None:
        """Go on with the broadcast that a restart of the server interrupted, if its host may still come back."""
        position = (self._clock.wall() - row.started_at) * TIMELINE // 1000
        if position + said_ahead(row.plan) < row.position:
            # The clock was set back: go past all that can have been made.
            position = row.position + row.plan.target_duration * TIMELINE
        if not self.row.open or position - row.position > self.row.grace * TIMELINE:
            self._give_up(row)
            return
        self._timekeeper = Timekeeper(self._clock.ticks() - position, position)
        self._away_since = position
        try:
            self.broadcast = Broadcast.resume(row, position, self._means, self._moderating)
        except ValueError:  # it was begun without the filters that the room has now
            self._give_up(row)
            return
        self._settle(self.broadcast)
        _log.info("room %s: broadcast %s goes on", self.name, row.id)

    def _give_up(self, row: BroadcastRow) -> None:
        """Nobody goes on with a broadcast that was interrupted."""
        try:
            self._store.end_broadcast(row.id)
        except StoreError as error:  # the next start looks at it once more
            _log.error("room %s: %s", self.name, error)

    # What the source does.

    def attach(self, source: Source, request: PublishRequest) -> Sink:
        """Put ``source`` on air; one that was there before is sent away. The newest wins (no ghost can block it).

        Two encoders that both reconnect would take turns for ever: after ``TAKEOVERS`` in ``FIGHT`` the one on air
        stays, as long as it sends and the other goes on trying. Raises Refused.
        """
        self._judge(source)
        self.disconnect("another publisher took over with the same stream key")
        self.publisher = Publisher(self, source, request, self._clock.wall())
        if self.broadcast is None:
            self._open_new()
        else:
            self._timekeeper.connect()
            self.broadcast.interrupt()
        _log.info("room %s: %s publishes (%s)", self.name, source.address, request.software or request.protocol)
        self._show_state()
        return self.publisher

    def _judge(self, source: Source) -> None:
        now = self._clock.ticks()
        if self.publisher is None or self._timekeeper.away or self._timekeeper.overdue(now):
            return  # nobody is in the way, or a ghost
        often = len(self._takeovers) == TAKEOVERS and now - self._takeovers[0] <= FIGHT
        tries_on = self._refused_at is not None and now - self._refused_at <= FIGHT
        if not (often or tries_on):
            self._takeovers.append(now)
            return
        self._refused_at = now
        incumbent = self.publisher.source.address
        self._fight = (
            f"two encoders publish with one stream key: {incumbent} stays, {source.address} was refused;"
            " stop one of them, or change the key"
        )
        _log.warning("room %s: %s", self.name, self._fight)
        self.changed.fire()
        raise Refused("another encoder publishes with this stream key and keeps it: stop one of the two")

    def expect_sound(self, publisher: Publisher, sound: AudioConfig) -> None:
        """The publisher's sound is as ``sound`` says."""
        if publisher is self.publisher:
            self._timekeeper.audio(sound.sample_rate, sound.samples)

    def claimed(self, publisher: Publisher, frame_rate: float) -> None:
        """The publisher's metadata says so of its picture (Hz)."""
        if publisher is self.publisher and self._opening is not None:
            self._opening.claimed_rate = frame_rate

    def track(self, publisher: Publisher, track: Track) -> None:
        """The publisher announced a track."""
        if publisher is not self.publisher:
            return
        if not encoding_of(self.row).ladder.transcodes and (text := _advice(track.codec)):
            publisher.warning(text)
        if self.broadcast is not None and not self.broadcast.takes(track):
            _log.info("room %s: the host's %s is in another codec, a new broadcast begins", self.name, track.kind)
            self._end_broadcast()
            self._open_new()
        if self.broadcast is not None:
            self.broadcast.track(track)
        elif self._opening is not None:
            before = self._opening.tracks.get(track.kind)
            if before is not None and before.codec is not track.codec:
                self._open_new()  # what is held is in another codec
            self._opening.track(track)
            if track.kind is Kind.VIDEO and self._opening.passes_on:
                self._means.slates(track, self._slate, lambda _: None)  # so that it is there when the broadcast begins

    def packet(self, publisher: Publisher, packet: Packet) -> None:
        """The publisher's next packet."""
        if publisher is not self.publisher:
            return
        now = self._clock.ticks()
        publisher.heard.setdefault(packet.kind, now)
        if self.broadcast is not None and not self._suits(self.broadcast, publisher, packet.kind, now):
            # Renditions are fixed for a broadcast's life: a track too many or too few begins another.
            _log.info("room %s: the host's tracks are others, a new broadcast begins", self.name)
            self._end_broadcast()
            self._open_new()
        was_away = self._timekeeper.away
        timed = self._timekeeper.packet(packet, now)
        if timed is None:
            return
        if self.broadcast is not None:
            self.broadcast.packet(timed)
            if was_away:  # what else changes, the next tick tells
                self._show_state()
        elif self._opening is not None:
            self._opening.packet(timed)
            if self._opening.plan is not None:
                self._begin(self._opening)

    @staticmethod
    def _suits(broadcast: Broadcast, publisher: Publisher, kind: Kind, now: int) -> bool:
        """Whether the broadcast lists ``kind``, and the publisher sends all else that it lists, or may come to it."""
        if not broadcast.lists(kind):
            return False
        if all(other in publisher.heard or not broadcast.needs(other) for other in Kind):
            return True
        return now - min(publisher.heard.values()) <= _PROMISED

    def warned(self, text: str) -> None:
        """The host should know ``text``."""
        _log.warning("room %s: %s", self.name, text)
        self.changed.fire()

    def left(self, publisher: Publisher, reason: str) -> None:
        """The publisher is gone."""
        _log.info("room %s: %s left (%s)", self.name, publisher.source.address, reason)
        self._off_air(publisher)

    def _off_air(self, publisher: Publisher) -> None:
        if publisher is not self.publisher:
            return
        self.publisher = None
        self._fight = ""
        self._opening = None
        self._timekeeper.disconnect()
        self._show_state()

    def watched(self) -> None:
        """Somebody watches."""
        self._watched = self._clock.ticks() + round(GONE * TIMELINE)
        if self.broadcast is not None:
            self.broadcast.moderation.wake()

    def tick(self) -> None:
        """Time passes; called ten times a second."""
        now = self._clock.ticks()
        if self.broadcast is None:
            return
        if now - self._watched >= self._means.awake * TIMELINE:
            self.broadcast.moderation.sleep()
        if self._beginning and not self.broadcast.moderation.hold.silent:
            self._beginning = False
            self.broadcast.slate(self._slate)
        self._timekeeper.patience = LATE if self.broadcast.shows_slate else LATE_AT_MOST
        tick = self._timekeeper.tick(now)
        if tick is None:
            self._away_since = self._timekeeper.position
            if self.broadcast.plan.transcoded and (late := self._timekeeper.late(now)):
                self.broadcast.tick(late)
            self._show_state()
            return
        self.broadcast.tick(tick)
        if tick.pts - self._away_since > self.row.grace * TIMELINE:
            _log.info("room %s: no host came back, the broadcast is over", self.name)
            self._end_broadcast()
            if self.publisher is not None:
                self._open_new()
        self._show_state()

    def _close(self) -> None:
        self.row = replace(self.row, open=False)
        self.disconnect("the room was stopped")
        self._end_broadcast()
        self._show_state()

    def _open_new(self) -> None:
        self._started_at = self._clock.wall()
        self._timekeeper = Timekeeper(self._clock.ticks())
        self._timekeeper.connect()
        self._opening = Opening(encoding_of(self.row))
        if self.publisher is not None:
            self._opening.claimed_rate = self.publisher.claimed_rate
            for track in self.publisher.tracks.values():
                self._opening.track(track)
                if track.kind is Kind.AUDIO:
                    sound = parse_audio(track)
                    self._timekeeper.audio(sound.sample_rate, sound.samples)

    def _begin(self, opening: Opening) -> None:
        assert opening.plan is not None
        plan, self._opening = opening.plan, None
        listed = {Kind.VIDEO: bool(plan.rungs), Kind.AUDIO: plan.sound is not None}
        tracks = tuple(track for track in opening.tracks.values() if listed[track.kind])
        if Kind.VIDEO in opening.tracks and plan.rungs:
            picture = parse_video(opening.tracks[Kind.VIDEO])
            self.picture = Picture(picture.display_width, picture.height, plan.frame_rate)
        self._beginning = self.delay > 0
        self.broadcast = Broadcast.begin(self.name, plan, tracks, self._started_at, self._means, self._moderating)
        self._settle(self.broadcast)
        for packet in opening.packets:
            self.broadcast.packet(packet)
        _log.info("room %s: broadcast %s begins", self.name, self.broadcast.id)
        if self.publisher is not None and plan.target_duration > TARGET_DURATION:
            apart = f"{plan.target_duration} s" if plan.target_duration < LONGEST_TARGET_DURATION else "10 s or more"
            self.publisher.warning(
                f"keyframes are up to {apart} apart, so viewers start slowly and stay further behind:"
                " set the keyframe interval to 2 s (OBS: Settings, Output, Keyframe Interval)"
            )
        self._show_state()

    def _settle(self, broadcast: Broadcast) -> None:
        """Tell a broadcast that begins what the room has beside media. Viewers have a while to come."""
        self._watched = max(self._watched, self._clock.ticks())
        broadcast.slate(self._slate)
        self._timekeeper.keeps_time = broadcast.keeps_time

    @property
    def _slate(self) -> Slate:
        return Slate(self.row.title, _SOON if self._beginning else _BACK_SOON, self.row.slate)

    def _end_broadcast(self) -> None:
        if (broadcast := self.broadcast) is not None:
            self.broadcast = None
            self._beginning = False
            _log.info("room %s: broadcast %s is over", self.name, broadcast.id)
            if (ending := broadcast.end()) is not None:
                self._ending[broadcast] = ending
                ending.add_done_callback(lambda _: self._ending.pop(broadcast, None))

    def discard(self) -> None:
        """Nothing of it is wanted any more: the room is deleted."""
        for broadcast in self._ending:
            broadcast.discard()

    async def drop(self) -> None:
        """Stop its workers at once, and leave nothing running: the server goes down."""
        endings = dict(self._ending)
        for broadcast in (*endings, *([self.broadcast] if self.broadcast else [])):
            await broadcast.drop()
        if endings:
            await asyncio.wait(endings.values())

    def _show_state(self) -> None:
        asleep = self.broadcast is not None and self.broadcast.moderation.asleep
        shown = self.state, self.broadcast, self.publisher, self.covered, asleep, tuple(self.warnings)
        if shown != self._shown:
            self._shown = shown
            self.changed.fire()


def _advice(codec: Codec) -> str:
    """What a host should know whose ``codec`` comes to a room that passes everything on; empty if nothing."""
    if codec not in PLAYABLE:
        return (
            f"browsers do not play {codec.label}, so the sound is made AAC here, though the room passes on what comes:"
            " set OBS > Settings > Output > Audio Encoder to AAC to spare the work"
        )
    if codec.kind is Kind.VIDEO and codec is not Codec.H264:
        return (
            f"not every browser plays {codec.label}, and this room passes the picture on as it is:"
            " open it with --ladder auto, or source,720p, to reach them all"
        )
    return ""


def _moderated(row: RoomRow) -> tuple[object, ...]:
    """What the moderation of a room depends on."""
    return row.filters, row.delay, row.moderation_budget


def encoding_of(row: RoomRow) -> Encoding:
    """Return what is to become of a room's pictures and sound."""
    return Encoding(parse_ladder(row.ladder), row.preset, row.loudness)
