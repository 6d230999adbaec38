"""The origin's memory: the windows of every broadcast it serves. No I/O; ``hls.py`` asks it, the gate feeds it."""

import asyncio

from serve.parts import BroadcastStart
from serve.playlist import multivariant_playlist
from serve.window import Window
from transcode.media import PartItem

_ENDED_KEPT = 60.0
"""Seconds that an ended broadcast stays for the players that still play it."""


class Show:
    """One broadcast as viewers see it: a window for each rendition."""

    def __init__(self, start: BroadcastStart) -> None:
        self.start = start
        plan = start.plan
        self.windows = {
            rendition: Window(rendition, plan, start.started_at, start.discontinuities)
            for rendition, listed in (("video", plan.video), ("audio", plan.audio))
            if listed is not None
        }

    @property
    def ready(self) -> bool:
        """Whether every rendition has something to play."""
        return all(window.ready for window in self.windows.values())

    def multivariant(self) -> bytes:
        """Return the multivariant playlist. BANDWIDTH is the peak so far: it only says what is true today."""
        peak = sum(window.bandwidth for window in self.windows.values())
        bandwidth = max(peak, self.start.plan.bandwidth, 1)
        return multivariant_playlist(self.start.plan, self.start.broadcast, bandwidth).encode()


class Origin:
    """All shows, by room and by broadcast."""

    def __init__(self) -> None:
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
        self._shows[start.broadcast] = self._current[start.room] = Show(start)

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
