"""What an init segment says of its track: ISO/IEC 14496-12, and the codec strings of RFC 6381. Pure.

Sample entries are those that Veilcast sends: avc1 and hvc1 (ISO/IEC 14496-15), av01 and vp09 (the bindings of AOMedia
and WebM), mp4a (ISO/IEC 14496-14), Opus and fLaC (the encapsulations of Xiph).
"""

import struct
from dataclasses import dataclass

from tests.support.boxes import Box, parse

_ENTRY = {"avc1": 78, "hvc1": 78, "av01": 78, "vp09": 78, "mp4a": 28, "Opus": 28, "fLaC": 28}
"""How many bytes of a sample entry come before the boxes in it."""
_DESCRIPTORS = {3: 3, 4: 13, 5: 0}
"""ES, decoder configuration, its specific information: what comes before the descriptors in each."""


class InitError(ValueError):
    """This is no init segment that players can use; the text says why."""


@dataclass(frozen=True, slots=True)
class TrackInit:
    """``codecs`` as in CODECS, ``timescale`` units a second; ``frame``: how many one of sound lasts, else 0."""

    codecs: str
    timescale: int
    frame: int

    @property
    def picture(self) -> bool:
        return self.codecs[:4] in ("avc1", "hvc1", "av01", "vp09")

    @property
    def avc(self) -> bool:
        return self.codecs.startswith("avc1")


def read_init(data: bytes) -> TrackInit:
    """Read an init segment. Raises InitError."""
    try:
        boxes = parse(data)
        if [box.kind for box in boxes] != ["ftyp", "moov"]:
            raise InitError(f"it consists of {[box.kind for box in boxes]}")
        trak = boxes[1].find("trak")
        mdhd = trak.find("mdia/mdhd")
        (timescale,) = struct.unpack_from(">I", mdhd.body, 20 if mdhd.version else 12)
        boxes[1].find("mvex")
        (count,) = struct.unpack_from(">I", trak.find("mdia/minf/stbl/stsz").body, 8)
        (entry,) = parse(trak.find("mdia/minf/stbl/stsd").body[8:])
        return _track(entry, timescale, count)
    except (AssertionError, ValueError, IndexError, struct.error) as error:
        raise InitError(f"{type(error).__name__}: {error}") from error


def _track(entry: Box, timescale: int, samples: int) -> TrackInit:
    if samples:
        raise InitError(f"it has {samples} samples")
    if entry.kind not in _ENTRY:
        raise InitError(f"its sample entry is {entry.kind}")
    inner = {box.kind: box for box in parse(entry.body[_ENTRY[entry.kind] :])}
    if _ENTRY[entry.kind] == _ENTRY["avc1"]:
        return TrackInit(_picture(entry.kind, inner), timescale, 0)
    if entry.kind == "Opus":
        return TrackInit("Opus", timescale, timescale // 50 if inner["dOps"].body[0] == 0 else 0)
    if entry.kind == "fLaC":
        return TrackInit("fLaC", timescale, int.from_bytes(inner["dfLa"].body[10:12], "big"))
    specific = _specific(inner["esds"].body[4:])
    object_type = specific[0] >> 3
    short = specific[1] >> 2 & 1  # frameLengthFlag (ISO/IEC 14496-3, 4.4.1)
    return TrackInit(f"mp4a.40.{object_type}", timescale, 960 if short else 1024)


def _picture(kind: str, inner: dict[str, Box]) -> str:
    """Return the codec string of a picture."""
    match kind:
        case "avc1":
            return f"avc1.{inner['avcC'].body[1:4].hex()}"
        case "hvc1":
            record = inner["hvcC"].body
            flags = f"{int.from_bytes(record[2:6], 'big'):032b}"
            constraints = [f"{byte:x}" for byte in record[6:12]]
            while constraints and constraints[-1] == "0":
                constraints.pop()
            level = ("H" if record[1] & 0x20 else "L") + str(record[12])
            return ".".join(["hvc1", str(record[1] & 0x1F), f"{int(flags[::-1], 2):x}", level, *constraints])
        case "av01":
            record = inner["av1C"].body
            depth = {0: 8, 2: 10, 3: 12}[record[2] >> 5 & 3]
            return f"av01.{record[1] >> 5}.{record[1] & 31:02d}{'MH'[record[2] >> 7]}.{depth:02d}"
        case _:
            record = inner["vpcC"].body[4:]
            return f"vp09.{record[0]:02d}.{record[1]:02d}.{record[2] >> 4:02d}"


def _specific(data: bytes) -> bytes:
    """Return the AudioSpecificConfig within an ES descriptor (ISO/IEC 14496-1, 7.2.6)."""
    at = 0
    while True:
        tag, at = data[at], at + 1
        size, more = 0, True
        while more:
            size, more, at = size << 7 | data[at] & 0x7F, bool(data[at] & 0x80), at + 1
        if tag == 5:
            return data[at : at + size]
        at += _DESCRIPTORS[tag]
