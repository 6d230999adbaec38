"""Makes speech at 16 kHz of sound at 48 kHz, block by block, as if it were one. Pure."""

from typing import TYPE_CHECKING

import numpy as np

from filters.api import SAMPLE_RATE
from filters.speech.spotter import RATE

if TYPE_CHECKING:
    from filters.api import Samples
    from filters.speech.spotter import Speech

FACTOR = SAMPLE_RATE // RATE
"""Samples of sound for each of speech."""
DELAY = 16
"""Samples of speech that it is behind: half of what its filter spans."""

_TAPS = 2 * DELAY * FACTOR  # of a windowed sinc: 7.2 kHz passes, 8.8 kHz and more is 60 dB down
_LEFT, _RIGHT = 0.6, 0.4  # unequal, so that a host whose channels are each other's negative is heard


def _filter() -> "Samples":
    at = np.arange(_TAPS + 1) - _TAPS / 2
    taps = np.sinc(at / FACTOR) * np.kaiser(_TAPS + 1, 5.65)
    return np.asarray(taps / taps.sum(), np.float32)


class Resampler:
    """One continuous stream. Sample n of the speech is heard when sample 3 n of the sound is."""

    def __init__(self) -> None:
        self._taps = _filter()
        self._rest: Samples = np.zeros(_TAPS // 2, np.float32)  # what is needed again; at first, before all: silence

    def feed(self, samples: "Samples") -> "Speech":
        """Take sound (channels, count), 1 or 2 channels; return what speech there is now, ``DELAY`` samples behind."""
        heard = samples[0] if samples.shape[0] == 1 else _LEFT * samples[0] + _RIGHT * samples[1]
        heard = np.concatenate([self._rest, np.nan_to_num(heard, posinf=0, neginf=0).astype(np.float32, copy=False)])
        count = max(0, (len(heard) - _TAPS - 1) // FACTOR + 1)
        self._rest = heard[count * FACTOR :]
        if not count:
            return np.zeros(0, np.int16)
        windows = np.lib.stride_tricks.sliding_window_view(heard[: (count - 1) * FACTOR + _TAPS + 1], _TAPS + 1)
        speech = windows[::FACTOR] @ self._taps
        return (speech * 32767).round().clip(-32768, 32767).astype(np.int16)
