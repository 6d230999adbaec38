"""The pages' routes. Every page is the same file for every room; its script asks the API for the rest.

A demo has one more: its sample host's own clip, which its page shows beside what viewers get of it.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from serve.encoding import takes_gzip
from serve.problems import not_found
from serve.room import Room
from serve.web.pages import File, Pages

SAMPLE = "/demo/sample.mp4"
"""Where a demo's server has its sample host's clip."""

_CLIP_HEADERS = {"Content-Type": "video/mp4", "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


class Sample:
    """The clip of a demo's sample host: nothing that anybody else has published is ever below its address.

    ``on_air`` is for the demo to set: whether the sample host is publishing into ``room``.
    """

    def __init__(self, room: str, clip: Path) -> None:
        self.on_air = False
        self._room = room
        self._clip = clip

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(SAMPLE, self.play)]

    def of(self, room: Room) -> str | None:
        """Return where the clip is that is on air in ``room`` at present; None if it is not."""
        return SAMPLE if self.on_air and room.name == self._room and room.publisher is not None else None

    async def play(self, _: web.Request) -> web.StreamResponse:
        """The clip, whole or a range of it (RFC 9110, section 14)."""
        return web.FileResponse(self._clip, headers=_CLIP_HEADERS)


class SiteRoutes:
    """The home page, the rooms' pages, and what they are made of."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/", _page(self._pages.home)),
            web.get("/r/{room}", _page(self._pages.room)),
            web.get("/embed/{room}", _page(self._pages.embed)),
            web.get("/assets/{name}", self.asset),
        ]

    async def asset(self, request: web.Request) -> web.Response:
        """A script, a style sheet, a licence."""
        file = self._pages.assets.get(request.match_info["name"])
        if file is None:
            raise not_found("no such asset: load the page again")
        return _answer(file, request)


def _page(file: File) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def show(request: web.Request) -> web.Response:
        return _answer(file, request)

    return show


def _answer(file: File, request: web.Request) -> web.Response:
    headers = {**file.headers, "ETag": f'"{file.etag}"'}
    if file.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    if takes_gzip(request.headers.get("Accept-Encoding", "")):
        return web.Response(body=file.gzipped, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=file.plain, headers=headers)
