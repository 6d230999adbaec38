"""One configuration record for two encoders: a host's picture, a slate's, and the host's again in one track."""

import functools
from fractions import Fraction

import av
import numpy as np
import pytest
from av.codec.context import Flags

from tests.support.media import make_clip, number_of
from transcode.cmaf.avc import parse_avc
from transcode.cmaf.avc_sets import with_sets_of
from transcode.cmaf.config import CodecError

FRAMES = 5


@functools.cache
def encoded(numbers: int, luma: int) -> tuple[bytes, tuple[bytes, ...]]:
    """The record and the access units of an encoder that gives its parameter sets the number ``numbers``."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = 64, 48, "yuv420p", Fraction(30)
    encoder.time_base = 1 / encoder.framerate
    encoder.flags |= Flags.global_header
    encoder.options = {"x264-params": f"annexb=0:bframes=0:rc-lookahead=0:threads=1:sps-id={numbers}"}
    planes = np.full((48 * 3 // 2, 64), 128, np.uint8)
    planes[:48] = luma
    units = []
    for number in range(FRAMES):
        frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
        frame.pts = number
        units += encoder.encode(frame)
    units += encoder.encode(None)
    return bytes(encoder.extradata or b""), tuple(bytes(unit) for unit in units)


@pytest.mark.parametrize("b_frames", [0, 2])
def test_pictures_of_both_play_in_one_track(b_frames: int) -> None:
    host = make_clip(1, b_frames=b_frames)
    assert host.video is not None
    pictures = [packet.data for packet in host.packets if packet.kind == host.video.kind]
    slate, units = encoded(31, 220)

    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = with_sets_of(host.video.config, slate)
    shown = []
    for data in (*pictures, *units, *pictures):
        packet = av.Packet(len(data))
        packet.update(data)
        shown += decoder.decode(packet)
    shown += decoder.decode(None)

    host_numbers = list(range(len(pictures)))
    assert [number_of(frame) for frame in shown] == [*host_numbers, *[200] * FRAMES, *host_numbers]


def test_the_record_is_otherwise_as_it_was() -> None:
    record, _ = encoded(0, 50)

    merged = with_sets_of(record, encoded(31, 220)[0])

    assert parse_avc(merged) == parse_avc(record)
    assert merged[:5] == record[:5]
    assert merged[-4:] == record[-4:]


def test_sets_of_one_number_would_replace_each_other() -> None:
    with pytest.raises(CodecError, match="same number"):
        with_sets_of(encoded(0, 50)[0], encoded(0, 220)[0])


def test_a_record_that_is_cut_short_is_refused() -> None:
    record, _ = encoded(0, 50)
    sets_end = len(record) - 4  # of the High profile's own

    for length in range(sets_end):
        with pytest.raises(CodecError):
            with_sets_of(record[:length], encoded(31, 220)[0])
