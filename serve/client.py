"""The HTTP API as the command line speaks it: one request at a time, and errors that name the fix.

Proxy settings are left aside on purpose: a server on one's own network is asked directly.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from serve.credentials import FILE, Credentials

TIMEOUT = 10.0
"""Seconds that the server has for an answer."""
LONG_TIMEOUT = 40.0
"""Seconds where it may have to look at filters first, which import what they need."""

_MOST = 16 << 20  # bytes of an answer that are read

Room = dict[str, Any]
"""A room as the API gives it; the operator's fields are there with the token."""


class ClientError(Exception):
    """What the command line can't do; the text says what is wrong and what to do, in one line."""


class NotRunning(ClientError):
    """Nothing answers."""


class NotVeilcast(ClientError):
    """Something answers, which is no Veilcast."""


class WrongToken(ClientError):
    """The server doesn't take the operator's token."""


class Untrusted(ClientError):
    """The server's certificate is one that nobody known here vouches for."""


class UnknownRoom(ClientError):
    """There is no such room."""


class Rejected(ClientError):
    """The server refused; the text is its own."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which server is meant: its URL and token, and words for where they came from."""

    url: str
    token: str | None
    origin: str

    @classmethod
    def find(cls, data: Path, server: str | None = None, token: str | None = None) -> "Target":
        """The server named by ``--server`` and ``--token``, or else by ``server.json`` in the data folder.

        The data folder's token is given to the data folder's server alone. Raises NotRunning, ClientError.
        """
        try:
            known = Credentials.read(data)
        except PermissionError as error:
            raise ClientError(
                f"{data / FILE} belongs to another user: run this as the user who runs `veilcast serve`"
            ) from error
        if server is not None:
            if urlsplit(server).scheme not in ("http", "https") or not urlsplit(server).hostname:
                raise ClientError(f"{server!r} is no server: write http://HOST:PORT")
            if token is None and known is not None and known.url.rstrip("/") == server.rstrip("/"):
                token = known.token
            return cls(server.rstrip("/"), token, "from --server")
        if known is None:
            raise NotRunning(
                f"no server is running with the data folder {data}: start one with `veilcast serve`, "
                "or point to it with --data DIR or with --server URL --token T"
            )
        return cls(known.url.rstrip("/"), token or known.token, f"from {data / FILE}")


class Client:
    """Speaks to one server. Blocks; every method raises ClientError."""

    def __init__(self, target: Target, timeout: float | None = None) -> None:
        self._target = target
        self._timeout = timeout

    def rooms(self) -> list[Room]:
        """All rooms."""
        try:
            answer = self._ask("GET", "/api/v1/rooms")
        except _NotFound as error:
            raise self._not_veilcast() from error
        if not isinstance(answer, dict) or not isinstance(answer.get("rooms"), list):
            raise self._not_veilcast()
        return [self._checked(room) for room in answer["rooms"]]

    def show(self, name: str) -> Room:
        """One room."""
        return self._room("GET", name)

    def start(self, name: str, settings: dict[str, Any], force: bool = False) -> Room:
        """Open a room; it is made on first use. ``force``: even if the machine will not carry it."""
        return self._room("PUT", name, body={**settings, "force": True} if force else settings)

    def change(self, name: str, settings: dict[str, Any]) -> Room:
        """Change the settings that are given, and nothing else."""
        return self._room("PATCH", name, body=settings)

    def stop(self, name: str) -> Room:
        """End the broadcast and close the room."""
        return self._room("POST", name, "/stop")

    def rotate_key(self, name: str) -> Room:
        """Replace the stream key."""
        return self._room("POST", name, "/rotate-key")

    def kick(self, name: str) -> Room:
        """Disconnect the publisher."""
        return self._room("POST", name, "/kick")

    def dump(self, name: str) -> Room:
        """Throw away what the room holds back."""
        return self._room("POST", name, "/dump")

    def cover(self, name: str, on: bool) -> Room:
        """Show the slate in place of the host, or no longer."""
        return self._room("POST", name, "/cover", {"on": on})

    def delete(self, name: str) -> None:
        """Remove the room and all that is known of it."""
        self._about(name, "DELETE", "")

    def _room(self, method: str, name: str, action: str = "", body: dict[str, Any] | None = None) -> Room:
        return self._checked(self._about(name, method, action, body))

    def _about(self, name: str, method: str, action: str, body: dict[str, Any] | None = None) -> object:
        if name in ("", ".", ".."):  # these would change the path
            raise Rejected(f"{name!r} is no room name: use letters, digits and hyphens")
        if self._target.token is None:
            raise WrongToken(f"the server at {self._target.url} wants its operator's token: add --token T")
        try:
            return self._ask(method, f"/api/v1/rooms/{quote(name, safe='')}{action}", body)
        except _NotFound as error:
            known = ", ".join(sorted(room["name"] for room in self.rooms()))
            rooms = f"the rooms are: {known}" if known else "there are no rooms yet"
            raise UnknownRoom(
                f"there is no room {name!r}; {rooms}. Make one with `veilcast room start NAME`"
            ) from error

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> object:
        status, content, payload = self._exchange(method, path, body)
        if status == 204:
            return None
        if content not in ("application/json", "application/problem+json"):
            raise self._not_veilcast()
        try:
            answer = json.loads(payload)
        except ValueError as error:
            raise self._not_veilcast() from error
        if 200 <= status < 300:
            return answer
        detail = answer.get("detail") or answer.get("title") if isinstance(answer, dict) else None
        if status in (401, 403):
            raise WrongToken(
                f"the server at {self._target.url} does not take this token ({self._origin}): "
                "use the one in server.json in its data folder, by --data DIR or --token T"
            )
        if status == 404:
            raise _NotFound(str(detail))
        raise Rejected(str(detail or f"the server at {self._target.url} answered {status}"))

    def _exchange(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, str, bytes]:
        timeout = self._timeout or (LONG_TIMEOUT if method in ("PUT", "PATCH") else TIMEOUT)
        from http.client import HTTPConnection, HTTPException, HTTPSConnection  # a quick start of the CLI
        from ssl import SSLCertVerificationError

        url = urlsplit(self._target.url)
        headers = {"Accept": "application/json"}
        if self._target.token is not None:
            headers["Authorization"] = f"Bearer {self._target.token}"
        payload = None if body is None else json.dumps(body).encode()
        if payload is not None:
            headers["Content-Type"] = "application/json"
        connect = HTTPSConnection if url.scheme == "https" else HTTPConnection
        try:
            connection = connect(url.hostname or "", url.port, timeout=timeout)
            try:
                connection.request(method, url.path + path, payload, headers)
                response = connection.getresponse()
                content = response.headers.get_content_type()
                return response.status, content, response.read(_MOST)
            finally:
                connection.close()
        except HTTPException as error:
            raise self._not_veilcast() from error
        except TimeoutError as error:
            raise NotRunning(
                f"the server at {self._target.url} does not answer within {timeout:g} s ({self._origin}): "
                "see whether it is overloaded, or the address wrong"
            ) from error
        except SSLCertVerificationError as error:
            raise Untrusted(
                f"the certificate of {self._target.url} is not trusted ({self._origin}; {error.verify_message}): if it "
                "is of the server's own making, copy https/cert.pem from its data folder, and set SSL_CERT_FILE=FILE"
            ) from error
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise NotRunning(
                f"nothing answers at {self._target.url} ({self._origin}; {reason}): start the server with "
                "`veilcast serve`, or point to it with --data DIR or with --server URL --token T"
            ) from error

    @property
    def _origin(self) -> str:
        return self._target.origin

    def _checked(self, answer: object) -> Room:
        if not isinstance(answer, dict) or not isinstance(answer.get("name"), str):
            raise self._not_veilcast()
        return answer

    def _not_veilcast(self) -> NotVeilcast:
        return NotVeilcast(
            f"what answers at {self._target.url} ({self._origin}) is not Veilcast's API: correct the address "
            "with --server URL or --data DIR"
        )


class _NotFound(ClientError):
    """The server knows no such thing."""
