"""Covers what is bright green or magenta, from before it appears: what looking ahead is for.

veilcast room start demo --filter ./samples/filters/toy_detector.py:Chroma
veilcast room start demo --filter ./samples/filters/toy_detector.py:Chroma:look_back=1,effect=blur

Hold a green card into the picture: viewers see the cover half a second before the card comes.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from filters import TICKS, Box, Detector, Effect, Finding, Kind, Picture, Upto

SMALLEST = 12  # pixels of chroma: less is noise
AFTER = TICKS // 10  # a picture stands for a while, and how long is known when the next one comes


class Chroma(Detector):
    """Cover bright green and magenta, and where they will be in a moment."""

    def __init__(self, *, look_back: float = 0.5, effect: Literal["fill", "pixelate", "blur"] = "fill") -> None:
        self.look_back = round(look_back * TICKS)
        self.effect = Effect(effect)
        # What is found now is covered from `look_back` ago: viewers have to be so far behind, and a little more for
        # the work itself.
        self.lookahead = look_back + 0.25

    def picture(self, picture: Picture) -> Iterator[Finding]:
        """Say where the colours are in this picture."""
        _, u, v = picture.planes  # half as wide and high as the picture; 128 is no colour
        green = (u < 80) & (v < 80)
        magenta = (u > 180) & (v > 180)
        rows, columns = np.nonzero(green | magenta)
        if len(rows) < SMALLEST:
            return
        left, top = 2 * int(columns.min()), 2 * int(rows.min())
        width, height = 2 * int(columns.max()) + 2 - left, 2 * int(rows.max()) + 2 - top
        yield Finding(
            Kind.PICTURE,
            start=max(0, picture.pts - self.look_back),
            end=picture.pts + AFTER,
            category="chroma",
            box=Box(left, top, width, height),
            effect=self.effect,
        )

    def clearance(self, seen: Upto) -> Upto:
        """Clear what no later finding can reach back to. Cleared is gone: viewers may have seen it a moment later."""
        return Upto(max(0, seen.picture - self.look_back), seen.sound)
