"""A client that sends bytes as they are, and reads answers as HTTP/1.1 frames them (RFC 9112, 6.3). No library of
clients would send what some tests have to."""

import asyncio
import ssl
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Got:
    """An answer; ``headers`` by lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> tuple[int, dict[str, str], bytes]:
        """All but the time."""
        return self.status, {name: value for name, value in self.headers.items() if name != "date"}, self.body


class RawClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int, secure: ssl.SSLContext | None = None) -> "RawClient":
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=secure, limit=1 << 20))

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def send_in_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send each piece so that it comes alone."""
        for piece in pieces:
            self._writer.write(piece)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def answer(self, head: bool = False) -> Got:
        """Read one answer; ``head``: it is to a HEAD."""
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        version, status = lines[0].split(" ")[:2]
        assert version == "HTTP/1.1"
        fields = [line.partition(": ") for line in lines[1:]]
        headers = {name.lower(): value for name, _, value in fields}
        assert len(headers) == len(fields), "no field comes twice"
        body = b""
        if headers.get("transfer-encoding") == "chunked" and not head:
            while size := int(await self._reader.readuntil(b"\r\n"), 16):
                body += (await self._reader.readexactly(size + 2))[:-2]
            assert await self._reader.readexactly(2) == b"\r\n"
        elif not head and status not in ("100", "204", "304"):
            body = await self._reader.readexactly(int(headers["content-length"]))
        return Got(int(status), headers, body)

    async def rest(self) -> bytes:
        """All that comes until the server closes the connection."""
        try:
            return await self._reader.read()
        except ConnectionError:
            return b""

    def close(self) -> None:
        self._writer.close()


def asked(path: str, method: str = "GET", body: bytes = b"", /, **headers: str) -> bytes:
    """A request; underscores in names of headers are hyphens."""
    if body:
        headers.setdefault("Content_Length", str(len(body)))
    fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in {"Host": "here", **headers}.items())
    return f"{method} {path} HTTP/1.1\r\n{fields}\r\n".encode() + body
