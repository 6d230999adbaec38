"""OBS, as Debian ships it, is a host: two fields to paste, start, stop, start again."""

from pathlib import Path

import pytest

from tests.support.hls.follower import Follower
from tests.support.obs import Obs
from tests.support.processes import until
from tests.support.server import RunningServer


@pytest.mark.timeout(240)
def test_obs_publishes_stops_and_publishes_again(server: RunningServer, tmp_path: Path) -> None:
    room = server.room("demo", ladder="auto")
    home = tmp_path / "obs"
    home.mkdir()
    with Obs(home, room["rtmp_url"], room["stream_key"]) as obs:
        obs.start_streaming()
        follower = Follower(server.playable("demo")).start()
        until(lambda: follower.whole(2), "two segments")
        shown = server.client.show("demo")
        assert (shown["publisher"]["video"]["width"], shown["publisher"]["video"]["height"]) == (640, 360)
        assert "obs" in shown["publisher"]["software"].lower()
        obs.stop_streaming()
        server.wait_for("demo", state="slate", publisher=None)
        until(lambda: not obs.streaming, "OBS to have stopped")
        seen = len(follower.got["360p"].segments)
        obs.start_streaming()
        server.wait_for("demo", state="live", broadcast=shown["broadcast"])
        until(lambda: max(follower.got["360p"].segments) >= seen + 2 and follower.whole(4), "segments again")
        follower.finish()


@pytest.mark.timeout(120)
def test_obs_logs_in_with_the_rooms_name_and_key(server: RunningServer, tmp_path: Path) -> None:
    """Its "Use authentication": the key is not sent."""
    room = server.room("demo")
    home = tmp_path / "obs"
    home.mkdir()
    url = room["rtmp_url"].replace("/live", "/login")
    with Obs(home, url, "anything", login=("demo", room["stream_key"])) as obs:
        obs.start_streaming()
        server.wait_for("demo", state="live")
        assert server.child is not None
        assert room["stream_key"] not in server.child.said()


@pytest.mark.timeout(120)
def test_obs_with_all_in_the_servers_field(server: RunningServer, tmp_path: Path) -> None:
    room = server.room("demo")
    home = tmp_path / "obs"
    home.mkdir()
    with Obs(home, f"{room['rtmp_url']}/{room['stream_key']}", "") as obs:
        obs.start_streaming()
        server.wait_for("demo", state="live")
