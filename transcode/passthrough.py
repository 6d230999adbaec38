"""What is passed on as the host made it: room-link items in, part-link items out. Pure, no I/O.

While the host is away a coded slate and silence stand in for it (``interlude``), if there is a slate; else there are
gaps. Either begins where the timeline is said to go on without the host, and lasts until its next packet.
"""

import contextlib
from collections.abc import Iterator

from ingest.media import Kind, Track
from transcode.cmaf.codecs import parse_audio
from transcode.cmaf.config import AudioConfig, CodecError
from transcode.cmaf.segmenter import Segmenter
from transcode.cutter import SOUND_TAIL
from transcode.interlude import CodedSlate, Silence, SlateFrames
from transcode.media import AUDIO, SOURCE, TIMELINE, Cut, End, PartItem, Plan, RoomItem, Tick, TimedPacket


class Passthrough:
    """Packs the host's own packets into CMAF parts: its picture where the plan has it as a rung, and its sound."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._segmenters: dict[Kind, Segmenter] = {}
        if any(rung.name == SOURCE for rung in plan.rungs):
            self._segmenters[Kind.VIDEO] = Segmenter(SOURCE, Kind.VIDEO, plan.part_target, float(plan.frame_rate))
        if plan.sound is not None and not plan.sound.transcoded:
            self._segmenters[Kind.AUDIO] = Segmenter(AUDIO, Kind.AUDIO, plan.part_target)
        self._slate: CodedSlate | None = None
        self._sound: Track | None = None
        self._sound_config: AudioConfig | None = None
        self._cut: int | None = None  # where the newest segment begins
        self._shift = 0  # from decode to presentation time of the host's pictures
        self._sound_end = 0
        self._standing_in: dict[Kind, SlateFrames | Silence] = {}
        self._stood_in: dict[Kind, int] = {}  # how far what stood in the last time had come

    @property
    def stands_in(self) -> bool:
        """Whether viewers have something while the host is away."""
        return Kind.VIDEO not in self._segmenters or self._slate is not None

    def slate(self, slate: CodedSlate) -> None:
        """``slate`` fits the host's picture: players get its parameter sets with the next segment."""
        self._slate = slate
        self._segmenters[Kind.VIDEO].widen(slate.track)
        if isinstance(frames := self._standing_in.get(Kind.VIDEO), SlateFrames) and self._segmenters[Kind.VIDEO].wide:
            frames.show(slate)

    def feed(self, item: RoomItem) -> Iterator[PartItem]:
        """Take the next item of the room link. A track that it does not pass on is left out."""
        match item:
            case TimedPacket(kind=kind):
                if kind in self._segmenters:
                    self._note(item)
                    yield from self._segmenters[kind].packet(item)
            case Track(kind=kind):
                if kind in self._segmenters:
                    self._configure(item)
            case Cut(pts=pts):
                for kind, line in self._standing_in.items():
                    yield from self._pass_on(kind, line.cut(pts))
                self._cut = pts
                for segmenter in self._segmenters.values():
                    yield from segmenter.cut(item)
            case Tick(pts=pts, away=away):
                if away and not self._standing_in:
                    self._stand_in()
                for kind, line in self._standing_in.items():
                    yield from self._pass_on(kind, line.until(pts))
                if not self._standing_in:
                    for segmenter in self._segmenters.values():
                        yield from segmenter.tick(pts)
            case End(pts=pts):
                self._leave_off()
                end = max([pts, *self._stood_in.values()])
                for segmenter in self._segmenters.values():
                    yield from segmenter.end(end)

    def _note(self, packet: TimedPacket) -> None:
        """The host is here: remember what it takes to stand in for it."""
        self._leave_off()
        if packet.keyframe and packet.kind is Kind.VIDEO:
            self._shift = packet.pts - packet.dts
        elif packet.kind is Kind.AUDIO and (sound := self._sound_config) is not None:
            self._sound_end = packet.pts + sound.samples(packet.data) * TIMELINE // sound.sample_rate

    def _configure(self, track: Track) -> None:
        self._segmenters[track.kind].configure(track)
        self._leave_off()
        if track.kind is Kind.VIDEO:
            self._slate = None
        else:
            self._sound, self._sound_config = track, parse_audio(track)

    def _stand_in(self) -> None:
        """The host is away: go on from where it stopped, as soon as players can show it."""
        if self._cut is None or not self.stands_in:
            return
        if (segmenter := self._segmenters.get(Kind.VIDEO)) is not None and self._slate is not None:
            if not segmenter.wide:
                return
            start = self._after(Kind.VIDEO, self._cut)
            self._standing_in[Kind.VIDEO] = SlateFrames(self._slate, self._plan.frame_rate, start, self._shift)
        if Kind.AUDIO in self._segmenters and self._sound is not None:
            start = self._sound_end if self._sound_end > self._cut - SOUND_TAIL else self._cut
            with contextlib.suppress(CodecError):  # of a layout that no silence is written for: its sound has a hole
                self._standing_in[Kind.AUDIO] = Silence(self._sound, self._after(Kind.AUDIO, start))

    def _leave_off(self) -> None:
        """Nothing stands in any longer; players have what has done so until now."""
        self._stood_in |= {kind: line.end for kind, line in self._standing_in.items()}
        self._standing_in.clear()

    def _after(self, kind: Kind, start: int) -> int:
        """Return ``start``, or where what stood in before has ended: one host may follow another that sent nothing."""
        return max(start, self._stood_in.get(kind, start))

    def _pass_on(self, kind: Kind, packets: Iterator[TimedPacket]) -> Iterator[PartItem]:
        for packet in packets:
            yield from self._segmenters[kind].packet(packet)
