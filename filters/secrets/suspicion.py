"""Tells what in a text might be a secret that was misread: what deserves a better, slower reading. Pure.

Errs on the side of too much, but for what screens are full of: prose, menus, dates, times, versions, paths, addresses.
"""

import re
from collections.abc import Collection, Iterator

from filters.secrets import entropy, numbers, passwords
from filters.secrets.confusion import DIGIT, as_digits, as_letters, count_digits
from filters.secrets.ordinary import without

_RUN = re.compile(rf"(?<![A-Za-z0-9_]){DIGIT}(?:[ .\-/()]{{0,3}}{DIGIT})+(?![A-Za-z0-9_])")
_ORDINARY = re.compile(
    r"(?<!\d)(?:19|20)\d\d ?[\-/.] ?\d\d? ?[\-/.] ?\d\d?(?:[T ]\d\d?[:.\-]?\d\d(?:[:.\-]?\d\d(?:[.,]\d+)?)?)?|"
    r"\d\d?[\-/.]\d\d?[\-/.](?:19|20)?\d\d|"
    r"(?<!\d)(?:\d{1,3}(?:\.\d{1,5}){2,4}|\d{1,3}(?:[., ]\d{3})+(?:[.,]\d\d)?)(?!\d)"
)
_AT = re.compile(
    r" ?(?:[@\N{COPYRIGHT SIGN}\N{REGISTERED SIGN}\N{EURO SIGN}\N{CENT SIGN}]|\([a@]\)) ?"
    r"(?=[A-Za-z])(?!github|gitlab)[\w\-]{2,64}(?:[.,][\w\-]{1,64}){1,6}"
)
_LOCAL = re.compile(r"(?<![\w.+\-])(?=[\w.+\-]*[A-Za-z])[\w.+\-]{2,64}\Z")
_HOST = re.compile(r"[QG&8][a-z][a-z0-9\-]{2,40}[.,](?:com|org|net|co|de|fr|io|uk|eu|edu)\b")
_BEFORE_HOST = re.compile(r"(?<![\w.+\-/])[\w.+\-]{3,64}\Z")
_ADDRESS = re.compile(r"(?i)(?:\b[a-z][a-z0-9+.\-]{1,12}:/ ?/|\bwww\.)\S*")
_TOKEN = re.compile(r"[A-Za-z0-9_\-+/|!]{14,}")
_PREFIX = re.compile(
    r"(?i)(?<![a-z0-9])(?:[s5]\s?k[_\- ](?:l[i1l|]ve|test|ant|proj)|a[kx][i1l|]a[a-z0-9]{6}|"
    r"[gq]h[pousr][_ \-][a-z0-9]{4}|github[_ ]pat|"
    r"g[l1]pat|a[il1|]za[\w\-]{6}|ey[jil1][\w\-]{6}|x[o0]x[bpars]|bearer \w*\d|begin .{0,12}private|whsec)"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])([A-Z0-9|l]{2}) ?[0-9OolIQDSBZ|]{2}(?: ?[A-Z0-9OolI|]{4}){2,}")
_GROUPS = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z0-9|]{2,4} ){1,3}\Z")
"""What stands before a run of digits that may be an account number's: its country may have been misread."""
_VAT = re.compile(r"(?<![A-Za-z0-9])([A-Z0-9|l]{2}) ?[A-Z0-9OolI|]{8,12}(?![A-Za-z0-9])")
_NUMBERS = frozenset({"card", "phone", "iban", "ssn", "vat"})
_LEAST_DIGITS = 9


def spans(text: str, kinds: Collection[str]) -> Iterator[tuple[int, int]]:
    """Yield the places, in no order, that may overlap; only for what these kinds look for."""
    if _NUMBERS.intersection(kinds) and count_digits(text) >= 4:
        for start, end in _runs(without(text)):
            groups = _GROUPS.search(text, 0, start) if "iban" in kinds else None
            yield groups.start() if groups else start, end
        if "iban" in kinds:
            for found in _IBAN.finditer(text):
                if as_letters(found[1]) in numbers.COUNTRIES and count_digits(found[0]) >= 0.5 * len(
                    found[0].replace(" ", "")
                ):
                    yield found.span()
    if "vat" in kinds:
        for found in _VAT.finditer(text):
            if as_letters(found[1]) in numbers.COUNTRIES and count_digits(found[0]) >= 6:
                yield found.span()
    if "email" in kinds:
        for sign, before in ((_AT, _LOCAL), (_HOST, _BEFORE_HOST)):
            for found in sign.finditer(text):
                if local := before.search(text, max(0, found.start() - 64), found.start()):
                    yield local.start(), found.end()
    if "key" in kinds:
        yield from _tokens(text)
        yield from entropy.near(text)
    if "password" in kinds:
        yield from passwords.near(text)


def _runs(text: str) -> Iterator[tuple[int, int]]:
    for found in _RUN.finditer(text):
        digits = "".join(filter(str.isdigit, as_digits(found[0])))
        real = count_digits(found[0])
        if len(digits) < _LEAST_DIGITS or real < 0.5 * len(digits) or real < 6 or len(digits) > 24:
            continue
        rest = _ORDINARY.sub(" ", found[0])
        if sum(map(str.isdigit, as_digits(rest))) >= _LEAST_DIGITS and _grouped(rest):
            yield found.span()


def _grouped(run: str) -> bool:
    """Tell whether a run is a long number or in groups, rather than a row of small numbers."""
    groups = [group for group in re.split(r"[ .\-/()]+", run.strip()) if group]
    if len(groups) == 2 and "." in run and not re.search(r"[ \-/()]", run.strip()):
        return False  # a fraction
    years = sum(group[:2] in ("19", "20") for group in groups)
    if len(groups) > 2 and (years > 2 or sum(group.endswith("00") for group in groups) > 2):
        return False
    longest = max((len(group) for group in groups), default=0)
    return longest >= 13 or (len(groups) >= 2 and longest >= 3 and sum(map(len, groups)) >= 2.4 * len(groups))


def _tokens(text: str) -> Iterator[tuple[int, int]]:
    for found in _PREFIX.finditer(text):
        end = re.compile(r"\S*(?: [A-Za-z0-9_\-]{8,})?").match(text, found.end())
        yield found.start(), end.end() if end else found.end()
    addresses = [found.span() for found in _ADDRESS.finditer(text)] if "//" in text or "www" in text else []
    for found in _TOKEN.finditer(text):
        if any(start <= found.start() < end for start, end in addresses):
            continue
        if not entropy.published(text, found.start()) and entropy.suspicious(found[0]):
            yield found.span()
