"""The timekeeper: whatever a host's stamps do, one timeline that never goes back, with sound and picture together.

Times in these tests are milliseconds, but for the ticks that come out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.media import Kind, Packet
from transcode.media import TIMELINE, TimedPacket
from transcode.timekeeper import BETWEEN, DRIFT, FORWARD, GONE, LATE, LATE_AT_MOST, Timekeeper

MS = TIMELINE // 1000
WRAP = 1 << 32
HOUR = 3_600_000
SYNC = 40 * MS
"""Sound and picture that belong together are never further apart."""


def video(stamp: int, offset: int = 0, keyframe: bool = False) -> Packet:
    return Packet(Kind.VIDEO, stamp % WRAP, offset, keyframe, b"")


def audio(stamp: int) -> Packet:
    return Packet(Kind.AUDIO, stamp % WRAP, 0, True, b"")


def both(start: int, stop: int, rate: int = 48000, frame: int = 1024) -> Iterator[Packet]:
    """30 pictures a second and sound, in stamp order, with stamps of whole milliseconds."""
    pictures = [video(n * 1000 // 30) for n in range(start * 30 // 1000, stop * 30 // 1000)]
    heard = range(start * rate // frame // 1000, stop * rate // frame // 1000)
    sounds = [audio(n * frame * 1000 // rate) for n in heard]
    return iter(sorted([*pictures, *sounds], key=lambda packet: packet.stamp))


def moved(packet: Packet, by: int) -> Packet:
    return replace(packet, stamp=(packet.stamp + by) % WRAP)


class Bench:
    """A timekeeper with a connected host, and every packet it placed beside the packet it came from."""

    def __init__(self, sample_rate: int = 48000, frame: int = 1024, position: int = 0) -> None:
        self.keeper = Timekeeper(zero=0, position=position)
        self.keeper.connect()
        self.keeper.audio(sample_rate, lambda _: frame)
        self.now = position // MS
        self.placed: list[tuple[Packet, TimedPacket]] = []
        self.dropped: list[Packet] = []

    def send(self, packet: Packet, at: int | None = None) -> TimedPacket | None:
        """Hand over ``packet`` when the clock says ``at`` (now)."""
        self.now = self.now if at is None else at
        before = self.keeper.position
        timed = self.keeper.packet(packet, self.now * MS)
        assert self.keeper.position >= before
        if timed is None:
            self.dropped.append(packet)
        else:
            self.placed.append((packet, timed))
        return timed

    def play(self, packets: Iterable[Packet], shift: int = 0) -> None:
        """Hand over packets as they come over a perfect line: at their stamps, plus ``shift``."""
        for packet in packets:
            self.send(packet, max(self.now, packet.stamp + shift))

    def times(self, kind: Kind) -> list[int]:
        return [timed.dts for _, timed in self.placed if timed.kind is kind]

    def gaps(self, kind: Kind) -> list[int]:
        return [after - before for before, after in pairwise(self.times(kind))]

    def offsets(self, start: int = 0) -> set[int]:
        """By how much the timeline differs from the host's own clock (ticks), from packet ``start`` on."""
        return {timed.dts - packet.stamp * MS for packet, timed in self.placed[start:] if packet.kind is Kind.VIDEO}

    def check_sync(self, start: int = 0) -> None:
        """Sound stands to the picture as the host's stamps say."""
        placed = self.placed[start:]
        apart = [timed.dts - packet.stamp * MS for packet, timed in placed]
        assert max(apart) - min(apart) <= SYNC


def test_a_plain_stream_keeps_its_times() -> None:
    bench = Bench()
    bench.play(both(0, 10_000))
    assert not bench.dropped
    assert bench.offsets() == {0}
    bench.check_sync()


def test_presentation_times_keep_the_composition_offset_of_either_sign() -> None:
    bench = Bench()
    assert [
        timed.pts - timed.dts
        for offset in (67, 0, -33, 33)
        if (timed := bench.send(video(1000 + bench.now, offset), bench.now + 33))
    ] == [67 * MS, 0, -33 * MS, 33 * MS]


def test_nanoseconds_are_added_to_the_presentation_time_alone() -> None:
    timed = Bench().send(replace(video(1000, 33), nanoseconds=500_000), 1000)
    assert timed is not None
    assert (timed.dts, timed.pts - timed.dts) == (1000 * MS, 33 * MS + 45)


def test_sound_is_counted_whatever_nanoseconds_it_has() -> None:
    bench = Bench()
    bench.play(replace(packet, nanoseconds=999_999 * (packet.kind is Kind.AUDIO)) for packet in both(0, 2000))
    assert all(timed.pts == timed.dts for _, timed in bench.placed)


@pytest.mark.parametrize("offset", [8_388_607, -8_388_608, 3000])
def test_an_absurd_composition_offset_counts_as_none(offset: int) -> None:
    timed = Bench().send(video(0, offset))
    assert timed is not None
    assert timed.pts == timed.dts


@pytest.mark.parametrize("first", [0, 1, 4 * HOUR + 39 * 60_000, 0x7FFFFFFF, 0x80000000, WRAP - 1])
def test_any_first_stamp_is_now(first: int) -> None:
    bench = Bench()
    for packet in both(0, 2000):
        bench.send(moved(packet, first), at=packet.stamp + 700)
    assert bench.times(Kind.VIDEO)[0] == 700 * MS
    assert max(bench.gaps(Kind.VIDEO)) <= 34 * MS


# Wraps.


@pytest.mark.parametrize("turn", [0xFFFFFF, 1 << 31, WRAP], ids=["24 bits: 4 h 39 m", "31 bits", "32 bits: 49 days"])
def test_stamps_go_on_over_every_limit_of_their_field(turn: int) -> None:
    bench = Bench()
    for packet in both(0, 6000):
        bench.send(moved(packet, turn - 3000), at=packet.stamp)
    assert not bench.dropped
    assert bench.gaps(Kind.VIDEO) == [34 * MS if n % 3 == 2 else 33 * MS for n in range(179)]
    assert max(bench.gaps(Kind.AUDIO)) - min(bench.gaps(Kind.AUDIO)) <= 1


# Jumps.


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("far", [5000, HOUR, -HOUR, 24 * HOUR, (1 << 31) - 1, 1 << 31, (1 << 31) + 17, -1000])
def test_after_a_lone_outlier_the_clock_is_exactly_what_it_was(kind: Kind, far: int) -> None:
    bench = Bench()
    packets = list(both(10_000, 20_000))
    lone = next(index for index, packet in enumerate(packets) if packet.stamp > 15_000 and packet.kind is kind)
    for index, packet in enumerate(packets):
        bench.send(moved(packet, far if index == lone else 0), at=packet.stamp)
    assert bench.offsets(lone + 5) == {0}
    bench.check_sync(lone + 5)
    assert max(bench.gaps(Kind.VIDEO)) <= 70 * MS


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.integers(20, 360),
        st.one_of(st.integers(HOUR, 40 * HOUR), st.integers(-40 * HOUR, -HOUR), st.integers(5000, 60_000)),
        max_size=10,
    )
)
def test_whatever_lone_outliers_there_are_the_clock_is_what_it_was(outliers: dict[int, int]) -> None:
    """However near two of them come to each other, in time or in what they say."""
    alone = {index: far for index, far in outliers.items() if not any(index + n in outliers for n in range(1, 6))}
    bench = Bench()
    for index, packet in enumerate(both(10_000, 15_000)):
        bench.send(moved(packet, alone.get(index, 0)), at=packet.stamp)
    pictures = [timed.dts - packet.stamp * MS for packet, timed in bench.placed if packet.kind is Kind.VIDEO]
    assert pictures[-1] == 0
    assert sum(offset != 0 for offset in pictures) <= 4 * len(alone)
    assert max(bench.gaps(Kind.VIDEO)) <= 140 * MS
    assert max(bench.gaps(Kind.AUDIO)) <= 140 * MS
    assert len(bench.dropped) <= 4 * len(alone)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("far", [4 * HOUR, 1 << 31, 500 * HOUR, -HOUR])
def test_a_first_stamp_that_is_all_wrong_is_forgotten(kind: Kind, far: int) -> None:
    """Some encoders stamp their first packet by another clock than all others."""
    bench = Bench()
    packets = sorted(both(0, 6000), key=lambda packet: (packet.stamp, packet.kind is not kind))
    for index, packet in enumerate(packets):
        bench.send(moved(packet, far if index == 0 else 0), at=packet.stamp)
    assert len(bench.dropped) < 5
    bench.check_sync(5)
    assert abs(bench.keeper.position - 6000 * MS) < 200 * MS
    assert max(bench.gaps(Kind.VIDEO)) <= 70 * MS


@pytest.mark.parametrize("far", [HOUR, -HOUR, 30 * HOUR, 10_000, -10_000, -2000, -500])
@pytest.mark.parametrize("sound_behind", [0, 1, 20])
def test_a_lasting_jump_of_the_hosts_clock_keeps_the_timeline_and_the_sync(far: int, sound_behind: int) -> None:
    """The sound may jump some packets after the picture, as encoders interleave them."""
    bench = Bench()
    settled = 0
    for packet in both(60_000, 70_000):
        jump = 65_000 + sound_behind * 21 if packet.kind is Kind.AUDIO else 65_000
        bench.send(moved(packet, far if packet.stamp >= jump else 0), at=packet.stamp)
        settled = len(bench.placed) if packet.stamp < 66_500 else settled
    assert max(bench.gaps(Kind.VIDEO)) <= 3000 * MS
    after = bench.placed[settled:]
    apart = [timed.dts - packet.stamp * MS for packet, timed in after]
    assert max(apart) - min(apart) <= SYNC
    # The room's clock and the timeline stay together too.
    assert abs(bench.keeper.position - bench.now * MS) < FORWARD


def test_a_host_whose_tracks_count_from_different_bases_plays() -> None:
    bench = Bench()
    for packet in both(0, 10_000):
        bench.send(moved(packet, HOUR if packet.kind is Kind.AUDIO else 0), at=packet.stamp)
    assert len(bench.dropped) < 5
    assert max(bench.gaps(Kind.VIDEO)) <= 70 * MS
    assert abs(bench.times(Kind.VIDEO)[-1] - bench.times(Kind.AUDIO)[-1]) < 100 * MS


def test_equal_and_decreasing_decode_times_grow_by_the_least() -> None:
    bench = Bench()
    for stamp in (1000, 1033, 1033, 1033, 1010, 1066):
        bench.send(video(stamp), at=stamp)
    assert bench.gaps(Kind.VIDEO) == [33 * MS, 1, 1, 1, 33 * MS - 3]


def test_a_host_that_stamps_frames_by_when_they_are_shown_keeps_that_order() -> None:
    """Some encoders send B-frames with DTS = PTS: what is shown when must survive."""
    bench = Bench()
    shown = [0, 133, 67, 33, 100, 267, 200, 167, 233]
    timed = [bench.send(video(1000 + stamp), at=1000 + index * 33) for index, stamp in enumerate(shown)]
    assert [frame.pts - 1000 * MS for frame in timed if frame] == [stamp * MS for stamp in shown]


# Sound.


@pytest.mark.parametrize("back", [20, 40])
def test_sound_stamps_that_jitter_backwards_change_nothing(back: int) -> None:
    bench = Bench()
    for index, packet in enumerate(both(0, 20_000)):
        late = back if packet.kind is Kind.AUDIO and index % 3 == 1 else 0
        bench.send(moved(packet, -late if packet.stamp > 1000 else 0), at=packet.stamp)
    assert not bench.dropped
    assert set(bench.gaps(Kind.AUDIO)) == {1920}


@pytest.mark.parametrize(("rate", "frame"), [(44100, 1024), (48000, 1024), (22050, 1024), (11025, 1024), (44100, 960)])
def test_a_day_of_rounded_stamps_does_not_part_sound_from_picture(rate: int, frame: int) -> None:
    """Frames of a hundred times the length stand for a hundred frames: the rounding is that of each stamp alike."""
    long = frame * 100
    bench = Bench(rate, long)
    bench.send(video(0), at=0)
    for number in range(24 * HOUR // 1000 * rate // long):
        stamp = number * long * 1000 // rate
        bench.send(audio(stamp), at=stamp)
        bench.send(video(stamp), at=stamp)
    assert not bench.dropped
    assert bench.times(Kind.AUDIO)[-1] > 23.9 * 3600 * TIMELINE
    apart = [timed.dts - packet.stamp * MS for packet, timed in bench.placed]
    assert min(apart) >= 0
    assert max(apart) <= 1 * MS


@pytest.mark.parametrize("parts_per_million", [-300, -50, 50, 300])
def test_a_sound_card_that_runs_off_the_hosts_clock_is_held_to_it(parts_per_million: int) -> None:
    """The host stamps sound by its clock; its card makes more or fewer samples in that time."""
    bench = Bench(44100)
    bench.send(video(0), at=0)
    for number in range(20 * 60 * 43):
        stamp = number * 1024 * (1_000_000 + parts_per_million) // 44100 // 1000
        bench.send(audio(stamp), at=stamp)
        bench.send(video(stamp), at=stamp)
    bench.check_sync()
    corrections = sum(abs(gap - 2090) > 2 for gap in bench.gaps(Kind.AUDIO)) + len(bench.dropped)
    assert corrections <= 1 + 20 * 60 * 1000 * abs(parts_per_million) // 1_000_000 // 20


@given(st.lists(st.sampled_from([120, 480, 960, 1920, 2880]), min_size=50, max_size=400))
def test_packets_of_any_length_are_counted_by_their_own(lengths: list[int]) -> None:
    """Opus may change the length of its packets at any time."""
    bench = Bench()
    bench.keeper.audio(48_000, lambda data: int.from_bytes(data, "big"))
    bench.send(video(0), at=0)
    done = 0
    for length in lengths:
        packet = replace(audio(done * 1000 // 48_000), data=length.to_bytes(2, "big"))
        bench.send(packet, at=packet.stamp)
        done += length
    assert not bench.dropped
    assert [gap * 48_000 // TIMELINE for gap in bench.gaps(Kind.AUDIO)] == lengths[:-1]


def test_lost_sound_leaves_a_hole_and_comes_back_in_time() -> None:
    bench = Bench()
    bench.play(p for p in both(0, 10_000) if p.kind is Kind.VIDEO or not 4000 <= p.stamp < 5500)
    bench.check_sync()
    assert sorted(bench.gaps(Kind.AUDIO))[-1] == pytest.approx(1500 * MS, abs=40 * MS)
    assert sorted(bench.gaps(Kind.AUDIO))[-2] <= 1921


def test_more_sound_than_time_is_left_out_at_once() -> None:
    bench = Bench()
    settled = 0
    for packet in both(0, 10_000):
        jumped = packet.kind is Kind.AUDIO and packet.stamp >= 5000
        bench.send(moved(packet, -150 if jumped else 0), at=packet.stamp)
        settled = len(bench.placed) if packet.stamp < 5200 else settled
    assert 6 <= len(bench.dropped) <= 8
    assert all(packet.kind is Kind.AUDIO for packet in bench.dropped)
    bench.check_sync(settled)


def test_sound_that_comes_a_second_after_its_picture_keeps_its_place() -> None:
    bench = Bench()
    packets = [(p.stamp + (1000 if p.kind is Kind.AUDIO else 0), p) for p in both(0, 10_000)]
    for at, packet in sorted(packets, key=lambda pair: pair[0]):
        bench.send(packet, at=at)
    bench.check_sync()
    assert bench.offsets() == {0}
    assert len(bench.dropped) <= 1


def test_sound_that_begins_half_a_minute_late_joins_in_sync() -> None:
    bench = Bench()
    bench.play(p for p in both(0, 40_000) if p.kind is Kind.VIDEO or p.stamp > 30_000)
    bench.check_sync()
    assert bench.offsets() == {0}


def test_another_sample_rate_on_the_way_keeps_time() -> None:
    bench = Bench()
    bench.play(both(0, 5000))
    bench.keeper.audio(44100, lambda _: 1024)
    bench.play(both(5000, 10_000, 44100))
    bench.check_sync()
    assert min(bench.gaps(Kind.AUDIO)) > 0


# The network.


def test_a_stall_and_its_burst_change_no_time() -> None:
    bench = Bench()
    for packet in both(0, 10_000):
        bench.send(packet, at=max(packet.stamp, 6500) if packet.stamp >= 4000 else packet.stamp)
        assert bench.keeper.tick(bench.now * MS) is None
    assert bench.offsets() == {0}
    bench.check_sync()


def test_a_burst_after_the_host_was_given_up_on_loses_nothing() -> None:
    bench = Bench()
    bench.play(both(0, 4000))
    ticks = [tick.pts for at in range(4000, 9000, 250) if (tick := bench.keeper.tick(at * MS))]
    placed = len(bench.placed)
    for packet in both(4000, 12_000):
        bench.send(packet, at=max(packet.stamp, 9000))
    assert len(bench.dropped) <= 1
    assert bench.placed[placed][1].dts >= ticks[-1]
    bench.check_sync(placed)


@pytest.mark.parametrize("permille", [990, 1010])
def test_a_host_whose_clock_drifts_leads_the_timeline(permille: int) -> None:
    bench = Bench()
    for packet in both(0, 120_000):
        bench.send(packet, at=packet.stamp * 1000 // permille)
    assert not bench.dropped
    assert bench.offsets() == {0}
    bench.check_sync()
    # And when it drops, time goes on without standing still.
    bench.keeper.disconnect()
    end = bench.keeper.position
    tick = bench.keeper.tick(bench.now * MS + 2 * TIMELINE)
    assert tick is not None
    assert end + 1.9 * TIMELINE <= tick.pts <= end + 3.3 * TIMELINE


def test_ticks_go_on_where_a_host_that_sent_too_fast_left_off() -> None:
    bench = Bench()
    for packet in both(0, 60_000):
        bench.send(packet, at=packet.stamp // 20)
    bench.keeper.disconnect()
    ticks = [bench.keeper.tick((3000 + at) * MS) for at in (2000, 4000)]
    assert [tick.pts for tick in ticks if tick] == pytest.approx([62 * TIMELINE, 64 * TIMELINE], abs=TIMELINE // 10)


# Absence.


@pytest.mark.parametrize("patience", [LATE, LATE_AT_MOST])
def test_a_silent_host_is_away_when_patience_is_over(patience: int) -> None:
    bench = Bench()
    bench.keeper.patience = patience
    bench.play(both(0, 2000))
    last = bench.now * MS
    assert bench.keeper.tick(last + patience - 1) is None
    assert not bench.keeper.away
    tick = bench.keeper.tick(last + patience)
    assert tick is not None
    assert tick.pts == pytest.approx(last + patience, abs=MS)
    assert bench.keeper.away


@pytest.mark.parametrize(("every", "patience"), [(300, 1.0), (600, 1.5), (1000, 2.5), (1900, 3.0)])
def test_a_host_that_sends_seldom_has_longer(every: int, patience: float) -> None:
    bench = Bench()
    bench.keeper.patience = LATE
    for stamp in range(0, 10_000, every):
        assert bench.keeper.tick(stamp * MS) is None
        bench.send(Packet(Kind.VIDEO, stamp, 0, stamp == 0, b"x"), at=stamp)
        last = stamp * MS
    assert bench.keeper.tick(last + round(patience * TIMELINE) - 1) is None
    assert bench.keeper.tick(last + round(patience * TIMELINE)) is not None


@pytest.mark.parametrize("keeps_time", [False, True])
def test_a_host_whose_bit_rate_falls_to_nothing_is_away_and_comes_back(keeps_time: bool) -> None:
    """Dynamic bit rate sheds frames, then all of them, then the sound; time neither stops nor jumps."""
    bench = Bench()
    bench.keeper.keeps_time = keeps_time
    bench.keeper.patience = LATE
    pictures = [n * 1000 // 30 for n in range(30 * 30)]
    thinned = [p for n, p in enumerate(pictures) if p < 5000 or (p < 8000 and n % 6 == 0) or p >= 15_000]
    heard = [n * 1024 * 1000 // 48_000 for n in range(30 * 46)]
    sounds = [audio(stamp) for stamp in heard if stamp < 10_000 or stamp >= 15_000]
    packets = sorted([*map(video, thinned), *sounds], key=lambda packet: packet.stamp)
    away = 0
    for packet in packets:
        for at in range(bench.now + 100, packet.stamp, 100):
            tick = bench.keeper.tick(at * MS)
            away += tick is not None
        bench.send(packet, at=packet.stamp)
    assert 15 <= away <= 70, "between one second and all of the time without a picture"
    assert abs(bench.keeper.position - packets[-1].stamp * MS) < 100 * MS
    bench.check_sync()


def test_a_host_that_stumbled_once_has_no_longer_soon_after() -> None:
    bench = Bench()
    bench.keeper.patience = LATE
    bench.play(both(0, 2000))
    for packet in both(2000, 4000):
        bench.send(packet, at=packet.stamp + 900)
    last = bench.now * MS
    assert bench.keeper.tick(last + LATE) is not None


@pytest.mark.parametrize(("keeps_time", "patience"), [(True, LATE), (False, GONE)])
def test_a_host_that_hung_up_is_away_within_a_second(keeps_time: bool, patience: int) -> None:
    bench = Bench()
    bench.keeper.keeps_time = keeps_time
    bench.play(both(0, 2000))
    bench.keeper.disconnect()
    last = bench.now * MS
    assert bench.keeper.tick(last + patience - 1) is None
    assert bench.keeper.tick(last + patience) is not None
    assert bench.keeper.away


def test_time_does_not_wait_for_a_host_that_hung_up_where_the_last_picture_can_be_shown_again() -> None:
    bench = Bench()
    bench.keeper.keeps_time = True
    bench.play(both(0, 2000))
    last = bench.now * MS
    assert bench.keeper.late(last + TIMELINE // 4) is None
    bench.keeper.disconnect()
    tick = bench.keeper.late(last + TIMELINE // 4)
    assert tick is not None
    assert not tick.away
    assert tick.pts == pytest.approx(last + TIMELINE // 4, abs=MS)
    bench.keeper.connect()
    placed = bench.send(video(77), at=bench.now + 300)
    assert placed is not None
    assert placed.dts >= last + TIMELINE // 4


def test_what_a_host_held_back_is_placed_in_the_past_where_time_is_kept() -> None:
    bench = Bench()
    bench.keeper.patience, bench.keeper.keeps_time = LATE, True
    bench.play(both(0, 2000))
    for at in range(3000, 7000, 250):
        assert bench.keeper.tick(at * MS) is not None
    before = len(bench.placed)
    for packet in both(2000, 7000):
        bench.send(packet, at=7000)
    bench.play(both(7000, 9000))
    stamps = [packet.stamp for packet in both(0, 9000) if packet.kind is Kind.VIDEO]
    assert bench.times(Kind.VIDEO) == pytest.approx([stamp * MS for stamp in stamps], abs=DRIFT)
    for packet, timed in bench.placed:
        assert abs(timed.dts - packet.stamp * MS) <= DRIFT
    assert len(bench.placed) > before
    assert bench.keeper.position == pytest.approx(9 * TIMELINE, abs=TIMELINE // 10)


def test_a_host_that_goes_on_where_it_stopped_is_placed_at_the_present() -> None:
    bench = Bench()
    bench.keeper.patience, bench.keeper.keeps_time = LATE, True
    bench.play(both(0, 2000))
    for at in range(3000, 60_000, 250):
        bench.keeper.tick(at * MS)
    bench.play(both(2000, 3000), shift=60_000)
    assert bench.times(Kind.VIDEO)[-1] == pytest.approx(63 * TIMELINE, abs=TIMELINE // 10)


def test_ticks_never_go_back_and_media_comes_after_them() -> None:
    bench = Bench()
    bench.play(both(0, 2000))
    bench.keeper.disconnect()
    ticks = [tick.pts for at in range(2000, 12_000, 250) if (tick := bench.keeper.tick(at * MS))]
    assert ticks == sorted(ticks)
    assert bench.keeper.position == ticks[-1]
    bench.keeper.connect()
    placed = len(bench.placed)
    bench.play(both(0, 2000), shift=12_100)
    assert bench.placed[placed][1].dts >= ticks[-1]
    assert bench.times(Kind.VIDEO)[-1] == pytest.approx((12_100 + 1966) * MS, abs=40 * MS)


def test_the_host_is_away_without_its_picture_though_sound_goes_on() -> None:
    bench = Bench()
    bench.play(p for p in both(0, 10_000) if p.stamp < 4000 or p.kind is Kind.AUDIO)
    assert bench.keeper.tick(bench.now * MS) is not None
    assert bench.keeper.away
    assert bench.send(audio(10_000), at=10_000) is None
    assert bench.keeper.away
    placed = len(bench.placed)
    bench.play(both(11_000, 13_000))
    assert not bench.keeper.away
    bench.check_sync(placed)
    assert {p.kind for p, _ in bench.placed[placed:]} == set(Kind)


def test_the_host_is_there_by_its_sound_where_another_picture_can_be_made() -> None:
    bench = Bench()
    bench.keeper.patience, bench.keeper.keeps_time = LATE, True
    for packet in both(0, 12_000):
        if packet.kind is Kind.AUDIO or not 4000 <= packet.stamp < 10_000:
            assert bench.send(packet, at=packet.stamp) is not None
            assert bench.keeper.tick(bench.now * MS) is None
    bench.check_sync()
    assert bench.keeper.tick(bench.now * MS + LATE) is not None


def test_a_host_without_a_picture_is_there_by_its_sound() -> None:
    bench = Bench()
    for packet in (p for p in both(0, 10_000) if p.kind is Kind.AUDIO):
        bench.send(packet, at=packet.stamp)
        assert bench.keeper.tick(bench.now * MS) is None
    assert not bench.keeper.away


def test_the_picture_is_not_missed_when_only_the_sound_stops() -> None:
    bench = Bench()
    for packet in both(0, 20_000):
        if packet.kind is Kind.AUDIO and packet.stamp > 5000:
            continue
        bench.send(packet, at=packet.stamp)
        assert bench.keeper.tick(bench.now * MS) is None


# One source after another.


@pytest.mark.parametrize("pause", [0, 1, 20, 500, 2000, 45_000])
@pytest.mark.parametrize("ticking", [True, False])
def test_a_source_that_takes_over_goes_on_after_what_was_shown(pause: int, ticking: bool) -> None:
    bench = Bench()
    bench.play(both(0, 5000))
    if pause >= 500:
        bench.keeper.disconnect()
    end = bench.keeper.position
    for at in range(bench.now, bench.now + pause, 250) if ticking else ():
        bench.keeper.tick(at * MS)
    bench.keeper.connect()
    bench.keeper.audio(44100, lambda _: 1024)
    placed = len(bench.placed)
    start = bench.now + pause
    bench.play(both(0, 5000, 44100), shift=start)
    first = min(timed.dts for _, timed in bench.placed[placed:])
    assert first >= end + BETWEEN
    assert first == pytest.approx(max(start * MS, end + BETWEEN), abs=25 * MS)
    assert not bench.dropped
    bench.check_sync(placed)
    assert min(bench.gaps(Kind.VIDEO)) >= 33 * MS


def test_no_tick_comes_between_when_a_source_takes_over_within_a_second() -> None:
    bench = Bench()
    bench.play(both(0, 5000))
    bench.keeper.connect()
    assert bench.keeper.tick((bench.now + 900) * MS) is None
    assert bench.send(video(77), at=bench.now + 950) is not None


def test_a_connected_source_that_sends_nothing_does_not_stop_time() -> None:
    keeper = Timekeeper(0)
    keeper.connect()
    assert keeper.tick(LATE - 1) is None
    ticks = [keeper.tick(LATE + n) for n in range(3)]
    assert [tick.pts for tick in ticks if tick] == [LATE, LATE + 1, LATE + 2]


def test_sources_that_come_and_go_without_media_take_no_time() -> None:
    bench = Bench()
    bench.play(both(0, 2000))
    bench.keeper.connect()
    once = bench.keeper.position
    for _ in range(1000):
        bench.keeper.disconnect()
        bench.keeper.connect()
    assert bench.keeper.position == once


def test_a_picture_stamped_a_little_before_the_first_sound_is_kept() -> None:
    """Encoders may send sound first; without its first keyframe the picture would be seconds late."""
    bench = Bench(position=5 * TIMELINE)
    bench.now = 5500
    bench.send(audio(100))
    assert bench.send(video(0, keyframe=True)) is not None


def test_a_restarted_server_goes_on_at_its_position() -> None:
    keeper = Timekeeper(zero=1000, position=50 * TIMELINE)
    assert keeper.position == 50 * TIMELINE
    keeper.connect()
    timed = keeper.packet(video(123), 1000 + 50 * TIMELINE + 5)
    assert timed is not None
    assert timed.dts == 50 * TIMELINE + 5


# Anything.

moments = st.integers(0, 4000)
edges = st.sampled_from([0, 1, WRAP - 1, 1 << 31, (1 << 31) - 1, 0xFFFFFF])
stamps = st.one_of(st.integers(0, WRAP - 1), st.integers(0, 20_000), edges)
acts = st.one_of(
    st.tuples(st.sampled_from(Kind), stamps, st.integers(-(1 << 23), (1 << 23) - 1)),
    st.sampled_from(["connect", "disconnect", "tick", "audio"]),
)


@given(st.lists(st.tuples(moments, acts), max_size=80), st.integers(0, 10**9), st.booleans())
def test_whatever_comes_and_whenever_time_only_grows(
    story: list[tuple[int, tuple[Kind, int, int] | str]], position: int, counted: bool
) -> None:
    keeper = Timekeeper(0, position)
    if counted:
        keeper.audio(44100, lambda _: 1024)
    now, reached = position, position
    lasts: dict[Kind, int] = {}
    for later, act in story:
        now += later * MS
        match act:
            case "connect":
                keeper.connect()
            case "disconnect":
                keeper.disconnect()
            case "audio":
                keeper.audio(48000, lambda _: 1024)
            case "tick":
                tick = keeper.tick(now)
                if tick is not None:
                    assert tick.pts >= reached
                    assert tick.pts == keeper.position
            case (kind, stamp, offset):
                timed = keeper.packet(Packet(kind, stamp, offset, True, b""), now)
                if timed is not None:
                    assert timed.dts > lasts.get(kind, position - 1)
                    assert abs(timed.pts - timed.dts) <= 4 * TIMELINE
                    lasts[kind] = timed.dts
        assert keeper.position >= reached
        reached = keeper.position


@given(
    lost=st.sets(st.integers(1, 290), max_size=60),
    late=st.lists(st.integers(0, 200), min_size=1, max_size=7),
)
def test_packets_lost_and_late_cost_no_sync(lost: set[int], late: list[int]) -> None:
    bench = Bench()
    for index, packet in enumerate(both(0, 4000)):
        if index not in lost:
            bench.send(packet, at=max(bench.now, packet.stamp + late[index % len(late)]))
    bench.check_sync()
    assert DRIFT < SYNC
