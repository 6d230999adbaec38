"""How well `bleep` finds words: in what people say, in music and noise; and how often it finds what is not there.

    ./run bench words

It listens to the detector itself, without a server: as a room would give it sound, in blocks of 1024 samples.
"""

import os
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from filters.api import SAMPLE_RATE, TICKS, Finding, Kind, Sound, Stream, Upto
from filters.bleep import Bleep
from filters.speech.resample import FACTOR
from filters.speech.sphinx import dictionary
from filters.speech.spotter import RATE, Hit
from filters.trial import covered_by
from tests.support import speech as espeak
from tests.support.recordings import Clip, Missing, foreign, librivox, music, prompts

if TYPE_CHECKING:
    from filters.api import Samples
    from filters.speech.spotter import Speech

BLOCK = 1024
GAP = 0.4  # seconds between two clips
SNR = 10  # dB
LEAST = 3  # phonemes of a word that is looked for
LISTED = 12  # words of a list as rooms have them
LANGUAGES = ("es", "fr", "it", "ru")
ESPEAK = (
    *("conference", "extension", "temporary", "mailbox", "impossible", "understanding", "population", "president"),
    *("government", "yesterday", "everything", "wonderful", "newspaper", "umbrella", "hospital", "family", "bullshit"),
    *("television", "banana", "bastard"),
)
VOICES = (("en-us", 150), ("en-us+f3", 150), ("en-gb", 140))

Truth = list[tuple[str, float, float]]


@dataclass
class Heard:
    """What a detector has said of something, with what it took."""

    findings: list[Finding] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    cpu: float = 0.0
    """Of a core."""
    seconds: float = 0.0
    late: list[float] = field(default_factory=list)
    """Seconds from a hit's end until it was told."""
    lookahead: float = 0.0


class Listening(Bleep):
    """The detector, which also keeps which word it was."""

    hits: list[Hit]

    def _finding(self, hit: Hit) -> Finding:
        self.hits.append(hit)
        return super()._finding(hit)


def listen(speech: "Speech", words: Sequence[str] = (), lists: tuple[str, ...] = ("none",)) -> Heard:
    """Let a detector listen to all of ``speech``."""
    samples = louder(speech)
    detector = Listening(words=tuple(words), lists=lists)  # type: ignore[arg-type]
    detector.hits = []
    detector.open(Stream(0, 0, 0, 1))
    heard = Heard(hits=detector.hits, seconds=len(speech) / RATE, lookahead=detector.lookahead)
    began = time.process_time()
    for at in range(0, samples.shape[1], BLOCK):
        block = samples[:, at : at + BLOCK]
        known = len(heard.hits)
        heard.findings += detector.sound(Sound(at * TICKS // SAMPLE_RATE, at, block))
        now = at + block.shape[1]
        heard.late += [now / SAMPLE_RATE - hit.end / RATE for hit in heard.hits[known:]]
        detector.clearance(Upto(0, now * TICKS // SAMPLE_RATE))
    heard.cpu = (time.process_time() - began) / heard.seconds
    return heard


def louder(speech: "Speech") -> "Samples":
    """Return speech at ``SAMPLE_RATE``: band-limited, in pieces."""
    made = np.zeros(len(speech) * FACTOR, np.float32)
    made[::FACTOR] = speech.astype(np.float32) * FACTOR / 32768
    at = np.arange(-48, 49)
    taps = (np.sinc(at / FACTOR) * np.kaiser(97, 6) / FACTOR).astype(np.float32)
    return np.convolve(made, taps, "same")[None].astype(np.float32)


def joined(clips: Iterable[Clip]) -> "tuple[Speech, Truth]":
    random = np.random.default_rng(3)
    parts: list[Speech] = []
    truth: Truth = []
    at = 0.0
    for clip in clips:
        gap = random.integers(-3, 4, round(GAP * RATE)).astype(np.int16)
        at += GAP
        truth += [(word, at + start, at + end) for word, start, end in clip.words]
        parts += [gap, clip.speech]
        at += len(clip.speech) / RATE
    return np.concatenate(parts), truth


def mixed(speech: "Speech", other: "Speech") -> "Speech":
    """Return ``speech`` with ``other`` behind it, ``SNR`` dB softer."""
    behind = np.resize(other, len(speech)).astype(np.float64)
    voice = speech.astype(np.float64)
    behind *= sqrt((voice**2).mean() / (behind**2).mean() / 10 ** (SNR / 10))
    return (voice + behind).clip(-32768, 32767).astype(np.int16)


@cache
def ways() -> dict[str, list[str]]:
    """Return how all words of the dictionary are said."""
    known: defaultdict[str, list[str]] = defaultdict(list)
    for line in dictionary().read_text(encoding="utf-8").splitlines():
        name, _, sounds = line.partition(" ")
        known[name.partition("(")[0]].append(sounds)
    return known


def lengths(words: Iterable[str]) -> dict[str, int]:
    """Return how many phonemes words have."""
    return {word: min(len(way.split()) for way in ways()[word]) for word in words}


def wilson(found: int, of: int) -> str:
    """Return a share with its bounds, at 95 %."""
    if not of:
        return "-"
    z, p = 1.96, found / of
    middle, half = p + z * z / 2 / of, z * sqrt(p * (1 - p) / of + z * z / 4 / of / of)
    low, high = (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)
    return f"{100 * p:5.1f} % ({100 * low:.0f}-{100 * high:.0f} %)  {found}/{of}"


def report(name: str, heard: Heard, listed: Sequence[str], truth: Truth) -> None:
    """Print what was found of what there was, by length."""
    long = lengths(listed)
    found: defaultdict[str, list[bool]] = defaultdict(list)
    covered: defaultdict[str, list[float]] = defaultdict(list)
    starts, ends = [], []
    intervals = [(start / TICKS, end / TICKS) for start, end in covered_by(heard.findings, Kind.SOUND)]
    hits: defaultdict[str, list[Hit]] = defaultdict(list)
    for hit in heard.hits:
        hits[listed[hit.word]].append(hit)
    for word, start, end in truth:
        if word not in long:
            continue
        there = [hit for hit in hits[word] if hit.start / RATE < end - 0.03 and hit.end / RATE > start + 0.03]
        for group in (band(long[word]), *(["6 and more"] if long[word] >= 6 else [])):
            found[group].append(bool(there))
            if there:
                covered[group].append(sum(max(0.0, min(b, end) - max(a, start)) for a, b in intervals) / (end - start))
        if there:
            best = max(there, key=lambda hit: hit.likelihood)
            starts.append(best.start / RATE - start)
            ends.append(best.end / RATE - end)
    print(f"\n{name}: {heard.seconds / 60:.1f} min, {len(listed)} words listed, {heard.cpu:.3f} of a core")
    print("  phonemes      recall (95 % bounds)            samples of found words that are covered")
    for group in sorted(found, key=lambda group: (group == "6 and more", len(group), group)):
        share = f"{100 * np.mean(covered[group]):.1f} %" if covered[group] else "-"
        print(f"  {group:12}  {wilson(sum(found[group]), len(found[group])):32}  {share}")
    if starts:
        low, middle, high = (1000 * np.quantile([starts, ends], q, axis=1) for q in (0.05, 0.5, 0.95))
        for edge, side in enumerate(("start", "end")):
            print(f"  {side} of a hit: {low[edge]:+.0f} / {middle[edge]:+.0f} / {high[edge]:+.0f} ms (5, 50, 95 %)")


def band(length: int) -> str:
    return str(length) if length < 9 else "9 and more"


def false_bleeps(heard: Heard, listed: Sequence[str], truth: Truth) -> int:
    """Return how many intervals are covered in which no listed word, nor one that contains it, is said."""
    there = [
        (start, end)
        for word, start, end in truth
        if any(f" {way} " in f" {whole} " for name in listed for way in ways()[name] for whole in ways()[word])
    ]
    return sum(
        not any(start / TICKS < b and end / TICKS > a for a, b in there)
        for start, end in covered_by(heard.findings, Kind.SOUND)
    )


def spoken_words() -> "tuple[Speech, Truth]":
    """Return what espeak-ng says, with its words where they are to the sample."""
    parts: list[Samples] = []
    truth: Truth = []
    at = 0.0
    for voice, speed in VOICES:
        for word in ESPEAK:
            made = espeak.spoken(("we have seen that the", word, "is here again today"), voice, speed)
            truth.append((word, at + made.times[1][0], at + made.times[1][1]))
            parts.append(made.samples[0])
            at += made.samples.shape[1] / SAMPLE_RATE
    whole = np.concatenate(parts)
    whole = whole[: len(whole) // FACTOR * FACTOR].reshape(-1, FACTOR).mean(axis=1)
    return (whole * 32767).astype(np.int16), truth


def main() -> None:
    """Print it all."""
    random = np.random.default_rng(5)
    try:
        clips = prompts()
        tunes = music()
    except Missing as missing:
        print(f"{missing}: there is nothing to listen to")
        return
    tuning, told = [[c for c in clips if zlib.crc32(c.name.encode()) % 2 == side] for side in (0, 1)]
    speech, truth = joined(told)
    counts = Counter(word for word, _, _ in truth)
    long = lengths(counts)
    listed = [word for word in counts if long[word] >= LEAST]
    short_list = [word for word, _ in counts.most_common() if long[word] >= 6][:LISTED]
    print(
        f"{len(clips)} prompts of Asterisk by one American speaker: {len(tuning)} for tuning, {len(told)} told of here."
    )
    instances = sum(counts[word] for word in listed)
    print(f"{instances} instances of {len(listed)} words of {LEAST} phonemes and more. Where they are")
    print("is what pocketsphinx aligns the text with, and no more exact than that. The speaker is the same in both.")
    noise = random.normal(0, 1000, len(speech)).astype(np.int16)
    with ProcessPoolExecutor(max(1, min(2, (os.cpu_count() or 1)))) as pool:
        conditions = {
            "Clean": pool.submit(listen, speech, listed),
            f"Music at {SNR} dB": pool.submit(listen, mixed(speech, tunes), listed),
            f"White noise at {SNR} dB": pool.submit(listen, mixed(speech, noise), listed),
        }
        places: dict[str, tuple[Speech, Truth]] = {"speech, clean": (speech, truth)}
        places[f"speech, music at {SNR} dB"] = mixed(speech, tunes), truth
        for language in LANGUAGES:
            try:
                places[f"speech, {language}"] = foreign(language), []
            except Missing as missing:
                print(missing)
        places["music, second half"] = tunes[len(tunes) // 2 :], []  # the first was for tuning the list english
        places["white noise"] = random.normal(0, 3000, 180 * RATE).astype(np.int16), []
        quiet = {
            (name, kind): pool.submit(listen, sound, words, lists)
            for name, (sound, _) in places.items()
            for kind, words, lists in (
                ("listed", short_list, ("none",)),
                ("english", (), ("english",)),
                *(
                    [("english-short", (), ("english-short",))]
                    if name in ("speech, clean", "music, second half")
                    else []
                ),
            )
        }
        try:
            read = joined(librivox())
            words = [w for w, n in lengths({w for w, _, _ in read[1]}).items() if n >= LEAST]
            reading = pool.submit(listen, read[0], words)
        except Missing as missing:
            print(missing)
            reading = None
        made = spoken_words() if espeak.THERE else None
        synthetic = pool.submit(listen, made[0], ESPEAK) if made is not None else None
        for name, future in conditions.items():
            report(name, future.result(), listed, truth)
        if reading is not None:
            report("LibriVox, clean (another speaker; too few to claim anything)", reading.result(), words, read[1])
        if synthetic is not None and made is not None:
            report("espeak-ng, clean, where words are to the sample", synthetic.result(), ESPEAK, made[1])
        else:
            print("\nespeak-ng is not installed.")
        lookaheads = []
        for kind in ("listed", "english", "english-short"):
            own = f"{len(short_list)} words of 6 phonemes and more, as above"
            title = own if kind == "listed" else f"the list {kind}"
            print(f"\nFalse bleeps, {title}:")
            minutes = false = 0.0
            for (name, other), future in quiet.items():
                if other == kind:
                    heard = future.result()
                    count = false_bleeps(heard, short_list if kind == "listed" else (), places[name][1])
                    minutes, false = minutes + heard.seconds / 60, false + count
                    print(
                        f"  {name:24} {count:4d} in {heard.seconds / 60:5.1f} min: "
                        f"{count / heard.seconds * 60:5.2f} a minute; {heard.cpu:.3f} of a core"
                    )
                    lookaheads.append((kind, heard.lookahead, heard.late))
            print(f"  all                      {false:4.0f} in {minutes:5.1f} min: {false / minutes:5.2f} a minute")
        print("\nDelay:")
        for kind in ("listed", "english", "english-short"):
            late = [each for other, _, lates in lookaheads if other == kind for each in lates]
            ahead = max(look for other, look, _ in lookaheads if other == kind)
            told_after = f"{max(late):.2f} s after its end at most" if late else "never"
            print(f"  {kind}: looks {ahead:g} s ahead; a word was told {told_after}")


if __name__ == "__main__":
    main()
