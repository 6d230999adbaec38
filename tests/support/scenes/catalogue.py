"""All kinds of scenes, made on demand and kept: the same seed gives the same scenes."""

import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from tests.support.scenes import camera, chat, editor, form, pages, scrolling, slides, terminal, video_page
from tests.support.scenes.film import Film, Shown
from tests.support.scenes.scene import Scene
from tests.support.scenes.take import Take

_MAKERS: dict[str, tuple[Callable[[Take], None], int]] = {
    "pages": (pages.make, 2),
    "form": (form.make, 2),
    "scrolling": (scrolling.make, 2),
    "chat": (chat.make, 2),
    "slides": (slides.make, 2),
    "terminal": (terminal.make, 2),
    "editor": (editor.make, 2),
    "camera": (camera.make, 4),
    "video-page": (video_page.make, 2),
}
"""How a scene of each kind is made, and how many there are for a seed."""
_NOISY = ("camera", "video-page")
_CHECKS = ("check.py", "sanity.py")
"""These look at scenes, and make none."""

KINDS = tuple(_MAKERS)


def scenes(kinds: Sequence[str], seed: int, work: Path) -> Iterator[Scene]:
    """Give the scenes of ``kinds`` for ``seed``; what is in ``work`` already, from the same sources, is not made anew.

    A scene is made when it is asked for, in this thread, which must not run an event loop: some need a browser.

    Raises:
        KeyError: a kind that there is not.
    """
    for kind in kinds:
        make, count = _MAKERS[kind]
        for index in range(count):
            name = f"{kind}-{index}"
            folder = work / f"{_digest():08x}-{seed}" / name
            if not folder.exists():
                _make(make, kind, index, seed, folder)
            yield Scene(kind, name, seed, Shown(folder))


def _make(make: Callable[[Take], None], kind: str, index: int, seed: int, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="making-") as making:
        film = Film(Path(making) / "film", noisy=kind in _NOISY)
        make(Take(index, Random(f"{kind} {index} {seed}"), film, Path(making)))
        film.close()
        try:
            (Path(making) / "film").rename(folder)
        except OSError:
            if not folder.exists():  # else another process has made the same meanwhile
                raise


def _digest() -> int:
    """Return a number that moves with the sources that scenes are made from."""
    sources = sorted(path for path in Path(__file__).parent.glob("*.py") if path.name not in _CHECKS)
    return zlib.crc32(b"".join(path.read_bytes() for path in sources))
