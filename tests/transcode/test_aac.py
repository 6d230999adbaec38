"""AAC access units are named by the block that is heard when they are played."""

from collections.abc import Callable, Iterable
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from transcode.aac import PRIMING, AacEncoder
from transcode.cmaf.asc import parse_aac
from transcode.cmaf.packer import Unit
from transcode.grid import BLOCK, RATE
from transcode.soundtrack import Samples, block_of, samples_of

BIT_RATE = 128_000


def blocks_of(samples: NDArray[np.float64], first: int = 0, last: int | None = None) -> Iterable[tuple[int, Samples]]:
    for number in range(first, last or samples.shape[1] // BLOCK):
        yield number, samples[:, number * BLOCK : (number + 1) * BLOCK].astype(np.float32)


def encode(samples: NDArray[np.float64], first: int = 0, last: int | None = None) -> tuple[bytes, list[Unit]]:
    """Encode blocks ``first`` up to ``last`` of ``samples``, whose sample 0 is that of the timeline."""
    encoder = AacEncoder(len(samples), BIT_RATE)
    units = [u for number, block in blocks_of(samples, first, last) for u in encoder.encode(block_of(number, block))]
    return encoder.config, units + list(encoder.flush())


def play(config: bytes, units: Iterable[Unit]) -> Samples:
    """Decode as an ordinary player does: the first sample is the first of the first unit."""
    decoder = av.CodecContext.create("aac", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.extradata = config
    frames: list[av.AudioFrame] = []
    for unit in units:
        packet: av.Packet[Any] = av.Packet(len(unit.data))
        packet.update(bytes(unit.data))
        frames += decoder.decode(packet)
    return np.concatenate([samples_of(frame) for frame in frames], axis=1)


def tone(channels: int, blocks: int) -> NDArray[np.float64]:
    t = np.arange(blocks * BLOCK) / RATE
    return np.stack([0.3 * np.sin(2 * np.pi * (440 + 110 * channel) * t) for channel in range(channels)])


def syllables(channels: int, blocks: int) -> NDArray[np.float64]:
    """Hum and noise that start and fade three times a second."""
    t = np.arange(blocks * BLOCK) / RATE
    noise = np.random.default_rng(1).normal(0, 0.03, (channels, t.size))
    return np.asarray((0.3 * np.sin(2 * np.pi * 200 * t) + noise) * np.exp(-4 * (3 * t % 1)))


@pytest.mark.parametrize("channels", [1, 2])
def test_the_record_says_aac_lc_at_48_khz(channels: int) -> None:
    config = parse_aac(AacEncoder(channels, BIT_RATE).config)
    assert (config.codecs, config.sample_rate, config.channels) == ("mp4a.40.2", RATE, channels)
    assert config.frame_length == BLOCK


def test_units_are_named_from_the_block_before_the_first_on() -> None:
    _, units = encode(tone(2, 20), 7)
    assert [unit.number for unit in units] == list(range(6, 20))


def test_a_unit_comes_out_with_the_next_block() -> None:
    encoder = AacEncoder(2, BIT_RATE)
    made = [
        [unit.number for unit in encoder.encode(block_of(number, block))] for number, block in blocks_of(tone(2, 9), 5)
    ]
    assert made == [[], [4], [5], [6]]
    assert [unit.number for unit in encoder.flush()] == [7, 8]


@pytest.mark.parametrize("at", [5 * BLOCK, 5 * BLOCK + 1, 7 * BLOCK - 1, 6 * BLOCK + 500])
def test_a_click_is_heard_where_it_was(at: int) -> None:
    samples = np.zeros((1, 12 * BLOCK))
    samples[0, at - 20 : at + 21] = 0.8 * np.hanning(41)
    config, units = encode(samples)
    assert units[1].number == 0
    heard = play(config, units[1:])
    assert int(np.abs(heard[0]).argmax()) == pytest.approx(at, abs=3)


@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_heard_is_what_was_said(channels: int) -> None:
    samples = tone(channels, 30)
    config, units = encode(samples)
    heard = play(config, units[1:])
    assert heard.shape == samples.shape
    assert np.abs(heard - samples)[:, 3 * BLOCK : -BLOCK].max() < 0.02


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sound", [tone, syllables])
def test_another_encoder_goes_on_where_one_left_off(
    sound: Callable[[int, int], NDArray[np.float64]], channels: int
) -> None:
    samples = sound(channels, 44)
    config, first = encode(samples)
    alone = np.abs(play(config, first[1:]) - samples).max()
    for k in range(14, 40, 5):
        again, second = encode(samples, k - PRIMING)
        assert again == config
        joined = [unit for unit in first if 0 <= unit.number < k] + [unit for unit in second if unit.number >= k]
        assert [unit.number for unit in joined] == list(range(44))
        assert np.abs(play(config, joined) - samples).max() < 1.5 * alone + 0.005


def test_a_block_left_out_is_refused() -> None:
    encoder = AacEncoder(2, BIT_RATE)
    blocks = [block_of(number, block) for number, block in blocks_of(tone(2, 5))]
    list(encoder.encode(blocks[0]))
    with pytest.raises(ValueError, match="block 2 where 1 was due"):
        list(encoder.encode(blocks[2]))


def test_without_a_block_there_is_nothing_to_flush() -> None:
    assert list(AacEncoder(1, BIT_RATE).flush()) == []
