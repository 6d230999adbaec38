"""FLV tag bodies: tracks once, packets after them, and a name for every codec that is not taken."""

import pytest

from ingest.media import Codec, Kind, Packet, Track
from ingest.rtmp.errors import CodecError, ConfigError
from ingest.rtmp.flv import FlvReader

AVC = bytes.fromhex("01 4d400b ff e1 0004 674d400b 01 0002 68ce")
AAC = bytes.fromhex("1190")
AVC_TAG = b"\x17\0\0\0\0" + AVC
AAC_TAG = b"\xaf\0" + AAC


@pytest.fixture
def flv() -> FlvReader:
    reader = FlvReader()
    assert reader.video(0, AVC_TAG) == Track(Kind.VIDEO, Codec.H264, AVC)
    assert reader.audio(0, AAC_TAG) == Track(Kind.AUDIO, Codec.AAC, AAC)
    return reader


def test_a_keyframe(flv: FlvReader) -> None:
    assert flv.video(40, b"\x17\x01\0\0\x50nal") == Packet(Kind.VIDEO, 40, 80, True, b"nal")


def test_a_frame_between(flv: FlvReader) -> None:
    assert flv.video(40, b"\x27\x01\0\0\0nal") == Packet(Kind.VIDEO, 40, 0, False, b"nal")


def test_the_composition_offset_is_signed(flv: FlvReader) -> None:
    packet = flv.video(40, b"\x27\x01\xff\xff\xd8nal")
    assert isinstance(packet, Packet)
    assert packet.offset == -40


def test_sound(flv: FlvReader) -> None:
    assert flv.audio(21, b"\xaf\x01raw") == Packet(Kind.AUDIO, 21, 0, True, b"raw")


def test_a_packet_is_bytes_whatever_the_message_was(flv: FlvReader) -> None:
    packet = flv.audio(21, bytearray(b"\xaf\x01raw"))
    assert isinstance(packet, Packet)
    assert type(packet.data) is bytes


def test_a_repeated_configuration_is_not_announced(flv: FlvReader) -> None:
    assert flv.video(0, AVC_TAG) is None
    assert flv.audio(0, AAC_TAG) is None


def test_a_changed_one_is(flv: FlvReader) -> None:
    assert flv.audio(0, b"\xaf\0\x12\x10") == Track(Kind.AUDIO, Codec.AAC, b"\x12\x10")
    assert flv.audio(0, AAC_TAG) == Track(Kind.AUDIO, Codec.AAC, AAC)


def test_media_before_its_configuration_is_dropped() -> None:
    flv = FlvReader()
    assert flv.video(0, b"\x17\x01\0\0\0nal") is None
    assert flv.audio(0, b"\xaf\x01raw") is None


@pytest.mark.parametrize(
    "body",
    [b"", b"\x17", b"\x17\2\0\0\0", b"\x17\1\0\0\0", b"\x17\2\0\0\0\0", b"\x57\0", b"\xd4\0\0\0", b"\x94hvc1\3"],
    ids=[
        "empty", "header alone", "end of sequence", "no NAL unit", "end with a byte more", "command frame",
        "enhanced command frame", "enhanced metadata",
    ],
)  # fmt: skip
def test_video_tags_that_hold_nothing(flv: FlvReader, body: bytes) -> None:
    assert flv.video(0, body) is None


@pytest.mark.parametrize("body", [b"", b"\xaf", b"\xaf\x01"])
def test_audio_tags_that_hold_nothing(flv: FlvReader, body: bytes) -> None:
    assert flv.audio(0, body) is None


@pytest.mark.parametrize(
    "config",
    [
        b"\x01\x4d",
        b"\0" + AVC[1:],
        AVC[:5] + b"\xe0" + AVC[6:],
        AVC[:6] + b"\0\0" + AVC[8:],
        AVC[:6] + b"\xff\xff" + AVC[8:],
    ],
    ids=["too short", "version 0", "no parameter set", "an empty one", "one longer than the record"],
)
def test_a_broken_video_configuration_leaves_the_one_before(flv: FlvReader, config: bytes) -> None:
    with pytest.raises(ConfigError, match=r"H\.264"):
        flv.video(0, b"\x17\0\0\0\0" + config)
    assert flv.video(1, b"\x27\x01\0\0\0nal") is not None


def test_an_empty_audio_configuration(flv: FlvReader) -> None:
    with pytest.raises(ConfigError, match="AAC"):
        flv.audio(0, b"\xaf\0")


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"\x12\0", "Sorenson H.263"),
        (b"\x14\0", "VP6"),
        (b"\x1c\0\0\0\0", "HEVC"),
        (b"\x1f\0", "FLV codec 15"),
        (b"\x90hvc1", "HEVC"),
        (b"\x91av01\0", "AV1"),
        (b"\x90vp09", "VP9"),
        (b"\x90avc1", "H.264 in Enhanced RTMP"),
        (b"\x96\0hvc1", "HEVC"),
        (b"\x90a\x00c\xff", r"Enhanced RTMP 'a\?c\?'"),
        (b"\x90", "Enhanced RTMP ''"),
    ],
)
def test_video_that_is_not_taken_is_named(body: bytes, name: str) -> None:
    with pytest.raises(CodecError, match=f"^{name} video is not taken, only H.264 video and AAC audio: set OBS.*x264"):
        FlvReader().video(0, body)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"\x2f", "MP3"),
        (b"\xbf", "Speex"),
        (b"\x7f", "G.711 A-law"),
        (b"\x90Opus", "Opus"),
        (b"\x90fLaC", "FLAC"),
        (b"\x95\0ac-3", "AC-3"),
        (b"\xcf", "FLV codec 12"),
    ],
)
def test_audio_that_is_not_taken_is_named(body: bytes, name: str) -> None:
    with pytest.raises(CodecError, match=f"^{name} audio is not taken.*AAC$"):
        FlvReader().audio(0, body)
