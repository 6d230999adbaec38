"""The values that travel a room: what the gate sends down the room link, and what comes back on the part link.

Values only, no I/O. All times are integers. On the room link they count ``TIMELINE`` ticks of the room's timeline;
on the part link they count the rendition's own timescale.
"""

from dataclasses import dataclass

from ingest.media import Kind, Track

TIMELINE = 90_000
"""Ticks of the room timeline in a second."""


# --- room link: gate -> pipeline -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TimedPacket:
    """One access unit, placed on the room timeline (ticks)."""

    kind: Kind
    pts: int
    dts: int
    keyframe: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """Segment ``msn`` begins at ``pts`` (ticks), in every rendition, at the first frame at or after it.

    A discontinuity says that a decoder must be set up anew (EXT-X-DISCONTINUITY).
    """

    msn: int
    pts: int
    discontinuity: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """The timeline has reached ``pts`` (ticks) though no media has: time passes while the host is away."""

    pts: int


@dataclass(frozen=True, slots=True)
class End:
    """The broadcast is over; its last segment ends at ``pts`` (ticks)."""

    pts: int


RoomItem = Track | TimedPacket | Cut | Tick | End


# --- part link: pipeline -> origin -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Init:
    """An init segment (CMAF header) that the segments after it need; ``name`` stands for its content."""

    rendition: str
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class SegmentStart:
    """Segment ``msn`` of a rendition begins at ``start``; it and its parts count ``timescale`` units a second."""

    rendition: str
    msn: int
    start: int
    timescale: int
    discontinuity: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One CMAF chunk: ``index`` within segment ``msn``, ``duration`` in timescale units."""

    rendition: str
    msn: int
    index: int
    duration: int
    independent: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class SegmentEnd:
    """Segment ``msn`` is whole and lasts ``duration`` (timescale units). One without a part is a gap."""

    rendition: str
    msn: int
    duration: int


PartItem = Init | SegmentStart | Part | SegmentEnd


# --- what a broadcast promises its players ---


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """What a player is told of a video rendition: RFC 6381 ``codecs``, display size, nominal frame rate (Hz)."""

    codecs: str
    width: int
    height: int
    frame_rate: float


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """What a player is told of an audio rendition."""

    codecs: str
    sample_rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All that stays fixed while a broadcast lives.

    ``target_duration`` in seconds (EXT-X-TARGETDURATION), ``part_target`` in units of 10 µs (PART-TARGET),
    ``bandwidth`` the peak seen in the first GOP in bit/s.
    """

    video: VideoFormat | None
    audio: AudioFormat | None
    target_duration: int
    part_target: int
    bandwidth: int
