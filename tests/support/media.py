"""Real H.264 and AAC, made by PyAV's encoders, as the packets that a host would send. Each video frame is a flat grey
whose luma tells the frame number, so that what comes out can be counted."""

import functools
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from PIL import Image

from ingest.media import Codec, Kind, Packet, Track
from transcode.media import Init, Part, PartItem

GREYS = 200
"""Frame n is painted with luma 20 + n % GREYS."""


@dataclass(frozen=True)
class Clip:
    video: Track | None
    audio: Track | None
    packets: tuple[Packet, ...]

    @property
    def tracks(self) -> list[Track]:
        return [track for track in (self.video, self.audio) if track]


@functools.cache
def make_clip(
    seconds: float = 6,
    fps: Fraction | int = 30,
    gop: int = 60,
    b_frames: int = 0,
    size: tuple[int, int] = (64, 48),
    sample_rate: int = 48000,
    video: bool = True,
    audio: bool = True,
    x264: str = "",
    interlaced: bool = False,
) -> Clip:
    """Encode ``seconds`` of picture and sound; stamps are whole milliseconds from 0, as RTMP carries them.

    ``x264`` are more of that encoder's parameters.
    """
    packets: list[Packet] = []
    tracks: dict[Kind, Track] = {}
    if video:
        track, made = _encode_video(seconds, Fraction(fps), gop, b_frames, size, x264, interlaced)
        tracks[Kind.VIDEO] = track
        packets += made
    if audio:
        track, blocks = _encode_audio(seconds, sample_rate)
        tracks[Kind.AUDIO] = track
        packets += blocks
    packets.sort(key=lambda packet: packet.stamp)
    return Clip(tracks.get(Kind.VIDEO), tracks.get(Kind.AUDIO), tuple(packets))


def _encode_video(
    seconds: float, fps: Fraction, gop: int, b_frames: int, size: tuple[int, int], x264: str, interlaced: bool
) -> tuple[Track, list[Packet]]:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = 1 / fps
    encoder.framerate = fps
    encoder.gop_size = gop
    encoder.max_b_frames = b_frames
    encoder.flags |= av.codec.context.Flags.global_header
    if interlaced:
        encoder.flags |= av.codec.context.Flags.interlaced_dct
    encoder.options = {"preset": "ultrafast", "x264-params": f"annexb=0:scenecut=0:threads=1:force-cfr=1{x264}"}
    made = []
    for number in range(round(seconds * fps)):
        planes = np.full((size[1] * 3 // 2, size[0]), 128, np.uint8)
        planes[: size[1]] = 20 + number % GREYS
        frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
        frame.pts = number
        made += encoder.encode(frame)
    made += encoder.encode(None)
    assert encoder.extradata
    track = Track(Kind.VIDEO, Codec.H264, bytes(encoder.extradata))
    shift = -min(p.dts for p in made if p.dts is not None)

    def milliseconds(units: int | None) -> int:
        assert units is not None
        return int((units + shift) * 1000 / fps)

    return track, [
        Packet(Kind.VIDEO, milliseconds(p.dts), milliseconds(p.pts) - milliseconds(p.dts), p.is_keyframe, bytes(p))
        for p in made
    ]


@functools.cache  # clips differ in their pictures; sound takes the longer to make
def _encode_audio(seconds: float, rate: int) -> tuple[Track, tuple[Packet, ...]]:
    encoder = av.CodecContext.create("aac", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = rate
    encoder.layout = "stereo"
    encoder.format = "fltp"
    encoder.open()
    made: list[av.Packet[av.AudioStream]] = []
    for number in range(round(seconds * rate / 1024)):
        phase = (np.arange(1024) + number * 1024) / rate * 440 * 2 * np.pi
        frame = av.AudioFrame.from_ndarray(np.tile(0.2 * np.sin(phase), (2, 1)).astype(np.float32), "fltp", "stereo")
        frame.sample_rate = rate
        frame.pts = number * 1024
        made += encoder.encode(frame)
    assert encoder.extradata
    track = Track(Kind.AUDIO, Codec.AAC, bytes(encoder.extradata))
    return track, tuple(Packet(Kind.AUDIO, n * 1024 * 1000 // rate, 0, True, bytes(p)) for n, p in enumerate(made))


def decode(items: Iterable[PartItem], rendition: str) -> Iterator[av.VideoFrame | av.AudioFrame]:
    """Decode what a rendition's parts hold, as a player that has every part in one file."""
    wanted = [item for item in items if item.rendition == rendition and isinstance(item, Init | Part)]
    with av.open(io.BytesIO(b"".join(item.data for item in wanted)), "r", format="mov,mp4") as container:
        for frame in container.decode(container.streams[0]):
            assert isinstance(frame, av.VideoFrame | av.AudioFrame)
            yield frame


def image_file(kind: str = "PNG", size: tuple[int, int] = (64, 48)) -> bytes:
    """The content of an image file."""
    file = io.BytesIO()
    Image.new("1", size).save(file, kind)  # a bit for a pixel: large ones are made in no time
    return file.getvalue()


SLATE = -1
"""What stands for a frame's number where it shows a slate."""


def numbers_of(items: Iterable[PartItem], rendition: str) -> list[int]:
    """What the frames of a picture show, in order: numbers (modulo GREYS), or SLATE."""
    return [SLATE if is_slate(frame) else number_of(frame) for frame in decode(items, rendition)]


def is_slate(frame: av.VideoFrame | av.AudioFrame) -> bool:
    """Whether it is no host's picture, which is of one grey."""
    assert isinstance(frame, av.VideoFrame)
    return bool(frame.to_ndarray()[: frame.height].std() > 1.5)


def number_of(frame: av.VideoFrame | av.AudioFrame) -> int:
    """Return the frame number painted into a frame (modulo GREYS)."""
    assert isinstance(frame, av.VideoFrame)
    return round(float(frame.to_ndarray(format="yuv420p")[: frame.height].mean())) - 20
