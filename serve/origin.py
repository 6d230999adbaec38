"""The origin's memory: the windows of every broadcast it serves. No I/O; ``hls.py`` asks it, the gate feeds it."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

from serve.dates import ProgramDates
from serve.parts import BroadcastStart
from serve.playlist import Form, Report, Variant, multivariant_playlist
from serve.window import Window
from transcode.media import AUDIO, SOURCE, AudioFormat, PartItem, VideoFormat

_ENDED_KEPT = 60.0
"""Seconds that an ended broadcast stays for the players that still play it."""
_CONTAINER = 3  # percent that CMAF adds to what was promised of the media alone


class Show:
    """One broadcast as viewers see it: a window for each rendition."""

    def __init__(self, start: BroadcastStart, wall: Callable[[], int]) -> None:
        self.start = start
        plan = start.plan
        names = [rung.name for rung in plan.rungs] + ([AUDIO] if plan.sound is not None else [])
        dates = ProgramDates(start.started_at, wall)
        self.windows = {
            name: Window(name, plan, dates, start.discontinuities, partial(self._reports, name)) for name in names
        }

    @property
    def begun(self) -> bool:
        """Whether every rendition has something to play for who asks early, and it is known what it is."""
        return all(window.begun and window.format is not None for window in self.windows.values())

    @property
    def ready(self) -> bool:
        """Whether every rendition has a whole segment, and it is known what it is."""
        return all(window.ready and window.format is not None for window in self.windows.values())

    def _reports(self, teller: str) -> list[Report]:
        """Where the renditions other than ``teller`` are."""
        others = (window.report for name, window in self.windows.items() if name != teller)
        return [report for report in others if report is not None]

    def multivariant(self, form: Form = Form.FULL, early: bool = False) -> bytes:
        """Return the multivariant playlist. It says what is true today: formats and bit rates may change."""
        plan = self.start.plan
        sound = self._format(AUDIO)
        variants = [
            Variant(rung.name, picture, *self._bandwidths(rung.name, rung.bit_rate))
            for rung in plan.rungs
            if isinstance(picture := self._format(rung.name), VideoFormat)
        ]
        if not plan.rungs:
            variants.append(Variant(AUDIO, None, *self._bandwidths(AUDIO, 0)))
        independent = plan.transcoded and all(rung.name != SOURCE for rung in plan.rungs)
        text = multivariant_playlist(
            self.start.broadcast, variants, sound if isinstance(sound, AudioFormat) else None, independent, form, early
        )
        return text.encode()

    def _format(self, rendition: str) -> VideoFormat | AudioFormat | None:
        window = self.windows.get(rendition)
        return window.format if window is not None else None

    def _bandwidths(self, rendition: str, promised: int) -> tuple[int, int | None]:
        """Peak and average (bit/s) of a rendition and the sound: what was measured, the peak at least as promised.

        The average is at least half of that: players choose by it, and a picture that is still now may move soon.
        """
        sound = self.start.plan.sound
        promised += sound.bit_rate if sound is not None else 0
        windows = [self.windows[name] for name in {rendition, AUDIO} if name in self.windows]
        peak = max(promised * (100 + _CONTAINER) // 100, sum(window.bandwidth for window in windows), 1)
        averages = [window.average_bandwidth for window in windows]
        known = [average for average in averages if average is not None]
        return peak, min(max(sum(known), promised // 2), peak) if len(known) == len(averages) else None


def _now() -> int:
    return time.time_ns() // 1_000_000


class Origin:
    """All shows, by room and by broadcast. ``wall`` tells the time in Unix milliseconds."""

    def __init__(self, wall: Callable[[], int] = _now) -> None:
        self._wall = wall
        self._shows: dict[str, Show] = {}
        self._current: dict[str, Show] = {}

    def current(self, room: str) -> Show | None:
        """The room's running broadcast."""
        return self._current.get(room)

    def show(self, room: str, broadcast: str) -> Show | None:
        """A broadcast of ``room``, running or lately ended."""
        show = self._shows.get(broadcast)
        return show if show and show.start.room == room else None

    def begin(self, start: BroadcastStart) -> None:
        """A broadcast begins."""
        self._shows[start.broadcast] = self._current[start.room] = Show(start, self._wall)

    def part(self, broadcast: str, item: PartItem) -> None:
        """The next item of a broadcast."""
        self._shows[broadcast].windows[item.rendition].receive(item)

    def end(self, broadcast: str) -> None:
        """A broadcast is over: its playlists get their ENDLIST, and stay for players to finish."""
        show = self._shows[broadcast]
        room = show.start.room
        if self._current.get(room) is show:
            del self._current[room]
        for window in show.windows.values():
            window.end()
        asyncio.get_running_loop().call_later(_ENDED_KEPT, self._drop, broadcast)

    def forget(self, room: str) -> None:
        """A room is deleted: nothing of it is served any more."""
        self._current.pop(room, None)
        for show in [show for show in self._shows.values() if show.start.room == room]:
            self._drop(show.start.broadcast)

    def _drop(self, broadcast: str) -> None:
        self._shows.pop(broadcast, None)
