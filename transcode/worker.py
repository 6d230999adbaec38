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
import traceback
from pathlib import Path

from transcode.lane import Crew
from transcode.media import End, PartItem, TimedPacket
from transcode.pace import Pace
from transcode.pipeline import Pipeline
from transcode.wire import VERSION, Ack, Done, Entry, Hello, Message, Ping, Pong, Setup, Unpacker, pack

_READ = 256 << 10
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


def work(link: Link) -> None:
    """Do a room's work until the gate says that it is done."""
    link.send(Hello(VERSION))
    pipeline: Pipeline | None = None
    crew = Crew(_fail)
    pace = Pace(crew)
    while True:
        taken = -1
        messages = link.receive()
        if link.waited:
            pace.waits()
        for message in messages:
            match message:
                case Setup(plan=plan, aired=aired):
                    pipeline = Pipeline(plan, lambda item: _part(link, item), crew.lane, aired)
                case Entry(offset=offset, item=item):
                    assert pipeline is not None
                    pipeline.feed(item)
                    if isinstance(item, TimedPacket):
                        pace.took(item.dts)
                    taken = offset
                    if isinstance(item, End):
                        pipeline.close()
                        link.send(Ack(taken))
                        link.send(Done())
                        return
                case Ping():
                    dropped, repeated = (pipeline.dropped, pipeline.repeated) if pipeline else (0, 0)
                    link.send(Pong(_resident(), dropped, repeated))
        if taken >= 0:
            link.send(Ack(taken))


def _part(link: Link, item: PartItem) -> None:
    link.send(item)


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
        work(link)
    except (_Gone, ConnectionError):
        os._exit(0)
    except Exception as error:
        _fail(error)


if __name__ == "__main__":
    main()
