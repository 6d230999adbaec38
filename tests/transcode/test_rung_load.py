"""A rung that does less: half its frames, or a gap. What is left is where it was, and fits what the other rungs have.

Pictures are flat, of a grey that tells the frame's number. Numbers are the room's unless named otherwise.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.media import GREYS, decode, number_of
from tests.support.segments import Segment, check_full, check_rendition, segments_of
from tests.support.stage import progress
from transcode import rung as rungs
from transcode.cmaf.packer import Unit
from transcode.encode import SOFTWARE, Encoder, EncoderError, open_encoder
from transcode.ladder import CONSTANT_RATES, PRESETS
from transcode.lane import Crew, Inline, Lane
from transcode.load import Mode
from transcode.media import SOURCE, TIMELINE, Aired, Cut, FrameRate, Init, Part, PartItem, Plan, Rung, SegmentEnd
from transcode.opening import PART_TARGET
from transcode.regular_cutter import regular_length

WHOLE, HALF, GAP = Mode.WHOLE, Mode.HALF, Mode.GAP
RATE = FrameRate(30, 1)
SIZE = (32, 32)
TOP, LOW = Rung("32p", *SIZE, 1, 300_000), Rung("16p", 16, 16, 1, 100_000)
OWN = Rung(SOURCE, *SIZE, 1, 300_000)


def picture(number: int) -> av.VideoFrame:
    planes = np.full((SIZE[1] * 3 // 2, SIZE[0]), 128, np.uint8)
    planes[: SIZE[1]] = 20 + number % GREYS
    return av.VideoFrame.from_ndarray(planes, "yuv420p")


class Room:
    """A room's lanes, fed by the frame; cuts are said ``ahead`` of their frames."""

    def __init__(
        self,
        *ladder: Rung,
        rate: FrameRate = RATE,
        preset: str = "fast",
        cuts: Sequence[int] = (),
        ahead: int = 15,
        lane: Callable[[str], Lane] = lambda _: Inline(),
    ) -> None:
        self.plan = Plan(ladder or (TOP,), None, rate, preset, 2, PART_TARGET)
        self.made: list[PartItem] = []
        self.cuts = cuts
        self._ahead = ahead
        self._lane = lane
        self.lanes = self._begin(())

    def _begin(self, aired: Sequence[Aired]) -> list[rungs.RungLane]:
        before = {state.rendition: state for state in aired}
        self._said = 0
        lanes = [
            rungs.RungLane(self.plan, rung, self._lane(rung.name), self.made.extend, before.get(rung.name))
            for rung in self.plan.encoded
        ]
        for above, below in pairwise(lanes):
            above.feeds(below)
        return lanes

    def play(self, start: int, stop: int, shed: Mapping[int, Mode] | None = None) -> "Room":
        """Give frames; the best rung is told to ``shed`` before them."""
        for number in range(start, stop):
            while self._said < len(self.cuts) and self.cuts[self._said] <= number + self._ahead:
                at = self.cuts[self._said]
                for lane in self.lanes:
                    lane.cut(Cut(self._said, at * TIMELINE * self.plan.frame_rate.denominator), at)
                self._said += 1
            if shed and number in shed:
                self.lanes[0].shed(shed[number])
            self.lanes[0].picture(picture(number), number)
        return self

    def end(self, number: int) -> "Room":
        self.lanes[0].end(number)
        for lane in self.lanes:
            lane.close()
        return self

    def take_over(self, start: int, stop: int, mode: Mode) -> "Room":
        """Another worker takes the place of this one, at the same level, and is given frames again."""
        self.lanes = self._begin(progress(self.made))
        return self.play(start, stop, {start: mode})

    def segments(self, rung: Rung = TOP) -> list[Segment]:
        found = segments_of(self.made, rung.name)
        check_rendition(found, self.plan)
        return found

    def shown(self, rung: Rung = TOP) -> dict[int, int]:
        """The frames that players see: how many of the rung's frames each lasts."""
        pictures = [number_of(frame) for frame in decode(self.made, rung.name)]
        found: dict[int, int] = {}
        for segment in self.segments(rung):
            length = segment.timescale * self.plan.frame_rate.denominator * rung.every // self.plan.frame_rate.numerator
            for chunk in segment.chunks:
                at = chunk.decode_time
                for row in chunk.rows:
                    assert at % length == row.duration % length == 0
                    found[at // length * rung.every] = row.duration // length
                    at += row.duration
        assert [number % GREYS for number in found] == pictures
        return found


def marks(rate: FrameRate, count: int, start: int = 4) -> list[int]:
    """Where a broadcast's segments begin, the first being half as long."""
    length = regular_length(rate)
    return [start, *(start + length // 2 + length * number for number in range(count - 1))]


# Half.


@pytest.mark.parametrize("rate", CONSTANT_RATES, ids=lambda rate: f"{float(rate):.2f}")
def test_half_the_frames_last_twice_as_long_in_parts_and_segments_that_stay(rate: FrameRate) -> None:
    cuts = marks(rate, 3)
    end = cuts[2] + 7
    whole = Room(rate=rate, cuts=cuts).play(0, end).end(end)
    halved = Room(rate=rate, cuts=cuts).play(0, end, {cuts[1] - 9: HALF, cuts[2] - 2: WHOLE}).end(end)
    for one, other in zip(whole.segments(), halved.segments(), strict=True):
        assert (one.start, one.duration) == (other.start, other.duration)
        assert [part.duration for part in one.parts] == [part.duration for part in other.parts]
        assert [part.independent for part in one.parts] == [part.independent for part in other.parts]
    check_full(halved.segments(), halved.plan)
    assert list(whole.shown().values()) == (end - 4) * [1]
    shown = halved.shown()
    assert all(number + shown[number] == then for number, then in zip(shown, [*list(shown)[1:], end], strict=True))
    between = [lasts for number, lasts in shown.items() if cuts[1] <= number < cuts[2] - 2]
    most = max(len(chunk.rows) for segment in whole.segments() for chunk in segment.chunks)
    assert set(between) == ({2} if most % 2 == 0 else {2, 1})
    assert len(between) <= -(-most // 2) / most * (cuts[2] - cuts[1])
    assert {number for number in shown if shown[number] == 2} <= set(range(cuts[1] - 9, cuts[2] - 2))


@pytest.mark.parametrize("preset", PRESETS)
def test_what_an_encoder_holds_back_lasts_as_long_as_it_should(preset: str) -> None:
    cuts = marks(RATE, 3)
    room = Room(preset=preset, cuts=cuts).play(0, 100, {40: HALF, 70: WHOLE}).end(100)
    check_full(room.segments(), room.plan)
    assert list(room.shown()) == [*range(4, 40), *range(40, 70, 2), *range(70, 100)]


def test_a_part_of_half_the_frames_is_out_no_later() -> None:
    room = Room(cuts=[0])
    out = []
    for number in range(24):
        room.play(number, number + 1, {0: HALF} if number == 0 else None)
        out.append(sum(isinstance(item, Part) for item in room.made))
    assert out == [*5 * [0], *6 * [1], *6 * [2], *6 * [3], 4]


def test_a_rung_that_shows_every_second_frame_is_halved_too() -> None:
    every = Rung("32p", *SIZE, 2, 300_000)
    cuts = marks(FrameRate(60, 1), 3)
    room = Room(every, rate=FrameRate(60, 1), cuts=cuts).play(0, 190, {64: HALF}).end(190)
    check_full(room.segments(every), room.plan)
    assert list(room.shown(every)) == [*range(4, 64, 2), *range(64, 190, 4)]


def noise(number: int) -> av.VideoFrame:
    planes = np.random.default_rng(number).integers(40, 200, (SIZE[1] * 6, SIZE[0] * 4), np.uint8)
    return av.VideoFrame.from_ndarray(planes, "yuv420p")


@pytest.mark.parametrize("preset", PRESETS)
def test_half_the_frames_take_about_half_the_bits(preset: str) -> None:
    """Noise wants more than the cap: the encoder counts frames and not time, so a frame gets what it got before."""
    rung = Rung("128p", SIZE[0] * 4, SIZE[1] * 4, 1, 300_000)
    sizes = []
    for mode in (WHOLE, HALF):
        plan = Plan((rung,), None, RATE, preset, 2, PART_TARGET)
        made: list[PartItem] = []
        lane = rungs.RungLane(plan, rung, Inline(), made.extend, None)
        lane.shed(mode)
        for msn in range(3):
            lane.cut(Cut(msn, msn * 2 * TIMELINE), msn * 60)
        for number in range(180):
            lane.picture(noise(number), number)
        lane.end(180)
        (_, *rest) = segments_of(made, rung.name)
        sizes.append([8 * sum(len(part.data) for part in segment.parts) / segment.seconds for segment in rest])
    whole, half = sizes
    assert max(whole) <= 1.3 * rung.bit_rate
    assert all(0.35 * one <= other <= 0.75 * one for one, other in zip(whole, half, strict=True))


# Gap.


@pytest.mark.parametrize("preset", PRESETS)
def test_a_gap_begins_and_ends_with_a_segment_and_needs_no_other_init(preset: str) -> None:
    cuts = marks(RATE, 6)
    room = Room(preset=preset, cuts=cuts).play(0, 300, {50: GAP, 160: WHOLE}).end(300)
    found = room.segments()
    assert [segment.start // 1000 for segment in found] == cuts
    assert [bool(segment.parts) for segment in found] == [True, True, False, False, True, True]
    check_full([segment for segment in found if segment.parts], room.plan)
    assert list(room.shown()) == [*range(4, cuts[2]), *range(cuts[4], 300)]
    assert found[4].parts[0].independent
    assert sum(isinstance(item, Init) for item in room.made) == 1


def test_a_gap_is_listed_when_it_begins_where_segments_are_regular() -> None:
    cuts = marks(RATE, 4)
    room = Room(cuts=cuts).play(0, cuts[2], {50: GAP})
    before = len(room.made)
    room.play(cuts[2], cuts[2] + 1)
    assert room.made[-1] == SegmentEnd("32p", 2, 60_000)
    after = len(room.made)
    assert after > before
    room.play(cuts[2] + 1, cuts[3])
    assert len(room.made) == after, "and is not touched again"


def test_a_gap_ends_with_the_host_s_next_keyframe_where_it_cuts() -> None:
    cuts = [0, 31, 77, 90]
    room = Room(OWN, TOP, cuts=cuts, ahead=0).play(0, 77, {10: GAP})
    assert room.made[-1].msn == 1  # type: ignore[union-attr]
    assert not isinstance(room.made[-1], SegmentEnd)
    room.play(77, 110, {80: WHOLE}).end(110)
    found = room.segments()
    assert [(s.start // 1000, (s.duration or 0) // 1000, bool(s.parts)) for s in found] == [
        (0, 31, True), (31, 46, False), (77, 13, False), (90, 20, True)
    ]  # fmt: skip


def test_rungs_below_a_gap_lack_nothing() -> None:
    cuts = marks(RATE, 5)
    room = Room(TOP, LOW, cuts=cuts).play(0, 240, {20: GAP}).end(240)
    assert [bool(segment.parts) for segment in room.segments()] == [True, *4 * [False]]
    check_full(room.segments(LOW), room.plan)
    assert list(room.shown(LOW)) == list(range(4, 240))
    assert [segment.start for segment in room.segments(LOW)] == [segment.start for segment in room.segments()]


def test_what_is_taken_back_before_it_began_never_was() -> None:
    cuts = marks(RATE, 4)
    room = Room(cuts=cuts).play(0, 150, {40: GAP, 90: WHOLE}).end(150)
    assert list(room.shown()) == list(range(4, 150))


def test_a_broadcast_that_ends_within_a_gap_ends_once() -> None:
    cuts = marks(RATE, 3)
    for ladder in ((TOP,), (OWN, TOP)):
        room = Room(*ladder, cuts=cuts, ahead=0).play(0, 100, {20: GAP}).end(100)
        assert [bool(segment.parts) for segment in room.segments()] == [True, False, False]


# Together.


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.integers(0, 150), st.sampled_from(Mode), max_size=8),
    st.lists(st.integers(1, 30), min_size=4, max_size=10),
    st.sampled_from([RATE, FrameRate(25, 1), FrameRate(15, 1)]),
    st.sampled_from(PRESETS),
    st.booleans(),
)
def test_whatever_is_shed_segments_stay_where_they_are(
    shed: dict[int, Mode], lengths: list[int], rate: FrameRate, preset: str, mixed: bool
) -> None:
    cuts = [sum(lengths[:count]) for count in range(len(lengths))] if mixed else marks(rate, 5)
    ladder, ahead = ((OWN, TOP), 0) if mixed else ((TOP,), 8)
    end = cuts[-1] + lengths[-1]
    room = Room(*ladder, rate=rate, preset=preset, cuts=cuts, ahead=ahead).play(0, end, shed).end(end)
    found = room.segments()
    length = found[0].timescale * rate.denominator // rate.numerator
    assert [segment.start // length for segment in found] == cuts
    shown = room.shown()
    for segment, start, stop in zip(found, cuts, [*cuts[1:], end], strict=True):
        gap = [mode for at, mode in sorted(shed.items()) if at <= start][-1:] == [GAP]
        assert bool(segment.parts) != gap
        numbers = [number for number in shown if start <= number < stop]
        if not gap:
            check_full([segment], room.plan)
            assert segment.parts[0].independent
            assert [number + shown[number] for number in numbers] == [*numbers[1:], stop], "without a hole"
            assert max(shown[number] for number in numbers) <= 2
    assert sum(isinstance(item, Init) for item in room.made) == 1


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("stop", [70, 97, 100, 160])
@pytest.mark.parametrize("mixed", [False, True], ids=["regular", "mixed"])
def test_a_worker_that_takes_over_goes_on_with_as_much(mode: Mode, stop: int, mixed: bool) -> None:
    cuts = marks(RATE, 5)
    ladder, ahead = ((OWN, TOP), 0) if mixed else ((TOP,), 15)
    room = Room(*ladder, cuts=cuts, ahead=ahead).play(0, stop, {40: mode})
    room.take_over(4, 250, mode).end(250)
    found = room.segments()
    assert [segment.start // 1000 for segment in found] == cuts
    shown = room.shown()
    if mode is not GAP:
        assert [number + lasts for number, lasts in shown.items()] == [*list(shown)[1:], 250]
        assert set(shown.values()) == ({1, 2} if mode is HALF else {1})
    else:  # where the gap's length was not known yet, the segment is made after all
        made_after_all = {stop: {(stop - 34) // 60 + 1} for stop in (97, 100, 160)} if mixed else {}
        assert {segment.msn for segment in found if segment.parts} == {0, 1} | made_after_all.get(stop, set())


def test_side_by_side_it_is_the_same() -> None:
    cuts = marks(RATE, 5)
    shed = {30: HALF, 60: GAP, 130: WHOLE}
    alone = Room(TOP, LOW, cuts=cuts).play(0, 240, shed).end(240)
    failures: list[BaseException] = []
    crew = Crew(failures.append)
    crew.spread()
    room = Room(TOP, LOW, cuts=cuts, lane=crew.lane).play(0, 240, shed).end(240)
    assert failures == []
    for rung in (TOP, LOW):
        assert [item for item in room.made if item.rendition == rung.name] == [
            item for item in alone.made if item.rendition == rung.name
        ]


class Failing:
    """Hardware that works until its driver is gone, and has a picture inside then."""

    name = "h264_nvenc"

    def __init__(self, inner: Encoder, last: int) -> None:
        self.track = inner.track
        self._inner = inner
        self._last = last
        self._held: list[Unit] = []

    def encode(self, frame: av.VideoFrame, number: int, keyframe: bool) -> Iterator[Unit]:
        if number > self._last:
            raise EncoderError("h264_nvenc failed: no device")
        self._held += self._inner.encode(frame, number, keyframe)
        while len(self._held) > 1:
            yield self._held.pop(0)

    def flush(self) -> Iterator[Unit]:
        yield from self._held


@pytest.mark.parametrize("last", [41, 42, 62, 63, 64])
def test_hardware_that_fails_while_halved_gives_way_with_the_next_segment(
    last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = open_encoder

    def first_hardware(rung: Rung, rate: FrameRate, preset: str, codecs: tuple[str, ...]) -> Encoder:
        if codecs == (SOFTWARE,):
            return real(rung, rate, "quality", codecs)  # whose parameter sets are others
        return Failing(real(rung, rate, preset, (SOFTWARE,)), last)

    monkeypatch.setattr(rungs, "open_encoder", first_hardware)
    cuts = [4, 64, 124, 184]
    room = Room(OWN, TOP, cuts=cuts).play(0, 240, {40: HALF, 100: GAP, 150: HALF}).end(240)
    found = room.segments()
    assert [segment.start // 1000 for segment in found] == cuts
    failed = 0 if last < 62 else 1
    assert [bool(segment.parts) for segment in found] == [True, last < 62, False, True]
    assert sum(isinstance(item, Init) for item in room.made) == 2
    after = [item for item in room.made if getattr(item, "msn", 9) > failed][1:]
    assert room_numbers(after)[-28:] == [number % GREYS for number in range(184, 240, 2)]


def room_numbers(items: Sequence[PartItem]) -> list[int]:
    return [number_of(frame) for frame in decode(items, TOP.name)]
