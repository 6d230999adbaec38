"""What a finder says: a part of a text, what it is, and how sure that is. Values only."""

import re
from typing import NamedTuple

_CURSOR = re.compile(r"[\s|_\N{LEFT ONE EIGHTH BLOCK}-\N{RIGHT HALF BLOCK}\N{FULL BLOCK}\N{HORIZONTAL ELLIPSIS}]*\Z")


class Match(NamedTuple):
    """Characters ``start`` to ``end`` of a text are a secret of the sort ``category``; ``score`` is from 0 to 1.

    ``partial``: it may be the beginning of one that is still being typed, or one that a border cuts off.
    """

    category: str
    start: int
    end: int
    score: float
    partial: bool = False


def at_end(text: str, end: int) -> bool:
    """Tell whether nothing but a cursor or white space stands from ``end`` on."""
    return _CURSOR.match(text, end) is not None


def merged(matches: list[Match]) -> list[Match]:
    """Return them sorted, and one for all that overlap: the surest names it, and a complete one those that are not."""
    result: list[Match] = []
    for match in sorted(matches, key=lambda one: (one.start, -one.end)):
        if result and match.start < result[-1].end:
            result[-1] = _joined(result[-1], match)
        else:
            result.append(match)
    return result


def _joined(one: Match, other: Match) -> Match:
    surer = max(one, other, key=lambda match: (not match.partial, match.score))
    return surer._replace(start=min(one.start, other.start), end=max(one.end, other.end))
