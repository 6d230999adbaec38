"""What a client can decode (RFC 9110, 12.5.3). Pure."""

from aiohttp import web


def takes_gzip(request: web.Request) -> bool:
    """Whether an answer to ``request`` may be compressed with gzip."""
    for accepted in request.headers.get("Accept-Encoding", "").lower().split(","):
        coding, _, weight = accepted.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
