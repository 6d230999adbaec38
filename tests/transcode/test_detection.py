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


def test_what_is_said_after_a_promise_to_say_no_more_is_counted_and_noted_once() -> None:
    desk = Desk().hire().clear(1000)
    for _ in range(3):
        desk.detection.took(Found(0, Finding(Kind.SOUND, 500 * MS, 2000 * MS, "word")))
    desk.detection.took(Veil(0, Unverified(1, 500 * MS, BOX)))
    assert desk.detection.broken_promises == 4
    assert len(desk.notes) == 1


def test_what_is_found_in_a_region_that_was_not_verified_is_no_broken_promise() -> None:
    desk = Desk().hire()
    desk.detection.took(Veil(0, Unverified(1, 500 * MS, BOX)))
    desk.clear(1000)
    desk.detection.took(Found(0, Finding(Kind.PICTURE, 600 * MS, 700 * MS, "thing", Box(4, 4, 4, 4))))
    desk.detection.took(Unveil(0, 1))
    assert desk.detection.broken_promises == 0


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


# --- always ----------------------------------------------------------------------------------------------------

Step = tuple[str, int, bool]
steps = st.lists(
    st.tuples(
        st.sampled_from(["picture", "picture", "picture", "sound", "sound", "tick", "hire", "die", "work", "work"]),
        st.integers(0, 1000),
        st.booleans(),
    ),
    min_size=40,
    max_size=150,
)
_HEARD = 20  # ms that a packet of sound lasts


class Toy:
    """What a process has seen and heard, in order. ``first``: of what there is nothing before what it begins with."""

    def __init__(self, context: int, first: set[TrackKind]) -> None:
        self.context = context
        self.first = first
        self.taken = 0
        self.number = -2  # of the last picture
        self.judges: dict[TrackKind, int] = {}
        self.pictures_to = 0
        self.heard = 0


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
                    self.desk.feed(picture(self.now, flag))
                case "sound":
                    at = self.now - size if flag and size > 800 else max(self.now, self.sound_at + _HEARD)
                    if at >= 0 and not self.sound_at <= at < self.sound_at + _HEARD:
                        self.sound_at = max(self.sound_at, at)
                        self.sounds.add(at * MS)
                        self.desk.feed(sound(at))
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
            self.check()
        return self

    def work(self, toy: Toy, count: int) -> None:
        """The process takes the next entries it was given, and says so."""
        for entry in self.desk.entries[toy.taken : toy.taken + count]:
            toy.taken += 1
            match entry.item:
                case TimedPacket(kind=TrackKind.VIDEO) as packet:
                    self.see(toy, packet)
                case TimedPacket() as packet:
                    self.hear(toy, packet)
                case Tick(pts=pts):
                    toy.heard = max(toy.heard, pts)
            self.desk.detection.took(Cleared(0, toy.pictures_to, toy.heard))
            self.desk.detection.took(Ack(entry.offset))

    def see(self, toy: Toy, packet: TimedPacket) -> None:
        number = self.numbers[packet.pts]
        whole = packet.keyframe or number == toy.number + 1
        if toy.number != number - 1 and not (toy.number < 0 and TrackKind.VIDEO in toy.first):
            toy.judges[TrackKind.VIDEO] = packet.pts + toy.context * MS
        if whole:
            toy.number = number
            if packet.pts >= toy.judges.get(TrackKind.VIDEO, 0):
                self.seen.add(packet.pts)
        self.began.add(TrackKind.VIDEO)
        toy.pictures_to = max(toy.pictures_to, packet.pts + 1)
        toy.heard = max(toy.heard, packet.dts - LATE_TRACK)

    def hear(self, toy: Toy, packet: TimedPacket) -> None:
        if TrackKind.AUDIO not in toy.first:
            toy.judges.setdefault(TrackKind.AUDIO, packet.pts + toy.context * MS)
        if packet.pts >= toy.heard - _HEARD * MS // 2:
            if packet.pts >= toy.judges.get(TrackKind.AUDIO, 0):
                self.heard.add(packet.pts)
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
