"""The HLS checker's follower and prober, beside a server whose time goes by faster."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from tests.support.hls.follower import Follower
from tests.support.house import Host, House
from tests.support.media import make_clip
from tests.support.web import Client, serving

FASTER = 4
STEP = 0.1


@dataclass
class Playing:
    """A host that goes on while something else happens."""

    host: Host

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self.host.send(STEP)
                await asyncio.sleep(STEP / FASTER)

    async def meanwhile(self, awaited: Awaitable[None]) -> None:
        task = asyncio.ensure_future(awaited)
        await self.until(task.done)
        await task


async def followed(house: House, client: Client, query: str = "") -> tuple[Follower, Playing]:
    playing = Playing(house.publish(house.open(), 6, make_clip(gop=30)))
    url = str(client.make_url("/hls/demo/master.m3u8" + query))
    return await asyncio.to_thread(lambda: Follower(url).start()), playing


@pytest.mark.parametrize("query", ["", "?start=parts"])
async def test_a_live_room_breaks_no_rule_and_all_of_it_is_got(house: House, query: str) -> None:
    async with serving(house) as client:
        follower, playing = await followed(house, client, query)
        await playing.until(lambda: follower.whole(3))
        await playing.meanwhile(asyncio.to_thread(follower.probe))
        broadcast = follower.broadcasts[0]
        house.rooms.stop("demo")
        await asyncio.to_thread(follower.finish)
    assert follower.broadcasts == [broadcast]
    assert follower.ended
    assert set(follower.got) == {"source", "audio"}
    for got in follower.got.values():
        numbers = sorted(got.segments)
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        gaps = [number for number in numbers if got.segments[number] is None]
        assert gaps == (numbers[:1] if query else []), "before the first one, for who asks for it"
        assert got.media().startswith(b"\0\0\0")


async def test_the_next_broadcast_is_followed_too(house: House) -> None:
    async with serving(house) as client:
        follower, playing = await followed(house, client)
        await playing.until(lambda: follower.whole(1))
        house.rooms.stop("demo")
        key = house.open()
        again = Playing(house.publish(key, 6, make_clip(gop=30)))
        await again.until(lambda: len(follower.broadcasts) == 2)
        await again.until(lambda: all(checker.account(0, 0).wait for checker in follower.checkers.values()))
        await again.meanwhile(asyncio.to_thread(follower.finish))
    assert len(follower.checkers) == 2


async def test_what_breaks_a_rule_is_told(house: House) -> None:
    async with serving(house) as client:
        follower, playing = await followed(house, client)
        await playing.until(lambda: follower.whole(1))
        show = house.origin.current("demo")
        assert show is not None
        show.windows["source"]._discontinuities += 1
        await playing.until(lambda: bool(follower.violations))
        await playing.meanwhile(asyncio.to_thread(follower.stop))
    assert any(text.startswith(f"{follower.broadcasts[0]}/source: discontinuity-seq") for text in follower.violations)
