"""HLS playlists as text, from plain values. Pure: no state, no I/O.

Sources: RFC 8216; draft-pantos-hls-rfc8216bis (sections named where they matter).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from transcode.media import AUDIO, AudioFormat, Plan, VideoFormat
from transcode.opening import PART_UNIT

VERSION = 9  # EXT-X-GAP needs 8, EXT-X-PART and its kin come with 9 (8216bis, 8)
MIME_TYPE = "application/vnd.apple.mpegurl"
_HOLD_BACK_PARTS = 3
_HOLD_BACK_TARGETS = 3
_PARTS_FOR_TARGETS = 3


@dataclass(slots=True)
class Part:
    """A partial segment; ``duration`` in its segment's timescale."""

    duration: int
    independent: bool
    data: bytes | memoryview


@dataclass(slots=True)
class Segment:
    """A media segment. ``duration`` (timescale units) is None while it grows; one without parts is a gap.

    ``date`` is the wall-clock time of its first frame in Unix milliseconds; ``init`` names its init segment; ``data``
    is all of it, once it is whole.
    """

    msn: int
    timescale: int
    date: int
    discontinuity: bool
    init: str | None
    duration: int | None = None
    parts: list[Part] = field(default_factory=list)
    data: bytes | None = None

    @property
    def seconds(self) -> float:
        """How long it lasts, or has lasted so far."""
        units = self.duration if self.duration is not None else sum(part.duration for part in self.parts)
        return units / self.timescale


def init_uri(name: str) -> str:
    """The file name of an init segment."""
    return f"init-{name}.mp4"


def segment_uri(msn: int) -> str:
    """The file name of a whole segment."""
    return f"{msn}.m4s"


def part_uri(msn: int, index: int) -> str:
    """The file name of a part."""
    return f"{msn}.{index}.m4s"


def media_playlist(
    plan: Plan, rendition: str, segments: Sequence[Segment], discontinuity_sequence: int, ended: bool
) -> str:
    """Return the media playlist of ``rendition``, whose files lie in a folder of that name beside it."""
    part_target = plan.part_target / PART_UNIT
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{plan.target_duration}",
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES"
        f",PART-HOLD-BACK={_HOLD_BACK_PARTS * part_target:.5f},HOLD-BACK={_HOLD_BACK_TARGETS * plan.target_duration}.0",
        f"#EXT-X-PART-INF:PART-TARGET={part_target:.5f}",
        f"#EXT-X-MEDIA-SEQUENCE:{segments[0].msn if segments else 0}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuity_sequence}",
    ]
    edge = sum(segment.seconds for segment in segments)
    init = None
    for segment in segments:
        if segment.discontinuity:
            lines.append("#EXT-X-DISCONTINUITY")
        if segment.init is not None and (segment.init != init or segment.discontinuity):
            lines.append(f'#EXT-X-MAP:URI="{rendition}/{init_uri(segment.init)}"')
            init = segment.init
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_date(segment.date)}")
        edge -= segment.seconds
        if edge < _PARTS_FOR_TARGETS * plan.target_duration and not ended:
            lines.extend(_part_lines(rendition, segment))
        if segment.duration is not None:
            if not segment.parts:
                lines.append("#EXT-X-GAP")
            lines.append(f"#EXTINF:{segment.seconds:.5f},")
            lines.append(f"{rendition}/{segment_uri(segment.msn)}")
    if ended:
        lines.append("#EXT-X-ENDLIST")
    elif segments:
        lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{rendition}/{_next_part(segments[-1])}"')
    return "\n".join(lines) + "\n"


def _part_lines(rendition: str, segment: Segment) -> Iterator[str]:
    for index, part in enumerate(segment.parts):
        independent = ",INDEPENDENT=YES" if part.independent else ""
        seconds = part.duration / segment.timescale
        uri = f"{rendition}/{part_uri(segment.msn, index)}"
        yield f'#EXT-X-PART:DURATION={seconds:.5f},URI="{uri}"{independent}'


def _next_part(last: Segment) -> str:
    if last.duration is None:
        return part_uri(last.msn, len(last.parts))
    return part_uri(last.msn + 1, 0)


def _date(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Variant:
    """What a player can choose: a picture, with the sound if there is any, or the sound alone (``video`` is None).

    ``bandwidth`` is the peak of all of it, ``average_bandwidth`` (None: not known yet) that of the segments listed now,
    both in bit/s.
    """

    rendition: str
    video: VideoFormat | None
    bandwidth: int
    average_bandwidth: int | None = None


def multivariant_playlist(
    folder: str, variants: Sequence[Variant], sound: AudioFormat | None, independent: bool
) -> str:
    """Return the multivariant playlist of a broadcast whose media playlists lie in ``folder``.

    Players begin with the first of ``variants`` (RFC 8216, 6.3.1). ``independent``: every segment begins with a
    keyframe (EXT-X-INDEPENDENT-SEGMENTS). What the tags say: RFC 8216, 4.3.4.1 and 4.3.4.2; 8216bis, 4.4.6.
    """
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}"]
    if independent:
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    if sound is not None and any(variant.video is not None for variant in variants):
        lines.append(
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Main",DEFAULT=YES,AUTOSELECT=YES'
            f',CHANNELS="{sound.channels}",URI="{folder}/{AUDIO}.m3u8"'
        )
    for variant in variants:
        lines.append("#EXT-X-STREAM-INF:" + ",".join(_stream_attributes(variant, sound)))
        lines.append(f"{folder}/{variant.rendition}.m3u8")
    return "\n".join(lines) + "\n"


def _stream_attributes(variant: Variant, sound: AudioFormat | None) -> Iterator[str]:
    video = variant.video
    yield f"BANDWIDTH={variant.bandwidth}"
    if variant.average_bandwidth is not None:
        yield f"AVERAGE-BANDWIDTH={variant.average_bandwidth}"
    codecs = ",".join(part.codecs for part in (video, sound) if part is not None)
    yield f'CODECS="{codecs}"'
    if video is not None:
        yield f"RESOLUTION={video.width}x{video.height}"
        yield f"FRAME-RATE={video.frame_rate:.3f}"
        if sound is not None:
            yield 'AUDIO="audio"'
