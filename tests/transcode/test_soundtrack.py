"""A broadcast's sound: whatever packets come, block k is the samples [1024 k, 1024 (k + 1)) of the timeline."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ingest.media import Codec, Kind, Track
from tests.support.codecs import clip
from transcode.grid import BLOCK, RATE
from transcode.media import TIMELINE, TimedPacket
from transcode.soundtrack import Block, Count, Samples, SoundTrack, samples_of

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
TONE = 440
LEVEL = 0.25
STEP = LEVEL * 2 * np.pi * TONE / RATE  # most that the tone moves in a sample

Reals = NDArray[np.float64]
Wave = Callable[[Reals], Reals]
"""Seconds to samples of one channel."""


def tone(t: Reals) -> Reals:
    return np.asarray(LEVEL * np.sin(2 * np.pi * TONE * t))


def click(at: float) -> Wave:
    """A pulse 2 ms wide."""
    return lambda t: np.asarray(0.8 * np.exp(-(((t - at) / 0.001) ** 2)))


def nothing(t: Reals) -> Reals:
    return np.zeros(len(t))


def host(
    waves: Sequence[Wave] = (tone, tone), rate: int = RATE, seconds: float = 1.0, begin: int = 0
) -> tuple[Track, list[TimedPacket]]:
    """Encode ``seconds`` of sound; time 0 of the waves is tick ``begin``, as an ordinary player plays it."""
    encoder = av.CodecContext.create("aac", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = rate, LAYOUTS[len(waves)], "fltp"
    encoder.bit_rate = 96_000 * len(waves)
    encoder.options = {"aac_coder": "fast"}
    encoder.open()
    packets: list[av.Packet[av.AudioStream]] = []
    for number in range(round(seconds * rate / 1024)):
        t = (np.arange(1024) + number * 1024) / rate
        interleaved = np.stack([wave(t) for wave in waves], axis=1).astype(np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, "flt", LAYOUTS[len(waves)])
        frame.sample_rate, frame.pts = rate, number * 1024
        packets += encoder.encode(av.AudioResampler("fltp").resample(frame)[0])
    assert encoder.extradata
    track = Track(Kind.AUDIO, Codec.AAC, bytes(encoder.extradata))
    # The first packet is the encoder's delay: what it decodes to comes before time 0.
    stamps = [begin + n * 1024 * TIMELINE // rate for n in range(len(packets) - 1)]
    return track, [
        TimedPacket(Kind.AUDIO, at, at, True, bytes(packet)) for at, packet in zip(stamps, packets[1:], strict=True)
    ]


def play(track: Track, packets: Iterable[TimedPacket], channels: int = 2, start: int = 0) -> list[Block]:
    """What a sound track makes of ``packets`` and of the end after the last."""
    sound = SoundTrack(channels, start)
    sound.configure(track)
    blocks = [block for packet in packets for block in sound.packet(packet)]
    blocks += sound.end(0)
    assert sound.errors == 0
    return blocks


def heard(blocks: Sequence[Block]) -> Samples:
    """The samples of consecutive blocks: (channels, samples)."""
    assert [block.number for block in blocks] == [blocks[0].number + n for n in range(len(blocks))]
    assert {(block.frame.samples, block.frame.sample_rate) for block in blocks} == {(BLOCK, RATE)}
    return np.concatenate([samples_of(block.frame) for block in blocks], axis=1)


def sample(pts: int) -> int:
    return pts * RATE // TIMELINE


def test_blocks_lie_on_the_grid_of_the_timeline() -> None:
    track, packets = host(begin=TIMELINE)
    blocks = play(track, packets, start=40)
    assert blocks[0].number == 40
    assert blocks[0].frame.layout.name == "stereo"
    assert blocks[0].frame.format.name == "fltp"
    assert len(blocks) == -(-(RATE + len(packets) * 1024) // BLOCK) - 40


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000])
def test_sound_stays_where_its_stamp_says(rate: int) -> None:
    begin = 12_345
    at = 0.4321
    track, packets = host([click(at)], rate, begin=begin)
    samples = heard(play(track, packets, channels=1))[0]
    expected = (begin / TIMELINE + at) * RATE
    weights = np.abs(samples) ** 2
    assert float((weights * np.arange(len(samples))).sum() / weights.sum()) == pytest.approx(expected, abs=2)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_packets_join_without_a_seam(rate: int) -> None:
    track, packets = host(rate=rate)
    jittered = [replace(p, pts=p.pts + (n * 7919 % 601) - 300 if n else p.pts) for n, p in enumerate(packets)]
    samples = heard(play(track, jittered))[:, 2000 : RATE - 4000]
    t = (np.arange(samples.shape[1]) + 2000) / RATE
    assert np.abs(samples - tone(t)).max() < 0.01


@pytest.mark.parametrize(("source", "channels"), [(1, 1), (1, 2), (2, 1), (2, 2), (6, 1), (6, 2), (8, 2)])
def test_layouts_are_mixed_to_what_the_broadcast_has(source: int, channels: int) -> None:
    track, packets = host([tone] * min(source, 2) + [nothing] * (source - 2), seconds=0.5)
    samples = heard(play(track, packets, channels))[:, 4000:20_000]
    assert len(samples) == channels
    assert np.abs(samples).max(axis=1) == pytest.approx([LEVEL] * channels, rel=0.04)


def test_a_stereo_host_is_mixed_in_a_mono_broadcast() -> None:
    track, packets = host([tone, nothing], seconds=0.5)
    assert np.abs(heard(play(track, packets, 1))[0, 4000:20_000]).max() == pytest.approx(LEVEL / 2, rel=0.04)


def test_the_centre_of_a_5_1_host_is_heard_on_both_sides_3_db_lower() -> None:
    track, packets = host([nothing, nothing, tone, nothing, nothing, nothing], seconds=0.5)
    peaks = np.abs(heard(play(track, packets))[:, 4000:20_000]).max(axis=1)
    assert peaks == pytest.approx([LEVEL * 0.7071] * 2, rel=0.04)


def test_a_hole_is_silence_between_short_fades() -> None:
    track, packets = host()
    samples = heard(play(track, packets[:15] + packets[30:]))
    hole = samples[:, 15 * 1024 : 30 * 1024]
    assert not hole[:, 240:].any()
    assert np.abs(np.diff(samples)).max() < STEP * 1.5
    after = np.arange(31 * 1024, 40 * 1024)
    assert np.abs(samples[:, after] - tone(after / RATE)).max() < 0.01


def test_a_jump_ahead_gives_its_silence_at_once() -> None:
    track, packets = host(seconds=0.3)
    later = [replace(packet, pts=packet.pts + 60 * TIMELINE) for packet in packets]
    sound = SoundTrack(2, 0)
    sound.configure(track)
    before = [block for packet in packets for block in sound.packet(packet)]
    blocks = list(sound.packet(later[0]))
    assert blocks[-1].number == sample(later[0].pts + 1024 * TIMELINE // RATE) // BLOCK - 1
    assert not heard(blocks)[:, 2 * BLOCK : -2 * BLOCK].any()
    heard(before + blocks)


def test_what_has_been_heard_is_not_heard_again() -> None:
    track, packets = host()
    once = heard(play(track, packets))
    twice = heard(play(track, [*packets[:20], packets[18], packets[19], *packets[20:]]))
    assert np.array_equal(once, twice)


def test_sound_that_comes_after_its_silence_went_out_is_left_out() -> None:
    track, packets = host()
    sound = SoundTrack(1, 0)
    sound.configure(track)
    blocks = [block for packet in packets[:10] for block in sound.packet(packet)]
    blocks += sound.advance(packets[20].pts)
    assert len(blocks) == sample(packets[20].pts) // BLOCK
    blocks += [block for packet in packets[10:] for block in sound.packet(packet)]
    samples = heard(blocks)[0]
    assert not samples[10 * 1024 + 240 : 20 * 1024].any()
    after = np.arange(21 * 1024, 30 * 1024)
    assert np.abs(samples[after] - tone(after / RATE)).max() < 0.01


def test_advance_waits_for_sound_that_is_counted() -> None:
    track, packets = host()
    sound = SoundTrack(2, 0)
    sound.configure(track)
    blocks: list[Block] = []
    for packet in packets:
        blocks += sound.packet(packet)
        blocks += sound.advance(packet.pts)
    blocks += sound.end(0)
    assert np.array_equal(heard(blocks), heard(play(track, packets)))


def test_without_a_host_silence_flows() -> None:
    sound = SoundTrack(2, 10)
    assert list(sound.advance(100)) == []
    blocks = list(sound.advance(TIMELINE))
    assert [block.number for block in blocks] == list(range(10, RATE // BLOCK))
    assert not heard(blocks).any()


def test_the_end_fills_the_last_block() -> None:
    track, packets = host()
    sound = SoundTrack(2, 0)
    sound.configure(track)
    blocks = list(sound.packet(packets[0]))
    blocks += sound.end(packets[4].pts + 100)
    assert [block.number for block in blocks] == [0, 1, 2, 3, 4]
    assert list(sound.end(packets[4].pts)) == []


def test_what_cannot_be_decoded_is_missing_and_counted() -> None:
    track, packets = host()
    broken = [replace(packet, data=b"\xff" * 40) if 10 <= n < 13 else packet for n, packet in enumerate(packets)]
    broken[20] = replace(broken[20], data=b"")
    sound = SoundTrack(2, 0)
    sound.configure(track)
    samples = heard([block for packet in broken for block in sound.packet(packet)])
    assert sound.errors == 4
    assert not samples[:, 10 * 1024 + 240 : 13 * 1024].any()
    assert samples[:, 15 * 1024 : 16 * 1024].any()


def test_packets_without_a_track_are_counted() -> None:
    _, packets = host(seconds=0.2)
    sound = SoundTrack(2, 0)
    assert [block for packet in packets for block in sound.packet(packet)] == []
    assert sound.errors == len(packets)


def test_another_rate_and_layout_takes_over_without_a_break() -> None:
    first, packets = host(rate=44_100, seconds=0.5)
    end = packets[-1].pts + 1024 * TIMELINE // 44_100
    second, others = host([tone], 32_000, 0.5, begin=end)
    sound = SoundTrack(2, 0)
    sound.configure(first)
    blocks = [block for packet in packets for block in sound.packet(packet)]
    sound.configure(second)
    blocks += [block for packet in others for block in sound.packet(packet)]
    samples = heard(blocks)
    assert sound.errors == 0
    assert samples.shape[1] > sample(others[-1].pts)
    assert np.abs(np.diff(samples)).max() < STEP * 2


def test_a_track_that_comes_again_changes_nothing() -> None:
    track, packets = host()
    sound = SoundTrack(2, 0)
    blocks: list[Block] = []
    for packet in packets:
        sound.configure(replace(track))
        blocks += sound.packet(packet)
    assert np.array_equal(heard(blocks), heard(play(track, packets))[:, : len(blocks) * BLOCK])


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_sound_that_begins_in_the_middle_is_the_same_sound(rate: int) -> None:
    track, packets = host(rate=rate)
    whole = {block.number: samples_of(block.frame) for block in play(track, packets)}
    part = play(track, packets[10:], start=16)
    assert part[0].number == 16
    for block in part:
        assert samples_of(block.frame) == pytest.approx(whole[block.number], abs=STEP)


@settings(max_examples=100, deadline=None)
@given(
    rate=st.sampled_from([8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000]),
    anchor=st.integers(0, 2**40),
    frames=st.integers(1, 24 * 3600 * 96_000 // 1024),
)
def test_a_count_of_samples_does_not_drift_in_a_day(rate: int, anchor: int, frames: int) -> None:
    count = Count(anchor, rate)
    count.add((frames - 1) * 1024)
    count.add(1024)
    stamp = anchor + frames * 1024 * TIMELINE // rate
    half = 512 * TIMELINE // rate
    assert not count.behind(stamp)
    assert count.behind(stamp + 2)
    assert count.halves(stamp) == count.halves(stamp + half - 2) == count.halves(stamp - half + 2) == 0
    assert count.halves(stamp + half + 2) == 1
    assert count.halves(stamp - half - 2) == -1


def test_sound_is_placed_by_its_stamp_after_a_day() -> None:
    begin = 24 * 3600 * TIMELINE + 7
    track, packets = host([click(0.2)], 44_100, 0.5, begin)
    start = sample(begin) // BLOCK
    samples = heard(play(track, packets, 1, start))[0]
    expected = sample(begin) - start * BLOCK + 0.2 * RATE
    assert int(np.abs(samples).argmax()) == pytest.approx(expected, abs=2)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("sound"), st.integers(-5_000, 20_000)),
            st.tuples(st.just("silence"), st.integers(-5_000, 20_000)),
            st.tuples(st.just("damage"), st.integers(0, 255)),
        ),
        max_size=60,
    )
)
def test_whatever_comes_the_blocks_are_consecutive(steps: list[tuple[str, int]]) -> None:
    track, packets = PACKETS
    sound = SoundTrack(2, 3)
    sound.configure(track)
    numbers: list[int] = []
    pts = 0
    for n, (step, value) in enumerate(steps):
        packet = packets[n % len(packets)]
        pts = max(0, pts + 1920)
        match step:
            case "sound":
                made = sound.packet(replace(packet, pts=max(0, pts + value)))
            case "silence":
                made = sound.advance(pts + value)
            case _:
                data = bytes(byte ^ value for byte in packet.data[:60])
                made = sound.packet(replace(packet, pts=pts, data=data))
        for block in made:
            numbers.append(block.number)
            assert np.isfinite(samples_of(block.frame)).all()
    assert numbers == list(range(3, 3 + len(numbers)))


PACKETS = host(seconds=0.4)


def test_opus_is_heard_from_its_first_sample_on() -> None:
    """Its pre-skip would leave a hole of 312 samples, and all after it early by them."""
    made = clip(None, "opus", 3)
    assert made.audio is not None
    at = [number * 960 * TIMELINE // RATE for number in range(16)]
    packets = [TimedPacket(Kind.AUDIO, pts, pts, True, p.data) for pts, p in zip(at, made.packets, strict=False)]
    track = SoundTrack(2, 0)
    track.configure(made.audio)
    assert sum(len(list(track.packet(packet))) for packet in packets) == 16 * 960 // BLOCK
