"""What moderates a broadcast: in which order the worker hears of things, and what it hears no more."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from filters import Kind as Sense
from ingest.media import Codec, Kind, Track
from serve.broadcast import Broadcast, Means, Moderating
from serve.moderation import Moderation
from serve.store import BroadcastRow, FilterRow
from tests.support.house import House, no_slates
from transcode.cutter import Cutter
from transcode.detection import Detection
from transcode.hold import Held
from transcode.ladder import sound_for
from transcode.media import SOURCE, TIMELINE, Delay, FrameRate, Plan, Rung, Sound, TimedPacket
from transcode.process import Stats
from transcode.verdicts import Cause, Cleared, LedgerEntry, Note, Require
from transcode.wire import Covering, Takes

BOTH = (Sense.PICTURE, Sense.SOUND)
PLAN = Plan((Rung("48p", 64, 48, 1, 100_000),), sound_for(2, None), FrameRate(10, 1), "fast", 2, 20_000)
LOOKS = (FilterRow("./looks.py:looks", "detector", 2.0),)
SECOND = TIMELINE


class Told:
    """A worker, as far as it is told of media."""

    stats = Stats(None, 0, 0, 0, 0, 0)

    def __init__(self) -> None:
        self.told: list[LedgerEntry | Held | Delay] = []

    def rule(self, entry: LedgerEntry) -> None:
        self.told.append(entry)

    def use(self, specs: Sequence[str]) -> None:
        """There are none."""


class Desk:
    """Moderation with detectors that have no process."""

    def __init__(self, delay: int = 2) -> None:
        self.worker = Told()
        self.hired: list[Detection] = []
        self.recorded: list[Note] = []
        self.overran = 0
        self.moderation = Moderation(
            PLAN, delay * SECOND, self.worker, self.hire, print, self.recorded.append, lambda: None, self.overrun
        )

    def overrun(self) -> None:
        self.overran += 1

    def hire(
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
        self.hired.append(Detection(plan, specs, delay, said, noted, recorded, midway, cores))
        return self.hired[-1]

    def change(self, filters: tuple[FilterRow, ...], delay: int) -> None:
        self.worker.told.extend(self.moderation.change(filters, delay * SECOND, 1.0))

    def take(self, start: int, stop: int) -> None:
        for at in range(start, stop):
            packet = TimedPacket(Kind.VIDEO, at * SECOND // 10, at * SECOND // 10, at % 10 == 0, b"")
            for item in self.moderation.take(packet):
                self.worker.told.append(item)

    @property
    def requirements(self) -> list[Require]:
        return [entry for entry in self.worker.told if isinstance(entry, Require)]


async def test_what_the_worker_has_not_made_yet_is_still_to_be_cleared_when_the_broadcast_ends() -> None:
    desk = Desk()
    desk.change(LOOKS, 2)
    desk.take(0, 50)
    desk.moderation.retire()
    await desk.moderation.close()
    assert desk.requirements == [Require((BOTH,))]


async def test_without_detectors_nothing_has_to_be_cleared_any_more() -> None:
    desk = Desk()
    desk.change(LOOKS, 2)
    desk.change((), 2)
    assert desk.requirements == [Require((BOTH,)), Require(())]
    await desk.moderation.close()


async def test_detectors_that_are_no_longer_needed_do_not_speak_for_others() -> None:
    desk = Desk()
    desk.change(LOOKS, 2)
    desk.hired[0].took(Takes((BOTH,), 0))
    desk.change((), 2)
    desk.change(LOOKS, 2)
    desk.hired[0].took(Cleared(0, SECOND, SECOND))
    assert not any(isinstance(entry, Cleared) for entry in desk.worker.told)
    await desk.moderation.close()


async def test_detectors_are_required_before_a_shorter_delay_lets_anything_go() -> None:
    desk = Desk(delay=4)
    desk.take(0, 60)
    desk.worker.told.clear()
    desk.change(LOOKS, 1)
    assert isinstance(desk.worker.told[0], Require)
    assert any(isinstance(item, Delay) for item in desk.worker.told)
    await desk.moderation.close()


# --- asleep ----------------------------------------------------------------------------------------------------


async def test_what_nobody_has_seen_as_they_slept_is_no_overrun_and_sleep_is_recorded() -> None:
    desk = Desk()
    desk.change(LOOKS, 2)
    desk.hired[0].took(Takes((BOTH,), 0))
    desk.take(0, 100)
    desk.hired[0].took(Cleared(0, 10 * SECOND, 10 * SECOND))
    desk.take(100, 150)
    desk.moderation.told(Covering(Cause.LATE))
    assert desk.overran == 1, "awake it would be"
    desk.moderation.sleep()
    desk.moderation.sleep()
    desk.take(150, 250)
    assert desk.moderation.stats.asleep
    for cause in (Cause.LATE, Cause.UNSEEN, Cause.ASLEEP):
        desk.moderation.told(Covering(cause))
    desk.moderation.wake()
    desk.moderation.wake()
    desk.take(250, 300)
    desk.moderation.told(Covering(Cause.LATE))
    assert desk.overran == 1
    assert not desk.moderation.stats.asleep
    notes = [(note.what, note.start) for note in desk.recorded if note.what in ("asleep", "awake")]
    assert notes == [("asleep", 149 * SECOND // 10), ("awake", 249 * SECOND // 10)]
    await desk.moderation.close()


async def test_without_detectors_nobody_sleeps() -> None:
    desk = Desk()
    desk.take(0, 10)
    desk.moderation.sleep()
    assert not desk.moderation.asleep
    desk.change(LOOKS, 2)
    assert not desk.moderation.asleep
    desk.moderation.sleep()
    desk.change((), 2)
    assert not desk.moderation.asleep
    await desk.moderation.close()


async def test_those_who_sleep_count_for_what_they_will_take_again(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    desk.change(LOOKS, 2)
    monkeypatch.setattr(type(desk.hired[0].child), "processors", 0.7)
    desk.moderation.sleep()
    monkeypatch.setattr(type(desk.hired[0].child), "processors", 0.0)
    assert desk.moderation.processors == 0.7
    assert desk.moderation.stats.processors == 0.0, "which is what they take now"
    await desk.moderation.close()


# --- what cannot be moderated ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "plan",
    [
        Plan((Rung(SOURCE, 64, 48, 1, 1000),), None, FrameRate(10, 1), "fast", 4, 20_000),
        Plan((Rung(SOURCE, 64, 48, 1, 1000), *PLAN.rungs), PLAN.sound, FrameRate(10, 1), "fast", 4, 20_000),
        Plan((), Sound(48_000, 2, 128_000, False), FrameRate(0, 1), "fast", 2, 20_000),
    ],
    ids=["picture", "both", "sound"],
)
async def test_what_is_passed_on_as_it_is_cannot_be_filtered_and_nothing_is_begun(house: House, plan: Plan) -> None:
    hired: list[Plan] = []

    def workers(plan: Plan, *_: object) -> None:
        hired.append(plan)

    track = Track(Kind.VIDEO, Codec.H264, b"")
    row = BroadcastRow("demo", "b1", 0, plan, (track,), 0, 0, 0)
    means = Means(house.store, house.link, workers, no_slates, lambda *_: None)  # type: ignore[arg-type]
    moderating = Moderating(LOOKS, SECOND, print, lambda: None, lambda: None)
    with pytest.raises(ValueError, match="cannot be filtered"):
        Broadcast(row, Cutter(0, 4, True), means, moderating)
    assert (hired, house.link.starts) == ([], [])
    await asyncio.sleep(0)
