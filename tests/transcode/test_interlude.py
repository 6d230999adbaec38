"""What is sent in the place of a host that is away."""

import pytest

from ingest.media import Codec, Kind, Track
from tests.support.media import make_clip
from transcode.cmaf.config import CodecError
from transcode.interlude import CodedSlate, Silence, SlateFrames
from transcode.media import TIMELINE, FrameRate

SECOND = TIMELINE
FRAME = TIMELINE // 30
RATE = FrameRate(30, 1)
SLATE = CodedSlate(Track(Kind.VIDEO, Codec.H264, b"record"), (b"key", b"p1", b"p2"))
OTHER = CodedSlate(SLATE.track, (b"new", b"n1", b"n2"))


def sound() -> Track:
    track = make_clip(1, video=False).audio
    assert track is not None
    return track


def test_the_slate_is_sent_over_and_over_as_time_goes_on() -> None:
    frames = SlateFrames(SLATE, RATE, SECOND, 0)

    sent = [*frames.until(SECOND + 2 * FRAME), *frames.until(SECOND + 5 * FRAME)]

    assert [packet.data for packet in sent] == [b"key", b"p1", b"p2", b"key", b"p1"]
    assert [packet.keyframe for packet in sent] == [True, False, False, True, False]
    assert [packet.pts for packet in sent] == [SECOND + n * FRAME for n in range(5)]
    assert all(packet.dts == packet.pts for packet in sent)


def test_a_segment_begins_with_a_keyframe_wherever_the_cut_is() -> None:
    frames = SlateFrames(SLATE, RATE, 0, 0)

    before = list(frames.cut(FRAME * 3 // 2))
    after = list(frames.until(FRAME * 3))

    assert [packet.data for packet in before] == [b"key", b"p1"]
    assert [(packet.data, packet.pts) for packet in after] == [(b"key", FRAME * 3 // 2), (b"p1", FRAME * 5 // 2)]


def test_another_slate_is_shown_from_a_keyframe_on() -> None:
    frames = SlateFrames(SLATE, RATE, 0, 0)
    shown = list(frames.until(2 * FRAME))

    frames.show(OTHER)
    shown += frames.until(4 * FRAME)

    assert [packet.data for packet in shown] == [b"key", b"p1", b"new", b"n1"]
    assert shown[2].keyframe
    assert [packet.pts for packet in shown] == [n * FRAME for n in range(4)]


def test_the_slate_is_decoded_as_early_as_the_hosts_pictures_are() -> None:
    sent = list(SlateFrames(SLATE, RATE, SECOND, 2 * FRAME).until(SECOND + 3 * FRAME))

    assert [packet.pts - packet.dts for packet in sent] == [2 * FRAME] * 3


def test_odd_frame_rates_do_not_drift() -> None:
    sent = list(SlateFrames(SLATE, FrameRate(30000, 1001), 0, 0).until(1001 * SECOND))

    assert len(sent) == 30000
    assert sent[-1].pts == 1001 * SECOND - 3003


def test_silence_goes_on_where_the_sound_ended_and_ends_before_it_comes_back() -> None:
    silence = Silence(sound(), SECOND + 700)

    sent = [*silence.until(2 * SECOND), *silence.cut(3 * SECOND), *silence.until(4 * SECOND)]

    assert [packet.pts for packet in sent] == [SECOND + 700 + n * 1920 for n in range(len(sent))]
    assert 4 * SECOND - 1920 < sent[-1].pts + 1920 <= 4 * SECOND
    assert len({packet.data for packet in sent}) == 1


def test_a_sound_that_cannot_be_written_has_no_silence() -> None:
    with pytest.raises(CodecError):
        Silence(Track(Kind.AUDIO, Codec.AAC, b"\xff\xff\xff"), 0)
