"""The timekeeper maps a host's stamps onto the room's one timeline. Pure; it is told the time, it never asks.

Rules: the timeline counts ``TIMELINE`` ticks a second and never goes back: not across stamp wraps, jumps, reconnects
or server restarts. Both tracks of a source share one offset, so a repair never moves sound against picture.
Sound is timed by counting samples; the host's millisecond stamps only correct the count when it strays.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ingest.media import Kind, Packet
from transcode.media import TIMELINE, Tick, TimedPacket

_MILLISECOND = TIMELINE // 1000
_WRAP = (1 << 32) * _MILLISECOND
"""Stamps are milliseconds modulo 2**32."""

BACKWARD = TIMELINE // 5
"""A stamp this far behind its track's last one has jumped; a lesser step back is only jitter."""
FORWARD = 3 * TIMELINE
"""A stamp this far ahead of what the clock allows has jumped; a track may begin so far beside the other one."""
LATE = TIMELINE
"""A host that has sent no media for so long is away: the timeline goes on by ticks."""
GONE = TIMELINE // 2
"""One whose connection is closed is away after so long, where nothing but the slate can stand in for it."""
LATE_AT_MOST = 3 * TIMELINE
"""A connected host has so long where it costs much to do without it, or if it sends seldom, as a screen share does."""
UNHURRIED = TIMELINE // 2
"""A picture is waited for so long before the one before it is shown again."""
BETWEEN = TIMELINE // 20
"""The last frame before an absence lasts at least so long: what follows it never overlaps it."""
REORDER = 3 * TIMELINE
"""No encoder shows a frame this long after, or before, its decode time: such a composition offset counts as 0."""
DRIFT = 30 * _MILLISECOND
"""Counted and stamped sound may differ by this much for ``DRIFT_FRAMES`` frames; then the count is corrected."""
DRIFT_FRAMES = 8
LOST = 40 * _MILLISECOND
"""Stamps this far ahead of the count are followed at once: the host lost sound."""
ADDED = 80 * _MILLISECOND
"""Stamps this far behind the count are followed at once; many hosts stamp single frames 20 to 40 ms early."""
_REMEMBERED_OFFSETS = 4
_MOST_HELD = 30 * TIMELINE  # no host holds back more


@dataclass(slots=True)
class _TrackClock:
    """Where one track stands: its last decode time on the timeline, and when (by the clock) it came.

    ``offset`` is the one by which that was placed; ``lone``: no other packet was, before it.
    """

    last: int
    arrived: int
    offset: int
    lone: bool = True


class _SampleCount:
    """Times sound by counting samples from an anchor."""

    def __init__(self, sample_rate: int, samples_of: Callable[[bytes], int]) -> None:
        self._rate = sample_rate
        self._samples_of = samples_of
        self._anchor: int | None = None
        self._samples = 0
        self._strayed = 0
        self._mending = False

    def place(self, stamped: int, data: bytes) -> int | None:
        """Return the ticks of the next packet, which the host stamped ``stamped``; None if it must be left out."""
        samples = self._samples_of(data)
        if self._anchor is None:
            return self._restart(stamped, samples)
        counted = self._anchor + self._samples * TIMELINE // self._rate
        drift = stamped - counted
        if abs(drift) <= (samples * TIMELINE // self._rate // 2 if self._mending else DRIFT):
            self._strayed, self._mending = 0, False
        else:
            self._strayed += 1
            self._mending |= not -ADDED <= drift <= LOST or self._strayed >= DRIFT_FRAMES
        if self._mending:
            # Less sound than time is a hole; of more sound than time, frames are left out until the count is right.
            return self._restart(stamped, samples) if drift > 0 else None
        self._samples += samples
        return counted

    def forget(self) -> None:
        """Start anew with the next frame."""
        self._anchor = None

    def _restart(self, stamped: int, samples: int) -> int:
        self._anchor = stamped
        self._samples = samples
        self._strayed, self._mending = 0, False
        return stamped


class Timekeeper:
    """Places one room's packets on its timeline, source after source.

    ``position`` is where the timeline stands (ticks); no later source is placed before it. ``now`` arguments are ticks
    of a monotonic clock; ``zero`` is what that clock said, or would have said, at tick 0 of the timeline.
    """

    def __init__(self, zero: int, position: int = 0) -> None:
        self._zero = zero
        self._floor = position
        self._tracks: dict[Kind, _TrackClock] = {}
        self.keeps_time = False
        """Where everything is decoded, what a host held back in a silence and sends at once after it is placed where it
        belongs, in the past. Else it is placed from the present on, and what follows runs ahead of the clock. And a
        host whose picture stops is there as long as its sound goes on: the last picture can be shown again."""
        self._offset: int | None = None
        self._held: int | None = None  # the offset before a silence of the source
        self._earlier: deque[int] = deque(maxlen=_REMEMBERED_OFFSETS)
        self._count: _SampleCount | None = None
        self._connected = False
        self.patience = LATE_AT_MOST
        """How long (ticks) a connected host is waited for; never longer than ``LATE_AT_MOST``."""
        self._leader: Kind | None = None  # the picture, once there is one: where it cannot be stood in for
        self._rhythm = LATE_AT_MOST  # the longest time from one of the leader's packets to the next, of late
        self._heard = zero + position

    @property
    def position(self) -> int:
        """How far the timeline has come."""
        return max([self._floor, *(track.last for track in self._tracks.values())])

    @property
    def away(self) -> bool:
        """No source is on air: the timeline advances by ticks."""
        return self._offset is None

    def connect(self) -> None:
        """A new source begins; its stamps have nothing to do with those before."""
        self._connected = True
        self._leader = None
        self._rhythm = LATE_AT_MOST  # it may be one that sends seldom
        self._lose_anchor()
        self._held = None

    def disconnect(self) -> None:
        """The source's connection is closed."""
        self._connected = False

    def audio(self, sample_rate: int, samples: Callable[[bytes], int]) -> None:
        """Sound comes from here on in packets of so many ``samples``, which their data tells."""
        self._count = _SampleCount(sample_rate, samples)

    def packet(self, packet: Packet, now: int) -> TimedPacket | None:
        """Place ``packet``, which came at ``now``; None when it has no place (it lies before what already went out)."""
        if packet.kind is Kind.VIDEO:
            self._leader = Kind.VIDEO
        leads = self.keeps_time or self._leader in (None, packet.kind)
        if self.away and not leads:
            return None
        stamp = packet.stamp * _MILLISECOND
        if self._offset is None:
            self._offset = self._anchor(stamp, now)
            self._tracks.clear()
        track = self._tracks.get(packet.kind)
        if leads:
            before, self._heard = self._heard, now
            # A lone long wait is soon forgotten.
            self._rhythm = max(min(now - before, LATE_AT_MOST), self._rhythm - self._rhythm // 8)
        dts = self._continuous(stamp, track, now)
        if dts < self._floor and not self.keeps_time:
            return None
        if packet.kind is Kind.AUDIO and self._count is not None:
            counted = self._count.place(dts, packet.data)
            if counted is None:
                return None
            dts = counted
        composition = packet.offset * _MILLISECOND
        if packet.kind is Kind.VIDEO:  # sound is counted more exactly than that
            composition += packet.nanoseconds * _MILLISECOND // 1_000_000
        pts = dts + (composition if abs(composition) < REORDER else 0)
        if track is None:
            self._tracks[packet.kind] = _TrackClock(dts, now, self._offset)
        else:
            changed = track.offset != self._offset
            if changed and track.lone and track.offset in self._earlier:
                self._earlier.remove(track.offset)  # that was an outlier: nothing else belongs there
            track.lone, track.offset = changed and not track.lone, self._offset
            # A decode time must grow, whatever the host says; what is shown when stays true.
            dts = max(dts, track.last + 1)
            track.last, track.arrived = dts, now
        # A host whose clock runs fast takes the timeline with it: ticks go on from where its media ended.
        self._zero = min(self._zero, now - dts)
        return TimedPacket(packet.kind, pts, dts, packet.keyframe, packet.data)

    def overdue(self, now: int) -> bool:
        """Whether media is late at ``now``: the host is as good as away."""
        if self._connected and not self.away:
            patience = min(max(self.patience, 5 * self._rhythm // 2), LATE_AT_MOST)
        else:
            patience = LATE if self._connected or self.keeps_time else GONE
        return now - self._heard >= patience

    def tick(self, now: int) -> Tick | None:
        """Return the tick that is due at ``now``, if media is late; else None."""
        if not self.overdue(now):
            return None
        self._lose_anchor()
        self._floor = max(self._floor, now - self._zero)
        return Tick(self._floor)

    def late(self, now: int) -> Tick | None:
        """Return how far the timeline must have come at ``now`` though nothing tells.

        That is so without sound: a screen share sends seldom. And a host whose connection is closed will send no more,
        whether it is back in a moment or not: its last picture can be shown until then.
        """
        if self.away or (Kind.AUDIO in self._tracks if self._connected else not self.keeps_time):
            return None
        waited = UNHURRIED if self._connected else 0
        return Tick(max(self._floor, now - self._zero - waited), away=False)

    def _lose_anchor(self) -> None:
        if self._offset is None:
            return
        self._floor = self.position + BETWEEN
        self._held, self._offset = self._offset, None
        self._earlier.clear()
        if self._count is not None:
            self._count.forget()

    def _anchor(self, stamp: int, now: int) -> int:
        """Return the offset of a source that begins, or goes on after a silence."""
        present = max(now - self._zero, self.position)
        if self.keeps_time and self._held is not None and -_MOST_HELD <= stamp + self._held - present <= BACKWARD:
            return self._held
        return present - stamp

    def _continuous(self, stamp: int, track: _TrackClock | None, now: int) -> int:
        """Return ``stamp`` on the timeline, after finding another offset if the host's clock has jumped."""
        assert self._offset is not None
        if track is not None:
            last, elapsed, backward = track.last, now - track.arrived, BACKWARD
        else:
            last = max((other.last for other in self._tracks.values()), default=stamp + self._offset)
            elapsed, backward = 0, FORWARD

        def step(offset: int) -> int:
            """From the track's last packet to this one; of all the wraps, the nearest."""
            return (stamp + offset - last + _WRAP // 2) % _WRAP - _WRAP // 2

        if not -backward <= step(self._offset) <= elapsed + BACKWARD:
            # A lone outlier is over with the next packet, and sound jumps soon after the picture: known offsets first.
            known = (self._offset, *self._earlier)
            fitting = (
                offset
                for forward in (BACKWARD, FORWARD)
                for offset in known
                if -backward <= step(offset) <= elapsed + forward
            )
            self._offset = next(fitting, last + max(elapsed, 1) - stamp)
            self._earlier = deque((other for other in known if other != self._offset), _REMEMBERED_OFFSETS)
        return last + step(self._offset)
