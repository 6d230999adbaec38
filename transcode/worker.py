"""The worker process of a room: ``python -m transcode.worker FD``, FD being a socket to the gate.

It takes the room's packets, gives parts, and acknowledges what it has taken. It ends when it is told to, when the gate
is gone, and at the first mistake: the gate starts another, which goes on where this one stopped.
"""

import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import av

from transcode.lane import Crew
from transcode.media import End, Plan, RoomItem, TimedPacket
from transcode.pace import Pace
from transcode.pipeline import Pipeline
from transcode.stand_in import stand_ins
from transcode.wire import VERSION, Ack, Done, Entry, Hello, Message, Ping, Pong, Setup, Shed, StandIn, Unpacker, pack

_READ = 64 << 10  # some tenths of a second of work at most: it is not taken for dead meanwhile
_POLITE = 3  # a worker that takes all of a processor leaves the gate and the origin room
_FAILED = 70  # EX_SOFTWARE


class _Gone(Exception):
    """The gate has closed the socket."""


class Link:
    """The worker's end of the socket. Messages may be sent from any thread."""

    def __init__(self, connection: socket.socket) -> None:
        self.waited = False
        """Whether the last messages had to be waited for."""
        self._socket = connection
        self._unpacker = Unpacker()
        self._sending = threading.Lock()

    def send(self, message: Message) -> None:
        """Send a message whole."""
        data = pack(message)
        with self._sending:
            self._socket.sendall(data)

    def receive(self) -> list[Message]:
        """Return the next messages; waits for one. Raises _Gone."""
        self.waited = False
        while True:
            data = self._read()
            if not data:
                raise _Gone
            if messages := list(self._unpacker.receive(data)):
                return messages

    def _read(self) -> bytes:
        try:
            return self._socket.recv(_READ, socket.MSG_DONTWAIT)
        except BlockingIOError:
            self.waited = True
            return self._socket.recv(_READ)


class Work:
    """A room's work: what the gate says, in order, and what the next worker's viewers need when there is time."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._crew = Crew(_fail)
        self._pace = Pace(self._crew)
        self._pipeline: Pipeline | None = None
        self._plan: Plan | None = None
        self._slate: av.VideoFrame | None = None  # what the stand-ins show
        self._stand_ins: Iterator[StandIn] = iter(())

    def run(self) -> None:
        """Do it until the gate says that it is done."""
        self._link.send(Hello(VERSION))
        done = False
        while not done:
            messages = self._link.receive()
            if self._link.waited:
                self._pace.waits()
                self._leave_behind()
            done = self._take(messages)
        self._link.send(Done())

    def _take(self, messages: Iterable[Message]) -> bool:
        """Work on messages; tell whether the broadcast is over."""
        taken, over = -1, False
        for message in messages:
            match message:
                case Setup(plan=plan, aired=aired):
                    self._plan, self._stand_ins = plan, stand_ins(plan, None)
                    self._pipeline = Pipeline(plan, self._link.send, self._crew.lane, aired)
                case Entry(offset=offset, item=item):
                    taken = offset
                    over = self._feed(item)
                case Shed(level=level):
                    assert self._pipeline is not None
                    self._pipeline.shed(level)
                case Ping():
                    counts = (self._pipeline.dropped, self._pipeline.repeated) if self._pipeline else (0, 0)
                    self._link.send(Pong(_resident(), time.process_time(), *counts))
        if taken >= 0:
            self._link.send(Ack(taken))
        return over

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


def _fail(error: BaseException) -> None:
    """Half a room is no room: end the process from whatever thread this is."""
    if not isinstance(error, OSError):  # which is how a lane learns that the gate is gone
        traceback.print_exception(error)
    os._exit(_FAILED)


def _resident() -> int:
    """Return the bytes of memory that are in use."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Run the worker on the socket whose descriptor is the first argument."""
    # What is in memory has not been moderated yet: it must not end in a file.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the gate decides when a worker ends
    os.nice(_POLITE)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s worker: %(message)s")
    link = Link(socket.socket(fileno=int(sys.argv[1])))
    try:
        Work(link).run()
    except (_Gone, ConnectionError):
        os._exit(0)
    except Exception as error:
        _fail(error)


if __name__ == "__main__":
    main()
