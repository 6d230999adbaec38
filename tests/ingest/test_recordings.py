"""Dialogues recorded from real encoders (client to server, whole sessions), replayed whole and in every kind of split.

``ffmpeg-whole``: Debian's ffmpeg 5.1, H.264 with B-frames and AAC at 48 kHz mono. ``ffmpeg-extended-timestamps``: the
same program from 16776.7 s on, so that its stamps cross 0xFFFFFF. ``obs-29-whole``: Debian's OBS Studio 29.0.2.
"""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.media import Kind, Packet, Track
from ingest.rtmp.session import Event, MetadataSet, PublishAsked, State, Unpublished
from ingest.source import Claim, SentKey
from tests.support.rtmp_server import Replay, split

DATA = Path(__file__).parent.parent / "data" / "rtmp"
RECORDINGS = {path.stem: path.read_bytes() for path in sorted(DATA.glob("*.bin"))}
WHOLE = {name: Replay().feed(data) for name, data in RECORDINGS.items()}

each = pytest.mark.parametrize("name", RECORDINGS)


def packets(name: str, kind: Kind) -> list[Packet]:
    return [event for event in WHOLE[name] if isinstance(event, Packet) and event.kind is kind]


def test_all_recordings_are_here() -> None:
    assert list(RECORDINGS) == ["ffmpeg-extended-timestamps", "ffmpeg-whole", "obs-29-whole"]


@each
def test_the_dialogue(name: str) -> None:
    replay = Replay()
    replay.feed(RECORDINGS[name])
    assert [status.code for status in replay.statuses] == ["NetStream.Publish.Start", "NetStream.Unpublish.Success"]
    assert replay.session.state is State.IDLE
    asked, said, *_, last = replay.events
    assert isinstance(asked, PublishAsked)
    assert asked.claim == Claim(SentKey("room-key"))
    assert asked.software.startswith("FMLE/3.0 (compatible; ")
    assert isinstance(said, MetadataSet)
    assert (said.values["videocodecid"], said.values["audiocodecid"]) == (7.0, 10.0)
    assert last == Unpublished()


@each
def test_each_track_is_announced_once_and_before_its_packets(name: str) -> None:
    media = [event for event in WHOLE[name] if isinstance(event, Track | Packet)]
    for kind in Kind:
        mine = [event for event in media if event.kind is kind]
        assert [isinstance(event, Track) for event in mine].count(True) == 1
        assert isinstance(mine[0], Track)


@each
def test_time_goes_on_evenly(name: str) -> None:
    for kind, longest in ((Kind.VIDEO, 40), (Kind.AUDIO, 24)):
        steps = [after.stamp - before.stamp for before, after in pairwise(packets(name, kind))]
        assert len(steps) > 20
        assert all(0 < step <= longest for step in steps)


@each
def test_video_packets_are_whole_nal_units(name: str) -> None:
    for packet in packets(name, Kind.VIDEO):
        at = 0
        while at < len(packet.data):
            at += 4 + int.from_bytes(packet.data[at : at + 4], "big")
        assert at == len(packet.data)


@each
def test_the_first_picture_is_a_keyframe(name: str) -> None:
    assert packets(name, Kind.VIDEO)[0].keyframe


def test_b_frames_have_offsets() -> None:
    assert len({packet.offset for packet in packets("ffmpeg-whole", Kind.VIDEO)}) > 1


def test_stamps_cross_the_extended_timestamps_border() -> None:
    stamps = [packet.stamp for packet in packets("ffmpeg-extended-timestamps", Kind.VIDEO)]
    assert stamps[0] < 0xFFFFFF < stamps[-1]


@each
def test_byte_by_byte_gives_the_same(name: str) -> None:
    data = RECORDINGS[name]
    assert Replay().feed(*(data[at : at + 1] for at in range(len(data)))) == WHOLE[name]


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(sorted(RECORDINGS)), st.lists(st.integers(1, 3000), max_size=60))
def test_any_split_gives_the_same(name: str, sizes: list[int]) -> None:
    assert Replay().feed(*split(RECORDINGS[name], sizes)) == WHOLE[name]


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(sorted(RECORDINGS)), st.floats(0, 1))
def test_cut_off_anywhere_gives_the_beginning(name: str, part: float) -> None:
    data = RECORDINGS[name]
    events: list[Event] = Replay().feed(data[: int(part * len(data))])
    assert events == WHOLE[name][: len(events)]
