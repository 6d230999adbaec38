"""Keeps a worker process at work on a broadcast: starts it, feeds it, watches it, and puts another in its place.

The parent's side of the link. It runs in the server's event loop, decodes nothing and waits for nobody: what the worker
cannot take yet stays in the packet log. The supervising task owns the process and is the only place that catches all.
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

from transcode.cover import Understudy
from transcode.load import Shedding, announcement
from transcode.log import PacketLog
from transcode.media import AUDIO, TIMELINE, End, Init, PartItem, Plan, RoomItem, TimedPacket
from transcode.progress import OutOfOrder, Progress
from transcode.usage import Usage
from transcode.wire import (
    VERSION,
    Ack,
    Done,
    Entry,
    Hello,
    Message,
    Ping,
    Pong,
    Setup,
    Shed,
    StandIn,
    Unpacker,
    WireError,
    pack,
)

_log = logging.getLogger(__name__)

_READ = 256 << 10
_SAMPLE = 1.0  # seconds
_FRUITLESS = 2  # workers in a row that got nowhere: it is what they are given
_LAST_WORDS = 1.0  # seconds until a process whose link is closed must have ended by itself


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may do before it is replaced. Times in seconds, ``memory`` (resident) in bytes.

    It is pinged every ``ping``, has ``start`` for its first word, and may then be silent for ``silence``. The first
    replacement comes at once, the next after ``backoff``, and so on doubling up to ``longest_backoff``; a worker that
    was at work for ``sound`` makes that forgotten. ``finish`` is for the rest of a broadcast's parts. Viewers who have
    got nothing for ``pause``, as no worker lives, get the slate.
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


@dataclass(frozen=True, slots=True)
class Stats:
    """A broadcast's worker now (``pid``, resident memory ``rss`` in bytes), and sums over all that it has had.

    ``dropped_packets`` never reached one (see PacketLog); ``dropped_frames`` and ``repeated_frames`` are what it took
    to keep the frame rate constant. ``shed`` says what the room goes without as the machine cannot carry it.
    ``processors``: CPU seconds that it takes in a second, None in its first ones.
    """

    pid: int | None
    rss: int
    restarts: int
    dropped_packets: int
    dropped_frames: int
    repeated_frames: int
    shed: str = ""
    processors: float | None = None


class _Unfit(Exception):
    """The worker must be replaced; the text goes on after its name."""


class Transcoder:
    """Has a worker make the parts of ``plan``.

    ``received`` takes each part item once, in order, whichever worker made it; ``noted`` takes a line for the operator
    when a worker is replaced. ``command`` starts one; the descriptor of its socket is added as last argument.
    """

    def __init__(
        self,
        plan: Plan,
        received: Callable[[PartItem], None],
        noted: Callable[[str], None],
        limits: Limits = Limits(),
        command: Sequence[str] = (sys.executable, "-P", "-m", "transcode.worker"),
    ) -> None:
        self._plan = plan
        self._received = received
        self._noted = noted
        self._limits = limits
        self._command = tuple(command)
        self._packets = PacketLog()
        self._progress = Progress(_renditions(plan))
        self._understudy = Understudy(plan, _renditions(plan))
        self._last_part = 0.0  # when a worker gave it
        self._shedding = Shedding(len(plan.encoded))
        self._sampled = 0.0  # when it was told how far the worker is behind
        self._task: asyncio.Task[None] | None = None
        self._process: Process | None = None
        self._writer: asyncio.StreamWriter | None = None  # to a worker that has been set up
        self._pong = Pong(0, 0, 0, 0)
        self._usage = Usage()
        self._given = False  # whether this worker has been sent a packet
        self._fruitful = False  # whether it has made anything of it
        self._ended = False
        self._closing = False
        self._restarts = 0
        self._dropped_frames = 0  # by workers that are gone
        self._repeated_frames = 0

    @property
    def stats(self) -> Stats:
        """How it stands."""
        return Stats(
            pid=self._process.pid if self._process else None,
            rss=self._pong.rss,
            restarts=self._restarts,
            dropped_packets=self._packets.dropped,
            dropped_frames=self._dropped_frames + self._pong.dropped,
            repeated_frames=self._repeated_frames + self._pong.repeated,
            shed=announcement(self._shedding.level, self._plan.encoded) if self._shedding.level else "",
            processors=self._usage.processors,
        )

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._supervise(), name="transcoder")

    def feed(self, item: RoomItem) -> None:
        """Take the next item of the room link. Never blocks: what the worker cannot take yet is logged."""
        self._ended = self._ended or isinstance(item, End)
        self._packets.append(item)
        self._understudy.follow(item)
        self._pump()
        if self._writer is None:
            self._stand_in()
        else:
            self._watch_load()

    async def finish(self) -> None:
        """Wait until all is made of a broadcast whose End was fed, but no longer than ``limits.finish``; then close."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=self._limits.finish)
        await self.close()

    async def close(self) -> None:
        """End the worker at once; nothing of it is left when this returns."""
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
        delay, fruitless = 0.0, 0
        while True:
            began = loop.time()
            try:
                return await self._employ()
            except _Unfit as unfit:
                reason = str(unfit)
            except (OutOfOrder, WireError) as error:
                reason = f"has sent what makes no sense ({error})"
            except Exception as error:
                _log.exception("a worker's parts could not be taken")
                reason = f"was ended by a mistake of the server: {error!r}"
            if loop.time() - began >= self._limits.sound:
                delay = 0.0
            self._restarts += 1
            then = f"another takes over{f' in {delay:g} s' if delay else ''}"
            fruitless = fruitless + 1 if self._given and not self._fruitful else 0
            if fruitless == _FRUITLESS:
                self._packets.forget_packets()
                fruitless, then = 0, f"{then}, without what this one was given"
            self._noted(f"The worker {reason}; {then}.")
            await asyncio.sleep(delay)
            delay = min(max(2 * delay, self._limits.backoff), self._limits.longest_backoff)

    async def _employ(self) -> None:
        """Have one worker at work until it is done. Raises _Unfit, OutOfOrder or WireError if it has to be replaced."""
        self._given = self._fruitful = False
        ours, theirs = socket.socketpair()
        with theirs:
            reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_READ)
            try:
                self._process = await self._engage(theirs)
                theirs.close()  # or the worker's end would not be seen
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
            raise _Unfit(f"cannot be started: {error}") from error

    async def _dismiss(self, writer: asyncio.StreamWriter) -> None:
        """Leave nothing of the worker, and be ready for another."""
        self._writer = None
        self._dropped_frames += self._pong.dropped
        self._repeated_frames += self._pong.repeated
        self._pong, self._usage = Pong(0, 0, 0, 0), Usage()
        self._packets.rewind()
        writer.transport.abort()
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            self._process = None
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _watch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, process: Process) -> None:
        """Take what the worker says until it is done, and have it say something."""
        loop = asyncio.get_running_loop()
        unpacker = Unpacker()
        ping_at = loop.time() + self._limits.ping
        # Silence is counted in pings: that the server itself stood still is not held against the worker.
        quiet = 0
        while True:
            data: bytes | None = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(ping_at):
                    data = await _read(reader)
            if data == b"":
                self._writer = None
                raise _Unfit(await _last_words(process))
            if data is not None:
                quiet = 0
                for message in unpacker.receive(data):
                    if self._done(message, writer):
                        return
            if loop.time() >= ping_at:
                patience = self._limits.silence if self._writer else self._limits.start
                quiet += 1
                if quiet * self._limits.ping >= patience:
                    raise _Unfit(f"has said nothing for {patience:g} s")
                ping_at = loop.time() + self._limits.ping
                self._say(Ping())

    def _done(self, message: Message, writer: asyncio.StreamWriter) -> bool:
        """Take a message; tell whether it is the last."""
        match message:
            case Hello(version=version) if self._writer is None:
                if version != VERSION:
                    raise _Unfit(f"speaks version {version} of the link, not {VERSION}: install Veilcast anew")
                self._hand_over()
                self._writer = writer
                self._say(Setup(VERSION, self._plan, self._progress.aired))
                if self._shedding.level:
                    self._say(Shed(self._shedding.level))
                self._pump()
            case _ if self._writer is None:
                raise _Unfit(f"begins with {type(message).__name__} instead of Hello")
            case Ack(offset=offset):
                self._packets.acknowledge(offset)
                self._pump()
            case Pong(rss=rss, cpu=cpu):
                self._pong = message
                self._usage.used(cpu, asyncio.get_running_loop().time())
                if rss > self._limits.memory:
                    raise _Unfit(f"uses {rss >> 20} MiB of memory, more than the {self._limits.memory >> 20} allowed")
            case Done():
                if not self._ended:
                    raise _Unfit("has stopped before the end")
                return True
            case StandIn():
                self._understudy.learn(message)
            case Setup() | Entry() | Ping() | Shed() | Hello():
                raise _Unfit(f"sends {type(message).__name__}, which is the gate's to send")
            case _:
                self._fruitful |= not isinstance(message, Init)
                self._last_part = asyncio.get_running_loop().time()
                self._part(message)
        return False

    def _part(self, item: PartItem) -> None:
        if self._progress.take(item):
            if (position := self._progress.position) is not None:
                self._packets.aired(position)
            self._received(item)

    def _stand_in(self) -> None:
        """Let viewers have the slate if they have waited long enough."""
        waited = asyncio.get_running_loop().time() - self._last_part
        if self._understudy.on or waited >= self._limits.pause:
            for item in self._understudy.go_on(self._progress.aired):
                self._part(item)

    def _watch_load(self) -> None:
        """Have the worker do less while it cannot keep up."""
        now = asyncio.get_running_loop().time()
        if self._ended or not self._plan.encoded or now - self._sampled < _SAMPLE:
            return
        # The lowest rung is never a gap, which would be ahead of the rest, and it is as late as the one above it.
        made = self._progress.reached(self._plan.encoded[-1].name)
        if made is None:
            return
        self._sampled = now
        if self._shedding.sample(round(now * TIMELINE), self._understudy.now - made):
            level = self._shedding.level
            self._noted(f"Load: {announcement(level, self._plan.encoded)}.")
            self._say(Shed(level))

    def _hand_over(self) -> None:
        """The slate ends, if there was one, and a worker goes on where it does."""
        for item in self._understudy.hand_over():
            self._part(item)
        self._packets.rewind()

    def _pump(self) -> None:
        """Send what there is credit for."""
        while self._writer is not None and (logged := self._packets.take()) is not None:
            self._given |= isinstance(logged.item, TimedPacket)
            self._say(Entry(logged.offset, logged.item))

    def _say(self, message: Message) -> None:
        """Tell the worker, if one listens: writing to a broken link raises, on uvloop, until its end is noticed."""
        if self._writer is not None and not self._writer.transport.is_closing():
            self._writer.write(pack(message))


def _renditions(plan: Plan) -> list[str]:
    """Return the renditions that a worker makes."""
    sound = [AUDIO] if plan.sound is not None and plan.sound.transcoded else []
    return [rung.name for rung in plan.encoded] + sound


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Return what the worker said; nothing if it is gone."""
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
