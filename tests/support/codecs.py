"""Streams in every codec that is taken, made by PyAV's encoders and FFmpeg's FLV muxer: as hosts of Enhanced RTMP send
them, tag by tag. The pictures are numbered by their grey, as in ``media``."""

import functools
import io
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import av
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray

from ingest.media import Kind, Packet, Track
from ingest.rtmp.flv import FlvReader
from ingest.rtmp.messages import Media
from tests.support.media import GREYS, Clip

PICTURES = {
    "h264": ("libx264", {"preset": "ultrafast", "x264-params": "scenecut=0:threads=1:bframes=2"}),
    "hevc": ("libx265", {"preset": "ultrafast", "x265-params": "log-level=none:scenecut=0:pools=none:frame-threads=1"}),
    "av1": ("libsvtav1", {"preset": "12", "svtav1-params": "lp=1"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
}
SOUNDS = {
    "aac": ("aac", 48_000, "stereo"),
    "mp3": ("libmp3lame", 44_100, "stereo"),
    "opus": ("libopus", 48_000, "stereo"),
    "flac": ("flac", 48_000, "stereo"),
    "ac3": ("ac3", 48_000, "stereo"),
    "pcma": ("pcm_alaw", 8_000, "mono"),
    "pcmu": ("pcm_mulaw", 8_000, "mono"),
}
RATE, GOP = 30, 30
_VIDEO_TAG, _AUDIO_TAG = 9, 8
_TYPES: dict[str, type] = {"flt": np.float32, "s16": np.int16, "s32": np.int32}


class Tag(NamedTuple):
    """An FLV tag: whether it is of a picture, its time in milliseconds and its body."""

    video: bool
    stamp: int
    body: bytes

    @property
    def media(self) -> Media:
        return Media(self.video, self.stamp, self.body, 1)


@functools.cache
def tags(picture: str | None, sound: str | None, seconds: float = 3) -> tuple[Tag, ...]:
    """Return the tags of a stream with these codecs: a picture of 64 x 64 (of 30 a second), and a tone of 440 Hz."""
    file = io.BytesIO()
    with av.open(file, "w", format="flv") as out:
        for packet in encoded(out, picture, sound, seconds):
            out.mux(packet)
    return tuple(tags_of(file.getvalue()))


def encoded(out: OutputContainer, picture: str | None, sound: str | None, seconds: float) -> "list[av.Packet[Any]]":
    """Encode such a stream for ``out``, and return its packets in the order of their decode times."""
    encoders: list[tuple[av.VideoStream | av.AudioStream, Iterator[Any]]] = []
    if picture:
        name, options = PICTURES[picture]
        video = out.add_stream(name, rate=RATE, options=options)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        video.codec_context.gop_size = GOP
        encoders.append((video, _pictures(seconds)))
    if sound:
        name, rate, layout = SOUNDS[sound]
        audio = out.add_stream(name, rate=rate, layout=layout)
        assert isinstance(audio, av.AudioStream)
        encoders.append((audio, _tone(audio, seconds)))
    packets: list[av.Packet[Any]] = []
    for stream, frames in encoders:
        for frame in (*frames, None):
            packets += stream.encode(frame)
    return sorted(packets, key=lambda packet: (packet.dts or 0) * packet.time_base)


def _pictures(seconds: float) -> Iterator[av.VideoFrame]:
    for number in range(round(seconds * RATE)):
        planes = np.full((96, 64), 128, np.uint8)
        planes[:64] = 20 + number % GREYS
        frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        yield frame


def _tone(stream: av.AudioStream, seconds: float) -> Iterator[av.AudioFrame]:
    context = stream.codec_context
    length, rate, form = context.frame_size or context.sample_rate // 50, context.sample_rate, context.format.name
    kind = _TYPES[form.removesuffix("p")]
    full = 1 if kind is np.float32 else np.iinfo(kind).max
    for number in range(round(seconds * rate / length)):
        phase = (np.arange(length) + number * length) / rate * 440 * 2 * np.pi
        wave: NDArray[Any] = np.tile(0.2 * full * np.sin(phase), (context.channels, 1)).astype(kind)
        if not form.endswith("p"):
            wave = wave.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave), form, context.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = rate, number * length, Fraction(1, rate)
        yield frame


def tags_of(file: bytes) -> Iterator[Tag]:
    """Yield the tags of an FLV file, but for its metadata."""
    at = 13  # after the header and the size of no tag
    while at < len(file):
        size = int.from_bytes(file[at + 1 : at + 4], "big")
        stamp = int.from_bytes(file[at + 7 : at + 8] + file[at + 4 : at + 7], "big")
        if file[at] in (_VIDEO_TAG, _AUDIO_TAG):
            yield Tag(file[at] == _VIDEO_TAG, stamp, file[at + 11 : at + 11 + size])
        at += 11 + size + 4


def read(stream: tuple[Tag, ...]) -> list[Track | Packet]:
    """What the server makes of the tags."""
    flv = FlvReader()
    items = [item for tag in stream for item in (flv.video if tag.video else flv.audio)(tag.stamp, tag.body)]
    return [item for item in items if isinstance(item, Track | Packet)]


def clip(picture: str | None, sound: str | None, seconds: float = 3) -> Clip:
    """The same as a clip; its tracks were announced once each."""
    items = read(tags(picture, sound, seconds))
    tracks = {item.kind: item for item in items if isinstance(item, Track)}
    packets = tuple(item for item in items if isinstance(item, Packet))
    return Clip(tracks.get(Kind.VIDEO), tracks.get(Kind.AUDIO), packets)
