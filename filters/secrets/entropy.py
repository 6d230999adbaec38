"""Tells tokens that a machine has drawn from words, names, paths, hashes and all else that screens are full of. Pure.

What is drawn from letters and digits changes between small letters, capitals and digits at six places of ten; names in
CamelCase and snake_case at two or three. A context (``API_KEY=``, ``"token": "…"``) lowers what is asked for.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from filters.secrets.match import Match

CATEGORY = "key"

_TOKEN = re.compile(r"[A-Za-z0-9_\-+/.~|]{20,}={0,2}")
_ADDRESS = re.compile(r"(?i)(?:\b[a-z][a-z0-9+.\-]{1,12}:/ ?/|\bwww\.)\S*")
_UUID = re.compile(r"(?i)[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
_HEX = re.compile(r"(?i)(?:0x)?[0-9a-f]+")
_PUBLIC = re.compile(
    r"(?i)(?:base64,|\b(?:sha-?\d{1,3}|md5|ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-\w+|integrity|digest|"
    r"fingerprint)[-:= \"'@]+)\Z"
)
_PUBLISHED = (
    *("AAAAB3", "AAAAC3", "AAAAE2"),  # RFC 4253, section 6.6, in base64
    *("sha1-", "sha256-", "sha384-", "sha512-"),  # Subresource Integrity, section 3.1
)
_IDENTIFIER = re.compile(r"[A-Za-z]+(?:[_.\-/]+[A-Za-z]*\d*)+|[A-Za-z]+\d{1,4}")
_PARTS = re.compile(r"[/.]+")
_SEPARATORS = re.compile(r"[_\-=+~|]+")
_WORDLIKE = re.compile(r"[a-z]+|[A-Z]+|[A-Z][a-z]+|[0-9]+|[a-z]+[0-9]{1,4}|[A-Z][a-z]+[0-9]{1,4}|v?[0-9]+[a-z]{0,3}")
_NAME = (
    r"(?:ap[il1|]|access|secret|auth|private|client|signing|encryption|session|refresh|csrf|bot|app|"
    r"account|storage|sas|master|"
    r"webhook|service|deploy|license|licence|shared|admin|user|id|consumer|oauth|jwt|ssh|aws|gcp|azure|github|gitlab|"
    r"stripe|slack|openai|anthropic)"
)
_STRONG = (
    rf"(?:{_NAME}[ _\-]?){{1,3}}(?:keys?|tokens?|secret|hash|credentials?)|tokens?|secret(?:[ _\-]?key)?|"
    rf"passwd|credentials?"
)
_WEAK = r"key|auth(?:orization)?|api|signature|sig|session(?:[ _\-]?id)?|cookie|salt|nonce|bearer"
_CONTEXT = re.compile(
    rf"(?i)(?:(?P<strong>{_STRONG})|(?P<weak>{_WEAK}))(?:[ _\-]?(?:base64|base|id|value|hex|prod|"
    rf"production|live|test|dev|staging))?"
    r"[\"'\])}]{0,2}(?: ?[:=]>? {0,3}|;  ?| is (?:now )?| {1,3})[\"'`(]{0,2}"
    r"(?:(?:token|bearer|basic) )?(?P<value>[A-Za-z0-9_\-+/=.~|!]+)"
)
_HINT = re.compile(r"(?i)key|token|secret|passwd|auth|api|bearer|sig|session|cookie|credential|salt|nonce|hash")
_NEXT = re.compile(r"(?: ?[\])}!] ?| )([A-Za-z0-9+/_|\-]{3,}={0,2})(?![\w@:.])")
_BEFORE = re.compile(r"(?<![^\s\"'=:(])([A-Za-z0-9+/_\-]{3,}) \Z")
_LONG = 20
_CHANGES = 0.37  # of a token's places
_FIRST = re.compile(r"[A-Za-z0-9_\-+/=]{16,}")
_DATE = re.compile(r"\d{8}T\d{6}Z?")
_CUT = 14  # letters
_BITS = 3.3  # a character


def find(text: str) -> Iterator[Match]:
    """Yield long tokens that look drawn, and shorter ones beside a context."""
    if _HINT.search(text):
        for found in _CONTEXT.finditer(text):
            start, end = found.span("value")
            end -= len(found["value"]) - len(found["value"].rstrip(".|!,"))
            if text[end : end + 1] in ("(", "["):
                continue
            whole = _torn(text, end)
            written = text[start:whole].replace(" ", "") if found["strong"] else text[start:end]
            if _beside(text[start:end], found["strong"] is not None) or (whole > end and _beside(written, True)):
                yield Match(CATEGORY, start, whole, 0.85 if found["strong"] else 0.75)
    if len(text) < _LONG:
        return
    addresses = [found.span() for found in _ADDRESS.finditer(text)] if "//" in text or "www" in text else []
    for found in _TOKEN.finditer(text):
        if any(start <= found.start() < end for start, end in addresses):
            continue
        if not published(text, found.start()) and drawn(found[0]):
            start, end = found.span()
            while before := _BEFORE.search(text, max(0, start - _LONG * 2), start):
                if not _piece(before[1]):
                    break
                start = before.start(1)
            yield Match(CATEGORY, start, _torn(text, end), 0.8)


def cut(text: str) -> Iterator[Match]:
    """Yield what a text begins with, if it looks drawn though its first letters, which would tell, are out of sight."""
    found = _FIRST.match(text)
    if found is None or known(found[0]) or worded(found[0]):
        return
    parts = [part for part in re.split(r"[\-_]", found[0]) if len(part) >= _CUT and not known(part)]
    parts = [part for part in parts if not _DATE.fullmatch(part)]
    if any(sum(map(str.isdigit, part)) > 1 and _random(part, 0.2 if part.isupper() else 0.3) for part in parts):
        yield Match(CATEGORY, *found.span(), 0.75)


def near(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of what stands beside a strong context and may be a secret, read better."""
    if _HINT.search(text):
        for found in _CONTEXT.finditer(text):
            value = found["value"]
            letters, digits = any(map(str.isalpha, value)), any(map(str.isdigit, value))
            if found["strong"] and len(value) >= 12 and letters and digits and not _IDENTIFIER.fullmatch(value):
                yield found.span("value")


def published(text: str, start: int) -> bool:
    """Tell whether what begins there is said to be a checksum, a public key or a picture."""
    return text.startswith(_PUBLISHED, start) or _PUBLIC.search(text, max(0, start - 30), start) is not None


def drawn(token: str) -> bool:
    """Tell whether a token is one without any context: from 20 characters, mixed, and with no words in it."""
    token = token.strip("-_.=|~")
    if len(token) < _LONG or known(token):
        return False
    if token.startswith(("./", "~")) or token.count("/") > len(token) / 8:
        return False
    if ("//" in token or token[0] == "/") and (len(token) < 39 or _changes(token) < 0.45):
        return False
    parts = [part for part in _PARTS.split(token) if part]
    if len(parts) > 1 and all(len(part) < _LONG for part in parts) and (len(parts) > 4 or _mostly(parts)):
        return False
    return not worded(token) and _random(token, _CHANGES, both=True)


def _torn(text: str, end: int) -> int:
    """Return where a token ends that recognition has torn apart."""
    while (after := _NEXT.match(text, end)) and _piece(after[1]):
        end = after.end(1)
    return end


def _piece(text: str) -> bool:
    """Tell whether a token that stands beside a drawn one is a piece of it."""
    digits = sum("0" <= character <= "9" for character in text)
    if digits == len(text) or worded(text):
        return False
    return (digits > 0 and (_changes(text) >= 0.3 or _HEX.fullmatch(text) is not None)) or re.search(
        r"[a-z][A-Z]|[A-Z]{2,}[a-z]", text
    ) is not None


def _mostly(parts: list[str]) -> bool:
    """Tell whether parts of a path are words, rather than those of a token that has slashes."""
    words = sum(len(part) for part in parts if worded(part))
    return words > 0.3 * sum(map(len, parts))


def mixed(text: str) -> bool:
    """Tell whether letters and digits, or small letters and capitals within words, are mixed."""
    letters = any(map(str.isalpha, text))
    if letters and any("0" <= character <= "9" for character in text):
        return True
    return re.search(r"[a-z][A-Z]|[A-Z]{2}[a-z]{2}", text) is not None and not worded(text) and _changes(text) > 0.3


def known(text: str) -> bool:
    """Tell whether a text is a sort of number that screens show and nobody hides: a hash, a UUID, plain digits."""
    return _UUID.fullmatch(text) is not None or _HEX.fullmatch(text) is not None or text.isdigit()


def worded(token: str) -> bool:
    """Tell whether a token is words, capitalised words and numbers with separators between them."""
    pieces = [piece for piece in re.split(r"[_\-=+~|/.]+", token) if piece]
    if not all(_WORDLIKE.fullmatch(piece) for piece in pieces):
        pieces = [word for piece in pieces for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+", piece)]
        long = sum(len(word) for word in pieces if len(word) >= 4 and word[-1].islower())
        return bool(pieces) and (len(token) / len(pieces) >= 4 or long >= 0.6 * len(token))
    return len(pieces) > 1 or not re.fullmatch(r"[A-Za-z]+[0-9]{2,}", token) or len(token) < _LONG


def suspicious(token: str) -> bool:
    """Tell whether a token may be a drawn one that was misread."""
    token = token.strip("-_.=|~!")
    if len(token) < 14 or known(token) or token.startswith(("/", "./", "~")) or worded(token):
        return False
    digits = sum("0" <= character <= "9" for character in token)
    letters = sum(map(str.isalpha, token))
    changes = _changes(_SEPARATORS.sub("", token))
    return token.count("/") < 3 and ((digits >= 2 and letters >= 2 and changes >= 0.25) or changes >= 0.38)


def _beside(value: str, strong: bool) -> bool:
    """Tell whether what stands beside a context is a secret."""
    letters = sum(map(str.isalpha, value))
    digits = sum("0" <= character <= "9" for character in value)
    if not letters or len(value) < 8:
        return False
    if _UUID.fullmatch(value) or (_HEX.fullmatch(value) and not value.lower().startswith("0x")):
        return digits >= 2 and len(value) >= (12 if strong else 24)
    if worded(value) or ("/" in value[:2] and len(value) < 39) or re.fullmatch(r"[\w]+(?:\.[A-Za-z_]\w*)+", value):
        return False
    if strong:
        return digits >= 1 and _random(value, 0.2) if len(value) < 16 else _random(value, 0.25)
    return len(value) >= 16 and digits >= 2 and _random(value, 0.3)


def _random(token: str, changes: float, *, both: bool = False) -> bool:
    bare = _SEPARATORS.sub("", token)
    digits = sum("0" <= character <= "9" for character in bare)
    upper = sum("A" <= character <= "Z" for character in bare)
    lower = sum("a" <= character <= "z" for character in bare)
    if both and (not digits or not upper or not lower):
        return False
    return _changes(bare) >= changes and _bits(bare) >= min(_BITS, 0.75 * math.log2(max(len(bare), 2)))


def _changes(token: str) -> float:
    sorts = ["d" if character.isdigit() else "u" if character.isupper() else "l" for character in token]
    return sum(one != other for one, other in pairwise(sorts)) / max(1, len(sorts) - 1)


def _bits(token: str) -> float:
    """Return the entropy of a character, in bits, by how often each occurs (Shannon)."""
    return -sum(n / len(token) * math.log2(n / len(token)) for n in Counter(token).values()) if token else 0.0
