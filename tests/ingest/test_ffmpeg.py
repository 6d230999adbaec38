"""The real ffmpeg binary publishes to the real listener."""

import asyncio
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from ingest.media import Codec, Kind
from ingest.rtmp.listener import RtmpListener
from tests.support.rtmp_server import FakeAdmission

PICTURE = ("-f", "lavfi", "-i", "testsrc=size=160x120:rate=25")
SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25")
AAC = ("-c:a", "aac")
_PATIENCE = 30


@pytest.fixture
async def admission() -> FakeAdmission:
    return FakeAdmission()


@pytest.fixture
async def listener(admission: FakeAdmission) -> AsyncIterator[RtmpListener]:
    listener = RtmpListener(admission)
    await listener.start("127.0.0.1", 0)
    yield listener
    await listener.close()


@asynccontextmanager
async def ffmpeg(listener: RtmpListener, *arguments: str, key: str = "right") -> AsyncIterator[Process]:
    program = shutil.which("ffmpeg")
    assert program, "ffmpeg is needed: apt install ffmpeg"
    url = f"rtmp://127.0.0.1:{listener.port}/live/{key}"
    process = await asyncio.create_subprocess_exec(
        program, "-nostdin", "-loglevel", "error", *arguments, "-f", "flv", url, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def said(process: Process) -> str:
    """Wait for the end, return what was printed."""
    async with asyncio.timeout(_PATIENCE):
        _, errors = await process.communicate()
    return errors.decode()


async def test_picture_and_sound_arrive_whole(listener: RtmpListener, admission: FakeAdmission) -> None:
    async with ffmpeg(listener, *PICTURE, *SOUND, "-t", "2", *H264, *AAC) as process:
        await said(process)
        assert process.returncode == 0
    sink = await admission.sink()
    await sink.until(lambda sink: sink.endings)
    assert sink.endings == ["the host stopped streaming"]
    assert {(track.kind, track.codec) for track in sink.tracks} == {
        (Kind.VIDEO, Codec.H264),
        (Kind.AUDIO, Codec.AAC),
    }
    video = [packet for packet in sink.packets if packet.kind is Kind.VIDEO]
    assert len(video) == 50
    assert [after.stamp - before.stamp for before, after in pairwise(video)] == [40] * 49
    assert sink.said["width"] == 160.0
    assert sink.request.software.startswith("FMLE/3.0 (compatible; Lavf")


@pytest.mark.parametrize(("what", "kind"), [((*PICTURE, *H264), Kind.VIDEO), ((*SOUND, *AAC), Kind.AUDIO)])
async def test_one_track_alone(
    listener: RtmpListener, admission: FakeAdmission, what: tuple[str, ...], kind: Kind
) -> None:
    async with ffmpeg(listener, *what, "-t", "0.5"):
        sink = await admission.sink()
        await sink.until(lambda sink: sink.endings)
    assert [track.kind for track in sink.tracks] == [kind]
    assert {packet.kind for packet in sink.packets} == {kind}


async def test_it_prints_why_it_was_refused(listener: RtmpListener, admission: FakeAdmission) -> None:
    async with ffmpeg(listener, *PICTURE, *H264, "-t", "1", key="wrong") as process:
        assert "this stream key is not known here" in await said(process)
        assert process.returncode != 0
    assert admission.sinks == []


async def test_it_prints_which_codec_is_not_taken(listener: RtmpListener) -> None:
    async with ffmpeg(listener, "-re", *PICTURE, "-c:v", "flv1", "-t", "20") as process:
        assert "Sorenson H.263 video is not taken, only H.264, HEVC, AV1 and VP9" in await said(process)
        assert process.returncode != 0


async def test_sound_that_is_not_taken_is_left_out(listener: RtmpListener, admission: FakeAdmission) -> None:
    async with ffmpeg(listener, *PICTURE, *SOUND, "-t", "0.5", *H264, "-c:a", "adpcm_swf", "-ar", "22050"):
        sink = await admission.sink()
        await sink.until(lambda sink: sink.endings)
    assert [track.kind for track in sink.tracks] == [Kind.VIDEO]
    [warning] = sink.warnings
    assert warning.startswith("ADPCM audio is not taken")


async def test_it_prints_why_the_server_ended_it(listener: RtmpListener, admission: FakeAdmission) -> None:
    async with ffmpeg(listener, "-re", *PICTURE, *H264, "-t", "20") as process:
        sink = await admission.sink()
        await sink.until(lambda sink: sink.packets)
        sink.source.disconnect("a newer publisher takes over")
        assert "a newer publisher takes over" in await said(process)
        assert process.returncode != 0


async def publishing_by_name(listener: RtmpListener, url: str) -> str:
    program = shutil.which("ffmpeg")
    assert program
    process = await asyncio.create_subprocess_exec(
        program, "-nostdin", "-loglevel", "error", *PICTURE, "-t", "0.2", *H264, "-f", "flv",
        url.format(port=listener.port), stderr=PIPE
    )  # fmt: skip
    return await said(process)


async def test_it_logs_in_with_a_rooms_name_and_key(listener: RtmpListener, admission: FakeAdmission) -> None:
    assert await publishing_by_name(listener, "rtmp://demo:right@127.0.0.1:{port}/login/x") == ""
    sink = await admission.sink()
    await sink.until(lambda sink: sink.endings)
    assert sink.request.claim.room == "demo"
    assert sink.packets


async def test_it_prints_that_a_login_was_wrong(listener: RtmpListener, admission: FakeAdmission) -> None:
    assert "not known here" in await publishing_by_name(listener, "rtmp://demo:wrong@127.0.0.1:{port}/login/x")
    assert admission.sinks == []
