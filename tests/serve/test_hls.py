"""HLS, over HTTP: what players get, how long they are held, and what they are told when there is nothing."""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import m3u8  # type: ignore[import-untyped]
import pytest
from aiohttp import ClientResponse

from serve import hls
from serve.parts import BroadcastStart
from serve.patience import Patience
from tests.support.house import START, Host, House, broadcast_of, no_slates
from tests.support.media import make_clip
from tests.support.web import Client, serving, until
from transcode.media import (
    AudioFormat,
    FrameRate,
    Init,
    Part,
    Plan,
    Rung,
    SegmentEnd,
    SegmentStart,
    Sound,
    VideoFormat,
)

MIME_TYPE = "application/vnd.apple.mpegurl"


@pytest.fixture
async def client(house: House) -> AsyncIterator[Client]:
    async with serving(house) as made:
        yield made


class Live:
    """A live room ``demo``: nine seconds are out, segment 5 is being made."""

    def __init__(self, house: House) -> None:
        self.key = house.open()
        self.host: Host = house.publish(self.key, 9)
        self.broadcast = broadcast_of(house)
        self.base = f"/hls/demo/{self.broadcast}"
        show = house.origin.current("demo")
        assert show is not None
        self.window = show.windows["source"]

    @property
    def next(self) -> tuple[int, int]:
        return self.window.edge

    def url(self, msn: int | None = None, part: int | None = None, rendition: str = "source") -> str:
        query = "&".join(f"_HLS_{name}={value}" for name, value in (("msn", msn), ("part", part)) if value is not None)
        return f"{self.base}/{rendition}.m3u8" + ("?" + query if query else "")


@pytest.fixture
async def live(house: House) -> Live:
    return Live(house)


@pytest.fixture
async def bare(house: House) -> Live:
    """One that has gaps while its host is away."""
    house.slates = no_slates
    return Live(house)


async def text_of(answer: ClientResponse) -> str:
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def held(client: Client, url: str) -> "asyncio.Task[ClientResponse]":
    """A request that has arrived and is being held."""
    before = client.held
    task = asyncio.create_task(client.get(url))
    await until(lambda: client.held > before or task.done())
    assert not task.done(), task.result().status
    return task


async def problem(answer: ClientResponse, status: int) -> str:
    """The detail of a problem that a player on any site may read."""
    assert answer.status == status
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    document = json.loads(await answer.text())
    assert document["status"] == status
    return str(document["detail"])


# What is served, and how.


async def test_the_multivariant_playlist_names_the_running_broadcast(client: Client, live: Live) -> None:
    answer = await client.get("/hls/demo/master.m3u8")
    text = await text_of(answer)
    assert f"\n{live.broadcast}/source.m3u8\n" in text
    assert f'URI="{live.broadcast}/audio.m3u8"' in text
    assert answer.content_type == MIME_TYPE
    assert answer.headers["Cache-Control"] == "max-age=1"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_everything_that_is_listed_can_be_fetched(client: Client, live: Live) -> None:
    for rendition, mime_type in (("source", "video/mp4"), ("audio", "audio/mp4")):
        answer = await client.get(live.url(rendition=rendition))
        assert answer.content_type == MIME_TYPE
        assert answer.headers["Cache-Control"] == "max-age=1"
        text = await text_of(answer)
        playlist = m3u8.loads(text)
        whole = {}
        for name in re.findall(r'^[^#\n]+$|(?<=[^T],URI=")[^"]+|(?<=MAP:URI=")[^"]+', text, re.MULTILINE):
            media = await client.get(f"{live.base}/{name}")
            assert media.status == 200, name
            assert media.content_type == mime_type
            assert media.headers["Cache-Control"] == "public, max-age=86400, immutable"
            assert media.headers["Access-Control-Allow-Origin"] == "*"
            whole[name] = await media.read()
        for segment in playlist.segments:
            if segment.uri:
                assert whole[segment.uri] == b"".join(whole[part.uri] for part in segment.parts)


async def test_a_playlist_is_compressed_for_those_who_take_it(client: Client, live: Live) -> None:
    plain = await client.get(live.url(), headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    client.session._auto_decompress = False
    packed = await client.get(live.url(), headers={"Accept-Encoding": "br, GZIP;q=0.8"})
    assert packed.headers["Content-Encoding"] == "gzip"
    body = await packed.read()
    assert gzip.decompress(body) == await plain.read()
    assert len(body) < len(await plain.read()) / 3
    refused = await client.get(live.url(), headers={"Accept-Encoding": "gzip; q=0, br"})
    assert "Content-Encoding" not in refused.headers
    assert {a.headers["Vary"] for a in (plain, packed, refused)} == {"Accept-Encoding"}


async def test_head_tells_the_same_without_the_body(client: Client, live: Live) -> None:
    for path in ("/hls/demo/master.m3u8", live.url(), f"{live.base}/source/1.m4s", f"{live.base}/source/1.3.m4s"):
        got = await client.get(path, headers={"Accept-Encoding": "identity"})
        head = await client.head(path, headers={"Accept-Encoding": "identity"})
        assert head.status == 200
        assert await head.read() == b""
        for name in ("Content-Type", "Content-Length", "Cache-Control", "Access-Control-Allow-Origin"):
            assert head.headers[name] == got.headers[name], (path, name)


async def test_a_preflight_is_answered_for_any_path(client: Client) -> None:
    for path in ("/hls/demo/master.m3u8", "/hls/none/b/source/7.m4s", "/hls/x"):
        answer = await client.options(
            path, headers={"Origin": "https://other.example", "Access-Control-Request-Method": "GET"}
        )
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
        assert answer.headers["Access-Control-Allow-Headers"] == "*"


async def test_a_room_with_sound_alone_plays(house: House, client: Client) -> None:
    house.publish(house.open("radio"), 9, clip=make_clip(video=False))
    playlist = m3u8.loads(await text_of(await client.get("/hls/radio/master.m3u8")))
    (only,) = playlist.playlists
    assert only.uri.endswith("/audio.m3u8")
    await text_of(await client.get(f"/hls/radio/{only.uri}"))
    await problem(await client.get(f"/hls/radio/{only.uri.replace('audio', 'source')}"), 404)


async def test_each_rung_of_a_ladder_is_served_under_its_name(house: House, client: Client) -> None:
    rungs = (Rung("source", 1920, 1080, 1, 6_000_000), Rung("720p60", 1280, 720, 1, 4_200_000))
    plan = Plan(rungs, Sound(48_000, 2, 128_000, True), FrameRate(60, 1), "balanced", 2, 21_334)
    house.origin.begin(BroadcastStart("demo", "b1", plan, START, 0))
    formats: dict[str, VideoFormat | AudioFormat] = {
        rung.name: VideoFormat("avc1.64002a", rung.width, rung.height, 60.0) for rung in rungs
    }
    formats["audio"] = AudioFormat("mp4a.40.2", 48_000, 2)
    for name, made in formats.items():
        for item in (
            Init(name, "aa", b"init of " + name.encode(), made),
            SegmentStart(name, 0, 0, 90_000, False),
            Part(name, 0, 0, 18_000, True, b"part of " + name.encode()),
            SegmentEnd(name, 0, 18_000),
        ):
            house.origin.part("b1", item)
    master = m3u8.loads(await text_of(await client.get("/hls/demo/master.m3u8")))
    assert [variant.uri for variant in master.playlists] == ["b1/source.m3u8", "b1/720p60.m3u8"]
    for name in ("source", "720p60", "audio"):
        listed = await text_of(await client.get(f"/hls/demo/b1/{name}.m3u8"))
        assert f'#EXT-X-MAP:URI="{name}/init-aa.mp4"' in listed
        for file, content in (("init-aa.mp4", "init"), ("0.m4s", "part"), ("0.0.m4s", "part")):
            assert await text_of(await client.get(f"/hls/demo/b1/{name}/{file}")) == f"{content} of {name}"


# What is not there.


@pytest.mark.parametrize(
    "path",
    [
        "/hls/none/master.m3u8",
        "/hls/demo/other.m3u8",
        "/hls/demo",
        "/hls/",
        "/hls/demo/master.m3u8/",
        "/hls/none/{b}/source.m3u8",
        "/hls/demo/none/source.m3u8",
        "/hls/demo/{b}/text.m3u8",
        "/hls/demo/{b}/720p.m3u8",
        "/hls/demo/{b}/720p60/0.m4s",
        "/hls/demo/{b}/source/init-00000000.mp4",
        "/hls/demo/{b}/source/init-.mp4",
        "/hls/demo/{b}/source/5.m4s",
        "/hls/demo/{b}/source/999999999999.m4s",
        "/hls/demo/{b}/source/99999999999999999999999999.m4s",
        "/hls/demo/{b}/source/-1.m4s",
        "/hls/demo/{b}/source/x.m4s",
        "/hls/demo/{b}/source/0.999999.m4s",
        "/hls/demo/{b}/source/0.99999999999999.m4s",
        "/hls/demo/{b}/source/0.-1.m4s",
        "/hls/demo/{b}/source/999999999999.0.m4s",
        "/hls/demo/{b}/source/%D9%A1.m4s",
        "/hls/demo/{b}/source/..%2f0.m4s",
        "/hls/../hls/%00/master.m3u8",
    ],
)
async def test_what_is_not_there_is_a_short_lived_404_that_any_site_may_read(
    client: Client, live: Live, path: str
) -> None:
    answer = await client.get(path.format(b=live.broadcast))
    await problem(answer, 404)
    assert answer.headers["Cache-Control"] == "max-age=1"


async def test_a_room_that_is_off_air_says_when_to_ask_again(house: House, client: Client) -> None:
    house.open()
    answer = await client.get("/hls/demo/master.m3u8")
    assert "not on air" in await problem(answer, 404)
    assert answer.headers["Retry-After"] == "1"
    house.publish(house.rooms.get("demo").row.stream_key, 1)
    assert (await client.get("/hls/demo/master.m3u8")).status == 404


async def test_nothing_can_be_sent_here(client: Client, live: Live) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = await client.request(method, live.url(), data=b"x")
        assert answer.status == 405
        assert answer.content_type == "application/problem+json"


async def test_a_segment_that_left_is_gone_and_one_that_left_lately_is_not(
    house: House, client: Client, live: Live
) -> None:
    live.host.send(80)
    first = m3u8.loads(await text_of(await client.get(live.url()))).media_sequence
    assert (await client.get(f"{live.base}/source/{first - 5}.m4s")).status == 200
    await problem(await client.get(f"{live.base}/source/0.m4s"), 404)
    await problem(await client.get(f"{live.base}/source/0.0.m4s"), 404)


# Blocking reload (8216bis, 6.2.5.2).


async def test_a_plain_request_is_answered_at_once(client: Client, live: Live) -> None:
    await text_of(await client.get(live.url()))


@pytest.mark.parametrize(("msn", "part"), [(0, None), (4, None), (4, 5), (5, 0), (0, 0)])
async def test_what_is_listed_already_is_answered_at_once(
    client: Client, live: Live, msn: int, part: int | None
) -> None:
    answer = await client.get(live.url(msn, part))
    await text_of(answer)
    assert answer.headers["Cache-Control"] == "max-age=6"


async def test_a_part_is_waited_for(house: House, client: Client, live: Live) -> None:
    msn, part = live.next
    waiting = await held(client, live.url(msn, part))
    live.host.send(0.25)
    answer = await waiting
    assert f'URI="source/{msn}.{part}.m4s"' in await text_of(answer)
    assert answer.headers["Cache-Control"] == "max-age=6"


async def test_a_segment_is_waited_for_until_it_is_whole(house: House, client: Client, live: Live) -> None:
    msn, _ = live.next
    waiting = await held(client, live.url(msn))
    live.host.send(0.5)
    await asyncio.sleep(0)
    assert not waiting.done()
    live.host.send(1)
    assert f"\nsource/{msn}.m4s\n" in await text_of(await waiting)


async def test_the_next_segment_may_be_asked_for_before_it_is_begun(house: House, client: Client, live: Live) -> None:
    msn, _ = live.next
    waiting = await held(client, live.url(msn + 1, 0))
    live.host.send(1.5)
    assert f'URI="source/{msn + 1}.0.m4s"' in await text_of(await waiting)


async def test_a_part_past_the_end_of_a_segment_waits_for_the_next_one(
    house: House, client: Client, live: Live
) -> None:
    msn, _ = live.next
    waiting = await held(client, live.url(msn, 10))
    live.host.send(1.05)
    assert live.next == (msn + 1, 0), "the segment is whole, with ten parts"
    await asyncio.sleep(0)
    assert not waiting.done()
    live.host.send(0.3)
    assert f'URI="source/{msn + 1}.0.m4s"' in await text_of(await waiting)


async def test_gaps_are_news_too(house: House, client: Client, bare: Live) -> None:
    bare.host.drop()
    house.pass_time(2)
    msn, part = bare.next
    waiting = await held(client, bare.url(msn, part))
    house.pass_time(2.5)
    assert f"#EXT-X-GAP\n#EXTINF:2.00000,\nsource/{msn}.m4s\n" in await text_of(await waiting)


@pytest.mark.parametrize(
    "query",
    [
        "_HLS_part=0",
        "_HLS_msn=",
        "_HLS_msn=x",
        "_HLS_msn=-1",
        "_HLS_msn=1.0",
        "_HLS_msn=%D9%A1",
        "_HLS_msn=1&_HLS_part=-1",
        "_HLS_msn=1&_HLS_part=x",
        "_HLS_msn=7",
        "_HLS_msn=7&_HLS_part=0",
        "_HLS_msn=999999999999",
        "_HLS_msn=99999999999999999999999999999999",
        "_HLS_msn=0&_HLS_part=99999999999999999999999999999999",
    ],
)
async def test_malformed_and_far_ahead_requests_are_refused_at_once(client: Client, live: Live, query: str) -> None:
    """8216bis, 6.2.5.2: past the last segment plus two, or a part without a segment."""
    assert live.next[0] == 5
    answer = await client.get(f"{live.base}/source.m3u8?{query}")
    await problem(answer, 400)


async def test_directives_that_are_not_known_are_ignored(client: Client, live: Live) -> None:
    assert "#EXT-X-SKIP" not in await text_of(await client.get(f"{live.base}/source.m3u8?_HLS_skip=NO&other=1"))


# Delta Updates (8216bis, 6.2.5.1).


@pytest.mark.parametrize("skip", ["YES", "v2"])
async def test_who_has_the_rest_already_may_leave_it_out(house: House, client: Client, skip: str) -> None:
    house.publish(house.open(ladder="120p"), 40)
    url = f"/hls/demo/{broadcast_of(house)}/48p.m3u8"
    whole = await text_of(await client.get(url))
    answer = await client.get(f"{url}?_HLS_msn=18&_HLS_part=0&_HLS_skip={skip}")
    delta = await text_of(answer)
    assert answer.headers["Cache-Control"] == "max-age=6"
    found = re.search(r"#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)\n", delta)
    assert found is not None
    listed = [len(re.findall(r"^#EXTINF", text, re.MULTILINE)) for text in (whole, delta)]
    assert listed[0] == listed[1] + int(found[1])


# Old players.


async def test_old_players_get_whole_segments_alone(client: Client, live: Live) -> None:
    master = m3u8.loads(await text_of(await client.get("/hls/demo/classic.m3u8")))
    names = [master.playlists[0].uri, master.media[0].uri]
    assert names == [f"{live.broadcast}/source.classic.m3u8", f"{live.broadcast}/audio.classic.m3u8"]
    for name in names:
        answer = await client.get(f"/hls/demo/{name}")
        listed = await text_of(answer)
        assert answer.headers["Cache-Control"] == "max-age=1"
        assert not re.findall("EXT-X-(?:PART|SERVER-CONTROL|PRELOAD-HINT|RENDITION-REPORT)", listed)
        last = m3u8.loads(listed).segments[-1].uri
        assert (await client.get(f"{live.base}/{last}")).status == 200


# The first seconds.


async def test_who_asks_early_begins_with_the_first_parts_and_others_with_the_first_segment(
    house: House, client: Client
) -> None:
    """hls.js can begin after a gap, GStreamer cannot."""
    host = house.publish(house.open(ladder="120p"), 0.9)
    master = m3u8.loads(await text_of(await client.get("/hls/demo/master.m3u8?start=parts")))
    names = [master.playlists[0].uri, master.media[0].uri]
    assert names == [f"{broadcast_of(house)}/{name}.m3u8?start=parts" for name in ("48p", "audio")]
    for name in names:
        listed = m3u8.loads(await text_of(await client.get(f"/hls/demo/{name}")))
        assert [bool(segment.gap_tag) for segment in listed.segments] == [True, False]
        assert listed.segments[1].uri is None
        assert listed.segments[1].parts
    base = f"/hls/demo/{broadcast_of(house)}"
    urls = ["/hls/demo/master.m3u8", "/hls/demo/classic.m3u8", f"{base}/48p.m3u8", f"{base}/48p.classic.m3u8"]
    waiting = [await held(client, url) for url in urls]
    host.send(2)
    texts = [await text_of(answer) for answer in await asyncio.gather(*waiting)]
    assert "48p.m3u8\n" in texts[0]
    assert "48p.classic.m3u8\n" in texts[1]
    for text in texts[2:]:
        assert "48p/1.m4s\n" in text
        assert "GAP" not in text


async def test_a_stalled_broadcast_is_a_503_after_three_targets(
    client: Client, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls, "_HOLD_TARGETS", 0.01)
    answer = await client.get(live.url(*live.next))
    await problem(answer, 503)
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_broadcast_without_a_segment_yet_holds_and_then_says_so(
    house: House, client: Client, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart of the server."""
    house.restart()
    async with serving(house) as restarted:
        waiting = await held(restarted, live.url(5, 0))
        live.host = house.publish(live.key, 5)
        await text_of(await waiting)
        house.restart()
    monkeypatch.setattr(hls, "_FIRST", 0.01)
    async with serving(house) as again:
        await problem(await again.get(live.url()), 503)


async def test_a_broadcast_that_ended_without_a_segment_is_over(house: House, client: Client, live: Live) -> None:
    """An empty playlist would turn the media sequence back."""
    house.restart()
    async with serving(house) as restarted:
        waiting = await held(restarted, live.url(5, 0))
        house.rooms.stop("demo")
        assert "ended" in await problem(await waiting, 404)


async def test_who_waits_when_the_broadcast_ends_gets_the_endlist(house: House, client: Client, live: Live) -> None:
    waiting = [await held(client, live.url(*live.next)), await held(client, live.url(live.next[0] + 1))]
    house.rooms.stop("demo")
    for answer in await asyncio.gather(*waiting):
        assert (await text_of(answer)).endswith("#EXT-X-ENDLIST\n")
    assert (await text_of(await client.get(live.url(10**6)))).endswith("#EXT-X-ENDLIST\n")
    await problem(await client.get("/hls/demo/master.m3u8"), 404)


async def test_who_waits_when_the_room_is_deleted_is_let_go(house: House, client: Client, live: Live) -> None:
    waiting = await held(client, live.url(*live.next))
    house.rooms.delete("demo")
    assert (await text_of(await waiting)).endswith("#EXT-X-ENDLIST\n")
    await problem(await client.get(live.url()), 404)


async def test_a_player_that_gives_up_disturbs_no_other(house: House, client: Client, live: Live) -> None:
    first, second = [await held(client, live.url(*live.next)) for _ in range(2)]
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    live.host.send(0.25)
    await text_of(await second)


async def test_a_thousand_who_wait_are_woken_by_one_event(house: House, live: Live) -> None:
    url = live.url(*live.next)
    async with serving(house) as client:
        client.session.connector._limit = 0  # type: ignore[union-attr]
        waiting = [asyncio.create_task(client.get(url)) for _ in range(1000)]
        await until(lambda: client.held == 1000, 60)
        before = live.window.changed.count
        live.host.send(0.2)
        assert live.window.changed.count == before + 1
        texts = {await text_of(answer) for answer in await asyncio.gather(*waiting)}
        assert texts == {live.window.text().plain.decode()}


# The part that the playlist hints at (8216bis, 6.2.6).


def part_url(live: Live, msn: int, part: int) -> str:
    return f"{live.base}/source/{msn}.{part}.m4s"


async def test_the_hinted_part_is_held_until_it_is_made(house: House, client: Client, live: Live) -> None:
    msn, part = live.next
    assert f'PRELOAD-HINT:TYPE=PART,URI="source/{msn}.{part}.m4s"' in await text_of(await client.get(live.url()))
    waiting = await held(client, part_url(live, msn, part))
    live.host.send(0.25)
    answer = await waiting
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=86400, immutable"
    assert await answer.read() == live.window.part(msn, part)


async def test_the_first_part_of_the_next_segment_is_held_too(house: House, client: Client, live: Live) -> None:
    live.host.send(1.05)
    assert live.next == (6, 0)
    waiting = await held(client, part_url(live, 6, 0))
    live.host.send(0.3)
    assert (await waiting).status == 200


async def test_a_hinted_part_that_never_comes_is_a_404_as_soon_as_that_is_known(
    house: House, client: Client, bare: Live
) -> None:
    bare.host.drop()
    house.pass_time(2)
    msn, part = bare.next
    waiting = await held(client, part_url(bare, msn, part))
    house.pass_time(2)
    assert bare.next == (msn + 1, 0)
    answer = await waiting
    await problem(answer, 404)
    assert answer.headers["Cache-Control"] == "max-age=1"


async def test_a_hinted_part_of_a_broadcast_that_ends_is_a_404(house: House, client: Client, bare: Live) -> None:
    bare.host.drop()
    house.pass_time(2)
    waiting = await held(client, part_url(bare, *bare.next))
    house.rooms.stop("demo")
    await problem(await waiting, 404)


async def test_a_hinted_part_is_not_waited_for_without_end(
    client: Client, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls, "_HOLD_TARGETS", 0.01)
    await problem(await client.get(part_url(live, *live.next)), 404)


async def test_other_parts_to_come_are_not_held(client: Client, live: Live) -> None:
    msn, part = live.next
    await problem(await client.get(part_url(live, msn, part + 1)), 404)
    await problem(await client.get(part_url(live, msn + 1, 0)), 404)


# When the server goes down.


@pytest.mark.parametrize("what", ["a part in the playlist", "a segment in the playlist", "the hinted part"])
async def test_what_is_held_is_answered_at_once_when_the_server_goes_down(house: House, live: Live, what: str) -> None:
    msn, part = live.next
    urls = {
        "a part in the playlist": live.url(msn, part),
        "a segment in the playlist": live.url(msn),
        "the hinted part": part_url(live, msn, part),
    }
    patience = Patience()
    async with serving(house, patience) as client:
        waiting = await held(client, urls[what])
        patience.end()
        answer = await waiting
        assert "going down" in await problem(answer, 503)
        assert answer.headers["Retry-After"] == "1"
    assert "#EXT-X-ENDLIST" not in live.window.text().plain.decode(), "it goes on after the restart"


@pytest.mark.parametrize("path", ["master.m3u8", "soon/audio.m3u8"])
async def test_so_is_who_waits_for_the_first_segment(house: House, path: str) -> None:
    house.open()
    plan = Plan((), Sound(48_000, 2, 128_000, True), FrameRate(30, 1), "balanced", 2, 21_334)
    house.origin.begin(BroadcastStart("demo", "soon", plan, START, 0))
    patience = Patience()
    async with serving(house, patience) as client:
        waiting = await held(client, f"/hls/demo/{path}")
        patience.end()
        await problem(await waiting, 503)


async def test_a_server_that_goes_down_still_gives_what_it_has_and_holds_nothing_more(house: House, live: Live) -> None:
    patience = Patience()
    async with serving(house, patience) as client:
        patience.end()
        msn, part = live.next
        await text_of(await client.get(live.url()))
        await text_of(await client.get(live.url(msn - 1)))
        await problem(await client.get(live.url(msn, part)), 503)


# Over a restart, as a player sees it.


async def test_a_player_goes_on_over_a_restart_of_the_server(house: House, client: Client, live: Live) -> None:
    before = m3u8.loads(await text_of(await client.get(live.url())))
    last = before.segments[-2]
    house.restart(away=5)
    live.host = house.publish(live.key, 9)
    async with serving(house) as restarted:
        assert live.broadcast in await text_of(await restarted.get("/hls/demo/master.m3u8"))
        after = m3u8.loads(await text_of(await restarted.get(live.url(before.media_sequence + 5, 0))))
        assert after.media_sequence > before.media_sequence + 4
        assert after.discontinuity_sequence == before.discontinuity_sequence
        assert after.segments[0].init_section.uri == before.segments[0].init_section.uri
        first: datetime = after.segments[0].program_date_time
        assert last.program_date_time + timedelta(seconds=4) < first
        await problem(await restarted.get(f"{live.base}/source/0.m4s"), 404)
