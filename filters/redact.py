"""The filter ``redact-text``: secrets on screen are covered, from the first picture on that shows them."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from filters.api import TICKS, Detector, Effect, Picture, Said, Stream, Upto
from filters.secrets import Matcher

if TYPE_CHECKING:
    from filters.screen.desk import Desk
    from filters.screen.watch import Watch

_FASTEST = 31  # pictures a second that are looked at; of more every second one is
_STALLED = TICKS // 4
"""No picture for so long: no change can have begun in the last one that has not been seen."""
_AHEAD = TICKS * 3 // 4
"""Where pictures wait (a file's do), reading is waited for when it is so far behind."""
_METER = 4.0  # seconds over which the use of processors is measured
_SHARE = 0.85  # of the budget that is aimed at: the rest is for decoding
_RAREST = 4.0


class RedactText(Detector):
    """Cover secrets in text on screen: card numbers, addresses, keys, passwords beside their labels. Latin script.

    kinds: what is looked for: card, email, phone, iban, ssn, vat, key (API keys and tokens), password.
    words: words and phrases that are covered, too, as in words=Project Falcon+Jane Doe.
    patterns: regular expressions (Python's) that are covered, too; a backslash before , + and \\ in them.
    allow: what is never covered: texts, or regular expressions between slashes; @example.com is a whole domain.
    region: the country that telephone numbers without + are read as being from, such as US or DE.
    effect: fill, pixelate or blur. Only fill hides for sure: the others can be undone in part.

    It reads well what a person can read at ease, and not everything: handwriting, very small text, text in other
    scripts, and what is shown for one or two pictures only are shown.
    """

    lookahead = 3.8

    def __init__(
        self,
        *,
        kinds: tuple[Literal["card", "email", "phone", "iban", "ssn", "vat", "key", "password"], ...] = (),
        words: tuple[str, ...] = (),
        patterns: tuple[str, ...] = (),
        allow: tuple[str, ...] = (),
        region: str = "US",
        effect: Literal["fill", "pixelate", "blur"] = "fill",
    ) -> None:
        own = {"kinds": kinds} if kinds else {}
        self._matcher = Matcher(**own, words=words, patterns=patterns, allow=allow, region=region)
        self._effect = Effect(effect)
        self._desk: Desk | None = None
        self._watch: Watch | None = None
        self._cores = 1.0
        self._every = 1
        self._live = True
        self._count = 0
        self._last = -1
        self._measured = (0.0, 0.0)
        self._pressure = 1.0
        self._began = 0.0

    def open(self, stream: Stream) -> None:
        """Load the models, and read something: the first time takes longer."""
        import numpy as np

        from filters.reading.hybrid import HybridReader
        from filters.reading.rapid import RapidReader, TextFinder
        from filters.reading.swift import SwiftReader
        from filters.screen.desk import Desk
        from filters.screen.scribe import Scribe
        from filters.screen.watch import Watch

        quick, good, finder = SwiftReader(), RapidReader(), TextFinder()
        blank = np.full((32, 320), 255, np.uint8)
        for reader in (quick, good):
            reader.read(blank)
        finder.find(blank, 320)
        self._desk = Desk(Scribe(HybridReader(quick, good, self._doubtful), finder, self._matcher))
        self._every = max(1, -(-round(stream.frame_rate) // _FASTEST))
        rate = max(1.0, stream.frame_rate / self._every)
        held = round(self.lookahead * rate)
        self._watch = Watch(
            self._desk.submit, self._effect, held + 10, held - 8, lambda: self._pressure, self._desk.drop
        )
        self._cores = stream.cores
        self._live = stream.live
        self._began = time.monotonic()

    def close(self) -> None:
        """End the reading."""
        if self._desk is not None:
            self._desk.close()
            self._desk = None

    def picture(self, picture: Picture) -> Iterable[Said]:
        """Look at the next picture."""
        from filters.screen.contrast import legible

        assert self._desk is not None
        assert self._watch is not None
        self._count += 1
        if (self._count - 1) % self._every:
            return []
        if not self._live:
            self._wait(picture.pts)
        self._last = picture.pts
        said = self._watch.look(picture.pts, legible(picture.planes), self._desk.reports())
        self._measure()
        return said

    def clearance(self, seen: Upto) -> Upto:
        """Return how far nothing new can begin any more."""
        if self._watch is None or self._last < 0:
            return seen._replace(picture=-1)
        if seen.picture - self._last > _STALLED:
            return seen._replace(picture=self._last + 1)
        return seen._replace(picture=min(seen.picture, self._watch.cleared))

    def _doubtful(self, text: str) -> list[tuple[int, int]]:
        from filters.screen.scribe import in_doubt

        return in_doubt(text, self._matcher.doubtful(text), self._matcher.find(text))

    def _wait(self, pts: int) -> None:
        """Wait for what is being read."""
        assert self._desk is not None
        assert self._watch is not None
        while (oldest := self._watch.oldest) is not None and pts - oldest > _AHEAD:
            self._desk.wait(0.05)
            self._watch.hear(self._desk.reports())

    def _measure(self) -> None:
        """Look rarer where more is used than there should be."""
        assert self._desk is not None
        now = time.monotonic()
        if now - self._began < _METER:
            return
        used = self._desk.seconds + time.thread_time()
        share = (used - self._measured[1]) / (now - self._began)
        self._measured, self._began = (now, used), now
        wanted = self._pressure * share / (self._cores * _SHARE)
        self._pressure = min(max(1.0, wanted), _RAREST)
