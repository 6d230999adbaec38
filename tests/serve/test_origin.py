"""The origin's memory: shows by room and broadcast, running, ended and forgotten."""

import asyncio

import pytest

from serve import origin as origin_module
from serve.origin import Origin, Show
from serve.parts import BroadcastStart
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

HIGH = Rung("720p", 1280, 720, 1, 2_800_000)
LOW = Rung("480p", 854, 480, 1, 1_300_000)
OWN = Rung("source", 1280, 720, 1, 4_000_000)
SOUND = Sound(48000, 2, 100_000, True)
OWN_SOUND = Sound(48000, 2, 100_000, False)


def begin(
    origin: Origin, room: str, broadcast: str, rungs: tuple[Rung, ...] = (HIGH, LOW), sound: Sound | None = SOUND
) -> Show:
    plan = Plan(rungs, sound, FrameRate(30, 1), "balanced", 2, 21_334)
    origin.begin(BroadcastStart(room, broadcast, plan, 1_800_000_000_000, 0))
    show = origin.current(room)
    assert show is not None
    return show


def init(origin: Origin, broadcast: str, rendition: str, codecs: str = "", height: int = 720) -> None:
    made: VideoFormat | AudioFormat = VideoFormat(codecs or "avc1.64001f", height * 16 // 9, height, 30.0)
    if rendition == "audio":
        made = AudioFormat(codecs or "mp4a.40.2", 48000, 2)
    origin.part(broadcast, Init(rendition, "aa", b"init", made))


def segment(origin: Origin, broadcast: str, rendition: str, size: int = 1000, number: int = 0) -> None:
    """Two seconds of ``size`` bytes; none is a gap."""
    origin.part(broadcast, SegmentStart(rendition, number, number * 180_000, 90_000, False))
    if size:
        origin.part(broadcast, Part(rendition, number, 0, 180_000, True, bytes(size)))
    origin.part(broadcast, SegmentEnd(rendition, number, 180_000))


def lines(show: Show) -> list[str]:
    return show.multivariant().decode().splitlines()


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
    show = begin(origin, "demo", "b1")
    assert list(show.windows) == ["720p", "480p", "audio"]
    for rendition in show.windows:
        assert not show.ready
        init(origin, "b1", rendition)
        segment(origin, "b1", rendition)
    assert show.ready
    assert list(begin(origin, "silent", "b2", sound=None).windows) == ["720p", "480p"]
    assert list(begin(origin, "radio", "b3", rungs=()).windows) == ["audio"]


def test_a_show_is_not_ready_as_long_as_nobody_knows_what_a_rendition_is() -> None:
    """A gap needs no init segment."""
    origin = Origin()
    show = begin(origin, "demo", "b1", (HIGH,), None)
    segment(origin, "b1", "720p", size=0)
    assert not show.ready
    init(origin, "b1", "720p")
    assert show.ready


def test_variants_are_listed_best_first_with_what_they_promise() -> None:
    origin = Origin()
    show = begin(origin, "demo", "b1")
    for rendition, height in (("audio", 0), ("480p", 480), ("720p", 720)):
        init(origin, "b1", rendition, height=height)
    assert lines(show)[2:] == [
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
        'URI="b1/audio.m3u8"',
        '#EXT-X-STREAM-INF:BANDWIDTH=2987000,SCORE=2.0,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,'
        'FRAME-RATE=30.000,CLOSED-CAPTIONS=NONE,AUDIO="audio"',
        "b1/720p.m3u8",
        '#EXT-X-STREAM-INF:BANDWIDTH=1442000,SCORE=1.0,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=853x480,'
        'FRAME-RATE=30.000,CLOSED-CAPTIONS=NONE,AUDIO="audio"',
        "b1/480p.m3u8",
    ]


def test_bandwidth_is_what_was_promised_or_the_peak_of_picture_and_sound_if_that_is_higher() -> None:
    origin = Origin()
    show = begin(origin, "demo", "b1", (HIGH,))
    init(origin, "b1", "720p")
    init(origin, "b1", "audio")
    assert "BANDWIDTH=2987000," in lines(show)[4], "3 % more than the media alone"
    segment(origin, "b1", "720p", size=450_000)
    assert "AVERAGE-BANDWIDTH" not in lines(show)[4], "nothing is known of the sound"
    segment(origin, "b1", "audio", size=25_000)
    assert "BANDWIDTH=2987000,AVERAGE-BANDWIDTH=1900000," in lines(show)[4]
    segment(origin, "b1", "720p", size=1_000_000, number=1)
    segment(origin, "b1", "audio", size=25_000, number=1)
    assert "BANDWIDTH=4100000,AVERAGE-BANDWIDTH=3000000," in lines(show)[4]


def test_a_change_in_mid_broadcast_is_in_the_multivariant_playlist() -> None:
    origin = Origin()
    show = begin(origin, "demo", "b1", (OWN,), OWN_SOUND)
    init(origin, "b1", "source")
    init(origin, "b1", "audio")
    assert 'CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720' in lines(show)[3]
    init(origin, "b1", "source", "avc1.640028", 1080)
    assert 'CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1920x1080' in lines(show)[3]


@pytest.mark.parametrize(
    ("rungs", "sound", "claimed"),
    [
        ((HIGH, LOW), SOUND, True),
        ((OWN, LOW), SOUND, False),
        ((OWN,), OWN_SOUND, False),
        ((OWN,), None, False),
        ((), OWN_SOUND, False),
        ((), SOUND, True),
    ],
)
def test_segments_are_claimed_to_be_independent_only_where_we_cut_the_pictures_ourselves(
    rungs: tuple[Rung, ...], sound: Sound | None, claimed: bool
) -> None:
    origin = Origin()
    show = begin(origin, "demo", "b1", rungs, sound)
    for rendition in show.windows:
        init(origin, "b1", rendition)
    assert ("#EXT-X-INDEPENDENT-SEGMENTS" in lines(show)) is claimed


def test_sound_alone_is_a_variant_of_its_own() -> None:
    origin = Origin()
    show = begin(origin, "radio", "b1", (), OWN_SOUND)
    init(origin, "b1", "audio")
    segment(origin, "b1", "audio", size=25_000)
    assert lines(show)[2:] == [
        '#EXT-X-STREAM-INF:BANDWIDTH=103000,AVERAGE-BANDWIDTH=100000,SCORE=1.0,CODECS="mp4a.40.2"',
        "b1/audio.m3u8",
    ]


async def test_an_ended_broadcast_is_no_longer_current_but_can_be_played_out() -> None:
    origin = Origin()
    begin(origin, "demo", "b1")
    segment(origin, "b1", "720p")
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
