"""The segmenter makes the parts of a host's own track: timed packets and cuts in, part-link items out. Pure, no I/O.

Rules: a part is the most whole frames that fit PART-TARGET, and closes before the frame that would cross it; its
duration is its media's own (but a frame that alone outlasts PART-TARGET, as the host dropped those after it, is listed
no longer than that). Segments tile the timeline: one lasts until the next begins, whether media fills it or not, so
that playlist time and media time never part. Video waits one frame, since only the next one's stamp tells how long it
lasts. Sound that comes after its time was told to be a gap is left out.
"""

from collections import deque
from collections.abc import Iterator

from ingest.media import Kind, Track
from transcode.cmaf import boxes
from transcode.cmaf.codecs import parse_audio
from transcode.cmaf.config import AudioConfig
from transcode.cmaf.header import header
from transcode.cutter import LONE_FRAME
from transcode.media import TIMELINE, Cut, Init, Part, PartItem, SegmentEnd, SegmentStart, TimedPacket
from transcode.opening import PART_UNIT

_ROUNDING = 2  # units: a stamp that strays no further from the sample count only lost precision on its way


class Segmenter:
    """Makes the parts of ``rendition`` from packets of ``kind``; ``part_target`` in units of 10 µs.

    ``frame_rate`` (Hz) is what players are told of a picture.
    """

    def __init__(self, rendition: str, kind: Kind, part_target: int, frame_rate: float = 0) -> None:
        self._rendition = rendition
        self._kind = kind
        self._frame_rate = frame_rate
        self._part_target = part_target
        self._timescale = TIMELINE
        self._track: Track | None = None
        self._next_track: Track | None = None
        self._fits = False  # whether what comes meanwhile may be played with the next track as with the present one
        self._sound: AudioConfig | None = None  # of the present track
        self._frame = 0  # timescale units the last frame lasted; exact for sound
        self._cuts: deque[Cut] = deque()
        self._msn: int | None = None
        self._start = 0
        self._index = 0
        self._sequence = 0
        self._held: TimedPacket | None = None
        self._samples: list[boxes.Sample] = []
        self._samples_start = 0
        self._samples_length = 0
        self._end = 0  # where the media made so far ends, timescale units

    def configure(self, track: Track) -> None:
        """Packets from the next discontinuity on, or the first ones, are of ``track``; until then none is taken."""
        self._next_track = track if track != self._track else None
        self._fits = False

    def widen(self, track: Track) -> None:
        """Players get ``track`` with the next segment: all that the present one says (or the next), and more."""
        if track != self._track:
            self._fits = self._fits or self._next_track is None
            self._next_track = track

    @property
    def wide(self) -> bool:
        """Whether packets from here on are played with the newest track."""
        return self._next_track is None or (bool(self._cuts) and self._fits)

    def cut(self, cut: Cut) -> Iterator[PartItem]:
        """A segment boundary is announced; it takes effect with the first frame at or after it."""
        self._cuts.append(cut)
        if len(self._cuts) > 1:  # this track has been silent for a whole segment
            yield from self._apply(self._cuts.popleft(), None)

    def tick(self, pts: int) -> Iterator[PartItem]:
        """The timeline has reached ``pts`` without media: boundaries up to there are final."""
        while self._cuts and self._cuts[0].pts <= pts:
            yield from self._apply(self._cuts.popleft(), None)

    def packet(self, packet: TimedPacket) -> Iterator[PartItem]:
        """Take the next access unit."""
        if self._held is not None and not (self._cuts and self._cuts[0].discontinuity):
            yield from self._release(max(1, packet.dts - self._held.dts))
        while self._cuts and (self._kind is Kind.VIDEO or packet.pts >= self._cuts[0].pts):
            yield from self._apply(self._cuts.popleft(), packet)
        if self._msn is None or self._track is None or (self._next_track is not None and not self._fits):
            return
        if self._sound is not None:
            self._frame = self._sound.samples(packet.data)
        if self._kind is Kind.VIDEO:
            self._held = packet
        elif (position := self._position(packet)) is not None and position >= self._start - _ROUNDING:
            yield from self._append(boxes.Sample(self._frame, 0, True, packet.data), position)

    def end(self, pts: int) -> Iterator[PartItem]:
        """The broadcast ends at ``pts``."""
        yield from self.tick(pts)
        yield from self._close(self._units(pts))

    def _units(self, pts: int) -> int:
        """Return ``pts`` (ticks) in the nearest timescale units."""
        return (2 * pts * self._timescale + TIMELINE) // (2 * TIMELINE)

    def _position(self, packet: TimedPacket) -> int | None:
        """Where a packet decodes, in timescale units; None if it would overlap what is there.

        Sound that follows without a hole is placed by its count.
        """
        if self._kind is Kind.VIDEO:
            return packet.dts
        stamped = self._units(packet.pts)
        if stamped > self._end + _ROUNDING:
            return stamped
        return self._end if stamped >= self._end - self._frame // 2 else None

    def _apply(self, cut: Cut, packet: TimedPacket | None) -> Iterator[PartItem]:
        """Begin the segment of ``cut``, with ``packet`` or with nothing yet."""
        yield from self._close(self._boundary(cut, packet))
        if self._next_track is not None and (cut.discontinuity or self._fits or self._track is None):
            yield self._set_up(self._next_track)
        if self._msn is None:
            self._start = self._boundary(cut, packet)
        self._msn, self._index = cut.msn, 0
        yield SegmentStart(self._rendition, cut.msn, self._start, self._timescale, cut.discontinuity)

    def _boundary(self, cut: Cut, packet: TimedPacket | None) -> int:
        """Where the segment of ``cut`` begins, in timescale units: sound is cut between its own frames."""
        boundary = self._units(cut.pts)
        position = self._position(packet) if packet is not None and self._kind is Kind.AUDIO else None
        return position if position is not None and position - boundary < self._frame else boundary

    def _close(self, boundary: int) -> Iterator[PartItem]:
        """The current segment lasts to ``boundary``, or to the end of its sound if that is later."""
        if self._held is not None:
            yield from self._release(self._frame or LONE_FRAME)
        yield from self._flush()
        if self._kind is Kind.AUDIO:
            boundary = max(boundary, self._end)
        if self._msn is not None:
            boundary = max(boundary, self._start)
            yield SegmentEnd(self._rendition, self._msn, boundary - self._start)
            self._start = boundary

    def _set_up(self, track: Track) -> Init:
        before = self._timescale
        if self._kind is Kind.AUDIO:
            self._sound = parse_audio(track)
            self._timescale, self._frame = self._sound.sample_rate, self._sound.frame_length
        self._end = self._end * self._timescale // before
        self._start = self._start * self._timescale // before
        self._track, self._next_track, self._fits = track, None, False
        return header(self._rendition, track, self._timescale, self._frame_rate)

    def _release(self, length: int) -> Iterator[PartItem]:
        """The held video frame lasts ``length``: it may go into a part."""
        held, self._held = self._held, None
        assert held is not None
        if not self._crosses(length):  # one that the host let stand tells nothing of the others
            self._frame = length
        yield from self._append(boxes.Sample(length, held.pts - held.dts, held.keyframe, held.data), held.dts)

    def _append(self, sample: boxes.Sample, position: int) -> Iterator[PartItem]:
        if self._samples and (position != self._end or self._crosses(self._samples_length + sample.duration)):
            yield from self._flush()
        if not self._samples:
            self._samples_start = position
        self._samples.append(sample)
        self._samples_length += sample.duration
        self._end = position + sample.duration
        if self._crosses(self._samples_length + sample.duration):  # another one like it would not fit
            yield from self._flush()

    def _crosses(self, length: int) -> bool:
        return length * PART_UNIT > self._part_target * self._timescale

    def _flush(self) -> Iterator[PartItem]:
        if not self._samples or self._msn is None or self._track is None:
            return
        samples, length = self._samples, self._samples_length
        self._sequence += 1
        data = boxes.chunk(self._sequence, self._samples_start, samples, self._track.codec)
        listed = min(length, self._part_target * self._timescale // PART_UNIT)
        yield Part(self._rendition, self._msn, self._index, listed, any(s.keyframe for s in samples), data)
        self._samples, self._samples_length = [], 0
        self._index += 1
