"""A codec's configuration: taken from its sequence header, and from its frames where only these tell it. Pure, no I/O.

What ``config`` is for each codec stands at ``ingest.media.Track``. Only what every decoder needs is checked here.
"""

from collections.abc import Callable
from typing import Final

from ingest.media import Codec, Kind
from ingest.rtmp.errors import ConfigError

Buffer = bytes | bytearray | memoryview

_MOST_PICTURE_SIZE_BITS: Final = 16


def of_header(codec: Codec, body: Buffer) -> bytes | None:
    """Return the record that a sequence header holds; None if it holds none that matters. Raises ConfigError."""
    record = bytes(body)
    if codec not in _CHECKS or (codec is Codec.OPUS and record.startswith(_OPUS_TAGS)):
        return None
    return _CHECKS[codec](record)


def needs_header(codec: Codec) -> bool:
    """Whether nothing can be made of it before its sequence header."""
    return codec in _CHECKS


def _broken(codec: Codec, how: str = "broken") -> ConfigError:
    what = "picture" if codec.kind is Kind.VIDEO else "sound"
    return ConfigError(f"the {codec.label} configuration is {how}: the {what} is left out until a whole one comes")


# --- sequence headers ------------------------------------------------------------------------------------------


def _avc(record: bytes) -> bytes:
    """Version 1, and a sequence parameter set that is there."""
    whole = len(record) >= 8 and record[0] == 1 and record[5] & 0x1F
    if not whole or not 0 < int.from_bytes(record[6:8], "big") <= len(record) - 8:
        raise _broken(Codec.H264)
    return record


_HEVC_FIXED, _HEVC_SPS = 23, 33


def _hevc(record: bytes) -> bytes:
    """Version 1, and a sequence parameter set that is there."""
    if len(record) < _HEVC_FIXED or record[0] != 1:
        raise _broken(Codec.HEVC)
    at = _HEVC_FIXED
    for _ in range(record[22]):
        if len(record) < at + 3:
            break
        unit_type, count = record[at] & 0x3F, int.from_bytes(record[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            end = at + 2 + int.from_bytes(record[at : at + 2], "big")
            if end > len(record) or end == at + 2:
                raise _broken(Codec.HEVC)
            if unit_type == _HEVC_SPS:
                return record
            at = end
    raise _broken(Codec.HEVC)


_AV1_RECORD = 4


def _av1(record: bytes) -> bytes:
    """Marker and version; the sequence header may come with the first keyframe."""
    if len(record) < _AV1_RECORD or record[0] != 0x81:
        raise _broken(Codec.AV1)
    return record


_VP_RECORD = 8


def _vp9(record: bytes) -> bytes:
    """Some send the record with the version and flags of its box before it (as FFmpeg does), some alone."""
    if len(record) >= _VP_RECORD + 4 and record[:4] == b"\1\0\0\0":
        record = record[4:]
    if len(record) < _VP_RECORD:
        raise _broken(Codec.VP9)
    return record[:_VP_RECORD]


def _aac(record: bytes) -> bytes:
    if len(record) < 2:
        raise _broken(Codec.AAC, "empty")
    return record


_OPUS_HEAD, _OPUS_TAGS = b"OpusHead", b"OpusTags"


def _opus(record: bytes) -> bytes:
    if len(record) < 19 or not record.startswith(_OPUS_HEAD):
        raise _broken(Codec.OPUS)
    return record


_STREAMINFO = 34


def _flac(record: bytes) -> bytes:
    """STREAMINFO, with or without the marker and the block's header before it; what is of a whole file becomes 0."""
    if record.startswith(b"fLaC"):
        record = record[4:]
    if len(record) >= 4 + _STREAMINFO and record[0] & 0x7F == 0 and record[1:4] == b"\0\0\x22":
        record = record[4:]
    if len(record) < _STREAMINFO or not any(record[10:13]):
        raise _broken(Codec.FLAC)
    # Block sizes stay; frame sizes, the number of samples and their digest are known only afterwards.
    return record[:4] + bytes(6) + record[10:13] + bytes((record[13] & 0xF0,)) + bytes(20)


_CHECKS: Final[dict[Codec, Callable[[bytes], bytes]]] = {
    Codec.H264: _avc,
    Codec.HEVC: _hevc,
    Codec.AV1: _av1,
    Codec.VP9: _vp9,
    Codec.AAC: _aac,
    Codec.OPUS: _opus,
    Codec.FLAC: _flac,
}


# --- what frames tell ------------------------------------------------------------------------------------------


Telling = Callable[[bytes, Buffer, bool], bytes | None]
"""From the newest sequence header's record, a packet's data and whether it is a keyframe to the configuration of that
packet; None if it does not tell."""


def telling(codec: Codec) -> Telling | None:
    """Return what reads the configuration from the frames, for a codec whose frames are needed for that."""
    return _TELLING.get(codec)


_OBU_SEQUENCE_HEADER: Final = 1


def _of_av1(record: bytes, data: Buffer, keyframe: bool) -> bytes | None:
    """An AV1 record and, if it lacks that, the sequence header of a temporal unit (AV1 Bitstream, 5.3)."""
    if len(record) > _AV1_RECORD:
        return record
    if not keyframe:
        return None
    at = 0
    while at < len(data):
        header = data[at]
        begin = at + 1 + (header >> 2 & 1)
        size = shift = 0
        at = begin
        if header & 2:
            while at < len(data):
                size |= (data[at] & 0x7F) << shift
                shift += 7
                at += 1
                if not data[at - 1] & 0x80 or shift > 28:
                    break
        else:
            size = len(data) - at
        end = at + size
        if size < 0 or end > len(data):  # less than none is left behind a header that is cut short
            return None
        if header >> 3 & 0x0F == _OBU_SEQUENCE_HEADER:
            # In a record each OBU tells its size (AV1 in ISO BMFF, 2.3.4); one that has none is less than 128 bytes.
            if header & 2:
                return record + bytes(data[begin - 1 - (header >> 2 & 1) : end])
            return record + bytes((header & ~4 | 2, size)) + bytes(data[at:end]) if size < 1 << 7 else None
        at = end
    return None


_VP9_SYNC, _VP9_SRGB = 0x498342, 7


def _of_vp9(record: bytes, data: Buffer, keyframe: bool) -> bytes | None:
    """A VP9 record, and the size in a keyframe's header (VP9 Bitstream & Decoding Process, 6.2)."""
    if not keyframe:
        return None
    head = bytes(data[:16])
    bits, left = int.from_bytes(head, "big"), 8 * len(head)

    def u(count: int) -> int:
        nonlocal left
        left -= count
        return bits >> left & (1 << count) - 1 if left >= 0 else 0

    if u(2) != 2:  # frame_marker
        return None
    profile = u(1) | u(1) << 1
    if profile == 3:
        u(1)
    if u(1) or u(1):  # show_existing_frame, or no keyframe
        return None
    u(2)  # show_frame, error_resilient_mode
    if u(24) != _VP9_SYNC:
        return None
    if profile >= 2:
        u(1)  # ten_or_twelve_bit
    if u(3) != _VP9_SRGB:
        u(1)  # color_range
        if profile & 1:
            u(3)  # subsampling, reserved
    elif profile & 1:
        u(1)
    size = u(32)  # width and height, less one
    if left < 0:
        return None
    width, height = (size >> 16) + 1, (size & 0xFFFF) + 1
    if max(width, height) >> _MOST_PICTURE_SIZE_BITS:
        return None
    return record + width.to_bytes(2, "big") + height.to_bytes(2, "big")


_MONO: Final = 0xC0


def _of_mp3(_record: bytes, data: Buffer, _keyframe: bool) -> bytes | None:
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return None
    version, layer, rate = data[1] >> 3 & 3, data[1] >> 1 & 3, data[2] >> 2 & 3
    if version == 1 or layer != 1 or rate == 3:  # reserved, not Layer III, reserved
        return None
    return bytes((0xFF, data[1] | 1, rate << 2, _MONO if data[3] & _MONO == _MONO else 0))


_MOST_AC3_BSID, _AC3_SIZE_CODES = 8, 38


def _of_ac3(_record: bytes, data: Buffer, _keyframe: bool) -> bytes | None:
    """Syncinfo and bsi (ETSI TS 102 366, 4.3) as the AC3SpecificBox has them."""
    if len(data) < 8 or data[0] != 0x0B or data[1] != 0x77:
        return None
    rate, size_code = data[4] >> 6, data[4] & 0x3F
    bsid, bsmod = data[5] >> 3, data[5] & 7
    if rate == 3 or bsid > _MOST_AC3_BSID or size_code >= _AC3_SIZE_CODES:
        return None
    tail = data[6] << 8 | data[7]
    acmod = tail >> 13
    mixing = 2 * ((acmod & 1 and acmod != 1) + bool(acmod & 4) + (acmod == 2))  # bits before lfeon
    lfe = tail >> (12 - mixing) & 1
    packed = rate << 22 | bsid << 17 | bsmod << 14 | acmod << 11 | lfe << 10 | (size_code >> 1) << 5
    return packed.to_bytes(3, "big")


_TELLING: Final[dict[Codec, Telling]] = {
    Codec.AV1: _of_av1,
    Codec.VP9: _of_vp9,
    Codec.MP3: _of_mp3,
    Codec.AC3: _of_ac3,
}
