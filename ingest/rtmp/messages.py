"""The RTMP messages that a publisher and a server exchange, typed. Pure, no I/O.

Source: Adobe's RTMP 1.0 (2012), sections 5.4 and 7.1. ``TABLE`` names them all: type id, name, and how to read one;
each class writes itself with ``message()``. Set Chunk Size and Abort are obeyed by the chunk stream (``chunks.py``) and
only written here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from ingest.rtmp import amf0
from ingest.rtmp.amf import Value
from ingest.rtmp.chunks import ABORT, AGGREGATE, AUDIO, SET_CHUNK_SIZE, VIDEO, Message
from ingest.rtmp.errors import MessageError
from ingest.rtmp.limits import Limits

ACKNOWLEDGEMENT: Final = 3
USER_CONTROL: Final = 4
WINDOW_ACK_SIZE: Final = 5
SET_PEER_BANDWIDTH: Final = 6
DATA_AMF3: Final = 15
COMMAND_AMF3: Final = 17
DATA: Final = 18
COMMAND: Final = 20

STREAM_BEGIN: Final = 0
PING_REQUEST: Final = 6
PING_RESPONSE: Final = 7

_COMMANDS_OWN = 3  # values that a command has at the least: name, transaction, object (7.2)
_TAG_HEADER = 11
_TAG_TRAILER = 4
_WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class SetChunkSize:
    """Chunks from here on hold up to ``size`` bytes (5.4.1)."""

    size: int

    def message(self) -> Message:
        """Return it as it is sent."""
        return Message(SET_CHUNK_SIZE, 0, 0, self.size.to_bytes(4, "big"))


@dataclass(frozen=True, slots=True)
class Abort:
    """The message begun on ``chunk_stream_id`` is given up (5.4.2)."""

    chunk_stream_id: int

    def message(self) -> Message:
        """Return it as it is sent."""
        return Message(ABORT, 0, 0, self.chunk_stream_id.to_bytes(4, "big"))


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """``received`` bytes have come so far, modulo 2**32 (5.4.3)."""

    received: int

    def message(self) -> Message:
        """Return it as it is sent."""
        return Message(ACKNOWLEDGEMENT, 0, 0, (self.received % _WRAP).to_bytes(4, "big"))


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

    values: tuple[object, ...]
    stream_id: int = 0

    def message(self) -> Message:
        """Return it as it is sent, in AMF0."""
        return Message(DATA, self.stream_id, 0, amf0.encode(*self.values))


@dataclass(frozen=True, slots=True)
class Media:
    """The body of an FLV audio or video tag (7.1.4, 7.1.5); ``timestamp`` in milliseconds modulo 2**32."""

    video: bool
    timestamp: int
    body: bytes | bytearray
    stream_id: int = 0

    def message(self) -> Message:
        """Return it as it is sent."""
        return Message(VIDEO if self.video else AUDIO, self.stream_id, self.timestamp, self.body)


Typed = Acknowledgement | WindowAckSize | SetPeerBandwidth | UserControl | Command | Data | Media


def parse(message: Message, limits: Limits) -> Iterator[Typed]:
    """Yield what ``message`` holds: nothing for a type that no publisher needs, several for an aggregate.

    Raises MessageError, or AmfError for a command. Data ends where it cannot be read: it is advice, and encoders that
    get it wrong send good media.
    """
    if message.type_id == AGGREGATE:
        for inner in _split(message, limits):
            yield from parse(inner, limits)
        return
    row = TABLE.get(message.type_id)
    if row is not None:
        yield row.read(message, limits)


def _number(message: Message, _limits: Limits) -> int:
    if len(message.payload) < 4:
        raise MessageError("a control message is cut short")
    return int.from_bytes(message.payload[:4], "big")


def _user_control(message: Message, _limits: Limits) -> UserControl:
    if len(message.payload) < 2:
        raise MessageError("a control message is cut short")
    # Some events have two values or none (7.1.7): no publisher's matters but a ping's one.
    return UserControl(int.from_bytes(message.payload[:2], "big"), int.from_bytes(message.payload[2:6], "big"))


def _command(message: Message, limits: Limits) -> Command:
    values = _values(message, limits, COMMAND_AMF3, _COMMANDS_OWN)
    if not values or not isinstance(values[0], str):
        raise MessageError("a command has no name")
    transaction = values[1] if len(values) > 1 and isinstance(values[1], float) else 0.0
    return Command(values[0], transaction, tuple(values[2:]), message.stream_id)


def _data(message: Message, limits: Limits) -> Data:
    return Data(tuple(_values(message, limits, DATA_AMF3, 0)), message.stream_id)


def _values(message: Message, limits: Limits, amf3: int, least: int) -> list[Value]:
    """Read the payload; encoders that say AMF3 send AMF0 behind one zero, for they were told encoding 0."""
    payload = bytes(message.payload)
    if message.type_id == amf3:
        payload = payload.removeprefix(b"\0")
    return amf0.decode(payload, limits.amf_depth, least)


def _media(message: Message, _limits: Limits) -> Media:
    return Media(message.type_id == VIDEO, message.timestamp, message.payload, message.stream_id)


def _split(aggregate: Message, limits: Limits) -> Iterator[Message]:
    """Yield the messages in an aggregate (7.1.6); their times count from the first's, which is the aggregate's."""
    body, at, first = memoryview(aggregate.payload), 0, None
    while at + _TAG_HEADER <= len(body):
        type_id, size = body[at], int.from_bytes(body[at + 1 : at + 4], "big")
        stamp = int.from_bytes(body[at + 4 : at + 7], "big") | body[at + 7] << 24
        first = stamp if first is None else first
        start = at + _TAG_HEADER
        if type_id == AGGREGATE or start + size > len(body):
            raise MessageError("an aggregate message is broken")
        if type_id not in (AUDIO, VIDEO) and size > limits.message:
            raise MessageError("an aggregate message holds one that is too large")
        timestamp = (aggregate.timestamp + stamp - first) % _WRAP
        yield Message(type_id, aggregate.stream_id, timestamp, bytes(body[start : start + size]))
        at = start + size + _TAG_TRAILER


class Row(NamedTuple):
    """What is known of one message type."""

    name: str
    read: Callable[[Message, Limits], Typed]


TABLE: Final[dict[int, Row]] = {
    ACKNOWLEDGEMENT: Row("Acknowledgement", lambda *sent: Acknowledgement(_number(*sent))),
    USER_CONTROL: Row("User Control", _user_control),
    WINDOW_ACK_SIZE: Row("Window Acknowledgement Size", lambda *sent: WindowAckSize(_number(*sent))),
    SET_PEER_BANDWIDTH: Row("Set Peer Bandwidth", lambda *sent: SetPeerBandwidth(_number(*sent))),
    AUDIO: Row("Audio", _media),
    VIDEO: Row("Video", _media),
    DATA_AMF3: Row("Data, AMF3", _data),
    COMMAND_AMF3: Row("Command, AMF3", _command),
    DATA: Row("Data", _data),
    COMMAND: Row("Command", _command),
}
"""Type id to message, without Aggregate, which holds others."""
