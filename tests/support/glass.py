"""What is on a page's screen and when, from the moment that the page is asked for: how old the pictures of the clock
(``tests/support/clock.py``) are when they are presented, and whether the playhead moves.

Times are in seconds; moments are those of the wall clock, since 1970: they compare with what other programs say.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from playwright.sync_api import BrowserContext, Page

from tests.support.browser import Viewer

STILL = 0.5
"""A playhead that stands still for longer is a stall; busy machines skip a few frames now and then."""

# Reads the bar code (as READ_CODE of tests/support/browser.py does) of all pictures at first, to catch the host's first
# one, then of every fifth, since it costs something. Pictures without one are the slate.
_WATCH = """
(() => {
  const canvas = document.createElement("canvas"), context = canvas.getContext("2d", { willReadFrequently: true });
  const pictures = [], moments = [], players = [];
  let count = 0, first = null, host = null;
  const clock = () => Date.now() - performance.now();
  const code = (video, width, height) => {
    const top = Math.round(0.9 * height), rows = Math.round(0.98 * height) - top;
    canvas.width = width; canvas.height = rows;
    context.drawImage(video, 0, top, width, rows, 0, 0, width, rows);
    const { data } = context.getImageData(0, 0, width, rows);
    let value = 0, check = 0;
    for (let bit = 0; bit < 64; bit += 1) {
      const x = Math.floor((0.05 + (0.9 * ((bit % 32) + 0.5)) / 32) * width);
      const y = Math.floor((0.02 + 0.04 * Math.floor(bit / 32)) * height);
      const one = data[4 * (y * width + x) + 1] > 127 ? 1 : 0;
      if (bit < 48) value = value * 2 + one; else check = check * 2 + one;
    }
    return ((value % 65521) ^ 0x5a5a) === check ? value : -1;
  };
  document.addEventListener("DOMContentLoaded", () => {
    const video = document.querySelector("video");
    if (!video) return;
    const look = (_, { expectedDisplayTime, width, height }) => {
      const shown = clock() + expectedDisplayTime;
      first ??= expectedDisplayTime;
      if (host === null || count++ % 5 === 0) {
        const value = code(video, width, height);
        if (value !== -1) host ??= shown;
        pictures.push([shown, value]);
      }
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
    setInterval(() => moments.push([Date.now(), video.currentTime]), 40);
    setInterval(() => {
      const hls = window.veilcast?.hls, ranges = video.buffered;
      if (!hls || !ranges.length) return;
      const ahead = ranges.end(ranges.length - 1) - video.currentTime;
      players.push([ahead, hls.latency, hls.targetLatency ?? 0, video.playbackRate]);
    }, 250);
  });
  window.glass = () => ({
    first, host, pictures: pictures.splice(0), moments: moments.splice(0), players: players.splice(0),
  });
})();
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the clock that came on screen, at ``shown``, and how old it was then."""

    shown: float
    age: float


@dataclass(frozen=True, slots=True)
class Player:
    """What hls.js's player had at one moment: media ahead of the playhead, its distance to the playlist's edge and the
    one that it wants (seconds), and its speed."""

    ahead: float
    latency: float
    target: float
    rate: float


@dataclass(frozen=True, slots=True)
class Glass:
    """What a page showed since it was asked last.

    ``first``: from asking for the page to its first frame; ``host``: when the first picture of the clock came on
    screen. Both stay the same for as long as the page is open, None if there was none yet.
    ``moments``: (when, the playhead).
    """

    first: float | None
    host: float | None
    pictures: tuple[Picture, ...]
    moments: tuple[tuple[float, float], ...]
    players: tuple[Player, ...]

    @property
    def ages(self) -> list[float]:
        return [picture.age for picture in self.pictures]

    def stills(self) -> list[float]:
        """How long each time that the playhead stood still lasted, those no longer than STILL left out."""
        found: list[float] = []
        still = 0.0
        for (then, before), (now, after) in pairwise(self.moments):
            moved = after - before
            if abs(moved) <= 0.005:
                still += now - then
                continue
            found.append(still)
            still = 0.0
        return [each for each in (*found, still) if each > STILL]

    def since(self, moment: float) -> "Glass":
        """What came from ``moment`` on."""
        return replace(
            self,
            pictures=tuple(each for each in self.pictures if each.shown >= moment),
            moments=tuple(each for each in self.moments if each[0] >= moment),
        )

    def with_more(self, more: "Glass") -> "Glass":
        """This and what came after it."""
        return replace(
            more,
            pictures=self.pictures + more.pictures,
            moments=self.moments + more.moments,
            players=self.players + more.players,
        )

    def settled(self, since: float, most: float, lasting: float) -> float | None:
        """Return the seconds from ``since`` until pictures were never older than ``most`` for the next ``lasting``
        seconds, with no hole of more than STILL between them; None if that did not happen.
        """
        pictures = [each for each in self.pictures if each.shown >= since]
        begun: float | None = None
        last = since
        for each in pictures:
            if each.age > most or each.shown - last > STILL:
                begun = None
            if begun is None and each.age <= most:
                begun = each.shown
            last = each.shown
            if begun is not None and last - begun >= lasting:
                return begun - since
        return None


def watch(context: BrowserContext) -> None:
    """Have all pages that are opened in ``context`` from now on watched."""
    context.add_init_script(_WATCH)


def seen(page: Page) -> Glass:
    """Return what ``page`` has shown since the last time."""
    said: dict[str, Any] = page.evaluate("() => window.glass()")
    return Glass(
        first=None if said["first"] is None else said["first"] / 1000,
        host=None if said["host"] is None else said["host"] / 1000,
        pictures=tuple(
            Picture(shown / 1000, (shown - value) / 1000) for shown, value in said["pictures"] if value != -1
        ),
        moments=tuple((when / 1000, position) for when, position in said["moments"]),
        players=tuple(Player(*map(float, each)) for each in said["players"]),
    )


def seen_for(viewer: Viewer, seconds: float, also: Callable[[], object] = lambda: None) -> Glass:
    """Watch for so long; ``also`` is called each second."""
    glass, until = seen(viewer.page), time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        viewer.page.wait_for_timeout(1000 * min(1.0, left))
        also()
        glass = glass.with_more(seen(viewer.page))
    return glass


def rank(values: Sequence[float], part: float) -> float:
    """The value that ``part`` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -int(-part * len(ordered) // 1) - 1)]
