"""An ISO base media parser of the tests' own (ISO/IEC 14496-12): what we write is read by other code than ours."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"mvex", b"moof", b"traf"}


@dataclass
class Box:
    kind: str
    start: int
    """Where the box begins in what was parsed."""
    body: bytes
    children: list["Box"] = field(default_factory=list)

    def find(self, path: str) -> "Box":
        """Return the one box at ``path``, such as "traf/tfdt"."""
        name, _, rest = path.partition("/")
        (found,) = [child for child in self.children if child.kind == name]
        return found.find(rest) if rest else found

    @property
    def tree(self) -> str:
        """The kinds, nested in brackets."""
        inner = " ".join(child.tree for child in self.children)
        return f"{self.kind}({inner})" if inner else self.kind

    @property
    def version(self) -> int:
        return self.body[0]

    @property
    def flags(self) -> int:
        return int.from_bytes(self.body[1:4], "big")


def parse(data: bytes, start: int = 0) -> list[Box]:
    """Return the boxes that ``data`` consists of, to the last byte."""
    boxes, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        assert 8 <= size <= len(data) - at, f"{kind!r} at {start + at} says it has {size} bytes"
        body = data[at + 8 : at + size]
        children = parse(body, start + at + 8) if kind in CONTAINERS else []
        boxes.append(Box(kind.decode(), start + at, body, children))
        at += size
    return boxes


@dataclass(frozen=True)
class Row:
    """A sample as a chunk's track run tells it, with the bytes it points to."""

    duration: int
    offset: int
    flags: int
    data: bytes


@dataclass(frozen=True)
class Chunk:
    sequence: int
    decode_time: int
    rows: tuple[Row, ...]

    @property
    def end(self) -> int:
        return self.decode_time + sum(row.duration for row in self.rows)


def read_chunk(data: bytes) -> Chunk:
    """Read a moof and its mdat; every rule of CMAF that its layout must keep is asserted."""
    moof, mdat = parse(data)
    assert (moof.kind, mdat.kind) == ("moof", "mdat")
    assert moof.tree == "moof(mfhd traf(tfhd tfdt trun))"
    tfhd, tfdt, trun = (moof.find(f"traf/{kind}") for kind in ("tfhd", "tfdt", "trun"))
    assert tfhd.flags & 0x020000, "default-base-is-moof (CMAF, 7.5.16)"
    assert not tfhd.flags & 1
    assert tfdt.version == 1
    (sequence,) = struct.unpack(">I", moof.find("mfhd").body[4:])
    (decode_time,) = struct.unpack(">Q", tfdt.body[4:])
    default_flags = None
    if tfhd.flags & 0x20:
        (default_flags,) = struct.unpack(">I", tfhd.body[-4:])
    rows = tuple(_rows(data, moof.start, trun, default_flags))
    assert sum(len(row.data) for row in rows) == len(mdat.body)
    return Chunk(sequence, decode_time, rows)


def _rows(data: bytes, base: int, trun: Box, default_flags: int | None) -> Iterator[Row]:
    count, offset = struct.unpack_from(">Ii", trun.body, 4)
    assert trun.flags & 1
    assert not trun.flags & 4
    at, place = 12, base + offset
    fields = [flag for flag in (0x100, 0x200, 0x400, 0x800) if trun.flags & flag]
    assert {0x100, 0x200} <= set(fields)
    for _ in range(count):
        values = dict(zip(fields, struct.unpack_from(f">{len(fields)}I", trun.body, at), strict=True))
        at += 4 * len(fields)
        composition = values.get(0x800, 0)
        if trun.version == 1:
            composition -= (composition & 0x80000000) << 1
        flags = values.get(0x400, default_flags)
        assert flags is not None
        yield Row(values[0x100], composition, flags, data[place : place + values[0x200]])
        place += values[0x200]
    assert at == len(trun.body)
