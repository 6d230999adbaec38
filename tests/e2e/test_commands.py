"""The command line against a real server, as an operator and as a script use it."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.hls.follower import Follower
from tests.support.processes import Child, free_port, until
from tests.support.server import VEILCAST, RunningServer


def veilcast(server: RunningServer, *words: str, status: int = 0) -> str:
    """Run a command against ``server``; return what it printed, on the error channel if it failed."""
    env = {**os.environ, "VEILCAST_DATA": str(server.data)}
    done = subprocess.run([*VEILCAST, *words], check=False, capture_output=True, text=True, env=env, timeout=60)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if status == 0 else done.stderr


def as_json(server: RunningServer, *words: str) -> Any:
    return json.loads(veilcast(server, *words, "--json"))


def test_a_room_from_its_start_to_its_end(server: RunningServer, clip: Path, tmp_path: Path) -> None:
    room = as_json(server, "room", "start", "talk", "--title", "A talk", "--force")
    assert (room["name"], room["title"], room["state"], room["viewers"]) == ("talk", "A talk", "waiting", 0)
    assert as_json(server, "room", "start", "talk")["stream_key"] == room["stream_key"]
    push = (*VEILCAST, "push", str(clip), f"{room['rtmp_url']}/{room['stream_key']}", "--loop")
    with Child(push, tmp_path / "push.log") as host:
        follower = Follower(server.playable("talk")).start()
        until(lambda: follower.whole(3), "three segments")
        assert as_json(server, "room", "show", "talk")["state"] == "live"
        assert "talk" in veilcast(server, "room", "list")
        assert as_json(server, "room", "set", "talk", "--title", "Another")["title"] == "Another"
        new_key = as_json(server, "room", "rotate-key", "talk")["stream_key"]
        assert new_key != room["stream_key"]
        assert host.wait() != 0, "the host with the old key is sent away"
        follower.finish()
    with Child((*VEILCAST, "push", str(clip), f"{room['rtmp_url']}/talk?key={new_key}"), tmp_path / "push.log") as host:
        server.wait_for("talk", state="live")
        veilcast(server, "room", "kick", "talk")
        assert host.wait() != 0
    assert as_json(server, "room", "stop", "talk")["state"] == "stopped"
    veilcast(server, "room", "delete", "talk", "--yes")
    assert "there is no room 'talk'" in veilcast(server, "room", "show", "talk", status=1)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--record",), "not available in this version"),
        (("--filter", "blur-faces"), "there is no filter blur-faces"),
        (("--filter", "overlay:text=Hello", "--ladder", "source"), "cannot pass on the host's own picture"),
        (("--delay", "31"), "use 0 to 30 s"),
    ],
)
def test_what_cannot_be_done_never_starts_a_room(server: RunningServer, option: tuple[str, ...], says: str) -> None:
    assert says in veilcast(server, "room", "start", "talk", *option, status=1)
    assert "there is no room" in veilcast(server, "room", "show", "talk", status=1)


def test_push_names_what_is_wrong(server: RunningServer, clip: Path) -> None:
    room = server.room("talk")
    wrong = veilcast(server, "push", str(clip), f"{room['rtmp_url']}/nonsense", status=1)
    assert "stream key is not known" in wrong
    nowhere = veilcast(server, "push", str(clip), f"rtmp://127.0.0.1:{free_port()}/live/key", status=1)
    assert "no RTMP server answers" in nowhere


def test_a_second_server_on_the_same_folder_or_port_is_told_so(server: RunningServer, tmp_path: Path) -> None:
    loopback = ("--rtmp", "127.0.0.1:0", "--http", "127.0.0.1:0")
    assert "another server uses the data folder" in veilcast(server, "serve", *loopback, status=1)
    other = ("--data", str(tmp_path / "other"), "--rtmp", "127.0.0.1:0", "--http", server.http)
    assert "is taken" in veilcast(server, "serve", *other, status=1)


def test_a_data_folder_that_cannot_be_one_is_named(server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    loopback = ("--rtmp", "127.0.0.1:0", "--http", "127.0.0.1:0")
    said = veilcast(server, "serve", "--data", str(tmp_path / "file" / "data"), *loopback, status=1)
    assert "data folder" in said
    assert "--data" in said


def test_sigterm_drains_and_a_restart_remembers(server: RunningServer) -> None:
    key = server.room("talk")["stream_key"]
    assert server.stop() == 0
    assert not (server.data / "server.json").exists()
    assert "no server is running" in veilcast(server, "room", "list", status=1)
    server.start()
    assert server.client.show("talk")["stream_key"] == key


@pytest.mark.timeout(180)
def test_the_demo_shows_a_live_stream_and_leaves_nothing_behind(tmp_path: Path) -> None:
    ports = ("--rtmp", f"127.0.0.1:{free_port()}", "--http", f"127.0.0.1:{free_port()}")
    command = (*VEILCAST, "demo", "--no-browser", "--data", str(tmp_path / "data"), *ports)
    with Child(command, tmp_path / "demo.log") as demo:
        link = until(lambda: re.search(r"(http://\S+)/r/demo", demo.said()), "the watch link", 90)
        master = f"{link[1]}/hls/demo/master.m3u8"
        follower = until(lambda: _follow(master), "the demo to be playable", 60).start()
        until(lambda: follower.whole(2), "two segments")
        follower.finish()
        children = psutil.Process(demo.pid).children(recursive=True)
        assert children, "the sample host publishes from a process of its own"
        assert demo.stop() == 0
        assert psutil.wait_procs(children, timeout=10)[1] == []


def _follow(master: str) -> Follower | None:
    try:
        return Follower(master)
    except OSError:
        return None
