"""The store: rooms and broadcasts in SQLite, so that names, keys and numbers outlive the server. File I/O only here.

Calls are short and synchronous: a row a room and a segment. Write-ahead logging keeps readers and a killed server safe.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ingest.media import Track
from transcode.media import Plan

_log = logging.getLogger(__name__)

FILE = "veilcast.sqlite3"
# What takes a database from each version to the next; version 0 is an empty file.
_STEPS = (
    """
CREATE TABLE server (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE rooms (
    name TEXT PRIMARY KEY, title TEXT NOT NULL, ladder TEXT NOT NULL, private INTEGER NOT NULL,
    stream_key TEXT NOT NULL UNIQUE, open INTEGER NOT NULL
);
CREATE TABLE broadcasts (
    id TEXT PRIMARY KEY, room TEXT NOT NULL REFERENCES rooms(name) ON DELETE CASCADE,
    started_at INTEGER NOT NULL, plan TEXT NOT NULL, tracks TEXT NOT NULL,
    number INTEGER NOT NULL, position INTEGER NOT NULL, discontinuities INTEGER NOT NULL, ended INTEGER NOT NULL
);
CREATE INDEX broadcasts_room ON broadcasts(room, ended);
""",
    # Plans have another shape from here on: no broadcast of before can be taken up.
    """
ALTER TABLE rooms ADD COLUMN preset TEXT NOT NULL DEFAULT 'balanced';
ALTER TABLE rooms ADD COLUMN loudness REAL;
UPDATE broadcasts SET ended = 1;
""",
    """
ALTER TABLE rooms ADD COLUMN grace INTEGER NOT NULL DEFAULT 120;
ALTER TABLE rooms ADD COLUMN slate BLOB NOT NULL DEFAULT x'';
""",
    """
ALTER TABLE rooms ADD COLUMN filters TEXT NOT NULL DEFAULT '[]';
ALTER TABLE rooms ADD COLUMN delay REAL;
ALTER TABLE rooms ADD COLUMN on_overrun TEXT NOT NULL DEFAULT 'cover';
""",
    """
ALTER TABLE rooms ADD COLUMN moderation_budget REAL;
""",
)


class StoreError(Exception):
    """The data folder cannot be used; the text says why and what to do."""


DETECTOR = "detector"
"""The role of filters that look ahead."""


@dataclass(frozen=True, slots=True)
class FilterRow:
    """A filter of a room: its ``spec`` as text (it may hold what is to be hidden: never log it), the ``role`` that it
    was found to have when it was checked ("video", "audio" or "detector"), and the ``lookahead`` (seconds) that it
    declared then."""

    spec: str
    role: str
    lookahead: float = 0.0


@dataclass(frozen=True, slots=True)
class RoomRow:
    """A room as its operator set it up.

    ``loudness`` in LUFS, None where it is left as it comes. ``grace``: seconds that a broadcast waits for its host.
    ``slate``: the content of the image file that is shown meanwhile, empty for none. ``delay``: seconds that viewers
    get everything later, None for what the filters declare. ``on_overrun``: "cover" or "stop". ``moderation_budget``:
    processors that its detectors are to get by with, None for what the machine has to spare.
    """

    name: str
    title: str
    ladder: str
    preset: str
    loudness: float | None
    private: bool
    stream_key: str
    open: bool
    grace: int = 120
    slate: bytes = b""
    filters: tuple[FilterRow, ...] = ()
    delay: float | None = None
    on_overrun: str = "cover"
    moderation_budget: float | None = None


@dataclass(frozen=True, slots=True)
class BroadcastRow:
    """A broadcast, so that a restarted server can go on with it.

    ``started_at``: Unix milliseconds at tick 0. ``number``: the last segment number used; it began at ``position``
    (ticks). ``discontinuities``: how many there have been.
    """

    id: str
    room: str
    started_at: int
    plan: Plan
    tracks: tuple[Track, ...]
    number: int
    position: int
    discontinuities: int


class Store:
    """The database in a data folder. Raises StoreError wherever the folder does not play along."""

    def __init__(self, data: Path) -> None:
        self._path = data / FILE
        with self._errors("open"):
            data.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Stream keys lie in it: it is made before SQLite opens it, readable by its owner alone.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = sqlite3.connect(self._path, isolation_level=None)
            try:
                self._set_up()
            except BaseException:
                self._db.close()
                raise

    def _set_up(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_STEPS):
            raise StoreError(f"{self._path} was written by a newer Veilcast: use that version, or another data folder")
        for reached, step in enumerate(_STEPS[version:], version + 1):
            self._db.executescript(f"BEGIN; {step} PRAGMA user_version = {reached}; COMMIT;")

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def server_value(self, name: str, new: str) -> str:
        """Return the server's own value ``name``; it becomes ``new`` if there was none."""
        with self._errors("write to"):
            self._db.execute("INSERT OR IGNORE INTO server VALUES (?, ?)", (name, new))
            return str(self._db.execute("SELECT value FROM server WHERE name = ?", (name,)).fetchone()[0])

    def rooms(self) -> list[RoomRow]:
        """Return all rooms, by name."""
        with self._errors("read"):
            rows = self._db.execute(
                "SELECT name, title, ladder, preset, loudness, private, stream_key, open, grace, slate, filters, delay,"
                " on_overrun, moderation_budget FROM rooms ORDER BY name"
            )
            return [
                RoomRow(
                    name, title, ladder, preset, loudness, bool(private), key, bool(is_open), grace, slate,
                    msgspec.json.decode(filters, type=tuple[FilterRow, ...]), delay, on_overrun, budget,
                )
                for name, title, ladder, preset, loudness, private, key, is_open, grace, slate, filters, delay,
                on_overrun, budget in rows
            ]  # fmt: skip

    def save_room(self, room: RoomRow) -> None:
        """Insert or replace a room."""
        with self._errors("write to"):
            self._db.execute(
                "INSERT INTO rooms (name, title, ladder, preset, loudness, private, stream_key, open, grace, slate,"
                " filters, delay, on_overrun, moderation_budget)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT(name) DO UPDATE SET title=excluded.title,"
                " ladder=excluded.ladder, preset=excluded.preset, loudness=excluded.loudness,"
                " private=excluded.private, stream_key=excluded.stream_key, open=excluded.open,"
                " grace=excluded.grace, slate=excluded.slate, filters=excluded.filters, delay=excluded.delay,"
                " on_overrun=excluded.on_overrun, moderation_budget=excluded.moderation_budget",
                (room.name, room.title, room.ladder, room.preset, room.loudness, room.private, room.stream_key,
                 room.open, room.grace, room.slate, msgspec.json.encode(room.filters).decode(), room.delay,
                 room.on_overrun, room.moderation_budget),
            )  # fmt: skip

    def delete_room(self, name: str) -> None:
        """Delete a room and all that is known of its broadcasts."""
        with self._errors("write to"):
            self._db.execute("DELETE FROM rooms WHERE name = ?", (name,))

    def save_broadcast(self, row: BroadcastRow) -> None:
        """Insert a broadcast, or note its tracks and how far it has come."""
        tracks = msgspec.json.encode(row.tracks).decode()
        with self._errors("write to"):
            self._db.execute(
                "INSERT INTO broadcasts VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT(id) DO UPDATE SET"
                " tracks=excluded.tracks, number=excluded.number, position=excluded.position,"
                " discontinuities=excluded.discontinuities",
                (row.id, row.room, row.started_at, msgspec.json.encode(row.plan).decode(), tracks, row.number,
                 row.position, row.discontinuities),
            )  # fmt: skip

    def end_broadcast(self, broadcast: str) -> None:
        """Mark a broadcast as over; it is never taken up again."""
        with self._errors("write to"):
            self._db.execute("UPDATE broadcasts SET ended = 1 WHERE id = ?", (broadcast,))

    def running_broadcast(self, room: str) -> BroadcastRow | None:
        """Return the broadcast that ``room`` was in the middle of, if any that this version can go on with."""
        with self._errors("read"):
            row = self._db.execute(
                "SELECT id, room, started_at, plan, tracks, number, position, discontinuities FROM broadcasts"
                " WHERE room = ? AND NOT ended ORDER BY started_at DESC LIMIT 1",
                (room,),
            ).fetchone()
        if row is None:
            return None
        try:
            plan = msgspec.json.decode(row[3], type=Plan)
            tracks = msgspec.json.decode(row[4], type=tuple[Track, ...])
        except msgspec.DecodeError as error:  # of another version, or damaged: the room waits for its next broadcast
            _log.warning("room %s: broadcast %s cannot be taken up again: %s", room, row[0], error)
            return None
        return BroadcastRow(row[0], row[1], row[2], plan, tracks, *row[5:])

    @contextmanager
    def _errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"cannot {verb} the data folder {self._path.parent} ({error}):"
                " make it writable and give it room, or name another with --data"
            ) from error
