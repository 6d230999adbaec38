"""A transcoded room, exactly: what goes in by the frame and the sample comes out by the frame and the sample.

Real H.264 and AAC goes in, and what comes out is decoded. Times in these tests are milliseconds.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import groupby, pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import AudioFilter, Planes, Stream, VideoFilter
from filters.chain import Chain
from ingest.media import Kind, Packet
from tests.support.media import GREYS, decode, make_clip
from tests.support.segments import check_full
from tests.support.stage import Stage
from transcode.guard import Guard
from transcode.ladder import PRESETS
from transcode.lane import Crew
from transcode.media import TIMELINE, Cut, Init, Part, Slate, TimedPacket
from transcode.slate import slate_frame
from transcode.soundtrack import Samples

TWO_RUNGS = "180p,120p"
SIZE = (320, 180)
RATES = [24, 25, Fraction(24000, 1001), Fraction(30000, 1001), 30, 50, 60]


def counted(stage: Stage, name: str, first: int = 0) -> None:
    """Every frame of the host's is there once and in order, but for those before the first segment."""
    numbers = stage.numbers(name)
    begins = numbers[0]
    assert begins - first <= 3
    assert numbers == [(begins + n) % GREYS for n in range(len(numbers))]


def tone(stage: Stage) -> np.ndarray:
    """What the sound of a broadcast decodes to: (samples,), the first channel."""
    blocks = [frame.to_ndarray()[0] for frame in decode(stage.items, "audio") if isinstance(frame, av.AudioFrame)]
    return np.concatenate(blocks)


# Frames, samples and marks.


@pytest.mark.parametrize("fps", RATES, ids=str)
def test_every_frame_is_there_once_in_every_rung(fps: Fraction | int) -> None:
    clip = make_clip(seconds=6, fps=fps, gop=37, size=SIZE)
    stage = Stage(clip, TWO_RUNGS).play(clip.packets).end()
    assert stage.plan.frame_rate.numerator == Fraction(fps).numerator
    for rung in stage.plan.rungs:
        segments = stage.rendition(rung.name)
        check_full(segments, stage.plan)
        numbers = stage.numbers(rung.name)
        assert len(numbers) >= (6 * fps - 4) // rung.every
        assert numbers == [(numbers[0] + n * rung.every) % GREYS for n in range(len(numbers))]
    assert (stage.pipeline.dropped, stage.pipeline.repeated) == (0, 0) if stage.pipeline else False


@pytest.mark.parametrize("fps", RATES, ids=str)
def test_all_renditions_are_cut_at_the_marks(fps: Fraction | int) -> None:
    clip = make_clip(seconds=6, fps=fps, gop=500, size=SIZE)
    stage = Stage(clip, TWO_RUNGS).play(clip.packets).end()
    marks = {item.msn: item.pts for item in stage.room_items if isinstance(item, Cut)}
    for name in (*(rung.name for rung in stage.plan.rungs), "audio"):
        segments = stage.rendition(name)
        assert [segment.msn for segment in segments] == list(range(len(segments)))
        for segment in segments:
            at = segment.start / segment.timescale
            longest = 1024 / 48000 if name == "audio" else 0
            assert 0 <= at - marks[segment.msn] / TIMELINE <= longest + 1e-9
            assert segment.parts[0].independent
            whole = round(2 * fps) * Fraction(1) / fps
            if segment is not segments[-1] and name != "audio":
                parts_of_whole = 2 if segment is segments[0] else 1
                assert Fraction(segment.duration or 0, segment.timescale) * parts_of_whole == whole


def test_parts_are_as_full_as_they_can_be_and_never_longer_than_promised() -> None:
    clip = make_clip(seconds=6, fps=30, size=SIZE)
    stage = Stage(clip, TWO_RUNGS).play(clip.packets).end()
    for name in ("180p", "120p", "audio"):
        for segment in stage.rendition(name)[:-1]:
            for part in segment.parts[:-1]:
                filled = part.duration / segment.timescale / 0.21334
                assert 0.93 <= filled <= 1


@pytest.mark.parametrize("rate", [48000, 44100, 22050])
def test_sound_is_where_its_picture_is(rate: int) -> None:
    """The 440 Hz tone has a phase: it tells at which sample each block was heard."""
    clip = make_clip(seconds=6, sample_rate=rate, size=SIZE)
    stage = Stage(clip, TWO_RUNGS).play(clip.packets).end()
    (segment, *_) = stage.rendition("audio")
    heard = tone(stage)[24_000:-4096]
    start = segment.start + 24_000
    # The host's encoder delays its sound by 1024 of its samples, which its stamps do not tell.
    at = (start + np.arange(len(heard))) / 48000 - 1024 / rate
    phase = np.angle(np.sum(heard * np.exp(-2j * np.pi * 440 * at)) * 1j)
    assert abs(phase) / (2 * np.pi * 440) <= 0.001, "within a millisecond"
    level = np.abs(np.sum(heard * np.exp(-2j * np.pi * 440 * at))) * 2 / len(heard)
    assert level == pytest.approx(0.2, rel=0.05), "whole, without a break"


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_give_the_same_frames_at_the_same_times(preset: str) -> None:
    clip = make_clip(seconds=5, fps=30, size=SIZE)
    stage = Stage(clip, TWO_RUNGS, preset).play(clip.packets).end()
    for name in ("180p", "120p"):
        check_full(stage.rendition(name), stage.plan)
        counted(stage, name)


def test_a_rung_of_half_the_frames_shows_every_second_one() -> None:
    clip = make_clip(seconds=4, fps=60, size=SIZE)
    stage = Stage(clip, "180p60,120p").play(clip.packets).end()
    assert [(rung.name, rung.every) for rung in stage.plan.rungs] == [("180p60", 1), ("120p", 2)]
    counted(stage, "180p60")
    numbers = stage.numbers("120p")
    assert numbers == [(numbers[0] + 2 * n) % GREYS for n in range(len(numbers))]
    assert [s.start / s.timescale for s in stage.rendition("120p")] == [
        s.start / s.timescale for s in stage.rendition("180p60")
    ]


def test_rungs_side_by_side_do_not_disturb_each_other() -> None:
    clip = make_clip(seconds=3, fps=60, size=SIZE)
    ladder = "180p60,180p,120p"  # two of one size share a picture's memory
    alone = Stage(clip, ladder).play(clip.packets).end()
    failures: list[BaseException] = []
    crew = Crew(failures.append)
    crew.spread()
    stage = Stage(clip, ladder, lane=crew.lane).play(clip.packets).end()
    assert failures == []
    for rung in stage.plan.rungs:
        check_full(stage.rendition(rung.name), stage.plan)
        assert [item for item in stage.items if item.rendition == rung.name] == [
            item for item in alone.items if item.rendition == rung.name
        ]


def test_the_last_picture_of_an_interlaced_host_is_shown() -> None:
    clip = make_clip(seconds=3, size=SIZE, interlaced=True)
    stage = Stage(clip, "180p").play(clip.packets).end()
    counted(stage, "180p")
    assert stage.numbers("180p")[-1] == (3 * 30 - 1) % GREYS
    assert stage.pipeline is not None
    assert stage.pipeline.repeated == 0


def test_b_frames_of_the_host_do_not_matter() -> None:
    clip = make_clip(seconds=6, fps=30, b_frames=2, size=SIZE)
    stage = Stage(clip, TWO_RUNGS).play(clip.packets).end()
    counted(stage, "180p")


@pytest.mark.parametrize("marked", [True, False], ids=["recovery points marked", "one keyframe at the start"])
def test_a_host_that_refreshes_bit_by_bit_sends_no_keyframes_and_needs_none(marked: bool) -> None:
    clip = make_clip(seconds=6, fps=30, gop=30, size=SIZE, x264=":intra-refresh=1")
    nal_types = [
        {unit[0] & 0x1F for unit in units(packet.data)} for packet in clip.packets if packet.kind is Kind.VIDEO
    ]
    assert [5 in types for types in nal_types] == [True, *[False] * 179], "one IDR picture"
    packets = [replace(p, keyframe=p.keyframe and (marked or not p.stamp)) for p in clip.packets]
    stage = Stage(clip, TWO_RUNGS).play(packets).end()
    counted(stage, "180p")
    assert all(segment.parts[0].independent for segment in stage.rendition("180p"))


def units(data: bytes) -> Iterator[bytes]:
    """The NAL units of a length-prefixed access unit."""
    while data:
        length = int.from_bytes(data[:4], "big")
        yield data[4 : 4 + length]
        data = data[4 + length :]


def test_what_players_are_told_is_what_they_get() -> None:
    clip = make_clip(seconds=3, fps=Fraction(30000, 1001), size=SIZE)
    stage = Stage(clip, TWO_RUNGS).play(clip.packets).end()
    inits = {item.rendition: item.format for item in stage.items if isinstance(item, Init)}
    assert set(inits) == {"180p", "120p", "audio"}
    video, audio = inits["180p"], inits["audio"]
    assert (video.codecs[:9], video.width, video.height, video.frame_rate) == ("avc1.6400", 320, 180, 29.97)  # type: ignore[union-attr]
    assert (audio.codecs, audio.sample_rate, audio.channels) == ("mp4a.40.2", 48000, 2)  # type: ignore[union-attr]
    (frame, *_) = decode(stage.items, "180p")
    assert isinstance(frame, av.VideoFrame)
    assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (1, 1, 1, 1)


# Hosts that do not keep time.


def test_a_screen_share_of_a_few_pictures_a_second_becomes_a_constant_rate() -> None:
    clip = make_clip(seconds=8, fps=5, gop=10, size=SIZE)
    stage = Stage(clip, TWO_RUNGS).play(clip.packets).end()
    assert float(stage.plan.frame_rate) == 10
    numbers = stage.numbers("180p")
    assert sorted(set(numbers)) == list(range(min(numbers), max(numbers) + 1))
    assert all(0 <= b - a <= 1 for a, b in pairwise(numbers))
    check_full(stage.rendition("180p"), stage.plan)


def test_a_picture_a_second_without_sound_flows_by_the_clock() -> None:
    clip = make_clip(seconds=12, fps=1, gop=2, size=SIZE, audio=False)
    stage = Stage(clip, TWO_RUNGS)
    news = []
    for packet in clip.packets:
        for at in range(stage.now, packet.stamp, 250) if stage.pipeline is not None else ():
            before = len(stage.items)
            stage.wait(at + 250)
            if len(stage.items) > before:
                news.append(stage.now)
        stage.send(packet)
    stage.end()
    assert len(news) > 20
    assert max(b - a for a, b in pairwise(news)) <= 500
    check_full(stage.rendition("180p"), stage.plan)
    assert len(stage.rendition("audio")) >= len(stage.rendition("180p")) - 1


def test_frames_that_the_host_left_out_are_stood_in_for() -> None:
    clip = make_clip(seconds=6, fps=30, size=SIZE)
    holes = [p for p in clip.packets if p.kind is Kind.AUDIO or p.keyframe or not 2200 <= p.stamp < 3900]
    stage = Stage(clip, TWO_RUNGS).play(holes).end()
    check_full(stage.rendition("180p"), stage.plan)
    assert stage.pipeline is not None
    assert stage.pipeline.repeated == pytest.approx(51, abs=2)


def test_sound_that_is_missing_is_silence() -> None:
    clip = make_clip(seconds=6, fps=30, size=SIZE)
    holes = [p for p in clip.packets if p.kind is Kind.VIDEO or not 2000 <= p.stamp < 4000]
    stage = Stage(clip, TWO_RUNGS).play(holes).end()
    (first, *_) = stage.rendition("audio")
    heard = tone(stage)
    begins = 2 * 48000 + 4096 - first.start
    assert np.abs(heard[begins : begins + 80_000]).max() < 0.001
    assert np.abs(heard[begins + 96_000 : begins + 120_000]).max() > 0.15


def test_a_host_that_goes_away_leaves_no_gap() -> None:
    clip = make_clip(seconds=4, fps=30, size=SIZE)
    stage = Stage(clip, TWO_RUNGS).play(clip.packets)
    stage.keeper.disconnect()
    stage.wait(13_000)
    stage.connect(clip).play(clip.packets, shift=13_000).end()
    for name in ("180p", "120p", "audio"):
        segments = stage.rendition(name)
        assert all(segment.parts for segment in segments)
        assert not any(segment.discontinuity for segment in segments)
        check_full(segments, stage.plan)
        assert segments[-1].start / segments[-1].timescale > 14


SLATES = Slate("Evening", "Back soon"), Slate("Morning", "Back soon")


def shown(stage: Stage, name: str) -> list[tuple[str, int]]:
    """What a rung shows, and for how many frames: one of ``SLATES`` by its title, or the host, who is of one grey."""
    rung = next(rung for rung in stage.plan.rungs if rung.name == name)
    slates = {
        slate.title: slate_frame(slate, *SIZE).reformat(rung.width, rung.height).to_ndarray().astype(int)
        for slate in SLATES
    }
    titles = []
    for frame in decode(stage.items, name):
        picture = frame.to_ndarray().astype(int)
        distance, title = min((float(np.abs(picture - slate).mean()), title) for title, slate in slates.items())
        assert distance < 2 or picture[: rung.height].std() < 2
        titles.append(title if distance < 2 else "the host")
    return [(title, len(list(frames))) for title, frames in groupby(titles)]


def test_while_the_host_is_away_its_viewers_see_the_slate_of_the_moment() -> None:
    clip = make_clip(seconds=4, fps=30, size=SIZE)
    stage = Stage(clip, TWO_RUNGS).play(clip.packets)
    stage.feed(SLATES[:1])
    stage.keeper.disconnect()
    stage.wait(8000)
    stage.feed(SLATES[1:])
    stage.wait(12_000)
    stage.connect(clip).play(clip.packets, shift=12_000).end()
    for rung in stage.plan.rungs:
        check_full(stage.rendition(rung.name), stage.plan)
        assert shown(stage, rung.name) == [("the host", 120), ("Evening", 120), ("Morning", 120), ("the host", 120)]


def test_before_there_is_a_slate_the_picture_is_plain_and_dark() -> None:
    clip = make_clip(seconds=4, fps=30, size=SIZE)
    stage = Stage(clip, TWO_RUNGS).play(clip.packets)
    stage.keeper.disconnect()
    stage.wait(8000).end()
    for rung in stage.plan.rungs:
        away = [frame.to_ndarray()[: rung.height].astype(int) for frame in decode(stage.items, rung.name)][120:]
        assert len(away) >= 105
        assert all(np.abs(picture - 24).max() <= 2 for picture in away)


# Hosts that change.


def test_a_change_of_size_rate_and_sound_goes_on_without_a_discontinuity() -> None:
    one = make_clip(seconds=4, fps=30, size=SIZE)
    two = make_clip(seconds=4, fps=25, size=(240, 320), sample_rate=44100)
    stage = Stage(one, TWO_RUNGS).play(one.packets)
    stage.connect(two).play(two.packets, shift=4000)
    stage.connect(one).play(one.packets, shift=8000).end()
    for rung in stage.plan.rungs:
        segments = stage.rendition(rung.name)
        check_full(segments, stage.plan)
        assert not any(segment.discontinuity for segment in segments)
        sizes = {(f.width, f.height) for f in decode(stage.items, rung.name) if isinstance(f, av.VideoFrame)}
        assert sizes == {(rung.width, rung.height)}
    assert sum(isinstance(item, Init) for item in stage.items) == 3
    assert stage.rendition("audio")[-1].start / 48000 >= 10


def test_a_configuration_that_changes_within_a_stream_is_followed() -> None:
    one, two = make_clip(seconds=3, fps=30, size=SIZE), make_clip(seconds=3, fps=30, size=(128, 96))
    assert two.video
    stage = Stage(one, TWO_RUNGS).play(one.packets)
    stage.announce(two.video)
    stage.play([replace(p, stamp=p.stamp + 3000) for p in two.packets]).end()
    numbers = [
        round(float(frame.to_ndarray(format="yuv420p")[90, 160])) - 20
        for frame in decode(stage.items, "180p")
        if isinstance(frame, av.VideoFrame)
    ]
    assert numbers[0] <= 3
    assert numbers == [*range(numbers[0], 90), *range(90)]


def test_a_mixed_room_is_cut_on_the_hosts_keyframes() -> None:
    clip = make_clip(seconds=8, fps=30, gop=50, size=SIZE)
    stage = Stage(clip, "source,120p").play(clip.packets).end()
    marks = [item.pts for item in stage.room_items if isinstance(item, Cut)]
    keyframes = [i.pts for i in stage.room_items if isinstance(i, TimedPacket) and i.kind is Kind.VIDEO and i.keyframe]
    assert marks == keyframes
    for segment, mark in zip(stage.rendition("120p"), marks, strict=True):
        assert 0 <= segment.start / segment.timescale - mark / TIMELINE < 1 / 30
        assert segment.parts[0].independent
    counted(stage, "120p")


def test_sound_alone_is_a_broadcast() -> None:
    clip = make_clip(seconds=6, video=False, sample_rate=44100)
    stage = Stage(clip).play(clip.packets).end()
    assert {item.rendition for item in stage.items} == {"audio"}
    check_full(stage.rendition("audio"), stage.plan)


def test_loudness_is_brought_to_the_target() -> None:
    clip = make_clip(seconds=16, size=(64, 48), fps=10)
    plain, loud = (Stage(clip, loudness=target).play(clip.packets).end() for target in (None, -30.0))
    level = [float(np.sqrt(np.mean(tone(stage)[-96_000:] ** 2))) for stage in (plain, loud)]
    assert level[1] < 0.5 * level[0]


# Plain filters.


class Invert(VideoFilter):
    """Turns pictures into their negative."""

    pixels = "yuv"

    def picture(self, image: Planes, t: float) -> Planes:
        return Planes(255 - image.y, image.u, image.v)


class Silence(AudioFilter):
    """Silences the sound."""

    def sound(self, samples: Samples, t: float) -> Samples:
        return np.zeros_like(samples)


def test_plain_filters_act_on_every_rung_and_on_the_sound() -> None:
    clip = make_clip(seconds=4, fps=30, size=SIZE)
    guard = Guard(frame=3000)
    guard.use(Chain([("invert", Invert()), ("silence", Silence())]), Stream(320, 180, 30, 2))
    stage = Stage(clip, TWO_RUNGS, guard=guard).play(clip.packets).end()
    for name in ("180p", "120p"):
        numbers = stage.numbers(name)
        assert numbers == [215 - (215 - numbers[0] + n) for n in range(len(numbers))]
    assert np.abs(tone(stage)).max() < 0.001


# Workers that take over.


@pytest.mark.parametrize("stop", [200, 431, 640])
@pytest.mark.parametrize("preset", PRESETS)
def test_one_that_takes_over_goes_on_with_the_very_next_frame(stop: int, preset: str) -> None:
    clip = make_clip(seconds=8, fps=30, size=SIZE)
    stage = Stage(clip, TWO_RUNGS, preset).play(clip.packets[:stop])
    stage.take_over(keyframe_before(stage))
    stage.play(clip.packets[stop:]).end()
    for name in ("180p", "120p"):
        counted(stage, name)
        segments = stage.rendition(name)
        assert not any(segment.discontinuity for segment in segments)
        assert all(len(segment.parts) >= 10 for segment in segments[1:-1])
    heard = tone(stage)[8192:-8192]
    at = np.arange(len(heard)) / 48000
    whole = np.abs(np.mean(heard * np.exp(-2j * np.pi * 440 * at))) * 2
    assert whole == pytest.approx(0.2, rel=0.05), "the tone goes through"


def test_one_that_takes_over_while_the_host_is_away_shows_the_slate_on() -> None:
    clip = make_clip(seconds=4, fps=30, size=SIZE)
    stage = Stage(clip, TWO_RUNGS).play(clip.packets[:60])
    stage.feed(SLATES[:1])
    stage.play(clip.packets[60:])
    stage.keeper.disconnect()
    stage.wait(8000)
    stage.take_over(keyframe_before(stage))
    stage.wait(12_000)
    stage.connect(clip).play(clip.packets, shift=12_000).end()
    for rung in stage.plan.rungs:
        check_full(stage.rendition(rung.name), stage.plan)
        assert shown(stage, rung.name) == [("the host", 120), ("Evening", 240), ("the host", 120)]


def keyframe_before(stage: Stage) -> int:
    """Where a log would begin: the last keyframe that lies well before what has been aired."""
    aired = min(s.start / s.timescale for name in ("180p", "120p") for s in [stage.rendition_so_far(name)[-1]])
    places = [
        place
        for place, item in enumerate(stage.room_items)
        if isinstance(item, TimedPacket) and item.kind is Kind.VIDEO and item.keyframe and item.pts <= aired * TIMELINE
    ]
    return places[-1]


# Packet sequences that no encoder makes.

kinds = st.sampled_from(list(Kind))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(-50, 900), st.booleans(), st.booleans()), max_size=50))
def test_whatever_comes_players_get_what_they_were_promised(story: list[tuple[int, int, bool, bool]]) -> None:
    clip = make_clip(seconds=2, fps=30, size=(64, 48))
    stage = Stage(clip, "auto").play(clip.packets)
    now, packets = 2000, list(clip.packets)
    for what, step, damaged, keyframe in story:
        now += max(step, 0)
        if what == 0:
            stage.wait(now)
        elif what == 1:
            stage.announce(*clip.tracks)
        else:
            base = packets[(what * 37 + now) % len(packets)]
            data = bytes(reversed(base.data)) if damaged else base.data
            stage.send(Packet(base.kind, max(0, now + step), base.offset, keyframe or base.keyframe, data), now)
    stage.end()
    for name in ("48p", "audio"):
        stage.rendition(name)
    ends = [segments[-1].start / segments[-1].timescale + segments[-1].seconds
            for segments in (stage.rendition("48p"), stage.rendition("audio"))]  # fmt: skip
    assert abs(ends[0] - ends[1]) <= 1.2
    assert all(isinstance(item.data, bytes) for item in stage.items if isinstance(item, Part))
