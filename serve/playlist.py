"""HLS playlists as text, from plain values. Pure: no state, no I/O.

Sources: RFC 8216; draft-pantos-hls-rfc8216bis (sections named where they matter).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from transcode.media import AUDIO, AudioFormat, Plan, VideoFormat
from transcode.opening import PART_UNIT

VERSION, CLASSIC_VERSION = 9, 8  # EXT-X-GAP needs 8, EXT-X-PART and its kin come with 9 (8216bis, 8)
MIME_TYPE = "application/vnd.apple.mpegurl"
_HOLD_BACK_PARTS = 3
_HOLD_BACK_TARGETS = 3
_PARTS_FOR_TARGETS = 3
_SKIPPED_FROM = 6  # targets from the live edge, the least that may be (8216bis, 4.4.3.8)


class Form(Enum):
    """How a playlist is told: all of it; all but what an earlier one has told already (Delta Update, 8216bis, 6.2.5.1);
    or whole segments alone, for players that know nothing of low latency."""

    FULL = "full"
    DELTA = "delta"
    CLASSIC = "classic"

    @property
    def suffix(self) -> str:
        """How the names of such playlists end."""
        return ".classic.m3u8" if self is Form.CLASSIC else ".m3u8"


EARLY = "start", "parts"
"""The query by which a player asks for playlists from the first parts on: see ``Window``."""


@dataclass(frozen=True, slots=True)
class Report:
    """Where another rendition is (EXT-X-RENDITION-REPORT): the number of its last segment that has a part, and the
    index of the last of those."""

    rendition: str
    msn: int
    part: int


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
    is all of it, once it is whole. ``stand_in``: there never was any of it; it is listed as a gap so that a playlist
    has a whole segment.
    """

    msn: int
    timescale: int
    date: int
    discontinuity: bool
    init: str | None
    duration: int | None = None
    parts: list[Part] = field(default_factory=list)
    data: bytes | None = None
    stand_in: bool = False

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


def part_hold_back(plan: Plan) -> float:
    """Return how far (seconds) behind the last part players stay: PART-HOLD-BACK (8216bis, 4.4.3.8)."""
    return _HOLD_BACK_PARTS * plan.part_target / PART_UNIT


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """The media playlist of ``rendition``, whose files lie in a folder of that name beside it.

    ``discontinuities``: EXT-X-DISCONTINUITY-SEQUENCE; ``reports`` tell where the others are.
    """

    plan: Plan
    rendition: str
    segments: Sequence[Segment]
    discontinuities: int
    ended: bool
    reports: Sequence[Report] = ()

    def text(self, form: Form = Form.FULL) -> str:
        """Return it as text. A Delta Update that would leave out nothing is all of it."""
        listed = self.segments
        if form is Form.CLASSIC:
            listed = [segment for segment in listed if segment.duration is not None]
        lines = ["#EXTM3U", *self._head(form, listed)]
        # How far each segment's end is from the end of the playlist.
        ends, edge = [], 0.0
        for segment in reversed(listed):
            ends.append(edge)
            edge += segment.seconds
        ends.reverse()
        skipped = sum(end > _SKIPPED_FROM * self.plan.target_duration for end in ends) if form is Form.DELTA else 0
        if skipped:
            lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
        init = None
        for segment, end in zip(listed[skipped:], ends[skipped:], strict=True):
            if segment.discontinuity:
                lines.append("#EXT-X-DISCONTINUITY")
            if segment.init is not None and (segment.init != init or segment.discontinuity):
                lines.append(f'#EXT-X-MAP:URI="{self.rendition}/{init_uri(segment.init)}"')
                init = segment.init
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_date(segment.date)}")
            recent = end < _PARTS_FOR_TARGETS * self.plan.target_duration
            if form is not Form.CLASSIC and recent and not self.ended:
                lines.extend(_part_lines(self.rendition, segment))
            if segment.duration is not None:
                if not segment.parts:
                    lines.append("#EXT-X-GAP")
                lines.append(f"#EXTINF:{segment.seconds:.5f},")
                lines.append(f"{self.rendition}/{segment_uri(segment.msn)}")
        lines.extend(self._tail(form))
        return "\n".join(lines) + "\n"

    def _head(self, form: Form, listed: Sequence[Segment]) -> Iterator[str]:
        target, part_target = self.plan.target_duration, self.plan.part_target / PART_UNIT
        yield f"#EXT-X-VERSION:{CLASSIC_VERSION if form is Form.CLASSIC else VERSION}"
        yield f"#EXT-X-TARGETDURATION:{target}"
        if form is not Form.CLASSIC:
            yield (
                f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={_SKIPPED_FROM * target}.0"
                f",PART-HOLD-BACK={part_hold_back(self.plan):.5f},HOLD-BACK={_HOLD_BACK_TARGETS * target}.0"
            )
            yield f"#EXT-X-PART-INF:PART-TARGET={part_target:.5f}"
        yield f"#EXT-X-MEDIA-SEQUENCE:{listed[0].msn if listed else 0}"
        yield f"#EXT-X-DISCONTINUITY-SEQUENCE:{self.discontinuities}"

    def _tail(self, form: Form) -> Iterator[str]:
        if self.ended:
            yield "#EXT-X-ENDLIST"
        elif form is not Form.CLASSIC and self.segments:
            yield f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{self.rendition}/{_next_part(self.segments[-1])}"'
            for report in self.reports:
                uri = report.rendition + Form.FULL.suffix
                yield f'#EXT-X-RENDITION-REPORT:URI="{uri}",LAST-MSN={report.msn},LAST-PART={report.part}'


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
    folder: str,
    variants: Sequence[Variant],
    sound: AudioFormat | None,
    independent: bool,
    form: Form = Form.FULL,
    early: bool = False,
) -> str:
    """Return the multivariant playlist of a broadcast whose media playlists lie in ``folder``; ``early``: which are to
    be had from the first parts on.

    Players begin with the first of ``variants``, the best, which has the highest SCORE (RFC 8216, 6.3.1; 8216bis,
    4.4.6.2). ``independent``: every segment begins with a keyframe (EXT-X-INDEPENDENT-SEGMENTS). What the tags say: RFC
    8216, 4.3.4.1 and 4.3.4.2; 8216bis, 4.4.6.
    """
    suffix = form.suffix + ("?" + "=".join(EARLY) if early else "")
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{CLASSIC_VERSION if form is Form.CLASSIC else VERSION}"]
    if independent:
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    if sound is not None and any(variant.video is not None for variant in variants):
        lines.append(
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Main",DEFAULT=YES,AUTOSELECT=YES'
            f',CHANNELS="{sound.channels}",URI="{folder}/{AUDIO}{suffix}"'
        )
    for score, variant in zip(range(len(variants), 0, -1), variants, strict=True):
        lines.append("#EXT-X-STREAM-INF:" + ",".join(_stream_attributes(variant, sound, score)))
        lines.append(f"{folder}/{variant.rendition}{suffix}")
    return "\n".join(lines) + "\n"


def _stream_attributes(variant: Variant, sound: AudioFormat | None, score: int) -> Iterator[str]:
    video = variant.video
    yield f"BANDWIDTH={variant.bandwidth}"
    if variant.average_bandwidth is not None:
        yield f"AVERAGE-BANDWIDTH={variant.average_bandwidth}"
    yield f"SCORE={score}.0"
    codecs = ",".join(part.codecs for part in (video, sound) if part is not None)
    yield f'CODECS="{codecs}"'
    if video is not None:
        yield f"RESOLUTION={video.width}x{video.height}"
        yield f"FRAME-RATE={video.frame_rate:.3f}"
        yield "CLOSED-CAPTIONS=NONE"
        if sound is not None:
            yield 'AUDIO="audio"'
