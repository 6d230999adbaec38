"""The opening: what is promised to players for a broadcast's whole life, from its first GOP. Times in milliseconds."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.media import Codec, Kind, Track
from tests.support.media import make_clip
from transcode.cmaf.asc import parse_aac
from transcode.ladder import Encoding, parse_ladder
from transcode.media import TIMELINE, FrameRate, Plan, Sound, TimedPacket
from transcode.opening import PART_TARGET, PART_UNIT, Opening, fit_part_target

MS = TIMELINE // 1000
SOURCE_ONLY = Encoding(parse_ladder("source"))
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


def opening(
    tracks: Iterable[Track], packets: Iterable[TimedPacket], encoding: Encoding = SOURCE_ONLY
) -> tuple[Plan | None, int, Opening]:
    """Feed until there is a plan; returns it, with how long that took (ms)."""
    opened = Opening(encoding)
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
    (rung,) = plan.rungs
    assert (rung.name, rung.width, rung.height, rung.every) == ("source", 64, 48, 1)
    assert float(plan.frame_rate) == 30
    assert plan.sound is not None
    assert (plan.sound.transcoded, plan.sound.sample_rate, plan.sound.channels) == (False, 48000, 2)
    assert not plan.transcoded
    assert len(opened.packets) == pytest.approx(2 * (30 + 48000 / 1024), abs=3)


def test_the_bit_rates_are_those_of_what_came() -> None:
    plan, _, _ = opening([VIDEO, AUDIO], [*pictures(0, 5000, 2000, 25, 20_000), *sounds(0, 5000, size=400)])
    assert plan is not None
    assert plan.rungs[0].bit_rate == pytest.approx(25 * 20_000 * 8, rel=0.05)
    assert plan.sound is not None
    assert plan.sound.bit_rate == pytest.approx(48000 / 1024 * 400 * 8, rel=0.05)


def test_a_picture_without_sound_begins_after_two_seconds_or_its_gop() -> None:
    plan, took, _ = opening([VIDEO], pictures(0, 5000, 1000))
    assert plan is not None
    assert plan.sound is None
    assert plan.rungs
    assert took == 2000


def test_sound_without_a_picture_begins_after_two_seconds() -> None:
    plan, took, _ = opening([AUDIO], sounds(0, 5000))
    assert plan is not None
    assert not plan.rungs
    assert plan.sound is not None
    assert plan.target_duration == 2
    assert plan.part_target == PART_TARGET
    assert took == pytest.approx(2000, abs=22)


def test_a_promised_picture_that_never_comes_is_waited_for_three_seconds() -> None:
    plan, took, _ = opening([VIDEO, AUDIO], sounds(0, 9000))
    assert plan is not None
    assert not plan.rungs
    assert plan.sound is not None
    assert took == pytest.approx(3000, abs=22)


def test_a_promised_picture_is_waited_for_no_longer_where_it_would_be_transcoded() -> None:
    clip = make_clip(seconds=6)
    opening = Opening(Encoding(parse_ladder("auto")))
    for track in clip.tracks:
        opening.track(track)
    for packet in clip.packets:
        if packet.kind is Kind.AUDIO and opening.plan is None:
            opening.packet(TimedPacket(Kind.AUDIO, packet.stamp * 90, packet.stamp * 90, True, packet.data))
            heard = packet.stamp
    assert opening.plan is not None
    assert opening.plan.rungs == ()
    assert 3000 <= heard <= 3030


def test_sound_that_is_made_aac_has_no_say_in_the_part_target_by_its_own_packets() -> None:
    opening = Opening(Encoding(parse_ladder("source")))
    clip = make_clip(seconds=6)
    assert clip.video is not None
    opening.track(clip.video)
    opening.track(Track(Kind.AUDIO, Codec.PCMU, b"\1"))
    spoken = [TimedPacket(Kind.AUDIO, at, at, True, bytes(1280)) for at in range(0, 4 * TIMELINE, 160 * 90)]
    for packet in sorted([*pictures(0, 4000, 1000), *spoken], key=lambda packet: packet.dts):
        if opening.plan is None:
            opening.packet(packet)
    assert opening.plan is not None
    assert opening.plan.part_target == PART_TARGET
    assert opening.plan.sound is not None
    assert opening.plan.sound.channels == 1


def test_promised_sound_that_never_comes_is_waited_for_three_seconds() -> None:
    plan, took, _ = opening([VIDEO, AUDIO], pictures(0, 9000, 1000))
    assert plan is not None
    assert plan.sound is None
    assert plan.rungs
    assert took == pytest.approx(3000, abs=40)


def test_sound_that_lags_its_picture_by_a_second_is_not_missed() -> None:
    opened = Opening(SOURCE_ONLY)
    opened.track(VIDEO)
    opened.track(AUDIO)
    late = [(p.dts + TIMELINE, p) for p in sounds(0, 3000)]
    for _, packet in sorted([*((p.dts, p) for p in pictures(0, 3000, 500)), *late], key=lambda pair: pair[0]):
        opened.packet(packet)
        if opened.plan is not None:
            break
    assert opened.plan is not None
    assert opened.plan.sound is not None


def test_a_track_announced_within_two_seconds_is_in() -> None:
    opened = Opening(SOURCE_ONLY)
    opened.track(VIDEO)
    for packet in pictures(0, 1500, 500):
        opened.packet(packet)
    assert opened.plan is None
    opened.track(AUDIO)
    for packet in [*sounds(1500, 1600), *pictures(1600, 1700, 500)]:
        opened.packet(packet)
    assert opened.plan is not None
    assert opened.plan.sound is not None


def test_a_track_announced_anew_is_what_counts() -> None:
    wide = make_clip(seconds=1, size=(128, 96)).video
    assert wide
    plan, _, _ = opening([VIDEO, AUDIO, wide], [*pictures(0, 5000, 2000), *sounds(0, 5000)])
    assert plan is not None
    assert plan.rungs
    assert plan.rungs[0].width == 128


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
    assert plan.rungs
    assert float(plan.frame_rate) == pytest.approx(float(fps), rel=0.02)


@pytest.mark.parametrize("fps", [24, 25, Fraction(30000, 1001), 30, 50, 60, Fraction(60000, 1001)], ids=str)
def test_the_streams_own_frame_rate_is_taken_where_the_stamps_agree(fps: Fraction | int) -> None:
    track = make_clip(seconds=1, fps=fps).video
    assert track
    plan, _, _ = opening([track, AUDIO], [*pictures(0, 12_000, 2000, fps), *sounds(0, 12_000)])
    assert plan is not None
    assert plan.rungs
    assert float(plan.frame_rate) == round(float(fps), 3)


def test_a_hole_in_the_opening_does_not_bend_the_frame_rate() -> None:
    packets = [p for p in pictures(0, 4000, 2000, 30) if not 500 * MS < p.dts < 1400 * MS]
    plan, _, _ = opening([VIDEO, AUDIO], [*packets, *sounds(0, 4000)])
    assert plan is not None
    assert plan.rungs
    assert float(plan.frame_rate) == 30


# Limits.


@pytest.mark.parametrize("size", [1 << 20, 0])
def test_memory_is_bounded_whatever_comes(size: int) -> None:
    """Large packets, or very many that have nothing in them."""
    data = bytes(size)
    opened = Opening(SOURCE_ONLY)
    opened.track(VIDEO)
    opened.track(AUDIO)
    for number in range(200_000):
        opened.packet(TimedPacket(Kind.VIDEO, number, number, number == 0, data))
        if opened.plan is not None:
            break
    assert opened.plan is not None
    assert len(opened.packets) * (len(data) + 128) <= 33 << 20


kinds = st.sampled_from([Kind.VIDEO, Kind.AUDIO])


@example([], [(Kind.VIDEO, 1, 0, True), (Kind.VIDEO, 359_821, 0, True)])  # 2 ms less than a target duration of 4 s
@example([], [(Kind.VIDEO, 1, 0, True), (Kind.VIDEO, 377_000, 0, True)])
@given(
    st.lists(kinds, max_size=2),
    st.lists(st.tuples(kinds, st.integers(1, 400_000), st.integers(-90_000, 90_000), st.booleans()), max_size=60),
)
def test_whatever_comes_first_a_plan_can_be_kept(
    announced: list[Kind], story: list[tuple[Kind, int, int, bool]]
) -> None:
    opened = Opening(SOURCE_ONLY)
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
            assert plan.rungs or plan.sound
            assert 2 <= plan.target_duration <= 10
            assert plan.part_target >= PART_UNIT // 7
            assert plan.part_target <= plan.target_duration * PART_UNIT
            return
    assert all(opened.packets[-1].dts - packet.dts < 10 * TIMELINE for packet in opened.packets[:1])


def test_sound_of_any_config_is_described() -> None:
    mono = Track(Kind.AUDIO, Codec.AAC, bytes((0x12, 0x08)))
    assert parse_aac(mono.config).channels == 1
    plan, _, _ = opening([mono], sounds(0, 3000, 44100))
    assert plan is not None
    assert plan.sound is not None
    assert (plan.sound.sample_rate, plan.sound.channels) == (44100, 1)


# Rooms that are transcoded.

AUTO = Encoding(parse_ladder("auto"), "fast", -16.0)


def test_a_transcoded_picture_is_not_waited_for_longer_than_its_frame_rate_takes_to_measure() -> None:
    plan, took, _ = opening([VIDEO, AUDIO], [*pictures(0, 9000, 8000, 30), *sounds(0, 9000)], AUTO)
    assert plan is not None
    assert took <= 540
    assert plan.transcoded
    assert [(rung.name, rung.width, rung.height) for rung in plan.rungs] == [("48p", 64, 48)]
    assert (plan.frame_rate, plan.target_duration, plan.part_target) == (FrameRate(30, 1), 2, PART_TARGET)
    assert plan.sound == Sound(48_000, 2, 128_000, True, -16.0)
    assert plan.preset == "fast"


def test_a_transcoded_picture_always_has_sound_beside_it_though_none_has_come() -> None:
    plan, _, _ = opening([VIDEO], pictures(0, 9000, 8000, 30), AUTO)
    assert plan is not None
    assert plan.sound is not None
    assert plan.sound.channels == 2


def test_sound_alone_is_transcoded_too() -> None:
    mono = Track(Kind.AUDIO, Codec.AAC, bytes((0x12, 0x08)))
    plan, took, _ = opening([mono], sounds(0, 9000, 44100), AUTO)
    assert plan is not None
    assert took == pytest.approx(2000, abs=24)
    assert plan.rungs == ()
    assert plan.sound == Sound(48_000, 1, 80_000, True, -16.0)


def test_a_ladder_with_the_hosts_own_picture_is_cut_as_the_host_cuts() -> None:
    mixed = Encoding(parse_ladder("source,120p"))
    plan, took, _ = opening([VIDEO, AUDIO], [*pictures(0, 9000, 5000, 30), *sounds(0, 9000)], mixed)
    assert plan is not None
    assert took >= 5000
    assert plan.target_duration == 5
    assert [rung.name for rung in plan.rungs] == ["source", "48p"]
    assert [rung.name for rung in plan.encoded] == ["48p"]


@pytest.mark.parametrize(
    ("sent", "says", "rate"),
    [
        (Fraction(60000, 1001), 59.94, FrameRate(60000, 1001)),
        (24, 23.976, FrameRate(24000, 1001)),
        (25, 0.0, FrameRate(25, 1)),
        (50, 25.0, FrameRate(50, 1)),
        (60, 60.0, FrameRate(60, 1)),
        (120, 120.0, FrameRate(60, 1)),
        (12, 12.0, FrameRate(15, 1)),
        (5, 60.0, FrameRate(30, 1)),  # the stream's own record says 30
        (1, 0.0, FrameRate(30, 1)),
    ],
)
def test_the_constant_rate_is_the_one_that_stamps_bear_out(sent: Fraction | int, says: float, rate: FrameRate) -> None:
    opened = Opening(AUTO)
    opened.track(VIDEO)
    opened.claimed_rate = says
    for packet in pictures(0, 5000, 5000, sent):
        opened.packet(packet)
        if opened.plan is not None:
            break
    assert opened.plan is not None
    assert opened.plan.frame_rate == rate


@pytest.mark.parametrize("fps", [24, 25, Fraction(30000, 1001), 30, 50, 60, Fraction(60000, 1001)], ids=str)
def test_the_streams_own_rate_is_exact(fps: Fraction | int) -> None:
    track = make_clip(seconds=1, fps=fps).video
    assert track
    plan, _, _ = opening([track], pictures(0, 3000, 2000, fps), AUTO)
    assert plan is not None
    assert plan.frame_rate == FrameRate(Fraction(fps).numerator, Fraction(fps).denominator)
