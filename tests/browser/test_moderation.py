"""A room whose stream is held for a filter: its page says so, plays on while it is covered, and never has to reload."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import ffmpeg
from tests.support.browser import DESKTOP, PHONE, Viewer
from tests.support.playback import Recorder
from tests.support.processes import until
from tests.support.server import ROOT, RunningServer

FILTER = f"{ROOT / 'samples' / 'filters' / 'toy_detector.py'}:Chroma"
STALL = 0.5
SLACK = 3


@pytest.mark.parametrize(("viewport", "name"), [(DESKTOP, "desktop"), (PHONE, "phone")])
def test_viewers_of_a_filtered_room_are_told_and_play_on(
    server: RunningServer, clip: Path, view: Callable[..., Viewer], tmp_path: Path, artifacts: Path,
    viewport: object, name: str,
) -> None:  # fmt: skip
    server.room("demo", "360p,240p", filters=[FILTER], delay=3, title="Held talk")
    with ffmpeg.publish_file(server.publish_url("demo"), clip, tmp_path / "host.log"):
        server.playable("demo")
        viewer = view(server.client.show("demo")["watch_url"], viewport)
        viewer.until_playing()
        viewer.page.screenshot(path=artifacts / f"held-beginning-{name}.png")
        server.wait_for("demo", state="live")
        until(lambda: viewer.code() is not None, "the host's picture")
        recorder = Recorder(viewer.page)
        assert "Shown 3 seconds later, for moderation" in viewer.page.inner_text("body")
        viewer.page.screenshot(path=artifacts / f"held-{name}.png")
        server.client.cover("demo", True)
        until(lambda: viewer.code() is None, "the slate")
        until(lambda: "Covered" in viewer.page.inner_text("body"), "the badge")
        assert viewer.played(2) > 1
        viewer.page.screenshot(path=artifacts / f"covered-{name}.png")
        server.client.cover("demo", False)
        until(lambda: viewer.code() is not None, "the host's picture again")
        server.client.dump("demo")
        until(lambda: viewer.code() is None, "the slate")
        until(lambda: viewer.code() is not None and viewer.played(1) > 0.5, "the host's picture after the dump")
        assert recorder.take().stall <= STALL * SLACK
        assert (viewer.loads, viewer.errors) == (1, [])
