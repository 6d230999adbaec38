"""What HLS answers: playlists that block until there is news, init segments, segments and parts, out of memory. No I/O.

Sources: RFC 8216; draft-pantos-hls-rfc8216bis 6.2.5 (blocking reload, delivery directives), 6.3.7 (preload hints).

Range is ignored, as a server may (RFC 9110, 14.2): parts and segments are resources of their own, small ones, no
playlist of ours names a byte range, and players take the whole they get by a 200.
"""

import logging
import re
from collections.abc import Callable, Generator
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote
from weakref import WeakKeyDictionary

from serve.answer import Answer, Shelf, problem_answer
from serve.origin import Origin, Show
from serve.patience import Patience
from serve.playlist import EARLY, MIME_TYPE, Form
from serve.problems import Problem, not_found, server_error
from serve.signal import Signal
from serve.viewers import Client
from serve.window import Window
from transcode.ladder import RENDITION
from transcode.media import AUDIO

BELOW = "/hls/"
"""Where all of it is."""

_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Date, Age"}
"""Players of other sites may read every answer, errors too (they tell a player what to do next)."""
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}
_METHODS = "GET, HEAD, OPTIONS"
_IMMUTABLE = "public, max-age=86400, immutable"
_BLOCKING = "max-age=6"
_PLAIN = "max-age=1"
_FIRST = 10.0
_HOLD_TARGETS = 3
_MOST_AHEAD = 1  # segments past the one being made: 8216bis, 6.2.5.2 allows two past the last whole one
_RETRY = {"Retry-After": "1"}
_SKIPS = ("YES", "v2")  # the second leaves out dates that are told already, too: there are none

_NAMES = re.compile(
    BELOW + r"(?P<room>[^/]+)/(?:(?P<master>master|classic)\.m3u8|(?P<broadcast>[^/]+)/(?P<rendition>" + RENDITION + ")"
    r"(?:(?P<playlist>\.m3u8|\.classic\.m3u8)"
    r"|/init-(?P<init>[0-9a-f]+)\.mp4"
    r"|/(?P<whole>[0-9]{1,12})\.m4s"
    r"|/(?P<msn>[0-9]{1,12})\.(?P<part>[0-9]{1,6})\.m4s))"
)

_log = logging.getLogger(__name__)


class Request(NamedTuple):
    """A request for something below ``/hls/``; ``gzip``: whether its answer may be compressed."""

    method: str
    path: str
    query: str
    gzip: bool
    client: Client


class _Wait(NamedTuple):
    """For ``condition`` to hold, which may be after each ``changed``, for so many seconds at most."""

    changed: Signal
    condition: Callable[[], bool]
    seconds: float


_Steps = Generator[_Wait, bool, Answer]
"""What is done for a request. It is told whether what it waits for has come. Raises Problem."""


class Held:
    """A request that waits. Whoever holds it has it look at each ``changed``, and give up after so many seconds."""

    __slots__ = ("_steps", "_wait")

    def __init__(self, wait: _Wait, steps: _Steps) -> None:
        self._wait = wait
        self._steps = steps

    @property
    def changed(self) -> Signal:
        """Fires when there may be an answer."""
        return self._wait.changed

    @property
    def seconds(self) -> float:
        """How long to wait, at most."""
        return self._wait.seconds

    def look(self) -> "Answer | Held | None":
        """The answer, or what it waits for next; None if it still waits for the same."""
        return _go_on(self._steps, True) if self._wait.condition() else None

    def give_up(self) -> "Answer | Held":
        """The time is up, or the server goes down."""
        return _go_on(self._steps, self._wait.condition())


class Hls:
    """Everything below ``/hls/``. ``watched`` is told of each playlist request, to count players.

    When ``patience`` is over, what is held is to give up: it is answered with 503, so that a player asks again, and
    the next server goes on.
    """

    def __init__(self, origin: Origin, watched: Callable[[Client, str], None], patience: Patience) -> None:
        self._origin = origin
        self._patience = patience
        self._watched = watched
        self._preflight = Answer(204, {**_PREFLIGHT, **_CORS})
        self._shelves: WeakKeyDictionary[Window, Shelf] = WeakKeyDictionary()

    def ask(self, request: Request) -> Answer | Held:
        """Return the answer to a request, or the request as one to be held."""
        return _go_on(self._steps(request), None)

    def _steps(self, request: Request) -> _Steps:
        if request.method == "OPTIONS":  # a preflight: players on other sites may send Range and the like
            return self._preflight
        if request.method not in ("GET", "HEAD"):
            raise Problem(405, "Wrong method", f"{request.path} takes {_METHODS}", {"Allow": _METHODS})
        found = _NAMES.fullmatch(unquote(request.path) if "%" in request.path else request.path)
        if found is None:
            raise not_found("there is nothing here: a room's stream is at /hls/NAME/master.m3u8")
        match found.lastgroup:
            case "master":
                form = Form.CLASSIC if found["master"] == "classic" else Form.FULL
                return (yield from self._multivariant(request, found["room"], form))
            case "playlist" if found["playlist"] == Form.CLASSIC.suffix:
                return (yield from self._classic_media(request, found))
            case "playlist":
                return (yield from self._media(request, found))
            case "part":
                return (yield from self._part(found))
            case "whole":
                _, window = self._find(found)
                return self._bytes(found, window, window.segment(int(found["whole"])))
            case _:
                _, window = self._find(found)
                return self._bytes(found, window, window.init(found["init"]))

    def _multivariant(self, request: Request, room: str, form: Form) -> _Steps:
        """The multivariant playlist of the room's running broadcast; the classic one is of whole segments alone, for
        players that know nothing of low latency."""
        early = form is Form.FULL and _early(_directives(request))
        show = self._origin.current(room)
        if show is not None:
            for window in show.windows.values():  # on air, and there is something to play in a moment
                yield from self._begun(window, early)
        if show is None or not (show.begun if early else show.ready):
            raise Problem(404, "Off air", "this room is not on air now: ask again", _RETRY)
        self._watched(request.client, room)
        headers = {"Content-Type": MIME_TYPE, "Cache-Control": _PLAIN, **_CORS}
        return Answer(200, headers, show.multivariant(form, early))

    def _media(self, request: Request, found: re.Match[str]) -> _Steps:
        """A media playlist; with ``_HLS_msn`` (and ``_HLS_part``) held until it lists what is asked for; with
        ``_HLS_skip`` without what is old in it."""
        show, window = self._find(found)
        query = _directives(request)
        msn, part = _number(query, "_HLS_msn"), _number(query, "_HLS_part")
        if part is not None and msn is None:
            raise Problem(400, "Bad request", "_HLS_part needs _HLS_msn")
        early = _early(query)
        yield from self._playable(window, early)
        if msn is not None and not window.ended:
            if msn > window.edge[0] + _MOST_AHEAD:
                raise Problem(400, "Bad request", "_HLS_msn is too far ahead of the live edge")
            hold = _HOLD_TARGETS * show.start.plan.target_duration
            if not (yield from self._until(lambda: window.ended or window.contains(msn, part), window, hold)):
                raise Problem(503, "Stalled", "no news of this broadcast: ask again", _RETRY)
        form = Form.DELTA if query.get("_HLS_skip") in _SKIPS else Form.FULL
        return self._playlist(request, show, window, form, early, _PLAIN if msn is None else _BLOCKING)

    def _classic_media(self, request: Request, found: re.Match[str]) -> _Steps:
        """A media playlist of whole segments alone; no request is held but for the first one."""
        show, window = self._find(found)
        yield from self._playable(window, False)
        return self._playlist(request, show, window, Form.CLASSIC, False, _PLAIN)

    def _playable(self, window: Window, early: bool) -> Generator[_Wait, bool, None]:
        if not (yield from self._begun(window, early)):
            raise Problem(503, "Not yet", "this broadcast has no segment yet: ask again", _RETRY)
        if not (window.begun if early else window.ready):
            raise not_found("this broadcast ended before it had a segment: open the room's master.m3u8 again")

    def _playlist(self, request: Request, show: Show, window: Window, form: Form, early: bool, cache: str) -> Answer:
        self._watched(request.client, show.start.room)
        text = window.text(form, early)
        headers = {"Cache-Control": cache, "Vary": "Accept-Encoding", "Content-Type": MIME_TYPE, **_CORS}
        shelf = self._shelf(window)
        if request.gzip:
            return shelf.answer(("gzip", form, early, cache), {**headers, "Content-Encoding": "gzip"}, text.gzipped)
        return shelf.answer(("plain", form, early, cache), headers, text.plain)

    def _part(self, found: re.Match[str]) -> _Steps:
        """A part; the one that the playlist hints at is held until it is made."""
        show, window = self._find(found)
        msn, index = int(found["msn"]), int(found["part"])
        if (msn, index) == window.edge and not window.ended:
            hold = _HOLD_TARGETS * show.start.plan.target_duration
            yield from self._until(lambda: window.ended or (msn, index) < window.edge, window, hold)
        return self._bytes(found, window, window.part(msn, index))

    def _bytes(self, found: re.Match[str], window: Window, body: bytes | memoryview | None) -> Answer:
        if body is None:
            raise not_found("no such segment: it is too old, not made yet, or a gap")
        kind = "audio/mp4" if found["rendition"] == AUDIO else "video/mp4"
        return self._shelf(window).answer(found[0], {"Content-Type": kind, "Cache-Control": _IMMUTABLE, **_CORS}, body)

    def _begun(self, window: Window, early: bool) -> Generator[_Wait, bool, bool]:
        """Wait for the first segment, or ``early`` for parts enough, or the end; whether any came."""
        if early:
            return self._until(lambda: window.begun or window.ended, window, _FIRST)
        return self._until(lambda: window.ready or window.ended, window, _FIRST)

    def _until(self, condition: Callable[[], bool], window: Window, seconds: float) -> Generator[_Wait, bool, bool]:
        """Wait until ``condition`` holds, at most so long; whether it does. Raises Problem if the server goes down."""
        if condition():
            return True
        came = not self._patience.over and (yield _Wait(window.changed, condition, seconds))
        if not came and self._patience.over:
            raise Problem(503, "Going down", "this server is going down: ask again in a moment", _RETRY)
        return came

    def _find(self, found: re.Match[str]) -> tuple[Show, Window]:
        show = self._origin.show(found["room"], found["broadcast"])
        window = show.windows.get(found["rendition"]) if show else None
        if show is None or window is None:
            raise not_found("this broadcast is over: open the room's master.m3u8 again")
        return show, window

    def _shelf(self, window: Window) -> Shelf:
        shelf = self._shelves.get(window)
        if shelf is None:
            shelf = self._shelves[window] = Shelf()
        return shelf


def _go_on(steps: _Steps, came: bool | None) -> Answer | Held:
    """Take the next step of a request (None: the first one)."""
    try:
        return Held(steps.send(came), steps)  # type: ignore[arg-type]  # None begins a generator
    except StopIteration as done:
        answer: Answer = done.value
        return answer
    except Problem as problem:
        return problem_answer(problem, _CORS)
    except Exception:
        # The last line of defence of one request: the others go on.
        _log.exception("a request below %s failed", BELOW)
        return problem_answer(server_error(), _CORS)


def _directives(request: Request) -> dict[str, str]:
    """What the query says; of several of one name the first one counts."""
    return dict(reversed(parse_qsl(request.query, keep_blank_values=True))) if request.query else {}


def _early(query: dict[str, str]) -> bool:
    """Whether the player wants playlists from the first parts on, and can begin after a gap."""
    name, value = EARLY
    return query.get(name) == value


def _number(query: dict[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Problem(400, "Bad request", f"{name} is a whole number")
    return int(text)
