"""Debian's Chromium on the real pages, by Playwright: what a viewer sees."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.support.processes import until

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
]
DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=360, height=740)

# Reads the test card's bar code from the frame on screen; transcode/testcard.py states its geometry. Resolves to the
# value (below 2**48), how old the wall clock in it is when the frame is presented (ms), or null if it cannot be read.
READ_CODE = """
() => new Promise((resolve) => {
  const video = document.querySelector("video");
  const late = setTimeout(() => resolve(null), 3000);
  video.requestVideoFrameCallback((_, metadata) => {
    clearTimeout(late);
    const width = video.videoWidth, height = video.videoHeight;
    const canvas = document.createElement("canvas");
    canvas.width = width; canvas.height = height;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0);
    const top = Math.round(0.9 * height), rows = context.getImageData(0, top, width, Math.round(0.98 * height) - top);
    let value = 0, check = 0;
    for (let bit = 0; bit < 64; bit += 1) {
      const x = Math.floor((0.05 + (0.9 * ((bit % 32) + 0.5)) / 32) * width);
      const y = Math.floor((0.02 + 0.04 * Math.floor(bit / 32)) * height);
      const one = rows.data[4 * (y * width + x) + 1] > 127 ? 1 : 0;
      if (bit < 48) value = value * 2 + one; else check = check * 2 + one;
    }
    if (((value % 65521) ^ 0x5a5a) !== check) return resolve(null);
    const shown = performance.timeOrigin + metadata.expectedDisplayTime;
    resolve({ value, age: shown - value, time: metadata.mediaTime });
  });
})
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def another(browser: Browser, program: Path) -> Iterator[Browser]:
    """Another Chromium beside ``browser``, as ``program`` starts it. (A thread can have Playwright but once.)"""
    launched = browser.browser_type.launch(executable_path=program, args=ARGUMENTS)
    try:
        yield launched
    finally:
        launched.close()


class Viewer:
    """One open page, and what went wrong on it."""

    def __init__(self, browser: Browser, viewport: ViewportSize = DESKTOP, dark: bool = False) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport=viewport, color_scheme="dark" if dark else "light", has_touch=viewport is PHONE
        )
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.loads = 0
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("domcontentloaded", self._loaded)

    def open(self, url: str) -> "Viewer":
        self.page.goto(url)
        return self

    def close(self) -> None:
        self.context.close()

    @property
    def state(self) -> dict[str, Any]:
        """What the page's diagnostics say."""
        state: dict[str, Any] = self.page.evaluate("() => ({ ...window.veilcast.state })")
        return state

    @property
    def position(self) -> float:
        """Where the video plays, in seconds."""
        return float(self.page.evaluate("() => document.querySelector('video').currentTime"))

    def code(self) -> dict[str, Any] | None:
        """What the bar code on screen says."""
        found: dict[str, Any] | None = self.page.evaluate(READ_CODE)
        return found

    def until_playing(self, seconds: float = 30) -> None:
        def moved() -> bool:
            before = self.position
            self.page.wait_for_timeout(200)
            return self.state["player"] == "playing" and self.position > before

        until(moved, f"the page to play; it says {self.page.inner_text('body')!r}", seconds)

    def played(self, seconds: float) -> float:
        """Return how far the video comes in ``seconds`` of the page's own clock."""
        return self.plays(seconds)()

    def plays(self, seconds: float) -> Callable[[], float]:
        """Begin to measure that; what is returned waits for the result. So more than one can be watched at once."""
        script = """(seconds) => {
            const video = document.querySelector("video"), began = video.currentTime;
            window.played = new Promise((resolve) => {
                setTimeout(() => resolve(video.currentTime - began), seconds * 1000);
            });
        }"""
        self.page.evaluate(script, seconds)
        return lambda: float(self.page.evaluate("() => window.played"))

    def _loaded(self, _: object) -> None:
        self.loads += 1
