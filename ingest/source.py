"""What any protocol yields, and what takes it: the border between ``ingest`` and a room. No I/O.

A protocol's listener asks an ``Admission`` with a ``PublishRequest``; it answers with the ``Sink`` that the
source's media goes into, or raises ``Refused``.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ingest.media import Packet, Track


class Refused(Exception):
    """The publisher may not publish; the text says why and what to do, and is safe to show to it."""


class Proof(Protocol):
    """What a publisher shows for a stream key: the key, or that it knows it. Holds a secret: never log it."""

    def fits(self, key: str) -> bool:
        """Whether ``key`` is the one; how long that takes says nothing of it."""
        ...


@dataclass(frozen=True, slots=True)
class SentKey:
    """The key itself."""

    key: str = field(repr=False)

    def fits(self, key: str) -> bool:
        """Whether ``key`` is the same."""
        return hmac.compare_digest(_digest(self.key), _digest(key))


@dataclass(frozen=True, slots=True)
class Claim:
    """Whom a publisher says to be: one who has the key of ``room``; empty where the key alone says which."""

    proof: Proof
    room: str = ""


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """What a publisher asks for."""

    protocol: str
    address: str
    claim: Claim
    software: str = ""


class Source(Protocol):
    """One live publisher connection, whatever its protocol."""

    @property
    def address(self) -> str:
        """The peer, as ``host:port``."""
        ...

    def disconnect(self, reason: str) -> None:
        """End the connection; the peer is told ``reason``. Its sink gets no further call but ``closed``."""
        ...


class Sink(Protocol):
    """Where one source's media goes. Calls come in stream order, from the event loop, and never block."""

    def metadata(self, values: Mapping[str, object]) -> None:
        """What the host says about its stream (onMetaData): advice, never relied on."""
        ...

    def track(self, track: Track) -> None:
        """A track begins, or its configuration changed. A repeated identical one is not announced."""
        ...

    def packet(self, packet: Packet) -> None:
        """The next access unit of a track that was announced before."""
        ...

    def warning(self, text: str) -> None:
        """Something the host should know, such as a codec that is left out."""
        ...

    def closed(self, reason: str) -> None:
        """The source is gone; called exactly once, and last."""
        ...


class Admission(Protocol):
    """Decides who may publish, and where to."""

    def admit(self, request: PublishRequest, source: Source) -> Sink:
        """Return the sink for ``source``, or raise ``Refused``."""
        ...


def _digest(key: str) -> bytes:
    """All of one length, so that a comparison tells nothing of the key's."""
    return hashlib.sha256(key.encode(errors="replace")).digest()
