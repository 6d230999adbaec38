"""A transcoded room without process, socket or clock: a host's packets in, part-link items out, exact each time."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from ingest.media import Kind, Packet, Track
from tests.support.media import Clip, decode, number_of
from tests.support.segments import Segment, check_rendition, segments_of
from transcode.cmaf.codecs import parse_audio
from transcode.cutter import Cutter
from transcode.guard import Guard
from transcode.ladder import Encoding, parse_ladder
from transcode.lane import Inline, Lane
from transcode.media import (
    SOURCE,
    TIMELINE,
    Aired,
    End,
    Part,
    PartItem,
    Plan,
    RoomItem,
    SegmentEnd,
    SegmentStart,
    Slate,
)
from transcode.opening import Opening
from transcode.pipeline import Pipeline
from transcode.regular_cutter import RegularCutter
from transcode.timekeeper import Timekeeper

MS = TIMELINE // 1000


class Stage:
    """A room with one broadcast, and all that its players were ever given."""

    def __init__(
        self,
        clip: Clip,
        ladder: str = "auto",
        preset: str = "fast",
        loudness: float | None = None,
        guard: Guard | None = None,
        lane: Callable[[str], Lane] = lambda _: Inline(),
    ) -> None:
        self.keeper = Timekeeper(0)
        self.keeper.connect()
        self.opening = Opening(Encoding(parse_ladder(ladder), preset, loudness))
        self.cutter: Cutter | RegularCutter | None = None
        self.pipeline: Pipeline | None = None
        self.room_items: list[RoomItem] = []
        self.items: list[PartItem] = []
        self.now = 0
        self._guard = guard
        self._lane = lane
        for track in clip.tracks:
            self.opening.track(track)
            self._expect(track)

    def _expect(self, track: Track) -> None:
        if track.kind is Kind.AUDIO:
            sound = parse_audio(track)
            self.keeper.audio(sound.sample_rate, sound.samples)

    @property
    def plan(self) -> Plan:
        assert self.opening.plan is not None
        return self.opening.plan

    def send(self, packet: Packet, at: int | None = None) -> None:
        self.now = max(self.now, packet.stamp if at is None else at)
        timed = self.keeper.packet(packet, self.now * MS)
        if timed is None:
            return
        if self.cutter is not None:
            self.feed(self.cutter.packet(timed))
            return
        self.opening.packet(timed)
        if self.opening.plan is not None:
            plan = self.plan
            if any(rung.name == SOURCE for rung in plan.rungs):
                self.cutter = Cutter(0, plan.target_duration, True)
            else:
                self.cutter = RegularCutter(0, plan.frame_rate if plan.rungs else None)
            self.pipeline = Pipeline(plan, self.items.extend, self._lane, guard=self._guard)
            self.feed(self.opening.tracks.values())
            for held in self.opening.packets:
                self.feed(self.cutter.packet(held))

    def play(self, packets: Iterable[Packet], shift: int = 0) -> "Stage":
        for packet in packets:
            self.send(packet, packet.stamp + shift)
        return self

    def feed(self, items: Iterable[RoomItem]) -> None:
        assert self.pipeline is not None
        for item in items:
            self.room_items.append(item)
            self.pipeline.feed(item)

    def wait(self, until: int) -> "Stage":
        """Let time pass, as a room does."""
        for at in range(self.now, until, 250):
            self.now = at
            assert self.cutter is not None
            tick = self.keeper.tick(at * MS) or self.keeper.late(at * MS)
            if tick is not None:
                self.feed(self.cutter.tick(tick))
        self.now = until
        return self

    def connect(self, clip: Clip) -> "Stage":
        """Another source takes over, and announces its tracks."""
        self.keeper.connect()
        assert self.cutter is not None
        self.cutter.interrupt()
        self.announce(*clip.tracks)
        return self

    def announce(self, *tracks: Track) -> None:
        """A track's configuration changes."""
        assert self.cutter is not None
        for track in tracks:
            self._expect(track)
            self.cutter.discontinuity()
            self.feed([track])

    def end(self) -> "Stage":
        assert self.cutter is not None
        assert self.pipeline is not None
        self.feed([End(self.cutter.media_end)])
        self.pipeline.close()
        return self

    def take_over(self, start: int = 0) -> None:
        """The pipeline dies; another one is given all items from ``start`` on, and goes on where this one stopped."""
        self.pipeline = Pipeline(self.plan, self.items.extend, aired=progress(self.items), guard=self._guard)
        in_force = [item for item in self.room_items[:start] if isinstance(item, Track | Slate)]
        for item in [*in_force, *self.room_items[start:]]:
            self.pipeline.feed(item)

    # What players got.

    def rendition(self, name: str) -> list[Segment]:
        segments = segments_of(self.items, name)
        check_rendition(segments, self.plan, True)
        return segments

    def rendition_so_far(self, name: str) -> list[Segment]:
        """The segments of a broadcast that goes on."""
        return segments_of(self.items, name)

    def numbers(self, name: str) -> list[int]:
        """The numbers painted into the frames of a rung."""
        return [number_of(frame) for frame in decode(self.items, name)]


def progress(items: Iterable[PartItem]) -> tuple[Aired, ...]:
    """How far each rendition has come."""
    inits: dict[str, str] = {}
    aired: dict[str, Aired] = {}
    for item in items:
        name = item.rendition
        match item:
            case SegmentStart():
                aired[name] = Aired(name, inits[name], item.msn, 0, item.start, item.start, False)
            case Part():
                aired[name] = replace(aired[name], index=item.index + 1, end=aired[name].end + item.duration)
            case SegmentEnd():
                aired[name] = replace(aired[name], end=aired[name].start + item.duration, whole=True)
            case _:
                inits[name] = item.name
    return tuple(aired.values())
