"""What any protocol yields, and what takes it: the border between ``ingest`` and a room. No I/O.

A protocol's listener asks an ``Admission`` with a ``PublishRequest``; it answers with the ``Sink`` that the
source's media goes into, or raises ``Refused``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ingest.media import Packet, Track


class Refused(Exception):
    """The publisher may not publish; the text says why and what to do, and is safe to show to it."""


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """What a publisher asked for, as it sent it. ``stream`` holds a secret: never log it."""

    protocol: str
    address: str
    app: str
    stream: str = field(repr=False)
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
