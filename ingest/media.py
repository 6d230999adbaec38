"""Tracks and packets: all that ever leaves ``ingest``. Values only, no I/O.

Stamps are handed on as the host sent them; repairing time is the timekeeper's work.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a track carries."""

    VIDEO = "video"
    AUDIO = "audio"


class Codec(StrEnum):
    """The codecs that Veilcast takes in."""

    H264 = "h264"
    AAC = "aac"


@dataclass(frozen=True, slots=True)
class Track:
    """One elementary stream of a source, and the record a decoder needs first.

    ``config`` is the codec's own record: AVCDecoderConfigurationRecord for H.264
    (ISO/IEC 14496-15, 5.3.3.1), AudioSpecificConfig for AAC (ISO/IEC 14496-3, 1.6.2.1).
    """

    kind: Kind
    codec: Codec
    config: bytes


@dataclass(frozen=True, slots=True)
class Packet:
    """One access unit as the host sent it.

    ``stamp`` is the decode time in milliseconds modulo 2**32; ``offset`` the signed composition
    offset in milliseconds (0 for audio). H.264 data is length-prefixed NAL units, AAC data a raw frame.
    """

    kind: Kind
    stamp: int
    offset: int
    keyframe: bool
    data: bytes
