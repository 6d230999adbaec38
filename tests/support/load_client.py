"""Builds and runs the load of ``./run bench viewers``: players by the hundred; ``load_client.c`` says what they do.

outcome = play(live("http://127.0.0.1:8080/hls/demo/master.m3u8", Course(viewers=500)))
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from tests.support.server import ROOT

SOURCE = Path(__file__).with_suffix(".c")
PROGRAM = ROOT / "tests" / "artifacts" / "load_client"
_FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra")
_NEEDED = "a C compiler and zlib's headers (on Debian: apt-get install gcc libc6-dev zlib1g-dev)"


class NoCompiler(Exception):
    """The client cannot be built here; the text says what is missing."""


class LoadError(Exception):
    """The client has ended without figures; the text says why."""


@dataclass(frozen=True, slots=True)
class Course:
    """How many play, and for how long: seconds to come, to settle, to be measured, and to stay."""

    viewers: int
    start: float = 5.0
    settle: float = 5.0
    seconds: float = 30.0
    linger: float = 1.5

    @property
    def words(self) -> tuple[str, ...]:
        return str(self.viewers), f"{self.start:g}", f"{self.settle:g}", f"{self.seconds:g}", f"{self.linger:g}"


@dataclass(frozen=True, slots=True)
class Files:
    """What a player fetches of a rendition from a server of files: paths, and seconds from one part to the next."""

    name: str
    playlist: str
    part: str
    period: float


class Rendition(msgspec.Struct, frozen=True):
    """What became of the parts of one rendition, for all viewers together.

    ``missing`` were late and had not even come at the end, ``failed`` were answered wrongly. ``lateness``: p50, p95,
    p99 and worst in milliseconds, the earliest of all being 0; none where files were fetched. ``late_ticks`` are those
    where a player was not ready for its next file.
    """

    name: str
    part_target: float
    part_seconds: float
    parts: int
    expected: int
    late: int
    missing: int
    failed: int
    part_bytes: float
    playlist_bytes: float
    late_ticks: int
    lateness: tuple[float, float, float, float] | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What all viewers got while it was measured; ``status`` counts answers other than 200, and those and ``errors``
    from the beginning. ``complete`` viewers got parts of each rendition. ``cpu``: seconds, the client's own.
    """

    viewers: int
    complete: int
    seconds: float
    cpu: float
    answers: int
    bytes: int
    reconnects: int
    errors: dict[str, int]
    status: dict[str, int]
    renditions: list[Rendition]

    @property
    def wrong(self) -> int:
        """All that should not have happened."""
        return sum(self.errors.values()) + sum(self.status.values())

    @property
    def due(self) -> int:
        """Parts that viewers should have, whether they came or not."""
        return sum(each.parts + each.missing + each.failed for each in self.renditions)

    @property
    def late(self) -> int:
        """Parts that came more than a PART-TARGET late, or not at all."""
        return sum(each.late + each.missing + each.failed for each in self.renditions)


def build() -> Path:
    """Return the program, compiled if it is older than its source. Raises NoCompiler."""
    if PROGRAM.exists() and PROGRAM.stat().st_mtime >= SOURCE.stat().st_mtime:
        return PROGRAM
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise NoCompiler(f"the load client needs {_NEEDED}")
    PROGRAM.parent.mkdir(exist_ok=True)
    unfinished = PROGRAM.with_name(f"{PROGRAM.name}-{os.getpid()}")  # other test processes may build it, too
    command = (compiler, *_FLAGS, "-o", str(unfinished), str(SOURCE), "-lz")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise NoCompiler(f"the load client could not be compiled; it needs {_NEEDED}:\n{done.stderr}")
    unfinished.replace(PROGRAM)
    return PROGRAM


def live(url: str, course: Course) -> list[str]:
    """Return the client's words for players of the multivariant playlist ``url``."""
    return ["live", *_address(url), urlsplit(url).path, *course.words]


def static(url: str, course: Course, files: Sequence[Files]) -> list[str]:
    """Return the client's words for players of files at the server ``url``."""
    words = [word for each in files for word in (each.name, each.playlist, each.part, repr(each.period))]
    return ["static", *_address(url), *course.words, *words]


def play(
    words: Sequence[str], measuring: Callable[[], None] = lambda: None, measured: Callable[[], None] = lambda: None
) -> Outcome:
    """Run the client; call back when measuring begins and ends, with all viewers there. It ends with this process.

    Raises LoadError, and NoCompiler.
    """
    with subprocess.Popen(
        (str(build()), *words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout is not None
        last = ""
        try:
            for last in client.stdout:
                match last.strip():
                    case "measuring":
                        measuring()
                    case "measured":
                        measured()
        except BaseException:
            client.terminate()
            raise
    if client.returncode:
        raise LoadError(f"the load client ended with status {client.returncode}: see above")
    return msgspec.json.decode(last, type=Outcome)


def _address(url: str) -> tuple[str, str]:
    where = urlsplit(url)
    return where.hostname or "", str(where.port)
