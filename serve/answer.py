"""HTTP answers that are made once and sent to as many as ask (RFC 9110, RFC 9112). No I/O but for reading the clock."""

import time
from collections.abc import Hashable, Mapping
from email.utils import formatdate
from http import HTTPStatus

from serve.problems import Problem, problem_body, problem_headers

_KEPT = 16
"""Answers of one kind: the playlists in their forms, and the parts and segments that players are at."""


class DateLine:
    """The date of answers, written once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = b""

    def now(self) -> bytes:
        """Return it: the same object within a second."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._text = formatdate(second, usegmt=True).encode()
        return self._text


class Answer:
    """An answer, whole: its body is one that is sent as it is, and never copied."""

    __slots__ = ("_before", "_date", "_head", "body", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes | memoryview = b"") -> None:
        self.status = status
        self.body = body
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {headers[name]}" for name in headers)]
        if status != HTTPStatus.NO_CONTENT:  # which has no length: RFC 9110, 8.6
            lines.append(f"Content-Length: {len(body)}")
        self._before = ("\r\n".join(lines) + "\r\nDate: ").encode()
        self._date: bytes | None = None
        self._head = b""

    def head(self, date: bytes, last: bool = False) -> bytes:
        """Return all but the body. ``last``: the connection is closed after it."""
        if last:
            return self._before + date + b"\r\nConnection: close\r\n\r\n"
        if date is not self._date:
            self._date = date
            self._head = self._before + date + b"\r\n\r\n"
        return self._head


class Shelf:
    """The answers that many ask for at the same time, the newest ones. Each belongs to a body."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, Answer] = {}

    def answer(self, name: Hashable, headers: Mapping[str, str], body: bytes | memoryview) -> Answer:
        """Return the answer of that name with that very body: a new one if it has another, or none."""
        found = self._answers.get(name)
        if found is None or found.body is not body:
            self._answers.pop(name, None)
            if len(self._answers) >= _KEPT:
                del self._answers[next(iter(self._answers))]
            found = self._answers[name] = Answer(200, headers, body)
        return found


def problem_answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Answer:
    """Return a problem as an answer, with ``headers`` besides its own."""
    return Answer(problem.status, {**problem_headers(problem), **(headers or {})}, problem_body(problem))
