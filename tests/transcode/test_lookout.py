"""The lookout: detectors are given all that viewers will get, with the same stamps, and what they say is handed on.

Pictures are flat greys, whose luma tells their number.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
import pytest

from filters import Detector, FilterError, Finding, Kind, Picture, Sound, Stream, Unverified, Upto, Verified
from filters.api import Box
from ingest.media import Kind as TrackKind
from ingest.media import Track
from tests.support.media import Clip, make_clip
from transcode import lookout
from transcode.canvas import Canvas, PictureError
from transcode.grid import BLOCK
from transcode.ladder import sound_for
from transcode.lane import Inline, Thread
from transcode.lookout import Lookout, Watcher
from transcode.media import LATE_TRACK, TIMELINE, FrameRate, Plan, RoomItem, Rung, Tick, TimedPacket
from transcode.verdicts import Cause, Cleared, Found, Hole, LedgerEntry, Unveil, Veil

MS = TIMELINE // 1000
FRAME = TIMELINE // 10
BLOCK_TICKS = 1920
STREAM = Stream(64, 48, 10.0, 2)
CLIP = make_clip(seconds=2, fps=10, gop=10)
RUNG = Rung("48p", 64, 48, 1, 100_000)
PLAN = Plan((RUNG,), sound_for(2, None), FrameRate(10, 1), "fast", 2, 20_000)


class Diary(Detector):
    """Remembers what it is given."""

    def __init__(self) -> None:
        self.pictures: dict[int, int] = {}  # numbers by stamps
        self.sounds: dict[int, np.ndarray] = {}
        self.calls: list[str] = []

    def open(self, stream: Stream) -> None:
        self.calls.append(f"open {stream.width}x{stream.height}")

    def close(self) -> None:
        self.calls.append("close")

    def picture(self, picture: Picture) -> Iterable[Finding | Unverified | Verified]:
        self.pictures[picture.pts] = round(float(picture.planes.y.mean())) - 20
        return ()

    def sound(self, sound: Sound) -> Iterable[Finding | Unverified | Verified]:
        assert sound.first * 15 == sound.pts * 8
        self.sounds[sound.pts] = sound.samples
        return ()


class Eyes(Diary):
    """Looks alone."""

    sound = Detector.sound


class Ears(Diary):
    """Listens alone."""

    picture = Detector.picture


def timed(clip: Clip = CLIP, start: int = 0) -> list[RoomItem]:
    """The clip as it comes on the timeline: tracks and packets."""
    return [
        *clip.tracks,
        *(
            TimedPacket(p.kind, (p.stamp + p.offset) * MS + start, p.stamp * MS + start, p.keyframe, p.data)
            for p in clip.packets
        ),
    ]


class Post:
    """Detectors at work."""

    def __init__(self, *detectors: Detector, plan: Plan = PLAN) -> None:
        self.said: list[LedgerEntry] = []
        self.watchers = [
            Watcher(number, f"mine{number}", detector, Inline(), self.said.append)
            for number, detector in enumerate(detectors)
        ]
        self.lookout = Lookout(plan, self.watchers)
        for watcher in self.watchers:
            watcher.open(STREAM)

    def feed(self, items: Iterable[RoomItem]) -> "Post":
        for item in items:
            self.lookout.feed(item)
        return self

    @property
    def clearances(self) -> list[Upto]:
        return [Upto(entry.picture, entry.sound) for entry in self.said if isinstance(entry, Cleared)]


# --- what they are given ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("b_frames", [0, 2])
def test_every_picture_is_seen_once_with_its_stamp(b_frames: int) -> None:
    diary = Diary()
    clip = make_clip(seconds=2, fps=10, gop=10, b_frames=b_frames)
    Post(diary).feed(timed(clip)).lookout.close()
    numbers = list(diary.pictures.values())
    assert numbers == list(range(20))
    stamps = list(diary.pictures)
    assert stamps == [stamps[0] + number * FRAME for number in range(20)]
    assert diary.calls == ["open 64x48", "close"]


def test_all_sound_is_heard_without_a_hole_from_the_first_sample_on() -> None:
    diary = Diary()
    start = 5 * BLOCK_TICKS + 700
    Post(diary).feed(timed(start=start))
    assert list(diary.sounds) == [5 * BLOCK_TICKS + number * BLOCK_TICKS for number in range(len(diary.sounds))]
    assert len(diary.sounds) >= 91
    assert all(samples.shape == (2, BLOCK) for samples in diary.sounds.values())
    first = diary.sounds[5 * BLOCK_TICKS]
    assert not first[:, : 700 * 8 // 15].any()
    assert first[:, 700 * 8 // 15 + 2 :].any()


def test_where_no_sound_comes_they_hear_silence_half_a_second_later() -> None:
    diary = Diary()
    Post(diary).feed(item for item in timed() if not isinstance(item, TimedPacket) or item.kind is TrackKind.VIDEO)
    assert max(diary.sounds) == (1900 * MS - TIMELINE // 2) // BLOCK_TICKS * BLOCK_TICKS - BLOCK_TICKS
    assert not any(samples.any() for samples in diary.sounds.values())


def test_while_the_host_is_away_they_hear_silence() -> None:
    diary = Diary()
    post = Post(diary).feed(timed())
    heard = len(diary.sounds)
    post.feed(Tick(at * MS) for at in range(2000, 4000, 100))
    assert len(diary.sounds) > heard + 80
    assert max(diary.pictures) == 1900 * MS


class Thoughtful(Eyes):
    """Clears pictures half a second later."""

    def clearance(self, seen: Upto) -> Upto:
        return seen._replace(picture=max(0, seen.picture - 500 * MS))


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_host_that_goes_away_leaves_no_picture_that_is_never_cleared(b_frames: int) -> None:
    post = Post(Thoughtful()).feed(timed(make_clip(seconds=2, fps=10, gop=10, b_frames=b_frames)))
    assert post.clearances[-1].picture <= 1600 * MS
    post.feed(Tick(at * MS) for at in range(2000, 2600, 100))
    assert post.clearances[-1].picture == 2000 * MS
    late = {entry.start for entry in post.said if isinstance(entry, Hole)}
    post.lookout.close()
    missed = {entry.start for entry in post.said if isinstance(entry, Hole)} - late
    assert all(pts < 2500 * MS for pts in missed), "what the decoder still had counts as missed"
    assert bool(missed) == bool(b_frames)


def test_a_picture_that_comes_seldom_is_cleared_while_sound_or_time_goes_on() -> None:
    pictures = [item for item in timed() if isinstance(item, Track) or item.kind is TrackKind.VIDEO]  # type: ignore[union-attr]
    sounds = [item for item in timed() if isinstance(item, TimedPacket) and item.kind is TrackKind.AUDIO]
    post = Post(Thoughtful()).feed(pictures[:4])  # two tracks, two pictures
    post.feed(sounds)
    newest = max(item.dts for item in sounds)
    assert post.clearances[-1].picture == newest - LATE_TRACK - 500 * MS
    post.feed([Tick(4000 * MS, away=False)])
    assert post.clearances[-1].picture == 3500 * MS
    post.feed(pictures[4:5])
    (missed,) = (entry for entry in post.said if isinstance(entry, Hole))
    assert missed.start == 200 * MS, "one that comes all the same is not taken for seen"


def test_they_are_given_what_they_take_and_no_more() -> None:
    eyes, ears = Eyes(), Ears()
    Post(eyes, ears).feed(timed())
    assert eyes.pictures
    assert ears.sounds
    assert eyes.sounds == ears.pictures == {}


def test_nobody_is_given_pictures_where_there_is_sound_alone() -> None:
    diary = Diary()
    Post(diary, plan=Plan((), PLAN.sound, FrameRate(0, 1), "fast", 2, 20_000)).feed(timed())
    assert diary.sounds
    assert not diary.pictures


def test_a_track_that_changes_is_looked_at_like_the_one_before() -> None:
    diary = Diary()
    other = make_clip(seconds=1, fps=10, gop=10, size=(128, 72), audio=False)
    Post(diary).feed([*timed(), *timed(other, start=2 * TIMELINE)]).lookout.close()
    assert list(diary.pictures) == [number * FRAME for number in range(30)]


def test_pixels_cannot_be_changed() -> None:
    class Vandal(Detector):
        def picture(self, picture: Picture) -> Iterable[Finding]:
            picture.planes.y[:] = 0
            return ()

    with pytest.raises(FilterError, match="read-only"):
        Post(Vandal()).feed(timed())


# --- what they say ---------------------------------------------------------------------------------------------


class Chatty(Diary):
    """Says things of the third picture."""

    def picture(self, picture: Picture) -> Iterator[Finding | Unverified | Verified]:
        if picture.pts == 2 * FRAME:
            yield Unverified(4, picture.pts, Box(0, 0, 8, 8))
            yield Finding(Kind.PICTURE, picture.pts, picture.pts + 1, "thing")
            yield Verified(4)


def test_what_they_say_comes_in_order_and_before_the_clearance_that_follows() -> None:
    post = Post(Diary(), Chatty()).feed(timed())
    said = [entry for entry in post.said if not isinstance(entry, Cleared) or entry.detector == 1]
    first = next(index for index, entry in enumerate(said) if not isinstance(entry, Cleared))
    veil, found, unveil, cleared = said[first : first + 4]
    assert veil == Veil(1, Unverified(4, 2 * FRAME, Box(0, 0, 8, 8)))
    assert found == Found(1, Finding(Kind.PICTURE, 2 * FRAME, 2 * FRAME + 1, "thing"))
    assert unveil == Unveil(1, 4)
    assert isinstance(cleared, Cleared)
    assert cleared.picture == 2 * FRAME + 1


def test_who_decides_at_once_clears_what_it_has_been_given() -> None:
    diary = Diary()
    post = Post(diary).feed(timed())
    assert post.clearances[-1] == Upto(max(diary.pictures) + 1, max(diary.sounds) + BLOCK_TICKS)


def test_a_clearance_is_told_only_when_it_has_come_further() -> None:
    class Fickle(Eyes):
        def clearance(self, seen: Upto) -> Upto:
            return Upto(seen.picture if seen.picture // FRAME % 2 else 0, -1)

    upto = [clearance.picture for clearance in Post(Fickle()).feed(timed()).clearances]
    assert upto == sorted(set(upto))
    assert len(upto) == 11


@pytest.mark.parametrize(
    ("clearance", "text"),
    [
        (lambda seen: Upto(seen.picture + 1, 0), "clears more than it has been given"),
        (lambda seen: Upto(0, seen.sound + 1), "clears more than it has been given"),
        (
            lambda seen: Upto(0.5, 0),  # type: ignore[arg-type]
            "in whole ticks",
        ),
        (lambda seen: (0, 0), "in whole ticks"),
        (lambda seen: None, "in whole ticks"),
        (lambda seen: 1 // 0, "ZeroDivisionError"),
    ],
)
def test_a_clearance_that_makes_no_sense_is_the_filters_fault(clearance: Callable[[Upto], Upto], text: str) -> None:
    class Wrong(Diary):
        def clearance(self, seen: Upto) -> Upto:
            return clearance(seen)

    with pytest.raises(FilterError, match=f"filter mine0: .*{text}"):
        Post(Wrong()).feed(timed())


@pytest.mark.parametrize("said", [["nonsense"], "nonsense", 5, [None], (0, 1)])
def test_what_says_nothing_is_the_filters_fault(said: object) -> None:
    class Wrong(Diary):
        def picture(self, picture: Picture) -> Iterable[Finding]:
            return said  # type: ignore[return-value]

    with pytest.raises(FilterError, match=r"filter mine0: yields .*, which says nothing"):
        Post(Wrong()).feed(timed())


def test_what_is_raised_names_the_filter_even_where_it_yields() -> None:
    class Wrong(Diary):
        def sound(self, sound: Sound) -> Iterator[Finding]:
            yield Finding(Kind.SOUND, sound.pts, sound.pts + 1, "word")
            raise RuntimeError("enough")

    with pytest.raises(FilterError, match="filter mine0: RuntimeError: enough"):
        Post(Wrong()).feed(timed())


# --- what they were not given ----------------------------------------------------------------------------------


def test_a_picture_whose_stamp_goes_back_to_what_is_cleared_is_a_hole() -> None:
    diary = Diary()
    items = timed(make_clip(seconds=1, fps=10, gop=10, audio=False))
    packets = [item for item in items if isinstance(item, TimedPacket)]
    packets[5] = TimedPacket(TrackKind.VIDEO, 250 * MS, packets[5].dts, False, packets[5].data)
    packets[6] = TimedPacket(TrackKind.VIDEO, 400 * MS, packets[6].dts, False, packets[6].data)
    post = Post(diary).feed([items[0], *packets])
    assert [entry for entry in post.said if isinstance(entry, Hole)] == [
        Hole(250 * MS, 250 * MS + 1, Cause.UNSEEN),
        Hole(400 * MS, 400 * MS + 1, Cause.UNSEEN),
    ]
    assert 250 * MS not in diary.pictures
    assert diary.pictures[400 * MS] == 4


def test_a_picture_that_cannot_be_converted_here_is_a_hole_as_it_may_be_shown_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Full(Canvas):
        def draw(self, frame: av.VideoFrame, sample_aspect_ratio: Fraction) -> Iterator[av.VideoFrame]:
            if frame.pts == 3 * FRAME:
                raise PictureError("the disk is full")
            yield from super().draw(frame, sample_aspect_ratio)

    monkeypatch.setattr(lookout, "Canvas", Full)
    diary = Diary()
    post = Post(diary).feed(timed())
    assert [entry for entry in post.said if isinstance(entry, Hole)] == [
        Hole(3 * FRAME, 3 * FRAME + 1, Cause.UNSEEN),
    ]
    assert 3 * FRAME not in diary.pictures
    hole = next(index for index, entry in enumerate(post.said) if isinstance(entry, Hole))
    assert all(entry.picture <= 2 * FRAME + 1 for entry in post.said[:hole] if isinstance(entry, Cleared))


# --- threads ---------------------------------------------------------------------------------------------------


class Slow(Diary):
    """Comes back when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.called = threading.Event()
        self.may = threading.Event()

    def picture(self, picture: Picture) -> Iterable[Finding | Unverified | Verified]:
        self.called.set()
        assert self.may.wait(20)
        return super().picture(picture)


class Apart:
    """A lookout whose decoders and detectors have threads, as in the detector process."""

    def __init__(self, *detectors: Detector) -> None:
        self.failures: list[BaseException] = []
        self.said: list[LedgerEntry] = []
        self.done: list[int] = []
        self.watchers = [
            Watcher(number, "mine", detector, Thread("mine", self.failures.append, 2), self.said.append)
            for number, detector in enumerate(detectors)
        ]
        self.lookout = Lookout(PLAN, self.watchers, lambda name: Thread(name, self.failures.append, 0))

    def feed(self, items: Iterable[RoomItem]) -> None:
        for number, item in enumerate(items):
            self.lookout.feed(item, lambda number=number: self.done.append(number))  # type: ignore[misc]


class SlowEyes(Slow):
    """Looks alone."""

    sound = Detector.sound


class Waiting(Ears):
    """Tells when it has heard a second."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()

    def sound(self, sound: Sound) -> Iterable[Finding | Unverified | Verified]:
        if sound.pts >= TIMELINE:
            self.heard.set()
        return ()


def test_a_slow_detector_keeps_nobody_waiting_who_feeds_it_nor_one_that_listens() -> None:
    slow, waiting = SlowEyes(), Waiting()
    apart = Apart(slow, waiting)
    apart.feed(timed())
    assert waiting.heard.wait(20)
    assert not slow.pictures
    slow.may.set()
    apart.lookout.close()
    assert len(slow.pictures) == 20
    assert apart.failures == []


def test_what_is_on_its_way_to_a_slow_detector_is_done_when_the_detector_has_it() -> None:
    slow = SlowEyes()
    apart = Apart(slow)
    items = [item for item in timed() if not isinstance(item, TimedPacket) or item.kind is TrackKind.VIDEO]
    items = [item for item in items if not isinstance(item, Track) or item.kind is TrackKind.VIDEO]
    apart.feed(items)
    assert slow.called.wait(20)
    assert len(apart.done) < 10
    assert not any(isinstance(entry, Cleared) for entry in apart.said)
    slow.may.set()
    apart.lookout.close()
    assert apart.done == list(range(len(items)))
    assert list(slow.pictures.values()) == list(range(20))
    assert apart.failures == []


def test_a_detector_is_seen_to_be_busy_while_it_is_called() -> None:
    slow = Slow()
    apart = Apart(slow)
    (watcher,) = apart.watchers
    apart.feed(timed())
    assert slow.called.wait(20)
    call = watcher.busy
    assert call is not None
    slow.may.set()
    apart.lookout.close()
    assert watcher.busy is None
