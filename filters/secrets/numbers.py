"""Finds numbers that name a person or an account: IBAN, US social security number, VAT number. Pure.

ISO 13616-1 with each country's structure from python-stdnum's registry; 42 U.S.C. 405 (c)(2) as the SSA has numbered
since 2011; VAT by the check that python-stdnum knows for each country.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import product
from string import ascii_uppercase
from types import MappingProxyType

from stdnum import numdb
from stdnum.ch import vat as swiss_vat
from stdnum.eu import vat as european_vat
from stdnum.gb import vat as british_vat
from stdnum.iso7064 import mod_97_10

from filters.secrets.confusion import as_digits, as_letters, count_digits
from filters.secrets.match import Match, at_end
from filters.secrets.ordinary import without

IBAN, SSN, VAT = "iban", "ssn", "vat"


def _structures() -> dict[str, str]:
    """Return, for each country, a letter for each place of its IBAN after the check digits: n, a or c."""
    database = numdb.get("iban")
    structures = {}
    for country in map("".join, product(ascii_uppercase, repeat=2)):
        if structure := database.info(country)[0][1].get("bban"):
            structures[country] = "".join(sort * int(times) for times, sort in re.findall(r"(\d+)!([nac])", structure))
    return structures


COUNTRIES: Mapping[str, str] = MappingProxyType(_structures())

_IBAN = re.compile(  # the space before it may have been lost, or its first letter read twice
    r"(?:(?<![A-Za-z0-9])|(?<=[A-Za-z])(?=[A-Z]{2}\d\d))"
    r"(?=([A-Za-z0158|] ?[A-Za-z0158|] ?[0-9OoQDIlSBZ|] ?[0-9OoQDIlSBZ|](?=[ \-.]{0,2}[A-Za-z0-9|])"
    r"[A-Za-z0-9| \-.]{4,60}))"
)
_CHECKED = 0.9  # a score above it tells that check digits fit
_FOURS = re.compile(r"[^\W_]{4}[ \-.]{1,2}[^\W_]{4}")
_SSN = re.compile(
    r"(?:(?<![\w\-.,/+])(?<!\d )|(?<=SSN))([0-9OoQIlSBZ|]{3})( ?[\-.] ?| )([0-9OoQIlSBZ|]{2})( ?[\-.] ?|"
    r" )([0-9OoQIlSBZ|]{4})(?![\w]|[\-.,/] ?\d| \d)"
)
_SSN_TORN = re.compile(
    r"(?<![\w\-.,/+])((?:[0-9OoQIlSBZ|] ?){3})-((?: ?[0-9OoQIlSBZ|]){2}) ?-"
    r"((?: ?[0-9OoQIlSBZ|]){4})(?![\w]|[\-.,/] ?\d)"
)
_SSN_PLAIN = re.compile(r"(?<!\w)\d{3}[ \-.]?\d{2}[ \-.]?\d{4}(?!\w)")
_SSN_BEGUN = re.compile(r"(?<![\w\-.,/+])[0-9OIl]{3} ?- ?[0-9OIl]{2} ?- ?[0-9OIl]{0,3}(?=\s*[|_]?\s*\Z)")
_SSN_LABEL = re.compile(r"(?i)(?:\bssn\b|\bitin\b|social security|\bss ?#)[\w ./#]{0,16}[:=]?\s*\Z")

_VAT = re.compile(
    r"(?<![A-Za-z0-9])(AT ?[UV]|[B8]E|[B8]G|CHE|CY|C[Z2]|DE|DK|EE|EL|E[S5]|F[I1l]|FR|G[B8]|GR|HR|HU|"
    r"[I1l]E|[I1l]T|LT|LU|LV|MT|NL|PL|PT|"
    r"R[O0]|[S5]E|[S5][I1l]|[S5]K|X[I1l])"
    r"(?=[ \-.]{0,2}[A-Z0-9Olo|])((?:[ \-.]{0,2}[A-Z0-9Olo|]){8,13})(?![A-Za-z0-9])"
)
_VAT_LABEL = re.compile(
    r"(?i)(?:\bvat\b|ust-?id|umsatzsteuer|\buid\b|\bt\.?v\.?a\b|\bp\.? ?iva\b|partita iva|"
    r"\bn\.?i\.?f\b|\bc\.?i\.?f\b|\bbtw\b|\bmoms\b|\bnip\b|"
    r"\bmwst)[\w .\-/°]{0,24}[:=#]?\s*\Z"
)
_VAT_BARE = re.compile(r"[0-9Ol|](?:[ \-.]{0,2}[0-9A-Z|]){6,13}(?![A-Za-z0-9])")
_VAT_LETTERS: Mapping[str, str] = MappingProxyType(
    {
        "AT": r"U\d{8}",
        "BE": r"[01]?\d{9}",
        "BG": r"\d{9,10}",
        "CH": r"E\d{9}",
        "CY": r"\d{8}[A-Z]",
        "CZ": r"\d{8,10}",
        "DE": r"\d{9}",
        "DK": r"\d{8}",
        "EE": r"\d{9}",
        "EL": r"\d{9}",
        "ES": r"[A-Z0-9]\d{7}[A-Z0-9]",
        "FI": r"\d{8}",
        "FR": r"[A-Z0-9]{2}\d{9}",
        "GB": r"\d{9}(?:\d{3})?",
        "GR": r"\d{9}",
        "HR": r"\d{11}",
        "HU": r"\d{8}",
        "IE": r"\d[A-Z0-9]\d{5}[A-Z]{1,2}",
        "IT": r"\d{11}",
        "LT": r"\d{9}(?:\d{3})?",
        "LU": r"\d{8}",
        "LV": r"\d{11}",
        "MT": r"\d{8}",
        "NL": r"\d{9}B\d{2}",
        "PL": r"\d{10}",
        "PT": r"\d{9}",
        "RO": r"\d{2,10}",
        "SE": r"\d{12}",
        "SI": r"\d{8}",
        "SK": r"\d{10}",
        "XI": r"\d{9}(?:\d{3})?",
    }
)
"""What follows a country's letters, by the European Commission's list of VAT number structures."""


def ibans(text: str) -> Iterator[Match]:
    """Yield account numbers, and what may be the beginning of one at the text's end."""
    if count_digits(text) < 6:
        return
    at = 0
    while found := _IBAN.search(text, at):  # a letter may have been read twice, so they may overlap
        match = _iban(text, found)
        glued = text[found.start() - 1 : found.start()].isalnum()
        if match and (match.score > _CHECKED or not glued):
            at = match.end
            yield match
        else:
            at = found.start() + 1


def _iban(text: str, found: re.Match[str]) -> Match | None:
    places = [found.start() + at for at, character in enumerate(found[1]) if character not in " -."]
    places = [place for place in places if text[place] != "|" or text[place + 1 : place + 2].isalnum()]
    written = "".join(text[place] for place in places)
    best: Match | None = None
    for country in dict.fromkeys(
        (
            written[:2].upper(),
            as_letters(written[:2]),
            as_letters(written[:2].replace("l", "I")),
            written[:2].upper().replace("0", "D").replace("1", "L").replace("|", "L"),
        )
    ):
        structure = COUNTRIES.get(country)
        if structure is None:
            continue
        for length in (len(structure) + 4, len(structure) + 3, len(structure) + 5):
            if length > len(places) or text[places[length - 1] + 1 : places[length - 1] + 2].isalnum():
                continue
            score = _iban_score(country, structure, written[:length], text[places[0] : places[length - 1] + 1])
            if written[:2].upper() != country and count_digits(written) < 0.85 * len(written) and score < 0.9:
                continue  # rather hexadecimal
            if score and (best is None or score > best.score):
                best = Match(IBAN, places[0], places[length - 1] + 1, score)
        if (
            best is None
            and len(places) < len(structure) + 4
            and at_end(text, places[-1] + 1)
            and written[:2].isalpha()
            and not found[1][2].isspace()
        ):
            body = written[4:]
            fits = _misfits(structure[: len(body)], body) == 0
            drawn = sum(map(str.isdigit, body)) >= 0.5 * len(body)
            grouped = re.fullmatch(r"\w{4} \w{1,4}(?: \w{1,4})*", found[1].rstrip(" |-.")) is not None
            if len(body) >= 4 and fits and written[2:4].isdigit() and drawn and (grouped or len(body) >= 8):
                best = Match(IBAN, places[0], places[-1] + 1, 0.5, partial=True)
    return best


def _iban_score(country: str, structure: str, written: str, shown: str) -> float:
    body, check = written[4:], as_digits(written[2:4])
    grouped = _FOURS.match(shown) is not None
    if len(body) == len(structure):
        misfits = _misfits(structure, body)
        if misfits <= 2 and _checked(country, check, structure, body):
            return 0.98
        digits = sum(map(str.isdigit, body)) / len(body)
        strict = structure.count("n") >= 0.6 * len(structure)
        if (
            misfits <= 2
            and digits >= 0.5
            and (strict or grouped)
            and (strict or digits >= 0.6)
            and written[2:4] == check
        ):
            return 0.75 if misfits == 0 else 0.6
        if misfits == 0 and digits >= 0.8 and (grouped or written[:2].isupper()):
            return 0.5
        if misfits <= 1 and digits >= 0.5 and strict and grouped:
            return 0.55
        return 0
    digits = count_digits(written[2:]) / (len(written) - 2)
    return 0.5 if grouped and digits >= 0.8 and structure.count("n") >= 0.6 * len(structure) else 0


def _misfits(structure: str, body: str) -> int:
    """Return how many characters cannot be what the structure has there, even misread."""
    return sum(
        not (
            as_digits(character).isdigit() if sort == "n" else as_letters(character).isalpha() if sort == "a" else True
        )
        for sort, character in zip(structure, body, strict=False)
    )


def _checked(country: str, check: str, structure: str, body: str) -> bool:
    """Tell whether the check digits are right, with letters and digits as the structure has them."""
    if not check.isdigit():
        return False
    read = "".join(
        as_digits(character) if sort == "n" else as_letters(character) if sort == "a" else character.upper()
        for sort, character in zip(structure, body, strict=True)
    )
    variants = {read}
    if "c" in structure:
        variants.add("".join(as_digits(b) if s == "c" else r for b, r, s in zip(body, read, structure, strict=True)))
    return any(one.isascii() and one.isalnum() and mod_97_10.is_valid(one + country + check) for one in variants)


def ssns(text: str) -> Iterator[Match]:
    """Yield social security numbers: in groups, or beside a label; and what may be the beginning of one."""
    if count_digits(text) < 5:
        return
    text = without(text)
    for found in _SSN_TORN.finditer(text):
        area, group, serial = (as_digits(part).replace(" ", "") for part in found.groups())
        if _ssn(area, group, serial) and count_digits(found[0]) >= 5:
            yield Match(SSN, *found.span(), 0.75)
    for found in _SSN.finditer(text):
        area, group, serial = as_digits(found[1]), as_digits(found[3]), as_digits(found[5])
        if not _ssn(area, group, serial) or count_digits(found[0]) < 5:
            continue
        dashes = (found[2].strip() + found[4].strip()).count("-")
        labelled = _SSN_LABEL.search(text[max(0, found.start() - 40) : found.start()]) is not None
        if labelled or dashes == 2:
            yield Match(SSN, *found.span(), 0.95)
        elif dashes == 1 or (found[2] == found[4] == " " and text.strip() == found[0]):
            yield Match(SSN, *found.span(), 0.75)
    if "s" in text or "S" in text:
        for found in _SSN_PLAIN.finditer(text):
            if _SSN_LABEL.search(text[max(0, found.start() - 40) : found.start()]):
                yield Match(SSN, *found.span(), 0.9)
    for found in _SSN_BEGUN.finditer(text):
        digits = as_digits(found[0])
        if count_digits(found[0]) >= 5 and _ssn(digits[:3], re.sub(r"\D", "", digits)[3:5], "1"):
            yield Match(SSN, *found.span(), 0.5, partial=True)


def ssn_field(text: str) -> Iterator[Match]:
    """Yield what stands in a field for a social security number."""
    for found in re.finditer(r"(?<!\d)[0-9OIl]{3} ?[\-.]? ?[0-9OIl]{2} ?[\-.]? ?[0-9OIl]{1,4}(?!\d)", text):
        yield Match(SSN, *found.span(), 0.8)


def _ssn(area: str, group: str, serial: str) -> bool:
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def vats(text: str) -> Iterator[Match]:
    """Yield VAT numbers: with a country and the right check, or with a label and the right structure."""
    if count_digits(text) < 7:
        return
    for found in _VAT.finditer(text):
        labelled = _VAT_LABEL.search(text[max(0, found.start() - 40) : found.start()]) is not None
        if match := _vat(found, labelled):
            yield match
    for bare in _VAT_BARE.finditer(text):
        if (bare.start() == 0 or not text[bare.start() - 1].isalnum()) and _VAT_LABEL.search(
            text[max(0, bare.start() - 40) : bare.start()]
        ):
            yield Match(VAT, *bare.span(), 0.6)


def vat_field(text: str) -> Iterator[Match]:
    """Yield what stands in a field for a VAT number."""
    for found in re.finditer(r"(?<!\w)[A-Z]{0,3} ?[0-9A-Z](?:[ \-.]?[0-9A-Z]){6,13}(?!\w)", text):
        if count_digits(found[0]) >= 6:
            yield Match(VAT, *found.span(), 0.7)


def _vat(found: re.Match[str], labelled: bool) -> Match | None:
    prefix = found[1].replace(" ", "")
    country = as_letters(prefix[:2].replace("l", "I"))
    body = prefix[2:].replace("V", "U")
    places = []
    for at, character in enumerate(found[2]):
        if character not in " -.":
            body += character
            places.append(found.start(2) + at + 1)
    structure = re.compile(_VAT_LETTERS[country])
    for length in range(len(body), 7, -1):
        taken = body[:length]
        end = places[length - len(prefix[2:]) - 1]
        if found.string[end : end + 1].isalnum():
            continue
        for read in dict.fromkeys((taken, _body(country, taken))):
            if structure.fullmatch(read):
                if _valid(country, read):
                    return Match(VAT, found.start(), end, 0.95)
                if labelled:
                    return Match(VAT, found.start(), end, 0.6)
    return None


def _body(country: str, body: str) -> str:
    """Return a body with digits where the country has digits: letters stay at both ends, where some have them."""
    if country in ("AT", "CH"):
        return body[:1] + as_digits(body[1:])
    if country == "NL":
        return as_digits(body[:9]) + as_letters(body[9:10]) + as_digits(body[10:])
    if country in ("ES", "IE", "CY", "FR"):
        head = {"ES": 1, "IE": 0, "CY": 0, "FR": 2}[country]
        tail = len(body) if country == "FR" else 8 if country == "ES" else 7 if country == "IE" else 8
        return body[:head] + as_digits(body[head:tail]) + body[tail:]
    return as_digits(body)


def _valid(country: str, body: str) -> bool:
    if country == "CH":
        return bool(swiss_vat.is_valid(f"CH{body}MWST"))
    if country == "GB":
        return bool(british_vat.is_valid(body))
    return bool(european_vat.is_valid(country + body))
