"""The packet log: what the worker is given, what the next one is given again, and what goes when there is too much.

Times in these tests are milliseconds.
"""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.media import Codec, Kind, Track
from transcode.log import PacketLog
from transcode.media import TIMELINE, Cut, Delay, End, RoomItem, Slate, Tick, TimedPacket

MS = TIMELINE // 1000
VIDEO = Track(Kind.VIDEO, Codec.H264, b"video")
OTHER_VIDEO = Track(Kind.VIDEO, Codec.H264, b"other video")
SOUND = Track(Kind.AUDIO, Codec.AAC, b"sound")


def picture(at: int, keyframe: bool = False, size: int = 0) -> TimedPacket:
    return TimedPacket(Kind.VIDEO, at * MS, at * MS, keyframe, bytes(size))


def sound(at: int, size: int = 0) -> TimedPacket:
    return TimedPacket(Kind.AUDIO, at * MS, at * MS, True, bytes(size))


def cut(msn: int, at: int) -> Cut:
    return Cut(msn, at * MS)


def pictures(start: int, stop: int, gop: int = 1000, size: int = 0) -> list[RoomItem]:
    """Ten pictures a second, a keyframe every ``gop``."""
    return [picture(at, at % gop == 0, size) for at in range(start, stop, 100)]


class Bench:
    def __init__(self, most_bytes: int = 32 << 20, credit: int = 32 << 20) -> None:
        self.log = PacketLog(most_bytes, credit)
        self.offset = -1
        self.history: list[RoomItem] = []

    def append(self, *items: RoomItem) -> "Bench":
        self.history += items
        for item in items:
            self.log.append(item)
        return self

    def take(self) -> list[RoomItem]:
        """What the reader is given until there is no more, or no credit."""
        taken: list[RoomItem] = []
        while (logged := self.log.take()) is not None:
            taken.append(logged.item)
            assert logged.offset > self.offset
            self.offset = logged.offset
        return taken

    def read(self) -> list[RoomItem]:
        """All that the reader is given if it acknowledges at once."""
        read: list[RoomItem] = []
        while taken := self.take():
            read += taken
            self.log.acknowledge(self.offset)
        return read

    def rewind(self, aired: int | None = None) -> "Bench":
        if aired is not None:
            self.log.aired(aired * MS)
        self.log.rewind()
        self.offset = -1
        return self


# --- reading ---------------------------------------------------------------------------------------------------


def test_items_are_counted_and_come_in_order() -> None:
    bench = Bench()
    items: list[RoomItem] = [VIDEO, SOUND, cut(0, 0), picture(0, True), sound(0), Tick(90), End(180)]
    assert [bench.log.append(item) for item in items] == list(range(7))
    assert bench.read() == items
    assert bench.read() == []


def test_no_more_is_sent_than_there_is_credit_for() -> None:
    bench = Bench(credit=10_000).append(*pictures(0, 1000, size=3000))
    assert len(bench.take()) == 3
    assert bench.log.on_the_way <= 10_000
    bench.log.acknowledge(0)
    assert len(bench.take()) == 1
    bench.log.acknowledge(3)
    assert len(bench.take()) == 3


def test_one_entry_may_always_go() -> None:
    bench = Bench(credit=10).append(picture(0, True, 3000), picture(100, False, 3000))
    assert len(bench.take()) == 1
    bench.log.acknowledge(0)
    assert len(bench.take()) == 1


# --- replaying -------------------------------------------------------------------------------------------------


def test_a_new_reader_is_given_all_while_nothing_has_aired() -> None:
    items = [VIDEO, SOUND, cut(0, 0), *pictures(0, 3000)]
    bench = Bench().append(*items)
    assert bench.read() == items
    assert bench.rewind().read() == items


def test_a_new_reader_begins_with_the_tracks_and_the_keyframe_before_what_has_aired() -> None:
    bench = Bench().append(VIDEO, SOUND, cut(0, 0), *pictures(0, 2000), cut(1, 2000), *pictures(2000, 5000))
    bench.read()
    replay = bench.rewind(aired=3900).read()
    assert replay == [VIDEO, SOUND, cut(1, 2000), *pictures(3000, 5000)]


def test_a_new_reader_is_told_of_a_cut_that_was_announced_before_the_keyframe() -> None:
    bench = Bench().append(VIDEO, cut(0, 0), cut(1, 1000), cut(2, 2000), cut(3, 3000), *pictures(0, 2500))
    assert bench.rewind(aired=1500).read()[:4] == [VIDEO, cut(1, 1000), cut(2, 2000), cut(3, 3000)]


def test_a_new_reader_is_given_the_tracks_in_force_at_the_replay_point() -> None:
    items = [VIDEO, SOUND, *pictures(0, 1000), OTHER_VIDEO, *pictures(1000, 2000)]
    assert Bench().append(*items).rewind(aired=999).read()[:3] == [VIDEO, SOUND, picture(0, True)]
    assert Bench().append(*items).rewind(aired=1000).read()[:3] == [SOUND, OTHER_VIDEO, picture(1000, True)]


def test_what_was_made_up_for_without_a_reader_is_not_dropped() -> None:
    bench = Bench().append(VIDEO, cut(0, 0), *pictures(0, 2000))
    bench.rewind(aired=0)
    bench.append(*pictures(2000, 5000))
    assert bench.rewind(aired=4500).read() == [VIDEO, cut(0, 0), *pictures(4000, 5000)]
    assert bench.log.dropped == 0


def test_a_new_reader_is_given_the_slate_in_force() -> None:
    old, new, newest = (Slate(title, "Back soon") for title in ("Old", "New", "Newest"))
    items = [VIDEO, old, new, *pictures(0, 2000), newest, *pictures(2000, 3000)]
    bench = Bench().append(*items)
    assert bench.rewind(aired=1500).read() == [VIDEO, new, *pictures(1000, 2000), newest, *pictures(2000, 3000)]


def test_sound_that_came_before_its_picture_is_replayed_and_so_is_the_frame_a_decoder_starts_with() -> None:
    bench = Bench().append(*pictures(0, 1000), sound(700), sound(900), sound(1100), *pictures(1000, 2000), sound(1150))
    replay = bench.rewind(aired=1000).read()
    assert replay == [sound(900), sound(1100), *pictures(1000, 2000), sound(1150)]


def test_sound_alone_is_replayed_from_any_packet() -> None:
    bench = Bench().append(SOUND, *(sound(at) for at in range(0, 2000, 100)))
    assert bench.rewind(aired=1550).read() == [SOUND, *(sound(at) for at in range(1300, 2000, 100))]


def test_while_the_host_is_away_ticks_are_replayed_too() -> None:
    away = [Tick(at * MS) for at in range(1000, 3000, 250)]
    bench = Bench().append(VIDEO, *pictures(0, 1000), *away)
    assert bench.rewind(aired=2500).read() == [VIDEO, *pictures(0, 1000), *away]


def test_what_no_replay_needs_is_forgotten() -> None:
    bench = Bench()
    most = 0
    for second in range(0, 60_000, 1000):
        bench.append(cut(second // 1000, second), *pictures(second, second + 1000, size=1000))
        bench.read()
        bench.log.aired(second * MS)
        most = max(most, bench.log.size)
    assert most < 5 * 10 * 1300
    assert bench.log.dropped == 0


def test_a_replay_may_be_rewound_again() -> None:
    bench = Bench(credit=3000).append(VIDEO, *pictures(0, 3000, size=500))
    bench.rewind(aired=1500).take()
    first = bench.rewind().read()
    assert first == bench.rewind().read() == [VIDEO, *pictures(1000, 3000, size=500)]


# --- too much --------------------------------------------------------------------------------------------------


def lagging(*items: RoomItem) -> Bench:
    """A reader that once caught up, has something on its way, and has no credit for ``items``."""
    bench = Bench(credit=1).append(VIDEO)
    assert bench.read() == [VIDEO]
    bench.append(SOUND).take()
    return bench.append(*items)


def test_pictures_that_waited_too_long_are_dropped_up_to_the_newest_keyframe() -> None:
    assert lagging(*pictures(0, 6100)).log.dropped == 0
    late = lagging(*pictures(0, 6200))
    assert late.log.dropped == 60
    late.log.acknowledge(late.offset)
    assert late.read() == pictures(6000, 6200)


def test_all_but_pictures_is_kept() -> None:
    others: list[RoomItem] = [cut(0, 0), sound(50), OTHER_VIDEO, Tick(60), sound(120), cut(1, 2000)]
    late = lagging(*pictures(0, 200), *others, *pictures(200, 7000))
    late.log.acknowledge(late.offset)
    assert [item for item in late.read() if item not in pictures(0, 7000)] == others


def test_nothing_is_dropped_without_a_keyframe_to_go_on_with() -> None:
    assert lagging(*pictures(0, 9000, gop=60_000)).log.dropped == 0


def test_nothing_is_dropped_while_a_new_reader_catches_up() -> None:
    late = Bench(credit=1).append(*pictures(0, 9000))
    late.rewind().take()
    late.append(*pictures(9000, 12_000))
    assert late.log.dropped == 0
    late.log.acknowledge(late.offset)
    assert late.read() == pictures(100, 12_000)
    late.append(*pictures(12_000, 12_200)).take()
    assert late.append(*pictures(12_200, 19_000)).log.dropped > 0


def test_what_was_sent_goes_first_when_bytes_run_out() -> None:
    bench = Bench(most_bytes=30_000).append(VIDEO, *pictures(0, 2000, size=1000))
    bench.read()
    bench.append(*pictures(2000, 3000, size=1000))
    assert bench.read() == pictures(2000, 3000, size=1000)
    assert bench.log.dropped == 0
    assert bench.rewind().read() == [VIDEO, *pictures(1000, 3000, size=1000)]


def test_pictures_go_up_to_the_newest_keyframe_when_bytes_run_out() -> None:
    bench = Bench(most_bytes=30_000).append(VIDEO, *pictures(0, 2500, size=1000))
    assert bench.log.dropped == 20
    assert bench.read() == [VIDEO, *pictures(2000, 2500, size=1000)]


def test_the_oldest_picture_goes_where_there_is_no_other_way_and_those_that_need_it_go_with_it() -> None:
    bench = Bench(most_bytes=30_000).append(VIDEO, *pictures(0, 2500, gop=60_000, size=1000))
    assert bench.log.dropped == 25
    assert bench.read() == [VIDEO]
    bench.append(picture(2500), picture(2600, True), picture(2700))
    assert bench.read() == [picture(2600, True), picture(2700)]


def test_the_oldest_sound_goes_where_there_is_nothing_else() -> None:
    bench = Bench(most_bytes=10_000).append(SOUND, *(sound(at, 1000) for at in range(0, 1000, 100)))
    assert bench.read() == [SOUND, *(sound(at, 1000) for at in range(300, 1000, 100))]
    assert bench.log.dropped == 3


def test_pictures_that_need_a_dropped_one_are_dropped_until_a_keyframe_even_those_to_come() -> None:
    bench = Bench(most_bytes=10_000).append(*pictures(0, 1000, gop=60_000, size=1000), picture(1000), sound(1000))
    bench.append(picture(1100), picture(1200, True), picture(1300))
    assert bench.read() == [sound(1000), picture(1200, True), picture(1300)]


def test_what_no_reader_lives_through_takes_the_pictures_that_need_it_along() -> None:
    bench = Bench().append(VIDEO, *pictures(0, 500))
    bench.read()
    bench.log.forget_packets()
    bench.append(picture(500), picture(600, True))
    assert bench.rewind().read() == [VIDEO, picture(600, True)]


def test_how_long_media_was_held_is_never_forgotten() -> None:
    delay = Delay(0, 1920)
    bench = Bench(most_bytes=3000).append(delay, *(Slate("title", str(n), bytes(500)) for n in range(50)))
    assert bench.read()[0] == delay
    bench = Bench().append(Delay(0, 0), Delay(500 * MS, 1920), VIDEO, *pictures(0, 3000), cut(1, 3000))
    assert bench.rewind(aired=2500).read()[:2] == [Delay(500 * MS, 1920), VIDEO]


# --- other readers ---------------------------------------------------------------------------------------------


def test_no_more_is_sent_than_so_far_ahead_of_what_the_reader_is_busy_with() -> None:
    bench = Bench()
    bench.log = PacketLog(ahead=500 * MS)
    bench.append(VIDEO, *pictures(0, 2000), sound(700))
    bench.log.acknowledge(0)
    assert bench.take() == [VIDEO, *pictures(0, 600)]
    bench.log.acknowledge(1)
    assert bench.take() == pictures(600, 700)
    bench.log.acknowledge(bench.offset)
    assert bench.take() == pictures(700, 1300)


def test_a_jump_in_time_stops_nobody() -> None:
    bench = Bench()
    bench.log = PacketLog(ahead=500 * MS)
    bench.append(picture(0, True), picture(60_000, True), picture(60_100))
    assert bench.take() == [picture(0, True)]
    bench.log.acknowledge(0)
    assert bench.take() == [picture(60_000, True), picture(60_100)]


def test_what_was_taken_and_not_sent_counts_for_nothing() -> None:
    bench = Bench(credit=3000).append(picture(0, True, 2000), picture(100, False, 2000), picture(200, False, 2000))
    assert len(bench.take()) == 1
    bench.log.withdraw()
    assert bench.log.on_the_way == 0
    assert bench.take() == [picture(100, False, 2000)]


def hurried(lag: int = 1000) -> tuple[Bench, list[TimedPacket]]:
    """A log whose reader is given no time to catch up, and what is lost to it."""
    lost: list[TimedPacket] = []
    bench = Bench()
    bench.log = PacketLog(lag=lag * MS, time=False, lost=lost.append)
    return bench, lost


def test_a_reader_that_is_given_no_time_is_not_given_old_pictures_and_what_is_lost_is_told() -> None:
    bench, lost = hurried()
    bench.append(VIDEO, sound(0), *pictures(0, 2200))
    assert lost == pictures(0, 2000)
    assert bench.read() == [VIDEO, sound(0), *pictures(2000, 2200)]


def test_the_reader_can_tell_where_pictures_are_missing_however_often_it_begins_anew() -> None:
    bench, _ = hurried()
    bench.append(*pictures(0, 500))
    assert not any(entry.gap for entry in iter(bench.log.take, None))
    bench.append(*pictures(500, 2200))
    for _ in range(2):
        assert [entry.item for entry in iter(bench.log.take, None) if entry.gap] == [picture(2000, True)]
        bench.log.rewind()


def test_what_is_settled_does_not_wait() -> None:
    bench, lost = hurried()
    bench.log.settled = 3000 * MS
    bench.append(VIDEO, *pictures(0, 4000))
    assert lost == []
    bench.append(*pictures(4000, 4200))
    assert lost == pictures(0, 4000)


def test_a_log_without_cuts_is_tidied_when_it_is_asked_for() -> None:
    bench = Bench().append(VIDEO, *pictures(0, 5000))
    bench.read()
    bench.log.aired(4500 * MS)
    assert bench.log.oldest == 0
    bench.log.tidy()
    assert bench.log.oldest == 4000 * MS


def test_a_log_without_packets_has_no_oldest() -> None:
    assert Bench().append(VIDEO, cut(0, 0)).log.oldest is None


# --- always ----------------------------------------------------------------------------------------------------

Step = RoomItem | str
packets = st.builds(
    lambda kind, at, keyframe, size: TimedPacket(kind, at * MS, at * MS, keyframe or kind is Kind.AUDIO, bytes(size)),
    st.sampled_from(Kind),
    st.just(0),
    st.booleans(),
    st.integers(0, 600),
)
anything = st.one_of(
    packets,
    packets,
    packets,
    packets,
    st.sampled_from([VIDEO, OTHER_VIDEO, SOUND]),
    st.just(Tick(0)),
    st.just(Cut(0, 0)),
)
steps = st.lists(
    st.one_of(anything, anything, anything, st.sampled_from(["take", "acknowledge", "air", "rewind"])), max_size=120
)


def played(bench: Bench, steps: Iterable[Step], pace: int = 100) -> list[list[RoomItem]]:
    """Play ``steps``, items ``pace`` apart; return what each reader was given."""
    readers: list[list[RoomItem]] = [[]]
    now, msn, sent = 0, 0, 0
    for step in steps:
        match step:
            case "take":
                readers[-1] += bench.take()
                sent = now
            case "acknowledge":
                bench.log.acknowledge(bench.offset)
            case "air":
                bench.log.aired(max(0, sent - 500) * MS)
            case "rewind":
                bench.rewind()
                readers.append([])
            case TimedPacket(kind=kind, keyframe=keyframe, data=data):
                now += pace
                bench.append(TimedPacket(kind, now * MS, now * MS, keyframe, data))
            case Tick():
                now += pace
                bench.append(Tick(now * MS))
            case Cut():
                bench.append(cut(msn, now))
                msn += 1
            case Track():
                bench.append(step)
        check(bench)
    return readers


def is_picture(item: RoomItem | None, keyframe: bool = False) -> bool:
    return isinstance(item, TimedPacket) and item.kind is Kind.VIDEO and (item.keyframe or not keyframe)


def check(bench: Bench) -> None:
    assert bench.log.size <= bench.log._most
    assert bench.log.on_the_way <= max(bench.log._credit, 1000)


@given(steps)
@settings(max_examples=200)
def test_bounds_are_never_exceeded(steps: list[Step]) -> None:
    played(Bench(most_bytes=4096, credit=2048), steps)


@given(steps)
@settings(max_examples=200)
def test_a_reader_is_given_all_once_and_in_order(steps: list[Step]) -> None:
    bench = Bench()
    (taken,) = played(bench, (step for step in steps if step != "rewind"), pace=10)
    assert taken + bench.read() == bench.history
    assert bench.log.dropped == 0


@given(steps)
@settings(max_examples=200)
def test_a_replay_is_all_from_a_keyframe_before_what_has_aired(steps: list[Step]) -> None:
    bench = Bench().append(picture(0, True))
    played(bench, [*steps, "take", "air"], pace=10)
    aired = bench.log._aired
    assert aired is not None
    replay = bench.rewind().read()
    first = next(i for i, item in enumerate(replay) if is_picture(item))
    keyframe = replay[first]
    assert isinstance(keyframe, TimedPacket)
    assert keyframe.keyframe
    assert keyframe.pts <= aired
    assert replay[first:] == bench.history[bench.history.index(keyframe) :]
    assert bench.log.dropped == 0


@given(steps)
@settings(max_examples=200)
def test_a_replay_begins_with_a_keyframe_where_the_log_has_one(steps: list[Step]) -> None:
    bench = Bench(most_bytes=8192, credit=2048)
    played(bench, steps)
    has_keyframe = any(is_picture(entry.item, keyframe=True) for entry in bench.log._entries)
    first = next((item for item in bench.rewind().read() if is_picture(item)), None)
    assert not has_keyframe or is_picture(first, keyframe=True)


@given(steps)
@settings(max_examples=200)
def test_what_a_reader_is_given_is_in_order_whatever_was_dropped(steps: list[Step]) -> None:
    for reader in played(Bench(most_bytes=8192, credit=2048), steps):
        times = [item.dts for item in reader if isinstance(item, TimedPacket)]
        assert all(before < after for before, after in pairwise(times))


@given(steps)
@settings(max_examples=200)
def test_no_picture_is_given_without_those_that_it_needs(steps: list[Step]) -> None:
    """Their numbers are their order; of what came before the first keyframe of all nothing is said."""
    bench = Bench(most_bytes=4096, credit=2048)
    for reader in played(bench, [step for step in steps if step != "rewind"]):
        came = [item for item in bench.history if is_picture(item)]
        given = [came.index(item) for item in reader if is_picture(item)]
        for before, number in pairwise(given):
            assert number == before + 1 or is_picture(came[number], keyframe=True)


# --- what it has -----------------------------------------------------------------------------------------------


def test_it_knows_its_first_keyframe_its_earliest_stamp_and_what_waits() -> None:
    bench = Bench()
    assert (bench.log.keyframe, bench.log.earliest, bench.log.waiting) == (None, None, [])
    bench.append(VIDEO, sound(900), picture(950))
    assert (bench.log.keyframe, bench.log.earliest) == (None, 900 * MS)
    bench.take()
    early = TimedPacket(Kind.VIDEO, 800 * MS, 1050 * MS, False, b"")
    bench.append(picture(1000, True), early, picture(2000, True), cut(1, 2000))
    assert (bench.log.keyframe, bench.log.earliest) == (1000 * MS, 800 * MS)
    assert bench.log.waiting == [picture(1000, True), early, picture(2000, True)]
