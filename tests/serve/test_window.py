"""The window: which segments are listed, which can be fetched, and what is kept in memory."""

import gc
import re
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import m3u8  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve.dates import ProgramDates
from serve.playlist import Form, Report
from serve.window import WINDOW, Window
from transcode.media import FrameRate, Init, Part, PartItem, Plan, Rung, SegmentEnd, SegmentStart, VideoFormat

NOON = 1_800_000_000_000
PLAN = Plan((Rung("720p", 1280, 720, 1, 2_800_000),), None, FrameRate(30, 1), "balanced", 2, 21_334)
PICTURE = VideoFormat("avc1.64001f", 1280, 720, 30.0)
SCALE = 90_000


class Feed:
    """Feeds a window with segments that tile the timeline."""

    def __init__(self, plan: Plan = PLAN, number: int = 1, discontinuities: int = 0) -> None:
        self.position = 0
        self.window = Window(
            "720p", plan, ProgramDates(NOON, lambda: NOON + self.position * 1000 // SCALE), discontinuities
        )
        self.number = number

    def __call__(self, *items: PartItem) -> None:
        for item in items:
            self.window.receive(item)

    def init(self, name: str, picture: VideoFormat = PICTURE) -> None:
        self(Init("720p", name, name.encode(), picture))

    def start(self, discontinuity: bool = False) -> None:
        self(SegmentStart("720p", self.number, self.position, SCALE, discontinuity))

    def part(self, index: int, seconds: float = 0.2, data: bytes | None = None) -> None:
        made = data if data is not None else b"%d.%d " % (self.number, index)
        self(Part("720p", self.number, index, round(seconds * SCALE), index == 0, made))

    def end(self, seconds: float) -> None:
        length = round(seconds * SCALE)
        self(SegmentEnd("720p", self.number, length))
        self.position += length
        self.number += 1

    def whole(self, count: int = 1, seconds: float = 2, discontinuity: bool = False, size: int = 8) -> None:
        """``count`` segments of ten parts, ``size`` bytes each."""
        for _ in range(count):
            self.start(discontinuity)
            for index in range(10):
                self.part(index, seconds / 10, b"%d.%d" % (self.number, index) + b"." * size)
            self.end(seconds)

    def gap(self, seconds: float = 2) -> None:
        self.start()
        self.end(seconds)

    @property
    def text(self) -> str:
        return self.window.text().plain.decode()

    @property
    def listed(self) -> list[int]:
        return [int(number) for number in re.findall(r"^720p/(\d+)\.m4s$", self.text, re.MULTILINE)]


@pytest.fixture
def feed() -> Feed:
    made = Feed()
    made.init("aa")
    return made


def test_it_has_begun_when_there_is_media_where_players_begin_and_is_ready_with_its_first_segment(
    feed: Feed,
) -> None:
    """PART-HOLD-BACK is 0.64 s."""
    assert not feed.window.begun
    feed.start()
    for index in range(3):
        feed.part(index)
        assert not feed.window.begun
    feed.part(3)
    assert feed.window.begun
    assert not feed.window.ready
    feed.end(0.8)
    assert feed.window.ready


def test_a_first_segment_that_is_shorter_will_do_too(feed: Feed) -> None:
    feed.start()
    feed.part(0)
    feed.end(0.2)
    assert feed.window.ready


def test_a_gap_is_something_to_begin_with_too(feed: Feed) -> None:
    feed.gap()
    assert feed.window.begun
    assert feed.window.ready


def test_who_asks_early_is_told_of_a_gap_before_the_first_segment(feed: Feed) -> None:
    """8216bis, 4.4.4.7: a playlist without a whole segment is none; so players can begin with the first part."""
    feed.start()
    feed.part(0)
    listed = feed.window.text(early=True).plain.decode()
    assert listed.split("#EXT-X-DISCONTINUITY-SEQUENCE:0\n")[1] == (
        "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T07:59:58.000Z\n"
        "#EXT-X-GAP\n"
        "#EXTINF:2.00000,\n"
        "720p/0.m4s\n"
        '#EXT-X-MAP:URI="720p/init-aa.mp4"\n'
        "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z\n"
        '#EXT-X-PART:DURATION=0.20000,URI="720p/1.0.m4s",INDEPENDENT=YES\n'
        '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="720p/1.1.m4s"\n'
    )
    assert feed.window.segment(0) is None
    assert feed.window.contains(0, 0)


def test_who_does_not_ask_for_it_does_not_get_that_gap(feed: Feed) -> None:
    feed.whole(3)
    assert feed.listed == [1, 2, 3]
    assert "#EXT-X-MEDIA-SEQUENCE:1\n" in feed.text
    assert "GAP" not in feed.text
    assert "#EXT-X-MEDIA-SEQUENCE:0\n" in feed.window.text(early=True).plain.decode()
    feed.whole(20)
    assert feed.window.text(early=True) is feed.window.text(), "it has left"


def test_its_edge_is_the_part_that_comes_next(feed: Feed) -> None:
    assert feed.window.edge == (0, 0)
    feed.start()
    assert feed.window.edge == (1, 0)
    feed.part(0)
    assert feed.window.edge == (1, 1)
    feed.end(0.2)
    assert feed.window.edge == (2, 0)


def test_it_reports_its_last_part(feed: Feed) -> None:
    """8216bis, 4.4.5.4."""
    assert feed.window.report is None
    feed.start()
    assert feed.window.report is None
    feed.part(0)
    feed.part(1)
    assert feed.window.report == Report("720p", 1, 1)
    feed.end(0.4)
    feed.gap()
    assert feed.window.report == Report("720p", 1, 1), "a gap has no part"


def test_each_form_of_the_playlist_is_made_once_for_each_change(feed: Feed) -> None:
    feed.whole(12)
    texts = {form: feed.window.text(form) for form in Form}
    assert len({text.plain for text in texts.values()}) == 3
    assert all(feed.window.text(form) is text for form, text in texts.items())
    feed.start()
    feed.part(0)
    assert all(feed.window.text(form) is not text for form, text in texts.items())


def test_a_part_is_there_as_soon_as_it_is_made_and_a_segment_when_it_is_whole(feed: Feed) -> None:
    feed.start()
    feed.part(0)
    assert feed.window.part(1, 0) == b"1.0 "
    assert feed.window.part(1, 1) is None
    assert feed.window.segment(1) is None
    feed.part(1)
    feed.end(0.4)
    assert feed.window.segment(1) == b"1.0 1.1 "
    assert [feed.window.part(1, index) for index in range(3)] == [b"1.0 ", b"1.1 ", None]


def test_what_was_never_there_is_not_there(feed: Feed) -> None:
    feed.whole(3)
    feed.gap()
    assert feed.window.segment(4) is None, "a gap has no bytes"
    assert feed.window.segment(5) is None
    assert feed.window.segment(10**12) is None
    assert feed.window.part(4, 0) is None
    assert feed.window.part(1, 10) is None
    assert feed.window.init("bb") is None


def test_segments_leave_the_playlist_a_window_behind_the_edge(feed: Feed) -> None:
    for _ in range(40):
        feed.whole()
        assert len(feed.listed) == min(feed.number - 1, WINDOW / 2)
        assert feed.listed[-1] == feed.number - 1


def test_the_window_is_at_least_four_targets_long() -> None:
    """RFC 8216, 6.2.2: a playlist is never shorter than three targets."""
    feed = Feed(replace(PLAN, target_duration=10))
    feed.whole(20, seconds=10)
    assert len(feed.listed) == 4


def test_a_segment_stays_fetchable_for_its_length_and_that_of_the_longest_playlist_with_it(feed: Feed) -> None:
    """RFC 8216, 6.2.2."""
    feed.whole(100)
    first = feed.listed[0]
    available = [msn for msn in range(101) if feed.window.segment(msn)]
    longest = WINDOW + 2
    assert available == list(range(first - round((longest + 2) / 2), 101))
    assert all(feed.window.part(msn, 9) is not None for msn in available)


def test_a_segment_that_only_gaps_follow_leaves_by_their_time(feed: Feed) -> None:
    feed.whole(2)
    for _ in range(60):
        feed.gap()
    assert feed.window.segment(1) is None
    assert feed.window.segment(2) is None


def test_media_sequence_counts_what_left_and_never_goes_back(feed: Feed) -> None:
    """RFC 8216, 4.3.3.2."""
    sequences = []
    for _ in range(30):
        feed.whole()
        read = m3u8.loads(feed.text)
        sequences.append(read.media_sequence)
        assert feed.listed == list(range(read.media_sequence, feed.number))
    assert sequences == sorted(sequences)
    assert sequences[-1] == 19


def test_numbers_may_begin_anywhere_as_after_a_restart() -> None:
    feed = Feed(number=812, discontinuities=5)
    feed.whole(2)
    assert feed.listed == [812, 813]
    assert "#EXT-X-MEDIA-SEQUENCE:812\n#EXT-X-DISCONTINUITY-SEQUENCE:5\n" in feed.text


def test_discontinuity_sequence_counts_the_discontinuities_that_left(feed: Feed) -> None:
    """RFC 8216, 6.2.2: it goes up when a segment with a discontinuity before it leaves."""
    feed.whole(3)
    feed.init("bb")
    feed.whole(discontinuity=True)
    feed.whole(11)
    assert feed.listed[0] == 4
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:0\n" in feed.text
    assert "#EXT-X-DISCONTINUITY\n" in feed.text
    feed.whole()
    assert feed.listed[0] == 5
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:1\n" in feed.text
    assert "#EXT-X-DISCONTINUITY\n" not in feed.text


def test_init_segments_stay_as_long_as_a_segment_needs_them(feed: Feed) -> None:
    feed.whole(2)
    feed.init("bb")
    feed.whole(discontinuity=True)
    while feed.window.segment(2):
        assert feed.window.init("aa") == b"aa"
        feed.whole()
    assert feed.window.init("aa") is None
    assert feed.window.init("bb") == b"bb"


def test_a_playlist_names_the_init_segment_it_needs_when_older_ones_have_left(feed: Feed) -> None:
    feed.whole(2)
    feed.init("bb")
    feed.whole(discontinuity=True)
    feed.whole(30)
    assert feed.text.count("#EXT-X-MAP") == 1
    assert '#EXT-X-MAP:URI="720p/init-bb.mp4"' in feed.text


def test_the_playlist_is_made_once_for_each_change(feed: Feed) -> None:
    feed.whole()
    before = feed.window.text()
    assert feed.window.text() is before
    feed.start()
    feed.part(0)
    assert feed.window.text() is not before
    assert feed.window.text().plain != before.plain


def test_the_end_is_told_once_and_everything_stays(feed: Feed) -> None:
    feed.whole(3)
    feed.window.end()
    assert feed.window.ended
    assert feed.text.endswith("720p/3.m4s\n#EXT-X-ENDLIST\n")
    assert feed.window.segment(1)


def test_a_segment_that_was_only_begun_is_not_listed_at_the_end(feed: Feed) -> None:
    feed.whole(2)
    feed.gap(0)
    feed.window.end()
    assert feed.text.endswith("720p/2.m4s\n#EXT-X-ENDLIST\n")


def test_parts_of_a_whole_segment_are_views_of_it(feed: Feed) -> None:
    feed.whole(1, size=100_000)
    whole = feed.window.segment(1)
    part = feed.window.part(1, 3)
    assert isinstance(part, memoryview)
    assert part.obj is whole


def test_memory_is_bounded_and_nothing_is_kept_twice() -> None:
    class Counted(bytes):
        """Bytes that the garbage collector knows of."""

    feed = Feed()
    for _ in range(300):
        feed.start()
        feed.part(0, 1, Counted(1000))
        feed.part(1, 1, Counted(1000))
        feed.end(2)
    feed.start()
    feed.part(0, 1, Counted(1000))
    gc.collect()
    alive = sum(isinstance(thing, Counted) for thing in gc.get_objects())
    assert alive == 1, "only the segment being made has parts of its own"
    assert sum(feed.window.segment(msn) is not None for msn in range(300)) <= 28


def test_bandwidth_is_the_peak_of_segments_long_enough_to_tell(feed: Feed) -> None:
    """RFC 8216, 4.1: the peak segment bit rate is of 0.5 to 1.5 targets."""
    feed.start()
    feed.part(0, 0.033, bytes(50_000))
    feed.end(0.033)
    assert feed.window.bandwidth == 0, "a lone keyframe says nothing of the rate"
    feed.start()
    feed.part(0, 2, bytes(250_000))
    feed.end(2)
    feed.gap()
    assert feed.window.bandwidth == 1_000_000


def test_average_bandwidth_is_of_the_segments_listed_now_that_have_media(feed: Feed) -> None:
    """8216bis, 4.4.6.2."""
    assert feed.window.average_bandwidth is None
    feed.start()
    feed.part(0, 2, bytes(250_000))
    assert feed.window.average_bandwidth is None, "no segment is whole"
    feed.end(2)
    feed.gap()
    feed.start()
    feed.part(0, 1, bytes(50_000))
    feed.end(1)
    assert feed.window.average_bandwidth == 800_000
    for _ in range(20):
        feed.start()
        feed.part(0, 2, bytes(25_000))
        feed.end(2)
    assert feed.window.average_bandwidth == 100_000
    for _ in range(20):
        feed.gap()
    assert feed.window.average_bandwidth is None


def test_its_format_is_that_of_the_newest_init_segment(feed: Feed) -> None:
    """A host may change its picture in mid-broadcast."""
    assert Feed().window.format is None
    assert feed.window.format == PICTURE
    other = VideoFormat("avc1.640028", 1920, 1080, 30.0)
    feed.init("bb", other)
    assert feed.window.format == other


@pytest.mark.parametrize(
    ("msn", "part", "listed"),
    [
        (0, None, True),
        (2, None, True),
        (3, None, False),
        (3, 0, True),
        (3, 1, True),
        (3, 2, False),
        (4, 0, False),
        (2, 9, True),
        (2, 10, True),  # the first part of 3
        (2, 999, True),
    ],
)
def test_it_knows_whether_it_lists_what_a_player_waits_for(
    feed: Feed, msn: int, part: int | None, listed: bool
) -> None:
    """8216bis, 6.2.5.2."""
    feed.whole(2)
    feed.start()
    feed.part(0)
    feed.part(1)
    assert feed.window.contains(msn, part) is listed


def test_a_part_past_the_end_of_a_segment_is_the_first_of_the_next(feed: Feed) -> None:
    """8216bis, 6.2.5.2: a part index past the final part is taken for part 0 of the following segment."""
    feed.whole(2)
    assert not feed.window.contains(2, 10)
    feed.start()
    assert not feed.window.contains(2, 10)
    feed.part(0)
    assert feed.window.contains(2, 10)


def test_a_gap_is_news_enough_for_who_waits_for_its_parts(feed: Feed) -> None:
    feed.whole()
    feed.start()
    assert not feed.window.contains(2, 0)
    feed.end(2)
    assert feed.window.contains(2, 0)


def test_what_left_long_ago_counts_as_listed(feed: Feed) -> None:
    feed.whole(200)
    assert feed.window.contains(0, 999)
    assert feed.window.contains(0, None)


lengths = st.lists(
    st.tuples(st.sampled_from([0, 3003, 45_000, 134_999, 180_000, 183_183]), st.booleans(), st.booleans()),
    min_size=1,
    max_size=80,
)


@settings(max_examples=60, deadline=None)
@given(lengths)
def test_every_playlist_of_any_history_is_legal(history: list[tuple[int, bool, bool]]) -> None:
    feed = Feed()
    last_sequence = last_discontinuity = 0
    for number, (length, media, discontinuity) in enumerate(history):
        feed.init(f"{number:02x}" if discontinuity else "aa")
        feed.start(discontinuity)
        if media and length:
            feed.part(0, length / SCALE)
        feed.end(length / SCALE)
        read = m3u8.loads(feed.text)
        assert read.media_sequence >= last_sequence
        assert read.discontinuity_sequence >= last_discontinuity
        last_sequence, last_discontinuity = read.media_sequence, read.discontinuity_sequence
        gone = sum(d for _, _, d in history[: max(0, read.media_sequence - 1)])
        assert read.discontinuity_sequence == gone
        whole = [s for s in read.segments if s.uri]
        assert all(round(s.duration) <= read.target_duration for s in whole)
        for before, after in pairwise(whole):
            apart = (after.program_date_time - before.program_date_time).total_seconds()
            assert abs(apart - before.duration) <= 0.001_01
        for s in whole:
            number = int(s.uri.split("/")[1].removesuffix(".m4s"))
            assert bool(s.gap_tag) is (feed.window.segment(number) is None)
            if not s.gap_tag:
                assert s.init_section is not None
        assert whole[0].program_date_time == datetime.fromisoformat(
            re.findall(r"DATE-TIME:(\S+)", feed.text)[0].replace("Z", "+00:00")
        )
