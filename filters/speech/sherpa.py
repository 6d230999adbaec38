"""Transcribes speech with a streaming model that the operator has, by sherpa-onnx, and looks for words in what it says.

The runtime and all that is here have been tried with models that tests make, which hear tones. No model of real speech
has been tried: how well words are found, and how true the times of tokens are, is not known.
"""

import importlib.util
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from filters.errors import FilterError, SpecError
from filters.speech.sherpa_files import found_in
from filters.speech.spotter import RATE, Hit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from filters.speech.spotter import Speech
    from filters.speech.words import Entry

# A token's time is that of the frame in which the model made up its mind: somewhere in what it stands for, or later.
EARLY = 0.3
"""Seconds that a word is taken to begin before its first token."""
LATE = 0.5
"""Seconds that it is taken to go on after its last one, but for the next word; it is waited that long for another."""
RESTART = 60 * RATE
"""Samples after which another stream is begun: what the runtime keeps of one grows."""

_LEAST = 0.12  # seconds after its last token, whatever comes next
_WARM = 1.0  # seconds that a new stream has heard before what is said in it counts
_SLACK = 0.2  # seconds by which two streams may differ
_PIECE = RATE // 10
"""It is fed in pieces of this many samples, whatever comes, so that what it finds does not depend on that."""
_FRAME = RATE // 100
_WINDOW = 3 * _FRAME  # of features, and the frame that the runtime waits for beyond what it needs

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff"  # each is a word of its own
_LETTER = rf"[^\W_{_IDEOGRAPHS}]"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|{_LETTER}+(?:['\u2019.]{_LETTER}+)*")


@dataclass(frozen=True, slots=True)
class Word:
    """A word, as ``words_in`` spells it, the times of its first and last token (seconds), and how likely they are."""

    text: str
    first: float
    last: float
    score: float


class Recogniser:
    """The model in a folder: looked at when it is made, loaded when it is first needed."""

    def __init__(self, folder: str) -> None:
        if importlib.util.find_spec("sherpa_onnx") is None:
            raise SpecError("the option model needs sherpa-onnx: pip install 'veilcast[sherpa]'")
        self._model = found_in(folder)
        self._loaded: Any = None

    @property
    def frames(self) -> int:
        """Samples of speech that it is given at a time."""
        return self._model.frames * _FRAME

    @property
    def shift(self) -> int:
        """Samples from where it is given some to where it is given the next."""
        return self._model.shift * _FRAME

    def load(self) -> Any:  # noqa: ANN401 - it has no types
        """Return sherpa-onnx's recogniser, which has listened to a little silence. Raises FilterError."""
        if self._loaded is None:
            try:
                self._loaded = self._made()
                stream = self._loaded.create_stream()
                stream.accept_waveform(RATE, np.zeros(self.frames + 2 * self.shift, np.float32))
                while self._loaded.is_ready(stream):
                    self._loaded.decode_stream(stream)
            except Exception as error:  # the runtime's, of many kinds
                self._loaded = None
                reason = " ".join(str(error).split())[:300]
                raise FilterError(
                    f"sherpa-onnx cannot use what is in the folder of the option model: {reason}"
                ) from None
        return self._loaded

    def _made(self) -> Any:  # noqa: ANN401
        from sherpa_onnx import OnlineRecognizer

        parts = {name: str(path) for name, path in self._model.parts.items()}
        common = {"tokens": str(self._model.tokens), "num_threads": 1, "decoding_method": "greedy_search"}
        if "ctc" in parts:
            return OnlineRecognizer.from_zipformer2_ctc(model=parts["ctc"], **common)
        return OnlineRecognizer.from_transducer(**parts, **common)


class SherpaSpotter:
    """A ``WordSpotter``. What a stream has said once it does not take back; so a word is told when the next one has
    begun, or there has been none for ``LATE``, and none that is still to be told begins earlier than the longest that
    is listed may last before that. Streams follow one another, and hear the same for a while, so that no word is cut.
    """

    def __init__(self, entries: Sequence["Entry"], recogniser: Recogniser) -> None:
        self._listed = listed(entries)
        self._lengths = sorted({len(sequence) for sequence in self._listed})
        self._behind = round((_longest(entries) + LATE + EARLY) * RATE)
        self._overlap = self._behind + recogniser.frames + round((_WARM + _SLACK) * RATE)
        self._recogniser = recogniser
        self._ear = _Ear(recogniser, 0)
        self._other: _Ear | None = None  # the one that follows
        self._rest: Speech = np.zeros(0, np.int16)
        self._fed = 0
        self._decided = 0

    @property
    def decided(self) -> int:
        """The sample before which no later hit begins."""
        return self._decided

    def feed(self, speech: "Speech") -> list[Hit]:
        """Listen to what comes next."""
        waiting = np.concatenate([self._rest, speech])
        whole = len(waiting) // _PIECE * _PIECE
        self._rest = waiting[whole:]
        hits: list[Hit] = []
        for at in range(0, whole, _PIECE):
            hits += self._listen(waiting[at : at + _PIECE].astype(np.float32) / np.float32(32768))
        return hits

    def close(self) -> None:
        """Let go of the streams."""
        self._ear.close()
        if self._other is not None:
            self._other.close()

    def _listen(self, piece: "NDArray[np.float32]") -> list[Hit]:
        self._fed += _PIECE
        hits = list(self._hits()) if self._ear.feed(piece) else []
        self._decided = max(self._decided, self._ear.heard - self._behind)
        if self._other is not None:
            self._other.feed(piece)
            if self._fed - self._other.began >= self._overlap:
                self._other.told = self._ear.heard / RATE - LATE - _SLACK
                self._ear.close()
                self._ear, self._other = self._other, None
        elif self._fed - self._ear.began >= RESTART:
            self._other = _Ear(self._recogniser, self._fed)
        return hits

    def _hits(self) -> Iterator[Hit]:
        words = self._ear.words()
        for number in self._ear.ended(words):
            end = words[number].last + LATE
            if number + 1 < len(words):
                end = max(words[number].last + _LEAST, min(end, words[number + 1].first))
            for length in self._lengths:
                if length > number + 1:
                    break
                said = words[number + 1 - length : number + 1]
                for entry in self._listed.get(tuple(word.text for word in said), ()):
                    start = max(self._decided, round((said[0].first - EARLY) * RATE))
                    score = min(word.score for word in said)
                    yield Hit(entry, start, max(start + 1, round(end * RATE)), score, float(np.log10(score)))


class _Ear:
    """One stream, which hears from sample ``began`` on, and has decoded all before ``heard``.

    What has ended before ``told`` (seconds) has been told by another one.
    """

    def __init__(self, recogniser: Recogniser, began: int) -> None:
        self.began = self.heard = began
        self.told = -1.0
        self._shift = recogniser.shift
        self._runtime = recogniser.load()
        self._stream = self._runtime.create_stream()
        self._done: list[str] = []  # words that have been told

    def feed(self, piece: "NDArray[np.float32]") -> bool:
        """Listen to what comes next; return whether more has been decoded."""
        before = self.heard
        self._stream.accept_waveform(RATE, piece)
        while self._runtime.is_ready(self._stream):
            self._runtime.decode_stream(self._stream)
            self.heard += self._shift
        return self.heard > before

    def words(self) -> list[Word]:
        """Return all that has been said so far."""
        result = self._runtime.get_result_all(self._stream)
        start = self.began / RATE
        times = [start + time for time in result.timestamps]
        return joined(result.tokens, times, result.ys_probs)

    def ended(self, words: Sequence[Word]) -> Iterator[int]:
        """Yield the numbers of words that have ended since it was last asked; and again, if one has gone on."""
        done = len(self._done)
        if done and words[done - 1].text != self._done[-1]:
            done -= 1
        for number in range(done, len(words)):
            if number + 1 == len(words) and words[number].last + LATE > self.heard / RATE:
                return
            self._done[number:] = [words[number].text]
            if words[number].last >= self.told:
                yield number

    def close(self) -> None:
        """Let go of the stream."""
        self._stream = self._runtime = None


def behind(entries: Sequence["Entry"], recogniser: Recogniser) -> float:
    """Return how many seconds of what it has been fed a spotter may not have decided on."""
    return _longest(entries) + LATE + EARLY + (recogniser.frames + _WINDOW + _PIECE) / RATE


def listed(entries: Sequence["Entry"]) -> dict[tuple[str, ...], list[int]]:
    """Return which of the entries are meant by a sequence of words. Raises SpecError for one that has no letters."""
    found: dict[tuple[str, ...], list[int]] = {}
    for number, entry in enumerate(entries):
        apart = tuple(words_in(entry.spelling))
        together = tuple("".join(words_in(part)) for part in entry.spelling.split())  # words with a hyphen
        if not apart:
            raise SpecError(f"{entry.place} has neither a letter nor a digit")
        for way in {apart, together}:
            found.setdefault(way, []).append(number)
    return found


def words_in(text: str) -> list[str]:
    """Return the words of a text as they are compared: without case, and without marks in them (``don't``: dont)."""
    return [_spelled(found[0]) for found in _WORD.finditer(unicodedata.normalize("NFC", text))]


def joined(tokens: Sequence[str], times: Sequence[float], scores: Sequence[float]) -> list[Word]:
    """Return the words that tokens make: pieces, of which those that begin a word begin with a space or U+2581.

    ``scores``: the logarithms of how likely they are; or none, if the model does not tell.
    """
    text = ""
    whose: list[int] = []  # token, by character
    for number, token in enumerate(tokens):
        special = token.startswith("<") and token.endswith(">") and len(token) > 2
        piece = " " if special else unicodedata.normalize("NFC", token.replace("\u2581", " "))
        text += piece
        whose += [number] * len(piece)
    if len(times) != len(tokens):
        raise FilterError("sherpa-onnx tells other tokens than times")
    words = []
    for found in _WORD.finditer(text):
        first, last = whose[found.start()], whose[found.end() - 1]
        sure = float(np.exp(min(scores[first : last + 1]))) if len(scores) == len(tokens) else 1.0
        words.append(Word(_spelled(found[0]), times[first], times[last], min(1.0, max(1e-9, sure))))
    return words


def _spelled(word: str) -> str:
    return re.sub(r"[\W_]", "", word.casefold())


def _longest(entries: Sequence["Entry"]) -> float:
    """Return how many seconds any of them may last. There are hardly fewer letters than phonemes."""
    return 0.8 + 0.1 * max(len(entry.spelling) for entry in entries)
