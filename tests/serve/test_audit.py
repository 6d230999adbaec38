"""The moderation log: what is in it, where it is, and that it disturbs nobody."""

import json
import logging
import os
import stat
import time
from pathlib import Path

import pytest

from serve import audit as module
from serve.audit import FILE, KEPT, Audit
from transcode.verdicts import Note

AT = 1_700_000_000_123
FINDING = Note("finding", 90_000, 135_000, "redact-text", "picture", "card-number", "fill")


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_note_is_a_line_with_the_time_of_day_and_seconds_of_the_timeline(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    audit.write("demo", FINDING, AT)
    audit.write("demo", Note("covered", cause="late"), AT + 1000)
    audit.close()
    assert lines(tmp_path / FILE) == [
        {
            "at": "2023-11-14T22:13:20.123Z", "room": "demo", "what": "finding", "start": 1.0, "end": 1.5,
            "filter": "redact-text", "kind": "picture", "category": "card-number", "effect": "fill",
        },
        {"at": "2023-11-14T22:13:21.123Z", "room": "demo", "what": "covered", "cause": "late"},
    ]  # fmt: skip


def test_it_is_for_its_owner_alone_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        audit = Audit(tmp_path)
        audit.write("demo", FINDING, AT)
        audit.close()
    assert len(lines(tmp_path / FILE)) == 2
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_the_newest_notes_of_each_room_are_kept_in_memory(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    for number in range(KEPT + 5):
        audit.write("demo", FINDING, AT + number * 1000)
    audit.write("other", Note("dump"), AT)
    assert len(audit.newest("demo")) == KEPT
    assert audit.newest("demo")[0].at.startswith("2023-11-14T22:13:25")
    assert [noted.what for noted in audit.newest("other")] == ["dump"]
    audit.forget("demo")
    assert audit.newest("demo") == []
    audit.close()


def test_a_large_file_makes_room_and_few_old_ones_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 100)
    for number in range(6):
        audit = Audit(tmp_path)
        audit.write(f"room-{number}", FINDING, AT)
        audit.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{FILE}.{number}" for number in (1, 2, 3)]
    assert [lines(tmp_path / f"{FILE}.{number}")[0]["room"] for number in (1, 2, 3)] == ["room-5", "room-4", "room-3"]


def test_a_disk_that_takes_nothing_is_said_so_once_and_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    audit = Audit(tmp_path)
    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        patched.setattr(os, "write", full)
        patched.setattr(module, "_GATHER", 0.001)
        for _ in range(3):
            audit.write("demo", FINDING, AT)
            time.sleep(0.3)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "make room for it" in caplog.text
    audit.write("demo", Note("dump"), AT)
    audit.close()
    assert [line["what"] for line in lines(tmp_path / FILE)] == ["dump"]


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = os.write, 0

    def half(handle: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(28, "No space left on device")
        return write(handle, data[:10] if calls == 1 else data)

    monkeypatch.setattr(os, "write", half)
    audit = Audit(tmp_path)
    audit.write("demo", FINDING, AT)
    while calls < 2:
        time.sleep(0.01)
    audit.write("demo", Note("dump"), AT)
    audit.close()
    first, second = (tmp_path / FILE).read_text().splitlines()
    assert len(first) == 10
    assert json.loads(second)["what"] == "dump"
