"""The demo's page in a real Chromium: what becomes of the sample, before and after, and nothing else before.

The demo runs as it does in earnest, but for a smaller clip and a filter that costs little: it turns pictures into their
negatives, so that a bar code that can be read has not been through it.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from serve.client import Client, Target
from tests.support import ffmpeg
from tests.support.browser import DESKTOP, PHONE, Viewer
from tests.support.processes import Child, free_port, until
from tests.support.server import ROOT, VEILCAST

FILTER = f"{ROOT / 'samples' / 'filters' / 'invert.py'}:invert"
DEMO = """
import json, sys
from pathlib import Path
from serve import demo, run
from serve.config import Address, ServeConfig

async def ready(server, room):
    Path(sys.argv[1]).with_name("room.json").write_text(json.dumps(room))

data, clip, rtmp, http, filter, *program = sys.argv[1:]
demo.FILTERS = [filter]
config = ServeConfig(Path(data), Address.parse(rtmp), Address.parse(http))
run.run(run.until_told_to_end(demo.demo(config, program, Path(clip), ready, print)))
"""
BEFORE, AFTER = "This is the sample as its host sends it", "This is the stream as every viewer of the room gets it."
SOUND = "() => { const video = document.querySelector('video'); return [video.muted, video.volume]; }"
HEARD = "() => [...document.querySelectorAll('video, audio')].filter((media) => !media.paused && !media.muted).length"


class Demo:
    """A running demo, and its room as it was when viewers could come."""

    def __init__(self, data: Path, room: dict[str, Any]) -> None:
        self.room = room
        self.client = Client(Target.find(data))

    @property
    def url(self) -> str:
        return str(self.room["watch_url"])

    @property
    def publish_url(self) -> str:
        return f"{self.room['rtmp_url']}/{self.room['stream_key']}"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    rtmp, http = (f"127.0.0.1:{free_port()}" for _ in range(2))
    command = (sys.executable, "-c", DEMO, folder / "data", clip, rtmp, http, FILTER, *VEILCAST)
    room = folder / "room.json"
    with Child(command, folder / "demo.log", {"PYTHONPATH": str(ROOT)}) as child:
        until(lambda: room.exists() or not child.running, "the demo to start")
        assert child.running, child.said()
        yield Demo(folder / "data", json.loads(until(room.read_text, "the room")))


def shows(viewer: Viewer, words: str) -> bool:
    """Whether the page says this of what it shows, and plays it."""
    return words in viewer.page.inner_text("body") and viewer.state["player"] == "playing" and viewer.played(0.3) > 0.1


def shows_before(viewer: Viewer) -> None:
    until(lambda: shows(viewer, BEFORE), "the sample before filters")
    assert viewer.code() is not None
    assert viewer.page.evaluate("() => document.querySelector('video').currentSrc").endswith("/demo/sample.mp4")
    assert "Live" not in viewer.page.inner_text("#facts"), "nothing live is shown"


def shows_after(viewer: Viewer) -> None:
    until(lambda: shows(viewer, AFTER), "the live stream")
    assert viewer.code() is None, "it has been through the room's filter"
    assert viewer.state["latency"] < 5, "it is at the live edge"


@pytest.mark.parametrize(("viewport", "name"), [(DESKTOP, "desktop"), (PHONE, "phone")])
def test_the_sample_is_shown_before_and_after_its_filters(
    demo: Demo, view: Callable[..., Viewer], artifacts: Path, viewport: Any, name: str
) -> None:
    viewer = view(demo.url, viewport)
    before, after = (viewer.page.get_by_role("radio", name=side) for side in ("Before", "After"))
    shows_after(viewer)
    assert (before.is_checked(), after.is_checked()) == (False, True)
    viewer.page.evaluate("() => Object.assign(document.querySelector('video'), { muted: false, volume: 0.3 })")
    viewer.page.screenshot(path=artifacts / f"demo-after-{name}.png")

    before.click()
    shows_before(viewer)
    assert (before.is_checked(), after.is_checked()) == (True, False)
    assert viewer.page.evaluate(SOUND) == [False, 0.3]
    assert viewer.page.evaluate(HEARD) == 1
    viewer.page.screenshot(path=artifacts / f"demo-before-{name}.png")
    assert viewer.page.evaluate("() => document.documentElement.scrollWidth") <= viewport["width"]

    viewer.page.evaluate("() => document.querySelector('video').pause()")
    until(lambda: viewer.state["player"] == "paused", "a pause")
    before.focus()
    viewer.page.keyboard.press("ArrowRight")
    shows_after(viewer)
    assert viewer.page.evaluate(SOUND) == [False, 0.3]
    assert viewer.page.evaluate(HEARD) == 1
    assert (viewer.loads, viewer.errors) == (1, [])


def test_of_another_host_nothing_is_shown_before_its_filters(
    demo: Demo, clip: Path, log: Path, view: Callable[..., Viewer], artifacts: Path
) -> None:
    viewer = view(demo.url)
    shows_after(viewer)
    viewer.page.get_by_role("radio", name="Before").click()
    shows_before(viewer)
    switch = viewer.page.locator("#sample")
    with ffmpeg.publish_file(demo.publish_url, clip, log):
        switch.wait_for(state="hidden")
        until(lambda: "Live" in viewer.page.inner_text("#facts"), "the live stream")
        viewer.until_playing()
        assert viewer.state["file"] is None
        assert "sample" not in demo.client.show("demo")
        viewer.page.screenshot(path=artifacts / "demo-another-host.png")
    switch.wait_for()
    assert viewer.page.get_by_role("radio", name="After").is_checked()
    assert (viewer.loads, viewer.errors) == (1, [])
