"""Reads the records of AV1 and VP9: sizes, rates and the RFC 6381 codec string. No I/O.

AV1: AV1CodecConfigurationRecord (AV1 Codec ISO Media File Format Binding, 2.3 and 5) and its sequence header (AV1
Bitstream & Decoding Process, 5.5.1). VP9: VP Codec ISO Media File Format Binding; see ``ingest.media.Track``.
"""

from fractions import Fraction

from transcode.cmaf.config import Bits, CodecError, VideoConfig, checked

_AV1_RECORD = 4
_SEQUENCE_HEADER = 1  # obu_type
_VP9_RECORD = 8


def parse_av1(record: bytes) -> VideoConfig:
    """Read an AV1CodecConfigurationRecord. Raises CodecError."""
    if len(record) < _AV1_RECORD or record[0] != 0x81:
        raise CodecError("not an AV1 configuration record")
    width, height, rate = _parse_sequence_header(_sequence_header(record[_AV1_RECORD:]))
    profile, level = record[1] >> 5, record[1] & 0x1F
    tier = "H" if record[2] & 0x80 else "M"
    depth = (12 if record[2] & 0x20 else 10) if record[2] & 0x40 else 8
    return checked(VideoConfig(f"av01.{profile}.{level:02}{tier}.{depth:02}", width, height, Fraction(1), rate), "AV1")


def _sequence_header(units: bytes) -> Bits:
    """Return what the first of the OBUs holds: a record has no other before its sequence header (2.3.4)."""
    if not units or units[0] >> 3 & 0x0F != _SEQUENCE_HEADER:
        raise CodecError("the AV1 configuration record has no sequence header")
    at = 1 + (units[0] >> 2 & 1)
    if units[0] & 2:
        while at < len(units) and units[at] & 0x80:
            at += 1
        at += 1
    return Bits(units[at:])


def _parse_sequence_header(bits: Bits) -> tuple[int, int, Fraction | None]:
    rate = None
    bits.u(3)  # seq_profile
    bits.u(1)  # still_picture
    if bits.u(1):  # reduced_still_picture_header
        bits.u(5)
    else:
        decoder_model = delay_bits = 0
        if bits.u(1):  # timing_info_present_flag
            units, scale = bits.u(32), bits.u(32)
            if bits.u(1):  # equal_picture_interval
                ticks = bits.ue() + 1
                rate = Fraction(scale, units * ticks) if units and scale else None
            decoder_model = bits.u(1)
            if decoder_model:
                delay_bits = bits.u(5) + 1
                bits.u(42)
        display_delay = bits.u(1)
        for _ in range(bits.u(5) + 1):  # operating points
            bits.u(12)
            if bits.u(5) > 7:
                bits.u(1)  # seq_tier
            if decoder_model and bits.u(1):
                bits.u(2 * delay_bits + 1)
            if display_delay and bits.u(1):
                bits.u(4)
    width_bits, height_bits = bits.u(4) + 1, bits.u(4) + 1
    return bits.u(width_bits) + 1, bits.u(height_bits) + 1, rate


def parse_vp9(record: bytes) -> VideoConfig:
    """Read a VPCodecConfigurationRecord with the frame's size after it. Raises CodecError."""
    if len(record) != _VP9_RECORD + 4:
        raise CodecError("not a VP9 configuration")
    profile, level, depth = record[0], record[1], record[2] >> 4
    width, height = (int.from_bytes(record[at : at + 2], "big") for at in (8, 10))
    return checked(VideoConfig(f"vp09.{profile:02}.{level:02}.{depth:02}", width, height), "VP9")
