"""Keeps a child process at its work: starts it, pings it, and puts another in its place when it fails.

The parent's side of a link (``wire``), for any child. It runs in the server's event loop and waits for nobody. The
supervising task owns the process and is the only place that catches all. What the child is for, its ``Role`` knows.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from transcode.progress import OutOfOrder
from transcode.usage import Usage
from transcode.wire import VERSION, Hello, Message, Ping, Pong, Unpacker, WireError, pack

_log = logging.getLogger(__name__)

_READ = 256 << 10
_LAST_WORDS = 1.0  # seconds until a process whose link is closed must have ended by itself


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may do before it is replaced. Times in seconds, ``memory`` (resident) in bytes.

    It is pinged every ``ping``, has ``start`` for its first word, and may then be silent for ``silence``. The first
    replacement comes at once, the next after ``backoff``, and so on doubling up to ``longest_backoff``; one that was at
    work for ``sound`` makes that forgotten. ``finish`` is for the rest of a broadcast's parts. Viewers who have got
    nothing for ``pause``, as no worker lives, get the slate.
    """

    ping: float = 0.5
    start: float = 20.0
    silence: float = 5.0
    memory: int = 1 << 30
    finish: float = 10.0
    backoff: float = 0.5
    longest_backoff: float = 15.0
    sound: float = 30.0
    pause: float = 1.0


class Unfit(Exception):
    """The child must be replaced; the text goes on after its name."""


class Role(Protocol):
    """What a child is for."""

    def greeted(self) -> None:
        """Another child has said hello: tell it what to do."""
        ...

    def took(self, message: Message) -> bool:
        """Take the next message; tell whether it was the last, and the child's work is done. Raises Unfit."""
        ...

    def gone(self) -> None:
        """The child is no more."""
        ...

    def remark(self) -> str:
        """Return what the note about a child that failed ends with."""
        ...


class Supervisor:
    """Keeps a child at work on ``role``. ``noted`` takes a line for the operator each time that one is replaced.

    ``name`` is what to call it ("worker"); ``command`` starts one; the descriptor of its socket is the last argument.
    """

    def __init__(
        self, name: str, command: Sequence[str], role: Role, noted: Callable[[str], None], limits: Limits
    ) -> None:
        self.restarts = 0
        self._name = name
        self._command = tuple(command)
        self._role = role
        self._noted = noted
        self._limits = limits
        self._task: asyncio.Task[None] | None = None
        self._process: Process | None = None
        self._writer: asyncio.StreamWriter | None = None  # to a child that has said hello
        self._rss = 0
        self._usage = Usage()
        self._closing = False
        self._renew = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return self._process.pid if self._process else None

    @property
    def rss(self) -> int:
        """Its memory (bytes)."""
        return self._rss

    @property
    def processors(self) -> float | None:
        """CPU seconds that it takes in a second; None in its first ones."""
        return self._usage.processors

    @property
    def listening(self) -> bool:
        """Whether there is one that has said hello, and is to stay."""
        return self._writer is not None and not self._renew.is_set()

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._supervise(), name=self._name)

    def renew(self) -> None:
        """Put another child in its place at once: it is to begin anew. Nothing is noted, and failures are forgotten."""
        self._renew.set()

    def say(self, message: Message) -> None:
        """Tell the child, if one listens: writing to a broken link raises, on uvloop, until its end is noticed."""
        if self._writer is not None and not self._writer.transport.is_closing():
            self._writer.write(pack(message))

    async def finish(self) -> None:
        """Wait until its work is done, but no longer than ``limits.finish``; then close."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=self._limits.finish)
        await self.close()

    async def close(self) -> None:
        """End the child at once; nothing of it is left when this returns."""
        if self._task is not None:
            if not self._closing:  # a second time would break off the first one's cleaning up
                self._closing = True
                self._task.cancel()
            await asyncio.wait([self._task])
        if self._process is not None:  # it was being dismissed just then
            await self._process.wait()
            self._process = None

    # The supervising task.

    async def _supervise(self) -> None:
        loop = asyncio.get_running_loop()
        delay = 0.0
        while True:
            began = loop.time()
            try:
                if await self._until_done_or_renewed():
                    return
            except Unfit as unfit:
                reason = str(unfit)
            except (OutOfOrder, WireError) as error:
                reason = f"has sent what makes no sense ({error})"
            except Exception as error:
                _log.exception("what a %s has sent could not be taken", self._name)
                reason = f"was ended by a mistake of the server: {error!r}"
            else:
                delay = 0.0
                continue
            if loop.time() - began >= self._limits.sound:
                delay = 0.0
            self.restarts += 1
            then = f"another takes over{f' in {delay:g} s' if delay else ''}"
            self._noted(f"The {self._name} {reason}; {then}{self._role.remark()}.")
            if await self._renewed_within(delay):
                delay = 0.0
                continue
            delay = min(max(2 * delay, self._limits.backoff), self._limits.longest_backoff)

    async def _renewed_within(self, delay: float) -> bool:
        """Wait, but no longer than until the child is to begin anew; tell whether it is."""
        if not delay:
            await asyncio.sleep(0)
            return self._renew.is_set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._renew.wait(), delay)
        return self._renew.is_set()

    async def _until_done_or_renewed(self) -> bool:
        """Have one child at work; tell whether it is done, or is to begin anew. Raises Unfit, OutOfOrder, WireError."""
        self._renew.clear()
        work = asyncio.ensure_future(self._employ())
        renewed = asyncio.ensure_future(self._renew.wait())
        try:
            await asyncio.wait((work, renewed), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                return False
            work.result()
            return True
        finally:
            for task in (work, renewed):
                task.cancel()
            await asyncio.gather(work, renewed, return_exceptions=True)

    async def _employ(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_READ)
            try:
                self._process = await self._engage(theirs)
                theirs.close()  # or the child's end would not be seen
                await self._watch(reader, writer, self._process)
            finally:
                await self._dismiss(writer)

    async def _engage(self, theirs: socket.socket) -> Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self._command,
                str(theirs.fileno()),
                stdin=DEVNULL,
                pass_fds=(theirs.fileno(),),
                # numpy's matrix threads would take a quarter of the start, and nobody multiplies matrices here.
                env={"OPENBLAS_NUM_THREADS": "1", **os.environ},
                start_new_session=True,  # the terminal's Ctrl-C is the gate's affair
            )
        except OSError as error:
            raise Unfit(f"cannot be started: {error}") from error

    async def _dismiss(self, writer: asyncio.StreamWriter) -> None:
        """Leave nothing of the child, and be ready for another."""
        self._writer = None
        self._rss, self._usage = 0, Usage()
        self._role.gone()
        writer.transport.abort()
        if self._process is not None:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
            await self._process.wait()
            self._process = None
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _watch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, process: Process) -> None:
        """Take what the child says until it is done, and have it say something."""
        loop = asyncio.get_running_loop()
        unpacker = Unpacker()
        ping_at = loop.time() + self._limits.ping
        # Silence is counted in pings: that the server itself stood still is not held against the child.
        quiet = 0
        while True:
            data: bytes | None = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(ping_at):
                    data = await _read(reader)
            if data == b"":
                self._writer = None
                raise Unfit(await _last_words(process))
            if data is not None:
                quiet = 0
                for message in unpacker.receive(data):
                    if self._done(message, writer):
                        return
            if loop.time() >= ping_at:
                patience = self._limits.silence if self._writer else self._limits.start
                quiet += 1
                if quiet * self._limits.ping >= patience:
                    raise Unfit(f"has said nothing for {patience:g} s")
                ping_at = loop.time() + self._limits.ping
                self.say(Ping())

    def _done(self, message: Message, writer: asyncio.StreamWriter) -> bool:
        """Take a message; tell whether it is the last. One that is about to be replaced is not listened to any more."""
        if self._renew.is_set():
            return False
        if self._writer is None:
            if not isinstance(message, Hello):
                raise Unfit(f"begins with {type(message).__name__} instead of Hello")
            if message.version != VERSION:
                raise Unfit(f"speaks version {message.version} of the link, not {VERSION}: install Veilcast anew")
            self._writer = writer
            self._role.greeted()
            return False
        if isinstance(message, Pong):
            self._rss = message.rss
            self._usage.used(message.cpu, asyncio.get_running_loop().time())
            if message.rss > self._limits.memory:
                raise Unfit(
                    f"uses {message.rss >> 20} MiB of memory, more than the {self._limits.memory >> 20} allowed"
                )
        return self._role.took(message)


def python(module: str) -> tuple[str, ...]:
    """Return the command of a child that runs ``module``."""
    return (sys.executable, "-P", "-m", module)


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Return what the child said; nothing if it is gone."""
    try:
        return await reader.read(_READ)
    except ConnectionError:
        return b""


async def _last_words(process: Process) -> str:
    """Say how a process whose link is closed has ended."""
    try:
        async with asyncio.timeout(_LAST_WORDS):
            status = await process.wait()
    except TimeoutError:
        return "has closed its link"
    if status >= 0:
        return f"has ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"was ended by {name}"
