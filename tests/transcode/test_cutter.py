"""The cutter: where segments begin, what they are called, and that no number is ever skipped or too long.

Times in these tests are milliseconds, but for what comes out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.media import Kind
from transcode.cutter import Cutter
from transcode.media import TIMELINE, Cut, Tick, TimedPacket

MS = TIMELINE // 1000
Item = TimedPacket | Cut | Tick


def frame(at: int, keyframe: bool = False, shift: int = 0) -> TimedPacket:
    return TimedPacket(Kind.VIDEO, (at + shift) * MS, at * MS, keyframe, b"")


def sound(at: int) -> TimedPacket:
    return TimedPacket(Kind.AUDIO, at * MS, at * MS, True, b"")


def stream(start: int, stop: int, gop: int = 2000, shift: int = 0, step: int = 40) -> Iterator[TimedPacket]:
    """25 pictures a second, keyframes every ``gop`` from ``start``, and sound every 20 ms."""
    for at in range(start, stop, 20):
        if (at - start) % step == 0:
            yield frame(at, (at - start) % gop == 0, shift)
        yield sound(at)


def only(kind: Kind, packets: Iterable[TimedPacket]) -> Iterator[TimedPacket]:
    return (packet for packet in packets if packet.kind is kind)


class Bench:
    def __init__(self, target: int = 4, has_video: bool = True, number: int = 0, position: int = 0) -> None:
        self.cutter = Cutter(number, target, has_video, position * MS)
        self.items: list[Item] = []

    def send(self, packets: Iterable[TimedPacket]) -> "Bench":
        for packet in packets:
            self.items += self.cutter.packet(packet)
        return self

    def tick(self, *at: int) -> "Bench":
        for pts in at:
            self.items += self.cutter.tick(Tick(pts * MS))
        return self

    @property
    def marks(self) -> list[Cut]:
        return [item for item in self.items if isinstance(item, Cut)]

    @property
    def cuts(self) -> list[int]:
        """Where the cuts are (ms)."""
        return [cut.pts // MS for cut in self.marks]

    @property
    def packets(self) -> list[TimedPacket]:
        return [item for item in self.items if isinstance(item, TimedPacket)]

    def after(self, cut: Cut) -> Item:
        return self.items[self.items.index(cut) + 1]


def check_legal(items: Iterable[Item], target: int, number: int = 0) -> None:
    """What RFC 8216 asks of numbers and lengths (4.3.3.1, 6.2.2), for a list of cuts."""
    cuts = [item for item in items if isinstance(item, Cut)]
    assert [cut.msn for cut in cuts] == list(range(number, number + len(cuts)))
    for before, after in pairwise(cuts):
        assert before.pts <= after.pts
        assert after.pts - before.pts < (target + 0.5) * TIMELINE


# A host on air.


def test_a_segment_begins_with_each_keyframe() -> None:
    bench = Bench().send(stream(0, 9000))
    assert bench.cuts == [0, 2000, 4000, 6000, 8000]
    assert [cut.msn for cut in bench.marks] == [0, 1, 2, 3, 4]
    for cut in bench.marks:
        following = bench.after(cut)
        assert isinstance(following, TimedPacket)
        assert following.keyframe
        assert following.pts == cut.pts
        assert not cut.discontinuity


def test_every_packet_from_the_first_keyframe_on_goes_through_once_and_in_order() -> None:
    packets = list(stream(0, 9000))
    assert Bench().send(packets).packets == packets


def test_what_comes_before_the_first_keyframe_is_left_out() -> None:
    early = [frame(0), sound(5), frame(40), sound(45)]
    bench = Bench().send([*early, *stream(80, 500)])
    assert bench.packets == list(stream(80, 500))
    assert bench.cuts == [80]


def test_sound_that_is_heard_before_the_first_picture_is_left_out() -> None:
    bench = Bench().send([frame(100, True, shift=67), sound(105), sound(160), sound(170)])
    assert [packet.pts // MS for packet in bench.packets] == [167, 170]


def test_numbers_go_on_from_the_one_given() -> None:
    assert [cut.msn for cut in Bench(number=77).send(stream(0, 4100)).marks] == [77, 78, 79]


@pytest.mark.parametrize(
    ("gop", "cuts"),
    [
        (40, [0, 1520, 3040, 4560]),
        (480, [0, 1920, 3840, 5760]),
        (1000, [0, 2000, 4000]),
        (1480, [0, 2960, 5920]),
        (1520, [0, 1520, 3040, 4560]),
        (3000, [0, 3000]),
        (4000, [0, 4000]),
    ],
)
def test_segments_are_whole_gops_of_a_second_and_a_half_or_more(gop: int, cuts: list[int]) -> None:
    assert Bench().send(stream(0, 6000, gop)).cuts == [cut for cut in cuts if cut < 6000]


@pytest.mark.parametrize("target", [4, 5, 10])
def test_a_gop_of_the_targets_length_is_never_torn_by_jitter(target: int) -> None:
    """Stamps are rounded and capture clocks shake: a keyframe may come some frames late."""
    keyframes = [0, *(n * target * 1000 + jitter for n, jitter in enumerate([0, 4, 34, 100, 10, 0], 1))]
    packets = [
        frame(at, at in keyframes) for at in sorted({*range(0, keyframes[-1], 40), *keyframes}) if at not in (39, 41)
    ]
    assert Bench(target).send(packets).cuts == keyframes


def test_a_gop_longer_than_the_target_is_cut_before_it_outgrows_it() -> None:
    bench = Bench().send(stream(0, 30_000, gop=10_000))
    check_legal(bench.items, 4)
    assert {0, 10_000, 20_000} <= set(bench.cuts)
    assert min(after - before for before, after in pairwise(bench.cuts)) >= 1500
    assert len(bench.cuts) == 9


def test_a_host_without_any_further_keyframe_is_cut_all_the_same() -> None:
    bench = Bench().send(stream(0, 60_000, gop=100_000))
    check_legal(bench.items, 4)
    assert len(bench.cuts) == 15


def test_cuts_tell_when_the_picture_is_shown_not_when_it_is_decoded() -> None:
    assert Bench().send(stream(0, 4100, shift=80)).cuts == [80, 2080, 4080]


def test_a_keyframe_with_an_odd_composition_offset_moves_no_cut() -> None:
    odd = [frame(at, at % 2000 == 0, 900 if at == 2000 else 80) for at in range(0, 6100, 40)]
    assert Bench().send(odd).cuts == [80, 2080, 4080, 6080]


def test_sound_alone_is_cut_every_two_seconds() -> None:
    bench = Bench(2, has_video=False).send(only(Kind.AUDIO, stream(0, 6500)))
    assert bench.cuts == [0, 2000, 4000, 6000]


def test_sound_that_goes_on_without_its_picture_is_cut_too() -> None:
    bench = Bench().send(stream(0, 3000, gop=60_000)).send(only(Kind.AUDIO, stream(3000, 30_000)))
    check_legal(bench.items, 4)
    assert len(bench.cuts) >= 6


@pytest.mark.parametrize("has_video", [True, False])
@pytest.mark.parametrize("hole", [2500, 5000, 60_000])
def test_frames_that_are_missing_make_no_segment_too_long(has_video: bool, hole: int) -> None:
    target = 4 if has_video else 2
    packets = [*stream(0, 3900, 100_000), *stream(3900 + hole, 9000 + hole, 100_000)]
    bench = Bench(target, has_video).send(packet for packet in packets if has_video or packet.kind is Kind.AUDIO)
    check_legal(bench.items, target)


# A host that goes, and comes back.


def test_the_last_segment_ends_with_its_media_when_the_host_is_away() -> None:
    bench = Bench().send(stream(0, 3000)).tick(4000)
    assert bench.cuts == [0, 2000, 3000]
    assert bench.items[-1] == Tick(4000 * MS)


def test_sound_that_outlasts_the_picture_a_little_still_belongs_to_it() -> None:
    bench = Bench().send(stream(0, 3000)).send(sound(at) for at in range(3000, 3300, 20)).tick(5000)
    assert bench.cuts == [0, 2000, 3300]


def test_sound_that_outlasts_the_picture_by_far_does_not() -> None:
    bench = Bench().send(stream(0, 3000)).send(sound(at) for at in range(3000, 4500, 20)).tick(4900)
    assert bench.cuts == [0, 2000, 3000]


def test_numbers_go_on_every_two_seconds_while_the_host_is_away() -> None:
    bench = Bench().send(stream(0, 3000)).tick(*range(4000, 12_001, 250))
    assert bench.cuts == [0, 2000, 3000, 5000, 7000, 9000, 11_000]
    check_legal(bench.items, 4)


def test_a_clock_that_stood_still_catches_up_with_every_number() -> None:
    bench = Bench().send(stream(0, 3000)).tick(4000, 20_000)
    assert bench.cuts[-3:] == [15_000, 17_000, 19_000]
    check_legal(bench.items, 4)


def test_a_host_that_returns_begins_a_segment_with_its_keyframe() -> None:
    bench = Bench().send(stream(0, 3000)).tick(*range(4000, 8001, 250))
    back = [frame(8100), sound(8110), *stream(8200, 9000)]
    bench.send(back)
    assert bench.cuts == [0, 2000, 3000, 5000, 7000, 8200]
    assert next(packet.pts // MS for packet in bench.packets if packet.pts >= 8000 * MS) == 8200
    check_legal(bench.items, 4)


def test_a_takeover_within_a_second_cuts_at_the_new_keyframe_and_leaves_no_gap() -> None:
    bench = Bench().send(stream(0, 3000))
    bench.cutter.interrupt()
    bench.send([frame(3400), sound(3410)]).send(stream(3600, 6000))
    assert bench.cuts == [0, 2000, 3600, 5600]
    check_legal(bench.items, 4)


def test_a_takeover_that_would_make_the_segment_too_long_ends_it_with_its_media() -> None:
    bench = Bench().send(stream(0, 3900, gop=4000))
    bench.cutter.interrupt()
    bench.send(stream(4800, 6000))
    assert bench.cuts == [0, 3920, 4800]
    check_legal(bench.items, 4)


def test_a_takeover_by_a_host_that_sends_no_keyframe_does_not_stop_numbers() -> None:
    bench = Bench().send(stream(0, 3000))
    bench.cutter.interrupt()
    bench.send(
        packet for packet in stream(3100, 13_000, 100_000) if not (packet.kind is Kind.VIDEO and packet.keyframe)
    )
    assert bench.cuts == [0, 2000, 3000, 5000, 7000, 9000, 11_000]
    assert [item for item in bench.items if isinstance(item, Tick)]
    bench.send(stream(13_000, 14_000))
    assert bench.cuts[-1] == 13_000
    check_legal(bench.items, 4)


def test_time_goes_on_without_a_break_until_the_keyframe_of_a_host_that_is_back() -> None:
    """The slate is shown by ticks, and packets that cannot be shown are as good."""
    bench = Bench().send(stream(0, 4000)).tick(5000, 6000)
    before = len(bench.items)
    bench.send(frame(at) for at in range(6100, 7000, 40))
    assert bench.items[before:] == [Tick(at * MS) for at in range(6100, 7000, 40)]
    bench.send([frame(7000, keyframe=True)])
    assert [type(item) for item in bench.items[-2:]] == [Cut, TimedPacket]


def test_a_changed_configuration_is_a_discontinuity_at_the_next_keyframe_and_only_there() -> None:
    bench = Bench().send(stream(0, 3000))
    bench.cutter.discontinuity()
    bench.send(stream(3000, 6000))
    assert [(cut.pts // MS, cut.discontinuity) for cut in bench.marks] == [
        (0, False),
        (2000, False),
        (3000, True),
        (5000, False),
    ]


def test_a_discontinuity_outlives_the_hosts_absence() -> None:
    bench = Bench().send(stream(0, 3000))
    bench.cutter.discontinuity()
    bench.tick(4500, 6000).send(stream(6500, 7000))
    assert [cut.pts // MS for cut in bench.marks if cut.discontinuity] == [6500]


def test_the_shown_time_of_another_source_is_its_own() -> None:
    bench = Bench().send(stream(0, 3000, shift=80))
    bench.cutter.interrupt()
    bench.send(stream(3200, 5300))
    assert bench.cuts == [80, 2080, 3200, 5200]


# A server that restarts.


def test_a_broadcast_that_goes_on_counts_time_from_its_position() -> None:
    bench = Bench(number=9, position=50_000).tick(50_500, 52_000, 54_500).send(stream(55_000, 58_000))
    assert [(cut.msn, cut.pts // MS) for cut in bench.marks] == [
        (9, 52_000),
        (10, 54_000),
        (11, 55_000),
        (12, 57_000),
    ]


def test_the_end_is_where_the_media_ends() -> None:
    assert Bench().send(stream(0, 3000)).cutter.media_end == 3000 * MS
    assert Bench().send(stream(0, 3000, shift=80)).cutter.media_end == 3080 * MS
    assert Bench(position=70_000).cutter.media_end == 70_000 * MS


def test_the_end_is_never_before_a_cut() -> None:
    bench = Bench().send(stream(0, 3000)).tick(9000)
    assert bench.cutter.media_end == bench.marks[-1].pts


def test_a_lone_frame_lasts_some_time() -> None:
    assert Bench().send([frame(0, True)]).cutter.media_end > 0


# Anything.


@dataclass
class Story:
    """Acts of a broadcast, each a step further in time."""

    acts: list[tuple[str, int]]
    target: int
    has_video: bool
    position: int


steps = st.one_of(st.integers(0, 100), st.integers(0, 100), st.integers(0, 3500))
acts = st.tuples(
    st.sampled_from(
        ["key", "frame", "frame", "frame", "sound", "sound", "sound", "tick", "interrupt", "discontinuity"]
    ),
    steps,
)
stories = st.builds(
    Story,
    st.lists(acts, min_size=1, max_size=150),
    st.sampled_from([4, 5, 10]),
    st.booleans(),
    st.sampled_from([0, 1, 90_000]),
)


@settings(max_examples=300)
@given(stories, st.integers(-3000, 3000), st.integers(-1000, 1000))
def test_whatever_comes_numbers_follow_and_no_segment_is_too_long(story: Story, shift: int, sound_ahead: int) -> None:
    target = story.target if story.has_video else 2
    bench = Bench(target, story.has_video, 5, story.position)
    now = max(story.position, 3000)
    sent = 0
    for act, step in story.acts:
        now += step
        match act:
            case "key" | "frame":
                if story.has_video:
                    bench.send([frame(now, act == "key", shift)])
                    sent += 1
            case "sound":
                bench.send([sound(now + sound_ahead)])
                sent += 1
            case "tick":
                bench.tick(now)
            case "interrupt":
                bench.cutter.interrupt()
            case "discontinuity":
                bench.cutter.discontinuity()
    check_legal(bench.items, target, 5)
    assert len(bench.packets) <= sent
    assert bench.cutter.media_end >= max([0, *(cut.pts for cut in bench.marks)])


@given(stories)
def test_the_first_of_all_and_all_after_an_interruption_is_a_keyframe(story: Story) -> None:
    bench = Bench(story.target)
    now = 0
    due = True
    for act, step in story.acts:
        now += step
        if act in ("interrupt", "tick"):
            due = True
            bench.cutter.interrupt() if act == "interrupt" else bench.tick(now)
        else:
            before = len(bench.packets)
            bench.send([sound(now) if act == "sound" else frame(now, act == "key")])
            if due and len(bench.packets) > before:
                assert bench.packets[-1].keyframe
                assert bench.packets[-1].kind is Kind.VIDEO
                due = False
