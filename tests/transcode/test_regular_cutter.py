"""The cutter of encoded broadcasts: marks every whole number of frames nearest two seconds, said ahead of the media."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.media import Kind
from transcode.ladder import CONSTANT_RATES
from transcode.media import TIMELINE, Cut, FrameRate, Tick, TimedPacket
from transcode.regular_cutter import AHEAD, RegularCutter

THIRTY = FrameRate(30, 1)
NTSC = FrameRate(30_000, 1001)


def picture(at: float, keyframe: bool = False) -> TimedPacket:
    return TimedPacket(Kind.VIDEO, round(at * TIMELINE), round(at * TIMELINE), keyframe, b"")


def sound(at: float) -> TimedPacket:
    return TimedPacket(Kind.AUDIO, round(at * TIMELINE), round(at * TIMELINE), True, b"")


def run(cutter: RegularCutter, items: Iterable[TimedPacket | Tick]) -> list[Cut | Tick | TimedPacket]:
    made: list[Cut | Tick | TimedPacket] = []
    for item in items:
        made += cutter.packet(item) if isinstance(item, TimedPacket) else cutter.tick(item)
    return made


def cuts(made: list[Cut | Tick | TimedPacket]) -> list[tuple[int, float]]:
    return [(item.msn, item.pts / TIMELINE) for item in made if isinstance(item, Cut)]


@pytest.mark.parametrize("rate", CONSTANT_RATES, ids=lambda rate: f"{float(rate):.2f}")
def test_cuts_fall_on_frames_two_seconds_apart(rate: FrameRate) -> None:
    frames = [picture(n * rate.denominator / rate.numerator, n == 0) for n in range(round(float(rate) * 20))]
    found = [item for item in run(RegularCutter(0, rate), frames) if isinstance(item, Cut)]
    assert [cut.msn for cut in found] == list(range(len(found)))
    for cut in found:
        units = max(0, cut.msn * round(2 * float(rate)) - round(float(rate)))
        assert cut.pts * rate.numerator == units * rate.denominator * TIMELINE
    assert found[1].pts == pytest.approx(TIMELINE, rel=0.002), "players wait for the first one"
    assert found[2].pts == pytest.approx(3 * TIMELINE, rel=0.002)


def test_marks_are_said_ahead() -> None:
    made = run(RegularCutter(0, THIRTY), [picture(n / 30, n == 0) for n in range(300)])
    for place, item in enumerate(made):
        if isinstance(item, Cut) and item.msn:
            before = [packet.pts for packet in made[:place] if isinstance(packet, TimedPacket)]
            assert item.pts - AHEAD - TIMELINE / 30 <= max(before) <= item.pts - AHEAD


def test_nothing_is_sent_before_the_first_keyframe() -> None:
    made = run(RegularCutter(0, THIRTY), [sound(0), picture(0.01), sound(0.02), picture(0.03, True), sound(0.05)])
    assert [type(item) for item in made] == [Cut, TimedPacket, TimedPacket]
    ((msn, at),) = cuts(made)
    assert (msn, round(at * 30)) == (0, 4), "on the next fourth frame, for rungs that leave out frames"


def test_a_new_source_begins_with_its_keyframe_and_its_sound_at_once() -> None:
    cutter = RegularCutter(0, THIRTY)
    run(cutter, [picture(0, True), picture(0.1)])
    cutter.interrupt()
    made = run(cutter, [picture(0.5), sound(0.6), picture(0.7, True), picture(0.8)])
    assert [item.pts / TIMELINE for item in made if isinstance(item, TimedPacket)] == [0.6, 0.7, 0.8]


def test_numbers_go_on_without_media() -> None:
    cutter = RegularCutter(0, THIRTY)
    made = run(cutter, [picture(0, True), Tick(9 * TIMELINE), Tick(12 * TIMELINE)])
    assert [msn for msn, _ in cuts(made)] == [0, 1, 2, 3, 4, 5, 6]
    assert [item.pts for item in made if isinstance(item, Tick)] == [9 * TIMELINE, 12 * TIMELINE]


def test_a_stall_of_the_same_source_needs_no_keyframe() -> None:
    """A stream with intra refresh has none to give."""
    cutter = RegularCutter(0, THIRTY)
    made = run(cutter, [picture(0, True), Tick(3 * TIMELINE), picture(3.1)])
    assert isinstance(made[-1], TimedPacket)


def test_a_change_of_configuration_is_the_decoders_affair() -> None:
    cutter = RegularCutter(0, THIRTY)
    run(cutter, [picture(0, True)])
    cutter.discontinuity()
    made = run(cutter, [picture(n / 30) for n in range(1, 90)])
    assert sum(isinstance(item, TimedPacket) for item in made) == 89
    assert not any(item.discontinuity for item in made if isinstance(item, Cut))


def test_sound_alone_is_cut_every_two_seconds() -> None:
    made = run(RegularCutter(0, None), [sound(n * 1024 / 48000) for n in range(500)])
    assert cuts(made)[:4] == [(0, 0), (1, 1), (2, 3), (3, 5)]


def test_a_broadcast_goes_on_after_a_restart_where_time_stands() -> None:
    cutter = RegularCutter(9, NTSC, position=100 * TIMELINE)
    made = run(cutter, [Tick(100 * TIMELINE), Tick(103 * TIMELINE)])
    first = cuts(made)[0]
    assert first[0] == 9
    assert 100 <= first[1] <= 100 + 5 / 29.97
    assert cutter.media_end == 103 * TIMELINE


@given(
    st.sampled_from(CONSTANT_RATES),
    st.lists(
        st.tuples(st.sampled_from(["picture", "key", "sound", "tick"]), st.integers(0, 5 * TIMELINE)), max_size=60
    ),
)
def test_whatever_comes_numbers_are_in_a_row_and_marks_come_before_their_media(
    rate: FrameRate, story: list[tuple[str, int]]
) -> None:
    cutter, now = RegularCutter(0, rate), 0
    made: list[Cut | Tick | TimedPacket] = []
    for what, step in story:
        now += step
        if what == "tick":
            made += cutter.tick(Tick(now))
        else:
            kind = Kind.AUDIO if what == "sound" else Kind.VIDEO
            made += cutter.packet(TimedPacket(kind, now, now, what != "picture", b""))
    said = [item for item in made if isinstance(item, Cut)]
    assert [cut.msn for cut in said] == list(range(len(said)))
    reached = -1
    for item in made:
        if isinstance(item, Cut):
            assert item.pts > reached or item.msn == 0
        else:
            reached = max(reached, item.pts)
