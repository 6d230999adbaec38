"""Where a request ends, and what is none: RFC 9112."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.front.framing import MOST_HEAD, Head, HeadReader, Malformed, TooLong
from tests.support.raw_http import asked


def read(data: bytes) -> Head | None:
    return HeadReader().read(data)


def whole(data: bytes) -> Head:
    head = read(data)
    assert head is not None
    return head


def test_a_head_ends_with_an_empty_line() -> None:
    data = asked("/hls/a/b?c=d%20&e", "HEAD", User_Agent=" tv \t", Accept_Encoding="gzip, br")
    head = whole(data + b"GET /next")
    assert (head.size, head.method, head.path, head.query) == (len(data), "HEAD", "/hls/a/b", "c=d%20&e")
    assert (head.fields.agent, head.fields.gzip, head.fields.length, head.last) == ("tv", True, 0, False)


def test_nothing_is_said_of_half_a_head() -> None:
    data = asked("/hls/a", "POST", User_Agent="tv", Content_Length="12")
    for end in range(len(data)):
        assert read(data[:end]) is None
    assert whole(data).fields.length == 12


def test_empty_lines_before_a_request_are_ignored() -> None:
    """RFC 9112, 2.2: some clients send one after a body."""
    data = b"\r\n\r\n" + asked("/")
    assert whole(data).size == len(data)
    assert read(b"\r\n") is None


def test_a_proxys_form_of_the_target_names_the_same() -> None:
    """RFC 9112, 3.2.2."""
    assert whole(asked("http://here:8080/hls/a?b")).path == whole(asked("HTTPS://here/hls/a")).path == "/hls/a"


@pytest.mark.parametrize(
    ("head", "last"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: TE , CLOSE\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: te\r\nconnection: close\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
    ],
)
def test_the_last_request_says_so(head: bytes, last: bool) -> None:
    assert whole(head).last is last


@pytest.mark.parametrize("name", ["Transfer-Encoding", "Upgrade", "Expect"])
def test_what_the_length_alone_does_not_tell_is_seen(name: str) -> None:
    fields = whole(asked("/", "POST", **{name.replace("-", "_"): "chunked"})).fields
    assert fields.foreign
    assert fields.chunked is (name == "Transfer-Encoding")


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\nGET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n: nameless\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET  HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"(GET / HTTP/1.1\r\n",
        b"RTSP/1.0 200 OK\r\n",
        b"GET / HTTP/1.1\r\nHost: a\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_no_request(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data)


def test_a_head_has_an_end() -> None:
    endless = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * MOST_HEAD
    for data in (endless, endless + b"\r\n\r\n", b"GET /" + b"a" * MOST_HEAD, b"G" * (MOST_HEAD + 1)):
        with pytest.raises((TooLong, Malformed)):
            read(data)
    with pytest.raises(TooLong):
        read(endless)


def test_what_was_read_before_is_read_alike() -> None:
    reader = HeadReader()
    for _ in range(2):
        for agent in ("tv", "radio"):
            head = reader.read(asked("/", User_Agent=agent))
            assert head is not None
            assert head.fields.agent == agent
    for number in range(5000):
        assert reader.read(asked("/", User_Agent=str(number))) is not None
    assert len(reader._known) < 5000, "it forgets"


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_head_or_not(data: bytes, begun: bool) -> None:
    try:
        head = read((b"GET / HTTP/1.1\r\nHost: a\r\n" if begun else b"") + data)
    except (Malformed, TooLong):
        return
    assert head is None or head.size > 0
