"""The filter ``bleep``: words of a list are heard as a tone, or not at all."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from filters.api import SAMPLE_RATE, TICKS, Detector, Effect, Finding, Kind, Sound, Stream, Upto
from filters.errors import SpecError
from filters.speech.lexicon import keywords
from filters.speech.resample import FACTOR, Resampler
from filters.speech.spotter import Hit, WordSpotter
from filters.speech.words import Entry, gathered

BEFORE = TICKS * 60 // 1000
"""Ticks that are covered before where a word was heard: it is said to begin up to 43 ms late."""
AFTER = TICKS * 130 // 1000
"""And after that: it is said to end up to 109 ms early."""

_LATENCY = 0.9  # seconds from a word's end until it has been told, with what is covered before it; half of it to spare
_MARGIN = 0.15  # seconds: what is covered before a word's beginning, what resampling takes, and rounding
_CONTEXT = 1.0  # seconds until the recogniser knows how a voice is recorded


class Bleep(Detector):
    """Put a tone in the place of words that must not be heard. English; words of five sounds and more, best of six.

    words: words and phrases, as in words=darn+son of a gun.
    lists: english (what is not said on daytime radio, but for short words, which would be found everywhere),
    english-short (these: expect many tones where nothing was said), or none.
    file: the absolute path of a file with one word or phrase a line; # begins a comment. A line may give a
    pronunciation (veilcast = V EY L K AE S T, in phonemes of the CMU dictionary) and a threshold (darn /1e-15/).
    tone: beep (1 kHz) or mute.
    mouth: cover the speaker's mouth, too. Not available yet.
    sensitivity: from 0 to 2. 0.1 more finds words that are ten times less likely, and more that are none.
    model: the absolute path of a folder with a streaming zipformer2 model for sherpa-onnx (a transducer: encoder*.onnx,
    decoder*.onnx, joiner*.onnx, tokens.txt; or CTC: ctc*.onnx or model*.onnx, tokens.txt). It transcribes what is said,
    in its language, and words are found as they are written: short ones, too; pronunciations and thresholds mean
    nothing then, nor does sensitivity. It needs pip install 'veilcast[sherpa]'. Tried with models made for tests, which
    hear tones; not with one of real speech: try yours before you rely on it.
    """

    context = _CONTEXT

    def __init__(
        self,
        *,
        words: tuple[str, ...] = (),
        lists: tuple[Literal["english", "english-short", "none"], ...] = ("english",),
        file: str = "",
        tone: Literal["beep", "mute"] = "beep",
        mouth: bool = False,
        sensitivity: float = 1.0,
        model: str = "",
    ) -> None:
        if mouth:
            raise SpecError("the option mouth is not available yet")
        if not 0 <= sensitivity <= 2:
            raise SpecError(f"the option sensitivity is from 0 to 2, not {sensitivity:g}")
        entries = gathered(words, lists, file)
        self._effect = Effect.TONE if tone == "beep" else Effect.MUTE
        self._made, behind = _sherpa(entries, model) if model else _sphinx(entries, sensitivity)
        self.lookahead = round(behind, 1)
        self._spotter: WordSpotter | None = None
        self._resampler = Resampler()
        self._first: int | None = None  # the number of the first sample that the spotter was fed
        self._next = 0  # the number of the sample that is to come
        self._cleared = 0  # ticks

    def open(self, stream: Stream) -> None:
        """Load the model."""
        self._begin()

    def close(self) -> None:
        """Let go of the model."""
        if self._spotter is not None:
            self._spotter.close()
            self._spotter = None

    def sound(self, sound: Sound) -> Iterator[Finding]:
        """Listen to the next sound."""
        if self._first is None or sound.first != self._next:
            if self._first is not None:  # what is missing nobody has heard: begin anew
                self._begin()
            self._first = sound.first
        self._next = sound.first + sound.samples.shape[1]
        assert self._spotter is not None
        for hit in self._spotter.feed(self._resampler.feed(sound.samples)):
            yield self._finding(hit)
        decided = self._ticks(self._spotter.decided) - BEFORE
        self._cleared = max(self._cleared, decided)

    def clearance(self, seen: Upto) -> Upto:
        """Return how far it has made up its mind: a word is told of when it has ended."""
        return seen._replace(sound=min(seen.sound, self._cleared))

    def _begin(self) -> None:
        self.close()
        self._spotter = self._made()
        self._resampler = Resampler()
        self._first = None

    def _finding(self, hit: Hit) -> Finding:
        # It may be longer than any word should be: what has been cleared of it has gone out.
        start = max(self._ticks(hit.start) - BEFORE, self._cleared)
        end = max(self._ticks(hit.end) + AFTER, start + 1)
        return Finding(Kind.SOUND, start, end, "word", None, hit.score, self._effect)

    def _ticks(self, speech: int) -> int:
        """Return when a sample of speech is heard."""
        assert self._first is not None
        return (self._first + speech * FACTOR) * TICKS // SAMPLE_RATE


# Who only asks what options there are needs neither of these.


def _sphinx(entries: Sequence[Entry], sensitivity: float) -> tuple[Callable[[], WordSpotter], float]:
    """Return what makes a spotter, and how many seconds it needs."""
    from filters.speech.sphinx import SphinxSpotter, dictionary

    known = keywords(entries, dictionary())
    return lambda: SphinxSpotter(known, sensitivity), max(keyword.longest for keyword in known) + _LATENCY


def _sherpa(entries: Sequence[Entry], model: str) -> tuple[Callable[[], WordSpotter], float]:
    from filters.speech.sherpa import Recogniser, SherpaSpotter, behind

    recogniser = Recogniser(model)
    return lambda: SherpaSpotter(entries, recogniser), behind(entries, recogniser) + _MARGIN
