"""A room that transcodes: what becomes of its broadcast, and of its worker, when hosts and operators do what they do.

Pictures are tiny; each frame's grey tells its number.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from ingest.media import Codec, Kind, Track
from serve.config import Address, ServeConfig
from serve.gate import Gate
from serve.room import State, SystemClock
from serve.rooms import Rooms, RoomSettings
from serve.server import Server, StartError
from serve.store import StoreError
from tests.support.house import GRACE_SECONDS, START, House, broadcast_of, disk_full, in_row, no_slates, state_of
from tests.support.media import GREYS, SLATE, decode, image_file, make_clip, numbers_of
from tests.support.rtmp_client import RtmpClient
from tests.support.segments import Segment, check_full, check_rendition, segments_of
from tests.support.workers import Listener, Refuser, SlowWorker, Staff
from transcode.media import Cut, Init, SegmentStart, Slate, TimedPacket

CLIP = make_clip(seconds=20, fps=10, gop=10)
"""Cheap to encode, and its greys go on when it begins anew."""
PATIENCE = 20.0
PNG = image_file()
RUNG = "48p"
"""What ``auto`` makes of the clips' 64x48."""


def renditions(house: House, broadcast: str) -> list[str]:
    return list(dict.fromkeys(item.rendition for item in house.link.items[broadcast]))


def numbers_in(house: House, broadcast: str, rung: str = RUNG) -> list[int]:
    """The numbers painted into the frames that players got."""
    return numbers_of(house.link.items[broadcast], rung)


def runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Frames that count on, or stay SLATE, as (the first of them, how many)."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        first, count = found[-1] if found else (0, 0)
        if found and number == (SLATE if first == SLATE else (first + count) % GREYS):
            found[-1] = first, count + 1
        else:
            found.append((number, 1))
    return found


def seamless(house: House, broadcast: str, ended: bool = False) -> dict[str, list[Segment]]:
    """All renditions, none of which has a hole, a gap or a discontinuity, and all with the same numbers."""
    (start,) = (start for start in house.link.starts if start.broadcast == broadcast)
    items = house.link.items[broadcast]
    found = {name: segments_of(items, name) for name in renditions(house, broadcast)}
    for segments in found.values():
        check_rendition(segments, start.plan, ended)
        whole = [segment for segment in segments if segment.duration is not None]
        check_full(whole, start.plan)
        assert all(segment.parts for segment in whole), "a gap"
        assert not any(segment.discontinuity for segment in segments)
        assert len({segment.init.name for segment in segments if segment.init}) == 1
    # A rendition may be a number ahead: at the end, by a frame that the other's no longer reach.
    lists = [[segment.msn for segment in segments] for segments in found.values()]
    shortest = min(map(len, lists))
    assert all(numbers[:shortest] == lists[0][:shortest] for numbers in lists)
    assert all(len(numbers) <= shortest + 1 for numbers in lists)
    return found


def end_of(segments: list[Segment]) -> float:
    """How far a rendition has come (seconds of the timeline)."""
    return (segments[-1].start + segments[-1].listed) / segments[-1].timescale


def playlist(house: House, broadcast: str, rendition: str = RUNG) -> str:
    show = house.origin.show("demo", broadcast)
    assert show is not None
    return show.windows[rendition].text().plain.decode()


def loudest(house: House, broadcast: str, begin: float, end: float) -> float:
    """The highest sample that players hear between two moments of their own time (seconds)."""
    heard = [f.to_ndarray()[0] for f in decode(house.link.items[broadcast], "audio") if isinstance(f, av.AudioFrame)]
    return float(np.abs(np.concatenate(heard)[round(begin * 48000) : round(end * 48000)]).max())


def others() -> set[str]:
    """The tasks that run beside the test."""
    return {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}


async def eventually(condition: Callable[[], bool]) -> None:
    """Let the event loop turn until ``condition``: nothing here waits for anything but the loop."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError(others())


async def settled() -> None:
    """Let all happen that only waits for the event loop."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def key(house: House) -> str:
    """Of a room that transcodes."""
    return house.open(ladder="auto")


# A broadcast.


async def test_a_room_is_live_after_half_a_second(house: House, key: str) -> None:
    host = house.publish(key, 0.45)
    assert state_of(house) == State.WAITING
    assert house.link.starts == []
    host.send(0.1)
    assert state_of(house) == State.LIVE
    (start,) = house.link.starts
    assert (start.room, start.broadcast, start.started_at) == ("demo", broadcast_of(house), START)
    assert ([rung.name for rung in start.plan.rungs], start.plan.target_duration) == ([RUNG], 2)
    show = house.origin.current("demo")
    assert show is not None
    host.send(1)
    assert show.ready
    assert set(show.windows) == {RUNG, "audio"}


async def test_what_comes_before_the_first_keyframe_is_waited_out(house: House, key: str) -> None:
    clip = make_clip()
    host = house.connect(key, replace(clip, packets=clip.packets[20:]))
    host.announce()
    host.stamp = clip.packets[20].stamp
    host.send(4)
    broadcast = broadcast_of(house)
    seamless(house, broadcast)
    ((first, _),) = runs(numbers_in(house, broadcast))
    assert 60 <= first <= 63


async def test_a_number_is_in_the_store_before_a_player_sees_it(
    house: House, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    part = house.link.part

    def look(broadcast: str, item: object) -> None:
        if isinstance(item, SegmentStart):
            row = house.store.running_broadcast("demo")
            assert row is not None
            seen.append((item.msn, row.number))
        part(broadcast, item)  # type: ignore[arg-type]

    monkeypatch.setattr(house.link, "part", look)
    host = house.publish(key, 3, clip=CLIP)
    host.drop()
    house.pass_time(3)
    assert len(seen) >= 8
    assert all(stored >= msn for msn, stored in seen)


async def test_every_frame_of_the_host_is_there_in_order(house: House) -> None:
    key = house.open(ladder="150p,120p")
    house.publish(key, 4, clip=make_clip(size=(200, 150), fps=10))
    broadcast = broadcast_of(house)
    assert set(seamless(house, broadcast)) == {"150p", "120p", "audio"}
    for rung in ("150p", "120p"):
        ((first, count),) = runs(numbers_in(house, broadcast, rung))
        assert first <= 3
        assert count >= 36


async def test_a_worker_is_told_the_tracks_first_and_then_all_that_the_opening_held(tmp_path: Path) -> None:
    staff = Staff(Listener)
    house = House(tmp_path, staff)
    house.publish(house.open(ladder="auto"), 1)
    (worker,) = staff.hired
    assert isinstance(worker, Listener)
    assert [type(item) for item in worker.fed[:4]] == [Track, Track, Slate, Cut]
    pictures = [item for item in worker.fed if isinstance(item, TimedPacket) and item.kind is Kind.VIDEO]
    assert len(pictures) == 30
    assert pictures[0].keyframe


async def test_a_worker_is_told_of_the_slate_and_of_each_change(tmp_path: Path) -> None:
    staff = Staff(Listener)
    house = House(tmp_path, staff)
    house.publish(house.open(ladder="auto", title="Evening show"), 3)
    (worker,) = staff.hired
    assert isinstance(worker, Listener)

    def slates() -> list[tuple[str, bytes]]:
        return [(item.title, item.image) for item in worker.fed if isinstance(item, Slate)]

    assert slates() == [("Evening show", b"")]
    house.rooms.set("demo", RoomSettings(private=True, grace=60))
    assert len(slates()) == 1
    house.rooms.set("demo", RoomSettings(title="Late show", slate=PNG))
    house.rooms.set("demo", RoomSettings(slate=b""))
    assert slates()[1:] == [("Late show", PNG), ("Late show", b"")]
    assert all(item.line for item in worker.fed if isinstance(item, Slate))


async def test_a_worker_after_a_restart_is_told_of_the_slate(tmp_path: Path) -> None:
    staff = Staff(Listener)
    house = House(tmp_path, staff)
    house.publish(house.open(ladder="auto", title="Evening show", slate=PNG), 3)
    house.restart()
    worker = staff.hired[-1]
    assert isinstance(worker, Listener)
    assert [item.image for item in worker.fed if isinstance(item, Slate)] == [PNG]


# Hosts come and go.


async def test_while_a_host_is_away_the_picture_is_the_slate_and_there_is_no_gap(house: House, key: str) -> None:
    host = house.publish(key, 4, clip=CLIP)
    broadcast = broadcast_of(house)
    host.drop()
    house.pass_time(8)
    assert state_of(house) == State.SLATE
    found = seamless(house, broadcast)
    for segments in found.values():
        assert end_of(segments) == pytest.approx(12, abs=1), "players are not left behind"
    (first, shown), *still, (slate, _) = runs(numbers_in(house, broadcast))
    assert (first, slate) == (0, SLATE)
    assert shown == 40
    assert still == [(39, 1)] * len(still), "the last picture stays until the host is away"
    assert 8 <= len(still) <= 14
    assert "EXT-X-GAP" not in playlist(house, broadcast)


async def test_a_host_that_comes_back_goes_on_in_its_broadcast(house: House, key: str) -> None:
    house.publish(key, 4, clip=CLIP).drop()
    broadcast = broadcast_of(house)
    house.pass_time(8)
    house.publish(key, 4, clip=CLIP)
    assert state_of(house) == State.LIVE
    assert len(house.link.starts) == 1
    found = seamless(house, broadcast)
    shown = runs(numbers_in(house, broadcast))
    before, *_, slate, after = shown
    assert (before[0], slate[0]) == (0, SLATE)
    assert after[0] <= 1
    assert sum(count for _, count in shown) == pytest.approx(160, abs=2)
    assert end_of(found[RUNG]) == pytest.approx(16, abs=0.5)


async def test_a_host_whose_connection_blinks_leaves_no_slate(house: House, key: str) -> None:
    house.publish(key, 3, clip=CLIP).drop()
    house.pass_time(0.5)
    house.publish(key, 3, clip=CLIP)
    assert all(first != SLATE for first, _ in runs(numbers_in(house, broadcast_of(house))))
    seamless(house, broadcast_of(house))


async def test_viewers_of_a_silent_host_have_the_slate_too(house: House, key: str) -> None:
    host = house.publish(key, 4, clip=CLIP)
    house.pass_time(6)
    assert state_of(house) == State.SLATE
    host.skip(6)
    host.send(4)
    assert state_of(house) == State.LIVE
    assert len(house.link.starts) == 1
    seamless(house, broadcast_of(house))
    (_, before), (slate, count), (after, _) = runs(numbers_in(house, broadcast_of(house)))
    assert (before, slate, after) == (40, SLATE, (40 + count) % GREYS)
    assert 60 <= count <= 61


async def test_a_host_whose_picture_stops_is_heard_on(house: House, key: str) -> None:
    """The slate is for when nothing comes: as long as there is sound the last picture stays."""
    kept = tuple(p for p in CLIP.packets if p.kind is Kind.AUDIO or not 4000 <= p.stamp < 12_000)
    host = house.publish(key, 9, clip=replace(CLIP, packets=kept))
    assert state_of(house) == State.LIVE
    assert loudest(house, broadcast_of(house), 7, 8) > 0.05
    host.send(7)
    found = seamless(house, broadcast_of(house))
    assert end_of(found[RUNG]) == pytest.approx(16, abs=0.6)
    shown = numbers_in(house, broadcast_of(house))
    assert SLATE not in shown
    assert shown[40:118] == [39] * 78


@pytest.mark.parametrize("every", [1, 2])
async def test_a_screen_share_that_sends_seldom_never_gives_way_to_the_slate(
    house: House, key: str, every: int
) -> None:
    house.publish(key, 3, clip=CLIP)
    clip = make_clip(seconds=10, fps=10, gop=1, audio=False)
    host = house.publish(key, clip=replace(clip, packets=clip.packets[:: 10 * every]))
    host.send(0.1)
    for _ in range(10):
        host.send(1)
        assert state_of(house) == State.LIVE
    assert SLATE not in numbers_in(house, broadcast_of(house))
    seamless(house, broadcast_of(house))
    house.pass_time(3)
    assert state_of(house) == State.SLATE


async def test_what_a_host_sends_late_is_not_shown_late(house: House, key: str) -> None:
    """A line is cut for six seconds: what the host had to hold back comes at once, and then the host is live again."""
    host = house.publish(key, 4, clip=CLIP)
    house.pass_time(6)
    host.send_at_once(6)
    host.send(4)
    assert state_of(house) == State.LIVE
    found = seamless(house, broadcast_of(house))
    assert end_of(found[RUNG]) == pytest.approx(14, abs=0.6), "nothing ran ahead of the clock"
    (_, before), (slate, count), (after, _) = runs(numbers_in(house, broadcast_of(house)))
    assert (before, slate) == (40, SLATE)
    assert 59 <= count <= 61
    assert after == (40 + count) % GREYS, "what is shown next is what the host does now"


async def test_a_broadcast_that_nobody_comes_back_to_is_over(house: House, key: str) -> None:
    house.publish(key, 2, clip=CLIP).drop()
    broadcast = broadcast_of(house)
    house.pass_time(GRACE_SECONDS - 1)
    await settled()
    assert house.link.ended == []
    house.pass_time(3)
    await settled()
    assert house.link.ended == [broadcast]
    assert (house.rooms.get("demo").broadcast, house.rooms.get("demo").worker) == (None, None)
    found = seamless(house, broadcast, ended=True)
    assert end_of(found["audio"]) == pytest.approx(end_of(found[RUNG]), abs=0.15), "all renditions end together"
    assert all(playlist(house, broadcast, name).endswith("#EXT-X-ENDLIST\n") for name in found)
    house.publish(key, 2, clip=CLIP)
    assert broadcast_of(house) != broadcast
    assert house.link.numbers(broadcast_of(house), RUNG)[0] == 1


async def test_a_takeover_has_no_seam_whatever_the_new_host_sends(house: House, key: str) -> None:
    old = house.publish(key, 3, clip=CLIP, prompt=False)
    old_sink = old.sink
    new = house.publish(key, 0.5, clip=make_clip(size=(128, 96), fps=25, gop=50, sample_rate=44100))
    assert old_sink is not None
    old_sink.packet(old.clip.packets[0])
    new.send(3)
    broadcast = broadcast_of(house)
    assert old.reasons == ["another publisher took over with the same stream key"]
    assert len(house.link.starts) == 1
    found = seamless(house, broadcast)
    assert end_of(found[RUNG]) == pytest.approx(6.5, abs=0.5)
    sizes = {(frame.width, frame.height) for frame in decode(house.link.items[broadcast], RUNG)}  # type: ignore[union-attr]
    assert sizes == {(64, 48)}


# Tracks.


async def test_sound_that_comes_late_has_its_place(house: House, key: str) -> None:
    host = house.publish(key, 3, clip=make_clip(audio=False))
    broadcast = broadcast_of(house)
    assert set(seamless(house, broadcast)) == {RUNG, "audio"}
    loud = make_clip()
    host.clip, host.sent = loud, next(i for i, packet in enumerate(loud.packets) if packet.stamp >= host.stamp)
    assert loud.audio is not None
    host.announce(loud.audio)
    host.send(4)
    assert len(house.link.starts) == 1
    seamless(house, broadcast)
    assert loudest(house, broadcast, 0.0, 2.0) < 0.001
    assert loudest(house, broadcast, 4.0, 6.0) > 0.1


async def test_a_picture_that_begins_after_sound_alone_begins_another_broadcast(house: House, key: str) -> None:
    full = make_clip()
    sound = tuple(packet for packet in full.packets if packet.kind is Kind.AUDIO)
    host = house.connect(key, replace(full, packets=sound))
    assert full.audio is not None
    assert full.video is not None
    host.announce(full.audio)
    host.send(3)
    first = broadcast_of(house)
    assert list(seamless(house, first)) == ["audio"]
    host.clip, host.sent = full, next(i for i, packet in enumerate(full.packets) if packet.stamp >= host.stamp)
    host.announce(full.video)
    host.send(5)
    await settled()
    second = broadcast_of(house)
    assert (house.link.ended, len(house.link.starts)) == ([first], 2)
    assert set(seamless(house, second)) == {RUNG, "audio"}
    seamless(house, first, ended=True)
    assert state_of(house) == State.LIVE


@pytest.mark.parametrize(("video", "audio"), [(True, False), (False, True)], ids=["no sound", "no picture"])
async def test_a_host_that_lacks_a_track_is_stood_in_for(house: House, key: str, video: bool, audio: bool) -> None:
    house.publish(key, 3, clip=CLIP)
    broadcast = broadcast_of(house)
    house.publish(key, 5, clip=make_clip(video=video, audio=audio))
    assert state_of(house) == State.LIVE
    assert len(house.link.starts) == 1
    found = seamless(house, broadcast)
    assert all(end_of(segments) == pytest.approx(8, abs=0.7) for segments in found.values())


@pytest.mark.parametrize("kind", list(Kind))
async def test_a_damaged_track_is_left_out_and_the_host_is_told(house: House, key: str, kind: Kind) -> None:
    clip = make_clip()
    good = clip.audio if kind is Kind.VIDEO else clip.video
    assert good is not None
    host = house.connect(key, clip)
    host.announce(Track(kind, Codec.H264 if kind is Kind.VIDEO else Codec.AAC, b"\x01"), good)
    host.send(4)
    (warning,) = house.rooms.get("demo").warnings
    assert warning.startswith(f"the {kind} is left out: ")
    expected = {"audio"} if kind is Kind.VIDEO else {RUNG, "audio"}
    assert set(seamless(house, broadcast_of(house))) == expected


# Settings.


CHANGES = [
    RoomSettings(ladder="120p"),
    RoomSettings(ladder="source"),
    RoomSettings(preset="balanced"),
    RoomSettings(loudness=-16.0),
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
async def test_another_encoding_begins_another_broadcast_at_once(house: House, key: str, change: RoomSettings) -> None:
    host = house.publish(key, 2.5, clip=CLIP)
    first = broadcast_of(house)
    house.rooms.set("demo", change)
    assert state_of(house) == State.WAITING
    await settled()
    assert house.link.ended == [first]
    assert playlist(house, first).endswith("#EXT-X-ENDLIST\n")
    host.send(3.5)
    assert state_of(house) == State.LIVE
    assert len(house.link.starts) == 2
    plan = house.link.starts[-1].plan
    assert plan.sound is not None
    assert (plan.preset, plan.sound.loudness) == (change.preset or "fast", change.loudness or None)
    assert plan.transcoded is (change.ladder != "source")
    seamless(house, first, ended=True)


@pytest.mark.parametrize("change", CHANGES, ids=str)
async def test_settings_that_change_during_an_opening_are_those_of_the_broadcast(
    house: House, key: str, change: RoomSettings
) -> None:
    host = house.publish(key, 0.3, clip=CLIP)
    house.rooms.set("demo", change)
    host.send(3.5)
    (start,) = house.link.starts
    assert (start.plan.preset, start.plan.transcoded) == (change.preset or "fast", change.ladder != "source")
    assert state_of(house) == State.LIVE


async def test_settings_that_say_the_same_or_nothing_of_the_encoding_disturb_nothing(house: House, key: str) -> None:
    host = house.publish(key, 2, clip=CLIP)
    house.open(ladder="auto", title="New", private=True)
    house.rooms.set("demo", RoomSettings(preset="fast", loudness=None))
    host.send(2)
    assert len(house.link.starts) == 1
    seamless(house, broadcast_of(house))


async def test_settings_may_change_while_the_host_is_away(house: House, key: str) -> None:
    house.publish(key, 2, clip=CLIP).drop()
    first = broadcast_of(house)
    house.pass_time(3)
    house.rooms.set("demo", RoomSettings(loudness=-20))
    house.pass_time(2)
    await settled()
    assert house.link.ended == [first]
    assert house.rooms.get("demo").broadcast is None
    house.publish(key, 2, clip=CLIP)
    assert house.link.starts[-1].plan.sound == replace(house.link.starts[0].plan.sound, loudness=-20)  # type: ignore[type-var]


# The end, while last parts are still being made.


@pytest.fixture
def staff() -> Staff:
    """Workers that take their time."""
    return Staff(SlowWorker)


@pytest.fixture
async def slow(tmp_path: Path, staff: Staff) -> House:
    """A house whose workers take their time."""
    return House(tmp_path, staff)


def worker(staff: Staff, number: int = -1) -> SlowWorker:
    hired = staff.hired[number]
    assert isinstance(hired, SlowWorker)
    return hired


async def test_viewers_get_the_last_parts_and_then_endlist(slow: House, staff: Staff) -> None:
    slow.publish(slow.open(ladder="auto"), 3, clip=CLIP)
    broadcast = broadcast_of(slow)
    worker(staff).hand_out()
    slow.rooms.stop("demo")
    assert state_of(slow) == State.STOPPED
    await settled()
    assert slow.link.ended == []
    had = len(slow.link.items[broadcast])
    worker(staff).be_done()
    await settled()
    assert slow.link.ended == [broadcast]
    assert len(slow.link.items[broadcast]) > had
    found = seamless(slow, broadcast, ended=True)
    assert end_of(found[RUNG]) == pytest.approx(3, abs=0.2)
    assert others() == set()


async def test_a_room_opened_again_does_not_wait_for_its_last_show_to_end(slow: House, staff: Staff) -> None:
    key = slow.open(ladder="auto")
    slow.publish(key, 2, clip=CLIP)
    first = broadcast_of(slow)
    slow.rooms.stop("demo")
    slow.open(ladder="auto")
    slow.publish(key, 2, clip=CLIP)
    second = broadcast_of(slow)
    worker(staff, 1).hand_out()
    worker(staff, 0).be_done()
    await settled()
    assert slow.link.ended == [first]
    current = slow.origin.current("demo")
    assert current is not None
    assert current.start.broadcast == second
    assert "ENDLIST" not in playlist(slow, second)
    seamless(slow, second)


async def test_nothing_comes_after_endlist(slow: House, staff: Staff) -> None:
    slow.publish(slow.open(ladder="auto"), 2, clip=CLIP)
    broadcast = broadcast_of(slow)
    slow.rooms.stop("demo")
    late = worker(staff)
    late._done.set()  # given up
    await settled()
    assert slow.link.ended == [broadcast]
    assert late.hand_out() > 0
    assert slow.link.items[broadcast] == []


async def test_nothing_reaches_the_origin_of_a_room_that_is_deleted(slow: House, staff: Staff) -> None:
    slow.publish(slow.open(ladder="auto"), 2, clip=CLIP)
    broadcast = broadcast_of(slow)
    slow.rooms.set("demo", RoomSettings(preset="balanced"))  # one broadcast ends, and another runs
    slow.rooms.delete("demo")
    assert slow.link.forgotten == ["demo"]
    late = worker(staff)
    assert late.hand_out() > 0
    late.be_done()
    await eventually(lambda: others() == set())
    assert slow.link.items[broadcast] == []
    assert slow.link.ended == []


async def test_the_worker_of_a_deleted_room_is_ended_at_once(slow: House, staff: Staff) -> None:
    """What it still makes is wanted by nobody."""
    slow.publish(slow.open(ladder="auto"), 2, clip=CLIP)
    slow.rooms.delete("demo")
    await eventually(lambda: others() == set())
    assert worker(staff).closed


async def test_a_room_of_the_same_name_knows_nothing_of_the_deleted_one(slow: House, staff: Staff) -> None:
    slow.publish(slow.open(ladder="auto"), 2, clip=CLIP)
    slow.rooms.delete("demo")
    slow.publish(slow.open(ladder="auto"), 2, clip=CLIP)
    broadcast = broadcast_of(slow)
    worker(staff, 0).be_done()
    worker(staff, 1).hand_out()
    await settled()
    assert slow.link.ended == []
    seamless(slow, broadcast)


@pytest.mark.parametrize("also", ["live", "ending", "deleted"])
async def test_a_server_that_goes_down_leaves_no_worker_and_no_task(slow: House, staff: Staff, also: str) -> None:
    slow.publish(slow.open("one", ladder="auto"), 1, clip=CLIP)
    slow.publish(slow.open("two", ladder="auto"), 1, clip=CLIP)
    if also == "ending":
        slow.rooms.stop("two")
    elif also == "deleted":
        slow.rooms.delete("two")
    running = broadcast_of(slow, "one")
    slow.rooms.disconnect_all("the server is going down")
    await slow.rooms.drop()
    await eventually(lambda: others() == set())
    assert all(worker(staff, number).closed for number in (0, 1))
    assert worker(staff, 0).hand_out() > 0
    assert slow.link.items[running] == []
    assert slow.link.ended == []
    row = slow.store.running_broadcast("one")
    assert row is not None
    assert row.id == running, "the next start goes on with it"


async def test_a_room_stops_though_the_disk_is_full(house: House, key: str) -> None:
    house.publish(key, 2, clip=CLIP)
    disk_full(house)
    with pytest.raises(StoreError):
        house.rooms.stop("demo")
    await settled()
    assert len(house.link.ended) == 1


async def test_a_server_that_cannot_start_leaves_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path)
    house.restart(away=(SystemClock().wall() - START) / 1000)  # now
    house.publish(house.open(ladder="auto"), 2, clip=CLIP)
    house.store.close()
    staff = Staff(SlowWorker)
    monkeypatch.setattr("serve.server._worker", staff)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = Address("127.0.0.1", other.getsockname()[1])
        with pytest.raises(StartError):
            await Server(ServeConfig(tmp_path, Address("127.0.0.1", 0), taken)).start()
    assert worker(staff).closed
    assert others() == set()


# Workers that fail.


async def test_viewers_get_endlist_though_the_worker_cannot_finish(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    staff = Staff(Refuser)
    house = House(tmp_path, staff)
    house.publish(house.open(ladder="auto"), 1, clip=CLIP)
    broadcast = broadcast_of(house)
    house.rooms.stop("demo")
    await eventually(lambda: others() == set())
    assert house.link.ended == [broadcast]
    assert "the worker will not finish" in caplog.text


async def test_a_worker_that_takes_nothing_harms_no_connection_and_no_other_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    staff = Staff(Refuser)
    house = House(tmp_path, staff)
    bad, good = house.open("bad", ladder="auto"), house.open("good", ladder="source")
    gate = Gate(Rooms(house.store, house.link, SystemClock(), staff, no_slates, 2))
    address = await gate.listen(Address("127.0.0.1", 0))
    gate.start()
    clip = make_clip()
    try:
        hosts = [await RtmpClient.connect(address.host, address.port) for _ in range(2)]
        for host, stream in zip(hosts, (bad, good), strict=True):
            await host.publish(stream)
            host.send(*clip.tracks, *clip.packets)
            await host.drain()
        rooms = {room.name: room for room in gate._rooms.all()}
        async with asyncio.timeout(PATIENCE):
            while len(house.link.starts) < 2:
                await asyncio.sleep(0.01)
            running = next(start for start in house.link.starts if start.room == "good")
            hosts[1].abort()
            while rooms["good"].publisher is not None:
                await asyncio.sleep(0.01)
            before = len(house.link.numbers(running.broadcast))
            while len(house.link.numbers(running.broadcast)) == before:  # by ticks
                await asyncio.sleep(0.01)
        assert rooms["bad"].publisher is not None
        assert len([record for record in caplog.records if "room bad" in record.getMessage()]) == 1
    finally:
        for host in hosts:
            await host.close()
        await gate.close()


# Restarts.


async def test_a_restarted_server_goes_on_with_numbers_time_and_grid(house: House, key: str) -> None:
    house.publish(key, 5, clip=CLIP)
    broadcast = broadcast_of(house)
    before = seamless(house, broadcast)
    house.restart(away=5)
    assert (broadcast_of(house), state_of(house)) == (broadcast, State.SLATE)
    house.publish(key, 5, clip=CLIP)
    after = seamless(house, broadcast)
    assert set(after) == set(before)
    for name, segments in after.items():
        assert segments[0].msn > before[name][-1].msn
        assert segments[0].start / segments[0].timescale == pytest.approx(10, abs=0.1)
        assert segments[0].init == before[name][0].init
    frame = after[RUNG][0].timescale // 10
    assert all(segment.start % frame == 0 for segment in after[RUNG])
    assert [b.start - a.start for a, b in pairwise(after[RUNG])] == [20 * frame] * (len(after[RUNG]) - 1)
    assert runs(numbers_in(house, broadcast))[-1][0] == 0


async def test_players_have_a_picture_after_a_restart_even_without_a_host(house: House, key: str) -> None:
    house.publish(key, 2, clip=CLIP)
    broadcast = broadcast_of(house)
    house.restart(away=3)
    house.pass_time(4)
    seamless(house, broadcast)
    show = house.origin.current("demo")
    assert show is not None
    assert show.ready
    assert set(numbers_in(house, broadcast)) == {SLATE}


async def test_a_host_that_came_with_another_picture_after_a_restart_goes_on_in_the_same_size(
    house: House, key: str
) -> None:
    house.publish(key, 2, clip=CLIP)
    broadcast = broadcast_of(house)
    inits = {item.name for item in house.link.items[broadcast] if isinstance(item, Init)}
    house.restart(away=2)
    house.publish(key, 3, clip=make_clip(size=(96, 128), sample_rate=44100))
    assert broadcast_of(house) == broadcast
    seamless(house, broadcast)
    assert {item.name for item in house.link.items[broadcast] if isinstance(item, Init)} == inits


async def test_a_restart_at_any_moment_uses_no_number_and_no_time_twice(house: House, key: str) -> None:
    house.publish(key, 2, clip=CLIP)
    broadcast = broadcast_of(house)
    number, end = -1, 0.0
    for away in (0.1, 0.3, 0.1, 1.0, 0.4, 0.2):
        house.restart(away)
        house.publish(key, 1.7, clip=CLIP)
        assert broadcast_of(house) == broadcast
        segments = seamless(house, broadcast)[RUNG]
        assert segments[0].msn > number
        assert segments[0].start / segments[0].timescale >= end
        number, end = segments[-1].msn, end_of(segments)
    assert end == pytest.approx(house.clock.milliseconds / 1000, abs=0.5), "time is still the wall clock's"


# The host's own picture beside rungs.


@pytest.fixture
def mixed(house: House) -> str:
    """The key of a room with both."""
    return house.open(ladder="source,120p")


WIDE = (200, 150)


async def test_a_mixed_room_is_cut_on_the_hosts_keyframes(house: House, mixed: str) -> None:
    house.publish(mixed, 7, clip=make_clip(size=WIDE, gop=50))
    broadcast = broadcast_of(house)
    found = {name: segments_of(house.link.items[broadcast], name) for name in ("source", "120p", "audio")}
    for segments in found.values():
        starts = [segment.start / segment.timescale for segment in segments]
        assert all(b - a == pytest.approx(50 / 30, abs=0.025) for a, b in pairwise(starts[:4]))
    assert house.link.numbers(broadcast) == house.link.numbers(broadcast, "120p")
    for rung in ("source", "120p"):
        (run, *_) = runs(numbers_in(house, broadcast, rung))
        assert run[0] == 0
        assert run[1] >= 170


@pytest.mark.parametrize("audio", [True, False], ids=["with sound", "without sound"])
async def test_every_frame_of_a_mixed_room_is_in_both_pictures(house: House, mixed: str, audio: bool) -> None:
    house.publish(mixed, 4, clip=make_clip(size=WIDE, audio=audio))
    broadcast = broadcast_of(house)
    for rung in ("source", "120p"):
        ((first, count),) = runs(numbers_in(house, broadcast, rung))
        assert first == 0
        assert count >= 110
    assert house.link.numbers(broadcast) == [1, 2]


@pytest.mark.parametrize("coded", [True, False])
async def test_a_mixed_room_without_its_host_has_slates_or_gaps_in_one_picture_and_slates_in_the_other(
    house: House, mixed: str, coded: bool
) -> None:
    if not coded:
        house.slates = no_slates
    clip = make_clip(size=WIDE)
    house.publish(mixed, 4, clip=clip).drop()
    broadcast = broadcast_of(house)
    house.pass_time(8)
    house.publish(mixed, 4, clip=clip)
    assert len(house.link.starts) == 1
    (start,) = house.link.starts
    items = house.link.items[broadcast]
    for name in ("source", "120p", "audio"):
        segments = segments_of(items, name)
        check_rendition(segments, start.plan, ended=False)
        gaps = sum(segment.seconds for segment in segments if segment.duration is not None and not segment.parts)
        assert gaps == pytest.approx(8 if name == "source" and not coded else 0, abs=0.03)
    assert in_row(house.link.numbers(broadcast))
    assert house.link.numbers(broadcast) == house.link.numbers(broadcast, "120p")
    (_, before), (slate, _), (after, _) = runs(numbers_in(house, broadcast, "120p"))
    assert (before, slate) == (120, SLATE)
    assert after <= 1
    shown = [first for first, _ in runs(numbers_in(house, broadcast, "source"))]
    assert shown == ([0, SLATE, 0] if coded else [0, 0])


async def test_a_mixed_room_whose_host_brings_no_picture_begins_another_broadcast(house: House, mixed: str) -> None:
    house.publish(mixed, 5, clip=make_clip(size=WIDE))
    first = broadcast_of(house)
    house.publish(mixed, 7, clip=make_clip(video=False))
    await settled()
    assert house.link.ended == [first]
    assert list(seamless(house, broadcast_of(house))) == ["audio"]


async def test_a_mixed_room_goes_on_without_the_hosts_sound(house: House, mixed: str) -> None:
    house.publish(mixed, 5, clip=make_clip(size=WIDE))
    house.publish(mixed, 7, clip=make_clip(size=WIDE, audio=False))
    assert len(house.link.starts) == 1
    assert state_of(house) == State.LIVE
