"""Fetches all that a room publishes, part by part, as soon as it is listed, and tells when it got what.

What is decoded of it is every frame of every rendition, and every sample, with the moment at which it could be had.
"""

import io
import threading
import time
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin

import av
import m3u8  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from tests.support.hls_reader import fetch


@dataclass
class Reaped:
    """The parts of a rendition in order: when each could be had (``time.monotonic``), and its bytes."""

    init: bytes = b""
    parts: list[tuple[float, bytes]] = field(default_factory=list)
    keys: set[tuple[int, int]] = field(default_factory=set)
    missed: int = 0
    discontinuities: int = 0


class Harvest:
    """Follows every rendition of a room's broadcast, each in a thread of its own, inside a ``with`` block."""

    def __init__(self, master_url: str) -> None:
        master = m3u8.loads(fetch(master_url).decode(), uri=master_url)
        urls = [urljoin(master_url, playlist.uri) for playlist in master.playlists]
        urls += [urljoin(master_url, media.uri) for media in master.media if media.uri]
        self._urls = {url.rpartition("/")[2].removesuffix(".m3u8"): url for url in urls}
        self.reaped = {name: Reaped() for name in self._urls}
        self.errors: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._follow, args=(name,), daemon=True) for name in self._urls]

    def __enter__(self) -> "Harvest":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    @property
    def pictures(self) -> list[str]:
        """The renditions that are pictures."""
        return [name for name in self.reaped if name != "audio"]

    def _follow(self, name: str) -> None:
        url, query = self._urls[name], ""
        while not self._stop.is_set():
            try:
                playlist = m3u8.loads(fetch(url + query).decode(), uri=url)
                msn, index = self._take(name, playlist, url)
                query = f"?_HLS_msn={msn}&_HLS_part={index}"
                if playlist.is_endlist:
                    return
            except (urllib.error.URLError, OSError) as error:
                self.errors.append(f"{name}: {error}")
                query = ""
                self._stop.wait(0.2)

    def _take(self, name: str, playlist: m3u8.M3U8, url: str) -> tuple[int, int]:
        reaped = self.reaped[name]
        msn = playlist.media_sequence or 0
        edge = (msn, 0)
        for number, segment in enumerate(playlist.segments, msn):
            if segment.init_section and not reaped.init:
                reaped.init = fetch(urljoin(url, segment.init_section.uri))
            reaped.discontinuities += bool(segment.discontinuity) and (number, 0) not in reaped.keys
            for index, part in enumerate(segment.parts):
                if (number, index) not in reaped.keys:
                    reaped.keys.add((number, index))
                    reaped.parts.append((time.monotonic(), fetch(urljoin(url, part.uri))))
            if segment.uri is None:
                edge = (number, len(segment.parts))
            else:
                edge = (number + 1, 0)
                if (number, 0) not in reaped.keys:  # its parts are listed no longer: only at the beginning
                    reaped.missed += bool(reaped.parts)
                    reaped.keys.add((number, 0))
                    reaped.parts.append((time.monotonic(), fetch(urljoin(url, segment.uri))))
        return edge

    def media(self, name: str) -> bytes:
        """All that a rendition gave, as one file."""
        reaped = self.reaped[name]
        return reaped.init + b"".join(data for _, data in reaped.parts)

    def frames(self, name: str) -> Iterator[tuple[float, float, NDArray[np.uint8]]]:
        """Yield (moment, seconds on the viewers' timeline, luma) of each frame of a rendition."""
        for at, frame in self._decoded(name, "video"):
            assert isinstance(frame, av.VideoFrame)
            assert frame.time is not None
            yield at, frame.time, frame.to_ndarray(format="gray").astype(np.uint8, copy=False)

    def sound(self) -> Iterator[tuple[float, float, NDArray[np.float32]]]:
        """Yield (moment, seconds on the viewers' timeline, samples of the first channel) of each coded frame."""
        for at, frame in self._decoded("audio", "audio"):
            assert isinstance(frame, av.AudioFrame)
            assert frame.time is not None
            yield at, frame.time, frame.to_ndarray()[0]

    def _decoded(self, name: str, kind: str) -> Iterator[tuple[float, av.VideoFrame | av.AudioFrame]]:
        reaped = self.reaped[name]
        moments: dict[int, float] = {}
        for at, data in reaped.parts:
            with av.open(io.BytesIO(reaped.init + data), "r") as container:
                for packet in container.demux(container.streams.get({kind: 0})[0]):
                    if packet.pts is not None:
                        moments[packet.pts] = at
        with av.open(io.BytesIO(self.media(name)), "r") as container:
            for frame in container.decode(container.streams.get({kind: 0})[0]):
                assert isinstance(frame, av.VideoFrame | av.AudioFrame)
                assert frame.pts is not None
                yield moments[frame.pts], frame
