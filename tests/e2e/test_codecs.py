"""FFmpeg as a publisher of Enhanced RTMP, watched to the decoded frame: passed on as it is, and transcoded.

The pictures are greys that count, the sound is a tone of 440 Hz.
"""

import io
from pathlib import Path

import av
import pytest

from tests.support.codec_host import publish_codecs
from tests.support.hls.follower import Follower
from tests.support.hls_reader import frequency
from tests.support.media import GREYS, number_of
from tests.support.processes import until
from tests.support.server import RunningServer


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "host.log"


def watch(server: RunningServer, segments: int = 2) -> Follower:
    """Play a room as a careful player does, which judges all that it gets."""
    follower = Follower(server.playable("demo")).start()
    until(lambda: follower.whole(segments), f"{segments} segments")
    follower.finish()
    return follower


def counts(media: bytes) -> int:
    """How many pictures there are, each in its turn; a lossy grey may be the next one."""
    with av.open(io.BytesIO(media), "r") as container:
        numbers = [number_of(frame) for frame in container.decode(video=0)]
    off = [(number - numbers[0] - place + 1) % GREYS for place, number in enumerate(numbers)]
    assert max(off) <= 2, numbers
    return len(numbers)


@pytest.mark.parametrize(
    ("picture", "sound", "codecs"),
    [
        ("hevc", "opus", ["hvc1.1.6.L30.90", "Opus"]),
        ("av1", "flac", ["av01.0.00M.08", "fLaC"]),
        ("vp9", "ac3", ["vp09.00.10.08", "mp4a.40.2"]),
        ("h264", "mp3", ["avc1.4d400a", "mp4a.40.2"]),
    ],
)
def test_a_source_room_passes_on_what_browsers_play(
    server: RunningServer, log: Path, picture: str, sound: str, codecs: list[str]
) -> None:
    server.room("demo")
    with publish_codecs(server.publish_url("demo"), log, picture, sound):
        follower = watch(server)
        told = server.client.show("demo")
    assert follower.master.variants[0].codecs == codecs
    assert counts(follower.got["source"].media()) >= 90
    assert frequency(follower.got["audio"].media()) == pytest.approx(440, abs=2)
    assert (told["publisher"]["video"]["codec"], told["publisher"]["audio"]["codec"]) == (picture, sound)
    assert len(told["warnings"]) == (sound in ("ac3", "mp3")) + (picture != "h264")
    assert (told["worker"] is not None) == (sound in ("ac3", "mp3"))


@pytest.mark.parametrize(("picture", "sound"), [("hevc", "opus"), ("av1", "flac"), ("vp9", "pcma")])
def test_a_room_with_a_ladder_transcodes_it(server: RunningServer, log: Path, picture: str, sound: str) -> None:
    server.room("demo", ladder="auto")
    with publish_codecs(server.publish_url("demo"), log, picture, sound):
        follower = watch(server)
        told = server.client.show("demo")
    assert [codec[:5] for codec in follower.master.variants[0].codecs] == ["avc1.", "mp4a."]
    assert counts(follower.got["64p"].media()) >= 60
    assert frequency(follower.got["audio"].media()) == pytest.approx(440, abs=2)
    assert told["warnings"] == []
