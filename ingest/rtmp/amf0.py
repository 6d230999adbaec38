"""AMF0 values to and from bytes. Pure, no I/O.

Source: Adobe, Action Message Format - AMF 0 (2007). Rules: what a stranger sends never costs more than it weighs. Depth
is bounded; there are at most as many values as bytes, counting what a reference repeats; a value never holds itself.
Strings that are no UTF-8 are read with replacement characters.
"""

import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from ingest.rtmp.errors import Amf0Error

Value = float | bool | str | None | list["Value"] | dict[str, "Value"]
"""Number, boolean, string, null (undefined, unsupported), strict array; object, typed object and ECMA array."""

_DEPTH: Final = 16


class _Marker(IntEnum):
    """The byte that begins a value (section 2.1). Movie clip and record set are reserved; AVM+ is AMF3's."""

    NUMBER = 0
    BOOLEAN = 1
    STRING = 2
    OBJECT = 3
    NULL = 5
    UNDEFINED = 6
    REFERENCE = 7
    ECMA_ARRAY = 8
    OBJECT_END = 9
    STRICT_ARRAY = 10
    DATE = 11
    LONG_STRING = 12
    UNSUPPORTED = 13
    XML = 15
    TYPED_OBJECT = 16


def decode(data: bytes, most_depth: int = _DEPTH) -> list[Value]:
    """Return all values in ``data``. Raises Amf0Error."""
    reader = _Reader(data, most_depth)
    values = []
    while reader.at < len(data):
        values.append(reader.value(0))
    return values


class _Reader:
    """Reads values one after the other, and keeps the objects that a reference may point to (section 2.9)."""

    __slots__ = ("_data", "_left", "_most_depth", "_seen", "at")

    def __init__(self, data: bytes, most_depth: int) -> None:
        self.at = 0
        self._data = data
        self._most_depth = most_depth
        self._left = len(data)
        self._seen: list[tuple[Value, int] | None] = []  # with the number of values inside; None while it is read

    def value(self, depth: int) -> Value:
        if depth > self._most_depth:
            raise Amf0Error("AMF0 values are nested too deeply")
        self._spend(1)
        marker = self._take(1)[0]
        match marker:
            case _Marker.NUMBER:
                return float(struct.unpack(">d", self._take(8))[0])
            case _Marker.BOOLEAN:
                return self._take(1) != b"\0"
            case _Marker.STRING:
                return self._text(2)
            case _Marker.OBJECT | _Marker.ECMA_ARRAY | _Marker.TYPED_OBJECT:
                if marker == _Marker.ECMA_ARRAY:
                    self._take(4)  # a count that encoders get wrong: the end marker is what counts
                elif marker == _Marker.TYPED_OBJECT:
                    self._text(2)  # the name of its class
                return self._compound({}, depth)
            case _Marker.NULL | _Marker.UNDEFINED | _Marker.UNSUPPORTED:
                return None
            case _Marker.REFERENCE:
                return self._referred()
            case _Marker.STRICT_ARRAY:
                return self._compound([], depth)
            case _Marker.DATE:
                milliseconds = float(struct.unpack(">d", self._take(8))[0])
                self._take(2)  # a time zone that is to be ignored (section 2.13)
                return milliseconds
            case _Marker.LONG_STRING | _Marker.XML:
                return self._text(4)
            case _:
                raise Amf0Error(f"unknown AMF0 marker {marker}")

    def _compound(self, found: list[Value] | dict[str, Value], depth: int) -> Value:
        """Fill ``found``; from then on it can be referred to."""
        place, before = len(self._seen), self._left
        self._seen.append(None)
        if isinstance(found, list):
            for _ in range(self._number(4)):
                found.append(self.value(depth + 1))
        else:
            while (name := self._text(2)) or self._data[self.at : self.at + 1] != bytes((_Marker.OBJECT_END,)):
                found[name] = self.value(depth + 1)
            self.at += 1
        self._seen[place] = (found, 1 + before - self._left)
        return found

    def _referred(self) -> Value:
        index = self._number(2)
        seen = self._seen[index] if index < len(self._seen) else None
        if seen is None:
            raise Amf0Error("an AMF0 reference points to nothing, or to what holds it")
        value, weight = seen
        self._spend(weight)
        return value

    def _spend(self, values: int) -> None:
        self._left -= values
        if self._left < 0:
            raise Amf0Error("too many AMF0 values")

    def _take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self._data):
            raise Amf0Error("an AMF0 value ends too early")
        taken = self._data[self.at : end]
        self.at = end
        return taken

    def _number(self, size: int) -> int:
        return int.from_bytes(self._take(size), "big")

    def _text(self, size: int) -> str:
        return self._take(self._number(size)).decode("utf-8", "replace")


def encode(*values: object) -> bytes:
    """Return ``values`` as AMF0: numbers, booleans, strings, None, lists and mappings (as objects)."""
    return b"".join(_write(value) for value in values)


def _write(value: object) -> bytes:
    match value:
        case None:
            return bytes((_Marker.NULL,))
        case bool():
            return bytes((_Marker.BOOLEAN, value))
        case int() | float():
            return struct.pack(">Bd", _Marker.NUMBER, value)
        case str():
            text = value.encode(errors="replace")
            if len(text) < 1 << 16:
                return struct.pack(">BH", _Marker.STRING, len(text)) + text
            return struct.pack(">BI", _Marker.LONG_STRING, len(text)) + text
        case list() | tuple():
            return struct.pack(">BI", _Marker.STRICT_ARRAY, len(value)) + b"".join(map(_write, value))
        case Mapping():
            pairs = b"".join(_name(str(name)) + _write(inner) for name, inner in value.items())
            return bytes((_Marker.OBJECT,)) + pairs + bytes((0, 0, _Marker.OBJECT_END))
        case _:
            raise TypeError(f"AMF0 has no {type(value).__name__}")


def _name(name: str) -> bytes:
    text = name.encode(errors="replace")
    return struct.pack(">H", len(text)) + text
