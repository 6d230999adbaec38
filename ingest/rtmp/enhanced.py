"""The extended tag headers of Enhanced RTMP: where in a tag's body what lies, of which track. Pure, no I/O.

Sources: Enhanced RTMP v1 ("Defining Additional Video Codecs") and v2 ("Enhanced Audio", "Enhanced Video"), Veovera.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ingest.media import Codec, Kind

Body = bytes | bytearray

FOUR_LETTERS: Final = {
    b"avc1": Codec.H264,
    b"hvc1": Codec.HEVC,
    b"av01": Codec.AV1,
    b"vp09": Codec.VP9,
    b"mp4a": Codec.AAC,
    b".mp3": Codec.MP3,
    b"Opus": Codec.OPUS,
    b"fLaC": Codec.FLAC,
    b"ac-3": Codec.AC3,
}
"""The FourCCs that are taken."""

MULTITRACK, MOD_EX, TIMESTAMP_NANO_OFFSET = 2, 4, 8  # bits of capsEx
CAPABILITIES: Final = MULTITRACK | MOD_EX | TIMESTAMP_NANO_OFFSET
CAN_DECODE: Final = 1  # of a FourCcInfoMask

MAIN: Final = 0
"""The id of the track that plays; a tag without multitrack is of it, too."""


class PacketType(IntEnum):
    """What a tag carries; the names are those of video, where audio has what is alike by the same number."""

    SEQUENCE_START = 0
    CODED_FRAMES = 1
    SEQUENCE_END = 2
    CODED_FRAMES_X = 3
    METADATA = 4
    MPEG2_TS_SEQUENCE_START = 5


_MULTITRACK: Final = {Kind.VIDEO: 6, Kind.AUDIO: 5}
_MOD_EX: Final = 7
_NANO_OFFSET, _NANOSECONDS = 0, 1_000_000
_ONE_TRACK, _MANY_TRACKS, _MANY_TRACKS_MANY_CODECS = 0, 1, 2
_COMMAND_FRAME: Final = 5


@dataclass(frozen=True, slots=True)
class Unit:
    """What a tag holds of one track: ``packet_type`` (a ``PacketType``, or a number that none has) and its ``data``.

    ``nanoseconds`` are to be added to the presentation time.
    """

    track: int
    four_letters: bytes
    packet_type: int
    nanoseconds: int
    data: memoryview


class _CutShortError(Exception):
    """The body ends before what its header promises."""


class _Cursor:
    def __init__(self, body: Body) -> None:
        self._body = memoryview(body)
        self._at = 0

    def take(self, count: int) -> memoryview:
        if count > len(self._body) - self._at:
            raise _CutShortError
        self._at += count
        return self._body[self._at - count : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def rest(self) -> memoryview:
        return self.take(len(self._body) - self._at)

    @property
    def done(self) -> bool:
        return self._at == len(self._body)


def read(kind: Kind, body: Body) -> Iterator[Unit]:
    """Yield what the tag ``body`` holds, for one track after the other; what is cut short is left out."""
    try:
        yield from _read(kind, _Cursor(body))
    except _CutShortError:
        return


def _read(kind: Kind, body: _Cursor) -> Iterator[Unit]:
    first = body.number(1)
    packet_type, nanoseconds = first & 0x0F, 0
    while packet_type == _MOD_EX:
        size = body.number(1) + 1
        if size == 1 << 8:
            size = body.number(2) + 1
        extension = body.take(size)
        following = body.number(1)
        packet_type = following & 0x0F
        if following >> 4 == _NANO_OFFSET and (told := int.from_bytes(extension[:3], "big")) < _NANOSECONDS:
            nanoseconds = told
    if kind is Kind.VIDEO and first >> 4 & 7 == _COMMAND_FRAME:  # or metadata, which nothing here needs
        return
    if packet_type != _MULTITRACK[kind]:
        yield Unit(MAIN, bytes(body.take(4)), packet_type, nanoseconds, body.rest())
        return
    layout = body.number(1)
    sort, packet_type = layout >> 4, layout & 0x0F
    if sort > _MANY_TRACKS_MANY_CODECS:
        return
    four_letters = b"" if sort == _MANY_TRACKS_MANY_CODECS else bytes(body.take(4))
    while not body.done:
        four_letters = bytes(body.take(4)) if sort == _MANY_TRACKS_MANY_CODECS else four_letters
        track = body.number(1)
        data = body.rest() if sort == _ONE_TRACK else body.take(body.number(3))
        yield Unit(track, four_letters, packet_type, nanoseconds, data)
