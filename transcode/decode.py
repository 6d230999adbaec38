"""Decodes a host's picture: packets in, pictures out, on the room's timeline. Threads: one caller."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.codec.context import ThreadType
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from ingest.media import Codec, Track
from transcode.cmaf.codecs import parse_video
from transcode.machine import processors
from transcode.media import TIMELINE, TimedPacket

_TICK = Fraction(1, TIMELINE)
_DECODERS = {Codec.H264: "h264", Codec.HEVC: "hevc", Codec.AV1: "libdav1d", Codec.VP9: "vp9"}
_EASY = 1920 * 1088  # pixels that one thread decodes in time; more threads hold frames back
_MOST_THREADS = 4


class VideoDecoder:
    """Decodes one track, as long as its configuration stays. ``errors`` counts packets that could not be decoded.

    The keyframe after one that could not is decoded afresh: damage can be taken for parameter sets, and with these
    nothing would be decoded ever again.
    """

    def __init__(self, track: Track) -> None:
        self.errors = 0
        picture = parse_video(track)
        self.sample_aspect_ratio = picture.sample_aspect_ratio
        self._track = track
        self._threads = min(processors(), _MOST_THREADS) if picture.width * picture.height > _EASY else 1
        self._sound = True  # nothing failed since the context was made
        self._context = self._open()

    def _open(self) -> VideoCodecContext:
        context = av.CodecContext.create(_DECODERS[self._track.codec], "r")
        assert isinstance(context, VideoCodecContext)
        if self._track.codec is not Codec.VP9:  # its frames say all
            context.extradata = self._track.config
        if self._track.codec is Codec.AV1:
            context.options = {"max_frame_delay": "1"}
        context.thread_count = self._threads
        context.thread_type = ThreadType.FRAME
        return context

    def decode(self, packet: TimedPacket) -> Iterator[av.VideoFrame]:
        """Yield the pictures that ``packet`` completes; ``pts`` in ticks."""
        if packet.keyframe and not self._sound:
            yield from self.flush()
            self._sound, self._context = True, self._open()
        # A packet made of foreign bytes lacks the padding that decoders read into; this one is copied and has it.
        coded = av.Packet(len(packet.data))
        coded.update(packet.data)
        coded.pts, coded.dts, coded.time_base = packet.pts, packet.dts, _TICK
        coded.is_keyframe = packet.keyframe
        yield from self._pictures(coded)

    def flush(self) -> Iterator[av.VideoFrame]:
        """Yield what is still inside; nothing can be decoded after that."""
        yield from self._pictures(None)

    def _pictures(self, coded: "av.Packet[Any] | None") -> Iterator[av.VideoFrame]:
        try:
            yield from (frame for frame in self._context.decode(coded) if frame.pts is not None)
        except FFmpegError:
            self.errors += 1
            self._sound = False
