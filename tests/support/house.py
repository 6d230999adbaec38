"""A house of rooms without sockets: real Rooms over a real Store, hosts that send real packets, and time on demand."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filters.chain import Chain
from filters.registry import make
from filters.spec import parse
from ingest.media import Codec, Packet, Track
from ingest.rtmp.claims import claim
from ingest.source import PublishRequest, Sink
from serve.broadcast import AWAKE, Slates, Workers
from serve.moderation import Detections
from serve.origin import Origin
from serve.parts import BroadcastStart
from serve.room import State
from serve.rooms import RoomOpening, Rooms
from serve.store import Store
from tests.support.media import Clip, make_clip
from transcode.detection import Detection
from transcode.guard import Guard
from transcode.interlude import CodedSlate
from transcode.media import TIMELINE, PartItem, Plan, RoomItem, SegmentEnd, SegmentStart, Slate
from transcode.pipeline import Pipeline
from transcode.process import Stats
from transcode.slate_encoder import encode_slate
from transcode.verdicts import LedgerEntry, Note
from transcode.wire import Covering, Fault
from transcode.worker import stream_of

START = 1_700_000_000_000
"""What the wall clock says at first (Unix ms)."""
GRACE_SECONDS = 120
_TICK = 100  # ms; as the gate's clockwork


class FakeClock:
    """Time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.milliseconds = 0

    def ticks(self) -> int:
        return (5000 + self.milliseconds) * TIMELINE // 1000

    def wall(self) -> int:
        return START + self.milliseconds


class RecordingLink:
    """An origin, and a record of all that it was told."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.starts: list[BroadcastStart] = []
        self.items: dict[str, list[PartItem]] = {}
        self.ended: list[str] = []
        self.forgotten: list[str] = []

    def begin(self, start: BroadcastStart) -> None:
        self.starts.append(start)
        self.items.setdefault(start.broadcast, [])
        self.origin.begin(start)

    def part(self, broadcast: str, item: PartItem) -> None:
        self.items[broadcast].append(item)
        self.origin.part(broadcast, item)

    def end(self, broadcast: str) -> None:
        self.ended.append(broadcast)
        self.origin.end(broadcast)

    def forget(self, room: str) -> None:
        self.forgotten.append(room)
        self.origin.forget(room)

    def numbers(self, broadcast: str, rendition: str = "source") -> list[int]:
        """The segment numbers of a rendition, in the order in which they began."""
        return [i.msn for i in self.items[broadcast] if isinstance(i, SegmentStart) and i.rendition == rendition]

    def segments(self, broadcast: str, rendition: str = "source") -> Iterator[tuple[SegmentStart, SegmentEnd]]:
        """The whole segments of a rendition."""
        begun = None
        for item in self.items[broadcast]:
            if item.rendition == rendition and isinstance(item, SegmentStart):
                begun = item
            elif item.rendition == rendition and isinstance(item, SegmentEnd):
                assert begun is not None
                yield begun, item


class InlineWorker:
    """A worker in the test's own process: what goes in comes out at once."""

    def __init__(
        self,
        plan: Plan,
        received: Callable[[PartItem], None],
        _: Callable[[str], None],
        told: Callable[[Covering | Fault], None],
    ) -> None:
        self.stats = Stats(None, 0, 0, 0, 0, 0)
        self.closed = False
        frame = round(TIMELINE / float(plan.frame_rate)) if plan.encoded else 0
        self.guard = Guard(lambda cause: told(Covering(cause or "")), lambda text: told(Fault(text)), frame)
        self._stream = stream_of(plan)
        self._received = received
        self._pipeline = Pipeline(plan, self._make, guard=self.guard)

    def _make(self, items: Sequence[PartItem]) -> None:
        for item in items:
            self._received(item)

    def feed(self, item: RoomItem) -> None:
        if not self.closed:
            self._pipeline.feed(item)

    def rule(self, entry: LedgerEntry) -> None:
        self.guard.ledger.take(entry)

    def use(self, specs: Sequence[str]) -> None:
        filters = [(spec.title, make(spec)) for spec in map(parse, specs)]
        self.guard.use(Chain(filters) if filters else None, self._stream)

    async def finish(self) -> None:
        self.closed = True

    async def close(self) -> None:
        self.closed = True


_coded = functools.cache(encode_slate)


def inline_slates(track: Track, slate: Slate, deliver: Callable[[CodedSlate], None]) -> None:
    """Slates that are coded in the test's own process, at once."""
    if track.codec is Codec.H264:
        deliver(_coded(track, slate))


def no_slates(track: Track, slate: Slate, deliver: Callable[[CodedSlate], None]) -> None:
    """Slates that cannot be made."""


def no_detections(*_: object) -> Detection:
    """Detectors that nobody has said to be there."""
    raise AssertionError("this house has no detectors")


@dataclass
class Host:
    """A publisher: the Source of one connection. ``prompt`` ones are closed as soon as they are sent away."""

    house: "House"
    clip: Clip
    prompt: bool = True
    address: str = "192.0.2.1:50000"
    reasons: list[str] = field(default_factory=list)
    sink: Sink | None = None
    sent: int = 0
    stamp: int = 0

    def disconnect(self, reason: str) -> None:
        self.reasons.append(reason)
        if self.prompt:
            self.drop(reason)

    def drop(self, reason: str = "connection lost") -> None:
        """The connection is gone."""
        if self.sink is not None:
            sink, self.sink = self.sink, None
            sink.closed(reason)

    def announce(self, *tracks: Track) -> None:
        for track in tracks or self.clip.tracks:
            assert self.sink is not None
            self.sink.track(track)

    def send(self, seconds: float) -> None:
        """Send the next ``seconds`` of the clip (over and over) as fast as it plays; the room's time goes on by it."""
        until = self.stamp + round(seconds * 1000)
        while self.sink is not None:
            turn, index = divmod(self.sent, len(self.clip.packets))
            packet = self.clip.packets[index]
            stamp = packet.stamp + turn * self.length
            if stamp >= until:
                break
            self.house.pass_time((stamp - self.stamp) / 1000)
            self.stamp = stamp
            self.sink.packet(Packet(packet.kind, stamp % 2**32, packet.offset, packet.keyframe, packet.data))
            self.sent += 1
        self.house.pass_time((until - self.stamp) / 1000)
        self.stamp = until

    def skip(self, seconds: float) -> None:
        """Leave out the next ``seconds`` of the clip; the host's own clock goes on."""
        self.stamp += round(seconds * 1000)
        while self._next_stamp() < self.stamp:
            self.sent += 1

    def send_at_once(self, seconds: float) -> None:
        """Send the next ``seconds`` of the clip in no time, as after a line that was cut."""
        until = self.stamp + round(seconds * 1000)
        while self._next_stamp() < until and self.sink is not None:
            packet = self.clip.packets[self.sent % len(self.clip.packets)]
            stamp = self._next_stamp() % 2**32
            self.sink.packet(Packet(packet.kind, stamp, packet.offset, packet.keyframe, packet.data))
            self.sent += 1
        self.stamp = until

    def _next_stamp(self) -> int:
        turn, index = divmod(self.sent, len(self.clip.packets))
        return self.clip.packets[index].stamp + turn * self.length

    @property
    def length(self) -> int:
        """Milliseconds of the clip."""
        last = self.clip.packets[-1].stamp
        return round(last / 1000) * 1000


class House:
    """Rooms over a store in ``data``. ``restart`` is what a killed and restarted server sees.

    ``slates`` codes those for hosts' own pictures; a test may say that there are ``no_slates``.
    """

    def __init__(self, data: Path, workers: Workers | None = None) -> None:
        self.data = data
        self.workers = workers or InlineWorker
        self.slates: Slates = inline_slates
        self.detections: Detections = no_detections
        self.awake = AWAKE
        self.notes: list[Note] = []
        """The moderation log."""
        self.clock = FakeClock()
        self._ticked = 0
        self.start()

    def start(self) -> None:
        self.store = Store(self.data)
        self.origin = Origin(self.clock.wall)
        self.link = RecordingLink(self.origin)
        self.rooms = Rooms(
            self.store, self.link, self.clock, self.workers, self._order, 64, self._record, self.detections, self.awake
        )

    def _record(self, room: str, note: Note) -> None:
        self.notes.append(note)

    def _order(self, track: Track, slate: Slate, deliver: Callable[[CodedSlate], None]) -> None:
        self.slates(track, slate, deliver)

    def restart(self, away: float = 1.0) -> None:
        """Kill the server without a word, and start it again ``away`` seconds later."""
        self.store.close()
        self.clock.milliseconds += round(away * 1000)
        self._ticked = self.clock.milliseconds
        self.start()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with the rooms' clockwork running."""
        until = self.clock.milliseconds + round(seconds * 1000)
        while self._ticked + _TICK <= until:
            self._ticked += _TICK
            self.clock.milliseconds = max(self.clock.milliseconds, self._ticked)
            for room in self.rooms.all():
                room.tick()
        self.clock.milliseconds = until

    def open(self, name: str = "demo", **settings: object) -> str:
        """Open a room, a ``source`` one unless another ladder is asked for; returns its stream key."""
        settings = {"ladder": "source", **settings}
        return self.rooms.open(name, RoomOpening(**settings)).row.stream_key  # type: ignore[arg-type]

    def connect(self, stream: str, clip: Clip | None = None, prompt: bool = True, software: str = "test host") -> Host:
        """A publisher that is admitted; it has announced nothing yet. Raises Refused."""
        host = Host(self, clip or make_clip(), prompt)
        request = PublishRequest("rtmp", host.address, claim("live", "", stream), software)
        host.sink = self.rooms.admit(request, host)
        return host

    def publish(self, stream: str, seconds: float = 0, clip: Clip | None = None, prompt: bool = True) -> Host:
        """A publisher that has announced its tracks and sent ``seconds``."""
        host = self.connect(stream, clip, prompt)
        host.announce()
        host.send(seconds)
        return host


def broadcast_of(house: House, room: str = "demo") -> str:
    broadcast = house.rooms.get(room).broadcast
    assert broadcast is not None
    return broadcast.id


def state_of(house: House, room: str = "demo") -> State:
    return house.rooms.get(room).state


def in_row(numbers: list[int]) -> bool:
    """Whether no number is missing and none comes twice."""
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def disk_full(house: House) -> None:
    """From here on nothing can be stored."""
    house.store._db.execute("PRAGMA query_only = ON")
