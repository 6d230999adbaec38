"""Reads what is to be looked for: words and phrases, one a line, from options, files and Veilcast's own lists.

    # a comment
    darn                            a word
    son of a gun                    a phrase
    darn /1e-15/                    with a threshold of its own
    veilcast = V EY L K AE S T      with its pronunciation

What is wrong is told by where it stands, never by what it says.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from filters.errors import SpecError

MOST = 500
"""Words and phrases in all: each costs time."""
PHONEMES = frozenset(
    [
        *("AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY", "JH"),
        *("K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH"),
    ]
)
"""ARPAbet, as in the CMU dictionary; digits for stress are taken, too, and mean nothing."""
NO_LIST = "none"

_LONGEST_FILE = 1 << 20
_LONGEST_PHRASE = 60  # phonemes
_LETTERS = 200
_THRESHOLD = re.compile(r"/\s*([^/\s]+)\s*/\s*$")
_SPELLING = re.compile(r"[\w'.-]+(?: [\w'.-]+)*")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line: ``spelling`` (lower case, single spaces), where it stands (``word 2 of the option words``), and what was
    given with it: its phonemes, and the threshold as a power of ten."""

    spelling: str
    place: str
    phonemes: tuple[str, ...] | None = None
    threshold: float | None = None


def gathered(words: Iterable[str], lists: Iterable[str], file: str) -> list[Entry]:
    """Return what is asked for, each spelling once: what was written last counts, a file more than a list.

    Raises SpecError.
    """
    entries: dict[str, Entry] = {}
    for name in lists:
        if name != NO_LIST:
            entries.update((entry.spelling, entry) for entry in _lines(_own(name), f"the list {name}"))
    if file:
        entries.update((entry.spelling, entry) for entry in _lines(_read(file), "the file"))
    for number, text in enumerate(words, 1):
        if (entry := read(text, f"word {number} of the option words")) is not None:
            entries[entry.spelling] = entry
    if not entries:
        raise SpecError("it has no words: give it words=one+another, file=/path/of/words.txt, or lists=english")
    if len(entries) > MOST:
        raise SpecError(f"it has {len(entries)} words, and can look for {MOST}")
    return list(entries.values())


def read(line: str, place: str) -> Entry | None:
    """Return what a line asks for; None if that is nothing. Raises SpecError, which names the place alone."""
    text = line.partition("#")[0].strip()
    if not text:
        return None
    threshold = None
    if found := _THRESHOLD.search(text):
        threshold = _power(found[1], place)
        text = text[: found.start()]
    written, equals, sounds = text.partition("=")
    spelling = " ".join(written.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())
    if not _SPELLING.fullmatch(spelling) or len(spelling) > _LETTERS:
        raise SpecError(f"{place} is neither a word nor a phrase: write letters, spaces, and ' or - within words")
    return Entry(spelling, place, _phonemes(sounds, place) if equals else None, threshold)


def _phonemes(text: str, place: str) -> tuple[str, ...]:
    phonemes = tuple(re.sub(r"[012]$", "", sound) for sound in text.upper().split())
    if not phonemes or not PHONEMES.issuperset(phonemes):
        raise SpecError(
            f"{place} has a pronunciation that is none: write phonemes of the CMU dictionary with spaces, as in "
            "V EY L K AE S T"
        )
    check_length(len(phonemes), place)
    return phonemes


def check_length(phonemes: int, place: str) -> None:
    """Raise SpecError if that many cannot be looked for."""
    if not 2 <= phonemes <= _LONGEST_PHRASE:
        raise SpecError(f"{place} has {phonemes} phonemes: 2 to {_LONGEST_PHRASE} can be looked for")


def _power(text: str, place: str) -> float:
    try:
        power = math.log10(float(text))
    except ValueError:
        power = math.nan
    if not -100 <= power <= 50:
        raise SpecError(f"{place} has a threshold that is none: write it as /1e-20/, from 1e-100 to 1e50")
    return power


def _lines(text: str, name: str) -> Iterator[Entry]:
    for number, line in enumerate(text.splitlines(), 1):
        if (entry := read(line, f"line {number} of {name}")) is not None:
            yield entry


def _own(name: str) -> str:
    return resources.files("filters.speech").joinpath("lists", f"{name}.txt").read_text(encoding="utf-8")


def _read(path: str) -> str:
    if not Path(path).is_absolute():
        raise SpecError("the option file is an absolute path: it is read on the server")
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LONGEST_FILE + 1)
        if len(content) > _LONGEST_FILE:
            raise SpecError("the file of words is larger than 1 MiB")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SpecError("the file of words is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise SpecError(f"the file of words cannot be read: {reason}") from None
