"""AMF3 values from bytes, as they stand inside AMF0. Pure, no I/O.

Source: Adobe, Action Message Format - AMF 3 (2013). Rules: those of ``amf.py``; a value never holds itself. No encoder
is told to speak AMF3; those that do all the same put a value of it here and there, which has to be read to know what
comes after it. Each such value has tables of references of its own (AMF 3, section 4.1).
"""

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from ingest.rtmp.amf import Cursor, Value
from ingest.rtmp.errors import AmfError

_WRAPPERS: Final = frozenset({"flex.messaging.io.ArrayCollection", "flex.messaging.io.ObjectProxy"})
"""Classes that write themselves, and are known to write one value."""


class _Marker(IntEnum):
    """The byte that begins a value (section 3.1)."""

    UNDEFINED = 0
    NULL = 1
    FALSE = 2
    TRUE = 3
    INTEGER = 4
    DOUBLE = 5
    STRING = 6
    XML_DOCUMENT = 7
    DATE = 8
    ARRAY = 9
    OBJECT = 10
    XML = 11
    BYTE_ARRAY = 12
    VECTOR_INT = 13
    VECTOR_UINT = 14
    VECTOR_DOUBLE = 15
    VECTOR_OBJECT = 16
    DICTIONARY = 17


_ELEMENTS: Final = {_Marker.VECTOR_INT: "i", _Marker.VECTOR_UINT: "I", _Marker.VECTOR_DOUBLE: "d"}
"""What a vector of numbers is made of, as ``struct`` has it."""


class _Traits(NamedTuple):
    """What an object's class says of it (section 3.12)."""

    wrapper: bool
    dynamic: bool
    names: tuple[str, ...]


def read(cursor: Cursor, depth: int) -> Value:
    """Return the value at ``cursor``, which is ``depth`` values deep. Raises AmfError."""
    return _Reader(cursor).value(depth)


class _Reader:
    """Reads one value and all that it holds; keeps what references in it may point to (section 2.2)."""

    __slots__ = ("_cursor", "_seen", "_strings", "_traits")

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._strings: list[str] = []
        self._traits: list[_Traits] = []
        self._seen: list[tuple[Value, int] | None] = []  # with the number of values inside; None while it is read

    def value(self, depth: int) -> Value:
        cursor = self._cursor
        cursor.enter(depth)
        marker = cursor.number(1)
        match marker:
            case _Marker.UNDEFINED | _Marker.NULL:
                return None
            case _Marker.FALSE | _Marker.TRUE:
                return marker == _Marker.TRUE
            case _Marker.INTEGER:
                number = self._variable()
                return float(number - (1 << 29) if number >> 28 else number)
            case _Marker.DOUBLE:
                return cursor.double()
            case _Marker.STRING:
                return self._string()
            case _ if _Marker.XML_DOCUMENT <= marker <= _Marker.DICTIONARY:
                return self._complex(marker, depth)
            case _:
                raise AmfError(f"unknown AMF3 marker {marker}")

    def _complex(self, marker: int, depth: int) -> Value:
        """Read a value that later ones can refer to."""
        header = self._variable()
        if not header & 1:
            return self._referred(header >> 1)
        place, before = len(self._seen), self._cursor.left
        self._seen.append(None)
        found = self._whole(marker, header >> 1, depth)
        self._seen[place] = (found, 1 + before - self._cursor.left)
        return found

    def _whole(self, marker: int, header: int, depth: int) -> Value:
        """Read a complex value; ``header`` is mostly how long it is or how much it holds."""
        cursor = self._cursor
        match marker:
            case _Marker.XML_DOCUMENT | _Marker.XML:
                return cursor.text(header)
            case _Marker.DATE:
                return cursor.double()
            case _Marker.BYTE_ARRAY:
                cursor.take(header)
                return None
            case _Marker.ARRAY:
                named = self._pairs(depth)
                listed = self._values(header, depth)
                return listed if not named else named | {str(index): value for index, value in enumerate(listed)}
            case _Marker.OBJECT:
                return self._object(header, depth)
            case _Marker.DICTIONARY:
                cursor.take(1)  # whether its keys are held weakly
                pairs = [(self.value(depth + 1), self.value(depth + 1)) for _ in range(header)]
                return {name: value for name, value in pairs if isinstance(name, str)}
            case _Marker.VECTOR_OBJECT:
                cursor.take(1)  # whether its length is fixed
                self._string()  # the name of its class
                return self._values(header, depth)
            case _:
                form = _ELEMENTS[_Marker(marker)]
                cursor.take(1)
                cursor.spend(header)
                numbers = cursor.take(header * struct.calcsize(f">{form}"))
                return [float(number) for (number,) in struct.iter_unpack(f">{form}", numbers)]

    def _object(self, header: int, depth: int) -> Value:
        traits = self._its_traits(header)
        if traits.wrapper:
            return self.value(depth + 1)
        found = {name: self.value(depth + 1) for name in traits.names}
        return found | self._pairs(depth) if traits.dynamic else found

    def _its_traits(self, header: int) -> _Traits:
        if not header & 1:
            index = header >> 1
            if index >= len(self._traits):
                raise AmfError("an AMF3 object refers to a class that is not there")
            return self._traits[index]
        wrapper, dynamic, count = bool(header & 2), bool(header & 4), header >> 3
        name = self._string()
        if wrapper and name not in _WRAPPERS:
            raise AmfError("an AMF3 object is of a class that only its writer can read")
        traits = _Traits(wrapper, dynamic, tuple(self._string() for _ in range(count)))
        self._traits.append(traits)
        return traits

    def _pairs(self, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while name := self._string():
            found[name] = self.value(depth + 1)
        return found

    def _values(self, count: int, depth: int) -> list[Value]:
        return [self.value(depth + 1) for _ in range(count)]

    def _referred(self, index: int) -> Value:
        seen = self._seen[index] if index < len(self._seen) else None
        if seen is None:
            raise AmfError("an AMF3 reference points to nothing, or to what holds it")
        value, weight = seen
        self._cursor.spend(weight)
        return value

    def _string(self) -> str:
        header = self._variable()
        if header & 1:
            text = self._cursor.text(header >> 1)
            if text:
                self._strings.append(text)
            return text
        if header >> 1 >= len(self._strings):
            raise AmfError("an AMF3 reference points to no string")
        return self._strings[header >> 1]

    def _variable(self) -> int:
        """Read an integer of 29 bits in one to four bytes (section 1.3.1)."""
        number = 0
        for _ in range(3):
            byte = self._cursor.number(1)
            number = number << 7 | byte & 0x7F
            if byte < 0x80:
                return number
        return number << 8 | self._cursor.number(1)
