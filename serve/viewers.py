"""Counts who watches a room. Pure: it is told the time (seconds).

Pages say that they are there by a heartbeat with a random id. Other players are known by their playlist requests, one
for each address and program; a page's own requests are not counted again.
"""

_GONE = 15.0
_MOST = 100_000
"""Viewers counted in a room; beyond it the count stands still rather than memory grow."""


class Viewers:
    """The viewers of one room."""

    def __init__(self) -> None:
        self._pages: dict[str, tuple[float, tuple[str, str]]] = {}
        self._players: dict[tuple[str, str], float] = {}

    def heartbeat(self, viewer: str, client: tuple[str, str], now: float) -> None:
        """The page ``viewer`` is open at ``client`` (address, program)."""
        if viewer in self._pages or len(self._pages) < _MOST:
            self._pages[viewer] = now, client

    def request(self, client: tuple[str, str], now: float) -> None:
        """A playlist was asked for by ``client``."""
        if client in self._players or len(self._players) < _MOST:
            self._players[client] = now

    def count(self, now: float) -> int:
        """How many watch."""
        self._pages = {viewer: page for viewer, page in self._pages.items() if now - page[0] < _GONE}
        self._players = {client: seen for client, seen in self._players.items() if now - seen < _GONE}
        with_page = {client for _, client in self._pages.values()}
        return len(self._pages) + len(self._players.keys() - with_page)
