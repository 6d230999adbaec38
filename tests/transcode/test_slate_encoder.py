"""A slate that is coded for a host's own picture: players that have the host's need nothing else for it."""

from dataclasses import replace

import av
import pytest

from ingest.media import Codec, Kind, Track
from tests.support.media import make_clip
from transcode.cmaf.avc import parse_avc
from transcode.interlude import CodedSlate
from transcode.media import Slate
from transcode.slate_encoder import UNITS, SlateError, encode_slate

SLATE = Slate("The title", "Back in a moment.")
LEVEL = 3  # where a configuration record says it


def host(size: tuple[int, int] = (320, 240), x264: str = "") -> Track:
    track = make_clip(seconds=1, size=size, audio=False, x264=x264).video
    assert track is not None
    return track


def player(track: Track) -> av.VideoCodecContext:
    """One that was set up with ``track`` alone."""
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.extradata = track.config
    return decoder


def decoded(decoder: av.VideoCodecContext, units: tuple[bytes, ...]) -> list[av.VideoFrame]:
    frames = [frame for unit in units for frame in decoder.decode(av.Packet(unit))]
    return frames + list(decoder.decode(None))


@pytest.mark.parametrize(
    "x264", ["", ":8x8dct=1:cabac=1:bframes=2", ":cabac=1:bframes=3:b-pyramid=normal", ":slices=4"]
)
def test_a_player_set_up_for_both_shows_host_and_slate_by_turns(x264: str) -> None:
    clip = make_clip(seconds=1, size=(320, 240), audio=False, x264=x264)
    assert clip.video is not None
    slate = encode_slate(clip.video, SLATE)
    pictures = tuple(packet.data for packet in clip.packets if packet.kind is Kind.VIDEO)

    frames = decoded(player(slate.track), (*pictures, *slate.units, *slate.units, *pictures))

    assert len(frames) == 2 * len(pictures) + 2 * UNITS
    assert {(frame.width, frame.height) for frame in frames} == {(320, 240)}
    flat = [frame.to_ndarray()[:240].std() < 1.5 for frame in frames]
    assert flat == [True] * len(pictures) + [False] * 2 * UNITS + [True] * len(pictures)


def test_players_are_told_of_the_hosts_picture_as_before() -> None:
    track = host()
    assert parse_avc(encode_slate(track, SLATE).track.config) == parse_avc(track.config)


@pytest.mark.parametrize("profile", [66, 77, 100])
def test_the_slate_needs_no_more_of_a_decoder_than_the_host_does(profile: int) -> None:
    x264 = {66: "", 77: ":cabac=1", 100: ":8x8dct=1:cabac=1"}[profile]
    track = host(x264=f"{x264}:level=31")
    assert (track.config[1], track.config[LEVEL]) == (profile, 31)
    record = encode_slate(track, SLATE).track.config
    sps = record[record.rindex(bytes((0x67, profile))) :]
    assert (sps[1], sps[3]) == (profile, 31)


def test_the_slate_is_as_wide_as_the_picture_is_shown() -> None:
    track = host((160, 240), ":sar=2/1")
    assert parse_avc(track.config).display_width == 320
    slate = encode_slate(track, SLATE)
    decoder = player(slate.track)
    frames = decoded(decoder, slate.units)
    assert {(frame.width, frame.height) for frame in frames} == {(160, 240)}
    assert decoder.sample_aspect_ratio == 2


def test_all_slates_for_a_picture_have_the_same_sets() -> None:
    first, second = (encode_slate(host(), replace(SLATE, title=title)) for title in ("One", "Another"))
    assert first.track == second.track
    assert first.units != second.units


def test_slates_of_slates_cannot_be() -> None:
    """One of its sets has the number that a slate's would have."""
    with pytest.raises(SlateError, match="same number"):
        encode_slate(encode_slate(host(), SLATE).track, SLATE)


@pytest.mark.parametrize("config", [b"", b"\x01" + bytes(40), host().config[:12]])
def test_a_record_that_cannot_be_read_has_no_slate(config: bytes) -> None:
    with pytest.raises(SlateError):
        encode_slate(Track(Kind.VIDEO, Codec.H264, config), SLATE)


def test_units_with_short_lengths_have_no_slate() -> None:
    config = bytearray(host().config)
    config[4] = 0xFD  # two bytes
    with pytest.raises(SlateError, match="units"):
        encode_slate(Track(Kind.VIDEO, Codec.H264, bytes(config)), SLATE)


def test_a_slate_is_small() -> None:
    slate: CodedSlate = encode_slate(host((1280, 720)), SLATE)
    assert sum(map(len, slate.units)) < 100_000
