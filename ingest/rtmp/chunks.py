"""The RTMP chunk stream: bytes to messages and back. Sans-IO.

Source: Adobe's RTMP 1.0 (2012), section 5.3. Rules: a message's announced size is checked before a byte of it is kept;
memory is taken only for bytes that have come; what is half-received on all chunk streams together is bounded. Protocol
control that concerns chunks alone (Set Chunk Size, Abort: 5.4.1, 5.4.2) is obeyed here and not handed on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ingest.rtmp.errors import ChunkError, TooLargeError
from ingest.rtmp.limits import Limits

SET_CHUNK_SIZE: Final = 1
ABORT: Final = 2
AUDIO: Final = 8
VIDEO: Final = 9
AGGREGATE: Final = 22

LARGEST_CHUNK_STREAM_ID: Final = 65599

_DEFAULT_CHUNK_SIZE = 128
_LARGEST_CHUNK_SIZE = 0xFFFFFF  # no message is larger (5.4.1)
_EXTENDED = 0xFFFFFF
_HEADER_SIZES = (11, 7, 3, 0)
_CHUNK_CONTROL = frozenset({SET_CHUNK_SIZE, ABORT})
_MEDIA = frozenset({AUDIO, VIDEO, AGGREGATE})
_WRAP = 1 << 32
_MORE = -1
_FEW = 3
"""Chunks that are sooner gone through one by one."""


@dataclass(slots=True)
class Message:
    """One RTMP message. ``timestamp`` in milliseconds modulo 2**32."""

    type_id: int
    stream_id: int
    timestamp: int
    payload: bytes | bytearray


class _ChunkStream:
    """What is remembered of one chunk stream: its last header, and the message it is in the middle of."""

    __slots__ = ("_plain", "again", "delta", "extended", "length", "payload", "stream_id", "timestamp", "type_id")

    def __init__(self, chunk_stream_id: int) -> None:
        self._plain = 0xC0 | chunk_stream_id if chunk_stream_id < 64 else -1
        self.again = self._plain  # the header byte with which a message goes on, -1 where there is more to it
        self.timestamp = 0
        self.delta = 0
        self.length = 0
        self.type_id = 0
        self.stream_id = 0
        self.extended = b""  # the extended timestamp of the last header that had one
        self.payload: bytearray | None = None

    def extend(self, extended: bytes) -> None:
        """Set the extended timestamp of the last header, empty where it had none."""
        self.extended = extended
        self.again = -1 if extended else self._plain


class ChunkReader:
    """Takes bytes, gives whole messages."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._most_media = limits.message
        self._chunk_size = _DEFAULT_CHUNK_SIZE
        self._streams: dict[int, _ChunkStream] = {}
        self._rest = b""  # of a header: never more than 17 bytes
        self._current: _ChunkStream | None = None
        self._due = 0  # bytes of the current chunk that have not come
        self._repeats = False  # whether an extended timestamp has been repeated
        self.held = 0
        """Bytes of unfinished messages."""

    @property
    def in_media(self) -> bool:
        """Whether the last bytes that came are some of a media message that goes on."""
        return self._current is not None and self._current.type_id in _MEDIA

    def trust(self, trusted: bool) -> None:
        """Take media messages of ``Limits.media_message`` bytes from now on, or no longer."""
        self._most_media = self._limits.media_message if trusted else self._limits.message

    def receive(self, data: bytes) -> Iterator[Message]:
        """Take bytes, yield the messages that they complete; exhaust it before the next call. Raises PeerError.

        An iterator, not a list: a message may be as small as one byte, and nothing is piled up for a peer.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        view = memoryview(data)
        at, end = 0, len(data)
        most_held = self._limits.held
        while True:
            stream = self._current
            if stream is None:
                after = self._read_header(data, at, end)
                if after == _MORE:
                    self._rest = data[at:]
                    return
                at = after
                stream = self._current
                assert stream is not None
            payload = stream.payload
            assert payload is not None
            before, due = at, self._due
            while True:
                until = at + due
                if until > end:
                    payload += view[at:end]
                    self._due = until - end
                    at = end
                    break
                payload += view[at:until]
                at = until
                due = stream.length - len(payload)
                if not due or at == end or data[at] != stream.again:
                    self._due = 0
                    break
                # The hot path: the same message goes on after one byte of header, for as many whole chunks as are here.
                size = self._chunk_size
                step = size + 1
                chunks = min(due // size, (end - at) // step)
                after = at + chunks * step
                if chunks > _FEW and data[at:after:step] == bytes((stream.again,)) * chunks:
                    block = bytearray(view[at + 1 : after])
                    del block[size::step]
                    payload += block
                    at = after
                    before += chunks
                    due -= len(block)
                    if not due or at == end or data[at] != stream.again:
                        self._due = 0
                        break
                at += 1
                before += 1
                if due > size:
                    due = size
            self.held += at - before
            if self.held > most_held:
                raise TooLargeError(f"more than {most_held} bytes of unfinished messages")
            if self._due:
                return
            self._current = None
            length = stream.length
            if len(payload) == length:
                self.held -= length
                stream.payload = None
                type_id = stream.type_id
                if type_id in _CHUNK_CONTROL:
                    self._control(type_id, payload)
                else:
                    yield Message(type_id, stream.stream_id, stream.timestamp, payload)

    def _read_header(self, data: bytes, at: int, end: int) -> int:
        """Read the chunk header at ``at`` (5.3.1), make its stream the current one and return where its payload
        begins; ``_MORE`` if more must come, then nothing has changed."""
        if at == end:
            return _MORE
        first = data[at]
        form = first >> 6
        chunk_stream_id = first & 0x3F
        body = at + 1
        if chunk_stream_id < 2:
            body += 1 + chunk_stream_id
            if body > end:
                return _MORE
            chunk_stream_id = 64 + int.from_bytes(data[at + 1 : body], "little")
        stream = self._streams.get(chunk_stream_id)
        if form == 3:
            if stream is None:
                raise ChunkError("a chunk goes on with nothing")
            after = body
            if stream.extended:
                # Most encoders repeat the extended timestamp, as 5.3.1.3 has it, and some do not. Of one that does,
                # what a message begins with is its own.
                repeated = data[after : after + 4]
                begins = self._repeats and stream.payload is None
                if begins or stream.extended.startswith(repeated):
                    if len(repeated) < 4:
                        return _MORE
                    after += 4
                    self._repeats = True
                    if begins:
                        stream.extended, stream.delta = repeated, int.from_bytes(repeated, "big")
            if stream.payload is not None:
                self._go_on(stream)
                return after
        else:
            after = body + _HEADER_SIZES[form]
            if after > end:
                return _MORE
            field = int.from_bytes(data[body : body + 3], "big")
            extended = b""
            if field == _EXTENDED:
                extended = data[after : after + 4]
                after += 4
                if after > end:
                    return _MORE
                field = int.from_bytes(extended, "big")
            if stream is None:
                stream = self._new_stream(chunk_stream_id, form)
            elif stream.payload is not None:
                self._drop(stream)  # a new header in the middle of a message: the peer has given that one up
            stream.extend(extended)
            stream.delta = field
            if form < 2:
                stream.length = int.from_bytes(data[body + 3 : body + 6], "big")
                stream.type_id = data[body + 6]
            if form == 0:
                stream.stream_id = int.from_bytes(data[body + 7 : body + 11], "little")
                stream.timestamp = field
        most = self._most_media if stream.type_id in _MEDIA else self._limits.message
        if stream.length > most:
            raise TooLargeError(f"a message of {stream.length} bytes is larger than the {most} allowed")
        if form != 0:
            # After form 0 a form 3 adds the same absolute time once more: so says 5.3.1.2.4, and so do encoders.
            stream.timestamp = (stream.timestamp + stream.delta) % _WRAP
        stream.payload = bytearray()
        self._go_on(stream)
        return after

    def _new_stream(self, chunk_stream_id: int, form: int) -> _ChunkStream:
        if form == 2:
            raise ChunkError("a chunk goes on with nothing")
        if len(self._streams) >= self._limits.chunk_streams:
            raise TooLargeError(f"more than {self._limits.chunk_streams} chunk streams")
        stream = self._streams[chunk_stream_id] = _ChunkStream(chunk_stream_id)
        return stream

    def _go_on(self, stream: _ChunkStream) -> None:
        assert stream.payload is not None
        left = stream.length - len(stream.payload)
        self._due = left if left < self._chunk_size else self._chunk_size
        self._current = stream

    def _control(self, type_id: int, payload: bytearray) -> None:
        if len(payload) < 4:
            raise ChunkError("a control message is cut short")
        value = int.from_bytes(payload[:4], "big")
        if type_id == ABORT:
            if value in self._streams:
                self._drop(self._streams[value])
        elif 0 < value < 1 << 31:
            self._chunk_size = min(value, _LARGEST_CHUNK_SIZE)
        else:
            raise ChunkError(f"a chunk size of {value} is not possible")

    def _drop(self, stream: _ChunkStream) -> None:
        if stream.payload is not None:
            self.held -= len(stream.payload)
            stream.payload = None


class ChunkWriter:
    """Writes messages as chunks, each with a full header: a server has little to say."""

    def __init__(self, chunk_size: int = _DEFAULT_CHUNK_SIZE) -> None:
        self.chunk_size = chunk_size

    def write(self, message: Message, chunk_stream_id: int) -> bytes:
        """Return ``message`` on chunk stream ``chunk_stream_id``, 2 to 65599."""
        extended = b""
        stamp = message.timestamp
        if stamp >= _EXTENDED:
            extended = stamp.to_bytes(4, "big")
            stamp = _EXTENDED
        payload = message.payload
        parts = [
            basic_header(0, chunk_stream_id),
            stamp.to_bytes(3, "big"),
            len(payload).to_bytes(3, "big"),
            bytes((message.type_id,)),
            message.stream_id.to_bytes(4, "little"),
            extended,
            payload[: self.chunk_size],
        ]
        again = basic_header(3, chunk_stream_id) + extended
        for at in range(self.chunk_size, len(payload), self.chunk_size):
            parts += (again, payload[at : at + self.chunk_size])
        return b"".join(parts)


def basic_header(form: int, chunk_stream_id: int) -> bytes:
    """Return the one to three bytes that begin a chunk (5.3.1.1). Raises ValueError for an id that there is not."""
    if not 2 <= chunk_stream_id <= LARGEST_CHUNK_STREAM_ID:
        raise ValueError(f"chunk stream ids are 2 to {LARGEST_CHUNK_STREAM_ID}, not {chunk_stream_id}")
    if chunk_stream_id < 64:
        return bytes((form << 6 | chunk_stream_id,))
    if chunk_stream_id < 320:
        return bytes((form << 6, chunk_stream_id - 64))
    return bytes((form << 6 | 1,)) + (chunk_stream_id - 64).to_bytes(2, "little")
