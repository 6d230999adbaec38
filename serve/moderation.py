"""What moderates a broadcast, in the gate: its hold, its detectors, and what the worker is told. No sockets, no clock.

All of the host's goes in here; what comes out may be played. The record that is kept of it says nothing of its content.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from ingest.media import Kind, Track
from serve.store import DETECTOR, FilterRow
from transcode.detection import Detection
from transcode.hold import Held, Hold, Interrupt, rounded
from transcode.media import TIMELINE, Delay, Plan
from transcode.process import Stats
from transcode.verdicts import Cause, Cover, Hole, LedgerEntry, ModerationStats, Note, Require
from transcode.wire import Covering, Fault

Detections = Callable[
    [
        Plan, Sequence[str], int, Callable[[LedgerEntry], None], Callable[[str], None], Callable[[Note], None], bool,
        float,
    ],
    Detection,
]  # fmt: skip
"""Starts the detectors of a broadcast: see ``Detection``, whose arguments these are."""

_SETTLED = 2 * TIMELINE
"""Detectors that have been at work for so long beyond the delay have no excuse for a clearance that is late."""


class Ruled(Protocol):
    """What obeys: a broadcast's worker."""

    @property
    def stats(self) -> Stats:
        """How it does."""
        ...

    def rule(self, entry: LedgerEntry) -> None:
        """Take what is said of the media."""
        ...

    def use(self, specs: Sequence[str]) -> None:
        """Let these plain filters act from now on, loaded anew."""
        ...


def start_detection(
    plan: Plan,
    specs: Sequence[str],
    delay: int,
    said: Callable[[LedgerEntry], None],
    noted: Callable[[str], None],
    recorded: Callable[[Note], None],
    midway: bool,
    cores: float,
) -> Detection:
    """Start the detectors of a broadcast in a process of their own."""
    detection = Detection(plan, specs, delay, said, noted, recorded, midway, cores)
    detection.start()
    return detection


class Moderation:
    """Moderates a broadcast of ``plan``; ``worker`` makes its media, None where all of the host's is passed on.

    ``changed`` is called when what viewers get becomes covered, or is so no longer, and when a filter's fault changes;
    ``overran`` when a detector that was at work has been too late.
    """

    def __init__(
        self,
        plan: Plan,
        delay: int,
        worker: Ruled | None,
        detections: Detections,
        noted: Callable[[str], None],
        recorded: Callable[[Note], None],
        changed: Callable[[], None],
        overran: Callable[[], None],
    ) -> None:
        self.hold = Hold(delay, bool(plan.rungs))
        self.ordered = False
        """Whether somebody has covered the room."""
        self._plan = plan
        self._worker = worker
        self._detections = detections
        self._noted = noted
        self._recorded = recorded
        self._changed = changed
        self._overran = overran
        self._filters: tuple[FilterRow, ...] = ()
        self._cores = 0.0
        self._took: float | None = None  # processors, before the detectors fell asleep
        self._detection: Detection | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.tracks: dict[Kind, Track] = {}
        """The tracks that the host has announced last."""
        self._begun = False
        self._settled_at: int | None = None  # when the detectors have no excuse any more (ticks)
        self._covering = ""  # what the worker said last
        self._shown: tuple[str, tuple[str, ...]] = ("", ())
        self._dumped = False
        self._thrown_away: Counter[str] = Counter()  # ticks
        self._fault = ""  # of the plain filters
        self._overflows = 0

    @property
    def covered(self) -> str:
        """Why viewers get slate and silence though there is a host (``Cause``); empty if they get the host."""
        if self.ordered:
            return Cause.OPERATOR
        if self._dumped:
            return Cause.DUMP
        return Cause.FILLING if self.hold.silent else self._covering

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with filters, for operator and host."""
        found = (self._fault, self._detection.fault if self._detection is not None else "")
        return tuple(fault for fault in found if fault)

    @property
    def asleep(self) -> bool:
        """Whether there are detectors, and they sleep."""
        return self._detection is not None and self._detection.asleep

    @property
    def processors(self) -> float | None:
        """CPU seconds that the detectors take in a second, or will when they are awake; None in their first ones."""
        if self._detection is None:
            return 0.0
        return self._took if self._detection.asleep else self._detection.child.processors

    @property
    def stats(self) -> ModerationStats:
        """How it does."""
        seconds = Counter(self._worker.stats.covered if self._worker is not None else {}) + self._thrown_away
        detection = self._detection
        stats = ModerationStats(
            held_seconds=self.hold.depth / TIMELINE,
            held_bytes=self.hold.bytes,
            covered=self.covered,
            covered_seconds={cause: ticks / TIMELINE for cause, ticks in seconds.items()},
            faults=self.faults,
        )
        if detection is None:
            return stats
        return replace(
            stats,
            findings=dict(detection.findings),
            broken_promises=detection.broken_promises,
            detectors=detection.detectors,
            pid=detection.child.pid,
            rss=detection.child.rss,
            restarts=detection.child.restarts,
            processors=detection.child.processors,
            budget=self._cores,
            asleep=detection.asleep,
        )

    @property
    def needed(self) -> bool:
        """Whether there is anything to tell of it."""
        return bool(self._filters or self.hold.delay or self.ordered)

    # What comes from the host.

    def know(self, track: Track) -> None:
        """A track that the broadcast has begun with."""
        self.tracks[track.kind] = track
        if self._detection is not None:
            self._detection.feed(track)

    def take(self, item: Held) -> Iterator[Held | Delay]:
        """Take what comes; yield what may be played now."""
        if isinstance(item, Track):
            self.tracks[item.kind] = item
        if self._detection is not None and not isinstance(item, Interrupt):
            self._detection.feed(item)
            self._settle(self._detection)
        yield from self.hold.push(item)
        self._begun = True
        self._look_at_hold()

    def _settle(self, detection: Detection) -> None:
        if self._settled_at is None and detection.warm:
            self._settled_at = self.hold.now + self.hold.delay + _SETTLED

    def _look_at_hold(self) -> None:
        if self.hold.overflows > self._overflows:
            self._overflows = self.hold.overflows
            self._noted("More is held than there is room for: it was thrown away. Use a shorter delay.")
            self._begin_dump(self.hold.delay)
        self._dumped = self._dumped and self.hold.silent
        if self.hold.delay:
            self._show()

    # What is done about it.

    def change(
        self, filters: Sequence[FilterRow], delay: int, cores: float, anew: bool = False
    ) -> Iterator[Held | Delay]:
        """These filters act, and media is held for ``delay`` ticks, from here on; detectors may take ``cores``
        processors between them. ``anew``: filters are loaded anew."""
        renewed, self._cores = anew or cores != self._cores, cores
        before, self._filters = self._filters, tuple(filters)
        plain, detectors = _specs(filters)
        if self._worker is not None and (anew or plain != _specs(before)[0]):
            self._worker.use(plain)
        # Before a shorter delay lets media go: what is needed for that has to be known.
        if detectors and self._detection is None:
            self._settled_at = None
            self._detection = self._detections(
                self._plan, detectors, rounded(delay), self._say, self._noted, self._recorded, self._begun, cores
            )
            for track in self.tracks.values():
                self._detection.feed(track)
        elif detectors and self._detection is not None:
            if renewed or detectors != _specs(before)[1]:
                self._settled_at = None
            self._detection.change(detectors, rounded(delay), cores, anew)
        elif self._detection is not None:
            self.retire()
            self._say(Require(()))
        yield from self.hold.change(delay)
        if before or filters:
            self._recorded(Note("filters", self.hold.now))

    def sleep(self) -> None:
        """Nobody watches: let the detectors, if there are any, rest. What they do not look at does not go out."""
        detection = self._detection
        if detection is None or detection.asleep:
            return
        self._took = detection.child.processors
        self._settled_at = None
        detection.sleep()
        self._recorded(Note("asleep", self.hold.now))
        self._changed()

    def wake(self) -> None:
        """Somebody watches: have the detectors look again."""
        detection = self._detection
        if detection is None or not detection.asleep:
            return
        detection.wake()
        self._recorded(Note("awake", self.hold.now))
        self._changed()

    def cover(self, on: bool) -> None:
        """Let slate and silence go out until it is lifted."""
        if on == self.ordered:
            return
        self.ordered = on
        self._say(Cover(on))
        self._show()

    def dump(self) -> Iterator[Held | Delay]:
        """Throw away what is held: it never airs. Slate and silence go out for as long."""
        now, held = self.hold.now, self.hold.delay
        self._say(Hole(max(0, now - held), now + 1, Cause.DUMP))
        yield from self.hold.dump()
        self._begin_dump(held)

    def _begin_dump(self, held: int) -> None:
        self._dumped = True
        self._thrown_away[Cause.DUMP] += held
        self._recorded(Note("dump", max(0, self.hold.now - held), self.hold.now))
        self._show()

    def told(self, message: Covering | Fault) -> None:
        """The worker tells what it does."""
        match message:
            case Covering(cause=cause):
                self._covering = cause
                late = cause in (Cause.LATE, Cause.UNSEEN)
                if late and self._settled_at is not None and self.hold.now >= self._settled_at:
                    self._overran()
            case Fault(text=text):
                self._fault = text
                if text:
                    self._noted(f"{text[:1].upper()}{text[1:]}; the room is covered until it works.")
                    self._recorded(Note("fault", self.hold.now))
        self._show()

    def _show(self) -> None:
        """Tell what has changed of what viewers get, and of what is wrong."""
        before, self._shown = self._shown, (self.covered, self.faults)
        if self.covered != before[0]:
            what = "covered" if self.covered else "uncovered"
            self._recorded(Note(what, self.hold.now, cause=self.covered or before[0]))
        if self._shown != before:
            self._changed()

    async def close(self) -> None:
        """End the detectors at once."""
        self.retire()
        if self._closing:
            await asyncio.wait(self._closing)

    def retire(self) -> None:
        """End the detectors: they say nothing any more. What they have not cleared does not go out for that."""
        detection, self._detection = self._detection, None
        if detection is None:
            return
        detection.retire()
        task = asyncio.get_running_loop().create_task(detection.close(), name="end of detectors")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _say(self, entry: LedgerEntry) -> None:
        if self._worker is not None:
            self._worker.rule(entry)


def _specs(filters: Sequence[FilterRow]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the specs of plain filters, and of detectors."""
    plain = tuple(row.spec for row in filters if row.role != DETECTOR)
    return plain, tuple(row.spec for row in filters if row.role == DETECTOR)
