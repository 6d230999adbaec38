"""A small RTMP publisher: for tests, one connection at a time, and for benches, many that cost next to nothing.

    client = await RtmpClient.connect("127.0.0.1", port)
    assert (await client.publish(key)).code == "NetStream.Publish.Start"
    client.send(*clip.tracks, *clip.packets)
    await client.drain()
    await client.close()

Chunks and AMF0 come from ``ingest.rtmp``; the dialogue is FMLE's. ``dialogue`` is the same without a socket.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

from ingest.media import Kind, Packet, Track
from ingest.rtmp import messages
from ingest.rtmp.chunks import VIDEO as VIDEO_TYPE
from ingest.rtmp.chunks import ChunkReader, ChunkWriter, Message, basic_header
from ingest.rtmp.limits import Limits
from ingest.rtmp.messages import Command, Data, Media, SetChunkSize

CONTROL, COMMANDS, AUDIO, VIDEO = 2, 3, 4, 6
"""Chunk stream ids."""
_STREAM_ID = 1
_HANDSHAKE = 1536
_PATIENCE = 10.0


_OF_ONE_ADDRESS = 100


def address_of(number: int) -> str:
    """The loopback address that connection ``number`` of many comes from: of one a server takes but so many."""
    return f"127.0.1.{1 + number // _OF_ONE_ADDRESS}"


@dataclass(frozen=True, slots=True)
class Status:
    """What an onStatus said."""

    level: str
    code: str
    description: str


class ClosedError(ConnectionError):
    """The server has closed the connection before it answered."""


def body_of(item: Track | Packet) -> bytes:
    """The FLV tag body that carries ``item``."""
    sequence = isinstance(item, Track)
    if item.kind is Kind.AUDIO:
        return bytes((0xAF, not sequence)) + (item.config if isinstance(item, Track) else item.data)
    if isinstance(item, Track):
        return b"\x17\0\0\0\0" + item.config
    return bytes((0x17 if item.keyframe else 0x27, 1)) + item.offset.to_bytes(3, "big", signed=True) + item.data


def media_of(item: Track | Packet, stamp: int = 0) -> Media:
    """The message that carries ``item``, a track at ``stamp``."""
    return Media(item.kind is Kind.VIDEO, stamp if isinstance(item, Track) else item.stamp, body_of(item), _STREAM_ID)


class Script:
    """Writes what a publisher sends, as bytes; keeps the chunk size."""

    def __init__(self) -> None:
        self._writer = ChunkWriter()

    def handshake(self) -> bytes:
        """C0 and C1."""
        return b"\x03" + bytes(8) + os.urandom(_HANDSHAKE - 8)

    def command(self, name: str, transaction: float, *arguments: object, stream_id: int = 0) -> bytes:
        return self._writer.write(Command(name, transaction, arguments, stream_id).message(), COMMANDS)

    def chunk_size(self, size: int) -> bytes:
        written = self._writer.write(SetChunkSize(size).message(), CONTROL)
        self._writer.chunk_size = size
        return written

    def connect(self, app: str, software: str) -> bytes:
        properties = {"app": app, "type": "nonprivate", "flashVer": software, "tcUrl": f"rtmp://127.0.0.1/{app}"}
        return self.command("connect", 1, properties)

    def media(self, item: Track | Packet | Media) -> bytes:
        media = item if isinstance(item, Media) else media_of(item)
        return self._writer.write(media.message(), VIDEO if media.video else AUDIO)

    def metadata(self, values: dict[str, object]) -> bytes:
        return self._writer.write(Data(("@setDataFrame", "onMetaData", values), _STREAM_ID).message(), AUDIO)


def dialogue(
    stream: str, *items: Track | Packet | Media, app: str = "live", chunk_size: int = 4096, software: str = "test host"
) -> bytes:
    """All that a publisher sends, if it waited for no answer."""
    script = Script()
    return b"".join(
        (
            script.handshake() + bytes(_HANDSHAKE),
            script.connect(app, software),
            script.chunk_size(chunk_size),
            script.command("createStream", 2, None),
            script.command("publish", 3, None, stream, "live", stream_id=_STREAM_ID),
            *(script.media(item) for item in items),
        )
    )


@dataclass
class RtmpClient:
    """One connection. ``statuses`` are all onStatus that came, ``commands`` all other commands."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    script: Script = field(default_factory=Script)
    statuses: list[Status] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    received: list[messages.Typed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chunks = ChunkReader(Limits())
        self._transaction = 1.0
        self._told = 0

    @classmethod
    async def open(cls, host: str, port: int, secure: ssl.SSLContext | None = None, local: str | None = None) -> Self:
        """Open the socket, and say nothing; of RTMPS, shake TLS's hands. ``local``: the address that it comes from."""
        return cls(*await asyncio.open_connection(host, port, ssl=secure, local_addr=(local, 0) if local else None))

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        app: str = "live",
        chunk_size: int = 4096,
        software: str = "test host",
        secure: ssl.SSLContext | None = None,
        local: str | None = None,
    ) -> Self:
        """Shake hands, connect and set the chunk size."""
        client = await cls.open(host, port, secure, local)
        client.write(client.script.handshake())
        async with asyncio.timeout(_PATIENCE):
            answer = await client.reader.readexactly(1 + 2 * _HANDSHAKE)
        client.write(answer[1 : 1 + _HANDSHAKE])
        client.write(client.script.connect(app, software))
        await client._answer(1)
        client.write(client.script.chunk_size(chunk_size))
        return client

    async def publish(self, stream: str, kind: str | None = "live") -> Status:
        """Go through FMLE's dialogue and return what the server says to it. Raises ClosedError."""
        for name in ("releaseStream", "FCPublish"):
            self.call(name, None, stream)
        await self._answer(self.call("createStream", None))
        self.call("publish", None, stream, *([kind] if kind else []), stream_id=_STREAM_ID)
        return await self.status()

    async def unpublish(self, stream: str = "") -> Status:
        """End the stream and not the connection."""
        self.call("FCUnpublish", None, stream)
        self.call("deleteStream", None, _STREAM_ID)
        return await self.status()

    def call(self, name: str, *arguments: object, stream_id: int = 0) -> float:
        """Send a command; return its transaction id."""
        self._transaction += 1
        self.write(self.script.command(name, self._transaction, *arguments, stream_id=stream_id))
        return self._transaction

    def send(self, *items: Track | Packet | Media) -> None:
        """Send media."""
        for item in items:
            self.write(self.script.media(item))

    def metadata(self, **values: object) -> None:
        """Send onMetaData."""
        self.write(self.script.metadata(values))

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)

    async def drain(self) -> None:
        """Wait until the socket takes more."""
        await self.writer.drain()

    async def status(self) -> Status:
        """Wait for the next onStatus, each is given once. Raises ClosedError."""
        while len(self.statuses) == self._told:
            await self._receive()
        self._told += 1
        return self.statuses[self._told - 1]

    async def closed(self) -> None:
        """Wait until the server has closed its side."""
        with contextlib.suppress(ClosedError):
            while True:
                await self._receive()

    async def close(self) -> None:
        """Close in order."""
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    def abort(self) -> None:
        """Vanish: the server sees a reset."""
        connected = self.writer.get_extra_info("socket")
        if connected is not None and not self.writer.transport.is_closing():
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def _answer(self, transaction: float) -> Command:
        while True:
            for command in self.commands:
                if command.transaction == transaction:
                    return command
            await self._receive()

    async def _receive(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                data = await self.reader.read(1 << 16)
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            data = b""
        if not data:
            raise ClosedError("the server has closed the connection")
        for message in self._chunks.receive(data):
            for typed in messages.parse(message, Limits()):
                self._take(typed)

    def _take(self, typed: messages.Typed) -> None:
        self.received.append(typed)
        if not isinstance(typed, Command):
            return
        if typed.name != "onStatus":
            self.commands.append(typed)
            return
        information = typed.arguments[1]
        assert isinstance(information, dict)
        self.statuses.append(Status(*(str(information[name]) for name in ("level", "code", "description"))))


@dataclass(frozen=True, slots=True)
class Loop:
    """A clip as ready-made chunks that can be sent over and over: times are deltas, so each turn is the same bytes.

    ``steps`` are what is sent every ``step`` milliseconds. The tracks go first, by ``RtmpClient.send``.
    """

    steps: tuple[bytes, ...]
    step: int

    async def play(self, client: RtmpClient, seconds: float, late: Callable[[float], None] = lambda _: None) -> None:
        """Send for ``seconds``, in real time; late steps are sent at once, and ``late`` is told by how much (s)."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in range(round(seconds * 1000 / self.step)):
            due = begun + number * self.step / 1000
            await asyncio.sleep(max(0, due - loop.time()))
            client.write(self.steps[number % len(self.steps)])
            await client.drain()
            late(loop.time() - due)


def make_loop(packets: Iterable[Packet], length: int, chunk_size: int = 4096, step: int = 100) -> Loop:
    """Make a Loop of a clip's packets in stamp order; ``length`` is the clip's, in milliseconds, a multiple of
    ``step``. The connection's chunk size has to be ``chunk_size``."""
    steps = [bytearray() for _ in range(length // step)]
    kept = list(packets)
    last = {packet.kind: packet.stamp - length for packet in kept}
    for packet in kept:
        steps[packet.stamp // step] += _with_delta(
            media_of(packet).message(), packet.stamp - last[packet.kind], chunk_size
        )
        last[packet.kind] = packet.stamp
    return Loop(tuple(map(bytes, steps)), step)


def _with_delta(message: Message, delta: int, chunk_size: int) -> bytes:
    """``message`` in chunks, the first of form 1."""
    chunk_stream_id = VIDEO if message.type_id == VIDEO_TYPE else AUDIO
    payload = message.payload
    header = delta.to_bytes(3, "big") + len(payload).to_bytes(3, "big") + bytes((message.type_id,))
    chunks = [payload[at : at + chunk_size] for at in range(0, len(payload), chunk_size)]
    return basic_header(1, chunk_stream_id) + header + basic_header(3, chunk_stream_id).join(chunks)
