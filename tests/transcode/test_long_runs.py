"""A host that sends for a day: sound and picture stay together, and nothing is lost.

Its stamps are whole milliseconds that waver and wrap, its sound is of 44.1 kHz, its clock is not quite the server's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import merge
from random import Random

import numpy as np
import pytest
from av import AudioFrame
from numpy.typing import NDArray

from ingest.media import Kind, Packet
from tests.support.boxes import read_chunk
from tests.support.media import GREYS, Clip, decode, make_clip
from tests.support.segments import check_full
from tests.support.stage import Stage
from transcode.cmaf.codecs import parse_audio
from transcode.cutter import Cutter
from transcode.ladder import Encoding, parse_ladder
from transcode.media import AUDIO, SOURCE, TIMELINE, Part, PartItem, SegmentEnd, SegmentStart, TimedPacket
from transcode.opening import Opening
from transcode.passthrough import Passthrough
from transcode.timekeeper import Timekeeper

RATE, FRAME = 44_100, 1024
FPS, GOP = 5, 10
SMOOTH = 25
"""Pictures a second of what is decoded and encoded."""
TONE = 440
"""Hz, of the clips' sound."""
PICTURES, SOUNDS = 1280, 2205
"""Pictures, and frames of sound, in 51.2 s: the shortest of which there is a whole number."""
SETTLED = 8
MS = TIMELINE // 1000
WRAP = 1 << 32
SECOND, HOUR = 1000, 3_600_000
SYNC = 0.040
"""Sound and picture that belong together are never further apart (seconds)."""
WAVER = {Kind.VIDEO: 3, Kind.AUDIO: 8}
"""Stamps are so far off at most (milliseconds)."""
LINE = 20
"""Packets are under way for so long at most (milliseconds)."""
LASTS = {SOURCE: 1 / FPS, AUDIO: FRAME / RATE}
OFF = [100, -100]
"""What the server's clock counts more than the host's, in parts per million."""


def sent(start: int, milliseconds: int) -> Iterator[Packet]:
    """What a host sends whose clock begins at ``start``; each packet's bytes are its number."""
    chance = Random(start)

    def stamped(kind: Kind, number: int, at: int) -> Packet:
        stamp = start + at + chance.randint(-WAVER[kind], WAVER[kind])
        return Packet(kind, stamp, 0, kind is Kind.AUDIO or number % GOP == 0, number.to_bytes(8))

    pictures = (stamped(Kind.VIDEO, n, n * SECOND // FPS) for n in range(milliseconds * FPS // SECOND))
    frames = range(milliseconds * RATE // FRAME // SECOND)
    sounds = (stamped(Kind.AUDIO, n, n * FRAME * SECOND // RATE) for n in frames)
    return merge(pictures, sounds, key=lambda packet: packet.stamp)


def arrivals(packets: Iterator[Packet], start: int, off: int) -> Iterator[tuple[Packet, int]]:
    """The packets as they are stamped, and when (ticks) they come by a clock that is ``off``."""
    chance, now = Random(off), 0
    for packet in packets:
        elapsed = packet.stamp - start
        now = max(now, (elapsed + chance.randint(WAVER[Kind.AUDIO], LINE)) * MS + elapsed * MS * off // 1_000_000)
        yield Packet(packet.kind, packet.stamp % WRAP, packet.offset, packet.keyframe, packet.data), now


@dataclass
class Watched:
    """What players get of the host's own packets, looked at as it comes."""

    segments: dict[str, int] = field(default_factory=dict)
    """The newest one's number, of each rendition."""
    frames: dict[str, int] = field(default_factory=dict)
    """The number of the next one."""
    earliest: float = 0.0
    latest: float = 0.0
    """How far frames are from where the first picture says they belong (seconds)."""
    _zero: float | None = None
    _scales: dict[str, int] = field(default_factory=dict)
    _begun: dict[str, int] = field(default_factory=dict)
    _ends: dict[str, int] = field(default_factory=dict)

    def take(self, item: PartItem) -> None:
        name = item.rendition
        match item:
            case SegmentStart():
                assert item.msn == self.segments.get(name, item.msn - 1) + 1, "no number is missing"
                assert item.start == self._ends.get(name, item.start), "nor any time"
                assert not item.discontinuity
                self.segments[name], self._scales[name], self._begun[name] = item.msn, item.timescale, item.start
            case SegmentEnd():
                self._ends[name] = self._begun[name] + item.duration
            case Part():
                self._look(name, item.data)

    def _look(self, name: str, data: bytes) -> None:
        chunk = read_chunk(data)
        at = chunk.decode_time
        for row in chunk.rows:
            number = int.from_bytes(row.data)
            # Sound that is stamped before the first picture has no place.
            assert number == self.frames[name] if name in self.frames else number <= 1, "each frame is there, once"
            self.frames[name] = number + 1
            off = (at + row.offset) / self._scales[name] - number * LASTS[name]
            self._zero = off if self._zero is None else self._zero
            self.earliest, self.latest = min(self.earliest, off - self._zero), max(self.latest, off - self._zero)
            at += row.duration


def pass_on(milliseconds: int, off: int) -> Watched:
    """What players get of so much, with the stamps' wrap in the middle of it."""
    clip = make_clip(seconds=1, sample_rate=RATE)
    start = WRAP - milliseconds // 2
    keeper, opening = Timekeeper(0), Opening(Encoding(parse_ladder(SOURCE), "fast", None))
    keeper.connect()
    for track in clip.tracks:
        opening.track(track)
        if track.kind is Kind.AUDIO:
            keeper.audio(RATE, parse_audio(track).samples)
    watched = Watched()
    cutter: Cutter | None = None
    for packet, now in arrivals(sent(start, milliseconds), start, off):
        timed = keeper.packet(packet, now)
        assert timed is not None
        due = [timed]
        if cutter is None:
            opening.packet(timed)
            if opening.plan is None:
                continue
            cutter, passthrough = Cutter(0, opening.plan.target_duration, True), Passthrough(opening.plan)
            for track in opening.tracks.values():
                assert not list(passthrough.feed(track))
            due = list[TimedPacket](opening.packets)
        for item in (item for one in due for item in cutter.packet(one)):
            for part in passthrough.feed(item):
                watched.take(part)
    return watched


def check(watched: Watched, milliseconds: int) -> None:
    assert watched.latest - watched.earliest <= SYNC, "wherever in the day"
    for name, lasts in LASTS.items():
        # The newest GOP, or part, is not out yet.
        assert 0 <= milliseconds / 1000 - watched.frames[name] * lasts < 3
    assert watched.segments[SOURCE] >= milliseconds // (4 * SECOND) - 1


# The host's own packets, passed on.


@pytest.mark.parametrize("off", OFF)
def test_the_wrap_of_the_stamps_parts_nothing(off: int) -> None:
    check(pass_on(HOUR // 6, off), HOUR // 6)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("off", OFF)
def test_a_day_does_not_part_sound_from_picture(off: int) -> None:
    watched = pass_on(24 * HOUR, off)
    print(f"{off} ppm: {watched.earliest * 1000:.1f} to {watched.latest * 1000:.1f} ms, {watched.frames}")
    check(watched, 24 * HOUR)


# Decoded and encoded again.


@pytest.mark.parametrize("off", OFF)
@pytest.mark.parametrize("hour", [0, 12, 24])
def test_wherever_in_the_day_what_is_encoded_is_where_it_belongs(hour: int, off: int) -> None:
    encode_and_check(hour, 20, off)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_an_hour_that_is_encoded_stays_where_it_belongs() -> None:
    encode_and_check(23, 3600, 100)


def encode_and_check(hour: int, seconds: int, off: int) -> None:
    """The host's tone has a phase: it tells to the sample where each second of it is heard."""
    start, stage = WRAP - seconds * SECOND // 2, Stage(turn(), "auto")
    for packet, now in arrivals(played(start, seconds), start, off):
        stage.send(packet, hour * HOUR + now // MS)
    stage.end()
    (rung,) = stage.plan.rungs
    pictures, sounds = stage.rendition(rung.name), stage.rendition(AUDIO)
    check_full(pictures, stage.plan)
    assert [segment.msn for segment in pictures] == [segment.msn for segment in sounds]
    first, *_ = numbers = stage.numbers(rung.name)
    assert first <= 4
    assert numbers == [number % PICTURES % GREYS for number in range(first, seconds * SMOOTH)]
    (zero, *_) = (item.pts for item in stage.room_items if isinstance(item, TimedPacket))
    assert zero / TIMELINE == pytest.approx(hour * 3600, abs=2 * LINE / 1000)
    shown = pictures[0].start / pictures[0].timescale - first / SMOOTH
    assert abs(shown - zero / TIMELINE) <= SYNC
    heard = tone(stage.items)
    begins = sounds[0].start / 48_000 - zero / TIMELINE
    for second in range(1, len(heard) // 48_000 - 1):
        samples = np.arange(second * 48_000, (second + 1) * 48_000)
        # The host's encoder delays its sound by a frame, which its stamps do not tell.
        at = begins + samples / 48_000 - FRAME / RATE
        turned = np.sum(heard[samples] * np.exp(-2j * np.pi * TONE * at)) * 1j
        assert abs(np.angle(turned)) / (2 * np.pi * TONE) <= 0.001, "within a millisecond"
        assert abs(turned) * 2 / 48_000 == pytest.approx(0.2, rel=0.05), "whole, without a break"


def turn() -> Clip:
    """A little more than what can be played over and over: pictures, frames and periods of the tone are whole."""
    return make_clip(seconds=52, fps=SMOOTH, gop=40, sample_rate=RATE)


def played(start: int, seconds: int) -> Iterator[Packet]:
    """What a host sends whose clock begins at ``start``; its sound's stamps waver."""
    pictures, sounds = ([p for p in turn().packets if p.kind is kind] for kind in (Kind.VIDEO, Kind.AUDIO))
    chance, most = Random(start), WAVER[Kind.AUDIO]

    def picture(number: int) -> Packet:
        made = pictures[number % PICTURES]
        return Packet(Kind.VIDEO, start + number * SECOND // SMOOTH, made.offset, made.keyframe, made.data)

    def sound(number: int) -> Packet:
        # An encoder needs a few frames to settle; they come once.
        made = sounds[number if number < SETTLED else SETTLED + (number - SETTLED) % SOUNDS]
        by = chance.randint(-most, most) if number else 0
        return Packet(Kind.AUDIO, start + number * FRAME * SECOND // RATE + by, 0, True, made.data)

    frames = range(seconds * RATE // FRAME)
    return merge(map(picture, range(seconds * SMOOTH)), map(sound, frames), key=lambda packet: packet.stamp)


def tone(items: list[PartItem]) -> NDArray[np.float32]:
    """What the sound decodes to: (samples,), the first channel."""
    return np.concatenate([frame.to_ndarray()[0] for frame in decode(items, AUDIO) if isinstance(frame, AudioFrame)])
