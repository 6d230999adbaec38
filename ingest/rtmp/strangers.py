"""What a peer that speaks no RTMP speaks, by how it begins. Pure, no I/O."""

from typing import Final

PLAIN_RTMP: Final = 3
"""The byte that RTMP begins with (RTMP 1.0, section 5.2.2)."""
TLS: Final = 0x16
"""The byte that TLS begins with: a handshake record (RFC 8446, section 5.1)."""

_WEB = "HTTP: this port takes RTMP, viewers open the room's web link"
_RTSP = "RTSP: this port takes RTMP, set the encoder to rtmp://"
_RTMPE = "encrypted RTMP (RTMPE): it is not supported, use rtmp:// or rtmps://"
_PROXY = "the PROXY protocol: switch it off where connections are passed on to this port"
_BEGINNINGS: Final = (
    (bytes((TLS,)), "TLS: this port speaks plain RTMP, use rtmp:// and not rtmps://, or the port of --rtmps"),
    (b"\x06", _RTMPE),
    (b"\x08", _RTMPE),
    (b"GET ", _WEB),
    (b"G", "MPEG-TS: this port takes RTMP, set the encoder to rtmp:// (ffmpeg: -f flv)"),
    (b"OPTIONS rtsp", _RTSP),
    (b"OPTIONS *", _RTSP),
    (b"ANNOUNCE ", _RTSP),
    (b"DESCRIBE ", _RTSP),
    *((method, _WEB) for method in (b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ", b"DELETE ", b"PATCH ", b"PRI * HTTP")),
    (b"CONNECT ", _WEB),
    (b"PROXY ", _PROXY),
    (b"\r\n\r\n\0\r\nQUIT\n", _PROXY),
    (b"SSH-", "SSH: this port takes RTMP"),
    (b"FLV", "FLV without RTMP: give the encoder an rtmp:// address"),
)
"""Beginnings, and what they give away: of two that match the first counts."""


def name(start: bytes | bytearray) -> str | None:
    """Return what begins with ``start`` and what to do about it; None while more has to come to tell."""
    for beginning, found in _BEGINNINGS:
        if start.startswith(beginning):
            return found
        if beginning.startswith(start):
            return None
    return "no RTMP at all: set the encoder to rtmp://"
