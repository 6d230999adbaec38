"""How words are said, in American English: by the dictionary that comes with pocketsphinx, or by its parts.

There is no library of grapheme-to-phoneme rules to be had that works from its package alone and fits (see
ARCHITECTURE.md), so a word that is not in the dictionary is taken apart: into one that is and a regular ending, or into
two that are. What cannot be taken apart must be given with its pronunciation.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from pathlib import Path

from filters.errors import SpecError
from filters.speech.spotter import Keyword
from filters.speech.words import Entry, check_length

Sounds = tuple[str, ...]

_WAYS = 6  # to say a phrase: each is looked for
_SHORTEST_PART = 3  # letters
_NAMED = 6  # places that an error lists
_HISSING = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})
_VOICELESS = frozenset({"P", "T", "K", "F", "TH", "S", "SH", "CH", "HH"})


def keywords(entries: Sequence[Entry], dictionary: Path) -> list[Keyword]:
    """Return how each of the entries is said. Raises SpecError, which tells where those are that nobody knows."""
    words = {word for entry in entries if entry.phonemes is None for word in entry.spelling.split()}
    known = _looked_up(dictionary, {part for word in words for part in _parts(word)})
    made, unknown = [], []
    for entry in entries:
        if entry.phonemes is not None:
            made.append(Keyword((entry.phonemes,), entry.threshold))
            continue
        said = [_said(word, known) for word in entry.spelling.split()]
        if not all(said):
            unknown.append(entry.place)
            continue
        ways = tuple(dict.fromkeys(sum(way, ()) for way in islice(product(*said), _WAYS)))
        for way in ways:
            check_length(len(way), entry.place)
        made.append(Keyword(ways, entry.threshold))
    if unknown:
        raise SpecError(
            f"nobody knows how to say {_places(unknown)}: write how, as in word = W ER D, in phonemes of the CMU "
            "dictionary"
        )
    return made


def _places(places: Sequence[str]) -> str:
    more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
    return ", ".join(places[:_NAMED]) + more


def _looked_up(dictionary: Path, wanted: set[str]) -> dict[str, list[Sounds]]:
    found: dict[str, list[Sounds]] = {}
    with dictionary.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            name, _, sounds = line.partition(" ")
            word = name.partition("(")[0]
            if word in wanted:
                found.setdefault(word, []).append(tuple(sounds.split()))
    return found


def _parts(word: str) -> Iterator[str]:
    """Yield all that it may be made of."""
    yield word
    for stem, _ in _endings(word):
        yield stem
    for one, other in _halves(word):
        yield from (one, other)
        yield from (stem for stem, _ in _endings(other))


def _said(word: str, known: Mapping[str, list[Sounds]]) -> list[Sounds]:
    return _whole(word, known) or next(
        (
            [one + other for one, other in product(known[first], ends)]
            for first, second in _halves(word)
            if first in known and (ends := _whole(second, known))
        ),
        [],
    )


def _whole(word: str, known: Mapping[str, list[Sounds]]) -> list[Sounds]:
    if word in known:
        return known[word]
    return [
        stem_sounds + _ending(ending, stem_sounds[-1])
        for stem, ending in _endings(word)
        for stem_sounds in known.get(stem, ())
    ][:_WAYS]


def _halves(word: str) -> Iterable[tuple[str, str]]:
    """Yield what may be the two words of a compound, the longest first one first."""
    if "-" in word:
        one, _, other = word.partition("-")
        yield one, other
        return
    for at in range(len(word) - _SHORTEST_PART, _SHORTEST_PART - 1, -1):
        yield word[:at], word[at:]


def _endings(word: str) -> Iterator[tuple[str, str]]:
    """Yield what it may be a form of, with the ending: s, d, ing, er, ers or y."""
    for ending, name in (("'s", "s"), ("es", "s"), ("s", "s"), ("ed", "d"), ("d", "d")):
        if word.endswith(ending):
            yield word[: -len(ending)], name
    for ending in ("ing", "in'", "ers", "er", "y"):
        if word.endswith(ending):
            stem = word[: -len(ending)]
            name = "ing" if ending == "in'" else ending
            yield stem, name
            yield f"{stem}e", name
            if re.search(r"([bdgklmnprt])\1$", stem):
                yield stem[:-1], name
    if word.endswith("ed") and re.search(r"([bdgklmnprt])\1ed$", word):
        yield word[:-3], "d"
    if word.endswith("ies"):
        yield f"{word[:-3]}y", "s"


def _ending(name: str, last: str) -> Sounds:
    match name:
        case "s":
            return ("IH", "Z") if last in _HISSING else ("S",) if last in _VOICELESS else ("Z",)
        case "d":
            return ("IH", "D") if last in ("T", "D") else ("T",) if last in _VOICELESS else ("D",)
        case "ing":
            return ("IH", "NG")
        case "er":
            return ("ER",)
        case "ers":
            return ("ER", "Z")
        case _:
            return ("IY",)
