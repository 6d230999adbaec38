"""Finds keys and tokens by what they begin with, and credentials within addresses. Pure.

Prefixes are those the issuers document. Recognition reads an underscore as a space, a dash or nothing, and puts spaces
into long tokens: both are allowed for.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from filters.secrets import entropy
from filters.secrets.match import Match, at_end

CATEGORY = "key"

_JOIN = r"[ _.\-]{0,2}"  # what an underscore is read as


class _Sort(NamedTuple):
    prefix: re.Pattern[str]
    body: str  # what its other characters are, as the inside of a character class
    usual: int  # how many of these there are
    least: int  # how many there must be, in the midst of a text
    mixed: bool = True  # whether letters of both sorts or digits must be among them


def _sort(prefix: str, usual: int, least: int, body: str = "A-Za-z0-9", mixed: bool = True) -> _Sort:
    return _Sort(re.compile(prefix), body, usual, least, mixed)


_SORTS = (
    _sort(rf"[sSrRpP5]\s?[kK]{_JOIN}(?:[l1I|][il1I|!]v[ec]|[tT][eo]s[tl]){_JOIN}", 24, 10, mixed=False),  # Stripe
    _sort(r"whsec_", 32, 16),
    _sort(r"sk ?- ?(?:ant|or|proj|svcacct|admin|None)(?: ?- ?[a-z0-9]{2,8})?(?: ?- ?)", 90, 12, r"A-Za-z0-9_\-"),
    _sort(r"sk-", 48, 20),  # OpenAI, DeepSeek
    _sort(r"A ?[KSX5] ?[I1l|T] ?[A4](?=[A-Z0-9 ])", 16, 12, "A-Z0-9lo"),  # AWS
    _sort(r"[gq]h[pousr](?: ?[_\-] ?| |(?=[A-Za-z0-9]{30}))", 36, 18),  # GitHub
    _sort(r"g[il1]thub[_ ]?pat[_ ]?", 82, 20, "A-Za-z0-9_"),
    _sort(r"g[l1I|](?:pat|ptt|dt|rt|soat) ?- ?", 20, 14, r"A-Za-z0-9_\-"),  # GitLab
    _sort(r"A[Il1|]za", 35, 20, r"A-Za-z0-9_\-"),  # Google
    _sort(r"ya29 ?\. ?", 100, 16, r"A-Za-z0-9_\-"),
    _sort(r"GOCSPX ?- ?", 28, 16, r"A-Za-z0-9_\-"),
    _sort(r"[1l]// ?0[a-z]", 60, 30, r"A-Za-z0-9_\-"),
    _sort(r"x[o0]x[abeoprs5] ?- ?", 51, 10, r"A-Za-z0-9\-"),  # Slack
    _sort(r"xapp ?- ?", 60, 16, r"A-Za-z0-9\-"),
    _sort(r"hf[_ ]", 34, 20),  # Hugging Face
    _sort(r"npm[_ ]", 36, 20),
    _sort(r"pyp[il1] ?- ?", 150, 16, r"A-Za-z0-9_\-"),
    _sort(r"SG ?\. ?(?=[A-Za-z0-9])", 66, 18, r"A-Za-z0-9_\-."),  # SendGrid
    _sort(r"d[op][opr][_ ]v1[_ ]", 64, 20, "a-f0-9"),  # DigitalOcean
    _sort(r"shp(?:at|ss|ca|pa)[_ ]", 32, 16, "A-Fa-f0-9"),  # Shopify
    _sort(
        r"(?:rubygems|pnu|oy2|r8|gsk|xai|tvly|lin_api|sbp|sntrys|glsa|dckr_pat|pul|nvapi|ATATT3|ATCTT3)[_\-]", 36, 18
    ),
    _sort(r"key-(?=[0-9a-f]{8})", 32, 24, "a-f0-9"),  # Mailgun
    _sort(r"(?<![+/])(?:EAACEdEose0cBA|EAA(?=[A-Z0-9][A-Za-z0-9]{12}))", 100, 20),  # Facebook
)
_ANY = re.compile(f"(?<![A-Za-z0-9])(?={'|'.join(sort.prefix.pattern for sort in _SORTS)})")
"""Where one of them may begin: tried once for all."""
_JWT = re.compile(r"(?<![A-Za-z0-9])[ec]y[JjIl1](?=[A-Za-z0-9_\-]{4})[A-Za-z0-9_\-]*(?: ?\. ?[A-Za-z0-9_\-]+){0,2}")
_BEARER = re.compile(r"(?i)\b(?:bearer|basic)\s+(?=[A-Za-z0-9])([A-Za-z0-9._~+/\-]{8,}=*)")
_PEM = re.compile(r"BEG[I1l|]N (?:[A-Z0-9]+ ){0,2}PR[I1l|]VATE KEY(?: BLOCK)?")
_URL = re.compile(
    r"[A-Za-z][A-Za-z0-9+.\-]{1,20} ?[:;] ?/ ?/ ?"
    r"([^\s/:@\N{COPYRIGHT SIGN}'\"<>]{0,64} ?: ?[^\s/@\N{COPYRIGHT SIGN}'\"<>]{1,128}?|"
    r"[A-Za-z0-9_\-]{8,128}) ?[@\N{COPYRIGHT SIGN}](?=\s?[A-Za-z0-9\[$])"
)
_PLACEHOLDER = re.compile(r"(?i)(?:\$\{?\w|\{|<|\*{3}|•|x{3,}\Z|%s|%\()")
_LONGER_THAN_WORDS = 16
_GLUE = r"(?: ?[\])}!/(] ?| ?- ?| )"
"""What recognition puts into a token: spaces, and brackets and the like for a J or an l."""
_FIELD = re.compile(r"[A-Za-z0-9_\-+/=.~|!]{8,}")
_PIECE = re.compile(r" ([A-Za-z0-9_\-+/=|]{3,})")


def find(text: str) -> Iterator[Match]:
    """Yield keys, what may be the beginning of one at the text's end, and user:password within addresses."""
    for place in _ANY.finditer(text):
        for sort in _SORTS:
            if (prefix := sort.prefix.match(text, place.start())) and (match := _known(text, sort, prefix)):
                yield match
    yield from _tokens(text)
    if "//" in text or "/ /" in text:
        for found in _URL.finditer(text):
            secret = found[1].partition(":")[2].strip() if ":" in found[1] else found[1]
            if not _PLACEHOLDER.match(secret) and (":" in found[1] or entropy.mixed(secret)):
                yield Match(CATEGORY, found.start(1), found.end(1), 0.99)
    yield from entropy.find(text)


def _tokens(text: str) -> Iterator[Match]:
    if "y" in text:
        for found in _JWT.finditer(text):
            if len(found[0]) >= 24 or found[0].count(".") == 2:
                yield Match(CATEGORY, found.start(), _extended(text, found.end(), 20), 0.95)
            elif at_end(text, found.end()) and entropy.mixed(found[0]):
                yield Match(CATEGORY, found.start(), found.end(), 0.6, partial=True)
    for found in _BEARER.finditer(text):
        if any(map(str.isdigit, found[1])) and any(map(str.isalpha, found[1])):
            yield Match(CATEGORY, *found.span(1), 0.9)
    for found in _PEM.finditer(text):
        start, end = found.span()
        while text[max(0, start - 1) : start] == "-":
            start -= 1
        while text[end : end + 1] == "-":
            end += 1
        yield Match(CATEGORY, start, end, 0.9)


def _known(text: str, sort: _Sort, prefix: re.Match[str]) -> Match | None:
    body = re.compile(f"[|{sort.body}]*").match(text, prefix.end())
    end = body.end() if body else prefix.end()
    length = end - prefix.end()
    more = re.compile(rf"{_GLUE}([|{sort.body}]+)(?![^\W_])")
    while length < sort.usual and (piece := more.match(text, end)):
        if length + len(piece[1]) > sort.usual + 2 or (length and not _piece(piece[1], sort)):
            break
        length += len(piece[0].strip())
        end = piece.end()
    secret = text[prefix.end() : end]
    whole = abs(length - sort.usual) <= 1 and prefix[0][2:3] != "T" and "_" not in secret and not secret.islower()
    if sort.mixed and length >= 6 and not whole and not entropy.mixed(secret):
        return None
    if length >= sort.least:
        if not sort.mixed and not entropy.mixed(secret) and secret.islower():
            return None
        return Match(CATEGORY, prefix.start(), end, 0.97 if length >= min(sort.usual, 16) else 0.8)
    strong = len(prefix[0]) >= 4
    if at_end(text, end) and (length >= 3 or strong) and "  " not in prefix[0] and " " not in prefix[0].strip()[-2:]:
        return Match(CATEGORY, prefix.start(), end, 0.6, partial=True)
    return None


def _piece(text: str, sort: _Sort) -> bool:
    """Tell whether a token that follows one of a known sort may be its rest: it is no word."""
    if text.isdigit():
        return "-" in sort.body
    return len(text) <= 2 or len(text) > 12 or entropy.mixed(text) or not (text.islower() or text.istitle())


def _extended(text: str, end: int, least: int) -> int:
    """Return where a token ends that recognition has put spaces into."""
    while (piece := _PIECE.match(text, end)) and len(piece[1]) >= least and entropy.mixed(piece[1]):
        end = piece.end()
    return end


def value(text: str) -> Iterator[Match]:
    """Yield what stands in a field for a key: a token with digits, or longer than a word."""
    for found in _FIELD.finditer(text):
        digits = any(map(str.isdigit, found[0])) and any(map(str.isalpha, found[0]))
        if digits or len(found[0]) >= _LONGER_THAN_WORDS:
            yield Match(CATEGORY, *found.span(), 0.85)
