"""What a log says of strangers."""

import logging

import pytest

from ingest.rtmp.complaints import Complaints


class Clock:
    seconds = 1000.0


def test_so_many_lines_a_minute_and_then_how_many_were_left_out(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    complaints = Complaints(logging.getLogger("strangers"), lambda: clock.seconds, most=2)
    caplog.set_level(logging.INFO)
    for number in range(5):
        complaints.say(logging.INFO, "closed: %d", number)
    clock.seconds += 59.9
    complaints.say(logging.WARNING, "closed: %d", 5)
    assert [record.getMessage() for record in caplog.records] == ["closed: 0", "closed: 1"]
    clock.seconds += 0.1
    for number in (6, 7, 8):
        complaints.say(logging.WARNING, "closed: %d", number)
    assert [(record.levelname, record.getMessage()) for record in caplog.records[2:]] == [
        ("WARNING", "4 more lines about connections like these were left out"),
        ("WARNING", "closed: 6"),
        ("WARNING", "closed: 7"),
    ]


def test_nothing_left_out_is_not_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    complaints = Complaints(logging.getLogger("strangers"), lambda: clock.seconds, most=2)
    for _ in range(3):
        complaints.say(logging.WARNING, "closed")
        clock.seconds += 60
    assert [record.getMessage() for record in caplog.records] == ["closed"] * 3
