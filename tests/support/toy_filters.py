"""Toy filters for end-to-end tests of the promise that nothing leaks; a real server runs them.

``Picky`` looks at an indexed stream, says what it has cleared in a file before it clears it, and goes wrong on demand.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from filters import (
    TICKS,
    Detector,
    Finding,
    Kind,
    Picture,
    Sound,
    Stream,
    Unverified,
    Upto,
    Verified,
    VideoFilter,
    video_filter,
)
from filters.api import Box
from transcode.testcard import read_code

FOUND = range(50, 60)
"""Pictures whose number ends (modulo 90) in these are found, and nothing of them may be seen."""
PERIOD = 90
UNCERTAIN = range(20, 24)
"""And about those, a part of the picture is uncertain until a moment later."""


class Picky(Detector):
    """Clears pictures and sound ``lag`` seconds after it was given them; ``log`` and ``orders`` are files."""

    def __init__(self, *, log: str, orders: str = "", lag: float = 0.5, lookahead: float = 2.0) -> None:
        self.lookahead = lookahead
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._orders = Path(orders) if orders else None
        self._lag = round(lag * TICKS)
        self._pictures: list[tuple[int, int]] = []  # when, and the number; not cleared yet
        self._ids = 0

    def open(self, stream: Stream) -> None:
        self._obey("open")

    def picture(self, picture: Picture) -> Iterator[Finding | Unverified | Verified]:
        self._obey("picture")
        code = read_code(picture.planes.y)
        if code is None:
            raise ValueError("a picture without a number")
        self._pictures.append((picture.pts, code))
        if code % PERIOD in FOUND:
            yield Finding(Kind.PICTURE, picture.pts, picture.pts + 1, "number")
        if code % PERIOD == UNCERTAIN.start:
            self._ids += 1
            yield Unverified(self._ids, picture.pts, Box(0, 0, 64, 64))
        if code % PERIOD == UNCERTAIN.stop:
            yield Verified(self._ids)

    def sound(self, sound: Sound) -> Iterator[Finding]:
        self._obey("sound")
        second = sound.pts // TICKS
        if second % 7 == 3:
            yield Finding(Kind.SOUND, sound.pts, sound.pts + 1920, "second")

    def clearance(self, seen: Upto) -> Upto:
        upto = Upto(max(0, seen.picture - self._lag), max(0, seen.sound - self._lag))
        cleared = [(pts, code) for pts, code in self._pictures if pts < upto.picture]
        self._pictures = [each for each in self._pictures if each[0] >= upto.picture]
        line = {"at": time.monotonic(), "pictures": cleared, "sound": upto.sound}
        os.write(self._log, json.dumps(line).encode() + b"\n")
        return upto

    def _obey(self, where: str) -> None:
        if self._orders is None:
            return
        try:
            order = self._orders.read_text()
        except OSError:
            return
        place, _, deed = order.partition(":")
        if place != where:
            return
        self._orders.unlink(missing_ok=True)
        match deed:
            case "hang":
                time.sleep(3600)
            case "raise":
                raise RuntimeError("told to")
            case "exit":
                os._exit(3)
            case "nonsense":
                Finding(Kind.PICTURE, 10, 5, "backwards")
            case "grow":
                hoard = bytearray(3 << 30)
                hoard[:: 1 << 12] = bytes(len(hoard[:: 1 << 12]))
                time.sleep(30)
            case "wait":
                time.sleep(5)


@video_filter(pixels="yuv")
def moody(planes: object, t: float, *, orders: str) -> None:
    """Fails as long as there is a file ``orders``."""
    if Path(orders).exists():
        raise RuntimeError("in a bad mood")


class Slow(VideoFilter):
    """Takes its time to get ready."""

    pixels = "yuv"

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds

    def open(self, stream: Stream) -> None:
        time.sleep(self._seconds)

    def picture(self, image: object, t: float) -> None:
        """Change nothing."""
