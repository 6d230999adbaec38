"""What tests of every kind share."""

import fcntl
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.server import ROOT, RunningServer
from transcode.testcard import make_clip

ARTIFACTS = ROOT / "tests" / "artifacts"

STAGE = {"browser": fcntl.LOCK_EX, "e2e": fcntl.LOCK_SH}
"""What tests of these packages do to the lock that keeps them apart. The others take a processor each, and are free."""
TURN = pytest.StashKey[int]()
"""The lock's descriptor, while this process holds it."""

# Tests never assert speed: machines are busy. CI judges a change, so it tries the same examples each time; everywhere
# else new ones are looked for.
settings.register_profile("veilcast", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("veilcast")


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Make a file of that name, or take the one that another process of this test run has made."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def made(name: str, make: Callable[[Path], None]) -> Path:
        path = folder / name
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                unfinished = path.with_name(f"unfinished-{name}")
                make(unfinished)
                unfinished.rename(path)
        return path

    return made


@pytest.fixture(scope="session")
def clip(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A test card of 16 s, 640x360 at 30 frames a second, a keyframe every 2 s."""
    return once("card.mp4", lambda path: make_clip(path, seconds=16, width=640, height=360, bitrate=800_000))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A running server with a data folder of its own."""
    with RunningServer(tmp_path) as running:
        yield running


@pytest.fixture
def artifacts() -> Path:
    """Where screenshots are kept for people to look at; git ignores it."""
    ARTIFACTS.mkdir(exist_ok=True)
    return ARTIFACTS


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Keep what plays in a browser apart from all else that plays, in whatever process of this clone's tests: its
    deadlines are a viewer's, and a second room with its ladder and detectors is more than two processors carry.

    A module keeps its turn, as long as its browser lives. The wait comes before what times a test out.
    """
    package = item.path.parent.name
    if package in STAGE and TURN not in item.config.stash:
        item.config.stash[TURN] = os.open(__file__, os.O_RDONLY)
        fcntl.flock(item.config.stash[TURN], STAGE[package])
    try:
        return (yield)
    finally:
        if TURN in item.config.stash and (nextitem is None or nextitem.path != item.path):
            os.close(item.config.stash[TURN])
            del item.config.stash[TURN]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests that take long come first: what is left at the end then fits between the processes."""
    items.sort(key=lambda item: item.path.parent.name not in STAGE)
