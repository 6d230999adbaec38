"""Judges the media of one rendition, as bytes: init segments, parts, segments, and what is said of them. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from tests.support.boxes import Chunk, Row, read_chunk
from tests.support.hls import rules
from tests.support.hls.findings import Place
from tests.support.hls.history import History
from tests.support.hls.inits import InitError, TrackInit, read_init
from tests.support.hls.reader import Entry, PartLine
from tests.support.hls.sheet import TORN

_EXACT = 0.001
"""Seconds by which what is told and what is there may differ for their rounding."""
_IDR = 5  # nal_unit_type (ITU-T H.264, 7.4.1)
_NON_SYNC = 0x010000  # sample_is_non_sync_sample


@dataclass
class Media:
    """What was got of a rendition: init segments by their URI in the playlist, segments and parts by number."""

    inits: dict[str, bytes] = field(default_factory=dict)
    segments: dict[int, bytes] = field(default_factory=dict)
    parts: dict[tuple[int, int], bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is in a segment. Times in seconds on the timeline of its media; ``shown``: when its first frame is.

    ``frame``: how long its longest sample lasts. ``key``: it begins with a keyframe.
    """

    entry: Entry
    track: TrackInit
    start: float
    end: float
    shown: float
    frame: float
    samples: int
    key: bool


def split(data: bytes) -> Iterator[bytes]:
    """Yield the chunks that a segment or part consists of, each a moof and its mdat."""
    at = 0
    while at < len(data):
        begin = at
        for _ in range(2):
            at += max(8, int.from_bytes(data[at : at + 4], "big"))
        yield data[begin:at]


def has_idr(row: Row) -> bool:
    """Whether an access unit of length-prefixed NAL units has an IDR slice."""
    at = 0
    while at + 4 < len(row.data):
        if row.data[at + 4] & 31 == _IDR:
            return True
        at += 4 + int.from_bytes(row.data[at : at + 4], "big")
    return False


def judge_media(media: Media, history: History) -> list[Seen]:
    """Hold all that was got to its rules; return what is in the segments, in order."""
    place = history.place
    tracks = {}
    for uri, data in media.inits.items():
        try:
            tracks[uri] = read_init(data)
        except InitError as error:
            place.hold(rules.INIT, False, f"{uri}: {error}")
    for (number, index), data in media.parts.items():
        entry = history.segments[number].entry if number in history.segments else None
        part = history.parts.get((number, index))
        init = entry.init if entry is not None else None
        if part is not None and init in tracks:
            _judge_part(f"part {number}.{index}", data, part, tracks[init], history)
    found = []
    for number, listed in sorted(history.segments.items()):
        entry = listed.entry
        pieces = [media.parts[number, index] for index in range(len(entry.parts)) if (number, index) in media.parts]
        whole = media.segments.get(number)
        if whole is not None and pieces and len(pieces) == len(entry.parts):
            seen = f"segment {number} has {len(whole)} bytes, its {len(pieces)} parts {sum(map(len, pieces))}"
            place.hold(rules.WHOLE, b"".join(pieces) == whole, seen)
        if whole is not None and entry.init in tracks:
            found += _segment(entry, whole, tracks[entry.init], place)
    last = history.newest.entries[-1].number if history.newest is not None and history.ended else None
    _judge_continuity(found, last, place)
    return found


def _chunks(what: str, data: bytes, place: Place) -> list[Chunk]:
    try:
        return [read_chunk(piece) for piece in split(data)]
    except (AssertionError, ValueError, IndexError) as error:
        place.hold(rules.CHUNK, False, f"{what}: {type(error).__name__}: {error}")
        return []


def _judge_part(what: str, data: bytes, part: PartLine, track: TrackInit, history: History) -> None:
    place = history.place
    rows = [row for chunk in _chunks(what, data, place) for row in chunk.rows]
    if not rows:
        return
    lasts = sum(row.duration for row in rows) / track.timescale
    longest = history.newest.part_target if history.newest is not None else None
    stands = part.duration == longest and lasts > part.duration and len(rows) == 1
    seen = f"{what}: {part.duration} s, its media {lasts:.5f} s"
    place.hold(rules.PART_LENGTH, abs(lasts - part.duration) <= _EXACT or stands, seen)
    if track.picture:
        keys = [_is_key(track, row) for row in rows]
        place.hold(rules.PART_KEY, any(keys) or not part.independent, f"{what} has none")
        place.hold(rules.PART_UNMARKED, part.independent or not keys[0], what)


def _segment(entry: Entry, data: bytes, track: TrackInit, place: Place) -> list[Seen]:
    what = f"segment {entry.number}"
    chunks = _chunks(what, data, place)
    if not chunks or not all(chunk.rows for chunk in chunks):
        return []
    scale = track.timescale
    at = chunks[0].decode_time
    for chunk in chunks:
        off = (chunk.decode_time - at) / scale
        place.hold(rules.CONTINUOUS, abs(off) <= _EXACT, f"{what}: {off:+.4f} s within it")
        at = chunk.end
    rows = [row for chunk in chunks for row in chunk.rows]
    seen = Seen(
        entry,
        track,
        start=chunks[0].decode_time / scale,
        end=chunks[-1].end / scale,
        shown=min(_shown(chunks[0])) / scale,
        frame=max(row.duration for row in rows) / scale,
        samples=len(rows),
        key=not track.picture or _is_key(track, rows[0]),
    )
    return [seen]


def _is_key(track: TrackInit, row: Row) -> bool:
    """Whether a decoder can begin with it: as its bytes say, or what is said of it (14496-12, 8.8.3.1)."""
    return has_idr(row) if track.avc else not row.flags & _NON_SYNC


def _shown(chunk: Chunk) -> Iterator[int]:
    at = chunk.decode_time
    for row in chunk.rows:
        yield at + row.offset
        at += row.duration


def _judge_continuity(segments: Sequence[Seen], last: int | None, place: Place) -> None:
    """``last``: the number with which the broadcast ended, before all that it was to hold had come."""
    for seen, after in zip_longest(segments, segments[1:]):
        number, lasts = seen.entry.number, seen.end - seen.start
        follows = after is not None and after.entry.number == number + 1
        off = lasts - (seen.entry.duration or 0.0)
        missing = TORN if number == last or (follows and after.entry.torn) else seen.frame + _EXACT
        text = f"segment {number}: {seen.entry.duration} s, its media {lasts:.5f} s"
        place.hold(rules.SEGMENT_LENGTH, -missing <= off <= seen.frame + _EXACT, text)
        if follows and not after.entry.torn:
            hole = after.start - seen.end
            text = f"segment {number + 1} begins {hole:+.4f} s after the end of {number}"
            place.hold(rules.CONTINUOUS, -_EXACT <= hole < max(_EXACT, seen.frame), text)
