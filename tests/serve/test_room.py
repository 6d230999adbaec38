"""A room: what becomes of its broadcast when hosts come, go, fight, and send other things than before."""

from dataclasses import replace
from itertools import pairwise

import pytest

from ingest.media import Codec, Kind, Track
from ingest.source import Refused
from serve.room import FIGHT, TAKEOVERS, State
from serve.rooms import RoomSettings
from tests.support.codecs import clip
from tests.support.house import GRACE_SECONDS, START, House, broadcast_of, in_row, no_slates, state_of
from tests.support.media import make_clip, numbers_of
from transcode.media import TIMELINE, Init, Part, SegmentStart

# A broadcast.


async def test_a_room_is_live_once_the_first_group_of_pictures_is_whole(house: House) -> None:
    host = house.publish(house.open(), 1.9)
    assert state_of(house) == State.WAITING
    assert house.link.starts == []
    host.send(0.2)
    assert state_of(house) == State.LIVE
    (start,) = house.link.starts
    assert (start.room, start.broadcast, start.started_at) == ("demo", broadcast_of(house), START)
    show = house.origin.current("demo")
    assert show is not None
    host.send(0.2)
    assert show.ready


async def test_a_broadcast_is_numbered_from_one_and_tiles_time(house: House) -> None:
    house.publish(house.open(), 20)
    broadcast = broadcast_of(house)
    for rendition in ("source", "audio"):
        numbers = house.link.numbers(broadcast, rendition)
        assert numbers[0] == 1
        assert in_row(numbers)
        for (start, end), (following, _) in pairwise(house.link.segments(broadcast, rendition)):
            assert following.start == start.start + end.duration
    assert house.link.numbers(broadcast, "source") == house.link.numbers(broadcast, "audio")


async def test_a_number_is_in_the_store_before_a_player_sees_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    part = house.link.part

    def look(broadcast: str, item: object) -> None:
        if isinstance(item, SegmentStart):
            row = house.store.running_broadcast("demo")
            assert row is not None
            seen.append((item.msn, row.number))
        part(broadcast, item)  # type: ignore[arg-type]

    monkeypatch.setattr(house.link, "part", look)
    house.publish(house.open(), 9)
    assert len(seen) >= 8
    assert all(stored >= msn for msn, stored in seen)


async def test_two_rooms_do_not_know_each_other(house: House) -> None:
    a, b = house.open("a"), house.open("b")
    host = house.publish(b, 5)
    house.publish(a, 5)
    before = house.link.numbers(broadcast_of(house, "a"))
    host.drop()
    house.rooms.delete("b")
    assert state_of(house, "a") == State.LIVE
    assert house.link.numbers(broadcast_of(house, "a")) == before


# Hosts come and go.


async def test_a_host_that_comes_back_in_time_goes_on_in_its_broadcast(house: House) -> None:
    key = house.open()
    house.publish(key, 9).drop()
    broadcast = broadcast_of(house)
    house.pass_time(60)
    assert state_of(house) == State.SLATE
    assert house.rooms.get("demo").publisher is None
    house.publish(key, 9)
    assert state_of(house) == State.LIVE
    assert broadcast_of(house) == broadcast
    assert [start.broadcast for start in house.link.starts] == [broadcast]
    assert in_row(house.link.numbers(broadcast))
    assert house.link.numbers(broadcast, "source") == house.link.numbers(broadcast, "audio")
    items = house.link.items[broadcast]
    assert not any(isinstance(item, SegmentStart) and item.discontinuity for item in items)
    assert sum(isinstance(item, Init) for item in items) == 2, "nothing changed: the init segments stay"


async def test_time_goes_on_while_the_host_is_away(house: House) -> None:
    key = house.open()
    house.publish(key, 9).drop()
    house.pass_time(30)
    host = house.publish(key, 4.5)
    broadcast = broadcast_of(house)
    back = (house.clock.milliseconds - host.stamp) * 90
    assert any(start.start == pytest.approx(back, abs=9000) for start, _ in house.link.segments(broadcast))
    for (start, end), (following, _) in pairwise(house.link.segments(broadcast)):
        assert following.start == start.start + end.duration
        assert end.duration <= 4 * TIMELINE


async def test_playlists_never_stand_still_while_the_host_is_away(house: House) -> None:
    house.publish(house.open(), 9).drop()
    show = house.origin.current("demo")
    assert show is not None
    for _ in range(20):
        before = {name: window.edge for name, window in show.windows.items()}
        house.pass_time(3.5)
        assert all(window.edge > before[name] for name, window in show.windows.items())


async def test_a_host_that_stays_away_too_long_ends_its_broadcast(house: House) -> None:
    key = house.open()
    house.publish(key, 9).drop()
    broadcast = broadcast_of(house)
    house.pass_time(GRACE_SECONDS - 1)
    assert house.link.ended == []
    house.pass_time(3)
    assert house.link.ended == [broadcast]
    assert house.rooms.get("demo").broadcast is None
    assert state_of(house) == State.WAITING
    house.publish(key, 5)
    assert broadcast_of(house) != broadcast
    assert house.link.numbers(broadcast_of(house))[0] == 1


async def test_a_host_that_is_connected_but_silent_is_away(house: House) -> None:
    host = house.publish(house.open(), 9)
    house.pass_time(5)
    assert state_of(house) == State.SLATE
    host.stamp += 5000
    host.send(5)
    assert state_of(house) == State.LIVE
    assert len(house.link.starts) == 1


async def test_a_silent_host_that_outlasts_its_broadcast_begins_another(house: House) -> None:
    host = house.publish(house.open(), 9)
    house.pass_time(GRACE_SECONDS + 5)
    assert len(house.link.ended) == 1
    host.send(5)
    assert state_of(house) == State.LIVE
    assert len(house.link.starts) == 2


@pytest.mark.parametrize("prompt", [True, False])
async def test_the_newest_publisher_takes_over(house: House, prompt: bool) -> None:
    key = house.open()
    old = house.publish(key, 5, prompt=prompt)
    broadcast = broadcast_of(house)
    new = house.publish(key, 5)
    assert old.reasons == ["another publisher took over with the same stream key"]
    old.drop("at last")
    publisher = house.rooms.get("demo").publisher
    assert publisher is not None
    assert publisher.source is new
    assert state_of(house) == State.LIVE
    assert broadcast_of(house) == broadcast
    assert in_row(house.link.numbers(broadcast))


async def test_a_publisher_that_was_sent_away_is_not_heard_any_more(house: House) -> None:
    house.slates = no_slates
    key = house.open()
    old = house.publish(key, 5, prompt=False)
    house.connect(key)
    before = len(house.link.items[broadcast_of(house)])
    other = make_clip(size=(128, 96)).video
    assert other is not None
    old.announce(other)
    old.send(5)
    since = house.link.items[broadcast_of(house)][before:]
    assert not any(isinstance(item, Init | Part) for item in since[5:]), "nothing but gaps"


async def test_hosts_that_take_a_room_over_never_turn_a_number_back(house: House) -> None:
    key = house.open()
    house.publish(key, 5)
    for _ in range(10):
        house.publish(key, 0.7).drop()
        house.publish(key, 0.7)
        house.pass_time(12)
        house.publish(key, 0.7)
    house.publish(key, 5)
    assert in_row(house.link.numbers(broadcast_of(house)))
    segments = list(house.link.segments(broadcast_of(house)))
    assert all(following.start == start.start + end.duration for (start, end), (following, _) in pairwise(segments))


async def test_of_two_encoders_that_fight_the_one_on_air_stays(house: House) -> None:
    key = house.open()
    for _ in range(TAKEOVERS + 1):
        incumbent = house.publish(key, 3)
    for _ in range(20):  # the other one does not give up
        with pytest.raises(Refused, match="another encoder"):
            house.connect(key)
        incumbent.send(2)
    room = house.rooms.get("demo")
    assert incumbent.reasons == []
    assert state_of(house) == State.LIVE
    assert any("two encoders" in warning for warning in room.warnings)
    house.pass_time(0)
    incumbent.send(FIGHT / TIMELINE + 1)
    other = house.publish(key, 3)
    assert incumbent.reasons != []
    assert other.reasons == []
    assert room.warnings == []


async def test_a_fight_is_over_when_nobody_has_tried_for_a_while(house: House) -> None:
    key = house.open()
    for _ in range(TAKEOVERS + 1):
        incumbent = house.publish(key, 3)
    for _ in range(5):  # an encoder that tries more and more seldom is an encoder that tries
        with pytest.raises(Refused):
            house.connect(key)
        incumbent.send(FIGHT / TIMELINE - 1)
    incumbent.send(2)
    house.connect(key)
    assert incumbent.reasons != []


async def test_one_that_was_refused_goes_on_air_once_the_other_is_gone(house: House) -> None:
    key = house.open()
    for _ in range(TAKEOVERS + 1):
        incumbent = house.publish(key, 3)
    with pytest.raises(Refused):
        house.connect(key)
    incumbent.drop()
    house.publish(key, 3)
    assert state_of(house) == State.LIVE
    assert house.rooms.get("demo").warnings == []


async def test_a_host_that_has_lost_its_connection_fights_nobody(house: House) -> None:
    key = house.open()
    for _ in range(3 * TAKEOVERS):
        house.publish(key, 2).drop()
    for _ in range(3 * TAKEOVERS):  # half-open: the old connection is still there, and silent
        house.publish(key, 2)
        house.pass_time(4)
    assert house.rooms.get("demo").warnings == []


async def test_takeovers_now_and_then_are_no_fight(house: House) -> None:
    key = house.open()
    for _ in range(3 * TAKEOVERS):
        house.publish(key, FIGHT / TIMELINE / 2)
    assert state_of(house) == State.LIVE


async def test_grace_is_the_operator_s_to_say_and_counts_at_once(house: House) -> None:
    house.publish(house.open(grace=10), 5).drop()
    house.pass_time(9)
    assert house.rooms.get("demo").broadcast is not None
    house.rooms.set("demo", RoomSettings(grace=30))
    house.pass_time(20)
    assert house.rooms.get("demo").broadcast is not None
    house.rooms.set("demo", RoomSettings(grace=20))
    house.pass_time(0.5)
    assert house.rooms.get("demo").broadcast is None


@pytest.mark.parametrize(("grace", "goes_on"), [(10, False), (60, True)])
async def test_grace_holds_over_a_restart(house: House, grace: int, goes_on: bool) -> None:
    house.publish(house.open(grace=grace), 5)
    house.restart(away=30)
    assert (house.rooms.get("demo").broadcast is not None) == goes_on


async def test_a_takeover_before_the_first_group_of_pictures_begins_anew(house: House) -> None:
    key = house.open()
    house.publish(key, 1)
    house.publish(key, 5)
    (start,) = house.link.starts
    assert start.started_at == START + 1000


# What hosts send.


async def test_an_identical_track_of_a_new_connection_changes_nothing(house: House) -> None:
    key = house.open()
    house.publish(key, 5)
    house.publish(key, 5)
    items = house.link.items[broadcast_of(house)]
    assert not any(isinstance(item, SegmentStart) and item.discontinuity for item in items)


async def test_another_configuration_is_a_discontinuity_with_init_segments_of_its_own(house: House) -> None:
    key = house.open()
    house.publish(key, 5)
    broadcast = broadcast_of(house)
    house.publish(key, 5, clip=make_clip(size=(128, 96)))
    assert broadcast_of(house) == broadcast
    breaks = [i for i in house.link.items[broadcast] if isinstance(i, SegmentStart) and i.discontinuity]
    assert sorted(i.rendition for i in breaks) == ["audio", "source"]
    assert len({i.msn for i in breaks}) == 1
    inits = [i.name for i in house.link.items[broadcast] if isinstance(i, Init) and i.rendition == "source"]
    assert len(set(inits)) == len(inits) == 2
    row = house.store.running_broadcast("demo")
    assert row is not None
    assert row.discontinuities == 1


async def test_another_sample_rate_is_a_discontinuity_and_time_still_tiles(house: House) -> None:
    key = house.open()
    house.publish(key, 5)
    broadcast = broadcast_of(house)
    house.publish(key, 6, clip=make_clip(sample_rate=44100))
    segments = list(house.link.segments(broadcast, "audio"))
    assert {start.timescale for start, _ in segments} == {48000, 44100}
    for (start, end), (following, _) in pairwise(segments):
        ends = (start.start + end.duration) / start.timescale
        assert following.start / following.timescale == pytest.approx(ends, abs=0.001)


@pytest.mark.parametrize(("video", "audio"), [(True, False), (False, True)])
async def test_a_single_track_is_a_broadcast_too(house: House, video: bool, audio: bool) -> None:
    house.publish(house.open(), 9, clip=make_clip(video=video, audio=audio))
    assert state_of(house) == State.LIVE
    show = house.origin.current("demo")
    assert show is not None
    assert show.ready
    assert set(show.windows) == ({"source"} if video else {"audio"})


async def test_a_track_that_comes_late_begins_another_broadcast_with_both(house: House) -> None:
    clip = make_clip()
    silent = make_clip(audio=False)
    key = house.open()
    host = house.publish(key, 9, clip=silent)
    first = broadcast_of(house)
    host.clip, host.sent = clip, next(i for i, p in enumerate(clip.packets) if p.stamp >= host.stamp % 6000)
    assert clip.audio is not None
    host.announce(clip.audio)
    host.send(9)
    assert house.link.ended == [first]
    second = house.link.starts[-1]
    assert (bool(second.plan.rungs), second.plan.sound is None) == (True, False)
    assert len(house.link.starts) == 2
    assert state_of(house) == State.LIVE


@pytest.mark.parametrize(("video", "audio"), [(True, False), (False, True)])
async def test_a_new_host_that_lacks_a_track_begins_another_broadcast(house: House, video: bool, audio: bool) -> None:
    """Its players would wait for ever for what never comes."""
    key = house.open()
    house.publish(key, 9)
    first = broadcast_of(house)
    house.publish(key, 12, clip=make_clip(video=video, audio=audio))
    assert house.link.ended == [first]
    assert len(house.link.starts) == 2
    plan = house.link.starts[-1].plan
    assert (bool(plan.rungs), plan.sound is not None) == (video, audio)
    assert state_of(house) == State.LIVE


async def test_a_picture_that_pauses_gives_way_to_the_slate_and_comes_back_in_the_same_broadcast(house: House) -> None:
    """A phone in the background sends sound alone."""
    key = house.open()
    host = house.publish(key, 9)
    broadcast = broadcast_of(house)
    full, sound = host.clip, tuple(p for p in host.clip.packets if p.kind is Kind.AUDIO)
    host.clip = replace(full, packets=sound)
    host.sent = round(host.stamp / host.length * len(sound))
    host.send(9)
    assert state_of(house) == State.SLATE
    host.clip = full
    host.sent = round(host.stamp / host.length * len(full.packets))
    host.send(9)
    assert state_of(house) == State.LIVE
    assert broadcast_of(house) == broadcast
    assert in_row(house.link.numbers(broadcast))


DAMAGED = {
    Kind.VIDEO: Track(Kind.VIDEO, Codec.H264, b"\x01\x64\x00"),
    Kind.AUDIO: Track(Kind.AUDIO, Codec.AAC, b""),
}


@pytest.mark.parametrize("kind", list(Kind))
async def test_a_damaged_track_is_left_out_and_the_host_is_told(house: House, kind: Kind) -> None:
    clip = make_clip()
    host = house.connect(house.open(), clip)
    good = clip.audio if kind is Kind.VIDEO else clip.video
    assert good is not None
    host.announce(DAMAGED[kind], good)
    host.send(9)
    room = house.rooms.get("demo")
    assert room.state == State.LIVE
    (warning,) = room.warnings
    assert warning.startswith(f"the {kind} is left out: ")
    show = house.origin.current("demo")
    assert show is not None
    assert set(show.windows) == ({"source"} if good.kind is Kind.VIDEO else {"audio"})


async def test_a_host_with_both_tracks_damaged_is_told_and_never_live(house: House) -> None:
    host = house.connect(house.open())
    host.announce(*DAMAGED.values())
    host.send(9)
    room = house.rooms.get("demo")
    assert room.state == State.WAITING
    assert len(room.warnings) == 2


async def test_a_track_that_turns_bad_and_good_again_disturbs_nothing_for_long(house: House) -> None:
    host = house.publish(house.open(), 9)
    host.announce(DAMAGED[Kind.AUDIO])
    host.send(4)
    host.announce()
    host.send(9)
    assert state_of(house) == State.LIVE
    assert len(house.link.starts) == 1
    assert in_row(house.link.numbers(broadcast_of(house)))


async def test_what_the_protocol_leaves_out_is_told_the_host(house: House) -> None:
    host = house.publish(house.open(), 5)
    room = house.rooms.get("demo")
    before = room.changed.count
    assert host.sink is not None
    host.sink.warning("hevc is not taken")
    host.sink.warning("hevc is not taken")
    assert room.warnings == ["hevc is not taken"]
    assert room.changed.count == before + 1
    host.drop()
    assert room.warnings == []


async def test_warnings_are_bounded(house: House) -> None:
    host = house.publish(house.open())
    assert host.sink is not None
    for number in range(1000):
        host.sink.warning(f"warning {number}")
    assert len(house.rooms.get("demo").warnings) == 8


@pytest.mark.parametrize(("gop", "seconds", "target"), [(180, 14, 6), (600, 24, 10)])
async def test_a_host_with_rare_keyframes_is_told_what_to_set(
    house: House, gop: int, seconds: float, target: int
) -> None:
    clip = make_clip(seconds=24, gop=gop)
    house.publish(house.open(), seconds, clip=clip)
    room = house.rooms.get("demo")
    assert room.state == State.LIVE
    assert house.link.starts[0].plan.target_duration == target
    (warning,) = room.warnings
    assert "set the keyframe interval to 2 s" in warning
    show = house.origin.current("demo")
    assert show is not None
    for _, end in house.link.segments(broadcast_of(house)):
        assert round(end.duration / TIMELINE) <= target


async def test_usual_keyframes_need_no_warning(house: House) -> None:
    house.publish(house.open(), 9)
    assert house.rooms.get("demo").warnings == []


async def test_metadata_names_a_hosts_software_better_than_its_greeting(house: House) -> None:
    key = house.open()
    host = house.connect(key, software="")
    assert host.sink is not None
    host.sink.metadata({"encoder": "x" * 300, "width": 1e300, "fps": "many"})
    publisher = house.rooms.get("demo").publisher
    assert publisher is not None
    assert publisher.software == "x" * 100
    host = house.connect(key, software="FMLE/3.0")
    assert host.sink is not None
    host.sink.metadata({"encoder": 5})
    host.sink.metadata({"encoder": "other"})
    publisher = house.rooms.get("demo").publisher
    assert publisher is not None
    assert publisher.software == "other"


async def test_a_picture_of_absurd_size_is_left_out(house: House) -> None:
    """The box that tells a size has 16 bits for it (ISO/IEC 14496-12, 12.1.3)."""
    sps = bytes.fromhex("6742c00a") + _bits("111110" + _ue(2**20) + _ue(3) + "11001")
    record = b"\x01\x42\xc0\x0a\xff\xe1" + len(sps).to_bytes(2, "big") + sps + b"\x01\x00\x01\x68"
    clip = make_clip()
    assert clip.audio is not None
    host = house.connect(house.open(), clip)
    host.announce(Track(Kind.VIDEO, Codec.H264, record), clip.audio)
    host.send(9)
    assert state_of(house) == State.LIVE
    (warning,) = house.rooms.get("demo").warnings
    assert warning.startswith("the video is left out: ")


def _ue(value: int) -> str:
    code = f"{value + 1:b}"
    return "0" * (len(code) - 1) + code


def _bits(text: str) -> bytes:
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


# Codecs.


@pytest.mark.parametrize("picture", ["hevc", "av1", "vp9"])
@pytest.mark.parametrize("sound", ["opus", "flac"])
async def test_a_source_room_passes_on_what_browsers_play(house: House, picture: str, sound: str) -> None:
    house.publish(house.open(), 5, clip(picture, sound))
    assert state_of(house) == State.LIVE
    (warning,) = house.rooms.get("demo").warnings
    assert warning.startswith("not every browser plays ")
    assert house.rooms.get("demo").worker is None
    broadcast = broadcast_of(house)
    assert len(house.link.numbers(broadcast, "source")) >= 2
    assert house.link.numbers(broadcast, "source") == house.link.numbers(broadcast, "audio")


@pytest.mark.parametrize(("sound", "name"), [("mp3", "MP3"), ("ac3", "AC-3"), ("pcmu", "G.711 mu-law")])
async def test_sound_that_browsers_do_not_play_is_made_aac_and_the_host_is_told(
    house: House, sound: str, name: str
) -> None:
    house.publish(house.open(), 6, clip("h264", sound))
    broadcast = broadcast_of(house)
    (warning,) = house.rooms.get("demo").warnings
    assert warning.startswith(f"browsers do not play {name}, so the sound is made AAC here")
    assert house.rooms.get("demo").worker is not None
    assert house.link.numbers(broadcast, "audio") == house.link.numbers(broadcast, "source")
    (init,) = [item for item in house.link.items[broadcast] if isinstance(item, Init) and item.rendition == "audio"]
    assert init.format.codecs == "mp4a.40.2"


async def test_a_host_that_is_away_from_its_opus_and_hevc_is_waited_for(house: House) -> None:
    key = house.open()
    house.publish(key, 6, clip("hevc", "opus")).drop()
    broadcast = broadcast_of(house)
    house.pass_time(20)
    assert state_of(house) == State.WAITING, "no slate can be made for it: gaps"
    house.publish(key, 4, clip("hevc", "opus"))
    assert broadcast_of(house) == broadcast
    assert in_row(house.link.numbers(broadcast))


@pytest.mark.parametrize("sound", ["opus", "flac"])
async def test_silence_stands_in_for_a_hosts_own_sound(house: House, sound: str) -> None:
    key = house.open()
    house.publish(key, 6, clip("h264", sound)).drop()
    broadcast = broadcast_of(house)
    house.pass_time(20)
    assert state_of(house) == State.SLATE
    parts = [item for item in house.link.items[broadcast] if isinstance(item, Part) and item.rendition == "audio"]
    assert {part.msn for part in parts} >= set(house.link.numbers(broadcast, "audio")[:-1])


async def test_another_codec_of_what_is_passed_on_begins_a_new_broadcast(house: House) -> None:
    """Players were told of the codecs when they began."""
    host = house.publish(house.open(), 5, clip("h264", "aac"))
    before = broadcast_of(house)
    other = clip("hevc", "aac")
    host.clip = other
    host.announce(*other.tracks)
    host.send(5)
    assert broadcast_of(house) != before
    assert [start.broadcast for start in house.link.starts] == [before, broadcast_of(house)]
    (init,) = [i for i in house.link.items[broadcast_of(house)] if isinstance(i, Init) and i.rendition == "source"]
    assert init.format.codecs.startswith("hvc1.")


@pytest.mark.parametrize("ladder", ["source", "auto"])
async def test_another_codec_before_the_broadcast_begins(house: House, ladder: str) -> None:
    """What came in the first one is not taken for the second."""
    host = house.publish(house.open(ladder=ladder), 0.4, clip("h264", "aac"))
    host.clip = clip("hevc", "opus")
    host.announce(*host.clip.tracks)
    host.send(5)
    assert state_of(house) == State.LIVE
    (start,) = house.link.starts
    rung = start.plan.rungs[0].name
    pictures = numbers_of(house.link.items[start.broadcast], rung)
    assert len(pictures) >= 60
    assert all(0 <= after - before <= 2 for before, after in pairwise(pictures) if after > 2)


async def test_another_codec_where_all_is_transcoded_changes_nothing_for_viewers(house: House) -> None:
    host = house.publish(house.open(ladder="auto"), 5, clip("h264", "aac"))
    before = broadcast_of(house)
    for picture, sound in (("hevc", "opus"), ("av1", "ac3"), ("vp9", "pcma")):
        host.clip = clip(picture, sound)
        host.announce(*host.clip.tracks)
        host.send(3)
    assert broadcast_of(house) == before
    assert sum(isinstance(item, Init) for item in house.link.items[before]) == 2
    assert in_row(house.link.numbers(before, "audio"))
