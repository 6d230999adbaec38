"""FLV tag bodies, as RTMP carries them, to tracks and packets. Pure, no I/O.

Sources: Adobe, Video File Format Specification 10.1, E.4.2 (audio) and E.4.3 (video); Enhanced RTMP v2 for the names of
codecs that are refused.
"""

from ingest.media import Codec, Kind, Packet, Track
from ingest.rtmp.errors import PeerError

_TAKEN = "Veilcast takes H.264 video and AAC audio"

_VIDEO_CODECS = {1: "JPEG", 2: "Sorenson H.263", 3: "Screen Video", 4: "VP6", 5: "VP6 with alpha",
                 6: "Screen Video 2", 7: "H.264", 12: "HEVC", 13: "AV1"}  # fmt: skip
_AUDIO_CODECS = {0: "PCM", 1: "ADPCM", 2: "MP3", 3: "PCM", 4: "Nellymoser", 5: "Nellymoser", 6: "Nellymoser",
                 7: "G.711 A-law", 8: "G.711 mu-law", 9: "an enhanced codec", 10: "AAC", 11: "Speex", 13: "Opus",
                 14: "MP3"}  # fmt: skip
_AVC, _AAC = 7, 10
_ENHANCED_VIDEO = 0x80
_ENHANCED_AUDIO = 9
_KEYFRAME, _COMMAND_FRAME = 1, 5
_SEQUENCE_HEADER, _CODED_FRAME = 0, 1
_VIDEO_HEADER, _AUDIO_HEADER = 5, 2


class UnsupportedCodecError(PeerError):
    """A codec that is not taken; the text names it and says what is."""

    def __init__(self, kind: Kind, name: str) -> None:
        advice = "x264 or a hardware H.264 encoder" if kind is Kind.VIDEO else "AAC"
        super().__init__(f"{name} {kind} is not supported. {_TAKEN}: in OBS, set Settings, Output to {advice}")
        self.kind = kind


class FlvReader:
    """Reads the tags of one stream: announces a track once, and again only when its configuration changes."""

    def __init__(self) -> None:
        self._configs: dict[Kind, bytes] = {}

    def video(self, stamp: int, body: bytes | bytearray) -> Track | Packet | None:
        """Read a video tag's body; None where it holds nothing to keep. Raises UnsupportedCodecError."""
        if not body:
            return None
        if body[0] & _ENHANCED_VIDEO:
            if body[0] & 0x0F == _COMMAND_FRAME:  # metadata only
                return None
            raise UnsupportedCodecError(Kind.VIDEO, _four_letters(body[1:5]))
        frame_type, codec = body[0] >> 4, body[0] & 0x0F
        if frame_type == _COMMAND_FRAME:
            return None
        if codec != _AVC:
            raise UnsupportedCodecError(Kind.VIDEO, _VIDEO_CODECS.get(codec, f"FLV codec {codec}"))
        if len(body) <= _VIDEO_HEADER:
            return None
        if body[1] == _SEQUENCE_HEADER:
            return self._announce(Kind.VIDEO, Codec.H264, bytes(memoryview(body)[_VIDEO_HEADER:]))
        if body[1] != _CODED_FRAME or Kind.VIDEO not in self._configs:
            return None
        offset = int.from_bytes(body[2:5], "big", signed=True)
        return Packet(Kind.VIDEO, stamp, offset, frame_type == _KEYFRAME, bytes(memoryview(body)[_VIDEO_HEADER:]))

    def audio(self, stamp: int, body: bytes | bytearray) -> Track | Packet | None:
        """Read an audio tag's body; None where it holds nothing to keep. Raises UnsupportedCodecError."""
        if not body:
            return None
        codec = body[0] >> 4
        if codec == _ENHANCED_AUDIO:
            raise UnsupportedCodecError(Kind.AUDIO, _four_letters(body[1:5]))
        if codec != _AAC:
            raise UnsupportedCodecError(Kind.AUDIO, _AUDIO_CODECS.get(codec, f"FLV codec {codec}"))
        if len(body) <= _AUDIO_HEADER:
            return None
        data = bytes(memoryview(body)[_AUDIO_HEADER:])
        if body[1] == _SEQUENCE_HEADER:
            return self._announce(Kind.AUDIO, Codec.AAC, data)
        return Packet(Kind.AUDIO, stamp, 0, True, data) if Kind.AUDIO in self._configs else None

    def _announce(self, kind: Kind, codec: Codec, config: bytes) -> Track | None:
        if self._configs.get(kind) == config:
            return None
        self._configs[kind] = config
        return Track(kind, codec, config)


def _four_letters(code: bytes | bytearray) -> str:
    names = {b"hvc1": "HEVC", b"av01": "AV1", b"vp09": "VP9", b"Opus": "Opus", b"fLaC": "FLAC", b"ac-3": "AC-3"}
    known = names.get(bytes(code))
    return known or "".join(chr(byte) if 32 < byte < 127 else "?" for byte in code) or "unnamed"
