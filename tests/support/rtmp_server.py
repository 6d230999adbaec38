"""What tests need on the server's side of RTMP: bytes replayed into a session, sinks that record, an admission."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ingest.media import Packet, Track
from ingest.rtmp import messages
from ingest.rtmp.chunks import ChunkReader
from ingest.rtmp.limits import Limits
from ingest.rtmp.messages import Command
from ingest.rtmp.session import Event, PublishAsked, ServerSession
from ingest.source import PublishRequest, Refused, Source
from tests.support.rtmp_client import Status

_HANDSHAKE = 1 + 2 * 1536
_PATIENCE = 20.0


class Replay:
    """A session that accepts every publisher, or refuses with ``refusal``; ``sent`` is what it has answered."""

    def __init__(self, limits: Limits | None = None, refusal: str | None = None) -> None:
        self.session = ServerSession(limits)
        self.refusal = refusal
        self.events: list[Event] = []
        self.sent = bytearray()

    def feed(self, *parts: bytes) -> list[Event]:
        """Feed ``parts``, return the events so far. Raises what the session raises."""
        for part in parts:
            try:
                for event in self.session.receive_data(part):
                    self.events.append(event)
                    if isinstance(event, PublishAsked):
                        if self.refusal is None:
                            self.session.accept()
                        else:
                            self.session.refuse(self.refusal)
            finally:
                self.sent += self.session.data_to_send()
        return self.events

    @property
    def answers(self) -> list[messages.Typed]:
        """The messages sent after the handshake."""
        reader = ChunkReader(Limits())
        return [
            typed
            for message in reader.receive(bytes(self.sent[_HANDSHAKE:]))
            for typed in messages.parse(message, Limits())
        ]

    @property
    def commands(self) -> list[Command]:
        """The commands among the answers."""
        return [answer for answer in self.answers if isinstance(answer, Command)]

    @property
    def statuses(self) -> list[Status]:
        """What the onStatus among the answers say."""
        found = [command.arguments[1] for command in self.commands if command.name == "onStatus"]
        return [Status(*(str(one[key]) for key in ("level", "code", "description"))) for one in found]  # type: ignore[index]


def split(data: bytes, sizes: Iterable[int]) -> list[bytes]:
    """Cut ``data`` into parts of ``sizes``, and what is left."""
    parts, at = [], 0
    for size in sizes:
        parts.append(data[at : at + size])
        at += size
    return [*parts, data[at:]]


@dataclass
class RecordingSink:
    """Keeps all that it is given. ``failing`` makes it raise at its first packet."""

    request: PublishRequest
    source: Source
    failing: bool = False
    said: dict[str, object] = field(default_factory=dict)
    tracks: list[Track] = field(default_factory=list)
    packets: list[Packet] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def metadata(self, values: Mapping[str, object]) -> None:
        self.said.update(values)
        self._news.set()

    def track(self, track: Track) -> None:
        self.tracks.append(track)
        self._news.set()

    def packet(self, packet: Packet) -> None:
        if self.failing:
            raise RuntimeError("this sink is broken")
        self.packets.append(packet)
        self._news.set()

    def warning(self, text: str) -> None:
        self.warnings.append(text)
        self._news.set()

    def closed(self, reason: str) -> None:
        self.endings.append(reason)
        self._news.set()

    async def until(self, condition: Callable[["RecordingSink"], object]) -> None:
        """Wait until ``condition`` of this sink holds."""
        async with asyncio.timeout(_PATIENCE):
            while not condition(self):
                self._news.clear()
                await self._news.wait()


@dataclass
class FakeAdmission:
    """Admits whoever comes with one of ``keys``, whatever room it names. ``break_next`` makes the next sink fail."""

    keys: set[str] = field(default_factory=lambda: {"right"})
    sinks: list[RecordingSink] = field(default_factory=list)
    break_next: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def admit(self, request: PublishRequest, source: Source) -> RecordingSink:
        if request.claim.proof.fits("bug"):
            raise ZeroDivisionError("this admission is broken")
        if not any(request.claim.proof.fits(key) for key in self.keys):
            raise Refused("this stream key is not known here")
        sink = RecordingSink(request, source, self.break_next)
        self.break_next = False
        self.sinks.append(sink)
        self._news.set()
        return sink

    async def sink(self, number: int = 0) -> RecordingSink:
        """Wait for the sink of publisher ``number``."""
        async with asyncio.timeout(_PATIENCE):
            while len(self.sinks) <= number:
                self._news.clear()
                await self._news.wait()
        return self.sinks[number]
