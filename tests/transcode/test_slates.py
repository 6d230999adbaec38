"""Slates to order: each is coded by a process, and kept."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingest.media import Codec, Kind, Track
from tests.support.media import make_clip
from tests.support.web import until
from transcode.interlude import CodedSlate
from transcode.media import Slate
from transcode.slate_encoder import encode_slate
from transcode.slates import Slates

SLATE = Slate("The title", "Back in a moment.")


def picture() -> Track:
    track = make_clip(seconds=1, audio=False).video
    assert track is not None
    return track


@pytest.fixture
async def slates() -> AsyncIterator[Slates]:
    made = Slates()
    yield made
    await made.close()


async def test_a_slate_is_made_by_a_process_and_delivered(slates: Slates) -> None:
    came: list[CodedSlate] = []
    slates.order(picture(), SLATE, came.append)
    assert came == []
    await until(lambda: bool(came), 30)
    assert came == [encode_slate(picture(), SLATE)]


async def test_there_is_none_beside_a_picture_in_another_codec(caplog: pytest.LogCaptureFixture) -> None:
    slates = Slates(("/nothing/that/could/be/run",))
    came: list[CodedSlate] = []
    slates.order(Track(Kind.VIDEO, Codec.HEVC, b"record"), SLATE, came.append)
    await asyncio.sleep(0)
    await slates.close()
    assert came == []
    assert [record.getMessage() for record in caplog.records] == [
        "there is no slate for a picture that is passed on, only a gap: it is HEVC"
    ]


async def test_what_was_ordered_before_is_there_at_once(slates: Slates) -> None:
    came: list[CodedSlate] = []
    slates.order(picture(), SLATE, came.append)
    slates.order(picture(), SLATE, came.append)
    await until(lambda: len(came) == 2, 30)
    slates.order(picture(), SLATE, came.append)
    assert len(came) == 3
    assert came[0] is came[1] is came[2]


async def test_another_title_is_another_slate(slates: Slates) -> None:
    came: list[CodedSlate] = []
    for title in ("One", "Another"):
        slates.order(picture(), Slate(title, ""), came.append)
    await until(lambda: len(came) == 2, 30)
    assert came[0].track == came[1].track


async def test_what_cannot_be_made_is_told_to_the_operator_alone(
    slates: Slates, caplog: pytest.LogCaptureFixture
) -> None:
    came: list[CodedSlate] = []
    slates.order(Track(Kind.VIDEO, Codec.H264, b"nonsense"), SLATE, came.append)
    await until(lambda: bool(caplog.messages), 30)
    assert "not an H.264 configuration record" in caplog.text
    assert came == []


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import time; time.sleep(600)", "took too long"),
        ("import sys; sys.stdin.buffer.read(); print('hm')", "MessagePack|Expected"),
        ("import os; os.abort()", "status -6"),
    ],
)
async def test_a_process_that_fails_leaves_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture, program: str, said: str
) -> None:
    slates = Slates((sys.executable, "-c", program), patience=1.5)
    slates.order(picture(), SLATE, lambda _: pytest.fail("there is none"))
    await until(lambda: bool(caplog.messages), 30)
    assert re.search(said, caplog.text)
    await slates.close()


async def test_one_that_failed_is_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tried = tmp_path / "tried"
    slates = Slates((sys.executable, "-c", f"open({str(tried)!r}, 'a').write('x'); raise SystemExit('no')"))
    for count in (1, 2):
        slates.order(picture(), SLATE, lambda _: pytest.fail("there is none"))
        await until(lambda count=count: len(caplog.messages) == count, 30)  # type: ignore[misc]
    assert tried.read_text() == "xx"


async def test_closing_ends_what_is_being_made(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    program = f"import os, time; open({str(file)!r}, 'w').write(f'{{os.getpid()}}.'); time.sleep(600)"
    slates = Slates((sys.executable, "-c", program))
    slates.order(picture(), SLATE, lambda _: pytest.fail("there is none"))
    await until(lambda: file.exists() and file.read_text().endswith("."), 30)
    async with asyncio.timeout(10):
        await slates.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()[:-1]), 0)
