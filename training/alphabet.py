"""What the reader tells apart, and what it takes for something that looks like it."""

ASCII = "".join(map(chr, range(0x20, 0x7F)))
_LATIN = "äöüéèêàáâíîóôúûñçåøæ"
ALPHABET = ASCII + _LATIN + _LATIN.upper() + "ß€£§°©«»•"
CLASSES = len(ALPHABET) + 1
"""The first one is none of the characters: a CTC's blank."""
_NUMBERS = {character: number for number, character in enumerate(ALPHABET, 1)}
_FOLDED = str.maketrans(
    {"\u2013": "-", "\u2014": "-", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " "}
)


def numbers(text: str) -> list[int]:
    """Return the classes of the characters of ``text``, which are all of the alphabet."""
    return [_NUMBERS[character] for character in text.translate(_FOLDED)]
