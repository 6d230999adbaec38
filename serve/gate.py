"""The gate: takes hosts in and keeps the rooms' time. It reaches the origin by the part link and the store alone."""

import asyncio
import contextlib
import logging
import ssl

from ingest.rtmp.listener import RtmpListener
from serve.config import Address
from serve.rooms import Rooms

_log = logging.getLogger(__name__)

_TICK = 0.1
"""Seconds: less than a part lasts, or what goes out while a host is away would come two parts at a time."""


class Gate:
    """The listener for hosts, and the clockwork of the rooms."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._rtmp = RtmpListener(rooms)
        self._clockwork: asyncio.Task[None] | None = None

    async def listen(self, address: Address, secure: ssl.SSLContext | None = None) -> Address:
        """Take hosts in at ``address``, by RTMPS if it is told how; return it with its port. Raises OSError."""
        return Address(address.host, await self._rtmp.start(address.host, address.port, secure))

    def start(self) -> None:
        """Let the rooms' time go on."""
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
