"""GStreamer's rtmp2sink is a host, watched to the decoded frame: passed on as it is, and transcoded."""

import io
from itertools import pairwise
from pathlib import Path

import av
import pytest

from tests.support.hls.follower import Follower
from tests.support.hls_reader import frequency
from tests.support.processes import Child, until
from tests.support.server import RunningServer

_BARS = 7
"""SMPTE's: white, yellow, cyan, green, magenta, red, blue, each darker than the one before."""


def publish(urls: list[str], log: Path) -> Child:
    """Publish bars, and a tone, to all of ``urls``."""
    words = "videotestsrc is-live=true pattern=smpte ! video/x-raw,width=320,height=180,framerate=30/1"
    words += " ! openh264enc gop-size=30 complexity=low ! h264parse ! mux."
    words += " audiotestsrc is-live=true freq=440 ! audio/x-raw,rate=48000,channels=2 ! audioconvert ! voaacenc ! mux."
    words += " flvmux name=mux streamable=true ! tee name=all"
    command = ["gst-launch-1.0", *words.split()]
    for url in urls:
        command += ["all.", "!", "queue", "!", "rtmp2sink", f"location={url}"]
    return Child(command, log)


def bars(media: bytes) -> int:
    """How many pictures there are, all of which show the bars."""
    with av.open(io.BytesIO(media), "r") as container:
        shown = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    for picture in shown:
        height, width = picture.shape
        middles = [picture[height // 3, width * (2 * bar + 1) // (2 * _BARS)] for bar in range(_BARS)]
        assert all(int(left) - int(right) > 8 for left, right in pairwise(middles)), middles
    return len(shown)


def test_both_kinds_of_rooms_show_what_it_publishes(server: RunningServer, tmp_path: Path) -> None:
    ladders = {"passed-on": "source", "transcoded": "auto"}
    for name, ladder in ladders.items():
        server.room(name, ladder=ladder)
    with publish([server.publish_url(name) for name in ladders], tmp_path / "host.log"):
        followers = {name: Follower(server.playable(name)).start() for name in ladders}
        until(lambda: all(follower.whole(2) for follower in followers.values()), "two segments")
        for follower in followers.values():
            follower.finish()
    for name, rendition in (("passed-on", "source"), ("transcoded", "180p")):
        got = followers[name].got
        assert bars(got[rendition].media()) >= 60
        assert frequency(got["audio"].media()) == pytest.approx(440, abs=2)
