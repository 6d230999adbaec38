"""The RTMP listener: sockets, deadlines and limits. The only file of ``ingest`` that does I/O.

Rules: a connection that breaks a rule is closed with one log line, as long as these are not too many; no other is
disturbed. What is said to a peer is flushed before its socket is closed, and a peer that does not read is dropped.
Stream keys are never logged. Everything runs in the event loop that ``start`` was called in.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from typing import cast

from ingest.media import Packet, Track
from ingest.rtmp.adobe import AdobeLogin
from ingest.rtmp.complaints import Complaints
from ingest.rtmp.crowd import Crowd
from ingest.rtmp.errors import LoginError, PeerError
from ingest.rtmp.limits import Limits
from ingest.rtmp.session import (
    Event,
    MetadataSet,
    PublishAsked,
    ServerSession,
    State,
    Unpublished,
    Warned,
)
from ingest.rtmp.tls import TlsServer
from ingest.source import Admission, PublishRequest, Refused, Sink

_log = logging.getLogger(__name__)

_FLUSH_SECONDS = 1.0
_BACKLOG = 256
_MISTAKE = "the server made a mistake: its log says more"


class RtmpListener:
    """Takes RTMP publishers in and hands their media to the sinks that ``admission`` names."""

    def __init__(self, admission: Admission, limits: Limits | None = None) -> None:
        self._admission = admission
        self._limits = limits or Limits()
        self._login = AdobeLogin(time.monotonic)
        self._crowd: Crowd[_Connection] = Crowd(self._limits.connections, self._limits.connections_per_address)
        self._complaints = Complaints(_log, time.monotonic, self._limits.complaints)
        self._servers: list[asyncio.Server] = []

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The host and port of each socket listened on; empty before ``start`` and after ``close``."""
        names = (listening.getsockname() for server in self._servers for listening in server.sockets)
        return [(str(name[0]), int(name[1])) for name in names]

    @property
    def port(self) -> int:
        """The port of the first socket listened on."""
        return self.addresses[0][1]

    async def start(self, host: str, port: int, secure: ssl.SSLContext | None = None) -> int:
        """Listen, for RTMPS where ``secure`` tells how; port 0 takes a free one. Return the port. Raises OSError.

        It can be started in several places; the limits are for all of them together.
        """
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(self, secure), host, port, backlog=_BACKLOG)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, and end all connections in order; takes at most a second or so."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        connections = self._crowd.all()
        for connection in connections:
            connection.disconnect("the server is going down")
        if connections:
            await asyncio.wait([connection.ended for connection in connections], timeout=2 * _FLUSH_SECONDS)


class _Connection(asyncio.Protocol):
    """One connection, the Source of what is published over it, and the supervisor of its sink."""

    def __init__(self, listener: RtmpListener, secure: ssl.SSLContext | None) -> None:
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._admission = listener._admission
        self._limits = listener._limits
        self._crowd = listener._crowd
        self._complaints = listener._complaints
        self._session = ServerSession(self._limits, listener._login)
        self._tls = TlsServer(secure) if secure is not None else None
        self._transport: asyncio.Transport | None = None
        self._host = "?"
        self._address = "?"
        self._sink: Sink | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard = self._stranger_since = self._loop.time()
        self._why = "the host closed the connection"
        self._closing = False

    @property
    def address(self) -> str:
        """The peer, as ``host:port``."""
        return self._address

    def disconnect(self, reason: str) -> None:
        """End the connection from this side; the peer is told why."""
        if not self._closing:
            self._session.close(reason)
            self._end(logging.INFO, reason)

    def turn_away(self) -> None:
        """End it at once: there are too many."""
        assert self._transport is not None
        if not self._closing:
            self._closing = True
            self._tell(logging.WARNING, "too many connections")
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        peer = transport.get_extra_info("peername") or ("?", 0)
        self._host = str(peer[0])
        self._address = f"[{peer[0]}]:{peer[1]}" if ":" in self._host else f"{peer[0]}:{peer[1]}"
        connected = transport.get_extra_info("socket")
        if connected is not None:
            with contextlib.suppress(OSError):  # the peer may be gone again
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        too_many = self._crowd.enter(self, self._host)
        if too_many is not None:
            too_many.turn_away()
        if too_many is not self:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._closing:
            return  # read and thrown away: closing with unread bytes would reset the connection
        media = self._session.media
        try:
            plain = data if self._tls is None else self._tls.receive(data)
            for event in self._session.receive_data(plain):
                self._handle(event)
                if self._closing:
                    return
        except LoginError:
            self._end(logging.INFO, "it has to log in")
        except PeerError as error:
            self._end(logging.WARNING, str(error))
        except Exception:
            # The last line of defence of one connection: the other hosts go on.
            _log.exception("%s: a mistake of this server", self._address)
            self.disconnect(_MISTAKE)
        else:
            if self._session.media != media:
                self._heard = self._loop.time()
            self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed."""
        if not self._closing:
            self._closing = True
            if exc is not None:
                self._why = f"the connection broke: {exc}"
            self._tell(logging.INFO, self._why)
        if self._timer is not None:
            self._timer.cancel()
        self._crowd.leave(self)
        self._drop_sink(self._why)
        self.ended.set_result(None)

    def _handle(self, event: Event) -> None:
        sink = self._sink
        match event:
            case PublishAsked():
                self._ask(event)
            case Unpublished():
                self._stranger_since = self._loop.time()
                self._crowd.trust(self, False)
                self._watch()
                self._drop_sink("the host stopped streaming")
            case _ if sink is None:
                pass  # it is gone already
            case Packet():
                sink.packet(event)
            case Track():
                sink.track(event)
            case MetadataSet(values=values):
                sink.metadata(values)
            case Warned(text=text):
                sink.warning(text)

    def _ask(self, asked: PublishAsked) -> None:
        request = PublishRequest("rtmps" if self._tls else "rtmp", self._address, asked.claim, asked.software)
        try:
            self._sink = self._admission.admit(request, self)
        except Refused as refusal:
            self._session.refuse(str(refusal))
            self._end(logging.WARNING, f"refused: {refusal}")
            return
        if self._closing:  # the admission has thought better of it
            self._drop_sink(self._why)
            return
        self._session.accept()
        self._crowd.trust(self, True)
        self._heard = self._loop.time()
        self._watch()
        _log.info("%s: publishing with %s", self._address, asked.software or "an unnamed encoder")

    def _flush(self) -> None:
        data = self._session.data_to_send()
        if self._tls is not None:
            data = self._tls.send(data)
        self._write(data)

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None:
            self._transport.write(data)
            if self._transport.get_write_buffer_size() > self._limits.unread:
                self._why = "the host does not read what it is sent"
                self._transport.abort()

    def _end(self, level: int, reason: str) -> None:
        """Send what is left to say, then FIN; a peer that does not close its side in time is cut off."""
        if self._closing:
            return
        self._closing = True
        self._why = reason
        self._tell(level, reason)
        self._flush()
        if self._tls is not None:
            self._write(self._tls.close())
        self._drop_sink(reason)
        if self._timer is not None:
            self._timer.cancel()
        assert self._transport is not None
        if self._transport.can_write_eof():
            with contextlib.suppress(OSError):  # the peer may be gone already
                self._transport.write_eof()
            self._timer = self._loop.call_later(_FLUSH_SECONDS, self._transport.abort)
        else:
            self._transport.close()

    def _tell(self, level: int, reason: str) -> None:
        say = _log.log if self._sink is not None else self._complaints.say
        say(level, "%s: closed: %s", self._address, reason)

    def _drop_sink(self, reason: str) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            try:
                sink.closed(reason)
            except Exception:
                _log.exception("%s: a mistake of this server", self._address)

    def _watch(self) -> None:
        """End the connection when its time is over, look again when it may be."""
        if self._timer is not None:
            self._timer.cancel()
        limits = self._limits
        if self._session.state is State.PUBLISHING:
            due, text = self._heard + limits.idle_seconds, f"no media came for {limits.idle_seconds:g} s"
        else:
            due = self._stranger_since + limits.stranger_seconds
            text = f"nothing was published within {limits.stranger_seconds:g} s"
        if due > self._loop.time():
            self._timer = self._loop.call_at(due, self._watch)
        else:
            self._session.close(text)
            self._end(logging.WARNING, text)
