"""The API, over HTTP: what everybody sees, what only the operator sees and does, and what is refused."""

import asyncio
import base64
import json
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import pytest
from aiohttp import ClientResponse

from serve import api as api_module
from serve import views
from serve.audit import Audit
from serve.inspector import InspectionError, Inspector
from serve.metrics import Metrics
from serve.patience import Patience
from serve.room import Room, State
from serve.rooms import RoomSettings
from serve.store import FilterRow
from tests.support.house import START, House, broadcast_of, disk_full, state_of
from tests.support.media import image_file, make_clip
from tests.support.web import TOKEN, Client, serving
from transcode.verdicts import Cause, DetectorStats, ModerationStats, Note

BASE = "/api/v1"
ROOMS = f"{BASE}/rooms"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
PUBLIC_FIELDS = {
    "name", "title", "state", "viewers", "delay", "broadcast", "live_since", "asleep", "watch_url",
    "hls_url",
}  # fmt: skip
OPERATOR_FIELDS = PUBLIC_FIELDS | {
    "rtmp_url", "stream_key", "private", "ladder", "preset", "loudness", "grace", "slate", "filters", "on_overrun",
    "moderation_budget", "covered", "moderation", "renditions", "worker", "publisher", "warnings",
}  # fmt: skip

OPERATIONS = [
    ("PUT", f"{ROOMS}/demo"),
    ("PATCH", f"{ROOMS}/demo"),
    ("DELETE", f"{ROOMS}/demo"),
    ("POST", f"{ROOMS}/demo/stop"),
    ("POST", f"{ROOMS}/demo/rotate-key"),
    ("POST", f"{ROOMS}/demo/kick"),
    ("POST", f"{ROOMS}/demo/dump"),
    ("POST", f"{ROOMS}/demo/cover"),
    ("GET", f"{ROOMS}/demo/moderation"),
    ("GET", f"{BASE}/filters"),
]


@pytest.fixture
async def client(house: House) -> AsyncIterator[Client]:
    async with serving(house) as made:
        yield made


async def body_of(answer: ClientResponse, status: int = 200) -> Any:
    assert answer.status == status, await answer.text()
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    return json.loads(await answer.text())


async def problem(answer: ClientResponse, status: int) -> str:
    """The detail of a problem document (RFC 9457)."""
    assert answer.status == status, await answer.text()
    assert answer.content_type == "application/problem+json"
    document = json.loads(await answer.text())
    assert set(document) == {"type", "title", "status", "detail"}
    assert document["status"] == status
    assert document["title"]
    return str(document["detail"])


async def put(client: Client, name: str = "demo", **settings: object) -> Any:
    return await body_of(await client.put(f"{ROOMS}/{name}", json=settings, headers=OPERATOR))


# What a room looks like.


async def test_opening_a_room_answers_with_all_there_is_to_know(client: Client) -> None:
    room = await put(client, title="My show")
    key = room.pop("stream_key")
    assert len(key) >= 24
    assert room == {
        "name": "demo",
        "title": "My show",
        "state": "waiting",
        "viewers": 0,
        "delay": 0,
        "broadcast": None,
        "live_since": None,
        "asleep": False,
        "watch_url": "http://stream.example:8080/r/demo",
        "hls_url": "http://stream.example:8080/hls/demo/master.m3u8",
        "rtmp_url": "rtmp://stream.example:1935/live",
        "private": False,
        "ladder": "auto",
        "preset": "fast",
        "loudness": None,
        "grace": 120,
        "slate": False,
        "filters": [],
        "on_overrun": "cover",
        "moderation_budget": None,
        "covered": "",
        "moderation": None,
        "renditions": [],
        "worker": None,
        "publisher": None,
        "warnings": [],
    }


async def test_opening_is_idempotent(client: Client) -> None:
    first = await put(client, title="My show")
    assert await put(client) == first


async def test_what_the_machine_cannot_carry_is_refused_unless_it_is_forced(house: House, client: Client) -> None:
    house.rooms.processors = 0.5
    url = f"{ROOMS}/demo"
    refused = await client.put(url, json={}, headers=OPERATOR)
    assert "or start it anyway with --force" in await problem(refused, 409)
    assert (await client.get(url, headers=OPERATOR)).status == 404, "nothing was made"
    assert (await client.put(url, json={"force": True}, headers=OPERATOR)).status == 200
    assert (await client.patch(url, json={"force": True}, headers=OPERATOR)).status == 400, "no setting"


async def test_a_live_room_tells_since_when_and_from_whom(house: House, client: Client) -> None:
    key = house.open()
    host = house.publish(key, 5)
    assert host.sink is not None
    host.sink.warning("a word to the host")
    room = await body_of(await client.get(f"{ROOMS}/demo", headers=OPERATOR))
    assert (room["state"], room["live_since"], room["broadcast"]) == ("live", START / 1000, broadcast_of(house))
    assert room["warnings"] == ["a word to the host"]
    assert room["publisher"] == {
        "address": host.address,
        "software": "test host",
        "since": START / 1000,
        "video": {"codec": "h264", "width": 64, "height": 48},
        "audio": {"codec": "aac", "sample_rate": 48000, "channels": 2},
    }


async def test_a_publisher_of_one_track_has_one(house: House, client: Client) -> None:
    house.publish(house.open(), 5, clip=make_clip(video=False))
    room = await body_of(await client.get(f"{ROOMS}/demo", headers=OPERATOR))
    assert room["publisher"]["video"] is None
    assert room["publisher"]["audio"] is not None


# What everybody sees.


async def test_everybody_sees_public_fields_alone(house: House, client: Client) -> None:
    house.publish(house.open(), 5)
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        room = await body_of(await client.get(f"{ROOMS}/demo", headers=headers))
        assert set(room) == PUBLIC_FIELDS
        (listed,) = (await body_of(await client.get(ROOMS, headers=headers)))["rooms"]
        assert listed == room
    assert set(await body_of(await client.get(f"{ROOMS}/demo", headers=OPERATOR))) == OPERATOR_FIELDS


async def test_a_stream_key_is_never_public(house: House, client: Client) -> None:
    keys = [house.open("demo"), house.open("quiet"), house.open("secret", private=True)]
    for key in keys:
        house.publish(key, 2.5)
    async with client.get(f"{ROOMS}/demo/events") as stream:
        texts = [(await stream.content.readuntil(b"\n\n")).decode()]
    for method, path, body in [
        ("GET", ROOMS, None),
        ("GET", f"{ROOMS}/demo", None),
        ("GET", f"{ROOMS}/secret", None),
        ("POST", f"{ROOMS}/demo/heartbeat", {"viewer": "a"}),
        ("GET", f"{BASE}/openapi.json", None),
        *((method, path, {}) for method, path in OPERATIONS),
    ]:
        texts.append(await (await client.request(method, path, json=body)).text())
    for key in keys:
        assert all(key not in text for text in texts)


async def test_only_live_and_public_rooms_are_listed_for_everybody(house: House, client: Client) -> None:
    house.open("waiting")
    secret, live = house.open("secret", private=True), house.open("live")
    house.open("stopped")
    house.rooms.stop("stopped")
    house.publish(secret, 2.5)
    house.publish(live, 2.5)
    listed = (await body_of(await client.get(ROOMS)))["rooms"]
    assert [room["name"] for room in listed] == ["live"]
    listed = (await body_of(await client.get(ROOMS, headers=OPERATOR)))["rooms"]
    assert [room["name"] for room in listed] == ["live", "secret", "stopped", "waiting"]
    assert all(set(room) == OPERATOR_FIELDS for room in listed)


async def test_a_private_room_is_reached_by_its_link(house: House, client: Client) -> None:
    house.publish(house.open("secret", private=True), 5)
    assert (await body_of(await client.get(f"{ROOMS}/secret")))["state"] == "live"
    assert (await client.get("/hls/secret/master.m3u8")).status == 200


async def test_an_unknown_room_is_a_404_that_names_others_to_the_operator_alone(house: House, client: Client) -> None:
    house.open("hidden-room", private=True)
    for method, path in [("GET", f"{ROOMS}/none"), ("GET", f"{ROOMS}/none/events"), ("GET", f"{ROOMS}/%2e%2e")]:
        assert "hidden-room" not in await problem(await client.request(method, path), 404)
    beat = await client.post(f"{ROOMS}/none/heartbeat", json={"viewer": "a"})
    assert "hidden-room" not in await problem(beat, 404)
    assert "hidden-room" in await problem(await client.get(f"{ROOMS}/none", headers=OPERATOR), 404)
    assert "hidden-room" in await problem(await client.post(f"{ROOMS}/none/stop", headers=OPERATOR), 404)


async def test_a_room_never_tells_of_another(house: House, client: Client) -> None:
    a, b = house.open("room-a"), house.open("room-b")
    house.publish(a, 2.5)
    answers = [
        await client.get(f"{ROOMS}/room-a", headers=OPERATOR),
        await client.post(f"{ROOMS}/room-a/rotate-key", headers=OPERATOR),
        await client.post(f"{ROOMS}/room-a/stop", headers=OPERATOR),
        await client.post(f"{ROOMS}/room-a/kick", headers=OPERATOR),
        await client.get("/hls/room-a/master.m3u8"),
    ]
    for answer in answers:
        text = await answer.text()
        assert "room-b" not in text
        assert b not in text


# Who is the operator.


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer x {TOKEN}",
     "Bearer \udcff\udcfe", "Bearer tökén"],
)  # fmt: skip
async def test_without_the_token_nothing_is_done(
    house: House, client: Client, method: str, path: str, authorization: str | None
) -> None:
    house.open()
    before = house.rooms.get("demo").row
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await client.request(method, path, json={"title": "New"}, headers=headers)
    assert "Authorization: Bearer" in await problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert house.rooms.get("demo").row == before


async def test_the_schemes_name_may_be_written_in_any_case(client: Client) -> None:
    answer = await client.put(f"{ROOMS}/demo", headers={"Authorization": f"bearer  {TOKEN} "})
    assert answer.status == 200


# What the operator does.


async def test_settings_change_without_opening(house: House, client: Client) -> None:
    house.open()
    house.rooms.stop("demo")
    answer = await client.patch(f"{ROOMS}/demo", json={"title": "Later", "private": True}, headers=OPERATOR)
    room = await body_of(answer)
    assert (room["title"], room["private"], room["state"]) == ("Later", True, "stopped")


async def test_pictures_and_sound_are_set_up_as_asked(client: Client) -> None:
    room = await put(client, ladder="source,720p", preset="quality", loudness=-16)
    assert (room["ladder"], room["preset"], room["loudness"]) == ("source,720p", "quality", -16)
    kept = await body_of(await client.patch(f"{ROOMS}/demo", json={"ladder": "480p"}, headers=OPERATOR))
    assert (kept["ladder"], kept["preset"], kept["loudness"]) == ("480p", "quality", -16)
    off = await body_of(await client.patch(f"{ROOMS}/demo", json={"loudness": None}, headers=OPERATOR))
    assert off["loudness"] is None


async def test_a_slate_and_a_grace_are_set_and_a_large_body_is_the_operator_s_alone(client: Client) -> None:
    image = base64.b64encode(image_file("JPEG") + bytes(3 << 20)).decode()
    room = await put(client, slate=image, grace=30)
    assert (room["slate"], room["grace"]) == (True, 30)
    kept = await body_of(await client.patch(f"{ROOMS}/demo", json={"title": "Show"}, headers=OPERATOR))
    assert (kept["slate"], kept["grace"]) == (True, 30)
    bare = await body_of(await client.patch(f"{ROOMS}/demo", json={"slate": ""}, headers=OPERATOR))
    assert bare["slate"] is False
    await problem(await client.patch(f"{ROOMS}/demo", json={"slate": "%"}, headers=OPERATOR), 400)
    await problem(await client.post(f"{ROOMS}/demo/heartbeat", json={"viewer": image}), 413)


async def test_a_running_broadcast_tells_its_renditions(house: House, client: Client) -> None:
    house.publish(house.open(), 5)
    room = await body_of(await client.get(f"{ROOMS}/demo", headers=OPERATOR))
    (own,) = room["renditions"]
    assert own.pop("bit_rate") > 0
    assert own == {"name": "source", "width": 64, "height": 48, "frame_rate": 30.0}
    assert room["worker"] is None, "the host's own picture needs none"
    house.rooms.stop("demo")
    assert (await body_of(await client.get(f"{ROOMS}/demo", headers=OPERATOR)))["renditions"] == []


@dataclass
class FakeStats:
    """How a worker does."""

    pid: int | None = 4711
    restarts: int = 1
    dropped_packets: int = 2
    dropped_frames: int = 3
    repeated_frames: int = 4
    rss: int = 200 << 20
    shed: str = ""
    processors: float | None = 0.6


async def test_a_transcoded_room_tells_how_its_worker_does(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Room, "worker", FakeStats())
    house.open()
    room = await body_of(await client.get(f"{ROOMS}/demo", headers=OPERATOR))
    assert room["worker"] == asdict(FakeStats())
    assert "worker" not in await body_of(await client.get(f"{ROOMS}/demo")), "nobody else's business"


async def test_a_transcoded_broadcast_tells_its_rungs_and_its_worker(house: House, client: Client) -> None:
    house.publish((await put(client))["stream_key"], 3)
    room = await body_of(await client.get(f"{ROOMS}/demo", headers=OPERATOR))
    (rung,) = room["renditions"]
    assert (rung["name"], rung["width"], rung["height"], rung["frame_rate"]) == ("48p", 64, 48, 30.0)
    assert room["worker"]["restarts"] == 0


async def test_changing_a_room_that_is_not_there_makes_none(house: House, client: Client) -> None:
    await problem(await client.patch(f"{ROOMS}/none", json={}, headers=OPERATOR), 404)
    assert house.rooms.all() == []


async def test_stop_rotate_kick_and_delete(house: House, client: Client) -> None:
    key = (await put(client))["stream_key"]
    host = house.publish(key, 5)
    kicked = await body_of(await client.post(f"{ROOMS}/demo/kick", headers=OPERATOR))
    assert (kicked["state"], kicked["publisher"]) == ("slate", None)
    assert len(host.reasons) == 1
    rotated = await body_of(await client.post(f"{ROOMS}/demo/rotate-key", headers=OPERATOR))
    assert rotated["stream_key"] != key
    stopped = await body_of(await client.post(f"{ROOMS}/demo/stop", headers=OPERATOR))
    assert (stopped["state"], stopped["broadcast"]) == ("stopped", None)
    deleted = await client.delete(f"{ROOMS}/demo", headers=OPERATOR)
    assert (deleted.status, await deleted.read()) == (204, b"")
    await problem(await client.get(f"{ROOMS}/demo"), 404)
    await problem(await client.delete(f"{ROOMS}/demo", headers=OPERATOR), 404)


async def test_kicking_nobody_is_a_conflict(house: House, client: Client) -> None:
    house.open()
    assert "nobody publishes" in await problem(await client.post(f"{ROOMS}/demo/kick", headers=OPERATOR), 409)


@pytest.mark.parametrize(
    "body",
    [
        b'{"filter": ["bleep"]}',
        b'{"title": "x", "delay": 31}',
        b'{"delay": -1}',
        b'{"delay": "auto"}',
        b'{"filters": "see"}',
        b'{"filters": [1]}',
        b'{"filters": ["unheard-of"]}',
        b'{"filters": ["see", "detect:ahead=31"]}',
        b'{"filters": ["detect:ahead=4"], "delay": 3.9}',
        b'{"filters": ["see"], "ladder": "source"}',
        b'{"on_overrun": "skip"}',
        b'{"moderation_budget": 0.05}',
        b'{"moderation_budget": 65}',
        b'{"moderation_budget": "auto"}',
        b'{"title": 5}',
        b'{"title": ""}',
        b'{"private": "yes"}',
        b'{"ladder": "720p,720p"}',
        b'{"ladder": ["720p"]}',
        b'{"preset": "slow"}',
        b'{"loudness": -31}',
        b'{"loudness": "-16"}',
        b'{"loudness": "off"}',
        b'{"loudness": true}',
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b'{"title": "\\ud800"}',
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_setting_that_is_not_understood_is_refused_and_the_room_not_opened(
    house: House, client: Client, method: str, body: bytes
) -> None:
    """A room asked for with a filter must never start without it."""
    house.open()
    house.rooms.stop("demo")
    before = house.rooms.get("demo").row
    assert await problem(await client.request(method, f"{ROOMS}/demo", data=body, headers=OPERATOR), 400)
    assert house.rooms.get("demo").row == before
    if method == "PUT":
        await problem(await client.put(f"{ROOMS}/new", data=body, headers=OPERATOR), 400)
        assert len(house.rooms.all()) == 1


@pytest.mark.parametrize("name", ["UPPER", "a%20b", "a.b", "-a", "%00", "ä", "a" * 65, "%ff"])
async def test_a_bad_name_makes_no_room(house: House, client: Client, name: str) -> None:
    answer = await client.put(f"{ROOMS}/{name}", headers=OPERATOR)
    assert "cannot name a room" in await problem(answer, 400)
    assert house.rooms.all() == []


async def test_a_body_without_end_is_refused(client: Client) -> None:
    answer = await client.put(f"{ROOMS}/demo", data=b'{"title": "' + b"x" * 9_000_000 + b'"}', headers=OPERATOR)
    await problem(answer, 413)


async def test_a_disk_that_is_full_is_said_so(house: House, client: Client) -> None:
    house.publish(house.open(), 5)
    disk_full(house)
    for method, path in (("PUT", "new"), ("POST", "demo/rotate-key"), ("POST", "demo/stop"), ("DELETE", "demo")):
        answer = await client.request(method, f"{ROOMS}/{path}", headers=OPERATOR)
        assert "make it writable" in await problem(answer, 507)
    assert state_of(house) == State.STOPPED, "stop stops all the same"


# Moderation.


async def test_a_room_has_its_filters_in_their_order_and_tells_them_to_its_operator(client: Client) -> None:
    room = await put(client, filters=["detect:ahead=2.5", "see:words=hush"], on_overrun="stop")
    assert room["filters"] == [
        {"spec": "detect:ahead=2.5", "title": "detect", "role": "detector", "lookahead": 2.5},
        {"spec": "see:words=hush", "title": "see", "role": "video", "lookahead": 0},
    ]
    assert (room["delay"], room["on_overrun"], room["moderation"]) == (2.5, "stop", None)
    longer = await body_of(await client.patch(f"{ROOMS}/demo", json={"delay": 4}, headers=OPERATOR))
    assert (longer["delay"], len(longer["filters"]), longer["on_overrun"]) == (4, 2, "stop")
    auto = await body_of(await client.patch(f"{ROOMS}/demo", json={"delay": None}, headers=OPERATOR))
    assert auto["delay"] == 2.5
    bare = await body_of(await client.patch(f"{ROOMS}/demo", json={"filters": []}, headers=OPERATOR))
    assert (bare["filters"], bare["delay"]) == ([], 0)


async def test_a_budget_stays_until_it_is_changed_or_left_to_the_machine(client: Client) -> None:
    assert (await put(client, moderation_budget=0.5))["moderation_budget"] == 0.5
    assert (await put(client, title="Other"))["moderation_budget"] == 0.5
    assert (await put(client, moderation_budget=64))["moderation_budget"] == 64
    auto = await body_of(await client.patch(f"{ROOMS}/demo", json={"moderation_budget": None}, headers=OPERATOR))
    assert auto["moderation_budget"] is None


async def test_what_a_filter_is_to_hide_reaches_neither_the_public_nor_the_log(
    house: House, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    (house.data / "mine.py").write_text(
        "# see\n"
        "from filters import video_filter\n"
        "@video_filter\n"
        "def f(image, t, *, words: str): raise ValueError\n"
    )  # fmt: skip
    spec = f"{house.data}/mine.py:f:words=hush"
    with caplog.at_level(logging.DEBUG):
        key = (await put(client, filters=[spec]))["stream_key"]
        await client.patch(f"{ROOMS}/demo", json={"filters": [spec, "crash"]}, headers=OPERATOR)
        house.publish(key, 3)
        texts = [await (await client.get(path)).text() for path in (ROOMS, f"{ROOMS}/demo")]
        texts.append(Metrics(house.rooms, lambda _: 0).text().decode())
        async with client.get(f"{ROOMS}/demo/events") as stream:
            texts.append((await stream.content.readuntil(b"\n\n")).decode())
    assert '"covered"' in texts[0]
    assert "hush" not in caplog.text
    assert all("hush" not in text for text in texts)


async def test_a_filter_that_cannot_be_used_is_said_why_and_nothing_is_stored(house: House, client: Client) -> None:
    said = await problem(await client.put(f"{ROOMS}/demo", json={"filters": ["crash"]}, headers=OPERATOR), 400)
    assert "filter crash could not be checked" in said
    file = {"filters": ["/etc/other.py:f"]}
    assert "--filters DIR" in await problem(await client.put(f"{ROOMS}/demo", json=file, headers=OPERATOR), 400)
    assert house.rooms.all() == []


async def test_a_room_that_is_opened_again_has_its_filters_checked_again(house: House, client: Client) -> None:
    (house.data / "mine.py").write_text("detect")
    assert (await put(client, filters=[f"{house.data}/mine.py:f:ahead=2"]))["delay"] == 2
    (house.data / "mine.py").write_text("a mistake in line 7")
    assert (await put(client, title="Show"))["state"] == "waiting", "it is open: what runs goes on"
    await client.post(f"{ROOMS}/demo/stop", headers=OPERATOR)
    assert (await body_of(await client.patch(f"{ROOMS}/demo", json={"title": "Later"}, headers=OPERATOR)))["filters"]
    assert "line 7" in await problem(await client.put(f"{ROOMS}/demo", headers=OPERATOR), 400)
    assert state_of(house) == State.STOPPED
    (house.data / "mine.py").write_text("see")
    assert (await put(client))["delay"] == 0, "it is another now"


async def test_filters_that_were_changed_while_others_were_looked_at_win(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(client, filters=["see"])
    house.rooms.stop("demo")
    check, asked = Inspector.check, list[list[str]]()

    async def slowly(inspector: Inspector, specs: list[str]) -> tuple[FilterRow, ...]:
        asked.append(specs)
        if len(asked) == 1:
            house.rooms.set("demo", RoomSettings(), (FilterRow("hear", "audio"),))
        return await check(inspector, specs)

    monkeypatch.setattr(Inspector, "check", slowly)
    assert [has["spec"] for has in (await put(client))["filters"]] == ["hear"]
    assert asked == [["see"], ["hear"]]


async def test_a_room_is_covered_and_dumped_by_its_operator(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.open()
    done: list[object] = []
    monkeypatch.setattr(Room, "cover", lambda _, on: done.append(on))
    monkeypatch.setattr(Room, "dump", lambda _: done.append("dump"))
    for path, body in (("cover", {"on": True}), ("cover", {"on": False}), ("dump", None)):
        room = await body_of(await client.post(f"{ROOMS}/demo/{path}", json=body, headers=OPERATOR))
        assert room["name"] == "demo"
    assert done == [True, False, "dump"]
    for bad in ({}, {"on": "yes"}, {"on": True, "for": 5}):
        await problem(await client.post(f"{ROOMS}/demo/cover", json=bad, headers=OPERATOR), 400)
    await problem(await client.post(f"{ROOMS}/none/cover", json={"on": True}, headers=OPERATOR), 404)
    await problem(await client.post(f"{ROOMS}/none/dump", headers=OPERATOR), 404)


MODERATION = ModerationStats(
    held_seconds=4.0,
    held_bytes=3_000_000,
    covered="late",
    covered_seconds={"late": 2.5, "dump": 4.0},
    findings={"card-number": 3},
    broken_promises=1,
    detectors=(DetectorStats("look", 0.8), DetectorStats("look", 1.5), DetectorStats("mine.py:f", None)),
    pid=4712,
    rss=300 << 20,
    restarts=2,
    processors=0.7,
    asleep=True,
    faults=("mine.py, line 3: it failed",),
)


async def test_a_covered_room_is_listed_and_says_why_to_its_operator_alone(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.open()
    monkeypatch.setattr(Room, "state", State.COVERED)
    monkeypatch.setattr(Room, "covered", "late")
    monkeypatch.setattr(Room, "moderation", MODERATION)
    (listed,) = (await body_of(await client.get(ROOMS)))["rooms"]
    assert listed["state"] == "covered"
    assert set(listed) == PUBLIC_FIELDS
    room = await body_of(await client.get(f"{ROOMS}/demo", headers=OPERATOR))
    assert room["covered"] == "late"
    assert room["moderation"] == {
        **asdict(MODERATION),
        "detectors": [asdict(detector) for detector in MODERATION.detectors],
        "faults": ["mine.py, line 3: it failed"],
    }


async def test_the_moderation_log_of_a_room_is_told_to_its_operator(house: House) -> None:
    house.open()
    house.open("other")
    audit = Audit(house.data)
    audit.write("demo", Note("finding", 90_000, 180_000, "look", "picture", "card-number", "fill"), START)
    audit.write("other", Note("dump"), START)
    async with serving(house, audit=audit) as client:
        told = await body_of(await client.get(f"{ROOMS}/demo/moderation", headers=OPERATOR))
        await problem(await client.get(f"{ROOMS}/none/moderation", headers=OPERATOR), 404)
        assert told["notes"] == [
            {"at": "2023-11-14T22:13:20.000Z", "room": "demo", "what": "finding", "start": 1, "end": 2,
             "filter": "look", "kind": "picture", "category": "card-number", "effect": "fill"}
        ]  # fmt: skip
        await client.delete(f"{ROOMS}/demo", headers=OPERATOR)
        house.open()
        told = await body_of(await client.get(f"{ROOMS}/demo/moderation", headers=OPERATOR))
        assert told["notes"] == [], "another room of that name"


async def test_the_installed_filters_are_listed_with_what_they_say_of_themselves(client: Client) -> None:
    told = await body_of(await client.get(f"{BASE}/filters", headers=OPERATOR))
    assert [one["spec"] for one in told["filters"]] == ["see", "hear", "detect"]
    assert told["filters"][2]["description"] == {
        "name": "detect", "role": "detector", "summary": "Can detect.", "doc": "", "options": [], "lookahead": 1,
        "context": 0, "takes": ["picture"],
    }  # fmt: skip


async def test_filters_that_cannot_be_looked_at_are_no_fault_of_who_asks(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Inspector) -> None:
        raise InspectionError("the installed filters could not be checked")

    monkeypatch.setattr(Inspector, "known", fail)
    said = await problem(await client.get(f"{BASE}/filters", headers=OPERATOR), 503)
    assert said == "the installed filters could not be checked"


# Viewers.


async def beat(client: Client, viewer: str, room: str = "demo") -> Any:
    return await body_of(await client.post(f"{ROOMS}/{room}/heartbeat", json={"viewer": viewer}))


async def test_a_heartbeat_counts_a_viewer_and_tells_it_the_rooms_state(house: House, client: Client) -> None:
    house.open()
    assert (await beat(client, "a"))["viewers"] == 1
    assert (await beat(client, "a"))["viewers"] == 1
    room = await beat(client, "b")
    assert room["viewers"] == 2
    assert set(room) == PUBLIC_FIELDS
    assert (await body_of(await client.get(f"{ROOMS}/demo")))["viewers"] == 2


async def test_a_player_without_a_page_is_counted_by_its_playlists(house: House, client: Client) -> None:
    house.publish(house.open(), 5)
    for program in ("VLC", "VLC", "mpv"):
        await client.get(f"/hls/demo/{broadcast_of(house)}/source.m3u8", headers={"User-Agent": program})
    assert (await body_of(await client.get(f"{ROOMS}/demo")))["viewers"] == 2


async def test_who_watches_wakes_moderation_and_who_only_asks_does_not(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[str] = []
    house.open("other")
    house.publish(house.open(), 5)
    monkeypatch.setattr(Room, "watched", lambda room: came.append(room.name))
    await client.get(f"{ROOMS}/demo")
    await client.get(ROOMS, headers=OPERATOR)
    await client.get("/hls/other/master.m3u8")
    assert came == []
    await beat(client, "a", "other")
    await client.get("/hls/demo/master.m3u8")
    await client.get(f"/hls/demo/{broadcast_of(house)}/source.m3u8")
    assert came == ["other", "demo", "demo"]


async def test_viewers_are_told_that_moderation_was_asleep(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.open()
    for covered in Cause:
        monkeypatch.setattr(Room, "covered", covered)
        assert (await beat(client, "a"))["asleep"] is (covered is Cause.ASLEEP)


async def test_viewers_are_of_their_room(house: House, client: Client) -> None:
    house.open("a")
    house.open("b")
    await beat(client, "x", "a")
    assert (await beat(client, "y", "b"))["viewers"] == 1
    house.rooms.delete("a")
    house.open("a")
    await client.delete(f"{ROOMS}/b", headers=OPERATOR)
    assert (await put(client, "b"))["viewers"] == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'{"viewer": ""}', b'{"viewer": 5}', b'{"viewer": "a", "x": 1}', b'{"viewer": "%s"}' % (65 * b"a")],
)
async def test_a_heartbeat_that_is_none_is_refused(house: House, client: Client, body: bytes) -> None:
    house.open()
    await problem(await client.post(f"{ROOMS}/demo/heartbeat", data=body), 400)
    assert (await body_of(await client.get(f"{ROOMS}/demo")))["viewers"] == 0


# Server-Sent Events.


class Events:
    """A reader of a room's events."""

    def __init__(self, answer: ClientResponse) -> None:
        self.answer = answer

    async def next(self) -> Any:
        """The next state; None when the stream has ended."""
        async with asyncio.timeout(10):
            while True:
                try:
                    block = (await self.answer.content.readuntil(b"\n\n")).decode()
                except asyncio.IncompleteReadError:
                    return None
                if not block:
                    return None
                if match := re.fullmatch(r"event: state\ndata: (.*)\n\n", block):
                    return json.loads(match[1])
                assert block == ": ping\n\n"


async def test_events_tell_the_state_at_once_and_on_each_change(house: House, client: Client) -> None:
    key = house.open()
    async with client.get(f"{ROOMS}/demo/events") as answer:
        assert answer.content_type == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store"
        events = Events(answer)
        first = await events.next()
        assert set(first) == PUBLIC_FIELDS
        assert first == await body_of(await client.get(f"{ROOMS}/demo"))
        host = house.publish(key, 5)
        assert (await events.next())["state"] == "live"
        host.drop()
        assert (await events.next())["state"] == "slate"
        house.rooms.stop("demo")
        assert (await events.next())["state"] == "stopped"


async def test_events_have_the_operators_fields_with_the_token(house: House, client: Client) -> None:
    key = house.open()
    async with client.get(f"{ROOMS}/demo/events", headers=OPERATOR) as answer:
        events = Events(answer)
        first = await events.next()
        assert set(first) == OPERATOR_FIELDS
        assert first["stream_key"] == key
        host = house.publish(key)
        assert (await events.next())["publisher"]["address"] == host.address
        house.rooms.rotate_key("demo")
        assert (await events.next())["stream_key"] != key


async def test_events_end_when_the_room_is_deleted(house: House, client: Client) -> None:
    house.open()
    async with client.get(f"{ROOMS}/demo/events") as answer:
        events = Events(answer)
        await events.next()
        house.rooms.delete("demo")
        assert await events.next() is None


async def test_events_end_when_the_server_goes_down(house: House) -> None:
    house.open()
    patience = Patience()
    async with serving(house, patience) as client, client.get(f"{ROOMS}/demo/events") as answer:
        events = Events(answer)
        await events.next()
        patience.end()
        assert await events.next() is None


async def test_an_event_stream_without_news_is_kept_alive_and_tells_new_viewers(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_module, "_PING", 0.01)
    house.open()
    async with client.get(f"{ROOMS}/demo/events") as answer:
        events = Events(answer)
        assert (await events.next())["viewers"] == 0
        assert await answer.content.readuntil(b"\n\n") == b": ping\n\n"
        await beat(client, "a")
        assert (await events.next())["viewers"] == 1


async def test_a_change_while_a_state_is_being_written_is_not_lost(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.open()
    view = views.room_view
    changed = False

    def change_after(*args: Any) -> Any:
        nonlocal changed
        seen = view(*args)
        if not changed:
            changed = True
            house.rooms.stop("demo")
        return seen

    monkeypatch.setattr("serve.api.room_view", change_after)
    async with client.get(f"{ROOMS}/demo/events") as answer:
        events = Events(answer)
        assert (await events.next())["state"] == "waiting"
        assert (await events.next())["state"] == "stopped"


# Whatever goes wrong is a problem document.


@pytest.mark.parametrize("path", ["/", "/nothing", BASE, f"{ROOMS}/", f"{ROOMS}/demo/none", f"{BASE}/openapi"])
async def test_an_unknown_url_is_a_problem(client: Client, path: str) -> None:
    answer = await client.get(path)
    await problem(answer, 404)
    assert answer.headers["Cache-Control"] == "max-age=1"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", ROOMS, "GET, HEAD"),
        ("POST", f"{ROOMS}/demo", "DELETE, GET, HEAD, PATCH, PUT"),
        ("GET", f"{ROOMS}/demo/stop", "POST"),
        ("PUT", f"{BASE}/openapi.json", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_a_problem_that_names_the_right_ones(
    client: Client, method: str, path: str, allowed: str
) -> None:
    answer = await client.request(method, path)
    assert await problem(answer, 405) == f"{path} takes {allowed}"
    assert sorted(re.split(r",\s*", answer.headers["Allow"])) == allowed.split(", ")


@pytest.mark.parametrize(
    "error", [RuntimeError("inner secret"), TimeoutError("inner secret"), KeyError("inner secret")]
)
async def test_an_error_that_nobody_foresaw_tells_no_details(
    house: House, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(house.rooms, "get", fail)
    assert "secret" not in await problem(await client.get(f"{ROOMS}/demo"), 500)
    assert f"GET {ROOMS}/demo failed" in caplog.text
    await body_of(await client.get(ROOMS))


async def test_no_key_and_no_token_reaches_the_log(
    house: House, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        key = (await put(client))["stream_key"]
        house.publish(key, 5)
        rotated = await client.post(f"{ROOMS}/demo/rotate-key", headers=OPERATOR)
        new = (await body_of(rotated))["stream_key"]
        await client.get(f"{ROOMS}/none", headers=OPERATOR)
        await client.delete(f"{ROOMS}/demo", headers=OPERATOR)
    for secret in (key, new, TOKEN):
        assert secret not in caplog.text


# The document that describes it.


async def test_every_operation_is_described(client: Client) -> None:
    document = await body_of(await client.get(f"{BASE}/openapi.json"))
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Veilcast"
    assert document["info"]["version"]
    app = client.app
    assert app is not None
    served = {
        (route.method.lower(), route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith(BASE) and route.method != "HEAD"
    }
    described = {(method, path) for path, item in document["paths"].items() for method in item}
    assert described == served
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))


async def test_the_description_is_sound(client: Client) -> None:
    document = await body_of(await client.get(f"{BASE}/openapi.json"))
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["summary"]
            assert set(operation["responses"]) - {"200", "204"} == {"default"}
            assert ("security" in operation) is ((method.upper(), path.replace("{name}", "demo")) in OPERATIONS)
            named = {parameter["name"] for parameter in operation.get("parameters", [])}
            assert named == set(re.findall(r"\{(\w+)\}", path))
    refs = re.findall(r'"\$ref": ?"#/components/schemas/(\w+)"', json.dumps(document))
    assert set(refs) <= set(document["components"]["schemas"])
    schemas = document["components"]["schemas"]
    demo = {"sample"}  # only there
    assert set(schemas["RoomView"]["properties"]) == PUBLIC_FIELDS | demo
    assert set(schemas["OperatorRoomView"]["properties"]) == OPERATOR_FIELDS | demo | {"rtmps_url"}, "where it is taken"
    assert schemas["RoomSettings"]["additionalProperties"] is False
    assert set(schemas["RoomSettings"]["properties"]) == {
        "title", "ladder", "preset", "loudness", "private", "grace", "slate", "filters", "delay", "on_overrun",
        "moderation_budget",
    }  # fmt: skip


# Metrics.


async def test_metrics_name_public_rooms_alone_and_count_all(house: House) -> None:
    keys = [house.open("public"), house.open("secret", private=True)]
    for key in keys:
        house.publish(key, 2.5)
    text = Metrics(house.rooms, lambda room: {"public": 2, "secret": 3}[room]).text().decode()
    assert 'veilcast_rooms{state="slate"} 1.0' in text
    assert 'veilcast_rooms{state="live"} 1.0' in text
    assert "veilcast_viewers 5.0" in text
    assert 'veilcast_room_viewers{room="public"} 2.0' in text
    assert 'veilcast_room_state{room="public",state=' in text
    assert "secret" not in text
    assert all(key not in text for key in keys)


async def test_metrics_tell_how_workers_do(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.open("public")
    house.open("secret", private=True)
    assert "veilcast_workers 0.0" in Metrics(house.rooms, lambda _: 0).text().decode()
    monkeypatch.setattr(Room, "worker", FakeStats())
    text = Metrics(house.rooms, lambda _: 0).text().decode()
    for line in (
        "veilcast_workers 2.0",
        "veilcast_worker_rss_bytes 4.194304e+08",
        'veilcast_room_worker_rss_bytes{room="public"} 2.097152e+08',
        'veilcast_room_worker_restarts_total{room="public"} 1.0',
        'veilcast_room_packets_dropped_total{room="public"} 2.0',
        'veilcast_room_frames_dropped_total{room="public"} 3.0',
        'veilcast_room_frames_repeated_total{room="public"} 4.0',
        'veilcast_room_worker_processors{room="public"} 0.6',
    ):
        assert f"\n{line}\n" in text
    assert "secret" not in text


async def test_metrics_tell_how_moderation_does_and_never_of_what(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.open("public")
    house.open("secret", private=True)
    assert "veilcast_held_bytes 0.0" in Metrics(house.rooms, lambda _: 0).text().decode()
    monkeypatch.setattr(Room, "moderation", MODERATION)
    monkeypatch.setattr(Room, "state", State.COVERED)
    text = Metrics(house.rooms, lambda _: 0).text().decode()
    for line in (
        'veilcast_rooms{state="covered"} 2.0',
        "veilcast_held_bytes 6e+06",
        "veilcast_detector_rss_bytes 6.291456e+08",
        'veilcast_room_held_seconds{room="public"} 4.0',
        'veilcast_room_held_bytes{room="public"} 3e+06',
        'veilcast_room_clearance_lag_seconds{filter="look",room="public"} 1.5',
        'veilcast_room_covered_seconds_total{cause="late",room="public"} 2.5',
        'veilcast_room_findings_total{category="card-number",room="public"} 3.0',
        'veilcast_room_broken_promises_total{room="public"} 1.0',
        'veilcast_room_detector_rss_bytes{room="public"} 3.145728e+08',
        'veilcast_room_detector_restarts_total{room="public"} 2.0',
        'veilcast_room_detector_processors{room="public"} 0.7',
        'veilcast_room_detectors_asleep{room="public"} 1.0',
    ):
        assert f"\n{line}\n" in text
    assert text.count("veilcast_room_clearance_lag_seconds{") == 1, "none before its first clearance, none twice"
    assert "secret" not in text


async def test_answers_are_compressed_for_those_who_take_it(house: House, client: Client) -> None:
    for number in range(30):
        house.open(f"room-{number}")
    answer = await client.get(ROOMS, headers={**OPERATOR, "Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len((await body_of(answer))["rooms"]) == 30


async def test_a_view_is_made_of_values_alone(house: House, client: Client) -> None:
    """What the API says can be read back by anybody with the models."""
    house.publish(house.open(), 5)
    answer = await client.get(f"{ROOMS}/demo", headers=OPERATOR)
    room = msgspec.json.decode(await answer.read(), type=views.OperatorRoomView)
    assert room.name == "demo"


async def test_a_look_at_the_head_of_the_events_does_not_wait_for_them(house: House, client: Client) -> None:
    house.open()
    answer = await client.head(f"{ROOMS}/demo/events")
    assert (answer.status, answer.content_type) == (200, "text/event-stream")
