"""What is said about a filtered room's media on its way from the detectors to the worker, and what is counted of it.

Values only, no I/O. Times are ticks of the room's timeline as its host's media came in: viewers get each a delay later.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from filters import Finding, Kind, Unverified


class Cause(StrEnum):
    """Why viewers get slate and silence in place of the host's picture and sound."""

    OPERATOR = "operator"
    """Somebody has covered the room."""
    DUMP = "dump"
    """What was held has been thrown away."""
    FILLING = "filling"
    """The delay has begun or grown: nothing has been held for so long yet."""
    FILTER = "filter"
    """A plain filter fails."""
    WARMING = "warming"
    """A detector that has begun has not cleared anything yet."""
    LATE = "late"
    """A clearance was missing when the time had come."""
    UNSEEN = "unseen"
    """It was not shown to the detectors: they were too far behind, or another had to begin anew."""
    ASLEEP = "asleep"
    """Nobody watched, and the detectors slept: it was not shown to them."""


OVERRUNS = (Cause.WARMING, Cause.LATE, Cause.UNSEEN, Cause.ASLEEP)
"""Those that come of detectors: picture and sound are covered together."""


@dataclass(frozen=True, slots=True)
class Require:
    """From here on the clearance of these detectors is needed, and none of them has given any.

    ``takes``: for each of them what it has a say in.
    """

    takes: tuple[tuple[Kind, ...], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Detector number ``detector`` has found something."""

    detector: int
    finding: Finding


@dataclass(frozen=True, slots=True)
class Veil:
    """Detector number ``detector`` has not made up its mind about a part of the picture."""

    detector: int
    region: Unverified


@dataclass(frozen=True, slots=True)
class Unveil:
    """Now it has."""

    detector: int
    id: int


@dataclass(frozen=True, slots=True)
class Orphan:
    """Nobody will say any more about the regions that are unverified: they are covered up to ``end``, and after that
    other detectors have looked anew."""

    end: int


@dataclass(frozen=True, slots=True)
class Cleared:
    """Detector number ``detector`` has said all about pictures before ``picture`` and sound before ``sound``."""

    detector: int
    picture: int
    sound: int


@dataclass(frozen=True, slots=True)
class Hole:
    """Nothing from ``start`` to before ``end`` goes out; if it is a hole ``of`` one medium, nothing of that one."""

    start: int
    end: int
    cause: Cause
    of: Kind | None = None


@dataclass(frozen=True, slots=True)
class Cover:
    """Nothing at all goes out while it is ``on``."""

    on: bool


LedgerEntry = Require | Found | Veil | Unveil | Orphan | Cleared | Hole | Cover


# --- what is told of it ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the moderation log. Nothing in it is of the stream's content.

    ``what``: "finding", "covered", "uncovered", "dump", "fault", "broken promise", "filters", "asleep", "awake".
    ``start`` and ``end`` in
    ticks of the room's timeline, where they mean something; ``filter`` is the filter's title.
    """

    what: str
    start: int | None = None
    end: int | None = None
    filter: str = ""
    kind: str = ""
    category: str = ""
    effect: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class DetectorStats:
    """A detector now: how far (seconds) its clearance is behind the newest media; None before the first one."""

    filter: str
    lag: float | None


@dataclass(frozen=True, slots=True)
class ModerationStats:
    """How a broadcast's hold and filters do, and sums over its life.

    ``held_seconds`` and ``held_bytes``: what is held now. ``covered``: why viewers get slate and silence, empty if they
    get the host. ``covered_seconds`` by cause, ``findings`` by category. ``pid``, ``rss`` (bytes), ``restarts`` and
    ``processors`` (CPU seconds in a second) are the detector process's, and ``budget`` is what it was told to get by
    with (None without one). ``asleep``: nobody watches, so that detectors are given nothing. ``faults``: what is wrong
    with filters, for the operator and the host.
    """

    held_seconds: float = 0.0
    held_bytes: int = 0
    covered: str = ""
    covered_seconds: Mapping[str, float] = field(default_factory=dict)
    findings: Mapping[str, int] = field(default_factory=dict)
    broken_promises: int = 0
    detectors: tuple[DetectorStats, ...] = ()
    pid: int | None = None
    rss: int = 0
    restarts: int = 0
    processors: float | None = None
    budget: float | None = None
    asleep: bool = False
    faults: tuple[str, ...] = ()
