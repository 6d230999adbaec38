"""Reads the records that hosts send, whatever the codec: sizes, rates and the RFC 6381 codec string. No I/O."""

from collections.abc import Callable

from ingest.media import Codec, Track
from transcode.cmaf.asc import parse_aac
from transcode.cmaf.av1_vp9 import parse_av1, parse_vp9
from transcode.cmaf.avc import parse_avc
from transcode.cmaf.config import AudioConfig, VideoConfig
from transcode.cmaf.hevc import parse_hevc
from transcode.cmaf.sound_records import parse_ac3, parse_flac, parse_g711, parse_mp3, parse_opus

_PICTURES: dict[Codec, Callable[[bytes], VideoConfig]] = {
    Codec.H264: parse_avc,
    Codec.HEVC: parse_hevc,
    Codec.AV1: parse_av1,
    Codec.VP9: parse_vp9,
}
_SOUNDS: dict[Codec, Callable[[bytes], AudioConfig]] = {
    Codec.AAC: parse_aac,
    Codec.MP3: parse_mp3,
    Codec.OPUS: parse_opus,
    Codec.FLAC: parse_flac,
    Codec.AC3: parse_ac3,
    Codec.PCMA: parse_g711,
    Codec.PCMU: parse_g711,
}
PLAYABLE = frozenset({*_PICTURES, Codec.AAC, Codec.OPUS, Codec.FLAC})
"""What browsers play in CMAF as it is, where they have the decoder. (MP3 in MP4 is nothing to Firefox by the name that
RFC 6381 gives it, AC-3 to hardly any browser, and G.711 to none.)"""


def parse_video(track: Track) -> VideoConfig:
    """Read the record of a picture. Raises CodecError."""
    return _PICTURES[track.codec](track.config)


def parse_audio(track: Track) -> AudioConfig:
    """Read the record of a sound. Raises CodecError."""
    return _SOUNDS[track.codec](track.config)
