"""A connection to a server that stays open, as players keep theirs. Requests that fail say by what."""

import http.client
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.support.hls.told import Answer

_TIMEOUT = 20.0
_STALE = 0.1
"""Seconds: a connection that had been closed already says so at once."""


class AwayError(OSError):
    """There was no answer; the text says what came instead."""


class Connection:
    """For one thread. It connects again by itself."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(where.hostname or "", where.port, timeout=_TIMEOUT)
        self._used = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def get(self, url: str, **headers: str) -> Answer:
        """Return the answer, whatever it is; ``headers`` are those of the request. Raises AwayError."""
        where = urlsplit(url)
        target = where.path + ("?" + where.query if where.query else "")
        reused = self._used  # one that was open may have been closed meanwhile: that says nothing yet
        while True:
            began = time.monotonic()
            try:
                self._connection.request("GET", target, headers=headers)
                answer = self._connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                self._used = False
                if reused and isinstance(error, ConnectionError) and time.monotonic() - began < _STALE:
                    reused = False
                    continue
                raise AwayError(type(error).__name__) from error
            self._used = True
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, body, time.monotonic() - began)
