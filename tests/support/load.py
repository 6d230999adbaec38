"""Many hosts in one process that cost next to nothing: the load of benchmarks.

    python -m tests.support.load [--chunk-size BYTES] [--step MS] CLIP rtmp://HOST:PORT/live/KEY ...

Each publishes CLIP (mp4, H.264 without B-frames and AAC, 8 s or a multiple, so that whole AAC frames fill it) in a
loop until the process is ended: what is due is sent every MS milliseconds. ``on air TIME`` is printed when all are
accepted and about to send, TIME in seconds as ``time.time``; from then on, each second, ``late MS``: the worst lateness
of what was sent in it, in milliseconds.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import av
import uvloop

from ingest.media import Codec, Kind, Packet, Track
from tests.support.processes import Child, until
from tests.support.rtmp_client import Loop, RtmpClient, address_of, make_loop

_FOR_EVER = 86_400.0
_SPREAD = 2.0  # seconds over which hosts start, so that their keyframes do not come at once


def make_noise(path: Path, megabits: int, size: str = "1920x1080", fps: int = 30, seconds: int = 8) -> None:
    """Make a clip that really has ``megabits`` Mbit/s of picture, and a keyframe every 2 s."""
    rate = f"{megabits}M"
    words = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
    words += ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={fps},noise=alls=40:allf=t"]
    words += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", str(seconds), "-pix_fmt", "yuv420p"]
    words += ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", str(2 * fps), "-sc_threshold", "0"]
    words += ["-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", rate, "-c:a", "aac", "-ac", "2", str(path)]
    subprocess.run(words, check=True, timeout=120)


def read_clip(path: Path) -> tuple[list[Track], list[Packet], int]:
    """Return a clip's tracks, its packets in stamp order, and its length in milliseconds."""
    tracks, packets = [], []
    with av.open(str(path)) as file:
        length = round((file.duration or 0) / 1_000_000) * 1000
        for stream in (file.streams.video[0], file.streams.audio[0]):
            kind, codec = (Kind.VIDEO, Codec.H264) if stream.type == "video" else (Kind.AUDIO, Codec.AAC)
            tracks.append(Track(kind, codec, bytes(stream.codec_context.extradata or b"")))
        for packet in file.demux():
            if packet.dts is None or packet.dts < 0:
                continue
            stamp = int(packet.dts * packet.time_base * 1000)
            kind = Kind.VIDEO if packet.stream.type == "video" else Kind.AUDIO
            if stamp < length:
                packets.append(Packet(kind, stamp, 0, packet.is_keyframe, bytes(packet)))
    return tracks, sorted(packets, key=lambda packet: packet.stamp), length


class Load:
    """A child process that publishes ``clip`` to each of ``urls``: what is due every ``step`` milliseconds."""

    def __init__(self, clip: Path, urls: list[str], log: Path, chunk_size: int = 4096, step: int = 100) -> None:
        options = ("--chunk-size", str(chunk_size), "--step", str(step))
        self._child = Child((sys.executable, "-m", "tests.support.load", *options, clip, *urls), log)

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop()

    @property
    def pid(self) -> int:
        return self._child.pid

    def worst(self, seconds: int) -> float:
        """Return the worst lateness of the last so many seconds, in milliseconds."""
        told = [line.split()[1] for line in self._child.said().splitlines() if line.startswith("late ")]
        return max((float(late) for late in told[-seconds:]), default=0.0)

    def on_air(self) -> float:
        """Wait until every host sends; return when all were accepted, as ``time.time``."""

        def said() -> str | None:
            self.check()
            return self._child.said().partition("on air ")[2]

        return float(until(said, "the hosts to be on air").split()[0])

    def check(self) -> None:
        """Fail if a host was sent away."""
        assert self._child.running, self._child.said()


async def _connect(url: str, chunk_size: int, local: str) -> RtmpClient:
    where = urlsplit(url)
    app, _, stream = where.path.lstrip("/").partition("/")
    client = await RtmpClient.connect(where.hostname or "", where.port or 1935, app, chunk_size, local=local)
    status = await client.publish(stream)
    if status.code != "NetStream.Publish.Start":
        sys.exit(f"refused: {status.code}: {status.description}")
    return client


async def _play(
    client: RtmpClient, tracks: list[Track], loop: Loop, delay: float, late: Callable[[float], None]
) -> None:
    await asyncio.sleep(delay)
    client.send(*tracks)
    await loop.play(client, _FOR_EVER, late)


class _Lateness:
    """Tells the worst lateness of each second."""

    def __init__(self) -> None:
        self._worst = 0.0

    def note(self, seconds: float) -> None:
        """Something was sent so late."""
        self._worst = max(self._worst, seconds)

    async def tell(self) -> None:
        """Print it, for ever."""
        while True:
            await asyncio.sleep(1)
            print(f"late {self._worst * 1000:.1f}", flush=True)
            self._worst = 0.0


async def _main(clip: Path, urls: list[str], chunk_size: int, step: int) -> None:
    tracks, packets, length = await asyncio.to_thread(read_clip, clip)
    loop = make_loop(packets, length, chunk_size, step)
    clients = [await _connect(url, chunk_size, address_of(number)) for number, url in enumerate(urls)]
    print(f"on air {time.time():.3f}", flush=True)
    lateness = _Lateness()
    async with asyncio.TaskGroup() as hosts:
        hosts.create_task(lateness.tell())
        for number, client in enumerate(clients):
            hosts.create_task(_play(client, tracks, loop, number * _SPREAD / len(clients), lateness.note))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--chunk-size", type=int, default=4096)
    parser.add_argument("--step", type=int, default=100)
    parser.add_argument("clip", type=Path)
    parser.add_argument("urls", nargs="+")
    return parser.parse_args()


if __name__ == "__main__":
    given = _parse()
    uvloop.run(_main(given.clip, given.urls, given.chunk_size, given.step))
