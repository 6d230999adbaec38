"""The values that travel a room: what the gate sends down the room link, and what comes back on the part link.

Values only, no I/O. All times are integers. On the room link they count ``TIMELINE`` ticks of the room's timeline;
on the part link they count the rendition's own timescale.
"""

from dataclasses import dataclass

from ingest.media import Kind, Track

TIMELINE = 90_000
"""Ticks of the room timeline in a second."""
LATE_TRACK = TIMELINE // 2
"""A track that is so far behind the other one (ticks) is not waited for: the last picture stays, sound is silent."""


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
    """The timeline has reached ``pts`` (ticks) though no media has.

    ``away``: there is no host. Else there is one that sends seldom, as a screen share does, and what is shown stays.
    """

    pts: int
    away: bool = True


@dataclass(frozen=True, slots=True)
class End:
    """The broadcast is over; its last segment ends at ``pts`` (ticks)."""

    pts: int


SLATE_PIXELS = 1 << 24
"""A slate's image has no more: a worker must not seem to hang while it decodes them."""


@dataclass(frozen=True, slots=True)
class Slate:
    """What viewers see from here on while the host is away: ``title`` and below it ``line``, on ``image``.

    The image is the content of a PNG or JPEG file; empty means a plain ground.
    """

    title: str
    line: str
    image: bytes = b""


@dataclass(frozen=True, slots=True)
class Delay:
    """What has stamps of ``at`` or later came ``shift`` earlier (ticks): it has been held for so long.

    Media after it begins with a keyframe.
    """

    at: int
    shift: int


RoomItem = Track | TimedPacket | Cut | Tick | End | Slate | Delay


# --- part link: pipeline -> origin -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """What a player is told of a picture: RFC 6381 ``codecs``, display size, nominal frame rate (Hz)."""

    codecs: str
    width: int
    height: int
    frame_rate: float


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """What a player is told of a sound; ``sample_rate`` in Hz."""

    codecs: str
    sample_rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class Init:
    """An init segment (CMAF header) that the segments after it need; ``name`` stands for its content."""

    rendition: str
    name: str
    data: bytes
    format: VideoFormat | AudioFormat


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


# --- what a broadcast promises its players ---------------------------------------------------------------------

SOURCE = "source"
"""The rendition that is the host's own picture."""
AUDIO = "audio"
"""The rendition of the sound, shared by all pictures."""


@dataclass(frozen=True, slots=True)
class FrameRate:
    """Frames in ``denominator`` seconds: 30000/1001 is NTSC's 29.97."""

    numerator: int
    denominator: int

    def __float__(self) -> float:
        """Return it in Hz."""
        return self.numerator / self.denominator


@dataclass(frozen=True, slots=True)
class Rung:
    """A rendition of the picture: its ``name`` in URLs, display size, and peak ``bit_rate`` (bit/s).

    It shows every ``every``-th of the broadcast's frames.
    """

    name: str
    width: int
    height: int
    every: int
    bit_rate: int


@dataclass(frozen=True, slots=True)
class Sound:
    """The rendition of the sound; ``transcoded`` or the host's own. ``bit_rate`` in bit/s, ``loudness`` in LUFS."""

    sample_rate: int
    channels: int
    bit_rate: int
    transcoded: bool
    loudness: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All that stays fixed while a broadcast lives.

    ``rungs`` from the best on; ``frame_rate`` is that of the broadcast: constant where pictures are transcoded, and
    measured where they are not; ``preset`` names the encoder's settings. ``target_duration`` in seconds
    (EXT-X-TARGETDURATION), ``part_target`` in units of 10 µs (PART-TARGET).
    """

    rungs: tuple[Rung, ...]
    sound: Sound | None
    frame_rate: FrameRate
    preset: str
    target_duration: int
    part_target: int

    @property
    def encoded(self) -> tuple[Rung, ...]:
        """The rungs that an encoder makes."""
        return tuple(rung for rung in self.rungs if rung.name != SOURCE)

    @property
    def transcoded(self) -> bool:
        """Whether a worker is needed."""
        return bool(self.encoded) or (self.sound is not None and self.sound.transcoded)


@dataclass(frozen=True, slots=True)
class Aired:
    """How far a rendition has come on the part link, in its own timescale: a worker that takes over goes on there.

    Segment ``msn`` began at ``start`` and needs the init segment named ``init``; its part ``index`` is next and begins
    at ``end``, unless it is ``whole``.
    """

    rendition: str
    init: str
    msn: int
    index: int
    start: int
    end: int
    whole: bool
