"""A real text editor, mousepad, with configuration files in it that hold secrets.

It is scrolled, its tabs are changed, a secret is typed, its window is dragged about, and another window covers part of
it. Where each character stands follows from a first start of the editor with marks at known places; how far it has been
scrolled is read off the pictures.
"""

from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

import numpy as np

from tests.support.scenes.scene import HEIGHT, RATE, WIDTH, Box, Image, Label
from tests.support.scenes.screen import Screen, ScreenError
from tests.support.scenes.secrets import Secret
from tests.support.scenes.sight import all_seen, common, difference, ink, moved, on_plain, overlap, seen
from tests.support.scenes.take import Take

_LENGTH = 16 * RATE
_LINES = 90  # of each file: two digits, as the calibration's
_MARKS = ((6, 0), (16, 40))
"""Line and column of the two marks."""
_SCHEMES = (("kate", "tango", "solarized-light"), ("oblivion", "cobalt", "solarized-dark"))
_FONTS = ("DejaVu Sans Mono", "Liberation Mono")
_PREFERENCES = """[org/xfce/mousepad/preferences/view]
font-name='{font} {size}'
use-default-monospace-font=false
show-line-numbers=true
highlight-current-line=true
color-scheme='{scheme}'
word-wrap=false
"""
_GTK = """[Settings]
gtk-cursor-blink=0
gtk-enable-animations=0
gtk-application-prefer-dark-theme={dark}
"""
_END = 1.0  # seconds without a change, after which the text is taken not to scroll
_LOOSE = 2  # pixels
_OVERLAP = 60  # rows that two pictures of a scrolled text have to share


@dataclass(slots=True)
class _File:
    """A file as it stands in the editor; ``secrets`` has (line, column, secret, how much of it has been typed)."""

    path: Path
    lines: list[str] = field(default_factory=list)
    secrets: list[tuple[int, int, Secret, int]] = field(default_factory=list)
    scrolled: int = 0


@dataclass(slots=True)
class _Editor:
    take: Take
    screen: Screen
    window: str
    size: tuple[int, int]
    marks: tuple[Box, Box]
    files: tuple[_File, _File]
    shown: int = 0
    place: tuple[int, int] = (0, 0)
    covers: tuple[Box, ...] = ()
    measured: dict[str, Box] = field(default_factory=dict)
    """Where the ink of a whole secret is, from the top left corner of its first character's cell."""
    levels: dict[str, tuple[int, int]] = field(default_factory=dict)
    """From which row to which that of one is that has never been wholly in sight, from the top of its cells."""
    image: Image | None = None

    @property
    def file(self) -> _File:
        return self.files[self.shown]

    def press(self, *keys: str) -> None:
        self.screen.do("key", "--delay", "4", *keys)

    def move(self, place: tuple[int, int]) -> None:
        self.place = place
        self.screen.do("windowmove", "--sync", self.window, str(place[0]), str(place[1]))

    def show(self, frames: int, image: Image | None = None) -> None:
        """Photograph the screen when it has drawn all, if ``image`` is not that, and show it for ``frames``."""
        self.image = self.screen.settled(self._drawn) if image is None else image
        window = self._text()
        labels: list[Label] = []
        boxes: dict[str, Box] = {}
        for line, column, secret, typed in self.file.secrets:
            cells = self._cells(line, column, typed)
            inside = _within(cells, window) and _within(cells, (0, 0, WIDTH, HEIGHT))
            box: Box | None
            if typed < len(secret.text):
                box = self._ink(self.image, cells) if typed and inside else None
                label = seen(secret, box, text=secret.text[:typed]) if box else None
                labels += [label] if label else []
                continue
            if secret.id not in self.measured and inside and not self.covers:
                box = self._ink(self.image, cells)
                if box is not None:
                    self.measured[secret.id] = moved(box, -cells[0], -cells[1])
            if secret.id in self.measured:
                boxes[secret.id] = moved(self.measured[secret.id], cells[0], cells[1])
            else:  # it has never been wholly in sight
                high = window[1] <= cells[1] and cells[3] <= min(window[3], HEIGHT) and not self.covers
                drawn = self._ink(self.image, common(cells, window)) if high else None
                if drawn is not None:
                    self.levels[secret.id] = drawn[1] - cells[1], drawn[3] - cells[1]
                top, bottom = self.levels.get(secret.id, (0, cells[3] - cells[1]))
                boxes[secret.id] = cells[0], cells[1] + top, cells[2], cells[1] + bottom
        labels += all_seen(self.take.vault, boxes, window, self.covers)
        self.take.film.add(self.image, labels, min(frames, _LENGTH - self.take.film.frames))

    def scroll(self, clicks: int, frames: int) -> None:
        """Turn the mouse wheel, see how far that has scrolled the text, and show it for ``frames``."""
        assert self.image is not None
        before = self.image
        left, top, right, bottom = self._text()
        left, top, right, bottom = max(left, 0), max(top, 0), min(right - 20, WIDTH), min(bottom, HEIGHT)
        self.screen.do("mousemove", str((left + right) // 2), str((top + bottom) // 2))
        self.screen.do("click", "--repeat", str(abs(clicks)), "--delay", "2", "5" if clicks > 0 else "4")

        def changed(image: Image) -> bool:
            return not np.array_equal(image[top:bottom, left:right], before[top:bottom, left:right])

        try:
            after = self.screen.settled(changed, _END)
        except ScreenError:  # at an end of the file nothing changes
            after = self.screen.settled()
        while not np.array_equal(later := self.screen.settled(), after):  # a click may be drawn after another
            after = later
        self.file.scrolled += _scrolled(before[top:bottom, left:right], after[top:bottom, left:right])
        self.show(frames, after)

    def _drawn(self, image: Image) -> bool:
        """Tell whether each secret that is wholly in sight is drawn where it should be."""
        window = self._text()
        for line, column, secret, typed in self.file.secrets:
            cells = self._cells(line, column, typed)
            if not typed or not _within(cells, window) or not _within(cells, (0, 0, WIDTH, HEIGHT)):
                continue
            if any(overlap(cells, cover) for cover in self.covers):
                continue
            if typed == len(secret.text) and secret.id in self.measured:
                if not _alike(self._ink(image, cells), moved(self.measured[secret.id], cells[0], cells[1])):
                    return False
                continue
            last = len(secret.text[:typed].rstrip()) - 1
            if self._ink(image, self._cells(line, column + last, 1)) is None:
                return False
        return True

    def _ink(self, image: Image, cells: Box) -> Box | None:
        """Return the bounding box of the ink in ``cells``, without what the line above lets down into them."""
        return on_plain(image, (cells[0], cells[1] + int(self._pitch()[1] / 2), cells[2], cells[3]))

    def _text(self) -> Box:
        """Return where in the picture the text is."""
        left, top, *_ = self._cells(0, 0, 1, unscrolled=True)
        return (left, top, self.place[0] + self.size[0] - 1, self.place[1] + self.size[1] - 2)

    def _pitch(self) -> tuple[float, float]:
        """Return how far a line is below the one before, and how much of it is above a capital: as much is below."""
        first, second = self.marks
        high = (second[1] - first[1]) / (_MARKS[1][0] - _MARKS[0][0])
        return high, (high - (first[3] - first[1])) / 2

    def _cells(self, line: int, column: int, count: int, unscrolled: bool = False) -> Box:
        first, second = self.marks
        wide = (second[0] - first[0]) / (_MARKS[1][1] - _MARKS[0][1])
        high, rest = self._pitch()
        x = self.place[0] + first[0] - 1 + column * wide
        y = self.place[1] + first[1] + (line - _MARKS[0][0]) * high - (0 if unscrolled else self.file.scrolled)
        return (round(x), round(y - rest), round(x + count * wide), round(y + high - rest) + 1)


def make(take: Take) -> None:
    """Work in the editor for the length of a scene."""
    with Screen(take.folder, subpixel=take.dark) as screen:
        editor = _open(take, screen)
        editor.show(take.rng.randrange(20, 40))
        deeds = [_read, _turn, _write, _drag, _cover]
        take.rng.shuffle(deeds)
        while take.film.frames < _LENGTH:
            for deed in deeds:
                deed(take, editor)


def _read(take: Take, editor: _Editor) -> None:
    for _ in range(take.rng.randrange(6, 12)):
        editor.scroll(take.rng.choice((1, 1, 1, 2, 3, -1, -2)), take.rng.randrange(2, 14))


def _turn(take: Take, editor: _Editor) -> None:
    editor.press("ctrl+Next" if editor.shown == 0 else "ctrl+Prior")
    editor.shown = 1 - editor.shown
    editor.show(take.rng.randrange(20, 45))


def _write(take: Take, editor: _Editor) -> None:
    """Type a line with a secret at the file's top."""
    category = take.rng.choice(("key", "email", "iban", "card-number"))
    name, secret = f"{take.prose.module()}_{category.replace('-', '_')} = ", take.vault.take(category)
    editor.press("ctrl+Home", "Return", "Up")
    file = editor.file
    file.scrolled = 0
    file.lines.insert(0, "")
    file.secrets = [(line + 1, column, other, typed) for line, column, other, typed in file.secrets]
    editor.show(8)
    _type(editor, name)
    editor.show(5)
    file.secrets.insert(0, (0, len(name), secret, 0))
    typed = 0
    while typed < len(secret.text):
        keys = min(take.rng.randrange(1, 3), len(secret.text) - typed)
        _type(editor, secret.text[typed : typed + keys])
        typed += keys
        file.secrets[0] = (0, len(name), secret, typed)
        editor.show(take.rng.randrange(3, 6) * keys)
    file.lines[0] = name + secret.text
    editor.press("ctrl+s")
    editor.show(take.rng.randrange(15, 30))
    if file.path.read_text().splitlines()[0] != file.lines[0]:
        raise ScreenError("the editor has not got what was typed")


def _type(editor: _Editor, text: str) -> None:
    editor.screen.do("type", "--delay", "4", "--", text)


def _drag(take: Take, editor: _Editor) -> None:
    """Drag the window about for 2 s."""
    rng = take.rng
    x, y = editor.place
    way = (1, 1)
    for _ in range(2 * RATE):
        if rng.random() < 0.1:
            way = (rng.choice((-1, 1)), rng.choice((-1, 0, 1)))
        x += way[0] * rng.randrange(5, 41)
        y += way[1] * rng.randrange(3, 20)
        x, y = min(max(x, -160), WIDTH - editor.size[0] + 200), min(max(y, -40), HEIGHT - editor.size[1] + 100)
        editor.move((x, y))
        editor.show(1)
    editor.show(10)


def _cover(take: Take, editor: _Editor) -> None:
    """Have another window come, cover part of the text, move on over it, and go."""
    rng = take.rng
    note = take.folder / "note.txt"
    note.write_text("\n".join(take.prose.sentence() for _ in range(30)))
    look = ("-fa", "DejaVu Sans Mono", "-fs", "10", "-geometry", "52x14+0+0", "+sb", "-bw", "0")
    colours = ("-bg", "#eeeeee", "-fg", "#202020") if take.dark else ("-bg", "#202830", "-fg", "#e0e0e0")
    x, y = WIDTH - 90, rng.randrange(120, 400)
    child = editor.screen.start("xterm", *look, *colours, "-e", "sh", "-c", f"cat {note}; exec sleep 600")
    other = editor.screen.window("--class", "xterm")
    wide, high = editor.screen.size(other)
    for _ in range(rng.randrange(14, 22)):
        editor.screen.do("windowmove", "--sync", other, str(x), str(y))
        editor.screen.do("windowraise", other)
        editor.covers = ((x, y, x + wide, y + high),)
        editor.show(rng.choice((1, 1, 2, 5, 9)))
        x, y = max(x - rng.randrange(20, 90), 0), y + rng.randrange(-12, 13)
    editor.screen.end(child)
    editor.covers = ()
    editor.screen.do("windowfocus", "--sync", editor.window)
    editor.show(rng.randrange(8, 16))


def _open(take: Take, screen: Screen) -> _Editor:
    rng = take.rng
    size = (rng.randrange(860, 1100), rng.randrange(520, 640))
    place = (rng.randrange(20, WIDTH - size[0] - 20), rng.randrange(10, HEIGHT - size[1] - 10))
    _configure(take)
    empty, with_marks, without = (take.folder / f"{name}.ini" for name in ("empty", "marks", "blank"))
    empty.touch()
    texts = [[" " * 60] * _LINES for _ in range(2)]
    for line, column in _MARKS:
        texts[0][line] = " " * column + "M" + " " * (59 - column)
    for path, text in zip((with_marks, without), texts, strict=True):
        path.write_text("\n".join(text))
    pictures = []
    for path in (with_marks, without):
        _, child = _start(screen, size, (0, 0), empty, path)
        pictures.append(screen.settled())
        screen.end(child)
    marks = _marks(pictures[0], pictures[1])
    files = (_file(take, "app"), _file(take, "service"))
    window, _ = _start(screen, size, place, files[0].path, files[1].path)
    editor = _Editor(take, screen, window, size, marks, files, 1, place)
    editor.press("ctrl+Prior")
    editor.shown = 0
    return editor


def _start(screen: Screen, size: tuple[int, int], place: tuple[int, int], *paths: Path) -> tuple[str, Popen[bytes]]:
    child = screen.start("mousepad", "--disable-server", *(str(path) for path in paths))
    window = screen.window("--class", "mousepad")
    screen.do("windowsize", "--sync", window, str(size[0]), str(size[1]))
    screen.do("windowmove", "--sync", window, str(place[0]), str(place[1]))
    screen.do("mousemove", str(WIDTH - 1), str(HEIGHT - 1))
    screen.do("windowfocus", "--sync", window)
    screen.settled()
    return window, child


def _marks(with_marks: Image, without: Image) -> tuple[Box, Box]:
    """Return the ink of the two marks: what differs, the lowest two."""
    differs = difference(with_marks, without)
    found: list[Box] = []
    bottom = HEIGHT
    while len(found) < 2:
        rows = np.flatnonzero(differs[:bottom].any(axis=1))
        if not len(rows):
            raise ScreenError("the editor does not show the marks")
        last = int(rows[-1])
        top = last
        while top in rows:
            top -= 1
        box = ink(differs, (0, top + 1, WIDTH, last + 1))
        assert box is not None
        found.append(box)
        bottom = top + 1
    return found[1], found[0]


def _scrolled(before: Image, after: Image) -> int:
    """Return by how many rows the text has moved up."""
    old, new = (picture.astype(np.int32).sum(axis=(1, 2)) for picture in (before, after))
    count = len(old)

    def unlike(rows: int) -> tuple[float, int]:
        here, there = old[max(rows, 0) : count + rows], new[max(-rows, 0) : count - rows]
        return float((here != there).mean()), abs(rows)

    return min(range(_OVERLAP - count, count - _OVERLAP), key=unlike)


def _within(box: Box, window: Box) -> bool:
    return box[0] >= window[0] and box[1] >= window[1] and box[2] <= window[2] and box[3] <= window[3]


def _alike(found: Box | None, expected: Box) -> bool:
    """Tell whether ink is where it was: a caret beside it, or another ground, may move its edge a little."""
    return found is not None and max(abs(one - other) for one, other in zip(found, expected, strict=True)) <= _LOOSE


def _configure(take: Take) -> None:
    rng = take.rng
    settings, gtk = take.folder / ".config/glib-2.0/settings", take.folder / ".config/gtk-3.0"
    settings.mkdir(parents=True)
    gtk.mkdir(parents=True)
    chosen = {"font": rng.choice(_FONTS), "size": rng.randrange(9, 14), "scheme": rng.choice(_SCHEMES[take.dark])}
    (settings / "keyfile").write_text(_PREFERENCES.format(**chosen))
    (gtk / "settings.ini").write_text(_GTK.format(dark=int(take.dark)))


def _file(take: Take, name: str) -> _File:
    """Write a configuration file, a third of whose lines hold a secret."""
    rng, prose = take.rng, take.prose
    file = _File(take.folder / f"{name}.ini")
    names = {"key": "api_key", "password": "password", "email": "owner", "phone": "pager", "iban": "account"}
    while len(file.lines) < _LINES - 10:
        what = rng.random()
        if what < 0.1:
            file.lines += ["", f"[{prose.module()}]"]
        elif what < 0.2:
            file.lines.append(f"# {prose.sentence()}")
        elif what < 0.65:
            file.lines.append(" = ".join(prose.setting()))
        else:
            category = rng.choice(tuple(names))
            start, secret = f"{prose.module()}_{names[category]} = ", take.vault.take(category)
            file.secrets.append((len(file.lines), len(start), secret, len(secret.text)))
            file.lines.append(start + secret.text)
    file.path.write_text("\n".join(file.lines) + "\n")
    return file
