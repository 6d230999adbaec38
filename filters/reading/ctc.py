"""Decodes what a recogniser sees step by step (CTC). Pure, no I/O."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Decoded(NamedTuple):
    """A text, its ``edges`` as a ``Reading`` has them, and how sure each character is: 0 to 1."""

    text: str
    edges: tuple[float, ...]
    sure: tuple[float, ...]


def decoded(likely: "NDArray[np.float32]", characters: Sequence[str], step: float, width: int) -> Decoded:
    """Return what the likelihoods (steps, characters) say: the best path, repeats and blanks left out.

    ``characters``: the first one is the blank. ``step``: pixels of the line from one step to the next; the line is
    ``width`` pixels wide.
    """
    best = likely.argmax(1)
    begins = np.flatnonzero(np.diff(best, prepend=0))
    if not len(begins):
        return Decoded("", (0.0,), ())
    most = np.maximum.reduceat(likely[np.arange(len(best)), best], begins)
    letters = best[begins] > 0
    centres = ((begins[letters] + 0.5) * step).tolist()
    inner = [(left + right) / 2 for left, right in pairwise(centres)]
    reach = step * 2
    edges = (max(0.0, centres[0] - reach), *inner, min(float(width), centres[-1] + reach))
    text = "".join(characters[number] for number in best[begins[letters]])
    return Decoded(text, edges, tuple(most[letters].tolist()))
