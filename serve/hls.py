"""The HLS routes: playlists that block until there is news, init segments, segments and parts, out of memory.

Sources: RFC 8216; draft-pantos-hls-rfc8216bis 6.2.5 (blocking reload, delivery directives), 6.3.7 (preload hints).
"""

from collections.abc import Callable

from aiohttp import web

from serve.encoding import takes_gzip
from serve.origin import Origin, Show
from serve.patience import Patience
from serve.playlist import EARLY, MIME_TYPE, Form
from serve.problems import Handler, Problem, not_found
from serve.window import Text, Window
from transcode.ladder import RENDITION
from transcode.media import AUDIO

_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Date, Age"}
_IMMUTABLE = "public, max-age=86400, immutable"
_BLOCKING = "max-age=6"
_PLAIN = "max-age=1"
_FIRST = 10.0
_HOLD_TARGETS = 3
_MOST_AHEAD = 1  # segments past the one being made: 8216bis, 6.2.5.2 allows two past the last whole one
_RETRY = {"Retry-After": "1"}
_SKIPS = ("YES", "v2")  # the second leaves out dates that are told already, too: there are none


class HlsRoutes:
    """Everything below ``/hls/``. ``watched`` is told of each playlist request, to count players.

    When ``patience`` is over, what is held is answered with 503: a player asks again, and the next server goes on.
    """

    def __init__(self, origin: Origin, watched: Callable[[web.Request, str], None], patience: Patience) -> None:
        self._origin = origin
        self._patience = patience
        self._watched = watched

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        base = "/hls/{room}"
        media = base + "/{broadcast}/{rendition:" + RENDITION + "}"
        return [
            web.get(base + "/master.m3u8", _for_all_sites(self.multivariant)),
            web.get(base + "/classic.m3u8", _for_all_sites(self.classic_multivariant)),
            web.get(media + Form.FULL.suffix, _for_all_sites(self.media)),
            web.get(media + Form.CLASSIC.suffix, _for_all_sites(self.classic_media)),
            web.get(media + r"/init-{name:[0-9a-f]+}.mp4", _for_all_sites(self.init)),
            web.get(media + r"/{msn:[0-9]{1,12}}.m4s", _for_all_sites(self.segment)),
            web.get(media + r"/{msn:[0-9]{1,12}}.{part:[0-9]{1,6}}.m4s", _for_all_sites(self.part)),
            web.options("/hls/{path:.*}", _for_all_sites(self.preflight)),
            web.get("/hls/{path:.*}", _for_all_sites(self.nothing)),
        ]

    async def preflight(self, _: web.Request) -> web.Response:
        """Answer a CORS preflight: players on other sites may send Range and the like."""
        headers = {"Access-Control-Allow-Methods": "GET, HEAD", "Access-Control-Allow-Headers": "*"}
        return web.Response(status=204, headers={**headers, "Access-Control-Max-Age": "86400"})

    async def nothing(self, _: web.Request) -> web.Response:
        """Any other name."""
        raise not_found("there is nothing here: a room's stream is at /hls/NAME/master.m3u8")

    async def multivariant(self, request: web.Request) -> web.Response:
        """The multivariant playlist of the room's running broadcast."""
        return await self._multivariant(request, Form.FULL)

    async def classic_multivariant(self, request: web.Request) -> web.Response:
        """The same of whole segments alone, for players that know nothing of low latency."""
        return await self._multivariant(request, Form.CLASSIC)

    async def _multivariant(self, request: web.Request, form: Form) -> web.Response:
        room, early = request.match_info["room"], form is Form.FULL and _early(request)
        show = self._origin.current(room)
        if show is not None:
            for window in show.windows.values():  # on air, and there is something to play in a moment
                await self._begun(window, early)
        if show is None or not (show.begun if early else show.ready):
            raise Problem(404, "Off air", "this room is not on air now: ask again", _RETRY)
        self._watched(request, room)
        return _answer(show.multivariant(form, early), MIME_TYPE, _PLAIN)

    async def media(self, request: web.Request) -> web.Response:
        """A media playlist; with ``_HLS_msn`` (and ``_HLS_part``) held until it lists what is asked for; with
        ``_HLS_skip`` without what is old in it."""
        show, window = self._find(request)
        msn, part = _directive(request, "_HLS_msn"), _directive(request, "_HLS_part")
        if part is not None and msn is None:
            raise Problem(400, "Bad request", "_HLS_part needs _HLS_msn")
        early = _early(request)
        await self._playable(window, early)
        if msn is not None and not window.ended:
            if msn > window.edge[0] + _MOST_AHEAD:
                raise Problem(400, "Bad request", "_HLS_msn is too far ahead of the live edge")
            hold = _HOLD_TARGETS * show.start.plan.target_duration
            if not await self._until(lambda: window.ended or window.contains(msn, part), window, hold):
                raise Problem(503, "Stalled", "no news of this broadcast: ask again", _RETRY)
        form = Form.DELTA if request.query.get("_HLS_skip") in _SKIPS else Form.FULL
        return self._playlist(request, show, window.text(form, early), _PLAIN if msn is None else _BLOCKING)

    async def classic_media(self, request: web.Request) -> web.Response:
        """A media playlist of whole segments alone; no request is held but for the first one."""
        show, window = self._find(request)
        await self._playable(window, False)
        return self._playlist(request, show, window.text(Form.CLASSIC), _PLAIN)

    async def _playable(self, window: Window, early: bool) -> None:
        if not await self._begun(window, early):
            raise Problem(503, "Not yet", "this broadcast has no segment yet: ask again", _RETRY)
        if not (window.begun if early else window.ready):
            raise not_found("this broadcast ended before it had a segment: open the room's master.m3u8 again")

    def _playlist(self, request: web.Request, show: Show, text: Text, cache: str) -> web.Response:
        self._watched(request, show.start.room)
        headers = {"Cache-Control": cache, "Vary": "Accept-Encoding", "Content-Type": MIME_TYPE}
        if takes_gzip(request):
            return web.Response(body=text.gzipped, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=text.plain, headers=headers)

    async def init(self, request: web.Request) -> web.Response:
        """An init segment."""
        _, window = self._find(request)
        return _media(window.init(request.match_info["name"]), request)

    async def segment(self, request: web.Request) -> web.Response:
        """A whole segment."""
        _, window = self._find(request)
        return _media(window.segment(int(request.match_info["msn"])), request)

    async def part(self, request: web.Request) -> web.Response:
        """A part; the one that the playlist hints at is held until it is made."""
        show, window = self._find(request)
        msn, index = int(request.match_info["msn"]), int(request.match_info["part"])
        if (msn, index) == window.edge and not window.ended:
            hold = _HOLD_TARGETS * show.start.plan.target_duration
            await self._until(lambda: window.ended or (msn, index) < window.edge, window, hold)
        return _media(window.part(msn, index), request)

    async def _begun(self, window: Window, early: bool) -> bool:
        """Wait for the first segment, or ``early`` for parts enough, or the end; whether any came."""
        if early:
            return await self._until(lambda: window.begun or window.ended, window, _FIRST)
        return await self._until(lambda: window.ready or window.ended, window, _FIRST)

    async def _until(self, condition: Callable[[], bool], window: Window, seconds: float) -> bool:
        """Wait until ``condition`` holds, at most so long; whether it does. Raises Problem if the server goes down."""
        if condition():
            return True
        try:
            async with self._patience.at_most(seconds):
                while not condition():
                    await window.changed.wait()
        except TimeoutError:
            if not condition() and self._patience.over:
                raise Problem(503, "Going down", "this server is going down: ask again in a moment", _RETRY) from None
            return condition()
        return True

    def _find(self, request: web.Request) -> tuple[Show, Window]:
        info = request.match_info
        show = self._origin.show(info["room"], info["broadcast"])
        window = show.windows.get(info["rendition"]) if show else None
        if show is None or window is None:
            raise not_found("this broadcast is over: open the room's master.m3u8 again")
        return show, window


def _for_all_sites(handler: Handler) -> Handler:
    """Players of other sites may read every answer, errors too (they tell a player what to do next)."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            response = await handler(request)
        except Problem as problem:
            problem.headers.update(_CORS)
            raise
        response.headers.update(_CORS)
        return response

    return answer


def _directive(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Problem(400, "Bad request", f"{name} is a whole number")
    return int(text)


def _early(request: web.Request) -> bool:
    """Whether the player wants playlists from the first parts on, and can begin after a gap."""
    name, value = EARLY
    return request.query.get(name) == value


def _answer(body: bytes, mime_type: str, cache: str) -> web.Response:
    return web.Response(body=body, headers={"Content-Type": mime_type, "Cache-Control": cache})


def _media(body: bytes | memoryview | None, request: web.Request) -> web.Response:
    if body is None:
        raise not_found("no such segment: it is too old, not made yet, or a gap")
    kind = "audio/mp4" if request.match_info["rendition"] == AUDIO else "video/mp4"
    return _answer(body, kind, _IMMUTABLE)  # type: ignore[arg-type]
