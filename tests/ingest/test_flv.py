"""FLV tag bodies: tracks once, packets after them, and a name for every codec that is not taken. Enhanced RTMP: see
``test_enhanced``."""

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
    assert reader.video(0, AVC_TAG) == (Track(Kind.VIDEO, Codec.H264, AVC),)
    assert reader.audio(0, AAC_TAG) == (Track(Kind.AUDIO, Codec.AAC, AAC),)
    return reader


def test_a_keyframe(flv: FlvReader) -> None:
    assert flv.video(40, b"\x17\x01\0\0\x50nal") == (Packet(Kind.VIDEO, 40, 80, True, b"nal"),)


def test_a_frame_between(flv: FlvReader) -> None:
    assert flv.video(40, b"\x27\x01\0\0\0nal") == (Packet(Kind.VIDEO, 40, 0, False, b"nal"),)


def test_the_composition_offset_is_signed(flv: FlvReader) -> None:
    [packet] = flv.video(40, b"\x27\x01\xff\xff\xd8nal")
    assert isinstance(packet, Packet)
    assert packet.offset == -40


def test_sound(flv: FlvReader) -> None:
    assert flv.audio(21, b"\xaf\x01raw") == (Packet(Kind.AUDIO, 21, 0, True, b"raw"),)


def test_a_packet_is_bytes_whatever_the_message_was(flv: FlvReader) -> None:
    [packet] = flv.audio(21, bytearray(b"\xaf\x01raw"))
    assert isinstance(packet, Packet)
    assert type(packet.data) is bytes


def test_a_repeated_configuration_is_not_announced(flv: FlvReader) -> None:
    assert flv.video(0, AVC_TAG) == ()
    assert flv.audio(0, AAC_TAG) == ()


def test_a_changed_one_is(flv: FlvReader) -> None:
    assert flv.audio(0, b"\xaf\0\x12\x10") == (Track(Kind.AUDIO, Codec.AAC, b"\x12\x10"),)
    assert flv.audio(0, AAC_TAG) == (Track(Kind.AUDIO, Codec.AAC, AAC),)


def test_media_before_its_configuration_is_dropped() -> None:
    flv = FlvReader()
    assert flv.video(0, b"\x17\x01\0\0\0nal") == ()
    assert flv.audio(0, b"\xaf\x01raw") == ()


@pytest.mark.parametrize(
    "body",
    [b"", b"\x17", b"\x17\2\0\0\0", b"\x17\1\0\0\0", b"\x17\2\0\0\0\0", b"\x57\0"],
    ids=[
        "empty", "header alone", "end of sequence", "no NAL unit", "end with a byte more", "command frame",
    ],
)  # fmt: skip
def test_video_tags_that_hold_nothing(flv: FlvReader, body: bytes) -> None:
    assert flv.video(0, body) == ()


@pytest.mark.parametrize("body", [b"", b"\xaf", b"\xaf\x01"])
def test_audio_tags_that_hold_nothing(flv: FlvReader, body: bytes) -> None:
    assert flv.audio(0, body) == ()


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
    assert flv.video(1, b"\x27\x01\0\0\0nal")


def test_an_empty_audio_configuration(flv: FlvReader) -> None:
    with pytest.raises(ConfigError, match="AAC"):
        flv.audio(0, b"\xaf\0")


HVCC = bytes.fromhex("01 01 60000000 900000000000 3c f000fcfdf8f80000 0f 01 a1 0001 0004 42010101")
HEVC_TAG = b"\x1c\0\0\0\0" + HVCC


def test_hevc_by_the_number_that_encoders_gave_it() -> None:
    flv = FlvReader()
    assert flv.video(0, HEVC_TAG) == (Track(Kind.VIDEO, Codec.HEVC, HVCC),)
    assert flv.video(40, b"\x1c\x01\0\0\x50nal") == (Packet(Kind.VIDEO, 40, 80, True, b"nal"),)


@pytest.mark.parametrize(
    "config",
    [
        HVCC[:22],
        b"\0" + HVCC[1:],
        HVCC[:22] + b"\0",
        HVCC[:23] + b"\xa2" + HVCC[24:],
        HVCC[:26] + b"\xff\xff" + HVCC[28:],
        HVCC[:26] + b"\0\0",
    ],
    ids=["too short", "version 0", "no array", "no parameter set", "one longer than the record", "an empty one"],
)
def test_a_broken_hevc_configuration(config: bytes) -> None:
    with pytest.raises(ConfigError, match="the HEVC configuration is broken: the picture is left out"):
        FlvReader().video(0, b"\x1c\0\0\0\0" + config)


MP3_FRAME = bytes.fromhex("fffb9064") + b"frame"


@pytest.mark.parametrize("first", [b"\x2f", b"\xee"])
def test_mp3_tells_by_its_frames_what_it_is(first: bytes) -> None:
    flv = FlvReader()
    assert flv.audio(7, first + MP3_FRAME) == (
        Track(Kind.AUDIO, Codec.MP3, bytes.fromhex("fffb0000")),
        Packet(Kind.AUDIO, 7, 0, True, MP3_FRAME),
    )
    other_rate = b"\xff\xfb\xb2\x64more"  # another bit rate, and padding
    assert flv.audio(33, first + other_rate) == (Packet(Kind.AUDIO, 33, 0, True, other_rate),)
    track, _ = flv.audio(59, first + b"\xff\xfb\x94\xc4x")
    assert track == Track(Kind.AUDIO, Codec.MP3, bytes.fromhex("fffb04c0")), "48 kHz and one channel"


@pytest.mark.parametrize("data", ["", "fffb90", "494433fb", "ffeb9064", "fffd9064", "fffb9c64"])
def test_what_is_no_mp3_frame_is_left_out(data: str) -> None:
    flv = FlvReader()
    assert flv.audio(0, b"\x2f" + bytes.fromhex(data)) == ()


@pytest.mark.parametrize(
    ("first", "codec", "channels"),
    [(b"\x72", Codec.PCMA, 1), (b"\x73", Codec.PCMA, 2), (b"\x82", Codec.PCMU, 1), (b"\x83", Codec.PCMU, 2)],
)
def test_g711(first: bytes, codec: Codec, channels: int) -> None:
    flv = FlvReader()
    packet = Packet(Kind.AUDIO, 0, 0, True, b"data")
    assert flv.audio(0, first + b"data") == (Track(Kind.AUDIO, codec, bytes((channels,))), packet)
    assert flv.audio(0, first + b"data") == (packet,)


def test_one_g711_after_the_other() -> None:
    flv = FlvReader()
    assert len(flv.audio(0, b"\x72data")) == 2
    track, _ = flv.audio(0, b"\x82data")
    assert track == Track(Kind.AUDIO, Codec.PCMU, b"\1")


def test_another_codec_on_the_way(flv: FlvReader) -> None:
    track, _ = flv.audio(0, b"\x2f" + MP3_FRAME)
    assert isinstance(track, Track)
    assert track.codec is Codec.MP3
    assert flv.audio(1, b"\xaf\x01raw") == (), "its configuration was of before"
    assert flv.audio(1, AAC_TAG) == (Track(Kind.AUDIO, Codec.AAC, AAC),)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"\x12\0", "Sorenson H.263"),
        (b"\x14\0", "VP6"),
        (b"\x1e\0\0\0\0", "VVC"),
        (b"\x1f\0", "FLV codec 15"),
        (b"\x90vvc1", "VVC"),
        (b"\x91vp08\0", "VP8"),
        (b"\x90Opus", "Enhanced RTMP 'Opus'"),
        (b"\x96\0vvc1\0", "VVC"),
        (b"\x90a\x00c\xff", r"Enhanced RTMP 'a\?c\?'"),
    ],
)
def test_video_that_is_not_taken_is_named(body: bytes, name: str) -> None:
    with pytest.raises(CodecError, match=f"^{name} video is not taken, only H.264, HEVC, AV1 and VP9: set OBS.*x264"):
        FlvReader().video(0, body)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"\x3f", "PCM"),
        (b"\xbf", "Speex"),
        (b"\x90ec-3", "E-AC-3"),
        (b"\x95\0ec-3\0", "E-AC-3"),
        (b"\x90avc1", "Enhanced RTMP 'avc1'"),
        (b"\xcf", "FLV codec 12"),
    ],
)
def test_audio_that_is_not_taken_is_named(body: bytes, name: str) -> None:
    with pytest.raises(CodecError, match=f"^{name} audio is not taken, only AAC, MP3, Opus, .*AAC$"):
        FlvReader().audio(0, body)
