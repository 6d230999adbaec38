"""H.264 byte streams become what CMAF carries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.media import Codec, Kind, Track
from tests.support.media import make_clip
from transcode.cmaf.annexb import avc_record, split_annex_b, to_length_prefixed
from transcode.cmaf.avc import parse_avc

# A NAL unit neither holds a start code (emulation prevention, 7.4.1) nor ends in a zero byte.
units = st.lists(st.binary(max_size=20).map(lambda body: body.replace(b"\0", b"\x03") + b"\x80"), max_size=6)


@given(units, st.data())
def test_units_come_back_whole(sent: list[bytes], data: st.DataObject) -> None:
    starts = [data.draw(st.sampled_from([b"\0\0\1", b"\0\0\0\1", b"\0\0\0\0\0\1"])) for _ in sent]
    stream = b"".join(start + unit for start, unit in zip(starts, sent, strict=True))
    assert split_annex_b(stream) == sent
    assert to_length_prefixed(stream) == b"".join(len(unit).to_bytes(4, "big") + unit for unit in sent)


def test_a_record_is_made_of_the_parameter_sets() -> None:
    track = make_clip(seconds=0.5).video
    assert track
    length = int.from_bytes(track.config[6:8], "big")
    sps, rest = track.config[8 : 8 + length], track.config[8 + length :]
    pps = rest[3 : 3 + int.from_bytes(rest[1:3], "big")]
    made = avc_record([b"\x06sei", sps, pps, b"\x65slice"])
    assert parse_avc(made) == parse_avc(track.config)
    assert made[:6] == track.config[:6]
    assert Track(Kind.VIDEO, Codec.H264, made).config[8 : 8 + length] == sps


def test_a_high_profile_record_tells_its_chroma() -> None:
    made = avc_record([bytes((0x67, 100, 0, 31, 0xAC)), b"\x68\xee"])
    assert made.endswith(bytes((0xFD, 0xF8, 0xF8, 0)))


@pytest.mark.parametrize("lacking", [[b"\x67\x64\x00\x1f"], [b"\x68\xee"], []])
def test_a_stream_without_parameter_sets_is_an_error(lacking: list[bytes]) -> None:
    with pytest.raises(ValueError, match="parameter sets"):
        avc_record(lacking)
