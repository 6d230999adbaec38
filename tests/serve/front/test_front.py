"""The front over real connections: whose request it is, where it ends, in which order it is answered, how long it may
take. What HLS answers is in ``test_hls.py``, what the API does in ``test_api.py``."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from serve.certificates import now
from serve.config import Address
from serve.front.connection import Limits
from serve.patience import Patience
from serve.self_signed import ensure
from tests.support.house import Host, House, broadcast_of
from tests.support.raw_http import Got, RawClient, asked
from tests.support.web import TOKEN, Client, serving, until

API = "/api/v1/rooms/demo"
MASTER = "/hls/demo/master.m3u8"
SHORT = Limits(idle=0.4, head=0.4, body=0.4, stuck=0.4)
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


class Stage:
    """A server with a live room ``demo``, and its clients."""

    def __init__(self, house: House, client: Client, host: Host) -> None:
        self.house = house
        self.client = client
        self.host = host
        self.port = client.port or 0
        self.base = f"/hls/demo/{broadcast_of(house)}"
        show = house.origin.current("demo")
        assert show is not None
        self.window = show.windows["source"]
        manager = client.front._runner.server
        assert manager is not None
        self._manager = manager
        self._clients: list[RawClient] = []

    async def connect(self) -> RawClient:
        self._clients.append(await RawClient.connect(self.port))
        return self._clients[-1]

    @property
    def blocking(self) -> str:
        """What is held until there is news."""
        msn, part = self.window.edge
        return f"{self.base}/source.m3u8?_HLS_msn={msn}&_HLS_part={part}"

    @property
    def lent(self) -> int:
        """How many connections aiohttp has."""
        return len(self._manager.connections)

    @property
    def connections(self) -> int:
        return len(self.client.front._means.connections)

    def close(self) -> None:
        for client in self._clients:
            client.close()


@asynccontextmanager
async def staged(house: House, limits: Limits | None = None, patience: Patience | None = None) -> AsyncIterator[Stage]:
    host = house.publish(house.open(title="A title"), 9)
    async with serving(house, patience, limits=limits) as client:
        stage = Stage(house, client, host)
        yield stage
        stage.close()


@pytest.fixture
async def stage(house: House) -> AsyncIterator[Stage]:
    async with staged(house) as made:
        yield made


@pytest.fixture
async def hasty(house: House) -> AsyncIterator[Stage]:
    """One that is impatient."""
    async with staged(house, SHORT) as made:
        yield made


@pytest.fixture
async def raw(stage: Stage) -> RawClient:
    return await stage.connect()


def beat(viewer: str = "x", **headers: str) -> bytes:
    """A page's heartbeat."""
    return asked(f"{API}/heartbeat", "POST", json.dumps({"viewer": viewer}).encode(), **headers)


def detail(got: Got, status: int) -> str:
    assert got.status == status
    assert got.headers["content-type"] == "application/problem+json"
    return str(json.loads(got.body)["detail"])


# Whose request it is.


async def test_one_connection_serves_player_page_and_heartbeats(stage: Stage, raw: RawClient) -> None:
    for _ in range(3):
        raw.send(asked(MASTER))
        assert (await raw.answer()).body.startswith(b"#EXTM3U")
        raw.send(asked(API))
        assert json.loads((await raw.answer()).body)["name"] == "demo"
        raw.send(beat())
        assert (await raw.answer()).status == 200
        raw.send(asked("/nothing"))
        assert "rooms are at" in detail(await raw.answer(), 404)
    assert stage.connections == 1


async def test_a_connection_that_is_back_has_nothing_of_aiohttps(stage: Stage, raw: RawClient) -> None:
    raw.send(asked(API))
    await raw.answer()
    await until(lambda: stage.lent == 0)
    raw.send(asked(stage.blocking))
    await until(lambda: stage.client.held == 1)
    assert stage.lent == 0
    stage.host.send(0.25)
    assert (await raw.answer()).status == 200


async def test_what_is_below_hls_is_never_aiohttps(stage: Stage, raw: RawClient) -> None:
    raw.send(asked("/hls/demo/master.m3u8", "POST", b"x" * 3000))
    got = await raw.answer()
    assert "takes GET, HEAD, OPTIONS" in detail(got, 405)
    assert got.headers["allow"] == "GET, HEAD, OPTIONS"
    raw.send(asked(MASTER, "GET", b"a body that nobody wants") + asked(MASTER, "HEAD") + asked("/hls/x"))
    assert (await raw.answer()).status == 200
    head = await raw.answer(head=True)
    assert int(head.headers["content-length"]) > 0
    assert (await raw.answer()).status == 404
    assert stage.lent == 0


async def test_the_target_of_a_proxy_is_understood(stage: Stage, raw: RawClient) -> None:
    raw.send(asked(f"http://here:8080{MASTER}"))
    assert (await raw.answer()).status == 200


async def test_events_are_followed_and_let_go(stage: Stage, raw: RawClient) -> None:
    raw.send(asked(f"{API}/events"))
    head = await raw._reader.readuntil(b"\r\n\r\n")
    assert b"text/event-stream" in head
    assert b"event: state" in await raw._reader.readuntil(b"\n\n")
    assert stage.lent == 1
    raw.close()
    await until(lambda: stage.lent == 0 and stage.connections == 0)


# Where it ends.


MIXED: list[tuple[Callable[[Stage], bytes], bool]] = [
    (lambda _: asked(MASTER), False),
    (lambda stage: asked(f"{stage.base}/source.m3u8", Accept_Encoding="gzip"), False),
    (lambda stage: asked(f"{stage.base}/source/3.m4s", "HEAD"), True),
    (lambda _: beat("somebody"), False),
    (lambda stage: asked(f"{stage.base}/source/3.2.m4s"), False),
    (lambda _: asked("/hls/demo/none"), False),
    (lambda _: asked(API), False),
    (lambda _: asked("/hls/demo/x", "OPTIONS", Access_Control_Request_Method="GET"), False),
    (lambda _: asked(API, "PATCH", b'{"title": "A title"}', **OPERATOR), False),
    (lambda stage: asked(f"{stage.base}/audio.m3u8?_HLS_msn=1"), False),
    (lambda _: asked("/api/v1/openapi.json"), False),
]


async def one_by_one(stage: Stage) -> list[tuple[int, dict[str, str], bytes]]:
    """What is answered to each of MIXED when it is asked alone."""
    said = []
    for make, head in MIXED:
        raw = await stage.connect()
        raw.send(make(stage))
        said.append((await raw.answer(head)).said)
    return said


async def test_requests_that_come_at_once_are_answered_in_order(stage: Stage, raw: RawClient) -> None:
    expected = await one_by_one(stage)
    raw.send(b"".join(make(stage) for make, _ in MIXED))
    assert [(await raw.answer(head)).said for _, head in MIXED] == expected


async def test_requests_may_come_byte_by_byte(stage: Stage, raw: RawClient) -> None:
    expected = await one_by_one(stage)
    data = b"".join(make(stage) for make, _ in MIXED)
    sending = asyncio.create_task(raw.send_in_pieces(data[i : i + 1] for i in range(len(data))))
    assert [(await raw.answer(head)).said for _, head in MIXED] == expected
    await sending


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_answers_do_not_depend_on_how_requests_are_cut(
    tmp_path: Path, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Neither on what was asked before on the same connection."""

    async def said(stage: Stage, order: Sequence[int], pieces: Sequence[tuple[int, bool]]) -> object:
        raw = await stage.connect()
        await until(lambda: stage.connections == 1)
        (connection,) = stage.client.front._means.connections
        data = b"".join(MIXED[number][0](stage) for number in order)
        for size, pause in (*pieces, (len(data), False)):
            piece, data = data[:size], data[size:]
            connection.data_received(piece)
            if pause:
                await asyncio.sleep(0)
        answers = [(await raw.answer(MIXED[number][1])).said for number in order]
        raw.close()
        await until(lambda: not stage.connections)
        return answers

    async def expect(stage: Stage) -> list[object]:
        answers = await one_by_one(stage)
        stage.close()
        await until(lambda: not stage.connections)
        return list(answers)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        context = staged(House(tmp_path))
        stage = runner.run(context.__aenter__())
        expected = runner.run(expect(stage))
        numbers = st.lists(st.integers(0, len(MIXED) - 1), min_size=1, max_size=8)

        @settings(max_examples=60)
        @given(numbers, st.lists(st.tuples(st.integers(1, 400), st.booleans()), max_size=40))
        def check(order: Sequence[int], pieces: Sequence[tuple[int, bool]]) -> None:
            assert runner.run(said(stage, order, pieces)) == [expected[number] for number in order]

        check()
        runner.run(context.__aexit__(None, None, None))


async def test_what_comes_after_one_that_is_held_waits_for_it(stage: Stage, raw: RawClient) -> None:
    raw.send(asked(stage.blocking) + asked(API) + asked(MASTER))
    await until(lambda: stage.client.held == 1)
    await asyncio.sleep(0.05)
    assert stage.lent == 0
    stage.host.send(0.25)
    assert (await raw.answer()).headers["content-type"] == "application/vnd.apple.mpegurl"
    assert json.loads((await raw.answer()).body)["name"] == "demo"
    assert (await raw.answer()).body.startswith(b"#EXTM3U")


async def test_a_hundred_requests_may_come_at_once(stage: Stage, raw: RawClient) -> None:
    raw.send(asked(MASTER) * 100)
    for _ in range(100):
        assert (await raw.answer()).status == 200


async def test_a_large_body_goes_through(stage: Stage, raw: RawClient) -> None:
    """Larger than what aiohttp, and the system, keep of it."""
    raw.send(asked(API, "PATCH", b'{"title": "' + b"x" * (4 << 20) + b'"}', **OPERATOR) + asked(MASTER))
    assert (await raw.answer()).status == 400
    assert (await raw.answer()).status == 200


async def test_who_is_refused_with_half_a_body_is_let_go(stage: Stage, raw: RawClient) -> None:
    raw.send(asked(f"{API}/stop", "POST", Content_Length="1000000") + b"x" * 1000)
    got = await raw.answer()
    assert got.status == 401
    assert got.headers["connection"] == "close"
    raw.send(b"x" * 999_000)
    assert await raw.rest() == b""


# When a connection ends.


@pytest.mark.parametrize("path", [MASTER, API, "/nothing"])
@pytest.mark.parametrize(
    "request_line", ["GET {} HTTP/1.0\r\n", "GET {} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"]
)
async def test_the_last_request_of_a_connection_says_so(raw: RawClient, path: str, request_line: str) -> None:
    raw.send(f"{request_line.format(path)}\r\n".encode() + asked(MASTER))
    answer = await raw.rest()
    assert answer.split(b"\r\n")[0].split(b" ")[1] in (b"200", b"404")
    assert answer.count(b"HTTP/1.") == 1


async def test_one_that_is_held_may_be_the_last(stage: Stage, raw: RawClient) -> None:
    raw.send(asked(stage.blocking, Connection="close"))
    await until(lambda: stage.client.held == 1)
    stage.host.send(0.25)
    got = await raw.answer()
    assert got.headers["connection"] == "close"
    assert await raw.rest() == b""


async def test_who_goes_away_is_held_no_longer(stage: Stage, raw: RawClient) -> None:
    raw.send(asked(stage.blocking))
    await until(lambda: stage.client.held == 1)
    raw.close()
    await until(lambda: stage.client.held == 0 and stage.connections == 0)
    stage.host.send(0.25)


@pytest.mark.parametrize("garbage", [b"garbage\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /\n"])
async def test_what_is_no_request_is_refused(raw: RawClient, garbage: bytes) -> None:
    raw.send(garbage + asked(MASTER))
    assert "no HTTP request" in detail(await raw.answer(), 400)
    assert await raw.rest() == b""


async def test_a_head_that_does_not_end_is_refused(raw: RawClient) -> None:
    raw.send(b"GET / HTTP/1.1\r\nHost: here\r\n" + b"X: y\r\n" * 4000)
    assert "too long" in detail(await raw.answer(), 431)
    assert await raw.rest() == b""


HIDDEN = asked(MASTER)


@pytest.mark.parametrize(
    "vector",
    [
        # A length beside a transfer coding: CL.TE, TE.CL.
        f"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {len(HIDDEN) + 5}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        # Codings that some see and others do not.
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nX: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        # Two lengths, and lengths that are none.
        f"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: {len(HIDDEN)}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0, {len(HIDDEN)}\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length : 0\r\n\r\n",
        "GET / HTTP/1.1\nHost: h\n\n",
        # Framing that is not ours.
        "POST /hls/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    ],
)
async def test_no_request_is_hidden_in_another(stage: Stage, raw: RawClient, vector: str) -> None:
    """RFC 9112, 11.2: whoever is before this server may have seen another boundary. So nothing that follows what is
    not perfectly clear is taken for a request."""
    raw.send(vector.encode() + HIDDEN)
    answers = await raw.rest()
    assert b"EXTM3U" not in answers
    assert answers.count(b"HTTP/1.1 ") <= 1


async def test_a_chunked_body_is_read_and_ends_the_connection(stage: Stage, raw: RawClient) -> None:
    text = b'{"title": "In pieces"}'
    raw.send(asked(API, "PATCH", Transfer_Encoding="chunked", **OPERATOR) + b"16\r\n" + text + b"\r\n0\r\n\r\n")
    got = await raw.answer()
    assert (got.status, got.headers["connection"]) == (200, "close")
    assert stage.house.rooms.get("demo").row.title == "In pieces"
    assert await raw.rest() == b""


async def test_who_asks_first_is_told_to_go_on(stage: Stage, raw: RawClient) -> None:
    text = b'{"title": "A slate, say"}'
    raw.send(asked(API, "PATCH", Expect="100-continue", Content_Length=str(len(text)), **OPERATOR))
    assert await raw._reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    raw.send(text)
    assert (await raw.answer()).status == 200
    assert await raw.rest() == b""


# How long it may take.


async def timed(work: Awaitable[object]) -> float:
    begun = asyncio.get_running_loop().time()
    async with asyncio.timeout(20):
        await work
    return asyncio.get_running_loop().time() - begun


@pytest.mark.parametrize("sent", [b"", asked(API), asked(MASTER)], ids=["nothing", "a page", "a playlist"])
async def test_one_that_asks_nothing_more_is_closed(hasty: Stage, sent: bytes) -> None:
    raw = await hasty.connect()
    if sent:
        raw.send(sent)
        await raw.answer()
    assert await timed(raw.rest()) > 0.3
    await until(lambda: hasty.connections == 0)


async def test_who_keeps_asking_stays(hasty: Stage) -> None:
    raw = await hasty.connect()
    for _ in range(6):
        await asyncio.sleep(0.2)
        raw.send(asked(MASTER))
        assert (await raw.answer()).status == 200


async def test_a_head_that_comes_by_drops_is_not_waited_for(hasty: Stage) -> None:
    raw = await hasty.connect()

    async def drip() -> None:
        while True:
            raw.send(b"X")
            await asyncio.sleep(0.05)

    raw.send(b"GET /")
    dripping = asyncio.create_task(drip())
    assert await timed(raw.rest()) < 5
    dripping.cancel()


@pytest.mark.parametrize("path", [f"{API}/heartbeat", MASTER])
async def test_a_body_that_does_not_come_is_not_waited_for(hasty: Stage, path: str) -> None:
    raw = await hasty.connect()
    raw.send(asked(path, "POST", Content_Length="9") + b"x")
    await timed(raw.rest())
    await until(lambda: hasty.connections == hasty.lent == 0)


async def test_one_that_is_held_or_followed_is_not_idle(hasty: Stage) -> None:
    held, events = await hasty.connect(), await hasty.connect()
    held.send(asked(hasty.blocking))
    events.send(asked(f"{API}/events"))
    await asyncio.sleep(1)
    hasty.host.send(0.25)
    assert (await held.answer()).status == 200
    assert b"event: state" in await events._reader.readuntil(b"\n\n")


@asynccontextmanager
async def socket_to(stage: Stage, asking: bytes) -> AsyncIterator[socket.socket]:
    """A viewer's socket: it has asked, and reads nothing by itself."""
    with socket.socket() as made:
        made.connect(("127.0.0.1", stage.port))
        made.setblocking(False)
        await asyncio.get_running_loop().sock_sendall(made, asking)
        yield made


def segments(stage: Stage) -> tuple[bytes, int]:
    """Requests for more than the system takes of their answers, and how many bytes are asked for."""
    segment = stage.window.segment(3)
    assert segment is not None
    count = (16 << 20) // len(segment)
    return asked(f"{stage.base}/source/3.m4s") * count, count * len(segment)


async def test_who_does_not_read_is_dropped(hasty: Stage) -> None:
    """Until then it costs one answer past what makes it wait."""
    async with socket_to(hasty, segments(hasty)[0]):
        await until(lambda: hasty.connections == 1)
        (connection,) = hasty.client.front._means.connections
        most = 0

        def gone() -> bool:
            nonlocal most
            most = max(most, connection._transport.get_write_buffer_size())
            return hasty.connections == 0

        await until(gone)
        assert 0 < most <= (64 << 10) + len(hasty.window.segment(3) or b"") + 1000


async def test_who_reads_slowly_gets_it_all(stage: Stage) -> None:
    asking, expected = segments(stage)
    async with socket_to(stage, asking + asked(MASTER, Connection="close")) as viewer:
        await until(lambda: any(each._paused for each in stage.client.front._means.connections))
        size = 0
        while data := await asyncio.get_running_loop().sock_recv(viewer, 1 << 18):
            size += len(data)
            await asyncio.sleep(0.002)
        assert size > expected


async def test_what_is_asked_ahead_is_bounded(stage: Stage, raw: RawClient) -> None:
    """While one is held, what follows it stays in the client."""
    follow = asked(MASTER)
    raw.send(asked(stage.blocking))
    await until(lambda: stage.client.held == 1)
    count = (32 << 20) // len(follow)
    raw.send(follow * count)
    (connection,) = stage.client.front._means.connections
    await until(lambda: connection._stopped)
    await asyncio.sleep(0.1)
    assert len(connection._buffer) < 1 << 20
    stage.host.send(0.25)
    for _ in range(200):
        assert (await raw.answer()).status == 200


# When the server goes down.


async def test_a_server_that_goes_down_answers_and_closes(house: House) -> None:
    patience = Patience()
    async with staged(house, patience=patience) as stage:
        held, idle, half, events = [await stage.connect() for _ in range(4)]
        held.send(asked(stage.blocking) + asked(MASTER))
        half.send(asked(MASTER)[:-2])
        idle.send(asked(API))
        await idle.answer()
        events.send(asked(f"{API}/events"))
        await events._reader.readuntil(b"\n\n")
        await until(lambda: stage.client.held == 1)
        closing = asyncio.create_task(stage.client.front.close())
        got = await held.answer()
        assert "going down" in detail(got, 503)
        assert got.headers["connection"] == "close"
        for each in (held, idle, half):
            assert await each.rest() == b""
        assert (await events.rest()).endswith(b"0\r\n\r\n"), "it has an end"
        await closing
        assert stage.connections == stage.lent == 0
        with pytest.raises(ConnectionError):
            await stage.connect()


# By TLS.


async def test_all_of_it_goes_by_tls(stage: Stage, tmp_path: Path) -> None:
    pair = ensure(tmp_path / "cert.pem", ["localhost"], now())
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(pair.certificate, pair.key)
    theirs = ssl.create_default_context(cafile=pair.certificate)
    theirs.check_hostname = False
    address = await stage.client.front.listen(Address("127.0.0.1", 0), ours)
    expected = await one_by_one(stage)
    raw = await RawClient.connect(address.port, theirs)
    raw.send(b"".join(make(stage) for make, _ in MIXED))
    assert [(await raw.answer(head)).said for _, head in MIXED] == expected
    raw.send(asked(stage.blocking))
    await until(lambda: stage.client.held == 1)
    stage.host.send(0.25)
    assert (await raw.answer()).status == 200
    raw.send(asked(f"{stage.base}/source/3.m4s", Connection="close"))
    assert (await raw.answer()).body == stage.window.segment(3)
    assert await raw.rest() == b""
    raw.close()
