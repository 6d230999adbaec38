"""The handshake: simple, version 3, whatever its bytes are cut into; strangers are told apart by how they begin."""

import pytest

from ingest.rtmp.errors import HandshakeError
from ingest.rtmp.handshake import ServerHandshake

C1 = b"\0\1\2\3" + b"\x80\0\7\2" + bytes(range(256)) * 5 + bytes(248)
HELLO = b"\x03" + C1


def test_c0_and_c1_are_answered_at_once() -> None:
    handshake = ServerHandshake()
    answer = handshake.receive(HELLO)
    s0, s1, s2 = answer[:1], answer[1:1537], answer[1537:]
    assert s0 == b"\x03"
    assert s1[4:8] == bytes(4)
    assert len(set(s1[8:])) > 100, "S1 is random"
    assert s2 == C1, "some clients compare them"
    assert len(answer) == 3073
    assert not handshake.done


def test_any_c2_ends_it_and_the_rest_is_handed_on() -> None:
    handshake = ServerHandshake()
    handshake.receive(HELLO)
    assert handshake.receive(bytes(1536) + b"chunks") == b""
    assert handshake.done
    assert handshake.rest() == b"chunks"
    assert handshake.rest() == b""


def test_all_at_once_and_byte_by_byte() -> None:
    whole = HELLO + bytes(1536) + b"!"
    at_once, by_byte = ServerHandshake(), ServerHandshake()
    assert len(at_once.receive(whole)) == 3073
    answers = [by_byte.receive(whole[at : at + 1]) for at in range(len(whole) - 1)]
    assert [len(answer) for answer in answers if answer] == [3073]
    assert at_once.done
    assert by_byte.done
    assert at_once.rest() == b"!"


@pytest.mark.parametrize(
    ("first", "named", "decided_after"),
    [
        (b"GET / HTTP/1.1", "HTTP", 4),
        (b"POST /open/1", "HTTP", 5),
        (b"PUT /", "HTTP", 4),
        (b"PRI * HTTP/2.0", "HTTP", 10),
        (b"OPTIONS / HTTP/1.1", "HTTP", 9),
        (b"OPTIONS rtsp://host", "RTSP", 12),
        (b"ANNOUNCE rtsp://host", "RTSP", 9),
        (b"PROXY TCP4", "PROXY protocol", 6),
        (b"\r\n\r\n\0\r\nQUIT\n\x21", "PROXY protocol", 12),
        (b"\x16\x03\x01", "TLS", 1),
        (b"\x06", "RTMPE", 1),
        (b"SSH-2.0", "SSH", 4),
        (b"G\x40\x11\x10", "MPEG-TS", 2),
        (b"FLV\x01", "FLV", 3),
        (b"\0", "no RTMP", 1),
        (b"GOAL", "MPEG-TS", 2),
    ],
)
def test_a_stranger_is_named_as_soon_as_it_tells(first: bytes, named: str, decided_after: int) -> None:
    with pytest.raises(HandshakeError, match=f"looks like .*{named}"):
        ServerHandshake().receive(first)
    handshake = ServerHandshake()
    for at in range(decided_after - 1):
        assert handshake.receive(first[at : at + 1]) == b""
    with pytest.raises(HandshakeError, match=named):
        handshake.receive(first[decided_after - 1 : decided_after])


def test_nothing_is_no_error() -> None:
    assert ServerHandshake().receive(b"") == b""
