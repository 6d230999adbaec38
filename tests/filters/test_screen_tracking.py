"""Covers stay with what they are for, and secrets that take another's place get covers of their own."""

from typing import TYPE_CHECKING

import numpy as np

from filters.api import Box, Effect, Finding, Unverified, Verified
from filters.screen.changes import Changes
from filters.screen.cover import Speech
from filters.screen.looks import Reading
from filters.screen.ring import Moment, Ring
from filters.screen.scribe import Hit, Look
from filters.screen.tiles import HIGH, WIDE
from filters.screen.tracking import Tracking

if TYPE_CHECKING:
    from filters.api import Bytes

STEP = 3000
ROWS, COLUMNS = 12, 12
PLACE = Box(96, 48, 160, 16)
RNG = np.random.default_rng(1)
ONE = RNG.integers(40, 220, (PLACE.height, PLACE.width)).astype(np.uint8)
ALIKE = np.where(np.arange(PLACE.width) < 0.7 * PLACE.width, ONE, RNG.integers(40, 220, ONE.shape)).astype(np.uint8)
"""The first two thirds are the same: as with two account numbers of one country, in lines that begin alike."""


class Screen:
    """Pictures with one or more of these, each where it is said to be; and what is covered."""

    def __init__(self) -> None:
        self.speech = Speech(Effect.FILL)
        self.ring = Ring(120)
        self.tracking = Tracking(self.speech, self.ring, 100, 110)
        self.changes: Changes | None = None
        self.number = -1
        self.veils: dict[int, Unverified] = {}
        self.found: list[Finding] = []

    def show(self, *placed: "tuple[Bytes, int]") -> None:
        """The next picture: what is shown, and how far down."""
        picture = np.full((ROWS * HIGH, COLUMNS * WIDE), 200, np.uint8)
        for patch, top in placed:
            picture[top : top + PLACE.height, PLACE.left : PLACE.left + PLACE.width] = patch
        self.number += 1
        if self.changes is None:
            self.changes = Changes(picture)
        else:
            self.changes.take(picture)
        moment = Moment(self.number, self.number * STEP, picture, self.changes.shift)
        self.ring.add(moment, 0)
        self.tracking.follow(self.changes, moment)
        self.hear()

    def read(self, top: int) -> None:
        """A secret is found there in the newest picture."""
        assert self.changes is not None
        picture = self.ring.at(self.number).picture
        tiles = np.ones(self.changes.shape, bool)
        first = np.full(self.changes.shape, self.number, np.int64)
        reading = Reading(Look(1, picture, tiles), self.number, first, [], tiles)
        self.tracking.found(self.changes, reading, Hit("iban", PLACE._replace(top=top), 0.95))
        self.hear()

    def hear(self) -> None:
        for said in self.speech.take():
            match said:
                case Unverified():
                    self.veils[said.id] = said
                case Verified():
                    self.veils.pop(said.id, None)
                case Finding():
                    self.found.append(said)

    def covered(self, top: int) -> bool:
        """Whether what is there now is covered."""
        now = self.number * STEP
        boxes = [veil.box for veil in self.veils.values() if veil.start <= now]
        boxes += [finding.box for finding in self.found if finding.box and finding.start <= now < finding.end]
        return any(
            box.top <= top + 1
            and box.top + box.height >= top + PLACE.height - 1
            and box.left <= PLACE.left + 1
            and box.left + box.width >= PLACE.left + PLACE.width - 1
            for box in boxes
        )


def test_what_takes_the_place_of_something_like_it_has_a_cover_of_its_own() -> None:
    """What is covered seems to be there still, and is something like it. When the first one comes back close by its
    cover goes there, and the other must not lose its own."""
    screen = Screen()
    for _ in range(4):
        screen.show((ONE, 96))
    screen.read(96)
    for _ in range(3):
        screen.show((ALIKE, 96))
        assert screen.covered(96)
    screen.read(96)
    for step in range(1, 4):
        screen.show((ALIKE, 96 - 2 * step), (ONE, 112 - 2 * step))
        assert screen.covered(96 - 2 * step)


def test_what_is_read_again_where_it_is_covered_says_nothing_new() -> None:
    screen = Screen()
    for _ in range(4):
        screen.show((ONE, 96))
    screen.read(96)
    veils = dict(screen.veils)
    screen.show((ONE, 96))
    screen.read(96)
    assert screen.veils == veils


def test_what_goes_out_of_sight_slowly_is_covered_in_pictures_that_are_yet_to_come() -> None:
    """It is found in a picture in which it is lost already, half under the edge."""
    screen = Screen()
    for top in (12, 8, 4):
        screen.show((ONE, top))
    screen.read(4)
    for rows in (12, 8, 4):
        picture = np.full((PLACE.height, PLACE.width), 200, np.uint8)
        picture[:rows] = ONE[-rows:]
        screen.show((picture, 0))
        boxes = [veil.box for veil in screen.veils.values()]
        boxes += [finding.box for finding in screen.found if finding.box and finding.end > screen.number * STEP]
        assert any(box.top <= 0 and box.top + box.height >= rows for box in boxes), rows
