"""Looks at the files of rooms' filters, and has those loaded anew that were changed: for whoever writes one.

A file that cannot be used changes nothing: it is named in the log, and the code that runs goes on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from filters import SpecError
from filters.spec import Spec, parse
from serve.errors import SettingError
from serve.room import Room
from serve.rooms import Rooms, check_hold
from serve.store import FilterRow, StoreError

_log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds from one look at the files to the next."""

Check = Callable[[Sequence[str]], Awaitable[tuple[FilterRow, ...]]]
_Stamp: TypeAlias = tuple[int, int, int] | None  # None where there is no file


class FilterWatch:
    """Watches the files of the rooms' filters. ``check`` looks at filters as it is done before a room has them."""

    def __init__(self, rooms: Rooms, check: Check) -> None:
        self._rooms = rooms
        self._check = check
        self._known: dict[Path, _Stamp] = {}
        self._moving: dict[Path, _Stamp] = {}  # changed at the last look: it may still be being written

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.look()
            except Exception:
                # The supervisor of the looks: the next one may go better.
                _log.exception("filters could not be watched: a mistake of this server")

    async def look(self) -> None:
        """Look once; what is as it was at the last look, and not as it was before that, is loaded anew."""
        files = {path for room in self._rooms.all() if room.row.open for path in _files(room)}
        stamps = {path: _stamp(path) for path in files}
        changed = {path for path in files if stamps[path] != self._known.setdefault(path, stamps[path])}
        settled = {path for path in changed if path in self._moving and self._moving[path] == stamps[path]}
        self._moving = {path: stamps[path] for path in changed - settled}
        self._known = {path: stamps[path] if path in settled else self._known[path] for path in files}
        if settled:
            for room in self._rooms.all():
                if room.row.open and not settled.isdisjoint(_files(room)):
                    await self._reload(room, ", ".join(sorted(path.name for path in settled & set(_files(room)))))

    async def _reload(self, room: Room, names: str) -> None:
        row = room.row
        try:
            found = await self._check([has.spec for has in row.filters])
            check_hold(replace(row, filters=found))
        except SettingError as error:
            text = _without_options(str(error), row.filters)
            _log.warning("room %s: %s has changed, but what runs goes on: %s", room.name, names, text)
            return
        if room.row.open and room.row.filters == row.filters:  # nobody has changed the room meanwhile
            _log.info("room %s: %s has changed and is loaded anew", room.name, names)
            try:
                room.reload_filters(found)
            except StoreError as error:
                _log.error("room %s: %s", room.name, error)


def _files(room: Room) -> list[Path]:
    return [Path(spec.path) for spec in _specs(room.row.filters) if spec.path is not None]


def _specs(rows: Sequence[FilterRow]) -> list[Spec]:
    specs = []
    for row in rows:
        with suppress(SpecError):
            specs.append(parse(row.spec))
    return specs


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _without_options(text: str, rows: Sequence[FilterRow]) -> str:
    """What is logged must not hold the values of options: they may be what is to be hidden."""
    values = {value for spec in _specs(rows) for _, values in spec.options for value in values if len(value) > 1}
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "…")
    return text
