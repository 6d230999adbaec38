"""Codec records: real ones from encoders, beside the decoder's own word for them; broken ones say what is wrong."""

import functools
from fractions import Fraction

import av
import numpy as np
import pytest
from av.codec.context import Flags
from hypothesis import given
from hypothesis import strategies as st

from transcode.cmaf.asc import parse_aac
from transcode.cmaf.avc import parse_avc
from transcode.cmaf.config import AudioConfig, CodecError

# H.264 records that an encoder makes.


@functools.cache
def encode(
    width: int,
    height: int,
    pixels: str = "yuv420p",
    params: str = "",
    aspect: Fraction = Fraction(1),
    fps: Fraction = Fraction(30),
) -> tuple[bytes, bytes]:
    """Return the record and the first access unit of a picture made by x264."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, pixels
    encoder.time_base, encoder.framerate = 1 / fps, fps
    encoder.sample_aspect_ratio = aspect
    encoder.flags |= Flags.global_header
    encoder.options = {"preset": "ultrafast", "x264-params": ":".join(filter(None, ["annexb=0", "threads=1", params]))}
    frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 99, np.uint8), "rgb24").reformat(format=pixels)
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    assert encoder.extradata
    return bytes(encoder.extradata), bytes(packets[0])


def decoded(record: bytes, unit: bytes) -> tuple[tuple[int, int], Fraction | None]:
    """Return the picture size and the pixels' shape that FFmpeg's decoder finds."""
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.extradata = record
    packet = av.Packet(len(unit))
    packet.update(unit)
    (frame,) = [*decoder.decode(packet), *decoder.decode(None)]
    return (frame.width, frame.height), decoder.sample_aspect_ratio


SIZES = [
    (1920, 1080), (1280, 720), (854, 480), (640, 360), (426, 240), (2560, 1440), (3840, 2160), (1080, 1920),
    (16, 16), (18, 2), (64, 48), (98, 102), (720, 576), (720, 480), (1366, 768), (1024, 1024), (4096, 2304), (202, 114),
]  # fmt: skip


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_picture_has_the_size_that_the_decoder_finds(width: int, height: int) -> None:
    record, unit = encode(width, height)
    config = parse_avc(record)
    assert (config.width, config.height) == decoded(record, unit)[0] == (width, height)
    assert config.display_width == width


@pytest.mark.parametrize(
    ("pixels", "profile", "params"),
    [
        ("yuv420p", 66, "profile=baseline:cabac=0:8x8dct=0:bframes=0:weightp=0"),
        ("yuv420p", 77, "cabac=1:8x8dct=0"),
        ("yuv420p", 100, "8x8dct=1:cabac=1"),
        ("yuv420p", 100, "8x8dct=1:cqm=jvt"),
        ("yuv420p10le", 110, ""),
        ("yuv422p", 122, ""),
        ("yuv422p10le", 122, "cqm=jvt"),
        ("yuv444p", 244, ""),
        ("yuv444p", 244, "cqm=jvt"),
        ("yuv444p10le", 244, ""),
        ("gray", 100, ""),
    ],
)
@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (102, 54), (98, 50)])
def test_every_profile_is_read(pixels: str, profile: int, params: str, width: int, height: int) -> None:
    record, unit = encode(width, height, pixels, params)
    config = parse_avc(record)
    assert config.codecs.startswith(f"avc1.{profile:02x}")
    assert config.codecs == f"avc1.{record[1:4].hex()}"
    assert (config.width, config.height) == decoded(record, unit)[0] == (width, height)
    assert config.frame_rate == 30


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p"])
@pytest.mark.parametrize("params", ["interlaced=1", "tff=1", "fake-interlaced=1"])
@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (720, 576), (100, 52)])
def test_interlaced_pictures_have_their_frames_height(pixels: str, params: str, width: int, height: int) -> None:
    record, unit = encode(width, height, pixels, params)
    config = parse_avc(record)
    assert (config.width, config.height) == decoded(record, unit)[0] == (width, height)


@pytest.mark.parametrize(
    ("aspect", "display"),
    [
        ("1/1", 720),
        ("12/11", 785),
        ("16/11", 1047),
        ("10/11", 655),
        ("64/45", 1024),
        ("4/3", 960),
        ("2/1", 1440),
        ("1/2", 360),
    ],
)
def test_pixels_that_are_not_square_make_the_display_wider_or_narrower(aspect: str, display: int) -> None:
    record, unit = encode(720, 576, aspect=Fraction(aspect))
    config = parse_avc(record)
    assert config.sample_aspect_ratio == Fraction(aspect)
    assert decoded(record, unit)[1] == config.sample_aspect_ratio
    assert config.display_width == display


@pytest.mark.parametrize(
    "rate", ["24", "25", "30", "50", "60", "24000/1001", "30000/1001", "60000/1001", "15", "10", "1"]
)
def test_the_frame_rate_is_exact(rate: str) -> None:
    record, _ = encode(64, 48, params="force-cfr=1", fps=Fraction(rate))
    assert parse_avc(record).frame_rate == Fraction(rate)


@pytest.mark.parametrize(
    "params",
    [
        "overscan=show",
        "fullrange=on:colorprim=bt709:transfer=bt709:colormatrix=bt709",
        "chromaloc=2",
        "videoformat=pal",
    ],
)
def test_nothing_else_that_a_vui_may_hold_disturbs(params: str) -> None:
    record, _ = encode(1920, 1080, params=params)
    config = parse_avc(record)
    assert (config.width, config.height) == (1920, 1080)
    assert config.frame_rate == 30


@pytest.mark.parametrize(
    "params", ["ref=1", "keyint=1", "bframes=3:b-pyramid=2", "intra-refresh=1", "slices=4", "bframes=0"]
)
def test_picture_order_and_reference_counts_do_not_matter(params: str) -> None:
    record, _ = encode(1920, 1080, params=params)
    assert parse_avc(record).height == 1080


# H.264 records written bit by bit.


class Bits:
    """Writes what ITU-T H.264 describes in 7.3 and 9.1."""

    def __init__(self) -> None:
        self.text = ""

    def u(self, count: int, value: int) -> "Bits":
        self.text += f"{value:0{count}b}"
        return self

    def ue(self, *values: int) -> "Bits":
        for value in values:
            code = f"{value + 1:b}"
            self.text += "0" * (len(code) - 1) + code
        return self

    def se(self, *values: int) -> "Bits":
        return self.ue(*(2 * value - 1 if value > 0 else -2 * value for value in values))

    def nal(self) -> bytes:
        """Return a sequence parameter set with emulation prevention (7.4.1)."""
        text = self.text + "1"
        text += "0" * (-len(text) % 8)
        payload = bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))
        out, zeros = bytearray(b"\x67"), 0
        for byte in payload:
            if zeros == 2 and byte <= 3:
                out.append(3)
                zeros = 0
            out.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return bytes(out)


def record_of(sps: bytes, pps: bytes = b"\x68\xce\x38\x80") -> bytes:
    head = bytes((1, *sps[1:4], 0xFF, 0xE1)) + len(sps).to_bytes(2, "big")
    return head + sps + b"\x01" + len(pps).to_bytes(2, "big") + pps


def baseline(width: int = 4, height: int = 3) -> Bits:
    """A baseline SPS up to its cropping flag; sizes in macroblocks."""
    bits = Bits().u(8, 66).u(8, 0xC0).u(8, 30).ue(0, 0, 2, 1).u(1, 0).ue(width - 1, height - 1)
    return bits.u(1, 1).u(1, 1)


def test_a_record_without_vui_has_square_pixels_and_no_rate() -> None:
    config = parse_avc(record_of(baseline().u(1, 0).u(1, 0).nal()))
    assert (config.codecs, config.width, config.height) == ("avc1.42c01e", 64, 48)
    assert config.sample_aspect_ratio == 1
    assert config.frame_rate is None


@pytest.mark.parametrize("offsets", [(1, -2, 3), (0,) * 255, ()])
def test_picture_order_count_type_one_is_read_over(offsets: tuple[int, ...]) -> None:
    bits = Bits().u(8, 66).u(8, 0).u(8, 30).ue(0, 0, 1).u(1, 0).se(-5, 7).ue(len(offsets)).se(*offsets)
    bits.ue(1).u(1, 0).ue(3, 2).u(1, 1).u(1, 1).u(1, 0).u(1, 0)
    config = parse_avc(record_of(bits.nal()))
    assert (config.width, config.height) == (64, 48)


def test_scaling_lists_are_read_over() -> None:
    bits = Bits().u(8, 100).u(8, 0).u(8, 30).ue(0, 1, 0, 0).u(1, 0).u(1, 1)
    bits.u(1, 1).se(*[1] * 16)  # a whole list
    bits.u(1, 1).se(-8)  # ends at once: the default one
    bits.u(1, 1).se(4, -12)  # ends after one value
    bits.u(1, 0).u(1, 0).u(1, 0)
    bits.u(1, 1).se(*[-1, 1] * 32).u(1, 0)
    bits.ue(0, 2, 1).u(1, 0).ue(3, 2).u(1, 1).u(1, 1).u(1, 0).u(1, 0)
    config = parse_avc(record_of(bits.nal()))
    assert (config.width, config.height) == (64, 48)


def vui(aspect: tuple[int, int] | int | None = None, timing: tuple[int, int] | None = None) -> bytes:
    bits = baseline().u(1, 0).u(1, 1)
    match aspect:
        case None:
            bits.u(1, 0)
        case int():
            bits.u(1, 1).u(8, aspect)
        case (wide, high):
            bits.u(1, 1).u(8, 255).u(16, wide).u(16, high)
    bits.u(1, 0).u(1, 0).u(1, 0)
    if timing is None:
        bits.u(1, 0)
    else:
        bits.u(1, 1).u(32, timing[0]).u(32, timing[1]).u(1, 0)
    return record_of(bits.nal())


def test_emulation_prevention_is_undone() -> None:
    """One tick in 0x1000000, 0x0200 units: zeros enough that the encoder must break them up."""
    record = vui(timing=(0x00000001, 0x00000002))
    assert b"\0\0\3" in record
    assert parse_avc(record).frame_rate == 1
    assert parse_avc(vui((1, 3), (0x01000000, 0x03000000))).frame_rate == Fraction(3, 2)


@pytest.mark.parametrize("aspect", [0, 17, 254, (0, 0), (1, 0), (0, 1), (65535, 1), (1, 65535)])
def test_an_aspect_that_says_nothing_or_nonsense_is_square(aspect: tuple[int, int] | int) -> None:
    config = parse_avc(vui(aspect))
    assert config.sample_aspect_ratio == 1
    assert config.display_width == 64


@pytest.mark.parametrize("timing", [(0, 0), (0, 50), (1, 0)])
def test_a_rate_without_sense_is_none(timing: tuple[int, int]) -> None:
    assert parse_avc(vui(timing=timing)).frame_rate is None


SPS = baseline().u(1, 0).u(1, 0).nal()


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (b"", "not an H.264 configuration record"),
        (b"\x01\x42\xc0\x1e\xff\xe1", "not an H.264 configuration record"),
        (b"\0\0\0\1" + SPS, "not an H.264 configuration record"),
        (record_of(SPS)[:5] + b"\xe0\0\0\0", "has no sequence parameter set"),
        (record_of(SPS)[:-10], "cut short"),
        (record_of(b"\x68" + SPS[1:]), "does not begin with a sequence parameter set"),
        (record_of(SPS[:5]), "ends too early"),
        (record_of(b"\x67\x42\xc0\x1e" + bytes(12)), "too long"),
        (record_of(Bits().u(8, 100).u(8, 0).u(8, 30).ue(0, 4).u(32, 0).nal()), "chroma format"),
        (record_of(baseline(5000, 3).u(1, 0).u(1, 0).nal()), "80000 x 48"),
        (record_of(baseline(1 << 30, 1 << 30).u(1, 0).u(1, 0).nal()), "is not possible"),
        (record_of(baseline().u(1, 1).ue(40, 0, 0, 0).u(1, 0).nal()), "is not possible"),
        (record_of(baseline().u(1, 1).ue(0, 0, 12, 12).u(1, 0).nal()), "64 x 0"),
    ],
)  # fmt: skip
def test_a_broken_record_says_what_is_wrong(record: bytes, says: str) -> None:
    with pytest.raises(CodecError, match=says):
        parse_avc(record)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p10le"])
def test_a_record_that_ends_anywhere_is_read_or_refused(pixels: str) -> None:
    record, _ = encode(1920, 1080, pixels, "cqm=jvt" if pixels != "yuv420p" else "")
    sps_end = 8 + int.from_bytes(record[6:8], "big")
    for end in range(sps_end):
        with pytest.raises(CodecError):
            parse_avc(record[:end])
        if end > 8:  # the length field agrees, the content ends early
            try:
                parse_avc(record[:6] + (end - 8).to_bytes(2, "big") + record[8:end])
            except CodecError:
                continue
            assert end > sps_end - 12  # only what nothing is read from


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused_as_h264(data: bytes) -> None:
    check_avc(data)
    check_avc(record_of(b"\x67" + data))
    check_avc(record_of(b"\x67\x64\x00\x28" + data))


@given(st.integers(8, 60), st.binary(min_size=1, max_size=6))
def test_a_damaged_record_is_read_or_refused(at: int, damage: bytes) -> None:
    record, _ = encode(1920, 1080, "yuv422p10le", "cqm=jvt")
    check_avc(record[:at] + damage + record[at + len(damage) :])


def check_avc(record: bytes) -> None:
    try:
        config = parse_avc(record)
    except CodecError:
        return
    for size in (config.width, config.height, config.display_width):
        assert 0 < size < 1 << 16  # boxes have no room for more
    assert config.frame_rate is None or config.frame_rate > 0


# AAC.


def asc(*fields: tuple[int, int]) -> bytes:
    """Return an AudioSpecificConfig of (bits, value) pairs."""
    text = "".join(f"{value:0{count}b}" for count, value in fields)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


LC = 2
GA = (3, 0)  # GASpecificConfig: 1024 samples, no core coder, no extension


def pce(front: str, side: str = "", back: str = "", subwoofers: int = 0, mix: bool = False) -> list[tuple[int, int]]:
    """Return the fields of a program_config_element, its elements by letter: a single channel or a pair."""
    mixing = [(1, 1), (4, 1), (1, 1), (4, 2), (1, 1), (3, 1)] if mix else [(1, 0)] * 3
    counts = [(4, len(front)), (4, len(side)), (4, len(back)), (2, subwoofers), (3, 0), (4, 0)]
    elements = [field for letter in front + side + back for field in ((1, letter == "p"), (4, 0))]
    return [(4, 0), (2, 1), (4, 3), *counts, *mixing, *elements, *[(4, 0)] * subwoofers]


@pytest.mark.parametrize(
    ("record", "config"),
    [
        (bytes((0x12, 0x10)), AudioConfig("mp4a.40.2", 44100, 2, 1024)),
        (bytes((0x12, 0x08)), AudioConfig("mp4a.40.2", 44100, 1, 1024)),
        (bytes((0x11, 0x90)), AudioConfig("mp4a.40.2", 48000, 2, 1024)),
        (bytes((0x11, 0x88)), AudioConfig("mp4a.40.2", 48000, 1, 1024)),
        (bytes((0x11, 0xB0)), AudioConfig("mp4a.40.2", 48000, 6, 1024)),
        (bytes((0x13, 0x90)), AudioConfig("mp4a.40.2", 22050, 2, 1024)),
        (bytes((0x11, 0x90, 0x56, 0xE5, 0x00)), AudioConfig("mp4a.40.2", 48000, 2, 1024)),  # "no SBR", as OBS says
        (asc((5, LC), (4, 3), (4, 7), GA), AudioConfig("mp4a.40.2", 48000, 8, 1024)),
        (asc((5, LC), (4, 3), (4, 2), (1, 1), (2, 0)), AudioConfig("mp4a.40.2", 48000, 2, 960)),
        (asc((5, LC), (4, 3), (4, 0), GA), AudioConfig("mp4a.40.2", 48000, 2, 1024)),  # the stream tells its layout
        (asc((5, LC), (4, 3), (4, 0), GA, *pce(front="s")), AudioConfig("mp4a.40.2", 48000, 1, 1024)),
        (asc((5, LC), (4, 3), (4, 0), GA, *pce(front="p")), AudioConfig("mp4a.40.2", 48000, 2, 1024)),
        (asc((5, LC), (4, 3), (4, 0), GA, *pce("sp", "", "p", 1)), AudioConfig("mp4a.40.2", 48000, 6, 1024)),
        (asc((5, LC), (4, 3), (4, 0), GA, *pce("sp", "p", "s", 1, mix=True)), AudioConfig("mp4a.40.2", 48000, 7, 1024)),
        (asc((5, LC), (4, 15), (24, 44100), (4, 2), GA), AudioConfig("mp4a.40.2", 44100, 2, 1024)),
        (asc((5, LC), (4, 15), (24, 37800), (4, 1), GA), AudioConfig("mp4a.40.2", 37800, 1, 1024)),
        (asc((5, 5), (4, 6), (4, 2), (4, 3), (5, LC), GA), AudioConfig("mp4a.40.5", 24000, 2, 1024)),
        (asc((5, 29), (4, 7), (4, 1), (4, 4), (5, LC), GA), AudioConfig("mp4a.40.29", 22050, 2, 1024)),
        (asc((5, 5), (4, 15), (24, 24000), (4, 2), (4, 3), (5, LC), GA), AudioConfig("mp4a.40.5", 24000, 2, 1024)),
        (asc((5, 1), (4, 4), (4, 2), GA), AudioConfig("mp4a.40.1", 44100, 2, 1024)),
    ],
)  # fmt: skip
def test_audio_specific_configs(record: bytes, config: AudioConfig) -> None:
    assert parse_aac(record) == config


@pytest.mark.parametrize(
    "rate", [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350]
)
@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
def test_what_an_encoder_says_of_its_sound_is_read(rate: int, layout: str) -> None:
    encoder = av.CodecContext.create("aac", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = rate, layout, "fltp"
    encoder.open()
    assert encoder.extradata
    config = parse_aac(bytes(encoder.extradata))
    assert (config.sample_rate, config.channels) == (rate, {"mono": 1, "stereo": 2, "5.1": 6}[layout])


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (b"", "ends too early"),
        (b"\x12", "ends too early"),
        (asc((5, LC), (4, 13), (4, 2), GA), "index 13 is reserved"),
        (asc((5, LC), (4, 14), (4, 2), GA), "index 14 is reserved"),
        (asc((5, LC), (4, 15), (24, 0), (4, 2), GA), "cannot be 0 Hz"),
        (asc((5, LC), (4, 15), (24, 1), (4, 2), GA), "cannot be 1 Hz"),
        (asc((5, LC), (4, 15), (24, 0xFFFFFF), (4, 2), GA), "cannot be 16777215 Hz"),
        (asc((5, 0), (4, 3), (4, 2), GA), "object type 0 is not taken: use AAC-LC"),
        (asc((5, 31), (6, 10), (4, 3), (4, 2), GA), "object type 42 is not taken: use AAC-LC"),
        (asc((5, 5), (4, 6), (4, 2), (4, 3), (5, 22), GA), "object type 22 is not taken"),
    ],
)
def test_a_broken_or_foreign_audio_config_says_what_is_wrong(record: bytes, says: str) -> None:
    with pytest.raises(CodecError, match=says):
        parse_aac(record)


@given(st.binary(max_size=12))
def test_any_bytes_are_read_or_refused_as_aac(data: bytes) -> None:
    try:
        config = parse_aac(data)
    except CodecError:
        return
    assert 7350 <= config.sample_rate <= 96_000
    assert 1 <= config.channels <= 8
    assert config.frame_length in (960, 1024)
