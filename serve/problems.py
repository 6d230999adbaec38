"""Errors as HTTP answers: ``application/problem+json`` (RFC 9457), in one place for pages, HLS and API."""

import logging
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from serve.errors import RoomError, SettingError, UnknownRoomError
from serve.store import StoreError

_log = logging.getLogger(__name__)

OPERATOR = web.RequestKey("operator", bool)
"""Whether a request has proven to be the operator's."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):
    """An answer other than success; ``detail`` says what to do."""

    def __init__(self, status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.headers = dict(headers or {})


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn typed errors into problem documents, and hide what was not foreseen behind a plain 500."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem_response(problem)
    except UnknownRoomError as error:
        return problem_response(Problem(404, "Unknown room", _for_stranger(request, error)))
    except SettingError as error:
        return problem_response(Problem(400, "Bad request", str(error)))
    except RoomError as error:
        return problem_response(Problem(409, "Not possible", str(error)))
    except StoreError as error:
        return problem_response(Problem(507, "Cannot store", str(error)))
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return problem_response(
            Problem(405, "Wrong method", f"{request.path} takes {allowed}", {"Allow": error.headers["Allow"]})
        )
    except web.HTTPNotFound:
        return problem_response(not_found("there is nothing here: rooms are at /r/NAME"))
    except web.HTTPRequestEntityTooLarge:
        return problem_response(Problem(413, "Too large", "the body is larger than anything asked for here"))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problem_response(Problem(error.status, error.reason, error.text or error.reason))
    except ConnectionError:
        raise  # the client is gone: nobody is left to answer
    except Exception:
        # The last line of defence of one request: the others go on.
        _log.exception("%s %s failed", request.method, request.path)
        return problem_response(server_error())


def _for_stranger(request: web.Request, error: UnknownRoomError) -> str:
    """Names of rooms are for the operator alone."""
    return str(error) if request.get(OPERATOR) else "there is no such room"


def not_found(detail: str) -> Problem:
    """Return a 404."""
    return Problem(404, "Not found", detail)


def server_error() -> Problem:
    """Return what is said of a mistake of ours; the log has the rest."""
    return Problem(500, "Server error", "the server made a mistake; its log says more")


def problem_headers(problem: Problem) -> dict[str, str]:
    """Return the problem's headers."""
    cache = "max-age=1" if problem.status == 404 else "no-store"
    return {"Content-Type": "application/problem+json", "Cache-Control": cache, **problem.headers}


def problem_body(problem: Problem) -> bytes:
    """Return the problem as a document."""
    document = {"type": "about:blank", "title": problem.title, "status": problem.status, "detail": str(problem)}
    return msgspec.json.encode(document)


def problem_response(problem: Problem) -> web.Response:
    """Return the problem as a response."""
    return web.Response(status=problem.status, body=problem_body(problem), headers=problem_headers(problem))
