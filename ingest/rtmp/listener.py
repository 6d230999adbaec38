"""The RTMP listener: sockets, deadlines and limits. The only file of ``ingest`` that does I/O.

Rules: a connection that breaks a rule is closed with one log line; no other is disturbed. What is said to a peer is
flushed before its socket is closed, and a peer that does not read is dropped. Stream keys are never logged.
"""

import asyncio
import contextlib
import logging
import socket
from collections import Counter
from collections.abc import Callable
from typing import cast

from ingest.media import Packet, Track
from ingest.rtmp.errors import PeerError
from ingest.rtmp.session import (
    Event,
    Limits,
    MetadataSet,
    PublishAsked,
    ServerSession,
    State,
    Unpublished,
    Warned,
)
from ingest.source import Admission, PublishRequest, Refused, Sink

_log = logging.getLogger(__name__)

_FLUSH_SECONDS = 1.0


class RtmpListener:
    """Takes RTMP publishers in and hands their media to the sinks that ``admission`` names."""

    def __init__(self, admission: Admission, limits: Limits | None = None) -> None:
        self._admission = admission
        self._limits = limits or Limits()
        self._connections: set[_Connection] = set()
        self._addresses: Counter[str] = Counter()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port listened on."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, host, port, backlog=256)

    async def close(self) -> None:
        """Stop listening, and end all connections in order."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.disconnect("the server is going down")
        if self._connections:
            await asyncio.wait([connection.ended for connection in self._connections], timeout=2 * _FLUSH_SECONDS)

    def _connection(self) -> "_Connection":
        return _Connection(self._admission, self._limits, self._enter, self._leave)

    def _enter(self, connection: "_Connection", host: str) -> bool:
        """Count a connection in; False if there are too many."""
        self._connections.add(connection)
        self._addresses[host] += 1
        within = len(self._connections) <= self._limits.connections
        return within and self._addresses[host] <= self._limits.connections_per_address

    def _leave(self, connection: "_Connection", host: str) -> None:
        self._connections.discard(connection)
        self._addresses[host] -= 1
        if not self._addresses[host]:
            del self._addresses[host]


class _Connection(asyncio.Protocol):
    """One connection, and the source of what is published over it."""

    def __init__(
        self,
        admission: Admission,
        limits: Limits,
        enter: Callable[["_Connection", str], bool],
        leave: Callable[["_Connection", str], None],
    ) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._admission = admission
        self._limits = limits
        self._enter = enter
        self._leave = leave
        self._session = ServerSession(limits)
        self._transport: asyncio.Transport | None = None
        self._host = "?"
        self._address = "?"
        self._sink: Sink | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._heard = 0.0
        self._why = "the peer closed the connection"
        self._closing = False

    @property
    def address(self) -> str:
        """The peer, as ``host:port``."""
        return self._address

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        peer = transport.get_extra_info("peername") or ("?", 0)
        self._host = str(peer[0])
        self._address = f"[{peer[0]}]:{peer[1]}" if ":" in self._host else f"{peer[0]}:{peer[1]}"
        connected = transport.get_extra_info("socket")
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if not self._enter(self, self._host):
            self._end("too many connections")
            return
        self._deadline = asyncio.get_running_loop().call_later(self._limits.handshake_seconds, self._check_handshake)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._closing:
            return
        self._heard = asyncio.get_running_loop().time()
        try:
            for event in self._session.receive_data(data):
                self._handle(event)
                if self._closing:
                    return
        except PeerError as error:
            self._end(str(error))
            return
        except Exception:
            # The last line of defence of one connection: the other hosts go on.
            _log.exception("%s: a mistake of this server", self._address)
            self._end("the server made a mistake")
            return
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        if exc is not None and not self._closing:
            self._why = f"the connection broke: {exc}"
        self._closing = True
        if self._deadline is not None:
            self._deadline.cancel()
        self._leave(self, self._host)
        self._drop_sink()
        if not self.ended.done():
            self.ended.set_result(None)

    def disconnect(self, reason: str) -> None:
        """End the connection from this side; the peer is told why."""
        if not self._closing:
            self._session.close(reason)
            self._end(reason)

    def _handle(self, event: Event) -> None:
        match event:
            case Packet():
                if self._sink is not None:
                    self._sink.packet(event)
            case Track():
                if self._sink is not None:
                    self._sink.track(event)
            case PublishAsked():
                self._ask(event)
            case MetadataSet(values=values):
                if self._sink is not None:
                    self._sink.metadata(values)
            case Warned(text=text):
                if self._sink is not None:
                    self._sink.warning(text)
            case Unpublished():
                self._why = "the host stopped streaming"
                self._drop_sink()

    def _ask(self, asked: PublishAsked) -> None:
        request = PublishRequest("rtmp", self._address, asked.app, asked.stream, asked.software)
        try:
            self._sink = self._admission.admit(request, self)
        except Refused as refusal:
            self._session.refuse(str(refusal))
            self._end(f"refused: {refusal}")
            return
        self._session.accept()

    def _flush(self) -> None:
        data = self._session.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)
            if self._transport.get_write_buffer_size() > self._limits.unread:
                self._why = "the peer does not read what it is sent"
                self._transport.abort()

    def _end(self, reason: str) -> None:
        """Send what is left to say, then close; a peer that does not take it in time is cut off."""
        if self._closing:
            return
        self._why = reason
        self._closing = True
        _log.info("%s: closed: %s", self._address, reason)
        self._flush()
        self._drop_sink()
        assert self._transport is not None
        if self._deadline is not None:
            self._deadline.cancel()
        # Closing with unread bytes would reset the connection, and the peer might never read why: half-close instead.
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._deadline = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self._transport.abort)

    def _drop_sink(self) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.closed(self._why)

    def _check_handshake(self) -> None:
        """A stranger has so long to get to its publish command."""
        if self._session.state is not State.PUBLISHING:
            self._end(f"nothing was published within {self._limits.handshake_seconds:g} s")
            return
        self._check_idle()

    def _check_idle(self) -> None:
        loop = asyncio.get_running_loop()
        left = self._heard + self._limits.idle_seconds - loop.time()
        if left <= 0:
            self._end(f"nothing came for {self._limits.idle_seconds:g} s")
            return
        self._deadline = loop.call_later(left, self._check_idle)
