"""The rooms of a server: what the operator does with them, and which publisher is admitted to which. No sockets."""

import re
import secrets
import warnings
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Literal

import msgspec

from filters.spec import parse
from ingest.source import Claim, PublishRequest, Refused, Sink, Source
from serve.broadcast import AWAKE, Means, Slates, Workers
from serve.capacity import ASSUMED, Picture, judge, spared
from serve.errors import CapacityError, RoomError, SettingError, UnknownRoomError
from serve.moderation import Detections, start_detection
from serve.parts import PartLink
from serve.room import Clock, Room, encoding_of
from serve.signal import Signal
from serve.store import FilterRow, RoomRow, Store
from transcode.ladder import AUTO, PRESETS, LadderError, parse_ladder
from transcode.media import SLATE_PIXELS
from transcode.verdicts import Note

MOST_TITLE = 200
PRESET = PRESETS[0]
QUIETEST, LOUDEST = -30, -8
"""What loudness can be asked for (LUFS)."""
SHORTEST_GRACE, LONGEST_GRACE = 5, 86_400
"""How long a broadcast can be asked to wait for its host (seconds)."""
LONGEST_DELAY = 30
"""How much later viewers can be asked to get everything (seconds): it is held in memory."""
LEAST_BUDGET, MOST_BUDGET = 0.1, 64
"""Processors that a room's detectors can be told to get by with."""
MOST_SLATE = 5 << 20
"""Bytes of a slate's image file."""
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


class RoomSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator sets; what is not given stays as it is. An unknown setting is an error, never ignored:
    a room asked for with a filter must not start without it.

    ``loudness`` in LUFS; None leaves the sound as it comes. ``grace``: seconds that a broadcast waits for a host that
    is away. ``slate``: the PNG or JPEG file that viewers see meanwhile, behind the title (base64 in JSON); an empty one
    is none. ``filters``: all of them, in their order, as specs; ``delay``: seconds that viewers get everything later,
    None for what the filters declare; ``on_overrun``: what happens when a detector is late. ``moderation_budget``:
    processors that the detectors may take between them, None for a share of what the machine has. The encoder's
    settings change with the next broadcast, all else at once.
    """

    title: str | None = None
    ladder: str | None = None
    preset: str | None = None
    loudness: float | msgspec.UnsetType | None = msgspec.UNSET
    private: bool | None = None
    grace: int | None = None
    slate: bytes | None = None
    filters: list[str] | None = None
    delay: float | msgspec.UnsetType | None = msgspec.UNSET
    on_overrun: Literal["cover", "stop"] | None = None
    moderation_budget: float | msgspec.UnsetType | None = msgspec.UNSET

    def applied_to(self, row: RoomRow, filters: tuple[FilterRow, ...] | None = None) -> RoomRow:
        """Return ``row`` with these settings. Raises SettingError.

        ``filters`` are its own, or the row's, as they were found to be when they were checked: not done here.
        """
        if self.filters is not None and filters is None:
            raise ValueError("filters must be checked before a room has them")
        if self.ladder is not None:
            try:
                parse_ladder(self.ladder)
            except LadderError as error:
                raise SettingError(str(error)) from error
        if self.preset is not None and self.preset not in PRESETS:
            raise SettingError(f"there is no preset {self.preset!r}: use {', '.join(PRESETS)}")
        loudness = self.loudness
        if isinstance(loudness, int | float) and not QUIETEST <= loudness <= LOUDEST:
            raise SettingError(f"the loudness {loudness:g} cannot be had: use {QUIETEST} to {LOUDEST} LUFS, or off")
        if self.title is not None and not 0 < len(self.title.strip()) <= MOST_TITLE:
            raise SettingError(f"a title has 1 to {MOST_TITLE} characters")
        if self.grace is not None and not SHORTEST_GRACE <= self.grace <= LONGEST_GRACE:
            raise SettingError(f"a grace of {self.grace} s cannot be had: use {SHORTEST_GRACE} to {LONGEST_GRACE} s")
        budget = self.moderation_budget
        if isinstance(budget, int | float) and not LEAST_BUDGET <= budget <= MOST_BUDGET:
            raise SettingError(
                f"detectors cannot get by with {budget:g} processors: use {LEAST_BUDGET} to {MOST_BUDGET}, or auto"
            )
        if self.slate:
            _check_slate(self.slate)
        given = {name: value for name in RoomSettings.__struct_fields__ if (value := getattr(self, name)) is not None}
        given["loudness"] = row.loudness if loudness is msgspec.UNSET else loudness
        given["delay"] = row.delay if self.delay is msgspec.UNSET else self.delay
        given["moderation_budget"] = row.moderation_budget if budget is msgspec.UNSET else budget
        given["filters"] = row.filters if filters is None else filters
        changed = replace(row, **given)
        check_hold(changed)
        return changed


def check_hold(row: RoomRow) -> None:
    """See whether a room can hold back what its filters need. Raises SettingError."""
    if row.delay is not None and not 0 <= row.delay <= LONGEST_DELAY:
        raise SettingError(f"a delay of {row.delay:g} s cannot be had: use 0 to {LONGEST_DELAY} s, or auto")
    if row.filters and parse_ladder(row.ladder).source:
        raise SettingError(
            "a room with filters cannot pass on the host's own picture: use --ladder auto, or a list without source"
        )
    slowest = max(row.filters, key=lambda found: found.lookahead, default=None)
    if slowest is None:
        return
    if slowest.lookahead > LONGEST_DELAY:
        raise SettingError(
            f"{parse(slowest.spec).title} looks {slowest.lookahead:g} s ahead, and a room can be held back"
            f" {LONGEST_DELAY} s at most: use another filter, or one that needs less"
        )
    if row.delay is not None and row.delay < slowest.lookahead:
        raise SettingError(
            f"a delay of {row.delay:g} s is too short: {parse(slowest.spec).title} looks {slowest.lookahead:g} s ahead;"
            " use --delay auto, or as much at least"
        )


class RoomOpening(RoomSettings, frozen=True, forbid_unknown_fields=True):
    """What an operator says to open a room; ``force``: even if the machine will not carry it."""

    force: bool = False


class Rooms:
    """All rooms of a server, and the admission of publishers to them."""

    def __init__(
        self,
        store: Store,
        link: PartLink,
        clock: Clock,
        workers: Workers,
        slates: Slates,
        processors: float,
        recorded: Callable[[str, Note], None] = lambda *_: None,
        detections: Detections = start_detection,
        awake: float = AWAKE,
    ) -> None:
        self.changed = Signal()
        self._store = store
        self._link = link
        self._clock = clock
        self._means = Means(store, link, workers, slates, detections, spared(processors), awake)
        self._recorded = recorded
        self.processors = processors
        """CPU seconds that there are in a second."""
        self._rooms = {row.name: Room(row, clock, self._means, recorded) for row in store.rooms()}
        for room in self._rooms.values():
            running = store.running_broadcast(room.name)
            if running is not None:
                room.resume(running)

    def all(self) -> list[Room]:
        """Every room, by name."""
        return [self._rooms[name] for name in sorted(self._rooms)]

    def get(self, name: str) -> Room:
        """Return the room ``name``, or raise UnknownRoomError."""
        try:
            return self._rooms[name]
        except KeyError:
            known = ", ".join(sorted(self._rooms)) or "none yet"
            raise UnknownRoomError(f"there is no room {name!r} (rooms: {known}); make it with: room start") from None

    def open(self, name: str, opening: RoomOpening, filters: tuple[FilterRow, ...] | None = None) -> Room:
        """Open the room ``name``, made on first use. Raises CapacityError, SettingError, StoreError.

        ``filters``, here and in ``set``, are those in the settings, checked.
        """
        room = self._rooms.get(name)
        if room is not None:
            row = opening.applied_to(replace(room.row, open=True), filters)
            if not (room.row.open or opening.force):
                self._judge(row, room.picture)
            room.update(row)
            return room
        if not _NAME.fullmatch(name):
            raise SettingError(
                f"{name!r} cannot name a room: use 1 to 64 of a-z, 0-9, - and _, with a letter or digit at both ends"
            )
        row = opening.applied_to(RoomRow(name, name, AUTO, PRESET, None, False, _new_key(), True), filters)
        if not opening.force:
            self._judge(row, ASSUMED)
        self._store.save_room(row)
        room = self._rooms[name] = Room(row, self._clock, self._means, self._recorded)
        self.changed.fire()
        return room

    def _judge(self, row: RoomRow, picture: Picture) -> None:
        running = [found for room in self._rooms.values() if (found := room.load) is not None]
        verdict = judge(self.processors, running, encoding_of(row), picture)
        if not verdict.carried:
            raise CapacityError(f"this machine cannot carry room {row.name!r}: it {verdict.text}")

    def set(self, name: str, settings: RoomSettings, filters: tuple[FilterRow, ...] | None = None) -> Room:
        """Change settings of a room."""
        room = self.get(name)
        room.update(settings.applied_to(room.row, filters))
        return room

    def specs(self, name: str, settings: RoomSettings) -> list[str] | None:
        """Return the filters that have to be checked before these settings can be those of the room ``name``; None if
        it keeps what it has. One that is opened again has its own checked again: files change."""
        room = self._rooms.get(name)
        if settings.filters is not None or room is None or room.row.open or not isinstance(settings, RoomOpening):
            return settings.filters
        return [found.spec for found in room.row.filters]

    def stop(self, name: str) -> Room:
        """Close a room: its publisher is sent away, its viewers get ENDLIST."""
        room = self.get(name)
        room.update(replace(room.row, open=False))
        return room

    def watched(self, name: str) -> None:
        """Somebody watches the room ``name``, if there is such a room."""
        room = self._rooms.get(name)
        if room is not None:
            room.watched()

    def rotate_key(self, name: str) -> Room:
        """Give a room a new stream key; the old one is worthless at once."""
        room = self.get(name)
        room.update(replace(room.row, stream_key=_new_key()))
        return room

    def kick(self, name: str) -> Room:
        """Disconnect a room's publisher. It may come back."""
        room = self.get(name)
        if room.publisher is None:
            raise RoomError(f"nobody publishes in room {name!r}")
        room.disconnect("the operator disconnected you")
        return room

    def dump(self, name: str) -> Room:
        """Throw away what a room holds back: it never airs. Raises RoomError."""
        room = self.get(name)
        room.dump()
        return room

    def cover(self, name: str, on: bool) -> Room:
        """Let a room's viewers have slate and silence at once, until it is lifted. Raises RoomError."""
        room = self.get(name)
        room.cover(on)
        return room

    def delete(self, name: str) -> None:
        """Delete a room, its key and all that is known of it."""
        room = self.stop(name)
        self._store.delete_room(name)
        room.discard()
        del self._rooms[name]
        self._link.forget(name)
        room.changed.fire()
        self.changed.fire()

    def admit(self, request: PublishRequest, source: Source) -> Sink:
        """Admit a publisher by its stream key. Raises Refused."""
        room = self._claimed(request.claim)
        if room is None:
            raise Refused("this stream key is not known here: copy it again from the room's settings")
        if not room.row.open:
            raise Refused(
                f"room {room.name} is stopped: its operator can open it with: veilcast room start {room.name}"
            )
        return room.attach(source, request)

    def _claimed(self, claim: Claim) -> Room | None:
        """Find the room whose key a claim proves; all are tried, so that the time taken tells nothing of a key."""
        fitting = [room for room in self._rooms.values() if claim.proof.fits(room.row.stream_key)]
        return next((room for room in fitting if claim.room in ("", room.name)), None)

    def disconnect_all(self, reason: str) -> None:
        """Send every publisher away; broadcasts stay open, for the next start of the server."""
        for room in self._rooms.values():
            room.disconnect(reason)

    async def drop(self) -> None:
        """Stop all workers: the server goes down."""
        for room in self._rooms.values():
            await room.drop()


def _check_slate(image: bytes) -> None:
    """Look at what the file says of itself: nothing is decoded here. Raises SettingError."""
    from PIL import Image  # few ever need it

    if len(image) > MOST_SLATE:
        raise SettingError(f"the slate is too large: use a file of {MOST_SLATE >> 20} MiB at most")
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(image), formats=("PNG", "JPEG")) as opened:
            pixels = opened.width * opened.height
    except Image.DecompressionBombError:
        pixels = SLATE_PIXELS + 1
    except (OSError, ValueError, SyntaxError) as error:
        raise SettingError("the slate is no image that can be shown: use a PNG or JPEG file") from error
    if pixels > SLATE_PIXELS:
        raise SettingError(f"the slate has too many pixels: use {SLATE_PIXELS // 1_000_000} million at most")


def _new_key() -> str:
    return secrets.token_hex(12)
