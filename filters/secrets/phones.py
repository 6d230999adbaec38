"""Finds telephone numbers. Pure.

ITU-T E.164, and each country's own writing by the data of ``phonenumbers``. Plain digits are none: what is asked for is
a plus, a label, or the grouping that the country's numbers have.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

import phonenumbers

from filters.errors import SpecError
from filters.secrets.confusion import as_digits, count_digits
from filters.secrets.match import Match, at_end
from filters.secrets.ordinary import without

CATEGORY = "phone"

_D = "[0-9OoIlSBZ|]"
_CANDIDATE = re.compile(
    rf"(?<![\w.,/:#$\N{{POUND SIGN}}\N{{EURO SIGN}}=*\-])(?:[+t] ?(?=[\dIl|])|"
    rf"00 ?(?=[1-9]))?[(\[]?{_D}(?:[ \-./()]{{0,3}}{_D}){{6,17}}(?![\w%]|[,.:]\d)"
)
_LABEL = re.compile(
    r"(?i)(?:\b(?:tele)?phones?\b|\btel(?:efon\w*|éfono)?\b|\bmob(?:ile|il)?\b|\bcell\b|\bfax\b|"
    r"\bcall\b|\bhandy\w*|\btéléphone\b|"
    r"\bwhatsapp\b|\bsms\b|\bdial\b|\bms?isdn\b|\bportable\b)[\w .()#]{0,20}[:=]?\s*\Z"
)
_NO_PHONE = re.compile(
    r"(?i)(?:isbn(?:-1[03])?|issn|order|invoice|ticket|rfc|build|version|v|no\.?|nr\.?|id|ref|case|"
    r"pid|port|size|bytes|sku|\bqty|bates|ean|upc|asin)"
    r"[ #:=.]*\Z"
)
_DATE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d[ \-./]\d\d?[ \-./]\d\d?(?!\d{3})|\d\d?[\-./]\d\d?[\-./](?:19|"
    r"20)\d\d)(?!\d)|(?<!\d)\d\d?:\d\d"
)
_NORTH_AMERICAN = re.compile(
    r"(?:\+?1[ \-.]{1,2})?(?:\([2-9]\d\d\)[ \-]{0,2}|"
    r"[2-9]\d\d(?P<first>[ \-./]{1,3}))[2-9]\d\d(?P<second>[ \-.]{1,3})\d{4}"
)
_TRUNK = ("GB", "DE", "FR", "IT", "NL", "AT", "CH", "BE", "AU", "SE", "IE")
"""Countries whose numbers are tried, where one begins with 0 and the operator's region has none such."""
_LEAD = re.compile(r"[OoIlSBZ|]+[ .\-]+|[(\[](?=[^)\]]*\Z)")
_ZIP = re.compile(r"\d{5}-\d{4}|\d{3}-\d\d-\d{1,4}")  # ZIP+4, and the shape of a social security number
_COMMA = re.compile(rf"(?<![\w.,]){_D}{{3}}(?:\.{_D}{{3}},|,{_D}{{3}}[.,]){_D}{{4}}(?![\w.,]\d|\w)")
_DOTTED = re.compile(rf"(?<![\w.,])[0Oo] ?{_D}(?: ?[.,] ?{_D} ?{_D}){{4}}(?!\w|[.,]\w)")
_TEN = re.compile(r"1?[2-9]\d\d[2-9]\d{6}")
_PAIRS = re.compile(r"0\d(?:[ .]\d\d){4}")
_LEAST = 7
_MOST = 15  # E.164, section 6.2.1
_BEGUN = re.compile(
    r"(?<![\w.,/:#$=*+\-])(?:\+ ?\d[\d ()\-./]{3,}|\([2-9]\d\d\) ?\d[\d\-]{0,6}|"
    r"(?:1[ \-])?[2-9]\d\d-[2-9]\d\d-\d{0,3})(?=\s*[|_]?\s*\Z)"
)


class Phones:
    """Telephone numbers as they are written in a region, and international ones. Raises SpecError."""

    def __init__(self, region: str) -> None:
        self._region = region.upper()
        if self._region not in phonenumbers.SUPPORTED_REGIONS:
            raise SpecError(f"{region!r} is no region: write two letters, as in US or DE")

    def find(self, text: str) -> Iterator[Match]:
        """Yield numbers, and what may be the beginning of one at the text's end."""
        if count_digits(text) < 5:
            return
        text = without(text)
        for found in _CANDIDATE.finditer(text):
            if match := self._candidate(text, found):
                yield match
        for pairs in _DOTTED.finditer(text):
            if pairs[0].count(".") >= 2 and _valid(re.sub(r"\D", "", as_digits(pairs[0])), "FR"):
                yield Match(CATEGORY, *pairs.span(), 0.55)
        for torn in _COMMA.finditer(text):
            if _valid(re.sub(r"\D", "", as_digits(torn[0])), "US"):
                yield Match(CATEGORY, *torn.span(), 0.55)
        for begun in _BEGUN.finditer(text):
            digits = count_digits(begun[0])
            if (
                5 <= digits <= 11
                and at_end(text, begun.end())
                and (digits >= 7 or re.search(r"\d[ ()\-]+\d?", begun[0]))
            ):
                yield Match(CATEGORY, begun.start(), begun.start() + len(begun[0].rstrip()), 0.4, partial=True)

    def _candidate(self, text: str, found: re.Match[str]) -> Match | None:
        written = _trimmed(found[0])
        lead = _LEAD.match(written)
        start = found.start() + (lead.end() if lead else 0)
        end = found.start() + len(written)
        written = text[start:end]
        real = count_digits(written)
        digits = "".join(filter(str.isdigit, as_digits(written)))
        if real < 0.7 * len(digits) or not _LEAST <= len(digits) <= _MOST + 2:
            return None
        before = text[max(0, start - 40) : start]
        labelled = _LABEL.search(before) is not None
        shown = "+" + written[1:] if written[0] == "t" else written
        shown = as_digits(shown)
        if shown[0] == "+" or (shown.startswith("00") and (labelled or re.search(r"[ \-/(]", shown))):
            score = _international(shown, digits)
        elif not labelled and (_DATE.search(shown) or _ZIP.fullmatch(shown) or _NO_PHONE.search(before)):
            return None
        else:
            score = self._national(shown, digits, labelled)
        if not score and labelled and count_digits(written) >= _LEAST:
            score = 0.6
        return Match(CATEGORY, start, end, score) if score else None

    def _national(self, shown: str, digits: str, labelled: bool) -> float:
        if _NORTH_AMERICAN.fullmatch(shown):
            strong = "(" in shown or shown.count("-") >= 2 or shown.count(".") >= 2
            valid = _valid(shown, "US")
            if strong or labelled:
                return 0.85 if valid else 0.65
            return 0.7 if valid else 0
        if _TEN.fullmatch(digits) and re.match(r"(?:1[ \-.])?[(\d]", shown) and _torn(shown) and _valid(digits, "US"):
            return 0.65
        if len(digits) > 13 or (not re.search(r"[ \-./()]", shown) and not labelled):
            return 0
        if digits[0] == "0":
            if _counted(shown):
                return 0
            regions = dict.fromkeys((self._region, *_TRUNK))
            if re.match(r"\(?0\d{1,5}[ \-/)]", shown) or _PAIRS.fullmatch(shown) or labelled:
                return 0.7 if any(_valid(shown, region) for region in regions) else 0
            return 0.6 if re.match(r"\(?0 ?\d{2,8}[ \-/)]", shown) and _valid(shown, self._region) else 0
        if self._region == "US" and not labelled:
            return 0
        if not _valid(shown, self._region):
            return 0
        return 0.7 if labelled or _grouped(shown, self._region) else 0


def number(text: str) -> Iterator[Match]:
    """Yield what stands in a field for a number: anything with enough digits."""
    for found in re.finditer(r"[+(]?\d[\d ()\-./]{5,}\d", text):
        if _LEAST <= count_digits(found[0]) <= _MOST:
            yield Match(CATEGORY, *found.span(), 0.7)


def _trimmed(written: str) -> str:
    """Return a candidate without what belongs to the sentence: brackets, and words made of what looks like digits."""
    written = written.rstrip(" -./()[]")
    while tail := re.search(r"[ \-./()\[\]]+[OoIlSBZ|]+\Z", written):
        written = written[: tail.start()]
    return written


def _counted(shown: str) -> bool:
    """Tell whether groups are a row of numbers, each one more than the one before."""
    groups = [int(group) for group in re.findall(r"\d+", shown)]
    return len(groups) > 2 and len({after - before for before, after in pairwise(groups)}) == 1


def _torn(shown: str) -> bool:
    """Tell whether dashes, dots or brackets part ten digits as in North America, with a space somewhere in between."""
    parts = [part.replace(" ", "") for part in re.split(r"[\-.()/]+", shown.strip("( "))]
    return [len(part) for part in parts if part][-3:] == [3, 3, 4] and len(parts) >= 3


def _international(shown: str, digits: str) -> float:
    try:
        number = phonenumbers.parse("+" + digits.removeprefix("00") if shown.startswith("00") else shown, None)
    except phonenumbers.NumberParseException:
        return 0
    if phonenumbers.is_valid_number(number):
        return 0.9
    if phonenumbers.is_possible_number(number) and len(digits) >= 9 and shown.startswith("+"):
        return 0.65
    return 0


def _valid(shown: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(shown, region))
    except phonenumbers.NumberParseException:
        return False


def _grouped(shown: str, region: str) -> bool:
    """Tell whether a number is parted as its country parts them."""
    number = phonenumbers.parse(shown, region)
    usual = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return [len(group) for group in re.findall(r"\d+", shown)] == [len(group) for group in re.findall(r"\d+", usual)]
