"""The packet log of a broadcast: what the gate keeps of the room link for its worker, and for the worker after that.

Pure, no I/O. One reader, the worker, is fed from it as fast as it takes things; a new one is fed again from the last
keyframe before what viewers have seen. Nothing is copied: the log holds the items themselves.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ingest.media import Kind, Track
from transcode.media import TIMELINE, Cut, Delay, RoomItem, Slate, TimedPacket

CREDIT = 4 << 20
"""Bytes that may be on their way to the worker, not acknowledged."""
LAG = 6 * TIMELINE
"""A picture that waits this long (ticks) for the worker is too old to be worth its time."""
PREROLL = TIMELINE // 5
"""Sound is replayed from so much (ticks) before the replay point: an AAC frame needs the one before it."""
_ENTRY = 256  # bytes that an entry takes beside its data


@dataclass(frozen=True, slots=True)
class Logged:
    """An item of the room link; ``offset`` counts those of the broadcast, ``size`` is what it takes in bytes.

    ``gap``: pictures between the one before it and this one were dropped.
    """

    offset: int
    item: RoomItem
    size: int
    gap: bool = False


class PacketLog:
    """Keeps items in order until they are neither wanted by the reader nor useful for a replay.

    Overflow rule. Where a picture has waited longer than ``lag``, pictures that are not sent yet are dropped up to the
    newest keyframe; all else is kept, in order. This does not happen while a new reader catches up, if that is given
    ``time``. Where the items take more than ``most_bytes``, there go, until they fit: what was sent, from the oldest
    keyframe to the next; pictures up to the newest keyframe not sent; the oldest pictures not sent; the oldest packets;
    the oldest of all. With a picture that is dropped go those after it up to a keyframe: they could not be decoded.

    No more than ``credit`` bytes, and ``ahead`` ticks if that is given, are on their way to the reader. ``lost`` is
    told of each packet that was dropped.
    """

    def __init__(
        self,
        most_bytes: int = 32 << 20,
        credit: int = CREDIT,
        lag: int = LAG,
        ahead: int | None = None,
        time: bool = True,
        lost: Callable[[TimedPacket], None] = lambda _: None,
    ) -> None:
        self.lag = lag
        self.settled = 0
        """What comes before this (ticks) does not wait for anything: it is only there to begin with."""
        self._most = most_bytes
        self._credit = credit
        self._ahead = ahead
        self._time = time
        self._lost = lost
        self._entries: list[Logged] = []
        self._next = 0  # index of the first entry that is not sent
        self._offset = 0
        self._bytes = 0
        self._on_the_way: deque[Logged] = deque()  # what is not acknowledged
        self._uncredited = 0  # bytes of these
        self._aired: int | None = None
        self._keyframe = -1  # offset of the newest
        self._now = 0  # decode time of the newest packet
        self._catching_up = True
        self._pictures = False
        self._torn = False  # whether pictures were dropped, and no keyframe has come since
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Packets that no reader was given, since it was too slow or too far behind."""
        return self._dropped

    @property
    def size(self) -> int:
        """Bytes that the log takes."""
        return self._bytes

    @property
    def on_the_way(self) -> int:
        """Bytes that were taken and not acknowledged."""
        return self._uncredited

    @property
    def oldest(self) -> int | None:
        """When the oldest packet is shown that the log has (ticks); None if it has none."""
        return next((packet.pts for packet in self._packets), None)

    @property
    def keyframe(self) -> int | None:
        """When the oldest keyframe is shown that the log has (ticks); None if it has none."""
        return next((item.pts for item in self._packets if _is_keyframe(item)), None)

    @property
    def earliest(self) -> int | None:
        """The earliest stamp (ticks) of the packets that the log has; None if it has none."""
        return min((min(packet.pts, packet.dts) for packet in self._packets), default=None)

    @property
    def waiting(self) -> list[TimedPacket]:
        """The packets that are not sent."""
        return [logged.item for logged in self._entries[self._next :] if isinstance(logged.item, TimedPacket)]

    @property
    def _packets(self) -> Iterator[TimedPacket]:
        return (logged.item for logged in self._entries if isinstance(logged.item, TimedPacket))

    def append(self, item: RoomItem) -> int:
        """Log the next item and return its offset."""
        logged = Logged(self._offset, item, _ENTRY + _payload(item), self._torn and _is_keyframe(item))
        self._offset += 1
        self._torn &= not logged.gap
        if self._torn and isinstance(item, TimedPacket) and _is_picture(item):
            self._drop(item)
            return logged.offset
        self._entries.append(logged)
        self._bytes += logged.size
        match item:
            case TimedPacket(kind=Kind.VIDEO, keyframe=keyframe, dts=dts):
                self._pictures = True
                self._keyframe = logged.offset if keyframe else self._keyframe
                self._now = dts
                self._hurry()
            case TimedPacket(dts=dts):
                self._now = dts
                self._hurry()
            case Cut():
                self.tidy()
        if self._over:
            self._make_room()
        return logged.offset

    def take(self) -> Logged | None:
        """Return the next entry to send; None if there is none, or no credit for it."""
        if self._next == len(self._entries):
            self._catching_up = False
            return None
        logged = self._entries[self._next]
        if self._on_the_way and (self._uncredited + logged.size > self._credit or self._far(logged.item)):
            return None
        self._next += 1
        self._on_the_way.append(logged)
        self._uncredited += logged.size
        return logged

    def acknowledge(self, offset: int) -> None:
        """The reader has taken all up to and including ``offset``."""
        while self._on_the_way and self._on_the_way[0].offset <= offset:
            self._uncredited -= self._on_the_way.popleft().size

    def withdraw(self) -> None:
        """What was taken last is not given to the reader after all."""
        self._uncredited -= self._on_the_way.pop().size

    def _far(self, item: RoomItem) -> bool:
        """Whether ``item`` is too far ahead of what the reader is busy with."""
        if self._ahead is None or not isinstance(item, TimedPacket):
            return False
        busy = next((logged.item for logged in self._on_the_way if isinstance(logged.item, TimedPacket)), item)
        return isinstance(busy, TimedPacket) and item.dts - busy.dts > self._ahead

    def tidy(self) -> None:
        """Forget what no replay needs: where there are no cuts it has to be asked for now and then."""
        self._forget(self._replay_point(self._next))

    def aired(self, pts: int) -> None:
        """Every rendition is out up to ``pts`` (ticks): a replay may begin there."""
        self._aired = pts

    def rewind(self) -> None:
        """Begin anew for another reader.

        It is given the tracks, the slate and the delay in force, the cuts in force and ahead, then all from the replay
        point on: the newest keyframe at or before what has aired, else the oldest there is. Sound alone is replayed
        from any packet.
        """
        self._on_the_way.clear()
        self._uncredited = 0
        self._catching_up = True
        self._next = len(self._entries)  # what viewers have got by now was not dropped
        self._forget(self._replay_point(self._next))
        self._next = 0
        first = next((i for i, logged in enumerate(self._entries) if _is_keyframe(logged.item)), 0)
        self._remove(lambda index, logged: index < first and _is_picture(logged.item))  # they cannot be decoded

    def forget_packets(self) -> None:
        """Forget every packet there is, and count it as dropped: one of them is more than a worker lives through."""
        self._remove(lambda _, logged: isinstance(logged.item, TimedPacket))
        self._torn = self._pictures

    # What may go.

    def _replay_point(self, end: int) -> int:
        """Return the index of the entry before ``end`` where a replay would begin."""
        if self._aired is not None:
            for index in range(end - 1, -1, -1):
                item = self._entries[index].item
                if isinstance(item, TimedPacket) and self._starts(item) and item.pts <= self._aired:
                    return index
        return 0

    def _starts(self, item: RoomItem) -> bool:
        return _is_keyframe(item) if self._pictures else isinstance(item, TimedPacket)

    def _forget(self, point: int) -> bool:
        """Forget what a replay from the entry ``point`` does not need; tell whether there was any."""
        if point == 0:
            return False
        start = self._entries[point].item if point < len(self._entries) else None
        at = start.pts if isinstance(start, TimedPacket) else self._now
        needed: set[int] = set()
        tracks: dict[Kind, int] = {}
        cut: int | None = None  # in force
        slate: int | None = None
        delay: int | None = None
        for index, logged in enumerate(self._entries[:point]):
            match logged.item:
                case Track(kind=kind):
                    tracks[kind] = index
                case Slate():
                    slate = index
                case Delay():
                    delay = index
                case Cut(pts=pts) if pts <= at:
                    cut = index
                case Cut():
                    needed.add(index)
                case TimedPacket(kind=Kind.AUDIO, pts=pts) if pts >= at - PREROLL:
                    needed.add(index)
        needed.update(tracks.values(), (index for index in (cut, slate, delay) if index is not None))
        return self._remove(lambda index, _: index < point and index not in needed)

    def _hurry(self) -> None:
        """Apply the rule for pictures that have waited too long."""
        if (
            (self._catching_up and self._time)
            or self._next == len(self._entries)
            or self._keyframe < self._entries[self._next].offset
        ):
            return
        for index in range(self._next, len(self._entries)):
            logged = self._entries[index]
            if isinstance(logged.item, TimedPacket) and _is_picture(logged.item):
                if logged.offset < self._keyframe and self._now - max(logged.item.dts, self.settled) > self.lag:
                    self._skip_to_keyframe()
                return

    def _skip_to_keyframe(self) -> None:
        self._remove(
            lambda index, logged: index >= self._next and logged.offset < self._keyframe and _is_picture(logged.item)
        )

    def _make_room(self) -> None:
        """Apply the rule for bytes."""
        self._forget(self._replay_point(self._next))
        while self._over and self._forget(self._second_start()):
            pass
        if self._over and self._next < len(self._entries) and self._keyframe > self._entries[self._next].offset:
            self._skip_to_keyframe()
        if self._over:
            self._remove(lambda index, logged: self._over and index >= self._next and _is_picture(logged.item))
        if self._over:
            self._remove(lambda _, logged: self._over and isinstance(logged.item, TimedPacket))
        if self._over:
            self._remove(lambda _, logged: self._over and not isinstance(logged.item, Delay))

    @property
    def _over(self) -> bool:
        return self._bytes > self._most

    def _second_start(self) -> int:
        """Return the index of the second entry among those sent that a replay could begin with, or their end."""
        starts = (index for index in range(self._next) if self._starts(self._entries[index].item))
        next(starts, None)
        return next(starts, self._next)

    def _remove(self, condemned: Callable[[int, Logged], bool]) -> bool:
        """Remove the entries for which ``condemned``, asked from the oldest on, is true; tell whether there were any.

        Packets among them that were not sent are counted as dropped, and with a picture go those that need it.
        """
        kept: list[Logged] = []
        following = self._next
        torn = False
        for index, logged in enumerate(self._entries):
            is_picture = index >= self._next and _is_picture(logged.item)
            resumes = is_picture and _is_keyframe(logged.item)
            if not condemned(index, logged) and not (torn and is_picture and not resumes):
                kept.append(replace(logged, gap=True) if torn and resumes else logged)
                torn &= not resumes
                continue
            torn |= is_picture
            self._bytes -= logged.size
            if index < self._next:
                following -= 1
            elif isinstance(logged.item, TimedPacket):
                self._drop(logged.item)
        removed = len(kept) < len(self._entries)
        self._entries, self._next = kept, following
        self._torn |= torn
        return removed

    def _drop(self, packet: TimedPacket) -> None:
        self._dropped += 1
        self._lost(packet)


def _payload(item: RoomItem) -> int:
    match item:
        case TimedPacket(data=data) | Track(config=data) | Slate(image=data):
            return len(data)
        case _:
            return 0


def _is_picture(item: RoomItem) -> bool:
    return isinstance(item, TimedPacket) and item.kind is Kind.VIDEO


def _is_keyframe(item: RoomItem) -> bool:
    return isinstance(item, TimedPacket) and item.kind is Kind.VIDEO and item.keyframe
