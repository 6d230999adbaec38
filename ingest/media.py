"""Tracks and packets: all that ever leaves ``ingest``. Values only, no I/O.

Stamps are handed on as the host sent them; repairing time is the timekeeper's work.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a track carries."""

    VIDEO = "video"
    AUDIO = "audio"


class Codec(StrEnum):
    """The codecs that Veilcast takes in."""

    H264 = "h264"
    HEVC = "hevc"
    AV1 = "av1"
    VP9 = "vp9"
    AAC = "aac"
    MP3 = "mp3"
    OPUS = "opus"
    FLAC = "flac"
    AC3 = "ac3"
    PCMA = "pcma"
    PCMU = "pcmu"

    @property
    def kind(self) -> Kind:
        """What it codes."""
        return Kind.VIDEO if self in _PICTURES else Kind.AUDIO

    @property
    def label(self) -> str:
        """How people call it."""
        return _LABELS[self]


_PICTURES: Final = frozenset({Codec.H264, Codec.HEVC, Codec.AV1, Codec.VP9})
_LABELS: Final = {
    Codec.H264: "H.264",
    Codec.HEVC: "HEVC",
    Codec.AV1: "AV1",
    Codec.VP9: "VP9",
    Codec.AAC: "AAC",
    Codec.MP3: "MP3",
    Codec.OPUS: "Opus",
    Codec.FLAC: "FLAC",
    Codec.AC3: "AC-3",
    Codec.PCMA: "G.711 A-law",
    Codec.PCMU: "G.711 mu-law",
}


@dataclass(frozen=True, slots=True)
class Track:
    """One elementary stream of a source, and the record a decoder needs first.

    ``config`` is the codec's own record:

    - H.264: AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1)
    - HEVC: HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1)
    - AV1: AV1CodecConfigurationRecord with its sequence header (AV1 Codec ISO Media File Format Binding, 2.3)
    - VP9: VPCodecConfigurationRecord (VP Codec ISO Media File Format Binding), then the frame's width and height, two
      bytes each: only its frames tell them
    - AAC: AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1)
    - MP3: a frame's header (ISO/IEC 11172-3, 2.4.1.3), of which only version, layer, sampling frequency and whether
      there is one channel or two are kept
    - Opus: the identification header (RFC 7845, 5.1)
    - FLAC: STREAMINFO (RFC 9639, 8.2), of which only block sizes and the form of the samples are kept
    - AC-3: AC3SpecificBox without its header (ETSI TS 102 366, F.4)
    - G.711: the number of channels in a byte; there are always 8,000 samples a second
    """

    kind: Kind
    codec: Codec
    config: bytes


@dataclass(frozen=True, slots=True)
class Packet:
    """One access unit as the host sent it.

    ``stamp`` is the decode time in milliseconds modulo 2**32; ``offset`` the signed composition offset in milliseconds
    (0 for audio), and ``nanoseconds`` (less than a millisecond) are added to the presentation time. H.264 and HEVC data
    is length-prefixed NAL units; a sound packet holds whole raw frames.
    """

    kind: Kind
    stamp: int
    offset: int
    keyframe: bool
    data: bytes
    nanoseconds: int = 0
