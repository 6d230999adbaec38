"""What one RTMP connection, and all of them together, may cost. Values only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds.

    A *stranger* is a connection that does not publish: nobody has accepted its key yet, or it has stopped. A real
    dialogue up to there takes less than 5 KB and a dozen messages. Both are bounded, for what is small costs most to
    read. ``held`` bounds what is half-received, on all chunk streams together; ``unread`` what a peer is sent and does
    not read. ``complaints`` are lines a minute that the log has of all strangers together.
    """

    stranger_bytes: int = 32 << 10
    stranger_messages: int = 200
    stranger_seconds: float = 10
    message: int = 64 << 10
    media_message: int = 16 << 20
    held: int = 24 << 20
    chunk_streams: int = 64
    amf_depth: int = 16
    idle_seconds: float = 8
    unread: int = 64 << 10
    connections: int = 2000
    complaints: int = 100
    connections_per_address: int = 200
