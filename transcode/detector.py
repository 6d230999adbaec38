"""The detector process of a room: ``python -m transcode.detector FD``, FD being a socket to the gate.

It takes the host's packets as they come, has the room's detectors look at them, and tells the gate what they say. It
ends when it is told to, when the gate is gone, and at the first mistake: until another has looked nothing goes out.
"""

import os
import threading
import time
from collections import Counter, deque

from filters import Detector, FilterError
from filters.registry import make
from filters.spec import Spec, parse
from transcode.child import Gone, Link, begin, fail, resident
from transcode.lane import Thread
from transcode.lookout import Lookout, Watcher
from transcode.wire import VERSION, Ack, Entry, Fault, Hello, Look, Message, Ping, Pong, Takes
from transcode.worker import stream_of

_POLITE = 3  # gate and origin come first
_FAILED = 70
STUCK = 8.0
"""A detector that has not come back for so long (seconds) hangs."""
WARMING = 60.0
"""It has so long for getting ready."""
_QUEUE = 4  # pictures and blocks of sound that wait for a detector; pictures are large


class Acks:
    """Tells the gate which entries are done with. They are done in any order, and told in theirs."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._given: deque[int] = deque()
        self._done: Counter[int] = Counter()  # one may be given again, after a sleep

    def given(self, offset: int) -> None:
        """The entry ``offset`` is being worked on."""
        with self._lock:
            self._given.append(offset)

    def done(self, offset: int) -> None:
        """It is done with."""
        with self._lock:
            self._done[offset] += 1
            last = None
            while self._given and self._done[self._given[0]]:
                last = self._given.popleft()
                self._done[last] -= 1
                if not self._done[last]:
                    del self._done[last]
            if last is not None:
                self._link.send(Ack(last))


class Watch:
    """Sees which detector does not come back."""

    def __init__(self) -> None:
        self.watchers: list[Watcher] = []
        self.making: str | None = None
        """The title of the detector that is being made, which may import a lot."""
        self._calls: dict[int, tuple[object, float]] = {}
        self._opened = False

    def opened(self) -> None:
        """All of them are ready."""
        self._opened = True

    def stuck(self, now: float) -> str | None:
        """Return the title of one that hangs at ``now`` (seconds); to be asked every now and then."""
        patience = STUCK if self._opened else WARMING
        calls = [(watcher.busy, watcher.title) for watcher in self.watchers]
        for number, (call, title) in enumerate([(self.making, self.making or ""), *calls]):
            known, since = self._calls.get(number, (None, now))
            if call is None or call is not known:
                self._calls[number] = call, now
            elif now - since > patience:
                return title
        return None


class Post:
    """A room's lookout, and its link to the gate."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._acks = Acks(link)
        self._watch = Watch()
        self._lookout: Lookout | None = None

    def run(self) -> None:
        """Keep watch until the gate is gone. Raises Gone."""
        self._link.send(Hello(VERSION))
        while True:
            for message in self._link.receive():
                self._take(message)

    def _take(self, message: Message) -> None:
        match message:
            case Look():  # meanwhile the gate wants to hear that the process lives
                threading.Thread(target=self._prepare, args=(message,), name="set-up", daemon=True).start()
            case Entry(offset=offset, item=item):
                assert self._lookout is not None
                self._acks.given(offset)
                self._lookout.feed(item, lambda: self._acks.done(offset))
            case Ping():
                if (title := self._watch.stuck(time.monotonic())) is not None:
                    _give_up(self._link, FilterError(f"filter {title}: does not come back"))
                self._link.send(Pong(resident(), time.process_time()))

    def _prepare(self, look: Look) -> None:
        try:
            self._set_up(look)
        except BaseException as error:
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        _give_up(self._link, error)

    def _set_up(self, look: Look) -> None:
        watchers = [self._watcher(number, spec) for number, spec in enumerate(map(parse, look.specs))]
        self._watch.making = None
        self._watch.watchers = watchers
        opening = threading.Semaphore(0)
        for watcher in watchers:
            watcher.open(stream_of(look.plan, look.cores), opening.release)
        # What waits for the decoders is limited by what the gate lets be on its way.
        self._lookout = Lookout(look.plan, watchers, lambda name: Thread(name, self._failed, 0))
        takes = tuple(tuple(sorted(watcher.takes)) for watcher in watchers)
        self._link.send(Takes(takes, max((watcher.context for watcher in watchers), default=0)))
        for _ in watchers:
            opening.acquire()
        self._watch.opened()

    def _watcher(self, number: int, spec: Spec) -> Watcher:
        self._watch.making = spec.title
        detector = make(spec)
        if not isinstance(detector, Detector):
            raise FilterError(f"filter {spec.title}: is no detector any more: give it to the room again")
        if not detector.takes:
            raise FilterError(f"filter {spec.title}: overrides neither picture nor sound")
        return Watcher(number, spec.title, detector, Thread(spec.title, self._failed, _QUEUE), self._link.send)


def _give_up(link: Link, error: BaseException) -> None:
    """End the process; if a filter is to blame, say so first."""
    if isinstance(error, FilterError):
        link.part(Fault(str(error)))
        os._exit(_FAILED)
    fail(error)


def main() -> None:
    """Run the detectors on the socket whose descriptor is the first argument."""
    os.nice(_POLITE)
    link = begin("detector")
    try:
        Post(link).run()
    except (Gone, ConnectionError):
        os._exit(0)
    except Exception as error:
        _give_up(link, error)


if __name__ == "__main__":
    main()
