"""Looks for keywords with pocketsphinx: each is compared, at every moment, with a loop of all phonemes.

It comes with its model of American English, needs no network, and takes some 0.04 of a core. What it cannot do: words
of fewer than five phonemes are found where they are not, several times a minute each.
"""

import math
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pocketsphinx

from filters.speech.spotter import RATE, Hit, Keyword
from filters.speech.voice import has_voice

if TYPE_CHECKING:
    from filters.speech.spotter import Speech

THRESHOLDS = {2: 15, 3: 2, 4: -4, 5: -11, 6: -15, 7: -14, 8: -11}
"""By phonemes: the likelihood, as a power of ten, from which on a keyword is taken for found. From five on: the highest
at which 97 % were found in the clips that tests/bench/words.py sets apart for tuning."""
LEAST = -7
"""For all that are longer."""

_FRAME = RATE // 100
_PIECE = 10 * _FRAME
"""It is fed in pieces of this many samples, whatever comes, so that what it finds does not depend on that."""
_BEHIND = 16 * _FRAME
"""A keyword is told when it has ended this long ago: ten frames of its own, and what its features look ahead."""
_FIRST = RATE
_LONGEST_UTTERANCE = 20 * RATE
_SEARCH = "words"

# Scores are logarithms to the base 1.0001, shifted; a hit's "probability" is its likelihood less a constant.
_LOG_BASE = math.log(1.0001)
_SHIFT = 1024
_CONSTANT = 1500


def model() -> Path:
    """Return the folder of the acoustic model that comes with the package."""
    return Path(pocketsphinx.get_model_path("en-us")) / "en-us"


def dictionary() -> Path:
    """Return the dictionary that comes with the package."""
    return Path(pocketsphinx.get_model_path("en-us")) / "cmudict-en-us.dict"


def threshold(keyword: Keyword, sensitivity: float = 1.0) -> float:
    """Return from which likelihood on (a power of ten) a keyword counts. 0.1 of ``sensitivity`` is a power of ten."""
    usual = THRESHOLDS.get(keyword.length, LEAST) if keyword.threshold is None else keyword.threshold
    return usual - 10 * (sensitivity - 1)


class SphinxSpotter:
    """A ``WordSpotter``. The decoder's memory of an utterance grows: so it is cut, and what may have been cut in the
    middle is listened to again. The first cuts come early, since the decoder learns from each how the voice is
    recorded."""

    def __init__(self, keywords: Sequence[Keyword], sensitivity: float = 1.0) -> None:
        self._longest = [round(keyword.longest * RATE) for keyword in keywords]
        self._context = max(self._longest)
        self._thresholds = [threshold(keyword, sensitivity) for keyword in keywords]
        self._decoder = _decoder(keywords, self._thresholds)
        self._kept: list[Speech] = []  # pieces, of which the last is the newest: as many as may be needed again
        self._rest: Speech = np.zeros(0, np.int16)
        self._fed = 0
        self._began = 0  # the utterance, at this sample
        self._step = _FIRST  # new samples until it is cut
        self._next_cut = _FIRST
        self._told: dict[tuple[int, int, int], None] = {}  # hits, in order
        self._decoder.start_utt()

    @property
    def decided(self) -> int:
        """The sample before which no later hit begins."""
        return max(0, self._fed - self._context - _BEHIND)

    def feed(self, speech: "Speech") -> list[Hit]:
        """Listen to what comes next."""
        waiting = np.concatenate([self._rest, speech])
        whole = len(waiting) // _PIECE * _PIECE
        self._rest = waiting[whole:]
        hits: list[Hit] = []
        for at in range(0, whole, _PIECE):
            hits += self._listen(waiting[at : at + _PIECE])
        return hits

    def close(self) -> None:
        """Let go of the decoder."""
        self._kept.clear()
        del self._decoder

    def _listen(self, piece: "Speech") -> list[Hit]:
        if self._fed >= self._next_cut:
            self._cut()
        self._kept.append(piece)
        if len(self._kept) > self._context // _PIECE + 2:
            del self._kept[0]
        self._fed += _PIECE
        self._decoder.process_raw(piece.tobytes())
        return self._heard()

    def _is_hiss(self, word: int, start: int, end: int) -> bool:
        """Whether a hit is too long to be a word, or has begun before anything was heard, and has no voice in it: a
        hiss goes on for as long as one likes, and is much like any F."""
        begins = end - self._longest[word]
        return start <= max(begins, self._began + _PIECE) and not has_voice(self._speech(begins, end))

    def _speech(self, start: int, end: int) -> "Speech":
        """Return what of an interval is kept."""
        kept = np.concatenate(self._kept)
        before = self._fed - len(kept)
        return kept[max(0, start - before) : max(0, end - before)]

    def _cut(self) -> None:
        """End the utterance, and begin the next a little earlier."""
        self._decoder.end_utt()
        self._step = min(2 * self._step, _LONGEST_UTTERANCE)
        self._next_cut = self._fed + self._step
        self._began = self._fed - len(self._kept) * _PIECE
        self._decoder.get_cmn(True)
        self._decoder.start_utt()
        for piece in self._kept:
            self._decoder.process_raw(piece.tobytes())

    def _heard(self) -> list[Hit]:
        if self._decoder.hyp() is None:
            return []
        hits = []
        for segment in self._decoder.seg():
            word = int(segment.word.strip().partition("-")[0])
            start, end = (self._began + frame * _FRAME for frame in (segment.start_frame, segment.end_frame + 1))
            if (word, start, end) not in self._told:
                self._told[word, start, end] = None
                if self._is_hiss(word, start, end):
                    continue
                likelihood = _likelihood(segment.prob)
                score = 1 - 0.5 * 10 ** -max(0.0, (likelihood - self._thresholds[word]) / 20)
                hits.append(Hit(word, max(start, self.decided), end, score, likelihood))
        while len(self._told) > 1000:
            del self._told[next(iter(self._told))]
        return hits


def _decoder(keywords: Sequence[Keyword], thresholds: Sequence[float]) -> Any:  # noqa: ANN401 - it has no types
    decoder = pocketsphinx.Decoder(hmm=str(model()), dict=os.devnull, lm=None, loglevel="FATAL")
    lines = []
    for number, (keyword, power) in enumerate(zip(keywords, thresholds, strict=True)):
        for way, phonemes in enumerate(keyword.pronunciations):
            decoder.add_word(f"{number}-{way}", " ".join(phonemes), False)
            lines.append(f"{number}-{way} /{_written(power)}/\n")
    # Read at once; only numbers are in it.
    with tempfile.NamedTemporaryFile("w", suffix=".kws") as file:
        file.writelines(lines)
        file.flush()
        decoder.add_kws(_SEARCH, file.name)
    decoder.activate_search(_SEARCH)
    return decoder


def _written(power: float) -> str:
    whole = math.floor(power)
    return f"{10 ** (power - whole):.4f}e{whole}"


def _likelihood(probability: float) -> float:
    """Return a hit's likelihood as a power of ten."""
    return (math.log(max(probability, 1e-300)) / _LOG_BASE + _CONSTANT) * _SHIFT * _LOG_BASE / math.log(10)
