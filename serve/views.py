"""What the API says of a room, as values: one view for everybody, one for the operator. No I/O."""

from typing import TypeVar

import msgspec

from filters.spec import parse
from ingest.media import Kind, Track
from serve.audit import Noted
from serve.inspector import Inspected
from serve.room import Publisher, Room
from transcode.cmaf.codecs import parse_audio, parse_video
from transcode.media import Plan
from transcode.verdicts import Cause

_View = TypeVar("_View", bound=msgspec.Struct)


class VideoView(msgspec.Struct, frozen=True):
    """The picture that a host sends."""

    codec: str
    width: int
    height: int


class AudioView(msgspec.Struct, frozen=True):
    """The sound that a host sends; ``sample_rate`` in Hz."""

    codec: str
    sample_rate: int
    channels: int


class PublisherView(msgspec.Struct, frozen=True):
    """The host on air; ``since`` in Unix seconds."""

    address: str
    software: str
    since: float
    video: VideoView | None
    audio: AudioView | None


class RenditionView(msgspec.Struct, frozen=True):
    """A rendition of the picture; ``frame_rate`` in Hz, ``bit_rate`` the peak in bit/s."""

    name: str
    width: int
    height: int
    frame_rate: float
    bit_rate: int


class WorkerView(msgspec.Struct, frozen=True):
    """How the process that transcodes a broadcast does; ``rss`` is its memory in bytes.

    Dropped packets were too many to be decoded in time, dropped frames too many to be encoded; repeated ones stand for
    pictures that the host left out. ``shed`` says what the room goes without as the machine cannot carry it.
    ``processors``: CPU seconds that it takes in a second, null in its first ones.
    """

    pid: int | None
    restarts: int
    dropped_packets: int
    dropped_frames: int
    repeated_frames: int
    rss: int
    shed: str
    processors: float | None


class FilterView(msgspec.Struct, frozen=True):
    """A filter of a room. ``title`` is its name without the options, which may be what is to be hidden; ``role``:
    "video", "audio" or "detector"; ``lookahead`` in seconds."""

    spec: str
    title: str
    role: str
    lookahead: float


class DetectorView(msgspec.Struct, frozen=True):
    """A detector at work: how far (seconds) it is behind the newest media, null before it has cleared any."""

    filter: str
    lag: float | None


class ModerationView(msgspec.Struct, frozen=True):
    """How a broadcast's hold and filters do. What is held now is told in seconds and bytes.

    ``covered``: why viewers get slate and silence, empty if they get the host. Sums over the broadcast's life are
    ``covered_seconds`` by cause, ``findings`` by category, and ``broken_promises``: findings that came after their time
    had been cleared, and gone out. ``pid``, ``rss`` (bytes), ``restarts`` and ``processors`` (CPU seconds in a second)
    are the detectors' process's; ``budget``: what they may take between them, null without any; ``asleep``: nobody
    watches, so they are given nothing, and what they have not seen does not go out.
    """

    held_seconds: float
    held_bytes: int
    covered: str
    covered_seconds: dict[str, float]
    findings: dict[str, int]
    broken_promises: int
    detectors: list[DetectorView]
    pid: int | None
    rss: int
    restarts: int
    processors: float | None
    budget: float | None
    asleep: bool
    faults: list[str]


class RoomView(msgspec.Struct, frozen=True, kw_only=True):
    """A room, for everybody. ``delay``: seconds that viewers get everything later; ``live_since`` in Unix seconds.

    ``asleep``: nobody watched, so moderation slept; whoever comes gets the host about ``delay`` seconds later.
    ``sample``: only in a demo whose sample host is on air, the path of the clip that it publishes.
    """

    name: str
    title: str
    state: str
    viewers: int
    delay: float
    broadcast: str | None
    live_since: float | None
    asleep: bool
    watch_url: str
    hls_url: str
    sample: str | msgspec.UnsetType = msgspec.UNSET


class OperatorRoomView(RoomView, frozen=True, kw_only=True):
    """A room, for its operator. ``loudness`` in LUFS, ``grace`` in seconds; ``slate``: it has an image of its own.

    ``renditions`` are those of the running broadcast. ``covered``: why viewers get slate and silence though there is a
    host, empty if they get the host; ``on_overrun``: what happens when a detector is late, "cover" or "stop".
    ``moderation_budget``: processors that its detectors may take between them, null for a share of the machine's.
    ``rtmps_url`` is there where the server takes hosts by RTMPS.
    """

    rtmp_url: str
    stream_key: str
    private: bool
    ladder: str
    preset: str
    loudness: float | None
    grace: int
    slate: bool
    filters: list[FilterView]
    on_overrun: str
    moderation_budget: float | None
    covered: str
    moderation: ModerationView | None
    renditions: list[RenditionView]
    worker: WorkerView | None
    publisher: PublisherView | None
    warnings: list[str]
    rtmps_url: str | msgspec.UnsetType = msgspec.UNSET


class RoomsView(msgspec.Struct, frozen=True):
    """A list of rooms, for everybody."""

    rooms: list[RoomView]


class OperatorRoomsView(msgspec.Struct, frozen=True):
    """A list of rooms, for their operator."""

    rooms: list[OperatorRoomView]


class FiltersView(msgspec.Struct, frozen=True):
    """A list of filters."""

    filters: list[Inspected]


class NotesView(msgspec.Struct, frozen=True):
    """The newest lines of a room's moderation log, the oldest of them first."""

    notes: list[Noted]


class Addresses(msgspec.Struct, frozen=True):
    """Where the server is found: ``web`` as ``http://HOST:PORT``, ``rtmp`` as ``rtmp://HOST:PORT/live``.

    ``rtmps`` likewise, empty where hosts cannot come by it.
    """

    web: str
    rtmp: str
    rtmps: str = ""


def room_view(room: Room, viewers: int, addresses: Addresses, sample: str | None = None) -> RoomView:
    """Return what everybody may know of ``room``."""
    return RoomView(
        name=room.name,
        title=room.row.title,
        state=room.state,
        viewers=viewers,
        delay=room.delay,
        broadcast=room.broadcast.id if room.broadcast else None,
        live_since=room.broadcast.started_at / 1000 if room.broadcast else None,
        asleep=room.covered == Cause.ASLEEP,
        watch_url=f"{addresses.web}/r/{room.name}",
        hls_url=f"{addresses.web}/hls/{room.name}/master.m3u8",
        sample=sample or msgspec.UNSET,
    )


def operator_view(room: Room, viewers: int, addresses: Addresses, sample: str | None = None) -> OperatorRoomView:
    """Return all there is to know of ``room``, its key too."""
    return OperatorRoomView(
        **msgspec.structs.asdict(room_view(room, viewers, addresses, sample)),
        rtmp_url=addresses.rtmp,
        rtmps_url=addresses.rtmps or msgspec.UNSET,
        stream_key=room.row.stream_key,
        private=room.row.private,
        ladder=room.row.ladder,
        preset=room.row.preset,
        loudness=room.row.loudness,
        grace=room.row.grace,
        slate=bool(room.row.slate),
        filters=[FilterView(f.spec, parse(f.spec).title, f.role, f.lookahead) for f in room.row.filters],
        on_overrun=room.row.on_overrun,
        moderation_budget=room.row.moderation_budget,
        covered=room.covered,
        moderation=_of(room.moderation, ModerationView),
        renditions=_renditions(room.broadcast.plan) if room.broadcast else [],
        worker=_of(room.worker, WorkerView),
        publisher=_publisher(room.publisher) if room.publisher else None,
        warnings=list(room.warnings),
    )


def _of(stats: object | None, view: type[_View]) -> _View | None:
    return None if stats is None else msgspec.convert(stats, view, from_attributes=True)


def _renditions(plan: Plan) -> list[RenditionView]:
    rate = float(plan.frame_rate)
    return [
        RenditionView(rung.name, rung.width, rung.height, round(rate / rung.every, 3), rung.bit_rate)
        for rung in plan.rungs
    ]


def _publisher(publisher: Publisher) -> PublisherView:
    tracks = publisher.tracks
    return PublisherView(
        publisher.source.address,
        publisher.software,
        publisher.since / 1000,
        _video(tracks[Kind.VIDEO]) if Kind.VIDEO in tracks else None,
        _audio(tracks[Kind.AUDIO]) if Kind.AUDIO in tracks else None,
    )


def _video(track: Track) -> VideoView:
    picture = parse_video(track)
    return VideoView(track.codec, picture.width, picture.height)


def _audio(track: Track) -> AudioView:
    sound = parse_audio(track)
    return AudioView(track.codec, sound.sample_rate, sound.channels)
