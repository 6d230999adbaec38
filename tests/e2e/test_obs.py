"""OBS, as Debian ships it, is a host: two fields to paste, start, stop, start again."""

import io
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.hls.follower import Follower
from tests.support.hls.known import KNOWN_OF_RESTARTS
from tests.support.obs import SCENE, Obs
from tests.support.processes import until
from tests.support.server import RunningServer


def sizes_shown(media: bytes) -> set[tuple[int, int]]:
    """The sizes of the pictures, all of which show OBS's scene."""
    sizes = set()
    with av.open(io.BytesIO(media), "r") as container:
        for frame in container.decode(video=0):
            shown = frame.to_ndarray(format="rgb24")
            assert np.abs(shown.mean(axis=(0, 1)) - SCENE).max() < 8
            sizes.add((frame.width, frame.height))
    return sizes


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
        obs.rescale(480, 270)
        obs.start_streaming()
        server.wait_for("demo", state="live", broadcast=shown["broadcast"])
        seen = len(follower.got["360p"].segments)
        until(lambda: max(follower.got["360p"].segments) >= seen + 2 and follower.whole(4), "segments again")
        assert server.client.show("demo")["publisher"]["video"]["width"] == 480
        follower.finish()
    assert sizes_shown(follower.got["360p"].first(2)) == {(640, 360)}
    assert sizes_shown(follower.got["360p"].last(1)) == {(640, 360)}


@pytest.mark.timeout(120)
def test_obs_that_starts_again_at_once_in_another_size(server: RunningServer, tmp_path: Path) -> None:
    room = server.room("demo")
    home = tmp_path / "obs"
    home.mkdir()
    with Obs(home, room["rtmp_url"], room["stream_key"]) as obs:
        obs.start_streaming()
        follower = Follower(server.playable("demo"), known=KNOWN_OF_RESTARTS).start()
        until(lambda: follower.whole(1), "a segment")
        obs.stop_streaming()
        until(lambda: not obs.streaming, "OBS to have stopped")
        obs.rescale(480, 270)
        obs.start_streaming()
        until(lambda: follower.got["source"].discontinuities, "a segment of the other picture")
        follower.finish()
    got = follower.got["source"]
    assert sizes_shown(got.first(1)) == {(640, 360)}
    assert sizes_shown(got.last(1)) == {(480, 270)}
    assert len(follower.broadcasts) == 1


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
