"""What the tests of the server share."""

from pathlib import Path

import pytest

from tests.support.house import House


@pytest.fixture
async def house(tmp_path: Path) -> House:
    """A house of rooms without sockets."""
    return House(tmp_path)
