"""Enhanced RTMP: codecs by FourCC, their packet types, ModEx and multitrack, byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.media import Codec, Kind, Packet, Track
from ingest.rtmp.errors import CodecError, ConfigError
from ingest.rtmp.flv import FlvReader, OtherTrack

AVC = bytes.fromhex("01 4d400b ff e1 0004 674d400b 01 0002 68ce")
HVCC = bytes.fromhex("01 01 60000000 900000000000 3c f000fcfdf8f80000 0f 01 a1 0001 0004 42010101")
AV1C, SEQUENCE_HEADER = bytes.fromhex("81000c00"), bytes.fromhex("0a0b000000043cffbc02f80040")
VPCC = bytes.fromhex("0014820202020000")
VP9_KEYFRAME = bytes.fromhex("824983420013f00ef0600000")  # 320 x 240
OPUS_HEAD = b"OpusHead" + bytes.fromhex("0102380180bb0000000000")
STREAMINFO = bytes.fromhex("1200120000000e0010760bb802f000001000") + b"sixteen of digest"[:16]
FLAC = bytes.fromhex("12001200 000000000000 0bb802f0 00000000") + bytes(16)
AC3_FRAME = bytes.fromhex("0b775052144043e106")
ASC = bytes.fromhex("1190")


# Each codec.


@pytest.mark.parametrize(
    ("four_letters", "codec", "header", "config"),
    [
        (b"avc1", Codec.H264, AVC, AVC),
        (b"hvc1", Codec.HEVC, HVCC, HVCC),
        (b"av01", Codec.AV1, AV1C + SEQUENCE_HEADER, AV1C + SEQUENCE_HEADER),
        (b"mp4a", Codec.AAC, ASC, ASC),
        (b"Opus", Codec.OPUS, OPUS_HEAD, OPUS_HEAD),
        (b"fLaC", Codec.FLAC, STREAMINFO, FLAC),
        (b"fLaC", Codec.FLAC, b"\0\0\0\x22" + STREAMINFO, FLAC),
        (b"fLaC", Codec.FLAC, b"fLaC\x80\0\0\x22" + STREAMINFO, FLAC),
    ],
)
def test_a_sequence_start_announces_its_track_once(
    four_letters: bytes, codec: Codec, header: bytes, config: bytes
) -> None:
    flv = FlvReader()
    read = flv.video if codec.kind is Kind.VIDEO else flv.audio
    body = b"\x90" + four_letters + header
    assert list(read(0, body)) == [Track(codec.kind, codec, config)]
    assert list(read(0, body)) == []


def started(codec: Codec) -> FlvReader:
    flv = FlvReader()
    if codec.kind is Kind.VIDEO:
        assert flv.video(0, b"\x90" + START[codec])
    else:
        assert flv.audio(0, b"\x90" + START[codec])
    return flv


START = {
    Codec.H264: b"avc1" + AVC,
    Codec.HEVC: b"hvc1" + HVCC,
    Codec.AV1: b"av01" + AV1C + SEQUENCE_HEADER,
    Codec.AAC: b"mp4a" + ASC,
    Codec.OPUS: b"Opus" + OPUS_HEAD,
    Codec.FLAC: b"fLaC" + STREAMINFO,
}


@pytest.mark.parametrize(
    ("codec", "body", "packet"),
    [
        (Codec.H264, b"\x91avc1\0\0\x50nal", Packet(Kind.VIDEO, 40, 80, True, b"nal")),
        (Codec.HEVC, b"\xa1hvc1\xff\xff\xd8nal", Packet(Kind.VIDEO, 40, -40, False, b"nal")),
        (Codec.HEVC, b"\xa3hvc1nal", Packet(Kind.VIDEO, 40, 0, False, b"nal")),
        (Codec.AV1, b"\x91av01obu", Packet(Kind.VIDEO, 40, 0, True, b"obu")),
        (Codec.AV1, b"\xa3av01\x12\0obu", Packet(Kind.VIDEO, 40, 0, False, b"obu")),
        (Codec.AAC, b"\x91mp4araw", Packet(Kind.AUDIO, 40, 0, True, b"raw")),
        (Codec.OPUS, b"\x91Opusraw", Packet(Kind.AUDIO, 40, 0, True, b"raw")),
        (Codec.FLAC, b"\x91fLaCraw", Packet(Kind.AUDIO, 40, 0, True, b"raw")),
    ],
    ids=["H.264", "HEVC", "HEVC without offset", "AV1", "AV1 with a temporal delimiter", "AAC", "Opus", "FLAC"],
)
def test_coded_frames(codec: Codec, body: bytes, packet: Packet) -> None:
    flv = started(codec)
    assert list(flv.video(40, body) if codec.kind is Kind.VIDEO else flv.audio(40, body)) == [packet]


@pytest.mark.parametrize(
    "body",
    [
        b"\x90", b"\x90hvc", b"\x91hvc1", b"\x91hvc1\0\0", b"\x91hvc1\0\0\0", b"\x92hvc1", b"\x94hvc1\2\0",
        b"\xd1hvc1\0\0\0nal", b"\xd4\0\0\0", b"\x97", b"\x97\2\0", b"\x97\0\0", b"\x97\xff\0", b"\x96",
        b"\x96\x01hvc1", b"\x96\x33hvc1\0\0\0\3nal", b"\x96\x11hvc1\0\0\0\xffnal", b"\x9fhvc1nal",
    ],
)  # fmt: skip
def test_video_tags_that_hold_nothing_or_are_cut_short(body: bytes) -> None:
    assert list(started(Codec.HEVC).video(0, body)) == []


def test_media_before_its_sequence_start_is_dropped() -> None:
    flv = FlvReader()
    assert list(flv.video(0, b"\x91hvc1\0\0\0nal")) == []
    assert list(flv.video(0, b"\x90vp09" + VPCC)) == []
    assert list(flv.audio(0, b"\x91Opusraw")) == []


@pytest.mark.parametrize("data", [b"", b"\x12\0"])
def test_a_temporal_unit_of_nothing_is_left_out(data: bytes) -> None:
    """To a decoder an empty packet would be the end."""
    assert list(started(Codec.AV1).video(0, b"\x91av01" + data)) == []


def test_the_same_codec_goes_on_in_either_form() -> None:
    flv = FlvReader()
    assert len(flv.video(0, b"\x17\0\0\0\0" + AVC)) == 1
    assert list(flv.video(0, b"\x90avc1" + AVC)) == []
    assert list(flv.video(0, b"\x93avc1nal")) == [Packet(Kind.VIDEO, 0, 0, True, b"nal")]


# What only frames tell.


@pytest.mark.parametrize("record", [VPCC, b"\1\0\0\0" + VPCC], ids=["alone", "as in its box"])
def test_vp9_is_announced_with_its_first_keyframe_and_the_size_in_it(record: bytes) -> None:
    flv = FlvReader()
    assert list(flv.video(0, b"\x90vp09" + record)) == []
    assert list(flv.video(0, b"\xa1vp09\x86\0")) == [], "no keyframe"
    track = Track(Kind.VIDEO, Codec.VP9, VPCC + bytes.fromhex("014000f0"))
    packet = Packet(Kind.VIDEO, 9, 0, True, VP9_KEYFRAME)
    assert list(flv.video(9, b"\x91vp09" + VP9_KEYFRAME)) == [track, packet]
    assert list(flv.video(9, b"\x91vp09" + VP9_KEYFRAME)) == [packet]
    assert list(flv.video(9, b"\xa1vp09\x86\0")) == [Packet(Kind.VIDEO, 9, 0, False, b"\x86\0")]
    larger = bytes.fromhex("824983420027f00ef0600000")
    assert flv.video(9, b"\x91vp09" + larger)[0] == Track(Kind.VIDEO, Codec.VP9, VPCC + bytes.fromhex("028000f0"))


def test_av1_without_a_sequence_header_in_its_record_takes_it_from_the_first_keyframe() -> None:
    flv = FlvReader()
    assert list(flv.video(0, b"\x95av01" + AV1C)) == [], "as from MPEG-2 TS"
    assert list(flv.video(0, b"\xa1av01\x1a\0")) == []
    unit = b"\x12\0" + SEQUENCE_HEADER + b"\x32\2ab"
    track = Track(Kind.VIDEO, Codec.AV1, AV1C + SEQUENCE_HEADER)
    assert list(flv.video(5, b"\x91av01" + unit)) == [track, Packet(Kind.VIDEO, 5, 0, True, unit[2:])]
    assert list(flv.video(6, b"\xa1av01\x1a\0")) == [Packet(Kind.VIDEO, 6, 0, False, b"\x1a\0")]


def bits(*fields: tuple[int, int]) -> bytes:
    """Fields of (bits, value), and zeros to the end of the last byte and for some more."""
    text = "".join(f"{value:0{count}b}" for count, value in fields)
    return int(text + "0" * (-len(text) % 8 + 32), 2).to_bytes((len(text) + 7) // 8 + 4, "big")


SYNC, SIZE = (24, 0x498342), ((16, 1279), (16, 719))
SRGB, BT709 = (3, 7), (3, 2)


@pytest.mark.parametrize(
    "header",
    [
        bits((2, 2), (2, 0b00), (4, 0b0010), SYNC, BT709, (1, 0), *SIZE),
        bits((2, 2), (2, 0b10), (4, 0b0010), SYNC, BT709, (4, 0), *SIZE),
        bits((2, 2), (2, 0b10), (4, 0b0010), SYNC, SRGB, (1, 0), *SIZE),
        bits((2, 2), (2, 0b01), (4, 0b0010), SYNC, (1, 1), BT709, (1, 0), *SIZE),
        bits((2, 2), (2, 0b11), (1, 0), (4, 0b0010), SYNC, (1, 1), BT709, (4, 0), *SIZE),
        bits((2, 2), (2, 0b11), (1, 0), (4, 0b0010), SYNC, (1, 1), SRGB, (1, 0), *SIZE),
    ],
    ids=["profile 0", "1", "1 in RGB", "2", "3", "3 in RGB"],
)
def test_the_size_of_vp9_in_every_profile(header: bytes) -> None:
    flv = FlvReader()
    flv.video(0, b"\x90vp09" + VPCC)
    track, _ = flv.video(0, b"\x91vp09" + header)
    assert track == Track(Kind.VIDEO, Codec.VP9, VPCC + bytes.fromhex("050002d0"))


@pytest.mark.parametrize(
    "header",
    [
        bits((2, 1), (2, 0), (4, 0b0010), SYNC, BT709, (1, 0), *SIZE),
        bits((2, 2), (2, 0), (4, 0b1010), SYNC, BT709, (1, 0), *SIZE),
        bits((2, 2), (2, 0), (4, 0b0110), SYNC, BT709, (1, 0), *SIZE),
        bits((2, 2), (2, 0), (4, 0b0010), (24, 0x498343), BT709, (1, 0), *SIZE),
        bits((2, 2), (2, 0), (4, 0b0010), SYNC, BT709, (1, 0), (16, 0xFFFF), (16, 719)),
        bits((2, 2), (2, 0), (4, 0b0010), SYNC)[:6],
    ],
    ids=["no frame", "one shown again", "no keyframe", "no sync code", "too wide for its box", "cut short"],
)
def test_vp9_that_tells_no_size_is_not_begun_with(header: bytes) -> None:
    flv = FlvReader()
    flv.video(0, b"\x90vp09" + VPCC)
    assert list(flv.video(0, b"\x91vp09" + header)) == []


@pytest.mark.parametrize(
    "obu",
    [SEQUENCE_HEADER, b"\x0e\x08\x0b" + SEQUENCE_HEADER[2:], b"\x0a\x8b\x00" + SEQUENCE_HEADER[2:]],
    ids=["plain", "with an extension", "a size in two bytes"],
)
def test_a_sequence_header_is_found_after_other_obus(obu: bytes) -> None:
    flv = FlvReader()
    flv.video(0, b"\x90av01" + AV1C)
    track, _ = flv.video(0, b"\x91av01" + b"\x12\0" + b"\x2e\0\2mt" + obu + b"\x32\1x")
    assert track == Track(Kind.VIDEO, Codec.AV1, AV1C + obu)


def test_one_that_does_not_tell_its_size_is_told() -> None:
    flv = FlvReader()
    flv.video(0, b"\x90av01" + AV1C)
    track, _ = flv.video(0, b"\x91av01" + b"\x08" + SEQUENCE_HEADER[2:])
    assert track == Track(Kind.VIDEO, Codec.AV1, AV1C + SEQUENCE_HEADER)


@pytest.mark.parametrize("unit", [b"\x12\0\x32\1x", b"\x0a\x0bcut", b"\x12", b"\x0a\xff\xff\xff\xff\xff\1"])
def test_a_keyframe_without_a_sequence_header_is_not_begun_with(unit: bytes) -> None:
    flv = FlvReader()
    flv.video(0, b"\x90av01" + AV1C)
    assert list(flv.video(0, b"\x91av01" + unit)) == []


def ac3(acmod: int, lfe: int, bsid: int = 8, rate: int = 0, size_code: int = 20) -> bytes:
    """The head of an AC-3 frame; bits that say how to mix it down are set."""
    mixing = 2 * ((acmod & 1 and acmod != 1) + (acmod >> 2) + (acmod == 2))
    mixed = ((mixing, (1 << mixing) - 1),) if mixing else ()
    return b"\x0b\x77\0\0" + bits((2, rate), (6, size_code), (5, bsid), (3, 0), (3, acmod), *mixed, (1, lfe))


@pytest.mark.parametrize("acmod", range(8))
@pytest.mark.parametrize("lfe", [0, 1])
def test_the_channels_of_ac3(acmod: int, lfe: int) -> None:
    track, _ = FlvReader().audio(0, b"\x91ac-3" + ac3(acmod, lfe))
    assert isinstance(track, Track)
    assert int.from_bytes(track.config, "big") == 8 << 17 | acmod << 11 | lfe << 10 | 10 << 5


@pytest.mark.parametrize(
    "frame",
    [ac3(2, 0, bsid=16), ac3(2, 0, rate=3), ac3(2, 0, size_code=38), b"\x0b\x78" + ac3(2, 0)[2:], ac3(2, 0)[:7]],
)
def test_what_is_no_ac3_frame_is_left_out(frame: bytes) -> None:
    assert list(FlvReader().audio(0, b"\x91ac-3" + frame)) == []


def test_ac3_tells_by_its_frames_what_it_is() -> None:
    flv = FlvReader()
    assert list(flv.audio(0, b"\x90ac-3")) == []
    # 48 kHz, bsid 8, two channels, no subwoofer, 192 kbit/s (size code 20)
    track = Track(Kind.AUDIO, Codec.AC3, bytes.fromhex("101140"))
    assert list(flv.audio(3, b"\x91ac-3" + AC3_FRAME)) == [track, Packet(Kind.AUDIO, 3, 0, True, AC3_FRAME)]
    assert list(flv.audio(3, b"\x91ac-3no")) == []


def test_the_opus_comment_header_changes_nothing() -> None:
    assert list(started(Codec.OPUS).audio(0, b"\x90OpusOpusTags")) == []


def test_a_flac_digest_that_comes_in_the_end_is_no_change() -> None:
    assert list(started(Codec.FLAC).audio(0, b"\x90fLaC" + STREAMINFO[:18] + bytes(16))) == []


@pytest.mark.parametrize(
    ("four_letters", "name", "header"),
    [
        (b"hvc1", "HEVC", HVCC[:-1]),
        (b"av01", "AV1", b"\x01\0\0\0"),
        (b"av01", "AV1", AV1C[:3]),
        (b"vp09", "VP9", VPCC[:-1]),
    ],
)
def test_a_broken_video_configuration_is_named(four_letters: bytes, name: str, header: bytes) -> None:
    with pytest.raises(ConfigError, match=f"the {name} configuration is broken: the picture"):
        FlvReader().video(0, b"\x90" + four_letters + header)


@pytest.mark.parametrize(
    ("four_letters", "name", "header"),
    [
        (b"mp4a", "AAC", b""),
        (b"Opus", "Opus", OPUS_HEAD[:-1]),
        (b"Opus", "Opus", b"x" + OPUS_HEAD[1:]),
        (b"fLaC", "FLAC", STREAMINFO[:-1]),
        (b"fLaC", "FLAC", bytes(34)),
    ],
)
def test_a_broken_audio_configuration_is_named(four_letters: bytes, name: str, header: bytes) -> None:
    with pytest.raises(ConfigError, match=f"the {name} configuration is .*: the sound"):
        FlvReader().audio(0, b"\x90" + four_letters + header)


# ModEx.


@pytest.mark.parametrize(
    ("modifiers", "nanoseconds"),
    [
        (b"\x97\2\x01\xe2\x40\x03", 123_456),
        (b"\x97\xff\1\x03" + b"\x01\xe2\x40" + bytes(257) + b"\x03", 123_456),
        (b"\x97\0\0\x57\2\x01\xe2\x40\x03", 123_456),
        (b"\x97\2\x0f\x42\x40\x03", 0),
        (b"\x97\2\x01\xe2\x40\x13", 0),
    ],
    ids=["short", "long", "two of them", "a millisecond and more", "of another kind"],
)
def test_a_time_offset_in_nanoseconds(modifiers: bytes, nanoseconds: int) -> None:
    [packet] = started(Codec.HEVC).video(40, modifiers + b"hvc1nal")
    assert packet == Packet(Kind.VIDEO, 40, 0, True, b"nal", nanoseconds)


def test_a_time_offset_of_sound() -> None:
    [packet] = started(Codec.OPUS).audio(40, b"\x97\2\0\0\x64\x01Opusraw")
    assert packet == Packet(Kind.AUDIO, 40, 0, True, b"raw", 100)


# Multitrack.


def test_one_track_the_main_one() -> None:
    [packet] = started(Codec.HEVC).video(40, b"\x96\x03hvc1\0nal")
    assert packet == Packet(Kind.VIDEO, 40, 0, True, b"nal")


def test_of_many_tracks_the_main_one_plays_and_the_others_are_named_once() -> None:
    flv = started(Codec.HEVC)
    body = b"\x96\x13hvc1" + b"\1\0\0\5other" + b"\0\0\0\3nal" + b"\7\0\0\1x"
    packet = Packet(Kind.VIDEO, 40, 0, True, b"nal")
    others = [OtherTrack(Kind.VIDEO, 1, "HEVC"), OtherTrack(Kind.VIDEO, 7, "HEVC")]
    assert list(flv.video(40, body)) == [others[0], packet, others[1]]
    assert list(flv.video(40, body)) == [packet]


def test_many_tracks_of_many_codecs() -> None:
    flv = started(Codec.OPUS)
    body = b"\x95\x21" + b"ec-3\1\0\0\5other" + b"Opus\0\0\0\3raw"
    packet = Packet(Kind.AUDIO, 40, 0, True, b"raw")
    assert list(flv.audio(40, body)) == [OtherTrack(Kind.AUDIO, 1, "E-AC-3"), packet]


def test_another_track_beside_a_main_one_of_the_old_form() -> None:
    """As OBS sends Twitch's VOD track."""
    flv = FlvReader()
    assert len(flv.audio(0, b"\xaf\0" + ASC)) == 1
    assert list(flv.audio(0, b"\x95\x00mp4a\1" + ASC)) == [OtherTrack(Kind.AUDIO, 1, "AAC")]
    assert list(flv.audio(0, b"\x95\x01mp4a\1raw")) == []
    assert list(flv.audio(0, b"\xaf\1raw")) == [Packet(Kind.AUDIO, 0, 0, True, b"raw")]


@given(st.binary(max_size=40), st.sampled_from(list(START)), st.integers(0, 255))
def test_whatever_a_tag_holds_it_is_read_or_refused(rest: bytes, codec: Codec, first: int) -> None:
    flv = started(codec)
    for read in (flv.video, flv.audio):
        for body in (bytes((first,)) + rest, bytes((first,)) + START[codec][:4] + rest):
            try:
                items = read(0, body)
            except (CodecError, ConfigError):
                continue
            assert all(isinstance(item, Track | Packet | OtherTrack) for item in items)
