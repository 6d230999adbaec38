"""Filters whose files change are loaded anew; what cannot be used changes nothing."""

import asyncio
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from serve import watch as module
from serve.errors import SettingError
from serve.inspector import Inspector
from serve.room import Room
from serve.rooms import RoomOpening, RoomSettings
from serve.store import FilterRow, StoreError
from serve.watch import FilterWatch
from tests.support.house import House
from tests.support.toy_describe import COMMAND

Reloads = list[tuple[str, tuple[FilterRow, ...]]]


@pytest.fixture
def reloads(monkeypatch: pytest.MonkeyPatch) -> Reloads:
    """What rooms were told to load anew."""
    told: Reloads = []
    monkeypatch.setattr(Room, "reload_filters", lambda room, rows: told.append((room.name, rows)))
    return told


@pytest.fixture
def inspector(tmp_path: Path) -> Inspector:
    return Inspector([tmp_path], COMMAND)


@pytest.fixture
async def watch(house: House, inspector: Inspector) -> FilterWatch:
    return FilterWatch(house.rooms, inspector.check)


async def room_with(house: House, inspector: Inspector, *specs: str, name: str = "demo", **settings: object) -> None:
    rows = await inspector.check(specs)
    house.rooms.open(name, RoomOpening(**settings), rows)  # type: ignore[arg-type]


async def test_a_changed_file_is_loaded_anew_once_it_stays_as_it_is(
    house: House, inspector: Inspector, watch: FilterWatch, reloads: Reloads, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("see")
    await room_with(house, inspector, f"{file}:f", "see")
    await room_with(house, inspector, "see", name="other")
    for _ in range(3):
        await watch.look()
    assert reloads == []
    file.write_text("dete")
    await watch.look()
    file.write_text("detect")
    await watch.look()
    assert reloads == [], "it is still being written"
    for _ in range(3):
        await watch.look()
    rows = (FilterRow(f"{file}:f", "detector", 1.0), FilterRow("see", "video"))
    assert reloads == [("demo", rows)]


async def test_a_file_that_is_replaced_by_another_has_changed(
    house: House, inspector: Inspector, watch: FilterWatch, reloads: Reloads, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("see")
    await room_with(house, inspector, f"{file}:f")
    await watch.look()
    times = (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    (tmp_path / "new").write_text("see")
    os.utime(tmp_path / "new", ns=times)
    (tmp_path / "new").replace(file)
    await watch.look()
    await watch.look()
    assert len(reloads) == 1


async def test_what_cannot_be_used_is_named_in_the_log_and_what_runs_goes_on(
    house: House, inspector: Inspector, watch: FilterWatch, reloads: Reloads, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    file = tmp_path / "mine.py"
    file.write_text("see")
    await room_with(house, inspector, f"{file}:f:words=hush+b")
    await watch.look()
    file.write_text("a mistake in line 7")
    with caplog.at_level(logging.INFO):
        for _ in range(4):
            await watch.look()
        file.unlink()
        for _ in range(3):
            await watch.look()
    assert reloads == []
    first, second = [record.getMessage() for record in caplog.records]
    assert first.startswith("room demo: mine.py has changed, but what runs goes on: a mistake in line 7")
    assert "there is no such file" in second
    assert "hush" not in caplog.text, "options may be what is to be hidden"
    file.write_text("see")
    await watch.look()
    await watch.look()
    assert len(reloads) == 1


async def test_one_that_needs_more_than_the_room_is_held_back_is_not_loaded(
    house: House, inspector: Inspector, watch: FilterWatch, reloads: Reloads, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    file = tmp_path / "mine.py"
    file.write_text("see")
    await room_with(house, inspector, f"{file}:f", delay=0.5)
    await watch.look()
    file.write_text("detect")
    await watch.look()
    await watch.look()
    assert reloads == []
    assert "a delay of 0.5 s is too short" in caplog.text


async def test_a_disk_that_is_full_is_said_so(
    house: House, inspector: Inspector, watch: FilterWatch, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    def full(*_: object) -> None:
        raise StoreError("give it room")

    monkeypatch.setattr(Room, "reload_filters", full)
    file = tmp_path / "mine.py"
    file.write_text("see")
    await room_with(house, inspector, f"{file}:f")
    await watch.look()
    file.write_text("hear")
    await watch.look()
    await watch.look()
    assert "room demo: give it room" in caplog.text


async def test_stopped_rooms_and_those_that_are_changed_meanwhile_are_left_alone(
    house: House, reloads: Reloads, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("see")
    row = FilterRow(f"{file}:f", "video")
    asked: list[Sequence[str]] = []

    async def check(specs: Sequence[str]) -> tuple[FilterRow, ...]:
        asked.append(specs)
        house.rooms.set("demo", RoomSettings(), (row, FilterRow("see", "video")))
        return (row,)

    watch = FilterWatch(house.rooms, check)
    for name in ("demo", "stopped"):
        house.rooms.open(name, RoomOpening(), (row,))
    house.rooms.stop("stopped")
    await watch.look()
    file.write_text("hear")
    await watch.look()
    await watch.look()
    assert asked == [[row.spec]]
    assert reloads == []


async def test_a_mistake_in_one_look_does_not_end_the_watch(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LOOK", 0.001)
    looks = asyncio.Event()

    class Failing(FilterWatch):
        async def look(self) -> None:
            if caplog.records:
                looks.set()
            raise RuntimeError("a mistake")

    async def check(_: Sequence[str]) -> tuple[FilterRow, ...]:
        raise SettingError("never")

    running = asyncio.create_task(Failing(house.rooms, check).run())
    await asyncio.wait_for(looks.wait(), 10)
    running.cancel()
    assert "a mistake of this server" in caplog.text
