"""A server's web on a free port of the loopback, over a house of rooms."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from serve.api import Api
from serve.audit import Audit
from serve.config import Address
from serve.front.connection import Limits
from serve.front.front import Front
from serve.hls import Hls
from serve.inspector import Inspector
from serve.patience import Patience
from serve.problems import answer_problems
from serve.server import MOST_BODY
from serve.views import Addresses
from tests.support.house import House
from tests.support.toy_describe import COMMAND

TOKEN = "operators-token"
ADDRESSES = Addresses("http://stream.example:8080", "rtmp://stream.example:1935/live")


class FrontServer(TestServer):
    """An application behind a front, on a free port."""

    def __init__(self, app: web.Application, front: Front) -> None:
        super().__init__(app, host="127.0.0.1")
        self._front = front

    async def start_server(self, loop: asyncio.AbstractEventLoop | None = None, **_: object) -> None:
        await self._front.start()
        self.port = (await self._front.listen(Address(self.host, 0))).port
        self._root = URL(f"http://{self.host}:{self.port}")

    async def close(self) -> None:
        if not self._closed:
            await self._front.close()
            self._closed = True


class Client(TestClient[web.Request, web.Application]):
    """A client of one server, whose ``front`` is there to be looked at."""

    def __init__(self, app: web.Application, front: Front) -> None:
        super().__init__(FrontServer(app, front))
        self.front = front

    @property
    def held(self) -> int:
        """How many requests are being held."""
        return len(self.front.waiting)


@asynccontextmanager
async def serving(
    house: House, patience: Patience | None = None, audit: Audit | None = None, limits: Limits | None = None
) -> AsyncIterator[Client]:
    """HLS and API as the server has them; filters are the toy's."""
    patience = patience or Patience()
    inspector = Inspector([house.data], COMMAND)
    audit = audit or Audit(house.data)
    api = Api(house.rooms, inspector, audit, lambda: ADDRESSES, TOKEN, patience)
    app = web.Application(middlewares=[answer_problems], client_max_size=MOST_BODY)
    app.add_routes(api.routes())
    front = Front(app, Hls(house.origin, api.watched, patience), patience, limits)
    async with Client(app, front) as client:
        yield client
    audit.close()


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Let everything else run until ``condition`` holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.001)
