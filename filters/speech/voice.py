"""Tells a voice from noise, by its pitch. Pure."""

from typing import TYPE_CHECKING

import numpy as np

from filters.speech.spotter import RATE

if TYPE_CHECKING:
    from filters.speech.spotter import Speech

_FRAME = RATE * 40 // 1000
_HOP = _FRAME // 2
_LAGS = slice(RATE // 350, RATE // 60)  # of pitch: 60 to 350 Hz
_ALIKE = 0.4  # how much a period is like the one before; in noise it is below 0.25
_LEAST = 4  # frames: 100 ms, less than a stressed vowel takes


def has_voice(speech: "Speech") -> bool:
    """Whether anything in it has a pitch: every word but a whispered one does, and music; noise does not."""
    heard = np.diff(speech.astype(np.float32))  # rumble is much like itself
    if len(heard) < _FRAME:
        return False
    frames = np.lib.stride_tricks.sliding_window_view(heard, _FRAME)[::_HOP]
    spectrum = np.fft.rfft(frames, 2 * _FRAME)
    alike = np.fft.irfft(np.abs(spectrum) ** 2)[:, :_FRAME]
    share = 1 - np.arange(_FRAME) / _FRAME  # of a frame that overlaps with itself
    peaks = (alike[:, _LAGS] / share[_LAGS]).max(axis=1) / np.maximum(alike[:, 0], 1)
    return int((peaks > _ALIKE).sum()) >= _LEAST
