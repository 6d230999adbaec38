"""What the end-to-end tests share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.indexed import make_indexed


@pytest.fixture(scope="session")
def indexed(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A clip of 80 s: each picture carries its number, and each 20 ms of its sound a tone."""
    return once("indexed.mp4", lambda path: make_indexed(path, seconds=80))
