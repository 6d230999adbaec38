"""The RTMP messages that a publisher and a server exchange, typed. Pure, no I/O.

Source: Adobe's RTMP 1.0 (2012), sections 5.4 and 7.1. One table names type id, class and reader; each class writes
itself. Set Chunk Size and Abort are the chunk stream's own (``chunks.py``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ingest.rtmp import amf0
from ingest.rtmp.chunks import SET_CHUNK_SIZE, Message
from ingest.rtmp.errors import PeerError

ACKNOWLEDGEMENT: Final = 3
USER_CONTROL: Final = 4
WINDOW_ACK_SIZE: Final = 5
SET_PEER_BANDWIDTH: Final = 6
AUDIO: Final = 8
VIDEO: Final = 9
DATA_AMF3: Final = 15
COMMAND_AMF3: Final = 17
DATA: Final = 18
COMMAND: Final = 20
AGGREGATE: Final = 22

STREAM_BEGIN: Final = 0
PING_REQUEST: Final = 6
PING_RESPONSE: Final = 7

_TAG_HEADER = 11
_TAG_TRAILER = 4


class MessageError(PeerError):
    """A message does not hold what its type promises."""


@dataclass(frozen=True, slots=True)
class SetChunkSize:
    """Chunks from here on hold up to ``size`` bytes (5.4.1)."""

    size: int

    def message(self) -> Message:
        """Return it as it is sent."""
        return Message(SET_CHUNK_SIZE, 0, 0, self.size.to_bytes(4, "big"))


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """``received`` bytes have come so far, modulo 2**32 (5.4.3)."""

    received: int

    def message(self) -> Message:
        """Return it as it is sent."""
        return Message(ACKNOWLEDGEMENT, 0, 0, (self.received % (1 << 32)).to_bytes(4, "big"))


@dataclass(frozen=True, slots=True)
class WindowAckSize:
    """Acknowledge every ``size`` bytes (5.4.4)."""

    size: int

    def message(self) -> Message:
        """Return it as it is sent."""
        return Message(WINDOW_ACK_SIZE, 0, 0, self.size.to_bytes(4, "big"))


@dataclass(frozen=True, slots=True)
class SetPeerBandwidth:
    """Send no more than ``size`` bytes unacknowledged; the limit's type is dynamic (5.4.5)."""

    size: int

    def message(self) -> Message:
        """Return it as it is sent."""
        return Message(SET_PEER_BANDWIDTH, 0, 0, self.size.to_bytes(4, "big") + b"\x02")


@dataclass(frozen=True, slots=True)
class UserControl:
    """A user control event with one 32-bit ``value`` (7.1.7)."""

    event: int
    value: int

    def message(self) -> Message:
        """Return it as it is sent."""
        return Message(USER_CONTROL, 0, 0, self.event.to_bytes(2, "big") + self.value.to_bytes(4, "big"))


@dataclass(frozen=True, slots=True)
class Command:
    """A remote call, or the answer to one (7.1.1, 7.2)."""

    name: str
    transaction: float
    arguments: tuple[object, ...] = ()
    stream_id: int = 0

    def message(self) -> Message:
        """Return it as it is sent, in AMF0."""
        return Message(COMMAND, self.stream_id, 0, amf0.encode(self.name, self.transaction, *self.arguments))


@dataclass(frozen=True, slots=True)
class Data:
    """Metadata (7.1.2)."""

    values: tuple[amf0.Value, ...]


@dataclass(frozen=True, slots=True)
class Media:
    """The body of an FLV audio or video tag; ``timestamp`` in milliseconds modulo 2**32."""

    video: bool
    timestamp: int
    body: bytes | bytearray


Typed = Acknowledgement | WindowAckSize | SetPeerBandwidth | UserControl | Command | Data | Media


def parse(message: Message) -> Iterator[Typed]:
    """Yield what ``message`` holds: nothing for a type that no publisher needs, several for an aggregate.

    Raises MessageError or Amf0Error.
    """
    if message.type_id == AGGREGATE:
        for inner in _split(message):
            yield from parse(inner)
        return
    reader = _READERS.get(message.type_id)
    if reader is not None:
        yield reader(message)


def _number(message: Message, size: int = 4) -> int:
    if len(message.payload) < size:
        raise MessageError("a control message is cut short")
    return int.from_bytes(message.payload[:size], "big")


def _user_control(message: Message) -> Typed:
    return UserControl(_number(message, 2), int.from_bytes(message.payload[2:6], "big"))


def _command(message: Message) -> Typed:
    values = amf0.decode(_without_amf3_mark(message, COMMAND_AMF3))
    if not values or not isinstance(values[0], str):
        raise MessageError("a command has no name")
    transaction = values[1] if len(values) > 1 and isinstance(values[1], float) else 0.0
    return Command(values[0], transaction, tuple(values[2:]), message.stream_id)


def _data(message: Message) -> Typed:
    return Data(tuple(amf0.decode(_without_amf3_mark(message, DATA_AMF3))))


def _without_amf3_mark(message: Message, amf3: int) -> bytes:
    """Encoders that say AMF3 send AMF0 behind one byte: the object encoding they were given is 0."""
    payload = bytes(message.payload)
    return payload[1:] if message.type_id == amf3 and payload[:1] == b"\0" else payload


def _media(message: Message) -> Typed:
    return Media(message.type_id == VIDEO, message.timestamp, message.payload)


def _split(aggregate: Message) -> Iterator[Message]:
    """Yield the messages in an aggregate (7.1.6); their times count from the first's, which is the aggregate's."""
    body, at, first = bytes(aggregate.payload), 0, None
    while at + _TAG_HEADER <= len(body):
        size = int.from_bytes(body[at + 1 : at + 4], "big")
        stamp = int.from_bytes(body[at + 4 : at + 7], "big") | body[at + 7] << 24
        first = stamp if first is None else first
        start = at + _TAG_HEADER
        if start + size > len(body) or body[at] == AGGREGATE:
            raise MessageError("an aggregate message is broken")
        timestamp = (aggregate.timestamp + stamp - first) % (1 << 32)
        yield Message(body[at], aggregate.stream_id, timestamp, body[start : start + size])
        at = start + size + _TAG_TRAILER


_READERS: Final[dict[int, Callable[[Message], Typed]]] = {
    ACKNOWLEDGEMENT: lambda message: Acknowledgement(_number(message)),
    USER_CONTROL: _user_control,
    WINDOW_ACK_SIZE: lambda message: WindowAckSize(_number(message)),
    SET_PEER_BANDWIDTH: lambda message: SetPeerBandwidth(_number(message)),
    AUDIO: _media,
    VIDEO: _media,
    DATA_AMF3: _data,
    COMMAND_AMF3: _command,
    DATA: _data,
    COMMAND: _command,
}
