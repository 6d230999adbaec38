"""A stream that tells which of its pictures and sounds one sees: each frame carries its number as a bar code, and each
20 ms of sound a tone out of sixteen, in turn."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from transcode.testcard import SAMPLE_RATE, draw_code

FPS = 30
SLOT = SAMPLE_RATE // 50
"""Samples of one tone."""
TONES = 16
_LOWEST, _STEP = 800, 200  # Hz
_LEVEL = 0.3
_AUDIBLE = 0.05


def make_indexed(path: Path, seconds: int, width: int = 640, height: int = 360) -> None:
    """Write it as H.264 with a keyframe every second, and AAC."""
    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt, video.bit_rate = width, height, "yuv420p", 600_000
        video.codec_context.gop_size = FPS
        video.options = {"preset": "ultrafast", "x264-params": "scenecut=0:bframes=0"}
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
        audio.bit_rate = 160_000
        done = 0
        for number in range(seconds * FPS):
            image = np.full((height, width), 60 + number % 32, np.uint8)
            draw_code(image, number)
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, "gray").reformat(format="yuv420p")))
            while done < (number + 1) * SAMPLE_RATE // FPS:
                frame = av.AudioFrame.from_ndarray(np.tile(tones(done, 1024), (2, 1)), "fltp", "stereo")
                frame.sample_rate, frame.pts = SAMPLE_RATE, done
                container.mux(audio.encode(frame))
                done += 1024
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def tones(first: int, count: int) -> NDArray[np.float32]:
    """Return ``count`` samples from sample ``first`` on: (count,)."""
    numbers = first + np.arange(count)
    hertz = _LOWEST + _STEP * (numbers // SLOT % TONES)
    return (_LEVEL * np.sin(2 * np.pi * hertz * numbers / SAMPLE_RATE)).astype(np.float32)


def tone_of(samples: NDArray[np.float32]) -> int | None:
    """Return which tone is heard in ``samples`` of one slot; None if none is."""
    inner = samples[SLOT // 6 : -SLOT // 6]
    if float(np.sqrt(np.mean(inner**2))) < _AUDIBLE:
        return None
    phases = 2 * np.pi * np.arange(len(inner)) / SAMPLE_RATE
    window = np.hanning(len(inner))
    levels = [abs(np.sum(inner * window * np.exp(-1j * (_LOWEST + _STEP * tone) * phases))) for tone in range(TONES)]
    best = int(np.argmax(levels))
    return best if levels[best] > 0.05 * float(np.sum(window)) * _LEVEL else None


def heard(wave: NDArray[np.float32], start: float) -> Iterator[tuple[int, int]]:
    """Yield (slot, tone) for each slot in which a tone is heard. ``wave`` begins ``start`` seconds into the stream."""
    first = round(start * SAMPLE_RATE)
    for slot in range(-(-first // SLOT), (first + len(wave)) // SLOT):
        at = slot * SLOT - first
        if (tone := tone_of(wave[at : at + SLOT])) is not None:
            yield slot, tone
