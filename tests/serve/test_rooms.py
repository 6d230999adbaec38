"""Rooms: what the operator does, who may publish, and what is told to whom."""

import logging
import re
from dataclasses import replace
from typing import Any

import pytest

from ingest.media import Kind, Packet
from ingest.source import Refused
from serve.capacity import Running
from serve.errors import CapacityError, RoomError, SettingError, UnknownRoomError
from serve.room import State
from serve.rooms import RoomOpening, RoomSettings
from serve.store import FilterRow, RoomRow
from tests.support.house import GRACE_SECONDS, House, InlineWorker, broadcast_of, in_row, state_of
from tests.support.media import image_file

# What the operator does.


async def test_a_room_is_made_on_first_use_with_a_key_of_its_own(house: House) -> None:
    first, second = house.open("a"), house.open("b", title="Bee", private=True)
    assert first != second
    assert len(first) >= 24
    assert [(room.name, room.row.title, room.row.private) for room in house.rooms.all()] == [
        ("a", "a", False),
        ("b", "Bee", True),
    ]
    assert state_of(house, "a") == State.WAITING


async def test_opening_again_changes_nothing_but_what_is_asked_for(house: House) -> None:
    key = house.open(title="Show", private=True)
    house.publish(key, 3)
    assert house.open() == key
    assert house.open(title="Other") == key
    row = house.rooms.get("demo").row
    assert (row.title, row.private, row.open) == ("Other", True, True)
    assert state_of(house) == State.LIVE


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"grace": 4}, "use 5 to 86400 s"),
        ({"grace": 86_401}, "use 5 to 86400 s"),
        ({"slate": image_file("GIF")}, "use a PNG or JPEG file"),
        ({"slate": b"\x89PNG\r\n\x1a\n"}, "use a PNG or JPEG file"),
        ({"slate": image_file("JPEG")[:100]}, "use a PNG or JPEG file"),
        ({"slate": image_file("PNG", (5000, 4000))}, "use 16 million at most"),
        ({"slate": image_file("PNG", (20_000, 20_000))}, "use 16 million at most"),
        ({"slate": b"\x89PNG\r\n\x1a\n" + bytes(5 << 20)}, "use a file of 5 MiB at most"),
    ],
)
def test_a_grace_or_slate_that_cannot_be_is_refused(house: House, settings: dict[str, Any], hint: str) -> None:
    house.open("demo")
    with pytest.raises(SettingError, match=hint):
        house.rooms.set("demo", RoomSettings(**settings))
    assert house.rooms.get("demo").row.grace == 120


@pytest.mark.parametrize("name", ["", "A", "ä", "-a", "a-", "_a", "a b", "a/b", "..", "a" * 65, "a\n", "a.b", "%61"])
async def test_what_cannot_name_a_room_is_refused(house: House, name: str) -> None:
    with pytest.raises(SettingError, match="use 1 to 64 of a-z"):
        house.open(name)
    assert house.rooms.all() == []


@pytest.mark.parametrize("name", ["a", "7", "a-b_c", "a" * 64])
async def test_what_can_name_a_room_does(house: House, name: str) -> None:
    house.open(name)
    assert house.rooms.get(name).name == name


@pytest.mark.parametrize(
    "settings",
    [
        {"ladder": "720"},
        {"ladder": ""},
        {"ladder": "auto,720p"},
        {"preset": "slow"},
        {"preset": ""},
        {"loudness": -30.1},
        {"loudness": -7},
        {"loudness": float("nan")},
        {"title": " "},
        {"title": "x" * 201},
    ],
)
async def test_a_setting_that_cannot_be_is_refused_and_nothing_is_made_or_changed(
    house: House, settings: dict[str, Any]
) -> None:
    with pytest.raises(SettingError):
        house.rooms.open("new", RoomOpening(**settings))
    assert house.rooms.all() == []
    house.open()
    before = house.rooms.get("demo").row
    with pytest.raises(SettingError):
        house.rooms.set("demo", RoomSettings(**settings))
    assert house.rooms.get("demo").row == before


async def test_a_new_room_is_transcoded_to_what_fits_its_host(house: House) -> None:
    row = house.rooms.open("demo", RoomOpening()).row
    assert (row.ladder, row.preset, row.loudness) == ("auto", "fast", None)


async def test_a_ladder_that_is_none_is_answered_with_what_is_one(house: House) -> None:
    with pytest.raises(SettingError, match="use auto, source, or a list such as 720p,480p or source,720p"):
        house.open(ladder="720")


async def test_loudness_stays_until_it_is_changed_or_switched_off(house: House) -> None:
    house.open(loudness=-16)
    house.rooms.set("demo", RoomSettings(title="Other"))
    assert house.rooms.get("demo").row.loudness == -16
    for given in (-8, -30, None):
        house.rooms.set("demo", RoomSettings(loudness=given))
        assert house.rooms.get("demo").row.loudness == given


async def test_a_budget_that_cannot_be_had_is_answered_with_what_can(house: House) -> None:
    for given in (0, 0.09, 64.1, -1, float("nan")):
        with pytest.raises(SettingError, match=r"use 0\.1 to 64, or auto"):
            house.open(moderation_budget=given)
    assert house.rooms.all() == []


# Filters, and how much later viewers get everything.

SLOW = (FilterRow("look:ahead=4", "detector", 4.0), FilterRow("invert", "video"))


async def test_filters_are_kept_as_they_were_found_and_outlive_the_server(house: House) -> None:
    house.rooms.open("demo", RoomOpening(filters=["look:ahead=4", "invert"], on_overrun="stop"), SLOW)
    house.restart()
    row = house.rooms.get("demo").row
    assert (row.filters, row.delay, row.on_overrun) == (SLOW, None, "stop")
    assert house.rooms.get("demo").delay == 4
    house.rooms.set("demo", RoomSettings(title="Other"))
    assert house.rooms.get("demo").row.filters == SLOW
    house.rooms.set("demo", RoomSettings(filters=[]), ())
    assert house.rooms.get("demo").row.filters == ()


async def test_filters_that_nobody_has_checked_are_a_mistake_of_the_server(house: House) -> None:
    """A room asked for with a filter must never start without it."""
    with pytest.raises(ValueError, match="must be checked"):
        house.rooms.open("demo", RoomOpening(filters=["look"]))
    assert house.rooms.all() == []


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"ladder": "source"}, "cannot pass on the host's own picture: use --ladder auto, or a list without source"),
        ({"ladder": "source,720p"}, "cannot pass on the host's own picture"),
        ({"delay": 3.5}, r"3\.5 s is too short: look looks 4 s ahead; use --delay auto"),
        ({"delay": 0}, "is too short"),
        ({"delay": 30.1}, "use 0 to 30 s, or auto"),
        ({"delay": -1}, "use 0 to 30 s, or auto"),
        ({"delay": float("nan")}, "use 0 to 30 s, or auto"),
    ],
)
async def test_what_does_not_go_with_filters_is_refused_whichever_comes_first(
    house: House, settings: dict[str, Any], hint: str
) -> None:
    with pytest.raises(SettingError, match=hint):
        house.rooms.open("demo", RoomOpening(**settings), SLOW)
    assert house.rooms.all() == []
    house.rooms.open("demo", RoomOpening(), SLOW)
    before = house.rooms.get("demo").row
    with pytest.raises(SettingError, match=hint):
        house.rooms.set("demo", RoomSettings(**settings))
    assert house.rooms.get("demo").row == before


async def test_filters_are_refused_that_do_not_go_with_what_the_room_has(house: House) -> None:
    house.open("demo")
    with pytest.raises(SettingError, match="without source"):
        house.rooms.set("demo", RoomSettings(), SLOW)
    house.rooms.set("demo", RoomSettings(ladder="720p", delay=3))
    with pytest.raises(SettingError, match="too short"):
        house.rooms.set("demo", RoomSettings(), SLOW)
    with pytest.raises(SettingError, match="look looks 31 s ahead, and a room can be held back 30 s at most"):
        house.rooms.set("demo", RoomSettings(delay=None), (FilterRow("look", "detector", 31.0),))
    assert house.rooms.get("demo").row.filters == ()


async def test_a_delay_stays_until_it_is_changed_and_is_at_least_what_filters_need(house: House) -> None:
    house.rooms.open("demo", RoomOpening(delay=6), SLOW)
    house.rooms.set("demo", RoomSettings(title="Other"))
    assert house.rooms.get("demo").delay == 6
    for given, delay in ((4, 4), (30, 30), (None, 4)):
        house.rooms.set("demo", RoomSettings(delay=given))
        assert house.rooms.get("demo").delay == delay


async def test_what_is_passed_on_as_it_comes_can_be_held_too(house: House) -> None:
    house.open("demo", delay=4.0)
    assert house.rooms.get("demo").delay == 4


async def test_filters_are_checked_when_they_are_given_and_when_a_room_is_opened_again(house: House) -> None:
    house.rooms.open("demo", RoomOpening(), SLOW)
    specs = ["look:ahead=4", "invert"]
    assert house.rooms.specs("demo", RoomOpening()) is None, "it is open"
    assert house.rooms.specs("demo", RoomOpening(filters=["invert"])) == ["invert"]
    house.rooms.stop("demo")
    assert house.rooms.specs("demo", RoomOpening()) == specs
    assert house.rooms.specs("demo", RoomSettings()) is None, "it stays stopped"
    assert house.rooms.specs("new", RoomOpening()) is None


# What the machine carries.


def busy(house: House, name: str, processors: float | None) -> None:
    """A room on air whose worker takes so many processors."""
    house.publish(house.open(name, ladder="auto", force=True), 3)
    broadcast = house.rooms.get(name).broadcast
    assert broadcast is not None
    assert isinstance(broadcast.worker, InlineWorker)
    broadcast.worker.stats = replace(broadcast.worker.stats, processors=processors)


async def test_a_room_that_the_machine_cannot_carry_is_refused_with_figures_and_not_made(house: House) -> None:
    house.rooms.processors = 2
    busy(house, "busy", 1.5)
    refused = (
        "this machine cannot carry room 'demo': it needs about 1.4 processors; 2 processors, 10% kept free,"
        " 1.5 in use by 1 room: stop another room, use --ladder source,"
        " or start it anyway with --force"
    )
    with pytest.raises(CapacityError, match=re.escape(refused)):
        house.open(ladder="auto")
    assert [room.name for room in house.rooms.all()] == ["busy"]
    house.open(ladder="auto", force=True)
    assert state_of(house) == State.WAITING


async def test_a_stopped_room_that_cannot_be_carried_stays_as_it_was(house: House) -> None:
    house.rooms.processors = 2
    house.open(ladder="720p", title="Before")
    house.rooms.stop("demo")
    busy(house, "busy", 1.5)
    with pytest.raises(CapacityError):
        house.open(ladder="auto", title="After")
    row = house.rooms.get("demo").row
    assert (row.ladder, row.title, row.open) == ("720p", "Before", False)
    house.rooms.delete("busy")
    house.open(ladder="auto")
    assert state_of(house) == State.WAITING


async def test_an_open_room_and_one_of_which_nothing_is_encoded_are_never_refused(house: House) -> None:
    house.rooms.processors = 2
    house.open(ladder="auto")
    busy(house, "busy", 2.5)
    house.open(ladder="auto", title="Other")
    house.open("third", ladder="source")


async def test_a_room_is_judged_by_what_its_host_sent_the_last_time(house: House) -> None:
    house.rooms.processors = 1
    with pytest.raises(CapacityError, match=re.escape("about 1.4 processors; 1 processor, 10% kept free, none in use")):
        house.open(ladder="auto")
    house.publish(house.open(ladder="auto", force=True), 3)
    house.rooms.stop("demo")
    house.open(ladder="auto")


@pytest.mark.parametrize("untold", ["not known yet", "shedding", "host away"])
async def test_a_worker_that_tells_too_little_is_estimated(house: House, untold: str) -> None:
    busy(house, "busy", None if untold == "not known yet" else 0.001)
    room = house.rooms.get("busy")
    assert room.broadcast is not None
    worker = room.broadcast.worker
    assert isinstance(worker, InlineWorker)
    if untold == "shedding":
        worker.stats = replace(worker.stats, shed="48p at 15/s")
    elif untold == "host away":
        house.pass_time(5)
        assert room.state == State.SLATE
    assert room.load == Running(room.broadcast.plan, None)


async def test_settings_outlive_the_server(house: House) -> None:
    key = house.open("demo", title="Show", ladder="720p,480p", preset="fast", loudness=-23, private=True)
    house.rooms.stop("demo")
    house.restart()
    assert house.rooms.get("demo").row == RoomRow("demo", "Show", "720p,480p", "fast", -23, True, key, False)


async def test_an_unknown_room_is_an_error_that_names_the_known_ones(house: House) -> None:
    house.open("known")
    for act in (house.rooms.get, house.rooms.stop, house.rooms.rotate_key, house.rooms.kick, house.rooms.delete):
        with pytest.raises(UnknownRoomError, match="known"):
            act("other")


# Who may publish.


async def test_the_stream_key_decides_the_room(house: House) -> None:
    house.open("a")
    key = house.open("b")
    host = house.connect(key)
    publisher = house.rooms.get("b").publisher
    assert publisher is not None
    assert publisher.source is host
    assert house.rooms.get("a").publisher is None


@pytest.mark.parametrize(
    "form", ["{key}", "{key}?", "{key}?a=b", "demo?key={key}", "demo?a=b&key={key}&c", "?key={key}"]
)
async def test_a_key_may_come_alone_or_with_the_rooms_name(house: House, form: str) -> None:
    house.connect(form.format(key=house.open()))
    assert house.rooms.get("demo").publisher is not None


@pytest.mark.parametrize(
    "form",
    ["", "demo", "wrong", "demo?key=", "demo?key=wrong", "other?key={key}", "none?key={key}",
     "{key}x", "{key}?key={key}", "demo?key={key}&key=", "demo?KEY={key}", "\udcff", "demo?key=\udcff"],
)  # fmt: skip
async def test_a_wrong_key_is_refused_without_a_hint(house: House, form: str) -> None:
    house.open("other")
    key = house.open("demo")
    if form == "demo?key={key}&key=":
        house.connect(form.format(key=key))  # the first one counts
        return
    with pytest.raises(Refused) as refused:
        house.connect(form.format(key=key))
    assert str(refused.value) == "this stream key is not known here: copy it again from the room's settings"
    assert all(room.publisher is None for room in house.rooms.all())


async def test_a_stopped_room_takes_nobody(house: House) -> None:
    key = house.open()
    house.rooms.stop("demo")
    with pytest.raises(Refused, match=r"room demo is stopped: .*room start demo"):
        house.connect(key)


async def test_a_rotated_key_is_worthless_at_once(house: House) -> None:
    old = house.open()
    host = house.publish(old, 3)
    new = house.rooms.rotate_key("demo").row.stream_key
    assert new != old
    assert host.reasons == ["the stream key was changed"]
    with pytest.raises(Refused):
        house.connect(old)
    house.connect(new)


async def test_a_kicked_publisher_may_come_back(house: House) -> None:
    key = house.open()
    host = house.publish(key, 3)
    before = broadcast_of(house)
    assert house.rooms.kick("demo").publisher is None
    assert host.reasons == ["the operator disconnected you"]
    assert state_of(house) == State.SLATE
    house.publish(key, 3)
    assert state_of(house) == State.LIVE
    assert broadcast_of(house) == before


async def test_nobody_to_kick_is_an_error(house: House) -> None:
    house.open()
    with pytest.raises(RoomError, match="nobody publishes"):
        house.rooms.kick("demo")


# Stopping and deleting.


@pytest.mark.parametrize("prompt", [True, False])
async def test_stopping_a_room_sends_its_publisher_away_and_ends_its_broadcast(house: House, prompt: bool) -> None:
    key = house.open()
    host = house.publish(key, 9, prompt=prompt)
    broadcast = broadcast_of(house)
    room = house.rooms.stop("demo")
    assert (room.state, room.publisher, room.broadcast) == (State.STOPPED, None, None)
    assert host.reasons == ["the room was stopped"]
    assert house.link.ended == [broadcast]
    show = house.origin.show("demo", broadcast)
    assert show is not None
    for window in show.windows.values():
        assert window.text().plain.endswith(b"#EXT-X-ENDLIST\n")
        assert b"EXTINF:0.0" not in window.text().plain
    house.open()
    house.publish(key, 5)
    assert broadcast_of(house) != broadcast


async def test_stopping_while_the_host_is_away_lists_no_empty_segment(house: House) -> None:
    house.publish(house.open(), 9).drop()
    house.pass_time(7)
    show = house.origin.current("demo")
    assert show is not None
    house.rooms.stop("demo")
    for window in show.windows.values():
        text = window.text().plain
        assert text.endswith(b"#EXT-X-ENDLIST\n")
        assert b"EXTINF:0.0" not in text
        assert b"EXTINF:-" not in text


async def test_stopping_a_room_whose_broadcast_has_not_begun_leaves_nothing_behind(house: House) -> None:
    key = house.open()
    host = house.publish(key, 1, prompt=False)
    house.rooms.stop("demo")
    house.open()
    host.send(5)
    assert house.link.starts == []
    house.publish(key, 5)
    assert len(house.link.starts) == 1


async def test_stopping_twice_is_no_error(house: House) -> None:
    house.open()
    house.rooms.stop("demo")
    assert house.rooms.stop("demo").state == State.STOPPED


async def test_a_deleted_room_is_gone_with_its_key(house: House) -> None:
    key = house.open()
    host = house.publish(key, 5)
    house.rooms.delete("demo")
    assert len(host.reasons) == 1
    assert house.link.forgotten == ["demo"]
    assert house.rooms.all() == []
    with pytest.raises(Refused):
        house.connect(key)
    house.restart()
    assert house.rooms.all() == []
    assert house.open() != key


# What is told, and to whom.


async def test_every_change_of_state_is_told_once(house: House) -> None:
    key = house.open()
    room = house.rooms.get("demo")
    counts = [room.changed.count]

    def changes() -> int:
        counts.append(room.changed.count)
        return counts[-1] - counts[-2]

    host = house.publish(key)
    assert changes() == 1, "a publisher is there"
    host.send(3)
    assert changes() == 1, "the room is live"
    host.send(10)
    assert changes() == 0
    host.drop()
    assert changes() == 1, "the publisher is gone"
    house.pass_time(60)
    assert changes() <= 1
    house.rooms.stop("demo")
    assert changes() >= 1


async def test_no_stream_key_reaches_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        keys = [house.open(), house.rooms.rotate_key("demo").row.stream_key]
        house.publish(f"demo?key={keys[1]}", 5).drop()
        with pytest.raises(Refused):
            house.connect("demo?key=guess")
        house.publish(keys[1], 5)
        house.rooms.kick("demo")
        house.pass_time(GRACE_SECONDS + 5)
        house.rooms.stop("demo")
        with pytest.raises(Refused):
            house.connect(keys[1])
        keys.append(house.rooms.rotate_key("demo").row.stream_key)
        house.rooms.delete("demo")
    assert caplog.records
    for secret in (*keys, "guess"):
        assert secret not in caplog.text


async def test_garbage_in_packets_reaches_nobody_else(house: House) -> None:
    """Media is not decoded here: what is in a packet is the players' concern."""
    key = house.open()
    host = house.publish(key, 5)
    assert host.sink is not None
    for stamp in (0, 2**32 - 1, 5000, 5000, 4990):
        host.sink.packet(Packet(Kind.VIDEO, stamp, -5000, True, b""))
        host.sink.packet(Packet(Kind.AUDIO, stamp, 0, True, b""))
    host.send(9)
    assert state_of(house) == State.LIVE
    assert in_row(house.link.numbers(broadcast_of(house)))
