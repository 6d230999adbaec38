"""The time of detectors that sleep now and then. Times in these tests are milliseconds."""

from filters import Box, Finding, Kind, Unverified
from ingest.media import Kind as TrackKind
from transcode.media import TIMELINE, RoomItem, Tick, TimedPacket
from transcode.own_time import PAUSE, OwnTime
from transcode.verdicts import Cause, Cleared, Found, Hole, LedgerEntry, Unveil, Veil

MS = TIMELINE // 1000
BLOCK = 1920
HOUR = 3_600_000


def picture(at: int, shown: int | None = None) -> TimedPacket:
    return TimedPacket(TrackKind.VIDEO, (at if shown is None else shown) * MS, at * MS, True, b"")


def sound(at: int) -> TimedPacket:
    return TimedPacket(TrackKind.AUDIO, at * MS, at * MS, True, b"")


def given(time: OwnTime, *items: RoomItem) -> list[int]:
    """Give them; return the stamps that they have."""
    stamps = []
    for item in items:
        own = time.own(item)
        assert isinstance(own, TimedPacket | Tick)
        time.gave(own)
        stamps.append(own.pts)
    return stamps


def slept(until: int = HOUR, upto: int = 1000) -> OwnTime:
    """They were given all up to ``upto``, and woke up at ``until``."""
    time = OwnTime()
    given(time, sound(upto), picture(upto))
    time.jump(until * MS)
    return time


def told(time: OwnTime, entry: LedgerEntry) -> list[LedgerEntry]:
    return list(time.told(entry))


def cleared(time: OwnTime, picture: int, sound: int) -> tuple[int, int]:
    (entry,) = time.told(Cleared(0, picture, sound))
    assert isinstance(entry, Cleared)
    return entry.picture, entry.sound


def test_those_that_have_never_slept_have_the_rooms_time() -> None:
    time = OwnTime()
    assert time.top == -1
    assert given(time, picture(500), Tick(900 * MS), sound(20)) == [500 * MS, 900 * MS, 20 * MS]
    finding = Found(0, Finding(Kind.SOUND, 5, 10, "word"))
    assert told(time, finding) == [finding]
    assert cleared(time, 7, 9) == (7, 9)


def test_an_hour_of_sleep_is_a_moment_to_them() -> None:
    time = slept()
    (before, after) = 1000 * MS, given(time, picture(HOUR))[0]
    assert before + PAUSE < after <= before + PAUSE + BLOCK + 1
    assert (HOUR * MS - after) % BLOCK == 0, "blocks of sound are the same for all"


def test_time_never_goes_back_for_them_even_if_they_look_again() -> None:
    time = slept(until=200)
    assert given(time, picture(200))[0] > 1000 * MS
    time.jump(300 * MS)
    assert given(time, picture(300))[0] > time.top - 1


def test_those_that_were_given_nothing_yet_have_nothing_to_jump_over() -> None:
    time = OwnTime()
    time.jump(HOUR * MS)
    assert given(time, picture(HOUR)) == [HOUR * MS]


def test_what_comes_from_before_they_woke_up_has_no_place() -> None:
    time = slept()
    late = HOUR - PAUSE // MS
    assert time.own(picture(late - 1)) is None
    assert time.own(picture(late + 50, shown=late - 1)) is None
    assert time.own(Tick((late - 1) * MS)) is None
    assert time.own(picture(late)) is not None


def test_how_far_they_were_given_each_is_known_in_the_rooms_time() -> None:
    time = slept()
    given(time, picture(HOUR, shown=HOUR + 80))
    assert time.given == ((HOUR + 80) * MS, (HOUR - 500) * MS)
    given(time, sound(HOUR + 100))
    assert time.given == ((HOUR + 80) * MS, (HOUR + 100) * MS)


def test_what_is_cleared_of_the_moment_between_two_stretches_ends_where_the_first_did() -> None:
    time = slept()
    woken = given(time, picture(HOUR))[0]
    assert cleared(time, 999 * MS, 998 * MS) == (999 * MS, 998 * MS)
    assert cleared(time, 1000 * MS + 1, 1000 * MS + 1) == (1000 * MS, 1000 * MS)
    assert cleared(time, woken - PAUSE, woken - PAUSE) == (1000 * MS, 1000 * MS)
    assert cleared(time, woken + 1, woken + 20) == (HOUR * MS + 1, HOUR * MS + 20)


def test_what_is_found_across_a_sleep_is_covered_on_both_sides() -> None:
    time = slept()
    woken = given(time, picture(HOUR))[0]
    before, after = told(time, Found(0, Finding(Kind.PICTURE, 900 * MS, woken + 40 * MS, "card", Box(0, 0, 8, 8))))
    assert isinstance(before, Found)
    assert isinstance(after, Found)
    assert before.finding.start == 900 * MS
    assert before.finding.end > 1000 * MS
    assert (after.finding.start, after.finding.end) == (HOUR * MS - PAUSE, (HOUR + 40) * MS)
    assert before.finding.box == after.finding.box == Box(0, 0, 8, 8)


def test_what_could_not_be_decoded_is_a_hole_where_it_came() -> None:
    time = slept()
    woken = given(time, picture(HOUR))[0]
    assert told(time, Hole(woken, woken + 1, Cause.UNSEEN)) == [Hole(HOUR * MS, HOUR * MS + 1, Cause.UNSEEN)]


def test_what_they_are_not_sure_of_is_covered_from_the_earliest_time_that_it_may_be() -> None:
    box = Box(0, 0, 8, 8)
    (later,) = told(slept(), Veil(0, Unverified(1, 900 * MS, box)))
    assert later == Veil(0, Unverified(1, 900 * MS, box))
    again = slept(until=200)
    (earlier,) = told(again, Veil(0, Unverified(1, 900 * MS, box)))
    assert earlier == Veil(0, Unverified(1, 0, box)), "what they see again came before"
    assert told(again, Unveil(0, 1)) == [Unveil(0, 1)]
