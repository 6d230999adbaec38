"""Writes the time since the room began into a corner: a filter with state, on pictures as they are coded.

veilcast room start demo --filter ./samples/filters/clock.py:Clock
veilcast room start demo --filter ./samples/filters/clock.py:Clock:corner=bottom-right
"""

from typing import Literal

import cv2

from filters import Planes, Stream, VideoFilter

BLACK, WHITE = 16, 235  # of luma


class Clock(VideoFilter):
    """Show how long the room has been open, as h:mm:ss."""

    pixels = "yuv"  # no conversion to BGR and back: that takes more time than all the rest

    def __init__(self, *, corner: Literal["top-left", "bottom-right"] = "top-left") -> None:
        self.corner = corner

    def open(self, stream: Stream) -> None:
        """Choose sizes by those of the pictures, once."""
        self.scale = stream.height / 500
        self.line = max(1, round(2 * self.scale))
        (width, height), base = cv2.getTextSize("00:00:00", cv2.FONT_HERSHEY_SIMPLEX, self.scale, 3 * self.line)
        space = stream.height // 30
        if self.corner == "top-left":
            self.place = (space, space + height)
        else:
            self.place = (stream.width - space - width, stream.height - space - base)

    def picture(self, image: Planes, t: float) -> Planes:
        """Draw the time on the luma plane, with a dark edge that can be read on any ground."""
        seconds = int(t)
        text = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        for level, line in ((BLACK, 3 * self.line), (WHITE, self.line)):
            cv2.putText(image.y, text, self.place, cv2.FONT_HERSHEY_SIMPLEX, self.scale, level, line, cv2.LINE_AA)
        return image
