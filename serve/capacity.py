"""Whether the machine carries one more room, and what to say if it does not. Pure: it is told all figures.

What a room takes is measured once it is on air; before that it is estimated from what is to be made of which picture.
The constants are nanoseconds of a processor for each pixel. They were measured on the 2-core machine of README's
figures beside other work, when a processor's second is worth about a quarter less than alone: the benchmark's clip of
720p30 to 720p and 480p took 0.58 (``fast``) and 0.87 (``balanced``) of a processor, which makes the three and two rooms
that README says keep up. ``quality`` took 2.2 times what ``balanced`` did. Other machines differ, and a hardware
encoder takes far less: the operator has the last word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from transcode.ladder import PRESETS, Encoding, parse_ladder, rungs_for
from transcode.media import SOURCE, FrameRate, Plan, Rung

SPARE = 0.9
"""So much of the processors' time may be planned for, as in the benchmark."""
LEAST_SPARED, MOST_SPARED = 0.5, 2.0
"""Processors: with less a detector is of little use, and one that takes more is to be asked for."""

_DECODE = 5.3
_SCALE = 1.05  # for each pixel of the larger picture
_ENCODE = {"fast": 9.5, "balanced": 16.5, "quality": 36.0}
_ROOM = 0.03  # of a processor, beside its pictures: sound, parts, the gate's side
_PASSED_ON = 0.01  # of a processor, for a room of which nothing is encoded
_SMALLER = ("1080p,720p,480p", "720p,480p", "720p", "480p", "360p", "240p")


@dataclass(frozen=True, slots=True)
class Picture:
    """What a host sends."""

    width: int
    height: int
    frame_rate: FrameRate


ASSUMED = Picture(1920, 1080, FrameRate(30, 1))
"""What a host is taken to send as long as nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Running:
    """A room on air: its plan, and the processors that its worker takes (CPU seconds in a second); None if unknown.

    It is not known in a worker's first seconds, and says too little while the host is away or load is shed.
    """

    plan: Plan
    measured: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a room can be carried, and the figures, as what a sentence that begins with its name goes on with."""

    carried: bool
    text: str


def estimate(encoding: Encoding, picture: Picture = ASSUMED) -> float:
    """Return the processors that a room will take for a host that sends ``picture``."""
    rungs = rungs_for(encoding.ladder, picture.width, picture.height, picture.frame_rate)
    return _work(rungs, picture, encoding.preset)


def taken(room: Running) -> float:
    """Return the processors that a room on air takes."""
    plan = room.plan
    if not plan.transcoded:
        return _PASSED_ON
    if room.measured is not None:
        return room.measured
    if not plan.encoded:
        return _ROOM
    # What the host sends is not in the plan: it is no smaller than the best rung.
    best = next((rung for rung in plan.rungs if rung.name == SOURCE), plan.encoded[0])
    return _work(plan.encoded, Picture(best.width, best.height, plan.frame_rate), plan.preset)


def judge(processors: float, running: Sequence[Running], wanted: Encoding, picture: Picture = ASSUMED) -> Verdict:
    """Tell whether a machine with so many processors, with ``running`` rooms on air, carries one as ``wanted``.

    Of a processor there may be a part, by quota. ``picture`` is what its host sent the last time. One of which nothing
    is encoded is always carried.
    """
    used = sum(map(taken, running))
    need = estimate(wanted, picture)
    free = SPARE * processors - used
    figures = f"needs about {_processors(need)}; {_count(processors, 'processor')}, {1 - SPARE:.0%} kept free, "
    figures += f"{used:.1f} in use by {_count(len(running), 'room')}" if running else "none in use"
    if need <= free or not wanted.ladder.transcodes:
        return Verdict(True, figures)
    return Verdict(False, f"{figures}: {_advice(free, bool(running), wanted, picture)}")


def spared(processors: float) -> float:
    """Return the processors that the detectors of a room may take between them on a machine with so many, unless its
    operator says otherwise: half of them, as the room has to be encoded, too."""
    return min(max(processors / 2, LEAST_SPARED), MOST_SPARED)


def _advice(free: float, others: bool, wanted: Encoding, picture: Picture) -> str:
    ways = ["stop another room"] if others else []
    fast = replace(wanted, preset=PRESETS[0])
    if estimate(fast, picture) <= free and fast != wanted:
        ways.append(f"use --preset {fast.preset}")
    need = estimate(wanted, picture)
    for words in _SMALLER:
        smaller = estimate(replace(wanted, ladder=parse_ladder(words)), picture)
        if smaller <= free and smaller < need:
            ways.append(f"use --ladder {words} (about {smaller:.1f})")
            break
    else:
        ways.append("use --ladder source")
    return f"{', '.join(ways)}, or start it anyway with --force"


def _work(rungs: Sequence[Rung], picture: Picture, preset: str) -> float:
    """Return the processors that making ``rungs`` of ``picture`` takes: decoded once, scaled from rung to rung."""
    if not rungs:
        return _PASSED_ON
    rate = float(picture.frame_rate)
    whole = picture.width * picture.height
    work = _DECODE * whole * rate
    if (rungs[0].width, rungs[0].height) != (picture.width, picture.height):
        work += _SCALE * whole * rate
    for above, below in pairwise(rungs):
        work += _SCALE * above.width * above.height * rate / below.every
    for rung in rungs:
        work += _ENCODE[preset] * rung.width * rung.height * rate / rung.every
    return work / 1e9 + _ROOM


def _processors(need: float) -> str:
    return f"{need:.1f} processors" if need >= 1.05 else f"{max(need, 0.1):.1f} of a processor"


def _count(number: float, what: str) -> str:
    return f"{number:g} {what}{'' if number == 1 else 's'}"
