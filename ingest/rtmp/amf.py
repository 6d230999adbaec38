"""What AMF0 and AMF3 have in common: the values that they carry, and how their bytes are read. Pure, no I/O.

Rule: what a stranger sends never costs more than it weighs. There are at most as many values as bytes, counting what a
reference repeats; depth is bounded.
"""

import struct

from ingest.rtmp.errors import AmfError

Value = float | bool | str | None | list["Value"] | dict[str, "Value"]
"""Number (a date, too), boolean, string (XML, too), null (what there is no other word for, too), array, object."""


class Cursor:
    """Reads ``data`` from its beginning. Each method raises AmfError where there is not enough left."""

    __slots__ = ("_left", "_most_depth", "at", "data")

    def __init__(self, data: bytes, most_depth: int) -> None:
        self.data = data
        self.at = 0
        self._most_depth = most_depth
        self._left = len(data)

    @property
    def left(self) -> int:
        """How many more values there may be."""
        return self._left

    def enter(self, depth: int) -> None:
        """Begin a value that is ``depth`` values deep."""
        if depth > self._most_depth:
            raise AmfError("AMF values are nested too deeply")
        self.spend(1)

    def spend(self, values: int) -> None:
        """Count ``values`` more."""
        self._left -= values
        if self._left < 0:
            raise AmfError("too many AMF values")

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        end = self.at + count
        if end > len(self.data):
            raise AmfError("an AMF value ends too early")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def number(self, size: int) -> int:
        """Return the unsigned integer in the next ``size`` bytes."""
        return int.from_bytes(self.take(size), "big")

    def double(self) -> float:
        """Return the next eight bytes' number."""
        return float(struct.unpack(">d", self.take(8))[0])

    def text(self, length: int) -> str:
        """Return the next ``length`` bytes as text; what is no UTF-8 is replaced."""
        return self.take(length).decode("utf-8", "replace")
