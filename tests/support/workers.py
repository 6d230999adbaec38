"""Workers for rooms without sockets that are not as quick, or not as good, as one in the test's own process."""

import asyncio
from collections.abc import Callable

from serve.broadcast import Worker
from tests.support.house import InlineWorker
from transcode.media import PartItem, Plan, RoomItem
from transcode.wire import Covering, Fault

Received = Callable[[PartItem], None]
Told = Callable[[Covering | Fault], None]
Kind = Callable[[Plan, Received, Callable[[str], None], Told], Worker]


class Staff:
    """Hires workers of a kind, and remembers them: it is the Workers of a House."""

    def __init__(self, kind: Kind = InlineWorker) -> None:
        self.kind = kind
        self.hired: list[Worker] = []
        self.plans: list[Plan] = []

    def __call__(self, plan: Plan, received: Received, noted: Callable[[str], None], told: Told) -> Worker:
        worker = self.kind(plan, received, noted, told)
        self.hired.append(worker)
        self.plans.append(plan)
        return worker


class Listener(InlineWorker):
    """Remembers what it was told."""

    def __init__(self, plan: Plan, received: Received, noted: Callable[[str], None], told: Told) -> None:
        super().__init__(plan, received, noted, told)
        self.fed: list[RoomItem] = []

    def feed(self, item: RoomItem) -> None:
        self.fed.append(item)
        super().feed(item)


class SlowWorker(InlineWorker):
    """Keeps what it makes to itself until ``hand_out``; ``finish`` waits for the last of it, as the real one does."""

    def __init__(self, plan: Plan, received: Received, noted: Callable[[str], None], told: Told) -> None:
        self._taker = received
        self._kept: list[PartItem] = []
        self._done = asyncio.Event()
        super().__init__(plan, self._keep, noted, told)

    def _keep(self, item: PartItem) -> None:
        self._kept.append(item)

    def hand_out(self) -> int:
        """Give away what is made so far, whoever still wants it; return how much that was."""
        kept, self._kept = self._kept, []
        for item in kept:
            self._taker(item)
        return len(kept)

    def be_done(self) -> None:
        """Hand out the rest, and say so."""
        self.hand_out()
        self._done.set()

    async def finish(self) -> None:
        await self._done.wait()
        await super().finish()

    async def close(self) -> None:
        self._done.set()
        await super().close()


class Refuser(InlineWorker):
    """Raises on everything it is asked to do, from the moment ``refuses`` is set."""

    refuses = True

    def feed(self, item: RoomItem) -> None:
        if self.refuses:
            raise RuntimeError("the worker will not be fed")
        super().feed(item)

    async def finish(self) -> None:
        await super().finish()
        if self.refuses:
            raise RuntimeError("the worker will not finish")
