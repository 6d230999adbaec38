"""The guard: what the ledger has not let go does not pass, and what passes is covered and filtered.

Times in these tests are ticks: a picture comes every 3000, and a block of sound every 1920.
"""

import av
import numpy as np
import pytest

from filters import AudioFilter, Box, Effect, Finding, Kind, Planes, Stream, Unverified, VideoFilter
from filters.chain import Chain
from transcode.conversion import frame_of, planes_of
from transcode.grid import BLOCK
from transcode.guard import AGAIN, Guard
from transcode.media import TIMELINE, Delay
from transcode.soundtrack import Block, block_of, samples_of
from transcode.verdicts import Cause, Cleared, Cover, Found, Hole, LedgerEntry, Require, Unveil, Veil

FRAME = 3000
SOUND = 1920
HELD = 94 * SOUND
STREAM = Stream(32, 16, 30.0, 1)
ALL = 1 << 40


class Stand:
    """A guard, and what it told."""

    def __init__(self, *entries: LedgerEntry, shift: int = 0, frame: int = FRAME) -> None:
        self.causes: list[Cause | None] = []
        self.faults: list[str] = []
        self.guard = Guard(self.causes.append, self.faults.append, frame)
        self.shift = shift
        if shift:
            self.guard.delay(Delay(0, shift))
        self.take(*entries)

    def take(self, *entries: LedgerEntry) -> None:
        for entry in entries:
            self.guard.ledger.take(entry)

    def picture(self, came: int, shown: int | None = None, frame: av.VideoFrame | None = None) -> av.VideoFrame | None:
        return self.guard.picture(frame or grey(), came, came + self.shift if shown is None else shown)

    def sound(self, number: int) -> Block | None:
        """The block ``number`` of what viewers hear, at full scale."""
        return self.guard.sound(loud(number))


def grey(luma: int = 100) -> av.VideoFrame:
    half = np.full((8, 16), 128, np.uint8)
    return frame_of(Planes(np.full((16, 32), luma, np.uint8), half, half))


def loud(number: int) -> Block:
    return block_of(number, np.ones((1, BLOCK), np.float32))


def silent(number: int) -> Block:
    return block_of(number, np.zeros((1, BLOCK), np.float32))


def muted(block: Block | None) -> list[int]:
    """The samples that are not heard at all: the first, and the one after the last."""
    assert block is not None
    quiet = np.nonzero(samples_of(block.frame)[0] == 0)[0]
    return [int(quiet[0]), int(quiet[-1]) + 1] if len(quiet) else []


def finding(kind: Kind, start: int, end: int, box: Box | None = None) -> Found:
    return Found(0, Finding(kind, start, end, "thing", box))


ONE = Require(((Kind.PICTURE, Kind.SOUND),))
CLEARED = Cleared(0, ALL, ALL)


# --- pictures --------------------------------------------------------------------------------------------------


def test_without_filters_all_passes_as_it_is() -> None:
    stand, frame, block = Stand(), grey(), loud(0)
    assert stand.guard.picture(frame, 0, 0) is frame
    assert stand.guard.sound(block) is block
    assert stand.causes == []


def test_a_picture_passes_when_the_time_it_came_at_is_cleared() -> None:
    stand = Stand(ONE, Cleared(0, FRAME + 1, ALL), shift=HELD)
    frame = grey()
    assert stand.picture(FRAME, frame=frame) is frame
    assert stand.picture(2 * FRAME) is None
    stand.take(Cleared(0, 2 * FRAME + 1, ALL))
    assert stand.picture(2 * FRAME) is not None
    assert stand.causes == [Cause.LATE, None]
    assert stand.guard.covered == {Cause.LATE: FRAME}


def test_what_was_found_is_covered_in_a_copy() -> None:
    stand = Stand(ONE, CLEARED, finding(Kind.PICTURE, 0, 1, Box(0, 0, 16, 8)))
    frame = grey()
    covered = stand.picture(0, frame=frame)
    assert covered is not None
    luma = planes_of(covered).y
    assert (luma[:8, :16] != 100).all()
    assert (luma[8:] == 100).all()
    assert (luma[:, 16:] == 100).all()
    assert (planes_of(frame).y == 100).all()


def test_a_region_that_is_not_verified_is_covered_in_every_picture_that_shows_it() -> None:
    stand = Stand(ONE, CLEARED, Veil(0, Unverified(1, 0, Box(0, 0, 32, 16))))
    frame = grey()
    assert stand.picture(0, frame=frame) is not frame
    stand.take(Unveil(0, 1))
    assert stand.picture(0, shown=FRAME, frame=frame) is frame


def test_a_picture_that_stands_for_an_hour_is_covered_for_as_long() -> None:
    stand = Stand(ONE, CLEARED, finding(Kind.PICTURE, 0, 1), finding(Kind.SOUND, 0, 5))
    frame = grey()
    for shown in range(0, 3600 * TIMELINE, TIMELINE):
        stand.sound(shown // SOUND)
        covered = stand.picture(0, shown, frame)
        assert covered is not None
        assert covered is not frame


def test_what_a_host_held_back_does_not_pass_uncovered_when_it_comes_after_all() -> None:
    stand = Stand(ONE, CLEARED, finding(Kind.PICTURE, 5 * FRAME, 6 * FRAME))
    for at in range(0, 10 * TIMELINE, TIMELINE):
        stand.guard.absent(at)
        stand.sound(at // SOUND)
    assert stand.picture(5 * FRAME, 10 * TIMELINE) is None


def test_an_operator_covers_all_at_once() -> None:
    stand = Stand(Cover(True))
    assert stand.picture(0) is None
    assert stand.sound(0) is None
    stand.take(Cover(False))
    assert stand.picture(FRAME) is not None
    assert stand.causes == [Cause.OPERATOR, None]


# --- sound -----------------------------------------------------------------------------------------------------


def test_sound_passes_when_the_whole_block_is_cleared() -> None:
    stand = Stand(ONE, Cleared(0, ALL, 2 * SOUND), shift=HELD)
    assert [stand.sound(number) is not None for number in (94, 95, 96)] == [True, True, False]


def test_a_word_is_muted_to_the_sample_a_delay_later() -> None:
    stand = Stand(ONE, CLEARED, finding(Kind.SOUND, SOUND // 2, SOUND), shift=HELD)
    assert muted(stand.sound(94)) == [BLOCK // 2, BLOCK]
    assert muted(stand.sound(96)) == []


def test_silence_passes_always_as_there_is_nothing_in_it() -> None:
    stand, block = Stand(ONE), silent(0)
    assert stand.guard.sound(block) is block


def test_a_block_on_the_border_of_two_delays_is_fit_for_both() -> None:
    border = 200 * SOUND
    for found in (200 * SOUND - 1, 200 * SOUND + 1 - HELD):
        stand = Stand(ONE, CLEARED, finding(Kind.SOUND, found, found + 1))
        stand.guard.delay(Delay(border + SOUND // 2, HELD))
        assert stand.sound(199) is not None
        assert stand.sound(200) is not None
    stand = Stand(ONE, CLEARED, Hole(200 * SOUND - HELD, 201 * SOUND - HELD, Cause.DUMP))
    stand.guard.delay(Delay(border + SOUND // 2, HELD))
    assert [stand.sound(number) is not None for number in (199, 200, 201, 294)] == [True, False, True, True]


def test_a_word_is_muted_where_it_is_heard_on_either_side_of_a_border() -> None:
    stand = Stand(ONE, CLEARED, finding(Kind.SOUND, 10 * SOUND, 11 * SOUND), finding(Kind.SOUND, SOUND, 2 * SOUND))
    stand.guard.delay(Delay(50 * SOUND, HELD))
    assert muted(stand.sound(10)) == [0, BLOCK]
    assert muted(stand.sound(94)) == []
    assert muted(stand.sound(95)) == [0, BLOCK]
    assert muted(stand.sound(104)) == [0, BLOCK]


def test_a_delay_that_is_changed_again_and_again_at_one_time_is_as_it_was_set_last() -> None:
    stand = Stand(ONE, CLEARED, finding(Kind.SOUND, 10 * SOUND, 11 * SOUND))
    for number in range(50):
        stand.guard.delay(Delay(50 * SOUND, number * SOUND))
    assert muted(stand.sound(10)) == [0, BLOCK]
    stand.guard.delay(Delay(50 * SOUND, HELD))
    assert muted(stand.sound(104)) == [0, BLOCK]


# --- both ------------------------------------------------------------------------------------------------------


def test_picture_and_sound_are_covered_together_where_a_detector_is_late() -> None:
    stand = Stand(ONE, Cleared(0, FRAME, ALL))
    assert stand.sound(0) is not None
    assert stand.picture(FRAME) is None
    assert stand.sound(1) is None
    stand.take(CLEARED, Hole(4 * SOUND, 5 * SOUND, Cause.UNSEEN, Kind.SOUND))
    assert stand.picture(2 * FRAME) is not None
    assert stand.sound(4) is None
    assert stand.picture(3 * FRAME) is None
    assert stand.sound(5) is not None
    assert stand.picture(4 * FRAME) is not None


def test_a_picture_that_is_no_more_does_not_keep_sound_covered() -> None:
    stand = Stand(ONE, Cleared(0, FRAME, ALL))
    assert stand.picture(FRAME) is None
    stand.guard.absent(2 * FRAME)
    assert stand.sound(2) is not None


def test_nor_does_one_that_nobody_will_look_at_any_more_and_that_stands_for_long() -> None:
    stand = Stand(ONE, CLEARED, Hole(0, 1, Cause.UNSEEN))
    assert stand.picture(0) is None
    assert stand.sound(1) is None
    assert stand.picture(0, shown=3 * TIMELINE) is None
    assert stand.sound(3 * TIMELINE // SOUND) is not None


def test_sound_that_has_stopped_does_not_keep_pictures_covered() -> None:
    stand = Stand(ONE, Cleared(0, ALL, 0))
    assert stand.sound(0) is None
    assert stand.picture(0) is None
    stand.guard.sound(silent(1))
    assert stand.picture(FRAME) is not None


@pytest.mark.parametrize("quiet", [False, True])
def test_what_was_said_long_ago_is_forgotten(quiet: bool) -> None:
    stand = Stand(ONE, CLEARED, shift=HELD)
    for number in range(3000):
        stand.take(finding(Kind.PICTURE, number * SOUND, number * SOUND + 1))
        stand.guard.sound((silent if quiet else loud)(94 + number))
        stand.picture(number * SOUND)
    assert len(list(stand.guard.ledger.entries())) < 150


def test_sound_alone_counts_how_long_it_is_covered() -> None:
    stand = Stand(ONE, Cleared(0, -1, SOUND), frame=0)
    assert [stand.sound(number) is not None for number in range(3)] == [True, False, False]
    assert stand.guard.covered == {Cause.LATE: 2 * SOUND}
    assert stand.causes == [Cause.LATE]


# --- plain filters ---------------------------------------------------------------------------------------------


class Moody(VideoFilter):
    """Paints; fails while it is in a mood."""

    pixels = "yuv"

    def __init__(self) -> None:
        self.mood = False
        self.times: list[float] = []

    def picture(self, image: Planes, t: float) -> Planes:
        self.times.append(t)
        if self.mood:
            raise RuntimeError("no")
        image.y[:] = 200
        return image


class Halved(AudioFilter):
    def __init__(self) -> None:
        self.mood = False

    def sound(self, samples: np.ndarray, t: float) -> np.ndarray:
        if self.mood:
            raise RuntimeError("no")
        return samples / 2


def test_filters_act_after_what_was_found_is_covered() -> None:
    class Peeking(VideoFilter):
        pixels = "yuv"

        def picture(self, image: Planes, t: float) -> Planes:
            assert (image.y[:8, :16] != 100).all()
            image.v[:] = 10
            return image

    stand = Stand(ONE, CLEARED, finding(Kind.PICTURE, 0, 1, Box(0, 0, 16, 8)))
    stand.guard.use(Chain([("peeking", Peeking())]), STREAM)
    made = stand.picture(0)
    assert made is not None
    assert (planes_of(made).v == 10).all()
    assert stand.faults == []


def test_filters_are_told_the_time_at_which_it_came() -> None:
    moody, stand = Moody(), Stand(shift=HELD)
    stand.guard.use(Chain([("moody", moody)]), STREAM)
    stand.picture(TIMELINE)
    stand.picture(TIMELINE, shown=TIMELINE + FRAME + HELD)
    assert moody.times == [1.0, 1.0 + FRAME / TIMELINE]


def test_while_a_filter_fails_nothing_passes_and_it_is_tried_again_every_second() -> None:
    moody, stand = Moody(), Stand()
    stand.guard.use(Chain([("moody", moody)]), STREAM)
    moody.mood = True
    frames = range(0, 3 * AGAIN, FRAME)
    assert {stand.picture(at) for at in frames} == {None}
    assert len(moody.times) == 3
    assert stand.sound(3 * AGAIN // SOUND) is None
    moody.mood = False
    assert stand.picture(3 * AGAIN) is not None
    assert stand.sound(3 * AGAIN // SOUND + 1) is not None
    assert [bool(fault) for fault in stand.faults] == [True, False]
    assert stand.causes == [Cause.FILTER, None]
    assert stand.guard.covered == {Cause.FILTER: 3 * AGAIN}


def test_it_is_tried_again_on_a_picture_that_stands_still() -> None:
    moody, stand = Moody(), Stand()
    stand.guard.use(Chain([("moody", moody)]), STREAM)
    moody.mood = True
    assert stand.picture(0) is None
    moody.mood = False
    assert stand.picture(0, shown=AGAIN - FRAME) is None
    assert stand.picture(0, shown=AGAIN) is not None


def test_while_a_filter_for_sound_fails_pictures_do_not_pass_either() -> None:
    halved, stand = Halved(), Stand()
    stand.guard.use(Chain([("halved", halved)]), STREAM)
    halved.mood = True
    assert stand.sound(0) is None
    assert stand.picture(0) is None
    halved.mood = False
    assert stand.picture(2 * AGAIN) is None
    assert stand.sound(2 * AGAIN // SOUND + 1) is not None
    assert stand.picture(2 * AGAIN + FRAME) is not None


def test_filters_that_cannot_be_had_let_nothing_pass() -> None:
    stand = Stand()
    stand.guard.use(None, STREAM, "there is no such filter")
    assert stand.picture(0) is None
    assert stand.sound(0) is None
    assert stand.faults == ["there is no such filter"]
    stand.guard.use(None, STREAM)
    assert stand.picture(FRAME) is not None


def test_a_filter_that_cannot_get_ready_lets_nothing_pass() -> None:
    class Unready(Moody):
        def open(self, stream: Stream) -> None:
            raise RuntimeError("no model")

    stand = Stand()
    stand.guard.use(Chain([("unready", Unready())]), STREAM)
    assert {stand.picture(at) for at in range(0, 3 * AGAIN, FRAME)} == {None}
    assert "no model" in stand.faults[0]


def test_what_was_found_is_covered_by_its_own_effect_in_sound() -> None:
    beep = Found(0, Finding(Kind.SOUND, 0, SOUND, "word", effect=Effect.TONE))
    block = Stand(ONE, CLEARED, beep).sound(0)
    assert block is not None
    assert 0.1 < np.abs(samples_of(block.frame)).max() < 0.2
