"""What is passed on as the host made it: room-link items in, part-link items out. Pure, no I/O."""

from collections.abc import Iterator

from ingest.media import Kind, Track
from transcode.cmaf.segmenter import Segmenter
from transcode.media import AUDIO, SOURCE, Cut, End, PartItem, Plan, RoomItem, Tick, TimedPacket


class Passthrough:
    """Packs the host's own packets into CMAF parts: its picture where the plan has it as a rung, and its sound."""

    def __init__(self, plan: Plan) -> None:
        self._segmenters: dict[Kind, Segmenter] = {}
        if any(rung.name == SOURCE for rung in plan.rungs):
            self._segmenters[Kind.VIDEO] = Segmenter(SOURCE, Kind.VIDEO, plan.part_target, float(plan.frame_rate))
        if plan.sound is not None and not plan.sound.transcoded:
            self._segmenters[Kind.AUDIO] = Segmenter(AUDIO, Kind.AUDIO, plan.part_target)

    def feed(self, item: RoomItem) -> Iterator[PartItem]:
        """Take the next item of the room link. A track that it does not pass on is left out."""
        match item:
            case TimedPacket(kind=kind):
                if kind in self._segmenters:
                    yield from self._segmenters[kind].packet(item)
            case Track(kind=kind):
                if kind in self._segmenters:
                    self._segmenters[kind].configure(item)
            case Cut():
                for segmenter in self._segmenters.values():
                    yield from segmenter.cut(item)
            case Tick(pts=pts):
                for segmenter in self._segmenters.values():
                    yield from segmenter.tick(pts)
            case End(pts=pts):
                for segmenter in self._segmenters.values():
                    yield from segmenter.end(pts)
