"""What the API says of a room, as values: one view for everybody, one for the operator. No I/O."""

import msgspec

from ingest.media import Kind, Track
from serve.room import Publisher, Room
from transcode.cmaf.codecs import parse_aac, parse_avc
from transcode.media import Plan


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


class RoomView(msgspec.Struct, frozen=True, kw_only=True):
    """A room, for everybody. ``delay`` in seconds, ``live_since`` in Unix seconds."""

    name: str
    title: str
    state: str
    viewers: int
    delay: float
    broadcast: str | None
    live_since: float | None
    watch_url: str
    hls_url: str


class OperatorRoomView(RoomView, frozen=True, kw_only=True):
    """A room, for its operator. ``loudness`` in LUFS, ``grace`` in seconds; ``slate``: it has an image of its own.

    ``renditions`` are those of the running broadcast.
    """

    rtmp_url: str
    stream_key: str
    private: bool
    ladder: str
    preset: str
    loudness: float | None
    grace: int
    slate: bool
    renditions: list[RenditionView]
    worker: WorkerView | None
    publisher: PublisherView | None
    warnings: list[str]


class RoomsView(msgspec.Struct, frozen=True):
    """A list of rooms, for everybody."""

    rooms: list[RoomView]


class OperatorRoomsView(msgspec.Struct, frozen=True):
    """A list of rooms, for their operator."""

    rooms: list[OperatorRoomView]


class Addresses(msgspec.Struct, frozen=True):
    """Where the server is found: ``web`` as ``http://HOST:PORT``, ``rtmp`` as ``rtmp://HOST:PORT/live``."""

    web: str
    rtmp: str


def room_view(room: Room, viewers: int, addresses: Addresses) -> RoomView:
    """Return what everybody may know of ``room``."""
    return RoomView(
        name=room.name,
        title=room.row.title,
        state=room.state,
        viewers=viewers,
        delay=0,
        broadcast=room.broadcast.id if room.broadcast else None,
        live_since=room.broadcast.started_at / 1000 if room.broadcast else None,
        watch_url=f"{addresses.web}/r/{room.name}",
        hls_url=f"{addresses.web}/hls/{room.name}/master.m3u8",
    )


def operator_view(room: Room, viewers: int, addresses: Addresses) -> OperatorRoomView:
    """Return all there is to know of ``room``, its key too."""
    return OperatorRoomView(
        **msgspec.structs.asdict(room_view(room, viewers, addresses)),
        rtmp_url=addresses.rtmp,
        stream_key=room.row.stream_key,
        private=room.row.private,
        ladder=room.row.ladder,
        preset=room.row.preset,
        loudness=room.row.loudness,
        grace=room.row.grace,
        slate=bool(room.row.slate),
        renditions=_renditions(room.broadcast.plan) if room.broadcast else [],
        worker=msgspec.convert(room.worker, WorkerView, from_attributes=True) if room.worker else None,
        publisher=_publisher(room.publisher) if room.publisher else None,
        warnings=list(room.warnings),
    )


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
    avc = parse_avc(track.config)
    return VideoView(track.codec, avc.width, avc.height)


def _audio(track: Track) -> AudioView:
    aac = parse_aac(track.config)
    return AudioView(track.codec, aac.sample_rate, aac.channels)
