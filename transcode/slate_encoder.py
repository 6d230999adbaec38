"""Codes a slate for a host's own picture: ``python -m transcode.slate_encoder``, an order in, a CodedSlate out.

A process of its own for each order, since it decodes the host's image file; it reads standard input, answers on
standard output and ends. Orders and answers are MessagePack (see ``slates``).
"""

import logging
import sys
from fractions import Fraction

import av
import msgspec
from av.codec.context import Flags, ThreadType
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter

from ingest.media import Track
from transcode.cmaf.avc import parse_avc
from transcode.cmaf.avc_sets import with_sets_of
from transcode.cmaf.config import CodecError, VideoConfig
from transcode.encode import SOFTWARE
from transcode.interlude import CodedSlate
from transcode.media import Slate
from transcode.slate import slate_frame

UNITS = 15
"""From one keyframe of a slate to the next."""
_NUMBER = 31  # of its parameter sets: the last there is, as hosts begin with the first
_PROFILES = {66: "baseline", 77: "main", 88: "main"}  # ITU-T H.264, A.2; all others decode High too
_LENGTH_SIZE = 3  # AVCDecoderConfigurationRecord.lengthSizeMinusOne: four bytes


class SlateError(Exception):
    """No slate can stand beside this picture; the text says why."""


def encode_slate(track: Track, slate: Slate) -> CodedSlate:
    """Return ``slate`` for players that have the H.264 picture ``track``: of its size, profile and level.

    Raises SlateError.
    """
    try:
        avc = parse_avc(track.config)
        profile, level, length_size = track.config[1], track.config[3], track.config[4] & 3
        if avc.width % 2 or avc.height % 2 or length_size != _LENGTH_SIZE:
            raise SlateError("the host's picture has an odd size, or odd units")
        encoder = _encoder(avc, _PROFILES.get(profile, "high"), level)
        units = _units(encoder, _frame(slate, avc))
        record = with_sets_of(track.config, bytes(encoder.extradata or b""))
    except (CodecError, FFmpegError) as error:
        raise SlateError(str(error)) from error
    return CodedSlate(Track(track.kind, track.codec, record), units)


def _frame(slate: Slate, avc: VideoConfig) -> av.VideoFrame:
    """Draw it as it is shown, and squeeze it as the host's picture is."""
    drawn = slate_frame(slate, max(2, avc.display_width & ~1), avc.height)
    return VideoReformatter().reformat(
        drawn, avc.width, avc.height, format="yuv420p", interpolation=Interpolation.BICUBIC, threads=1
    )


def _encoder(avc: VideoConfig, profile: str, level: int) -> VideoCodecContext:
    context = av.CodecContext.create(SOFTWARE, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = avc.width, avc.height, "yuv420p"
    context.sample_aspect_ratio = avc.sample_aspect_ratio
    context.time_base, context.framerate = Fraction(1, 30), Fraction(30)
    context.gop_size = 2 * UNITS
    context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    context.flags |= Flags.global_header
    params = f"annexb=0:force-cfr=1:scenecut=0:bframes=0:ref=1:rc-lookahead=0:mbtree=0:sps-id={_NUMBER}"
    context.options = {
        "preset": "veryfast",
        "crf": "21",
        "profile": profile,
        "level": f"{level / 10:g}",
        "x264-params": params,
        "forced-idr": "1",
    }
    context.thread_count, context.thread_type = 1, ThreadType.FRAME
    context.open()
    return context


def _units(encoder: VideoCodecContext, frame: av.VideoFrame) -> tuple[bytes, ...]:
    packets = []
    for number in range(UNITS):
        frame.pts, frame.time_base = number, encoder.time_base
        frame.pict_type = PictureType.NONE if number else PictureType.I
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return tuple(bytes(packet) for packet in packets)


def main() -> None:
    """Code one slate."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    track, slate = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=tuple[Track, Slate])
    try:
        sys.stdout.buffer.write(msgspec.msgpack.encode(encode_slate(track, slate)))
    except SlateError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
