"""Words are found in speech that espeak-ng makes, and covered from before they begin until after they end."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from filters.api import SAMPLE_RATE, TICKS, Effect, Finding, Kind, Sound, Stream, Upto
from filters.bleep import AFTER, BEFORE, Bleep
from filters.speech.resample import DELAY, FACTOR, Resampler
from filters.speech.voice import has_voice
from filters.testing import check_detector
from filters.trial import covered_by
from tests.support.speech import spoken

if TYPE_CHECKING:
    from filters.api import Samples

# The recogniser understands espeak-ng worse than people: these it finds, two of them with thresholds of their own.
WORDS = ("bullshit", "hospital /1e-20/", "banana /1e-20/")
PIECES = (
    "we have seen that the",
    "bullshit",
    "is here again today, and the",
    "hospital",
    "or a",
    "banana",
    "was there",
)
TRUE = (1, 3, 5)


def speech(*, lead: float = 1.0, pieces: tuple[str, ...] = PIECES) -> "tuple[Samples, list[tuple[float, float]]]":
    """Return sound, and where (seconds) each piece is."""
    made = spoken(pieces, "en-us+f3")
    before, after = (np.zeros((1, round(seconds * SAMPLE_RATE)), np.float32) for seconds in (lead, 3.0))
    return np.concatenate([before, made.samples, after], 1), [(lead + a, lead + b) for a, b in made.times]


def bleep(**options: object) -> Bleep:
    made = Bleep(**{"words": WORDS, "lists": ("none",), **options})  # type: ignore[arg-type]
    made.open(Stream(0, 0, 0, 1))
    return made


def heard(detector: Bleep, samples: "Samples", block: int = 1024, first: int = 0) -> list[Finding]:
    found: list[Finding] = []
    for at in range(0, samples.shape[1], block):
        number = first + at
        found += detector.sound(Sound(number * TICKS // SAMPLE_RATE, number, samples[:, at : at + block]))
    return found


def middles(times: list[tuple[float, float]], which: tuple[int, ...] = TRUE) -> list[Finding]:
    """Return what of words has to be covered for nobody to understand them, and more: all but 40 ms at their ends."""
    return [
        Finding(Kind.SOUND, round((times[n][0] + 0.04) * TICKS), round((times[n][1] - 0.04) * TICKS), "word")
        for n in which
    ]


def test_it_conforms_and_covers_the_words() -> None:
    samples, times = speech()
    found = check_detector(lambda: Bleep(words=WORDS, lists=("none",)), sounds=samples, truth=middles(times))
    assert {(finding.category, finding.covering) for finding in found} == {("word", Effect.TONE)}
    assert all(0.5 <= finding.score <= 1 for finding in found)
    covered = sum(end - start for start, end in covered_by(found, Kind.SOUND)) / TICKS
    assert covered < sum(times[n][1] - times[n][0] for n in TRUE) + 3 * 0.4, "speech elsewhere is not covered"


def test_stereo_is_heard_even_if_its_channels_are_each_others_negative() -> None:
    samples, times = speech()
    for other in (samples, -samples, np.zeros_like(samples)):
        both = np.concatenate([samples, other])
        check_detector(lambda: Bleep(words=WORDS, lists=("none",)), sounds=both, truth=middles(times), blocks=(1024,))


def test_the_same_word_twice_within_400_ms() -> None:
    pieces = ("we have seen", "bullshit", "bullshit", "is here again today")
    samples, times = speech(pieces=pieces)
    check_detector(
        lambda: Bleep(words=WORDS, lists=("none",)), sounds=samples, truth=middles(times, (1, 2)), blocks=(1024,)
    )


def test_it_is_muted_if_wanted() -> None:
    samples, _ = speech()
    assert {finding.covering for finding in heard(bleep(tone="mute"), samples)} == {Effect.MUTE}


def test_what_is_found_does_not_depend_on_where_the_timeline_is() -> None:
    samples, _ = speech()
    here = heard(bleep(), samples)
    there = heard(bleep(), samples, 331, 48_000 * 3600 + 7)
    assert len(here) == len(there) > 0
    shift = (48_000 * 3600 + 7) * TICKS // SAMPLE_RATE
    assert all(abs(one.start + shift - other.start) <= 2 for one, other in zip(here, there, strict=True))


def test_words_are_found_after_minutes_and_where_utterances_are_cut() -> None:
    """Utterances are cut after 1, 3, 7, 15, 31, 51 … seconds: the word stands on each of these."""
    pieces = ("so they said to them that the", "bullshit", "is here again today and they say")
    one = spoken(pieces, "en-us+f3")
    length = round(one.times[1][0] * SAMPLE_RATE)
    parts: list[Samples] = []
    count, truth = 0, []
    for cut in (7.0, 15.0, 31.0, 51.0):
        start = round((cut - 0.3) * SAMPLE_RATE) - length
        parts += [np.zeros((1, start - count), np.float32), one.samples]
        truth.append((start / SAMPLE_RATE + one.times[1][0], start / SAMPLE_RATE + one.times[1][1]))
        count = start + one.samples.shape[1]
    samples = np.concatenate([*parts, np.zeros((1, 3 * SAMPLE_RATE), np.float32)], 1)
    check_detector(
        lambda: Bleep(words=("bullshit",), lists=("none",)),
        sounds=samples,
        truth=middles(truth, (0, 1, 2, 3)),
        blocks=(1024,),
    )


def test_the_clearance_is_never_further_behind_than_the_lookahead_nor_ahead() -> None:
    detector = bleep()
    assert detector.clearance(Upto(5, 0)) == Upto(5, 0)
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 10 * SAMPLE_RATE)).astype(np.float32)
    cleared = []
    for at in range(0, noise.shape[1], 1024):
        block = noise[:, at : at + 1024]
        list(detector.sound(Sound(at * TICKS // SAMPLE_RATE, at, block)))
        seen = (at + block.shape[1]) * TICKS // SAMPLE_RATE
        cleared.append(detector.clearance(Upto(0, seen)).sound)
        assert seen - cleared[-1] <= detector.lookahead * TICKS or cleared[-1] == 0
    assert all(one <= other for one, other in pairwise(cleared))
    assert cleared[-1] > 7 * TICKS


@pytest.mark.parametrize("level", [0.0, 1e-4, 0.1, 1.0])
def test_silence_and_noise_are_no_words(level: float) -> None:
    noise = np.random.default_rng(0).normal(0, 1, (2, 20 * SAMPLE_RATE)) * level
    assert heard(bleep(lists=("english",), words=()), noise.astype(np.float32)) == []


def test_samples_that_are_no_numbers_do_no_harm() -> None:
    samples = np.zeros((2, SAMPLE_RATE), np.float32)
    samples[:, ::100] = np.nan
    samples[:, 1::100] = np.inf
    assert heard(bleep(), samples) == []


def test_a_gap_begins_it_anew_and_nothing_is_cleared_twice() -> None:
    samples, _ = speech()
    detector = bleep()
    found = heard(detector, samples)
    cleared = detector.clearance(Upto(0, 1 << 40)).sound
    again = heard(detector, samples, first=samples.shape[1] + 4800)
    assert len(again) == len(found)
    assert all(finding.start >= cleared for finding in again)
    detector.close()


def test_covered_is_more_than_the_word() -> None:
    assert (BEFORE, AFTER) == (60 * 90, 130 * 90)


def test_resampling_does_not_depend_on_blocks() -> None:
    samples = np.random.default_rng(1).normal(0, 0.1, (2, 20_000)).astype(np.float32)
    whole = Resampler().feed(samples)
    resampler = Resampler()
    cuts = [0, 1, 2, 5, 1000, 1331, 20_000]
    pieces = np.concatenate([resampler.feed(samples[:, a:b]) for a, b in pairwise(cuts)])
    assert len(whole) == len(pieces)
    assert np.abs(whole.astype(int) - pieces).max() <= 1


@pytest.mark.parametrize(("hz", "kept"), [(300, True), (6500, True), (9000, False), (15_700, False)])
def test_resampling_keeps_speech_and_its_place(hz: int, kept: bool) -> None:
    at = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    made = Resampler().feed((0.5 * np.sin(2 * np.pi * hz * at))[None].astype(np.float32)) / 32767
    assert len(made) == SAMPLE_RATE // FACTOR - DELAY
    middle = slice(1000, 15_000)
    wanted = 0.5 * np.sin(2 * np.pi * hz * np.arange(len(made)) / 16_000)
    if kept:
        assert np.abs(made - wanted)[middle].max() < 0.01
    else:
        assert np.abs(made)[middle].max() < 0.005


def test_a_voice_is_told_from_noise() -> None:
    random = np.random.default_rng(2)
    pulses = np.zeros(16_000)
    pulses[::130] = 8000
    noise = random.normal(0, 1000, 16_000)
    assert has_voice((pulses + noise).astype(np.int16))
    assert not has_voice(noise.astype(np.int16))
    assert not has_voice(np.cumsum(random.normal(0, 20, 16_000)).astype(np.int16))
    assert not has_voice(np.zeros(100, np.int16))
