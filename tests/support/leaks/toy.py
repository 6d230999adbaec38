"""A detector that knows the answer: it covers what a file says, with the faults that are planted there.

It shows that the benchmark sees what leaks, and nothing else. Times are frames from the first marker's first white one.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from filters import TICKS, Box, Detector, Finding, Kind, Picture, Upto
from tests.support.scenes.scene import RATE

_DARK, _BRIGHT = 40, 210  # mean luma of the marker's halves


class Knowing(Detector):
    """Cover what the JSON file ``script`` says: ``boxes``, a list of (first, end, left, top, width, height), and clear
    the frames of ``late``, a list of (first, end), only when it is too late."""

    def __init__(self, *, script: str, lookahead: float = 1.0) -> None:
        self.lookahead = lookahead
        found = json.loads(Path(script).read_text())
        self._boxes: dict[int, list[Box]] = {}
        for first, end, *box in found["boxes"]:
            for frame in range(first, end):
                self._boxes.setdefault(frame, []).append(Box(*box))
        self._late: list[tuple[int, int]] = [(first, end) for first, end in found["late"]]
        self._began: int | None = None
        self._before = 255.0
        self._now = 0

    def picture(self, picture: Picture) -> Iterator[Finding]:
        """Look at the next picture."""
        level = float(picture.planes.y[::16, ::16].mean())
        if self._began is None and self._before < _DARK and level > _BRIGHT:
            self._began = picture.pts
        self._before = level
        if self._began is None:
            return
        self._now = round((picture.pts - self._began) * RATE / TICKS)
        for box in self._boxes.get(self._now, ()):
            yield Finding(Kind.PICTURE, picture.pts, picture.pts + 1, "toy", box)

    def clearance(self, seen: Upto) -> Upto:
        """Return how far it has made up its mind."""
        for first, end in self._late:
            if self._began is not None and first <= self._now < end + self.lookahead * RATE:
                return seen._replace(picture=min(seen.picture, self._began + first * TICKS // RATE))
        return seen
