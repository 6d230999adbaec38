"""A room whose stream is held, looked at, covered and dumped: what viewers get, and what is said of it.

Pictures are tiny; each frame's grey tells its number, the slate has another. Detectors are the test's own.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from filters import Finding
from filters import Kind as Sense
from ingest.media import Kind
from serve.errors import RoomError
from serve.room import State
from serve.rooms import RoomOpening, RoomSettings
from serve.store import FilterRow
from serve.viewers import GONE
from tests.serve.test_transcoded_room import RUNG, numbers_in, runs, seamless
from tests.support.house import Host, House, broadcast_of, state_of
from tests.support.media import SLATE, make_clip, numbers_of
from transcode.detection import Detection
from transcode.hold import rounded
from transcode.media import TIMELINE, Plan, RoomItem, TimedPacket
from transcode.supervisor import Unfit
from transcode.verdicts import Cause, Cleared, Found, LedgerEntry, ModerationStats, Note
from transcode.wire import Fault, Takes

CLIP = make_clip(seconds=20, fps=10, gop=10)
FPS = 10
HELD = 2.0
LOOKS = (FilterRow("./looks.py:looks", "detector", HELD),)
ROOT = Path(__file__).resolve().parents[2]
INVERT = FilterRow(f"{ROOT / 'samples' / 'filters' / 'invert.py'}:invert", "video")


class Watching(Detection):
    """Clears what it is given at once, as long as it is ``honest``; and finds what the test says."""

    honest = True

    def start(self) -> None:
        """Without a process."""
        self.took(Takes(((Sense.PICTURE, Sense.SOUND),) * len(self.specs), 0))
        self.seen = [0, 0]

    @property
    def specs(self) -> tuple[str, ...]:
        return self._specs

    def feed(self, item: RoomItem) -> None:
        super().feed(item)
        if isinstance(item, TimedPacket) and not self.asleep:
            index = 0 if item.kind is Kind.VIDEO else 1
            # A frame of sound lasts for longer than its stamp.
            self.seen[index] = max(self.seen[index], item.pts + (1 if index == 0 else TIMELINE))
            self.clear()

    def clear(self) -> None:
        if self.honest:
            for number in range(len(self.specs)):
                self.took(Cleared(number, *self.seen))

    @property
    def cores(self) -> float:
        return self._cores

    def change(self, specs: Sequence[str], delay: int, cores: float, anew: bool = False) -> None:
        different = anew or cores != self._cores or tuple(specs) != self._specs
        super().change(specs, delay, cores, anew)
        if different:
            self.took(Takes(((Sense.PICTURE, Sense.SOUND),) * len(specs), 0))

    async def close(self) -> None:
        """Without a process."""


class Agency:
    """Hires detectors, and remembers them: it is the Detections of a House."""

    def __init__(self) -> None:
        self.hired: list[Watching] = []

    def __call__(
        self,
        plan: Plan,
        specs: Sequence[str],
        delay: int,
        said: Callable[[LedgerEntry], None],
        noted: Callable[[str], None],
        recorded: Callable[[Note], None],
        midway: bool,
        cores: float,
    ) -> Detection:
        self.hired.append(Watching(plan, specs, delay, said, noted, recorded, midway, cores))
        self.hired[-1].start()
        return self.hired[-1]

    @property
    def watching(self) -> Watching:
        return self.hired[-1]


@pytest.fixture
def agency() -> Agency:
    return Agency()


@pytest.fixture
def house(tmp_path: Path, agency: Agency) -> House:
    made = House(tmp_path)
    made.detections = agency
    made.start()
    return made


def filtered(house: House, filters: tuple[FilterRow, ...] = LOOKS, **settings: object) -> Host:
    """A room that is open and has a host, which has sent nothing yet."""
    opening = RoomOpening(ladder="auto", filters=[row.spec for row in filters], **settings)  # type: ignore[arg-type]
    key = house.rooms.open("demo", opening, filters).row.stream_key
    host = house.connect(key, CLIP)
    host.announce()
    return host


def shown(house: House) -> list[tuple[int, int]]:
    """What players got of the newest broadcast: runs of (first number, how many)."""
    return runs(numbers_in(house, broadcast_of(house)))


async def test_viewers_get_everything_later_and_the_slate_until_then(house: House, agency: Agency) -> None:
    host = filtered(house)
    host.send(1)
    assert state_of(house) is State.COVERED
    assert house.rooms.get("demo").covered == "filling"
    host.send(5)
    assert state_of(house) is State.LIVE
    (slate, first), *rest = shown(house)
    assert slate == SLATE
    assert abs(first - HELD * FPS) <= 3
    assert len(rest) == 1
    moderation = house.rooms.get("demo").moderation
    assert moderation is not None
    assert moderation.held_seconds == pytest.approx(HELD, abs=0.15)
    seamless(house, broadcast_of(house))


async def test_what_is_not_cleared_does_not_go_out_and_what_is_does(house: House, agency: Agency) -> None:
    host = filtered(house)
    host.send(4)
    agency.watching.honest = False
    host.send(4)
    assert state_of(house) is State.COVERED
    assert house.rooms.get("demo").covered == Cause.LATE
    cleared = shown(house)
    agency.watching.honest = True
    host.send(3)
    assert state_of(house) is State.LIVE
    (slate, _), (first, count), (covered, _), (later, _) = shown(house)
    assert (slate, covered) == (SLATE, SLATE)
    assert cleared[1] == (first, count)
    assert abs(count - 4 * FPS) <= 2
    assert later > first + count
    told = [(note.what, note.cause) for note in house.notes if "covered" in note.what]
    assert told[:3] == [("covered", "filling"), ("uncovered", "filling"), ("covered", "late")]
    assert told[-1][0] == "uncovered"
    seamless(house, broadcast_of(house))


async def test_a_room_may_rather_stop_than_be_covered(house: House, agency: Agency) -> None:
    host = filtered(house, on_overrun="stop")
    host.send(8)
    assert state_of(house) is State.LIVE
    agency.watching.honest = False
    host.send(4)
    await asyncio.sleep(0)
    assert state_of(house) is State.STOPPED


async def test_detectors_that_are_not_warm_yet_stop_nothing(house: House, agency: Agency) -> None:
    host = filtered(house, on_overrun="stop")
    agency_honest, Watching.honest = Watching.honest, False
    try:
        host.send(6)
        assert state_of(house) is State.COVERED
        assert house.rooms.get("demo").covered == Cause.WARMING
    finally:
        Watching.honest = agency_honest


async def test_findings_are_counted_by_category_and_recorded_without_content(house: House, agency: Agency) -> None:
    host = filtered(house)
    host.send(1)
    agency.watching.honest = False
    agency.watching.took(Found(0, Finding(Sense.SOUND, TIMELINE * 3, TIMELINE * 4, "word")))
    moderation = house.rooms.get("demo").moderation
    assert moderation is not None
    assert (moderation.findings, moderation.broken_promises) == ({"word": 1}, 0)
    assert Note("finding", TIMELINE * 3, TIMELINE * 4, "looks.py:looks", "sound", "word", "mute") in house.notes


async def test_a_fault_of_a_filter_is_told_to_the_host_until_it_is_mended(house: House, agency: Agency) -> None:
    host = filtered(house)
    host.send(4)
    with pytest.raises(Unfit, match="has given up"):  # which its supervisor takes
        agency.watching.took(Fault("filter looks.py:looks: ValueError (looks.py, line 3)"))
    assert house.rooms.get("demo").warnings == ["filter looks.py:looks: ValueError (looks.py, line 3)"]
    agency.watching.clear()
    assert house.rooms.get("demo").warnings == []


async def test_a_filter_comes_and_goes_in_one_broadcast(house: House, agency: Agency) -> None:
    host = filtered(house, ())
    host.send(3)
    broadcast = broadcast_of(house)
    house.rooms.set("demo", RoomSettings(filters=[LOOKS[0].spec]), LOOKS)
    assert house.rooms.get("demo").delay == HELD
    host.send(6)
    assert state_of(house) is State.LIVE
    house.rooms.set("demo", RoomSettings(filters=[]), ())
    host.send(4)
    assert broadcast_of(house) == broadcast
    (first, count), (slate, filled), (second, held), (_, waits), (third, _) = shown(house)
    assert slate == SLATE
    assert abs(count - 3 * FPS) <= 2
    assert filled >= HELD * FPS
    assert second >= first + count
    assert third > second + held, "what was held is left out"
    assert waits <= FPS + 2, "until the next keyframe"
    seamless(house, broadcast)


async def test_detectors_get_their_share_of_the_machine_unless_the_operator_says_otherwise(
    house: House, agency: Agency
) -> None:
    filtered(house).send(4)
    assert agency.watching.cores == 2, "the house has 64 processors"
    moderation = house.rooms.get("demo").moderation
    assert moderation is not None
    assert moderation.budget == 2


async def test_another_budget_has_detectors_begin_anew_in_the_same_broadcast(house: House, agency: Agency) -> None:
    host = filtered(house, moderation_budget=0.5)
    host.send(5)
    broadcast = broadcast_of(house)
    assert agency.watching.cores == 0.5
    agency.watching.honest = False
    house.rooms.set("demo", RoomSettings(moderation_budget=1.5))
    host.send(3)
    assert house.rooms.get("demo").covered == Cause.WARMING, "what those before had cleared counts no more"
    agency.watching.honest = True
    host.send(4)
    assert (broadcast_of(house), len(agency.hired), agency.watching.cores) == (broadcast, 1, 1.5)
    assert state_of(house) is State.LIVE


async def test_plain_filters_act_at_once_and_hold_nothing(house: House) -> None:
    host = filtered(house, ())
    host.send(3)
    house.rooms.set("demo", RoomSettings(filters=[INVERT.spec]), (INVERT,))
    assert house.rooms.get("demo").delay == 0
    host.send(3)
    numbers = numbers_of(house.link.items[broadcast_of(house)], RUNG)
    assert numbers[-1] != numbers[0] + len(numbers) - 1
    seamless(house, broadcast_of(house))


async def test_what_is_dumped_never_airs(house: House, agency: Agency) -> None:
    host = filtered(house)
    host.send(5)
    before = shown(house)[-1]
    house.rooms.dump("demo")
    assert (state_of(house), house.rooms.get("demo").covered) == (State.COVERED, "dump")
    host.send(6)
    assert state_of(house) is State.LIVE
    *_, (first, count), (slate, covered), (later, _) = shown(house)
    assert (first, slate) == (before[0], SLATE)
    assert count <= before[1] + 3, "a part may have been under way"
    assert HELD * FPS <= covered <= (HELD + 1) * FPS + 3
    assert later >= 5 * FPS - 1
    moderation = house.rooms.get("demo").moderation
    assert moderation is not None
    assert moderation.covered_seconds["dump"] == pytest.approx(HELD, abs=0.2)
    seamless(house, broadcast_of(house))


async def test_a_cover_acts_at_once_until_it_is_lifted(house: House, agency: Agency) -> None:
    host = filtered(house)
    host.send(5)
    house.rooms.cover("demo", True)
    house.rooms.cover("demo", True)
    host.send(2)
    assert (state_of(house), house.rooms.get("demo").covered) == (State.COVERED, "operator")
    house.rooms.cover("demo", False)
    host.send(3)
    assert state_of(house) is State.LIVE
    *_, (first, count), (slate, covered), (later, _) = shown(house)
    assert slate == SLATE
    assert abs(covered - 2 * FPS) <= 2
    assert later == first + count + covered
    causes = [(note.what, note.cause) for note in house.notes if note.cause == "operator"]
    assert causes == [("covered", "operator"), ("uncovered", "operator")]


async def test_what_is_not_held_cannot_be_dumped_and_what_is_not_on_air_not_covered(house: House) -> None:
    with pytest.raises(RoomError, match="is not on air"):
        filtered(house, ()).house.rooms.cover("demo", True)
    with pytest.raises(RoomError, match="is not on air"):
        house.rooms.dump("demo")
    house.publish(house.open("other"), 5)
    with pytest.raises(RoomError, match="no delay"):
        house.rooms.dump("other")


async def test_what_is_passed_on_is_held_covered_and_dumped_too(house: House) -> None:
    key = house.open("demo", ladder="source", delay=HELD)
    host = house.publish(key, 8, CLIP)
    items = house.link.items[broadcast_of(house)]
    before = [number for number in numbers_of(items, "source") if number != SLATE]
    assert len(before) <= (8 - HELD) * FPS + 1
    house.rooms.cover("demo", True)
    host.send(4)
    covered = len([number for number in numbers_of(items, "source") if number != SLATE])
    assert state_of(house) is State.COVERED
    assert covered <= len(before) + 3, "a part may have been under way"
    house.rooms.cover("demo", False)
    host.send(5)
    assert state_of(house) is State.LIVE
    assert len([number for number in numbers_of(items, "source") if number != SLATE]) > covered + FPS


# --- asleep, as nobody watches -----------------------------------------------------------------------------------

SHORT = 3
"""Seconds that detectors stay at work in these tests though nobody watches."""


@pytest.fixture
def quiet(tmp_path: Path, agency: Agency) -> House:
    """A house whose rooms sleep soon."""
    made = House(tmp_path)
    made.detections = agency
    made.awake = SHORT
    made.start()
    return made


def slept(house: House, **settings: str) -> Host:
    """A room that has never had a viewer since its broadcast began, and a while later, for the hold."""
    host = filtered(house, LOOKS, **settings)
    host.send(SHORT - 1)
    assert not told(house).asleep
    host.send(2 + HELD)
    assert told(house).asleep
    return host


def told(house: House) -> ModerationStats:
    moderation = house.rooms.get("demo").moderation
    assert moderation is not None
    return moderation


def log(house: House) -> list[str]:
    return [note.what for note in house.notes if note.what in ("asleep", "awake")]


async def test_a_room_without_viewers_sleeps_and_viewers_wake_it(quiet: House, agency: Agency) -> None:
    host = slept(quiet)
    host.send(10)
    assert (state_of(quiet), quiet.rooms.get("demo").covered) == (State.COVERED, Cause.ASLEEP)
    before = shown(quiet)[-2:]
    assert [number == SLATE for number, _ in before] == [False, True]
    quiet.rooms.watched("demo")
    assert not told(quiet).asleep
    host.send(HELD + 1)
    assert (state_of(quiet), quiet.rooms.get("demo").covered) == (State.LIVE, "")
    *_, (first, _), (slate, covered), (_, count) = shown(quiet)
    assert (first, slate) == (before[0][0], SLATE)
    assert count >= FPS, "a keyframe had just come"
    assert covered <= before[1][1] + HELD * FPS
    assert log(quiet) == ["asleep", "awake"]
    covers = [(note.what, note.cause) for note in quiet.notes if note.cause == Cause.ASLEEP]
    assert covers == [("covered", "asleep"), ("uncovered", "asleep")]
    seamless(quiet, broadcast_of(quiet))


async def test_nothing_is_shown_that_detectors_slept_through(quiet: House, agency: Agency) -> None:
    host = slept(quiet)
    host.send(4.3)
    numbers = [number for number in numbers_in(quiet, broadcast_of(quiet)) if number != SLATE]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert numbers[-1] <= (SHORT + 0.6) * FPS, "half a second goes by before a broadcast begins"
    quiet.rooms.watched("demo")
    asleep_to = round(host.stamp / 1000 * FPS)
    host.send(HELD + 3)
    woken = [number for number in numbers_in(quiet, broadcast_of(quiet)) if number != SLATE][len(numbers) :]
    assert asleep_to - FPS <= woken[0] <= asleep_to, "the keyframe before"
    assert woken == list(range(woken[0], woken[0] + len(woken)))
    seamless(quiet, broadcast_of(quiet))


async def test_viewers_that_stay_keep_it_awake_and_it_sleeps_when_the_last_is_gone(quiet: House) -> None:
    host = filtered(quiet)
    for _ in range(2):
        host.send(SHORT - 1)
        quiet.rooms.watched("demo")
    host.send(GONE + SHORT - 1)
    assert not told(quiet).asleep
    host.send(2)
    assert told(quiet).asleep
    assert log(quiet) == ["asleep"]


async def test_a_room_that_would_rather_stop_does_not_stop_for_sleep(quiet: House) -> None:
    host = slept(quiet, on_overrun="stop")
    host.send(20)
    assert (state_of(quiet), quiet.rooms.get("demo").covered) == (State.COVERED, Cause.ASLEEP)
    quiet.rooms.watched("demo")
    host.send(HELD + 10)
    await asyncio.sleep(0)
    assert state_of(quiet) is State.LIVE


async def test_a_room_without_detectors_never_sleeps(quiet: House) -> None:
    host = filtered(quiet, (INVERT,), delay=HELD)
    host.send(SHORT + 20)
    assert not told(quiet).asleep
    assert (state_of(quiet), log(quiet)) == (State.LIVE, [])


async def test_a_detector_that_is_given_to_a_room_that_nobody_watches_sleeps_at_once(
    quiet: House, agency: Agency
) -> None:
    host = filtered(quiet, ())
    host.send(SHORT + 5)
    quiet.rooms.set("demo", RoomSettings(filters=[LOOKS[0].spec]), LOOKS)
    host.send(1)
    assert told(quiet).asleep
    quiet.rooms.watched("demo")
    host.send(HELD + 2)
    assert state_of(quiet) is State.LIVE


async def test_filters_may_change_and_go_while_it_sleeps(quiet: House, agency: Agency) -> None:
    host = slept(quiet)
    other = (FilterRow("./other.py:other", "detector", HELD),)
    quiet.rooms.set("demo", RoomSettings(filters=[other[0].spec]), other)
    host.send(3)
    assert told(quiet).asleep
    assert agency.watching.specs == ("./other.py:other",)
    assert quiet.rooms.get("demo").covered == Cause.ASLEEP
    quiet.rooms.set("demo", RoomSettings(filters=[]), ())
    host.send(4)
    assert state_of(quiet) is State.LIVE
    assert log(quiet) == ["asleep"]


async def test_it_is_covered_and_dumped_in_its_sleep_as_ever(quiet: House, agency: Agency) -> None:
    host = slept(quiet)
    host.send(3)
    quiet.rooms.dump("demo")
    host.send(1)
    assert quiet.rooms.get("demo").covered == Cause.DUMP
    quiet.rooms.cover("demo", True)
    host.send(HELD + 2)
    quiet.rooms.watched("demo")
    host.send(HELD + 2)
    assert quiet.rooms.get("demo").covered == Cause.OPERATOR
    quiet.rooms.cover("demo", False)
    host.send(1)
    assert state_of(quiet) is State.LIVE


async def test_a_host_may_go_and_come_back_while_it_sleeps(quiet: House, agency: Agency) -> None:
    host = slept(quiet)
    key = quiet.rooms.get("demo").row.stream_key
    host.drop()
    quiet.pass_time(10)
    assert (state_of(quiet), told(quiet).asleep) == (State.SLATE, True)
    again = quiet.publish(key, 5, CLIP)
    assert (state_of(quiet), quiet.rooms.get("demo").covered) == (State.COVERED, Cause.ASLEEP)
    again.drop()
    quiet.pass_time(5)
    quiet.rooms.watched("demo")
    quiet.publish(key, HELD + 2, CLIP)
    assert state_of(quiet) is State.LIVE


async def test_a_restarted_server_begins_awake(quiet: House, agency: Agency) -> None:
    slept(quiet)
    key = quiet.rooms.get("demo").row.stream_key
    quiet.restart(1.5)
    host = quiet.publish(key, SHORT - 0.4, CLIP)
    assert (state_of(quiet), told(quiet).asleep) == (State.LIVE, False)
    host.send(1)
    assert told(quiet).asleep


# --- and otherwise ------------------------------------------------------------------------------------------------


async def test_a_restarted_server_goes_on_with_a_held_broadcast(house: House, agency: Agency) -> None:
    host = filtered(house)
    host.send(5)
    broadcast = broadcast_of(house)
    key = house.rooms.get("demo").row.stream_key
    house.restart(1.5)
    house.publish(key, 5, CLIP)
    assert broadcast_of(house) == broadcast
    assert len(agency.hired) == 2
    assert state_of(house) is State.LIVE


async def test_a_room_that_stops_does_not_air_what_is_held(house: House, agency: Agency) -> None:
    host = filtered(house)
    host.send(5)
    broadcast = broadcast_of(house)
    before = numbers_in(house, broadcast)
    house.rooms.stop("demo")
    assert len([n for n in numbers_in(house, broadcast) if n != SLATE]) <= len([n for n in before if n != SLATE]) + 3


def test_delays_are_whole_blocks_of_sound() -> None:
    assert rounded(0) == 0
    assert rounded(1) == 1920
    assert rounded(TIMELINE) % 1920 == 0
