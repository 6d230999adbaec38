"""Lanes keep their tasks in order, together or side by side, and change from one to the other without losing any."""

import threading

import pytest

from transcode.lane import Crew, Lane
from transcode.media import TIMELINE
from transcode.pace import BEHIND, LONGEST_STAY, SOON, STAY, Pace


class Cascade:
    """Three lanes that hand numbers down, as rungs do with pictures."""

    def __init__(self) -> None:
        self.failures: list[BaseException] = []
        self.crew = Crew(self.failures.append)
        self.lanes = [self.crew.lane(name) for name in ("top", "middle", "bottom")]
        self.done: list[list[int]] = [[] for _ in self.lanes]
        self.threads: list[set[str]] = [set() for _ in self.lanes]

    def put(self, number: int, level: int = 0) -> None:
        self.lanes[level].put(lambda: self._work(number, level))

    def _work(self, number: int, level: int) -> None:
        if level + 1 < len(self.lanes):
            self.put(number, level + 1)
        self.threads[level].add(threading.current_thread().name)
        self.done[level].append(number)

    def close(self) -> None:
        for lane in self.lanes:
            lane.close()


def test_a_crew_begins_together_in_its_caller_s_thread() -> None:
    cascade = Cascade()
    cascade.put(0)
    assert cascade.done == [[0], [0], [0]]
    assert cascade.threads == [{threading.current_thread().name}] * 3
    cascade.close()


def test_spread_out_each_lane_has_a_thread_of_its_own() -> None:
    cascade = Cascade()
    cascade.crew.spread()
    for number in range(50):
        cascade.put(number)
    cascade.close()
    assert cascade.done == [list(range(50))] * 3
    assert cascade.threads == [{"top"}, {"middle"}, {"bottom"}]


def test_a_change_loses_nothing_and_keeps_the_order() -> None:
    cascade = Cascade()
    for number in range(200):
        if number % 30 == 10:
            cascade.crew.spread()
        if number % 30 == 25:
            cascade.crew.gather()
            assert cascade.done == [list(range(number))] * 3
        cascade.put(number)
    cascade.close()
    assert cascade.done == [list(range(200))] * 3


def test_a_slow_lane_holds_up_its_feeder() -> None:
    crew = Crew(lambda _: None)
    lane, gate, put = crew.lane("slow"), threading.Event(), 0

    def feed() -> None:
        nonlocal put
        for _ in range(100):
            lane.put(gate.wait)  # type: ignore[arg-type]
            put += 1

    crew.spread()
    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    feeder.join(0.2)
    assert feeder.is_alive()
    assert put < 20
    gate.set()
    feeder.join(10)
    lane.close()
    assert put == 100


def _fails() -> None:
    raise ValueError("no such picture")


def test_a_task_that_fails_in_a_thread_is_told() -> None:
    cascade = Cascade()
    cascade.crew.spread()
    cascade.lanes[1].put(_fails)
    cascade.close()
    assert [str(each) for each in cascade.failures] == ["no such picture"]


def test_a_task_that_fails_in_the_caller_s_thread_is_raised() -> None:
    cascade = Cascade()
    with pytest.raises(ValueError, match="no such picture"):
        cascade.lanes[1].put(_fails)
    cascade.close()


class Room:
    """A room whose time the test says."""

    def __init__(self, cores: int = 2) -> None:
        self.crew = Crew(lambda _: None)
        self.lane: Lane = self.crew.lane("top")
        self.now = 1000 * TIMELINE
        self.pace = Pace(self.crew, cores)

    def play(self, ticks: int, waits: bool = True) -> int:
        """Take ``ticks`` of media in frames, having to wait for each or not; tell for how long it was spread out."""
        frame, apart = TIMELINE // 30, 0
        for _ in range(ticks // frame):
            if waits:
                self.pace.waits()
            apart += frame * self.crew.apart
            self.now += frame
            self.pace.took(self.now)
        return apart

    def fall_behind(self) -> None:
        self.play(2 * BEHIND, waits=False)
        assert self.crew.apart


def test_a_room_that_keeps_up_works_together() -> None:
    room = Room()
    assert room.play(60 * TIMELINE) == 0


def test_a_room_that_is_behind_spreads_out() -> None:
    room = Room()
    room.play(TIMELINE)
    room.play(BEHIND // 2, waits=False)
    assert not room.crew.apart
    room.play(BEHIND, waits=False)
    assert room.crew.apart


def test_one_processor_is_never_spread_over() -> None:
    room = Room(cores=1)
    assert room.play(10 * TIMELINE, waits=False) == 0


def test_a_room_that_has_caught_up_gathers_after_a_while() -> None:
    room = Room()
    room.fall_behind()
    assert 0 < room.play(SOON) <= STAY
    assert not room.crew.apart


def test_a_room_that_is_still_behind_does_not_gather() -> None:
    room = Room()
    room.play(2 * LONGEST_STAY, waits=False)
    assert room.crew.apart


def test_one_that_is_behind_again_soon_stays_spread_out_longer_each_time() -> None:
    room = Room()
    stays = []
    for _ in range(9):
        room.fall_behind()
        stays.append(0)
        while room.crew.apart:
            stays[-1] += room.play(TIMELINE // 30)
    assert [round(stay / STAY) for stay in stays] == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    room.play(2 * SOON)
    room.fall_behind()
    assert room.play(2 * STAY) <= STAY, "long ago"
