"""Live sound is brought to one loudness: softly, without delay, and never beyond -1 dBFS."""

from collections.abc import Callable

import numpy as np
import pytest
from av.filter import Graph
from numpy.typing import NDArray

from transcode.grid import BLOCK, RATE
from transcode.loudness import PEAK, Loudness
from transcode.soundtrack import Samples, block_of, samples_of

LAYOUTS = {1: "mono", 2: "stereo"}
ROUNDING = 1e-6
Source = Callable[[int], NDArray[np.float64]]
"""Seconds to the samples of one channel."""


def times(seconds: int) -> NDArray[np.float64]:
    return np.arange(seconds * RATE // BLOCK * BLOCK) / RATE


def sine(seconds: int) -> NDArray[np.float64]:
    return np.asarray(0.1 * np.sin(2 * np.pi * 997 * times(seconds)))


def pink(seconds: int) -> NDArray[np.float64]:
    count = len(times(seconds))
    spectrum = np.fft.rfft(np.random.default_rng(2).normal(size=count))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(spectrum.size), 20)), count)
    return np.asarray(0.1 * noise / noise.std())


def speech(seconds: int) -> NDArray[np.float64]:
    """Syllables of a hum with breath, three a second, and pauses of two seconds."""
    t = times(seconds)
    syllables = np.clip(np.sin(2 * np.pi * 3.3 * t) + 0.3, 0, None) ** 1.5
    talking = np.sin(2 * np.pi * 0.17 * t) > -0.5
    voice = np.sin(2 * np.pi * 150 * t) + 0.6 * np.sin(2 * np.pi * 300 * t) + 4 * pink(seconds)
    return np.asarray(0.1 * voice * syllables * talking)


def loudness_of(samples: Samples) -> float:
    """Integrated loudness (LUFS), by a meter of its own; mono as heard from two loudspeakers."""
    graph = Graph()
    source = graph.add(
        "abuffer", sample_rate=str(RATE), sample_fmt="fltp", channel_layout=LAYOUTS[len(samples)], time_base="1/48000"
    )
    meter = graph.add("ebur128", metadata="1", framelog="quiet", dualmono="1")
    graph.link_nodes(source, meter, graph.add("abuffersink")).configure()
    integrated = -np.inf
    for at in range(0, samples.shape[1] - BLOCK + 1, BLOCK):
        graph.push(block_of(0, samples[:, at : at + BLOCK]).frame)
        while True:
            try:
                integrated = float(graph.pull().metadata["lavfi.r128.I"])
            except BlockingIOError:
                break
    return integrated


def at_loudness(source: Source, lufs: float, seconds: int, channels: int = 2) -> Samples:
    samples = np.tile(source(seconds), (channels, 1)).astype(np.float32)
    return np.asarray(samples * 10 ** ((lufs - loudness_of(samples)) / 20), np.float32)


def process(samples: Samples, loudness: Loudness) -> Samples:
    blocks = [
        loudness.process(block_of(number, samples[:, number * BLOCK : (number + 1) * BLOCK]))
        for number in range(samples.shape[1] // BLOCK)
    ]
    assert [block.number for block in blocks] == list(range(len(blocks)))
    assert {(block.frame.layout.name, block.frame.sample_rate) for block in blocks} == {(LAYOUTS[len(samples)], RATE)}
    return np.concatenate([samples_of(block.frame) for block in blocks], axis=1)


@pytest.mark.parametrize("lufs", [-30, -8])
@pytest.mark.parametrize("source", [sine, pink, speech])
def test_within_ten_seconds_sound_is_as_loud_as_it_shall_be(source: Source, lufs: float) -> None:
    heard = process(at_loudness(source, lufs, 22), Loudness(-16.0))
    assert loudness_of(heard[:, 10 * RATE :]) == pytest.approx(-16, abs=1)
    assert np.abs(heard).max() <= PEAK + ROUNDING


def test_mono_is_as_loud_as_stereo() -> None:
    mono, stereo = (process(at_loudness(pink, -24, 12, channels), Loudness(-18.0)) for channels in (1, 2))
    assert np.abs(mono[0] - stereo[0]).max() < 1e-3


def test_silence_stays_silence_and_does_not_raise_the_gain() -> None:
    loudness = Loudness(-16.0)
    assert not process(np.zeros((2, 10 * RATE), np.float32), loudness).any()
    burst = at_loudness(sine, -40, 1)[:, : RATE // 10]
    assert np.abs(process(burst, loudness)).max() == pytest.approx(np.abs(burst[:, : 4 * BLOCK]).max(), rel=0.01)


def test_a_pause_leaves_the_gain_alone() -> None:
    loudness = Loudness(-16.0)
    talk = at_loudness(sine, -24, 10)
    before = process(talk, loudness)[:, -BLOCK:]
    hum = process(talk * np.float32(0.01), loudness)[:, -BLOCK:]
    after = process(talk, loudness)[:, :BLOCK]
    assert np.abs(hum).max() == pytest.approx(0.01 * np.abs(before).max(), rel=0.02)
    assert np.abs(after).max() == pytest.approx(np.abs(before).max(), rel=0.02)


@pytest.mark.parametrize(("lufs", "target", "decibels"), [(-60, -16, 0), (-45, -16, 15), (0, -30, -20)])
def test_the_gain_has_bounds(lufs: float, target: float, decibels: float) -> None:
    samples = at_loudness(sine, lufs, 20)
    ratio = np.abs(process(samples, Loudness(target))[:, -RATE:]).max() / np.abs(samples).max()
    assert 20 * np.log10(ratio) == pytest.approx(decibels, abs=0.1)


@pytest.mark.parametrize("at", [0, 1, 63, 64, 500, 1000, 1023])
def test_a_sudden_peak_stays_below_the_limit(at: int) -> None:
    samples = np.random.default_rng(3).normal(0, 0.02, (2, 8 * BLOCK)).astype(np.float32)
    samples[0, 3 * BLOCK + at : 3 * BLOCK + at + 200] *= 300
    heard = process(samples, Loudness(-16.0))
    assert np.abs(heard).max() <= PEAK + ROUNDING
    assert np.array_equal(heard[:, : 3 * BLOCK], samples[:, : 3 * BLOCK])


def test_both_sides_get_the_same_gain() -> None:
    samples = at_loudness(pink, -6, 3) * np.array([[1.0], [0.25]], np.float32)
    heard = process(samples, Loudness(-16.0))
    assert np.abs(heard[0] * 0.25 - heard[1]).max() < 0.01


def test_the_gain_does_not_jump() -> None:
    swell = (1 + np.sin(2 * np.pi * 0.5 * times(10))) * 4
    samples = (np.tile(sine(10), (2, 1)) * swell).astype(np.float32)
    heard = process(samples, Loudness(-9.0))
    audible = np.abs(samples[0]) > 0.02
    gain = (heard[0][audible] / samples[0][audible]).astype(np.float64)
    apart = np.diff(np.flatnonzero(audible))
    assert gain.min() < 0.9
    assert (np.abs(np.diff(gain)) / apart).max() < 0.02


def test_limiting_is_not_heard_as_distortion() -> None:
    samples = (np.tile(sine(6), (2, 1)) * 12).astype(np.float32)  # 1.6 dB over full scale
    heard = process(samples, Loudness(0.0))[0, -RATE:]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(RATE))) ** 2
    tone = spectrum[990:1005].sum()
    assert (spectrum.sum() - tone) / tone < 1e-4
