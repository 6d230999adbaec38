"""A ``source`` room from the host's packets to what players get: timekeeper, opening, cutter and pipeline together.

Real H.264 and AAC goes in, and what comes out is decoded. Times in these tests are milliseconds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.media import Kind, Packet, Track
from tests.support.media import GREYS, Clip, decode, make_clip, number_of
from tests.support.segments import Segment, check_full, check_rendition, segments_of, shown
from transcode.cmaf.codecs import parse_aac
from transcode.cutter import Cutter
from transcode.ladder import Encoding, parse_ladder
from transcode.media import TIMELINE, Cut, End, Init, Part, PartItem, Plan, RoomItem, TimedPacket
from transcode.opening import Opening
from transcode.passthrough import Passthrough
from transcode.timekeeper import Timekeeper

MS = TIMELINE // 1000
FRAME_RATES = [24, 25, Fraction(30000, 1001), 30, 50, 60]


def looped(clip: Clip, length: int, times: int, start: int = 0) -> Iterator[Packet]:
    """The clip's packets ``times`` over, which lasts ``length`` each time."""
    for turn in range(times):
        for packet in clip.packets:
            yield replace(packet, stamp=start + packet.stamp + turn * length)


NAMES = {Kind.VIDEO: "source", Kind.AUDIO: "audio"}


class Stage:
    """A room with one broadcast, and all that its players were ever given."""

    def __init__(self, clip: Clip) -> None:
        self.keeper = Timekeeper(0)
        self.keeper.connect()
        self.opening = Opening(Encoding(parse_ladder("source")))
        self.cutter: Cutter | None = None
        self.pipeline: Passthrough | None = None
        self.room_items: list[RoomItem] = []
        self.items: list[PartItem] = []
        self.now = 0
        for track in clip.tracks:
            self.opening.track(track)
            self._expect(track)

    def _expect(self, track: Track) -> None:
        if track.kind is Kind.AUDIO:
            aac = parse_aac(track.config)
            self.keeper.audio(aac.sample_rate, aac.frame_length)

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
            self._feed(self.cutter.packet(timed))
            return
        self.opening.packet(timed)
        if self.opening.plan is not None:
            self.cutter = Cutter(0, self.plan.target_duration, bool(self.plan.rungs))
            self.pipeline = Passthrough(self.plan)
            self._feed(self.opening.tracks.values())
            for held in self.opening.packets:
                self._feed(self.cutter.packet(held))

    def play(self, packets: Iterable[Packet], shift: int = 0) -> "Stage":
        for packet in packets:
            self.send(packet, packet.stamp + shift)
        return self

    def _feed(self, items: Iterable[RoomItem]) -> None:
        assert self.pipeline is not None
        for item in items:
            self.room_items.append(item)
            self.items += self.pipeline.feed(item)

    def wait(self, until: int) -> None:
        """Let time pass, as a room does."""
        for at in range(self.now, until, 250):
            self.now = at
            tick = self.keeper.tick(at * MS)
            if tick is not None and self.cutter is not None:
                self._feed(self.cutter.tick(tick))
        self.now = until

    def connect(self, clip: Clip) -> None:
        """Another source takes over."""
        self.keeper.connect()
        for track in clip.tracks:
            self._expect(track)
        if self.cutter is not None:
            self.cutter.interrupt()

    def change(self, track: Track) -> None:
        """A track's configuration changes."""
        assert self.cutter is not None
        self._expect(track)
        self.cutter.discontinuity()
        self._feed([track])

    def end(self) -> "Stage":
        if self.cutter is not None:
            self._feed([End(self.cutter.media_end)])
        return self

    def rendition(self, kind: Kind, ended: bool = True) -> list[Segment]:
        segments = segments_of(self.items, NAMES[kind])
        check_rendition(segments, self.plan, ended)
        return segments

    def both(self) -> tuple[list[Segment], list[Segment]]:
        """Both renditions, which go through the same numbers at the same times."""
        video, audio = self.rendition(Kind.VIDEO), self.rendition(Kind.AUDIO)
        assert [(s.msn, s.discontinuity) for s in video] == [(s.msn, s.discontinuity) for s in audio]
        return video, audio

    def sent(self, kind: Kind) -> list[TimedPacket]:
        """What the pipeline was given."""
        return [item for item in self.room_items if isinstance(item, TimedPacket) and item.kind is kind]

    def made(self, kind: Kind) -> list[tuple[int, int, bytes]]:
        """Decode time, composition offset (timescale units) and bytes of all that players got."""
        found = []
        for segment in segments_of(self.items, NAMES[kind]):
            for chunk in segment.chunks:
                at = chunk.decode_time
                for row in chunk.rows:
                    found.append((at, row.offset, row.data))
                    at += row.duration
        return found


def check_starts(video: list[Segment], audio: list[Segment], frame: float = 1024 / 44100) -> None:
    """Sound is cut at the first frame at or after the picture's cut."""
    for picture, sound in zip(video, audio, strict=True):
        late = sound.start / sound.timescale - picture.start / picture.timescale
        assert -0.0001 <= late <= frame


# A host on air.


@pytest.mark.parametrize("fps", FRAME_RATES, ids=str)
@pytest.mark.parametrize("rate", [48000, 44100])
def test_every_frame_reaches_the_player_in_full_parts(fps: Fraction | int, rate: int) -> None:
    clip = make_clip(seconds=6, fps=fps, gop=round(2 * fps), sample_rate=rate)
    stage = Stage(clip).play(clip.packets).end()
    video, audio = stage.both()
    assert len(video) == 3
    check_full(video, stage.plan)
    check_full(audio[:-1], stage.plan)
    check_starts(video, audio)
    assert [part.independent for segment in video for part in segment.parts if part.index == 0] == [True] * 3
    # Nothing is lost, doubled, moved or changed.
    assert stage.made(Kind.VIDEO) == [(p.dts, p.pts - p.dts, p.data) for p in stage.sent(Kind.VIDEO)]
    assert [data for _, _, data in stage.made(Kind.AUDIO)] == [p.data for p in stage.sent(Kind.AUDIO)]
    for (at, _, _), packet in zip(stage.made(Kind.AUDIO), stage.sent(Kind.AUDIO), strict=True):
        assert abs(at / rate - packet.dts / TIMELINE) < 2.5 / rate
    # And a player sees it.
    numbers = [number_of(frame) for frame in decode(stage.items, "source")]
    assert numbers == [number % GREYS for number in range(round(6 * fps))]
    samples = sum(frame.samples for frame in decode(stage.items, "audio") if isinstance(frame, av.AudioFrame))
    assert samples == 1024 * len(stage.sent(Kind.AUDIO))


@pytest.mark.parametrize("b_frames", [1, 2, 3])
@pytest.mark.parametrize("fps", [25, Fraction(30000, 1001)], ids=str)
def test_frames_that_are_shown_out_of_decode_order_come_out_in_order(b_frames: int, fps: Fraction | int) -> None:
    clip = make_clip(seconds=6, fps=fps, gop=round(2 * fps), b_frames=b_frames)
    assert any(packet.offset for packet in clip.packets)
    stage = Stage(clip).play(clip.packets).end()
    video, audio = stage.both()
    check_full(video, stage.plan)
    check_starts(video, audio)
    frames = list(decode(stage.items, "source"))
    assert [number_of(frame) for frame in frames] == [number % GREYS for number in range(round(6 * fps))]
    stamps = [frame.pts for frame in frames if frame.pts is not None]
    assert all(abs(after - before - int(TIMELINE / fps)) <= 2 * MS for before, after in pairwise(stamps))
    # Each segment shows what belongs between its boundaries (to the host's rounding).
    for segment in video:
        times = shown(segment)
        assert segment.start / TIMELINE == pytest.approx(times[0], abs=0.0011)
        assert times[-1] < (segment.start + (segment.duration or 0)) / TIMELINE


def test_minutes_of_44100_hertz_have_no_seam() -> None:
    """Stamps are whole milliseconds and the timeline's ticks no whole samples, but every frame touches the next."""
    stage = Stage(make_clip(seconds=4, gop=60, sample_rate=44100))
    for number in range(10 * 60 * 44100 // 1024):
        stamp = number * 1024 * 1000 // 44100
        stage.send(Packet(Kind.AUDIO, stamp, 0, True, b"sound"))
        stage.send(Packet(Kind.VIDEO, stamp, 0, number % 86 == 0, b"picture"))
    _, audio = stage.end().both()
    chunks = [chunk for segment in audio for chunk in segment.chunks]
    assert {row.duration for chunk in chunks for row in chunk.rows} == {1024}
    assert all(before.end == after.decode_time for before, after in pairwise(chunks))


@pytest.mark.parametrize(
    ("gop", "seconds", "target"), [(15, 6, 4), (120, 12, 4), (150, 15, 5), (300, 24, 10), (250, 25, 9)]
)
def test_gops_of_any_length_make_legal_segments(gop: int, seconds: int, target: int) -> None:
    clip = make_clip(seconds=seconds, gop=gop)
    stage = Stage(clip).play(clip.packets).end()
    assert stage.plan.target_duration == target
    video, audio = stage.both()
    check_full(video, stage.plan)
    check_full(audio[:-1], stage.plan)
    assert all(segment.parts[0].independent for segment in video)
    assert len(list(decode(stage.items, "source"))) == 30 * seconds


def test_a_picture_alone() -> None:
    clip = make_clip(audio=False)
    stage = Stage(clip).play(clip.packets).end()
    video = stage.rendition(Kind.VIDEO)
    check_full(video, stage.plan)
    assert {item.rendition for item in stage.items} == {"source"}


def test_sound_alone() -> None:
    clip = make_clip(video=False)
    stage = Stage(clip).play(clip.packets).end()
    audio = stage.rendition(Kind.AUDIO)
    check_full(audio[:-1], stage.plan)
    assert [round(segment.seconds) for segment in audio] == [2, 2, 2]
    assert {item.rendition for item in stage.items} == {"audio"}


# The host and the network in trouble.


def test_sound_that_lags_the_picture_by_a_second_on_its_way_loses_nothing() -> None:
    clip = make_clip()
    late = [(packet.stamp + (1000 if packet.kind is Kind.AUDIO else 0), packet) for packet in looped(clip, 6000, 2)]
    stage = Stage(clip)
    for at, packet in sorted(late, key=lambda pair: pair[0]):
        stage.send(packet, at)
    video, audio = stage.end().both()
    check_full(video, stage.plan)
    check_full(audio[1:-1], stage.plan)
    check_starts(video[:-1], audio[:-1])


@pytest.mark.parametrize("hole", [(5000, 5500), (5000, 9000), (4100, 13_900)])
def test_sound_that_is_missing_for_a_while_leaves_the_picture_alone(hole: tuple[int, int]) -> None:
    clip = make_clip()
    packets = [p for p in looped(clip, 6000, 3) if p.kind is Kind.VIDEO or not hole[0] <= p.stamp < hole[1]]
    stage = Stage(clip).play(packets).end()
    video, audio = stage.both()
    check_full(video, stage.plan)
    check_starts(video, audio)
    assert len(stage.made(Kind.AUDIO)) == len(stage.sent(Kind.AUDIO))
    for at, _, data in stage.made(Kind.AUDIO):
        packet = next(
            p for p in stage.sent(Kind.AUDIO) if p.data == data and abs(p.dts / TIMELINE - at / 48000) < 0.001
        )
        assert packet
    assert sum(not segment.parts for segment in audio) == max(0, (hole[1] - hole[0]) // 2000 - 1)


@pytest.mark.parametrize("away", [300, 2000, 3500, 5000, 20_000])
@pytest.mark.parametrize("hangs_up", [True, False])
def test_a_host_that_is_away_leaves_gaps_and_comes_back_on_the_same_timeline(away: int, hangs_up: bool) -> None:
    clip = make_clip()
    stage = Stage(clip).play(clip.packets)
    if hangs_up:
        stage.keeper.disconnect()
    left = stage.now
    stage.wait(left + away)
    stage.connect(clip)
    stage.play(clip.packets, shift=left + away)
    video, audio = stage.end().both()
    check_starts(video, audio, 0.5)
    gaps = [segment.msn for segment in video if not segment.parts]
    assert gaps == [segment.msn for segment in audio if not segment.parts]
    assert (len(gaps) > 0) == (away >= (1000 if hangs_up else 3000) + 250)
    assert [number_of(frame) for frame in decode(stage.items, "source")] == 2 * [n % GREYS for n in range(180)]
    back = next(segment for segment in video if segment.start / 90 > left)
    resumed = [segment for segment in video if segment.parts and segment.start >= back.start]
    assert resumed[0].parts[0].independent
    assert resumed[0].start / 90 == pytest.approx(left + away, abs=60)
    assert video[-1].start + (video[-1].duration or 0) == pytest.approx((left + away + 6000) * MS, abs=50 * MS)


def test_a_stall_of_the_network_and_its_burst_are_not_seen_by_players() -> None:
    clip = make_clip()
    plain, stalled = Stage(clip), Stage(clip)
    plain.play(looped(clip, 6000, 2)).end()
    for packet in looped(clip, 6000, 2):
        stalled.send(packet, max(packet.stamp, 6800) if packet.stamp >= 4500 else packet.stamp)
        assert stalled.keeper.tick(stalled.now * MS) is None
    stalled.end()
    assert stalled.items == plain.items


def test_the_picture_stops_while_the_sound_goes_on() -> None:
    clip = make_clip()
    stage = Stage(clip)
    for packet in looped(clip, 6000, 3):
        if packet.kind is Kind.AUDIO or not 5000 <= packet.stamp < 11_990:
            stage.send(packet)
            if tick := stage.keeper.tick(stage.now * MS):
                assert stage.cutter
                stage._feed(stage.cutter.tick(tick))
    video, audio = stage.end().both()
    assert any(not segment.parts for segment in video)
    numbers = [number_of(frame) for frame in decode(stage.items, "source")]
    assert numbers == [n % GREYS for n in range(150)] + [n % GREYS for n in range(180)]
    assert audio[-1].parts


def test_another_picture_size_is_a_discontinuity_that_players_can_decode() -> None:
    clip, other = make_clip(), make_clip(size=(128, 96))
    assert other.video
    stage = Stage(clip).play(clip.packets)
    stage.connect(other)
    stage.change(other.video)
    stage.play(other.packets, shift=stage.now + 40)
    video, audio = stage.end().both()
    (turn,) = [segment.msn for segment in video if segment.discontinuity]
    assert turn == 3
    inits = [item for item in stage.items if isinstance(item, Init) and item.rendition == "source"]
    assert len(inits) == 2
    for init, size in zip(inits, ((64, 48), (128, 96)), strict=True):
        parts = [part for segment in video if segment.init == init for part in segment.parts]
        frames = [frame for frame in decode([init, *parts], "source") if isinstance(frame, av.VideoFrame)]
        assert [(frame.width, frame.height) for frame in frames] == [size] * 180
    assert len({segment.init.name for segment in audio if segment.init}) == 1


def test_another_sample_rate_is_a_discontinuity_that_players_can_decode() -> None:
    clip, other = make_clip(), make_clip(sample_rate=44100)
    assert other.audio
    stage = Stage(clip).play(clip.packets)
    stage.connect(other)
    stage.change(other.audio)
    stage.play(other.packets, shift=stage.now + 40)
    video, audio = stage.end().both()
    assert [segment.timescale for segment in audio] == [48_000] * 3 + [44_100] * 3
    check_starts(video, audio, 0.08)
    inits = [item for item in stage.items if isinstance(item, Init) and item.rendition == "audio"]
    for init, rate in zip(inits, (48_000, 44_100), strict=True):
        parts = [part for segment in audio if segment.init == init for part in segment.parts]
        frames = [frame for frame in decode([init, *parts], "audio") if isinstance(frame, av.AudioFrame)]
        assert {frame.sample_rate for frame in frames} == {rate}


def test_dropped_frames_leave_the_picture_standing_and_parts_legal() -> None:
    """A host on a bad line drops pictures, and goes on with a keyframe."""
    clip = make_clip(gop=30)
    packets = [p for p in clip.packets if p.kind is Kind.AUDIO or not 3100 <= p.stamp < 4000]
    stage = Stage(clip).play(packets).end()
    video, audio = stage.both()
    check_starts(video, audio)
    assert len(list(decode(stage.items, "source"))) == 180 - 27
    # Media time has no hole: the frame before the drop lasts until the next.
    at = None
    for segment in video:
        for chunk in segment.chunks:
            assert at in (None, chunk.decode_time)
            at = chunk.end


# Anything.

disorders = st.tuples(
    st.sampled_from(["lose", "delay", "swap", "jump", "silence", "takeover", "change", "stop picture", "stop sound"]),
    st.integers(0, 560),
    st.integers(1, 4000),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(disorders, max_size=8), st.sampled_from([0, 2]), st.sampled_from([15, 60, 200]))
def test_whatever_happens_on_the_way_what_players_get_is_legal(
    story: list[tuple[str, int, int]], b_frames: int, gop: int
) -> None:
    clip = make_clip(seconds=8, gop=gop, b_frames=b_frames)
    other = make_clip(seconds=8, gop=gop, b_frames=b_frames, size=(96, 64), sample_rate=44100)
    stage = Stage(clip)
    acts = {at: (what, amount) for what, at, amount in story}
    packets = list(clip.packets)
    for what, at, amount in story:
        if what == "swap" and at + 1 < len(packets):
            to = min(at + amount % 40, len(packets) - 1)
            packets[at], packets[to] = packets[to], packets[at]
    losing: dict[Kind, int] = {}
    shift = delay = 0
    current = clip
    for index, packet in enumerate(packets):
        what, amount = acts.get(index, ("", 0))
        match what:
            case "lose":
                losing = dict.fromkeys(Kind, packet.stamp + amount // 10)
            case "stop picture":
                losing[Kind.VIDEO] = packet.stamp + amount
            case "stop sound":
                losing[Kind.AUDIO] = packet.stamp + amount
            case "delay":
                delay = amount
            case "jump":
                shift += amount * 1000 - 2_000_000
            case "silence":
                stage.wait(stage.now + amount)
            case "takeover":
                stage.connect(current)
            case "change" if stage.cutter is not None:
                current = other if current is clip else clip
                for track in current.tracks:
                    stage.change(track)
        if packet.stamp < losing.get(packet.kind, 0):
            continue
        stage.send(replace(packet, stamp=(packet.stamp + shift) % (1 << 32)), max(stage.now, packet.stamp + delay))
        if (tick := stage.keeper.tick(stage.now * MS)) and stage.cutter:
            stage._feed(stage.cutter.tick(tick))
    stage.end()
    if stage.cutter is None:
        return
    listed = [kind for kind, told in ((Kind.VIDEO, stage.plan.rungs), (Kind.AUDIO, stage.plan.sound)) if told]
    renditions = [stage.rendition(kind) for kind in listed]
    cuts = [item.msn for item in stage.room_items if isinstance(item, Cut)]
    for segments in renditions:
        assert [segment.msn for segment in segments] == cuts
    reached = [item.pts for item in stage.room_items if isinstance(item, Cut)]
    assert reached == sorted(reached)
    parts = [item for item in stage.items if isinstance(item, Part)]
    assert all(part.data for part in parts)
