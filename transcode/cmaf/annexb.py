"""H.264 byte streams (ITU-T H.264, annex B) made into what CMAF carries (ISO/IEC 14496-15, 5.3). Pure, no I/O."""

import struct
from collections.abc import Sequence

_START = b"\0\0\1"
_SPS, _PPS = 7, 8  # nal_unit_type


def split_annex_b(stream: bytes) -> list[bytes]:
    """Return the NAL units of a byte stream, without start codes."""
    # A unit never ends in a zero byte (7.4.1): zeros before a start code belong to that.
    return [unit for part in stream.split(_START)[1:] if (unit := part.rstrip(b"\0"))]


def to_length_prefixed(stream: bytes) -> bytes:
    """Return an access unit with 4-byte lengths in place of start codes."""
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in split_annex_b(stream))


def avc_record(units: Sequence[bytes]) -> bytes:
    """Return the AVCDecoderConfigurationRecord (14496-15, 5.3.3.1) of the parameter sets among ``units``.

    Raises ValueError when one is missing.
    """
    sps = [unit for unit in units if unit[0] & 0x1F == _SPS]
    pps = [unit for unit in units if unit[0] & 0x1F == _PPS]
    if not sps or not pps:
        raise ValueError("an H.264 stream lacks its parameter sets")
    record = bytes((1, *sps[0][1:4], 0xFF, 0xE0 | len(sps)))
    record += b"".join(struct.pack(">H", len(unit)) + unit for unit in sps)
    record += bytes((len(pps),)) + b"".join(struct.pack(">H", len(unit)) + unit for unit in pps)
    if sps[0][1] in (100, 110, 122, 144):
        record += bytes((0xFD, 0xF8, 0xF8, 0))  # 4:2:0, 8 bit, no extensions
    return record
