"""FLV tag bodies, as RTMP carries them, to tracks and packets. Pure, no I/O.

Sources: Adobe, Video File Format Specification 10.1, E.4.2 (audio) and E.4.3 (video); ISO/IEC 14496-15, 5.3.3.1 (the
H.264 configuration); Enhanced RTMP v2 for how codecs that are refused are named.
"""

from typing import Final

from ingest.media import Codec, Kind, Packet, Track
from ingest.rtmp.errors import CodecError, ConfigError

_VIDEO_CODECS: Final = {
    1: "JPEG",
    2: "Sorenson H.263",
    3: "Screen Video",
    4: "VP6",
    5: "VP6 with alpha",
    6: "Screen Video 2",
    8: "H.263",
    9: "MPEG-4 Part 2",
    12: "HEVC",
    13: "AV1",
    14: "VVC",
}
_AUDIO_CODECS: Final = {
    0: "PCM",
    1: "ADPCM",
    2: "MP3",
    3: "PCM",
    4: "Nellymoser",
    5: "Nellymoser",
    6: "Nellymoser",
    7: "G.711 A-law",
    8: "G.711 mu-law",
    11: "Speex",
    13: "Opus",
    14: "MP3",
}
_FOUR_LETTERS: Final = {
    b"avc1": "H.264 in Enhanced RTMP",
    b"hvc1": "HEVC",
    b"vvc1": "VVC",
    b"av01": "AV1",
    b"vp08": "VP8",
    b"vp09": "VP9",
    b"mp4a": "AAC in Enhanced RTMP",
    b"Opus": "Opus",
    b"fLaC": "FLAC",
    b"ac-3": "AC-3",
    b"ec-3": "E-AC-3",
    b".mp3": "MP3",
}
_ADVICE: Final = {
    Kind.VIDEO: "set OBS > Settings > Output > Video Encoder to x264 or hardware H.264",
    Kind.AUDIO: "set OBS > Settings > Output > Audio Encoder to AAC",
}

_AVC, _AAC = 7, 10
_ENHANCED_VIDEO, _ENHANCED_AUDIO = 0x80, 9
_KEYFRAME, _COMMAND_FRAME = 1, 5
_METADATA, _VIDEO_MULTITRACK, _AUDIO_MULTITRACK = 4, 6, 5  # Enhanced RTMP's packet types
_SEQUENCE_HEADER, _CODED_FRAME = 0, 1
_VIDEO_HEADER, _AUDIO_HEADER = 5, 2
_SMALLEST_AVC_CONFIG, _SMALLEST_AAC_CONFIG = 8, 2

Body = bytes | bytearray


class FlvReader:
    """Reads the tags of one stream: announces a track once, and again only when its configuration changes.

    ``video`` and ``audio`` return None for what holds nothing to keep, such as media before its configuration, and
    raise CodecError for a codec that is not taken and ConfigError for a broken configuration (the one before stays).
    """

    def __init__(self) -> None:
        self._configs: dict[Kind, bytes] = {}

    def video(self, stamp: int, body: Body) -> Track | Packet | None:
        """Read a video tag's body; ``stamp`` is its message's time."""
        if not body:
            return None
        frame_type, codec = body[0] >> 4 & 7, body[0] & 0x0F
        if frame_type == _COMMAND_FRAME:
            return None
        if body[0] & _ENHANCED_VIDEO:
            if codec == _METADATA:
                return None
            raise _not_taken(Kind.VIDEO, _name_of_four(body, codec == _VIDEO_MULTITRACK))
        if codec != _AVC:
            raise _not_taken(Kind.VIDEO, _VIDEO_CODECS.get(codec, f"FLV codec {codec}"))
        if len(body) <= _VIDEO_HEADER:  # the end of the sequence, or nothing
            return None
        if body[1] == _SEQUENCE_HEADER:
            config = bytes(memoryview(body)[_VIDEO_HEADER:])
            _check_avc(config)
            return self._announce(Kind.VIDEO, Codec.H264, config)
        if body[1] != _CODED_FRAME or Kind.VIDEO not in self._configs:
            return None
        offset = int.from_bytes(body[2:5], "big", signed=True)
        return Packet(Kind.VIDEO, stamp, offset, frame_type == _KEYFRAME, bytes(memoryview(body)[_VIDEO_HEADER:]))

    def audio(self, stamp: int, body: Body) -> Track | Packet | None:
        """Read an audio tag's body; ``stamp`` is its message's time."""
        if not body:
            return None
        codec = body[0] >> 4
        if codec == _ENHANCED_AUDIO:
            raise _not_taken(Kind.AUDIO, _name_of_four(body, body[0] & 0x0F == _AUDIO_MULTITRACK))
        if codec != _AAC:
            raise _not_taken(Kind.AUDIO, _AUDIO_CODECS.get(codec, f"FLV codec {codec}"))
        if len(body) < _AUDIO_HEADER:
            return None
        data = bytes(memoryview(body)[_AUDIO_HEADER:])
        if body[1] == _SEQUENCE_HEADER:
            if len(data) < _SMALLEST_AAC_CONFIG:
                raise ConfigError("the AAC configuration is empty: the sound is left out until a whole one comes")
            return self._announce(Kind.AUDIO, Codec.AAC, data)
        return Packet(Kind.AUDIO, stamp, 0, True, data) if data and Kind.AUDIO in self._configs else None

    def _announce(self, kind: Kind, codec: Codec, config: bytes) -> Track | None:
        if self._configs.get(kind) == config:
            return None
        self._configs[kind] = config
        return Track(kind, codec, config)


def _check_avc(config: bytes) -> None:
    """Check what every decoder needs: version 1, and a sequence parameter set that is there."""
    whole = len(config) >= _SMALLEST_AVC_CONFIG and config[0] == 1 and config[5] & 0x1F
    if not whole or not 0 < int.from_bytes(config[6:8], "big") <= len(config) - _SMALLEST_AVC_CONFIG:
        raise ConfigError("the H.264 configuration is broken: the picture is left out until a whole one comes")


def _not_taken(kind: Kind, name: str) -> CodecError:
    return CodecError(f"{name} {kind} is not taken, only H.264 video and AAC audio: {_ADVICE[kind]}")


def _name_of_four(body: Body, multitrack: bool) -> str:
    """Name the codec of an enhanced tag by its FourCC; a multitrack tag has one byte more before it."""
    start = 2 if multitrack else 1
    code = bytes(body[start : start + 4])
    plain = "".join(chr(byte) if 0x20 < byte < 0x7F else "?" for byte in code)
    return _FOUR_LETTERS.get(code, f"Enhanced RTMP {plain!r}")
