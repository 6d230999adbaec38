"""The window of one rendition: the newest segments, in memory, and the playlist that lists them. No I/O.

Segments leave the playlist ``WINDOW`` seconds behind the live edge (or four targets, if longer) and stay fetchable for
their own length and that of the longest playlist that named them, since players may still hold it (RFC 8216, 6.2.2).

A playlist has to have a whole segment, and the first one takes seconds to come. So for players that ask for it *early*
the number before it is listed as a gap, and they begin with the first parts. They stay PART-HOLD-BACK behind the edge,
where there has to be media by then: hls.js, for one, waits at a gap for ever. Others, such as GStreamer, do so wherever
it stands: for them playlists begin with the first whole segment.
"""

import gzip
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serve import playlist
from serve.dates import ProgramDates
from serve.signal import Signal
from transcode.media import AudioFormat, Init, Part, PartItem, Plan, SegmentEnd, SegmentStart, VideoFormat

WINDOW = 24.0
_TARGETS = 4
_GZIP_LEVEL = 5


@dataclass(frozen=True, slots=True)
class Text:
    """A playlist as it is sent, plain and compressed."""

    plain: bytes
    gzipped: bytes


class Window:
    """The live edge of one rendition of a broadcast.

    ``format`` is that of its newest init segment, ``bandwidth`` the peak of its segments so far in bit/s. ``dates``
    tells the programme time of what is shown; ``discontinuities`` how many there were before this window began
    (EXT-X-DISCONTINUITY-SEQUENCE); ``reports`` where the other renditions are.
    """

    def __init__(
        self,
        rendition: str,
        plan: Plan,
        dates: ProgramDates,
        discontinuities: int = 0,
        reports: Callable[[], Sequence[playlist.Report]] = tuple,
    ) -> None:
        self.changed = Signal()
        self.ended = False
        self.format: VideoFormat | AudioFormat | None = None
        self.bandwidth = 0
        self._rendition = rendition
        self._plan = plan
        self._dates = dates
        self._reports = reports
        self._discontinuities = discontinuities
        self._length = max(WINDOW, _TARGETS * plan.target_duration)
        self._segments: list[playlist.Segment] = []
        self._retired: list[tuple[float, playlist.Segment]] = []  # and what ``_made`` is when it goes
        self._made = 0.0  # seconds of whole segments so far
        self._longest = 0.0  # playlist so far, seconds
        self._inits: dict[str, bytes] = {}
        self._init: str | None = None
        self._texts: dict[tuple[playlist.Form, bool], Text] = {}

    def receive(self, item: PartItem) -> None:
        """Take the next item of the part link."""
        match item:
            case Init():
                self._inits[item.name] = item.data
                self._init = item.name
                self.format = item.format
                return
            case SegmentStart():
                self._begin(item)
            case Part():
                self._segments[-1].parts.append(playlist.Part(item.duration, item.independent, item.data))
            case SegmentEnd():
                self._complete(self._segments[-1], item.duration)
        self._texts.clear()
        self.changed.fire()

    def _begin(self, item: SegmentStart) -> None:
        date = self._dates.date(item.msn, item.start * 1000 // item.timescale)
        if not self._segments:
            target = self._plan.target_duration
            before = playlist.Segment(item.msn - 1, 1, date - target * 1000, False, None, target, stand_in=True)
            self._segments.append(before)
        self._segments.append(playlist.Segment(item.msn, item.timescale, date, item.discontinuity, self._init))

    def end(self) -> None:
        """No more will come: the playlist gets its ENDLIST."""
        if self._segments and not self._segments[-1].parts and not self._segments[-1].duration:
            self._segments.pop()  # begun, but nothing came
        self.ended = True
        self._texts.clear()
        self.changed.fire()

    @property
    def begun(self) -> bool:
        """Whether a player can begin that has asked for it early: there are parts enough, or the first segment is
        whole."""
        return self.ready or (
            len(self._segments) > 1 and self._segments[1].seconds >= playlist.part_hold_back(self._plan)
        )

    @property
    def ready(self) -> bool:
        """Whether any player can begin: a segment is whole."""
        return len(self._segments) > 1 and self._segments[1].duration is not None

    @property
    def report(self) -> playlist.Report | None:
        """Where it is; None as long as there is no part."""
        last = next((segment for segment in reversed(self._segments) if segment.parts), None)
        return playlist.Report(self._rendition, last.msn, len(last.parts) - 1) if last is not None else None

    @property
    def average_bandwidth(self) -> int | None:
        """The mean of the segments that are listed and have media, in bit/s; None if there is none."""
        whole = [segment for segment in self._segments if segment.data and segment.seconds > 0]
        size, seconds = sum(len(segment.data or b"") for segment in whole), sum(segment.seconds for segment in whole)
        return round(size * 8 / seconds) if whole else None

    @property
    def edge(self) -> tuple[int, int]:
        """Media sequence number and part index that come next."""
        if not self._segments:
            return 0, 0
        last = self._segments[-1]
        return (last.msn, len(last.parts)) if last.duration is None else (last.msn + 1, 0)

    def contains(self, msn: int, part: int | None) -> bool:
        """Whether the playlist lists part ``part`` of segment ``msn``, or all of it (8216bis, 6.2.5.2).

        A part past the last one of a whole segment stands for the first one of the next. A gap has no parts: it being
        listed is all the news there is.
        """
        if part is None:
            return msn < self.edge[0]
        if msn >= self.edge[0]:
            return (msn, part) < self.edge
        whole = self._find(msn)
        return whole is None or not whole.parts or part < len(whole.parts) or self.edge > (msn + 1, 0)

    def text(self, form: playlist.Form = playlist.Form.FULL, early: bool = False) -> Text:
        """Return the playlist; made once for each change. ``early``: with the gap before the first segment."""
        early = early and bool(self._segments) and self._segments[0].stand_in
        text = self._texts.get((form, early))
        if text is None:
            segments = [segment for segment in self._segments if early or not segment.stand_in]
            listed = playlist.MediaPlaylist(
                self._plan, self._rendition, segments, self._discontinuities, self.ended, self._reports()
            )
            plain = listed.text(form).encode()
            text = self._texts[form, early] = Text(plain, gzip.compress(plain, _GZIP_LEVEL, mtime=0))
        return text

    def init(self, name: str) -> bytes | None:
        """Return the init segment ``name``."""
        return self._inits.get(name)

    def segment(self, msn: int) -> bytes | None:
        """Return a whole segment; None if it is not there, not whole, or a gap."""
        found = self._find(msn)
        return found.data if found and found.parts else None

    def part(self, msn: int, index: int) -> bytes | memoryview | None:
        """Return part ``index`` of segment ``msn``."""
        found = self._find(msn)
        return found.parts[index].data if found and index < len(found.parts) else None

    def _find(self, msn: int) -> playlist.Segment | None:
        at = bisect_left(self._segments, msn, key=lambda segment: segment.msn)
        if at < len(self._segments) and self._segments[at].msn == msn:
            return self._segments[at]
        return next((segment for _, segment in self._retired if segment.msn == msn), None)

    def _complete(self, segment: playlist.Segment, duration: int) -> None:
        segment.duration = duration
        # One block for the whole segment, and its parts are views into it: nothing is kept twice.
        segment.data = b"".join(part.data for part in segment.parts)
        size, at = len(segment.data), 0
        for part in segment.parts:
            part.data = memoryview(segment.data)[at : at + len(part.data)]
            at += len(part.data)
        # The peak counts segments of half a target and more (RFC 8216, 4.1): a lone keyframe is no measure.
        if 2 * duration >= self._plan.target_duration * segment.timescale:
            self.bandwidth = max(self.bandwidth, size * 8 * segment.timescale // duration)
        self._retire()

    def _retire(self) -> None:
        self._made += self._segments[-1].seconds
        total = sum(segment.seconds for segment in self._segments)
        self._longest = max(self._longest, total)
        while len(self._segments) > 1 and total - self._segments[0].seconds >= self._length:
            oldest = self._segments.pop(0)
            total -= oldest.seconds
            self._discontinuities += oldest.discontinuity
            self._retired.append((self._made + oldest.seconds + self._longest, oldest))
        self._retired = [(until, segment) for until, segment in self._retired if until > self._made]
        used = {segment.init for segment in (*self._segments, *(retired for _, retired in self._retired))}
        used.add(self._init)
        for name in self._inits.keys() - used:
            del self._inits[name]
