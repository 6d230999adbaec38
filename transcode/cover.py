"""What goes out while no worker lives: coded slates and silence that a worker has left behind, stamped anew. Pure.

Rule: it goes on where the renditions stand, frame by frame and cut by cut, as a worker would, so that the next worker
goes on where it ends. The slates are coded like the programme and fit its init segments: there is no discontinuity.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping

from ingest.media import Codec
from transcode.cmaf.packer import Packer, Unit
from transcode.grid import Grid, rung_grid, sound_grid
from transcode.media import AUDIO, SOURCE, TIMELINE, Aired, Cut, End, PartItem, Plan, RoomItem, Tick, TimedPacket
from transcode.regular_cutter import AHEAD
from transcode.wire import StandIn

_AHEAD = AHEAD * 4 // 5
"""How far (ticks) beyond the present it goes before a worker takes over, which needs so long to get there."""
_CUTS = 64


class Understudy:
    """Has ready what goes out while no worker lives, and lets it out when it is told to.

    ``renditions`` are those that a worker makes. It follows what is fed, to know the time and the cuts; of these it
    keeps the newest ``_CUTS``, far more than lie ahead.
    """

    def __init__(self, plan: Plan, renditions: Collection[str]) -> None:
        self._plan = plan
        self._renditions = renditions
        self._stand_ins: dict[str, StandIn] = {}
        self._cuts: deque[Cut] = deque(maxlen=_CUTS)
        self.now = 0
        """How far what was fed has come (ticks)."""
        self._ahead = 0 if any(rung.name == SOURCE for rung in plan.rungs) else _AHEAD
        self._cover: _Cover | None = None

    @property
    def on(self) -> bool:
        """Whether it has gone on and the next worker has not taken over yet."""
        return self._cover is not None

    def learn(self, stand_in: StandIn) -> None:
        """Take what a worker leaves behind."""
        self._stand_ins[stand_in.rendition] = stand_in

    def follow(self, item: RoomItem) -> None:
        """Note what is fed."""
        match item:
            case Cut():
                self._cuts.append(item)
                if self._cover is not None:
                    self._cover.cut(item)
            case TimedPacket(dts=at) | Tick(pts=at):
                self.now = max(self.now, at)
            case End():
                self._ahead = 0

    def go_on(self, aired: Collection[Aired]) -> Iterator[PartItem]:
        """Yield what goes out up to now, after ``aired``; nothing if it has not learnt enough yet."""
        if self._cover is None:
            inits = {state.rendition: state.init for state in aired}
            known = {name for name, stand_in in self._stand_ins.items() if stand_in.init == inits.get(name)}
            if not self._renditions or not known.issuperset(self._renditions):
                return
            self._cover = _Cover(self._plan, self._stand_ins, aired, self._cuts)
        yield from self._cover.advance(self.now)

    def hand_over(self) -> Iterator[PartItem]:
        """Yield what goes out before a worker takes over: up to a little later than now, where the cuts are known."""
        cover, self._cover = self._cover, None
        if cover is not None:
            yield from cover.advance(self.now + self._ahead)
            yield from cover.rest()


class _Cover:
    """Goes on with the renditions of ``plan`` after ``aired``, by their ``stand_ins``; ``cuts`` are those said."""

    def __init__(
        self, plan: Plan, stand_ins: Mapping[str, StandIn], aired: Iterable[Aired], cuts: Iterable[Cut]
    ) -> None:
        grids = {rung.name: rung_grid(plan.frame_rate, rung.every) for rung in plan.encoded}
        grids[AUDIO] = sound_grid()
        self._lines = [
            _Line(state, grids[state.rendition], stand_ins[state.rendition], plan.part_target) for state in aired
        ]
        for cut in cuts:
            self.cut(cut)

    def cut(self, cut: Cut) -> None:
        """The cutter has said another mark."""
        for line in self._lines:
            line.cut(cut)

    def advance(self, pts: int) -> Iterator[PartItem]:
        """Yield the parts that are whole by ``pts`` (ticks)."""
        for line in self._lines:
            yield from line.advance(pts)

    def rest(self) -> Iterator[PartItem]:
        """Yield what is not out yet since it fills no part: a worker goes on after it."""
        for line in self._lines:
            yield from line.packer.flush()


class _Line:
    """One rendition."""

    def __init__(self, aired: Aired, grid: Grid, stand_in: StandIn, part_target: int) -> None:
        codec = Codec.AAC if aired.rendition == AUDIO else Codec.H264
        self.packer = Packer(aired.rendition, codec, grid.timescale, grid.length, part_target, aired)
        self._grid = grid
        self._units = stand_in.units
        self._next = aired.end // grid.length
        self._shown = 0  # units since the last keyframe
        self._cuts: deque[int] = deque()

    def cut(self, cut: Cut) -> None:
        number = self._grid.at_or_after(cut.pts)
        if self.packer.cut(cut.msn, number, cut.discontinuity):
            self._cuts.append(number)

    def advance(self, pts: int) -> Iterator[PartItem]:
        while self._next * self._grid.length * TIMELINE <= pts * self._grid.timescale:
            while self._cuts and self._next >= self._cuts[0]:
                self._cuts.popleft()
                self._shown = 0
            yield from self.packer.unit(Unit(self._next, self._shown == 0, self._units[self._shown]))
            self._shown = (self._shown + 1) % len(self._units)
            self._next += 1
