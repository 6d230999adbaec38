"""What can go wrong on an RTMP connection, and whose fault it is: decided here, once.

``PeerError``: the other side broke the protocol or asked for what is not to be had; its connection ends, and the text
says why. It names what came, never quotes a stream key. ``LocalError``: this side's code misused the session; a bug.
"""


class RtmpError(Exception):
    """Anything that ends an RTMP connection."""


class PeerError(RtmpError):
    """The peer is to blame."""


class HandshakeError(PeerError):
    """What came is no RTMP handshake."""


class ChunkError(PeerError):
    """The bytes are no chunk stream."""


class TooLargeError(PeerError):
    """The peer asked for more memory than it may have."""


class AmfError(PeerError):
    """The bytes are no AMF0 or AMF3."""


class MessageError(PeerError):
    """A message does not hold what its type promises."""


class CodecError(PeerError):
    """A codec that is not taken; the text names it and says what is."""


class ConfigError(PeerError):
    """A codec's configuration that no decoder could use."""


class LoginError(PeerError):
    """The peer has to authenticate itself, or did so wrongly; the text is for its program to read."""


class LocalError(RtmpError):
    """A call that the session's state does not allow."""
