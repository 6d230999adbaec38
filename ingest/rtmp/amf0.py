"""AMF0 values to and from bytes. Pure, no I/O.

Source: Adobe, Action Message Format - AMF 0 (2007). Rules: those of ``amf.py``; a value never holds itself.
"""

import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from ingest.rtmp import amf3
from ingest.rtmp.amf import Cursor, Value
from ingest.rtmp.errors import AmfError

_DEPTH: Final = 16


class _Marker(IntEnum):
    """The byte that begins a value (section 2.1). Movie clip and record set are reserved."""

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
    AVM_PLUS = 17
    """AMF3 follows, for one value (section 3.1)."""


_END: Final = bytes((_Marker.OBJECT_END,))


def decode(data: bytes, most_depth: int = _DEPTH, least: int | None = None) -> list[Value]:
    """Return all values in ``data``. Raises AmfError where one is broken.

    After ``least`` values a broken one is only the end of them: encoders leave rubbish behind what matters.
    """
    cursor = Cursor(data, most_depth)
    reader = _Reader(cursor)
    values: list[Value] = []
    while cursor.at < len(data):
        try:
            values.append(reader.value(0))
        except AmfError:
            if least is None or len(values) < least:
                raise
            break
    return values


class _Reader:
    """Reads values one after the other, and keeps the objects that a reference may point to (section 2.9)."""

    __slots__ = ("_cursor", "_seen")

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._seen: list[tuple[Value, int] | None] = []  # with the number of values inside; None while it is read

    def value(self, depth: int) -> Value:
        cursor = self._cursor
        cursor.enter(depth)
        marker = cursor.number(1)
        match marker:
            case _Marker.NUMBER:
                return cursor.double()
            case _Marker.BOOLEAN:
                return cursor.number(1) != 0
            case _Marker.STRING:
                return self._text(2)
            case _Marker.OBJECT | _Marker.ECMA_ARRAY | _Marker.TYPED_OBJECT:
                if marker == _Marker.ECMA_ARRAY:
                    cursor.take(4)  # a count that encoders get wrong: the end marker is what counts
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
                milliseconds = cursor.double()
                cursor.take(2)  # a time zone that is to be ignored (section 2.13)
                return milliseconds
            case _Marker.LONG_STRING | _Marker.XML:
                return self._text(4)
            case _Marker.AVM_PLUS:
                return amf3.read(cursor, depth)
            case _:
                raise AmfError(f"unknown AMF0 marker {marker}")

    def _compound(self, found: list[Value] | dict[str, Value], depth: int) -> Value:
        """Fill ``found``; from then on it can be referred to."""
        cursor = self._cursor
        place, before = len(self._seen), cursor.left
        self._seen.append(None)
        if isinstance(found, list):
            for _ in range(cursor.number(4)):
                found.append(self.value(depth + 1))
        else:
            while (name := self._text(2)) or cursor.data[cursor.at : cursor.at + 1] != _END:
                found[name] = self.value(depth + 1)
            cursor.take(1)
        self._seen[place] = (found, 1 + before - cursor.left)
        return found

    def _referred(self) -> Value:
        index = self._cursor.number(2)
        seen = self._seen[index] if index < len(self._seen) else None
        if seen is None:
            raise AmfError("an AMF0 reference points to nothing, or to what holds it")
        value, weight = seen
        self._cursor.spend(weight)
        return value

    def _text(self, size: int) -> str:
        return self._cursor.text(self._cursor.number(size))


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
