"""Follows a live room as a careful player does, into its next broadcasts, and has all of it judged by the checker.

Of each rendition it asks for news by blocking reloads, for a Delta Update now and then, and fetches all init segments,
parts and segments. What is told is judged as it comes, media when following ends.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import count
from queue import Empty, SimpleQueue
from typing import Self
from urllib.parse import urljoin

from tests.support.hls.account import Account
from tests.support.hls.checker import Checker
from tests.support.hls.connection import AwayError, Connection
from tests.support.hls.history import History
from tests.support.hls.known import KNOWN_OF_PASSED_ON
from tests.support.hls.media import Media
from tests.support.hls.multivariant import Multivariant, asking, urls_of
from tests.support.hls.prober import Prober
from tests.support.hls.probes import Probe, Purpose, check_probe
from tests.support.hls.told import Answer, Told
from transcode.media import AUDIO, SOURCE

_RETRY, _LOOK, _TIMEOUT = 0.2, 0.5, 30.0
_DELTA_EVERY = 4
_OK, _NOT_FOUND, _FAULTS = 200, 404, 500


@dataclass
class Got:
    """What one rendition gave: segments by number (None for a gap), and the init segment of each."""

    segments: dict[int, bytes | None] = field(default_factory=dict)
    inits: dict[int, bytes] = field(default_factory=dict)
    discontinuities: list[int] = field(default_factory=list)
    ended: bool = False

    def media(self) -> bytes:
        """All that was got, as one file; valid as long as there was no discontinuity."""
        return self._file(sorted(self.segments))

    def first(self, count: int) -> bytes:
        """The first segments, as one file; valid as ``media`` is."""
        return self._file(sorted(self.segments)[:count])

    def last(self, count: int) -> bytes:
        """The last segments, as one file; valid as ``media`` is."""
        return self._file(sorted(self.segments)[-count:])

    def _file(self, numbers: list[int]) -> bytes:
        init = self.inits[min(number for number in numbers if number in self.inits)]
        return init + b"".join(self.segments[number] or b"" for number in numbers)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Media that is listed: an init segment, or a segment (``part`` is None) or part."""

    uri: str
    number: int | None = None
    part: int | None = None

    def of(self, media: Media, data: bytes) -> None:
        """Put it where it belongs."""
        if self.number is None:
            media.inits[self.uri] = data
        elif self.part is None:
            media.segments[self.number] = data
        else:
            media.parts[self.number, self.part] = data


class Follower:
    """Follows all renditions of a room. ``media``: whether to fetch that, too; ``known``: rules that are known to be
    broken by what happens, beside those that are where the host's own tracks are passed on.

    A request that fails is counted in ``failures`` by what came instead, and made again. With ``with`` it runs inside
    the block; ``violations`` are all there when it is over.
    """

    def __init__(self, master_url: str, media: bool = True, known: Collection[str] = ()) -> None:
        self.failures: Counter[str] = Counter()
        self.checkers: dict[str, Checker] = {}
        """By broadcast, in the order in which they were seen."""
        self._url = master_url
        self._with_media = media
        self._known = frozenset(known)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._urls: dict[tuple[str, str], str] = {}
        self._mistakes: list[str] = []
        self._ended_at = 0.0
        with Connection(master_url) as connection:
            self.master = self._look(connection)

    def start(self) -> Self:
        self._run(self._look_on)
        self._follow_all()
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop, and judge what can be judged only now."""
        if self._stop.is_set():
            return
        self._ended_at = time.monotonic()
        self._stop.set()
        for thread in list(self._threads):
            thread.join(_TIMEOUT)
        with self._lock:
            for checker in self.checkers.values():
                checker.finish()

    def finish(self) -> None:
        """Stop, and fail if a rule was broken."""
        self.stop()
        assert not self.violations, "\n".join(self.violations)

    @property
    def violations(self) -> list[str]:
        """Which rules were broken where, but for those known to be; and what went wrong with following itself."""
        with self._lock:
            found = [text for each in self.checkers.values() for text in each.findings.texts(self._known_of(each))]
        return [*self._mistakes, *found]

    def _known_of(self, checker: Checker) -> frozenset[str]:
        passes_on = SOURCE in checker.histories or set(checker.histories) == {AUDIO}
        return self._known | frozenset(KNOWN_OF_PASSED_ON if passes_on else ())

    @property
    def broadcasts(self) -> list[str]:
        return list(self.checkers)

    @property
    def got(self) -> dict[str, Got]:
        """What was got of the first broadcast."""
        checker = next(iter(self.checkers.values()))
        with self._lock:
            return {name: _got(history, checker.media[name]) for name, history in checker.histories.items()}

    def whole(self, least: int) -> bool:
        """Whether all renditions of the first broadcast have ``least`` segments with media, or a rule was broken."""
        got = self.got.values()
        return bool(self.violations) or all(
            sum(data is not None for data in each.segments.values()) >= least for each in got
        )

    @property
    def ended(self) -> bool:
        """Whether the first broadcast is over."""
        return all(got.ended for got in self.got.values())

    def account(self, since: float = 0.0) -> Account:
        """Sum up what happened from the moment ``since`` on: the worst of all renditions."""
        with self._lock:
            total = Account()
            for checker in self.checkers.values():
                total = total.worst(checker.account(since, self._ended_at or time.monotonic()))
            return total

    def probe(self) -> None:
        """Ask the newest broadcast for what players seldom ask for, and have the answers judged."""
        name, checker = list(self.checkers.items())[-1]
        for rendition, history in list(checker.histories.items()):
            url = self._urls[name, rendition]
            with Connection(url) as connection:
                for probe in Prober(connection, url, history).run():
                    self._judge(history, probe)

    def _run(self, target: Callable[..., None], *args: object) -> None:
        def run() -> None:
            try:
                target(*args)
            except Exception as error:  # in a thread of its own nobody would hear of it
                self._mistakes.append(f"{target.__name__}{args[1:3]}: {type(error).__name__}: {error}")

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _judge(self, history: History, probe: Probe) -> None:
        with self._lock:
            check_probe(probe, history.place)

    def _fetch(self, connection: Connection, url: str) -> Answer | None:
        """Return the answer; None if there was none, or the server was not what it should be."""
        try:
            answer = connection.get(url)
        except AwayError as error:
            self.failures[str(error)] += 1
            return None
        if answer.status != _OK:
            self.failures[str(answer.status)] += 1
        return answer if answer.status < _FAULTS else None

    # --- multivariant playlists ------------------------------------------------------------------------------------

    def _look(self, connection: Connection) -> Multivariant:
        """Ask what is on air, and take note of it. Raises AwayError."""
        asked_at = time.monotonic()
        answer = connection.get(self._url)
        if answer.status != _OK:
            raise AwayError(str(answer.status))
        text = answer.body.decode()
        with self._lock:
            name = Checker().take_master(Told(text, asked_at, time.monotonic())).broadcast
            checker = self.checkers.setdefault(name, Checker(name))
            master = checker.take_master(Told(text, asked_at, time.monotonic()))
            check_probe(Probe(Purpose.PLAYLIST, self._url, (answer,)), checker.place)
            for rendition, url in urls_of(self._url, master).items():
                checker.history(rendition)
                self._urls.setdefault((name, rendition), url)
        return master

    def _look_on(self) -> None:
        with Connection(self._url) as connection:
            while not self._stop.wait(_LOOK):
                try:
                    self._look(connection)
                except AwayError as error:
                    self.failures[str(error)] += 1
                else:
                    self._follow_all()

    def _follow_all(self) -> None:
        """Follow what is not followed yet."""
        followed = {thread.name for thread in self._threads}
        for (name, rendition), url in list(self._urls.items()):
            if f"{name}/{rendition}" not in followed and not self._stop.is_set():
                self._run(self._follow, self.checkers[name], rendition, url)
                self._threads[-1].name = f"{name}/{rendition}"

    # --- media playlists -------------------------------------------------------------------------------------------

    def _follow(self, checker: Checker, rendition: str, url: str) -> None:
        history = checker.history(rendition)
        wanted: SimpleQueue[_Wanted] = SimpleQueue()
        queued: set[_Wanted] = set()
        if self._with_media:
            self._run(self._collect, checker, rendition, url, wanted)
        blocking, absent = False, False
        with Connection(url) as connection:
            for turn in count(1):
                if self._stop.is_set() or history.ended:
                    return
                number, part = history.edge if blocking else (None, None)
                skip = blocking and turn % _DELTA_EVERY == 0
                directives = [f"_HLS_msn={number}", f"_HLS_part={part}"] if blocking else []
                asked_at = time.monotonic()
                answer = self._fetch(connection, asking(url, *directives, *["_HLS_skip=YES"] * skip))
                if answer is None or answer.status != _OK:
                    absent |= answer is None
                    blocking = False
                    gone = answer is not None and answer.status == _NOT_FOUND
                    if gone and not self._may_come_back(connection, url, history):
                        return
                    self._stop.wait(_RETRY)
                    continue
                told = Told(answer.body.decode(), asked_at, time.monotonic(), number, part, skip, absent)
                with self._lock:
                    checker.take(rendition, told)
                    check_probe(Probe(Purpose.PLAYLIST, url, (answer,)), history.place)
                blocking, absent = True, False
                if self._with_media:
                    for each in _listed(history):
                        if each not in queued:
                            queued.add(each)
                            wanted.put(each)

    def _may_come_back(self, connection: Connection, url: str, history: History) -> bool:
        """Whether a playlist that is not there may be so again: that is wrong while the multivariant one names it."""
        try:
            master = self._look(connection)
        except AwayError:
            return True
        if url not in urls_of(self._url, master).values():
            return False
        answer = self._fetch(connection, url)
        if answer is not None:
            self._judge(history, Probe(Purpose.PLAYLIST, url, (answer,)))
        return True

    # --- media -----------------------------------------------------------------------------------------------------

    def _collect(self, checker: Checker, rendition: str, url: str, wanted: SimpleQueue[_Wanted]) -> None:
        history, media = checker.history(rendition), checker.media[rendition]
        with Connection(url) as connection:
            while not self._stop.is_set():
                try:
                    each = wanted.get(timeout=_LOOK)
                except Empty:
                    continue
                answer = self._media(connection, url, each)
                if answer is not None and answer.status == _OK:
                    with self._lock:
                        each.of(media, answer.body)
                if answer is not None:
                    self._judge(history, Probe(Purpose.MEDIA, each.uri, (answer,)))

    def _media(self, connection: Connection, url: str, each: _Wanted) -> Answer | None:
        """Return the answer for what was listed; None if it is not listed any more, or following ends."""
        while not self._stop.is_set():
            answer = self._fetch(connection, urljoin(url, each.uri))
            if answer is not None and answer.status == _OK:
                return answer
            playlist = self._fetch(connection, url)
            if playlist is None or playlist.status != _OK:  # the server is away, or back and knows nothing yet
                self._stop.wait(_RETRY)
            elif each.uri not in re.split(r'[\n"]', playlist.body.decode()):
                return None
            elif answer is not None:  # it may be listed anew, by another server than the one that was asked
                return self._fetch(connection, urljoin(url, each.uri))
        return None


def _listed(history: History) -> list[_Wanted]:
    """What the newest playlist lists, in the order in which a player would want it; gaps have nothing."""
    wanted = []
    for entry in history.newest.entries if history.newest is not None else ():
        if entry.init is not None:
            wanted.append(_Wanted(entry.init))
        wanted += [_Wanted(part.uri, entry.number, index) for index, part in enumerate(entry.parts)]
        if entry.uri is not None and not entry.gap:
            wanted.append(_Wanted(entry.uri, entry.number))
    return wanted


def _got(history: History, media: Media) -> Got:
    got = Got(ended=history.ended)
    for number, listed in sorted(history.segments.items()):
        entry = listed.entry
        if not entry.gap and number not in media.segments:
            continue
        got.segments[number] = None if entry.gap else media.segments[number]
        if entry.torn:
            got.discontinuities.append(number)
        if entry.init is not None and entry.init in media.inits:
            got.inits[number] = media.inits[entry.init]
    return got
