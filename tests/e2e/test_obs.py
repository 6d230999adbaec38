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
