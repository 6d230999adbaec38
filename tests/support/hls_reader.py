"""Fetches what a server has, and reads test cards and tones in it as a viewer does. Nothing is judged here:
``tests/support/hls`` does that.
"""

import io
import urllib.request
from collections.abc import Iterator

import av
import numpy as np
from numpy.typing import NDArray

from transcode.testcard import BEEP_HERTZ, SAMPLE_RATE, read_code


def fetch(url: str, seconds: float = 30) -> bytes:
    with urllib.request.urlopen(url, timeout=seconds) as answer:
        body: bytes = answer.read()
        return body


def frames(media: bytes) -> Iterator[tuple[float, int | None, bool]]:
    """Yield (seconds, bar code, whether it flashes) for each frame of a test card."""
    with av.open(io.BytesIO(media), "r") as container:
        for frame in container.decode(video=0):
            luma = frame.to_ndarray(format="yuv420p")[: frame.height].astype(np.uint8, copy=False)
            assert frame.time is not None
            yield frame.time, read_code(luma), bool(luma[: frame.height // 32].mean() > 127)


def flashes(media: bytes) -> list[float]:
    """When each flash of a test card begins, in seconds."""
    found, before = [], True
    for seconds, _, flashing in frames(media):
        if flashing and not before:
            found.append(seconds)
        before = flashing
    return found


def beeps(media: bytes) -> list[float]:
    """When each beep of a test card begins, in seconds."""
    with av.open(io.BytesIO(media), "r") as container:
        decoded = [(frame.time, frame.to_ndarray()[0]) for frame in container.decode(audio=0)]
    first = decoded[0][0]
    assert first is not None
    wave = np.concatenate([samples for _, samples in decoded])
    phase = 2 * np.pi * BEEP_HERTZ * np.arange(len(wave)) / SAMPLE_RATE
    window = SAMPLE_RATE // BEEP_HERTZ * 4
    kernel = np.ones(window) / window
    level = np.hypot(np.convolve(wave * np.cos(phase), kernel), np.convolve(wave * np.sin(phase), kernel))[: len(wave)]
    loud = level > 0.1  # half of what a whole window of the beep gives
    starts = np.flatnonzero(loud[1:] & ~loud[:-1]) + 1 - window // 2
    return [float(first + start / SAMPLE_RATE) for start in starts]


def frequency(media: bytes) -> float:
    """What the sound is tuned to (Hz)."""
    with av.open(io.BytesIO(media), "r") as container:
        frames = list(container.decode(audio=0))
    wave = np.concatenate([_one_channel(frame) for frame in frames])
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    return float(spectrum.argmax()) * frames[0].sample_rate / len(wave)


def _one_channel(frame: av.AudioFrame) -> NDArray[np.float64]:
    """The samples of the first channel."""
    samples: NDArray[np.float64] = frame.to_ndarray().astype(np.float64)
    step = 1 if frame.format.is_planar else frame.layout.nb_channels
    return samples[0, ::step]
