"""Puts the parameter sets of two H.264 encoders into one configuration record, so that a track may hold both. No I/O.

A player that has them all takes pictures of either encoder, as long as these change at an IDR picture: then neither a
new init segment nor a discontinuity is needed (ITU-T H.264, 7.4.1.2.1; ISO/IEC 14496-15, 5.3.3.1).
"""

import struct
from dataclasses import dataclass

from transcode.cmaf.config import CodecError

_FIXED = 5  # bytes: version, profile, constraints, level, length size
_MOST_SPS = 31


@dataclass(frozen=True, slots=True)
class _Record:
    """A record taken apart; ``rest`` is what High profiles have after the sets."""

    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    rest: bytes


def with_sets_of(record: bytes, other: bytes) -> bytes:
    """Return ``record`` with the parameter sets of the record ``other`` beside its own.

    Profile and level stay those of ``record``: ``other`` must not need more. Raises CodecError if one of its sets has
    the number of another one, or a record cannot be read.
    """
    ours, theirs = _take_apart(record), _take_apart(other)
    sps, pps = ours.sps + theirs.sps, ours.pps + theirs.pps
    if len({_sps_number(nal) for nal in sps}) < len(sps) or len({_golomb(nal, 1) for nal in pps}) < len(pps):
        raise CodecError("two H.264 parameter sets have the same number")
    if len(sps) > _MOST_SPS or len(pps) > 255:
        raise CodecError("there are more H.264 parameter sets than a configuration record holds")
    sets = bytes((0xE0 | len(sps),)) + _listed(sps) + bytes((len(pps),)) + _listed(pps)
    return record[:_FIXED] + sets + ours.rest


def _take_apart(record: bytes) -> _Record:
    if len(record) <= _FIXED or record[0] != 1:
        raise CodecError("not an H.264 configuration record")
    at = _FIXED
    lists = []
    for mask in (0x1F, 0xFF):
        if at >= len(record):
            raise CodecError("the H.264 configuration record is cut short")
        count, at = record[at] & mask, at + 1
        found = []
        for _ in range(count):
            end = at + 2 + int.from_bytes(record[at : at + 2], "big")
            if end > len(record) or end == at + 2:
                raise CodecError("the H.264 configuration record is cut short")
            found.append(record[at + 2 : end])
            at = end
        lists.append(tuple(found))
    return _Record(lists[0], lists[1], record[at:])


def _listed(nals: tuple[bytes, ...]) -> bytes:
    return b"".join(struct.pack(">H", len(nal)) + nal for nal in nals)


def _sps_number(nal: bytes) -> int:
    return _golomb(nal, 4)  # after the NAL header, profile, constraints and level


def _golomb(nal: bytes, start: int) -> int:
    """Return the unsigned Exp-Golomb number (ITU-T H.264, 9.1) that begins at byte ``start``."""
    coded = nal[start : start + 4]
    bits = f"{int.from_bytes(coded, 'big'):0{8 * len(coded)}b}" if coded else ""
    zeros = len(bits) - len(bits.lstrip("0"))
    digits = bits[zeros : 2 * zeros + 1]
    if len(digits) <= zeros:
        raise CodecError("the H.264 parameter set is cut short")
    return int(digits, 2) - 1
