"""Reads the codec records that hosts send: sizes, rates and the RFC 6381 codec string. No I/O.

H.264: AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) and its sequence parameter set
(ITU-T H.264, 7.3.2.1.1 and E.1.1). AAC: AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).
"""

from dataclasses import dataclass
from fractions import Fraction


class CodecError(ValueError):
    """A codec record cannot be read; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class AvcConfig:
    """What an H.264 configuration record says. ``width`` and ``height`` are coded pixels after cropping."""

    codecs: str
    width: int
    height: int
    sample_aspect_ratio: Fraction
    frame_rate: Fraction | None

    @property
    def display_width(self) -> int:
        """Width on a screen with square pixels."""
        return round(self.width * self.sample_aspect_ratio)


@dataclass(frozen=True, slots=True)
class AacConfig:
    """What an AudioSpecificConfig says. ``frame_length`` counts samples at ``sample_rate``."""

    codecs: str
    sample_rate: int
    channels: int
    frame_length: int


class _Bits:
    """Reads bits, most significant first (ITU-T H.264, 7.2 and 9.1)."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def u(self, count: int) -> int:
        """Return an unsigned integer of ``count`` bits."""
        if count > self._left:
            raise CodecError("the record ends too early")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def ue(self) -> int:
        """Return an unsigned Exp-Golomb number."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 32:
                raise CodecError("a number in the record is too long")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """Return a signed Exp-Golomb number."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


# ITU-T H.264, table E-1: aspect_ratio_idc to sample aspect ratio.
_ASPECT_RATIOS = (
    (1, 1), (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11),
    (80, 33), (18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1),
)  # fmt: skip
_EXTENDED_ASPECT_RATIO = 255
_ODDEST_ASPECT = 3  # wider than any of the table: beyond it is nonsense, and pixels are taken for square

# Profiles whose SPS carries chroma_format_idc and what follows (ITU-T H.264, 7.3.2.1.1).
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_SPS = 7  # nal_unit_type


def parse_avc(record: bytes) -> AvcConfig:
    """Read an AVCDecoderConfigurationRecord. Raises CodecError."""
    if len(record) < 8 or record[0] != 1:
        raise CodecError("not an H.264 configuration record")
    if not record[5] & 0x1F:
        raise CodecError("the H.264 configuration record has no sequence parameter set")
    length = int.from_bytes(record[6:8], "big")
    sps = record[8 : 8 + length]
    if len(sps) < 4 or len(sps) < length:
        raise CodecError("the H.264 sequence parameter set is cut short")
    if sps[0] & 0x1F != _SPS:
        raise CodecError("the H.264 configuration record does not begin with a sequence parameter set")
    return _parse_sps(sps)


def _parse_sps(nal: bytes) -> AvcConfig:
    # 7.4.1: 00 00 03 stands for 00 00 wherever the payload would imitate a start code.
    bits = _Bits(nal[1:].replace(b"\0\0\3", b"\0\0"))
    profile, constraints, level = bits.u(8), bits.u(8), bits.u(8)
    bits.ue()  # seq_parameter_set_id
    chroma = 1
    if profile in _HIGH_PROFILES:
        chroma = bits.ue()
        if chroma > 3:
            raise CodecError("the H.264 chroma format is unknown")
        if chroma == 3:
            bits.u(1)  # separate_colour_plane_flag
        bits.ue()  # bit_depth_luma_minus8
        bits.ue()  # bit_depth_chroma_minus8
        bits.u(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.u(1):
            for index in range(12 if chroma == 3 else 8):
                if bits.u(1):
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    bits.ue()  # log2_max_frame_num_minus4
    order = bits.ue()  # pic_order_cnt_type
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.u(1)
        bits.se()
        bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()
    bits.ue()  # max_num_ref_frames
    bits.u(1)  # gaps_in_frame_num_value_allowed_flag
    width = (bits.ue() + 1) * 16
    map_units = bits.ue() + 1
    frames_only = bits.u(1)
    height = map_units * 16 * (2 - frames_only)
    if not frames_only:
        bits.u(1)  # mb_adaptive_frame_field_flag
    bits.u(1)  # direct_8x8_inference_flag
    if bits.u(1):
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        unit_x = 2 if chroma in (1, 2) else 1
        unit_y = (2 if chroma == 1 else 1) * (2 - frames_only)
        width -= (left + right) * unit_x
        height -= (top + bottom) * unit_y
    aspect, rate = _parse_vui(bits) if bits.u(1) else (Fraction(1), None)
    codecs = f"avc1.{profile:02x}{constraints:02x}{level:02x}"
    config = AvcConfig(codecs, width, height, aspect, rate)
    # Boxes say sizes in 16 bits (ISO/IEC 14496-12, 8.3.2 and 12.1.3).
    if not all(0 < size < 1 << 16 for size in (width, height, config.display_width)):
        raise CodecError(f"the H.264 picture size {width} x {height} is not possible")
    return config


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _parse_vui(bits: _Bits) -> tuple[Fraction, Fraction | None]:
    aspect = Fraction(1)
    if bits.u(1):
        index = bits.u(8)
        if index == _EXTENDED_ASPECT_RATIO:
            wide, high = bits.u(16), bits.u(16)
            if wide and high and 1 / _ODDEST_ASPECT <= wide / high <= _ODDEST_ASPECT:
                aspect = Fraction(wide, high)
        elif index < len(_ASPECT_RATIOS):
            aspect = Fraction(*_ASPECT_RATIOS[index])
    if bits.u(1):
        bits.u(1)  # overscan_appropriate_flag
    if bits.u(1):
        bits.u(4)  # video_format, video_full_range_flag
        if bits.u(1):
            bits.u(24)  # colour_primaries, transfer_characteristics, matrix_coefficients
    if bits.u(1):
        bits.ue()  # chroma_sample_loc_type_top_field
        bits.ue()  # chroma_sample_loc_type_bottom_field
    rate = None
    if bits.u(1):
        units, scale = bits.u(32), bits.u(32)
        if units and scale:
            rate = Fraction(scale, 2 * units)  # a tick lasts a field (E.2.1)
    return aspect, rate


# ISO/IEC 14496-3, table 1.18: samplingFrequencyIndex to Hz; table 1.19: channelConfiguration to channels.
_SAMPLE_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8}
_EXPLICIT_RATE = 15
_AAC_LC, _SBR, _PS = 2, 5, 29


def parse_aac(record: bytes) -> AacConfig:
    """Read an AudioSpecificConfig. A channel layout that only the stream tells (0) counts as stereo.

    Raises CodecError.
    """
    bits = _Bits(record)
    object_type = _audio_object_type(bits)
    rate = _sample_rate(bits)
    channels = _CHANNELS.get(bits.u(4), 2)
    signalled = object_type
    if object_type in (_SBR, _PS):
        _sample_rate(bits)  # the rate after spectral band replication; frames are counted before it
        object_type = _audio_object_type(bits)
        if signalled == _PS:
            channels = 2
    if object_type not in (1, _AAC_LC, 3, 4):
        raise CodecError(f"AAC object type {object_type} is not taken: use AAC-LC")
    frame_length = 960 if bits.u(1) else 1024
    return AacConfig(f"mp4a.40.{signalled}", rate, channels, frame_length)


def _audio_object_type(bits: _Bits) -> int:
    value = bits.u(5)
    return 32 + bits.u(6) if value == 31 else value


def _sample_rate(bits: _Bits) -> int:
    index = bits.u(4)
    if index == _EXPLICIT_RATE:
        rate = bits.u(24)
    elif index < len(_SAMPLE_RATES):
        rate = _SAMPLE_RATES[index]
    else:
        raise CodecError(f"AAC sampling frequency index {index} is reserved")
    if not _SAMPLE_RATES[-1] <= rate <= _SAMPLE_RATES[0]:
        raise CodecError(f"the AAC sample rate cannot be {rate} Hz")
    return rate
