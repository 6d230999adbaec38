"""A network of its own behind a bad line, for a program on this machine: a namespace that is reached over a line which
delays packets, both ways, and loses some. It needs root on Linux.

The kernel's netem does it where it is built in. Where it is not, a program of ours carries the packets between two TUN
devices (``tests/support/tunnel.py``). Either way TCP is the kernel's own on both ends.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.support.processes import Child, until

_PREFIX = "veilcast-"
_NET = "198.18.77"  # a block that is set aside for benchmarks (RFC 2544)
HERE, THERE = f"{_NET}.1", f"{_NET}.2"
"""The addresses of this machine and of the namespace on the line."""


class NoLine(Exception):
    """This machine does not let us make one; the text says why."""


class Line:
    """A line of ``delay`` seconds each way that loses the share ``loss`` of the packets each way."""

    def __init__(self, delay: float, loss: float, folder: Path) -> None:
        self._delay, self._loss, self._folder = delay, loss, folder
        self._name = f"{_PREFIX}{os.getpid()}"
        self._here, self._there = f"vch{os.getpid()}", f"vct{os.getpid()}"
        self._stack = ExitStack()
        self.means = ""
        """What loses the packets, in words."""

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def program(self, command: str) -> Path:
        """Return a program that is ``command`` inside the namespace; it takes the same words and open files."""
        path = self._folder / f"inside-{Path(command).name}"
        path.write_text(f'#!/bin/sh\nexec ip netns exec {self._name} {command} "$@"\n')
        path.chmod(0o755)
        return path

    def unplug(self) -> None:
        """Take the namespace's end down, as when a cable is pulled: programs there are told that they are offline."""
        self._inside("link", "set", self._there, "down")

    def plug(self) -> None:
        """Bring it up again."""
        self._inside("link", "set", self._there, "up")

    def _make(self) -> None:
        if shutil.which("ip") is None or shutil.which("tc") is None:
            raise NoLine("iproute2 is not installed")
        _forget_left_over()
        _run("ip", "netns", "add", self._name)
        self._stack.callback(_try, "ip", "netns", "del", self._name)
        try:
            self._make_netem()
            self.means = "netem"
        except NoLine as error:
            self._make_tunnel()
            self.means = f"a TUN tunnel of ours, as netem is not to be had ({error})"
        _run("ip", "addr", "add", f"{HERE}/30", "dev", self._here)
        _run("ip", "link", "set", self._here, "up")
        self._inside("addr", "add", f"{THERE}/30", "dev", self._there)
        self.plug()
        self._inside("link", "set", "lo", "up")

    def _make_netem(self) -> None:
        _run("ip", "link", "add", self._here, "type", "veth", "peer", "name", self._there, "netns", self._name)
        self._stack.callback(_try, "ip", "link", "del", self._here)
        words = ["root", "netem", "delay", f"{self._delay * 1000:g}ms", "loss", f"{self._loss * 100:g}%"]
        try:
            for inside, device in (((), self._here), (("-n", self._name), self._there)):
                # Packets of the wire's size, as netem loses what it is given at once.
                _run("ip", *inside, "link", "set", device, "gso_max_segs", "1")
                _run("tc", *inside, "qdisc", "add", "dev", device, *words)
        except NoLine:
            _try("ip", "link", "del", self._here)
            raise

    def _make_tunnel(self) -> None:
        words = (sys.executable, "-m", "tests.support.tunnel", self._here, self._there)
        log = self._folder / "tunnel.log"
        log.unlink(missing_ok=True)  # of a line before this one
        tunnel = Child((*words, str(self._delay), str(self._loss)), log)
        self._stack.callback(tunnel.stop)

        def made() -> bool:
            if not tunnel.running:
                raise NoLine(tunnel.said().strip().rpartition("\n")[2])
            return "ready" in tunnel.said()

        until(made, "the tunnel")
        _run("ip", "link", "set", self._there, "netns", self._name)

    def _inside(self, *words: str) -> None:
        _run("ip", "-n", self._name, *words)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode != 0:
        raise NoLine(f"{' '.join(command[:3])}: {(done.stderr or done.stdout).strip()}")


def _try(*command: str) -> None:
    with contextlib.suppress(NoLine):
        _run(*command)


def _forget_left_over() -> None:
    """Delete the namespaces of benchmarks that were killed before they could."""
    listed = subprocess.run(("ip", "netns", "list"), capture_output=True, text=True, check=False, timeout=30).stdout
    for name in (line.split()[0] for line in listed.splitlines() if line.strip()):
        pid = name.removeprefix(_PREFIX)
        if name.startswith(_PREFIX) and pid.isdigit() and not Path("/proc", pid).exists():
            _try("ip", "netns", "del", name)
