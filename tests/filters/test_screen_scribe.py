"""Looks are taken apart into lines, which are read once each, from top to bottom; labels speak for their values.

The readers here know each line by its ink: no two have the same.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pytest

from filters.api import Box
from filters.reading.hybrid import HybridReader
from filters.reading.rapid import Strip
from filters.reading.reading import NOTHING, Reading
from filters.screen.scribe import OUTSIDE, Decided, Finished, Hit, Look, Outline, Report, Scribe, Unclear, in_doubt
from filters.screen.tiles import padded, within
from filters.secrets import Match, Matcher
from tests.filters.test_screen_lines import Page

if TYPE_CHECKING:
    from filters.api import Bytes

GROUND = 240
CARD, CARD_LABEL = "4556 7375 8689 9855", "Card number"
PASSWORD = "Tr0ub4dor&3"


class Reader:
    """Says of each line what was written with its ink."""

    def __init__(self, texts: Mapping[int, str], confidence: float = 0.95) -> None:
        self.read_lines: list[str] = []
        self._texts = texts
        self._confidence = confidence

    def read(self, line: "Bytes") -> Reading:
        columns = np.flatnonzero((line < GROUND - 60).any(0))
        if not len(columns):
            return NOTHING
        text = self._texts[int(line.min())]
        self.read_lines.append(text)
        edges = np.linspace(columns[0], columns[-1] + 1, len(text) + 1)
        return Reading(text, tuple(map(float, edges)), self._confidence)


class Finder:
    """Finds what it was made with."""

    def __init__(self, strips: Iterable[Strip] = ()) -> None:
        self._strips = list(strips)

    def find(self, luma: "Bytes", longest: int) -> list[Strip]:
        assert max(luma.shape) > 0
        return self._strips


class Desk:
    """A page that is written on, and a scribe who reads it: with ``better``, what the better reader says instead."""

    def __init__(self, better: Mapping[str, str] | None = None, confidence: float = 0.95, **options: object) -> None:
        self.page = Page(960, 320)
        self.texts: dict[int, str] = {}
        self.better = better if better is not None else {}
        self.quick = Reader(self.texts, confidence)
        self.good = Reader(self._Better(self))
        matcher = Matcher(**options)  # type: ignore[arg-type]  # of any of its options

        def doubtful(text: str) -> list[tuple[int, int]]:
            return in_doubt(text, matcher.doubtful(text), matcher.find(text)) if better is not None else []

        self.finder = Finder()
        self.scribe = Scribe(HybridReader(self.quick, self.good, doubtful), self.finder, matcher)
        self._looks = 0

    class _Better(dict[int, str]):
        def __init__(self, desk: "Desk") -> None:
            super().__init__()
            self._desk = desk

        def __missing__(self, ink: int) -> str:
            text = self._desk.texts[ink]
            return self._desk.better.get(text, text)

    def write(self, text: str, left: int, top: int, size: int = 18) -> Box:
        self.page.ink = 5 + 9 * len(self.texts)
        self.texts[self.page.ink] = text
        return self.page.write(text, left, top, size)

    def look(
        self, only: Box | None = None, scene: Box | None = None, fleeting: bool = False, swift: bool = False
    ) -> Look:
        self._looks += 1
        picture = padded(self.page.luma)
        tiles = np.zeros((picture.shape[0] // 16, picture.shape[1] // 32), bool)
        tiles[within(only, tiles.shape) if only is not None else ...] = True
        return Look(self._looks, picture, tiles, scene, fleeting, swift)

    def read(
        self, only: Box | None = None, scene: Box | None = None, fleeting: bool = False, swift: bool = False
    ) -> list[Report]:
        self.scribe.submit(self.look(only, scene, fleeting, swift))
        return self.rest()

    def rest(self) -> list[Report]:
        reports: list[Report] = []
        while self.scribe.backlog:
            reports += self.scribe.step()
        assert self.scribe.step() == []
        return reports


def hits(reports: Iterable[Report]) -> list[Hit]:
    return [hit for report in reports if isinstance(report, Decided) for hit in report.hits]


def holds(outer: Box, inner: Box, off: int = 0) -> bool:
    return (
        outer.left <= inner.left + off
        and outer.top <= inner.top + off
        and outer.left + outer.width >= inner.left + inner.width - off
        and outer.top + outer.height >= inner.top + inner.height - off
    )


def test_a_look_is_outlined_then_decided_line_by_line_from_top_to_bottom_then_finished() -> None:
    desk = Desk()
    inks = [desk.write(f"Line {n} of some", 20 + 500 * (n % 2), 20 + 60 * (n // 2)) for n in (3, 0, 2, 1)]
    first, *decided, last = desk.read()
    assert isinstance(first, Outline)
    assert [report.look for report in decided] == [1] * 4
    boxes = [report.box for report in decided if isinstance(report, Decided)]
    assert list(first.lines) == boxes
    assert all(holds(box, inks[n], 5) for box, n in zip(boxes, (1, 3, 2, 0), strict=True))
    assert last == Finished(1)


def test_a_look_without_lines_is_finished_at_once() -> None:
    desk = Desk()
    assert desk.read() == [Outline(1, ()), Finished(1)]
    desk.write("Some words here", 20, 20)
    assert desk.read(only=Box(32, 160, 320, 64)) == [Outline(2, ()), Finished(2)], "nor where none has changed"


def test_a_line_that_reaches_into_what_has_changed_is_read_whole() -> None:
    desk = Desk()
    ink = desk.write(f"Pay with {CARD} by Monday", 20, 20)
    (hit,) = hits(desk.read(only=Box(ink.left + 100, ink.top, 8, 8)))
    assert hit.category == "card-number"


def test_a_hit_covers_the_secret_and_not_the_line() -> None:
    desk = Desk()
    before = desk.write("Pay with ", 20, 20)
    desk = Desk()
    ink = desk.write(f"Pay with {CARD}", 20, 20)
    (hit,) = hits(desk.read())
    start = before.left + before.width
    assert holds(hit.box, Box(start, ink.top, ink.left + ink.width - start, ink.height), 5)
    assert hit.box.left > ink.left + 40
    assert not hit.partial


def test_what_is_known_is_not_read_again_wherever_it_stands_now() -> None:
    desk = Desk()
    desk.write(f"Pay with {CARD}", 20, 20)
    (before,) = hits(desk.read())
    again = desk.page.luma.astype(np.int16) + np.random.default_rng(1).integers(-3, 4, (320, 960))
    moved = np.roll(np.clip(again, 0, 255).astype(np.uint8), 100, 0)
    desk.scribe.submit(Look(9, padded(moved), np.ones((20, 30), bool)))
    (after,) = hits(desk.rest())
    assert after == Hit(before.category, before.box._replace(top=before.box.top + 100), before.score)
    assert len(desk.quick.read_lines) == 1


def test_the_oldest_look_is_read_to_its_end_first_but_for_what_is_doubtful() -> None:
    desk = Desk(better={"4556 7375 8689 9856": CARD})
    desk.write("4556 7375 8689 9856", 20, 20)
    desk.write("Some words here", 20, 60)
    desk.scribe.submit(desk.look())
    desk.scribe.submit(desk.look())
    assert desk.scribe.backlog == 2
    reports = desk.rest()
    assert [report.look for report in reports] == [1, 1, 1, 1, 2, 2, 2, 2]
    decided = [report for report in reports if isinstance(report, Decided) and report.look == 1]
    assert decided[0].box.top > decided[1].box.top, "the doubtful one comes last"
    assert {hit.category for hit in hits(decided)} == {"card-number"}
    assert max(hit.score for hit in hits(decided)) > 0.9, "with its last digit right it is surely one"
    assert desk.good.read_lines == [CARD], "once"


@pytest.mark.parametrize("confidence", [0.95, 0.3])
def test_an_unsure_reading_is_made_again_of_the_whole_line(confidence: float) -> None:
    desk = Desk({"5ome worrls h3re": "Some words here"}, confidence, words=("some words",))
    desk.write("5ome worrls h3re", 20, 20)
    assert [hit.category for hit in hits(desk.read())] == ["word"] * (confidence < 0.5)


@pytest.mark.parametrize("place", [(240, 40), (40, 70)], ids=["beside", "below"])
@pytest.mark.parametrize("label_first", [True, False])
def test_a_label_speaks_for_the_value_beside_or_below_it(place: tuple[int, int], label_first: bool) -> None:
    desk = Desk()
    if label_first:
        desk.write("Password", 40, 40)
        assert hits(desk.read()) == []
        value = desk.write(PASSWORD, *place)
        found = hits(desk.read(only=value))
    else:
        value = desk.write(PASSWORD, *place)
        assert hits(desk.read()) == []
        found = hits(desk.read(only=desk.write("Password", 40, 40)))
    assert [hit.category for hit in found] == ["password"]
    assert holds(found[0].box, value, 4)


@pytest.mark.parametrize("place", [(700, 40), (40, 200), (500, 140)], ids=["far right", "far below", "elsewhere"])
def test_a_label_does_not_speak_for_what_is_far_away(place: tuple[int, int]) -> None:
    desk = Desk()
    desk.write("Password", 40, 40)
    desk.write(PASSWORD, *place)
    assert hits(desk.read()) == []


def test_a_label_that_is_gone_speaks_no_longer() -> None:
    desk = Desk()
    label = desk.write("Password", 40, 40)
    desk.read()
    desk.page.draw.rectangle((0, 0, 960, label.top + label.height + 2), GROUND)
    assert hits(desk.read(only=desk.write(PASSWORD, 240, 40))) == []


def test_a_number_of_which_the_rest_is_too_faint_is_covered_as_far_as_it_would_reach() -> None:
    desk = Desk()
    ink = desk.write(f"Card {CARD[:11]}", 20, 20)
    (hit,) = hits(desk.read())
    assert not hit.partial, "it is much of one"
    assert hit.box.left + hit.box.width > ink.left + 1.3 * ink.width


def test_a_beginning_is_said_to_be_partial() -> None:
    desk = Desk()
    desk.write("Card number: 4556 73", 20, 20)
    assert [(hit.category, hit.partial) for hit in hits(desk.read())] == [("card-number", True)]


def strips(count: int) -> list[Strip]:
    return [Strip((300.0, 45.0 + 17 * n), 240.0, 14.0, 0.0) for n in range(count)]


def test_a_scene_is_searched_by_the_finder_and_its_lines_may_be_slanted() -> None:
    desk = Desk()
    ink = desk.write(CARD, 300, 150)
    scene = Box(200, 80, 600, 200)
    centre = (ink.left + ink.width / 2 - scene.left + OUTSIDE, ink.top + ink.height / 2 - scene.top)
    desk.finder._strips = [Strip(centre, ink.width + 20.0, ink.height + 8.0, 4.0)]
    reports = desk.read(only=scene, scene=scene)
    (hit,) = hits(reports)
    assert [type(report) for report in reports] == [Outline, Decided, Finished]
    assert holds(hit.box, ink, 6)
    assert hit.box.height > ink.height + 0.05 * ink.width, "it is as high as it is slanted"


def test_what_begins_beside_a_scene_is_read_with_it_and_what_is_beside_it_is_not() -> None:
    desk = Desk()
    label = desk.write(f"Password: {PASSWORD}", 100, 150)
    desk.write(CARD, 60, 220, 10)
    scene = Box(200, 80, 600, 200)
    desk.finder._strips = [
        Strip((box.left + box.width / 2 - scene.left + OUTSIDE, box.top + box.height / 2 - scene.top), *size, 0.0)
        for box, size in ((label, (label.width + 20.0, label.height + 8.0)), (Box(80, 220, 40, 10), (60.0, 18.0)))
    ]
    assert [hit.category for hit in hits(desk.read(only=scene, scene=scene))] == ["password"]


def test_a_scene_with_too_many_lines_is_a_page_that_moves_and_is_not_read() -> None:
    desk = Desk()
    scene = Box(0, 0, 960, 320)
    desk.finder._strips = strips(15)
    assert desk.read(scene=scene) == [Outline(1, (), full=True), Finished(1)]
    desk.finder._strips = strips(14)
    outline, *rest = desk.read(scene=scene)
    assert isinstance(outline, Outline)
    assert not outline.full
    assert len(rest) == 14 + 1


def test_what_is_certain_leaves_no_doubt() -> None:
    text = "by card 4556 7375 8689 9855, jane doe@example.com"
    parts = [(0, 6), (8, 27), (34, 49)]
    card, address = Match("card-number", 8, 27, 0.95), Match("email", 34, 49, 0.95)
    assert in_doubt(text, parts, [card]) == [(0, 6), (29, 49)]
    for doubtful in (card._replace(score=0.5), card._replace(partial=True), card._replace(start=14)):
        assert in_doubt(text, parts, [doubtful]) == [(0, 6), (3, 27), (29, 49)]
    assert in_doubt(text, parts, [card, address]) == [(0, 6), (29, 49)], "an underscore is read as a space"


def test_what_is_doubtful_is_read_with_the_word_it_begins_in_and_a_short_one_before() -> None:
    assert in_doubt("to GGB23 SLWW 3201", [(7, 18)], []) == [(0, 18)]
    assert in_doubt("IBAN C 16 3356 0630", [(7, 19)], []) == [(5, 19)]
    assert in_doubt("conversation 16 3356", [(13, 20)], []) == [(13, 20)]


# --- what cannot be read -----------------------------------------------------------------------------------------


def test_what_cannot_be_made_out_while_the_page_moves_is_put_off() -> None:
    desk = Desk(better={}, confidence=0.4)
    desk.write(f"Pay with {CARD}", 20, 20)
    outline, unclear, last = desk.read(fleeting=True)
    assert isinstance(outline, Outline)
    assert unclear == Unclear(1, outline.lines[0])
    assert last == Finished(1)
    assert not desk.good.read_lines
    assert hits(desk.read()), "when it stands still it is"
    assert desk.good.read_lines


def test_what_moves_too_fast_is_not_read_at_all() -> None:
    desk = Desk()
    desk.write(f"Pay with {CARD}", 20, 20)
    assert desk.read(scene=Box(0, 0, 960, 320), swift=True) == [Outline(1, (), True), Finished(1)]
    assert not desk.quick.read_lines


@pytest.mark.parametrize("sees", [True, False], ids=["text", "edges"])
def test_of_many_lines_that_cannot_be_made_out_those_are_read_better_that_the_finder_sees(sees: bool) -> None:
    desk = Desk(better={}, confidence=0.4)
    for n in range(6):
        desk.write(f"Pay with {CARD}", 20, 20 + 48 * n)
    desk.finder._strips = [Strip((480.0, 160.0), 1000.0, 400.0, 0.0)] if sees else []
    desk.read()
    assert len(desk.good.read_lines) == (6 if sees else 0)


# --- what is known -----------------------------------------------------------------------------------------------


def test_a_password_is_known_again_without_its_label() -> None:
    desk = Desk()
    assert not hits(desk.read()), "nothing is there yet"
    desk.write(f"Password: {PASSWORD}", 20, 20)
    assert [hit.category for hit in hits(desk.read())] == ["password"]
    alone = desk.write(f"{PASSWORD} and {PASSWORD}", 20, 120)
    found = hits(desk.read(only=Box(0, 100, 960, 64)))
    assert [hit.category for hit in found] == ["password"] * 2
    assert all(holds(alone, hit.box, 10) for hit in found)


def test_a_number_is_known_again_when_an_end_of_it_is_out_of_sight() -> None:
    desk = Desk()
    desk.write(f"Pay with {CARD}", 20, 20)
    desk.read()
    ink = desk.write(CARD[2:], 20, 120)
    (hit,) = hits(desk.read(only=Box(0, 100, 960, 64)))
    assert hit.category == "card-number"
    assert holds(hit.box, ink, 5)


def test_a_word_that_stands_everywhere_is_not_taken_for_a_password_elsewhere() -> None:
    desk = Desk()
    desk.write("Password: required", 20, 20)
    desk.read()
    desk.write("It is required to read on", 20, 120)
    assert not hits(desk.read(only=Box(0, 100, 960, 64)))
