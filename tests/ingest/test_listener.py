"""The listener over real loopback sockets: what each connection gets, and that nobody else is disturbed by it."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator

import pytest

from ingest.media import Kind, Packet
from ingest.rtmp.limits import Limits
from ingest.rtmp.listener import RtmpListener
from ingest.rtmp.messages import Media
from ingest.source import Claim, PublishRequest, SentKey, Source
from tests.support.media import make_clip
from tests.support.rtmp_client import ClosedError, RtmpClient, make_loop
from tests.support.rtmp_server import FakeAdmission, RecordingSink

HOST = "127.0.0.1"
SECRET = "a-secret-stream-key"
CLIP = make_clip(seconds=2)


class Server:
    """A listener and its admission."""

    def __init__(self, limits: Limits) -> None:
        self.admission = FakeAdmission()
        self.listener = RtmpListener(self.admission, limits)

    async def connect(self, chunk_size: int = 4096) -> RtmpClient:
        return await RtmpClient.connect(HOST, self.listener.port, chunk_size=chunk_size)

    async def open(self) -> RtmpClient:
        return await RtmpClient.open(HOST, self.listener.port)

    async def publish(self, stream: str = "right") -> RtmpClient:
        client = await self.connect()
        await client.publish(stream)
        return client


@pytest.fixture
def limits(request: pytest.FixtureRequest) -> Limits:
    """Ordinary ones, or those of ``@pytest.mark.parametrize("limits", ...)``."""
    return getattr(request, "param", None) or Limits()


@pytest.fixture
async def server(limits: Limits) -> AsyncIterator[Server]:
    server = Server(limits)
    await server.listener.start(HOST, 0)
    yield server
    await server.listener.close()


def limited(**values: float) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("limits", [Limits(**values)], ids=[""])  # type: ignore[arg-type]


# Publishing.


async def test_what_is_published_arrives_in_order(server: Server) -> None:
    client = await server.publish()
    client.metadata(width=64)
    client.send(*CLIP.tracks, *CLIP.packets)
    sink = await server.admission.sink()
    await sink.until(lambda sink: len(sink.packets) == len(CLIP.packets))
    assert sink.tracks == CLIP.tracks
    assert sink.packets == list(CLIP.packets)
    assert sink.said == {"width": 64.0}
    assert sink.request == PublishRequest("rtmp", sink.source.address, Claim(SentKey("right")), "test host")
    assert sink.request.address == sink.source.address
    assert sink.source.address.startswith("127.0.0.1:")
    await client.close()


@pytest.mark.parametrize("chunk_size", [1, 128, 4096, 60000, 1 << 20])
async def test_every_chunk_size(server: Server, chunk_size: int) -> None:
    client = await server.connect(chunk_size)
    await client.publish("right")
    client.send(*CLIP.tracks, *CLIP.packets[:30])
    sink = await server.admission.sink()
    await sink.until(lambda sink: sink.packets == list(CLIP.packets[:30]))
    await client.close()


async def test_ready_made_chunks_are_the_same_media(server: Server) -> None:
    """What benches send: a clip as bytes that can be sent over and over."""
    client = await server.publish()
    client.send(*CLIP.tracks)
    loop = make_loop(CLIP.packets, length=2000)
    for step in loop.steps * 2:
        client.write(step)
    sink = await server.admission.sink()
    await sink.until(lambda sink: len(sink.packets) == 2 * len(CLIP.packets))
    assert [packet.data for packet in sink.packets] == [packet.data for packet in CLIP.packets] * 2
    for kind in Kind:
        sent = [packet.stamp for packet in CLIP.packets if packet.kind is kind]
        came = [packet.stamp for packet in sink.packets if packet.kind is kind]
        assert [stamp - came[0] for stamp in came] == [stamp - sent[0] for stamp in sent + [s + 2000 for s in sent]]
    await client.close()


async def test_a_loop_is_played_in_real_time(server: Server) -> None:
    client = await server.publish()
    client.send(*CLIP.tracks)
    begun = asyncio.get_running_loop().time()
    await make_loop(CLIP.packets, length=2000, step=50).play(client, 0.3)
    assert asyncio.get_running_loop().time() - begun >= 0.25
    sink = await server.admission.sink()
    await sink.until(lambda sink: len(sink.packets) >= 10)
    await client.close()


async def test_a_publisher_that_hangs_up(server: Server) -> None:
    client = await server.publish()
    await client.close()
    sink = await server.admission.sink()
    await sink.until(lambda sink: sink.endings)
    assert sink.endings == ["the host closed the connection"]


async def test_a_publisher_that_vanishes(server: Server) -> None:
    client = await server.publish()
    client.abort()
    sink = await server.admission.sink()
    await sink.until(lambda sink: sink.endings)
    [ending] = sink.endings
    assert ending.startswith("the connection broke: ")


async def test_a_publisher_that_stops_and_starts_on_one_connection(server: Server) -> None:
    client = await server.publish()
    assert (await client.unpublish()).code == "NetStream.Unpublish.Success"
    first = await server.admission.sink()
    await first.until(lambda sink: sink.endings == ["the host stopped streaming"])
    assert (await client.publish("right")).code == "NetStream.Publish.Start"
    client.send(*CLIP.tracks)
    second = await server.admission.sink(1)
    await second.until(lambda sink: sink.tracks == CLIP.tracks)
    assert first.tracks == []
    await client.close()


async def test_a_warning_reaches_the_host(server: Server) -> None:
    client = await server.publish()
    client.send(Media(False, 0, b"\xbfspeex"))
    sink = await server.admission.sink()
    await sink.until(lambda sink: sink.warnings)
    assert "Speex" in sink.warnings[0]
    await client.close()


# Refusals.


async def test_a_wrong_key_is_told_so_and_closed(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    client = await server.connect()
    asked = asyncio.get_running_loop().time()
    status = await client.publish(SECRET)
    assert (status.level, status.code) == ("error", "NetStream.Publish.BadName")
    assert status.description == "this stream key is not known here"
    await client.closed()
    assert asyncio.get_running_loop().time() < asked + 1
    [line] = [record for record in caplog.records if record.name == "ingest.rtmp.listener"]
    assert "refused: this stream key is not known here" in line.getMessage()
    assert SECRET not in caplog.text
    await client.close()


async def test_a_refused_peer_that_goes_on_sending_reads_why(server: Server) -> None:
    """Closing a socket with unread bytes resets it, and the answer is lost: ours is closed in order."""
    client = await server.connect()
    client.call("publish", None, "wrong")
    for _ in range(50):
        client.send(Media(True, 0, bytes(20_000)))
    assert (await client.status()).code == "NetStream.Publish.BadName"
    await client.closed()
    client.abort()


async def test_a_codec_that_is_not_taken(server: Server) -> None:
    client = await server.publish()
    client.send(Media(True, 0, b"\x1e\0\0\0\0vvcC"))
    status = await client.status()
    assert status.code == "NetStream.Publish.Denied"
    assert "VVC" in status.description
    await client.closed()
    sink = await server.admission.sink()
    assert sink.endings == [status.description]
    assert sink.warnings == [status.description]
    await client.close()


@pytest.mark.parametrize(
    ("garbage", "named"),
    [(b"GET / HTTP/1.1\r\n\r\n", "HTTP"), (b"\x16\x03\x01\x02\0", "TLS"), (bytes(100), "no RTMP at all")],
)
async def test_garbage_is_closed_with_one_line_that_names_it(
    server: Server, garbage: bytes, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = await server.open()
    client.write(garbage)
    await client.closed()
    [line] = [record for record in caplog.records if record.name == "ingest.rtmp.listener"]
    assert named in line.getMessage()
    assert line.levelno == logging.WARNING
    await client.close()


@limited(complaints=2)
async def test_strangers_do_not_fill_the_log_and_hosts_are_told_of(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(4):
        client = await server.open()
        client.write(b"SSH-2.0")
        await client.closed()
        await client.close()
    host = await server.publish()
    await host.close()
    await (await server.admission.sink()).until(lambda sink: sink.endings)
    lines = [record.getMessage() for record in caplog.records if record.name == "ingest.rtmp.listener"]
    assert ["SSH" in line for line in lines] == [True, True, False, False]
    assert lines[-1].endswith("closed: the host closed the connection")


async def test_a_broken_rule_ends_a_publisher(server: Server) -> None:
    client = await server.publish()
    client.write(b"\xc9")
    await client.closed()
    sink = await server.admission.sink()
    assert sink.endings == ["a chunk goes on with nothing"]
    await client.close()


@limited(connections=2)
async def test_of_too_many_connections_the_stranger_who_came_first_goes(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """So nobody is kept out by those who only hold places."""
    silent = await server.open()
    first = await server.publish()
    second = await server.publish()
    await silent.closed()
    third = await server.open()
    await third.closed()
    assert [sink.endings for sink in server.admission.sinks] == [[], []]
    assert [record.message.partition(": ")[2] for record in caplog.records] == ["closed: too many connections"] * 2
    for client in (silent, first, second, third):
        await client.close()


@limited(connections=1)
async def test_who_has_stopped_publishing_holds_no_place(server: Server) -> None:
    first = await server.publish()
    await first.unpublish()
    second = await server.publish()
    await first.closed()
    await first.close()
    await second.close()


@limited(connections_per_address=1)
async def test_too_many_connections_of_one_address_and_room_again_when_one_is_gone(server: Server) -> None:
    first = await server.publish()
    second = await server.open()
    await second.closed()
    await second.close()
    await first.close()
    await (await server.admission.sink()).until(lambda sink: sink.endings)
    while len(server.admission.sinks) < 2:
        try:
            third = await server.publish()
        except (ClosedError, asyncio.IncompleteReadError, ConnectionError):
            continue  # the second one's end is not over yet
    await third.close()


# Silence.


@limited(stranger_seconds=0.05)
async def test_who_says_nothing_is_closed(server: Server) -> None:
    client = await server.open()
    await client.closed()
    await client.close()


@limited(stranger_seconds=0.5)
async def test_who_does_not_publish_is_closed_however_much_it_says(server: Server) -> None:
    client = await server.connect()
    chatter = asyncio.create_task(chat(client))
    await client.closed()
    await chatter
    assert "nothing was published within 0.5 s" in client.statuses[-1].description
    await client.close()


async def chat(client: RtmpClient) -> None:
    while not client.reader.at_eof():
        client.call("_checkbw")
        await asyncio.sleep(0.01)


@limited(idle_seconds=0.1)
async def test_a_publisher_that_falls_silent_is_closed(server: Server) -> None:
    """A host that lost its network sends no FIN: only silence tells."""
    client = await server.publish()
    status = await client.status()
    assert (status.level, status.description) == ("error", "no media came for 0.1 s")
    await client.closed()
    assert (await server.admission.sink()).endings == ["no media came for 0.1 s"]
    await client.close()


@limited(idle_seconds=0.3)
async def test_a_publisher_that_only_talks_is_off_air(server: Server) -> None:
    client = await server.publish()
    chatter = asyncio.create_task(chat(client))
    sink = await server.admission.sink()
    await sink.until(lambda sink: sink.endings)
    assert sink.endings == ["no media came for 0.3 s"]
    await client.closed()
    await chatter
    await client.close()


@limited(idle_seconds=0.3)
async def test_a_picture_that_takes_long_to_come_keeps_its_host_on_air(server: Server) -> None:
    client = await server.publish()
    client.send(*CLIP.tracks)
    picture = client.script.media(Media(True, 0, b"\x17\1\0\0\0" + bytes(100_000)))
    for at in range(0, len(picture), 10_000):
        client.write(picture[at : at + 10_000])
        await asyncio.sleep(0.06)
    sink = await server.admission.sink()
    await sink.until(lambda sink: sink.packets)
    assert sink.endings == []
    await client.close()


def test_a_dead_connection_is_gone_within_ten_seconds() -> None:
    assert Limits().idle_seconds <= 10


@limited(stranger_seconds=0.5)
async def test_who_stopped_publishing_is_a_stranger_again(server: Server) -> None:
    client = await server.publish()
    await client.unpublish()
    await client.status()
    assert "nothing was published" in client.statuses[-1].description
    await client.close()


@limited(stranger_seconds=0.5, idle_seconds=5)
async def test_a_publisher_outlives_the_strangers_limit(server: Server) -> None:
    client = await server.publish()
    now = asyncio.get_running_loop().time
    begun = now()
    while now() < begun + 0.6:
        client.send(Media(False, 0, b"\xaf\1x"))
        await asyncio.sleep(0.05)
    client.send(*CLIP.tracks)
    sink = await server.admission.sink()
    await sink.until(lambda sink: sink.tracks)
    assert sink.endings == []
    await client.close()


@limited(unread=1000)
async def test_a_peer_that_does_not_read_is_dropped(server: Server) -> None:
    """Each command asks for an answer; the answers are never read."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, (HOST, server.listener.port))
    client = RtmpClient(*await asyncio.open_connection(sock=raw))
    client.write(client.script.handshake() + bytes(1536) + client.script.connect("live", "x"))
    client.call("publish", None, "right")
    sink = await server.admission.sink()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    while not sink.endings:
        for _ in range(200):
            client.call("dance", None)
        await asyncio.sleep(0)
    assert sink.endings == ["the host does not read what it is sent"]
    client.abort()


# One does not disturb another.


async def test_two_publishers_are_independent(server: Server) -> None:
    first, second = await server.publish(), await server.publish()
    first.send(*CLIP.tracks)
    second.send(*CLIP.tracks[:1])
    first.write(b"\xc9")
    await first.closed()
    second.send(*CLIP.tracks[1:], *CLIP.packets[:5])
    sink = await server.admission.sink(1)
    await sink.until(lambda sink: len(sink.packets) == 5)
    assert sink.tracks == CLIP.tracks
    assert sink.endings == []
    await first.close()
    await second.close()


async def test_a_sink_that_fails_ends_its_own_connection(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    other = await server.publish()
    server.admission.break_next = True
    client = await server.publish()
    client.send(*CLIP.tracks, CLIP.packets[0])
    assert "the server made a mistake" in (await client.status()).description
    await client.closed()
    failed = await server.admission.sink(1)
    assert failed.endings == ["the server made a mistake: its log says more"]
    assert "this sink is broken" in caplog.text
    other.send(*CLIP.tracks)
    await (await server.admission.sink()).until(lambda sink: sink.tracks)
    await client.close()
    await other.close()


async def test_an_admission_that_fails_ends_the_connection(server: Server) -> None:
    client = await server.connect()
    assert "the server made a mistake" in (await client.publish("bug")).description
    await client.closed()
    await client.close()


async def test_an_admission_may_disconnect_whom_it_admits(server: Server) -> None:
    admit = server.admission.admit

    def regret(request: PublishRequest, source: Source) -> RecordingSink:
        sink = admit(request, source)
        source.disconnect("the room has just been stopped")
        return sink

    server.admission.admit = regret  # type: ignore[method-assign]
    client = await server.connect()
    assert (await client.publish("right")).description == "the room has just been stopped"
    await client.closed()
    assert (await server.admission.sink()).endings == ["the room has just been stopped"]
    await client.close()


async def test_a_sink_that_fails_at_its_end_is_logged(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    client = await server.publish()
    sink = await server.admission.sink()

    def fail(reason: str) -> None:
        sink.endings.append(reason)
        raise RuntimeError("cannot close")

    sink.closed = fail  # type: ignore[method-assign]
    sink.source.disconnect("enough")
    await client.closed()
    assert sink.endings == ["enough"]
    assert "cannot close" in caplog.text
    await client.close()


# The server's side ends it.


async def test_disconnect_tells_the_peer_and_closes_the_sink_at_once(server: Server) -> None:
    client = await server.publish()
    sink = await server.admission.sink()
    sink.source.disconnect("a newer publisher takes over")
    sink.source.disconnect("again")
    assert sink.endings == ["a newer publisher takes over"]
    status = await client.status()
    assert status.code == "NetConnection.Connect.Closed"
    assert status.description == "a newer publisher takes over"
    await client.closed()
    client.abort()


async def test_after_disconnect_the_sink_gets_nothing(server: Server) -> None:
    client = await server.publish()
    sink = await server.admission.sink()
    sink.source.disconnect("enough")
    client.send(*CLIP.tracks, *CLIP.packets)
    await client.closed()
    assert (sink.tracks, sink.packets) == ([], [])
    await client.close()


async def test_a_sink_may_disconnect_its_source_in_the_middle(server: Server) -> None:
    client = await server.publish()
    sink = await server.admission.sink()
    take = sink.packet

    def once(packet: Packet) -> None:
        take(packet)
        sink.source.disconnect("that will do")

    sink.packet = once  # type: ignore[method-assign]
    client.send(*CLIP.tracks, *CLIP.packets)
    await sink.until(lambda sink: sink.endings)
    assert len(sink.packets) == 1
    await client.closed()
    client.abort()


async def test_a_peer_that_keeps_its_side_open_is_cut_off(server: Server) -> None:
    client = await server.publish()
    sink = await server.admission.sink()
    sink.source.disconnect("enough")
    await client.closed()
    async with asyncio.timeout(10):
        while not client.writer.transport.is_closing():
            client.write(b"more")
            await asyncio.sleep(0.01)
    client.abort()


async def test_closing_the_listener_ends_everyone(limits: Limits) -> None:
    server = Server(limits)
    assert server.listener.addresses == []
    await server.listener.start(HOST, 0)
    assert server.listener.addresses == [(HOST, server.listener.port)]
    publisher, silent, port = await server.publish(), await server.open(), server.listener.port
    closing = asyncio.create_task(server.listener.close())
    assert (await publisher.status()).description == "the server is going down"
    await publisher.closed()
    await silent.closed()
    await publisher.close()
    await silent.close()
    await closing
    assert (await server.admission.sink()).endings == ["the server is going down"]
    with pytest.raises(ConnectionRefusedError):
        await RtmpClient.open(HOST, port)


async def test_a_port_that_is_taken(server: Server) -> None:
    with pytest.raises(OSError, match="in use"):
        await RtmpListener(server.admission).start(HOST, server.listener.port)


async def test_a_listener_that_never_started_can_be_closed() -> None:
    await RtmpListener(FakeAdmission()).close()
