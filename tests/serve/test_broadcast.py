"""A broadcast outlives its server, and a disk that fails: numbers and time never go back."""

import logging

import pytest

from ingest.source import Refused
from serve.room import State
from serve.rooms import Rooms, RoomSettings
from serve.store import StoreError
from tests.support.house import (
    GRACE_SECONDS,
    START,
    House,
    InlineWorker,
    broadcast_of,
    disk_full,
    in_row,
    no_slates,
    state_of,
)
from tests.support.media import make_clip
from transcode.media import TIMELINE, Init, SegmentStart

# Restarts.


async def test_a_restarted_server_goes_on_with_the_broadcast(house: House) -> None:
    key = house.open()
    house.publish(key, 9)
    broadcast, last = broadcast_of(house), max(house.link.numbers(broadcast_of(house)))
    inits = {i.name for i in house.link.items[broadcast] if isinstance(i, Init)}
    house.restart(away=5)
    assert state_of(house) == State.SLATE
    assert broadcast_of(house) == broadcast
    house.publish(key, 9)
    assert state_of(house) == State.LIVE
    assert broadcast_of(house) == broadcast
    numbers = house.link.numbers(broadcast)
    assert numbers[0] > last
    assert in_row(numbers)
    assert numbers == house.link.numbers(broadcast, "audio")
    assert {i.name for i in house.link.items[broadcast] if isinstance(i, Init)} == inits


async def test_the_timeline_and_its_dates_go_on_over_a_restart(house: House) -> None:
    key = house.open()
    house.publish(key, 9)
    house.restart(away=7)
    (start,) = house.link.starts
    assert start.started_at == START
    back_at = house.clock.milliseconds
    house.publish(key, 9)
    first = next(i for i in house.link.items[start.broadcast] if isinstance(i, SegmentStart))
    assert first.start == pytest.approx(back_at * TIMELINE / 1000, abs=0.1 * TIMELINE)
    assert first.start > 9 * TIMELINE


async def test_players_have_news_after_a_restart_even_without_a_host_and_a_slate(house: House) -> None:
    house.slates = no_slates
    house.publish(house.open(), 9)
    last = max(house.link.numbers(broadcast_of(house)))
    house.restart()
    house.pass_time(6)
    show = house.origin.current("demo")
    assert show is not None
    assert show.ready
    for window in show.windows.values():
        assert window.edge[0] > last + 1
        assert b"#EXT-X-GAP" in window.text().plain


async def test_discontinuities_are_counted_over_a_restart(house: House) -> None:
    key = house.open()
    house.publish(key, 5)
    house.publish(key, 5, clip=make_clip(size=(128, 96)))
    house.restart()
    house.publish(key, 5, clip=make_clip(size=(128, 96)))
    (start,) = house.link.starts
    assert start.discontinuities == 1
    assert not any(isinstance(i, SegmentStart) and i.discontinuity for i in house.link.items[start.broadcast])


async def test_another_configuration_after_a_restart_is_a_discontinuity(house: House) -> None:
    key = house.open()
    house.publish(key, 5)
    house.restart()
    house.publish(key, 5, clip=make_clip(size=(128, 96)))
    (start,) = house.link.starts
    assert any(isinstance(i, SegmentStart) and i.discontinuity for i in house.link.items[start.broadcast])


async def test_a_broadcast_that_nobody_came_back_to_in_time_is_over_after_a_restart(house: House) -> None:
    key = house.open()
    house.publish(key, 9)
    broadcast = broadcast_of(house)
    house.restart(away=GRACE_SECONDS + 10)
    assert house.link.starts == []
    assert house.rooms.get("demo").broadcast is None
    house.publish(key, 5)
    assert broadcast_of(house) != broadcast
    house.restart(away=1)
    assert broadcast_of(house) != broadcast


async def test_numbers_never_go_back_though_the_clock_does(house: House) -> None:
    key = house.open()
    house.publish(key, 30)
    broadcast, last = broadcast_of(house), max(house.link.numbers(broadcast_of(house)))
    house.restart(away=-20)
    house.publish(key, 5)
    assert broadcast_of(house) == broadcast
    assert min(house.link.numbers(broadcast)) > last
    first = next(i for i in house.link.items[broadcast] if isinstance(i, SegmentStart))
    assert first.start >= 30 * TIMELINE


async def test_restart_after_restart_numbers_only_go_up(house: House) -> None:
    key = house.open()
    house.publish(key, 5)
    broadcast = broadcast_of(house)
    last = -1
    for _ in range(5):
        numbers = house.link.numbers(broadcast)
        assert min(numbers, default=last + 1) > last
        last = max(numbers, default=last)
        house.restart(away=2)
        house.publish(key, 3)
    assert broadcast_of(house) == broadcast


# A disk that fails.


async def test_a_stream_goes_on_though_the_disk_is_full_and_it_is_logged_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    host = house.publish(house.open(), 5)
    disk_full(house)
    with caplog.at_level(logging.ERROR):
        host.send(30)
    assert state_of(house) == State.LIVE
    assert in_row(house.link.numbers(broadcast_of(house)))
    assert len(caplog.records) == 1
    assert "make it writable and give it room" in caplog.text


@pytest.mark.parametrize("away_host", [True, False])
async def test_numbers_never_go_back_though_they_could_not_be_stored_for_a_while(house: House, away_host: bool) -> None:
    key = house.open()
    host = house.publish(key, 5, clip=make_clip(gop=45))
    disk_full(house)
    if away_host:
        host.drop()
        house.pass_time(60)
    else:
        host.send(60)
    broadcast, last = broadcast_of(house), max(house.link.numbers(broadcast_of(house)))
    row = house.store.running_broadcast("demo")
    assert row is not None
    assert row.number < last - 20
    house.restart(away=1)
    house.publish(key, 5)
    assert broadcast_of(house) == broadcast
    assert min(house.link.numbers(broadcast)) > last


async def test_a_broadcast_may_begin_on_a_full_disk(house: House) -> None:
    key = house.open()
    disk_full(house)
    house.publish(key, 9)
    assert state_of(house) == State.LIVE
    house.restart()
    house.publish(key, 9)
    assert state_of(house) == State.LIVE


async def test_stop_stops_though_the_disk_is_full(house: House) -> None:
    key = house.open()
    host = house.publish(key, 9)
    disk_full(house)
    with pytest.raises(StoreError):
        house.rooms.stop("demo")
    assert host.reasons == ["the room was stopped"]
    assert state_of(house) == State.STOPPED
    assert len(house.link.ended) == 1
    with pytest.raises(Refused):
        house.connect(key)


async def test_what_cannot_be_stored_has_not_happened(house: House) -> None:
    key = house.open()
    disk_full(house)
    with pytest.raises(StoreError):
        house.rooms.rotate_key("demo")
    with pytest.raises(StoreError):
        house.open("new")
    with pytest.raises(StoreError):
        house.rooms.set("demo", RoomSettings(title="New"))
    assert [(room.name, room.row.title) for room in house.rooms.all()] == [("demo", "demo")]
    house.connect(key)


async def test_a_server_starts_on_a_full_disk_though_a_broadcast_is_over(house: House) -> None:
    house.publish(house.open(), 9)
    house.clock.milliseconds += round((GRACE_SECONDS + 10) * 1000)
    disk_full(house)
    rooms = Rooms(house.store, house.link, house.clock, InlineWorker, no_slates, 2)
    assert rooms.get("demo").broadcast is None
