"""ISO base media boxes: a CMAF header and a CMAF chunk of one track, as bytes. Pure functions, no I/O.

Sources: ISO/IEC 14496-12 (boxes), 14496-14 (esds), 14496-15 (avcC, hvcC), 23000-19 (CMAF, 7.3); AV1 Codec ISO Media
File Format Binding, 2.2 and 2.3 (av1C); VP Codec ISO Media File Format Binding (vpcC); Encapsulation of Opus in ISO
Base Media File Format, 4.3 (dOps); Encapsulation of FLAC in ISO Base Media File Format, 3.3 (dfLa). The track id is
always 1.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingest.media import Codec, Kind, Track
from transcode.cmaf.config import AudioConfig, CodecError, VideoConfig
from transcode.cmaf.sound_records import flac_sample_bits

_MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_UNDETERMINED = 0x55C4  # ISO 639-2 "und", packed in 5-bit letters
_TRACK_ID = 1

# Sample flags (14496-12, 8.8.3.1): depends on others and not a sync sample; or depends on none.
_SYNC = 0x02000000
_NON_SYNC = 0x01010000


@dataclass(frozen=True, slots=True)
class Sample:
    """One access unit in a chunk; ``duration`` and signed composition ``offset`` in timescale units."""

    duration: int
    offset: int
    keyframe: bool
    data: bytes | memoryview


def box(kind: bytes, *payload: bytes) -> bytes:
    """Return a box of ``kind`` around ``payload`` (14496-12, 4.2)."""
    body = b"".join(payload)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *payload: bytes) -> bytes:
    """Return a box with version and flags (14496-12, 4.2)."""
    return box(kind, struct.pack(">I", version << 24 | flags), *payload)


def video_init(track: Track, config: VideoConfig, timescale: int) -> bytes:
    """Return the CMAF header of a video track. Raises CodecError."""
    ratio = config.sample_aspect_ratio
    name, record = _video_record(track)
    entry = box(
        name,
        struct.pack(">6xH16x", 1),
        struct.pack(">HHIIIH32xHh", config.width, config.height, 72 << 16, 72 << 16, 0, 1, 24, -1),
        record,
        box(b"pasp", struct.pack(">II", ratio.numerator, ratio.denominator)),
    )
    header = full_box(b"vmhd", 0, 1, bytes(8))
    return _init(b"vide", header, entry, timescale, volume=0, size=(config.display_width, config.height))


def _video_record(track: Track) -> tuple[bytes, bytes]:
    """Return the name of the sample entry, and the box with the decoder's configuration in it."""
    match track.codec:
        case Codec.H264:
            return b"avc1", box(b"avcC", track.config)
        case Codec.HEVC:
            return b"hvc1", box(b"hvcC", track.config)
        case Codec.AV1:
            return b"av01", box(b"av1C", track.config)
        case Codec.VP9:
            return b"vp09", full_box(b"vpcC", 1, 0, track.config[:8])
        case _:
            raise CodecError(f"there is no CMAF for {track.codec.label} here")


def audio_init(track: Track, config: AudioConfig) -> bytes:
    """Return the CMAF header of an audio track; its timescale is the sample rate. Raises CodecError."""
    name, bits, record = _audio_record(track)
    # The 16.16 field cannot say rates from 65536 Hz on: 0, and the decoder's configuration counts.
    rate = config.sample_rate if config.sample_rate < 1 << 16 else 0
    entry = box(
        name,
        struct.pack(">6xH8x", 1),
        struct.pack(">HH4xI", config.channels, bits, rate << 16),
        record,
    )
    return _init(b"soun", full_box(b"smhd", 0, 0, bytes(4)), entry, config.sample_rate, volume=0x100, size=(0, 0))


def _audio_record(track: Track) -> tuple[bytes, int, bytes]:
    """Return the name of the sample entry, its bits in a sample, and the box with the decoder's configuration in it."""
    match track.codec:
        case Codec.AAC:
            # 14496-1, 7.2.6: ES descriptor with the decoder's configuration inside.
            decoder = _descriptor(4, struct.pack(">BB3xII", 0x40, 0x15, 0, 0), _descriptor(5, track.config))
            stream = _descriptor(3, struct.pack(">HB", _TRACK_ID, 0), decoder, _descriptor(6, b"\x02"))
            return b"mp4a", 16, full_box(b"esds", 0, 0, stream)
        case Codec.OPUS:
            # What the identification header says after its name and version, big-endian in place of little.
            channels, pre_skip, rate, gain = struct.unpack_from("<BHIh", track.config, 9)
            told = struct.pack(">BBHIh", 0, channels, pre_skip, rate, gain) + track.config[18:]
            return b"Opus", 16, box(b"dOps", told)
        case Codec.FLAC:
            last_block = b"\x80" + len(track.config).to_bytes(3, "big")
            return b"fLaC", flac_sample_bits(track.config), full_box(b"dfLa", 0, 0, last_block, track.config)
        case _:
            raise CodecError(f"there is no CMAF for {track.codec.label} here")


def _descriptor(tag: int, *payload: bytes) -> bytes:
    body = b"".join(payload)
    size = len(body)
    return bytes((tag, size >> 21 & 0x7F | 0x80, size >> 14 & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size & 0x7F)) + body


def _init(
    handler: bytes, media_header: bytes, entry: bytes, timescale: int, volume: int, size: tuple[int, int]
) -> bytes:
    width, height = size
    next_track = _TRACK_ID + 1
    mvhd = full_box(b"mvhd", 0, 0, struct.pack(">8xII", timescale, 0), struct.pack(">IH10x", 0x10000, 0x100), _MATRIX,
                    bytes(24), struct.pack(">I", next_track))  # fmt: skip
    tkhd = full_box(b"tkhd", 0, 3, struct.pack(">8xI8x", _TRACK_ID), struct.pack(">8xhhH2x", 0, 0, volume), _MATRIX,
                    struct.pack(">II", width << 16, height << 16))  # fmt: skip
    mdhd = full_box(b"mdhd", 0, 0, struct.pack(">8xIIHH", timescale, 0, _UNDETERMINED, 0))
    hdlr = full_box(b"hdlr", 0, 0, struct.pack(">4x4s12x", handler), b"Veilcast\0")
    dinf = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
    empty_tables = (
        full_box(b"stts", 0, 0, bytes(4)),
        full_box(b"stsc", 0, 0, bytes(4)),
        full_box(b"stsz", 0, 0, bytes(8)),
        full_box(b"stco", 0, 0, bytes(4)),
    )
    stbl = box(b"stbl", full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry), *empty_tables)
    mdia = box(b"mdia", mdhd, hdlr, box(b"minf", media_header, dinf, stbl))
    mvex = box(b"mvex", full_box(b"trex", 0, 0, struct.pack(">5I", _TRACK_ID, 1, 0, 0, 0)))
    ftyp = box(b"ftyp", b"iso6", bytes(4), b"iso6cmfcmp41")
    return ftyp + box(b"moov", mvhd, box(b"trak", tkhd, mdia), mvex)


def chunk(sequence: int, decode_time: int, samples: Sequence[Sample], codec: Codec) -> bytes:
    """Return a CMAF chunk (moof and mdat) whose first sample decodes at ``decode_time`` (timescale units)."""
    if codec.kind is Kind.AUDIO:
        flags, default = 0x000301, _SYNC
        rows: Iterable[bytes] = (struct.pack(">II", s.duration, len(s.data)) for s in samples)
    else:
        flags, default = 0x000F01, _NON_SYNC
        rows = (
            struct.pack(">IIIi", s.duration, len(s.data), _SYNC if s.keyframe else _NON_SYNC, s.offset) for s in samples
        )
    table = b"".join(rows)
    mfhd = full_box(b"mfhd", 0, 0, struct.pack(">I", sequence & 0xFFFFFFFF))
    tfhd = full_box(b"tfhd", 0, 0x020020, struct.pack(">II", _TRACK_ID, default))  # default-base-is-moof
    tfdt = full_box(b"tfdt", 1, 0, struct.pack(">Q", decode_time))
    moof_size = 8 + len(mfhd) + 8 + len(tfhd) + len(tfdt) + 20 + len(table)
    trun = full_box(b"trun", 1, flags, struct.pack(">Ii", len(samples), moof_size + 8), table)
    moof = box(b"moof", mfhd, box(b"traf", tfhd, tfdt, trun))
    mdat_size = 8 + sum(len(s.data) for s in samples)
    return b"".join((moof, struct.pack(">I4s", mdat_size, b"mdat"), *(s.data for s in samples)))
