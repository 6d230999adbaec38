"""A page whose network goes, whose laptop sleeps, or that nobody looks at for a while: live again, without a reload."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support import ffmpeg
from tests.support.browser import Viewer
from tests.support.processes import until
from tests.support.relay import Relay
from tests.support.server import RunningServer

TARGET = 2.0
BACK = TARGET + 1.0
"""Seconds in which a page is promised to be live again."""
SLACK = 3
NEAR = 0.8
"""Seconds further behind than before that still are live: what is missing is caught up by playing a little faster."""
MOST_CONNECTIONS = 6
"""That a browser opens to one HTTP/1.1 server."""


@pytest.fixture
def relay(server: RunningServer) -> Iterator[Relay]:
    """The way from the viewer to the server."""
    with Relay(server.http) as made:
        yield made


@pytest.fixture
def viewer(server: RunningServer, relay: Relay, view: Callable[..., Viewer], clip: Path, log: Path) -> Iterator[Viewer]:
    """A page that plays live by way of the relay."""
    server.room("demo", ladder="240p", preset="fast")
    with ffmpeg.publish_file(server.publish_url("demo"), clip, log):
        server.playable("demo")
        opened: Viewer = view(f"{relay.url}/r/demo")
        opened.until_playing()
        opened.page.wait_for_timeout(2000)
        yield opened


def behind(viewer: Viewer) -> float:
    """Seconds from the picture on screen to now."""
    return float(viewer.state["latency"] or 1e9)


def check_live_again(viewer: Viewer, before: float) -> None:
    until(lambda: viewer.played(0.5) > 0.3 and behind(viewer) < before + NEAR, "the page to be live", SLACK * BACK)
    assert (viewer.loads, viewer.errors) == (1, [])


AWAY = 4000
"""Milliseconds."""


@pytest.mark.slow
def test_a_line_that_stands_still_and_goes_on(viewer: Viewer, relay: Relay) -> None:
    before = behind(viewer)
    relay.freeze()
    viewer.page.wait_for_timeout(10_000)
    relay.thaw()
    check_live_again(viewer, before)


def test_the_network_goes_a_laptop_sleeps_and_a_tab_is_left_alone(viewer: Viewer, relay: Relay) -> None:
    before = behind(viewer)
    relay.refuse()
    viewer.page.wait_for_timeout(2 * AWAY)
    relay.accept()
    check_live_again(viewer, before)

    devtools = viewer.context.new_cdp_session(viewer.page)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})  # nothing of the page runs; the room goes on
    viewer.page.wait_for_timeout(AWAY)
    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    check_live_again(viewer, before)

    attachments = viewer.state["counters"]["attachments"]
    other = viewer.context.new_page()
    other.bring_to_front()
    other.wait_for_timeout(AWAY)
    viewer.page.bring_to_front()
    check_live_again(viewer, before)
    assert viewer.state["counters"]["attachments"] == attachments, "it has played on"


def test_a_page_that_plays_has_no_more_connections_than_browsers_open(server: RunningServer, viewer: Viewer) -> None:
    port = int(server.http.rpartition(":")[2])
    for _ in range(10):
        viewer.page.wait_for_timeout(300)
        held = [one for one in psutil.Process(server.pid).net_connections() if one.laddr.port == port]
        assert sum(one.status == psutil.CONN_ESTABLISHED for one in held) <= MOST_CONNECTIONS
