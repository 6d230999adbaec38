"""Whatever hosts, operators and servers do, in any order: what players get of a broadcast stays legal.

Each history is a list of steps, each of which is followed by time.
"""

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.source import Refused
from tests.support.house import Host, House
from tests.support.media import Clip, make_clip
from transcode.media import Part, PartItem, SegmentEnd, SegmentStart

CLIPS: tuple[Callable[[], Clip], ...] = (
    make_clip,
    lambda: make_clip(gop=30),
    lambda: make_clip(gop=250, seconds=24),
    lambda: make_clip(fps=25, gop=50, b_frames=2),
    lambda: make_clip(size=(128, 96)),
    lambda: make_clip(sample_rate=44100),
    lambda: make_clip(audio=False),
    lambda: make_clip(video=False),
)

steps = st.one_of(
    st.tuples(st.just("publish"), st.integers(0, len(CLIPS) - 1), st.floats(0, 12)),
    st.tuples(st.sampled_from(["drop", "silence"]), st.just(0), st.floats(0, 12)),
    st.tuples(st.just("go on"), st.just(0), st.floats(0, 12)),
    st.tuples(st.just("restart"), st.just(0), st.floats(0.1, 8)),
    st.tuples(st.sampled_from(["stop", "open", "kick"]), st.just(0), st.floats(0, 3)),
    st.tuples(st.just("away"), st.just(0), st.sampled_from([60.0, 130.0])),
)


def frames(part: Part) -> int:
    """How many samples its track run has (ISO/IEC 14496-12, 8.8.8)."""
    at = part.data.index(b"trun") + 8
    return int.from_bytes(part.data[at : at + 4], "big")


class History:
    """A room and all that its players ever got."""

    def __init__(self, data: Path) -> None:
        self.house = House(data)
        self.key = self.house.open()
        self.host: Host | None = None
        self.lives: list[dict[str, list[PartItem]]] = [self.house.link.items]
        self.targets: dict[str, tuple[int, int]] = {}

    def step(self, what: str, clip: int, seconds: float) -> None:
        seconds = round(seconds, 3)
        if what == "publish":
            try:
                self.host = self.house.connect(self.key, CLIPS[clip]())
            except Refused:
                self.house.pass_time(seconds)
            else:
                self.host.announce()
                self.host.send(seconds)
        elif what == "go on" and self.host is not None:
            self.host.send(seconds)
        elif what == "restart":
            self.host = None
            self.house.restart(seconds)
            self.lives.append(self.house.link.items)
        else:
            if what == "drop" and self.host is not None:
                self.host.drop()
            elif what == "stop":
                self.house.rooms.stop("demo")
            elif what == "open":
                self.house.open()
            elif what == "kick" and self.house.rooms.get("demo").publisher is not None:
                self.house.rooms.kick("demo")
            self.house.pass_time(seconds)
        for start in self.house.link.starts:
            self.targets[start.broadcast] = start.plan.target_duration, start.plan.part_target
        self.look_at_playlists()

    def look_at_playlists(self) -> None:
        show = self.house.origin.current("demo")
        for window in show.windows.values() if show is not None else ():
            text = window.text().plain.decode()
            assert "EXTINF:-" not in text
            assert text.startswith("#EXTM3U\n")

    def check(self) -> None:
        for broadcast, (target, part_target) in self.targets.items():
            numbers: dict[str, list[int]] = defaultdict(list)
            ends: dict[str, float] = {}
            for life in self.lives:
                items = life.get(broadcast, [])
                lists = []
                for rendition in sorted({item.rendition for item in items}):
                    run = self.check_run([i for i in items if i.rendition == rendition], target, part_target)
                    assert run[0][1] >= ends.get(rendition, 0) - 0.001, "time never goes back"
                    ends[rendition] = run[-1][2]
                    lists.append([number for number, _, _ in run])
                    numbers[rendition] += lists[-1]
                # A server may be killed when one rendition is a number ahead.
                shortest = min(map(len, lists), default=0)
                assert all(listed[:shortest] == lists[0][:shortest] for listed in lists), "all have the same numbers"
                assert all(len(listed) <= shortest + 1 for listed in lists)
            for listed in numbers.values():
                assert all(before < after for before, after in pairwise(listed)), "numbers never go back"

    def check_run(self, items: list[PartItem], target: int, part_target: int) -> list[tuple[int, float, float]]:
        """Segments of one rendition within one life of the server: number, begin and end (seconds)."""
        run: list[tuple[int, float, float]] = []
        parts = 0
        start: SegmentStart | None = None
        for item in items:
            if isinstance(item, SegmentStart):
                start, parts = item, 0
                begin = item.start / item.timescale
                if run:
                    assert item.msn == run[-1][0] + 1
                    assert abs(begin - run[-1][2]) <= 0.001, "segments tile the timeline"
                run.append((item.msn, begin, begin))
            elif isinstance(item, Part):
                assert start is not None
                assert item.duration > 0
                # A lone frame that the host let stand longer than a part may last cannot be divided.
                assert item.duration / start.timescale <= part_target / 100_000 + 1e-9 or frames(item) == 1
                parts += item.duration
            elif isinstance(item, SegmentEnd):
                assert start is not None
                assert item.duration >= 0
                # Where another source takes over, its first picture hides what its predecessor still had to show:
                # a frame, and as many as that one reordered.
                assert parts <= item.duration + start.timescale / 5, "media is no longer than its segment"
                assert round(item.duration / start.timescale) <= target, "8216, 4.3.3.1"
                run[-1] = item.msn, run[-1][1], run[-1][1] + item.duration / start.timescale
        return run


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, min_size=1, max_size=12))
@example([("publish", 0, 3.0), ("publish", 2, 1.0), ("silence", 0, 3.0), ("go on", 0, 8.0)])  # no keyframe for long
@example([("publish", 0, 1.0), ("silence", 0, 5.0), ("go on", 0, 2.0), ("publish", 0, 1.0)])  # a host behind its time
@example([("publish", 0, 3.0), ("silence", 0, 1.0), ("publish", 0, 0.03)])  # a frame that stood for long
@example([("publish", 3, 3.0), ("publish", 0, 1.0)])  # reordered pictures, then none
@example([("publish", 3, 3.0), ("drop", 0, 1.0), ("publish", 0, 0.0)])  # a slate, and a host that only says hello
@example([("publish", 0, 9.0), ("away", 0, 130.0), ("publish", 7, 9.0), ("restart", 0, 2.0), ("publish", 6, 9.0)])
def test_what_players_get_stays_legal(history: list[tuple[str, int, float]]) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as data:
            room = History(Path(data))
            for what, clip, seconds in history:
                room.step(what, clip, seconds)
            room.house.rooms.stop("demo")
            room.check()
            room.house.store.close()

    asyncio.run(play())
