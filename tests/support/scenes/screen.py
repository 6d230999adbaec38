"""An X server of its own, without a window manager, and the pictures of its screen."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from PIL import ImageGrab

from tests.support.scenes.scene import HEIGHT, WIDTH, Image

PROGRAMS = ("Xvfb", "xterm", "xdotool", "mousepad")
_DISPLAYS = range(140, 200)
_STARTS = 20.0  # seconds that a program has to open its window
_STEP = 0.02
_PATIENCE = 20.0  # seconds: a busy machine draws late


class ScreenError(RuntimeError):
    """A program is missing, or did not come up."""


class Screen:
    """An X server; the programs on it have ``folder`` as their home, and end with it."""

    def __init__(self, folder: Path, subpixel: bool) -> None:
        self._folder = folder
        self._subpixel = subpixel
        self._children: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        missing = [program for program in PROGRAMS if shutil.which(program) is None]
        if missing:
            raise ScreenError(f"missing on this machine: {', '.join(missing)}")
        for number in _DISPLAYS:
            if not Path(f"/tmp/.X11-unix/X{number}").exists() and self._serve(number):
                return self
        raise ScreenError("no X server came up")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for child in reversed(self._children):
            self.end(child)

    def start(self, *command: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a program; ``more`` goes into its environment."""
        child = subprocess.Popen(command, env={**self.environment, **more}, stderr=subprocess.DEVNULL)
        self._children.append(child)
        return child

    def end(self, child: subprocess.Popen[bytes]) -> None:
        """End a program that ``start`` has started."""
        child.terminate()
        child.wait()

    def do(self, *words: str) -> str:
        """Have xdotool do something, and return what it prints."""
        done = subprocess.run(("xdotool", *words), env=self.environment, capture_output=True, check=False)
        return done.stdout.decode().strip()

    def window(self, *search: str) -> str:
        """Return the id of the newest visible window that xdotool's ``search`` finds, once there is one."""
        until = time.monotonic() + _STARTS
        while time.monotonic() < until:
            found = self.do("search", "--onlyvisible", *search).split()
            if found:
                return found[-1]
            time.sleep(_STEP)
        raise ScreenError(f"no window for {search}")

    def size(self, window: str) -> tuple[int, int]:
        """Return how wide and high a window is."""
        lines = dict(line.split("=") for line in self.do("getwindowgeometry", "--shell", window).splitlines())
        return int(lines["WIDTH"]), int(lines["HEIGHT"])

    def picture(self) -> Image:
        """Return what is on the screen."""
        grabbed = ImageGrab.grab(xdisplay=self._display)
        return np.ascontiguousarray(np.asarray(grabbed.convert("RGB"), np.uint8)[:, :, ::-1])

    def settled(self, ready: Callable[[Image], bool] = lambda _: True, patience: float = _PATIENCE) -> Image:
        """Return what is on the screen once it is ``ready`` and two pictures in a row are alike.

        Raises:
            ScreenError: it was not so within ``patience`` seconds.
        """
        until = time.monotonic() + patience
        last = self.picture()
        while time.monotonic() < until:
            time.sleep(_STEP)
            image = self.picture()
            if np.array_equal(image, last) and ready(image):
                return image
            last = image
        raise ScreenError("the screen does not show what it should")

    def _serve(self, number: int) -> bool:
        self._display = f":{number}"
        fonts = self._folder / "fonts.conf"
        order = "rgb" if self._subpixel else "none"
        fonts.write_text(_FONTS.format(order=order))
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL")}
        self.environment = {
            **kept,
            "DISPLAY": self._display,
            "HOME": str(self._folder),
            "XDG_RUNTIME_DIR": str(self._folder),
            "FONTCONFIG_FILE": str(fonts),
            "GSETTINGS_BACKEND": "keyfile",
            "NO_AT_BRIDGE": "1",
            "GTK_OVERLAY_SCROLLING": "0",  # scroll bars that fade away do so at no set time
        }
        options = ("-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp", "-noreset")
        server = self.start("Xvfb", self._display, *options)
        lock = Path(f"/tmp/.X{number}-lock")
        until = time.monotonic() + _STARTS
        while time.monotonic() < until and server.poll() is None:
            if lock.exists() and lock.read_text().strip() == str(server.pid) and self.do("getdisplaygeometry"):
                return True  # else it is another's, which began at the same time: ours will end
            time.sleep(_STEP)
        return False


_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><include>/etc/fonts/fonts.conf</include>
<match target="font"><edit name="rgba" mode="assign"><const>{order}</const></edit>
<edit name="hintstyle" mode="assign"><const>hintslight</const></edit></match></fontconfig>"""
