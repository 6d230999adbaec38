"""The border between a detector and whatever recognises speech. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Speech: TypeAlias = NDArray[np.int16]

RATE = 16_000
"""Samples of speech in a second, as recognisers want it."""


@dataclass(frozen=True, slots=True)
class Keyword:
    """A word or phrase to look for, as one sequence of phonemes (ARPAbet without stress) for each way to say it.

    ``threshold``: how much likelier it must be than any other speech, as a power of ten; None: as its length suggests.
    """

    pronunciations: tuple[tuple[str, ...], ...]
    threshold: float | None = None

    @property
    def length(self) -> int:
        """Phonemes of the shortest way to say it."""
        return min(map(len, self.pronunciations))

    @property
    def longest(self) -> float:
        """Seconds that it may last. People take some 0.08 s for a phoneme, and 0.13 s when they speak slowly."""
        return 0.8 + 0.1 * max(map(len, self.pronunciations))


@dataclass(frozen=True, slots=True)
class Hit:
    """Keyword number ``word`` was heard from sample ``start`` to before ``end``, counted from the first one fed.

    ``score``: how sure that is, 0 to 1. ``likelihood``: how much likelier than any other speech, as a power of ten.
    """

    word: int
    start: int
    end: int
    score: float
    likelihood: float


class WordSpotter(Protocol):
    """Listens to mono speech at ``RATE``, without a hole, and says where keywords are."""

    def feed(self, speech: "Speech") -> Sequence[Hit]:
        """Listen to what comes next. The same hit may be told again with other borders: all of them count.

        What is found does not depend on how speech is cut into pieces.
        """

    @property
    def decided(self) -> int:
        """The sample before which no later hit begins. Never goes back."""

    def close(self) -> None:
        """Let go of models and memory."""
