"""What the processes that the gate starts have in common: their end of the link, and how they begin and end."""

import contextlib
import logging
import os
import resource
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path

from transcode.wire import Message, Unpacker, pack

_READ = 64 << 10
_PARTING = 2.0  # seconds
_FAILED = 70  # EX_SOFTWARE


class Gone(Exception):
    """The gate has closed the socket."""


class Link:
    """The worker's end of the socket. Messages may be sent from any thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._unpacker = Unpacker()
        self._sending = threading.Lock()

    def send(self, *messages: Message) -> None:
        """Send messages whole, and together."""
        data = b"".join(map(pack, messages))
        with self._sending:
            self._socket.sendall(data)

    def receive(self) -> list[Message]:
        """Return the next messages; waits for one. Raises Gone."""
        while True:
            if messages := self._unpack(self._socket.recv(_READ)):
                return messages

    def heard(self) -> list[Message]:
        """Return the messages that are here already. Raises Gone."""
        messages: list[Message] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                messages += self._unpack(self._socket.recv(_READ, socket.MSG_DONTWAIT))
        return messages

    def part(self, message: Message) -> None:
        """Send the last message, and wait until the gate hangs up: what it has not read is lost where it writes to one
        that is gone."""
        self.send(message)
        self._socket.settimeout(_PARTING)
        with contextlib.suppress(OSError):
            while self._socket.recv(_READ):
                pass

    def _unpack(self, data: bytes) -> list[Message]:
        if not data:
            raise Gone
        return list(self._unpacker.receive(data))


def begin(name: str) -> Link:
    """Set the process up, and return the link whose descriptor is its first argument."""
    # What is in memory has not been moderated yet: it must not end in a file.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the gate decides when a child ends
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format=f"%(levelname)s {name}: %(message)s")
    return Link(socket.socket(fileno=int(sys.argv[1])))


def fail(error: BaseException) -> None:
    """Half a room is no room: end the process from whatever thread this is."""
    if not isinstance(error, OSError):  # which is how a thread learns that the gate is gone
        traceback.print_exception(error)
    os._exit(_FAILED)


def resident() -> int:
    """Return the bytes of memory that are in use."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
