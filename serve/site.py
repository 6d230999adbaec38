"""The pages' routes. Every page is the same file for every room; its script asks the API for the rest."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from serve.encoding import takes_gzip
from serve.problems import not_found
from serve.web.pages import File, Pages


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
    if takes_gzip(request):
        return web.Response(body=file.gzipped, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=file.plain, headers=headers)
