"""The demo's parts: ports, a sample host that comes, gives way and leaves nothing behind, and its clip.

The clip is all that a page can see of the sample before filters had it: only in a demo, and only while it is on air.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from serve import demo
from serve.client import Client, Target
from serve.config import Address, ServeConfig
from serve.server import Server
from serve.site import SAMPLE, Sample
from tests.support.fake_api import ROOM, TOKEN, Answer, FakeApi, fake_api
from tests.support.house import House
from tests.support.rtmp_client import RtmpClient

HOST = """
import os, pathlib, signal, sys
pathlib.Path(__file__).with_name("pid").write_text(str(os.getpid()) + " " + " ".join(sys.argv[1:]))
signal.pause()
"""


ANYWHERE = Address("127.0.0.1", 0)
CLIP = bytes(range(256)) * 40


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something outside this process; the test's own time limit is the deadline."""
    while not condition():
        await asyncio.sleep(0.01)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as api:
        yield api


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(CLIP)
    return Sample("demo", clip)


@pytest.fixture
async def host(sample: Sample, api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """A sample host at work, whose program writes its process number and its arguments into the file ``pid``."""
    monkeypatch.setattr(demo, "AGAIN", 0.01)
    (tmp_path / "host.py").write_text(HOST)
    program = (sys.executable, str(tmp_path / "host.py"))
    client = Client(Target(api.url, TOKEN, "of this test"))
    work = asyncio.create_task(demo._publish(program, Path("clip.mp4"), "rtmp://127.0.0.1:1/live", client, sample))
    yield tmp_path / "pid"
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work


def _runs(process: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False


async def test_the_sample_host_publishes_and_is_started_again_when_it_dies(api: FakeApi, host: Path) -> None:
    api.answers["GET /api/v1/rooms/demo"] = Answer(ROOM)
    await until(host.exists)
    await until(lambda: host.read_text().endswith("--loop"))
    process, *arguments = host.read_text().split()
    assert arguments == ["push", "clip.mp4", f"rtmp://127.0.0.1:1/live/{ROOM['stream_key']}", "--loop"]
    host.unlink()
    os.kill(int(process), 9)
    await until(host.exists)


@pytest.mark.parametrize("change", [{"publisher": {"address": "192.0.2.1:5"}}, {"state": "stopped"}])
async def test_it_gives_way_to_another_host_and_leaves_a_stopped_room_alone(
    api: FakeApi, host: Path, change: dict[str, object]
) -> None:
    api.answers["GET /api/v1/rooms/demo"] = Answer({**ROOM, **change})
    await until(lambda: len(api.asked) > 3)
    assert not host.exists()
    api.answers["GET /api/v1/rooms/demo"] = Answer(ROOM)
    await until(host.exists)


async def test_its_clip_is_on_air_as_long_as_it_publishes(api: FakeApi, host: Path, sample: Sample) -> None:
    assert not sample.on_air
    api.answers["GET /api/v1/rooms/demo"] = Answer(ROOM)
    await until(lambda: host.exists() and host.read_text().endswith("--loop"))
    assert sample.on_air
    api.answers["GET /api/v1/rooms/demo"] = Answer({**ROOM, "publisher": {"address": "192.0.2.1:5"}})
    os.kill(int(host.read_text().split()[0]), 9)
    await until(lambda: not sample.on_air)


def test_a_room_names_the_clip_while_the_sample_host_is_its_publisher(house: House, sample: Sample) -> None:
    demo_key, other_key = house.open("demo"), house.open("other")
    house.publish(other_key, 1)
    room, other = house.rooms.get("demo"), house.rooms.get("other")
    sample.on_air = True
    assert sample.of(room) is None, "the sample host is about to connect"
    house.publish(demo_key, 1)
    assert sample.of(room) == SAMPLE
    assert sample.of(other) is None
    sample.on_air = False
    assert sample.of(room) is None, "somebody else publishes"


@asynccontextmanager
async def asking(folder: Path, sample: Sample | None) -> AsyncIterator[Callable[..., Any]]:
    """Run a server; ask it by method, path and headers for status, headers and body."""
    server = Server(ServeConfig(folder / "data", ANYWHERE, ANYWHERE), sample)
    await server.start()
    try:
        async with aiohttp.ClientSession(server.url) as session:

            async def ask(path: str, **headers: str) -> tuple[int, Any, bytes]:
                async with session.get(path, headers=headers) as answer:
                    return answer.status, answer.headers, await answer.read()

            yield ask
    finally:
        await server.close()


async def test_a_demo_serves_its_clip_whole_and_in_ranges(tmp_path: Path, sample: Sample) -> None:
    async with asking(tmp_path, sample) as ask:
        status, headers, body = await ask(SAMPLE)
        assert (status, body, headers["Content-Type"]) == (200, CLIP, "video/mp4")
        assert headers["X-Content-Type-Options"] == "nosniff"
        status, headers, body = await ask(SAMPLE, Range="bytes=1000-1099")
        assert (status, body) == (206, CLIP[1000:1100])
        assert headers["Content-Range"] == f"bytes 1000-1099/{len(CLIP)}"
        assert (await ask("/demo/clip.mp4"))[0] == 404


async def test_a_server_that_is_no_demo_has_no_clip(tmp_path: Path) -> None:
    async with asking(tmp_path, None) as ask:
        assert (await ask(SAMPLE))[0] == (await ask(SAMPLE, Range="bytes=0-9"))[0] == 404


async def test_everybody_is_told_where_the_clip_is_while_it_is_on_air(tmp_path: Path, sample: Sample) -> None:
    server = Server(ServeConfig(tmp_path / "data", ANYWHERE, ANYWHERE), sample)
    await server.start()
    try:
        client = Client(Target(server.url, server.token, "of this test"))
        room = await asyncio.to_thread(client.start, "demo", {"ladder": "source"}, True)
        async with aiohttp.ClientSession(server.url) as anybody:

            async def told() -> Any:
                async with anybody.get("/api/v1/rooms/demo") as answer:
                    return (await answer.json()).get("sample")

            sample.on_air = True
            assert await told() is None
            host = await RtmpClient.connect("127.0.0.1", int(server.rtmp_url.rsplit(":")[-1].split("/")[0]))
            await host.publish(room["stream_key"])
            assert await told() == SAMPLE
            sample.on_air = False
            assert await told() is None
            async with anybody.get("/api/v1/openapi.json") as answer:
                model = (await answer.json())["components"]["schemas"]["RoomView"]
            assert model["properties"]["sample"] == {"type": "string"}
            assert "sample" not in model["required"]
            await host.close()
    finally:
        await server.close()


async def test_the_policy_of_pages_allows_it(tmp_path: Path, sample: Sample) -> None:
    async with asking(tmp_path, sample) as ask:
        _, headers, _ = await ask("/r/demo")
        (media,) = (p.split() for p in headers["Content-Security-Policy"].split("; ") if p.startswith("media-src"))
        assert "'self'" in media


def test_a_clip_of_an_earlier_version_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "__file__", str(tmp_path / "serve" / "demo.py"))
    monkeypatch.setattr(demo, "user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    in_cache = demo.sample_clip()
    assert in_cache.parent == tmp_path / "cache"
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "samples").mkdir()
    in_clone = demo.sample_clip()
    assert in_clone.parent == tmp_path / "samples" / "media"
    assert in_cache.name == in_clone.name != "host.mp4"


async def test_a_child_ends_with_us(tmp_path: Path) -> None:
    (tmp_path / "host.py").write_text(HOST)
    work = asyncio.create_task(demo._child(sys.executable, str(tmp_path / "host.py")))
    pid = tmp_path / "pid"
    await until(lambda: pid.exists() and bool(pid.read_text()))
    process = int(pid.read_text().split()[0])
    assert _runs(process)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not _runs(process)


async def test_a_clip_that_cannot_be_made_ends_the_demo(tmp_path: Path) -> None:
    maker = tmp_path / "maker.py"
    maker.write_text("import sys, pathlib; pathlib.Path(sys.argv[2]).write_text(sys.argv[1])")
    await demo._make(tmp_path / "clip.mp4", (sys.executable, str(maker)))
    assert (tmp_path / "clip.mp4").read_text() == "make-clip"
    maker.write_text("raise SystemExit(1)")
    with pytest.raises(demo.DemoError, match="veilcast doctor"):
        await demo._make(tmp_path / "clip.mp4", (sys.executable, str(maker)))


def test_a_taken_port_is_exchanged_unless_it_was_chosen(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = Address(*listener.getsockname())
        config = ServeConfig(tmp_path, rtmp=taken, http=Address("127.0.0.1", 0))
        changed, (note,) = demo.with_free_ports(config, frozenset())
        assert changed == ServeConfig(tmp_path, Address("127.0.0.1", 0), Address("127.0.0.1", 0))
        assert note.startswith(f"Port {taken.port} is taken")
        assert demo.with_free_ports(config, frozenset({"rtmp"})) == (config, [])
