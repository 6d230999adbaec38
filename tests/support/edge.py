"""How old pictures of the clock are when the server has them ready: a player with no buffer and no screen.

It follows one rendition part by part, by blocking reloads over a connection that stays open, and decodes each part.
"""

import http.client
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import av
import m3u8  # type: ignore[import-untyped]
import numpy as np

from tests.support.hls_reader import fetch
from transcode.testcard import read_code


@dataclass(frozen=True, slots=True)
class Arrival:
    """A part that has come: the ages of its oldest and its newest picture, in seconds."""

    oldest: float
    newest: float


class Edge:
    """Follows the best rendition of a room, by its multivariant playlist's URL."""

    def __init__(self, master_url: str) -> None:
        master = m3u8.loads(fetch(master_url).decode(), uri=master_url)
        self._url = urljoin(master_url, str(master.playlists[0].uri))
        parts = urlsplit(self._url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=15)
        self._decoder: av.VideoCodecContext | None = None
        self._init = b""

    def follow(self, seconds: float) -> Iterator[Arrival]:
        """Yield the parts that come in so many seconds, from the next independent one on."""
        until, query, seen = time.monotonic() + seconds, "", set[str]()
        while time.monotonic() < until:
            playlist = m3u8.loads(self._get(self._url + query).decode(), uri=self._url)
            numbered = list(enumerate(playlist.segments, playlist.media_sequence or 0))
            inits = [str(segment.init_section.uri) for _, segment in numbered if segment.init_section]
            self._init = self._init or self._get(urljoin(self._url, inits[-1]))
            newest = [(number, index, part) for number, segment in numbered for index, part in enumerate(segment.parts)]
            number, index, part = newest[-1]
            uri = str(part.uri)
            if uri not in seen:
                seen.add(uri)
                arrival = self._take(self._get(urljoin(self._url, uri)), time.time(), part.independent == "YES")
                if arrival is not None:
                    yield arrival
            whole = numbered[-1][0] >= number and numbered[-1][1].uri is not None
            query = f"?_HLS_msn={number + 1}&_HLS_part=0" if whole else f"?_HLS_msn={number}&_HLS_part={index + 1}"

    def close(self) -> None:
        self._connection.close()

    def _get(self, url: str) -> bytes:
        parts = urlsplit(url)
        self._connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise OSError(f"{url}: {answer.status}")
        return body

    def _take(self, data: bytes, at: float, independent: bool) -> Arrival | None:
        """Decode a part that came ``at`` that time."""
        if self._decoder is None and not independent:
            return None
        ages = []
        with av.open(io.BytesIO(self._init + data), "r") as container:
            if self._decoder is None:
                context = av.CodecContext.create("h264", "r")
                assert isinstance(context, av.VideoCodecContext)
                context.extradata = container.streams.video[0].codec_context.extradata
                context.thread_count = 1
                self._decoder = context
            for packet in container.demux(video=0):
                for frame in self._decoder.decode(packet) if packet.size else ():
                    luma = frame.to_ndarray(format="yuv420p")[: frame.height].astype(np.uint8, copy=False)
                    code = read_code(luma)
                    if code is not None:
                        ages.append(at - code / 1000)
        return Arrival(max(ages), min(ages)) if ages else None
