"""A transcoded room in a real Chromium: viewers choose a quality, and feel neither that nor any fault behind it."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import ffmpeg
from tests.support.browser import PHONE, Viewer
from tests.support.playback import Playback, Recorder
from tests.support.processes import PATIENCE, Child, until
from tests.support.server import RunningServer

View = Callable[..., Viewer]
FPS, LOOP = 30, 480
"""Of the clip, in frames: what its bar code counts."""
STALL, JUMP, RECOVERY, FOLLOW = 0.5, 0.5, 3.0, 10.0
"""Seconds that are promised: to stand still, to leave out, to be back after a fault, to follow the connection."""
SLACK = 3
TOUCH = 44
"""The least size of what a finger can hit (CSS pixels)."""
NARROW, WIDE = 700_000, 6_000_000
"""Bit/s: a connection that carries 240p, but not 360p of the picture below; and one that carries all."""
_NOISE = "-vf noise=alls=50:allf=t -c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p"
NOISE = tuple(f"{_NOISE} -b:v 3M -maxrate 3M -bufsize 3M".split())
"""How a host encodes a picture that takes all the bits that a rung has."""


@pytest.fixture
def url(server: RunningServer) -> str:
    """The page of a room that transcodes."""
    room = server.room("demo", ladder="360p,240p", preset="fast", title="Demo of the day")
    return str(room["watch_url"])


@pytest.fixture
def host(server: RunningServer, url: str, clip: Path, log: Path) -> Iterator[Child]:
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log) as publishing:
        server.playable("demo")
        yield publishing


def until_quality(viewer: Viewer, chosen: str, shown: str, seconds: float = PATIENCE) -> None:
    """Wait until the picture on screen is the one of ``shown``."""

    def fits() -> bool:
        quality = viewer.state["quality"]
        height: int = viewer.page.evaluate("() => document.querySelector('video').videoHeight")
        return (quality["chosen"], quality["shown"], f"{height}p") == (chosen, shown, shown)

    until(fits, f"{shown} to be shown; the page says {viewer.state['quality']}", seconds)


def check_unharmed(viewer: Viewer, troubles: bool = False) -> None:
    """Nothing fatal, and no reload; nor a rescue, unless ``troubles`` are allowed."""
    assert viewer.state["counters"]["fatals"] == 0, viewer.state["troubles"]
    assert troubles or viewer.state["troubles"] == []
    assert (viewer.loads, viewer.errors) == (1, [])


def check_smooth(playback: Playback) -> None:
    assert playback.stall <= STALL * SLACK
    assert playback.jump <= JUMP


def test_a_viewer_chooses_a_quality(url: str, host: Child, view: View, artifacts: Path) -> None:
    viewer = view(url)
    viewer.until_playing()
    control, keyboard = viewer.page.get_by_role("combobox", name="Quality"), viewer.page.keyboard
    until_quality(viewer, "auto", "360p")
    assert viewer.state["quality"]["offered"] == ["360p", "240p"]
    assert viewer.played(2) >= 1.8  # it has found its place: what follows is the choice's doing
    offered = ["Auto (360p)", "360p", "240p"]
    until(lambda: control.locator("option").all_inner_texts() == offered, f"{offered} to be offered")
    recorder = Recorder(viewer.page)

    control.click()
    viewer.page.screenshot(path=artifacts / "quality-open.png")
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        keyboard.press(key)
    until_quality(viewer, "240p", "240p")
    viewer.page.screenshot(path=artifacts / "quality-240p.png")

    viewer.page.locator("media-live-button").focus()
    keyboard.press("Tab")
    keyboard.press("ArrowUp")
    until_quality(viewer, "360p", "360p")
    viewer.page.screenshot(path=artifacts / "quality-keyboard.png")

    keyboard.press("ArrowUp")
    keyboard.press("m")  # a hotkey of the player's, but not here
    until_quality(viewer, "auto", "360p")
    assert viewer.page.evaluate("() => document.querySelector('video').muted")
    assert viewer.played(2) >= 1.8

    playback = recorder.take()
    check_smooth(playback)
    assert {frame.height for frame in playback.frames} == {360, 240}
    # What is drawn while the size changes can be half of one picture and half of another.
    assert sum(frame.code is None for frame in playback.frames) <= 2 * 3, "at most two at each of three changes"
    assert playback.seams(FPS, LOOP) == []
    check_unharmed(viewer)


def test_a_phone_has_the_choice_within_reach(url: str, host: Child, view: View, artifacts: Path) -> None:
    phone = view(url, PHONE, dark=True)
    phone.until_playing()
    until_quality(phone, "auto", "240p")  # more would be seen by nobody on so small a screen
    control = phone.page.get_by_role("combobox", name="Quality")
    phone.page.locator("media-gesture-receiver").first.tap()  # shows the controls
    until(lambda: phone.page.locator("media-controller[userinactive]").count() == 0, "the controls")
    control.tap()
    box = control.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= TOUCH
    assert 0 <= box["x"] <= PHONE["width"] - box["width"]
    phone.page.screenshot(path=artifacts / "quality-phone-dark.png")
    for key in ("ArrowDown", "Enter"):  # in the list that the tap has opened
        phone.page.keyboard.press(key)
    until_quality(phone, "360p", "360p")
    check_unharmed(phone)


def test_a_killed_worker_and_a_host_that_is_away_stop_no_picture(
    server: RunningServer, url: str, host: Child, clip: Path, log: Path, view: View, artifacts: Path
) -> None:
    viewer = view(url)
    viewer.until_playing()
    recorder = Recorder(viewer.page)

    os.kill(server.client.show("demo")["worker"]["pid"], signal.SIGKILL)
    assert viewer.played(6) >= 5
    killed = recorder.take()
    assert server.client.show("demo")["worker"]["restarts"] == 1
    assert killed.stall <= RECOVERY * SLACK
    assert killed.jump <= JUMP * SLACK
    if all(frame.code is not None for frame in killed.frames):  # another worker came before the slate was due
        assert killed.seams(FPS, LOOP) == [], "no frame is lost"
    check_unharmed(viewer)

    host.kill()
    server.wait_for("demo", state="slate")
    assert viewer.played(9) >= 8
    viewer.page.screenshot(path=artifacts / "quality-host-away.png")
    away = recorder.take()
    check_smooth(away)
    assert away.frames[-1].code is None, "blank"
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        until(viewer.code, "the host's picture")
        assert viewer.played(2) >= 1.8
        back = recorder.take()
    check_smooth(back)
    assert back.frames[-1].code is not None
    assert {frame.height for frame in (*killed.frames, *away.frames, *back.frames)} == {360}, "the best, all along"
    check_unharmed(viewer)


def test_auto_follows_the_connection_down_and_up(server: RunningServer, url: str, log: Path, view: View) -> None:
    with ffmpeg.publish_pattern(server.publish_url("demo"), log, size="640x360", codec=NOISE):
        server.playable("demo")
        viewer = view(url)
        viewer.until_playing()
        until_quality(viewer, "auto", "360p")
        network = viewer.context.new_cdp_session(viewer.page)

        def carry(bits: int) -> None:
            limits = {"downloadThroughput": bits / 8, "uploadThroughput": bits / 8, "latency": 20, "offline": False}
            network.send("Network.emulateNetworkConditions", limits)

        network.send("Network.enable")
        carry(NARROW)
        until_quality(viewer, "auto", "240p", FOLLOW * SLACK)
        recorder = Recorder(viewer.page)
        assert viewer.played(6) >= 6 - STALL * SLACK
        check_smooth(recorder.take())
        carry(WIDE)
        until_quality(viewer, "auto", "360p", FOLLOW * SLACK)
        check_smooth(recorder.take())
        check_unharmed(viewer, troubles=True)
