"""Which characters text recognition takes for which. Pure.

Tables map one character to one, so that places in a text stay what they are.
"""

import re

DIGIT = r"[0-9OoQDlI|!iSsBZzGbgq]"
"""A character that is a digit or may be one."""
WORD = r"[A-Za-z0-9_|!]"

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\t", " "),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad", "-"),
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f", '"'),
    }
)
_DIGITS = str.maketrans("OoQDlI|!iSsBZzGbgq", "000011111558226699")
_LETTERS = str.maketrans("01|!258", "OIIIZSB")
_SHAPES = str.maketrans("0QqD1|!iI5826,_", "ooqolllllsbzb.-")
_PAIRS = (("rn", "m"), ("nn", "m"), ("vv", "w"), ("cl", "d"))
_ALIKE = ("0oOQD", "1lI|!iíj", "5sS$", "8bB6G", "2zZ", "gq9", "uvUV", "ceCE", ",.", "-_~ ")


def plain(text: str) -> str:
    """Return the text, as long as before, with simple spaces, dashes and quotation marks."""
    return text.translate(_PLAIN)


def as_digits(text: str) -> str:
    """Return the text, as long as before, with digits for letters that look like them."""
    return text.translate(_DIGITS)


def as_letters(text: str) -> str:
    """Return the text, as long as before, in capitals, with letters for digits that look like them."""
    return text.translate(_LETTERS).upper()


def count_digits(text: str) -> int:
    """Return how many characters are digits 0 to 9."""
    return sum(map(text.count, "0123456789"))


def folded(text: str) -> str:
    """Return what two texts have in common if one may be a misreading of the other. Its length is another one."""
    result = "".join(plain(text).replace("©", "@").translate(_SHAPES).lower().split())
    for pair, single in _PAIRS:
        result = result.replace(pair, single)
    return result


def tolerant(text: str) -> str:
    """Return a regular expression, for use without regard to case, for the text and its likely misreadings."""
    parts: list[str] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            parts.append(r"\s*")
            at += 1
            continue
        pair = next(((two, one) for two, one in _PAIRS if text[at : at + 2].lower() == two), None)
        single = next((two for two, one in _PAIRS if text[at].lower() == one), None)
        if pair:
            parts.append(f"(?:{pair[0]}|{pair[1]})")
            at += 2
            continue
        alike = next((group for group in _ALIKE if text[at] in group), text[at])
        one = f"[{re.escape(alike)}]" if len(alike) > 1 else re.escape(alike)
        parts.append(f"(?:{one}|{single})" if single else one)
        at += 1
    return "".join(parts)
