"""Requests that are held: who is woken when, and that nobody else waits for all of them."""

import asyncio
from collections.abc import Generator

import pytest

from serve.answer import Answer
from serve.front.waiting import Waiting
from serve.hls import Held, _Wait
from serve.patience import Patience
from serve.signal import Signal


class Asked:
    """A request that waits for each of ``signals`` to say ``news``, for so many seconds."""

    def __init__(self, *signals: Signal, seconds: float = 60) -> None:
        self.news = False
        self.answers: list[int] = []
        self._steps = self._wait(signals, seconds)
        self.held = Held(next(self._steps), self._steps)

    def _wait(self, signals: tuple[Signal, ...], seconds: float) -> Generator[_Wait, bool, Answer]:
        came = True
        for signal in signals:
            came = (yield _Wait(signal, lambda: self.news, seconds)) and came
        return Answer(200 if came else 503, {})

    def answered(self, answer: Answer) -> None:
        self.answers.append(answer.status)


@pytest.fixture
def patience() -> Patience:
    return Patience()


@pytest.fixture
async def waiting(patience: Patience) -> Waiting:
    return Waiting(asyncio.get_running_loop(), patience)


async def turns(number: int = 3) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_only_those_for_whom_there_is_news_are_answered(waiting: Waiting) -> None:
    signal, other = Signal(), Signal()
    first, second, third = Asked(signal), Asked(signal), Asked(other)
    for each in (first, second, third):
        waiting.hold(each.held, each.answered)
    first.news = third.news = True
    signal.fire()
    assert first.answers == [], "not within the call that tells the news"
    await turns()
    assert (first.answers, second.answers, third.answers) == ([200], [], [])
    second.news = True
    other.fire()
    signal.fire()
    signal.fire()
    await turns()
    assert (first.answers, second.answers, third.answers) == ([200], [200], [200])
    assert len(waiting) == 0


async def test_one_may_wait_for_one_thing_after_the_other(waiting: Waiting) -> None:
    first, second = Signal(), Signal()
    asked = Asked(first, second)
    asked.news = True
    waiting.hold(asked.held, asked.answered)
    first.fire()
    await turns()
    assert asked.answers == []
    first.fire()
    await turns()
    assert asked.answers == []
    second.fire()
    await turns()
    assert asked.answers == [200]


async def test_who_leaves_is_not_answered(waiting: Waiting) -> None:
    signal = Signal()
    stays, leaves = Asked(signal), Asked(signal)
    places = [waiting.hold(each.held, each.answered) for each in (leaves, stays)]
    leaves.news = stays.news = True
    signal.fire()
    waiting.leave(places[0])
    await turns()
    assert (leaves.answers, stays.answers) == ([], [200])
    for place in places:
        waiting.leave(place)
    assert not signal._listeners, "nothing is left"


async def test_time_is_up_when_it_is_looked_at(waiting: Waiting) -> None:
    signal = Signal()
    short, long = Asked(signal, seconds=1), Asked(signal, seconds=3)
    for each in (short, long):
        waiting.hold(each.held, each.answered)
    now = asyncio.get_running_loop().time()
    waiting.look(now)
    assert len(waiting) == 2
    waiting.look(now + 2)
    assert (short.answers, long.answers) == ([503], [])
    long.news = True  # of which nobody has told
    waiting.look(now + 4)
    assert long.answers == [200]


async def test_all_give_up_when_patience_is_over(waiting: Waiting, patience: Patience) -> None:
    asked = [Asked(Signal(), Signal()) for _ in range(10)]
    for each in asked:
        waiting.hold(each.held, each.answered)
    patience.end()
    await turns(30)
    assert [each.answers for each in asked] == [[503]] * 10


async def test_the_loop_turns_while_thousands_are_answered_in_order(waiting: Waiting) -> None:
    signal, order = Signal(), []
    for number in range(2000):
        asked = Asked(signal)
        asked.news = True
        waiting.hold(asked.held, lambda _, number=number: order.append(number))  # type: ignore[misc]
    signal.fire()
    seen = []
    while len(order) < 2000:
        await asyncio.sleep(0)
        seen.append(len(order))
    assert len(seen) >= 10
    assert order == list(range(2000))
