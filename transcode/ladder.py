"""The ladder: from what an operator asks for and what a host sends to the rungs of a broadcast. Pure, no I/O.

A ladder is ``auto``, ``source``, or a list such as ``1080p60,720p,480p`` or ``source,720p``. ``720p`` is a picture
whose shorter side has 720 pixels (so an upright phone gets an upright 720p), at up to 30 frames a second; ``720p60`` at
up to 60. Nothing is ever scaled up: a rung above the host's picture becomes the picture's own size.
"""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from transcode.media import AUDIO, SOURCE, FrameRate, Rung, Sound

AUTO = "auto"
PRESETS = ("fast", "balanced", "quality")
SOUND_RATE = 48_000
MOST_RUNGS = 6
_LOWEST, _HIGHEST = 120, 2160
_FRAME_RATES = (24, 25, 30, 48, 50, 60)  # that a rung may ask for
_WORD = re.compile(r"([1-9][0-9]{1,4})p([1-9][0-9]{0,2})?")

_AUTO_HIGHEST = 1080
_AUTO_LOWER = (720, 480)
_AUTO_STEP = Fraction(4, 5)  # a lower rung is at most so much of the one above, or it saves its viewers too little
_REDUCED = 30
_AUTO_LIVELY = 720  # from here on the automatic ladder keeps up to 60 frames a second

# Peak bit rates in bit/s by pixels, at up to 30 frames a second; sizes between lie between (see README).
_BIT_RATES = (
    (426 * 240, 400_000),
    (640 * 360, 800_000),
    (854 * 480, 1_300_000),
    (1280 * 720, 2_800_000),
    (1920 * 1080, 5_000_000),
    (2560 * 1440, 9_000_000),
    (3840 * 2160, 16_000_000),
)
_LIVELY = Fraction(3, 2)  # above 30 frames a second
_STILL = Fraction(3, 5)  # below 16
_SOUND_BIT_RATES = {1: 80_000, 2: 128_000}

# Constant rates that fill PART-TARGET with whole frames (6 at 30 and 29.97, 5 at 24 and 25, 12 at 60).
CONSTANT_RATES = (
    FrameRate(10, 1),
    FrameRate(15, 1),
    FrameRate(20, 1),
    FrameRate(24_000, 1001),
    FrameRate(24, 1),
    FrameRate(25, 1),
    FrameRate(30_000, 1001),
    FrameRate(30, 1),
    FrameRate(48, 1),
    FrameRate(50, 1),
    FrameRate(60_000, 1001),
    FrameRate(60, 1),
)
_SAME = 0.0004  # 30 and 29.97 differ by 0.001 of themselves
_ROUGHLY = 0.02  # stamps in whole milliseconds, over half a second


class LadderError(ValueError):
    """This is not a ladder; the text says what is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rung that is asked for: the picture's shorter side in pixels, and the most frames a second."""

    size: int
    frame_rate: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """What an operator asks for. ``rungs`` is None where the ladder is to fit the host's picture."""

    source: bool
    rungs: tuple[Wanted, ...] | None

    @property
    def transcodes(self) -> bool:
        """Whether anything is to be encoded."""
        return self.rungs != ()


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a room is to be transcoded: its ladder, one of ``PRESETS``, and the loudness of its sound (LUFS)."""

    ladder: Ladder
    preset: str = PRESETS[0]
    loudness: float | None = None


def parse_ladder(text: str) -> Ladder:
    """Read a ladder as the command line and the API give it. Raises LadderError."""
    if text == AUTO:
        return Ladder(False, None)
    source, wanted = False, list[Wanted]()
    for word in text.split(","):
        word = word.strip().lower()
        if word == SOURCE and not source:
            source = True
            continue
        match = _WORD.fullmatch(word)
        if match is None:
            raise LadderError(
                f"the ladder {text!r} has the part {word!r}:"
                " use auto, source, or a list such as 720p,480p or source,720p"
            )
        size, frame_rate = int(match[1]), int(match[2] or _REDUCED)
        if not _LOWEST <= size <= _HIGHEST:
            raise LadderError(f"the ladder {text!r} asks for {word}: sizes go from {_LOWEST}p to {_HIGHEST}p")
        if frame_rate not in _FRAME_RATES:
            rates = ", ".join(map(str, _FRAME_RATES))
            raise LadderError(f"the ladder {text!r} asks for {word}: frame rates are {rates}, or none for up to 30")
        if Wanted(size, frame_rate) in wanted:
            raise LadderError(f"the ladder {text!r} asks for {word} twice")
        wanted.append(Wanted(size, frame_rate))
    if len(wanted) > MOST_RUNGS:
        raise LadderError(f"the ladder {text!r} has {len(wanted)} rungs to encode: use at most {MOST_RUNGS}")
    return Ladder(source, tuple(sorted(wanted, key=lambda rung: (-rung.size, -rung.frame_rate))))


def rungs_for(ladder: Ladder, width: int, height: int, frame_rate: FrameRate) -> tuple[Rung, ...]:
    """Return the rungs to encode for a picture of ``width`` x ``height`` (as shown) at ``frame_rate``, best first."""
    shorter = min(width, height)
    wanted = _fitting(shorter) if ladder.rungs is None else ladder.rungs
    made = dict[str, Rung]()
    for rung in wanted:
        size = min(rung.size, shorter)
        every = math.ceil(Fraction(frame_rate.numerator, frame_rate.denominator) / rung.frame_rate)
        w, h = _scaled(width, height, size)
        rate = float(frame_rate) / every
        name = f"{min(w, h)}p{round(rate) if rate > _REDUCED else ''}"
        made.setdefault(name, Rung(name, w, h, every, bit_rate(w, h, rate)))
    return tuple(made.values())


def _fitting(shorter: int) -> tuple[Wanted, ...]:
    """The automatic ladder: the picture's own size up to 1080p, and what is well below that."""
    sizes = [min(shorter, _AUTO_HIGHEST)]
    sizes += [size for size in _AUTO_LOWER if size <= sizes[0] * _AUTO_STEP]
    top_rate = 60 if sizes[0] >= _AUTO_LIVELY else _REDUCED
    return tuple(Wanted(size, top_rate if place == 0 else _REDUCED) for place, size in enumerate(sizes))


def _scaled(width: int, height: int, size: int) -> tuple[int, int]:
    """Scale so that the shorter side is ``size``; both sides even, as 4:2:0 pictures need."""

    def even(side: int) -> int:
        return max(2, min(2 * round(Fraction(side * size, 2 * min(width, height))), side - side % 2))

    return even(width), even(height)


def bit_rate(width: int, height: int, frame_rate: float) -> int:
    """Return the peak bit rate (bit/s) of a picture; between the rows of the table along their line."""
    pixels = width * height
    for (few, low), (many, high) in pairwise([(0, 0), *_BIT_RATES]):
        if pixels <= many:
            rate = low + (high - low) * Fraction(pixels - few, many - few)
            break
    else:
        rate = Fraction(_BIT_RATES[-1][1])
    if frame_rate > _REDUCED + 1:
        rate *= _LIVELY
    elif frame_rate < 16:
        rate *= _STILL
    return max(round(rate / 10_000), 10) * 10_000


def sound_for(channels: int, loudness: float | None) -> Sound:
    """Return the sound of a transcoded broadcast: AAC-LC, 48 kHz, mono where the host's is, else stereo."""
    channels = min(max(channels, 1), 2)
    return Sound(SOUND_RATE, channels, _SOUND_BIT_RATES[channels], True, loudness)


def constant_rate(measured: float, claims: tuple[float, ...] = ()) -> FrameRate:
    """Return the constant rate for a picture that was seen to come ``measured`` frames a second (0: not known).

    ``claims`` (Hz) are what the stream says of itself: the first that the measure bears out is taken exactly. A screen
    share comes slower than it claims now and will come faster: a claim of up to 60 is believed then. Beyond 60 frames
    are left out.
    """
    credible = [claim for claim in claims if CONSTANT_RATES[0].numerator / 2 <= claim]
    for claim in credible:
        if measured == 0 or abs(claim - measured) <= _ROUGHLY * claim:
            return _nearest(claim)
    fastest = float(CONSTANT_RATES[-1])
    for claim in credible:
        if measured < claim <= fastest * (1 + _SAME) and 2 * measured <= claim:
            return _nearest(claim)
    return _nearest(measured or 30.0, _ROUGHLY)


def _nearest(rate: float, tolerance: float = _SAME) -> FrameRate:
    """The constant rate that ``rate`` is, within ``tolerance``; else the next one above it."""
    while rate > float(CONSTANT_RATES[-1]) * (1 + tolerance):
        rate /= 2
    close = [known for known in CONSTANT_RATES if abs(float(known) - rate) <= tolerance * rate]
    if close:
        # Of 29.97 and 30, when the measure can't tell them apart: whole rates are the more usual in live hosts.
        return min(close, key=lambda known: (known.denominator != 1, abs(float(known) - rate)))
    return next(known for known in CONSTANT_RATES if float(known) >= rate)


RENDITION = rf"(?:{SOURCE}|{AUDIO}|[0-9]+p[0-9]*)"
"""What names a rendition can have, as a regular expression."""
