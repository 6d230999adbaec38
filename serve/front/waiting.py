"""Requests that are held until there is news for them: entries in a list, without a task or a timer for each."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from serve.answer import Answer
from serve.hls import Held
from serve.patience import Patience
from serve.signal import Signal

_SLICE = 100
"""Answers in one turn of the loop: when a thousand wait for the same, hosts' packets do not wait for all of those."""


class Place:
    """The place of one request."""

    __slots__ = ("answered", "deadline", "held", "woken")

    def __init__(self, held: Held, answered: Callable[[Answer], None]) -> None:
        self.held: Held | None = held
        self.answered = answered
        self.deadline = 0.0
        self.woken = False


class Waiting:
    """All that are held. One event wakes all who wait for it, in the order in which they came.

    Time limits are kept by whoever calls ``look``. When ``patience`` is over all are told to give up.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, patience: Patience) -> None:
        self._loop = loop
        self._patience = patience
        self._crowds: dict[Signal, _Crowd] = {}
        self._woken: deque[Place] = deque()
        self._scheduled = False
        patience.ended.listen(self._wake_all)

    def __len__(self) -> int:
        return sum(len(crowd.places) for crowd in self._crowds.values())

    def hold(self, held: Held, answered: Callable[[Answer], None]) -> Place:
        """Hold a request; ``answered`` is called once, but not within this call."""
        place = Place(held, answered)
        self._enter(place, held)
        return place

    def leave(self, place: Place) -> None:
        """Nobody wants the answer any more."""
        if place.held is not None:
            self._exit(place, place.held)

    def look(self, now: float) -> None:
        """Tell those to give up whose time is over by ``now`` (the loop's)."""
        late = [each for crowd in self._crowds.values() for each in crowd.places if each.deadline <= now]
        for place in late:
            if place.held is not None:
                self._step(place, place.held, place.held.give_up())

    def _enter(self, place: Place, held: Held) -> None:
        place.held = held
        place.deadline = self._loop.time() + held.seconds
        crowd = self._crowds.get(held.changed)
        if crowd is None:
            crowd = self._crowds[held.changed] = _Crowd(self._wake)
            held.changed.listen(crowd.wake)
        crowd.places[place] = None
        if self._patience.over:
            self._wake((place,))

    def _exit(self, place: Place, held: Held) -> None:
        place.held = None
        crowd = self._crowds[held.changed]
        del crowd.places[place]
        if not crowd.places:
            held.changed.leave(crowd.wake)
            del self._crowds[held.changed]

    def _wake_all(self) -> None:
        for crowd in self._crowds.values():
            crowd.wake()

    def _wake(self, places: Iterable[Place]) -> None:
        for place in places:
            if not place.woken:
                place.woken = True
                self._woken.append(place)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._answer_some)

    def _answer_some(self) -> None:
        for _ in range(min(len(self._woken), _SLICE)):
            place = self._woken.popleft()
            place.woken = False
            if place.held is not None:  # it has not left meanwhile
                outcome = place.held.give_up() if self._patience.over else place.held.look()
                self._step(place, place.held, outcome)
        self._scheduled = bool(self._woken)
        if self._scheduled:
            self._loop.call_soon(self._answer_some)

    def _step(self, place: Place, held: Held, outcome: Answer | Held | None) -> None:
        if outcome is None:
            return
        self._exit(place, held)
        if isinstance(outcome, Held):
            self._enter(place, outcome)
        else:
            place.answered(outcome)


class _Crowd:
    """All who wait for one signal."""

    __slots__ = ("_woken", "places")

    def __init__(self, woken: Callable[[Iterable[Place]], None]) -> None:
        self._woken = woken
        self.places: dict[Place, None] = {}

    def wake(self) -> None:
        self._woken(self.places)
