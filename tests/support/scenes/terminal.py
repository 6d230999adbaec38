"""A real xterm: commands are typed, output scrolls by, the screen is cleared; some of it is secret.

The terminal is led step by step, and photographed when it has drawn all; the pictures are then laid on the time line.
What is in which row is known because nothing is ever printed past a line's end.
"""

import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.support.scenes.scene import HEIGHT, RATE, WIDTH, Box, Image
from tests.support.scenes.screen import Screen, ScreenError
from tests.support.scenes.secrets import Secret
from tests.support.scenes.sight import all_seen, on_plain
from tests.support.scenes.take import Take

_LENGTH = 16 * RATE
_FONTS = ("DejaVu Sans Mono", "Liberation Mono")
_SIZES = (9, 10, 11, 12, 14)
"""Points, at 96 to the inch: 9 is 12 pixels high, its capitals 8 or 9."""
_COLOURS = (("white", "black"), ("#fdf6e3", "#3b4d54"), ("black", "#d0d0d0"), ("#1d2433", "#d7dce2"))
_LIGHT_PAINTS, _DARK_PAINTS = ("#00652f", "#8b1a8b", "#005f87"), ("#4fd06a", "#ff8ad0", "#5ad1e6")
"""What green, magenta and cyan are, on a light and on a dark ground."""
_PAINTS = ("", "\x1b[1m", "\x1b[32m", "\x1b[36m", "\x1b[35m")
_PLAIN = "\x1b[0m"
_DONE = b"!"
# Runs in the terminal. What comes over the socket is printed; then the terminal is asked for its state, which it tells
# once it has drawn all, and that is passed on.
_CHILD = """
import socket, sys, termios, tty
tty.setraw(0)
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
sys.stdout.write("\\x1b[?25h\\x1b[2J\\x1b[H")
while data := link.recv(1 << 16):
    sys.stdout.write(data.decode() + "\\x1b[5n")
    sys.stdout.flush()
    while sys.stdin.read(1) != "n":
        pass
    link.send(b"!")
"""


@dataclass(slots=True)
class _Rows:
    """What the terminal shows: in which row, from which column on, which secret stands."""

    height: int
    row: int = 0
    column: int = 0
    secrets: list[tuple[int, int, Secret]] = field(default_factory=list)

    def add(self, text: str, secret: Secret | None) -> None:
        if secret is not None:
            self.secrets.append((self.row, self.column, secret))
        self.column += len(text)

    def turn(self) -> None:
        self.column = 0
        if self.row + 1 < self.height:
            self.row += 1
        else:
            self.secrets = [(row - 1, column, secret) for row, column, secret in self.secrets if row > 0]

    def clear(self) -> None:
        self.row = self.column = 0
        self.secrets = []


@dataclass(slots=True)
class _Terminal:
    take: Take
    screen: Screen
    link: socket.socket
    columns: int
    rows: _Rows
    origin: tuple[int, int]
    cell: tuple[float, float]
    sent: str = ""
    last: Image | None = None

    def say(self, text: str, secret: Secret | None = None, paint: str = "") -> None:
        """Print ``text``, cut at the line's end; a secret has to fit."""
        text = text[: self.columns - 1 - self.rows.column]
        self.rows.add(text, secret)
        self.sent += f"{paint}{text}{_PLAIN if paint else ''}"

    def turn(self) -> None:
        self.rows.turn()
        self.sent += "\r\n"

    def clear(self) -> None:
        self.rows.clear()
        self.sent += "\x1b[2J\x1b[H"

    def show(self, frames: int) -> None:
        """Photograph the screen when it has drawn all, and show that for ``frames``."""
        self.link.sendall(self.sent.encode() or b"\x1b[m")
        self.sent = ""
        if self.link.recv(1) != _DONE:
            raise ScreenError("the terminal has gone")
        image = self.screen.settled(self._drawn)
        self.last = image
        boxes = {}
        for row, column, secret in self.rows.secrets:
            box = self._ink(image, row, column, len(secret.text))
            assert box is not None
            boxes[secret.id] = box
        self.take.film.add(image, all_seen(self.take.vault, boxes), min(frames, _LENGTH - self.take.film.frames))

    def _drawn(self, image: Image) -> bool:
        """Tell whether the cursor, which is drawn last, is where it should be, and each secret is there."""
        if self.last is not None and np.array_equal(image, self.last):
            return False
        if self._ink(image, self.rows.row, self.rows.column, 3) is None:
            return False
        return all(self._ink(image, row, column, len(secret.text)) for row, column, secret in self.rows.secrets)

    def _ink(self, image: Image, row: int, column: int, count: int) -> Box | None:
        left, top = self.origin[0] + column * self.cell[0], self.origin[1] + row * self.cell[1]
        return on_plain(image, (round(left), round(top), round(left + count * self.cell[0]), round(top + self.cell[1])))


def make(take: Take) -> None:
    """Work in a terminal for the length of a scene."""
    with Screen(take.folder, subpixel=take.dark) as screen:
        terminal = _open(take, screen)
        steps = _session(take, terminal)
        while take.film.frames < _LENGTH:
            next(steps)
        terminal.link.close()


def _open(take: Take, screen: Screen) -> _Terminal:
    rng = take.rng
    back, fore = rng.choice(_COLOURS[2:] if take.dark else _COLOURS[:2])
    size = str(rng.choice(_SIZES))
    path = str(take.folder / "link")
    child = take.folder / "child.py"
    child.write_text(_CHILD)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(1)
        server.settimeout(20)
        look: tuple[str, ...] = (
            "-fa",
            rng.choice(_FONTS),
            "-fs",
            size,
            "-bg",
            back,
            "-fg",
            fore,
            "+sb",
            "-b",
            "0",
            "-bw",
            "0",
        )
        screen.start(
            "xterm", *look, "-geometry", "20x5+0+0", "-xrm", "XTerm*allowWindowOps: true", "-e", *_argv(child, path)
        )
        link, _ = server.accept()
    link.settimeout(20)
    window = screen.window("--class", "xterm")
    small = screen.size(window)
    cell = (small[0] / 20, small[1] / 5)
    columns, rows = int(WIDTH / cell[0]), int(HEIGHT / cell[1])
    wide, high = round(columns * cell[0]), round(rows * cell[1])
    screen.do("windowsize", "--sync", window, str(wide), str(high))
    origin = (rng.randrange(WIDTH - wide + 1), rng.randrange(HEIGHT - high + 1))
    screen.do("windowmove", "--sync", window, *(str(side) for side in origin))
    screen.do("mousemove", str(WIDTH - 1), str(HEIGHT - 1))
    screen.do("windowfocus", "--sync", window)
    screen.settled()
    return _Terminal(take, screen, link, columns, _Rows(rows), origin, cell)


def _argv(child: Path, path: str) -> tuple[str, ...]:
    return (sys.executable, "-u", str(child), path)


def _session(take: Take, terminal: _Terminal) -> Iterator[None]:
    rng, prose = take.rng, take.prose
    while True:
        what = rng.choice((_environment, _export, _log, _log, _listing, _records))
        terminal.say(f"{prose.module()}@{prose.module()}:~$ ", paint=rng.choice(_PAINTS))
        yield from what(take, terminal)
        if rng.random() < 0.12:
            terminal.clear()


def _type(take: Take, terminal: _Terminal, text: str) -> Iterator[None]:
    """Type a command that holds no secret, some keys in one frame."""
    while text:
        keys = take.rng.randrange(2, 6)
        terminal.say(text[:keys])
        text = text[keys:]
        terminal.show(take.rng.randrange(3, 7))
        yield


def _environment(take: Take, terminal: _Terminal) -> Iterator[None]:
    yield from _type(take, terminal, "cat .env")
    terminal.turn()
    for _ in range(take.rng.randrange(5, 9)):
        if take.rng.random() < 0.6:
            category = take.rng.choice(("key", "password", "email", "key"))
            suffix = {"key": "API_KEY", "password": "PASSWORD", "email": "ADMIN_EMAIL"}[category]
            terminal.say(f"{take.prose.module().upper()}_{suffix}=")
            secret = take.vault.take(category)
            terminal.say(secret.text, secret)
        else:
            name, value = take.prose.setting()
            terminal.say(f"{name.upper()}={value}")
        terminal.turn()
    terminal.show(take.rng.randrange(30, 60))
    yield


def _export(take: Take, terminal: _Terminal) -> Iterator[None]:
    yield from _type(take, terminal, "export TOKEN=")
    secret = take.vault.take("key")
    terminal.say(secret.text, secret)
    terminal.show(take.rng.randrange(12, 30))
    yield
    terminal.turn()


def _log(take: Take, terminal: _Terminal) -> Iterator[None]:
    yield from _type(take, terminal, take.rng.choice(("tail -f app.log", "journalctl -f")))
    terminal.turn()
    for _ in range(take.rng.randrange(10, 22)):
        for _ in range(take.rng.randrange(1, 4)):
            paint = take.rng.choice(_PAINTS)
            if take.rng.random() < 0.25:
                category, words = take.rng.choice(
                    (("email", "mail to "), ("phone", "sms to "), ("card-number", "card "), ("iban", "paid to "))
                )
                terminal.say(f"{take.prose.log()[:19]} {take.prose.module()}: {words}", paint=paint)
                secret = take.vault.take(category)
                terminal.say(secret.text, secret, take.rng.choice(_PAINTS))
            else:
                terminal.say(take.prose.log(), paint=paint)
            terminal.turn()
        terminal.show(take.rng.randrange(2, 14))
        yield
    terminal.say("^C")
    terminal.turn()


def _listing(take: Take, terminal: _Terminal) -> Iterator[None]:
    yield from _type(take, terminal, "git log --stat")
    terminal.turn()
    for _ in range(take.rng.randrange(6, 16)):
        terminal.say(f"{take.prose.hash(40)}  {take.prose.date()}", paint=_PAINTS[2])
        terminal.turn()
        terminal.say(f"    {take.prose.sentence()}")
        terminal.turn()
    terminal.show(take.rng.randrange(10, 25))
    yield


def _records(take: Take, terminal: _Terminal) -> Iterator[None]:
    yield from _type(take, terminal, "psql -c 'table people'")
    terminal.turn()
    category, head = take.rng.choice((("ssn", "ssn"), ("vat", "vat_id"), ("phone", "phone")))
    terminal.say(f" id   | {'name':20} | {head}")
    terminal.turn()
    for _ in range(take.rng.randrange(3, 7)):
        terminal.say(f" {take.prose.number(1000, 9999)} | {take.prose.name():20} | ")
        secret = take.vault.take(category)
        terminal.say(secret.text, secret)
        terminal.turn()
    terminal.show(take.rng.randrange(25, 60))
    yield
