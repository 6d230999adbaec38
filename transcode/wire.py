"""The link between the gate and a room's children, as bytes: messages to bytes and back. Sans-IO, no pickle.

A message is the length of its body (4 bytes, big-endian), one byte that says which message it is, and the body in
MessagePack. The bytes of packets and parts are MessagePack ``bin``; values travel as maps of their fields.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import GenericAlias
from typing import Any

import msgspec

from filters import Kind
from ingest.media import Track
from transcode.media import (
    Aired,
    AudioFormat,
    Cut,
    Delay,
    End,
    Init,
    Part,
    PartItem,
    Plan,
    RoomItem,
    SegmentEnd,
    SegmentStart,
    Slate,
    Tick,
    TimedPacket,
    VideoFormat,
)
from transcode.verdicts import Cleared, Cover, Found, Hole, LedgerEntry, Orphan, Require, Unveil, Veil

VERSION = 8
"""Both ends must speak the same: it is raised when a message changes."""
LONGEST = 64 << 20
"""Bytes that a message's body may have."""

_HEAD = struct.Struct(">IB")


class WireError(Exception):
    """What came is no message of this link; the text says why. Nothing after it can be understood."""


# --- gate -> worker --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setup:
    """The first message: what to make, and how far a worker before this one has come with it."""

    version: int
    plan: Plan
    aired: tuple[Aired, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """The next item of the room link. ``offset`` counts the items of a broadcast."""

    offset: int
    item: RoomItem


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a Pong."""


@dataclass(frozen=True, slots=True)
class Shed:
    """The machine cannot carry the room: go without what ``level`` says (see ``load``), from here on."""

    level: int


@dataclass(frozen=True, slots=True)
class PlainFilters:
    """These filters (specs as text) act from here on, in this order, loaded anew."""

    specs: tuple[str, ...]


# --- worker -> gate, beside the items of the part link ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message: which version the worker speaks."""

    version: int


@dataclass(frozen=True, slots=True)
class Ack:
    """All entries up to and including ``offset`` have been taken: there is room for more."""

    offset: int


@dataclass(frozen=True, slots=True)
class Pong:
    """The child lives, uses ``rss`` bytes of memory and has used ``cpu`` seconds of a processor.

    Of a worker, so far: ``dropped`` and ``repeated`` frames, and ticks ``covered`` by cause.
    """

    rss: int
    cpu: float
    dropped: int = 0
    repeated: int = 0
    covered: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """The End has been worked off, and all parts are out."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """What goes out of a rendition while no worker lives (see ``cover``): ``units`` that go with the init ``init``."""

    rendition: str
    init: str
    units: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Covering:
    """Slate and silence go out from here on instead of the host's media, for ``cause``; empty: that is over."""

    cause: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A filter fails as ``text`` says; empty: it works again. A detector process that has said so ends."""

    text: str


# --- gate -> detector, beside Entry and Ping, and back, beside Hello, Ack, Pong, Fault and ledger entries -------------


@dataclass(frozen=True, slots=True)
class Look:
    """The first message: what viewers get at best, which detectors (specs as text) are to look at it, and how many
    processors they may take between them."""

    version: int
    plan: Plan
    specs: tuple[str, ...]
    cores: float


@dataclass(frozen=True, slots=True)
class Takes:
    """What each of the detectors has a say in, and the longest ``context`` (ticks) that one of them needs."""

    takes: tuple[tuple[Kind, ...], ...]
    context: int


Message = (
    Setup
    | Entry
    | Ping
    | Shed
    | PlainFilters
    | Hello
    | Ack
    | Pong
    | Done
    | StandIn
    | Covering
    | Fault
    | Look
    | Takes
    | LedgerEntry
    | PartItem
)


# --- the table of messages -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    """One kind of message: what its body is decoded as, and the message that this makes."""

    tag: int
    body: msgspec.msgpack.Decoder[Any]
    message: Callable[[Any], Message]


def _as_is(tag: int, kind: type) -> _Row:
    return _Row(tag, msgspec.msgpack.Decoder(kind), lambda message: message)


def _entry(tag: int, kind: type) -> _Row:
    return _Row(tag, msgspec.msgpack.Decoder(GenericAlias(tuple, (int, kind))), lambda body: Entry(*body))


def _init(tag: int, kind: type) -> _Row:
    return _Row(tag, msgspec.msgpack.Decoder(GenericAlias(tuple, (str, str, bytes, kind))), lambda body: Init(*body))


# A union of plain values does not say which one it is, so each alternative is a message of its own.
_PLAIN = {
    kind: _as_is(tag, kind)
    for tag, kind in {
        1: Setup,
        2: Ping,
        3: Hello,
        4: Ack,
        5: Pong,
        6: Done,
        7: SegmentStart,
        8: Part,
        9: SegmentEnd,
        10: StandIn,
        11: Shed,
        12: PlainFilters,
        13: Covering,
        14: Fault,
        40: Look,
        41: Takes,
        48: Require,
        49: Found,
        50: Veil,
        51: Unveil,
        52: Orphan,
        53: Cleared,
        54: Hole,
        55: Cover,
    }.items()
}
_ENTRIES = {
    kind: _entry(tag, kind)
    for tag, kind in {
        16: Track,
        17: TimedPacket,
        18: Cut,
        19: Tick,
        20: End,
        21: Slate,
        22: Delay,
    }.items()
}
_INITS = {kind: _init(tag, kind) for tag, kind in {32: VideoFormat, 33: AudioFormat}.items()}
_ROWS = {row.tag: row for table in (_PLAIN, _ENTRIES, _INITS) for row in table.values()}

_encode = msgspec.msgpack.Encoder().encode


def pack(message: Message) -> bytes:
    """Return ``message`` as it goes over the link. Raises WireError if it is too long."""
    match message:
        case Entry(offset=offset, item=item):
            row, body = _ENTRIES[type(item)], _encode((offset, item))
        case Init(rendition=rendition, name=name, data=data, format=form):
            row, body = _INITS[type(form)], _encode((rendition, name, data, form))
        case _:
            row, body = _PLAIN[type(message)], _encode(message)
    if len(body) > LONGEST:
        raise WireError(f"a message of {len(body)} bytes is longer than the link takes ({LONGEST})")
    return _HEAD.pack(len(body), row.tag) + body


class Unpacker:
    """Makes messages of the bytes that come; keeps no more than one message that is not whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> Iterator[Message]:
        """Yield the messages that ``data`` makes whole. Raises WireError, from then on at each call."""
        self._buffer += data
        return self._messages()

    def _messages(self) -> Iterator[Message]:
        while len(self._buffer) >= _HEAD.size:
            length, tag = _HEAD.unpack_from(self._buffer)
            row = _ROWS.get(tag)
            if row is None:
                raise WireError(f"there is no message {tag}")
            if length > LONGEST:
                raise WireError(f"a message of {length} bytes is longer than the link takes ({LONGEST})")
            end = _HEAD.size + length
            if len(self._buffer) < end:
                return
            message = self._message(row, end)
            del self._buffer[:end]
            yield message

    def _message(self, row: _Row, end: int) -> Message:
        with memoryview(self._buffer) as whole, whole[_HEAD.size : end] as body:
            try:
                return row.message(row.body.decode(body))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise WireError(f"message {row.tag} is damaged: {error}") from None
