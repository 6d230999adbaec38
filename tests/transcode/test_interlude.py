"""What is sent in the place of a host that is away."""

from collections.abc import Iterable

from ingest.media import Codec, Kind, Track
from tests.support.media import make_clip
from transcode.interlude import CodedSlate, Interlude
from transcode.media import TIMELINE, FrameRate, TimedPacket

SECOND = TIMELINE
FRAME = TIMELINE // 30
SLATE = CodedSlate(Track(Kind.VIDEO, Codec.H264, b"record"), (b"key", b"p1", b"p2"), FrameRate(30, 1))
SOUND = make_clip(1, video=False).audio


def of(kind: Kind, packets: Iterable[TimedPacket]) -> list[TimedPacket]:
    return [packet for packet in packets if packet.kind is kind]


def test_the_slate_is_sent_over_and_over_as_time_goes_on() -> None:
    interlude = Interlude(SLATE, SECOND, 0, None, 0)

    sent = [*interlude.until(SECOND + 2 * FRAME), *interlude.until(SECOND + 5 * FRAME)]

    assert [packet.data for packet in sent] == [b"key", b"p1", b"p2", b"key", b"p1"]
    assert [packet.keyframe for packet in sent] == [True, False, False, True, False]
    assert [packet.pts for packet in sent] == [SECOND + n * FRAME for n in range(5)]
    assert all(packet.dts == packet.pts for packet in sent)


def test_a_segment_begins_with_a_keyframe_wherever_the_cut_is() -> None:
    interlude = Interlude(SLATE, 0, 0, None, 0)

    before = list(interlude.cut(FRAME * 3 // 2))
    after = list(interlude.until(FRAME * 3))

    assert [packet.data for packet in before] == [b"key", b"p1"]
    assert [(packet.data, packet.pts) for packet in after] == [(b"key", FRAME * 3 // 2), (b"p1", FRAME * 5 // 2)]


def test_the_slate_is_decoded_as_early_as_the_hosts_pictures_are() -> None:
    sent = list(Interlude(SLATE, SECOND, 2 * FRAME, None, 0).until(SECOND + 3 * FRAME))

    assert [packet.pts - packet.dts for packet in sent] == [2 * FRAME] * 3


def test_odd_frame_rates_do_not_drift() -> None:
    interlude = Interlude(CodedSlate(SLATE.track, SLATE.units, FrameRate(30000, 1001)), 0, 0, None, 0)

    sent = list(interlude.until(1001 * SECOND))

    assert len(sent) == 30000
    assert sent[-1].pts == 1001 * SECOND - 3003


def test_silence_goes_on_where_the_sound_ended_and_ends_before_it_comes_back() -> None:
    assert SOUND is not None
    interlude = Interlude(SLATE, SECOND, 0, SOUND, SECOND + 700)

    sent = of(Kind.AUDIO, [*interlude.until(2 * SECOND), *interlude.cut(3 * SECOND), *interlude.until(4 * SECOND)])

    assert [packet.pts for packet in sent] == [SECOND + 700 + n * 1920 for n in range(len(sent))]
    assert 4 * SECOND - 1920 < sent[-1].pts + 1920 <= 4 * SECOND
    assert len({packet.data for packet in sent}) == 1


def test_a_silent_host_stays_without_sound() -> None:
    assert of(Kind.AUDIO, Interlude(SLATE, 0, 0, None, 0).until(SECOND)) == []
