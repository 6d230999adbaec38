"""The RTMP handshake, server side. Sans-IO.

Source: Adobe's RTMP 1.0 (2012), section 5.2. States: C0 and C1 awaited -> (S0, S1, S2 sent) C2 awaited -> done. The
digest variant of Flash players is not needed to publish: a plain answer is accepted by every encoder.
"""

import os
from typing import Final

from ingest.rtmp import strangers
from ingest.rtmp.errors import HandshakeError
from ingest.rtmp.strangers import PLAIN_RTMP

_SIZE: Final = 1536


class ServerHandshake:
    """One handshake. What is left over when it is done belongs to the chunk stream."""

    def __init__(self) -> None:
        self.done = False
        self._buffer = bytearray()
        self._greeted = False

    def receive(self, data: bytes) -> bytes:
        """Take bytes, return the answer to send. Raises HandshakeError as soon as it tells what else it is."""
        self._buffer += data
        answer = b""
        if not self._greeted:
            if self._buffer and self._buffer[0] != PLAIN_RTMP:
                if found := strangers.name(self._buffer):
                    raise HandshakeError(f"what came looks like {found}")
                return b""
            if len(self._buffer) < 1 + _SIZE:
                return b""
            c1 = bytes(self._buffer[1 : 1 + _SIZE])
            del self._buffer[: 1 + _SIZE]
            self._greeted = True
            # S1: time 0, version 0 (no digest), random bytes. S2: C1 as it is, though 5.2.4 puts the time of its
            # reading into it: some clients compare the two.
            answer = bytes((PLAIN_RTMP,)) + bytes(8) + os.urandom(_SIZE - 8) + c1
        if len(self._buffer) >= _SIZE:
            # C2 ought to echo S1; encoders that send something else work everywhere, so they work here.
            del self._buffer[:_SIZE]
            self.done = True
        return answer

    def rest(self) -> bytes:
        """Return what came after the handshake, once."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest
