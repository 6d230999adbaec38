"""Finds numbers of payment cards. Pure.

ISO/IEC 7812-1: 13 to 19 digits, the first of which name the issuer, the last a check digit (annex B, "Luhn"). Read
wrongly, a number fails the check; written in a card's groups it counts nevertheless, with a lower score.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stdnum import luhn

from filters.secrets.confusion import DIGIT, WORD, as_digits, count_digits
from filters.secrets.match import Match, at_end
from filters.secrets.ordinary import without

CATEGORY = "card-number"

_FOURS = frozenset({4, 8, 12, 16})
_AMEX = frozenset({4, 10})
_SHAPES = {13: _FOURS, 14: _AMEX, 15: _AMEX, 16: _FOURS, 17: _FOURS, 18: _FOURS, 19: _FOURS}
"""After which digits a number of that length is usually parted."""
_ISSUERS = tuple(
    (re.compile(prefix), frozenset(lengths))
    for prefix, lengths in (
        (r"4", (13, 16, 19)),  # Visa
        (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),  # Mastercard
        (r"3[47]", (15,)),  # American Express
        (r"30[0-59]|3[689]", (14, 16, 17, 18, 19)),  # Diners Club
        (r"6011|64[4-9]|65", (16, 17, 18, 19)),  # Discover
        (r"352[89]|35[3-8]", (16, 17, 18, 19)),  # JCB
        (r"62", (16, 17, 18, 19)),  # UnionPay
        (r"220[0-4]", (16, 17, 18, 19)),  # Mir
        (r"50|5[6-8]|6304|67|60|82", (13, 14, 15, 16, 17, 18, 19)),  # Maestro, RuPay, Elo, Verve
    )
)
_MOST_GROUPS = 8
_TOKEN = re.compile(f"{WORD}+")
_ONLY_DIGITS = re.compile(f"{DIGIT}+")
_BETWEEN = re.compile(r"[ .\-]{1,3}\Z")
_LABEL = re.compile(
    r"(?i)(?:\bcard|credit|debit|\bcc|karten?|tarjeta|carte|visa|master\s?card|amex)[\w .\-]{0,16}[:#=]?\s*\Z"
)
_EXPIRY = re.compile(r"\s+(?:\d{2}\s?/\s?\d{2,4}\b|exp)")
_LONGEST_LABEL = 40
_LEAST = 6  # digits that may be the beginning of one


class _Group(NamedTuple):
    start: int
    end: int
    digits: str
    real: int  # how many of them were read as digits


def find(text: str) -> Iterator[Match]:
    """Yield complete numbers, and what may be the beginning of one at the text's end, or its end at the beginning."""
    if count_digits(text) < _LEAST:
        return
    text = without(text)
    for run in _runs(text):
        labelled = _LABEL.search(text[max(0, run[0].start - _LONGEST_LABEL) : run[0].start]) is not None
        at = 0
        while at < len(run):
            if found := _longest(run, at, labelled):
                last, score = found
                yield Match(CATEGORY, run[at].start, run[last].end, score)
                at = last + 1
            else:
                at += 1
        yield from _begun(text, run, labelled)
        yield from _ended(text, run)


def number(text: str) -> Iterator[Match]:
    """Yield what stands in a field for a number: anything with enough digits."""
    for run in _runs(text):
        digits = sum(len(group.digits) for group in run)
        if digits >= _LEAST:
            yield Match(CATEGORY, run[0].start, run[-1].end, 0.7, partial=digits < 13)


def _runs(text: str) -> Iterator[list[_Group]]:
    """Yield groups of digits that stand together, with no more than a dash, a dot or spaces in between."""
    run: list[_Group] = []
    for token in _TOKEN.finditer(text):
        alone = _ONLY_DIGITS.fullmatch(token[0]) is not None
        if run and not (alone and _BETWEEN.fullmatch(text, run[-1].end, token.start())):
            yield run
            run = []
        if alone:
            run.append(_Group(*token.span(), as_digits(token[0]), count_digits(token[0])))
    if run:
        yield run


def _longest(run: Sequence[_Group], first: int, labelled: bool) -> tuple[int, float] | None:
    best: tuple[int, float] | None = None
    digits = 0
    if not run[first].real and len(run[first].digits) != 4:
        return None
    for last in range(first, min(len(run), first + _MOST_GROUPS)):
        digits += len(run[last].digits)
        if digits > 19:
            break
        if (
            digits >= 13
            and (run[last].real or len(run[last].digits) == 4)
            and (score := _score(run, first, last, labelled))
            and (best is None or score >= best[1])
        ):
            best = last, score
    return best


def _score(run: Sequence[_Group], first: int, last: int, labelled: bool) -> float:
    """Return how surely these groups are a number; 0 if they are none."""
    groups = run[first : last + 1]
    digits = "".join(group.digits for group in groups)
    if sum(group.real for group in groups) < 0.6 * len(digits) or not _issued(digits):
        return 0
    parted = _parted(groups)
    if luhn.is_valid(digits) and _issued(digits, len(digits)) and len(set(digits)) > 1:
        if not parted or parted == _parts(len(digits)):
            return 0.97 if parted else 0.9
        if len(parted ^ _parts(len(digits))) <= 2:
            return 0.8
        if len(groups) <= 3 and max(len(group.digits) for group in groups) >= 6:
            return 0.6  # one without groups that was torn apart
    if labelled and len(groups) == 1:
        return 0.7
    if len(groups) < 3 or _table(run, first, last):
        return 0
    lengths = [len(group.digits) for group in groups]
    if digits[0] == "3" and len(groups) == 3:
        off = sum(abs(length - usual) for length, usual in zip(lengths, (4, 6, 5), strict=True))
    elif len(groups) == 4:
        off = sum(abs(length - 4) for length in lengths)
    else:
        return 0
    return 0.65 if off == 0 else 0.5 if off == 1 else 0


def _issued(digits: str, length: int = 0) -> bool:
    return any(prefix.match(digits) and (not length or length in lengths) for prefix, lengths in _ISSUERS)


def _parted(groups: Sequence[_Group]) -> set[int]:
    places, digits = set(), 0
    for group in groups[:-1]:
        digits += len(group.digits)
        places.add(digits)
    return places


def _parts(length: int) -> set[int]:
    return {place for place in _SHAPES[length] if place < length}


def _table(run: Sequence[_Group], first: int, last: int) -> bool:
    """Tell whether these groups are rather some of a row of numbers."""
    beside = [*run[max(0, first - 1) : first], *run[last + 1 : last + 2]]
    if any(group.real == 4 and len(group.digits) == 4 for group in beside):
        return True
    return sum(group.digits.endswith("00") and group.digits != "0000" for group in run[first : last + 1]) >= 2


def _begun(text: str, run: Sequence[_Group], labelled: bool) -> Iterator[Match]:
    if not at_end(text, run[-1].end) or text[max(0, run[0].start - 1) : run[0].start] in ("-", ".", "/"):
        return
    run = [group for group in run if group.real]
    for first in range(max(0, len(run) - 4), len(run)):
        groups = run[first:]
        digits = "".join(group.digits for group in groups)
        lengths = [len(group.digits) for group in groups]
        if (
            not _LEAST <= len(digits) <= 16
            or not _issued(digits)
            or sum(group.real for group in groups) < len(digits) - 1
        ):
            continue
        if len(groups) == 1:
            fits = labelled or len(digits) >= 12
        else:
            usual = (4, 6, 5) if digits[:2] in ("34", "37") else (4, 4, 4, 4)
            fits = lengths[:-1] == list(usual[: len(lengths) - 1]) and lengths[-1] <= (*usual, 0)[len(lengths) - 1]
            fits = fits and not _table(run, first, len(run) - 1)
        if fits:
            yield Match(CATEGORY, groups[0].start, groups[-1].end, 0.5, partial=True)
            return


def _ended(text: str, run: Sequence[_Group]) -> Iterator[Match]:
    """Yield the last two or three groups of a number at the beginning of a text."""
    groups = [group for group in run if group.real][:4]
    if not groups or text[: groups[0].start].strip(" |!-.") or len(groups) not in (2, 3):
        return
    lengths = [len(group.digits) for group in groups]
    digits = sum(lengths)
    alone = at_end(text, groups[-1].end) or _EXPIRY.match(text, groups[-1].end) is not None
    years = sum(group.digits[:2] in ("19", "20") for group in groups)
    if set(lengths[1:]) == {4} and 8 <= digits <= 12 and lengths[0] <= 4 and years < 2 and (digits > 8 or alone):
        yield Match(CATEGORY, groups[0].start, groups[-1].end, 0.4, partial=True)
