"""A stand-in for a server's API: answers as it is told, and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "right"

ROOM: dict[str, Any] = {
    "name": "demo",
    "title": "Demo",
    "state": "waiting",
    "viewers": 0,
    "delay": 0,
    "broadcast": None,
    "live_since": None,
    "watch_url": "http://127.0.0.1:8080/r/demo",
    "hls_url": "http://127.0.0.1:8080/hls/demo/master.m3u8",
    "rtmp_url": "rtmp://127.0.0.1:1935/live",
    "stream_key": "0123456789abcdef",
    "private": False,
    "ladder": "auto",
    "preset": "balanced",
    "loudness": None,
    "grace": 120,
    "slate": False,
    "filters": [],
    "on_overrun": "cover",
    "moderation_budget": None,
    "covered": "",
    "moderation": None,
    "renditions": [],
    "worker": None,
    "publisher": None,
    "warnings": [],
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the stand-in says to one method and path."""

    body: object
    status: int = 200
    content: str = "application/json"


def problem(status: int, detail: str) -> Answer:
    return Answer({"title": "?", "status": status, "detail": detail}, status, "application/problem+json")


@dataclass(slots=True)
class FakeApi:
    """``answers`` are by ``METHOD /path``, anything else is a 404; ``asked`` are the requests and their bodies."""

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)


@contextmanager
def fake_api() -> Iterator[FakeApi]:
    """Run one on a free port of the loopback."""
    api = FakeApi(answers={"GET /api/v1/rooms": Answer({"rooms": [ROOM]})})

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            request = f"{self.command} {self.path}"
            api.asked.append((request, body))
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                answer = problem(401, "the token is wrong")
            else:
                answer = api.answers.get(request, problem(404, "no such room"))
            payload = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content)
            self.send_header("Content-Length", str(0 if answer.status == 204 else len(payload)))
            self.end_headers()
            if answer.status != 204:
                self.wfile.write(payload)

        do_GET = do_PUT = do_PATCH = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
