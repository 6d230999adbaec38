"""What a viewer's player does, moment by moment: whether it stands still, jumps, and which pictures it shows."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from playwright.sync_api import Page

BLINK = 0.5
"""Seconds that pass between two frames now and then where the machine is busy."""
_FASTEST = 1.1  # the playback rate by which a viewer catches up

# Notes the playhead 25 times a second, and of each frame when it came on screen, its media time, size and bar code (as
# READ_CODE of tests/support/browser.py reads it; -1 if it cannot be read).
_RECORD = """
() => {
  const video = document.querySelector("video"), canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const moments = [], frames = [];
  const code = (width, height) => {
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
  const look = (now, { mediaTime, width, height }) => {
    frames.push([now / 1000, mediaTime, height, code(width, height)]);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  setInterval(() => moments.push([performance.now() / 1000, video.currentTime]), 40);
  window.recorded = () => ({ moments: moments.splice(0), frames: frames.splice(0) });
}
"""


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture that was on screen: since when (the page's clock, s), its time on the video's clock (s), its height
    (pixels), its bar code or None.
    """

    at: float
    time: float
    height: int
    code: int | None


@dataclass(frozen=True, slots=True)
class Playback:
    """What was recorded: (the page's clock, the playhead) in seconds, and the frames that were shown."""

    moments: tuple[tuple[float, float], ...]
    frames: tuple[Frame, ...]

    @property
    def stall(self) -> float:
        """The longest time that the playhead stood still (seconds)."""
        longest = still = 0.0
        for (then, before), (now, after) in pairwise(self.moments):
            moved = max(0.0, after - before)
            still += max(0.0, now - then - moved)
            longest = max(longest, still)
            if moved > 0.005:
                still = 0.0
        return longest

    @property
    def jump(self) -> float:
        """How far at most the playhead went beyond what playing takes it, forwards or backwards (seconds)."""
        leaps = [(after - before, now - then) for (then, before), (now, after) in pairwise(self.moments)]
        return max((max(moved - _FASTEST * took, -moved) for moved, took in leaps), default=0.0)

    def absences(self) -> list[tuple[float, float]]:
        """From when to when the host's picture was missing or stood still, on the page's clock; a blink is none."""
        shown = [frame.at for frame in self.frames if frame.code is not None]
        moments = [*shown, self.moments[-1][0]] if self.moments else shown
        return [(before, after) for before, after in pairwise(moments) if after - before > BLINK]

    def recovery(self, since: float) -> float:
        """Return the seconds from ``since`` on the page's clock until the host's picture was there to stay."""
        return max((end - since for _, end in self.absences() if end > since), default=0.0)

    def seams(self, fps: int, loop: int) -> list[tuple[Frame, Frame]]:
        """Return neighbours among the readable frames whose codes, numbers modulo ``loop``, do not count with time.

        Two frames more or less are none: what is drawn can be newer than the time that the browser tells.
        """
        readable = [(frame, frame.code) for frame in self.frames if frame.code is not None]

        def off(a: tuple[Frame, int], b: tuple[Frame, int]) -> bool:
            ahead = b[1] - a[1] - round((b[0].time - a[0].time) * fps)
            return 2 < ahead % loop < loop - 2

        return [(a[0], b[0]) for a, b in pairwise(readable) if off(a, b)]


class Recorder:
    """Records the player of a page until it is closed."""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.evaluate(_RECORD)

    @property
    def now(self) -> float:
        """The page's clock, in seconds."""
        return float(self._page.evaluate("() => performance.now() / 1000"))

    def take(self) -> Playback:
        """Return what has been recorded since the last time."""
        found: dict[str, Any] = self._page.evaluate("() => window.recorded()")
        frames = (Frame(at, time, height, code if code >= 0 else None) for at, time, height, code in found["frames"])
        return Playback(tuple((now, at) for now, at in found["moments"]), tuple(frames))
