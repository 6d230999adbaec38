"""Has a detector process look at a broadcast: feeds it at once what viewers get later, and hands on what it says.

The gate's side, in its event loop. Whatever happens to the process, what it has not seen is never taken for cleared: a
stretch that is left out, or was given to one that died, becomes a hole, and so does what comes after they have cleared
its time.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from filters import Box, Kind, Unverified, Upto
from filters.spec import parse
from ingest.media import Kind as TrackKind
from transcode.log import PacketLog
from transcode.media import LATE_TRACK, TIMELINE, Plan, RoomItem, Tick, TimedPacket
from transcode.supervisor import Limits, Supervisor, Unfit, python
from transcode.verdicts import (
    Cause,
    Cleared,
    DetectorStats,
    Found,
    Hole,
    LedgerEntry,
    Note,
    Orphan,
    Require,
    Unveil,
    Veil,
)
from transcode.wire import VERSION, Ack, Entry, Fault, Look, Message, Pong, Takes

LIMITS = Limits(start=20.0, memory=3 << 29)
COMMAND = python("transcode.detector")
_CREDIT = 8 << 20
_AHEAD = TIMELINE // 2
"""Of what the detectors are busy with: beyond that, media stays here, where it can be left out."""
_LEAST_LAG = TIMELINE
_TIDY = TIMELINE
_SOUND = TIMELINE // 5  # no packet of sound lasts longer
_EVERYTHING = (Kind.PICTURE, Kind.SOUND)
MOST = 2000
"""Findings in force, or regions unverified, that a room's detectors may have: each costs time for each picture."""
_FRUITLESS = 2  # processes in a row that got nowhere: it is what they are given


class Detection:
    """Keeps the detectors of ``specs`` (texts) at work on a broadcast of ``plan`` whose media is held for ``delay``.

    ``midway``: the broadcast has begun without it, and some of that may not be out yet. ``cores``: processors that the
    detectors are told to get by with.
    ``said`` takes what goes to the worker's ledger, from the first moment on; ``noted`` a line for the operator;
    ``recorded`` what goes into the moderation log.
    """

    def __init__(
        self,
        plan: Plan,
        specs: Sequence[str],
        delay: int,
        said: Callable[[LedgerEntry], None],
        noted: Callable[[str], None],
        recorded: Callable[[Note], None],
        midway: bool = False,
        cores: float = 1.0,
        limits: Limits = LIMITS,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.fault = ""
        """What is wrong with the filters, for operator and host."""
        self.broken_promises = 0
        self.findings: Counter[str] = Counter()
        """By category."""
        self._plan = plan
        self._said = said
        self._recorded = recorded
        self._noted = noted
        self._delay = delay
        self._cores = cores
        self._child = Supervisor("detector", command, self, noted, limits)
        self._packets = PacketLog(64 << 20, _CREDIT, self._lag, _AHEAD, False, self._lost)
        self._now = 0
        self._tidied = 0
        self._pictures_at = 0  # decode time of the newest picture
        self._heard = 0  # how far the detectors have got sound, or take it for silence
        self._shown: int | None = None  # the last picture that the process was given (ticks)
        self._before = set(TrackKind) if midway else set[TrackKind]()  # of what something came before a process begins
        self._unverified: dict[tuple[int, int], Unverified] = {}
        self._ends: list[int] = []  # of findings, a heap
        self._blind: set[TrackKind] = set()  # of what the process has not been given a packet to begin with
        self._began_at = -1  # how far all was cleared when the process began
        self._given = False  # whether it has been sent a packet
        self._fruitless = 0  # how many before it got nowhere
        self._retired = False
        self._require(specs)

    def _require(self, specs: Sequence[str]) -> None:
        """The clearance of these is needed from here on; none has been given."""
        self._specs = tuple(specs)
        self._titles = [parse(spec).title for spec in specs]
        self._takes: tuple[tuple[Kind, ...], ...] | None = None  # until a process has told
        self._ready = False  # whether this one has
        self._context = 0
        self._cleared = [Upto(-1, -1)] * len(self._specs)
        self._promised = list(self._cleared)  # by the process that lives
        self._said(Require((_EVERYTHING,) * len(self._specs)))

    @property
    def detectors(self) -> tuple[DetectorStats, ...]:
        """How far behind each is."""
        takes = self._takes or ((),) * len(self._titles)
        newest = Upto(self._pictures_at, self._now)
        return tuple(
            DetectorStats(title, _longest(_lag(cleared, newest, kind) for kind in kinds))
            for title, cleared, kinds in zip(self._titles, self._cleared, takes, strict=True)
        )

    @property
    def warm(self) -> bool:
        """Whether each of the detectors has cleared something."""
        return self._reached >= 0

    @property
    def child(self) -> Supervisor:
        """The process."""
        return self._child

    @property
    def _lag(self) -> int:
        return max(self._delay, _LEAST_LAG)

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._child.start()

    def feed(self, item: RoomItem) -> None:
        """Take the next item as it comes from the host."""
        match item:
            case TimedPacket(kind=TrackKind.VIDEO, pts=pts, dts=dts):
                self._pictures_at = max(self._pictures_at, dts)
                self._heard = max(self._heard, dts - LATE_TRACK)
                self._now = max(self._now, dts)
                if any(pts < cleared.picture for cleared in self._cleared):
                    self._said(Hole(pts, pts + 1, Cause.UNSEEN))
            case TimedPacket(pts=pts, dts=dts):
                if pts < self._heard:
                    self._said(Hole(pts, min(pts + _SOUND, self._heard), Cause.UNSEEN, Kind.SOUND))
                self._heard = max(self._heard, pts)
                self._now = max(self._now, dts)
            case Tick(pts=pts):
                self._heard = max(self._heard, pts)
                self._now = max(self._now, pts)
        self._packets.settled = self._reached
        self._packets.append(item)
        if self._now - self._tidied >= _TIDY:
            self._tidied = self._now
            if self._reached >= 0:
                self._packets.aired(max(0, min(self._reached, self._now - self._delay) - self._context))
            self._packets.tidy()
        self._pump()

    def change(self, specs: Sequence[str], delay: int, cores: float, anew: bool = False) -> None:
        """These detectors look from here on, also at what is held now. ``anew``: even if they are the same ones."""
        self._delay = delay
        self._packets.lag = self._lag
        anew, self._cores = anew or cores != self._cores, cores
        if tuple(specs) != self._specs or anew:
            self._require(specs)
            self._child.renew()

    def retire(self) -> None:
        """Nobody hears any more what it says."""
        self._retired = True

    async def close(self) -> None:
        """End the process at once."""
        await self._child.close()

    # The process's role.

    def greeted(self) -> None:
        """Tell the process which detectors it is to have: it answers what they need."""
        self._child.say(Look(VERSION, self._plan, self._specs, self._cores))

    def took(self, message: Message) -> bool:
        """Take what the process says."""
        if self._retired:
            return False
        match message:
            case Ack(offset=offset):
                self._packets.acknowledge(offset)
                self._pump()
            case Pong():
                pass
            case Takes(takes=takes, context=context):
                self._learn(takes, context)
                self._begin()
            case Hole(start=start, end=end):  # it could not decode that, and another process may
                self._said(Hole(start, end, Cause.UNSEEN))
            case Found(detector=detector) | Veil(detector=detector) | Unveil(detector=detector):
                self._check(detector)
                self._hear(message)
            case Cleared(detector=detector, picture=picture, sound=sound):
                self._check(detector)
                before = self._cleared[detector]
                self._cleared[detector] = Upto(max(picture, before.picture), max(sound, before.sound))
                self._promised[detector] = Upto(picture, sound)
                self.fault = ""
                self._said(message)
            case Fault(text=text):
                if text != self.fault:
                    self._recorded(Note("fault", self._now))
                self.fault = text
                raise Unfit(f"has given up: {text}")
            case _:
                raise Unfit(f"sends {type(message).__name__}, which is not a detector's to send")
        return False

    def gone(self) -> None:
        """Be ready for another process."""
        self._ready = False
        self._packets.rewind()

    def remark(self) -> str:
        """Give up what no process lives through: it does not go out, and others look at what comes after it."""
        fruitless = self._given and self._reached <= self._began_at
        self._fruitless = self._fruitless + 1 if fruitless else 0
        self._given = False
        if self._fruitless < _FRUITLESS:
            return ""
        self._packets.forget_packets()
        self._fruitless = 0
        return ", without what this one was given"

    def _learn(self, takes: tuple[tuple[Kind, ...], ...], context: int) -> None:
        if self._ready or len(takes) != len(self._specs):
            raise Unfit(f"has {len(takes)} detectors instead of {len(self._specs)}")
        self._context = max(0, context)
        if takes != self._takes:
            self._takes = takes
            self._cleared = [Upto(-1, -1)] * len(takes)
            self._promised = list(self._cleared)
            self._said(Require(takes))

    def _begin(self) -> None:
        """Have the process begin where the one before has stopped, or with the oldest that there is."""
        self._ready = True
        self._began_at = self._reached
        if self._reached >= 0:
            self._packets.aired(max(0, self._reached - self._context))
        self._packets.rewind()
        self._promised = [Upto(-1, -1)] * len(self._specs)
        self._unverified.clear()
        self._blind = {TrackKind.VIDEO, TrackKind.AUDIO}
        self._shown = None
        self._pump()

    def _hear(self, said: Found | Veil | Unveil) -> None:
        match said:
            case Unveil(detector=detector, id=number):
                self._unverified.pop((detector, number), None)
            case _:
                self._judge(said)
        if isinstance(said, Found):
            finding = said.finding
            self._bound(finding.end)
            self.findings[finding.category] += 1
            self._recorded(
                Note(
                    "finding",
                    finding.start,
                    finding.end,
                    self._titles[said.detector],
                    finding.kind,
                    finding.category,
                    finding.covering,
                )
            )
        self._said(said)

    def _bound(self, end: int) -> None:
        """Count findings that are in force or will be. Raises Unfit if these, or what is unverified, are too many."""
        heapq.heappush(self._ends, end)
        while self._ends and self._ends[0] < self._now - self._delay:
            heapq.heappop(self._ends)
        if max(len(self._ends), len(self._unverified)) > MOST:
            self._ends.clear()
            raise Unfit(f"has found more than {MOST} things at once, or has as many unverified")

    def _judge(self, said: Found | Veil) -> None:
        """Count what a detector had promised not to say any more."""
        cleared = self._promised[said.detector]
        if isinstance(said, Veil):
            broken = said.region.start < cleared.picture
            self._unverified[said.detector, said.region.id] = said.region
            self._bound(said.region.start)
        else:
            broken = said.finding.start < _upto(cleared, said.finding.kind) and not self._still_veiled(said)
        if broken:
            title = self._titles[said.detector]
            if not self.broken_promises:
                self._noted(f"Filter {title} finds things before what it has cleared: it should clear less.")
            self.broken_promises += 1
            self._recorded(Note("broken promise", self._now, filter=title))

    def _still_veiled(self, found: Found) -> bool:
        """Whether a finding is of what its detector has said not to be sure of."""
        box, start = found.finding.box, found.finding.start
        return box is not None and any(
            number == found.detector and region.start <= start and _holds(region.box, box)
            for (number, _), region in self._unverified.items()
        )

    def _check(self, detector: int) -> None:
        if not 0 <= detector < len(self._specs):
            raise Unfit(f"speaks of a detector {detector}, which there is not")
        if not self._ready:
            raise Unfit("has not said what its detectors take")

    # What it is given.

    @property
    def _reached(self) -> int:
        """How far the last of the detectors has come (ticks); -1 if one has not begun."""
        there = {Kind.PICTURE} if self._plan.encoded else set()
        there |= {Kind.SOUND} if self._plan.sound is not None else set()
        known = [
            _upto(cleared, kind)
            for cleared, kinds in zip(self._cleared, self._takes or (), strict=False)
            for kind in there.intersection(kinds)
        ]
        return min(known, default=-1)

    def _pump(self) -> None:
        while self._ready and self._child.listening and (logged := self._packets.take()) is not None:
            item = logged.item
            if isinstance(item, TimedPacket):
                if item.kind in self._blind and not self._begins(item):
                    self._packets.withdraw()
                    self._lost(item)
                    continue
                self._given = True
                if item.kind is TrackKind.VIDEO:
                    if logged.gap and self._shown is not None:
                        # After a gap they have to see as much as at the beginning before they can judge.
                        self._said(Hole(min(self._shown + 1, item.pts), item.pts + self._context, Cause.UNSEEN))
                    self._shown = item.pts
            self._child.say(Entry(logged.offset, item))

    def _begins(self, packet: TimedPacket) -> bool:
        """Whether a process can begin with ``packet``. What came before, and was not cleared, nobody has seen."""
        is_picture = packet.kind is TrackKind.VIDEO
        if is_picture and not packet.keyframe:
            return False
        self._blind.discard(packet.kind)
        reached = max(self._reached, 0)
        judges = packet.pts + self._context
        if judges > reached and packet.kind in self._before:  # else there is nothing before it
            self._said(Hole(reached, judges, Cause.UNSEEN))
        self._before.add(packet.kind)
        if is_picture:
            # What the process before was not sure of stays covered as far as it had cleared the rest.
            self._said(Orphan(max(packet.pts, 1, *(cleared.picture for cleared in self._cleared))))
        return True

    def _lost(self, packet: TimedPacket) -> None:
        """The detectors are not shown this: it waited for too long, or cannot be decoded."""
        if packet.pts < self._reached:
            return  # those before were
        if packet.kind is TrackKind.VIDEO:
            self._said(Hole(packet.pts, packet.pts + 1, Cause.UNSEEN))
        else:
            self._said(Hole(packet.pts, packet.pts + _SOUND + self._context, Cause.UNSEEN))


def _holds(outer: Box, inner: Box) -> bool:
    return (
        outer.left <= inner.left
        and outer.top <= inner.top
        and inner.left + inner.width <= outer.left + outer.width
        and inner.top + inner.height <= outer.top + outer.height
    )


def _upto(cleared: Upto, kind: Kind) -> int:
    return cleared.picture if kind is Kind.PICTURE else cleared.sound


def _longest(lags: Iterable[float | None]) -> float | None:
    known = list(lags)
    return None if not known or None in known else max(lag for lag in known if lag is not None)


def _lag(cleared: Upto, newest: Upto, kind: Kind) -> float | None:
    """Return how far (seconds) a clearance is behind."""
    upto = _upto(cleared, kind)
    return None if upto < 0 else max(0, _upto(newest, kind) - upto) / TIMELINE
