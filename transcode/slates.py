"""Has slates coded for hosts' own pictures (``slate_encoder``), and keeps the newest. It decodes nothing itself."""

import asyncio
import contextlib
import hashlib
import logging
import os
import sys
from asyncio.subprocess import PIPE
from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec

from ingest.media import Codec, Track
from transcode.interlude import CodedSlate
from transcode.media import Slate

_log = logging.getLogger(__name__)

_KEPT = 16
_AT_ONCE = 2  # processes
_PATIENCE = 30.0  # seconds


class _Failed(Exception):
    """A slate was not made; the text says why."""


class Slates:
    """Makes slates to order, each by a process. It keeps the newest ``_KEPT``: hosts come back with the same picture.

    ``command`` starts a process; it is given ``patience`` (seconds).
    """

    def __init__(
        self,
        command: Sequence[str] = (sys.executable, "-P", "-m", "transcode.slate_encoder"),
        patience: float = _PATIENCE,
    ) -> None:
        self._command = tuple(command)
        self._patience = patience
        self._tasks: OrderedDict[bytes, asyncio.Task[CodedSlate | None]] = OrderedDict()  # by the order's digest
        self._turn = asyncio.Semaphore(_AT_ONCE)

    def order(self, track: Track, slate: Slate, deliver: Callable[[CodedSlate], None]) -> None:
        """Have ``slate`` coded for players that have the picture ``track``, and delivered: at once if it is here.

        What cannot be made, as for a picture in another codec than H.264, is not delivered, and the log says why. Needs
        a running event loop.
        """
        if track.codec is not Codec.H264:
            _log.warning("there is no slate for a picture that is passed on, only a gap: it is %s", track.codec.label)
            return
        order = msgspec.msgpack.encode((track, slate))
        name = hashlib.sha256(order).digest()
        task = self._tasks.get(name)
        if task is None:
            make = self._make(name, order)
            task = self._tasks[name] = asyncio.get_running_loop().create_task(make, name="coded slate")
            while len(self._tasks) > _KEPT:
                self._tasks.popitem(last=False)[1].cancel()
        self._tasks.move_to_end(name)
        if not task.done():
            task.add_done_callback(lambda task: _hand_out(task, deliver))
        else:
            _hand_out(task, deliver)

    async def close(self) -> None:
        """End all that are being made."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _make(self, name: bytes, order: bytes) -> CodedSlate | None:
        try:
            async with self._turn:
                return await self._run(order)
        except (_Failed, OSError, TimeoutError, msgspec.MsgspecError) as error:
            self._tasks.pop(name, None)  # it may go better the next time
            reason = str(error) or "it took too long"
            _log.warning("there is no slate for a picture that is passed on, only a gap: %s", reason)
            return None

    async def _run(self, order: bytes) -> CodedSlate:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={"OPENBLAS_NUM_THREADS": "1", **os.environ},
            start_new_session=True,  # the terminal's Ctrl-C is the server's affair
        )
        try:
            async with asyncio.timeout(self._patience):
                made, said = await process.communicate(order)
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            raise _Failed(said.decode(errors="replace").strip().rpartition("\n")[2] or f"status {process.returncode}")
        return msgspec.msgpack.decode(made, type=CodedSlate)


def _hand_out(task: asyncio.Task[CodedSlate | None], deliver: Callable[[CodedSlate], None]) -> None:
    if not task.cancelled() and (coded := task.result()) is not None:
        deliver(coded)
