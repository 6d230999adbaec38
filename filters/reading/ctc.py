"""Decodes what a recogniser sees step by step (CTC). Pure, no I/O."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


WIDEST = 1.1
"""Of a line's height, with some ground around it: letters are no further apart than that but across a space."""


class Decoded(NamedTuple):
    """A text, its ``edges`` as a ``Reading`` has them, and how sure each character is: 0 to 1."""

    text: str
    edges: tuple[float, ...]
    sure: tuple[float, ...]


def decoded(
    likely: "NDArray[np.float32]", characters: Sequence[str], step: float, width: int, widest: float = math.inf
) -> Decoded:
    """Return what the likelihoods (steps, characters) say: the best path, repeats and blanks left out.

    ``characters``: the first one is the blank. ``step``: pixels of the line from one step to the next; the line is
    ``width`` pixels wide. Between letters that are more than ``widest`` pixels apart a space has been overlooked.
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
    sure = most[letters].tolist()
    gaps = [at for at, (left, right) in enumerate(pairwise(centres), 1) if right - left > widest]
    return _spaced(text, edges, sure, [at for at in gaps if " " not in text[at - 1 : at + 1]], widest / 4)


def _spaced(text: str, edges: Sequence[float], sure: Sequence[float], places: Sequence[int], reach: float) -> Decoded:
    """Return the same with spaces before the letters at ``places``, as sure as what is beside them."""
    letters, lefts, all_sure = list(text), list(edges), list(sure)
    for at in reversed(places):
        middle = lefts[at]
        letters.insert(at, " ")
        lefts[at : at + 1] = [middle - reach, middle + reach]
        all_sure.insert(at, min(all_sure[at - 1 : at + 1]))
    return Decoded("".join(letters), tuple(lefts), tuple(all_sure))
