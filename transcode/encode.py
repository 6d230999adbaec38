"""Encodes one rung's pictures to H.264: hardware where it works, x264 everywhere. Threads: one caller per encoder.

Everything is set so that segments can be cut where the cutter says, another encoder can take over at any frame, and
nothing waits: keyframes come only when they are asked for (IDR), pictures leave in the order in which they are shown,
the bit rate is capped over 0.6 s, and only the ``quality`` preset looks ahead.
"""

import contextlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Protocol

import av
from av.codec.context import Flags, ThreadType
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from ingest.media import Codec, Kind, Track
from transcode.cmaf.annexb import avc_record, split_annex_b, to_length_prefixed
from transcode.cmaf.packer import Unit
from transcode.machine import processors
from transcode.media import FrameRate, Rung

SOFTWARE = "libx264"
HARDWARE = ("h264_nvenc", "h264_qsv")
_EASY = {"fast": 30, "balanced": 20, "quality": 12}  # pictures of 1080p a second that one thread encodes in time
_MOST_THREADS = 6
_BUFFER = 60  # hundredths of a second at the peak rate: less than players stay behind the live edge (PART-HOLD-BACK)
_NOTHING_ELSE = {"a53cc": "0", "udu_sei": "0"}  # captions and notes in the host's stream are not passed on unread
_NEVER = 1 << 20  # frames between keyframes that nobody asked for


class EncoderError(Exception):
    """A picture could not be encoded; the text says by what, and why."""


class Encoder(Protocol):
    """Encodes the pictures of one rung in the order of their numbers."""

    @property
    def name(self) -> str:
        """libavcodec's name of it."""
        ...

    @property
    def track(self) -> Track:
        """What decoders need first."""
        ...

    def encode(self, frame: av.VideoFrame, number: int, keyframe: bool) -> Iterator[Unit]:
        """Take a picture; yields what is ready. Raises EncoderError."""
        ...

    def flush(self) -> Iterator[Unit]:
        """Yield what is still inside. Raises EncoderError."""
        ...


# What a preset means to each encoder. crf and cq are the quality that the peak bit rate caps.
_X264 = {
    "fast": {"preset": "superfast", "crf": "23"},
    "balanced": {"preset": "veryfast", "crf": "23"},
    "quality": {"preset": "fast", "crf": "22"},
}
_X264_PARAMS = {
    "fast": "rc-lookahead=0:mbtree=0",
    "balanced": "rc-lookahead=0:mbtree=0",
    "quality": "rc-lookahead=10",
}
_NVENC = {
    "fast": {"preset": "p2", "tune": "ull", "rc": "vbr", "cq": "25"},
    "balanced": {"preset": "p4", "tune": "ll", "rc": "vbr", "cq": "25"},
    "quality": {"preset": "p6", "tune": "hq", "rc": "vbr", "cq": "24", "rc-lookahead": "10"},
}
_QSV = {
    "fast": {"preset": "veryfast", "async_depth": "1"},
    "balanced": {"preset": "faster", "async_depth": "1"},
    "quality": {"preset": "medium", "async_depth": "2"},
}


def options(codec: str, preset: str, bit_rate: int) -> dict[str, str]:
    """Return the encoder's options for a preset of Veilcast's and a peak ``bit_rate`` (bit/s)."""
    cap = {"maxrate": str(bit_rate), "bufsize": str(bit_rate * _BUFFER // 100)}
    if codec == SOFTWARE:
        # annexb=0: length-prefixed units and an avcC record, as CMAF wants them; force-cfr=1: or it holds one back.
        params = f"annexb=0:force-cfr=1:scenecut=0:bframes=0:sync-lookahead=0:{_X264_PARAMS[preset]}"
        return {**_X264[preset], "x264-params": params, "forced-idr": "1", **cap, **_NOTHING_ELSE}
    cap["b"] = str(bit_rate * 4 // 5)
    if codec == "h264_nvenc":
        tuning = {"forced-idr": "1", "zerolatency": "1", "no-scenecut": "1"}
        return {**_NVENC[preset], **tuning, "profile": "high", "bf": "0", **cap, **_NOTHING_ELSE}
    tuning = {"look_ahead": "0", "forced_idr": "1"}
    return {**_QSV[preset], **tuning, "profile": "high", "bf": "0", **cap, **_NOTHING_ELSE}


class _LibavEncoder:
    """One of libavcodec's H.264 encoders."""

    def __init__(self, codec: str, rung: Rung, frame_rate: FrameRate, preset: str, threads: int) -> None:
        self.name = codec
        context = av.CodecContext.create(codec, "w")
        assert isinstance(context, VideoCodecContext)
        rate = Fraction(frame_rate.numerator, frame_rate.denominator * rung.every)
        context.width, context.height, context.pix_fmt = rung.width, rung.height, "yuv420p"
        context.sample_aspect_ratio = Fraction(1)
        context.framerate, context.time_base = rate, 1 / rate
        context.gop_size = _NEVER
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.flags |= Flags.global_header
        context.options = options(codec, preset, rung.bit_rate)
        context.thread_count = threads or threads_for(rung, float(rate), preset)
        context.thread_type = ThreadType.FRAME
        try:
            context.open()
        except FFmpegError as error:
            raise EncoderError(f"{codec} does not start: {error}") from error
        self._context = context
        self._time_base = 1 / rate
        self._prefixed = codec == SOFTWARE
        record = context.extradata or b""
        self.track = Track(Kind.VIDEO, Codec.H264, record if self._prefixed else avc_record(split_annex_b(record)))

    def encode(self, frame: av.VideoFrame, number: int, keyframe: bool) -> Iterator[Unit]:
        """Take a picture. Its own type is what the host's encoder made of it, and means nothing here."""
        frame.pts, frame.time_base = number, self._time_base
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        yield from self._run(frame)

    def flush(self) -> Iterator[Unit]:
        """Yield what is still inside."""
        yield from self._run(None)

    def _run(self, frame: av.VideoFrame | None) -> Iterator[Unit]:
        try:
            packets = self._context.encode(frame)
        except FFmpegError as error:
            raise EncoderError(f"{self.name} failed: {error}") from error
        for packet in packets:
            assert packet.pts is not None
            data = memoryview(packet)
            yield Unit(packet.pts, packet.is_keyframe, data if self._prefixed else to_length_prefixed(bytes(data)))


def threads_for(rung: Rung, frame_rate: float, preset: str) -> int:
    """Return how many threads a rung's encoder gets: as few as keep up, as each beyond the first holds back a frame."""
    wanted = -(-rung.width * rung.height * round(frame_rate) // (1920 * 1080 * _EASY[preset]))
    return max(1, min(wanted, processors(), _MOST_THREADS))


def open_encoder(
    rung: Rung,
    frame_rate: FrameRate,
    preset: str,
    codecs: Sequence[str] = (*HARDWARE, SOFTWARE),
    threads: int = 0,
) -> Encoder:
    """Return the first of ``codecs`` that works on this machine, tried with a picture. Raises EncoderError.

    ``threads`` is for one that need not keep up; 0: as many as it takes.
    """
    failures = []
    for codec in codecs:
        try:
            if codec != SOFTWARE:
                _probe(codec, rung, frame_rate, preset)
            return _LibavEncoder(codec, rung, frame_rate, preset, threads)
        except (EncoderError, FFmpegError, ValueError) as error:  # ValueError: this build does not know the codec
            failures.append(str(error))
    raise EncoderError("; ".join(failures))


def working_hardware() -> tuple[str, ...]:
    """Return the hardware encoders that work on this machine."""
    rung, rate = Rung("360p", 640, 360, 1, 1_000_000), FrameRate(30, 1)
    found = []
    for codec in HARDWARE:
        with contextlib.suppress(EncoderError):
            open_encoder(rung, rate, "fast", (codec,))
            found.append(codec)
    return tuple(found)


def _probe(codec: str, rung: Rung, frame_rate: FrameRate, preset: str) -> None:
    """Encode one picture: an encoder that is there may still have no device. Raises EncoderError."""
    encoder = _LibavEncoder(codec, rung, frame_rate, preset, 0)
    frame = av.VideoFrame(rung.width, rung.height, "yuv420p")
    made = [*encoder.encode(frame, 0, True), *encoder.flush()]
    if not made or not made[0].keyframe:
        raise EncoderError(f"{codec} gave no picture")
