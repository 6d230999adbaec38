"""Takes dates, times and network addresses out of a text, so that no number begins or ends in one. Pure."""

import re

_MONTH, _DAY = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_ORDINARY = re.compile(
    rf"(?<![\w\-./+])(?:(?:19|20)\d\d(?P<a>[\-./]){_MONTH}(?P=a){_DAY}(?:T\d\d:?\d\d(?::?\d\d(?:[.,]\d+)?)?Z?)?"
    rf"|{_DAY}(?P<b>[\-./]){_MONTH}(?P=b)(?:19|20)\d\d|{_MONTH}(?P<c>[\-/]){_DAY}(?P=c)(?:19|20)\d\d"
    r"|\d\d?:\d\d(?::\d\d)?(?:[.,]\d{1,9})?|\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d{1,5})?)(?![\w\-/+]|[.:]\d)"
)


def without(text: str) -> str:
    """Return a text as long as before, with asterisks for what is a date, a time or an address and stands alone."""
    if ":" not in text and "-" not in text and "." not in text and "/" not in text:
        return text
    return _ORDINARY.sub(lambda found: "*" * len(found[0]), text)
