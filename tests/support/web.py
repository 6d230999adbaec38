"""A server's web routes on a free port of the loopback, over a house of rooms."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from serve.api import Api
from serve.audit import Audit
from serve.hls import HlsRoutes
from serve.inspector import Inspector
from serve.patience import Patience
from serve.problems import answer_problems
from serve.server import MOST_BODY
from serve.views import Addresses
from tests.support.house import House
from tests.support.toy_describe import COMMAND

TOKEN = "operators-token"
ADDRESSES = Addresses("http://stream.example:8080", "rtmp://stream.example:1935/live")

Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def serving(house: House, patience: Patience | None = None, audit: Audit | None = None) -> AsyncIterator[Client]:
    """HLS routes and API as the server has them; filters are the toy's."""
    patience = patience or Patience()
    inspector = Inspector([house.data], COMMAND)
    audit = audit or Audit(house.data)
    api = Api(house.rooms, inspector, audit, lambda: ADDRESSES, TOKEN, patience)
    app = web.Application(middlewares=[answer_problems], client_max_size=MOST_BODY)
    app.add_routes(HlsRoutes(house.origin, api.watched, patience).routes())
    app.add_routes(api.routes())
    server = TestServer(app, host="127.0.0.1")
    async with TestClient(server) as client:
        yield client
    audit.close()


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Let everything else run until ``condition`` holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.001)
