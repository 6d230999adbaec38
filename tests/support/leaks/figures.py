"""What a run of the benchmark took and how late it was, by kind of scene: values, kept as JSON. No other I/O."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one kind: processors that detectors and worker took (CPU seconds in a second; None: not measured), and how far
    (seconds) the clearance was behind the newest media, in 95 of 100 looks at it at most."""

    detector: float | None
    worker: float | None
    lag: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a run: the room's ``delay`` and, after the leader, seconds of slate by cause; ``shed``: what the room went
    without; ``restarts`` of worker and detectors together."""

    spec: str
    live: bool
    delay: float
    costs: Mapping[str, Cost]
    covered: Mapping[str, float] = field(default_factory=dict)
    restarts: int = 0
    broken_promises: int = 0
    dropped: int = 0
    repeated: int = 0
    shed: str = ""

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))


def load(path: Path) -> Figures:
    """Return figures as ``save`` has written them."""
    found = json.loads(path.read_text())
    found["costs"] = {kind: Cost(**cost) for kind, cost in found["costs"].items()}
    return Figures(**found)


def percentile(values: Iterable[float], rank: float) -> float | None:
    """Return the value below which the share ``rank`` of ``values`` lies; None of nothing."""
    ordered: Sequence[float] = sorted(values)
    return ordered[round(rank * (len(ordered) - 1))] if ordered else None
