"""The origin's memory: shows by room and broadcast, running, ended and forgotten."""

import asyncio

import pytest

from serve import origin as origin_module
from serve.origin import Origin
from serve.parts import BroadcastStart
from transcode.media import AudioFormat, Init, Part, Plan, SegmentEnd, SegmentStart, VideoFormat

VIDEO = VideoFormat("avc1.64001f", 1280, 720, 30.0)
AUDIO = AudioFormat("mp4a.40.2", 48000, 2)


def begin(origin: Origin, room: str, broadcast: str, audio: AudioFormat | None = AUDIO) -> None:
    plan = Plan(VIDEO, audio, 2, 21_334, bandwidth=1_000_000)
    origin.begin(BroadcastStart(room, broadcast, plan, 1_800_000_000_000, 0))


def segment(origin: Origin, broadcast: str, rendition: str, size: int = 1000) -> None:
    origin.part(broadcast, Init(rendition, "aa", b"init"))
    origin.part(broadcast, SegmentStart(rendition, 0, 0, 90_000, False))
    origin.part(broadcast, Part(rendition, 0, 0, 180_000, True, bytes(size)))
    origin.part(broadcast, SegmentEnd(rendition, 0, 180_000))


def test_a_broadcast_is_found_by_its_room_alone() -> None:
    origin = Origin()
    begin(origin, "demo", "b1")
    show = origin.show("demo", "b1")
    assert show is not None
    assert origin.current("demo") is show
    assert origin.current("other") is None
    assert origin.show("other", "b1") is None
    assert origin.show("demo", "b2") is None


def test_a_show_has_a_window_for_each_rendition_and_is_ready_when_all_are() -> None:
    origin = Origin()
    begin(origin, "demo", "b1")
    show = origin.current("demo")
    assert show is not None
    assert set(show.windows) == {"video", "audio"}
    segment(origin, "b1", "video")
    assert not show.ready
    segment(origin, "b1", "audio")
    assert show.ready
    begin(origin, "silent", "b2", audio=None)
    silent = origin.current("silent")
    assert silent is not None
    assert set(silent.windows) == {"video"}


def test_bandwidth_is_the_peak_of_both_tracks_and_never_less_than_was_measured_at_first() -> None:
    origin = Origin()
    begin(origin, "demo", "b1")
    show = origin.current("demo")
    assert show is not None
    assert b"BANDWIDTH=1000000," in show.multivariant()
    segment(origin, "b1", "video", size=500_000)
    segment(origin, "b1", "audio", size=25_000)
    assert b"BANDWIDTH=2100000," in show.multivariant()


async def test_an_ended_broadcast_is_no_longer_current_but_can_be_played_out() -> None:
    origin = Origin()
    begin(origin, "demo", "b1")
    segment(origin, "b1", "video")
    origin.end("b1")
    assert origin.current("demo") is None
    show = origin.show("demo", "b1")
    assert show is not None
    assert all(window.ended for window in show.windows.values())


async def test_the_end_of_an_older_broadcast_leaves_the_newer_one_alone() -> None:
    origin = Origin()
    begin(origin, "demo", "b1")
    begin(origin, "demo", "b2")
    origin.end("b1")
    current = origin.current("demo")
    assert current is not None
    assert current.start.broadcast == "b2"


async def gone(origin: Origin, room: str, broadcast: str) -> bool:
    async with asyncio.timeout(5):
        while origin.show(room, broadcast):
            await asyncio.sleep(0)
    return True


async def test_an_ended_broadcast_goes_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin_module, "_ENDED_KEPT", 0.0)
    origin = Origin()
    begin(origin, "demo", "b1")
    origin.end("b1")
    assert await gone(origin, "demo", "b1")


async def test_an_ended_broadcast_goes_though_another_room_was_deleted_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(origin_module, "_ENDED_KEPT", 0.0)
    origin = Origin()
    begin(origin, "demo", "b1")
    begin(origin, "other", "b2")
    origin.end("b1")
    origin.forget("other")
    assert await gone(origin, "demo", "b1")


async def test_nothing_of_a_deleted_room_is_served() -> None:
    origin = Origin()
    begin(origin, "demo", "b1")
    origin.end("b1")
    begin(origin, "demo", "b2")
    begin(origin, "other", "b3")
    origin.forget("demo")
    assert origin.current("demo") is None
    assert origin.show("demo", "b1") is None
    assert origin.show("demo", "b2") is None
    assert origin.current("other") is not None
