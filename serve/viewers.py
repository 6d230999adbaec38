"""Counts who watches a room. Pure: it is told the time (seconds), which never goes back.

Pages say that they are there by a heartbeat with a random id. Other players are known by their playlist requests, one
for each address and program; a page's own requests are not counted again. Each call costs the same however many watch.
"""

from collections import Counter

GONE = 15.0
"""Seconds after which somebody who was not heard of watches no longer."""
_MOST = 100_000
"""Viewers counted in a room; beyond it the count stands still rather than memory grow."""

Client = tuple[str, str]
"""Address and program."""


class Viewers:
    """The viewers of one room."""

    def __init__(self) -> None:
        # Who was heard of longest ago comes first in both.
        self._pages: dict[str, tuple[float, Client]] = {}
        self._players: dict[Client, float] = {}
        self._with_page: Counter[Client] = Counter()

    def heartbeat(self, viewer: str, client: Client, now: float) -> None:
        """The page ``viewer`` is open at ``client``."""
        self._expire(now)
        self._leave(viewer)
        self._players.pop(client, None)
        if len(self._pages) < _MOST:
            self._pages[viewer] = now, client
            self._with_page[client] += 1

    def request(self, client: Client, now: float) -> None:
        """A playlist was asked for by ``client``."""
        self._expire(now)
        known = self._players.pop(client, None) is not None
        if client not in self._with_page and (known or len(self._players) < _MOST):
            self._players[client] = now

    def count(self, now: float) -> int:
        """How many watch."""
        self._expire(now)
        return len(self._pages) + len(self._players)

    def _expire(self, now: float) -> None:
        while self._pages and now - next(iter(self._pages.values()))[0] >= GONE:
            self._leave(next(iter(self._pages)))
        while self._players and now - next(iter(self._players.values())) >= GONE:
            del self._players[next(iter(self._players))]

    def _leave(self, viewer: str) -> None:
        if viewer in self._pages:
            _, client = self._pages.pop(viewer)
            self._with_page[client] -= 1
            if not self._with_page[client]:
                del self._with_page[client]
