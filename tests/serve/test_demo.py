"""The demo's parts: ports, and a sample host that comes, gives way and leaves nothing behind."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from serve import demo
from serve.client import Client, Target
from serve.config import Address, ServeConfig
from tests.support.fake_api import ROOM, TOKEN, Answer, FakeApi, fake_api

HOST = """
import os, pathlib, signal, sys
pathlib.Path(__file__).with_name("pid").write_text(str(os.getpid()) + " " + " ".join(sys.argv[1:]))
signal.pause()
"""


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something outside this process; the test's own time limit is the deadline."""
    while not condition():
        await asyncio.sleep(0.01)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as api:
        yield api


@pytest.fixture
async def host(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """A sample host at work, whose program writes its process number and its arguments into the file ``pid``."""
    monkeypatch.setattr(demo, "AGAIN", 0.01)
    (tmp_path / "host.py").write_text(HOST)
    program = (sys.executable, str(tmp_path / "host.py"))
    client = Client(Target(api.url, TOKEN, "of this test"))
    work = asyncio.create_task(demo._publish(program, Path("clip.mp4"), "rtmp://127.0.0.1:1/live", client))
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
