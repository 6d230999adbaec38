"""The pages' routes: static files from ``serve/web``, the same for every room."""

from aiohttp import web

from serve.rooms import Rooms


class SiteRoutes:
    def __init__(self, rooms: Rooms) -> None: ...
    def routes(self) -> list[web.RouteDef]:
        return []
