"""The conformance kit passes filters that keep their word, and names what the others do not keep."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from filters import (
    SAMPLE_RATE,
    TICKS,
    AudioFilter,
    Box,
    Detector,
    Finding,
    Kind,
    Picture,
    Said,
    Sound,
    Stream,
    Unverified,
    Upto,
    Verified,
    VideoFilter,
    audio_filter,
    video_filter,
)
from filters.testing import ConformanceError, add_tone, check_detector, check_plain, patch, pictures, sounds

CARD = Box(40, 20, 60, 40)
GREEN = (0, 255, 0)
SHOWN = pictures(2.5, patch(CARD, GREEN, 1, 1.5), width=160, height=90, frame_rate=20)
TRUTH = Finding(Kind.PICTURE, 1 * TICKS, 3 * TICKS // 2, "card", CARD)
FRAME = TICKS // 20


def voice() -> Any:
    samples = sounds(3)
    add_tone(samples, 1.0, 1.3, 3000)
    return samples


BEEP = Finding(Kind.SOUND, 1 * TICKS, 13 * TICKS // 10, "beep")


def failures(call: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(ConformanceError) as raised:
        call()
    assert all(failure in str(raised.value) for failure in raised.value.failures)
    return raised.value.failures


def failing(detector: Callable[[], Detector], **changes: Any) -> str:
    """What is wrong with a detector of pictures; one thing alone."""
    told = failures(lambda: check_detector(detector, SHOWN, truth=changes.pop("truth", [TRUTH]), frame_rate=20))
    assert len(told) == 1, told
    return told[0]


def box_of(picture: Picture) -> Box | None:
    rows, columns = np.nonzero((picture.planes.u < 80) & (picture.planes.v < 80))
    if not len(rows):
        return None
    left, top = 2 * int(columns.min()), 2 * int(rows.min())
    return Box(left, top, 2 * int(columns.max()) + 2 - left, 2 * int(rows.max()) + 2 - top)


class Honest(Detector):
    """Finds the green card in the picture that shows it."""

    lookahead = 0.5

    def picture(self, picture: Picture) -> Iterable[Said]:
        box = box_of(picture)
        if box is not None:
            yield Finding(Kind.PICTURE, picture.pts, picture.pts + FRAME, "card", box)


class Ears(Detector):
    """Finds the beep by its level in windows of 20 ms, which are counted from the first sample on."""

    WINDOW = SAMPLE_RATE // 50
    lookahead = 0.5

    def __init__(self) -> None:
        self.kept = np.zeros((1, 0), np.float32)
        self.done = 0

    def sound(self, sound: Sound) -> Iterable[Said]:
        self.kept = np.concatenate([self.kept, sound.samples], axis=1)
        while self.kept.shape[1] >= self.WINDOW:
            window, self.kept = self.kept[:, : self.WINDOW], self.kept[:, self.WINDOW :]
            if np.abs(window).mean() > 0.15:
                start = self.done * TICKS // SAMPLE_RATE
                yield Finding(Kind.SOUND, start, start + TICKS // 50, "beep")
            self.done += self.WINDOW

    def clearance(self, seen: Upto) -> Upto:
        return Upto(seen.picture, self.done * TICKS // SAMPLE_RATE)


def test_an_honest_detector_passes_and_its_findings_are_told() -> None:
    found = check_detector(Honest, SHOWN, truth=[TRUTH], frame_rate=20)
    assert len(found) == 10
    assert {each.box for each in found} == {CARD}
    heard = check_detector(Ears, sounds=voice(), truth=[BEEP])
    assert heard[0].start == TICKS
    assert heard[-1].end == BEEP.end


def test_a_finding_before_an_earlier_clearance_is_a_broken_promise() -> None:
    class Late(Honest):
        def picture(self, picture: Picture) -> Iterable[Said]:
            for each in super().picture(picture):
                assert isinstance(each, Finding)
                yield Finding(Kind.PICTURE, each.start - 2 * FRAME, each.end, "card", each.box)

    told = failing(Late)
    assert told.startswith(
        "a broken promise: 'card' from 0.900 s to 1.050 s in (40, 20, 60, 40) is said when all before"
    )
    assert told.endswith("(10 times)")


def test_so_is_a_region_that_is_unverified_from_before_it() -> None:
    class Late(Detector):
        lookahead = 0.5

        def picture(self, picture: Picture) -> Iterable[Said]:
            if picture.pts == TICKS:
                yield Unverified(1, TICKS // 2, CARD)

    assert "a broken promise: 'unverified' from 0.500 s in (40, 20, 60, 40)" in failing(Late)


def test_a_part_of_the_picture_may_be_cleared_unverified_and_judged_later() -> None:
    class Thinks(Detector):
        lookahead = 0.1

        def __init__(self) -> None:
            self.waiting: list[tuple[int, Box]] = []

        def picture(self, picture: Picture) -> Iterable[Said]:
            if picture.pts == TICKS // 2:
                yield Unverified(7, picture.pts, Box(20, 10, 100, 70))
            box = box_of(picture)
            if box is not None:
                self.waiting.append((picture.pts, box))
            elif self.waiting:
                yield from (Finding(Kind.PICTURE, at, at + FRAME, "card", where) for at, where in self.waiting)
                yield Verified(7)
                self.waiting.clear()

    assert len(check_detector(Thinks, SHOWN, truth=[TRUTH], frame_rate=20)) == 10


def test_verifying_what_is_not_unverified_is_a_mistake() -> None:
    class Odd(Honest):
        def picture(self, picture: Picture) -> Iterable[Said]:
            yield from super().picture(picture)
            if picture.pts == TICKS:
                yield Verified(3)

    assert failing(Odd) == "says Verified(3), though no such part of the picture is unverified"


def test_nobody_clears_more_than_has_been_given() -> None:
    class Ahead(Honest):
        def clearance(self, seen: Upto) -> Upto:
            return Upto(seen.picture + (TICKS if seen.picture > 2 * TICKS else 0), seen.sound)

    assert failing(Ahead).startswith("clears pictures up to 3.000 s when it has been given no more than up to 2.000 s")


def test_a_clearance_does_not_go_back() -> None:
    class Back(Honest):
        def clearance(self, seen: Upto) -> Upto:
            return Upto(seen.picture - (2 * FRAME if seen.picture > 2 * TICKS else 0), seen.sound)

    assert failing(Back).startswith("its clearance of pictures goes back from 1.950 s to 1.900 s")


def test_a_clearance_is_no_further_behind_than_the_lookahead() -> None:
    class Slow(Honest):
        def clearance(self, seen: Upto) -> Upto:
            return Upto(max(0, seen.picture - TICKS), seen.sound)

    told = failing(Slow)
    assert told.startswith("its clearance of pictures is 0.500 s behind at 0.500 s: more than its lookahead of 0.5 s")


def test_what_is_not_found_is_a_leak() -> None:
    class Blind(Honest):
        def picture(self, picture: Picture) -> Iterable[Said]:
            return ()

    assert failing(Blind) == (
        "a leak: 'card' from 1.000 s to 1.500 s in (40, 20, 60, 40) is not covered at 1.000 s, 10 pictures in all"
    )


def test_so_is_what_is_found_in_part() -> None:
    class Narrow(Honest):
        def picture(self, picture: Picture) -> Iterable[Said]:
            for each in super().picture(picture):
                assert isinstance(each, Finding)
                yield Finding(Kind.PICTURE, each.start, each.end, "card", CARD._replace(width=59))

    class Halves(Honest):
        def picture(self, picture: Picture) -> Iterable[Said]:
            for each in super().picture(picture):
                assert isinstance(each, Finding)
                for left in (CARD.left, CARD.left + 30):
                    yield Finding(Kind.PICTURE, each.start, each.end, "card", CARD._replace(left=left, width=30))

    assert "10 pictures in all" in failing(Narrow)
    check_detector(Halves, SHOWN, truth=[TRUTH], frame_rate=20)


def test_and_what_is_found_after_it_has_been_cleared() -> None:
    class Afterwards(Honest):
        def __init__(self) -> None:
            self.last: list[Said] = []

        def picture(self, picture: Picture) -> Iterable[Said]:
            said, self.last = self.last, list(super().picture(picture))
            return said

    told = failures(lambda: check_detector(Afterwards, SHOWN, truth=[TRUTH], frame_rate=20))
    assert [failure.partition(":")[0] for failure in told] == ["a broken promise", "a leak"]


def test_a_region_that_is_lifted_too_early_is_a_leak() -> None:
    class Hasty(Detector):
        lookahead = 0.5

        def picture(self, picture: Picture) -> Iterable[Said]:
            if picture.pts == TICKS // 2:
                yield Unverified(1, picture.pts, CARD)
            if picture.pts == TICKS + 2 * FRAME:
                yield Verified(1)

    assert "is not covered at 1.100 s, 8 pictures in all" in failing(Hasty)


def test_a_whole_picture_must_be_covered_whole() -> None:
    whole = Finding(Kind.PICTURE, TRUTH.start, TRUTH.end, "card")
    assert "a leak: 'card' from 1.000 s to 1.500 s is not covered" in failing(Honest, truth=[whole])

    class All(Honest):
        def picture(self, picture: Picture) -> Iterable[Said]:
            return [Finding(Kind.PICTURE, picture.pts, picture.pts + FRAME, "card")] if box_of(picture) else []

    check_detector(All, SHOWN, truth=[whole], frame_rate=20)


def test_nothing_else_is_yielded() -> None:
    class Talks(Honest):
        def picture(self, picture: Picture) -> Iterable[Any]:
            yield from super().picture(picture)
            yield "nothing"

    assert failing(Talks) == "yields str: only Finding, Unverified and Verified say something (50 times)"


def test_nothing_is_said_of_what_it_is_not_given() -> None:
    class Guesses(Honest):
        def picture(self, picture: Picture) -> Iterable[Said]:
            yield from super().picture(picture)
            if picture.pts == TICKS:
                yield Finding(Kind.SOUND, picture.pts, picture.pts + 9, "bang")

    assert failing(Guesses) == "finds something in sound, which it is not given"


def test_a_clearance_is_two_whole_numbers() -> None:
    class Odd(Honest):
        def clearance(self, seen: Upto) -> Any:
            return seen.picture

    told = failing(Odd, truth=[])
    assert told.startswith("its clearance is int: return Upto(picture, sound) in whole ticks")


def test_an_error_is_told_with_its_line() -> None:
    class Broken(Honest):
        def picture(self, picture: Picture) -> Iterable[Said]:
            raise ValueError("no")

    assert failing(Broken).startswith("filter Broken: ValueError: no (test_testing.py, line ")

    class Closed(Honest):
        def open(self, stream: Stream) -> None:
            raise OSError("no model")

    assert failing(Closed).startswith("filter Closed: OSError: no model (test_testing.py, line ")


def test_pictures_are_for_reading_and_only_for_a_moment() -> None:
    class Writes(Honest):
        def picture(self, picture: Picture) -> Iterable[Said]:
            picture.planes.y[:] = 0
            return ()

    assert "read-only" in failing(Writes)

    class Keeps(Honest):
        def __init__(self) -> None:
            self.last: Picture | None = None

        def picture(self, picture: Picture) -> Iterable[Said]:
            said = list(super().picture(self.last)) if self.last else []
            self.last = picture
            return said

        def clearance(self, seen: Upto) -> Upto:
            return Upto(max(0, seen.picture - FRAME), seen.sound)

    assert "a leak" in failures(lambda: check_detector(Keeps, SHOWN, truth=[TRUTH], frame_rate=20))[0]


def test_what_is_heard_does_not_depend_on_how_it_is_cut() -> None:
    class Blocky(Ears):
        def sound(self, sound: Sound) -> Iterable[Said]:
            self.done = sound.first + sound.samples.shape[1]
            if np.abs(sound.samples).mean() > 0.1:
                end = self.done * TICKS // SAMPLE_RATE
                yield Finding(Kind.SOUND, sound.pts, end, "beep")

    told = failures(lambda: check_detector(Blocky, sounds=voice()))
    assert told[0].startswith("what it finds in sound depends on how sound is cut: with blocks of 1024 samples")
    check_detector(Blocky, sounds=voice(), blocks=(1024,))


def test_sound_that_is_covered_in_part_is_a_leak() -> None:
    class Short(Ears):
        def sound(self, sound: Sound) -> Iterable[Said]:
            return [
                each for each in super().sound(sound) if isinstance(each, Finding) and each.start < 11 * TICKS // 10
            ]

    told = failures(lambda: check_detector(Short, sounds=voice(), truth=[BEEP]))
    assert told == ("a leak: 'beep' from 1.000 s to 1.300 s is not covered at 1.100 s, 0.200 s in all",)


def test_findings_may_be_said_of_both_and_in_any_container() -> None:
    class Both(Detector):
        lookahead = 0.5

        def picture(self, picture: Picture) -> Any:
            box = box_of(picture)
            return None if box is None else Finding(Kind.PICTURE, picture.pts, picture.pts + FRAME, "card", box)

        def sound(self, sound: Sound) -> Any:
            return (Finding(Kind.SOUND, sound.pts, sound.pts + 2000, "all"),)

    found = check_detector(Both, SHOWN, sounds(2.5), [TRUTH], frame_rate=20, blocks=(960,))
    assert {each.kind for each in found} == {Kind.PICTURE, Kind.SOUND}


def test_material_that_cannot_show_anything_is_refused() -> None:
    with pytest.raises(ValueError, match=r"let the material go on after 'card', for the 0.5 s"):
        check_detector(Honest, SHOWN[:35], truth=[TRUTH])
    with pytest.raises(ValueError, match="the detector takes picture: there is none in the material"):
        check_detector(Honest, sounds=voice())
    with pytest.raises(ValueError, match="'beep' is in the sound, which the detector is not given"):
        check_detector(Honest, SHOWN, voice(), [BEEP])


@video_filter
def fine(image: Any, t: float) -> Any:
    return 255 - image


@audio_filter
def soft(samples: Any, t: float) -> Any:
    return samples / 2


def test_plain_filters_that_are_fine_pass_and_their_time_is_told() -> None:
    assert 0 < check_plain(fine, width=320, height=180) < 1 / 60
    assert 0 <= check_plain(soft) < 0.01
    assert check_plain(fine(), width=320, height=180, seconds=0.1) > 0
    assert check_plain("overlay:text=a", width=320, height=180, seconds=0.1) > 0


def wrong_shape(image: Any, t: float) -> Any:
    return image[1:]


def wrong_type(image: Any, t: float) -> Any:
    return image / 2


def wrong_later(image: Any, t: float) -> Any:
    return image if t < 0.2 else None


def one_size_only(image: Any, t: float) -> Any:
    return image + np.zeros((180, 320, 3), np.uint8)


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (wrong_shape, "returned a picture of shape (179, 320, 3), not (180, 320, 3)"),
        (wrong_type, "of float64, not uint8"),
        (wrong_later, "returned nothing"),
        (one_size_only, "operands could not be broadcast"),
    ],
)
def test_a_plain_filter_that_gives_something_else_fails(function: Callable[..., Any], told: str) -> None:
    assert told in failures(lambda: check_plain(video_filter(function), width=320, height=180))[0]


def test_a_plain_filter_of_sound_that_gives_something_else_fails() -> None:
    @audio_filter
    def loud(samples: Any, t: float) -> Any:
        return samples / np.float32(0)

    @audio_filter
    def stereo_only(samples: Any, t: float) -> Any:
        return samples[:2] + samples[1]

    with np.errstate(divide="ignore", invalid="ignore"):
        assert "no numbers" in failures(lambda: check_plain(loud))[0]
    assert "IndexError" in failures(lambda: check_plain(stereo_only))[0]


def test_a_slow_plain_filter_fails() -> None:
    class Slow(VideoFilter):
        pixels = "yuv"

        def picture(self, image: Any, t: float) -> Any:
            end = time.process_time() + 0.02
            while time.process_time() < end:
                pass

    told = failures(lambda: check_plain(Slow, width=64, height=48, seconds=0.2))
    assert told[0].startswith("it is too slow: it takes 2")
    assert told[0].endswith("ms of CPU time for a picture of 64 x 48, and may take 50% of the 33.3 ms that it lasts")
    check_plain(Slow, width=64, height=48, seconds=0.2, share=0.9)


def test_one_sort_is_not_taken_for_the_other() -> None:
    assert "try it with check_detector" in failures(lambda: check_plain(Honest))[0]  # type: ignore[arg-type]
    assert "try it with check_plain" in failures(lambda: check_detector(AudioFilter, SHOWN))[0]  # type: ignore[arg-type]
