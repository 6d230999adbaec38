"""The RTMP chunk stream: bytes to messages and back. Sans-IO.

Source: Adobe's RTMP 1.0 (2012), section 5.3. Rules: a message's announced size is checked before a byte of it is kept;
memory is taken only for bytes that have come; what is half-received on all chunk streams together is bounded. Protocol
control that concerns chunks alone (Set Chunk Size, Abort: 5.4.1, 5.4.2) is obeyed here.
"""

from dataclasses import dataclass
from typing import Final

from ingest.rtmp.errors import PeerError, TooLargeError

SET_CHUNK_SIZE: Final = 1
ABORT: Final = 2

_DEFAULT_CHUNK_SIZE = 128
_LARGEST_CHUNK_SIZE = 0xFFFFFF  # no message is larger (5.4.1)
_EXTENDED = 0xFFFFFF
_HEADER_SIZES = (11, 7, 3, 0)
_WRAP = 1 << 32


class ChunkError(PeerError):
    """The bytes are no chunk stream."""


@dataclass(frozen=True, slots=True)
class Message:
    """One RTMP message. ``timestamp`` in milliseconds modulo 2**32."""

    type_id: int
    stream_id: int
    timestamp: int
    payload: bytes | bytearray


class _ChunkStream:
    """What is remembered of one chunk stream: its last header, and the message it is in the middle of."""

    __slots__ = ("delta", "extended", "length", "payload", "stream_id", "timestamp", "type_id")

    def __init__(self) -> None:
        self.timestamp = 0
        self.delta = 0
        self.length = 0
        self.type_id = 0
        self.stream_id = 0
        self.extended: int | None = None
        self.payload: bytearray | None = None


class ChunkReader:
    """Takes bytes, gives whole messages.

    ``most_message``: the largest message taken; ``most_held``: bytes held in unfinished messages; both may be raised
    once the peer has shown its key. ``most_streams``: chunk streams remembered.
    """

    def __init__(self, most_message: int, most_held: int, most_streams: int) -> None:
        self.most_message = most_message
        self.most_held = most_held
        self._most_streams = most_streams
        self._chunk_size = _DEFAULT_CHUNK_SIZE
        self._streams: dict[int, _ChunkStream] = {}
        self._rest = b""  # of a header: never more than 18 bytes
        self._current: _ChunkStream | None = None
        self._due = 0  # bytes of the current chunk that have not come
        self._held = 0

    def receive(self, data: bytes) -> list[Message]:
        """Take bytes, return the messages that they complete. Raises PeerError."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        messages: list[Message] = []
        view = memoryview(data)
        at, end = 0, len(data)
        while True:
            stream = self._current
            if stream is None:
                after = self._read_header(data, at)
                if after is None:
                    self._rest = data[at:]
                    return messages
                at = after
                stream = self._current
                assert stream is not None
            payload = stream.payload
            assert payload is not None
            taken = min(self._due, end - at)
            payload += view[at : at + taken]
            at += taken
            self._due -= taken
            self._held += taken
            if self._held > self.most_held:
                raise TooLargeError("too much is sent half")
            if self._due:
                return messages
            self._current = None
            if len(payload) == stream.length:
                self._held -= stream.length
                stream.payload = None
                message = Message(stream.type_id, stream.stream_id, stream.timestamp, payload)
                if not self._control(message):
                    messages.append(message)

    def _read_header(self, data: bytes, at: int) -> int | None:
        """Read the chunk header at ``at`` (5.3.1) and return where its payload begins; None if more must come."""
        left = len(data) - at
        if not left:
            return None
        form = data[at] >> 6
        chunk_stream_id = data[at] & 0x3F
        basic = 1
        if chunk_stream_id < 2:
            basic += chunk_stream_id + 1
            if left < basic:
                return None
            chunk_stream_id = 64 + data[at + 1] + (data[at + 2] << 8 if basic == 3 else 0)
        size = basic + _HEADER_SIZES[form]
        if left < size:
            return None
        stream = self._streams.get(chunk_stream_id)
        if stream is None:
            if form == 3:
                raise ChunkError("a chunk goes on with nothing")
            if len(self._streams) >= self._most_streams:
                raise TooLargeError("too many chunk streams")
            stream = _ChunkStream()
        body = at + basic
        if form == 3:
            extended = stream.extended
            if extended is not None:
                if left < size + 4:
                    return None
                # The specification does not say it, most encoders repeat the extended timestamp, some do not.
                if int.from_bytes(data[at + size : at + size + 4], "big") == extended:
                    size += 4
        else:
            field = int.from_bytes(data[body : body + 3], "big")
            extended = None
            if field == _EXTENDED:
                if left < size + 4:
                    return None
                field = extended = int.from_bytes(data[at + size : at + size + 4], "big")
                size += 4
            if stream.payload is not None:
                self._drop(stream)  # a new header in the middle of a message: the peer has given that one up
            stream.extended = extended
            stream.delta = field
            if form < 2:
                stream.length = int.from_bytes(data[body + 3 : body + 6], "big")
                stream.type_id = data[body + 6]
            if form == 0:
                stream.stream_id = int.from_bytes(data[body + 7 : body + 11], "little")
                stream.timestamp = field
        self._streams[chunk_stream_id] = stream
        if stream.payload is None:
            if stream.length > self.most_message:
                raise TooLargeError(
                    f"a message of {stream.length} bytes is larger than the {self.most_message} allowed"
                )
            if form != 0:
                stream.timestamp = (stream.timestamp + stream.delta) % _WRAP
            stream.payload = bytearray()
        self._current = stream
        self._due = min(self._chunk_size, stream.length - len(stream.payload))
        return at + size

    def _control(self, message: Message) -> bool:
        """Obey ``message`` if it is about chunks."""
        if message.type_id not in (SET_CHUNK_SIZE, ABORT):
            return False
        if len(message.payload) < 4:
            raise ChunkError("a control message is cut short")
        value = int.from_bytes(message.payload[:4], "big")
        if message.type_id == SET_CHUNK_SIZE:
            if not 0 < value < 1 << 31:
                raise ChunkError(f"a chunk size of {value} is not possible")
            self._chunk_size = min(value, _LARGEST_CHUNK_SIZE)
        elif value in self._streams:
            self._drop(self._streams[value])
        return True

    def _drop(self, stream: _ChunkStream) -> None:
        if stream.payload is not None:
            self._held -= len(stream.payload)
            stream.payload = None


class ChunkWriter:
    """Writes messages as chunks, each with a full header."""

    def __init__(self, chunk_size: int = _DEFAULT_CHUNK_SIZE) -> None:
        self.chunk_size = chunk_size

    def write(self, message: Message, chunk_stream_id: int) -> bytes:
        """Return ``message`` on chunk stream ``chunk_stream_id`` (2 to 63)."""
        extended = b""
        stamp = message.timestamp
        if stamp >= _EXTENDED:
            extended = stamp.to_bytes(4, "big")
            stamp = _EXTENDED
        payload = message.payload
        parts = [
            bytes((chunk_stream_id,)),
            stamp.to_bytes(3, "big"),
            len(payload).to_bytes(3, "big"),
            bytes((message.type_id,)),
            message.stream_id.to_bytes(4, "little"),
            extended,
            payload[: self.chunk_size],
        ]
        again = bytes((0xC0 | chunk_stream_id,)) + extended
        for at in range(self.chunk_size, len(payload), self.chunk_size):
            parts += (again, payload[at : at + self.chunk_size])
        return b"".join(parts)
