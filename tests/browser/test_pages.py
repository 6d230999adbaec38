"""The pages in a real Chromium: a viewer opens a link, sees the stream, and never has to reload."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import ffmpeg
from tests.support.browser import PHONE, Viewer
from tests.support.processes import until
from tests.support.server import RunningServer

View = Callable[..., Viewer]


def test_two_viewers_watch_at_once_and_are_counted(
    server: RunningServer, clip: Path, log: Path, view: View, artifacts: Path
) -> None:
    url = server.room("demo", title="Demo of the day")["watch_url"]
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        server.playable("demo")
        one, two = view(url), view(url, dark=True)
        for viewer in (one, two):
            viewer.until_playing()
        went = [viewer.plays(10) for viewer in (one, two)]
        assert all(seconds() >= 8 for seconds in went)
        for viewer in (one, two):
            assert viewer.state["counters"]["fatals"] == 0, viewer.state["troubles"]
            assert viewer.errors == []
        assert one.code() is not None
        until(lambda: server.client.show("demo")["viewers"] == 2, "both to be counted")
        one.page.get_by_text("Demo of the day").wait_for()
        one.page.get_by_text("2 watching").wait_for()
        one.page.screenshot(path=artifacts / "room-live.png")
        two.page.screenshot(path=artifacts / "room-live-dark.png")


def test_muted_playback_offers_its_sound(
    server: RunningServer, clip: Path, log: Path, view: View, artifacts: Path
) -> None:
    url = server.room("demo")["watch_url"]
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        server.playable("demo")
        viewer = view(url, PHONE)
        viewer.until_playing()
        viewer.page.screenshot(path=artifacts / "room-live-phone.png")
        assert viewer.page.evaluate("() => document.querySelector('video').muted")
        viewer.page.locator("#unmute").click()
        assert not viewer.page.evaluate("() => document.querySelector('video').muted")
        viewer.page.locator("#unmute").wait_for(state="hidden")


def test_a_page_waits_for_its_host_and_starts_by_itself(
    server: RunningServer, clip: Path, log: Path, view: View, artifacts: Path
) -> None:
    viewer = view(server.room("demo")["watch_url"])
    viewer.page.get_by_text("Waiting for the host").first.wait_for()
    viewer.page.screenshot(path=artifacts / "room-waiting.png")
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        viewer.until_playing()
    assert viewer.loads == 1


def test_a_killed_server_is_survived_without_a_reload(
    server: RunningServer, clip: Path, log: Path, view: View, artifacts: Path
) -> None:
    url = server.room("demo")["watch_url"]
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log) as host:
        server.playable("demo")
        viewer = view(url)
        viewer.until_playing()
        server.kill()
        host.kill()
        until(lambda: viewer.state["player"] != "playing", "playback to run dry")
        viewer.page.screenshot(path=artifacts / "room-server-gone.png")
    server.start()
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        viewer.until_playing()
        assert viewer.played(5) >= 4
    assert viewer.loads == 1


def test_a_stopped_room_says_so_and_starts_again_by_itself(
    server: RunningServer, clip: Path, log: Path, view: View, artifacts: Path
) -> None:
    url = server.room("demo")["watch_url"]
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        server.playable("demo")
        viewer = view(url)
        viewer.until_playing()
        server.client.stop("demo")
        until(lambda: viewer.state["face"] not in ("none", "live", ""), "the page to say that it is over")
        viewer.page.wait_for_timeout(1000)
        viewer.page.screenshot(path=artifacts / "room-stopped.png")
    server.room("demo")
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        viewer.until_playing()
    assert viewer.loads == 1


def test_a_stream_whose_picture_changes_goes_on(server: RunningServer, log: Path, view: View) -> None:
    url = server.room("demo")["watch_url"]
    with ffmpeg.publish_pattern(server.publish_url("demo"), log, size="320x180"):
        server.playable("demo")
        viewer = view(url)
        viewer.until_playing()
    with ffmpeg.publish_pattern(server.publish_url("demo"), log, size="640x360"):
        until(lambda: viewer.page.evaluate("() => document.querySelector('video').videoWidth") == 640, "the new size")
        viewer.until_playing()
        assert viewer.played(5) >= 4
    assert viewer.loads == 1


def test_home_lists_what_is_live(server: RunningServer, clip: Path, log: Path, view: View, artifacts: Path) -> None:
    viewer = view(f"{server.url}/", PHONE)
    viewer.page.screenshot(path=artifacts / "home-empty-phone.png")
    server.room("demo", title="Demo of the day")
    server.room("hidden", title="Only by link", private=True)
    with (
        ffmpeg.publish_file(server.publish_url("demo"), clip, log),
        ffmpeg.publish_file(server.publish_url("hidden"), clip, log),
    ):
        server.playable("demo")
        server.playable("hidden")
        link = viewer.page.get_by_role("link", name="Demo of the day")
        link.wait_for()
        assert viewer.page.get_by_text("Only by link").count() == 0
        viewer.page.screenshot(path=artifacts / "home-phone.png")
        link.click()
        viewer.until_playing()


@pytest.mark.parametrize("path", ["/", "/r/demo", "/embed/demo", "/r/nowhere"])
def test_pages_fit_a_phone(server: RunningServer, view: View, artifacts: Path, path: str) -> None:
    server.room("demo", title="A title that is rather long for so small a screen, and goes on and on")
    viewer = view(server.url + path, PHONE)
    viewer.page.wait_for_timeout(500)
    wide = viewer.page.evaluate("() => document.documentElement.scrollWidth")
    viewer.page.screenshot(path=artifacts / f"phone{path.replace('/', '-')}.png")
    assert wide <= PHONE["width"]
    assert viewer.errors == []


def test_an_embedded_room_plays(server: RunningServer, clip: Path, log: Path, view: View) -> None:
    server.room("demo")
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        server.playable("demo")
        view(f"{server.url}/embed/demo").until_playing()
