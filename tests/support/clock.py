"""A live host whose bar code is the wall clock: what is on a screen tells how old it is.

    python -m tests.support.clock rtmp://HOST:PORT/live/KEY

The number (milliseconds since 1970) is drawn when all else of the picture is done, just before a zero-latency encode;
the packet is sent at once. Publishes until the process is ended.

When it connects it prints ``connecting TIME``, in seconds as ``time.time``, and every 10 s ``spent TIME``: the median
time from that number to the packet in the socket, in seconds.
"""

import asyncio
import statistics
import sys
import time
from datetime import datetime
from fractions import Fraction
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import av
import cv2
import numpy as np
from av.codec.context import Flags

from ingest.media import Codec, Kind, Packet, Track
from tests.support.processes import Child
from tests.support.rtmp_client import RtmpClient
from transcode.testcard import SAMPLE_RATE, Picture, TestCard, draw_code, sound

WIDTH, HEIGHT, FPS = 1280, 720, 30
_BLOCK = 1024  # samples of an AAC frame
_TOLD = 10 * FPS


def publish_clock(url: str, log: Path) -> Child:
    """Publish the clock from a child process, since painting and encoding take most of a core."""
    return Child((sys.executable, "-m", "tests.support.clock", url), log)


class _Video:
    def __init__(self) -> None:
        encoder = av.CodecContext.create("libx264", "w")
        assert isinstance(encoder, av.VideoCodecContext)
        encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        encoder.framerate, encoder.time_base, encoder.gop_size = Fraction(FPS), Fraction(1, FPS), 2 * FPS
        encoder.bit_rate = 2_500_000
        encoder.thread_count = 1
        encoder.flags |= Flags.global_header
        encoder.options = {"preset": "superfast", "tune": "zerolatency", "x264-params": "annexb=0:scenecut=0"}
        encoder.open()
        self._encoder = encoder
        self.track = Track(Kind.VIDEO, Codec.H264, bytes(encoder.extradata or b""))

    def encode(self, image: Picture, number: int) -> Packet:
        planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420).astype(np.uint8, copy=False)
        frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
        frame.pts = number
        (packet,) = self._encoder.encode(frame)
        return Packet(Kind.VIDEO, number * 1000 // FPS, 0, packet.is_keyframe, bytes(packet))


class _Audio:
    def __init__(self) -> None:
        encoder = av.CodecContext.create("aac", "w")
        assert isinstance(encoder, av.AudioCodecContext)
        encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE, "stereo", "fltp"
        encoder.open()
        self._encoder = encoder
        self._samples = 0
        self.track = Track(Kind.AUDIO, Codec.AAC, bytes(encoder.extradata or b""))

    def encode(self, until: float) -> list[Packet]:
        """Return the sound up to ``until``, in seconds from the start."""
        made = []
        while self._samples < until * SAMPLE_RATE:
            frame = av.AudioFrame.from_ndarray(sound(self._samples, _BLOCK), "fltp", "stereo")
            frame.sample_rate, frame.pts = SAMPLE_RATE, self._samples
            self._samples += _BLOCK
            made += [packet for packet in self._encoder.encode(frame) if (packet.pts or 0) >= 0]
        return [Packet(Kind.AUDIO, (p.pts or 0) * 1000 // SAMPLE_RATE, 0, True, bytes(p)) for p in made]


async def _main(url: str) -> None:
    where = urlsplit(url)
    app, _, stream = where.path.lstrip("/").partition("/")
    card, video, audio = TestCard(WIDTH, HEIGHT, FPS), _Video(), _Audio()
    spent: list[float] = []
    print(f"connecting {time.time():.3f}", flush=True)
    client = await RtmpClient.connect(where.hostname or "", where.port or 1935, app)
    status = await client.publish(stream)
    if status.code != "NetStream.Publish.Start":
        sys.exit(f"refused: {status.code}: {status.description}")
    client.send(video.track, audio.track)
    began = time.monotonic()
    for number in count():
        await asyncio.sleep(max(0, began + number / FPS - time.monotonic()))
        image = card.paint(number, datetime.now().strftime("%H:%M:%S.%f")[:-3], 0)
        client.send(*audio.encode((number + 1) / FPS))
        drawn = time.monotonic()
        draw_code(image, time.time_ns() // 1_000_000)
        client.send(video.encode(image, number))
        await client.drain()
        spent.append(time.monotonic() - drawn)
        if len(spent) == _TOLD:
            print(f"spent {statistics.median(spent):.4f}", flush=True)
            spent.clear()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
