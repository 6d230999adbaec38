"""What of a machine a process may use."""

from pathlib import Path

import pytest

from transcode.machine import processor_time, processors

HERE = processor_time(Path("nowhere"))


def group(cgroups: Path, path: str, limit: str) -> None:
    (cgroups / path).mkdir(parents=True, exist_ok=True)
    (cgroups / path / "cpu.max").write_text(limit + "\n")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own").write_text("1:cpu:/old\n0::/system/veilcast\n")
    return tmp_path / "own"


def test_without_control_groups_all_processors_are_there() -> None:
    assert HERE >= 1
    assert int(HERE) == HERE
    assert processors() >= 1


@pytest.mark.parametrize("path", [".", "system", "system/veilcast"])
def test_a_quota_counts_wherever_it_is_set(tmp_path: Path, own: Path, path: str) -> None:
    for other in (".", "system", "system/veilcast"):
        group(tmp_path, other, "max 100000")
    assert processor_time(own, tmp_path) == HERE
    group(tmp_path, path, "50000 100000")
    assert processor_time(own, tmp_path) == 0.5


def test_the_narrowest_quota_counts(tmp_path: Path, own: Path) -> None:
    group(tmp_path, "system", "60000 100000")
    group(tmp_path, "system/veilcast", "80000 100000")
    assert processor_time(own, tmp_path) == 0.6


@pytest.mark.parametrize("limit", ["", "max", "max 100000", "1 0", "one 100000", "9000000 100000"])
def test_what_limits_nothing_is_no_limit(tmp_path: Path, own: Path, limit: str) -> None:
    group(tmp_path, "system/veilcast", limit)
    assert processor_time(own, tmp_path) == HERE
