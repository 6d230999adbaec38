"""RTMPS: the TLS of one connection without sockets, and the listener's over real ones."""

import asyncio
import logging
import shutil
import ssl
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.rtmp.errors import HandshakeError
from ingest.rtmp.limits import Limits
from ingest.rtmp.listener import RtmpListener
from ingest.rtmp.tls import TlsServer
from ingest.source import PublishRequest
from serve.certificates import load
from serve.self_signed import ensure
from tests.support.media import make_clip
from tests.support.rtmp_client import RtmpClient
from tests.support.rtmp_server import FakeAdmission

HOST = "127.0.0.1"
CLIP = make_clip(seconds=2)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "cert.pem"
    ensure(path, [HOST, "localhost"], datetime.now(UTC))
    return path


@pytest.fixture
def secure(certificate: Path) -> ssl.SSLContext:
    """The server's side."""
    return load(ensure(certificate, [HOST], datetime.now(UTC))).context


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    """The client's side."""
    return ssl.create_default_context(cafile=certificate)


class Client:
    """A client's TLS without a socket."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._came, self._goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._came, self._goes, server_hostname="localhost")

    def shake_hands(self, server: TlsServer, step: int = 1 << 20) -> None:
        done = False
        while not done:
            try:
                self.tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            self.exchange(server, step)

    def exchange(self, server: TlsServer, step: int = 1 << 20, answer: bytes = b"") -> bytes:
        """Give the server all that there is to send, take what it says with ``answer``; return what it has read."""
        data, plain = self._goes.read(), b""
        for at in range(0, len(data), step):
            plain += server.receive(data[at : at + step])
        self._came.write(server.send(answer))
        return plain

    def take(self, data: bytes) -> None:
        self._came.write(data)


# Without sockets.


@pytest.mark.parametrize("step", [1, 100, 1 << 20])
def test_what_is_sent_arrives_however_it_is_cut(secure: ssl.SSLContext, trusting: ssl.SSLContext, step: int) -> None:
    server, client = TlsServer(secure), Client(trusting)
    client.shake_hands(server, step)
    sent = bytes(range(256)) * 300
    client.tls.write(sent)
    assert client.exchange(server, step, answer=b"answer") == sent
    assert client.tls.read(100) == b"answer"


def test_its_end_is_said(secure: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    server, client = TlsServer(secure), Client(trusting)
    client.shake_hands(server)
    client.take(server.close())
    assert client.tls.read(100) == b"", "not cut off: ended"


def test_before_the_handshake_is_done_there_is_no_end_to_say(secure: ssl.SSLContext) -> None:
    assert TlsServer(secure).close() == b""


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"\x03" + bytes(1536), "plain RTMP: this port takes rtmps://"),
        (b"GET / HTTP/1.1", "HTTP"),
        (b"G", "no TLS"),
        (b"\x16\x03\x01\x00\x05hello", "TLS failed"),
    ],
)
def test_what_is_no_tls_is_named(secure: ssl.SSLContext, data: bytes, named: str) -> None:
    with pytest.raises(HandshakeError, match=named):
        TlsServer(secure).receive(data)


def test_a_client_that_does_not_trust_the_certificate(secure: ssl.SSLContext) -> None:
    server, client = TlsServer(secure), Client(ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        client.shake_hands(server)
    with pytest.raises(HandshakeError, match=r"TLS failed .*UNKNOWN_CA.*may not trust the certificate"):
        client.exchange(server)
    server.send(b"too late")


def test_a_record_that_was_changed_on_its_way(secure: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    server, client = TlsServer(secure), Client(trusting)
    client.shake_hands(server)
    client.tls.write(b"media")
    changed = bytearray(client._goes.read())
    changed[-1] ^= 1
    with pytest.raises(HandshakeError, match="TLS failed"):
        server.receive(bytes(changed))


# Over sockets.


class Server:
    def __init__(self, limits: Limits, secure: ssl.SSLContext) -> None:
        self.admission = FakeAdmission()
        self.listener = RtmpListener(self.admission, limits)
        self.secure = secure

    async def start(self) -> None:
        self.plain_port = await self.listener.start(HOST, 0)
        self.port = await self.listener.start(HOST, 0, self.secure)


@pytest.fixture
async def server(request: pytest.FixtureRequest, secure: ssl.SSLContext) -> AsyncIterator[Server]:
    server = Server(getattr(request, "param", None) or Limits(), secure)
    await server.start()
    yield server
    await server.listener.close()


async def test_what_is_published_by_rtmps_arrives(server: Server, trusting: ssl.SSLContext) -> None:
    client = await RtmpClient.connect(HOST, server.port, secure=trusting)
    assert (await client.publish("right")).code == "NetStream.Publish.Start"
    client.send(*CLIP.tracks, *CLIP.packets)
    sink = await server.admission.sink()
    await sink.until(lambda sink: len(sink.packets) == len(CLIP.packets))
    assert sink.packets == list(CLIP.packets)
    assert sink.request == PublishRequest("rtmps", sink.source.address, sink.request.claim, "test host")
    sink.source.disconnect("enough")
    assert (await client.status()).description == "enough"
    await client.closed()
    await client.close()


async def test_the_real_ffmpeg_publishes_by_rtmps(server: Server) -> None:
    program = shutil.which("ffmpeg")
    assert program, "ffmpeg is needed: apt install ffmpeg"
    process = await asyncio.create_subprocess_exec(
        program, "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=25", "-t", "1",
        "-c:v", "libx264", "-preset", "ultrafast", "-f", "flv", f"rtmps://{HOST}:{server.port}/live/right", stderr=PIPE
    )  # fmt: skip
    async with asyncio.timeout(30):
        _, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (0, "")
    sink = await server.admission.sink()
    await sink.until(lambda sink: sink.endings)
    assert len(sink.packets) == 25
    assert sink.endings == ["the host stopped streaming"]


async def test_a_wrong_key_is_told_so_by_rtmps(server: Server, trusting: ssl.SSLContext) -> None:
    client = await RtmpClient.connect(HOST, server.port, secure=trusting)
    assert (await client.publish("wrong")).code == "NetStream.Publish.BadName"
    await client.closed()
    await client.close()


async def test_plain_and_secure_are_one_listener(server: Server, trusting: ssl.SSLContext) -> None:
    assert server.listener.addresses == [(HOST, server.plain_port), (HOST, server.port)]
    client = await RtmpClient.connect(HOST, server.plain_port)
    await client.publish("right")
    assert (await server.admission.sink()).request.protocol == "rtmp"
    await client.close()


async def test_plain_rtmp_on_the_secure_port_gets_one_line(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    client = await RtmpClient.open(HOST, server.port)
    client.write(client.script.handshake())
    await client.closed()
    [line] = [record for record in caplog.records if record.name == "ingest.rtmp.listener"]
    assert "plain RTMP: this port takes rtmps://" in line.getMessage()
    await client.close()


@pytest.mark.parametrize("server", [Limits(stranger_seconds=0.1)], indirect=True, ids=[""])
async def test_who_only_begins_tls_is_closed(server: Server) -> None:
    client = await RtmpClient.open(HOST, server.port)
    client.write(b"\x16\x03\x01")
    async with asyncio.timeout(5):
        await client.closed()
    await client.close()


@pytest.mark.parametrize("server", [Limits(connections_per_address=1)], indirect=True, ids=[""])
async def test_who_only_begins_tls_is_counted(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    first = await RtmpClient.open(HOST, server.port)
    first.write(b"\x16\x03\x01")
    second = await RtmpClient.open(HOST, server.plain_port)
    await second.closed()
    assert "too many connections" in caplog.text
    await first.close()
    await second.close()
