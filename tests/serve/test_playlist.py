"""Playlists as text: each literal playlist is the specification of what it shows."""

from textwrap import dedent

import m3u8  # type: ignore[import-untyped]
import pytest

from serve.playlist import Part, Segment, init_uri, media_playlist, multivariant_playlist, part_uri, segment_uri
from transcode.media import AudioFormat, Plan, VideoFormat

NOON = 1_800_000_000_000  # 2027-01-15T08:00:00.000Z
PLAN = Plan(
    VideoFormat("avc1.64001f", 1280, 720, 29.97), AudioFormat("mp4a.40.2", 48000, 2), 2, 21_334, bandwidth=3_000_000
)


def text(source: str) -> str:
    return dedent(source).lstrip("\n")


def segment(msn: int, *parts: int, start: int = 0, whole: bool = True, discontinuity: bool = False) -> Segment:
    """A segment of ``parts`` (milliseconds each, the first one independent) that starts ``start`` ms after NOON."""
    made = [Part(length, index == 0, b"%d" % index) for index, length in enumerate(parts)]
    return Segment(msn, 1000, NOON + start, discontinuity, "abc", sum(parts) if whole else None, made)


def gap(msn: int, length: int, start: int = 0) -> Segment:
    return Segment(msn, 1000, NOON + start, False, "abc", length)


def test_a_live_playlist_lists_whole_segments_the_parts_of_the_one_being_made_and_the_part_to_come() -> None:
    segments = [segment(7, 200, 200, 150), segment(8, 200, 200, start=550, whole=False)]
    assert media_playlist(PLAN, "video", segments, 3, ended=False) == text(
        """
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-TARGETDURATION:2
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.64002,HOLD-BACK=6.0
        #EXT-X-PART-INF:PART-TARGET=0.21334
        #EXT-X-MEDIA-SEQUENCE:7
        #EXT-X-DISCONTINUITY-SEQUENCE:3
        #EXT-X-MAP:URI="video/init-abc.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z
        #EXT-X-PART:DURATION=0.20000,URI="video/7.0.m4s",INDEPENDENT=YES
        #EXT-X-PART:DURATION=0.20000,URI="video/7.1.m4s"
        #EXT-X-PART:DURATION=0.15000,URI="video/7.2.m4s"
        #EXTINF:0.55000,
        video/7.m4s
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.550Z
        #EXT-X-PART:DURATION=0.20000,URI="video/8.0.m4s",INDEPENDENT=YES
        #EXT-X-PART:DURATION=0.20000,URI="video/8.1.m4s"
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI="video/8.2.m4s"
        """
    )


def test_after_a_whole_segment_the_first_part_of_the_next_one_is_to_come() -> None:
    """8216bis, 4.4.5.3."""
    listed = media_playlist(PLAN, "audio", [segment(7, 200)], 0, ended=False)
    assert listed.endswith('audio/7.m4s\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="audio/8.0.m4s"\n')


def test_an_ended_playlist_has_its_endlist_and_no_parts_to_come() -> None:
    """RFC 8216, 4.3.3.4."""
    listed = media_playlist(PLAN, "video", [segment(7, 200, 200), segment(8, 200, start=400)], 0, ended=True)
    assert listed == text(
        """
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-TARGETDURATION:2
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.64002,HOLD-BACK=6.0
        #EXT-X-PART-INF:PART-TARGET=0.21334
        #EXT-X-MEDIA-SEQUENCE:7
        #EXT-X-DISCONTINUITY-SEQUENCE:0
        #EXT-X-MAP:URI="video/init-abc.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z
        #EXTINF:0.40000,
        video/7.m4s
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.400Z
        #EXTINF:0.20000,
        video/8.m4s
        #EXT-X-ENDLIST
        """
    )


def test_a_segment_without_media_is_a_gap() -> None:
    """8216bis, 4.4.4.7."""
    listed = media_playlist(PLAN, "video", [segment(7, 200), gap(8, 2000, 200), segment(9, 200, start=2200)], 0, False)
    assert listed.split("video/7.m4s\n")[1] == text(
        """
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.200Z
        #EXT-X-GAP
        #EXTINF:2.00000,
        video/8.m4s
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:02.200Z
        #EXT-X-PART:DURATION=0.20000,URI="video/9.0.m4s",INDEPENDENT=YES
        #EXTINF:0.20000,
        video/9.m4s
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI="video/10.0.m4s"
        """
    )


def test_a_gap_that_still_grows_lists_nothing_but_its_time() -> None:
    open_gap = Segment(8, 1000, NOON + 200, False, "abc")
    listed = media_playlist(PLAN, "video", [segment(7, 200), open_gap], 0, ended=False)
    assert listed.split("video/7.m4s\n")[1] == text(
        """
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.200Z
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI="video/8.0.m4s"
        """
    )


def test_after_a_discontinuity_the_init_segment_is_named_again() -> None:
    """RFC 8216, 4.3.2.5: a map applies to what follows; players expect one where the encoding changes."""
    other = segment(8, 200, start=200, discontinuity=True)
    other.init = "def"
    same_again = segment(9, 200, start=400, discontinuity=True)
    same_again.init = "def"
    listed = media_playlist(PLAN, "video", [segment(7, 200), other, same_again, gap(10, 200, 600)], 0, ended=True)
    tags = [line for line in listed.splitlines() if line.startswith(("#EXT-X-DISC", "#EXT-X-MAP", "video/"))]
    assert tags[1:] == [
        '#EXT-X-MAP:URI="video/init-abc.mp4"',
        "video/7.m4s",
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="video/init-def.mp4"',
        "video/8.m4s",
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="video/init-def.mp4"',
        "video/9.m4s",
        '#EXT-X-MAP:URI="video/init-abc.mp4"',
        "video/10.m4s",
    ]


def test_a_segment_that_no_init_segment_was_made_for_names_none() -> None:
    silent = Segment(0, 1000, NOON, False, None, 2000)
    assert "EXT-X-MAP" not in media_playlist(PLAN, "audio", [silent], 0, ended=False)


@pytest.mark.parametrize("target", [1, 2, 4, 10])
def test_parts_are_listed_for_the_last_three_targets_only(target: int) -> None:
    """8216bis, 4.4.4.9: parts leave once they are more than three targets from the end."""
    plan = Plan(PLAN.video, PLAN.audio, target, PLAN.part_target, PLAN.bandwidth)
    halves = [500, 500]
    segments = [segment(msn, *halves, start=msn * 1000) for msn in range(3 * target + 6)]
    segments.append(segment(len(segments), 500, start=len(segments) * 1000, whole=False))
    lines = media_playlist(plan, "video", segments, 0, ended=False).splitlines()
    with_parts = {int(line.split("video/")[1].split(".")[0]) for line in lines if line.startswith("#EXT-X-PART:")}
    ends = {s.msn: sum(later.seconds for later in segments if later.msn > s.msn) for s in segments}
    assert with_parts == {msn for msn, end in ends.items() if end < 3 * target}


def test_an_empty_playlist_is_still_one() -> None:
    assert media_playlist(PLAN, "video", [], 0, ended=False).endswith(
        "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
    )


def test_a_long_target_holds_players_further_back() -> None:
    """8216bis, 4.4.3.8: HOLD-BACK at least three targets, PART-HOLD-BACK at least three part targets."""
    plan = Plan(PLAN.video, None, 10, 100_200, PLAN.bandwidth)
    assert (
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3.00600,HOLD-BACK=30.0\n"
        "#EXT-X-PART-INF:PART-TARGET=1.00200\n"
    ) in media_playlist(plan, "video", [segment(0, 1000)], 0, ended=False)


@pytest.mark.parametrize("milliseconds", [0, 1, 7, 123, 499, 500, 999])
def test_dates_are_exact_to_the_millisecond(milliseconds: int) -> None:
    listed = media_playlist(PLAN, "video", [segment(0, 200, start=milliseconds)], 0, ended=False)
    assert f"T08:00:00.{milliseconds:03}Z" in listed


def test_a_multivariant_playlist_names_picture_and_sound() -> None:
    """RFC 8216, 4.3.4.1 and 4.3.4.2."""
    assert multivariant_playlist(PLAN, "b1", 3_128_000) == text(
        """
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="b1/audio.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=3128000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio"
        b1/video.m3u8
        """
    )


def test_a_multivariant_playlist_without_sound_promises_none() -> None:
    plan = Plan(PLAN.video, None, 2, PLAN.part_target, PLAN.bandwidth)
    assert multivariant_playlist(plan, "b1", 3_000_000) == text(
        """
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-STREAM-INF:BANDWIDTH=3000000,CODECS="avc1.64001f",RESOLUTION=1280x720,FRAME-RATE=29.970
        b1/video.m3u8
        """
    )


def test_a_multivariant_playlist_without_picture_is_of_sound_alone() -> None:
    plan = Plan(None, PLAN.audio, 2, PLAN.part_target, PLAN.bandwidth)
    assert multivariant_playlist(plan, "b1", 128_000) == text(
        """
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-STREAM-INF:BANDWIDTH=128000,CODECS="mp4a.40.2"
        b1/audio.m3u8
        """
    )


def test_a_reader_of_playlists_finds_it_all_again() -> None:
    other = segment(9, 200, 200, start=2550, discontinuity=True)
    other.init = "def"
    segments = [segment(7, 200, 200, 150), gap(8, 2000, 550), other, segment(10, 200, start=2950, whole=False)]
    read = m3u8.loads(media_playlist(PLAN, "video", segments, 4, ended=False))
    assert (read.media_sequence, read.discontinuity_sequence, read.target_duration) == (7, 4, 2)
    assert read.part_inf.part_target == 0.21334
    assert read.server_control.can_block_reload == "YES"
    assert [s.uri for s in read.segments if s.uri] == ["video/7.m4s", "video/8.m4s", "video/9.m4s"]
    assert [s.duration for s in read.segments if s.uri] == [0.55, 2.0, 0.4]
    assert [bool(s.gap_tag) for s in read.segments if s.uri] == [False, True, False]
    assert [s.discontinuity for s in read.segments if s.uri] == [False, False, True]
    assert [s.init_section.uri for s in read.segments if s.uri][::2] == ["video/init-abc.mp4", "video/init-def.mp4"]
    assert [len(s.parts) for s in read.segments] == [3, 0, 2, 1]
    assert read.preload_hint.uri == "video/10.1.m4s"
    assert not read.is_endlist


def test_names_of_files_say_what_they_are() -> None:
    assert (init_uri("0"), segment_uri(123), part_uri(123, 4)) == ("init-0.mp4", "123.m4s", "123.4.m4s")
