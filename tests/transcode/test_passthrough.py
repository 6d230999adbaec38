"""A ``source`` room from the host's packets to what players get: timekeeper, opening, cutter and pipeline together.

Real H.264 and AAC goes in, and what comes out is decoded. Times in these tests are milliseconds.
"""

import functools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.media import Kind, Packet, Track
from tests.support.media import GREYS, SLATE, Clip, decode, is_slate, make_clip, number_of, numbers_of
from tests.support.segments import Segment, check_full, check_rendition, segments_of, shown, ticks
from transcode.cmaf.codecs import parse_audio
from transcode.cutter import Cutter
from transcode.interlude import CodedSlate
from transcode.ladder import Encoding, parse_ladder
from transcode.media import TIMELINE, Cut, End, Init, Part, PartItem, Plan, RoomItem, Slate, TimedPacket
from transcode.opening import Opening
from transcode.passthrough import Passthrough
from transcode.slate_encoder import encode_slate
from transcode.timekeeper import Timekeeper

MS = TIMELINE // 1000
FRAME_RATES = [24, 25, Fraction(30000, 1001), 30, 50, 60]


def looped(clip: Clip, length: int, times: int, start: int = 0) -> Iterator[Packet]:
    """The clip's packets ``times`` over, which lasts ``length`` each time."""
    for turn in range(times):
        for packet in clip.packets:
            yield replace(packet, stamp=start + packet.stamp + turn * length)


@functools.cache
def slate_for(track: Track, title: str = "Away") -> CodedSlate:
    return encode_slate(track, Slate(title, "The stream will be back in a moment."))


NAMES = {Kind.VIDEO: "source", Kind.AUDIO: "audio"}


class Stage:
    """A room with one broadcast, and all that its players were ever given; ``slates`` are there from the first on."""

    def __init__(self, clip: Clip, slates: bool = False) -> None:
        self.slates = slates
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
            self._feed(self.cutter.packet(timed))
            return
        self.opening.packet(timed)
        if self.opening.plan is not None:
            self.cutter = Cutter(0, self.plan.target_duration, bool(self.plan.rungs))
            self.pipeline = Passthrough(self.plan)
            self._feed(self.opening.tracks.values())
            if self.slates and Kind.VIDEO in self.opening.tracks and self.plan.rungs:
                self.pipeline.slate(slate_for(self.opening.tracks[Kind.VIDEO]))
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
        if self.slates and track.kind is Kind.VIDEO and self.plan.rungs:
            assert self.pipeline is not None
            self.pipeline.slate(slate_for(track))

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

    def numbers(self) -> list[int]:
        """What the frames of the picture show, in order."""
        *_, init = (item for item in self.items if isinstance(item, Init) and item.rendition == "source")
        return numbers_of([init, *(item for item in self.items if isinstance(item, Part))], "source")

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
    assert (len(gaps) > 0) == (away >= (500 if hangs_up else 3000) + 250)
    assert [number_of(frame) for frame in decode(stage.items, "source")] == 2 * [n % GREYS for n in range(180)]
    back = next(segment for segment in video if segment.start / 90 > left)
    resumed = [segment for segment in video if segment.parts and segment.start >= back.start]
    assert resumed[0].parts[0].independent
    assert resumed[0].start / 90 == pytest.approx(left + away, abs=60)
    assert video[-1].start + (video[-1].duration or 0) == pytest.approx((left + away + 6000) * MS, abs=50 * MS)


# The slate in the host's place.


@pytest.mark.parametrize("away", [2000, 5000, 20_000])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_host_that_is_away_leaves_its_slate_and_silence_in_one_stream(away: int, b_frames: int) -> None:
    clip = make_clip(b_frames=b_frames)
    stage = Stage(clip, slates=True).play(clip.packets)
    stage.keeper.disconnect()
    left = stage.now
    stage.wait(left + away)
    stage.connect(clip)
    stage.play(clip.packets, shift=left + away)
    video, audio = stage.end().both()
    check_starts(video, audio, 0.5)
    assert all(segment.parts for segment in (*video, *audio)), "there is no gap"
    assert not any(segment.discontinuity for segment in video)
    assert len({segment.init.name for segment in video if segment.init}) == 1
    numbers = stage.numbers()
    host, slate = [n % GREYS for n in range(180)], [SLATE] * (len(numbers) - 360)
    assert numbers == host + slate + host
    assert len(slate) / 30 == pytest.approx(away / 1000, abs=0.1)
    times = [time for segment in video for time in shown(segment)]
    assert max(after - before for before, after in pairwise(times)) < 2.5 / 30
    assert min(after - before for before, after in pairwise(times)) > 0
    assert all((segment.duration or 0) - segment.listed < 2 * 1024 for segment in audio[:-1]), "nor is there a hole"
    assert len(list(decode(stage.items, "audio"))) == sum(len(chunk.rows) for s in audio for chunk in s.chunks)


def test_a_slate_that_is_there_late_is_known_to_players_from_the_next_segment_on() -> None:
    clip = make_clip()
    stage = Stage(clip).play(clip.packets)
    assert stage.pipeline is not None
    assert clip.video is not None
    stage.pipeline.slate(slate_for(clip.video))
    stage.play(clip.packets, shift=6000)
    stage.keeper.disconnect()
    stage.wait(16_000)
    video, _ = stage.end().both()
    assert not any(segment.discontinuity for segment in video)
    first, then = dict.fromkeys(segment.init.name for segment in video if segment.init)
    assert [segment.init.name for segment in video if segment.init] == sorted(
        (segment.init.name for segment in video if segment.init), key=[first, then].index
    )
    assert all(segment.parts for segment in video)
    numbers = stage.numbers()
    assert numbers[:360] == 2 * [n % GREYS for n in range(180)]
    assert set(numbers[360:]) == {SLATE}
    assert len(numbers) > 360 + 90


def test_a_slate_that_comes_while_the_host_is_away_ends_the_gap() -> None:
    clip = make_clip()
    stage = Stage(clip).play(clip.packets)
    stage.keeper.disconnect()
    stage.wait(8500)
    assert stage.pipeline is not None
    assert clip.video is not None
    stage.pipeline.slate(slate_for(clip.video))
    stage.wait(14_000)
    video, audio = stage.end().both()
    gaps = [segment.msn for segment in video if not segment.parts]
    assert gaps == [segment.msn for segment in audio if not segment.parts]
    assert sum(segment.seconds for segment in video if not segment.parts) == pytest.approx(4, abs=0.1)
    assert set(stage.numbers()[180:]) == {SLATE}


def test_another_slate_is_shown_at_once() -> None:
    clip = make_clip(size=(320, 240))
    stage = Stage(clip, slates=True).play(clip.packets)
    stage.keeper.disconnect()
    stage.wait(9000)
    assert stage.pipeline is not None
    assert clip.video is not None
    before = len(stage.items)
    stage.pipeline.slate(slate_for(clip.video, "Another"))
    stage.wait(12_000)
    stage.end()
    assert not any(isinstance(item, Init) for item in stage.items[before:]), "its parameter sets are the same"
    frames = [
        frame.to_ndarray(format="gray")
        for frame in decode(stage.items, "source")
        if isinstance(frame, av.VideoFrame) and is_slate(frame)
    ]
    changes = [n for n, (one, next_) in enumerate(pairwise(frames)) if abs(one.astype(int) - next_).max() > 40]
    assert len(changes) == 1


def test_a_picture_that_has_another_slate_shows_that_one() -> None:
    clip, other = make_clip(), make_clip(size=(128, 96))
    stage = Stage(clip, slates=True).play(clip.packets)
    assert other.video is not None
    stage.change(other.video)
    stage.connect(other)
    stage.play(other.packets, shift=6000)
    stage.keeper.disconnect()
    stage.wait(16_000)
    video, _ = stage.end().both()
    assert [segment.discontinuity for segment in video].count(True) == 1
    at = next(n for n, segment in enumerate(video) if segment.discontinuity)
    assert all(segment.parts for segment in video)
    names = [segment.init.name for segment in video if segment.init]
    assert len(set(names[:at])) == len(set(names[at:])) == 1


def test_a_broadcast_that_ends_while_the_host_is_away_ends_with_its_slate() -> None:
    clip = make_clip()
    stage = Stage(clip, slates=True).play(clip.packets)
    stage.keeper.disconnect()
    stage.wait(11_100)
    for segments in stage.end().both():
        assert 0 <= (segments[-1].duration or 0) - segments[-1].listed < 2 * 1024
        assert ticks(segments[-1]) / TIMELINE + segments[-1].seconds == pytest.approx(11, abs=0.3)


def test_a_broadcast_that_ends_when_the_next_host_has_only_announced_itself_ends_with_its_slate() -> None:
    stage = Stage(make_clip(), slates=True).play(make_clip(4).packets)
    stage.keeper.disconnect()
    stage.wait(5500)

    stage.connect(other := make_clip(size=(128, 96)))
    for track in other.tracks:
        stage.change(track)
    stage.end()

    for segments in (video := stage.rendition(Kind.VIDEO), stage.rendition(Kind.AUDIO)):
        last = segments[-1]
        assert sum(part.duration for part in last.parts) <= (last.duration or 0) + last.timescale // 30
    assert video[-1].start + (video[-1].duration or 0) >= 5 * video[-1].timescale


def test_the_slate_goes_on_where_it_was_when_the_next_host_only_announces_another_sound() -> None:
    stage = Stage(make_clip(), slates=True).play(make_clip(4).packets)
    stage.keeper.disconnect()
    stage.wait(5500)
    other = make_clip(sample_rate=44100)
    assert other.audio is not None

    stage.connect(other)
    stage.change(other.audio)
    stage.wait(7000)
    stage.end()

    times = [frame.time for frame in decode(stage.items, "source") if frame.time is not None]
    assert all(0.02 < after - before < 0.06 for before, after in pairwise(times)), "no frame comes twice"
    assert times[-1] > 6.5


def test_sound_alone_is_silent_while_the_host_is_away() -> None:
    clip = make_clip(video=False)
    stage = Stage(clip).play(clip.packets)
    stage.keeper.disconnect()
    stage.wait(12_000)
    segments = stage.end().rendition(Kind.AUDIO)
    assert all(segment.parts for segment in segments)
    assert sum(segment.seconds for segment in segments) == pytest.approx(12, abs=0.3)


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
@given(st.lists(disorders, max_size=8), st.sampled_from([0, 2]), st.sampled_from([15, 60, 200]), st.booleans())
def test_whatever_happens_on_the_way_what_players_get_is_legal(
    story: list[tuple[str, int, int]], b_frames: int, gop: int, slates: bool
) -> None:
    clip = make_clip(seconds=8, gop=gop, b_frames=b_frames)
    other = make_clip(seconds=8, gop=gop, b_frames=b_frames, size=(96, 64), sample_rate=44100)
    stage = Stage(clip, slates)
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
