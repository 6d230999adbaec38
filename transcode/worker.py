"""The worker process of a room: ``python -m transcode.worker FD``, FD being a socket to the gate.

It takes the room's packets, gives parts, and acknowledges what it has taken. It ends when it is told to, when the gate
is gone, and at the first mistake: the gate starts another, which goes on where this one stopped.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice

import av

from filters import FilterError, Stream
from filters.chain import Chain
from filters.registry import make
from filters.spec import parse
from transcode.child import Gone, Link, begin, fail, resident
from transcode.guard import Guard
from transcode.lane import Crew
from transcode.media import TIMELINE, End, PartItem, Plan, RoomItem, TimedPacket
from transcode.pace import Pace
from transcode.pipeline import Pipeline
from transcode.stand_in import stand_ins
from transcode.verdicts import Cause, Cleared, Cover, Found, Hole, Orphan, Require, Unveil, Veil
from transcode.wire import (
    VERSION,
    Ack,
    Covering,
    Done,
    Entry,
    Fault,
    Hello,
    Message,
    Ping,
    PlainFilters,
    Pong,
    Setup,
    Shed,
    StandIn,
)

_POLITE = 3  # a worker that takes all of a processor leaves the gate and the origin room
_PROMPT = 0.5  # seconds that the stream waits for filters
_ACK = 8  # entries: with work waiting it is not told each time that there is room for more


class Loading:
    """Plain filters that are loaded and opened, in a thread: ``done`` when there is a ``chain``, or a ``fault``."""

    def __init__(self, specs: Sequence[str], stream: Stream) -> None:
        self.done = threading.Event()
        self.chain: Chain | None = None
        self.fault = ""
        self._specs = specs
        self._stream = stream
        threading.Thread(target=self._load, name="filters", daemon=True).start()

    def _load(self) -> None:
        try:
            filters = [(spec.title, make(spec)) for spec in map(parse, self._specs)]
            chain = Chain(filters) if filters else None
            if chain is not None:
                chain.open(self._stream)
            self.chain = chain
        except FilterError as error:
            self.fault = str(error)
        except BaseException as error:
            fail(error)
        self.done.set()


class Work:
    """A room's work: what the gate says, and what the next worker's viewers need when there is time.

    Media is worked on in order. What is said about it is heard first, however much media still waits: nothing of it
    goes out against what the gate has said meanwhile.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._crew = Crew(fail)
        self._pace = Pace(self._crew)
        self._waiting: deque[Entry] = deque()
        self._guard: Guard | None = None
        self._pipeline: Pipeline | None = None
        self._plan: Plan | None = None
        self._loading: Loading | None = None
        self._slate: av.VideoFrame | None = None  # what the stand-ins show
        self._stand_ins: Iterator[StandIn] = iter(())

    def run(self) -> None:
        """Do it until the gate says that it is done."""
        self._link.send(Hello(VERSION))
        over = False
        while not over:
            self._listen()
            entry = self._waiting.popleft()
            over = self._feed(entry.item)
            if not self._waiting or not entry.offset % _ACK:
                self._link.send(Ack(entry.offset))
        self._link.part(Done())

    def _listen(self) -> None:
        """Hear what there is to hear; if there is nothing to work on, wait for it."""
        for message in self._link.heard():
            self._hear(message)
        self._engage()
        while not self._waiting:
            self._pace.waits()
            self._leave_behind()
            for message in self._link.receive():
                self._hear(message)

    def _hear(self, message: Message) -> None:
        match message:
            case Setup():
                self._set_up(message)
            case Entry():
                self._waiting.append(message)
            case Ping():
                self._link.send(self._pong())
            case Shed(level=level):
                assert self._pipeline is not None
                self._pipeline.shed(level)
            case PlainFilters(specs=specs):
                self._use(specs)
            case Require() | Found() | Veil() | Unveil() | Orphan() | Cleared() | Hole() | Cover():
                assert self._guard is not None
                self._guard.ledger.take(message)

    def _set_up(self, setup: Setup) -> None:
        plan = self._plan = setup.plan
        rate = plan.frame_rate
        frame = rate.denominator * TIMELINE // rate.numerator if plan.encoded else 0
        self._stand_ins = stand_ins(plan, None)
        self._guard = Guard(self._covers, lambda text: self._link.send(Fault(text)), frame)
        self._pipeline = Pipeline(plan, self._make, self._crew.lane, setup.aired, self._guard)

    def _make(self, items: Sequence[PartItem]) -> None:
        self._link.send(*items)

    def _covers(self, cause: Cause | None) -> None:
        self._link.send(Covering(cause or ""))

    def _use(self, specs: tuple[str, ...]) -> None:
        """Load the room's plain filters anew. Until that is done nothing passes, and the stream goes on."""
        assert self._guard is not None
        assert self._plan is not None
        self._guard.wait()
        self._loading = Loading(specs, stream_of(self._plan))
        self._loading.done.wait(_PROMPT)  # rather than cover the room for a blink
        self._engage()

    def _engage(self) -> None:
        """Let filters act that have been got ready meanwhile."""
        if self._loading is not None and self._loading.done.is_set():
            assert self._guard is not None
            self._guard.use(self._loading.chain, fault=self._loading.fault)
            self._loading = None

    def _pong(self) -> Pong:
        if self._pipeline is None or self._guard is None:
            return Pong(resident(), time.process_time())
        covered = {str(cause): ticks for cause, ticks in self._guard.covered.items()}
        return Pong(resident(), time.process_time(), self._pipeline.dropped, self._pipeline.repeated, covered)

    def _feed(self, item: RoomItem) -> bool:
        assert self._pipeline is not None
        self._pipeline.feed(item)
        if isinstance(item, TimedPacket):
            self._pace.took(item.dts)
        if isinstance(item, End):
            self._pipeline.close()
        return isinstance(item, End)

    def _leave_behind(self) -> None:
        """Give the gate the next rendition's stand-in, if it has not got what is shown now."""
        if self._pipeline is None or self._plan is None:
            return
        if self._pipeline.slate is not self._slate:
            self._slate = self._pipeline.slate
            self._stand_ins = stand_ins(self._plan, self._slate)
        for stand_in in islice(self._stand_ins, 1):
            self._link.send(stand_in)


def stream_of(plan: Plan, cores: float = 1.0, live: bool = True) -> Stream:
    """Return what filters are told of a broadcast; ``cores``: processors that its detectors may take; not ``live``: it
    is a file's, which waits for them."""
    best = plan.encoded[0] if plan.encoded else None
    rate = float(plan.frame_rate) if best else 0.0
    channels = plan.sound.channels if plan.sound is not None and plan.sound.transcoded else 0
    return Stream(best.width if best else 0, best.height if best else 0, rate, channels, cores, live)


def main() -> None:
    """Run the worker on the socket whose descriptor is the first argument."""
    os.nice(_POLITE)
    link = begin("worker")
    try:
        Work(link).run()
    except (Gone, ConnectionError):
        os._exit(0)
    except Exception as error:
        fail(error)


if __name__ == "__main__":
    main()
