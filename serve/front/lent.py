"""A connection that is lent to aiohttp for one request, and comes back when that is answered.

So a connection that players ask over has no object of aiohttp's, and a browser's few connections serve its page, its
heartbeats and its player alike.
"""

import asyncio
from collections.abc import Callable

from aiohttp import web


class OneRequest(web.RequestHandler):
    """aiohttp's side of a connection, for one request of ``manager``'s application.

    When it is answered the connection is given back, and ``returned`` called; or it is closed, as aiohttp does, where
    the answer says so: if it is the ``last``, or was given before all of the request was there.
    """

    __slots__ = ("_given_back", "_last", "_returned")

    def __init__(
        self,
        manager: web.Server,
        loop: asyncio.AbstractEventLoop,
        last: Callable[[], bool],
        returned: Callable[[], None],
    ) -> None:
        super().__init__(manager, loop=loop, keepalive_timeout=0, access_log=None)  # type: ignore[arg-type]
        self._last = last
        self._returned = returned
        self._given_back = False

    async def start(self) -> None:
        """Serve the request."""
        try:
            await super().start()
        finally:
            if self._given_back:
                self.connection_lost(None)  # for aiohttp it has ended
                self._returned()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer, and let go of the connection if it lives on."""
        if self._last() or not request.content.is_eof():
            resp.force_close()
        response, reset = await super().finish_response(request, resp, start_time)
        if response.keep_alive and not reset:
            self._given_back = True
            self.close()
            self.transport = None
        return response, reset
