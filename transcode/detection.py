"""Has a detector process look at a broadcast: feeds it at once what viewers get later, and hands on what it says.

The gate's side, in its event loop. Whatever happens to the process, what it has not seen is never taken for cleared: a
stretch that is left out, or was given to one that died, becomes a hole, and so does what comes after they have cleared
its time.

While nobody watches it can sleep: the process lives on and is given nothing. What has not been looked at when its time
comes is a hole. The log goes on from keyframe to keyframe, so that it wakes up with the newest one that has come.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from filters import Kind, Upto
from filters.spec import parse
from ingest.media import Kind as TrackKind
from transcode.log import PacketLog
from transcode.media import LATE_TRACK, TIMELINE, Plan, RoomItem, Tick, TimedPacket
from transcode.own_time import OwnTime
from transcode.statements import Statements, TooManyError
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
_NOTICE = TIMELINE
"""What detectors that sleep have not looked at is a hole so long before its time comes: it is not missed then."""
_HOLES = TIMELINE // 10  # as often
_EVERYTHING = (Kind.PICTURE, Kind.SOUND)
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
        self._plan = plan
        self._said = said
        self._recorded = recorded
        self._noted = noted
        self._statements = Statements(noted, recorded)
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
        self._blind: set[TrackKind] = set()  # of what the process has not been given a packet to begin with
        self._began_at = -1  # how far all was cleared when the process began
        self._given = False  # whether it has been sent a packet
        self._fruitless = 0  # how many before it got nowhere
        self._retired = False
        self._time = OwnTime()  # the process's
        self._asleep = False
        self._woken = False  # whether this process has slept
        self._woke_at = -1  # ticks
        self._shut = 0  # up to where (ticks) is a hole what was not looked at in sleep
        self._require(specs)

    def _require(self, specs: Sequence[str]) -> None:
        """The clearance of these is needed from here on; none has been given."""
        self._specs = tuple(specs)
        self._titles = [parse(spec).title for spec in specs]
        self._takes: tuple[tuple[Kind, ...], ...] | None = None  # until a process has told
        self._ready = False  # whether this one has
        self._context = 0
        self._cleared = [Upto(-1, -1)] * len(self._specs)
        self._statements.begin(self._titles)
        self._said(Require((_EVERYTHING,) * len(self._specs)))

    @property
    def findings(self) -> Mapping[str, int]:
        """How many, by category."""
        return self._statements.findings

    @property
    def broken_promises(self) -> int:
        """Findings of what had been cleared before."""
        return self._statements.broken_promises

    @property
    def detectors(self) -> tuple[DetectorStats, ...]:
        """How far behind each is; that is not told while they sleep."""
        takes = self._takes or ((),) * len(self._titles)
        newest = Upto(self._pictures_at, self._now)
        return tuple(
            DetectorStats(title, None if self._asleep else _longest(_lag(cleared, newest, kind) for kind in kinds))
            for title, cleared, kinds in zip(self._titles, self._cleared, takes, strict=True)
        )

    @property
    def warm(self) -> bool:
        """Whether each of the detectors has cleared something; after a sleep, some of what has come since."""
        return not self._asleep and self._reached >= max(0, self._woke_at)

    @property
    def asleep(self) -> bool:
        """Whether they sleep."""
        return self._asleep

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
                if any(pts < cleared.picture for cleared in self._cleared) or (
                    self._asleep and pts < self._time.given.picture
                ):
                    self._said(Hole(pts, pts + 1, self._why))
            case TimedPacket(pts=pts, dts=dts):
                if pts < self._heard:
                    self._said(Hole(pts, min(pts + _SOUND, self._heard), self._why, Kind.SOUND))
                self._heard = max(self._heard, pts)
                self._now = max(self._now, dts)
            case Tick(pts=pts):
                self._heard = max(self._heard, pts)
                self._now = max(self._now, pts)
        self._packets.settled = self._reached
        self._packets.append(item)
        if self._now - self._tidied >= _TIDY:
            self._tidied = self._now
            if self._asleep:
                self._keep_newest()
            elif self._reached >= 0:
                self._packets.aired(max(0, min(self._reached, self._now - self._delay) - self._context))
            self._packets.tidy()
        self._shut_eyes()
        self._pump()

    def change(self, specs: Sequence[str], delay: int, cores: float, anew: bool = False) -> None:
        """These detectors look from here on, also at what is held now. ``anew``: even if they are the same ones."""
        self._delay = delay
        self._packets.lag = self._lag
        self._shut_eyes()
        anew, self._cores = anew or cores != self._cores, cores
        if tuple(specs) != self._specs or anew:
            self._require(specs)
            self._child.renew()

    def sleep(self) -> None:
        """Give the detectors nothing from here on: nobody watches. What they have got they finish."""
        if self._asleep:
            return
        self._asleep = True
        self._before = set(TrackKind)
        for packet in self._packets.waiting:  # they have got some that are shown later, and may clear those
            if packet.kind is TrackKind.VIDEO and packet.pts < self._time.given.picture:
                self._said(Hole(packet.pts, packet.pts + 1, Cause.ASLEEP))
        self._shut_eyes()

    def wake(self) -> None:
        """Have the detectors look again, from the newest keyframe on that has come, or the next."""
        if not self._asleep:
            return
        self._asleep = False
        self._woke_at = self._now
        self._keep_newest()
        keyframe = self._packets.keyframe
        self._leave_out(self._now if keyframe is None else keyframe)
        if not self._ready:
            return  # the next process begins with what there is
        self._woken |= self._time.top >= 0
        self._blind = {TrackKind.VIDEO, TrackKind.AUDIO}
        self._shown = None
        earliest = self._packets.earliest
        self._time.jump(self._now if earliest is None else earliest)
        for entry in self._statements.again(self._time):
            self._said(entry)
        self._pump()

    def _keep_newest(self) -> None:
        """Let the log begin with the newest keyframe."""
        self._packets.aired(self._now)
        self._packets.rewind()

    def _shut_eyes(self) -> None:
        """What has not been looked at when its time comes, as they sleep, does not go out."""
        upto = self._now - self._delay + _NOTICE
        if self._asleep and upto - max(self._shut, self._reached) >= _HOLES:
            self._leave_out(upto)

    def _leave_out(self, upto: int) -> None:
        start = max(self._shut, self._reached, 0)
        if upto > start:
            self._said(Hole(start, upto, Cause.ASLEEP))
            self._shut = upto

    @property
    def _why(self) -> Cause:
        """Why something is not seen."""
        return Cause.ASLEEP if self._asleep or self._reached < self._woke_at else Cause.UNSEEN

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
            case Hole():  # it could not decode that, and another process may
                for hole in self._time.told(replace(message, cause=Cause.UNSEEN, of=None)):
                    self._said(hole)
            case Found(detector=detector) | Veil(detector=detector) | Unveil(detector=detector):
                self._check(detector)
                self._hear(message)
            case Cleared(detector=detector, picture=picture, sound=sound):
                self._check(detector)
                self._statements.promise(detector, Upto(picture, sound))
                self.fault = ""
                for entry in self._time.told(message):
                    assert isinstance(entry, Cleared)
                    before = self._cleared[detector]
                    self._cleared[detector] = Upto(max(entry.picture, before.picture), max(entry.sound, before.sound))
                    self._said(entry)
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
            self._said(Require(takes))

    def _begin(self) -> None:
        """Have the process begin where the one before has stopped, or with the oldest that there is."""
        self._ready = True
        self._began_at = self._reached
        if self._reached >= 0:
            self._packets.aired(max(0, self._reached - self._context))
        self._packets.rewind()
        self._statements.begin(self._titles)
        self._blind = {TrackKind.VIDEO, TrackKind.AUDIO}
        self._shown = None
        self._time = OwnTime()
        self._woken = False
        self._pump()

    def _hear(self, said: Found | Veil | Unveil) -> None:
        try:
            for entry in self._statements.hear(said, self._time, self._now, self._now - self._delay):
                self._said(entry)
        except TooManyError as error:
            raise Unfit(str(error)) from None

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
        while self._looks and (logged := self._packets.take()) is not None:
            item = logged.item
            own = self._time.own(item)
            if own is None or (isinstance(item, TimedPacket) and item.kind in self._blind and not self._begins(item)):
                self._packets.withdraw()
                if isinstance(item, TimedPacket):
                    self._lost(item)
                    if item.kind is TrackKind.VIDEO:
                        self._blind.add(TrackKind.VIDEO)  # those after it need it
                continue
            if isinstance(item, TimedPacket):
                self._given = True
                if item.kind is TrackKind.VIDEO:
                    if logged.gap and self._shown is not None:
                        # After a gap they have to see as much as at the beginning before they can judge.
                        self._said(Hole(min(self._shown + 1, item.pts), item.pts + self._context, self._why))
                    self._shown = item.pts
            elif isinstance(item, Tick):
                self._pass_over(item.pts)
            self._time.gave(own)
            self._child.say(Entry(logged.offset, own))

    @property
    def _looks(self) -> bool:
        """Whether there is somebody to give something to."""
        return self._ready and not self._asleep and self._child.listening

    def _pass_over(self, upto: int) -> None:
        """Time passes up to ``upto``. Of what they have been given nothing of yet, nothing from before was seen."""
        for kind in self._blind & self._before:
            if upto > max(self._reached, 0):
                of = Kind.PICTURE if kind is TrackKind.VIDEO else Kind.SOUND
                self._said(Hole(max(self._reached, 0), upto, self._why, of))

    def _begins(self, packet: TimedPacket) -> bool:
        """Whether a process can begin with ``packet``. What came before, and was not cleared, nobody has seen."""
        is_picture = packet.kind is TrackKind.VIDEO
        if is_picture and not packet.keyframe:
            return False
        self._blind.discard(packet.kind)
        reached = max(self._reached, 0)
        judges = packet.pts + self._context
        if judges > reached and packet.kind in self._before:  # else there is nothing before it
            self._said(Hole(reached, judges, self._why))
        self._before.add(packet.kind)
        if self._woken:
            if not is_picture:  # one packet of sound takes another to decode, and the last that they got is another
                self._said(Hole(packet.pts, packet.pts + _SOUND, self._why, Kind.SOUND))
        elif is_picture:
            # What the process before was not sure of stays covered as far as it had cleared the rest.
            self._said(Orphan(max(packet.pts, 1, *(cleared.picture for cleared in self._cleared))))
        return True

    def _lost(self, packet: TimedPacket) -> None:
        """The detectors are not shown this: it waited for too long, or cannot be decoded."""
        if packet.pts < self._reached and not (self._woken or self._asleep):
            return  # those before were
        if packet.kind is TrackKind.VIDEO:
            self._said(Hole(packet.pts, packet.pts + 1, self._why))
        else:
            self._said(Hole(packet.pts, packet.pts + _SOUND + self._context, self._why))


def _upto(cleared: Upto, kind: Kind) -> int:
    return cleared.picture if kind is Kind.PICTURE else cleared.sound


def _longest(lags: Iterable[float | None]) -> float | None:
    known = list(lags)
    return None if not known or None in known else max(lag for lag in known if lag is not None)


def _lag(cleared: Upto, newest: Upto, kind: Kind) -> float | None:
    """Return how far (seconds) a clearance is behind."""
    upto = _upto(cleared, kind)
    return None if upto < 0 else max(0, _upto(newest, kind) - upto) / TIMELINE
