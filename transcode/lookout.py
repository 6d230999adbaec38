"""The lookout: a broadcast's detectors at work. The host's packets in, what the detectors say of them out.

Pictures and sound are decoded as for viewers (same decoder, canvas and sound track, same stamps), so that what was seen
is what goes out. Each detector has a lane of its own, and so have the decoders: a slow one keeps others waiting for a
few pictures at most, and sound is never kept waiting by pictures. Knows no clock.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import av

from filters import Detector, FilterError, Finding, Kind, Picture, Sound, Stream, Unverified, Upto, Verified
from filters.faults import explain, source_of
from filters.pixels import bgr_of
from ingest.media import Kind as TrackKind
from ingest.media import Track
from transcode.canvas import Canvas, PictureError
from transcode.conversion import planes_of
from transcode.decode import VideoDecoder
from transcode.grid import BLOCK, RATE
from transcode.lane import Inline, Lane, Task
from transcode.media import LATE_TRACK, TIMELINE, Plan, RoomItem, Tick, TimedPacket
from transcode.soundtrack import Block, SoundTrack, samples_of
from transcode.verdicts import Cause, Cleared, Found, Hole, LedgerEntry, Unveil, Veil

_BLOCK_TICKS = BLOCK * TIMELINE // RATE

Lanes = Callable[[str], Lane]


class Watcher:
    """One detector at work: number ``number``, called ``title`` where its fault is told. ``say`` takes what it says."""

    def __init__(
        self, number: int, title: str, detector: Detector, lane: Lane, say: Callable[[LedgerEntry], None]
    ) -> None:
        self.title = title
        self.takes = detector.takes
        self.context = round(detector.context * TIMELINE)
        self.busy: object = None
        """Something new each time that the detector is called; None while it is not."""
        self._number = number
        self._detector = detector
        self._lane = lane
        self._say = say
        self._seen = Upto(0, 0)
        self._cleared = Upto(-1, -1)

    def open(self, stream: Stream, done: Callable[[], None] = lambda: None) -> None:
        """Have the detector get ready; ``done`` is called when it is."""

        def get_ready() -> None:
            self._call(self._detector.open, stream)
            done()

        self._lane.put(get_ready)

    def picture(self, picture: Picture, frame: av.VideoFrame) -> None:
        """Show it the next picture, whose pixels ``frame`` owns."""

        def look() -> None:
            self._hear(self._call(self._detector.picture, picture))
            assert frame is not None  # it has to live until here
            self._seen = self._seen._replace(picture=picture.pts + 1)
            self._clear()

        self._lane.put(look)

    def sound(self, sound: Sound) -> None:
        """Let it hear what comes next."""

        def listen() -> None:
            self._hear(self._call(self._detector.sound, sound))
            self._seen = self._seen._replace(sound=sound.pts + _BLOCK_TICKS)
            self._clear()

        self._lane.put(listen)

    def wait(self, pts: int) -> None:
        """No picture comes for a time before ``pts`` (ticks): it has seen all of that."""

        def see() -> None:
            if pts > self._seen.picture:
                self._seen = self._seen._replace(picture=pts)
                self._clear()

        self._lane.put(see)

    def miss(self, pts: int) -> None:
        """It is not shown the picture of ``pts``: that must not count as cleared by what it says of others."""
        self._say(Hole(pts, pts + 1, Cause.UNSEEN))

    def close(self) -> None:
        """Return when all is done."""

        def let_go() -> None:
            self._call(self._detector.close)

        self._lane.put(let_go)
        self._lane.close()

    def _call(self, method: Callable[..., object], *arguments: object) -> object:
        """Call the detector. What it raises is a FilterError that names it."""
        self.busy = object()
        try:
            said = method(*arguments)
            # A generator does its work while it is read.
            return list(said) if isinstance(said, Iterable) and not isinstance(said, tuple) else said
        except Exception as error:
            raise FilterError(explain(self.title, error, source_of(type(self._detector)))) from error
        finally:
            self.busy = None

    def _hear(self, said: object) -> None:
        for each in said if isinstance(said, list | tuple) else () if said is None else (said,):
            match each:
                case Finding():
                    self._say(Found(self._number, each))
                case Unverified():
                    self._say(Veil(self._number, each))
                case Verified(id=number):
                    self._say(Unveil(self._number, number))
                case _:
                    raise FilterError(f"filter {self.title}: yields {type(each).__name__}, which says nothing")

    def _clear(self) -> None:
        cleared = self._call(self._detector.clearance, self._seen)
        if not isinstance(cleared, Upto) or not all(isinstance(pts, int) for pts in cleared):
            raise FilterError(f"filter {self.title}: a clearance is Upto(picture, sound) in whole ticks")
        if cleared.picture > self._seen.picture or cleared.sound > self._seen.sound:
            raise FilterError(f"filter {self.title}: clears more than it has been given")
        further = Upto(max(cleared.picture, self._cleared.picture), max(cleared.sound, self._cleared.sound))
        if further != self._cleared:
            self._cleared = further
            self._say(Cleared(self._number, further.picture, further.sound))


class Lookout:
    """Gives a broadcast of ``plan`` to ``watchers``; ``lanes`` makes the lanes of the decoders."""

    def __init__(self, plan: Plan, watchers: Sequence[Watcher], lanes: Lanes = lambda _: Inline()) -> None:
        self._plan = plan
        self._watchers = watchers
        wanted = frozenset[Kind]().union(*(watcher.takes for watcher in watchers))
        self._eyes = _Eyes(plan, self._watching(Kind.PICTURE)) if Kind.PICTURE in wanted and plan.encoded else None
        channels = plan.sound.channels if plan.sound is not None else 0
        self._ears = _Ears(channels, self._watching(Kind.SOUND)) if Kind.SOUND in wanted and channels else None
        self._picture_lane = lanes("pictures")
        self._sound_lane = lanes("sound")

    def _watching(self, kind: Kind) -> list[Watcher]:
        return [watcher for watcher in self._watchers if kind in watcher.takes]

    def feed(self, item: RoomItem, done: Callable[[], None] = lambda: None) -> None:
        """Take the next item; ``done`` is called, in any thread, when it has been given to the detectors."""
        eyes, ears = self._eyes, self._ears
        if ears is not None and (task := _heard(ears, item)) is not None:
            self._sound_lane.put(task)
        if eyes is not None and (task := _seen(eyes, item)) is not None:
            self._picture_lane.put(task)
        of_pictures = isinstance(item, TimedPacket | Track) and item.kind is TrackKind.VIDEO
        if eyes is not None and of_pictures:
            self._picture_lane.put(done)
        elif ears is not None:
            self._sound_lane.put(done)
        else:
            done()

    def outlast(self, kind: TrackKind, pts: int) -> None:
        """No more of ``kind`` will come: a file is over. The last picture is seen again at ``pts``; or it is silent."""
        eyes, ears = self._eyes, self._ears
        if kind is TrackKind.VIDEO and eyes is not None:
            self._picture_lane.put(lambda: eyes.again(pts))
        elif kind is TrackKind.AUDIO and ears is not None:
            self._sound_lane.put(lambda: ears.advance(pts))

    def close(self) -> None:
        """Return when all that was fed has been looked at."""
        if self._eyes is not None:
            self._picture_lane.put(self._eyes.flush)
        self._picture_lane.close()
        self._sound_lane.close()
        for watcher in self._watchers:
            watcher.close()


def _seen(eyes: "_Eyes", item: RoomItem) -> Task | None:
    """Return what ``item`` is to those who look."""
    match item:
        case TimedPacket(kind=TrackKind.VIDEO):
            return lambda: eyes.packet(item)
        case Track(kind=TrackKind.VIDEO):
            return lambda: eyes.track(item)
        case TimedPacket(dts=dts):
            return lambda: eyes.wait(dts - LATE_TRACK)
        case Tick(pts=pts, away=away):
            return lambda: eyes.wait(pts, away)
    return None


def _heard(ears: "_Ears", item: RoomItem) -> Task | None:
    """Return what ``item`` is to those who listen."""
    match item:
        case TimedPacket(kind=TrackKind.VIDEO, dts=dts):
            return lambda: ears.advance(dts - LATE_TRACK)
        case TimedPacket():
            return lambda: ears.packet(item)
        case Track(kind=TrackKind.AUDIO):
            return lambda: ears.track(item)
        case Tick(pts=pts):
            return lambda: ears.advance(pts)
    return None


class _Eyes:
    """Decodes pictures for those who look at them."""

    def __init__(self, plan: Plan, watchers: Sequence[Watcher]) -> None:
        self._watchers = watchers
        self._canvas = Canvas(plan.encoded[0].width, plan.encoded[0].height)
        self._decoder: VideoDecoder | None = None
        self._last: av.VideoFrame | None = None
        self._upto = 0  # the watchers may have cleared pictures before this (ticks)
        self._inside: set[int] = set()  # stamps of pictures that the decoder has and may still give
        self._owed: set[int] = set()  # stamps of pictures that are decoded and not given to them

    def track(self, track: Track) -> None:
        self.flush()
        self._decoder = VideoDecoder(track)

    def packet(self, packet: TimedPacket) -> None:
        if self._decoder is not None:
            self._inside.add(packet.pts)
            self._show(self._decoder.decode(packet), self._decoder)

    def wait(self, pts: int, away: bool = False) -> None:
        """No picture for a time before ``pts`` is waited for. What the decoder still has of a host that is ``away``
        counts as missed, if it comes."""
        if not away:
            pts = min([pts, *self._inside, *self._owed])
        if pts > self._upto:
            self._upto = pts
            for watcher in self._watchers:
                watcher.wait(pts)

    def flush(self) -> None:
        if self._decoder is not None:
            self._show(self._decoder.flush(), self._decoder)
            self._look(self._canvas.flush())
            self._inside.clear()
            self._decoder = None

    def again(self, pts: int) -> None:
        self.flush()
        if self._last is not None:
            self._give(self._last, pts)

    def _show(self, frames: Iterator[av.VideoFrame], decoder: VideoDecoder) -> None:
        for decoded in frames:
            assert decoded.pts is not None
            self._inside = {pts for pts in self._inside if pts > decoded.pts}
            self._owed.add(decoded.pts)
            self._look(self._canvas.draw(decoded, decoder.sample_aspect_ratio))

    def _look(self, pictures: Iterator[av.VideoFrame]) -> None:
        try:
            for frame in pictures:
                assert frame.pts is not None
                self._owed = {pts for pts in self._owed if pts > frame.pts}
                if frame.pts < self._upto:  # stamps go back, as they only do where something is wrong with them
                    self._miss(frame.pts)
                else:
                    self._last = frame
                    self._give(frame, frame.pts)
        except PictureError:
            for pts in sorted(self._owed):
                self._miss(pts)
            self._owed.clear()

    def _give(self, frame: av.VideoFrame, pts: int) -> None:
        planes = planes_of(frame)
        for plane in planes:
            plane.flags.writeable = False
        for watcher in self._watchers:
            watcher.picture(Picture(pts, planes, bgr_of), frame)
        self._upto = pts + 1

    def _miss(self, pts: int) -> None:
        for watcher in self._watchers:
            watcher.miss(pts)


class _Ears:
    """Decodes sound for those who listen."""

    def __init__(self, channels: int, watchers: Sequence[Watcher]) -> None:
        self._channels = channels
        self._watchers = watchers
        self._track: Track | None = None
        self._sound: SoundTrack | None = None

    def track(self, track: Track) -> None:
        self._track = track
        if self._sound is not None:
            self._sound.configure(track)

    def packet(self, packet: TimedPacket) -> None:
        self._begin(packet.pts)
        assert self._sound is not None
        self._hear(self._sound.packet(packet))

    def advance(self, pts: int) -> None:
        if self._sound is None and pts >= 0:
            self._begin(pts)
        if self._sound is not None:
            self._hear(self._sound.advance(pts))

    def _begin(self, pts: int) -> None:
        if self._sound is None:
            self._sound = SoundTrack(self._channels, max(0, pts * RATE // TIMELINE // BLOCK))
            if self._track is not None:
                self._sound.configure(self._track)

    def _hear(self, blocks: Iterator[Block]) -> None:
        for block in blocks:
            sound = Sound(block.number * _BLOCK_TICKS, block.number * BLOCK, samples_of(block.frame))
            sound.samples.flags.writeable = False
            for watcher in self._watchers:
                watcher.sound(sound)
