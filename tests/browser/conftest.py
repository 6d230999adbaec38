"""One Chromium for all browser tests of a module."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize

from tests.support.browser import DESKTOP, Viewer, chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ended with its module: as long as it lives, Playwright keeps an event loop that async tests would meet."""
    with chromium() as launched:
        yield launched


@pytest.fixture
def view(browser: Browser) -> Iterator[Callable[..., Viewer]]:
    """Open a page as a new viewer."""
    opened: list[Viewer] = []

    def open_page(url: str, viewport: ViewportSize = DESKTOP, dark: bool = False) -> Viewer:
        viewer = Viewer(browser, viewport, dark)
        opened.append(viewer)
        return viewer.open(url)

    yield open_page
    for viewer in opened:
        viewer.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "host.log"
