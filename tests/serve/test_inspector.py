"""Filters are looked at in a child: what is found, which files are taken, and what a bad one does to the server."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from filters.spec import parse
from serve.errors import SettingError
from serve.inspector import MOST, InspectionError, Inspector
from serve.store import FilterRow
from tests.support.toy_describe import COMMAND


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder that filters are taken from; also the working folder."""
    folder = tmp_path / "filters"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def inspector(folder: Path) -> Inspector:
    return Inspector([folder], COMMAND)


async def test_filters_are_kept_with_what_was_found_of_them(inspector: Inspector, folder: Path) -> None:
    (folder / "mine.py").write_text("hear")
    given = ["detect:ahead=2.5", "see", f"{folder}/mine.py:f"]
    assert await inspector.check(given) == (
        FilterRow("detect:ahead=2.5", "detector", 2.5),
        FilterRow("see", "video"),
        FilterRow(f"{folder}/mine.py:f", "audio"),
    )


async def test_no_filters_need_no_look() -> None:
    assert await Inspector([], ("/nowhere",)).check([]) == ()


async def test_one_that_cannot_be_used_is_answered_in_its_own_words(inspector: Inspector) -> None:
    with pytest.raises(SettingError, match="unheard-of"):
        await inspector.check(["see", "unheard-of"])
    with pytest.raises(SettingError, match="names no filter"):
        await inspector.check(["see", ""])
    with pytest.raises(SettingError, match=f"{MOST} filters at most"):
        await inspector.check(["see"] * (MOST + 1))


async def test_a_filter_is_described_and_all_are_listed(inspector: Inspector) -> None:
    found = await inspector.describe(parse("see"))
    assert (found.name, found.role, found.summary) == ("see", "video", "Can see.")
    assert [found.spec for found in await inspector.known()] == ["see", "hear", "detect"]


# Files.


@pytest.mark.parametrize("path", ["mine.py", "./mine.py", "~/mine.py", "../filters/mine.py"])
async def test_a_relative_path_is_refused(inspector: Inspector, folder: Path, path: str) -> None:
    (folder / "mine.py").write_text("see")
    with pytest.raises(SettingError, match=r"mine\.py:f: give an absolute path"):
        await inspector.check([f"{path}:f"])


async def test_a_file_elsewhere_is_refused_and_not_read(inspector: Inspector, folder: Path) -> None:
    (folder.parent / "other.py").write_text("crash")
    (folder / "link.py").symlink_to(folder.parent / "other.py")
    for path in (f"{folder}/../other.py", f"{folder.parent}/other.py", f"{folder}/link.py", f"{folder}x/other.py"):
        with pytest.raises(SettingError, match=r"put the file there, or start the server with --filters DIR") as caught:
            await inspector.check([f"{path}:f"])
        assert str(folder) in str(caught.value)


async def test_a_link_to_a_file_that_is_allowed_is_kept_as_that_file(folder: Path, tmp_path: Path) -> None:
    (folder / "mine.py").write_text("see")
    (tmp_path / "link").symlink_to(folder)
    inspector = Inspector([tmp_path / "link"], COMMAND)
    (row,) = await inspector.check([f"{tmp_path}/link/mine.py:f:a=b"])
    assert row.spec == f"{folder}/mine.py:f:a=b"


async def test_a_path_that_can_be_none_is_refused(inspector: Inspector, folder: Path) -> None:
    (folder / "a.py").symlink_to(folder / "b.py")
    (folder / "b.py").symlink_to(folder / "a.py")
    for path in (f"{folder}/a.py", f"{folder}/\0.py"):
        with pytest.raises(SettingError):
            await inspector.check([f"{path}:f"])


async def test_without_folders_every_file_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("see")
    found = await Inspector(None, COMMAND).describe(parse("./mine.py:f").absolute(tmp_path))
    assert found.role == "video"


# What a bad filter does.


async def test_one_that_ends_the_process_is_named_with_the_last_line(inspector: Inspector) -> None:
    with pytest.raises(
        InspectionError, match=r"^filter crash could not be checked: .*killed by signal 6 \(segmentation fault\): see"
    ):
        await inspector.check(["crash"])
    with pytest.raises(InspectionError, match=r"^one of the filters see, crash could not be checked"):
        await inspector.check(["see", "crash"])


async def test_one_that_hangs_is_stopped_with_all_that_it_has_started(folder: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(InspectionError, match=r"filter hang took more than 0\.5 s to load"):
        await Inspector([folder], COMMAND, timeout=0.5).check(["hang"])
    assert time.monotonic() - begun < 10
    _is_gone(int((folder / "child").read_text()))


async def test_whoever_asked_may_go(inspector: Inspector, folder: Path) -> None:
    asking = asyncio.create_task(inspector.check(["hang"]))
    while not (folder / "child").exists() or not (folder / "child").read_text():
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    _is_gone(int((folder / "child").read_text()))


@pytest.mark.parametrize("answer", ["", "{", '{"filters": []}', "print('hello')"])
async def test_an_answer_that_is_none_is_said_so(folder: Path, answer: str) -> None:
    command = (sys.executable, "-c", f"import sys; sys.stdin.read(); sys.stdout.write({answer!r})")
    with pytest.raises(InspectionError, match="filter see could not be checked"):
        await Inspector([folder], command).check(["see"])


async def test_one_that_talks_without_end_does_not_fill_the_memory(inspector: Inspector) -> None:
    with pytest.raises(InspectionError, match="could not be checked"):
        await inspector.check(["babble"])


async def test_a_child_that_cannot_be_started_is_said_so(folder: Path) -> None:
    with pytest.raises(InspectionError, match="no process could be started"):
        await Inspector([folder], ("/nowhere/python",)).check(["see"])


# The real child.


async def test_the_real_child_finds_out_what_a_filter_is(folder: Path) -> None:
    (folder / "mine.py").write_text(
        "from filters import Detector, video_filter\n"
        "@video_filter\n"
        "def invert(image, t): return 255 - image\n"
        "class Look(Detector):\n"
        "    def __init__(self, ahead: float): self.lookahead = ahead\n"
        "    def picture(self, picture): return ()\n"
    )
    inspector = Inspector([folder])
    look, invert = f"{folder}/mine.py:Look:ahead=2.5", f"{folder}/mine.py:invert"
    assert await inspector.check([look, invert]) == (FilterRow(look, "detector", 2.5), FilterRow(invert, "video"))
    with pytest.raises(InspectionError, match=r"mine\.py:Look: it must be given ahead=…"):
        await inspector.check([invert, f"{folder}/mine.py:Look"])
    (folder / "mine.py").write_text("import no_such_module\n")
    with pytest.raises(InspectionError, match=r"no_such_module.*line 1"):
        await inspector.check([invert])
    assert all(known.spec for known in await inspector.known())


def _is_gone(process: int) -> None:
    """Gone, or dead and waiting for whoever adopted it."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except (ProcessLookupError, FileNotFoundError):
            return
        time.sleep(0.01)
    raise AssertionError(f"process {process} still runs")
