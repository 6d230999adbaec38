"""A whole server that goes down: who waits is answered at once, who reads slowly gets what it asked for."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession

from serve.config import Address, ServeConfig
from serve.server import Server
from serve.web.pages import File, read_pages
from tests.support.media import make_clip
from tests.support.rtmp_client import RtmpClient

ANYWHERE = Address("127.0.0.1", 0)
LARGE = File(bytes(16 << 20), b"", "large", {})
"""More than the system's buffers take."""
AT_ONCE, DRAIN = 0.5, 2.0
"""Seconds that are promised: with nobody who reads slowly, and with somebody."""
SLACK = 3


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    pages = replace(read_pages(), assets={"large": LARGE})
    monkeypatch.setattr("serve.server.read_pages", lambda: pages)
    started = Server(ServeConfig(tmp_path, ANYWHERE, ANYWHERE))
    await started.start()
    yield started
    await started.close()


@pytest.fixture
async def web(server: Server) -> AsyncIterator[ClientSession]:
    async with ClientSession(server.url, headers={"Authorization": f"Bearer {server.token}"}) as session:
        yield session


async def room_on_air(server: Server, web: ClientSession) -> tuple[RtmpClient, str]:
    """A ``source`` room with a host who has sent 9 s; the host, and the URL of the room's playlist."""
    async with web.put("/api/v1/rooms/demo", json={"ladder": "source"}) as answer:
        room = await answer.json()
    clip = make_clip(9)
    host = await RtmpClient.connect("127.0.0.1", int(server.rtmp_url.rsplit(":")[-1].split("/")[0]))
    await host.publish(room["stream_key"])
    host.send(*clip.tracks, *clip.packets)
    await host.drain()
    async with asyncio.timeout(10):
        while True:
            async with web.get("/hls/demo/master.m3u8") as answer:
                if answer.status == 200:
                    return host, f"/hls/demo/{(await answer.text()).splitlines()[-1]}"


async def leave(host: RtmpClient) -> None:
    """Hang up when sent away."""
    await host.closed()
    await host.close()


async def test_everybody_who_waits_is_answered_at_once(server: Server, web: ClientSession) -> None:
    host, playlist = await room_on_air(server, web)
    async with web.get(playlist) as answer:
        hint = (await answer.text()).split('PRELOAD-HINT:TYPE=PART,URI="')[1].split('"')[0]
    folder, (number, part, _) = playlist.rpartition("/")[0], hint.rpartition("/")[2].split(".")
    urls = (f"{playlist}?_HLS_msn={number}&_HLS_part={part}", f"{folder}/{hint}")
    waiting = [asyncio.create_task(web.get(url)) for url in urls]
    leaving = asyncio.create_task(leave(host))
    async with web.get("/api/v1/rooms/demo/events") as events:
        await events.content.readuntil(b"\n\n")
        async with web.get("/metrics"):
            pass  # what was asked before has arrived
        assert not any(task.done() for task in waiting)
        async with asyncio.timeout(AT_ONCE * SLACK):
            await server.close()
        while await events.content.readline():
            pass  # it has an end
    for task in waiting:
        async with await task as answer:
            assert answer.status == 503
    await leaving


class SlowReader:
    """A viewer whose line takes little at a time."""

    def __init__(self, server: Server) -> None:
        self._port = int(server.url.rsplit(":")[-1])
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setblocking(False)

    async def ask(self, path: str) -> None:
        """Send the request, and read nothing yet."""
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, ("127.0.0.1", self._port))
        await loop.sock_sendall(self._socket, f"GET {path} HTTP/1.1\r\nHost: veilcast\r\n\r\n".encode())
        assert await loop.sock_recv(self._socket, 12) == b"HTTP/1.1 200"

    async def read(self, most: int) -> bytes:
        """Read so much, or until the server has closed."""
        loop = asyncio.get_running_loop()
        read = bytearray()
        while len(read) < most and (data := await loop.sock_recv(self._socket, 1 << 16)):
            read += data
        return bytes(read)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
async def reader(server: Server) -> AsyncIterator[SlowReader]:
    """One that has asked for a large file."""
    slow = SlowReader(server)
    await slow.ask("/assets/large")
    yield slow
    slow.close()


async def test_who_reads_slowly_gets_the_rest_of_the_answer(server: Server, reader: SlowReader) -> None:
    closing = asyncio.create_task(server.close())
    received = await reader.read(len(LARGE.plain) // 2)
    assert not closing.done(), "what is still in the server would be lost with its process"
    received += await reader.read(2 * len(LARGE.plain))
    assert len(received.partition(b"\r\n\r\n")[2]) == len(LARGE.plain)
    await closing


async def test_who_reads_nothing_is_not_waited_for_without_end(server: Server, reader: SlowReader) -> None:
    async with asyncio.timeout(DRAIN * SLACK):
        await server.close()
