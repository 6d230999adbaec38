"""The cutter numbers segments: it alone decides where one ends, and what the next is called. Pure, no I/O.

Rules for a ``source`` room: a segment begins with a keyframe of the host once the last is ``SHORTEST`` long; one that
finds none is cut before it outgrows TARGETDURATION (RFC 8216, 4.3.3.1: its length, rounded, must not exceed it). Sound
alone is cut every ``REGULAR``. While the host is away numbers go on by the timeline, one every ``REGULAR``, so that
playlists never stand still; what has no media is listed as a gap.
"""

from collections.abc import Iterator

from ingest.media import Kind
from transcode.media import TIMELINE, Cut, Tick, TimedPacket

REGULAR = 2 * TIMELINE
SHORTEST = 3 * TIMELINE // 2
SLACK = TIMELINE // 4
"""Lengths are rounded to whole seconds: a keyframe may be this late, and sound end a frame after it."""
PATIENCE = TIMELINE
"""Media that can't be decoded (no keyframe yet) for so long is as good as none: numbers go on."""
SOUND_TAIL = TIMELINE // 2
"""Sound that outlasts the picture by less than this still belongs to its segment."""
LONE_FRAME = TIMELINE // 30
"""How long a frame is taken to last when no other tells."""


class Cutter:
    """Puts ``Cut`` marks into one broadcast's packets.

    ``number`` is the first segment's; ``target_duration`` in seconds. A broadcast that goes on after a server restart
    gives ``position`` (ticks), where the timeline stands.
    """

    def __init__(self, number: int, target_duration: int, has_video: bool, position: int = 0) -> None:
        self._number = number
        self._longest = target_duration * TIMELINE + SLACK
        self._leader = Kind.VIDEO if has_video else Kind.AUDIO
        self._start = position
        self._begun = position > 0
        self._waiting = True  # for a keyframe: nothing before it can be decoded
        self._idle = True  # the timeline goes on by ticks
        self._discontinuity = False
        self._shift = 0  # from decode to presentation time, as of the keyframe that was waited for
        self._shown = position  # when that keyframe is shown: no sound before it
        self._lasts: dict[Kind, int] = {}
        self._lengths: dict[Kind, int] = {}

    def interrupt(self) -> None:
        """Another source takes over: the next segment begins with its first keyframe."""
        self._waiting = True

    def discontinuity(self) -> None:
        """A track's configuration changed: the next segment needs a decoder set up anew."""
        self._waiting = self._discontinuity = True

    def packet(self, packet: TimedPacket) -> Iterator[Cut | Tick | TimedPacket]:
        """Yield ``packet``, a ``Cut`` before it where a segment begins; only time where it cannot be decoded."""
        leads = packet.kind is self._leader
        if self._waiting:
            if not (leads and packet.keyframe):
                if self._begun and (self._idle or packet.dts - self.media_end >= PATIENCE):
                    yield from self.tick(Tick(packet.dts))
                return
            if self._begun:
                yield from self._fill(packet.pts)
            yield self._cut(packet.pts, self._discontinuity)
            self._waiting = self._idle = self._discontinuity = False
            self._shift, self._shown = packet.pts - packet.dts, self._start
            self._lasts.clear()
        elif leads:
            yield from self._fill(packet.dts + self._shift)
            if self._begins_segment(packet):
                yield self._cut(packet.dts + self._shift)
        elif packet.pts < self._shown:
            return
        else:
            while packet.dts - self._start > self._longest:  # the picture has stopped
                yield self._cut(self._start + self._longest)
        if packet.kind in self._lasts and (length := packet.dts - self._lasts[packet.kind]) < REGULAR:
            self._lengths[packet.kind] = length  # more is a hole
        self._lasts[packet.kind] = packet.dts
        yield packet

    def tick(self, tick: Tick) -> Iterator[Cut | Tick]:
        """Yield the cuts that are due when the timeline reaches ``tick`` without media, then ``tick``.

        A host that is there, and only sends seldom, cuts by its keyframes as ever.
        """
        if tick.away:
            if not self._idle and self.media_end > self._start:
                yield self._cut(self.media_end)
            self._waiting = self._idle = True
            while tick.pts - self._start >= REGULAR:
                yield self._cut(self._start + REGULAR)
        yield tick

    @property
    def media_end(self) -> int:
        """Where the leading track's media ends (ticks), or a little later where the sound does.

        Never before the last cut, nor so far after it that the segment outgrows TARGETDURATION.
        """
        if self._leader not in self._lasts:
            return self._start
        end = self._end(self._leader) + self._shift
        if Kind.AUDIO in self._lasts and 0 < (sound := self._end(Kind.AUDIO)) - end < SOUND_TAIL:
            end = sound
        return min(max(end, self._start), self._start + self._longest)

    def _begins_segment(self, packet: TimedPacket) -> bool:
        length = packet.dts + self._shift - self._start
        if self._leader is Kind.AUDIO:
            return length >= REGULAR
        outgrown = length + self._lengths.get(packet.kind, 0) > self._longest
        return outgrown or (packet.keyframe and length >= SHORTEST)

    def _fill(self, pts: int) -> Iterator[Cut]:
        """Frames are missing before ``pts``: no segment may outgrow TARGETDURATION meanwhile."""
        if pts - self._start > self._longest and self.media_end > self._start:
            yield self._cut(self.media_end)
        while pts - self._start > self._longest:
            yield self._cut(self._start + REGULAR)

    def _cut(self, pts: int, discontinuity: bool = False) -> Cut:
        self._begun = True
        self._start = max(pts, self._start)
        cut = Cut(self._number, self._start, discontinuity)
        self._number += 1
        return cut

    def _end(self, kind: Kind) -> int:
        return self._lasts[kind] + self._lengths.get(kind, LONE_FRAME)
