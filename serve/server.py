"""The composition root of ``veilcast serve``: store, rooms, gate, origin and web in one asyncio process."""

import asyncio
import errno
import fcntl
import os
import secrets
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from serve.api import Api
from serve.audit import Audit
from serve.broadcast import AWAKE
from serve.config import Address, ServeConfig
from serve.credentials import Credentials
from serve.front.front import Front
from serve.gate import Gate
from serve.hls import Hls
from serve.inspector import Inspector
from serve.metrics import CONTENT_TYPE, Metrics
from serve.network import loopback, reachable, taken
from serve.origin import Origin
from serve.patience import Patience
from serve.problems import Handler, answer_problems
from serve.room import SystemClock
from serve.rooms import Rooms
from serve.site import Sample, SiteRoutes
from serve.store import Store, StoreError
from serve.views import Addresses
from serve.watch import FilterWatch
from serve.web.pages import NotBuilt, Pages, read_pages
from transcode.machine import processor_time
from transcode.media import PartItem, Plan
from transcode.process import Transcoder
from transcode.slates import Slates
from transcode.wire import Covering, Fault

if TYPE_CHECKING:
    from serve.https import LiveCertificate

_LOCK = "lock"
MOST_BODY = 8 << 20  # of the operator: a slate in base64


class StartError(Exception):
    """The server cannot start; the text says why and what to do."""


class Server:
    """A whole server. ``start`` it, then it serves until ``close``. Only a demo has a ``sample``."""

    def __init__(self, config: ServeConfig, sample: Sample | None = None, awake: float = AWAKE) -> None:
        self._config = config
        self._awake = awake
        self._sample = sample
        self._stack = AsyncExitStack()
        self._addresses = Addresses("", "")
        self.https_urls: list[str] = []
        """Where browsers find it by HTTPS, the best first; empty where it speaks none."""
        self.rtmps_urls: list[str] = []
        """Where hosts find it by RTMPS, likewise."""
        self.token = ""

    @property
    def url(self) -> str:
        """Where browsers find it, as ``http://HOST:PORT``."""
        return self._addresses.web

    @property
    def rtmp_url(self) -> str:
        """Where hosts find it, as ``rtmp://HOST:PORT/live``."""
        return self._addresses.rtmp

    async def start(self) -> None:
        """Start everything, or nothing. Raises StartError."""
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Drain: hosts are told, answers under way are finished for a moment, numbers are safe in the store."""
        await self._stack.aclose()

    async def _start(self) -> None:
        data = self._config.data
        try:
            pages = read_pages()
            store = Store(data)
            self._stack.callback(store.close)
            self._lock(data)
            self.token = store.server_value("token", secrets.token_urlsafe(24))
            origin = Origin()
            slates = Slates()
            self._stack.push_async_callback(slates.close)
            audit = Audit(data)
            self._stack.callback(audit.close)
            clock = SystemClock()
            rooms = Rooms(
                store, origin, clock, _worker, slates.order, processor_time(),
                lambda room, note: audit.write(room, note, clock.wall()), awake=self._awake,
            )  # fmt: skip
        except (StoreError, NotBuilt) as error:
            raise StartError(str(error)) from error
        self._stack.push_async_callback(rooms.drop)  # broadcasts that go on have their workers already
        gate = Gate(rooms)
        inspector = Inspector(self._config.filter_folders(Path.cwd()))
        if self._config.watch_filters:
            watching = asyncio.create_task(FilterWatch(rooms, inspector.check).run(), name="filter watch")
            self._stack.push_async_callback(_ended, watching)
        front = await self._web(origin, rooms, inspector, audit, pages)
        secure = self._certificate()
        if secure is not None and self._config.https is not None:
            listening = await self._listen(front, self._config.https, "--https", secure.context)
            self.https_urls = [f"https://{one}" for one in self._named(secure, listening)]
        http = await self._listen(front, self._config.http, "--http")
        self._stack.push_async_callback(gate.close)
        rtmp = await self._listen(gate, self._config.rtmp, "--rtmp")
        if secure is not None and self._config.rtmps is not None:
            listening = await self._listen(gate, self._config.rtmps, "--rtmps", secure.context)
            self.rtmps_urls = [f"rtmps://{one}/live" for one in self._named(secure, listening)]
        gate.start()
        self._addresses = Addresses(
            f"http://{reachable(http)[0]}", f"rtmp://{reachable(rtmp)[0]}/live", *self.rtmps_urls[:1]
        )
        try:
            Credentials(f"http://{loopback(http)}", self.token).write(data)
        except OSError as error:
            raise StartError(f"cannot write to the data folder {data} ({error}): give it room") from error
        self._stack.callback(Credentials.remove, data)

    def _lock(self, data: Path) -> None:
        """Two servers on one folder would use the same numbers: the second does not start."""
        try:
            handle = os.open(data / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StartError(f"cannot write to the data folder {data} ({error}): make it writable") from error
        self._stack.callback(os.close, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StartError(
                f"another server uses the data folder {data}: stop it, or name another folder with --data"
            ) from error

    async def _web(self, origin: Origin, rooms: Rooms, inspector: Inspector, audit: Audit, pages: Pages) -> Front:
        patience = Patience()
        sample = self._sample
        api = Api(rooms, inspector, audit, lambda: self._addresses, self.token, patience, sample.of if sample else None)
        metrics = Metrics(rooms, api.viewers)
        app = web.Application(middlewares=[answer_problems], client_max_size=MOST_BODY)
        app.add_routes(api.routes())
        app.add_routes(SiteRoutes(pages).routes())
        if sample:
            app.add_routes(sample.routes())
        app.add_routes([web.get("/healthz", _alive), web.get("/readyz", _alive)])
        app.router.add_get("/metrics", _metrics(metrics))
        front = Front(app, Hls(origin, api.watched, patience), patience)
        await front.start()
        self._stack.push_async_callback(front.close)
        return front

    def _certificate(self) -> "LiveCertificate | None":
        """The certificate, if anything is to be served with one. Raises StartError."""
        if not self._config.secure:
            return None
        from serve.certificates import CertificateError  # who wants none does not wait for its import
        from serve.https import certificate

        try:
            live = certificate(self._config)
        except CertificateError as error:
            raise StartError(str(error)) from error
        watching = asyncio.create_task(live.watch(), name="certificate")
        self._stack.push_async_callback(_ended, watching)
        return live

    def _named(self, certificate: "LiveCertificate", listening: Address) -> list[Address]:
        """Where what listens with a certificate is found: by the names that somebody vouches for, if anybody does."""
        known = [name for name in certificate.names if "*" not in name] if self._config.https_cert is not None else []
        return [Address(name, listening.port) for name in known] or reachable(listening)

    @staticmethod
    async def _listen(
        door: Front | Gate, address: Address, option: str, secure: ssl.SSLContext | None = None
    ) -> Address:
        """Serve at ``address``; return it with its port. Raises StartError."""
        try:
            return await door.listen(address, secure)
        except OSError as error:
            raise _unavailable(address, option, error) from error


def _worker(
    plan: Plan,
    received: Callable[[PartItem], None],
    noted: Callable[[str], None],
    told: Callable[[Covering | Fault], None],
) -> Transcoder:
    transcoder = Transcoder(plan, received, noted, told)
    transcoder.start()
    return transcoder


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _metrics(metrics: Metrics) -> Handler:
    async def show(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return show


async def _alive(_: web.Request) -> web.Response:
    return web.Response(text="ok\n", headers={"Cache-Control": "no-store"})


def _unavailable(address: Address, option: str, error: OSError) -> StartError:
    if isinstance(error, PermissionError):
        return StartError(f"port {address.port} needs more rights: choose one above 1023 with {option}")
    if error.errno == errno.EADDRINUSE:
        return StartError(taken(address, option))
    return StartError(f"cannot listen on {address} ({error.strerror or error}): choose another address with {option}")
