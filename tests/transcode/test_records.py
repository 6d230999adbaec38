"""The records of HEVC, AV1, VP9 and of sound other than AAC: what players are told, byte by byte, and by encoders."""

import functools
import io
import re
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.media import Codec, Kind, Track
from ingest.rtmp import configs
from ingest.rtmp.errors import ConfigError
from tests.support.codecs import tags
from transcode.cmaf import boxes
from transcode.cmaf.av1_vp9 import parse_av1, parse_vp9
from transcode.cmaf.codecs import parse_audio, parse_video
from transcode.cmaf.config import AudioConfig, CodecError, VideoConfig
from transcode.cmaf.hevc import parse_hevc
from transcode.cmaf.sound_records import (
    flac_sample_bits,
    parse_ac3,
    parse_flac,
    parse_g711,
    parse_mp3,
    parse_opus,
)

# HEVC.


@functools.cache
def hevc(
    width: int,
    height: int,
    pixels: str = "yuv420p",
    params: str = "",
    aspect: Fraction = Fraction(1),
    fps: Fraction = Fraction(30),
) -> bytes:
    """The record of a picture made by x265, as FFmpeg writes it for FLV."""
    file = io.BytesIO()
    with av.open(file, "w", format="flv") as out:
        stream = out.add_stream("libx265", rate=fps)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.codec_context.sample_aspect_ratio = aspect
        words = ["log-level=none", "pools=none", "frame-threads=1", params]
        stream.codec_context.options = {"preset": "ultrafast", "x265-params": ":".join(filter(None, words))}
        picture = np.full((height, width, 3), 99, np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pixels)
        frame.pts = 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            out.mux(packet)
    found = file.getvalue()
    at = found.index(b"\x90hvc1") + 5
    size = int.from_bytes(found[at - 5 - 11 + 1 : at - 5 - 11 + 4], "big")
    return found[at : at + size - 5]


@pytest.mark.parametrize(
    ("width", "height"), [(1920, 1080), (1280, 720), (64, 64), (66, 34), (720, 576), (1080, 1920), (426, 240)]
)
def test_sizes_are_those_after_cropping(width: int, height: int) -> None:
    config = parse_hevc(hevc(width, height))
    assert (config.width, config.height) == (width, height)
    assert config.frame_rate == 30


@pytest.mark.parametrize(
    ("pixels", "codecs"),
    [
        ("yuv420p", "hvc1.1.6.L30.90"),
        ("yuv420p10le", "hvc1.2.4.L30.90"),
        ("yuv422p10le", "hvc1.4.10.L30.9d.8"),
        ("yuv444p", "hvc1.4.10.L30.9e.8"),
    ],
)
def test_the_string_of_each_profile(pixels: str, codecs: str) -> None:
    config = parse_hevc(hevc(64, 48, pixels))
    assert (config.codecs, config.width, config.height) == (codecs, 64, 48)


@pytest.mark.parametrize(
    ("profile", "codecs"),
    [
        ("2120000000b0000000000099", "hvc1.1.4.H153.b0"),
        ("4208000000000000000000 5d", "hvc1.A2.10.L93"),
        ("c220000000900000 00000 15d", "hvc1.C2.4.L93.90.0.0.0.0.1"),
    ],
)
def test_tier_profile_space_and_constraints(profile: str, codecs: str) -> None:
    record = hevc(64, 48)
    told = bytes.fromhex(profile.replace(" ", ""))
    assert parse_hevc(record[:1] + told + record[1 + len(told) :]).codecs == codecs


@pytest.mark.parametrize(
    "params", ["", "bframes=4:b-adapt=0:ref=4", "scaling-list=default", "ctu=16", "no-sao=1:amp=1"]
)
@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(60)])
def test_what_lies_before_the_frame_rate_is_passed_over(params: str, fps: Fraction) -> None:
    config = parse_hevc(hevc(64, 48, params=params, fps=fps, aspect=Fraction(4, 3)))
    assert config.frame_rate == fps
    assert config.sample_aspect_ratio == Fraction(4, 3)


class Bits:
    """Writes a sequence parameter set."""

    def __init__(self) -> None:
        self.text = ""

    def u(self, count: int, value: int) -> "Bits":
        self.text += f"{value:0{count}b}" if count else ""
        return self

    def ue(self, *values: int) -> "Bits":
        for value in values:
            digits = f"{value + 1:b}"
            self.text += "0" * (len(digits) - 1) + digits
        return self

    def record(self) -> bytes:
        text = self.text + "1" + "0" * (-(len(self.text) + 1) % 8)
        body = int(text, 2).to_bytes(len(text) // 8, "big")
        nal = b"\x42\x01" + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", body)
        array = b"\xa1\0\1" + len(nal).to_bytes(2, "big") + nal
        return b"\x01\x01\x60\0\0\0\x90\0\0\0\0\0\x5d\xf0\0\xfc\xfd\xf8\xf8\0\0\x0f\x02\xa0\0\1\0\2\x40\1" + array


def general(sub_layers: int = 0) -> Bits:
    bits = Bits().u(4, 0).u(3, sub_layers).u(1, 1).u(88, 1).u(8, 93)
    if sub_layers:
        for index in range(sub_layers):
            bits.u(1, index % 2).u(1, 1)
        bits.u(2 * (8 - sub_layers), 0)
        for index in range(sub_layers):
            bits.u(88 * (index % 2) + 8, 1)
    return bits.ue(0, 1, 640, 368).u(1, 1).ue(0, 0, 0, 4)


def test_every_turn_of_a_sequence_parameter_set() -> None:
    bits = general(sub_layers=2).ue(0, 0, 4).u(1, 1)
    bits.ue(*[1] * 9)  # buffering of each of three layers
    bits.ue(0, 1, 0, 2, 1, 1)
    bits.u(2, 3)  # a scaling list of its own
    for size in range(4):
        for matrix in range(2 if size == 3 else 6):
            if matrix % 2:
                bits.u(1, 0).ue(1)
            else:
                bits.u(1, 1).ue(*[2] * (min(64, 16 << 2 * size) + (size > 1)))
    bits.u(2, 3).u(1, 1).u(8, 0x77).ue(0, 1).u(1, 1)  # PCM
    bits.ue(3)  # sets of reference pictures: two behind and one ahead; predicted from that; none
    bits.ue(2, 1)
    for _ in range(3):
        bits.ue(0).u(1, 1)
    bits.u(1, 1).u(1, 0).ue(0).u(1, 1).u(2, 1).u(2, 0).u(1, 1)
    bits.u(1, 0).ue(0, 0)
    bits.u(1, 1).ue(2).u(9, 1).u(9, 1)  # long-term ones
    bits.u(2, 3).u(1, 1)  # VUI
    bits.u(1, 1).u(8, 255).u(16, 8).u(16, 9).u(1, 1).u(1, 1).u(1, 1).u(4, 10).u(1, 1).u(24, 0x010101)
    bits.u(1, 1).ue(1, 1).u(3, 0).u(1, 1).ue(0, 0, 0, 0).u(1, 1).u(32, 1001).u(32, 24000).u(1, 0)
    config = parse_hevc(bits.record())
    assert config == VideoConfig("hvc1.1.6.L93.90", 640, 360, Fraction(8, 9), Fraction(24000, 1001))


def test_a_sequence_parameter_set_without_more() -> None:
    bits = general().ue(0, 0, 4).u(1, 0).ue(1, 1, 1).ue(0, 1, 0, 2, 1, 1).u(1, 0).u(2, 0).u(1, 0).ue(0).u(1, 0).u(3, 0)
    assert parse_hevc(bits.record()) == VideoConfig("hvc1.1.6.L93.90", 640, 360)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (b"", "not an HEVC"),
        (b"\0" + general().record()[1:], "not an HEVC"),
        (general().record()[:23], "no sequence parameter set"),
        (general().record()[:-4], "cut short"),
        (general().record(), "too early"),
        (Bits().u(8, 1).u(96, 0).ue(0, 4).record(), "chroma"),
        (Bits().u(8, 1).u(96, 0).ue(0, 1, 0, 0).u(1, 0).record(), "too early"),
    ],
)
def test_a_broken_hevc_record_says_what_is_wrong(record: bytes, says: str) -> None:
    with pytest.raises(CodecError, match=says):
        parse_hevc(record)


# AV1 and VP9.


def av1(*fields: tuple[int, int], extension: bool = False, record: str = "81000c00") -> bytes:
    text = "".join(f"{value:0{count}b}" for count, value in fields)
    text += "0" * (-len(text) % 8)
    body = int(text, 2).to_bytes(len(text) // 8, "big")
    header = b"\x0e\0" if extension else b"\x0a"
    return bytes.fromhex(record) + header + bytes((len(body),)) + body


HEAD = ((3, 0), (1, 0), (1, 0))
ONE_POINT = ((5, 0), (12, 0), (5, 8), (1, 0))


@pytest.mark.parametrize("extension", [False, True])
def test_an_av1_sequence_header(extension: bool) -> None:
    record = av1(*HEAD, (1, 0), (1, 0), *ONE_POINT, (4, 10), (4, 10), (11, 1919), (11, 1079), extension=extension)
    assert parse_av1(record) == VideoConfig("av01.0.00M.08", 1920, 1080)


@pytest.mark.parametrize(("record", "codecs"), [("8148cc00", "av01.2.08H.10"), ("815fee00", "av01.2.31H.12")])
def test_the_string_of_av1(record: str, codecs: str) -> None:
    made = av1(*HEAD, (1, 0), (1, 0), *ONE_POINT, (4, 10), (4, 10), (11, 1919), (11, 1079), record=record)
    assert parse_av1(made).codecs == codecs


def test_all_that_may_stand_before_the_size() -> None:
    timing = ((1, 1), (32, 1001), (32, 60000), (1, 1), (3, 0b010))  # a picture each two ticks
    model = ((1, 1), (5, 9), (32, 1), (5, 1), (5, 1))
    points = ((1, 1), (5, 1), (12, 0), (5, 4), (1, 1), (10, 1), (10, 1), (1, 0), (1, 1), (4, 3),
              (12, 1), (5, 9), (1, 1), (1, 0), (1, 0))  # fmt: skip
    size = ((4, 10), (4, 10), (11, 1919), (11, 1079))
    config = parse_av1(av1(*HEAD, *timing, *model, *points, *size))
    assert (config.width, config.height, config.frame_rate) == (1920, 1080, Fraction(30000, 1001))


def test_a_reduced_header() -> None:
    assert parse_av1(av1((3, 0), (1, 1), (1, 1), (5, 0), (4, 5), (4, 5), (6, 63), (6, 31))).height == 32


@pytest.mark.parametrize("record", ["", "01000c00", "81000c00", "81000c001200", "81000c000a0100"])
def test_a_broken_av1_record(record: str) -> None:
    with pytest.raises(CodecError):
        parse_av1(bytes.fromhex(record))


def test_a_vp9_configuration() -> None:
    config = parse_vp9(bytes.fromhex("022aa2020202000005000 2d0".replace(" ", "")))
    assert config == VideoConfig("vp09.02.42.10", 1280, 720)


@pytest.mark.parametrize("record", ["", "0014820202020000", "001482020202000000000000"])
def test_a_broken_vp9_configuration(record: str) -> None:
    with pytest.raises(CodecError):
        parse_vp9(bytes.fromhex(record))


# Sound.


@pytest.mark.parametrize(
    ("record", "config"),
    [
        ("fffb0000", AudioConfig("mp4a.6b", 44_100, 2, 1152)),
        ("fffb04c0", AudioConfig("mp4a.6b", 48_000, 1, 1152)),
        ("fff30000", AudioConfig("mp4a.69", 22_050, 2, 576)),
        ("ffe308c0", AudioConfig("mp4a.69", 8_000, 1, 576)),
    ],
)
def test_mp3(record: str, config: AudioConfig) -> None:
    assert parse_mp3(bytes.fromhex(record)) == config


@pytest.mark.parametrize(
    ("record", "config"),
    [
        ("101140", AudioConfig("ac-3", 48_000, 2, 1536)),
        ("503d80", AudioConfig("ac-3", 44_100, 6, 1536)),
        ("900800", AudioConfig("ac-3", 32_000, 1, 1536)),
    ],
)
def test_ac3(record: str, config: AudioConfig) -> None:
    assert parse_ac3(bytes.fromhex(record)) == config


OPUS = b"OpusHead\1\2" + bytes.fromhex("380180bb0000000000")


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"", 960),
        (b"\x00", 480), (b"\x08", 960), (b"\x10", 1920), (b"\x18", 2880),  # SILK
        (b"\x60", 480), (b"\x68", 960), (b"\x78", 960),  # hybrid
        (b"\x80", 120), (b"\x88", 240), (b"\x90", 480), (b"\xf8", 960),  # CELT
        (b"\xf9", 1920), (b"\xfa", 1920), (b"\xfb\x03", 2880), (b"\xfb\x43", 2880),
        (b"\xfb", 960), (b"\xfb\x00", 960), (b"\xfb\x3f", 960),  # nonsense
    ],
)  # fmt: skip
def test_how_long_an_opus_packet_is(packet: bytes, samples: int) -> None:
    assert parse_opus(OPUS).samples(packet) == samples


FLAC = bytes.fromhex("10001200000000000000") + (44_100 << 44 | 1 << 41 | 23 << 36).to_bytes(8, "big") + bytes(16)


@pytest.mark.parametrize(
    ("frame", "samples"),
    [
        ("fff81918 00", 192), ("fff82918 00", 576), ("fff85918 00", 4608), ("fff88918 00", 256), ("fff8f918 00", 32768),
        ("fff86918 00 3f", 64), ("fff86918 c280 3f", 64), ("fff97918 e18080 0fff", 4096), ("fff80918 00", 4608),
        ("", 4608),
    ],
)  # fmt: skip
def test_how_long_a_flac_frame_is(frame: str, samples: int) -> None:
    config = parse_flac(FLAC)
    assert (config.sample_rate, config.channels, flac_sample_bits(FLAC)) == (44_100, 2, 24)
    assert config.samples(bytes.fromhex(frame)) == samples


def test_g711_has_a_sample_in_each_byte() -> None:
    assert parse_g711(b"\1").samples(bytes(160)) == 160
    assert parse_g711(b"\2").samples(bytes(160)) == 80


@pytest.mark.parametrize(
    ("codec", "record"),
    [
        (Codec.MP3, "fffb"), (Codec.MP3, "fffb0c00"), (Codec.MP3, "fffd0000"),
        (Codec.OPUS, OPUS[:-1].hex()), (Codec.OPUS, (OPUS[:9] + b"\0" + OPUS[10:]).hex()),
        (Codec.FLAC, FLAC[:-1].hex()), (Codec.FLAC, bytes(34).hex()),
        (Codec.AC3, "1011"), (Codec.AC3, "d01140"),
        (Codec.PCMA, ""), (Codec.PCMU, "03"),
    ],
)  # fmt: skip
def test_a_broken_record_of_sound(codec: Codec, record: str) -> None:
    with pytest.raises(CodecError):
        parse_audio(Track(Kind.AUDIO, codec, bytes.fromhex(record)))


# Boxes.


def test_opus_in_its_box_is_big_endian() -> None:
    told = b"OpusHead\1\2" + bytes.fromhex("3801 80bb0000 feff 00")
    track = Track(Kind.AUDIO, Codec.OPUS, told)
    init = boxes.audio_init(track, parse_audio(track))
    assert bytes.fromhex("00000013 644f7073 00 02 0138 0000bb80 fffe 00") in init


def test_flac_in_its_box_is_the_last_block() -> None:
    track = Track(Kind.AUDIO, Codec.FLAC, FLAC)
    init = boxes.audio_init(track, parse_audio(track))
    assert bytes.fromhex("00000032 64664c61 00000000 80000022") + FLAC in init


def test_vp9_in_its_box_has_no_size() -> None:
    track = Track(Kind.VIDEO, Codec.VP9, bytes.fromhex("0014820202020000 014000f0"))
    init = boxes.video_init(track, parse_video(track), 90_000)
    assert bytes.fromhex("00000014 76706343 01000000 0014820202020000") in init


def test_what_is_not_passed_on_has_no_box() -> None:
    track = Track(Kind.AUDIO, Codec.PCMU, b"\1")
    with pytest.raises(CodecError, match=r"no CMAF for G\.711 mu-law"):
        boxes.audio_init(track, parse_audio(track))


# Whatever comes.


@given(st.sampled_from(list(Codec)), st.binary(max_size=60), st.data())
def test_any_bytes_are_read_or_refused(codec: Codec, record: bytes, data: st.DataObject) -> None:
    if codec.value in ("hevc", "av1") and data.draw(st.booleans()):
        true = hevc(64, 48) if codec is Codec.HEVC else tags("av1", None)[0].body[5:]
        at = data.draw(st.integers(1, len(true)))
        record = true[:at] + record
    try:
        told = configs.of_header(codec, record) if configs.needs_header(codec) else record
        track = Track(codec.kind, codec, told or b"")
        config = parse_video(track) if codec.kind is Kind.VIDEO else parse_audio(track)
    except (CodecError, ConfigError):
        return
    if isinstance(config, VideoConfig):
        assert 0 < config.width < 1 << 16
        assert 0 < config.height < 1 << 16
    else:
        assert config.sample_rate > 0
        assert config.channels > 0
        assert config.samples(record) > 0
