"""TLS on one connection, from the server's side: what comes in is deciphered, what goes out enciphered. Sans-IO.

The listener keeps its sockets: a connection whose TLS is only half begun is counted and timed like any other, and one
that speaks no TLS at all is told from one that does.
"""

import contextlib
import ssl

from ingest.rtmp import strangers
from ingest.rtmp.errors import HandshakeError

_READ = 1 << 16


class TlsServer:
    """One connection's TLS. After each ``receive`` what ``send`` returns has to go out, even of no data."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._came, self._goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._goes, server_side=True)
        self._begun = self._shaken = False

    def receive(self, data: bytes) -> bytes:
        """Take bytes, return what they hold for the session. Raises HandshakeError."""
        if not self._begun and data:
            self._begun = True
            if data[0] == strangers.PLAIN_RTMP:
                raise HandshakeError("what came looks like plain RTMP: this port takes rtmps://, or use that of --rtmp")
            if data[0] != strangers.TLS:
                raise HandshakeError(f"what came looks like {strangers.name(data) or 'no TLS at all'}")
        self._came.write(data)
        parts: list[bytes] = []
        try:
            if not self._shaken:
                self._tls.do_handshake()
                self._shaken = True
            while part := self._tls.read(_READ):
                parts.append(part)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass  # there is no more for now; or for ever, then the connection is about to end
        except ssl.SSLError as error:
            raise HandshakeError(
                f"TLS failed ({error.reason or 'no reason'}): the encoder may not trust the certificate"
            ) from error
        return b"".join(parts)

    def send(self, data: bytes) -> bytes:
        """Return the bytes that carry ``data``, and what TLS itself has to say."""
        if data:
            try:
                self._tls.write(data)
            except ssl.SSLError:
                return b""  # it has failed: nothing can be said any more
        return self._goes.read()

    def close(self) -> bytes:
        """Return the bytes that say that nothing follows (RFC 8446, section 6.1)."""
        with contextlib.suppress(ssl.SSLError):  # the peer has not said so yet, or never got as far as that
            self._tls.unwrap()
        return self._goes.read()
