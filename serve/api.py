"""The JSON API below ``/api/v1``: one table of operations serves the router and the OpenAPI document alike.

The operator proves itself with ``Authorization: Bearer TOKEN``; everybody else sees public rooms and public fields.
"""

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

import msgspec
from aiohttp import web

from serve.audit import Audit
from serve.inspector import InspectionError, Inspector
from serve.patience import Patience
from serve.problems import OPERATOR, Problem
from serve.room import Room, State
from serve.rooms import RoomOpening, Rooms, RoomSettings
from serve.store import FilterRow
from serve.viewers import Client, Viewers
from serve.views import (
    Addresses,
    FiltersView,
    NotesView,
    OperatorRoomsView,
    OperatorRoomView,
    RoomsView,
    RoomView,
    operator_view,
    room_view,
)

BASE = "/api/v1"
_PING = 15.0
_ON_AIR = (State.LIVE, State.SLATE, State.COVERED)
_Model = TypeVar("_Model", bound=msgspec.Struct)
_MOST_VIEWER_ID = 64
_SMALL = 64 << 10
"""Bytes of a body that is not the operator's."""


class Covering(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a room is to be covered."""

    on: bool


class Heartbeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A playing page says that it is there; ``viewer`` is a random id of its own."""

    viewer: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API: the model of its body, if it has one, and the models that it may answer with."""

    method: str
    path: str
    summary: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    answers: tuple[type[msgspec.Struct], ...] = ()
    body: type[msgspec.Struct] | None = None
    operator: bool = True
    stream: bool = False


class Api:
    """The API over a server's rooms."""

    def __init__(
        self,
        rooms: Rooms,
        inspector: Inspector,
        audit: Audit,
        addresses: Callable[[], Addresses],
        token: str,
        patience: Patience,
        sample: Callable[[Room], str | None] | None = None,
    ) -> None:
        self._rooms = rooms
        self._inspector = inspector
        self._audit = audit
        self._patience = patience
        self._addresses = addresses
        self._token = token.encode()
        self._sample = sample
        self._viewers: dict[str, Viewers] = {}
        some, one = (RoomsView, OperatorRoomsView), (RoomView, OperatorRoomView)
        public, full = (RoomView,), (OperatorRoomView,)
        room = BASE + "/rooms/{name}"
        self._operations = (
            Operation("GET", BASE + "/rooms", "List rooms: live public ones, or all for the operator", self.list,
                      some, operator=False),
            Operation("GET", room, "Show a room", self.show, one, operator=False),
            Operation("PUT", room, "Open a room, made on first use", self.open, full, RoomOpening),
            Operation("PATCH", room, "Change a room's settings", self.change, full, RoomSettings),
            Operation("DELETE", room, "Delete a room", self.delete),
            Operation("POST", room + "/stop", "Stop a room", self.stop, full),
            Operation("POST", room + "/rotate-key", "Give a room a new stream key", self.rotate_key, full),
            Operation("POST", room + "/kick", "Disconnect a room's publisher", self.kick, full),
            Operation("POST", room + "/dump", "Throw away what a room holds back: it never airs", self.dump, full),
            Operation("POST", room + "/cover", "Show the slate in place of a room's host, or no longer", self.cover,
                      full, Covering),
            Operation("GET", room + "/moderation", "What was covered of late, and why", self.moderation, (NotesView,)),
            Operation("POST", room + "/heartbeat", "Say that a page is watching", self.heartbeat, public, Heartbeat,
                      operator=False),
            Operation("GET", room + "/events", "Follow a room's state (Server-Sent Events)", self.events, one,
                      operator=False, stream=True),
            Operation("GET", BASE + "/filters", "List the filters that are installed", self.filters, (FiltersView,)),
            Operation("GET", BASE + "/openapi.json", "This document", self.openapi, operator=False),
        )  # fmt: skip

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.route(o.method, o.path, self._guard(o)) for o in self._operations]

    def watched(self, client: Client, room: str) -> None:
        """A player asked for a playlist of ``room``."""
        self._of(room).request(client, time.monotonic())
        self._rooms.watched(room)

    def viewers(self, room: str) -> int:
        """How many watch ``room``."""
        return self._viewers[room].count(time.monotonic()) if room in self._viewers else 0

    # Reading.

    async def list(self, request: web.Request) -> web.Response:
        """All rooms for the operator; the live ones that are not private for everybody."""
        if request[OPERATOR]:
            return _json(OperatorRoomsView([self._full(room) for room in self._rooms.all()]))
        live = [room for room in self._rooms.all() if room.state in _ON_AIR and not room.row.private]
        return _json(RoomsView([self._public(room) for room in live]))

    async def show(self, request: web.Request) -> web.Response:
        """One room."""
        return _json(self._view(self._room(request), request[OPERATOR]))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """A room's state on each change, and first at once."""
        room, operator = self._room(request), request[OPERATOR]
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        sent = b""
        while room in self._rooms.all() and not self._patience.over:
            seen = room.changed.count  # what changes while this is written is not missed
            data = msgspec.json.encode(self._view(room, operator))
            await response.write(b": ping\n\n" if data == sent else b"event: state\ndata: " + data + b"\n\n")
            sent = data
            try:
                async with self._patience.at_most(_PING):
                    await room.changed.wait(seen)
            except TimeoutError:
                continue
        return response

    async def heartbeat(self, request: web.Request) -> web.Response:
        """Count a page, and tell it the room's state."""
        room, beat = self._room(request), await _body(request, Heartbeat)
        if not 0 < len(beat.viewer) <= _MOST_VIEWER_ID:
            raise Problem(400, "Bad request", f"viewer has 1 to {_MOST_VIEWER_ID} characters")
        self._of(room.name).heartbeat(beat.viewer, _client(request), time.monotonic())
        room.watched()
        return _json(self._public(room))

    async def openapi(self, _: web.Request) -> web.Response:
        """The OpenAPI document."""
        return _json(describe(self._operations))

    # What only the operator may do.

    async def open(self, request: web.Request) -> web.Response:
        """Open a room."""
        name, opening = request.match_info["name"], await _body(request, RoomOpening)
        return self._answer(self._rooms.open(name, opening, await self._checked(name, opening)))

    async def change(self, request: web.Request) -> web.Response:
        """Change a room's settings."""
        name, settings = self._room(request).name, await _body(request, RoomSettings)
        return self._answer(self._rooms.set(name, settings, await self._checked(name, settings)))

    async def _checked(self, name: str, settings: RoomSettings) -> tuple[FilterRow, ...] | None:
        """The filters that these settings give the room, found to be usable. Raises SettingError."""
        while (specs := self._rooms.specs(name, settings)) is not None:
            found = await self._inspector.check(specs)
            if self._rooms.specs(name, settings) == specs:  # nobody has changed the room meanwhile
                return found
        return None

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a room."""
        name = request.match_info["name"]
        self._rooms.delete(name)
        self._audit.forget(name)
        self._viewers.pop(name, None)
        return web.Response(status=204)

    async def stop(self, request: web.Request) -> web.Response:
        """Stop a room."""
        return self._answer(self._rooms.stop(request.match_info["name"]))

    async def rotate_key(self, request: web.Request) -> web.Response:
        """Change a room's stream key."""
        return self._answer(self._rooms.rotate_key(request.match_info["name"]))

    async def kick(self, request: web.Request) -> web.Response:
        """Disconnect a room's publisher."""
        return self._answer(self._rooms.kick(request.match_info["name"]))

    async def dump(self, request: web.Request) -> web.Response:
        """Throw away what a room holds back."""
        return self._answer(self._rooms.dump(request.match_info["name"]))

    async def cover(self, request: web.Request) -> web.Response:
        """Cover a room, or lift that."""
        covering = await _body(request, Covering)
        return self._answer(self._rooms.cover(request.match_info["name"], covering.on))

    async def moderation(self, request: web.Request) -> web.Response:
        """The newest notes of the moderation log, the oldest of them first."""
        return _json(NotesView(self._audit.newest(self._room(request).name)))

    async def filters(self, _: web.Request) -> web.Response:
        """The filters that are installed, as they describe themselves."""
        try:
            return _json(FiltersView(await self._inspector.known()))
        except InspectionError as error:
            raise Problem(503, "Not possible now", str(error)) from error

    def _guard(self, operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            request[OPERATOR] = self._is_operator(request)
            if operation.operator and not request[OPERATOR]:
                raise Problem(
                    401, "Not allowed", "send the operator's token: Authorization: Bearer TOKEN",
                    {"WWW-Authenticate": "Bearer"},
                )  # fmt: skip
            if not request[OPERATOR] and request.body_exists and not 0 <= (request.content_length or -1) <= _SMALL:
                raise Problem(413, "Too large", f"send {_SMALL} bytes at most, and say how many they are")
            return await operation.handler(request)

        return guarded

    def _is_operator(self, request: web.Request) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        # Bytes that are no text come as lone surrogates: no token has any.
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(errors="replace"), self._token)

    def _room(self, request: web.Request) -> Room:
        return self._rooms.get(request.match_info["name"])

    def _of(self, room: str) -> Viewers:
        return self._viewers.setdefault(room, Viewers())

    def _view(self, room: Room, operator: bool) -> RoomView:
        return self._full(room) if operator else self._public(room)

    def _public(self, room: Room) -> RoomView:
        return room_view(room, self.viewers(room.name), self._addresses(), self._sample_of(room))

    def _full(self, room: Room) -> OperatorRoomView:
        return operator_view(room, self.viewers(room.name), self._addresses(), self._sample_of(room))

    def _sample_of(self, room: Room) -> str | None:
        return self._sample(room) if self._sample else None

    def _answer(self, room: Room) -> web.Response:
        return _json(self._full(room))


def _version() -> str:
    try:
        return version("veilcast")
    except PackageNotFoundError:  # run from its sources, not installed
        return "unknown"


def _client(request: web.Request) -> Client:
    return request.remote or "", request.headers.get("User-Agent", "")


def _json(value: object) -> web.Response:
    response = web.Response(body=msgspec.json.encode(value), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.enable_compression()
    return response


async def _body(request: web.Request, model: type[_Model]) -> _Model:
    try:
        return msgspec.json.decode(await request.read() or b"{}", type=model)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(400, "Bad request", f"the body does not fit: {error}") from error


def describe(operations: tuple[Operation, ...]) -> dict[str, object]:
    """Return the OpenAPI 3.1 document of ``operations``."""
    models = [model for o in operations for model in (*o.answers, o.body) if model is not None]
    schemas, components = msgspec.json.schema_components(models, ref_template="#/components/schemas/{name}")
    refs = dict(zip(models, schemas, strict=True))
    problem = {"description": "A problem: `detail` says what to do", "content": {"application/problem+json": {}}}
    paths: dict[str, dict[str, object]] = {}
    for o in operations:
        kind = "text/event-stream" if o.stream else "application/json"
        answer: dict[str, object] = {"description": "Done"}
        if o.method != "DELETE":
            answer["content"] = {kind: {"schema": {"anyOf": [refs[model] for model in o.answers] or [{}]}}}
        item: dict[str, object] = {
            "operationId": o.handler.__name__,
            "summary": o.summary,
            "responses": {"204" if o.method == "DELETE" else "200": answer, "default": problem},
        }
        if o.operator:
            item["security"] = [{"operator": []}]
        if o.body is not None:
            item["requestBody"] = {"content": {"application/json": {"schema": refs[o.body]}}}
        if "{name}" in o.path:
            item["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]
        paths.setdefault(o.path, {})[o.method.lower()] = item
    return {
        "openapi": "3.1.0",
        "info": {"title": "Veilcast", "version": _version()},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"operator": {"type": "http", "scheme": "bearer"}},
        },
    }
