"""A rendition as a player sees it, put together from part-link items, and the rules that it must always keep."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from tests.support.boxes import Chunk, read_chunk
from transcode.media import TIMELINE, Init, Part, PartItem, Plan, SegmentEnd, SegmentStart
from transcode.opening import PART_UNIT


@dataclass
class Segment:
    msn: int
    start: int
    timescale: int
    discontinuity: bool
    init: Init | None
    parts: list[Part] = field(default_factory=list)
    duration: int | None = None

    @property
    def chunks(self) -> list[Chunk]:
        return [read_chunk(part.data) for part in self.parts]

    @property
    def seconds(self) -> float:
        assert self.duration is not None
        return self.duration / self.timescale

    @property
    def listed(self) -> int:
        """What its parts last together, as the playlist says (timescale units)."""
        return sum(part.duration for part in self.parts)


def segments_of(items: Iterable[PartItem], rendition: str) -> list[Segment]:
    """Return a rendition's segments; items must come in the only order that makes sense."""
    segments: list[Segment] = []
    init = None
    for item in items:
        if item.rendition != rendition:
            continue
        match item:
            case Init():
                assert not segments or segments[-1].duration is not None
                init = item
            case SegmentStart():
                assert not segments or segments[-1].duration is not None
                segments.append(Segment(item.msn, item.start, item.timescale, item.discontinuity, init))
            case Part():
                assert segments[-1].init is not None
                assert (item.msn, item.index) == (segments[-1].msn, len(segments[-1].parts))
                assert segments[-1].duration is None
                segments[-1].parts.append(item)
            case SegmentEnd():
                assert item.msn == segments[-1].msn
                segments[-1].duration = item.duration
    return segments


def check_rendition(segments: list[Segment], plan: Plan, ended: bool = True) -> None:
    """Numbers follow, segments tile the timeline, parts keep PART-TARGET, media never overlaps."""
    for before, after in pairwise(segments):
        assert after.msn == before.msn + 1
        assert before.duration is not None
        end = before.start + before.duration
        if before.timescale == after.timescale:
            assert after.start == end
        else:  # to the rounding of the coarser one
            assert abs(after.start / after.timescale - end / before.timescale) < 4 / min(
                before.timescale, after.timescale
            )
    media_end = 0.0
    for segment in segments:
        if segment.duration is not None:
            assert segment.duration >= 0
            assert segment.seconds < plan.target_duration + 0.5  # RFC 8216, 4.3.3.1
        else:
            assert segment is segments[-1]
            assert not ended
        for part, chunk in zip(segment.parts, segment.chunks, strict=True):
            assert part.duration > 0
            assert part.duration * PART_UNIT <= plan.part_target * segment.timescale
            lasts = chunk.end - chunk.decode_time
            assert part.duration == lasts or (part.duration < lasts and len(chunk.rows) == 1)
            assert all(row.duration > 0 and row.data for row in chunk.rows)
            assert chunk.decode_time / segment.timescale >= media_end - 2.5 / segment.timescale
            media_end = chunk.end / segment.timescale
            assert part.independent == any(row.flags == 0x02000000 for row in chunk.rows)


def check_full(segments: list[Segment], plan: Plan) -> None:
    """Parts other than a segment's last are filled to 85 % (RFC 8216bis, 4.4.4.9), and add up to their segment."""
    for segment in segments:
        for part in segment.parts[:-1]:
            assert part.duration * PART_UNIT >= 0.85 * plan.part_target * segment.timescale
        assert segment.listed == segment.duration


def shown(segment: Segment) -> list[float]:
    """When its frames are shown, in order (seconds)."""
    times = []
    for chunk in segment.chunks:
        at = chunk.decode_time
        for row in chunk.rows:
            times.append((at + row.offset) / segment.timescale)
            at += row.duration
    return sorted(times)


def ticks(segment: Segment) -> float:
    """Where a segment starts, in timeline ticks."""
    return segment.start * TIMELINE / segment.timescale
