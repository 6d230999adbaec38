"""Histories of rooms that real Rooms make, in no time: what players are told and get. They break no rule, but for the
two that show what is known to be wrong; and they are what faults are planted in."""

import asyncio
import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from serve.origin import Show
from serve.parts import BroadcastStart
from serve.playlist import Form
from serve.window import Window
from tests.support.hls.checker import Checker
from tests.support.hls.media import Media
from tests.support.hls.probes import Probe, check_probe
from tests.support.hls.reader import read
from tests.support.hls.told import Told
from tests.support.house import START, Host, House
from tests.support.media import make_clip
from transcode.media import (
    TIMELINE,
    AudioFormat,
    FrameRate,
    Init,
    Part,
    PartItem,
    Plan,
    Rung,
    SegmentEnd,
    SegmentStart,
    Sound,
)

STEP = 0.05
SEGMENT = 2.0
"""Seconds; of a transcoded room."""
_DELTA_EVERY = 4
_MASTER_EVERY = 40


@dataclass(frozen=True)
class Record:
    """All that was told and got of a broadcast, and answers to single questions."""

    masters: tuple[Told, ...] = ()
    playlists: dict[str, tuple[Told, ...]] = field(default_factory=dict)
    media: dict[str, Media] = field(default_factory=dict)
    probes: tuple[Probe, ...] = ()

    def check(self) -> Checker:
        """Have it judged."""
        checker = Checker("b1")
        for rendition, media in self.media.items():
            checker.history(rendition)
            checker.media[rendition] = media
        told = [(each.at, "", each) for each in self.masters]
        told += [(each.at, name, each) for name, all_told in self.playlists.items() for each in all_told]
        for _, name, each in sorted(told, key=lambda what: what[:2]):
            if name:
                checker.take(name, each)
            else:
                checker.take_master(each)
        for probe in self.probes:
            check_probe(probe, checker.place)
        checker.finish()
        return checker


class _Watching:
    """Looks at a house every ``STEP`` seconds, as players that wait for news do."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.masters: list[Told] = []
        self.told: dict[str, list[Told]] = {}
        self.media: dict[str, Media] = {}
        self.absent = False
        self._turn = 0

    def host(self, host: Host, seconds: float) -> None:
        """The host goes on."""
        for _ in range(round(seconds / STEP)):
            host.send(STEP)
            self.look()

    def time(self, seconds: float) -> None:
        """Time goes on without it."""
        for _ in range(round(seconds / STEP)):
            self.house.pass_time(STEP)
            self.look()

    def look(self) -> None:
        show = self.house.origin.current("demo")
        if show is None or not show.ready:
            return
        now = self.house.clock.milliseconds / 1000
        self._turn += 1
        if self._turn % _MASTER_EVERY == 1:
            self.masters.append(Told(show.multivariant().decode(), now - STEP / 2, now))
        for name, window in show.windows.items():
            self._look_at(name, window, now)
        self.absent = False

    def end(self, show: Show) -> None:
        now = self.house.clock.milliseconds / 1000 + STEP
        self.masters.append(Told(self.masters[-1].text, now - STEP / 2, now))
        for name, window in show.windows.items():
            self._look_at(name, window, now)

    def _look_at(self, name: str, window: Window, now: float) -> None:
        told = self.told.setdefault(name, [])
        edge = read(told[-1].text).edge if told and not self.absent else None
        if edge is not None and not window.contains(*edge) and not window.ended:
            return
        skip = edge is not None and len(told) % _DELTA_EVERY == 0
        text = window.text(Form.DELTA if skip else Form.FULL).plain.decode()
        number, part = edge or (None, None)
        told.append(Told(text, now - STEP / 2, now, number, part, skip, self.absent))
        media = self.media.setdefault(name, Media())
        for entry in read(text).entries:
            if entry.init is not None:
                media.inits[entry.init] = window.init(entry.init.split("init-")[1].removesuffix(".mp4")) or b""
            for index in range(len(entry.parts)):
                media.parts[entry.number, index] = bytes(window.part(entry.number, index) or b"")
            if entry.uri is not None and not entry.gap:
                media.segments[entry.number] = window.segment(entry.number) or b""

    @property
    def record(self) -> Record:
        return Record(tuple(self.masters), {name: tuple(each) for name, each in self.told.items()}, self.media)


def _play(script: Callable[[_Watching, House], None]) -> Record:
    async def play() -> Record:
        with tempfile.TemporaryDirectory() as data:
            house = House(Path(data))
            watching = _Watching(house)
            script(watching, house)
            house.store.close()
            return watching.record

    return asyncio.run(play())


@functools.cache
def transcoded() -> Record:
    """A room with two pictures and a sound, for half a minute."""

    def script(watching: _Watching, house: House) -> None:
        host = house.connect(house.open(ladder="180p,120p"), make_clip(seconds=6, gop=60, size=(240, 180)))
        host.announce()
        watching.host(host, 34)

    return _play(script)


def sound_first() -> Record:
    """A broadcast of which one segment begins with its sound, which is cut some milliseconds later."""
    plan = Plan((Rung("120p", 160, 120, 1, 1),), Sound(48000, 2, 1, True), FrameRate(30, 1), "fast", 2, 21_334)
    show = Show(BroadcastStart("demo", "b1", plan, START, 0), lambda: START)
    told: dict[str, list[Told]] = {name: [] for name in show.windows}
    for number in range(5):
        for name in sorted(show.windows, reverse=number == 3):
            start = number * 180_000 + 1350 * (name == "audio")
            items: tuple[PartItem, ...] = (
                Init(name, "a", b"", AudioFormat("mp4a.40.2", 48000, 2)),
                SegmentStart(name, number, start, TIMELINE, False),
                *(Part(name, number, index, 18_000, index == 0, b"") for index in range(10)),
                SegmentEnd(name, number, 180_000),
            )
            for item in items:
                show.windows[name].receive(item)
        for name, window in show.windows.items():
            told[name].append(Told(window.text().plain.decode(), number, number))
    return Record((), {name: tuple(each) for name, each in told.items()})


@functools.cache
def own_picture() -> Record:
    """A room with the host's own picture; the host goes away and comes back, and the room is stopped."""

    def script(watching: _Watching, house: House) -> None:
        key = house.open()
        host = house.publish(key)
        watching.host(host, 12)
        host.drop()
        watching.time(5)
        watching.host(house.publish(key), 12)
        show = house.origin.current("demo")
        assert show is not None
        house.rooms.stop("demo")
        watching.end(show)

    return _play(script)


@functools.cache
def restarted() -> Record:
    """A room whose server is killed and started again."""

    def script(watching: _Watching, house: House) -> None:
        key = house.open()
        watching.host(house.publish(key), 12)
        house.restart(2.0)
        watching.absent = True
        watching.host(house.publish(key), 12)

    return _play(script)
