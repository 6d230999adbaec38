"""The release rule: nothing goes out that was not cleared, and all that was found is covered in what does."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import TICKS, Box, Effect, Finding, Kind, Unverified
from transcode.ledger import Ledger, Verdict
from transcode.verdicts import Cause, Cleared, Cover, Found, Hole, LedgerEntry, Orphan, Require, Unveil, Veil

BOTH = (Kind.PICTURE, Kind.SOUND)
BOX = Box(10, 20, 30, 40)
OTHER = Box(0, 0, 8, 8)


def ledger(*entries: LedgerEntry) -> Ledger:
    made = Ledger()
    for entry in entries:
        made.take(entry)
    return made


def seen(start: int, end: int, box: Box | None = BOX, effect: Effect | None = None) -> Found:
    return Found(0, Finding(Kind.PICTURE, start, end, "thing", box, effect=effect))


def heard(start: int, end: int, effect: Effect | None = None) -> Found:
    return Found(0, Finding(Kind.SOUND, start, end, "word", effect=effect))


ONE = Require((BOTH,))
CLEARED = Cleared(0, 1000, 1000)


# --- what goes out ---------------------------------------------------------------------------------------------


def test_without_detectors_all_goes_out() -> None:
    assert ledger().idle
    assert ledger().picture(0) == ledger().sound(0, 1920) == Verdict()


def test_before_a_detector_has_cleared_anything_it_is_warming_up() -> None:
    assert ledger(ONE).picture(0) == ledger(ONE).sound(0, 10) == Verdict(Cause.WARMING)


def test_what_is_before_the_clearance_goes_out_and_the_rest_is_late() -> None:
    made = ledger(ONE, CLEARED)
    assert made.picture(999) == made.sound(0, 1000) == Verdict()
    assert made.picture(1000) == made.sound(1, 1001) == Verdict(Cause.LATE)


def test_of_what_detectors_slept_through_no_clearance_is_missed() -> None:
    asleep = Hole(900, 2000, Cause.ASLEEP)
    made = ledger(ONE, CLEARED, asleep)
    assert made.picture(899) == made.sound(800, 900) == Verdict()
    assert made.picture(900) == made.picture(1500) == made.sound(1500, 1600) == Verdict(Cause.ASLEEP)
    assert made.picture(2000) == Verdict(Cause.LATE)
    assert ledger(ONE, asleep).picture(1500) == Verdict(Cause.ASLEEP)
    assert ledger(ONE, Hole(0, 2000, Cause.UNSEEN), asleep).picture(1500) == Verdict(Cause.ASLEEP)
    assert ledger(ONE, asleep, Cover(True)).picture(1500) == Verdict(Cause.OPERATOR)


def test_a_clearance_never_goes_back() -> None:
    assert ledger(ONE, CLEARED, Cleared(0, 10, 10)).picture(999) == Verdict()


def test_all_detectors_have_to_clear_it_but_those_that_have_no_say_in_it() -> None:
    made = ledger(Require((BOTH, (Kind.SOUND,))), CLEARED)
    assert made.picture(5) == Verdict()
    assert made.sound(0, 5) == Verdict(Cause.WARMING)


def test_other_detectors_have_cleared_nothing_and_found_nothing() -> None:
    made = ledger(ONE, CLEARED, seen(0, 10), Veil(0, Unverified(1, 0, BOX)), ONE)
    assert made.picture(5) == Verdict(Cause.WARMING)
    made.take(CLEARED)
    assert made.picture(5) == Verdict()


def test_holes_do_not_go_out_whatever_was_cleared() -> None:
    made = ledger(ONE, CLEARED, Hole(100, 200, Cause.UNSEEN))
    assert [made.picture(at).cause for at in (99, 100, 199, 200)] == [None, Cause.UNSEEN, Cause.UNSEEN, None]
    assert [made.sound(*span).cause for span in ((90, 100), (90, 101), (199, 210), (200, 210))] == [
        None,
        Cause.UNSEEN,
        Cause.UNSEEN,
        None,
    ]


def test_a_hole_may_be_of_sound_alone() -> None:
    made = ledger(ONE, CLEARED, Hole(100, 200, Cause.UNSEEN, Kind.SOUND))
    assert made.picture(150) == Verdict()
    assert made.sound(150, 160) == Verdict(Cause.UNSEEN)


def test_a_room_that_is_covered_lets_nothing_out() -> None:
    made = ledger(ONE, CLEARED, Cover(True))
    assert made.picture(5) == made.sound(5, 6) == Verdict(Cause.OPERATOR)
    made.take(Cover(False))
    assert made.picture(5) == Verdict()


def test_a_detector_that_there_is_not_has_no_say() -> None:
    for entry in (Cleared(1, 5, 5), Found(1, seen(0, 1).finding), Veil(1, Unverified(0, 0, BOX)), Unveil(-1, 0)):
        with pytest.raises(ValueError, match="there is no detector"):
            ledger(ONE, entry)


# --- how it goes out -------------------------------------------------------------------------------------------


def test_findings_are_covered_as_long_as_they_last() -> None:
    made = ledger(ONE, CLEARED, seen(100, 200), seen(150, 160, None, Effect.BLUR))
    assert made.picture(99) == made.picture(200) == Verdict()
    assert made.picture(100) == Verdict(regions=((BOX, Effect.FILL),))
    assert made.picture(155) == Verdict(regions=((BOX, Effect.FILL), (None, Effect.BLUR)))


def test_words_are_covered_from_their_first_sample_to_their_last() -> None:
    made = ledger(ONE, CLEARED, heard(100, 200, Effect.TONE))
    assert made.sound(150, 160) == Verdict(spans=((100, 200, Effect.TONE),))
    assert made.sound(200, 210) == Verdict()
    assert made.sound(200, 210, margin=5) == Verdict(spans=((100, 200, Effect.TONE),))


def test_a_region_that_is_not_verified_is_covered_alone_until_it_is() -> None:
    made = ledger(ONE, Veil(0, Unverified(7, 100, BOX, effect=Effect.PIXELATE)), CLEARED)
    assert made.picture(99) == Verdict()
    assert made.picture(900) == Verdict(regions=((BOX, Effect.PIXELATE),))
    made.take(Unveil(0, 7))
    assert made.picture(900) == Verdict()


def test_regions_of_different_detectors_have_nothing_to_do_with_each_other() -> None:
    made = ledger(Require((BOTH, BOTH)), CLEARED, Cleared(1, 1000, 1000))
    made.take(Veil(0, Unverified(7, 0, BOX)))
    made.take(Veil(1, Unverified(7, 0, OTHER)))
    made.take(Unveil(0, 7))
    assert made.picture(5) == Verdict(regions=((OTHER, Effect.FILL),))


def test_regions_that_nobody_will_verify_stay_covered_up_to_where_others_have_looked() -> None:
    made = ledger(ONE, CLEARED, Veil(0, Unverified(7, 100, BOX)), Orphan(500), Unveil(0, 7))
    assert made.picture(99) == made.picture(500) == Verdict()
    assert made.picture(100) == made.picture(499) == Verdict(regions=((BOX, Effect.FILL),))


def test_that_is_so_however_long_they_were_there() -> None:
    end = 9000 * TICKS
    made = ledger(ONE, Veil(0, Unverified(7, 100, BOX)), Cleared(0, end, end), Orphan(end))
    for at in (100, 1000 * TICKS, 3600 * TICKS + 100, end - 1):
        assert made.picture(at) == Verdict(regions=((BOX, Effect.FILL),))


# --- forgetting ------------------------------------------------------------------------------------------------


def test_what_is_forgotten_takes_no_room() -> None:
    made = ledger(ONE)
    for at in range(0, 100_000, 10):
        made.take(seen(at, at + 10))
        made.take(Hole(at, at + 1, Cause.UNSEEN))
        made.forget(at - 100)
    assert len(list(made.entries())) < 40


def test_holes_that_touch_take_the_room_of_one() -> None:
    made = ledger(*(Hole(at, at + 15, Cause.UNSEEN) for at in range(0, 1000, 10)))
    assert len(list(made.entries())) == 3


def test_what_was_covered_and_is_forgotten_does_not_go_out_any_more() -> None:
    """Time goes back where a host that was away sends what it has held back."""
    made = ledger(ONE, CLEARED, seen(100, 200))
    made.forget(300)
    assert made.picture(150) == made.sound(150, 160) == Verdict(Cause.UNSEEN)
    assert made.picture(300) == Verdict()
    assert ledger(*made.entries()).picture(150) == Verdict(Cause.UNSEEN)


def test_what_goes_on_is_not_forgotten() -> None:
    made = ledger(ONE, CLEARED, seen(100, 900), Veil(0, Unverified(1, 50, OTHER)), Hole(0, 950, Cause.DUMP))
    made.forget(899)
    assert made.picture(899) == Verdict(Cause.DUMP)
    assert made.picture(950) == Verdict(regions=((OTHER, Effect.FILL),))


# --- always ----------------------------------------------------------------------------------------------------

LAST = 120
times = st.integers(0, LAST)
boxes = st.sampled_from([None, BOX, OTHER])
kinds = st.sampled_from([(Kind.PICTURE,), (Kind.SOUND,), BOTH])
Step = tuple[str, int, int, int]
sayings = st.lists(
    st.tuples(
        st.sampled_from(
            ["seen", "heard", "veil", "unveil", "clear", "clear", "clear", "hole", "cover", "look", "look"]
        ),
        st.integers(0, 2),
        times,
        st.integers(1, 40),
    ),
    max_size=60,
)


class Newsroom:
    """Honest detectors, what they have said, and a ledger that has taken it."""

    def __init__(self, takes: tuple[tuple[Kind, ...], ...]) -> None:
        self.takes = takes
        self.entries: list[LedgerEntry] = [Require(takes)]
        self.cleared = [[-1, -1] for _ in takes]
        self.found: list[Finding] = []
        self.veils: dict[tuple[int, int], Unverified] = {}
        self.holes: list[Hole] = []
        self.covered = False
        self.let_go: list[tuple[int, Verdict]] = []
        self.ledger = ledger(*self.entries)

    def say(self, entry: LedgerEntry) -> None:
        self.entries.append(entry)
        self.ledger.take(entry)

    def play(self, steps: Iterable[Step]) -> "Newsroom":
        for what, number, at, length in steps:
            self.step(what, number % len(self.takes), at, length)
        return self

    def step(self, what: str, number: int, at: int, length: int) -> None:
        picture, sound = self.cleared[number]
        match what:
            case "seen":
                start = max(at, picture, 0)  # it has promised to say nothing before that
                box = (None, BOX, OTHER)[length % 3]
                self.found.append(Finding(Kind.PICTURE, start, start + length, "thing", box))
                self.say(Found(number, self.found[-1]))
            case "heard":
                start = max(at, sound, 0)
                self.found.append(Finding(Kind.SOUND, start, start + length, "word"))
                self.say(Found(number, self.found[-1]))
            case "veil":
                region = Unverified(length % 3, max(at, picture, 0), BOX)
                if (number, region.id) not in self.veils:
                    self.veils[number, region.id] = region
                    self.say(Veil(number, region))
            case "unveil":
                if (number, length % 3) in self.veils:
                    del self.veils[number, length % 3]
                    self.say(Unveil(number, length % 3))
            case "clear":
                self.cleared[number] = [max(picture, at), max(sound, at + length - 20)]
                self.say(Cleared(number, *self.cleared[number]))
            case "hole":
                self.holes.append(Hole(at, at + length, Cause.UNSEEN, (None, Kind.PICTURE, Kind.SOUND)[length % 3]))
                self.say(self.holes[-1])
            case "cover":
                self.covered = not self.covered
                self.say(Cover(self.covered))
            case "look":
                self.look(at, at + length)

    def look(self, start: int, end: int) -> None:
        """Ask for a picture and for sound, and check what the rule says."""
        picture, sound = self.ledger.picture(start), self.ledger.sound(start, end)
        assert (picture.cause is None) == (
            not self.covered
            and all(start < upto[0] for takes, upto in zip(self.takes, self.cleared, strict=True) if BOTH[0] in takes)
            and not any(hole.of is not Kind.SOUND and hole.start <= start < hole.end for hole in self.holes)
        )
        assert (sound.cause is None) == (
            not self.covered
            and all(end <= upto[1] for takes, upto in zip(self.takes, self.cleared, strict=True) if BOTH[1] in takes)
            and not any(hole.of is not Kind.PICTURE and hole.start < end and start < hole.end for hole in self.holes)
        )
        if picture.cause is None:
            self.let_go.append((start, picture))
            for region in self.veils.values():
                assert region.start > start or (region.box, region.effect) in picture.regions
        if sound.cause is None:
            said = {(f.start, f.end) for f in self.found if f.kind is Kind.SOUND and f.start < end and start < f.end}
            assert {(first, last) for first, last, _ in sound.spans} == said

    def check(self) -> None:
        """What was let go had been decided about: all findings that cover it, even those said since, are in it."""
        for pts, verdict in self.let_go:
            for finding in self.found:
                if finding.kind is Kind.PICTURE and finding.start <= pts < finding.end:
                    assert (finding.box, finding.covering) in verdict.regions


MARGIN = 2


def answers(made: Ledger, start: int = 0) -> list[Verdict]:
    return [
        verdict for at in range(start, LAST + 60, 7) for verdict in (made.picture(at), made.sound(at, at + 9, MARGIN))
    ]


@given(st.lists(kinds, min_size=1, max_size=3), sayings)
@settings(max_examples=400)
def test_nothing_goes_out_that_was_not_cleared_or_without_what_covers_it(
    takes: list[tuple[Kind, ...]], steps: list[Step]
) -> None:
    """But a detector may say no more of what it takes no interest in."""
    room = Newsroom(tuple(takes))
    room.play(step for step in steps if told(takes, step)).check()


@given(st.lists(kinds, min_size=1, max_size=3), sayings)
@settings(max_examples=200)
def test_another_ledger_that_takes_its_entries_says_the_same(takes: list[tuple[Kind, ...]], steps: list[Step]) -> None:
    made = Newsroom(tuple(takes)).play(steps).ledger
    assert answers(ledger(*made.entries())) == answers(made)


@given(st.lists(kinds, min_size=1, max_size=3), sayings, st.lists(times, max_size=4), st.integers(0, LAST))
@settings(max_examples=300)
def test_forgetting_changes_nothing_from_the_limit_on_and_uncovers_nothing_before_it(
    takes: list[tuple[Kind, ...]], steps: list[Step], when: list[int], limit: int
) -> None:
    entries = Newsroom(tuple(takes)).play(steps).entries
    whole, forgetful = ledger(*entries), Ledger()
    for number, entry in enumerate(entries):
        forgetful.take(entry)
        if number in when:
            forgetful.forget(limit)
    forgetful.forget(limit)
    assert answers(forgetful, limit + MARGIN) == answers(whole, limit + MARGIN)
    for at in range(limit):
        for now, before in (
            (forgetful.picture(at), whole.picture(at)),
            (forgetful.sound(at, at + 1), whole.sound(at, at + 1)),
        ):
            assert now.cause is not None or now == before


def told(takes: list[tuple[Kind, ...]], step: Step) -> bool:
    """Whether a detector takes what it speaks of: of what it does not take it has promised nothing."""
    what, number, *_ = step
    kind = {"seen": Kind.PICTURE, "veil": Kind.PICTURE, "heard": Kind.SOUND}.get(what)
    return kind is None or kind in takes[number % len(takes)]
