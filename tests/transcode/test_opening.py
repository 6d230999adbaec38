"""The opening: what is promised to players for a broadcast's whole life, from its first GOP. Times in milliseconds."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.media import Codec, Kind, Track
from tests.support.media import make_clip
from transcode.cmaf.codecs import parse_aac, parse_avc
from transcode.media import TIMELINE, Plan, TimedPacket
from transcode.opening import PART_TARGET, PART_UNIT, Opening, fit_part_target

MS = TIMELINE // 1000
CLIP = make_clip(seconds=1)
assert CLIP.video
assert CLIP.audio
VIDEO, AUDIO = CLIP.video, CLIP.audio
RATES = [24, 25, Fraction(30000, 1001), 30, 50, 60, 12, 10, 5, 1, 15, 20, 48, Fraction(60000, 1001), 120, 7, 3, 8]


def pictures(
    start: int, stop: int, gop: int, fps: Fraction | int = 25, size: int = 10, shake: int = 0
) -> Iterator[TimedPacket]:
    number, gops = 0, -1
    while (at := start + int(number * 1000 / fps)) < stop:
        dts = (at + (shake if number % 2 else 0)) * MS
        keyframe = (at - start) // gop > gops
        yield TimedPacket(Kind.VIDEO, dts, dts, keyframe, bytes(size))
        number, gops = number + 1, (at - start) // gop


def sounds(start: int, stop: int, rate: int = 48000, size: int = 10) -> Iterator[TimedPacket]:
    for number in range(1 + (stop - start) * rate // 1024 // 1000):
        dts = start * MS + number * 1024 * TIMELINE // rate
        yield TimedPacket(Kind.AUDIO, dts, dts, True, bytes(size))


def opening(tracks: Iterable[Track], packets: Iterable[TimedPacket]) -> tuple[Plan | None, int, Opening]:
    """Feed until there is a plan; returns it, with how long that took (ms)."""
    opened = Opening()
    for track in tracks:
        opened.track(track)
    first = None
    for packet in sorted(packets, key=lambda packet: packet.dts):
        first = packet.dts if first is None else first
        opened.packet(packet)
        if opened.plan is not None:
            return opened.plan, (packet.dts - first) // MS, opened
    return None, -1, opened


# TARGETDURATION.


@pytest.mark.parametrize(
    ("gop", "target"),
    [
        (200, 4),
        (1000, 4),
        (2000, 4),
        (4000, 4),
        (4040, 4),
        (4400, 5),
        (5000, 5),
        (5005, 5),
        (6000, 6),
        (8360, 9),
        (9960, 10),
    ],
)
def test_the_target_duration_is_that_of_the_first_gop_and_four_seconds_at_least(gop: int, target: int) -> None:
    plan, took, _ = opening([VIDEO, AUDIO], [*pictures(0, 12_000, gop), *sounds(0, 12_000)])
    assert plan is not None
    assert plan.target_duration == target
    assert max(gop, 500) <= took <= max(gop, 500) + 100


@pytest.mark.parametrize("gop", [10_400, 20_000, 10**6])
def test_a_gop_beyond_ten_seconds_is_not_waited_for(gop: int) -> None:
    plan, took, _ = opening([VIDEO, AUDIO], [*pictures(0, 30_000, gop), *sounds(0, 30_000)])
    assert plan is not None
    assert plan.target_duration == 10
    assert took <= 10_050


def test_a_host_that_never_sends_a_keyframe_does_not_wait_for_ever() -> None:
    packets = [TimedPacket(Kind.VIDEO, p.pts, p.dts, False, p.data) for p in pictures(0, 30_000, 2000)]
    plan, took, _ = opening([VIDEO, AUDIO], packets)
    assert plan is not None
    assert took <= 10_050


# Tracks.


def test_the_plan_tells_what_players_need() -> None:
    plan, _, opened = opening([VIDEO, AUDIO], [*pictures(0, 5000, 2000, 30), *sounds(0, 5000)])
    assert plan is not None
    assert plan.video is not None
    assert (plan.video.width, plan.video.height, plan.video.frame_rate) == (64, 48, 30)
    assert plan.video.codecs == parse_avc(VIDEO.config).codecs
    assert plan.audio is not None
    assert (plan.audio.codecs, plan.audio.sample_rate, plan.audio.channels) == ("mp4a.40.2", 48000, 2)
    assert len(opened.packets) == pytest.approx(2 * (30 + 48000 / 1024), abs=3)


def test_the_bandwidth_is_that_of_all_that_came() -> None:
    plan, _, _ = opening([VIDEO, AUDIO], [*pictures(0, 5000, 2000, 25, 20_000), *sounds(0, 5000, size=400)])
    assert plan is not None
    assert plan.bandwidth == pytest.approx(25 * 20_000 * 8 + 48000 / 1024 * 400 * 8, rel=0.05)


def test_a_picture_without_sound_begins_after_two_seconds_or_its_gop() -> None:
    plan, took, _ = opening([VIDEO], pictures(0, 5000, 1000))
    assert plan is not None
    assert plan.audio is None
    assert plan.video is not None
    assert took == 2000


def test_sound_without_a_picture_begins_after_two_seconds() -> None:
    plan, took, _ = opening([AUDIO], sounds(0, 5000))
    assert plan is not None
    assert plan.video is None
    assert plan.audio is not None
    assert plan.target_duration == 2
    assert plan.part_target == PART_TARGET
    assert took == pytest.approx(2000, abs=22)


def test_a_promised_picture_that_never_comes_is_waited_for_three_seconds() -> None:
    plan, took, _ = opening([VIDEO, AUDIO], sounds(0, 9000))
    assert plan is not None
    assert plan.video is None
    assert plan.audio is not None
    assert took == pytest.approx(3000, abs=22)


def test_promised_sound_that_never_comes_is_waited_for_three_seconds() -> None:
    plan, took, _ = opening([VIDEO, AUDIO], pictures(0, 9000, 1000))
    assert plan is not None
    assert plan.audio is None
    assert plan.video is not None
    assert took == pytest.approx(3000, abs=40)


def test_sound_that_lags_its_picture_by_a_second_is_not_missed() -> None:
    opened = Opening()
    opened.track(VIDEO)
    opened.track(AUDIO)
    late = [(p.dts + TIMELINE, p) for p in sounds(0, 3000)]
    for _, packet in sorted([*((p.dts, p) for p in pictures(0, 3000, 500)), *late], key=lambda pair: pair[0]):
        opened.packet(packet)
        if opened.plan is not None:
            break
    assert opened.plan is not None
    assert opened.plan.audio is not None


def test_a_track_announced_within_two_seconds_is_in() -> None:
    opened = Opening()
    opened.track(VIDEO)
    for packet in pictures(0, 1500, 500):
        opened.packet(packet)
    assert opened.plan is None
    opened.track(AUDIO)
    for packet in [*sounds(1500, 1600), *pictures(1600, 1700, 500)]:
        opened.packet(packet)
    assert opened.plan is not None
    assert opened.plan.audio is not None


def test_a_track_announced_anew_is_what_counts() -> None:
    wide = make_clip(seconds=1, size=(128, 96)).video
    assert wide
    plan, _, _ = opening([VIDEO, AUDIO, wide], [*pictures(0, 5000, 2000), *sounds(0, 5000)])
    assert plan is not None
    assert plan.video is not None
    assert plan.video.width == 128


# PART-TARGET.


@pytest.mark.parametrize("fps", RATES, ids=str)
@pytest.mark.parametrize("sound", [48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, None])
def test_whole_frames_of_both_tracks_fill_the_part_target(fps: Fraction | int, sound: int | None) -> None:
    """RFC 8216bis, 4.4.4.9: parts are no longer than PART-TARGET and, but for the last, 85 % of it at least."""
    frames = [float(1 / fps), *([1024 / sound] if sound else [])]
    target = fit_part_target(*frames) / PART_UNIT
    assert 0.15 <= target <= max(0.5, 1.02 / fps)
    for frame in frames:
        filled = int(target / frame) * frame
        assert 0.85 * target <= filled <= target


@pytest.mark.parametrize("fps", [24, 25, Fraction(30000, 1001), 30, 50, 60, 10, 5, 15, 20, 48], ids=str)
@pytest.mark.parametrize("sound", [48000, 44100, 32000, 24000])
def test_usual_rates_get_the_usual_part_target(fps: Fraction | int, sound: int) -> None:
    assert fit_part_target(float(1 / fps), 1024 / sound) == PART_TARGET == 21_334


@pytest.mark.parametrize("fps", [1, 3, 7, 8, 12])
def test_a_part_target_of_ones_own_leaves_room_for_rounded_stamps(fps: int) -> None:
    target = fit_part_target(1 / fps) / PART_UNIT
    assert target - int(target * fps) / fps >= 0.0019


@pytest.mark.parametrize("fps", RATES, ids=str)
@pytest.mark.parametrize("shake", [0, 1])
def test_the_frame_rate_is_measured_through_millisecond_stamps(fps: Fraction | int, shake: int) -> None:
    """The stream's own record says 30 here: where stamps tell another rate, they are right."""
    plan, _, _ = opening([VIDEO, AUDIO], [*pictures(0, 12_000, 2000, fps, shake=shake), *sounds(0, 12_000)])
    assert plan is not None
    assert plan.video is not None
    assert plan.video.frame_rate == pytest.approx(float(fps), rel=0.02)


@pytest.mark.parametrize("fps", [24, 25, Fraction(30000, 1001), 30, 50, 60, Fraction(60000, 1001)], ids=str)
def test_the_streams_own_frame_rate_is_taken_where_the_stamps_agree(fps: Fraction | int) -> None:
    track = make_clip(seconds=1, fps=fps).video
    assert track
    plan, _, _ = opening([track, AUDIO], [*pictures(0, 12_000, 2000, fps), *sounds(0, 12_000)])
    assert plan is not None
    assert plan.video is not None
    assert plan.video.frame_rate == round(float(fps), 3)


def test_a_hole_in_the_opening_does_not_bend_the_frame_rate() -> None:
    packets = [p for p in pictures(0, 4000, 2000, 30) if not 500 * MS < p.dts < 1400 * MS]
    plan, _, _ = opening([VIDEO, AUDIO], [*packets, *sounds(0, 4000)])
    assert plan is not None
    assert plan.video is not None
    assert plan.video.frame_rate == 30


# Limits.


@pytest.mark.parametrize("size", [1 << 20, 0])
def test_memory_is_bounded_whatever_comes(size: int) -> None:
    """Large packets, or very many that have nothing in them."""
    data = bytes(size)
    opened = Opening()
    opened.track(VIDEO)
    opened.track(AUDIO)
    for number in range(200_000):
        opened.packet(TimedPacket(Kind.VIDEO, number, number, number == 0, data))
        if opened.plan is not None:
            break
    assert opened.plan is not None
    assert len(opened.packets) * (len(data) + 128) <= 33 << 20


kinds = st.sampled_from([Kind.VIDEO, Kind.AUDIO])


@given(
    st.lists(kinds, max_size=2),
    st.lists(st.tuples(kinds, st.integers(1, 400_000), st.integers(-90_000, 90_000), st.booleans()), max_size=60),
)
def test_whatever_comes_first_a_plan_can_be_kept(
    announced: list[Kind], story: list[tuple[Kind, int, int, bool]]
) -> None:
    opened = Opening()
    now = dict.fromkeys(Kind, 0)
    for kind in announced:
        opened.track(VIDEO if kind is Kind.VIDEO else AUDIO)
    for kind, step, offset, keyframe in story:
        if kind not in opened.tracks:
            opened.track(VIDEO if kind is Kind.VIDEO else AUDIO)
        now[kind] += step
        opened.packet(TimedPacket(kind, now[kind] + offset, now[kind], keyframe or kind is Kind.AUDIO, b"x"))
        if opened.plan is not None:
            plan = opened.plan
            assert plan.video or plan.audio
            assert 2 <= plan.target_duration <= 10
            assert plan.part_target >= PART_UNIT // 7
            assert plan.part_target <= plan.target_duration * PART_UNIT
            assert plan.bandwidth > 0
            return
    assert max(now.values()) < 10 * TIMELINE


def test_sound_of_any_config_is_described() -> None:
    mono = Track(Kind.AUDIO, Codec.AAC, bytes((0x12, 0x08)))
    assert parse_aac(mono.config).channels == 1
    plan, _, _ = opening([mono], sounds(0, 3000, 44100))
    assert plan is not None
    assert plan.audio is not None
    assert (plan.audio.sample_rate, plan.audio.channels) == (44100, 1)
