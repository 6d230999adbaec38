"""The moderation log: what was covered, when and why, and never what it was. Lines of JSON in the data folder.

Writing is left to a thread: a slow or full disk holds nobody up, and costs lines of this log at worst.
"""

import logging
import os
import queue
import threading
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from filters import TICKS
from transcode.verdicts import Note

_log = logging.getLogger(__name__)

FILE = "moderation.jsonl"
KEPT = 200
"""Notes of a room that are kept in memory."""
LARGEST = 10 << 20
"""Bytes from which on a new file is begun."""
OLD = 3
"""Files before that one which are kept: FILE.1 is the newest of them."""
_MOST_WAITING = 10_000  # lines that are not written yet; more are lost
_GATHER = 0.25  # seconds: what comes within it is written at once
_PATIENCE = 2.0  # seconds that the rest has at the end


class Noted(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the log. ``at``: the time of day, ISO 8601 in UTC. ``start`` and ``end`` in seconds of the room's
    timeline. ``filter`` is the filter's name without its options."""

    at: str
    room: str
    what: str
    start: float | None = None
    end: float | None = None
    filter: str = ""
    kind: str = ""
    category: str = ""
    effect: str = ""
    cause: str = ""


class Audit:
    """The log in a data folder. ``close`` it."""

    def __init__(self, data: Path) -> None:
        self._path = data / FILE
        self._kept: dict[str, deque[Noted]] = {}
        self._waiting: queue.Queue[bytes | None] = queue.Queue(_MOST_WAITING)
        self._closing = threading.Event()
        self._failing = False
        self._torn = False  # whether the last line of the file is not whole
        self._thread = threading.Thread(target=self._run, name="moderation log", daemon=True)
        self._thread.start()

    def write(self, room: str, note: Note, at_ms: int) -> None:
        """Note something of ``room``; ``at_ms`` in Unix milliseconds. Waits for nothing."""
        at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        noted = Noted(
            at, room, note.what, _seconds(note.start), _seconds(note.end), note.filter, note.kind, note.category,
            note.effect, note.cause,
        )  # fmt: skip
        self._kept.setdefault(room, deque(maxlen=KEPT)).append(noted)
        with suppress(queue.Full):  # the disk stands still
            self._waiting.put_nowait(msgspec.json.encode(noted) + b"\n")

    def newest(self, room: str) -> list[Noted]:
        """Return the newest notes of a room, the oldest of them first. Those of before the server's start are gone."""
        return list(self._kept.get(room, ()))

    def forget(self, room: str) -> None:
        """The room is deleted; what is in the file stays."""
        self._kept.pop(room, None)

    def close(self) -> None:
        """Write the rest, unless the disk takes too long for it."""
        self._closing.set()
        with suppress(queue.Full):
            self._waiting.put(None, timeout=_PATIENCE)
            self._thread.join(_PATIENCE)

    # In the thread:

    def _run(self) -> None:
        lines = [self._waiting.get()]
        while lines[-1] is not None:
            self._closing.wait(_GATHER)
            with suppress(queue.Empty):
                while lines[-1] is not None:
                    lines.append(self._waiting.get_nowait())
            self._append(b"".join(line for line in lines if line is not None))
            lines = lines[-1:] if lines[-1] is None else [self._waiting.get()]

    def _append(self, data: bytes) -> None:
        try:
            self._put(b"\n" + data if self._torn else data)
        except OSError as error:
            if not self._failing:
                _log.error(
                    "the moderation log %s cannot be written (%s): make room for it; what is noted meanwhile is lost",
                    self._path,
                    error,
                )
            self._failing = True
        else:
            self._failing = self._torn = False

    def _put(self, data: bytes) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            while data:
                written = os.write(handle, data)
                data = data[written:]
                self._torn = bool(data)
            large = os.fstat(handle).st_size >= LARGEST
        finally:
            os.close(handle)
        if large:
            self._rotate()

    def _rotate(self) -> None:
        names = [self._path, *(self._path.with_name(f"{FILE}.{number}") for number in range(1, OLD + 1))]
        for older, newer in reversed(list(zip(names[1:], names[:-1], strict=True))):
            with suppress(FileNotFoundError):
                newer.replace(older)


def _seconds(ticks: int | None) -> float | None:
    return None if ticks is None else round(ticks / TICKS, 3)
