"""Two readers for one line: a quick one for all of it, a better one for what is doubtful. No I/O."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from filters.reading.reading import LineReader, Reading

if TYPE_CHECKING:
    from filters.api import Bytes

Doubtful = Callable[[str], Sequence[tuple[int, int]]]
"""Returns which characters of a text are worth to be read better: not those about which there is no doubt left."""

_UNSURE = 0.8
"""Below this confidence of the quick reader the whole line is read again: it has rather guessed."""
_AROUND = 0.8  # of the line's height: so much beside what is doubtful is read with it, as characters may be missing
_NEAR = 2.0  # of the line's height: doubtful parts that are nearer to each other are read as one


class HybridReader:
    """Reads with ``quick``, and then with ``good`` what is ``doubtful``."""

    def __init__(self, quick: LineReader, good: LineReader, doubtful: Doubtful) -> None:
        self._quick = quick
        self._good = good
        self._doubtful = doubtful

    def first(self, line: "Bytes") -> Reading:
        """Return the quick reading."""
        return self._quick.read(line)

    def unsure(self, first: Reading) -> bool:
        """Whether the quick reader has rather guessed."""
        return first.confidence < _UNSURE

    def again(self, line: "Bytes", first: Reading | None) -> list[tuple[int, int]]:
        """Return from which to before which pixel ``line`` has to be read better, after the ``first`` reading."""
        height, width = line.shape
        if first is None or self.unsure(first):
            return [(0, width)]
        around, near = _AROUND * height, _NEAR * height
        parts: list[tuple[float, float]] = []
        for start, end in self._doubtful(first.text):
            left, right = first.span(start, end)
            if parts and left - around - parts[-1][1] < near:
                parts[-1] = parts[-1][0], max(parts[-1][1], right + around)
            else:
                parts.append((left - around, right + around))
        return [(max(0, int(left)), min(width, int(right) + 1)) for left, right in parts]

    def second(self, line: "Bytes", part: tuple[int, int]) -> Reading:
        """Return the better reading of a part of ``line``, in pixels of the whole."""
        left, right = part
        return self._good.read(line[:, left:right]).moved(left)
