"""How far renditions have come, and what is not taken from a confused worker."""

import pytest

from transcode.media import TIMELINE, Aired, Init, Part, PartItem, SegmentEnd, SegmentStart, VideoFormat
from transcode.progress import OutOfOrder, Progress

FORMAT = VideoFormat("avc1.64001f", 1280, 720, 30.0)
SCALE = 30_000


def init(name: str = "i-1", rendition: str = "720p") -> Init:
    return Init(rendition, name, b"ftyp", FORMAT)


def start(msn: int, at: int, rendition: str = "720p", timescale: int = SCALE) -> SegmentStart:
    return SegmentStart(rendition, msn, at, timescale, False)


def part(msn: int, index: int, duration: int = 6000, rendition: str = "720p") -> Part:
    return Part(rendition, msn, index, duration, False, b"")


def end(msn: int, duration: int, rendition: str = "720p") -> SegmentEnd:
    return SegmentEnd(rendition, msn, duration)


def after(*items: PartItem, renditions: tuple[str, ...] = ("720p",)) -> Progress:
    progress = Progress(renditions)
    for item in items:
        progress.take(item)
    return progress


def test_before_anything_has_aired() -> None:
    assert after().aired == after(init()).aired == ()
    assert after(init()).position is None


def test_a_segment_that_has_begun() -> None:
    progress = after(init(), start(7, 60_000))
    assert progress.aired == (Aired("720p", "i-1", 7, 0, 60_000, 60_000, whole=False),)
    assert progress.position == 2 * TIMELINE


def test_parts_move_it_on() -> None:
    progress = after(init(), start(7, 60_000), part(7, 0), part(7, 1))
    assert progress.aired == (Aired("720p", "i-1", 7, 2, 60_000, 72_000, whole=False),)


def test_a_whole_segment_lasts_as_long_as_its_end_says() -> None:
    progress = after(init(), start(7, 60_000), part(7, 0), end(7, 60_000))
    assert progress.aired == (Aired("720p", "i-1", 7, 1, 60_000, 120_000, whole=True),)
    assert progress.position == 4 * TIMELINE


def test_a_segment_keeps_the_init_segment_that_it_began_with() -> None:
    (state,) = after(init(), start(7, 0), init("i-2"), part(7, 0)).aired
    assert state.init == "i-1"
    (state,) = after(init(), start(7, 0), init("i-2"), end(7, 60_000), start(8, 60_000)).aired
    assert state.init == "i-2"


def test_an_init_segment_is_news_once() -> None:
    progress = Progress(["720p"])
    assert [progress.take(init(name)) for name in ("i-1", "i-1", "i-2", "i-2", "i-1")] == [
        True,
        False,
        True,
        False,
        True,
    ]


def test_the_position_is_that_of_the_last_rendition() -> None:
    both = "720p", "audio"
    assert after(init(), start(0, 0), part(0, 0), renditions=both).position is None
    items = init(), start(0, 0), part(0, 0), init(rendition="audio"), start(0, 0, "audio", 48_000)
    assert after(*items, renditions=both).position == 0
    assert after(*items, part(0, 0, 4800, "audio"), renditions=both).position == TIMELINE // 10
    assert after(*items, part(0, 0, 48_000, "audio"), renditions=both).position == TIMELINE // 5


@pytest.mark.parametrize(
    ("before", "item", "says"),
    [
        ((), init(rendition="1080p"), "no rendition '1080p'"),
        ((), start(0, 0), "begins without an init segment"),
        ((init(),), start(0, 0, timescale=0), "has a timescale of 0"),
        ((init(),), part(0, 0), "has not begun or is whole"),
        ((init(), start(3, 0)), start(4, 0), "begins before segment 3 has ended"),
        ((init(), start(3, 0), end(3, 60_000)), start(3, 60_000), "comes after segment 3"),
        ((init(), start(3, 0), end(3, 60_000)), start(4, 59_999), "begins at 59999, before segment 3 ends"),
        ((init(), start(3, 0), end(3, 60_000)), part(3, 0), "has not begun or is whole"),
        ((init(), start(3, 0)), part(4, 0), "has not begun or is whole"),
        ((init(), start(3, 0)), part(3, 1), "goes on with part 1 where 0 is next"),
        ((init(), start(3, 0), part(3, 0)), part(3, 0), "goes on with part 0 where 1 is next"),
        ((init(), start(3, 0)), part(3, 0, -1), "has a duration of -1"),
        ((init(), start(3, 0)), end(4, 1), "has not begun or is whole"),
    ],
)
def test_what_does_not_follow_is_refused(before: tuple[PartItem, ...], item: PartItem, says: str) -> None:
    progress = after(*before)
    aired = progress.aired
    with pytest.raises(OutOfOrder, match=says):
        progress.take(item)
    assert progress.aired == aired
