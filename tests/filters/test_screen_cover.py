"""What is said covers a secret wherever it is, without a gap, and nothing before it came."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.api import TICKS, Box, Effect, Finding, Kind, Said, Unverified, Verified
from filters.screen.cover import Cover, Speech, cover_past

FRAME = TICKS // 30
PATHS = st.lists(st.tuples(st.integers(-30, 30), st.integers(-30, 30)), min_size=1, max_size=12)


class Room:
    """Covers what is said as a room does."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        self.open: dict[int, Unverified] = {}
        self.findings: list[Finding] = []

    def hear(self) -> None:
        for said in self._speech.take():
            match said:
                case Unverified():
                    assert said.id not in self.open
                    self.open[said.id] = said
                case Verified():
                    del self.open[said.id]
                case Finding():
                    self.findings.append(said)

    def covered(self, pts: int, box: Box) -> bool:
        return any(_holds(each.box, box) for each in self._at(pts))

    def bare(self, pts: int) -> bool:
        return not self._at(pts)

    def _at(self, pts: int) -> list[Finding | Unverified]:
        found: list[Finding | Unverified] = [each for each in self.findings if each.start <= pts < each.end]
        return found + [each for each in self.open.values() if each.start <= pts]


def _holds(outer: Box | None, inner: Box) -> bool:
    assert outer is not None
    return (
        outer.left <= inner.left
        and outer.top <= inner.top
        and outer.left + outer.width >= inner.left + inner.width
        and outer.top + outer.height >= inner.top + inner.height
    )


def path(steps: Iterable[tuple[int, int]], first: int = 5) -> list[tuple[int, Box]]:
    """Where something is: pts and box, a frame apart."""
    left, top, made = 200, 100, []
    for number, (right, down) in enumerate(steps, first):
        left, top = left + right, top + down
        made.append((number * FRAME, Box(left, top, 80, 16)))
    return made


@given(PATHS, PATHS)
def test_a_secret_is_covered_at_each_of_its_places_and_neither_before_nor_after(
    past: list[tuple[int, int]], later: list[tuple[int, int]]
) -> None:
    places = path([*past, *later])
    before, after = places[: len(past)], places[len(past) :]
    speech = Speech(Effect.FILL)
    room = Room(speech)
    last = cover_past(speech, "card-number", 0.9, before, after[0][0])
    assert last is not None
    cover = Cover(speech, "card-number", 0.9, *last)
    room.hear()
    for pts, box in after:
        cover.move(pts, box)
        room.hear()
        assert all(room.covered(pts, box) for pts, box in places if pts <= after[0][0]), "what was said stays"
        assert room.covered(pts, box)
    cover.close(after[-1][0] + FRAME)
    room.hear()
    assert not room.open
    assert all(room.covered(*place) for place in places)
    assert room.bare(places[0][0] - 1)
    assert room.bare(after[-1][0] + FRAME)
    assert {(each.category, each.kind, each.effect) for each in room.findings} == {
        ("card-number", Kind.PICTURE, Effect.FILL)
    }


def test_one_that_stands_still_is_said_once_and_anew_each_minute() -> None:
    speech = Speech(Effect.BLUR)
    cover = Cover(speech, "email", 0.9, 0, Box(10, 10, 80, 16))
    said: list[Said] = []
    for second in range(130):
        cover.move(second * TICKS, Box(10, 10, 80, 16))
        said += speech.take()
    assert [type(each) for each in said] == [Unverified, *(2 * [Unverified, Finding, Verified])]
    assert {each.effect for each in said if isinstance(each, Unverified | Finding)} == {Effect.BLUR}


def test_one_that_moves_evenly_is_not_said_for_each_picture() -> None:
    speech = Speech(Effect.FILL)
    cover = Cover(speech, "email", 0.9, *path([(0, 0)])[0])
    for place in path([(0, -2)] * 30, 6):
        cover.move(*place)
    assert sum(isinstance(said, Finding) for said in speech.take()) <= 6


@given(PATHS)
def test_the_past_is_said_in_few_boxes_that_do_not_grow(steps: list[tuple[int, int]]) -> None:
    speech = Speech(Effect.FILL)
    cover_past(speech, "email", 0.9, path(steps), 100 * FRAME)
    for said in speech.take():
        assert isinstance(said, Finding)
        assert said.box is not None
        assert said.box.width <= 80 + 20
        assert said.box.height <= 2 * 16


def test_nothing_is_said_of_no_places() -> None:
    speech = Speech(Effect.FILL)
    assert cover_past(speech, "email", 0.9, [], 10) is None
    assert speech.take() == []


def test_a_beginning_is_shown_again_if_it_is_none() -> None:
    speech = Speech(Effect.FILL)
    room = Room(speech)
    cover = Cover(speech, "card-number", 0.4, 6 * FRAME, Box(10, 10, 80, 16), provisional=True)
    room.hear()
    assert [each.category for each in room.open.values()] == ["unverified"]
    cover.close(20 * FRAME)
    room.hear()
    assert all(room.bare(number * FRAME) for number in range(30))


def test_a_beginning_covers_no_more_than_the_latest_pictures() -> None:
    speech = Speech(Effect.FILL)
    room = Room(speech)
    cover = Cover(speech, "card-number", 0.4, 6 * FRAME, Box(10, 10, 80, 16), provisional=True)
    for start in (4 * FRAME, 12 * FRAME):
        cover.renew(start)
    room.hear()
    assert room.bare(11 * FRAME)
    assert room.covered(12 * FRAME, Box(10, 10, 80, 16))


@pytest.mark.parametrize("provisional", [False, True])
def test_what_has_moved_stays_covered_where_it_was(provisional: bool) -> None:
    speech = Speech(Effect.FILL)
    room = Room(speech)
    cover = Cover(speech, "email", 0.9, 5 * FRAME, Box(10, 10, 80, 16), provisional)
    cover.move(8 * FRAME, Box(10, 60, 80, 16))
    cover.close(9 * FRAME)
    room.hear()
    assert room.covered(7 * FRAME, Box(10, 10, 80, 16))
    assert room.covered(8 * FRAME, Box(10, 60, 80, 16)) is not provisional


def test_what_is_covered_by_findings_is_known_and_what_is_unverified_is_not_among_it() -> None:
    speech = Speech(Effect.FILL)
    whole = Box(100, 40, 60, 20)
    speech.veil(0, whole)
    assert not speech.covered(FRAME, whole), "it may be lifted"
    speech.found(0, 5 * FRAME, Box(90, 30, 40, 40), "unread", 1.0)
    assert not speech.covered(FRAME, whole), "half of it"
    number = speech.veil(2 * FRAME, Box(120, 40, 60, 20), "phone")
    assert [speech.covered(at * FRAME, whole) for at in (1, 2, 4, 5)] == [False, True, True, False]
    speech.lift([number])
    assert not speech.covered(2 * FRAME, whole)
