"""Reads what tells of sound other than AAC: rates, channels, and how many samples a packet holds. No I/O.

Sources: MP3: ISO/IEC 11172-3, 2.4.2.3, and 13818-3, 2.4.2.3. Opus: RFC 7845, 5.1, and RFC 6716, 3. FLAC: RFC 9639, 8.2
and 9.1. AC-3: ETSI TS 102 366, 4.4. What each record is stands at ``ingest.media.Track``.
"""

from dataclasses import dataclass

from transcode.cmaf.config import AudioConfig, CodecError

_MP3_RATES = (44_100, 48_000, 32_000)
_MPEG1, _MPEG2, _MPEG25 = 3, 2, 0


def parse_mp3(record: bytes) -> AudioConfig:
    """Read an MP3 frame's header. Raises CodecError."""
    if len(record) < 4 or record[0] != 0xFF or record[1] & 0xE6 != 0xE2 or record[2] >> 2 & 3 == 3:
        raise CodecError("not an MP3 frame's header")
    version = record[1] >> 3 & 3
    rate = _MP3_RATES[record[2] >> 2 & 3] >> {_MPEG1: 0, _MPEG2: 1, _MPEG25: 2}.get(version, 0)
    channels = 1 if record[3] >> 6 == 3 else 2
    # RFC 6381 goes by the object types of ISO/IEC 14496-1, table 5.
    name, length = ("mp4a.6b", 1152) if version == _MPEG1 else ("mp4a.69", 576)
    return AudioConfig(name, rate, channels, length)


_OPUS_RATE = 48_000
_OPUS_USUAL = 960
_OPUS_LONGEST = 5760
_SILK, _HYBRID, _CELT = (480, 960, 1920, 2880), (480, 960), (120, 240, 480, 960)


@dataclass(frozen=True, slots=True)
class OpusConfig(AudioConfig):
    """Opus: each packet tells how long it is."""

    def samples(self, data: bytes) -> int:
        """Return how many samples a packet holds."""
        if not data:
            return self.frame_length
        mode, code = data[0] >> 3, data[0] & 3
        length = _SILK[mode & 3] if mode < 12 else _HYBRID[mode & 1] if mode < 16 else _CELT[mode & 3]
        frames = (1, 2, 2, data[1] & 0x3F if len(data) > 1 else 0)[code]
        return length * frames if 0 < length * frames <= _OPUS_LONGEST else self.frame_length


def parse_opus(record: bytes) -> AudioConfig:
    """Read an Opus identification header. Raises CodecError."""
    if len(record) < 19 or not record.startswith(b"OpusHead") or not record[9]:
        raise CodecError("not an Opus identification header")
    return OpusConfig("Opus", _OPUS_RATE, record[9], _OPUS_USUAL)


_FLAC_RATES = (1, 655_350)


@dataclass(frozen=True, slots=True)
class FlacConfig(AudioConfig):
    """FLAC: frames may differ in length, the last one always does."""

    def samples(self, data: bytes) -> int:
        """Return how many samples a frame holds."""
        code = data[2] >> 4 if len(data) > 4 else 0
        if code in (6, 7):
            number = data[4]  # the coded number of the frame, or of its first sample
            at = 4 + max(1, (8 - (~number & 0xFF).bit_length()))
            return int.from_bytes(data[at : at + code - 5], "big") + 1
        if code:
            return 192 if code == 1 else 576 << code - 2 if code < 6 else 256 << code - 8
        return self.frame_length


def parse_flac(record: bytes) -> AudioConfig:
    """Read STREAMINFO. Raises CodecError."""
    if len(record) < 34:
        raise CodecError("the FLAC stream information is cut short")
    rate = int.from_bytes(record[10:13], "big") >> 4
    longest = int.from_bytes(record[2:4], "big")
    if not _FLAC_RATES[0] <= rate <= _FLAC_RATES[1] or longest < 16:
        raise CodecError("the FLAC stream information makes no sense")
    return FlacConfig("fLaC", rate, (record[12] >> 1 & 7) + 1, longest)


def flac_sample_bits(record: bytes) -> int:
    """Return how many bits a sample has, by STREAMINFO."""
    return ((record[12] & 1) << 4 | record[13] >> 4) + 1


_AC3_RATES = (48_000, 44_100, 32_000)
_AC3_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)  # by acmod


def parse_ac3(record: bytes) -> AudioConfig:
    """Read an AC3SpecificBox's content. Raises CodecError."""
    if len(record) < 3 or record[0] >> 6 == 3:
        raise CodecError("not an AC-3 record")
    acmod, lfe = record[1] >> 3 & 7, record[1] >> 2 & 1
    return AudioConfig("ac-3", _AC3_RATES[record[0] >> 6], _AC3_CHANNELS[acmod] + lfe, 1536)


G711_RATE = 8000


@dataclass(frozen=True, slots=True)
class G711Config(AudioConfig):
    """G.711: a byte is a sample."""

    def samples(self, data: bytes) -> int:
        """Return how many samples a packet holds."""
        return max(1, len(data) // self.channels)


def parse_g711(record: bytes) -> AudioConfig:
    """Read the number of channels. Raises CodecError."""
    if record not in (b"\1", b"\2"):
        raise CodecError("G.711 has one channel or two")
    return G711Config("g711", G711_RATE, record[0], 160)  # no container that is passed on holds it
