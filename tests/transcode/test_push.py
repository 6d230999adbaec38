"""The sample host publishes files to the real listener, as an encoder would, and says what is wrong."""

import asyncio
import signal
import subprocess
import sys
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.media import Codec, Kind, Packet
from ingest.rtmp.listener import RtmpListener
from tests.support.processes import free_port
from tests.support.rtmp_server import FakeAdmission, RecordingSink
from transcode.push import PushError, ServerGone, push
from transcode.testcard import make_clip

FRAMES = 60
ROOT = Path(__file__).resolve().parents[2]

HOST = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits it ignored
from transcode.push import PushError, push
try:
    push(sys.argv[1], Path(sys.argv[2]), loop="loop" in sys.argv, reconnect="reconnect" in sys.argv)
except PushError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the test card."""
    path = tmp_path_factory.mktemp("clip") / "card.mp4"
    make_clip(path, seconds=2, width=320, height=180, bitrate=200_000)
    return path


@pytest.fixture
def admission() -> FakeAdmission:
    return FakeAdmission()


@pytest.fixture
async def listener(admission: FakeAdmission) -> AsyncIterator[RtmpListener]:
    listener = RtmpListener(admission)
    await listener.start("127.0.0.1", 0)
    yield listener
    await listener.close()


def url_of(listener: RtmpListener, key: str = "right") -> str:
    return f"rtmp://127.0.0.1:{listener.port}/live/{key}"


@asynccontextmanager
async def host(*words: object) -> AsyncIterator[Process]:
    """``push`` in a process of its own, as it is meant to be: FFmpeg blocks."""
    command = (sys.executable, "-c", HOST, *map(str, words))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=STDOUT)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def said(process: Process) -> str:
    """Wait for the end, return what was printed."""
    async with asyncio.timeout(60):
        printed, _ = await process.communicate()
    return printed.decode().strip()


def make(path: Path, *words: str) -> Path:
    """Let ffmpeg make a second of picture and sound."""
    sources = ("-f", "lavfi", "-i", "testsrc=size=160x120:rate=25", "-f", "lavfi", "-i", "sine=sample_rate=48000")
    command = ("ffmpeg", "-nostdin", "-loglevel", "error", *sources, "-t", "1", *words, str(path))
    subprocess.run(command, check=True, timeout=60)
    return path


def stamps(packets: list[Packet], kind: Kind) -> list[int]:
    return [packet.stamp for packet in packets if packet.kind is kind]


def has_frames(count: int) -> Callable[[RecordingSink], bool]:
    return lambda sink: len(stamps(sink.packets, Kind.VIDEO)) >= count


async def test_a_file_arrives_whole_and_never_early(
    listener: RtmpListener, admission: FakeAdmission, card: Path
) -> None:
    began = time.monotonic()
    async with host(url_of(listener), card) as process:
        assert await said(process) == ""
    assert time.monotonic() - began >= 1.9
    sink = await admission.sink()
    await sink.until(lambda sink: sink.endings)
    assert sink.endings == ["the host stopped streaming"]
    assert {track.codec for track in sink.tracks} == {Codec.H264, Codec.AAC}
    video, audio = stamps(sink.packets, Kind.VIDEO), stamps(sink.packets, Kind.AUDIO)
    assert len(video) == FRAMES
    assert (video[0], audio[0]) == (0, 0)
    assert all(after - before in (33, 34) for before, after in pairwise(video))
    assert all(after - before in (21, 22) for before, after in pairwise(audio))


async def test_a_loop_goes_on_in_step_where_the_last_round_ended(
    listener: RtmpListener, admission: FakeAdmission, card: Path
) -> None:
    async with host(url_of(listener), card, "loop"):
        sink = await admission.sink()
        await sink.until(has_frames(2 * FRAMES + 5))
    video, audio = stamps(sink.packets, Kind.VIDEO), stamps(sink.packets, Kind.AUDIO)
    assert all(30 <= after - before <= 55 for before, after in pairwise(video))
    assert all(20 <= after - before <= 32 for before, after in pairwise(audio))
    keyframes = [packet.stamp for packet in sink.packets if packet.kind is Kind.VIDEO and packet.keyframe]
    rounds = [keyframes[n] - keyframes[0] for n in range(3)]
    assert all(min(abs(stamp - start) for stamp in audio) <= 12 for start in rounds), "sound begins with its picture"


async def test_reordered_pictures_keep_their_order_and_begin_at_0(
    listener: RtmpListener, admission: FakeAdmission, tmp_path: Path
) -> None:
    reordered = make(tmp_path / "b.mp4", "-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p", "-c:a", "aac")
    async with host(url_of(listener), reordered) as process:
        assert await said(process) == ""
    sink = await admission.sink()
    await sink.until(lambda sink: sink.endings)
    video = [packet for packet in sink.packets if packet.kind is Kind.VIDEO]
    assert video[0].stamp == 0
    assert all(packet.offset >= 0 for packet in video)
    shown = sorted(packet.stamp + packet.offset for packet in video)
    assert shown != [packet.stamp + packet.offset for packet in video]
    assert [after - before for before, after in pairwise(shown)] == [40] * 24


@pytest.mark.parametrize(("words", "kind"), [(("-an",), Kind.VIDEO), (("-vn",), Kind.AUDIO)])
async def test_one_track_alone(
    listener: RtmpListener, admission: FakeAdmission, tmp_path: Path, words: tuple[str, ...], kind: Kind
) -> None:
    alone = make(tmp_path / "one.mp4", *words, "-pix_fmt", "yuv420p")
    async with host(url_of(listener), alone) as process:
        assert await said(process) == ""
    sink = await admission.sink()
    await sink.until(lambda sink: sink.endings)
    assert [track.kind for track in sink.tracks] == [kind]


async def test_a_refusal_is_told_in_the_servers_words_and_not_asked_again(
    listener: RtmpListener, admission: FakeAdmission, card: Path
) -> None:
    async with host(url_of(listener, "wrong"), card, "reconnect") as process:
        assert await said(process) == "PushError: the server refused it: this stream key is not known here"
    assert admission.sinks == []


async def test_a_server_that_goes_away_is_told_of(listener: RtmpListener, admission: FakeAdmission, card: Path) -> None:
    async with host(url_of(listener), card, "loop") as process:
        sink = await admission.sink()
        await sink.until(has_frames(1))
        await listener.close()
        words = "ServerGone: the server closed the connection (the server is going down): start again to go on"
        assert await said(process) == words


async def test_when_asked_to_it_comes_back_by_itself(
    listener: RtmpListener, admission: FakeAdmission, card: Path
) -> None:
    async with host(url_of(listener), card, "reconnect") as process:
        first = await admission.sink()
        await first.until(has_frames(1))
        port = listener.port
        await listener.close()
        await listener.start("127.0.0.1", port)
        second = await admission.sink(1)
        assert await said(process) == ""
    assert len(stamps(second.packets, Kind.VIDEO)) == FRAMES


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order(
    listener: RtmpListener, admission: FakeAdmission, card: Path, how: signal.Signals
) -> None:
    async with host(url_of(listener), card, "loop") as process:
        sink = await admission.sink()
        await sink.until(has_frames(1))
        process.send_signal(how)
        assert (await said(process), process.returncode) == ("", 0)
    await sink.until(lambda sink: sink.endings)
    assert sink.endings == ["the host stopped streaming"]


def test_no_server_is_told_with_the_place_but_not_the_key(card: Path) -> None:
    port = free_port()
    with pytest.raises(ServerGone, match=rf"no RTMP server answers at rtmp://127.0.0.1:{port}/live") as gone:
        push(f"rtmp://127.0.0.1:{port}/live/secret", card)
    assert "secret" not in str(gone.value)


def test_a_file_that_is_none_or_holds_no_media_is_named(tmp_path: Path) -> None:
    with pytest.raises(PushError, match=r"cannot read .*nothing.mp4"):
        push("rtmp://127.0.0.1:1/live/key", tmp_path / "nothing.mp4")
    text = tmp_path / "text.mp4"
    text.write_text("no media")
    with pytest.raises(PushError, match=r"cannot read .*text.mp4"):
        push("rtmp://127.0.0.1:1/live/key", text)


def test_a_codec_that_does_not_fit_comes_with_the_command_that_helps(tmp_path: Path) -> None:
    vp8 = make(tmp_path / "film.webm", "-an", "-c:v", "libvpx")
    with pytest.raises(PushError, match=r"holds vp8.*ffmpeg -i film.webm -c:v libx264.* recoded.mp4"):
        push("rtmp://127.0.0.1:1/live/key", vp8)
