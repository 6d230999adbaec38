"""The hold: what comes goes out later, in order, and what is thrown away never does. Times here are milliseconds."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.media import Codec, Kind, Track
from transcode.hold import GRAIN, LONGEST_WAIT, TICK, Held, Hold, Interrupt, rounded
from transcode.media import TIMELINE, Delay, Tick, TimedPacket

MS = TIMELINE // 1000
SECOND = TIMELINE
HELD = rounded(2 * SECOND)
VIDEO = Track(Kind.VIDEO, Codec.H264, b"video")
OTHER = Track(Kind.VIDEO, Codec.H264, b"other")


def picture(at: int, keyframe: bool = False, size: int = 0) -> TimedPacket:
    return TimedPacket(Kind.VIDEO, at * MS, at * MS, keyframe, bytes(size))


def sound(at: int) -> TimedPacket:
    return TimedPacket(Kind.AUDIO, at * MS, at * MS, True, b"")


def pictures(start: int, stop: int, gop: int = 1000) -> list[Held]:
    """Ten a second, a keyframe every ``gop``."""
    return [picture(at, at % gop == 0) for at in range(start, stop, 100)]


def later(items: Iterable[Held], delay: int) -> list[TimedPacket]:
    return [
        TimedPacket(item.kind, item.pts + delay, item.dts + delay, item.keyframe, item.data)
        for item in items
        if isinstance(item, TimedPacket)
    ]


def push(hold: Hold, items: Iterable[Held]) -> list[Held | Delay]:
    return [out for item in items for out in hold.push(item)]


def media(items: Iterable[Held | Delay]) -> list[TimedPacket]:
    return [item for item in items if isinstance(item, TimedPacket)]


def ticks(items: Iterable[Held | Delay]) -> list[int]:
    return [item.pts for item in items if isinstance(item, Tick)]


# --- holding ---------------------------------------------------------------------------------------------------


def test_without_a_delay_all_passes_at_once_as_it_is() -> None:
    hold = Hold(0, True)
    for item in [VIDEO, *pictures(0, 500), sound(480), Tick(600 * MS), Interrupt()]:
        (out,) = hold.push(item)
        assert out is item
    assert (hold.depth, hold.bytes, hold.silent) == (0, 0, False)


def test_a_delay_is_as_many_whole_blocks_of_sound_as_it_takes() -> None:
    assert rounded(0) == 0
    assert rounded(1) == GRAIN
    assert Hold(GRAIN + 1, True).delay == 2 * GRAIN


def test_what_comes_goes_out_a_delay_later_with_the_stamps_of_then() -> None:
    hold = Hold(HELD, True)
    out = media(push(hold, pictures(0, 5000)))
    assert out == later(pictures(0, 5000), HELD)[: len(out)]
    assert out[-1].dts <= 4900 * MS < out[-1].dts + 100 * MS
    assert hold.depth <= HELD


def test_until_the_first_is_out_the_timeline_goes_on_by_ticks() -> None:
    hold = Hold(HELD, True)
    out = push(hold, pictures(0, 2000))
    assert hold.silent
    assert ticks(out) == [at * MS for at in range(0, 2000, 100)]
    push(hold, pictures(2000, 2200))
    assert not hold.silent


def test_tracks_and_takeovers_keep_their_place() -> None:
    hold = Hold(HELD, True)
    out = push(hold, [*pictures(0, 1000), Interrupt(), OTHER, *pictures(1000, 4000)])
    place = out.index(OTHER)
    assert out[place - 1] == Interrupt()
    assert media(out[:place]) == later(pictures(0, 1000), HELD)


def test_the_time_in_which_a_host_is_away_goes_out_later_too() -> None:
    hold = Hold(HELD, True)
    away: list[Held] = [Tick(at * MS) for at in range(2000, 6000, 100)]
    out = push(hold, [*pictures(0, 2000), *away])
    assert media(out) == later(pictures(0, 2000), HELD)
    assert not hold.silent
    assert ticks(out)[-1] == 5900 * MS - (5900 * MS - HELD) % (100 * MS)


# --- another delay ---------------------------------------------------------------------------------------------


def test_a_longer_delay_shows_the_slate_and_goes_on_with_a_keyframe() -> None:
    hold = Hold(rounded(SECOND), True)
    push(hold, pictures(0, 4500))
    longer = rounded(3 * SECOND)
    first, *out = list(hold.change(3 * SECOND))
    assert isinstance(first, Delay)
    assert first.shift == longer
    out += push(hold, pictures(4500, 9000))
    assert media(out)[0] == later([picture(4000, True)], longer)[0]
    assert media(out)[0].dts >= first.at
    assert ticks(out)[-1] <= media(out)[0].dts


def test_a_shorter_delay_leaves_media_out_and_goes_on_with_a_keyframe() -> None:
    hold = Hold(rounded(3 * SECOND), True)
    push(hold, pictures(0, 6500))
    shorter = rounded(SECOND)
    out = [*hold.change(SECOND), *push(hold, pictures(6500, 9000))]
    assert media(out)[0] == later([picture(6000, True)], shorter)[0]


def test_no_delay_any_more_passes_things_untouched_from_the_next_keyframe_on() -> None:
    hold = Hold(HELD, True)
    push(hold, pictures(0, 4500))
    list(hold.change(0))
    following = pictures(4500, 7000)
    assert media(push(hold, following)) == following[5:]
    assert hold.bytes == 0


def test_the_same_delay_changes_nothing() -> None:
    hold = Hold(HELD, True)
    push(hold, pictures(0, 4500))
    assert list(hold.change(HELD)) == []
    assert not hold.silent


@pytest.mark.parametrize("delay", [0, SECOND, 4 * SECOND])
def test_sound_that_comes_late_and_belongs_before_the_border_does_not_go_out(delay: int) -> None:
    """It would be taken for sound that came at another time, as the worker knows the border alone."""
    hold = Hold(HELD, True)
    push(hold, pictures(0, 5000))
    border, *_ = hold.change(delay)
    assert isinstance(border, Delay)
    out = push(hold, [*pictures(5000, 7000), sound(2500), *pictures(7000, 13_000)])
    assert media(out)
    assert all(packet.pts >= border.at for packet in media(out))


def test_without_a_keyframe_sound_goes_on_alone_after_a_while_and_pictures_wait() -> None:
    hold = Hold(HELD, True)
    push(hold, pictures(0, 3000))
    list(hold.change(SECOND))
    endless = [packet for at in range(3000, 20_000, 100) for packet in (picture(at), sound(at))]
    out = push(hold, endless)
    assert {packet.kind for packet in media(out)} == {Kind.AUDIO}
    assert media(out)[0].dts >= 3000 * MS + LONGEST_WAIT
    out = push(hold, pictures(20_000, 23_000))
    assert next(packet for packet in media(out) if packet.kind is Kind.VIDEO).keyframe


def test_sound_alone_goes_on_at_once() -> None:
    hold = Hold(HELD, False)
    push(hold, [sound(at) for at in range(0, 4000, 20)])
    list(hold.change(SECOND))
    assert media(push(hold, [sound(4000), sound(4500)]))


# --- dumping ---------------------------------------------------------------------------------------------------


def test_what_is_dumped_never_goes_out_and_the_slate_does_for_as_long() -> None:
    hold = Hold(HELD, True)
    push(hold, pictures(0, 4500))
    out = [*hold.dump(), *push(hold, pictures(4500, 9000))]
    assert media(out)[0] == later([picture(5000, True)], HELD)[0]
    silence = [at for at in ticks(out) if at < media(out)[0].dts]
    assert silence[0] <= 4600 * MS
    assert all(after - before == 100 * MS for before, after in pairwise(silence))


def test_what_comes_late_from_before_a_dump_never_goes_out_either() -> None:
    hold = Hold(HELD, True)
    push(hold, pictures(0, 4500))
    late = [sound(4300), picture(4350, True), sound(4400)]
    out = [*hold.dump(), *push(hold, [*late, *pictures(4500, 9000)])]
    assert media(out) == later(pictures(5000, 9000), HELD)[: len(media(out))]
    list(hold.change(0))
    following = [picture(10_000, True), sound(4450), picture(10_100)]
    assert media(push(hold, following)) == [following[0], following[2]]


def test_the_worker_is_told_of_a_dump_as_its_decoder_has_to_begin_anew() -> None:
    hold = Hold(HELD, True)
    push(hold, pictures(0, 4500))
    assert next(iter(hold.dump())) == Delay(4400 * MS + HELD, HELD)


def test_tracks_and_takeovers_among_what_is_dumped_go_out_at_once() -> None:
    hold = Hold(HELD, True)
    push(hold, [*pictures(0, 4000), Interrupt(), OTHER, picture(4000, True)])
    out = list(hold.dump())
    assert [item for item in out if isinstance(item, Track | Interrupt)] == [Interrupt(), OTHER]


def test_more_than_there_is_room_for_is_dumped() -> None:
    hold = Hold(HELD, True, most_bytes=50_000)
    out = push(hold, [picture(at, at % 1000 == 0, 5000) for at in range(0, 1500, 100)])
    assert hold.overflows == 1
    assert hold.bytes <= 50_000
    assert media(out) == []


def test_tracks_count_as_what_is_held() -> None:
    hold = Hold(HELD, True, most_bytes=50_000)
    push(hold, [Track(Kind.VIDEO, Codec.H264, bytes(1000 + n)) for n in range(100)])
    assert hold.overflows > 0
    assert hold.bytes <= 50_000


# --- always ----------------------------------------------------------------------------------------------------

Step = tuple[str, int, bool]
steps = st.lists(
    st.tuples(
        st.sampled_from(["picture", "picture", "picture", "sound", "sound", "tick", "track", "change", "dump"]),
        st.integers(0, 3000),
        st.booleans(),
    ),
    max_size=150,
)


class Watched:
    """A hold, and what must be true of it after each step."""

    def __init__(self, delay: int, pictures: bool) -> None:
        self.hold = Hold(delay, pictures, most_bytes=1 << 30)
        self.leader = Kind.VIDEO if pictures else Kind.AUDIO
        self.delays = [Delay(0, self.hold.delay)]
        self.came: dict[bytes, TimedPacket] = {}
        self.inside: list[bytes] = []
        self.condemned: set[bytes] = set()
        self.now = 0
        self.dumped = 0
        self.broken = False
        self.blind = False
        self.ticked = 0
        self.out = 0

    def play(self, steps: Iterable[Step]) -> None:
        for number, (what, size, flag) in enumerate(steps):
            name = str(number).encode()
            before = self.hold.delay
            match what:
                case "picture":
                    self.now += size % 200 * MS
                    reordered = size % 3 * 33 * MS
                    self.push(TimedPacket(Kind.VIDEO, self.now + reordered, self.now, flag, name))
                case "sound":
                    at = max(0, self.now + (size % 800 - 700 if flag else 20) * MS)
                    self.push(TimedPacket(Kind.AUDIO, at, at, True, name))
                    self.now = max(self.now, at)
                case "tick":
                    self.now += size % 400 * MS
                    self.check(self.hold.push(Tick(self.now)))
                case "track":
                    self.check(self.hold.push(Track(Kind.VIDEO, Codec.H264, name)))
                case "change":
                    changes = self.hold.change(0 if flag else size * MS)
                    first = next(changes, None)
                    if first is not None:
                        assert self.hold.delay != before
                        self.broken = self.blind = True
                        self.check([first])
                    self.check(changes)
                case "dump":
                    if self.hold.delay:
                        self.condemned.update(self.inside)
                        self.dumped = self.now
                        self.broken = self.blind = True
                    self.inside = [] if self.hold.delay else self.inside
                    self.check(self.hold.dump())
            if self.hold.silent:
                assert self.hold.now - self.ticked < TICK, "viewers' timeline stands still"

    def push(self, packet: TimedPacket) -> None:
        self.came[packet.data] = packet
        self.inside.append(packet.data)
        self.now = max(self.now, packet.dts)
        self.check(self.hold.push(packet))

    def check(self, items: Iterable[Held | Delay]) -> None:
        for item in items:
            match item:
                case Delay():
                    self.delays.append(item)
                case Tick(pts=pts):
                    assert pts >= self.ticked, "ticks never go back"
                    self.ticked = pts
                case TimedPacket():
                    self.check_packet(item)

    def check_packet(self, packet: TimedPacket) -> None:
        came, delay = self.came[packet.data], self.hold.delay
        assert (packet.pts, packet.dts) == (came.pts + delay, came.dts + delay)
        assert packet is came or delay
        assert self.hold.now >= came.dts + delay, "nothing goes out before its time"
        assert packet.data not in self.condemned, "what was thrown away never goes out"
        assert min(came.pts, came.dts) >= self.dumped, "nor does what comes late from then"
        assert int(packet.data) >= self.out, "order is kept"
        self.out = int(packet.data)
        in_force = [each for each in self.delays if each.at <= min(packet.pts, packet.dts)]
        assert in_force[-1].shift == delay, "whoever knows the borders knows how long it was held"
        if self.broken:
            waited = packet.dts - self.delays[-1].at >= LONGEST_WAIT
            assert packet.kind is self.leader or waited
        assert not (self.blind and packet.kind is Kind.VIDEO and not packet.keyframe)
        self.broken = False
        self.blind &= packet.kind is not Kind.VIDEO
        self.inside = self.inside[self.inside.index(packet.data) + 1 :]


@given(steps, st.sampled_from([0, 100, 1000, 2500]))
@settings(max_examples=400)
def test_nothing_goes_out_too_early_in_disorder_or_after_all(steps: list[Step], delay: int) -> None:
    Watched(delay * MS, True).play(steps)


@given(steps, st.sampled_from([0, 100, 1000]))
@settings(max_examples=100)
def test_nor_does_sound_alone(steps: list[Step], delay: int) -> None:
    Watched(delay * MS, False).play((what, size, flag) for what, size, flag in steps if what != "picture")


@given(steps)
@settings(max_examples=100)
def test_without_a_delay_nothing_is_ever_touched(steps: list[Step]) -> None:
    hold = Hold(0, True)
    now = 0
    for what, size, flag in steps:
        now += size % 200 * MS
        item: Held = TimedPacket(Kind.VIDEO, now, now, flag, b"") if what == "picture" else Tick(now)
        (out,) = hold.push(item)
        assert out is item
        list(hold.dump())
