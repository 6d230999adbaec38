"""The pipeline of a room that is not transcoded: room-link items in, part-link items out. Pure, no I/O."""

from collections.abc import Iterator

from ingest.media import Kind, Track
from transcode.cmaf.segmenter import Segmenter
from transcode.media import Cut, End, PartItem, Plan, RoomItem, Tick, TimedPacket


class SourcePipeline:
    """Packs the host's own packets into CMAF parts, one rendition for the picture and one for the sound."""

    def __init__(self, plan: Plan) -> None:
        self._segmenters = {
            kind: Segmenter(kind, plan.part_target)
            for kind, listed in ((Kind.VIDEO, plan.video), (Kind.AUDIO, plan.audio))
            if listed is not None
        }

    def feed(self, item: RoomItem) -> Iterator[PartItem]:
        """Take the next item of the room link. A track that the plan does not list is left out."""
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
