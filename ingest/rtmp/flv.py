"""FLV tag bodies, as RTMP carries them, to tracks and packets. Pure, no I/O.

Sources: Adobe, Video File Format Specification 10.1, E.4.2 (audio) and E.4.3 (video); Enhanced RTMP v2 (``enhanced``);
HEVC as number 12 as many encoders send it, though no specification says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ingest.media import Codec, Kind, Packet, Track
from ingest.rtmp import configs, enhanced
from ingest.rtmp.configs import Telling
from ingest.rtmp.enhanced import MAIN, Body, PacketType, Unit
from ingest.rtmp.errors import CodecError

_VIDEO_CODECS: Final = {7: Codec.H264, 12: Codec.HEVC}
_AUDIO_CODECS: Final = {
    2: Codec.MP3,
    7: Codec.PCMA,
    8: Codec.PCMU,
    10: Codec.AAC,
    14: Codec.MP3,
}
_OTHER_VIDEO: Final = {
    1: "JPEG",
    2: "Sorenson H.263",
    3: "Screen Video",
    4: "VP6",
    5: "VP6 with alpha",
    6: "Screen Video 2",
    8: "H.263",
    9: "MPEG-4 Part 2",
    13: "AV1 outside Enhanced RTMP",
    14: "VVC",
}
_OTHER_AUDIO: Final = {
    0: "PCM",
    1: "ADPCM",
    3: "PCM",
    4: "Nellymoser",
    5: "Nellymoser",
    6: "Nellymoser",
    11: "Speex",
    13: "Opus outside Enhanced RTMP",
}
_OTHER_FOUR_LETTERS: Final = {b"vvc1": "VVC", b"vp08": "VP8", b"ec-3": "E-AC-3"}
_TAKEN: Final = {
    Kind.VIDEO: "H.264, HEVC, AV1 and VP9",
    Kind.AUDIO: "AAC, MP3, Opus, FLAC, AC-3 and G.711",
}
_ADVICE: Final = {
    Kind.VIDEO: "set OBS > Settings > Output > Video Encoder to x264 or hardware H.264",
    Kind.AUDIO: "set OBS > Settings > Output > Audio Encoder to AAC",
}

_ENHANCED_VIDEO, _ENHANCED_AUDIO = 0x80, 9
_KEYFRAME, _COMMAND_FRAME = 1, 5
_SEQUENCE_HEADER, _CODED_FRAME = 0, 1
_VIDEO_HEADER, _AAC_HEADER, _OFFSET = 5, 2, 3  # bytes
_TEMPORAL_DELIMITER: Final = b"\x12\0"  # AV1 Bitstream & Decoding Process, 5.6: files and players go without


@dataclass(frozen=True, slots=True)
class OtherTrack:
    """The host sends a track beside the main one, which is not used; ``codec`` is its name."""

    kind: Kind
    number: int
    codec: str


Item = Track | Packet | OtherTrack


class _Line:
    """What is known of the main track of a kind: its codec and record by the newest sequence header, and what was
    announced of it. A codec without sequence headers has an empty record."""

    __slots__ = ("codec", "kind", "record", "telling", "track")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.codec: Codec | None = None
        self.record = b""
        self.telling: Telling | None = None
        self.track: Track | None = None

    def begin(self, codec: Codec, record: bytes) -> None:
        """Frames are of ``codec`` from here on."""
        self.codec, self.record, self.telling = codec, record, configs.telling(codec)

    def announce(self, config: bytes) -> Sequence[Track]:
        """Return the track, if it is news."""
        before, codec = self.track, self.codec
        if codec is None or (before is not None and before.codec is codec and before.config == config):
            return ()
        self.track = Track(self.kind, codec, config)
        return (self.track,)


class FlvReader:
    """Reads the tags of one stream: announces a track once, and again only when its configuration changes.

    ``video`` and ``audio`` return what a tag holds, nothing for what is not to keep, such as media before its
    configuration. They raise CodecError for a codec that is not taken and ConfigError for a broken configuration (the
    one before stays).
    """

    def __init__(self) -> None:
        self._video, self._audio = _Line(Kind.VIDEO), _Line(Kind.AUDIO)
        self._others: set[tuple[Kind, int]] = set()

    def video(self, stamp: int, body: Body) -> Sequence[Item]:
        """Read a video tag's body; ``stamp`` is its message's time."""
        if not body:
            return ()
        keyframe = body[0] >> 4 & 7 == _KEYFRAME
        if body[0] & _ENHANCED_VIDEO:
            return self._enhanced(self._video, stamp, keyframe, body)
        if body[0] >> 4 == _COMMAND_FRAME:
            return ()
        number = body[0] & 0x0F
        codec = _VIDEO_CODECS.get(number)
        if codec is None:
            raise _not_taken(Kind.VIDEO, _OTHER_VIDEO.get(number, f"FLV codec {number}"))
        if len(body) <= _VIDEO_HEADER:  # the end of the sequence, or nothing
            return ()
        data = memoryview(body)[_VIDEO_HEADER:]
        if body[1] == _SEQUENCE_HEADER:
            return self._header(self._video, codec, data)
        if body[1] != _CODED_FRAME:
            return ()
        offset = int.from_bytes(body[2:5], "big", signed=True)
        return self._frames(self._video, codec, stamp, offset, keyframe, data)

    def audio(self, stamp: int, body: Body) -> Sequence[Item]:
        """Read an audio tag's body; ``stamp`` is its message's time."""
        if not body:
            return ()
        number = body[0] >> 4
        if number == _ENHANCED_AUDIO:
            return self._enhanced(self._audio, stamp, True, body)
        codec = _AUDIO_CODECS.get(number)
        if codec is None:
            raise _not_taken(Kind.AUDIO, _OTHER_AUDIO.get(number, f"FLV codec {number}"))
        header = _AAC_HEADER if codec is Codec.AAC else 1
        if len(body) < header:
            return ()
        data = memoryview(body)[header:]
        if codec is Codec.AAC and body[1] == _SEQUENCE_HEADER:
            return self._header(self._audio, codec, data)
        if codec is Codec.PCMA or codec is Codec.PCMU:
            self._audio.begin(codec, bytes((1 + (body[0] & 1),)))
        return self._frames(self._audio, codec, stamp, 0, True, data)

    def _enhanced(self, line: _Line, stamp: int, keyframe: bool, body: Body) -> Sequence[Item]:
        items: list[Item] = []
        for unit in enhanced.read(line.kind, body):
            if unit.track == MAIN:
                items += self._main(line, stamp, keyframe, unit)
            elif (line.kind, unit.track) not in self._others:
                self._others.add((line.kind, unit.track))
                items.append(OtherTrack(line.kind, unit.track, _name(line.kind, unit.four_letters)))
        return items

    def _main(self, line: _Line, stamp: int, keyframe: bool, unit: Unit) -> Sequence[Item]:
        if unit.packet_type == PacketType.METADATA:  # or how channels are ordered: the codecs say so themselves
            return ()
        codec = enhanced.FOUR_LETTERS.get(unit.four_letters)
        if codec is None or codec.kind is not line.kind:
            raise _not_taken(line.kind, _name(line.kind, unit.four_letters))
        if unit.packet_type in (PacketType.SEQUENCE_START, PacketType.MPEG2_TS_SEQUENCE_START):
            return self._header(line, codec, unit.data)
        data, offset = unit.data, 0
        if unit.packet_type == PacketType.CODED_FRAMES:
            if codec in (Codec.H264, Codec.HEVC):
                offset, data = int.from_bytes(data[:_OFFSET], "big", signed=True), data[_OFFSET:]
        elif unit.packet_type != PacketType.CODED_FRAMES_X or line.kind is Kind.AUDIO:
            return ()
        return self._frames(line, codec, stamp, offset, keyframe, data, unit.nanoseconds)

    def _header(self, line: _Line, codec: Codec, data: memoryview) -> Sequence[Item]:
        """A sequence header: it announces its track, unless frames have to tell the rest of it."""
        record = configs.of_header(codec, data)
        if record is None:
            return ()
        line.begin(codec, record)
        config = record if line.telling is None else line.telling(record, b"", False)
        return () if config is None else line.announce(config)

    def _frames(
        self, line: _Line, codec: Codec, stamp: int, offset: int, keyframe: bool, data: memoryview, nanoseconds: int = 0
    ) -> Sequence[Item]:
        if codec is Codec.AV1 and bytes(data[:2]) == _TEMPORAL_DELIMITER:
            data = data[2:]
        if not data:
            return ()
        if codec is not line.codec:
            if configs.needs_header(codec):
                return ()
            line.begin(codec, b"")
        track = line.track
        config: bytes | None = line.record if line.telling is None else line.telling(line.record, data, keyframe)
        if config is None:
            if line.kind is Kind.AUDIO or track is None or track.codec is not codec:
                return ()  # no frame of this codec, or none that a decoder could begin with
            config = track.config
        packet = Packet(line.kind, stamp, offset, keyframe, bytes(data), nanoseconds)
        if track is not None and track.config is config and track.codec is codec:  # almost always
            return (packet,)
        return (*line.announce(config), packet)


def _not_taken(kind: Kind, name: str) -> CodecError:
    return CodecError(f"{name} {kind} is not taken, only {_TAKEN[kind]}: {_ADVICE[kind]}")


def _name(kind: Kind, four_letters: bytes) -> str:
    """Name a codec by its FourCC."""
    codec = enhanced.FOUR_LETTERS.get(four_letters)
    if codec is not None and codec.kind is kind:
        return codec.label
    plain = "".join(chr(byte) if 0x20 < byte < 0x7F else "?" for byte in four_letters)
    return _OTHER_FOUR_LETTERS.get(four_letters, f"Enhanced RTMP {plain!r}")
