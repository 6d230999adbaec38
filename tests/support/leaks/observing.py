"""Looks at one scene, frame by frame: as it was published, as it was received, and what its labels say. Reads files.

Recognisers are asked only where pixels leave it open, and not for each frame: of a run of such frames one in a few is
looked at, and stands for those up to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from filters import Planes
from filters.pixels import bgr_of
from tests.support.leaks.pixels import crop, distinct, inked, is_slate, overdone, small, veiled
from tests.support.leaks.programme import Cue
from tests.support.leaks.reading import Readers, readers
from tests.support.leaks.received import ReceivedError, Reception, frames
from tests.support.leaks.scoring import COVERED, PARTIAL, SHOWN, Seen
from tests.support.scenes.scene import HEIGHT, WIDTH, Label

_CLEAN = 0.99  # of a box veiled: nothing is left to read
_ASKED = 6
"""Frames of a run between two that recognisers look at, at most; the first ones are all looked at."""
_TRIES = (1, 3, 9, 27, 81, 243)
"""At which of the frames that show it recognisers try to read a secret at the source, until they can."""
_OVER: tuple[int, Planes | None] = -1, None
_AROUND = 40  # pixels around a leaked secret that developers get to see


@dataclass
class Observed:
    """What was seen of a scene. ``overdone`` in pictures (1: a whole one for a frame); ``slate`` in frames.

    ``left_out``: frames that a busy room has not sent. ``unreadable``: ids of secrets that no recogniser reads at the
    source. ``crops``: of each leaked secret the first frame that leaks it, source and output side by side, as PNG.
    """

    kind: str
    name: str
    frames: int = 0
    seen: list[Seen] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    overdone: float = 0.0
    slate: int = 0
    left_out: int = 0
    crops: dict[str, bytes] = field(default_factory=dict)


@dataclass
class _Subject:
    """What is known of one secret while its scene is looked at."""

    tries: int = 0
    readable: bool = False
    asked: int = -2 * _ASKED  # the frame that recognisers have looked at last
    run: int = 0  # frames of the run of frames that have to be read
    last: int = -1  # the newest of them
    read: bool = False


def observe(cue: Cue, reception: Reception, slate: NDArray[np.uint8]) -> Observed:
    """Look at the scene of ``cue``; ``slate`` is what covers a room, ``small``. Raises ReceivedError."""
    cv2.setNumThreads(1)
    return _Observer(cue, slate, readers()).run(reception)


class _Observer:
    def __init__(self, cue: Cue, slate: NDArray[np.uint8], readers: Readers) -> None:
        self._cue = cue
        self._slate = slate
        self._readers = readers
        self._subjects: dict[str, _Subject] = {}
        self._observed = Observed(cue.tape.kind, cue.tape.name)

    def run(self, reception: Reception) -> Observed:
        tape, observed = self._cue.tape, self._observed
        received = frames(reception.path, self._cue.first + reception.shift)
        got, shown = next(received, _OVER)
        for (number, source), labels in zip(frames(tape.path), tape.labels, strict=True):
            wanted = self._cue.first + reception.shift + number
            if shown is None:
                raise ReceivedError(f"{tape.name}: what was received ends at frame {number}")
            observed.frames += 1
            if got > wanted:
                # The one before stands for longer, and was looked at in its own place.
                observed.left_out += 1
                observed.seen += [
                    Seen(number, label.id, label.category, label.share, 1.0, False, True)
                    for label in labels
                    if label.share >= PARTIAL
                ]
                continue
            self._look(number, source, shown, labels)
            got, shown = next(received, _OVER)
        observed.unreadable = sorted(name for name, each in self._subjects.items() if each.tries and not each.readable)
        return observed

    def _look(self, number: int, source: Planes, shown: Planes, labels: Sequence[Label]) -> None:
        thumb = small(shown.y)
        slated = is_slate(thumb, self._slate) and not is_slate(small(source.y), self._slate)
        if slated:
            self._observed.slate += 1
            veil = None
        else:
            veil = inked(shown)
            pixels = overdone(distinct(source), veil, [label.box for label in labels])
            self._observed.overdone += pixels / (WIDTH * HEIGHT)
        for label in labels:
            if label.share < PARTIAL:
                continue
            subject = self._subjects.setdefault(label.id, _Subject())
            share = 1.0 if veil is None else veiled(label.box, source, veil)
            read = veil is not None and COVERED <= share < _CLEAN and self._read(number, subject, shown, label)
            seen = Seen(number, label.id, label.category, label.share, share, read, slated)
            self._observed.seen.append(seen)
            if label.share >= SHOWN:
                self._try_source(subject, source, label)
                if seen.leaked and label.id not in self._observed.crops:
                    self._observed.crops[label.id] = _side_by_side(source, shown, label)

    def _read(self, number: int, subject: _Subject, shown: Planes, label: Label) -> bool:
        """Whether it can be read in what went out, as far as that is known."""
        subject.run = subject.run + 1 if subject.last == number - 1 else 1
        subject.last = number
        if subject.run <= 2 or number - subject.asked >= _ASKED:
            subject.asked = number
            subject.read = self._readers.can_read(shown, label.box, label.text)
        return subject.read

    def _try_source(self, subject: _Subject, source: Planes, label: Label) -> None:
        subject.tries += 1
        if not subject.readable and subject.tries in _TRIES:
            subject.readable = self._readers.can_read(source, label.box, label.text)


def _side_by_side(source: Planes, shown: Planes, label: Label) -> bytes:
    both = [bgr_of(crop(planes, label.box, _AROUND)) for planes in (source, shown)]
    height, width = both[0].shape[:2]
    rule = np.full((height, 4, 3) if height > width else (4, width, 3), (0, 0, 255), np.uint8)
    image = np.concatenate([both[0], rule, both[1]], axis=1 if height > width else 0)
    return bytes(cv2.imencode(".png", image)[1])
