"""The gate: takes hosts in and keeps the rooms' time. It reaches the origin by the part link and the store alone."""

import asyncio
import contextlib
import logging

from ingest.rtmp.listener import RtmpListener
from serve.config import Address
from serve.rooms import Rooms

_log = logging.getLogger(__name__)

_TICK = 0.1
"""Seconds: less than a part lasts, or what goes out while a host is away would come two parts at a time."""


class Gate:
    """The listeners for hosts, and the clockwork of the rooms."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._rtmp = RtmpListener(rooms)
        self._clockwork: asyncio.Task[None] | None = None

    @property
    def rtmp_port(self) -> int:
        """The port that RTMP hosts connect to."""
        return self._rtmp.port

    async def start(self, rtmp: Address) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        await self._rtmp.start(rtmp.host, rtmp.port)
        self._clockwork = asyncio.create_task(self._run(), name="gate clockwork")

    async def close(self) -> None:
        """Send the hosts away and stop."""
        self._rooms.disconnect_all("the server is going down: reconnect in a moment")
        await self._rtmp.close()
        if self._clockwork is not None:
            self._clockwork.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._clockwork

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            for room in self._rooms.all():
                try:
                    room.tick()
                except Exception:
                    # The supervisor of the rooms: one that fails must not stop the time of the others.
                    _log.exception("room %s: a mistake of this server", room.name)
