"""Reads H.264's AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) and its sequence parameter set (ITU-T H.264,
7.3.2.1.1 and E.1.1). No I/O."""

from fractions import Fraction

from transcode.cmaf.config import Bits, CodecError, VideoConfig, aspect_of, checked

# ITU-T H.264, table E-1: aspect_ratio_idc to sample aspect ratio.
_ASPECT_RATIOS = (
    (1, 1), (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11),
    (80, 33), (18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1),
)  # fmt: skip
_EXTENDED_ASPECT_RATIO = 255


def read_aspect(bits: Bits) -> Fraction:
    """Read a sample aspect ratio as the VUI of H.264 and HEVC have it."""
    index = bits.u(8)
    if index == _EXTENDED_ASPECT_RATIO:
        return aspect_of(bits.u(16), bits.u(16))
    return Fraction(*_ASPECT_RATIOS[index]) if index < len(_ASPECT_RATIOS) else Fraction(1)


# Profiles whose SPS carries chroma_format_idc and what follows (ITU-T H.264, 7.3.2.1.1).
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_SPS = 7  # nal_unit_type


def parse_avc(record: bytes) -> VideoConfig:
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


def _parse_sps(nal: bytes) -> VideoConfig:
    # 7.4.1: 00 00 03 stands for 00 00 wherever the payload would imitate a start code.
    bits = Bits(nal[1:].replace(b"\0\0\3", b"\0\0"))
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
    return checked(VideoConfig(codecs, width, height, aspect, rate), "H.264")


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _parse_vui(bits: Bits) -> tuple[Fraction, Fraction | None]:
    aspect = read_aspect(bits) if bits.u(1) else Fraction(1)
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
