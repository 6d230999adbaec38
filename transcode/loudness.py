"""Brings live sound to a loudness (EBU R 128) without delay: a slow gain, then a limiter. Threads: one caller.

Rule: no look-ahead beyond the block, so sound stays with its picture; the gain never jumps, not even between blocks.
"""

import math
from collections import deque

import av
import numpy as np
from av.filter import Graph

from transcode.grid import BLOCK, RATE
from transcode.soundtrack import Block, Samples, block_of, samples_of

PEAK = 10 ** (-1 / 20)
"""No sample is beyond it: -1 dBFS (EBU Tech 3343 asks for -1 dBTP; true peaks lie a little above sample peaks)."""

_LOUDER, _SOFTER = 15.0, -20.0  # dB: bounds of the gain
_UP, _DOWN = 1.0, 3.0  # dB a second
_NEAR = 3.0  # seconds: when far off it goes faster, so that it would be there after so long
_SILENCE = -50.0  # LUFS: what is softer is a pause, and says nothing of how loud the host is
_RELATIVE_GATE = -10.0  # LU below the mean (ITU-R BS.1770-5, gating)
_HEARD = 100  # of these 400 ms stretches, one each 100 ms: the gain follows what was heard in 10 s, pauses left out

_STEP = 64  # samples that the limiter looks at together
_ATTACK = 4  # steps in which it comes down before a peak
_RELEASE = 1 - math.exp(-_STEP / RATE / 0.1)  # the part of what was taken away that it gives back in a step: 0.1 s
_OPEN = 0.99999  # nearer to 1 it is done
_BORDERS = np.arange(BLOCK // _STEP + 1)
_PLACES = np.arange(1, BLOCK + 1) / _STEP


class Loudness:
    """Brings sound to ``target`` (LUFS); a mono sound counts as heard from two loudspeakers."""

    def __init__(self, target: float) -> None:
        self._target = target
        self._meter: _Meter | None = None
        self._gain = 0.0  # dB
        self._limiter = _Limiter()

    def process(self, block: Block) -> Block:
        """Return ``block`` as loud as it shall be."""
        samples = samples_of(block.frame)
        if self._meter is None:
            self._meter = _Meter(block.frame.layout.name)
        self._meter.hear(block.frame)
        before, self._gain = self._gain, self._next_gain(self._meter)
        ramp = np.linspace(_factor(before), _factor(self._gain), BLOCK + 1, dtype=np.float32)[1:]
        return block_of(block.number, self._limiter.limit(samples * ramp))

    def _next_gain(self, meter: "_Meter") -> float:
        if meter.loudness is None or meter.pausing:
            return self._gain
        wanted = min(max(self._target - meter.loudness, _SOFTER), _LOUDER)
        off = wanted - self._gain
        speed = max(_UP if off > 0 else _DOWN, abs(off) / _NEAR)
        step = speed * BLOCK / RATE
        return self._gain + min(max(off, -step), step)


class _Meter:
    """Measures what is heard, by libavfilter's ``ebur128``: ITU-R BS.1770 loudness of 400 ms, ten times a second."""

    def __init__(self, layout: str) -> None:
        self.loudness: float | None = None
        """LUFS of the last ten seconds without pauses; None before anything was heard."""
        self.pausing = True
        self._unready = 3  # readings of less than 400 ms
        self._energies: deque[float] = deque(maxlen=_HEARD)
        self._graph = Graph()
        source = self._graph.add(
            "abuffer", sample_rate=str(RATE), sample_fmt="fltp", channel_layout=layout, time_base=f"1/{RATE}"
        )
        meter = self._graph.add("ebur128", metadata="1", framelog="quiet", dualmono="1")
        self._graph.link_nodes(source, meter, self._graph.add("abuffersink")).configure()

    def hear(self, frame: av.AudioFrame) -> None:
        """Take what comes next."""
        frame.sample_rate = RATE  # an effect may have made the frame
        self._graph.push(frame)
        while True:
            try:
                measured = self._graph.pull()
            except BlockingIOError:
                return
            self._read(float(measured.metadata["lavfi.r128.M"]))

    def _read(self, momentary: float) -> None:
        self._unready = max(0, self._unready - 1)
        self.pausing = not momentary > _SILENCE
        if self.pausing or self._unready:
            return
        self._energies.append(10 ** (momentary / 10))
        energies = np.array(self._energies)
        gate = energies.mean() * 10 ** (_RELATIVE_GATE / 10)
        self.loudness = 10 * math.log10(energies[energies >= gate].mean())


class _Limiter:
    """Keeps samples within PEAK. It comes down before a peak as far as the block tells of it, and rises slowly."""

    def __init__(self) -> None:
        self._gain = 1.0  # at the end of the block before

    def limit(self, samples: Samples) -> Samples:
        """Return ``samples`` (channels, BLOCK) within PEAK; all channels get one gain."""
        magnitude = np.abs(samples).max(axis=0)
        allowed = PEAK / np.maximum(magnitude.reshape(-1, _STEP).max(axis=1), PEAK)
        if self._gain == 1 and allowed.min() == 1:
            return samples
        gains = np.interp(_PLACES, _BORDERS, self._borders(allowed.tolist()))
        # A peak at the very beginning was not foreseen: there the gain follows the wave as it rises.
        gains[:_STEP] = np.minimum(gains[:_STEP], np.minimum.accumulate(PEAK / np.maximum(magnitude[:_STEP], PEAK)))
        return np.clip(samples * gains, -PEAK, PEAK).astype(np.float32)

    def _borders(self, allowed: list[float]) -> list[float]:
        """Return the gain at the borders of the steps, of which each allows so much."""
        most = [min(pair) for pair in zip(allowed, [*allowed[1:], 1.0], strict=True)]
        borders = [self._gain]
        for step in range(len(most)):
            ahead = enumerate(most[step : step + _ATTACK])
            falling = min(gain + (1 - gain) * away / _ATTACK for away, gain in ahead)
            rising = borders[-1] + (1 - borders[-1]) * _RELEASE
            borders.append(min(falling, rising))
        self._gain = borders[-1] if borders[-1] < _OPEN else 1.0
        return borders


def _factor(decibels: float) -> float:
    return float(10 ** (decibels / 20))
