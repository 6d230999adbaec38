"""HTTPS of a server that runs: its certificate is taken up anew when its files change, and nobody is cut off for it."""

import asyncio
import logging
import os
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from serve.certificates import CertificateError, Pair, now
from serve.config import Address, ServeConfig
from serve.credentials import Credentials
from serve.https import LiveCertificate
from serve.self_signed import VALID, ensure
from serve.server import Server, StartError

ANYWHERE = Address("127.0.0.1", 0)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return ensure(tmp_path / "given" / "cert.pem", ["localhost"], now())


@pytest.fixture
def live(pair: Pair) -> LiveCertificate:
    return LiveCertificate(pair)


def put(pair: Pair, other: Pair) -> None:
    """Put ``other`` in the place of ``pair``."""
    for target, source in ((pair.certificate, other.certificate), (pair.key, other.key)):
        new = target.with_name("new")
        new.write_bytes(source.read_bytes())
        new.replace(target)


class Listener:
    """Echoes lines by TLS."""

    def __init__(self, live: LiveCertificate) -> None:
        self._live = live

    async def __aenter__(self) -> "Listener":
        self._server = await asyncio.start_server(self._echo, "127.0.0.1", 0, ssl=self._live.context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def connect(
        self, trusted: Path | None = None, most: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    ) -> "Connection":
        context = ssl.create_default_context(cafile=trusted)
        context.check_hostname = trusted is not None
        context.verify_mode = ssl.CERT_REQUIRED if trusted else ssl.CERT_NONE
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.maximum_version = most
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname="localhost" if trusted else None
        )
        return Connection(reader, writer)

    @staticmethod
    async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()


class Connection:
    """One client of a Listener."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.tls: ssl.SSLObject = writer.get_extra_info("ssl_object")

    async def answers(self) -> bool:
        self._writer.write(b"hello\n")
        return await self._reader.readline() == b"hello\n"

    def close(self) -> None:
        self._writer.close()


async def shown(listener: Listener) -> bytes:
    """The certificate that a new connection is shown, as PEM."""
    connection = await listener.connect()
    der = connection.tls.getpeercert(True)
    connection.close()
    assert der is not None
    return ssl.DER_cert_to_PEM_cert(der).encode()


async def test_a_client_that_knows_the_certificate_trusts_it_by_name(live: LiveCertificate, pair: Pair) -> None:
    async with Listener(live) as listener:
        connection = await listener.connect(pair.certificate)
        assert await connection.answers()
        assert connection.tls.selected_alpn_protocol() == "http/1.1"
        connection.close()
        with pytest.warns(DeprecationWarning, match="TLSv1_1"), pytest.raises(ssl.SSLError):
            await listener.connect(most=ssl.TLSVersion.TLSv1_1)


async def test_new_files_are_for_new_connections_and_open_ones_stay(
    live: LiveCertificate, pair: Pair, tmp_path: Path
) -> None:
    async with Listener(live) as listener:
        connection = await listener.connect()
        assert await shown(listener) == pair.certificate.read_bytes()
        put(pair, ensure(tmp_path / "renewed" / "cert.pem", ["live.example.org"], now()))
        live.look()
        assert await shown(listener) == pair.certificate.read_bytes()
        assert await connection.answers()
        connection.close()
        renewed = await listener.connect()
        assert renewed.tls.selected_alpn_protocol() == "http/1.1", "it is as the first in all else"
        renewed.close()
    assert live.names == ("live.example.org",)


async def test_files_that_cannot_be_used_leave_the_old_ones_and_are_told_once(
    live: LiveCertificate, pair: Pair, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old, key = pair.certificate.read_bytes(), pair.key.read_bytes()
    async with Listener(live) as listener:
        pair.key.write_bytes(b"")
        live.look()
        os.utime(pair.key, ns=(1, 1))
        live.look()
        live.look()
        assert await shown(listener) == old
        (told,) = caplog.records
        assert f"{pair.key} holds no private key" in told.message
        assert "The server goes on with the certificate that it has" in told.message
        pair.key.write_bytes(key)
        put(pair, ensure(tmp_path / "renewed" / "cert.pem", ["localhost"], now()))
        live.look()
        assert await shown(listener) == pair.certificate.read_bytes() != old


def test_one_that_has_expired_is_served_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, pair: Pair
) -> None:
    old = ensure(tmp_path / "old" / "cert.pem", ["localhost"], now() - 2 * VALID)
    live = LiveCertificate(old)
    live.look()
    (told,) = caplog.records
    assert "has expired on" in told.message
    with caplog.at_level(logging.INFO):
        put(old, pair)
        live.look()
        live.look()
    assert len(caplog.records) == 2
    assert "there is a new certificate, valid until" in caplog.records[1].message


def test_one_of_our_own_is_made_anew_while_the_server_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "cert.pem"
    pair = ensure(path, ["localhost"], now() - VALID + timedelta(days=20))
    ended = LiveCertificate(pair, lambda: ensure(path, ["localhost"], now()))
    old = path.read_bytes()
    ended.look()
    assert path.read_bytes() != old

    def fail() -> None:
        raise CertificateError("the disk is full")

    ensure(tmp_path / "other.pem", ["localhost"], now() - VALID)
    failing = LiveCertificate(Pair(tmp_path / "other.pem", tmp_path / "key.pem"), fail)
    failing.look()
    failing.look()
    assert [record.message for record in caplog.records].count("the disk is full") == 1


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    started = Server(ServeConfig(tmp_path / "data", ANYWHERE, ANYWHERE, https=ANYWHERE))
    await started.start()
    yield started
    await started.close()


async def test_a_server_serves_both_and_the_command_line_stays_with_http(server: Server, tmp_path: Path) -> None:
    known = Credentials.read(tmp_path / "data")
    assert known is not None
    assert known.url == server.url
    assert server.url.startswith("http://127.0.0.1:")
    (url,) = server.https_urls
    context = ssl.create_default_context(cafile=tmp_path / "data" / "https" / "cert.pem")
    async with ClientSession(connector=TCPConnector(ssl=context)) as web:
        for base in (url, url.replace("127.0.0.1", "localhost"), server.url):
            async with web.get(f"{base}/healthz") as answer:
                assert await answer.text() == "ok\n"


async def test_a_server_that_ends_tells_those_who_wait_by_https(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    async with ClientSession(connector=TCPConnector(ssl=False), headers=headers) as web:
        async with web.put(f"{server.https_urls[0]}/api/v1/rooms/demo", json={"ladder": "source"}) as answer:
            assert answer.status == 200
        async with web.get(f"{server.https_urls[0]}/api/v1/rooms/demo/events") as events:
            await events.content.readuntil(b"\n\n")
            async with asyncio.timeout(10):
                await server.close()
                while await events.content.readline():
                    pass  # it has an end


async def test_one_that_was_given_is_found_by_its_names(tmp_path: Path) -> None:
    pair = ensure(tmp_path / "cert.pem", ["*.example.org", "live.example.org"], now())
    config = ServeConfig(tmp_path / "data", ANYWHERE, ANYWHERE, (), False, ANYWHERE, pair.certificate, pair.key)
    server = Server(config)
    await server.start()
    try:
        (url,) = server.https_urls
        assert url.startswith("https://live.example.org:")
        assert not config.own_certificate.exists()
    finally:
        await server.close()


async def test_a_server_does_not_start_with_files_or_a_port_that_cannot_be_used(server: Server, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.pem"
    given = ServeConfig(tmp_path / "2", ANYWHERE, ANYWHERE, (), False, ANYWHERE, nowhere, nowhere)
    with pytest.raises(StartError, match=f"cannot read {nowhere}"):
        await Server(given).start()
    port = int(server.https_urls[0].rpartition(":")[2])
    taken = ServeConfig(tmp_path / "3", ANYWHERE, ANYWHERE, https=Address("127.0.0.1", port))
    with pytest.raises(StartError, match=rf"port {port} is taken.*--https 127\.0\.0\.1:{port + 1}"):
        await Server(taken).start()
