"""How well, and how quickly, each reader reads lines of the scenes of `./run bench leaks` in which there is a secret.

    ./run bench reading [--seed N] [--kinds LIST]

Each distinct secret is read out of the first frame that shows it complete and out of one in the middle of those that
do, in the line that is found there, cropped as the filter crops it. A secret counts as found where the matcher finds
it: a password also where a label in another line would say that it is one. Of its characters those are wrong that would
have to be put in, taken out or replaced; spaces do not count. Camera scenes are not read line by line: they are left
out unless they are asked for.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import av
import numpy as np
from numpy.typing import NDArray

from filters.api import Box
from filters.reading.hybrid import HybridReader
from filters.reading.rapid import RapidReader
from filters.reading.reading import LineReader, Reading
from filters.reading.swift import SwiftReader
from filters.screen.lines import lines
from filters.screen.scribe import _line, in_doubt
from filters.secrets.matcher import KINDS as SECRETS
from filters.secrets.matcher import Matcher
from tests.support.leaks.tapes import Tape, tapes
from tests.support.scenes.catalogue import KINDS
from tests.support.scenes.scene import HEIGHT, WIDTH, Label
from tests.support.tesseract import TesseractReader, data_folder

TUNING_SEED = 1
_COVERED = 0.7  # of a secret's width: so much is found, or it is not
_LEAST = 3  # frames that have to show a secret complete
_THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)

Luma = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Place:
    """A secret in a line; ``left``: where the line's picture begins."""

    kind: str
    label: Label
    picture: Luma
    left: int


@dataclass(slots=True)
class Tally:
    """What a reader has made of all places."""

    seconds: float = 0.0
    lines: int = 0
    found: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    wrong: int = 0
    characters: int = 0
    read: list[tuple[Place, Reading, int, bool]] = field(default_factory=list)
    """With how many characters are wrong, and whether it was found."""


def places(kind: str, seed: int) -> tuple[list[Place], int]:
    """Return the secrets of a kind of scenes, and how many there are in no line."""
    found, without = [], 0
    for tape in tapes((kind,), seed, stale=True):
        wanted = _wanted(tape)
        for number, luma in _frames(tape, max(wanted, default=-1)):
            if number not in wanted:
                continue
            boxes = lines(luma)
            for label in wanted[number]:
                box = max(boxes, key=lambda box: _shared(box, label), default=None)
                if box is None or _shared(box, label) <= 0:
                    without += 1
                    continue
                line = _line(luma, box)
                found.append(Place(kind, label, np.array(line.picture), line.left))
    return found, without


def _wanted(tape: Tape) -> dict[int, list[Label]]:
    shown: dict[str, list[tuple[int, Label]]] = defaultdict(list)
    for number, labels in enumerate(tape.labels):
        for label in labels:
            if label.share == 1.0:
                shown[label.id].append((number, label))
    wanted: dict[int, list[Label]] = defaultdict(list)
    for frames in shown.values():
        if len(frames) >= _LEAST:
            for at in {0, len(frames) // 2}:
                wanted[frames[at][0]].append(frames[at][1])
    return wanted


def _frames(tape: Tape, last: int) -> Iterator[tuple[int, Luma]]:
    with av.open(str(tape.path)) as file:
        for number, frame in enumerate(file.decode(video=0)):
            if number > last:
                return
            yield number, np.ascontiguousarray(frame.to_ndarray()[:HEIGHT, :WIDTH])


def _shared(box: Box, label: Label) -> int:
    left, top, right, bottom = label.box
    wide = min(box.left + box.width, right) - max(box.left, left)
    high = min(box.top + box.height, bottom) - max(box.top, top)
    return max(0, wide) * max(0, high)


def readers(matcher: Matcher) -> dict[str, Callable[[Luma], list[Reading]]]:
    """Return all there are, by name."""
    swift, rapid = SwiftReader(), RapidReader()
    hybrid = HybridReader(swift, rapid, lambda text: in_doubt(text, matcher.doubtful(text), matcher.find(text)))

    def alone(reader: LineReader) -> Callable[[Luma], list[Reading]]:
        return lambda line: [reader.read(line)]

    def both(line: Luma) -> list[Reading]:
        first = hybrid.first(line)
        again = [hybrid.second(line, part) for part in hybrid.again(line, first)]
        return [*([first] if first is not None else []), *again]

    folder = data_folder()
    known = {"tesseract": alone(TesseractReader(folder))} if folder is not None else {}
    return known | {"swift": alone(swift), "rapid": alone(rapid), "swift+rapid": both}


def _try(read: Callable[[Luma], list[Reading]], place: Place, matcher: Matcher, tally: Tally) -> None:
    began = time.process_time()
    readings = read(place.picture)
    tally.seconds += time.process_time() - began
    tally.lines += 1
    wrong = min((distance(place.label.text, reading.text) for reading in readings), default=len(place.label.text))
    found = any(_found(reading, place, matcher) for reading in readings)
    tally.wrong += wrong
    tally.characters += len(_bare(place.label.text))
    for group in ("all", place.kind, place.label.category):
        tally.found[group].append(found)
    tally.read.append((place, readings[0], wrong, found))


def _found(reading: Reading, place: Place, matcher: Matcher) -> bool:
    left, right = (side - place.left for side in place.label.box[::2])
    matches = matcher.find(reading.text)
    if place.label.category == "password":
        matches += matcher.value("password", reading.text)
    reach = 0.5 * place.picture.shape[0]
    covered = 0.0
    for match in matches:
        start, end = reading.span(match.start, match.end)
        covered += max(0.0, min(end + reach, right) - max(start - reach, left))
    return covered >= _COVERED * (right - left)


def distance(secret: str, read: str) -> int:
    """Return how many characters of ``secret`` are wrong in ``read``, which may hold more before and after it."""
    wanted, given = _bare(secret), _bare(read)
    row = [0] * (len(given) + 1)
    for count, letter in enumerate(wanted, 1):
        before, row = row, [count]
        for at, other in enumerate(given, 1):
            row.append(min(before[at - 1] + (letter != other), before[at] + 1, row[at - 1] + 1))
    return min(row)


def _bare(text: str) -> str:
    return "".join(text.split())


def report(tallies: dict[str, Tally]) -> Iterator[str]:
    """Yield the tables."""
    yield f"{'':<14}" + "".join(f"{name:>16}" for name in tallies)
    yield f"{'CPU ms a line':<14}" + "".join(f"{tally.seconds / tally.lines * 1e3:16.1f}" for tally in tallies.values())
    shares = (tally.wrong / tally.characters for tally in tallies.values())
    yield f"{'wrong letters':<14}" + "".join(f"{share:16.2%}" for share in shares)
    right = (f"{sum(not wrong for _, _, wrong, _ in tally.read)}/{tally.lines}" for tally in tallies.values())
    yield f"{'all right':<14}" + "".join(f"{count:>16}" for count in right)
    yield "secrets found"
    for group in next(iter(tallies.values())).found:
        counts = (tally.found[group] for tally in tallies.values())
        yield f"  {group:<12}" + "".join(f"{f'{sum(found)}/{len(found)}':>16}" for found in counts)


def thresholds(name: str, tally: Tally) -> Iterator[str]:
    """Yield what a reader's confidence is worth: of lines below a threshold another reader would read all."""
    yield f"{name}: confidence, lines above it, of those not right, of those not found"
    for threshold in _THRESHOLDS:
        above = [(wrong, found) for _, reading, wrong, found in tally.read if reading.confidence >= threshold]
        missed = sum(not found for _, found in above)
        yield f"  {threshold:<6}{len(above):8}{sum(wrong > 0 for wrong, _ in above):8}{missed:8}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="./run bench reading", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usual = [kind for kind in KINDS if kind != "camera"]
    parser.add_argument("--kinds", default=",".join(usual), help="of scenes: a list of " + ",".join(KINDS))
    parser.add_argument("--seed", type=int, default=TUNING_SEED, help=f"of scenes; {TUNING_SEED} unless told")
    parser.add_argument("--readers", help="a list of those that read; all of them unless told")
    parser.add_argument("--wrong", metavar="READER", help="list what one of them has read wrong")
    given = parser.parse_args(arguments)
    matcher = Matcher(kinds=SECRETS)
    known = readers(matcher)
    if given.readers:
        known = {name: known[name] for name in given.readers.split(",")}
    tallies = {name: Tally() for name in known}
    for kind in given.kinds.split(","):
        found, without = places(kind, given.seed)
        print(f"{kind}: {len(found)} secrets in lines, {without} in none", flush=True)
        for place in found:
            for name, read in known.items():
                _try(read, place, matcher, tallies[name])
    print("", *report(tallies), sep="\n")
    for name in set(known) & {"tesseract", "swift"}:
        print("", *thresholds(name, tallies[name]), sep="\n")
    if given.wrong:
        for place, reading, wrong, hit in tallies[given.wrong].read:
            if wrong:
                print(f"{place.kind} {place.picture.shape} {reading.confidence:.2f}{'' if hit else '  NOT found'}")
                print(f"  {place.label.text}\n  {reading.text}")


if __name__ == "__main__":
    main()
