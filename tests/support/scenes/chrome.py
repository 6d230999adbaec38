"""Pages as Chromium draws them, with the place of each secret's ink; text with grey edges or with subpixel ones.

A secret stands in an element with the attribute `data-secret`, whose value is its id. The page is drawn twice, with the
secrets and without: what differs is their ink. Of one that is cut, or lies under something, the ink would not all be
there, and there might be another's: it is taken to be where it was from the line's corner when all of it was in sight.
"""

import base64
import os
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.support.browser import ARGUMENTS, CHROMIUM
from tests.support.scenes.scene import HEIGHT, WIDTH, Box, Image
from tests.support.scenes.secrets import Secret
from tests.support.scenes.sight import Spot, common, difference, ink, moved, overlap

ZOOMS = (0.8, 1.0, 1.25, 1.6, 2.0)
"""Those at which the picture is a whole number of the page's pixels."""
_MARGIN = 2  # pixels by which ink may reach over its line's box
_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><include>/etc/fonts/fonts.conf</include>
<match target="pattern"><edit name="rgba" mode="assign"><const>{order}</const></edit></match>
<match target="font"><edit name="rgba" mode="assign"><const>{order}</const></edit>
<edit name="hintstyle" mode="assign"><const>hintslight</const></edit></match></fontconfig>"""
_VEIL = """html.veil [data-secret] { color: transparent !important; -webkit-text-fill-color: transparent !important;
text-shadow: none !important; text-decoration: none !important }"""
_PLACES = """() => {
  const down = (box) => [box.left, box.top + scrollY, box.right, box.bottom + scrollY];
  const grounds = [...document.body.querySelectorAll("*")].filter(
    (element) => getComputedStyle(element).backgroundColor !== "rgba(0, 0, 0, 0)");
  return [...document.querySelectorAll("[data-secret]")].map((element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const line = range.getClientRects()[0], clips = [], covers = [];
    if (!line) return null;
    for (let around = element.parentElement; around !== document.body; around = around.parentElement)
      if (getComputedStyle(around).overflow !== "visible") clips.push(down(around.getBoundingClientRect()));
    for (const ground of grounds) {
      if (ground.contains(element) || element.contains(ground)) continue;
      const box = ground.getBoundingClientRect();
      const left = Math.max(box.left, line.left), right = Math.min(box.right, line.right);
      const top = Math.max(box.top, line.top), bottom = Math.min(box.bottom, line.bottom);
      if (left >= right || top >= bottom) continue;
      const stack = document.elementsFromPoint((left + right) / 2, (top + bottom) / 2), at = stack.indexOf(element);
      if (stack.slice(0, at < 0 ? stack.length : at).some((other) => ground.contains(other))) covers.push(down(box));
    }
    return [element.dataset.secret, down(line), clips, covers];
  }).filter(Boolean);
}"""
"""Each secret's id and line, what cuts it (elements that do not show what reaches over them), and what lies over it."""


def marked(secret: Secret) -> str:
    """Return the element that holds ``secret``, which stays on one line."""
    return f'<span data-secret="{secret.id}" style="white-space:nowrap">{escape(secret.text)}</span>'


class Chrome:
    """A browser; ``subpixel`` says how it draws text. It must not be used in a thread that runs an event loop."""

    def __init__(self, folder: Path, subpixel: bool) -> None:
        self._folder = folder
        self._subpixel = subpixel

    def __enter__(self) -> Self:
        fonts = self._folder / "fonts.conf"
        fonts.write_text(_FONTS.format(order="rgb" if self._subpixel else "none"))
        self._playwright = sync_playwright().start()
        self._browser: Browser = self._playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*ARGUMENTS, "--enable-lcd-text" if self._subpixel else "--disable-lcd-text"],
            ignore_default_args=["--disable-lcd-text", "--font-render-hinting=none"],
            env={**os.environ, "FONTCONFIG_FILE": str(fonts)},
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._browser.close()
        self._playwright.stop()

    def sheet(self, zoom: float = 1.0, width: int = WIDTH, height: int = HEIGHT) -> "Sheet":
        """Open an empty page that fills a picture of ``width`` and ``height`` at ``zoom``."""
        viewport = ViewportSize(width=round(width / zoom), height=round(height / zoom))
        context = self._browser.new_context(viewport=viewport, device_scale_factor=zoom)
        return Sheet(context.new_page(), zoom, viewport)


class Sheet:
    """One page."""

    def __init__(self, page: Page, zoom: float, viewport: ViewportSize) -> None:
        self.page = page
        self.zoom = zoom
        self._viewport = viewport
        self._session = page.context.new_cdp_session(page)
        self._inks: dict[str, Box] = {}  # from the top left corner of the secret's line

    def show(self, html: str) -> None:
        """Show a page; ``html`` is a document with its head left open: its style comes first."""
        self._inks.clear()
        self.page.set_content(f"<!DOCTYPE html><html><head><style>{_VEIL}</style>{html}")

    def picture(self, height: int | None = None) -> Image:
        """Return what it looks like, ``height`` pixels of it from its top (default: what the window shows)."""
        tall = self._viewport["height"] if height is None else height / self.zoom
        clip = {"x": 0, "y": 0, "width": self._viewport["width"], "height": tall}
        return self._captured({"clip": {**clip, "scale": self.zoom}, "captureBeyondViewport": height is not None})

    def part(self, box: Box) -> Image:
        """Return what ``box`` of the window looks like; its sides are whole pixels of the page at this zoom."""
        left, top, right, bottom = (side / self.zoom for side in box)
        clip = {"x": left, "y": top, "width": right - left, "height": bottom - top, "scale": self.zoom}
        return self._captured({"clip": clip})

    def height(self) -> int:
        """Return how high the whole page is, in pixels of a picture."""
        return int(self.page.evaluate("() => document.documentElement.scrollHeight") * self.zoom)

    def taken(self, height: int | None = None) -> tuple[Image, dict[str, Spot]]:
        """Return ``picture``, and where in it the ink of each secret is, by id; those outside it are left out.

        What lies over a secret is known where the window shows it, not further down.
        """
        image = self.picture(height)
        self.page.evaluate("() => document.documentElement.classList.add('veil')")
        differs = difference(image, self.picture(height))
        self.page.evaluate("() => document.documentElement.classList.remove('veil')")
        spots = {}
        for name, place, clips, over in self.page.evaluate(_PLACES):
            line, window = self._scaled(place), (0, 0, differs.shape[1], differs.shape[0])
            for clip in clips:
                window = common(window, self._scaled(clip))
            if not overlap(line, window):
                continue
            covers = tuple(self._scaled(cover) for cover in over)
            found = self._ink(str(name), differs, line, window, covers)
            if found is not None:
                spots[str(name)] = Spot(found, window, covers)
        return image, spots

    def _ink(
        self, name: str, differs: NDArray[np.bool_], line: Box, window: Box, covers: tuple[Box, ...]
    ) -> Box | None:
        """Return where the ink of a secret is, or would be if nothing hid it; None if there is none."""
        clear = common(line, window) == line and not any(overlap(line, cover) for cover in covers)
        if not clear and name in self._inks:
            return moved(self._inks[name], line[0], line[1])
        if covers:  # by something that has been there from the first: only the line is known
            return line
        around = (line[0] - _MARGIN, line[1] - _MARGIN, line[2] + _MARGIN, line[3] + _MARGIN)
        found = ink(differs, common(around, window))
        if found is None:
            return None
        if clear:
            self._inks[name] = moved(found, -line[0], -line[1])
            return found
        return (
            found[0] if line[0] >= window[0] else line[0],
            found[1] if line[1] >= window[1] else line[1],
            found[2] if line[2] <= window[2] else line[2],
            found[3] if line[3] <= window[3] else line[3],
        )

    def _scaled(self, sides: list[float]) -> Box:
        left, top, right, bottom = (round(side * self.zoom) for side in sides)
        return (left, top, right, bottom)

    def close(self) -> None:
        self.page.context.close()

    def _captured(self, asked: dict[str, Any]) -> Image:
        answer = self._session.send("Page.captureScreenshot", {"format": "png", "optimizeForSpeed": True, **asked})
        image = cv2.imdecode(np.frombuffer(base64.b64decode(answer["data"]), np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise OSError("Chromium gave no picture")
        return np.asarray(image, np.uint8)
