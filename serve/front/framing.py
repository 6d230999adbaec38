"""Where a request begins and ends (RFC 9112), and what of its head the front goes by. Sans I/O.

A boundary that could be read in two ways is how one request is hidden in another (RFC 9112, 11.2). So what is not
written as the grammar has it is refused, with the connection, not repaired: line ends without CR, folded lines, space
before a colon, two lengths, a length beside a transfer coding.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from serve.encoding import takes_gzip

MOST_HEAD = 16 << 10
"""Bytes of a head."""
_KNOWN = 2048
_KNOWN_BYTES = 2 << 10
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_LINE = re.compile(
    rb"(" + _TOKEN + rb") (?! )(?:[Hh][Tt][Tt][Pp][Ss]?://[^/?\x00-\x20\x7f]*)?([^\x00-\x20\x7f]*) HTTP/1\.([01])"
)
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([^\r\n\x00]*)\r\n")
_BEGINNING = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}(?: |\Z)")
_LONE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_LENGTH = re.compile(rb"[0-9]{1,18}")


class Malformed(Exception):
    """This is no request, or could be taken for two; the text says why."""


class TooLong(Exception):
    """The head is longer than any that is asked with here."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What the header fields of a request say.

    ``length``: bytes of its body; ``chunked``: whether the body says itself where it ends; ``foreign``: whether what
    follows is not told by the length alone, as with ``Upgrade`` and ``Expect``; ``close``: whether the client asks for
    the connection to be closed; ``hosts``: how many Host fields there are.
    """

    gzip: bool
    agent: str
    close: bool
    length: int
    chunked: bool
    foreign: bool
    hosts: int


class Head(NamedTuple):
    """A request's head, ``size`` bytes of what was read. ``last``: no other request follows on the connection."""

    size: int
    method: str
    path: str
    query: str
    last: bool
    fields: Fields


class HeadReader:
    """Reads heads. A player's are all alike but for the first line: what the rest says is remembered."""

    def __init__(self) -> None:
        self._known: dict[bytes, Fields] = {}

    def read(self, data: bytes) -> Head | None:
        """Return the head that ``data`` begins with; None if there is more to come. Raises Malformed, TooLong."""
        start = 0
        while data.startswith(b"\r\n", start):  # RFC 9112, 2.2
            start += 2
        end = data.find(b"\r\n\r\n", start)
        if end < 0:
            _check_beginning(data[start:])
            return None
        if end - start > MOST_HEAD:
            raise TooLong
        middle = data.find(b"\r\n", start) + 2
        line = _LINE.fullmatch(data, start, middle - 2)
        if line is None:
            raise Malformed("the first line is no request line")
        block = data[middle : end + 2]
        fields = self._known.get(block)
        if fields is None:
            fields = self._learn(block)
        method, target, version = line.groups()
        if fields.hosts != 1 and (version == b"1" or fields.hosts):
            raise Malformed("a request names one host")
        path, _, query = target.decode("latin-1").partition("?")
        return Head(end + 4, method.decode(), path, query, fields.close or version == b"0", fields)

    def _learn(self, block: bytes) -> Fields:
        fields = _read_fields(block)
        if len(block) <= _KNOWN_BYTES:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[block] = fields
        return fields


def _check_beginning(data: bytes) -> None:
    """Raise Malformed or TooLong as soon as it is seen that no head will come of ``data``."""
    if len(data) > MOST_HEAD:
        raise TooLong
    line, ended, _ = data.partition(b"\r\n")
    if _LONE_LINE_FEED.search(data):
        raise Malformed("a line ends without CR")
    if data and not (_LINE.fullmatch(line) if ended else _BEGINNING.match(data)):
        raise Malformed("the first line is no request line")


def _read_fields(block: bytes) -> Fields:
    """Read header lines. Raises Malformed."""
    values: dict[bytes, list[bytes]] = {}
    at = 0
    while at < len(block):
        line = _FIELD.match(block, at)
        if line is None:
            raise Malformed("a header line is malformed")
        values.setdefault(line[1].lower(), []).append(line[2].strip(b" \t"))
        at = line.end()

    def first(name: bytes) -> str:
        return values.get(name, [b""])[0].decode(errors="surrogateescape")

    lengths, chunked = values.get(b"content-length", []), b"transfer-encoding" in values
    if len(lengths) > 1 or (lengths and chunked) or not all(map(_LENGTH.fullmatch, lengths)):
        raise Malformed("the length of the body is not clear")
    connection = b",".join(values.get(b"connection", [])).lower().split(b",")
    return Fields(
        gzip=takes_gzip(first(b"accept-encoding")),
        agent=first(b"user-agent"),
        close=b"close" in [option.strip(b" \t") for option in connection],
        length=int(lengths[0]) if lengths else 0,
        chunked=chunked,
        foreign=chunked or b"upgrade" in values or b"expect" in values,
        hosts=len(values.get(b"host", [])),
    )
