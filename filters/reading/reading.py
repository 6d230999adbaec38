"""What a line of text in a picture was read as. Values only, no I/O."""

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from filters.api import Bytes


class Reading(NamedTuple):
    """A line as it was read: its ``text``, and ``edges``, len(text) + 1 of them: pixels of the line's picture at which
    characters begin, and where the last one ends. ``confidence``: 0 to 1."""

    text: str
    edges: tuple[float, ...]
    confidence: float

    def span(self, start: int, end: int) -> tuple[float, float]:
        """Return from which pixel to which the characters from ``start`` to before ``end`` stand."""
        return self.edges[start], self.edges[end]

    def moved(self, pixels: float) -> "Reading":
        """Return the same, ``pixels`` further to the right."""
        return self._replace(edges=tuple(edge + pixels for edge in self.edges))


NOTHING = Reading("", (0.0,), 1.0)


class LineReader(Protocol):
    """Reads lines. Threads: one caller."""

    def read(self, line: "Bytes") -> Reading:
        """Read a line of text: ``line`` is luma, uint8 (height, width), with a few pixels of background around."""
        ...
