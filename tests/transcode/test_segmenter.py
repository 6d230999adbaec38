"""The segmenter: packets and cuts of a rendition become segments that tile the timeline, in parts of the right size."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from ingest.media import Codec, Kind, Track
from tests.support.boxes import parse
from tests.support.media import Clip, make_clip
from tests.support.segments import Segment, check_full, check_rendition, segments_of
from transcode.cmaf.segmenter import Segmenter
from transcode.media import TIMELINE, Cut, FrameRate, Init, Part, PartItem, Plan, Tick, TimedPacket
from transcode.opening import PART_TARGET


def tracks(clip: Clip) -> tuple[Track, Track]:
    assert clip.video
    assert clip.audio
    return clip.video, clip.audio


VIDEO, AUDIO = tracks(make_clip(seconds=1))
WIDE, SLOW = tracks(make_clip(seconds=1, size=(128, 96), sample_rate=44100))
FRAME = 3000  # ticks: 30 a second
SOUND = 1920  # ticks: 1024 samples at 48 kHz
PLAN = Plan((), None, FrameRate(30, 1), "balanced", 4, PART_TARGET)

NAMES = {Kind.VIDEO: "source", Kind.AUDIO: "audio"}

Item = TimedPacket | Cut | Tick | Track


def picture(dts: int, keyframe: bool = False, shift: int = 0) -> TimedPacket:
    return TimedPacket(Kind.VIDEO, dts + shift, dts, keyframe, b"%d" % dts)


def pictures(start: int, stop: int, shift: int = 0) -> list[TimedPacket]:
    return [picture(dts, dts == start, shift) for dts in range(start, stop, FRAME)]


def sounds(start: int, stop: int) -> list[TimedPacket]:
    return [TimedPacket(Kind.AUDIO, at, at, True, b"%d" % at) for at in range(start, stop, SOUND)]


def play(kind: Kind, items: Iterable[Item], end: int | None = None, track: Track | None = None) -> list[PartItem]:
    segmenter = Segmenter(NAMES[kind], kind, PART_TARGET, 30)
    segmenter.configure(track or (VIDEO if kind is Kind.VIDEO else AUDIO))
    made: list[PartItem] = []
    for item in items:
        match item:
            case TimedPacket():
                made += segmenter.packet(item)
            case Cut():
                made += segmenter.cut(item)
            case Tick():
                made += segmenter.tick(item.pts)
            case Track():
                segmenter.configure(item)
    if end is not None:
        made += segmenter.end(end)
    return made


def video(items: Iterable[Item], end: int | None = None) -> list[Segment]:
    segments = segments_of(play(Kind.VIDEO, items, end), "source")
    check_rendition(segments, PLAN, end is not None)
    return segments


def audio(items: Iterable[Item], end: int | None = None) -> list[Segment]:
    segments = segments_of(play(Kind.AUDIO, items, end), "audio")
    check_rendition(segments, PLAN, end is not None)
    return segments


def spans(segments: list[Segment]) -> list[tuple[int, int | None]]:
    return [(segment.start, segment.duration) for segment in segments]


# Pictures.


def test_pictures_fill_parts_of_six_and_a_segment_lasts_to_the_next_cut() -> None:
    segments = video([Cut(7, 0), *pictures(0, 180_000), Cut(8, 180_000), *pictures(180_000, 360_000)], 360_000)
    assert [segment.msn for segment in segments] == [7, 8]
    assert spans(segments) == [(0, 180_000), (180_000, 180_000)]
    check_full(segments, PLAN)
    for segment in segments:
        assert [len(chunk.rows) for chunk in segment.chunks] == [6] * 10
        assert [part.independent for part in segment.parts] == [True] + [False] * 9


def test_every_picture_comes_out_once_with_its_own_times() -> None:
    packets = pictures(9000, 189_000, shift=6000)
    (segment,) = video([Cut(0, 15_000), *packets], 195_000)
    rows = [(row.data, row.offset) for chunk in segment.chunks for row in chunk.rows]
    assert rows == [(packet.data, 6000) for packet in packets]
    assert [chunk.decode_time for chunk in segment.chunks] == list(range(9000, 189_000, 6 * FRAME))
    assert spans([segment]) == [(15_000, 180_000)]


def test_a_part_leaves_as_soon_as_no_further_frame_would_fit() -> None:
    """Six frames need the seventh's stamp, for only it tells how long the sixth lasts."""
    segmenter = Segmenter("source", Kind.VIDEO, PART_TARGET, 30)
    segmenter.configure(VIDEO)
    list(segmenter.cut(Cut(0, 0)))
    made = [[item for item in segmenter.packet(p) if isinstance(item, Part)] for p in pictures(0, 14 * FRAME)]
    assert [len(parts) for parts in made] == [0] * 6 + [1] + [0] * 5 + [1, 0]


def test_numbers_of_chunks_go_up_across_segments() -> None:
    segments = video([Cut(0, 0), *pictures(0, 90_000), Cut(1, 90_000), *pictures(90_000, 180_000)], 180_000)
    assert [chunk.sequence for segment in segments for chunk in segment.chunks] == list(range(1, 11))


def test_nothing_is_made_before_the_first_cut_or_without_a_track() -> None:
    assert play(Kind.VIDEO, pictures(0, 90_000)) == []
    segmenter = Segmenter("source", Kind.VIDEO, PART_TARGET, 30)
    made = [item for thing in [Cut(0, 0)] for item in segmenter.cut(thing)]
    for packet in pictures(0, 90_000):
        made += segmenter.packet(packet)
    assert not [item for item in made if isinstance(item, Part | Init)]


def test_an_init_segment_comes_before_the_first_segment_that_needs_it_and_is_named_by_its_content() -> None:
    first, again = (play(Kind.VIDEO, [Cut(n, 0), *pictures(0, 9000)]) for n in (0, 50))
    assert isinstance(first[0], Init)
    assert first[0] == again[0]
    assert [box.kind for box in parse(first[0].data)] == ["ftyp", "moov"]
    other = play(Kind.VIDEO, [Cut(0, 0), *pictures(0, 9000)], track=WIDE)[0]
    assert isinstance(other, Init)
    assert other.name != first[0].name


def test_a_cut_without_a_keyframe_is_not_independent() -> None:
    going_on = [replace(packet, keyframe=False) for packet in pictures(180_000, 270_000)]
    segments = video([Cut(0, 0), *pictures(0, 180_000), Cut(1, 180_000), *going_on], 270_000)
    assert not any(part.independent for part in segments[1].parts)


def test_uneven_frames_never_cross_the_part_target() -> None:
    stamps = [0, 100, 4000, 23_000, 23_001, 23_002, 40_000, 47_000, 47_100, 80_000]
    (segment,) = video([Cut(0, 0), *(picture(at, at == 0) for at in stamps)], 83_000)
    assert sum(len(chunk.rows) for chunk in segment.chunks) == len(stamps)


def test_a_frame_that_stands_longer_than_a_part_is_listed_at_the_part_target_but_lasts() -> None:
    (segment,) = video([Cut(0, 0), *pictures(0, 30_000), *pictures(90_000, 120_000)], 120_000)
    (long,) = [chunk for chunk in segment.chunks if chunk.end - chunk.decode_time > 20_000]
    assert long.rows[0].duration == 90_000 - 27_000
    assert max(part.duration for part in segment.parts) <= PART_TARGET * TIMELINE / 100_000
    assert segment.duration == 120_000


def test_the_last_frame_before_an_absence_lasts_as_long_as_the_one_before() -> None:
    segments = video([Cut(0, 0), *pictures(0, 30_000), Cut(1, 30_000), Tick(90_000)])
    assert spans(segments) == [(0, 30_000), (30_000, None)]
    assert segments[0].listed == 30_000


def test_a_lone_frame_lasts_a_thirtieth() -> None:
    segments = video([Cut(0, 0), picture(0, True), Cut(1, 3000), Tick(90_000)])
    assert segments[0].listed == 3000


def test_numbers_without_media_are_gaps_of_their_length() -> None:
    absence = [Cut(n, 30_000 + (n - 1) * 180_000) for n in range(1, 4)]
    ticked = [item for cut in absence for item in (cut, Tick(cut.pts))]
    segments = video([Cut(0, 0), *pictures(0, 30_000), *ticked, Cut(4, 500_000), *pictures(500_000, 530_000)], 530_000)
    assert spans(segments) == [
        (0, 30_000),
        (30_000, 180_000),
        (210_000, 180_000),
        (390_000, 110_000),
        (500_000, 30_000),
    ]
    assert [bool(segment.parts) for segment in segments] == [True, False, False, False, True]


def test_a_changed_picture_takes_effect_at_the_discontinuity() -> None:
    items: list[Item] = [
        Cut(0, 0),
        *pictures(0, 90_000),
        WIDE,
        picture(90_000),
        Cut(1, 93_000, True),
        *pictures(93_000, 180_000),
    ]
    segments = video(items, 180_000)
    assert [segment.discontinuity for segment in segments] == [False, True]
    before, after = (segment.init for segment in segments)
    assert before is not None
    assert after is not None
    assert before.name != after.name
    assert WIDE.config in after.data
    assert sum(len(chunk.rows) for chunk in segments[0].chunks) == 30  # the stray one is of neither


def test_a_configuration_announced_again_changes_nothing() -> None:
    items: list[Item] = [Cut(0, 0), *pictures(0, 90_000), VIDEO, *pictures(90_000, 120_000)]
    assert len([item for item in play(Kind.VIDEO, items) if isinstance(item, Init)]) == 1
    assert sum(len(c.rows) for c in video(items, 120_000)[0].chunks) == 40


def test_a_configuration_that_goes_back_before_it_was_used_needs_no_other_init() -> None:
    items: list[Item] = [Cut(0, 0), *pictures(0, 90_000), WIDE, VIDEO, Cut(1, 90_000, True), *pictures(90_000, 99_000)]
    assert len([item for item in play(Kind.VIDEO, items) if isinstance(item, Init)]) == 1


# Sound.


def test_sound_fills_parts_of_ten_frames() -> None:
    (segment,) = audio([Cut(0, 0), *sounds(0, 180_000)], 180_000)
    assert [len(chunk.rows) for chunk in segment.chunks] == [10] * 9 + [4]
    assert {row.duration for chunk in segment.chunks for row in chunk.rows} == {1024}
    assert [part.duration for part in segment.parts] == [10_240] * 9 + [4096]
    assert all(part.independent for part in segment.parts)


def test_sound_is_cut_at_the_first_frame_at_or_after_the_cut() -> None:
    segments = audio(
        [Cut(0, 0), *sounds(0, 90_000), Cut(1, 180_000), *sounds(90_240, 400_000), Cut(2, 360_000)], 400_320
    )
    assert [segment.msn for segment in segments] == [0, 1, 2]
    assert segments[1].start == 94 * 1024
    assert segments[1].start - 1024 < 2 * 48_000 <= segments[1].start
    check_full(segments, PLAN)


def test_sound_begins_where_its_first_frame_does() -> None:
    (segment,) = audio([Cut(0, 3000), *sounds(0, 90_000)], 90_240)
    assert segment.start == 2 * 1024
    assert segment.chunks[0].decode_time == 2 * 1024
    assert segment.chunks[0].rows[0].data == b"3840"


def test_late_sound_still_belongs_to_the_segment_before_the_cut() -> None:
    segments = audio([Cut(0, 0), *sounds(0, 90_000), Cut(1, 180_000), *sounds(90_240, 270_000)], 270_720)
    assert segments[0].duration == 94 * 1024
    check_full(segments, PLAN)


def test_a_hole_in_the_sound_is_no_part_of_any_part() -> None:
    (segment,) = audio([Cut(0, 0), *sounds(0, 19_200), *sounds(90_000, 120_000)], 120_720)
    assert segment.duration == 64_384
    assert [(chunk.decode_time, len(chunk.rows)) for chunk in segment.chunks] == [(0, 10), (48_000, 10), (58_240, 6)]


def test_sound_that_is_silent_for_a_whole_segment_makes_it_a_gap() -> None:
    segments = audio(
        [Cut(0, 0), *sounds(0, 90_000), Cut(1, 180_000), Cut(2, 360_000), Cut(3, 540_000), *sounds(560_000, 600_000)],
        600_320,
    )
    assert spans(segments)[:3] == [(0, 96_000), (96_000, 96_000), (192_000, 96_000)]
    assert [bool(segment.parts) for segment in segments] == [True, False, False, True]
    assert segments[3].chunks[0].decode_time == 298_667


def test_sound_that_comes_after_its_time_was_told_a_gap_is_left_out() -> None:
    items: list[Item] = [Cut(0, 0), *sounds(0, 90_000), Cut(1, 180_000), Cut(2, 360_000), *sounds(90_240, 450_000)]
    segments = audio(items, 450_240)
    assert next(row.data for row in segments[1].chunks[0].rows) >= b"180000"
    assert segments[0].chunks[-1].end <= 2 * 48_000


def test_stamps_that_lost_precision_leave_no_holes() -> None:
    packets = [TimedPacket(Kind.AUDIO, at, at, True, b"x") for n in range(400) for at in [n * 1024 * TIMELINE // 44100]]
    (segment,) = segments_of(play(Kind.AUDIO, [Cut(0, 0), *packets], 900_000, SLOW), "audio")
    assert [len(chunk.rows) for chunk in segment.chunks] == [9] * 44 + [4]
    assert [chunk.decode_time for chunk in segment.chunks] == [n * 9 * 1024 for n in range(45)]


def test_sound_that_overlaps_what_is_there_is_left_out_and_its_successor_is_in_time() -> None:
    (segment,) = audio([Cut(0, 0), *sounds(0, 19_200), *sounds(17_400, 90_000)], 90_000)
    assert segment.chunks[1].decode_time == (17_400 + SOUND) * 48_000 // TIMELINE


def test_a_changed_sample_rate_changes_the_timescale_at_the_discontinuity() -> None:
    after = [TimedPacket(Kind.AUDIO, at, at, True, b"x") for n in range(80) for at in [180_000 + n * 2090]]
    items: list[Item] = [Cut(0, 0), *sounds(0, 180_000), SLOW, Cut(1, 180_000, True), *after]
    segments = segments_of(play(Kind.AUDIO, items, 400_000), "audio")
    check_rendition(segments, PLAN)
    assert [segment.timescale for segment in segments] == [48_000, 44_100]
    assert segments[1].start / 44_100 == pytest.approx(2.0, abs=0.024)


def test_each_packet_lasts_as_long_as_it_says() -> None:
    """Opus may change the length of its packets at any time; the first of all may be the odd one."""
    head = b"OpusHead\1\2" + bytes.fromhex("380180bb0000000000")
    at, items, lengths = 0, list[Item]([Cut(0, 0)]), [480, 960, 2880, 480, 480, 960] * 8
    for length in lengths:
        toc = {480: b"\xf0", 960: b"\xf8", 2880: b"\xfb\x03"}[length]
        items.append(TimedPacket(Kind.AUDIO, at, at, True, toc))
        at += length * TIMELINE // 48_000
    (segment,) = segments_of(play(Kind.AUDIO, items, at, Track(Kind.AUDIO, Codec.OPUS, head)), "audio")
    check_rendition([segment], PLAN)
    assert [row.duration for chunk in segment.chunks for row in chunk.rows] == lengths


def test_the_end_closes_what_is_open() -> None:
    segments = audio([Cut(0, 0), *sounds(0, 90_000)], 80_000)
    assert segments[0].duration == segments[0].listed == 47 * 1024  # sound is never cut short
    assert audio([Cut(0, 0), *sounds(0, 90_000)], 100_000)[0].duration == 53_333
