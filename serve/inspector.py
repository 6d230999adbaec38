"""Looks at filters in a short-lived child process: whoever writes filters has code that never runs in the server.

What a filter takes and looks ahead is known only by importing it. The child does that for all filters of a room, once,
and says what it found; one that hangs or dies takes nothing along.
"""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from filters import FilterError
from filters.spec import Spec, parse
from serve.errors import SettingError
from serve.store import FilterRow

MOST = 16
"""Filters that a room can have."""
TIMEOUT = 20.0
"""Seconds that a look at filters may take: some import a lot."""
_MOST_ANSWER = 4 << 20  # bytes
_LAST_WORDS = 4 << 10  # bytes of its standard error that are kept
_READ = 64 << 10


class InspectionError(SettingError):
    """A filter cannot be used, or could not be looked at; the text names it and says what to do."""


class Option(msgspec.Struct, frozen=True):
    """An option of a filter. ``type``: str, int, float, bool or list; ``choices``: all values that it may have, or
    have in the list, empty if anything goes; ``required`` ones have no ``default``."""

    name: str
    type: str
    default: Any = None
    choices: list[str] = []
    required: bool = False


class Description(msgspec.Struct, frozen=True):
    """What a filter is. ``role``: "video", "audio" or "detector". ``lookahead`` and ``context`` in seconds; ``takes``:
    what of the stream a detector is given."""

    name: str
    role: str
    summary: str
    doc: str = ""
    options: list[Option] = []
    lookahead: float = 0.0
    context: float = 0.0
    takes: list[str] = []


class Inspected(msgspec.Struct, frozen=True):
    """A filter, or why it cannot be used."""

    spec: str
    description: Description | None = None
    error: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    filters: list[Inspected]


class Inspector:
    """Looks at filters; those in files only below the folders that are ``allowed``, or anywhere if that is None."""

    def __init__(
        self,
        allowed: Sequence[Path] | None,
        command: Sequence[str] = (sys.executable, "-P", "-m", "filters.describe"),
        timeout: float = TIMEOUT,
    ) -> None:
        self._allowed = None if allowed is None else [folder.expanduser().resolve() for folder in allowed]
        self._command = tuple(command)
        self._timeout = timeout

    async def known(self) -> list[Inspected]:
        """Return all filters that are installed. Raises InspectionError."""
        return await self._ask({"list": True}, "the installed filters")

    async def describe(self, spec: Spec) -> Description:
        """Return what a filter is. Raises InspectionError."""
        if spec.path is None and not spec.options:  # which may have to be given, or it cannot be made
            for known in await self.known():
                if known.spec == spec.name:
                    return _usable(known)
        (found,) = await self._look([self._placed(spec)])
        return _usable(found)

    async def check(self, texts: Sequence[str]) -> tuple[FilterRow, ...]:
        """Return a room's filters as they are to be kept, if every one can be used so. Raises InspectionError."""
        if len(texts) > MOST:
            raise InspectionError(f"a room has {MOST} filters at most, not {len(texts)}: leave some out")
        try:
            specs = [self._placed(parse(text)) for text in texts]
        except FilterError as error:
            raise InspectionError(str(error)) from error
        if not specs:
            return ()
        described = [_usable(found) for found in await self._look(specs)]
        return tuple(
            FilterRow(str(spec), found.role, found.lookahead) for spec, found in zip(specs, described, strict=True)
        )

    def _placed(self, spec: Spec) -> Spec:
        """Return it with the file's real place, links followed, if that is an allowed one."""
        if spec.path is None:
            return spec
        if not os.path.isabs(spec.path):
            raise InspectionError(f"filter {spec.title}: give an absolute path, such as /home/me/filters/mine.py:name")
        try:
            path = Path(spec.path).resolve()
        except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a zero byte
            raise InspectionError(f"filter {spec.title} cannot be found: see whether its path is right") from error
        if self._allowed is not None and not any(path.is_relative_to(folder) for folder in self._allowed):
            folders = ", ".join(map(str, self._allowed)) or "none"
            raise InspectionError(
                f"filter {spec.title} is in none of the folders that this server takes filters from ({folders}):"
                " put the file there, or start the server with --filters DIR"
            )
        return replace(spec, path=str(path))

    async def _look(self, specs: Sequence[Spec]) -> list[Inspected]:
        found = await self._ask({"specs": [str(spec) for spec in specs]}, _titles(specs))
        if len(found) != len(specs):
            raise InspectionError(f"{_titles(specs)} could not be checked: not all were answered for")
        return found

    async def _ask(self, question: object, what: str) -> list[Inspected]:
        try:
            async with asyncio.timeout(self._timeout):
                status, answer, said = await self._child(msgspec.json.encode(question))
        except TimeoutError as error:
            raise InspectionError(
                f"{what} took more than {self._timeout:g} s to load, and was stopped:"
                " see what the file does when it is imported"
            ) from error
        except OSError as error:
            raise InspectionError(f"{what} could not be checked: no process could be started ({error})") from error
        with contextlib.suppress(msgspec.DecodeError):
            if status == 0 and len(answer) <= _MOST_ANSWER:
                return msgspec.json.decode(answer, type=_Answer).filters
        ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        words = f" ({said})" if said else ""
        raise InspectionError(
            f"{what} could not be checked: the process that loads filters {ended}{words}:"
            " see what the file does when it is imported"
        )

    async def _child(self, question: bytes) -> tuple[int, bytes, str]:
        """Run it; return its status, its answer, and the last line of what it said beside that."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={"OPENBLAS_NUM_THREADS": "1", **os.environ},
            start_new_session=True,  # so that it ends with all that it has started
        )
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            with contextlib.suppress(ConnectionError):  # it is gone already: its status tells
                process.stdin.write(question)
                await process.stdin.drain()
                process.stdin.close()
            answer, said = await asyncio.gather(_start(process.stdout), _end(process.stderr))
            return await process.wait(), answer, said
        finally:
            await _end_all(process)


async def _end_all(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all of its session is gone
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def _start(stream: asyncio.StreamReader) -> bytes:
    """Read all, and keep no more than an answer may have, and a byte."""
    kept = bytearray()
    while chunk := await stream.read(_READ):
        kept += chunk[: _MOST_ANSWER + 1 - len(kept)]
    return bytes(kept)


async def _end(stream: asyncio.StreamReader) -> str:
    """Read all; return the last line."""
    kept = b""
    while chunk := await stream.read(_READ):
        kept = (kept + chunk)[-_LAST_WORDS:]
    lines = kept.decode(errors="replace").split("\n")
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _usable(found: Inspected) -> Description:
    if found.description is None:
        raise InspectionError(found.error or "a filter could not be checked, and it was not said why")
    return found.description


def _titles(specs: Sequence[Spec]) -> str:
    titles = ", ".join(spec.title for spec in specs)
    return f"filter {titles}" if len(specs) == 1 else f"one of the filters {titles}"
