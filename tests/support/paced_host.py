"""A host that sends each picture and each block of sound at its very time, for benchmarks that measure lateness.

    python -m tests.support.paced_host CLIP rtmp://HOST:PORT/live/KEY

It publishes CLIP (what ``tests.support.load`` takes) over and over until it is ended. Each second it prints the time
(``time.monotonic``) and the worst lateness of what it sent in that second, in milliseconds.
"""

import asyncio
import dataclasses
import itertools
import sys
from pathlib import Path
from urllib.parse import urlsplit

from ingest.media import Packet
from tests.support.load import read_clip
from tests.support.processes import Child
from tests.support.rtmp_client import RtmpClient, media_of


class PacedHost(Child):
    """A child process that publishes ``clip`` to ``url``."""

    def __init__(self, clip: Path, url: str, log: Path) -> None:
        super().__init__((sys.executable, "-m", "tests.support.paced_host", clip, url), log)

    def worst(self, since: float, until: float) -> float:
        """Return the worst lateness between two times, in milliseconds. Fails if it was sent away."""
        assert self.running, self.said()
        seconds = [line.split() for line in self.said().splitlines()]
        return max((float(late) for time, late in seconds if since <= float(time) <= until + 1), default=0.0)


async def _play(client: RtmpClient, packets: list[Packet], length: int) -> None:
    loop = asyncio.get_running_loop()
    media = [media_of(packet) for packet in packets]
    begun = told = loop.time()
    worst = 0.0
    for turn in itertools.count():
        for each in media:
            stamp = turn * length + each.timestamp
            due = begun + stamp / 1000
            if (ahead := due - loop.time()) > 0:
                await asyncio.sleep(ahead)
            client.send(dataclasses.replace(each, timestamp=stamp))
            await client.drain()
            worst = max(worst, loop.time() - due)
            if loop.time() >= told + 1:
                told = loop.time()
                print(f"{told:.3f} {worst * 1000:.2f}", flush=True)
                worst = 0.0


async def _main(clip: Path, url: str) -> None:
    tracks, packets, length = await asyncio.to_thread(read_clip, clip)
    where = urlsplit(url)
    app, _, stream = where.path.lstrip("/").partition("/")
    client = await RtmpClient.connect(where.hostname or "", where.port or 1935, app)
    status = await client.publish(stream)
    if status.code != "NetStream.Publish.Start":
        sys.exit(f"refused: {status.code}: {status.description}")
    client.send(*tracks)
    await _play(client, packets, length)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2]))
