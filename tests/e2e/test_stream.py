"""From a real ffmpeg to what a player gets: the promises of a ``source`` room, seen from outside."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import ffmpeg
from tests.support.hls.follower import Follower
from tests.support.hls.known import KNOWN_OF_TAKEOVERS
from tests.support.hls_reader import beeps, fetch, flashes, frames
from tests.support.processes import until
from tests.support.server import RunningServer, status

CLIP_FRAMES = 480
MOST_OFFSET = 0.040


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "host.log"


def test_every_frame_arrives_in_order_and_sound_is_with_its_picture(
    server: RunningServer, clip: Path, log: Path
) -> None:
    server.room("demo")
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        follower = Follower(server.playable("demo")).start()
        until(lambda: follower.whole(6), "six segments")
        follower.probe()
        follower.finish()
    video, audio = follower.got["source"].media(), follower.got["audio"].media()
    codes = [code for _, code, _ in frames(video)]
    assert len(codes) >= 300
    first = codes[0]
    assert first is not None
    assert codes == [(first + n) % CLIP_FRAMES for n in range(len(codes))]
    seen, heard = flashes(video), beeps(audio)
    pairs = [(flash, min(heard, key=lambda beep: abs(beep - flash))) for flash in seen if flash < max(heard)]
    assert len(pairs) >= 8
    assert all(abs(flash - beep) <= MOST_OFFSET for flash, beep in pairs), pairs


def test_ffprobe_finds_what_the_multivariant_playlist_says(server: RunningServer, clip: Path, log: Path) -> None:
    server.room("demo")
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        url = server.playable("demo")
        streams = {stream["codec_type"]: stream for stream in ffmpeg.probe(url)}
        said = Follower(url).master.variants[0].said
    assert (streams["video"]["codec_name"], streams["audio"]["codec_name"]) == ("h264", "aac")
    assert (streams["video"]["width"], streams["video"]["height"]) == (640, 360)
    assert (said["RESOLUTION"], said["FRAME-RATE"]) == ("640x360", "30.000")
    assert said["CODECS"].split(",")[1] == "mp4a.40.2"


@pytest.mark.parametrize(("video", "audio"), [(True, False), (False, True)], ids=["picture alone", "sound alone"])
def test_a_host_with_one_track_is_played(server: RunningServer, log: Path, video: bool, audio: bool) -> None:
    server.room("demo")
    with ffmpeg.publish_pattern(server.publish_url("demo"), log, video=video, audio=audio):
        follower = Follower(server.playable("demo")).start()
        until(lambda: follower.whole(3), "three segments")
        follower.finish()
    assert list(follower.got) == ["source" if video else "audio"]


def test_a_wrong_key_is_refused_with_words(server: RunningServer, log: Path) -> None:
    server.room("demo")
    with ffmpeg.publish_pattern(server.publish_url("demo") + "x", log) as host:
        assert host.wait() != 0
        assert "stream key is not known" in host.said()


def test_a_stopped_room_refuses_its_host(server: RunningServer, log: Path) -> None:
    url = (server.room("demo"), server.publish_url("demo"))[1]
    server.client.stop("demo")
    with ffmpeg.publish_pattern(url, log) as host:
        assert host.wait() != 0
        assert "room demo is stopped" in host.said()


def test_an_unsupported_codec_is_refused_by_name(server: RunningServer, log: Path) -> None:
    server.room("demo")
    with ffmpeg.publish_pattern(server.publish_url("demo"), log, codec=("-c:v", "flv1")) as host:
        assert host.wait() != 0
    until(lambda: "Sorenson" in (server.folder / "server.log").read_text(), "the log to name the codec")


def test_the_newest_publisher_takes_over_and_the_broadcast_goes_on(
    server: RunningServer, clip: Path, log: Path, tmp_path: Path
) -> None:
    server.room("demo")
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log) as first:
        follower = Follower(server.playable("demo"), known=KNOWN_OF_TAKEOVERS).start()
        broadcast = server.client.show("demo")["broadcast"]
        with ffmpeg.publish_file(server.publish_url("demo"), clip, tmp_path / "second.log"):
            until(lambda: not first.running, "the first host to be sent away")
            seen = len(follower.got["source"].segments)
            until(lambda: follower.whole(seen + 3), "the second host's segments")
            assert server.client.show("demo")["broadcast"] == broadcast
            follower.finish()


def test_a_host_that_drops_and_comes_back_goes_on_in_its_broadcast(
    server: RunningServer, clip: Path, log: Path
) -> None:
    server.room("demo")
    url = server.publish_url("demo")
    with ffmpeg.publish_file(url, clip, log) as host:
        follower = Follower(server.playable("demo")).start()
        until(lambda: follower.whole(2), "two segments")
        broadcast = server.client.show("demo")["broadcast"]
        host.kill()
    server.wait_for("demo", state="slate")
    seen = len(follower.got["source"].segments)
    until(lambda: follower.whole(seen + 2), "segments of the slate")
    with ffmpeg.publish_file(url, clip, log):
        server.wait_for("demo", state="live", broadcast=broadcast)
        until(lambda: follower.whole(seen + 5), "segments after the slate")
        follower.finish()
    segments = follower.got["source"].segments
    assert None not in segments.values(), "the slate leaves no gap"
    assert sorted(segments) == list(range(min(segments), max(segments) + 1))
    assert not follower.got["source"].discontinuities


@pytest.mark.parametrize("end", [RunningServer.kill, RunningServer.stop])
def test_a_server_that_is_started_again_goes_on_with_its_broadcast(
    server: RunningServer, clip: Path, log: Path, end: Callable[[RunningServer], object]
) -> None:
    server.room("demo")
    url = server.publish_url("demo")
    with ffmpeg.publish_file(url, clip, log) as host:
        follower = Follower(server.playable("demo")).start()
        until(lambda: follower.whole(2), "two segments")
        broadcast = server.client.show("demo")["broadcast"]
        end(server)
        host.kill()
    server.start()
    assert server.publish_url("demo") == url
    with ffmpeg.publish_file(url, clip, log):
        server.wait_for("demo", state="live", broadcast=broadcast)
        until(lambda: follower.whole(5), "segments after the restart")
        follower.finish()
    assert not follower.ended


def test_stopping_a_room_ends_its_playlists(server: RunningServer, clip: Path, log: Path) -> None:
    server.room("demo")
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log) as host:
        url = server.playable("demo")
        follower = Follower(url).start()
        until(lambda: follower.whole(1), "a segment")
        server.client.stop("demo")
        until(lambda: follower.ended, "ENDLIST")
        follower.finish()
        until(lambda: not host.running, "the host to be sent away")
    assert status(url) == 404


def test_strangers_on_the_rtmp_port_disturb_nobody(server: RunningServer, clip: Path, log: Path) -> None:
    server.room("demo")
    host, _, port = server.rtmp.partition(":")
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        follower = Follower(server.playable("demo")).start()
        for garbage in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01" + bytes(200),
            b"\x03" + bytes(1536) + b"\xff" * 4000,
        ):
            with socket.create_connection((host, int(port)), timeout=10) as stranger:
                stranger.sendall(garbage)
                while stranger.recv(65536):
                    pass  # until it is closed
        silent = [socket.create_connection((host, int(port)), timeout=10) for _ in range(20)]
        until(lambda: follower.whole(5), "segments all the while")
        follower.finish()
        for connection in silent:
            connection.close()


def test_many_rooms_are_kept_apart(server: RunningServer, clip: Path, tmp_path: Path) -> None:
    names = ["one", "two", "three"]
    hosts = []
    for name in names:
        server.room(name)
        hosts.append(ffmpeg.publish_file(server.publish_url(name), clip, tmp_path / f"{name}.log"))
    try:
        for name in names:
            assert f"/{name}/" in server.playable(name)
        broadcasts = {name: server.client.show(name)["broadcast"] for name in names}
        assert len(set(broadcasts.values())) == len(names)
        elsewhere = f"{server.url}/hls/one/{broadcasts['two']}/source.m3u8"
        assert status(elsewhere) == 404
        assert b"EXTM3U" in fetch(f"{server.url}/hls/two/{broadcasts['two']}/source.m3u8")
    finally:
        for host in hosts:
            host.stop()
