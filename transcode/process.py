"""Has a worker process make a broadcast's parts: feeds it, and sees to it that viewers notice nothing of its death.

The parent's side, in the server's event loop; it decodes nothing and waits for nobody. What the worker cannot take yet
stays in the packet log. The process itself is the supervisor's affair.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from transcode.cover import Understudy
from transcode.ledger import Ledger
from transcode.load import Shedding, announcement
from transcode.log import PacketLog
from transcode.media import (
    AUDIO,
    TIMELINE,
    Cut,
    Delay,
    End,
    Init,
    Part,
    PartItem,
    Plan,
    RoomItem,
    SegmentEnd,
    SegmentStart,
    TimedPacket,
)
from transcode.progress import Progress
from transcode.supervisor import Limits, Supervisor, Unfit, python
from transcode.verdicts import LedgerEntry
from transcode.wire import (
    VERSION,
    Ack,
    Covering,
    Done,
    Entry,
    Fault,
    Message,
    PlainFilters,
    Pong,
    Setup,
    Shed,
    StandIn,
)

LIMITS = Limits()
COMMAND = python("transcode.worker")
_SAMPLE = 1.0  # seconds
_SPARE = 3 * TIMELINE  # by which stamps may be out of order
_FRUITLESS = 2  # workers in a row that got nowhere: it is what they are given


@dataclass(frozen=True, slots=True)
class Stats:
    """A broadcast's worker now (``pid``, resident memory ``rss`` in bytes), and sums over all that it has had.

    ``dropped_packets`` never reached one (see PacketLog); ``dropped_frames`` and ``repeated_frames`` are what it took
    to keep the frame rate constant. ``shed`` says what the room goes without as the machine cannot carry it.
    ``processors``: CPU seconds that it takes in a second, None in its first ones. ``covered``: ticks for which viewers
    got slate and silence though there was a host, by cause (``verdicts.Cause``).
    """

    pid: int | None
    rss: int
    restarts: int
    dropped_packets: int
    dropped_frames: int
    repeated_frames: int
    shed: str = ""
    processors: float | None = None
    covered: Mapping[str, int] = field(default_factory=dict)


class Transcoder:
    """Has a worker make the parts of ``plan``.

    ``received`` takes each part item once, in order, whichever worker made it; ``noted`` takes a line for the operator
    when a worker is replaced; ``told`` hears when slate and silence go out instead of the host's media, and when plain
    filters fail. ``command`` starts a worker.
    """

    def __init__(
        self,
        plan: Plan,
        received: Callable[[PartItem], None],
        noted: Callable[[str], None],
        told: Callable[[Covering | Fault], None] = lambda _: None,
        limits: Limits = LIMITS,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._plan = plan
        self._received = received
        self._noted = noted
        self._told = told
        self._limits = limits
        self._child = Supervisor("worker", command, self, noted, limits)
        self._packets = PacketLog()
        self._progress = Progress(_renditions(plan))
        self._understudy = Understudy(plan, _renditions(plan))
        self._ledger = Ledger()  # what another worker has to know
        self._filters = PlainFilters(())
        self._shift = 0  # how long what is fed was held before (ticks)
        self._last_part = 0.0  # when a worker gave it
        self._shedding = Shedding(len(plan.encoded))
        self._sampled = 0.0  # when it was told how far the worker is behind
        self._pong = Pong(0, 0, 0, 0)
        self._given = False  # whether this worker has been sent a packet
        self._fruitful = False  # whether it has made anything of it
        self._fruitless = 0  # how many before it did not
        self._ended = False
        self._dropped_frames = 0  # by workers that are gone
        self._repeated_frames = 0
        self._covered: Counter[str] = Counter()

    @property
    def stats(self) -> Stats:
        """How it stands."""
        return Stats(
            pid=self._child.pid,
            rss=self._child.rss,
            restarts=self._child.restarts,
            dropped_packets=self._packets.dropped,
            dropped_frames=self._dropped_frames + self._pong.dropped,
            repeated_frames=self._repeated_frames + self._pong.repeated,
            shed=announcement(self._shedding.level, self._plan.encoded) if self._shedding.level else "",
            processors=self._child.processors,
            covered=dict(self._covered + Counter(self._pong.covered)),
        )

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._child.start()

    def feed(self, item: RoomItem) -> None:
        """Take the next item of the room link. Never blocks: what the worker cannot take yet is logged."""
        self._ended = self._ended or isinstance(item, End)
        if isinstance(item, Delay):
            self._shift = max(self._shift, item.shift)
        self._packets.append(item)
        if isinstance(item, Cut):
            self._forget()
        self._understudy.follow(item)
        self._pump()
        if self._child.listening:
            self._watch_load()
        else:
            self._stand_in()

    def rule(self, entry: LedgerEntry) -> None:
        """Take what is said of the media; the worker hears it before all media that it has not worked on yet."""
        self._ledger.take(entry)
        self._child.say(entry)

    def use(self, specs: Sequence[str]) -> None:
        """Let these plain filters act from now on, in this order, loaded anew."""
        self._filters = PlainFilters(tuple(specs))
        self._child.say(self._filters)

    async def finish(self) -> None:
        """Wait until all is made of a broadcast whose End was fed, but no longer than ``limits.finish``; then close."""
        await self._child.finish()

    async def close(self) -> None:
        """End the worker at once; nothing of it is left when this returns."""
        await self._child.close()

    # The worker's role.

    def greeted(self) -> None:
        """Have the worker go on where viewers are."""
        for item in self._understudy.hand_over():
            self._part(item)
        self._packets.rewind()
        self._forget()
        self._given = self._fruitful = False
        self._child.say(Setup(VERSION, self._plan, self._progress.aired))
        for entry in self._ledger.entries():
            self._child.say(entry)
        if self._filters.specs:
            self._child.say(self._filters)
        if self._shedding.level:
            self._child.say(Shed(self._shedding.level))
        self._pump()

    def took(self, message: Message) -> bool:
        """Take what the worker says."""
        match message:
            case Ack(offset=offset):
                self._packets.acknowledge(offset)
                self._pump()
            case Pong():
                self._pong = message
            case Done():
                if not self._ended:
                    raise Unfit("has stopped before the end")
                return True
            case StandIn():
                self._understudy.learn(message)
            case Covering() | Fault():
                self._told(message)
            case Init() | SegmentStart() | Part() | SegmentEnd():
                self._fruitful |= not isinstance(message, Init)
                self._last_part = asyncio.get_running_loop().time()
                self._part(message)
            case _:
                raise Unfit(f"sends {type(message).__name__}, which is the gate's to send")
        return False

    def gone(self) -> None:
        """Be ready for another worker."""
        self._dropped_frames += self._pong.dropped
        self._repeated_frames += self._pong.repeated
        self._covered.update(self._pong.covered)
        self._pong = Pong(0, 0, 0, 0)
        self._packets.rewind()
        self._told(Covering(""))

    def remark(self) -> str:
        """Give up what no worker lives through."""
        self._fruitless = self._fruitless + 1 if self._given and not self._fruitful else 0
        if self._fruitless < _FRUITLESS:
            return ""
        self._packets.forget_packets()
        self._fruitless = 0
        return ", without what this one was given"

    def _part(self, item: PartItem) -> None:
        if self._progress.take(item):
            if (position := self._progress.position) is not None:
                self._packets.aired(position)
            self._received(item)

    def _forget(self) -> None:
        """Forget what was said about media that no worker will be given any more."""
        if (oldest := self._packets.oldest) is not None:
            self._ledger.forget(oldest - self._shift - _SPARE)

    def _stand_in(self) -> None:
        """Let viewers have the slate if they have waited long enough."""
        waited = asyncio.get_running_loop().time() - self._last_part
        if self._understudy.on or waited >= self._limits.pause:
            for item in self._understudy.go_on(self._progress.aired):
                self._part(item)

    def _watch_load(self) -> None:
        """Have the worker do less while it cannot keep up."""
        now = asyncio.get_running_loop().time()
        if self._ended or not self._plan.encoded or now - self._sampled < _SAMPLE:
            return
        # The lowest rung is never a gap, which would be ahead of the rest, and it is as late as the one above it.
        made = self._progress.reached(self._plan.encoded[-1].name)
        if made is None:
            return
        self._sampled = now
        if self._shedding.sample(round(now * TIMELINE), self._understudy.now - made):
            level = self._shedding.level
            self._noted(f"Load: {announcement(level, self._plan.encoded)}.")
            self._child.say(Shed(level))

    def _pump(self) -> None:
        """Send what there is credit for."""
        while self._child.listening and (logged := self._packets.take()) is not None:
            self._given |= isinstance(logged.item, TimedPacket)
            self._child.say(Entry(logged.offset, logged.item))


def _renditions(plan: Plan) -> list[str]:
    """Return the renditions that a worker makes."""
    sound = [AUDIO] if plan.sound is not None and plan.sound.transcoded else []
    return [rung.name for rung in plan.encoded] + sound
