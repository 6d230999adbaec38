"""The packer: units of one length become parts and segments that tile the timeline. Lengths in units unless named."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.media import Codec
from tests.support.segments import Segment, check_full, check_rendition, segments_of
from transcode.cmaf.packer import Packer, Unit
from transcode.media import Aired, FrameRate, Init, Part, PartItem, Plan, SegmentEnd, SegmentStart, VideoFormat
from transcode.opening import PART_TARGET

PLAN = Plan((), None, FrameRate(30, 1), "fast", 2, PART_TARGET)
SCALE, FRAME = 30_000, 1000
INIT = Init("720p", "0", b"", VideoFormat("avc1.64001f", 1280, 720, 30))


def packer(aired: Aired | None = None) -> Packer:
    return Packer("720p", Codec.H264, SCALE, FRAME, PART_TARGET, aired)


def units(start: int, stop: int, keyframes: Iterable[int] = ()) -> list[Unit]:
    return [Unit(n, n == start or n in keyframes, b"%d" % n) for n in range(start, stop)]


def run(packing: Packer, items: Iterable[Unit], end: int | None = None) -> list[PartItem]:
    made: list[PartItem] = [item for unit in items for item in packing.unit(unit)]
    if end is not None:
        made += packing.end(end)
    return made


def run_up_to(packing: Packer, number: int) -> Unit:
    """Have ``packing`` take the units before ``number``, which is returned."""
    *before, last = units(0, number + 1)
    run(packing, before)
    return last


def segments(made: list[PartItem]) -> list[Segment]:
    found = segments_of([INIT, *made], "720p")
    check_rendition(found, PLAN, True)
    return found


def test_a_segment_lasts_from_its_mark_to_the_next() -> None:
    packing = packer()
    packing.cut(7, 60)
    packing.cut(8, 120)
    first, second = segments(run(packing, units(60, 180, [120]), 180))
    assert (first.msn, first.start, first.duration) == (7, 60_000, 60_000)
    assert (second.msn, second.start, second.duration) == (8, 120_000, 60_000)
    check_full([first, second], PLAN)
    assert [len(part.data) > 0 and part.duration for part in first.parts] == 10 * [6000]


def test_a_part_is_out_with_its_last_unit() -> None:
    packing = packer()
    packing.cut(0, 0)
    assert [type(item) for item in run(packing, units(0, 5))] == [SegmentStart]
    assert [type(item) for item in run(packing, units(5, 6))] == [Part]


def test_a_segment_is_over_with_its_last_part_where_the_next_one_is_sure_to_begin_there() -> None:
    packing = packer()
    packing.cut(0, 0)
    packing.cut(1, 60)
    made = run(packing, units(0, 60))
    assert [type(item) for item in made[-2:]] == [Part, SegmentEnd]
    assert [type(item) for item in run(packing, units(60, 66))] == [SegmentStart, Part]


def test_a_part_does_not_wait_for_units_that_belong_to_the_next_segment() -> None:
    packing = packer()
    packing.cut(0, 0)
    packing.cut(1, 8)
    last = list(packing.unit(run_up_to(packing, 7)))
    assert [type(item) for item in last] == [Part, SegmentEnd]
    assert [item.duration for item in last if not isinstance(item, SegmentStart | Init)] == [2 * FRAME, 8 * FRAME]


def test_where_the_keyframe_is_not_certain_the_segment_is_open_until_it_comes() -> None:
    packing = packer()
    packing.cut(0, 0)
    packing.cut(1, 60, certain=False)
    made = run(packing, [*units(0, 62), Unit(62, True, b"x")], 63)
    first, second = segments(made)
    assert (first.duration, second.start) == (62_000, 62_000)


def test_what_comes_before_the_first_segment_is_left_out() -> None:
    packing = packer()
    packing.cut(0, 30)
    (segment,) = segments(run(packing, units(0, 60, [30]), 60))
    assert [row.data for chunk in segment.chunks for row in chunk.rows] == [b"%d" % n for n in range(30, 60)]


def test_a_segment_begins_with_a_keyframe_though_its_mark_came_late() -> None:
    packing = packer()
    packing.cut(0, 0)
    made = run(packing, units(0, 62))
    packing.cut(1, 60)
    made += run(packing, [Unit(62, False, b"x"), Unit(63, True, b"y")])
    first, second = segments(made + list(packing.end(64)))
    assert (first.duration, second.start) == (63_000, 63_000)
    assert second.chunks[0].rows[0].data == b"y"


def test_a_mark_without_media_is_a_segment_without_parts() -> None:
    packing = packer()
    for msn in range(3):
        packing.cut(msn, 60 * msn)
    first, gap, last = segments(run(packing, [*units(0, 60), *units(120, 180)], 180))
    assert (len(first.parts), len(gap.parts), len(last.parts)) == (10, 0, 10)
    assert gap.duration == 60_000


def test_a_unit_can_take_the_place_of_those_after_it() -> None:
    packing = packer()
    packing.cut(0, 0)
    packing.cut(1, 60)
    halved = [Unit(n, n == 60, b"%d" % n, 2) for n in range(12, 72, 2)]
    first, second = segments(run(packing, [*units(0, 12), *halved, *units(72, 120)], 120))
    check_full([first, second], PLAN)
    assert [part.duration for part in (*first.parts, *second.parts)] == 20 * [6000]
    assert [len(chunk.rows) for chunk in (*first.chunks, *second.chunks)] == [6, 6, *10 * [3], *8 * [6]]
    assert {row.duration for chunk in first.chunks[2:] for row in chunk.rows} == {2000}


def test_what_would_not_fit_begins_another_part() -> None:
    packing = packer()
    packing.cut(0, 0)
    (segment,) = segments(run(packing, [Unit(0, True, b"0"), *(Unit(n, False, b"n", 2) for n in range(1, 13, 2))], 13))
    assert [part.duration for part in segment.parts] == [5000, 6000, 2000]


def test_a_gap_begins_and_ends_without_media() -> None:
    packing = packer()
    for msn in range(4):
        packing.cut(msn, 60 * msn)
    made = run(packing, units(0, 60))
    assert [type(item) for item in packing.gap(59)] == []
    gap = [*packing.gap(60), *packing.end(120)]
    assert made[-1] == SegmentEnd("720p", 0, 60_000)
    assert gap == [SegmentStart("720p", 1, 60_000, SCALE, False), SegmentEnd("720p", 1, 60_000)]
    gap += packing.gap(120)  # and one whose end is not known yet
    made += [*gap, *run(packing, units(180, 240), 240)]
    found = segments(made)
    assert [(s.start, s.duration, len(s.parts)) for s in found] == [
        (0, 60_000, 10), (60_000, 60_000, 0), (120_000, 60_000, 0), (180_000, 60_000, 10)
    ]  # fmt: skip


def test_a_mark_before_the_end_that_was_said_moves_there() -> None:
    packing = packer()
    packing.cut(0, 0)
    made = [*packing.gap(0), *packing.end(60)]
    packing.cut(1, 50)
    made += run(packing, [Unit(n, True, b"") for n in range(60, 66)], 66)
    assert [(s.msn, s.start, s.duration) for s in segments_of([INIT, *made], "720p")] == [
        (0, 0, 60_000), (1, 60_000, 6000)
    ]  # fmt: skip


def test_missing_units_end_a_part() -> None:
    packing = packer()
    packing.cut(0, 0)
    (segment,) = segments(run(packing, [*units(0, 3), *units(10, 16)[0:6]], 60))
    assert [(chunk.decode_time, len(chunk.rows)) for chunk in segment.chunks] == [(0, 3), (10_000, 6)]
    assert segment.duration == 60_000


def test_an_end_without_a_segment_is_nothing() -> None:
    assert run(packer(), units(0, 30), 30) == []


@given(st.integers(0, 250), st.sampled_from([60, 48, 7]), st.lists(st.integers(1, 400), max_size=3))
def test_taking_over_anywhere_makes_what_one_alone_would_have_made(start: int, length: int, stops: list[int]) -> None:
    cuts = [(msn, start + length * msn) for msn in range(8)]
    total = start + 7 * length
    keyframes = [number for _, number in cuts]
    alone = packer()
    for msn, number in cuts:
        alone.cut(msn, number)
    whole = run(alone, units(start, total, keyframes), total)

    made: list[PartItem] = []
    aired: Aired | None = None
    for stop in [*sorted(start + stop for stop in stops), total]:
        taking = packer(aired)
        for msn, number in cuts:
            taking.cut(msn, number)
        begin = aired.end // FRAME if aired else start
        # The one that dies has made more than it has put into parts: that is lost with it, and made again.
        made += run(taking, units(begin, min(stop, total), [*keyframes, begin]), total if stop >= total else None)
        aired = progress(made)
    joined = segments(made)
    assert [(s.msn, s.start, s.duration) for s in joined] == [(s.msn, s.start, s.duration) for s in segments(whole)]
    assert datas(joined) == datas(segments(whole))


def datas(found: list[Segment]) -> list[bytes]:
    return [row.data for segment in found for chunk in segment.chunks for row in chunk.rows]


def progress(made: list[PartItem]) -> Aired | None:
    aired = None
    for item in made:
        match item:
            case SegmentStart():
                aired = Aired("720p", "0", item.msn, 0, item.start, item.start, False)
            case Part():
                assert aired
                aired = Aired("720p", "0", item.msn, item.index + 1, aired.start, aired.end + item.duration, False)
            case SegmentEnd():
                assert aired
                aired = Aired("720p", "0", item.msn, aired.index, aired.start, aired.start + item.duration, True)
    return aired


@pytest.mark.parametrize(("scale", "length", "most"), [(30_000, 1001, 6), (25_000, 1000, 5), (60_000, 1000, 12)])
def test_parts_are_as_many_units_as_fit(scale: int, length: int, most: int) -> None:
    packing = Packer("720p", Codec.H264, scale, length, PART_TARGET)
    packing.cut(0, 0)
    parts = [item for item in run(packing, units(0, 5 * most)) if isinstance(item, Part)]
    assert [part.duration for part in parts] == 5 * [most * length]
    assert parts[0].duration / scale * 100_000 <= PART_TARGET
