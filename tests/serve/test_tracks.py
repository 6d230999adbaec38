"""A room goes by what arrives: tracks that are promised and never come, come late, stop, return, or are said again."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from ingest.media import Kind, Packet
from serve.room import State
from tests.support.house import Host, House, broadcast_of, in_row, state_of
from tests.support.media import Clip, make_clip
from transcode.media import Init, SegmentStart

LADDERS = ["source", "auto"]


def only(clip: Clip, wanted: Callable[[Packet], bool]) -> Clip:
    """The clip with some of its packets, and both of its tracks."""
    return replace(clip, packets=tuple(filter(wanted, clip.packets)))


def change(host: Host, clip: Clip) -> None:
    """From here on the host sends ``clip``."""
    at = host.stamp % host.length
    turn = host.stamp // host.length
    host.clip = clip
    host.sent = turn * len(clip.packets) + sum(packet.stamp < at for packet in clip.packets)


def inits(house: House) -> list[str]:
    return [item.name for item in house.link.items[broadcast_of(house)] if isinstance(item, Init)]


# What metadata says.


@pytest.mark.parametrize("ladder", LADDERS)
@pytest.mark.parametrize(
    "values",
    [
        None,
        {},
        {"videocodecid": 7.0, "audiocodecid": 10.0},
        {"videocodecid": "avc1", "audiocodecid": "mp4a"},
        {"videocodecid": 0x68766331, "audiocodecid": 0x4F707573, "width": 3840.0, "height": 2160.0},
        {"videocodecid": None, "audiocodecid": [], "width": "wide", "framerate": "fast", "stereo": 7},
        {"framerate": 120.0, "audiosamplerate": 8000.0, "duration": -1.0},
        {"framerate": float("nan"), "encoder": {"name": "x"}},
    ],
    ids=["none", "empty", "right", "names", "another picture and sound", "nonsense", "wrong", "no numbers"],
)
async def test_tracks_are_what_arrives_whatever_metadata_says(
    house: House, ladder: str, values: Mapping[str, object] | None
) -> None:
    host = house.connect(house.open(ladder=ladder))
    assert host.sink is not None
    if values is not None:
        host.sink.metadata(values)
    host.announce()
    host.send(3.5)
    assert state_of(house) == State.LIVE
    (start,) = house.link.starts
    plain = house.publish(house.open("plain", ladder=ladder), 3.5)
    assert plain.sink is not None
    assert start.plan == house.link.starts[-1].plan


@pytest.mark.parametrize("ladder", LADDERS)
@pytest.mark.parametrize("missing", list(Kind))
@pytest.mark.parametrize("announced", [True, False])
async def test_what_is_promised_and_never_comes_is_waited_for_three_seconds(
    house: House, ladder: str, missing: Kind, announced: bool
) -> None:
    clip = make_clip()
    host = house.connect(house.open(ladder=ladder), only(clip, lambda packet: packet.kind is not missing))
    assert host.sink is not None
    host.sink.metadata({"videocodecid": 7.0, "audiocodecid": 10.0})
    host.announce(*(track for track in clip.tracks if announced or track.kind is not missing))
    host.send(3.1)
    assert state_of(house) == State.LIVE
    (start,) = house.link.starts
    assert (Kind.VIDEO if start.plan.rungs else Kind.AUDIO) is not missing


# Sound that comes and goes.


async def test_sound_half_a_minute_late_begins_another_broadcast_where_it_is_passed_on(house: House) -> None:
    clip = make_clip()
    host = house.publish(house.open(), 30, only(clip, lambda packet: packet.kind is Kind.VIDEO))
    change(host, clip)
    host.send(6)
    assert len(house.link.starts) == 2
    assert state_of(house) == State.LIVE
    assert house.link.starts[-1].plan.sound is not None
    assert in_row(house.link.numbers(broadcast_of(house), "audio"))


async def test_it_has_its_place_where_all_is_transcoded(house: House) -> None:
    clip = make_clip()
    host = house.publish(house.open(ladder="auto"), 30, only(clip, lambda packet: packet.kind is Kind.VIDEO))
    change(host, clip)
    host.send(6)
    assert len(house.link.starts) == 1
    assert state_of(house) == State.LIVE
    assert in_row(house.link.numbers(broadcast_of(house), "audio"))


@pytest.mark.parametrize("ladder", LADDERS)
@pytest.mark.parametrize("away", [1, 10])
async def test_sound_that_stops_and_returns_changes_nothing(house: House, ladder: str, away: int) -> None:
    clip = make_clip()
    host = house.publish(house.open(ladder=ladder), 6, clip)
    before = broadcast_of(house), inits(house)
    change(host, only(clip, lambda packet: packet.kind is Kind.VIDEO))
    host.send(away)
    assert state_of(house) == State.LIVE
    change(host, clip)
    host.send(6)
    assert state_of(house) == State.LIVE
    assert (broadcast_of(house), inits(house)) == before
    assert in_row(house.link.numbers(broadcast_of(house), "audio"))
    assert house.rooms.get("demo").warnings == []


# Said again.


@pytest.mark.parametrize("ladder", LADDERS)
async def test_a_configuration_that_is_said_again_has_no_effect(house: House, ladder: str) -> None:
    host = house.publish(house.open(ladder=ladder), 5)
    before = inits(house)
    for _ in range(3):
        host.announce()
        host.send(1.1)
    assert inits(house) == before
    items = house.link.items[broadcast_of(house)]
    assert not any(isinstance(item, SegmentStart) and item.discontinuity for item in items)
    assert len(house.link.starts) == 1


@pytest.mark.parametrize("ladder", LADDERS)
async def test_a_real_change_on_the_way_is_told_only_where_players_have_to_know(house: House, ladder: str) -> None:
    host = house.publish(house.open(ladder=ladder), 5)
    before = inits(house)
    larger = make_clip(size=(128, 96))
    change(host, larger)
    host.announce(*larger.tracks)
    host.send(6)
    broken = any(isinstance(i, SegmentStart) and i.discontinuity for i in house.link.items[broadcast_of(house)])
    assert len(house.link.starts) == 1
    assert broken == (ladder == "source")
    assert (inits(house) == before) == (ladder == "auto")
