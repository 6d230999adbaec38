"""While no worker lives viewers get slate and silence: on the same timeline, and the next worker goes on after it.

A show of real pictures is made by one pipeline, gone on with by the understudy, and then by another pipeline.
"""

from collections.abc import Iterable
from dataclasses import replace

import av
import numpy as np
import pytest

from ingest.media import Kind
from tests.support.media import GREYS, decode, make_clip, number_of
from tests.support.segments import segments_of
from tests.support.stage import Stage, progress
from transcode.cover import Understudy
from transcode.media import AUDIO, TIMELINE, PartItem, Plan, TimedPacket
from transcode.pipeline import Pipeline
from transcode.progress import Progress
from transcode.stand_in import stand_ins
from transcode.wire import StandIn

RUNGS = "180p,120p"
SIZE = (320, 180)
RATES = [30, 60]


def halves(width: int, height: int) -> av.VideoFrame:
    """A slate that is told from the host's pictures, which are all of one grey: light on the left."""
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    planes[:height, : width // 2], planes[:height, width // 2 :] = 200, 40
    return av.VideoFrame.from_ndarray(planes, "yuv420p")


def is_slate(frame: av.VideoFrame | av.AudioFrame) -> bool:
    assert isinstance(frame, av.VideoFrame)
    luma = frame.to_ndarray()[: frame.height].astype(int)
    return bool(luma[:, : frame.width // 3].mean() - luma[:, -frame.width // 3 :].mean() > 100)


def learnt(plan: Plan) -> tuple[Understudy, list[StandIn]]:
    """An understudy that has learnt all that it needs."""
    names = [*(rung.name for rung in plan.encoded), AUDIO]
    understudy = Understudy(plan, names)
    made = list(stand_ins(plan, halves(plan.encoded[0].width, plan.encoded[0].height)))
    for stand_in in made:
        understudy.learn(stand_in)
    return understudy, made


class Show:
    """A show whose worker dies at ``dies`` and is replaced at ``returns`` (seconds). ``items`` is what viewers got."""

    def __init__(self, fps: int, dies: float, returns: float, ladder: str = RUNGS, gop: int = 15) -> None:
        clip = make_clip(seconds=8, fps=fps, size=SIZE, gop=gop)
        self.script = Stage(clip, ladder).play(clip.packets).end()
        self.plan = self.script.plan
        self.names = [*(rung.name for rung in self.plan.encoded), AUDIO]
        self.items: list[PartItem] = []
        self._progress = Progress(self.names)
        understudy, _ = learnt(self.plan)
        items = self.script.room_items
        first, second = self._index(dies), self._index(returns)
        pipeline = Pipeline(self.plan, self._all)
        for item in items[:first]:
            understudy.follow(item)
            pipeline.feed(item)
        for item in items[first:second]:
            understudy.follow(item)
            self._all(understudy.go_on(self._progress.aired))
        assert understudy.on
        self._all(understudy.hand_over())
        assert not understudy.on
        pipeline = Pipeline(self.plan, self._all, aired=self._progress.aired)
        for item in items:
            pipeline.feed(item)
        pipeline.close()

    def _all(self, made: Iterable[PartItem]) -> None:
        for item in made:
            self._take(item)

    def _take(self, item: PartItem) -> None:
        if self._progress.take(item):  # raises where one item does not follow the other
            self.items.append(item)

    def _index(self, seconds: float) -> int:
        """Where on the room link the show reaches a time."""
        items = enumerate(self.script.room_items)
        return next(n for n, item in items if isinstance(item, TimedPacket) and item.dts >= seconds * TIMELINE)


def boundaries(items: Iterable[PartItem], rendition: str) -> list[tuple[int, int, int]]:
    """Number, start and length of the whole segments."""
    return [(s.msn, s.start, s.duration or 0) for s in segments_of(list(items), rendition)]


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize(("dies", "returns"), [(2.5, 4.2), (3.0, 3.1), (1.9, 7.0), (4.05, 6.05)])
def test_segments_are_those_of_the_show_and_nothing_is_missing(fps: int, dies: float, returns: float) -> None:
    show = Show(fps, dies, returns)
    for name in show.names:
        assert boundaries(show.items, name) == boundaries(show.script.items, name)
        segments = segments_of(show.items, name)
        assert not any(segment.discontinuity for segment in segments)
        for segment in segments:
            assert sum(part.duration for part in segment.parts) == segment.duration
            assert segment.parts[0].independent
    for rung in show.plan.encoded:
        assert len(list(decode(show.items, rung.name))) == len(list(decode(show.script.items, rung.name)))


def test_viewers_see_the_programme_then_the_slate_then_the_programme_again() -> None:
    show = Show(30, 2.5, 5.0)
    for rung in show.plan.encoded:
        frames = list(decode(show.items, rung.name))
        start, count = next(i for i, frame in enumerate(frames) if is_slate(frame)), sum(map(is_slate, frames))
        numbers = [number_of(frame) for frame in frames]
        assert 2.5 * 30 - 12 <= numbers[0] + start <= 2.5 * 30, "after the last part of the first worker"
        assert abs(numbers[0] + start + count - (5.0 + 0.4) * 30) <= 6, "when the second one is there"
        assert all(map(is_slate, frames[start : start + count])), "in one piece"
        for index in (*range(start), *range(start + count, len(frames))):
            assert numbers[index] == (numbers[0] + index) % GREYS, "all else is as it would have been"


def test_viewers_hear_silence_meanwhile() -> None:
    show = Show(30, 2.5, 5.0)
    heard = np.concatenate([f.to_ndarray()[0] for f in decode(show.items, AUDIO) if isinstance(f, av.AudioFrame)])
    assert np.abs(heard[int(3.0 * 48000) : int(5.0 * 48000)]).max() < 0.001
    assert np.abs(heard[int(1.0 * 48000) : int(2.0 * 48000)]).max() > 0.1
    assert np.abs(heard[int(6.0 * 48000) : int(7.0 * 48000)]).max() > 0.1


def test_a_mixed_room_is_cut_on_the_hosts_keyframes_all_the_same() -> None:
    show = Show(30, 2.5, 5.0, ladder="source,120p", gop=60)
    assert [s[:2] for s in boundaries(show.items, "120p")] == [s[:2] for s in boundaries(show.script.items, "120p")]


def test_without_what_a_worker_leaves_behind_there_is_nothing_to_show() -> None:
    clip = make_clip(seconds=4, size=SIZE)
    stage = Stage(clip, RUNGS).play(clip.packets)
    names = [*(rung.name for rung in stage.plan.encoded), AUDIO]
    _, made = learnt(stage.plan)
    for lacking in range(len(made)):
        understudy = Understudy(stage.plan, names)
        for item in stage.room_items:
            understudy.follow(item)
        for stand_in in (*made[:lacking], *made[lacking + 1 :]):
            understudy.learn(stand_in)
        assert list(understudy.go_on(progress(stage.items))) == []
        understudy.learn(replace(made[lacking], init="another"))
        assert list(understudy.go_on(progress(stage.items))) == []
        assert not understudy.on
        understudy.learn(made[lacking])
        understudy.follow(TimedPacket(Kind.VIDEO, 10 * TIMELINE, 10 * TIMELINE, False, b""))
        assert list(understudy.go_on(progress(stage.items))) != []
        assert understudy.on


def test_before_the_first_segment_there_is_nothing_to_go_on_with() -> None:
    clip = make_clip(seconds=4, size=SIZE)
    plan = Stage(clip, RUNGS).play(clip.packets).plan
    understudy, _ = learnt(plan)
    assert list(understudy.go_on(())) == []


def test_a_slate_is_small() -> None:
    clip = make_clip(seconds=2, size=SIZE)
    plan = Stage(clip, RUNGS).play(clip.packets).plan
    _, made = learnt(plan)
    assert {stand_in.rendition for stand_in in made} == {"180p", "120p", AUDIO}
    for stand_in in made:
        assert sum(map(len, stand_in.units)) < 5000
