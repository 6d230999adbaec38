"""Reads HEVC's HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1) and its sequence parameter set (ITU-T H.265,
7.3.2.2, 7.3.7 and E.2.1). No I/O."""

from fractions import Fraction

from transcode.cmaf.avc import read_aspect
from transcode.cmaf.config import Bits, CodecError, VideoConfig, checked

_FIXED = 23  # bytes of the record before its arrays of parameter sets
_SPS = 33  # nal_unit_type
_MOST_SETS = 64


def parse_hevc(record: bytes) -> VideoConfig:
    """Read an HEVCDecoderConfigurationRecord. Raises CodecError."""
    if len(record) < _FIXED or record[0] != 1:
        raise CodecError("not an HEVC configuration record")
    width, height, aspect, rate = _parse_sps(_first_sps(record))
    return checked(VideoConfig(_codecs(record), width, height, aspect, rate), "HEVC")


def _codecs(record: bytes) -> str:
    """The string of ISO/IEC 14496-15, annex E.3."""
    space = ("", "A", "B", "C")[record[1] >> 6]
    compatible = int(f"{int.from_bytes(record[2:6], 'big'):032b}"[::-1], 2)
    tier = "H" if record[1] & 0x20 else "L"
    constraints = "".join(f".{byte:x}" for byte in record[6:12].rstrip(b"\0"))
    return f"hvc1.{space}{record[1] & 0x1F}.{compatible:x}.{tier}{record[12]}{constraints}"


def _first_sps(record: bytes) -> bytes:
    at = _FIXED
    for _ in range(record[22]):
        if at + 3 > len(record):
            break
        unit_type, count = record[at] & 0x3F, int.from_bytes(record[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            end = at + 2 + int.from_bytes(record[at : at + 2], "big")
            if end > len(record):
                raise CodecError("the HEVC configuration record is cut short")
            if unit_type == _SPS:
                return record[at + 2 : end]
            at = end
    raise CodecError("the HEVC configuration record has no sequence parameter set")


def _parse_sps(nal: bytes) -> tuple[int, int, Fraction, Fraction | None]:
    """Return width, height, sample aspect ratio and frame rate."""
    # 7.4.2: 00 00 03 stands for 00 00 wherever the payload would imitate a start code.
    bits = Bits(nal[2:].replace(b"\0\0\3", b"\0\0"))
    bits.u(4)  # sps_video_parameter_set_id
    sub_layers = bits.u(3)  # less one
    bits.u(1)  # sps_temporal_id_nesting_flag
    _skip_profile(bits, sub_layers)
    bits.ue()  # sps_seq_parameter_set_id
    chroma = bits.ue()
    if chroma > 3:
        raise CodecError("the HEVC chroma format is unknown")
    if chroma == 3:
        bits.u(1)  # separate_colour_plane_flag
    width, height = bits.ue(), bits.ue()
    if bits.u(1):
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        width -= (left + right) * (2 if chroma in (1, 2) else 1)
        height -= (top + bottom) * (2 if chroma == 1 else 1)
    aspect, rate = _parse_rest(bits, sub_layers)
    return width, height, aspect, rate


def _skip_profile(bits: Bits, sub_layers: int) -> None:
    """profile_tier_level(1, sub_layers)."""
    bits.u(88)
    bits.u(8)  # general_level_idc
    present = [(bits.u(1), bits.u(1)) for _ in range(sub_layers)]
    if sub_layers:
        bits.u(2 * (8 - sub_layers))
    for profile, level in present:
        bits.u(88 * profile + 8 * level)


def _parse_rest(bits: Bits, sub_layers: int) -> tuple[Fraction, Fraction | None]:
    """Go on after the sizes, to the VUI."""
    bits.ue()  # bit_depth_luma_minus8
    bits.ue()  # bit_depth_chroma_minus8
    order_bits = bits.ue() + 4
    for _ in range(sub_layers + 1 if bits.u(1) else 1):
        bits.ue()  # sps_max_dec_pic_buffering_minus1
        bits.ue()  # sps_max_num_reorder_pics
        bits.ue()  # sps_max_latency_increase_plus1
    for _ in range(6):
        bits.ue()  # sizes of coding and transform blocks, depths of the transform hierarchy
    if bits.u(1) and bits.u(1):
        _skip_scaling_lists(bits)
    bits.u(2)  # amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.u(1):  # pcm_enabled_flag
        bits.u(8)
        bits.ue()
        bits.ue()
        bits.u(1)
    _skip_short_term_sets(bits)
    if bits.u(1):  # long_term_ref_pics_present_flag
        for _ in range(min(bits.ue(), 32)):
            bits.u(order_bits + 1)
    bits.u(2)  # sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    return _parse_vui(bits) if bits.u(1) else (Fraction(1), None)


def _skip_scaling_lists(bits: Bits) -> None:
    """scaling_list_data()."""
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not bits.u(1):
                bits.ue()  # scaling_list_pred_matrix_id_delta
                continue
            if size > 1:
                bits.se()  # scaling_list_dc_coef_minus8
            for _ in range(min(64, 1 << (4 + (size << 1)))):
                bits.se()


def _skip_short_term_sets(bits: Bits) -> None:
    """st_ref_pic_set() for each of them: what it is made from tells how long it is."""
    count = bits.ue()
    if count > _MOST_SETS:
        raise CodecError("the HEVC sequence parameter set has too many sets of reference pictures")
    pictures = 0  # in the set before
    for index in range(count):
        if index and bits.u(1):  # inter_ref_pic_set_prediction_flag
            bits.u(1)  # delta_rps_sign
            bits.ue()  # abs_delta_rps_minus1
            kept = 0
            for _ in range(pictures + 1):
                used = bits.u(1)
                kept += used or bits.u(1)  # use_delta_flag
            pictures = kept
        else:
            pictures = bits.ue() + bits.ue()
            if pictures > 2 * _MOST_SETS:
                raise CodecError("the HEVC sequence parameter set has too many reference pictures")
            for _ in range(pictures):
                bits.ue()  # delta_poc_minus1
                bits.u(1)  # used_by_curr_pic_flag


def _parse_vui(bits: Bits) -> tuple[Fraction, Fraction | None]:
    aspect = read_aspect(bits) if bits.u(1) else Fraction(1)
    if bits.u(1):
        bits.u(1)  # overscan_appropriate_flag
    if bits.u(1):
        bits.u(4)  # video_format, video_full_range_flag
        if bits.u(1):
            bits.u(24)  # colour_primaries, transfer_characteristics, matrix_coeffs
    if bits.u(1):
        bits.ue()  # chroma_sample_loc_type_top_field
        bits.ue()  # chroma_sample_loc_type_bottom_field
    bits.u(3)  # neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
    if bits.u(1):
        for _ in range(4):
            bits.ue()  # default display window
    if bits.u(1):
        units, scale = bits.u(32), bits.u(32)
        if units and scale:
            return aspect, Fraction(scale, units)
    return aspect, None
