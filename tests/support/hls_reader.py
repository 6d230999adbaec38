"""A playlist follower of our own, independent of the server's code: reads as a player does, and judges what it gets.

It uses the ``m3u8`` package to read playlists and PyAV to decode. Rules that it checks on each reload carry the section
of RFC 8216 or rfc8216bis that states them.
"""

import io
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin

import av
import m3u8  # type: ignore[import-untyped]
import numpy as np

from transcode.testcard import BEEP_HERTZ, SAMPLE_RATE, read_code


def fetch(url: str, seconds: float = 30) -> bytes:
    with urllib.request.urlopen(url, timeout=seconds) as answer:
        body: bytes = answer.read()
        return body


@dataclass
class Got:
    """What one rendition gave: segments by number (None for a gap), and the init segment each needs."""

    segments: dict[int, bytes | None] = field(default_factory=dict)
    inits: dict[int, bytes] = field(default_factory=dict)
    discontinuities: list[int] = field(default_factory=list)
    ended: bool = False

    def media(self) -> bytes:
        """All that was got, as one file; valid as long as there was no discontinuity."""
        first = min(self.inits)
        return self.inits[first] + b"".join(data for _, data in sorted(self.segments.items()) if data)


class Follower:
    """Follows every rendition of a room, each by blocking reloads in a thread of its own."""

    def __init__(self, master_url: str) -> None:
        self.master = m3u8.loads(fetch(master_url).decode(), uri=master_url)
        urls = [urljoin(master_url, playlist.uri) for playlist in self.master.playlists]
        urls += [urljoin(master_url, media.uri) for media in self.master.media if media.uri]
        self.got = {url.rpartition("/")[2].removesuffix(".m3u8"): Got() for url in urls}
        self._urls = dict(zip(self.got, urls, strict=True))
        self.wrong: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._follow, args=(name,), daemon=True) for name in self.got]

    def start(self) -> "Follower":
        for thread in self._threads:
            thread.start()
        return self

    def finish(self) -> None:
        """Stop after the reloads under way, and fail if a rule was broken."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        assert not self.wrong, "\n".join(self.wrong)

    def whole(self, count: int) -> bool:
        """Whether each rendition has ``count`` segments that are no gaps; or something went wrong."""
        return bool(self.wrong) or all(
            sum(data is not None for data in dict(got.segments).values()) >= count for got in self.got.values()
        )

    @property
    def ended(self) -> bool:
        return all(got.ended for got in self.got.values())

    def _follow(self, name: str) -> None:
        try:
            self._reload(name)
        except Exception as error:
            self.wrong.append(f"{name}: {type(error).__name__}: {error}")

    def _reload(self, name: str) -> None:
        url, got = self._urls[name], self.got[name]
        target = last = None
        query = ""
        while not self._stop.is_set() and not got.ended:
            try:
                text = fetch(url + query).decode()
            except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
                if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                    raise
                self._stop.wait(0.2)  # the server is being started again
                continue
            playlist = m3u8.loads(text, uri=url)
            sequence = playlist.media_sequence or 0
            if target is not None:
                self._rule(playlist.target_duration == target, f"{name}: TARGETDURATION changed (8216bis 6.2.1)")
            target = playlist.target_duration
            for number, segment in enumerate(playlist.segments, sequence):
                if segment.uri is None:
                    continue
                self._rule(round(segment.duration) <= target, f"{name} {number}: longer than the target (4.3.3.1)")
                if number in got.segments:
                    continue
                self._rule(not got.segments or number > max(got.segments), f"{name}: {number} came late (6.2.1)")
                if segment.discontinuity:
                    got.discontinuities.append(number)
                if segment.init_section:
                    got.inits[number] = fetch(urljoin(url, segment.init_section.uri))
                got.segments[number] = None if segment.gap_tag else fetch(urljoin(url, segment.uri))
            if got.segments:
                newest = max(got.segments)
                self._rule(last is None or newest >= last, f"{name}: numbers went back (6.2.1)")
                last = newest
                query = f"?_HLS_msn={newest + 1}"
            got.ended = playlist.is_endlist

    def _rule(self, holds: bool, text: str) -> None:
        if not holds:
            self.wrong.append(text)


def frames(media: bytes) -> Iterator[tuple[float, int | None, bool]]:
    """Yield (seconds, bar code, whether it flashes) for each frame of a test card."""
    with av.open(io.BytesIO(media), "r") as container:
        for frame in container.decode(video=0):
            luma = frame.to_ndarray(format="yuv420p")[: frame.height].astype(np.uint8, copy=False)
            assert frame.time is not None
            yield frame.time, read_code(luma), bool(luma[: frame.height // 32].mean() > 127)


def flashes(media: bytes) -> list[float]:
    """When each flash of a test card begins, in seconds."""
    found, before = [], True
    for seconds, _, flashing in frames(media):
        if flashing and not before:
            found.append(seconds)
        before = flashing
    return found


def beeps(media: bytes) -> list[float]:
    """When each beep of a test card begins, in seconds."""
    with av.open(io.BytesIO(media), "r") as container:
        decoded = [(frame.time, frame.to_ndarray()[0]) for frame in container.decode(audio=0)]
    first = decoded[0][0]
    assert first is not None
    wave = np.concatenate([samples for _, samples in decoded])
    phase = 2 * np.pi * BEEP_HERTZ * np.arange(len(wave)) / SAMPLE_RATE
    window = SAMPLE_RATE // BEEP_HERTZ * 4
    kernel = np.ones(window) / window
    level = np.hypot(np.convolve(wave * np.cos(phase), kernel), np.convolve(wave * np.sin(phase), kernel))[: len(wave)]
    loud = level > 0.1  # half of what a whole window of the beep gives
    starts = np.flatnonzero(loud[1:] & ~loud[:-1]) + 1 - window // 2
    return [float(first + start / SAMPLE_RATE) for start in starts]
