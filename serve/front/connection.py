"""One connection of a viewer: requests are taken from it one after the other, and answered in that order.

What is below ``/hls/`` is answered here, in one write and without a task, as there are thousands of such requests a
second. Every other request is lent to aiohttp (``lent.py``), with the body whose length it tells; one that has
``Transfer-Encoding``, ``Upgrade`` or ``Expect`` gets the connection for good, which closes with its answer.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from serve.answer import Answer, DateLine, problem_answer
from serve.front.framing import Head, HeadReader, Malformed, TooLong
from serve.front.lent import OneRequest
from serve.front.waiting import Place, Waiting
from serve.hls import BELOW, Hls, Request
from serve.problems import Problem

_MOST_BUFFERED = 64 << 10
"""Bytes that are kept of what is asked next; beyond them the client has to wait."""
_TURN = 32
"""Requests of one connection that are answered in one turn of the loop."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long (seconds) a connection is borne with: that asks nothing, whose request's head, or more of its body,
    does not come, or that takes nothing of its answer. The system buffers megabytes where lines are fast: what it
    takes of them at a time may be all that is seen of somebody who reads slowly."""

    idle: float = 75.0
    head: float = 10.0
    body: float = 30.0
    stuck: float = 60.0


@dataclass(slots=True)
class Means:
    """What a server's connections share. ``now`` is the loop's time, of late; ``closing``: the server goes down."""

    hls: Hls
    waiting: Waiting
    lend: Callable[[Callable[[], bool], Callable[[], None]], OneRequest]
    limits: Limits
    now: float
    closing: bool = False
    date: DateLine = field(default_factory=DateLine)
    heads: HeadReader = field(default_factory=HeadReader)
    connections: "set[Connection]" = field(default_factory=set)
    left: Callable[[], None] = lambda: None
    """Called when a connection has ended."""


class Connection(asyncio.Protocol):
    """The protocol. At any time it waits for a request, holds one (``_place``), or has lent itself for one (``_loan``).

    A slow reader is asked nothing new before it has taken what it got: memory is bounded by one answer, and that is
    shared by all who get it.
    """

    __slots__ = (
        "_address",
        "_body",
        "_buffer",
        "_last",
        "_loan",
        "_means",
        "_paused",
        "_place",
        "_since",
        "_stopped",
        "_transport",
        "_unsent",
        "_with_body",
    )
    _transport: asyncio.Transport

    def __init__(self, means: Means) -> None:
        self._means = means
        self._address: str | None = None
        self._buffer = b""
        self._body: int | None = 0  # bytes of the present request's body that have not come; None: nobody knows
        self._last = False
        self._with_body = True  # not so for HEAD
        self._place: Place | None = None
        self._loan: OneRequest | None = None
        self._paused = False  # writing
        self._stopped = False  # reading
        self._since = 0.0  # when it last got on
        self._unsent = 0

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._means.connections.add(self)
        self._since = self._means.now
        if self._means.closing:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self._means.connections.discard(self)
        if self._place is not None:
            self._means.waiting.leave(self._place)
            self._place = None
        if self._loan is not None:
            loan, self._loan = self._loan, None
            loan.connection_lost(exc)
        self._buffer = b""
        self._means.left()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._loan is not None:
            data = self._lend_on(self._loan, data)
            if not data:
                return
        if not self._buffer:
            self._since = self._means.now
        self._buffer = self._buffer + data if self._buffer else data
        self._go_on()

    def pause_writing(self) -> None:
        """The client does not read as fast as it asks."""
        self._paused = True
        self._since, self._unsent = self._means.now, -1
        if self._loan is not None:
            self._loan.pause_writing()

    def resume_writing(self) -> None:
        """It has read nearly everything."""
        self._paused = False
        self._since = self._means.now
        if self._loan is not None:
            self._loan.resume_writing()
        else:  # not at once: a transport may call this within a write
            asyncio.get_running_loop().call_soon(self._go_on)

    # What the front calls.

    def finish(self) -> None:
        """The server goes down: what is asked is answered, nothing else is."""
        self._last = True
        if self._place is None and self._loan is None:
            self._close()

    def abort(self) -> None:
        """End it at once."""
        self._transport.abort()

    def look(self, now: float) -> None:
        """End it if it has not got on for too long."""
        limits, quiet = self._means.limits, now - self._since
        if self._transport.is_closing() or (self._paused and self._loan is None):
            unsent = self._transport.get_write_buffer_size()
            if unsent != self._unsent:
                self._unsent, self._since = unsent, now
            elif quiet > limits.stuck:
                self._transport.abort()
        elif self._place is not None:
            pass  # the time of what is held is kept elsewhere
        elif self._body:
            if quiet > limits.body:
                self._transport.abort()
        elif self._loan is None and quiet > (limits.head if self._buffer else limits.idle):
            self._close()

    # One request after the other.

    def _go_on(self) -> None:
        """Answer what has come, as long as nothing is under way."""
        for _ in range(_TURN):
            if self._place or self._loan or self._paused or not self._buffer or self._transport.is_closing():
                break
            if not self._take():
                break
        else:
            asyncio.get_running_loop().call_soon(self._go_on)
        full = len(self._buffer) > _MOST_BUFFERED
        if full is not self._stopped and (full or self._loan is None) and not self._transport.is_closing():
            self._stopped = full
            self._transport.pause_reading() if full else self._transport.resume_reading()

    def _take(self) -> bool:
        """Take the next request, or more of an unwanted body; whether there was one."""
        if self._body:
            thrown = min(self._body, len(self._buffer))
            self._body -= thrown
            self._buffer = self._buffer[thrown:]
            self._since = self._means.now
            return True
        try:
            head = self._means.heads.read(self._buffer)
        except Malformed as error:
            self._refuse(Problem(400, "Bad request", f"this is no HTTP request: {error}"))
            return False
        except TooLong:
            self._refuse(Problem(431, "Too large", "the head of the request is too long"))
            return False
        if head is None:
            return False
        self._last = head.last or self._means.closing
        self._since = self._means.now
        if head.path.startswith(BELOW) and not head.fields.chunked:
            self._buffer = self._buffer[head.size :]
            self._body = head.fields.length
            self._ask(head)
        else:
            self._lend(head)
        return True

    def _ask(self, head: Head) -> None:
        if self._address is None:
            peer = self._transport.get_extra_info("peername")
            self._address = str(peer[0] if isinstance(peer, tuple) else peer or "")
        self._with_body = head.method != "HEAD"
        client = self._address, head.fields.agent
        outcome = self._means.hls.ask(Request(head.method, head.path, head.query, head.fields.gzip, client))
        if isinstance(outcome, Answer):
            self._send(outcome)
        else:
            self._place = self._means.waiting.hold(outcome, self._answered)

    def _answered(self, answer: Answer) -> None:
        self._place = None
        self._send(answer)
        if self._buffer:
            self._go_on()

    def _refuse(self, problem: Problem) -> None:
        self._last = self._with_body = True
        self._buffer = b""
        self._send(problem_answer(problem))

    def _send(self, answer: Answer) -> None:
        self._since = self._means.now
        if self._transport.is_closing():
            return
        head = answer.head(self._means.date.now(), self._last)
        if self._with_body and answer.body:
            self._transport.writelines((head, answer.body))
        else:
            self._transport.write(head)
        if self._last:
            self._close()

    def _close(self) -> None:
        """Close it when all is sent that is to be."""
        self._since, self._unsent = self._means.now, -1
        self._transport.close()

    # What is lent.

    def _lend(self, head: Head) -> None:
        size, fields = head.size, head.fields
        self._last = self._last or fields.foreign
        self._body = None if fields.foreign else fields.length
        asked, self._buffer = self._buffer[:size], self._buffer[size:]
        self._loan = loan = self._means.lend(lambda: self._last, self._returned)
        loan.connection_made(self._transport)
        loan.data_received(asked)
        if self._buffer:
            self._buffer = self._lend_on(loan, self._buffer)

    def _lend_on(self, loan: OneRequest, data: bytes) -> bytes:
        """Give aiohttp what is of its request; return the rest."""
        if self._body is None:
            loan.data_received(data)
            return b""
        if self._body:
            theirs, data = data[: self._body], data[self._body :]
            self._body -= len(theirs)
            self._since = self._means.now
            loan.data_received(theirs)
        return data

    def _returned(self) -> None:
        """The connection is back."""
        if self._loan is None:
            return  # it has ended meanwhile
        self._loan = None
        self._since = self._means.now
        self._transport.resume_reading()
        self._stopped = False
        if self._last:
            self._close()
        else:
            self._go_on()
