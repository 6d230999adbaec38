"""What can go wrong on an RTMP connection, and whose fault it is: decided here, once.

``PeerError``: the other side broke the protocol or asked for what is not to be had; the connection ends, and its text
says why. ``LocalError``: this side's code misused the session; a bug.
"""


class RtmpError(Exception):
    """Anything that ends an RTMP connection."""


class PeerError(RtmpError):
    """The peer is to blame."""


class HandshakeError(PeerError):
    """What came is no RTMP handshake."""


class TooLargeError(PeerError):
    """The peer asked for more memory than it may have."""


class LocalError(RtmpError):
    """A call that the session's state does not allow."""
