"""AMF0 values to and from bytes. Pure, no I/O.

Source: Adobe, Action Message Format - AMF 0 (2007). Depth, and the number of values, are bounded: what a stranger sends
must not cost more than it weighs. Strings that are no UTF-8 are read with replacement characters.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ingest.rtmp.errors import PeerError

Value = float | bool | str | None | list["Value"] | dict[str, "Value"]
"""Number, boolean, string, null (undefined, unsupported), strict array; object, typed object and ECMA array."""

MOST_DEPTH: Final = 16
MOST_VALUES: Final = 4096

_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _UNDEFINED, _REFERENCE = 0, 1, 2, 3, 5, 6, 7
_ECMA_ARRAY, _OBJECT_END, _STRICT_ARRAY, _DATE, _LONG_STRING, _UNSUPPORTED, _XML, _TYPED = 8, 9, 10, 11, 12, 13, 15, 16


class Amf0Error(PeerError):
    """The bytes are no AMF0."""


@dataclass(slots=True)
class _Reader:
    """Reads values from ``data``, and keeps the objects that references may point to (section 2.9)."""

    data: bytes
    at: int = 0
    left: int = MOST_VALUES

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise Amf0Error("an AMF0 value ends too early")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def text(self, size: int) -> str:
        return self.take(self.number(size)).decode("utf-8", "replace")


def decode(data: bytes) -> list[Value]:
    """Return all values in ``data``. Raises Amf0Error."""
    reader = _Reader(data)
    objects: list[Value] = []
    values = []
    while reader.at < len(data):
        values.append(_read(reader, objects, 0))
    return values


def _read(reader: _Reader, objects: list[Value], depth: int) -> Value:
    if depth > MOST_DEPTH:
        raise Amf0Error("AMF0 values are nested too deeply")
    reader.left -= 1
    if reader.left < 0:
        raise Amf0Error("too many AMF0 values")
    marker = reader.take(1)[0]
    match marker:
        case 0:
            return float(struct.unpack(">d", reader.take(8))[0])
        case 1:
            return reader.take(1) != b"\0"
        case 2:
            return reader.text(2)
        case 3:
            return _read_pairs(reader, objects, depth)
        case 5 | 6 | 13:
            return None
        case 7:
            index = reader.number(2)
            if index >= len(objects):
                raise Amf0Error("an AMF0 reference points to nothing")
            return objects[index]
        case 8:
            reader.take(4)  # a count that encoders get wrong: the end marker is what counts
            return _read_pairs(reader, objects, depth)
        case 10:
            array: list[Value] = []
            objects.append(array)
            for _ in range(reader.number(4)):
                array.append(_read(reader, objects, depth + 1))
            return array
        case 11:
            milliseconds = float(struct.unpack(">d", reader.take(8))[0])
            reader.take(2)  # a time zone that is to be ignored (section 2.13)
            return milliseconds
        case 12 | 15:
            return reader.text(4)
        case 16:
            reader.text(2)  # the class name
            return _read_pairs(reader, objects, depth)
        case _:
            raise Amf0Error(f"unknown AMF0 marker {marker}")


def _read_pairs(reader: _Reader, objects: list[Value], depth: int) -> Value:
    pairs: dict[str, Value] = {}
    objects.append(pairs)
    while True:
        name = reader.text(2)
        if not name and reader.at < len(reader.data) and reader.data[reader.at] == _OBJECT_END:
            reader.at += 1
            return pairs
        pairs[name] = _read(reader, objects, depth + 1)


def encode(*values: object) -> bytes:
    """Return ``values`` as AMF0: numbers, booleans, strings, None, lists and mappings (as objects)."""
    return b"".join(_write(value) for value in values)


def _write(value: object) -> bytes:
    match value:
        case None:
            return bytes((_NULL,))
        case bool():
            return bytes((_BOOLEAN, value))
        case int() | float():
            return struct.pack(">Bd", _NUMBER, value)
        case str():
            text = value.encode()
            if len(text) < 1 << 16:
                return struct.pack(">BH", _STRING, len(text)) + text
            return struct.pack(">BI", _LONG_STRING, len(text)) + text
        case list() | tuple():
            return struct.pack(">BI", _STRICT_ARRAY, len(value)) + b"".join(map(_write, value))
        case Mapping():
            pairs = b"".join(_name(str(name)) + _write(inner) for name, inner in value.items())
            return bytes((_OBJECT,)) + pairs + bytes((0, 0, _OBJECT_END))
        case _:
            raise TypeError(f"AMF0 has no {type(value).__name__}")


def _name(name: str) -> bytes:
    text = name.encode()
    return struct.pack(">H", len(text)) + text
