"""What tests of every kind share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.server import ROOT, RunningServer
from transcode.testcard import make_clip

ARTIFACTS = ROOT / "tests" / "artifacts"

settings.register_profile("veilcast", deadline=None)  # tests never assert speed: machines are busy
settings.load_profile("veilcast")


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A test card of 16 s, 640x360 at 30 frames a second, a keyframe every 2 s."""
    path = tmp_path_factory.mktemp("clip") / "card.mp4"
    make_clip(path, seconds=16, width=640, height=360, bitrate=800_000)
    return path


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
