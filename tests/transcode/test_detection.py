"""Detection, the gate's side and the process: whatever happens to it, what it has not seen does not count as cleared.

Times in these tests are milliseconds. Most of them play the process themselves; the last ones have a real one.
"""

import asyncio
import os
import re
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import Box, Effect, Finding, Kind, Unverified
from ingest.media import Codec, Track
from ingest.media import Kind as TrackKind
from tests.support.media import make_clip
from transcode.detection import Detection
from transcode.detector import Acks
from transcode.ladder import sound_for
from transcode.ledger import Ledger, Verdict
from transcode.media import LATE_TRACK, TIMELINE, FrameRate, Plan, RoomItem, Rung, Tick, TimedPacket
from transcode.supervisor import Limits, Unfit
from transcode.verdicts import Cause, Cleared, Found, Hole, LedgerEntry, Note, Orphan, Require, Unveil, Veil
from transcode.wire import VERSION, Ack, Entry, Fault, Look, Message, Takes

MS = TIMELINE // 1000
BOTH = (Kind.PICTURE, Kind.SOUND)
PLAN = Plan((Rung("48p", 64, 48, 1, 100_000),), sound_for(2, None), FrameRate(10, 1), "fast", 2, 20_000)
SPEC = "./mine.py:mine"
CORES = 0.5
VIDEO = Track(TrackKind.VIDEO, Codec.H264, b"video")
SOUND = Track(TrackKind.AUDIO, Codec.AAC, b"sound")
BOX = Box(0, 0, 16, 16)
LAG = 200  # ms; a packet of sound is taken to last so long
HOUR = 3_600_000


def picture(at: int, keyframe: bool = False) -> TimedPacket:
    return TimedPacket(TrackKind.VIDEO, at * MS, at * MS, keyframe, b"")


def sound(at: int) -> TimedPacket:
    return TimedPacket(TrackKind.AUDIO, at * MS, at * MS, True, b"")


def pictures(start: int, stop: int, gop: int = 1000) -> list[RoomItem]:
    """Ten a second."""
    return [picture(at, at % gop == 0) for at in range(start, stop, 100)]


def hole(start: int, end: int, of: Kind | None = None) -> Hole:
    return Hole(start * MS, end * MS, Cause.UNSEEN, of)


class Process:
    """Stands for the child: what it was told."""

    def __init__(self) -> None:
        self.listening = False
        self.told: list[Message] = []
        self.renewed = 0

    def say(self, message: Message) -> None:
        self.told.append(message)

    def renew(self) -> None:
        self.renewed += 1


class Desk:
    """The gate's side, a ledger that has taken all it said, and a process that does what the test says."""

    def __init__(self, delay: int = 2000, midway: bool = False, specs: tuple[str, ...] = (SPEC,)) -> None:
        self.said: list[LedgerEntry] = []
        self.notes: list[str] = []
        self.records: list[Note] = []
        self.ledger = Ledger()
        self.detection = Detection(
            PLAN, specs, delay * MS, self.say, self.notes.append, self.records.append, midway=midway, cores=CORES
        )
        self.process = Process()
        self.detection._child = cast("Any", self.process)

    def say(self, entry: LedgerEntry) -> None:
        self.said.append(entry)
        self.ledger.take(entry)

    def feed(self, *items: RoomItem) -> "Desk":
        for item in items:
            self.detection.feed(item)
        return self

    def flow(self, *items: RoomItem) -> "Desk":
        """They come, and the process is done with each at once."""
        for item in items:
            self.feed(item).work()
        return self

    def hire(self, *takes: tuple[Kind, ...], context: int = 0) -> "Desk":
        """A process says hello, and what its detectors take."""
        self.process.listening = True
        self.process.told.clear()
        self.detection.greeted()
        self.detection.took(Takes(takes or (BOTH,), context * MS))
        return self

    def die(self) -> str:
        self.process.listening = False
        self.detection.gone()
        return self.detection.remark()

    def clear(self, picture: int, sound: int | None = None, detector: int = 0) -> "Desk":
        """It has said all before these times."""
        self.detection.took(Cleared(detector, picture * MS, (picture if sound is None else sound) * MS))
        return self

    @property
    def entries(self) -> list[Entry]:
        return [message for message in self.process.told if isinstance(message, Entry)]

    @property
    def given(self) -> list[RoomItem]:
        """What the process was given."""
        return [entry.item for entry in self.entries]

    def work(self) -> "Desk":
        """It is done with all that it is given."""
        done = -1
        while self.entries and (last := self.entries[-1].offset) != done:
            self.detection.took(Ack(last))
            done = last
        return self

    @property
    def holes(self) -> list[Hole]:
        return [entry for entry in self.said if isinstance(entry, Hole)]

    def passes(self, at: int) -> bool:
        return self.ledger.picture(at * MS).cause is None

    def sounds(self, at: int) -> bool:
        return self.ledger.sound(at * MS, at * MS + 1).cause is None


# --- what is required ------------------------------------------------------------------------------------------


def test_all_is_required_until_the_process_has_told_what_its_detectors_take() -> None:
    desk = Desk(specs=(SPEC, "./other.py:other"))
    assert desk.said == [Require((BOTH, BOTH))]
    desk.hire((Kind.PICTURE,), (Kind.SOUND,))
    assert desk.said[1:] == [Require(((Kind.PICTURE,), (Kind.SOUND,)))]
    desk.die()
    desk.hire((Kind.PICTURE,), (Kind.SOUND,))
    assert len(desk.said) == 2


def test_the_process_is_told_what_to_look_for_and_given_nothing_before_it_has_answered() -> None:
    desk = Desk().feed(VIDEO, picture(0, True))
    desk.process.listening = True
    desk.detection.greeted()
    desk.feed(picture(100))
    assert desk.process.told == [Look(VERSION, PLAN, (SPEC,), CORES)]
    desk.detection.took(Takes((BOTH,), 0))
    assert desk.given == [VIDEO, picture(0, True), picture(100)]


def test_a_process_that_takes_other_things_than_the_one_before_has_cleared_nothing() -> None:
    """Its file was changed: what the other one has cleared, and found, is worth nothing."""
    desk = Desk().hire((Kind.PICTURE,)).feed(VIDEO, *pictures(0, 1000)).work().clear(950)
    assert desk.passes(500)
    desk.die()
    desk.hire(BOTH)
    assert not desk.passes(500)


def test_other_detectors_begin_anew() -> None:
    desk = Desk().hire().feed(VIDEO, *pictures(0, 1000)).work().clear(950)
    desk.detection.change(["./other.py:other"], 2000 * MS, CORES)
    assert desk.process.renewed == 1
    assert desk.said[-1] == Require((BOTH,))
    assert not desk.passes(500)
    desk.die()
    desk.hire(context=300)
    assert desk.given[:2] == [VIDEO, picture(0, True)]
    desk.clear(950)
    assert [desk.passes(at) for at in (0, 200, 300, 900)] == [False, False, True, True]


def test_the_same_detectors_go_on_unless_they_are_loaded_anew() -> None:
    desk = Desk().hire()
    desk.detection.change([SPEC], 5000 * MS, CORES)
    assert desk.process.renewed == 0
    desk.detection.change([SPEC], 5000 * MS, CORES, anew=True)
    assert desk.process.renewed == 1


def test_another_budget_has_them_begin_anew_and_told_of_it() -> None:
    desk = Desk().hire().feed(VIDEO, *pictures(0, 1000)).work().clear(950)
    desk.detection.change([SPEC], 2000 * MS, 2.0)
    assert desk.process.renewed == 1
    assert not desk.passes(500)
    desk.die()
    desk.hire()
    assert desk.process.told[0] == Look(VERSION, PLAN, (SPEC,), 2.0)


def test_detectors_that_are_retired_are_heard_no_more() -> None:
    desk = Desk().hire().feed(VIDEO, *pictures(0, 1000)).work()
    desk.detection.retire()
    said = len(desk.said)
    desk.clear(950)
    desk.detection.took(Found(0, Finding(Kind.PICTURE, 0, 5, "thing")))
    assert len(desk.said) == said


@pytest.mark.parametrize(
    "message",
    [
        Cleared(1, 5, 5),
        Found(-1, Finding(Kind.PICTURE, 0, 5, "thing")),
        Takes((BOTH, BOTH), 0),
        Takes((BOTH,), 0),
        Require((BOTH,)),
        Orphan(5),
    ],
)
def test_a_process_that_says_what_is_not_its_to_say_is_unfit(message: Message) -> None:
    with pytest.raises(Unfit):
        Desk().hire().detection.took(message)


def test_a_process_that_clears_before_it_has_told_what_it_takes_is_unfit() -> None:
    desk = Desk()
    desk.process.listening = True
    desk.detection.greeted()
    with pytest.raises(Unfit):
        desk.clear(1000)
    assert not desk.passes(0)


# --- beginning -------------------------------------------------------------------------------------------------


def test_the_first_process_of_a_broadcast_is_given_all_and_there_is_no_hole() -> None:
    desk = Desk().feed(VIDEO, SOUND, sound(0), *pictures(0, 300)).hire(context=500)
    desk.feed(*pictures(300, 500)).work().clear(450)
    assert desk.given == [VIDEO, SOUND, sound(0), *pictures(0, 500)]
    assert desk.holes == []
    assert desk.passes(0)


def test_midway_what_came_before_it_was_seen_by_nobody() -> None:
    desk = Desk(midway=True).hire(context=300).feed(VIDEO, SOUND, sound(4450), *pictures(4500, 6000)).work().clear(6000)
    assert desk.given == [VIDEO, SOUND, sound(4450), *pictures(5000, 6000)]
    assert [desk.passes(at) for at in (0, 4600, 5299, 5300)] == [False, False, False, True]


def test_another_process_sees_again_what_the_one_before_had_not_cleared() -> None:
    desk = Desk().hire(context=500).flow(VIDEO, *pictures(0, 2800)).clear(2650)
    desk.die()
    desk.feed(*pictures(2800, 3000)).hire(context=500).work()
    assert desk.given == [VIDEO, *pictures(2000, 3000)]
    assert desk.holes == []
    desk.clear(2950)
    assert desk.passes(2700)


def test_where_it_cannot_have_as_much_to_begin_with_as_it_needs_there_is_a_hole() -> None:
    desk = Desk().hire(context=1500).flow(VIDEO, *pictures(0, 5000)).clear(4500)
    desk.detection._packets._remove(lambda _, entry: entry.item in pictures(0, 4000))  # for want of room
    desk.die()
    desk.hire(context=1500).work().clear(5500)
    assert desk.given == [VIDEO, *pictures(4000, 5000)]
    assert [desk.passes(at) for at in (4400, 4500, 5499)] == [True, False, False]


def test_pictures_before_a_keyframe_are_not_given_and_do_not_stop_what_follows() -> None:
    desk = Desk(midway=True).hire().feed(VIDEO, *pictures(100, 20_000, gop=10_000)).work()
    assert desk.given[1] == picture(10_000, True)


# --- too late --------------------------------------------------------------------------------------------------


def test_no_more_is_given_than_half_a_second_ahead_of_what_the_process_is_busy_with() -> None:
    desk = Desk().hire().feed(VIDEO, *pictures(0, 2000))
    desk.detection.took(Ack(desk.entries[0].offset))
    assert desk.given == [VIDEO, *pictures(0, 600)]
    desk.detection.took(Ack(desk.entries[1].offset))
    assert desk.given == [VIDEO, *pictures(0, 700)]


def test_pictures_that_wait_for_too_long_are_left_out_and_do_not_go_out() -> None:
    desk = Desk(delay=1000).hire(context=400).feed(VIDEO, *pictures(0, 5000)).work().clear(9000)
    left_out = [item for item in pictures(0, 5000) if item not in desk.given]
    assert left_out
    for item in left_out:
        assert isinstance(item, TimedPacket)
        assert not desk.passes(item.pts // MS)
    resumed = next(item for item in desk.given if isinstance(item, TimedPacket) and item.pts >= 4000 * MS)
    assert isinstance(resumed, TimedPacket)
    assert resumed.keyframe
    assert [desk.passes(4000 + at) for at in (0, 399, 400)] == [False, False, True]


def test_what_the_process_before_has_cleared_is_no_hole_if_it_is_left_out() -> None:
    desk = Desk(delay=1000).hire().feed(VIDEO, *pictures(0, 2000)).work().clear(1950)
    desk.die()
    desk.feed(*pictures(2000, 4200))
    assert desk.passes(1900)
    assert not desk.passes(2000)


def test_sound_that_comes_when_it_was_taken_for_silence_does_not_go_out() -> None:
    desk = Desk().hire().feed(VIDEO, SOUND, *pictures(0, 1500), sound(700), sound(950)).work().clear(1500)
    assert desk.holes == [hole(700, 900, Kind.SOUND)]
    assert not desk.sounds(750)
    assert desk.sounds(950)
    assert desk.passes(750)


def test_nor_does_sound_that_comes_for_a_time_in_which_the_host_was_away() -> None:
    desk = Desk().hire().feed(SOUND, sound(0), Tick(1000 * MS), sound(600), sound(980), sound(1000))
    assert desk.holes == [hole(600, 800, Kind.SOUND), hole(980, 1000, Kind.SOUND)]


def test_nor_sound_that_goes_back() -> None:
    desk = Desk().hire().feed(SOUND, sound(1000), sound(500), sound(1020))
    assert desk.holes == [hole(500, 700, Kind.SOUND)]


def test_a_picture_that_comes_when_its_time_is_cleared_does_not_go_out() -> None:
    desk = Desk().hire().feed(VIDEO, *pictures(0, 1000)).work().clear(901)
    desk.feed(TimedPacket(TrackKind.VIDEO, 850 * MS, 1000 * MS, False, b""), picture(1100)).work().clear(1200)
    assert not desk.passes(850)
    assert desk.passes(900)
    assert desk.passes(1100)


def test_what_the_process_could_not_decode_does_not_go_out() -> None:
    desk = Desk().hire().feed(VIDEO, *pictures(0, 1000)).work()
    desk.detection.took(hole(300, 301))
    desk.clear(1000)
    assert [desk.passes(at) for at in (200, 300, 400)] == [True, False, True]


def test_what_waits_for_a_process_takes_no_more_than_its_room() -> None:
    desk = Desk()
    packets = (TimedPacket(TrackKind.VIDEO, at * MS, at * MS, at == 0, bytes(1 << 20)) for at in range(0, 20_000, 100))
    desk.feed(VIDEO, *packets)
    assert desk.detection._packets.size <= 64 << 20
    desk.hire().clear(30_000)
    assert desk.given == [VIDEO]
    assert not any(desk.passes(at) for at in range(0, 20_000, 100))


# --- one that dies over and over -------------------------------------------------------------------------------


def test_what_no_process_lives_through_is_given_up_and_does_not_go_out() -> None:
    desk = Desk().hire().feed(VIDEO, SOUND, *pictures(0, 1000), sound(950)).work().clear(901)
    assert desk.die() == ""
    desk.hire().feed(sound(970))
    assert desk.die() == ""
    desk.hire()
    assert "without what this one was given" in desk.die()
    desk.hire()
    assert desk.given == [VIDEO, SOUND]
    desk.feed(sound(1000), *pictures(1000, 2000)).work().clear(2000)
    assert [desk.sounds(at) for at in (800, 950, 970, 1900)] == [True, False, False, True]


def test_a_process_that_gets_somewhere_is_not_counted() -> None:
    desk = Desk()
    desk.feed(VIDEO)
    for at in range(0, 10_000, 1000):
        desk.hire().feed(*pictures(at, at + 1000)).work().clear(at + 901)
        assert desk.die() == ""


def test_a_fault_is_told_to_the_operator_until_another_process_works() -> None:
    desk = Desk().hire()
    with pytest.raises(Unfit, match="no model"):
        desk.detection.took(Fault("filter mine: no model"))
    assert desk.detection.fault == "filter mine: no model"
    assert [note.what for note in desk.records] == ["fault"]
    desk.die()
    desk.hire()
    with pytest.raises(Unfit):
        desk.detection.took(Fault("filter mine: no model"))
    assert len(desk.records) == 1
    desk.die()
    desk.hire().feed(VIDEO, *pictures(0, 300)).clear(200)
    assert desk.detection.fault == ""


# --- what is said ----------------------------------------------------------------------------------------------


def test_what_the_process_says_is_handed_on_and_recorded_without_content() -> None:
    desk = Desk().hire()
    found = Found(0, Finding(Kind.PICTURE, 100, 200, "card-number", BOX, 0.9, Effect.BLUR))
    desk.detection.took(found)
    assert desk.said[-1] == found
    assert desk.detection.findings == {"card-number": 1}
    assert desk.records == [Note("finding", 100, 200, "mine.py:mine", "picture", "card-number", "blur")]


def test_what_is_said_of_what_was_cleared_and_has_gone_out_is_counted_and_noted_once() -> None:
    desk = Desk().hire().clear(1000)
    desk.detection.took(Found(0, Finding(Kind.SOUND, 500 * MS, 2000 * MS, "word")))
    assert desk.detection.broken_promises == 0, "it is in time: all of it is held"
    desk.feed(VIDEO, *pictures(0, 3000))
    for _ in range(3):
        desk.detection.took(Found(0, Finding(Kind.SOUND, 500 * MS, 2000 * MS, "word")))
    desk.detection.took(Veil(0, Unverified(1, 500 * MS, BOX)))
    assert desk.detection.broken_promises == 4
    assert len(desk.notes) == 1


def test_what_is_found_in_a_region_that_was_not_verified_is_no_broken_promise() -> None:
    desk = Desk().hire()
    desk.detection.took(Veil(0, Unverified(1, 500 * MS, BOX)))
    desk.clear(1000)
    desk.feed(VIDEO, *pictures(0, 3000))
    desk.detection.took(Found(0, Finding(Kind.PICTURE, 600 * MS, 700 * MS, "thing", Box(4, 4, 4, 4))))
    desk.detection.took(Unveil(0, 1))
    assert desk.detection.broken_promises == 0


def test_a_region_that_takes_the_place_of_others_is_no_broken_promise() -> None:
    desk = Desk().hire()
    desk.detection.took(Veil(0, Unverified(1, 500 * MS, BOX)))
    desk.clear(1000).feed(VIDEO, *pictures(0, 3000))
    desk.detection.took(Veil(0, Unverified(2, 500 * MS, Box(BOX.left + 2, BOX.top, BOX.width, BOX.height))))
    assert desk.detection.broken_promises == 0
    desk.detection.took(Veil(0, Unverified(3, 400 * MS, BOX)))
    assert desk.detection.broken_promises == 1, "none that began as early was there"


def test_a_region_that_was_not_verified_stays_covered_where_another_process_has_not_looked_anew() -> None:
    desk = Desk().hire().feed(VIDEO, *pictures(0, 1000)).work()
    desk.detection.took(Veil(0, Unverified(1, 500 * MS, BOX)))
    desk.clear(901)
    desk.die()
    assert desk.ledger.picture(900 * MS) == Verdict(regions=((BOX, Effect.FILL),))
    desk.hire().feed(picture(1000, True)).clear(1001)
    assert desk.ledger.picture(900 * MS) == Verdict(regions=((BOX, Effect.FILL),))
    assert desk.ledger.picture(1000 * MS) == Verdict()


def test_how_far_each_detector_is_behind_can_be_seen() -> None:
    desk = Desk(specs=(SPEC, "./other.py:other")).hire(BOTH, (Kind.SOUND,)).feed(VIDEO, *pictures(0, 2100))
    assert [detector.lag for detector in desk.detection.detectors] == [None, None]
    assert not desk.detection.warm
    desk.clear(1500, 1000).clear(0, 1800, detector=1)
    assert [(detector.filter, detector.lag) for detector in desk.detection.detectors] == [
        ("mine.py:mine", 1.0),
        ("other.py:other", 0.2),
    ]
    assert desk.detection.warm


# --- asleep ----------------------------------------------------------------------------------------------------


def cause(desk: Desk, at: int) -> Cause | None:
    return desk.ledger.picture(at * MS).cause


def own(desk: Desk) -> list[int]:
    """The stamps of the pictures that the process was given (ms)."""
    return [item.pts // MS for item in desk.given if isinstance(item, TimedPacket) and item.kind is TrackKind.VIDEO]


def drowsy(delay: int = 2000) -> Desk:
    """They have seen two seconds, cleared most of them, and then slept for a minute."""
    desk = Desk(delay).hire().flow(VIDEO, SOUND, *pictures(0, 2000)).clear(1800)
    desk.detection.sleep()
    return desk.flow(*pictures(2000, 62_500))


def test_who_sleeps_is_given_nothing_and_what_it_has_not_seen_is_a_hole_before_its_time_comes() -> None:
    desk = Desk().hire().flow(VIDEO, *pictures(0, 2000)).clear(1800)
    desk.detection.sleep()
    given = len(desk.given)
    for at in range(2000, 20_000, 100):
        desk.flow(picture(at, at % 1000 == 0))
        due = at - 2000
        assert cause(desk, due) is (None if due < 1800 else Cause.ASLEEP)
        assert not any(desk.passes(later) for later in range(1800, at + 100, 100))
    assert len(desk.given) == given
    assert desk.detection._packets.oldest == 19_000 * MS, "nor is more kept than the newest keyframe and what follows"
    assert {found.cause for found in desk.holes} == {Cause.ASLEEP}
    assert [detector.lag for detector in desk.detection.detectors] == [None]


def test_what_it_has_got_it_finishes() -> None:
    desk = Desk().hire().feed(VIDEO, *pictures(0, 2000)).work()
    desk.detection.sleep()
    desk.clear(1900).feed(*pictures(2000, 9000))
    assert desk.passes(1800)
    assert cause(desk, 1900) is Cause.ASLEEP


def test_it_wakes_up_with_the_newest_keyframe_and_what_it_clears_then_goes_out() -> None:
    desk = drowsy()
    seen = len(own(desk))
    desk.detection.wake()
    desk.work().flow(*pictures(62_500, 64_000))
    stamps = own(desk)[seen:]
    assert len(stamps) == 20, "from the keyframe at 62 s on"
    assert stamps[0] < 5000, "by its own time"
    assert [after - before for before, after in pairwise(stamps)] == [100] * 19
    desk.clear(stamps[10])
    assert [cause(desk, at) for at in (1700, 1800, 61_900, 62_000, 62_900)] == [
        None, Cause.ASLEEP, Cause.ASLEEP, None, None,
    ]  # fmt: skip
    assert not desk.passes(63_000)


def test_it_is_warm_again_when_it_has_cleared_some_of_what_came_since() -> None:
    desk = drowsy()
    assert not desk.detection.warm
    seen = len(own(desk))
    desk.detection.wake()
    desk.work().flow(*pictures(62_500, 64_000))
    assert not desk.detection.warm
    desk.clear(own(desk)[seen])
    assert not desk.detection.warm
    desk.clear(own(desk)[-1])
    assert desk.detection.warm


def test_a_nap_that_ends_before_the_time_of_anything_comes_costs_nothing() -> None:
    desk = Desk().hire().flow(VIDEO, *pictures(0, 2000)).clear(1901)
    desk.detection.sleep()
    desk.feed(*pictures(2000, 2500))
    desk.detection.wake()
    desk.work().flow(*pictures(2500, 4000))
    desk.clear(own(desk)[-1] + 1)
    assert all(desk.passes(at) for at in range(0, 4000, 100))


def test_a_picture_that_it_was_not_given_is_not_cleared_by_one_that_is_shown_later() -> None:
    """Pictures come in the order in which they are decoded: at the border some are missing among those that it has."""
    ahead = TimedPacket(TrackKind.VIDEO, 2300 * MS, 2000 * MS, False, b"")
    between = TimedPacket(TrackKind.VIDEO, 2100 * MS, 2100 * MS, False, b"")
    desk = Desk().hire().flow(VIDEO, *pictures(0, 2000), ahead)
    desk.detection.sleep()
    desk.feed(between).clear(2301)
    assert cause(desk, 2100) is Cause.ASLEEP
    assert desk.passes(2300)


def test_nor_is_one_that_waited_to_be_given_when_it_fell_asleep() -> None:
    desk = Desk().hire().feed(VIDEO, *pictures(0, 500), TimedPacket(TrackKind.VIDEO, 2300 * MS, 500 * MS, False, b""))
    desk.feed(picture(600))
    assert desk.given[-1] != picture(600), "it is busy"
    desk.detection.sleep()
    desk.work().clear(2301)
    assert cause(desk, 600) is Cause.ASLEEP


def test_if_there_is_no_keyframe_it_waits_for_the_next() -> None:
    desk = Desk().hire().flow(VIDEO, *pictures(0, 2000)).clear(1800)
    desk.detection.sleep()
    desk.die()
    desk.detection._packets.forget_packets()
    desk.feed(*pictures(2100, 9000, gop=100_000)).hire()
    desk.detection.wake()
    desk.flow(*pictures(9000, 9500, gop=100_000), *pictures(10_000, 11_000)).clear(11_000)
    assert not any(desk.passes(at) for at in range(2100, 9500, 100))
    assert all(desk.passes(at) for at in range(10_000, 11_000, 100))


def test_one_that_dies_in_its_sleep_is_replaced_and_the_next_sleeps_on() -> None:
    desk = drowsy()
    desk.die()
    desk.hire().feed(*pictures(62_500, 70_500))
    assert own(desk) == []
    desk.detection.wake()
    desk.work()
    assert own(desk) == list(range(70_000, 70_500, 100))
    desk.clear(70_401)
    assert not any(desk.passes(at) for at in range(1800, 70_000, 100))
    assert desk.passes(70_400)


def test_what_the_one_that_died_was_not_sure_of_is_given_up_when_the_next_has_woken_up() -> None:
    desk = Desk().hire().flow(VIDEO, *pictures(0, 2000))
    desk.detection.took(Veil(0, Unverified(1, 500 * MS, BOX)))
    desk.clear(1800)
    desk.detection.sleep()
    desk.flow(*pictures(2000, 62_500)).die()
    desk.hire()
    desk.detection.wake()
    desk.work().clear(62_401)
    assert desk.ledger.picture(1700 * MS) == Verdict(regions=((BOX, Effect.FILL),))
    assert desk.ledger.picture(62_100 * MS) == Verdict()


def test_other_detectors_are_as_asleep_as_those_before() -> None:
    desk = drowsy()
    desk.detection.change(["./other.py:other"], 2000 * MS, CORES)
    desk.die()
    desk.hire().feed(*pictures(62_500, 64_500))
    assert desk.detection.asleep
    assert own(desk) == []
    desk.detection.wake()
    desk.work().clear(64_401)
    assert [desk.passes(at) for at in (1000, 1700, 63_900, 64_000)] == [False, False, False, True]


def test_a_shorter_delay_in_its_sleep_lets_nothing_go() -> None:
    desk = drowsy(delay=10_000)
    desk.detection.change([SPEC], 1000 * MS, CORES)
    assert all(cause(desk, at) is Cause.ASLEEP for at in range(1800, 61_400, 100))


def test_when_it_wakes_up_and_the_host_is_away_what_it_slept_through_stays_a_hole() -> None:
    desk = drowsy()
    desk.flow(*(Tick(at * MS) for at in range(62_500, 64_000, 100)))
    desk.detection.wake()
    desk.flow(*(Tick(at * MS) for at in range(64_000, 66_000, 100))).work()
    desk.clear(own(desk)[-1] + 3000)
    assert not any(desk.passes(at) for at in range(1800, 62_000, 100))


def test_midway_a_tick_clears_nothing_that_came_before_the_detectors() -> None:
    desk = Desk(midway=True).hire().flow(Tick(5000 * MS)).clear(5000)
    assert not desk.passes(4000)
    assert not desk.sounds(4000)


def test_sound_has_its_place_again_but_for_the_first_that_is_heard() -> None:
    def sounds(start: int, stop: int) -> list[RoomItem]:
        return [item for at in range(start, stop, 100) for item in (sound(at), picture(at, at % 1000 == 0))]

    desk = Desk().hire().flow(VIDEO, SOUND, *sounds(0, 2000)).clear(1800)
    desk.detection.sleep()
    desk.flow(*sounds(2000, 62_500))
    desk.detection.wake()
    desk.work().flow(*sounds(62_500, 64_000))
    desk.clear(own(desk)[-1])
    assert [desk.sounds(at) for at in (1700, 1800, 61_700, 61_850, 62_000, 63_800)] == [
        True, False, False, False, True, True,
    ]  # fmt: skip


def test_what_is_found_for_longer_than_it_was_given_is_covered_after_the_sleep_too() -> None:
    desk = Desk().hire().flow(VIDEO, *pictures(0, 2000))
    desk.detection.took(Found(0, Finding(Kind.PICTURE, 1900 * MS, 30_000 * MS, "thing", BOX)))
    desk.detection.took(Veil(0, Unverified(1, 1900 * MS, Box(16, 16, 16, 16))))
    desk.clear(1900)
    desk.detection.sleep()
    desk.flow(*pictures(2000, 62_500))
    desk.detection.wake()
    desk.work()
    desk.clear(own(desk)[-1])
    assert desk.ledger.picture(62_000 * MS) == Verdict(regions=((BOX, Effect.FILL), (Box(16, 16, 16, 16), Effect.FILL)))
    assert desk.detection.findings == {"thing": 1}


def test_what_comes_late_and_from_its_sleep_is_not_looked_at_and_does_not_go_out() -> None:
    desk = drowsy()
    desk.detection.wake()
    seen = len(own(desk))
    desk.flow(picture(40_000, True), picture(62_500), picture(63_000, True))
    assert len(own(desk)) == seen + 1, "what follows what was left out cannot be decoded"
    desk.clear(own(desk)[-1] + 1)
    assert not desk.passes(40_000)
    assert not desk.passes(62_500)
    assert desk.passes(63_000)


def test_sleep_and_waking_are_said_twice_to_no_effect() -> None:
    desk = drowsy()
    said = len(desk.said)
    desk.detection.sleep()
    assert len(desk.said) == said
    desk.detection.wake()
    said, told = len(desk.said), len(desk.process.told)
    desk.detection.wake()
    assert (len(desk.said), len(desk.process.told)) == (said, told)


class Link:
    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, message: Message) -> None:
        self.sent.append(message)


def test_the_process_acknowledges_what_it_is_given_again_after_a_sleep() -> None:
    link = Link()
    acks = Acks(cast("Any", link))
    for offset in (99, 100, 100, 101):
        acks.given(offset)
    for offset in (100, 100, 99, 101):
        acks.done(offset)
    assert link.sent == [Ack(100), Ack(101)]


# --- always ----------------------------------------------------------------------------------------------------

Step = tuple[str, int, bool]
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["picture", "picture", "picture", "sound", "sound", "tick", "hire", "die", "work", "work", "sleep", "wake"]
        ),
        st.integers(0, 1000),
        st.booleans(),
    ),
    min_size=40,
    max_size=150,
)
_HEARD = 20  # ms that a packet of sound lasts


def stamped(packet: TimedPacket) -> TimedPacket:
    return replace(packet, data=str(packet.pts).encode())


class Toy:
    """What a process has seen and heard, in order, by its own stamps. ``first``: of what there is nothing before what
    it begins with. Packets carry the room's stamp as their data, so that what it has really seen does not depend on
    what it was told."""

    def __init__(self, context: int, first: set[TrackKind]) -> None:
        self.context = context
        self.first = first
        self.taken = 0
        self.number = -2  # of the last picture
        self.judges: dict[TrackKind, int] = {}
        self.pictures_to = 0
        self.heard = 0
        self.shift = 0  # between the room's stamps of sound and its own


class Theatre:
    """Processes that come and go, honest about what they were given; and what they have really seen."""

    def __init__(self, delay: int, context: int, midway: bool) -> None:
        self.desk = Desk(delay, midway)
        self.context = context
        self.began = set(TrackKind) if midway else set[TrackKind]()
        self.now = 0
        self.numbers: dict[int, int] = {}  # of pictures, by stamp
        self.sounds: set[int] = set()
        self.sound_at = -_HEARD  # the last
        self.seen: set[int] = set()
        self.heard: set[int] = set()
        self.toy: Toy | None = None
        self.desk.feed(VIDEO, SOUND)

    def play(self, steps: Iterable[Step]) -> "Theatre":
        for what, size, flag in steps:
            match what:
                case "picture":
                    self.now += 100 + size % 50
                    self.numbers[self.now * MS] = len(self.numbers)
                    self.desk.feed(stamped(picture(self.now, flag)))
                case "sound":
                    at = self.now - size if flag and size > 800 else max(self.now, self.sound_at + _HEARD)
                    if at >= 0 and not self.sound_at <= at < self.sound_at + _HEARD:
                        self.sound_at = max(self.sound_at, at)
                        self.sounds.add(at * MS)
                        self.desk.feed(stamped(sound(at)))
                case "tick":
                    self.now += size
                    self.desk.feed(Tick(self.now * MS))
                case "hire" if self.toy is None:
                    self.toy = Toy(self.context, set(TrackKind) - self.began)
                    self.desk.hire(context=self.context)
                case "die" if self.toy is not None:
                    self.toy = None
                    self.desk.die()
                case "work" if self.toy is not None:
                    self.work(self.toy, size % 12)
                case "sleep":
                    self.desk.detection.sleep()
                case "wake":
                    self.desk.detection.wake()
            self.check()
        return self

    def work(self, toy: Toy, count: int) -> None:
        """The process takes the next entries it was given, and says so."""
        for entry in self.desk.entries[toy.taken : toy.taken + count]:
            toy.taken += 1
            if isinstance(entry.item, TimedPacket) and entry.item.pts > toy.heard:  # all up to there is silence to it
                toy.heard = (toy.heard + entry.item.pts) // 2 if entry.item.kind is TrackKind.AUDIO else toy.heard
                self.desk.detection.took(Cleared(0, toy.pictures_to, toy.heard))
                self.check()
            match entry.item:
                case TimedPacket(kind=TrackKind.VIDEO) as packet:
                    self.see(toy, packet)
                case TimedPacket() as packet:
                    self.hear(toy, packet)
                case Tick(pts=pts):
                    toy.heard = max(toy.heard, pts)
                    toy.pictures_to = max(toy.pictures_to, pts)
            self.desk.detection.took(Cleared(0, toy.pictures_to, toy.heard))
            self.desk.detection.took(Ack(entry.offset))

    def see(self, toy: Toy, packet: TimedPacket) -> None:
        came = int(packet.data)
        number = self.numbers[came]
        if packet.pts < toy.pictures_to:  # it has been taken for none
            self.desk.detection.took(Hole(packet.pts, packet.pts + 1, Cause.UNSEEN))
        whole = packet.keyframe or number == toy.number + 1
        if toy.number != number - 1 and not (toy.number < 0 and TrackKind.VIDEO in toy.first):
            toy.judges[TrackKind.VIDEO] = packet.pts + toy.context * MS
        if whole:
            toy.number = number
            if packet.pts >= max(toy.judges.get(TrackKind.VIDEO, 0), toy.pictures_to):
                self.seen.add(came)
        self.began.add(TrackKind.VIDEO)
        toy.pictures_to = max(toy.pictures_to, packet.pts + 1)
        toy.heard = max(toy.heard, packet.dts - LATE_TRACK)

    def hear(self, toy: Toy, packet: TimedPacket) -> None:
        came = int(packet.data)
        if came - packet.pts != toy.shift:  # after a sleep the first cannot be heard as it is
            toy.shift = came - packet.pts
            toy.judges[TrackKind.AUDIO] = packet.pts + max(toy.context, _HEARD) * MS
        if TrackKind.AUDIO not in toy.first:
            toy.judges.setdefault(TrackKind.AUDIO, packet.pts + toy.context * MS)
        if packet.pts >= toy.heard - _HEARD * MS // 2:
            if packet.pts >= toy.judges.get(TrackKind.AUDIO, 0):
                self.heard.add(came)
            toy.heard = max(toy.heard, packet.pts + _HEARD * MS)
        self.began.add(TrackKind.AUDIO)

    def check(self) -> None:
        ledger = self.desk.ledger
        for pts in self.numbers:
            assert pts in self.seen or ledger.picture(pts).cause is not None, f"the picture {pts // MS} goes out"
        for pts in self.sounds:
            let_go = ledger.sound(pts, pts + _HEARD * MS // 2).cause is None
            assert pts in self.heard or not let_go, f"the sound {pts // MS} goes out"


@given(steps, st.sampled_from([0, 1000, 3000]), st.sampled_from([0, 0, 250]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_nothing_goes_out_that_no_process_has_seen(steps: list[Step], delay: int, context: int, midway: bool) -> None:
    Theatre(delay, context, midway).play(steps)


# --- a real process --------------------------------------------------------------------------------------------

LIMITS = Limits(ping=0.05, start=60.0, silence=60.0, memory=3 << 29, backoff=0.02, longest_backoff=0.05)
PATIENCE = 60.0
CLIP = make_clip(seconds=3, fps=10, gop=10)

CLEARED = 2500
"""Of the clip, ms: a decoder keeps the last pictures."""
MINE = """
import os
import time
from pathlib import Path

from filters import *


class quick(Detector):
    def picture(self, picture):
        if picture.pts == 90_000:
            yield Finding(Kind.PICTURE, picture.pts, picture.pts + 1, "thing", Box(0, 0, 8, 8))

    def sound(self, sound):
        return ()


class broken(quick):
    def picture(self, picture):
        if picture.pts >= 90_000:
            raise ValueError("enough")
        return ()


class unready(quick):
    def open(self, stream):
        raise RuntimeError("no model")


class thrifty(quick):
    def open(self, stream):
        if stream.cores != 0.75:
            raise RuntimeError(f"not for {stream.cores} processors")


class counting(quick):  # is given sound without a hole, and not hours of it
    blocks = last = 0

    def sound(self, sound):
        if self.blocks and sound.first != self.last + 1024:
            raise ValueError("a hole")
        self.last = sound.first
        self.blocks += 1
        if self.blocks > 1000:
            raise ValueError("much")
        return ()


class dying(quick):
    def __init__(self, *, once: str):
        self.once = Path(once)

    def picture(self, picture):
        if picture.pts >= 180_000 and not self.once.exists():
            self.once.touch()
            os._exit(9)
        return ()


class slow(quick):
    def picture(self, picture):
        time.sleep(0.01)
        return ()


class deaf(Detector):
    pass


@video_filter
def plain(image, t):
    return image
"""


class Real:
    """Detection with a process, and all that it said."""

    def __init__(self, path: Path, spec: str, limits: Limits = LIMITS) -> None:
        # Of processors they are told 0.75.
        self.path = path / "mine.py"
        self.path.write_text(MINE)
        self.said: list[LedgerEntry] = []
        self.notes: list[str] = []
        self.ledger = Ledger()
        self.detection = Detection(
            PLAN, [f"{self.path}:{spec}"], 60 * TIMELINE, self.say, self.notes.append, lambda _: None, cores=0.75,
            limits=limits,
        )  # fmt: skip

    def say(self, entry: LedgerEntry) -> None:
        self.said.append(entry)
        self.ledger.take(entry)

    def play(self, start: int = 0) -> None:
        for track in CLIP.tracks:
            self.detection.feed(track)
        for p in CLIP.packets:
            dts = (start + p.stamp) * MS
            self.detection.feed(TimedPacket(p.kind, dts + p.offset * MS, dts, p.keyframe, p.data))

    def passes(self, at: int) -> bool:
        picture, sound = self.ledger.picture(at * MS), self.ledger.sound(at * MS, at * MS + 100)
        return picture.cause is None and sound.cause is None

    async def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, f"waited {PATIENCE:g} s for {what}: {self.notes}"
            await asyncio.sleep(0.01)


@asynccontextmanager
async def real(path: Path, spec: str, limits: Limits = LIMITS) -> AsyncIterator[Real]:
    made = Real(path, spec, limits)
    made.detection.start()
    try:
        yield made
    finally:
        await made.detection.close()


async def test_a_process_clears_what_its_detectors_have_seen_and_says_what_they_found(tmp_path: Path) -> None:
    async with real(tmp_path, "quick") as made:
        made.play()
        await made.until(lambda: made.passes(CLEARED), "clearance")
    assert all(made.passes(at) for at in range(0, CLEARED, 100))
    assert made.ledger.picture(TIMELINE) == Verdict(regions=((Box(0, 0, 8, 8), Effect.FILL),))
    assert made.notes == []
    assert made.detection.child.pid is None


async def test_detectors_are_told_how_many_processors_they_may_take(tmp_path: Path) -> None:
    async with real(tmp_path, "thrifty") as made:
        made.play()
        await made.until(lambda: made.passes(CLEARED), "clearance")
    assert made.notes == []


async def test_a_process_that_is_killed_is_replaced_and_nothing_is_lost(tmp_path: Path) -> None:
    async with real(tmp_path, "slow") as made:
        made.play()
        await made.until(lambda: made.passes(500), "clearance")
        pid = made.detection.child.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await made.until(lambda: made.passes(CLEARED), "clearance")
        assert all(made.passes(at) for at in range(0, CLEARED, 100))
    assert len(made.notes) == 1


async def test_a_process_that_has_slept_looks_on_with_the_detectors_that_it_has(tmp_path: Path) -> None:
    async with real(tmp_path, "counting") as made:
        made.play()
        await made.until(lambda: made.passes(CLEARED - 500), "clearance")
        pid = made.detection.child.pid
        made.detection.sleep()
        made.play(HOUR)
        made.detection.wake()
        made.play(HOUR + 3000)
        await made.until(lambda: made.passes(HOUR + 3000 + CLEARED), "clearance after an hour")
        assert made.detection.child.pid == pid
        assert made.notes == []
    keyframe = HOUR + 2000  # of those that came while it slept the newest
    assert [made.passes(at) for at in (2900, 60_000, HOUR, keyframe - 100)] == [False] * 4
    assert all(made.passes(at) for at in range(keyframe + 300, HOUR + 3000 + CLEARED, 100))


async def test_a_detector_that_takes_its_process_along_sees_again_what_it_had_not_cleared(tmp_path: Path) -> None:
    async with real(tmp_path, f"dying:once={tmp_path / 'died'}") as made:
        made.play()
        await made.until(lambda: made.passes(CLEARED), "clearance")
        assert made.detection.child.restarts == 1
        assert not [entry for entry in made.said if isinstance(entry, Hole)]


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("broken", r"ValueError: enough \(mine.py, line"),
        ("unready", "RuntimeError: no model"),
        ("deaf", "it does nothing"),
        ("plain", "is no detector any more"),
        ("missing", "missing"),
    ],
)
async def test_a_detector_that_fails_is_named_and_clears_nothing_further(tmp_path: Path, spec: str, fault: str) -> None:
    async with real(tmp_path, spec) as made:
        made.play()
        await made.until(lambda: made.detection.fault and made.detection.child.restarts > 1, "a fault")
        assert not made.passes(1000)
        assert any(made.detection.fault in note for note in made.notes)
    assert re.search(fault, made.detection.fault)


async def test_a_process_that_imports_for_long_is_waited_for(tmp_path: Path) -> None:
    limits = Limits(ping=0.05, start=60.0, silence=1.0, memory=3 << 29, backoff=0.02, longest_backoff=0.05)
    async with real(tmp_path, "quick", limits) as made:
        made.path.write_text("import time\ntime.sleep(3)\n" + MINE)
        made.play()
        await made.until(lambda: made.passes(CLEARED), "clearance")
    assert made.notes == []


async def test_detectors_that_are_loaded_anew_look_again_at_what_is_held(tmp_path: Path) -> None:
    async with real(tmp_path, "quick") as made:
        made.play()
        await made.until(lambda: made.passes(CLEARED), "clearance")
        made.path.write_text(MINE.replace('"thing"', '"other"'))
        made.detection.change([f"{made.path}:quick"], 60 * TIMELINE, 1.0, anew=True)
        assert not made.passes(500)
        await made.until(lambda: made.passes(CLEARED), "clearance")
    assert made.detection.findings == {"thing": 1, "other": 1}
    assert made.notes == []
    assert made.ledger.picture(TIMELINE) == Verdict(regions=((Box(0, 0, 8, 8), Effect.FILL),))


def test_detectors_that_find_more_than_can_be_covered_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcode.statements.MOST", 30)
    desk = Desk().hire()
    for at in range(0, 5000, 100):  # each is over before many more come
        desk.flow(picture(at, at % 1000 == 0))
        desk.detection.took(Found(0, Finding(Kind.PICTURE, (at + 1) * MS, (at + 200) * MS, "thing")))
    too_many = [Found(0, Finding(Kind.PICTURE, 9000 * MS + number, 99_000 * MS, "thing")) for number in range(40)]
    with pytest.raises(Unfit, match="more than 30 things at once"):
        deque(map(desk.detection.took, too_many), 0)
    unsure = [Veil(0, Unverified(number, 1000 * MS, BOX)) for number in range(40)]
    with pytest.raises(Unfit, match="as many unverified"):
        deque(map(Desk().hire().detection.took, unsure), 0)
