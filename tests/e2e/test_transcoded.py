"""From a real ffmpeg to what players get of a room that transcodes: real worker processes, seen from outside."""

import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import ffmpeg
from tests.support.hls.follower import Follower
from tests.support.hls.known import KNOWN_OF_STAND_INS
from tests.support.hls_reader import beeps, flashes, frames
from tests.support.processes import until
from tests.support.server import RunningServer

CLIP_FRAMES = 480
MOST_OFFSET = 0.040
LADDER = "360p,240p"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "host.log"


def worker(server: RunningServer, room: str = "demo") -> dict[str, Any]:
    """What the server says of a room's worker process."""
    stats: dict[str, Any] = server.client.show(room)["worker"]
    return stats


def in_order(follower: Follower, rendition: str) -> int:
    """How many frames a rung gave, all of the host's in order; the bar code tells which."""
    codes = [code for _, code, _ in frames(follower.got[rendition].media())]
    first = codes[0]
    assert first is not None
    assert codes == [(first + n) % CLIP_FRAMES for n in range(len(codes))]
    return len(codes)


def test_every_frame_arrives_in_every_rung_and_sound_is_with_its_picture(
    server: RunningServer, clip: Path, log: Path
) -> None:
    server.room("demo", ladder=LADDER)
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        url = server.playable("demo")
        follower = Follower(url).start()
        streams = {stream["codec_type"]: stream for stream in ffmpeg.probe(url)}
        until(lambda: follower.whole(6), "six segments")
        follower.probe()
        follower.finish()
    assert list(follower.got) == ["360p", "240p", "audio"]
    for rendition in ("360p", "240p"):
        assert in_order(follower, rendition) >= 300
        seen, heard = flashes(follower.got[rendition].media()), beeps(follower.got["audio"].media())
        pairs = [(flash, min(heard, key=lambda beep: abs(beep - flash))) for flash in seen if flash < max(heard)]
        assert len(pairs) >= 8
        assert all(abs(flash - beep) <= MOST_OFFSET for flash, beep in pairs), pairs
    best, least = (variant.said for variant in follower.master.variants)
    assert (best["RESOLUTION"], least["RESOLUTION"]) == ("640x360", "426x240")
    assert int(best["BANDWIDTH"]) > int(least["BANDWIDTH"])
    assert best["FRAME-RATE"] == least["FRAME-RATE"] == "30.000"
    video = streams["video"]
    assert {video[tag] for tag in ("color_space", "color_primaries", "color_transfer")} == {"bt709"}
    assert (video["pix_fmt"], video["color_range"]) == ("yuv420p", "tv")
    assert (streams["audio"]["sample_rate"], streams["audio"]["channels"]) == ("48000", 2)


def test_a_killed_worker_is_replaced_and_no_frame_is_lost(server: RunningServer, clip: Path, log: Path) -> None:
    server.room("demo", ladder=LADDER)
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        follower = Follower(server.playable("demo"), known=KNOWN_OF_STAND_INS).start()
        until(lambda: follower.whole(2), "two segments")
        first = worker(server)["pid"]
        os.kill(first, signal.SIGKILL)
        until(lambda: worker(server)["pid"] not in (None, first), "another worker")
        assert worker(server)["restarts"] == 1
        seen = len(follower.got["360p"].segments)
        until(lambda: follower.whole(seen + 3), "segments of the new one")
        follower.finish()
    for rendition in ("360p", "240p"):
        in_order(follower, rendition)
        assert not follower.got[rendition].discontinuities
        numbers = sorted(follower.got[rendition].segments)
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert "demo" in (server.folder / "server.log").read_text()


def test_a_room_with_the_hosts_own_picture_and_a_rung(server: RunningServer, clip: Path, log: Path) -> None:
    server.room("demo", ladder="source,240p")
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        follower = Follower(server.playable("demo")).start()
        until(lambda: follower.whole(4), "four segments")
        follower.finish()
    assert list(follower.got) == ["source", "240p", "audio"]
    assert in_order(follower, "source") >= 200
    assert in_order(follower, "240p") >= 200


def test_a_host_that_comes_back_with_another_picture_goes_on(server: RunningServer, clip: Path, log: Path) -> None:
    server.room("demo", ladder=LADDER)
    url = server.publish_url("demo")
    with ffmpeg.publish_file(url, clip, log):
        follower = Follower(server.playable("demo")).start()
        broadcast = server.client.show("demo")["broadcast"]
        until(lambda: follower.whole(2), "two segments")
    server.wait_for("demo", state="slate")
    with ffmpeg.publish_pattern(url, log, size="240x320", fps=25):
        server.wait_for("demo", state="live", broadcast=broadcast)
        until(lambda: follower.whole(5), "segments after the change")
        follower.finish()
    for got in follower.got.values():
        assert not got.discontinuities
        assert None not in got.segments.values(), "the host's absence is no gap"
        assert len(got.inits) == 1 or len(set(got.inits.values())) == 1


def test_another_ladder_begins_another_broadcast(server: RunningServer, clip: Path, log: Path) -> None:
    server.room("demo", ladder="240p")
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        follower = Follower(server.playable("demo")).start()
        until(lambda: follower.whole(1), "a segment")
        shown = server.client.change("demo", {"ladder": "180p"})
        until(lambda: follower.ended, "ENDLIST")
        follower.finish()
        again = Follower(server.playable("demo"))
        assert list(again.got) == ["180p", "audio"]
        assert server.client.show("demo")["broadcast"] != shown["broadcast"]


def test_nothing_is_left_when_rooms_and_servers_end(server: RunningServer, clip: Path, log: Path) -> None:
    server.room("demo", ladder="240p")
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        server.playable("demo")
        child = psutil.Process(worker(server)["pid"])
        server.client.stop("demo")
        until(lambda: not child.is_running(), "the worker to end with its room")
        server.room("demo", ladder="240p")
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        server.playable("demo")
        child = psutil.Process(worker(server)["pid"])
        server.kill()
        until(lambda: not child.is_running(), "the worker to end with its server")


def test_a_restarted_server_goes_on_with_a_transcoded_broadcast(server: RunningServer, clip: Path, log: Path) -> None:
    server.room("demo", ladder="240p")
    url = server.publish_url("demo")
    with ffmpeg.publish_file(url, clip, log) as host:
        follower = Follower(server.playable("demo")).start()
        until(lambda: follower.whole(2), "two segments")
        broadcast = server.client.show("demo")["broadcast"]
        server.kill()
        host.kill()
    server.start()
    with ffmpeg.publish_file(url, clip, log):
        server.wait_for("demo", state="live", broadcast=broadcast)
        until(lambda: follower.whole(5), "segments after the restart")
        follower.finish()
    assert not follower.got["240p"].discontinuities
