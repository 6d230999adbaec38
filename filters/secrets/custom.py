"""What an operator asks for: words and patterns to hide, and texts to leave alone. Pure.

What is wrong with one is told by where it stands, never by what it says: it may be what is to be hidden.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from filters.errors import SpecError
from filters.secrets.backtracking import reach
from filters.secrets.confusion import folded, tolerant
from filters.secrets.match import Match

LONGEST = 2_000
"""Characters of a text that patterns are looked for in: their time may grow faster than the text."""

_LONGEST_PATTERN = 500


class Bounded(NamedTuple):
    """A regular expression, and in how many characters at once it is looked for, so that it comes to an end."""

    regex: re.Pattern[str]
    reach: int

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where it matches in the first ``LONGEST`` characters; twice, perhaps, where a text is longer than it
        reaches: then it is looked for in parts, each of which overlaps half of the one before."""
        longest = min(len(text), LONGEST)
        for start in range(0, max(1, longest - self.reach // 2), self.reach // 2):
            for found in self.regex.finditer(text, start, min(longest, start + self.reach)):
                if found.end() > found.start():
                    yield found.span()


class Words:
    """Words and phrases, whole, in any case and with the usual misreadings."""

    def __init__(self, words: Sequence[str]) -> None:
        found = []
        for number, word in enumerate(words, 1):
            word = " ".join(word.split())
            if not any(map(str.isalnum, word)):
                raise SpecError(
                    f"word {number} of the option words has neither letters nor digits: write a word or a phrase"
                )
            found.append(tolerant(word))
        self._regex = re.compile(rf"(?i)(?<![^\W_])(?:{'|'.join(found)})(?![^\W_])") if found else None

    def find(self, text: str) -> Iterator[Match]:
        """Yield where they stand."""
        if self._regex:
            for found in self._regex.finditer(text):
                yield Match("word", *found.span(), 0.95)


class Patterns:
    """Regular expressions, as Python's re knows them, searched for in the first ``LONGEST`` characters."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._regexes = [compiled(text, f"pattern {n} of the option patterns") for n, text in enumerate(patterns, 1)]
        for number, bounded in enumerate(self._regexes, 1):
            if bounded.regex.search(""):
                raise SpecError(
                    f"pattern {number} of the option patterns matches nothing at all: let it ask for "
                    f"a character at least"
                )

    def find(self, text: str) -> Iterator[Match]:
        """Yield where they match."""
        for bounded in self._regexes:
            for span in bounded.spans(text):
                yield Match("pattern", *span, 0.95)


class Allowed:
    """Texts that are no secrets: literal ones, ``@example.com`` for a whole domain, ``/…/`` for regular expressions."""

    def __init__(self, allow: Sequence[str]) -> None:
        self._regexes = []
        self._literals = []
        for number, text in enumerate(allow, 1):
            text = text.strip()
            if not text:
                raise SpecError(f"text {number} of the option allow is empty: leave it out")
            if len(text) > 2 and text[0] == text[-1] == "/":
                self._regexes.append(compiled(text[1:-1], f"text {number} of the option allow"))
            else:
                self._literals.append(folded(text))

    def covers(self, text: str, *, partial: bool = False) -> bool:
        """Tell whether a match with this text is to be dropped; ``partial``: whether it may become one that is."""
        if any(bounded.regex.search(text, 0, bounded.reach) for bounded in self._regexes):
            return True
        if not self._literals:
            return False
        seen = folded(text)
        return any(
            seen == literal
            or (literal.startswith("@") and seen.endswith(literal))
            or (partial and len(seen) >= 3 and literal.startswith(seen))
            for literal in self._literals
        )


def compiled(pattern: str, place: str) -> Bounded:
    """Return the regular expression, and how far it reaches. Raises SpecError, which names its place alone."""
    if len(pattern) > _LONGEST_PATTERN:
        raise SpecError(f"{place} has {len(pattern)} characters: {_LONGEST_PATTERN} can be")
    try:
        regex = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        at = f" at character {error.pos + 1}" if isinstance(error, re.error) and error.pos is not None else ""
        raise SpecError(f"{place} is no regular expression{at}: write it as Python's re takes it") from None
    return Bounded(regex, reach(pattern, place))
