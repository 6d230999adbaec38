"""Asks a live room for what players seldom ask for, and has the answers judged."""

import time
from collections.abc import Callable, Iterator
from urllib.parse import urljoin

from tests.support.hls.connection import Connection
from tests.support.hls.history import History
from tests.support.hls.multivariant import asking
from tests.support.hls.probes import Probe, Purpose
from tests.support.hls.reader import Playlist, read
from tests.support.hls.told import Answer

_TRIES = 5
_AHEAD = 100
_NEVER = 10_000
_LEAST = 0.1
_MARGIN = 3.0
"""Seconds before the time at which a segment may go."""


class Prober:
    """Probes the media playlist ``url``, whose ``history`` is known so far."""

    def __init__(self, connection: Connection, url: str, history: History) -> None:
        self._get: Callable[[str], Answer] = connection.get
        self._connection = connection
        self._url = url
        self._history = history

    def run(self) -> Iterator[Probe]:
        """Ask, and yield what was answered. Raises AwayError."""
        plain = tuple(self._get(self._url) for _ in range(_TRIES))
        newest = read(plain[-1].body.decode())
        yield Probe(Purpose.PLAIN, self._url, plain, max(_LEAST, (newest.part_target or 0.0) / 2))
        yield self._directives(Purpose.TOO_FAR, f"_HLS_msn={newest.edge[0] + _AHEAD}")
        yield self._directives(Purpose.PART_ALONE, "_HLS_part=1")
        yield self._directives(Purpose.MALFORMED, "_HLS_msn=x", "_HLS_msn=-1", "_HLS_msn=1.5", "_HLS_msn=1&_HLS_part=")
        yield from self._compressed()
        classic = self._url.partition("?")[0].removesuffix(".m3u8") + ".classic.m3u8"
        yield Probe(Purpose.CLASSIC, classic, (self._get(classic),), twin=self._get(self._url).body)
        yield from self._hinted()
        yield from self._not_there(newest)
        yield from self._left()

    def _directives(self, purpose: Purpose, *queries: str) -> Probe:
        return Probe(purpose, self._url, tuple(self._get(asking(self._url, query)) for query in queries))

    def _compressed(self) -> Iterator[Probe]:
        """Between two plain ones that are the same."""
        before = self._get(self._url).body
        for _ in range(_TRIES):
            answer = self._connection.get(self._url, **{"Accept-Encoding": "gzip"})
            after = self._get(self._url).body
            if before == after:
                yield Probe(Purpose.COMPRESSED, self._url, (answer,), twin=after)
                return
            before = after

    def _hinted(self) -> Iterator[Probe]:
        """Of a part that came in the end: a segment may be over before it does."""
        for _ in range(_TRIES):
            playlist = read(self._get(self._url).body.decode())
            if playlist.hint is None:
                return
            url = urljoin(self._url, playlist.hint)
            answer = self._get(url)
            number, part = playlist.edge
            after = read(self._get(asking(self._url, f"_HLS_msn={number}", f"_HLS_part={part}")).body.decode())
            if any(each.uri == playlist.hint for entry in after.entries for each in entry.parts):
                yield Probe(Purpose.HINTED, url, (answer,), twin=self._get(url).body)
                return

    def _not_there(self, playlist: Playlist) -> Iterator[Probe]:
        for gap in [entry for entry in playlist.whole if entry.gap][-1:]:
            url = urljoin(self._url, gap.uri or "")
            yield Probe(Purpose.GAP, url, (self._get(url),))
        for known in playlist.whole[-1:]:
            name, numbers = known.uri or "", (0, known.number + _NEVER)
            for number in numbers:
                if number < playlist.first - _AHEAD or number > known.number:
                    url = urljoin(self._url, name.replace(f"/{known.number}.", f"/{number}."))
                    yield Probe(Purpose.GONE, url, tuple(self._get(url) for _ in range(_TRIES)))

    def _left(self) -> Iterator[Probe]:
        """The one that left longest ago of those that have to be there."""
        now = time.monotonic()
        for number, at in sorted(self._history.left.items()):
            listed = self._history.segments.get(number)
            if listed is None or listed.entry.gap:
                continue
            if now - at < listed.entry.seconds + self._history.longest - _MARGIN:
                url = urljoin(self._url, listed.entry.uri or "")
                yield Probe(Purpose.LEFT, url, (self._get(url),))
                return
