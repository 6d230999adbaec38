"""Writes frames that are silent and fit a host's own sound: no encoder is needed for nothing. Pure, no I/O.

Sources: AAC: ISO/IEC 14496-3, 4.4.2 (syntax), 4.5.1.2.1 and table 1.19 (channel configurations). Opus: RFC 6716, 3.1
and 4.3 (CELT's silence flag). FLAC: RFC 9639, 9. A decoder of the first two overlaps a frame with the one before, so
what sounded last fades out within it.
"""

from ingest.media import Codec, Track
from transcode.cmaf.asc import OWN_LAYOUT, channel_configuration, parse_aac
from transcode.cmaf.codecs import parse_audio
from transcode.cmaf.config import CodecError
from transcode.cmaf.sound_records import flac_sample_bits

_SINGLE, _PAIR, _LFE, _END = 0, 1, 3, 7  # id_syn_ele
_ELEMENTS = {
    1: (_SINGLE,),
    2: (_PAIR,),
    3: (_SINGLE, _PAIR),
    4: (_SINGLE, _PAIR, _SINGLE),
    5: (_SINGLE, _PAIR, _PAIR),
    6: (_SINGLE, _PAIR, _PAIR, _LFE),
    8: (_SINGLE, _PAIR, _PAIR, _PAIR, _LFE),
}
_PARAMETRIC_STEREO = "mp4a.40.29"  # its core, which is what is written here, has one channel
_GAIN = (100, 8)  # global_gain; of no bands at all it says nothing
_ONE_LONG_WINDOW = (0, 11)  # ics_info: reserved, ONLY_LONG_SEQUENCE, sine window, max_sfb 0, no predictor
_NO_TOOLS = (0, 3)  # pulse_data, tns_data and gain_control_data are absent


def silent_frame(track: Track) -> bytes:
    """Return a frame of silence for the sound ``track``. Raises CodecError."""
    match track.codec:
        case Codec.AAC:
            return _silent_aac(track.config)
        case Codec.OPUS:
            return _silent_opus(track)
        case Codec.FLAC:
            return _silent_flac(track)
        case _:
            raise CodecError(f"there is no silence in {track.codec.label} here")


def _silent_aac(record: bytes) -> bytes:
    aac = parse_aac(record)
    bits = _Bits()
    tags: dict[int, int] = {}
    elements = _ELEMENTS.get(1 if aac.codecs == _PARAMETRIC_STEREO else aac.channels)
    if elements is None or (aac.channels > 2 and channel_configuration(record) == OWN_LAYOUT):
        raise CodecError("there is no silence in AAC of a layout of its own here")
    for element in elements:
        bits.put(element, 3)
        bits.put(tags.get(element, 0), 4)
        tags[element] = tags.get(element, 0) + 1
        if element == _PAIR:
            bits.put(1, 1)  # common_window
            bits.put(*_ONE_LONG_WINDOW)
            bits.put(0, 2)  # ms_mask_present
            for _ in range(2):
                bits.put(*_GAIN)
                bits.put(*_NO_TOOLS)
        else:
            bits.put(*_GAIN)
            bits.put(*_ONE_LONG_WINDOW)
            bits.put(*_NO_TOOLS)
    bits.put(_END, 3)
    return bits.bytes()


def _silent_opus(track: Track) -> bytes:
    """20 ms of CELT at full band, whose first coded symbol says silence."""
    channels = parse_audio(track).channels
    if channels > 2:
        raise CodecError("there is no silence in Opus of more than two channels here")
    return bytes((31 << 3 | (channels - 1) << 2, 0xFF, 0xFE))


def _silent_flac(track: Track) -> bytes:
    """A frame of constant subframes, as long as the longest of the host's."""
    flac, size = parse_audio(track), flac_sample_bits(track.config)
    # Fixed block size, whose number is told in 16 bits; rate and sample size as STREAMINFO has them; frame 0.
    head = bytes((0xFF, 0xF8, 0x70, (flac.channels - 1) << 4, 0)) + (flac.frame_length - 1).to_bytes(2, "big")
    bits = _Bits()
    for byte in head + bytes((_crc(head, 8, 0x07),)):
        bits.put(byte, 8)
    for _ in range(flac.channels):
        bits.put(0, 8)  # SUBFRAME_CONSTANT
        bits.put(0, size)
    frame = bits.bytes()
    return frame + _crc(frame, 16, 0x8005).to_bytes(2, "big")


def _crc(data: bytes, size: int, polynomial: int) -> int:
    """Return the cyclic redundancy check of ``size`` bits that begins with 0 (RFC 9639, 9.1.8 and 9.3)."""
    value = 0
    for byte in data:
        value ^= byte << size - 8
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> size - 1 else 0)
            value &= (1 << size) - 1
    return value


class _Bits:
    """Writes bits, most significant first."""

    def __init__(self) -> None:
        self._value = 0
        self._count = 0

    def put(self, value: int, count: int) -> None:
        """Write ``value`` in ``count`` bits."""
        self._value = self._value << count | value
        self._count += count

    def bytes(self) -> bytes:
        """Return what was written; zeros fill the last byte."""
        spare = -self._count % 8
        return (self._value << spare).to_bytes((self._count + spare) // 8, "big")
