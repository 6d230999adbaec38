"""Playlists as text: each literal playlist is the specification of what it shows."""

from dataclasses import replace
from textwrap import dedent

import m3u8  # type: ignore[import-untyped]
import pytest

from serve.playlist import (
    Form,
    MediaPlaylist,
    Part,
    Report,
    Segment,
    Variant,
    init_uri,
    multivariant_playlist,
    part_uri,
    segment_uri,
)
from transcode.media import AudioFormat, FrameRate, Plan, Rung, Sound, VideoFormat

NOON = 1_800_000_000_000  # 2027-01-15T08:00:00.000Z
PLAN = Plan(
    (Rung("720p", 1280, 720, 1, 2_800_000),),
    Sound(48000, 2, 128_000, True),
    FrameRate(30_000, 1001),
    "balanced",
    target_duration=2,
    part_target=21_334,
)
HIGH = VideoFormat("avc1.640028", 1920, 1080, 60_000 / 1001)
MIDDLE = VideoFormat("avc1.64001f", 1280, 720, 30_000 / 1001)
LOW = VideoFormat("avc1.64001e", 854, 480, 30_000 / 1001)
SOUND = AudioFormat("mp4a.40.2", 48000, 2)


def text(source: str) -> str:
    return dedent(source).lstrip("\n")


def segment(msn: int, *parts: int, start: int = 0, whole: bool = True, discontinuity: bool = False) -> Segment:
    """A segment of ``parts`` (milliseconds each, the first one independent) that starts ``start`` ms after NOON."""
    made = [Part(length, index == 0, b"%d" % index) for index, length in enumerate(parts)]
    return Segment(msn, 1000, NOON + start, discontinuity, "abc", sum(parts) if whole else None, made)


def gap(msn: int, length: int, start: int = 0) -> Segment:
    return Segment(msn, 1000, NOON + start, False, "abc", length)


def listed_as(plan: Plan, rendition: str, segments: list[Segment], discontinuities: int, ended: bool) -> str:
    return MediaPlaylist(plan, rendition, segments, discontinuities, ended).text()


def test_a_live_playlist_lists_whole_segments_the_parts_of_the_one_being_made_and_the_part_to_come() -> None:
    segments = [segment(7, 200, 200, 150), segment(8, 200, 200, start=550, whole=False)]
    assert listed_as(PLAN, "720p", segments, 3, ended=False) == text(
        """
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-TARGETDURATION:2
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.0,PART-HOLD-BACK=0.64002,HOLD-BACK=6.0
        #EXT-X-PART-INF:PART-TARGET=0.21334
        #EXT-X-MEDIA-SEQUENCE:7
        #EXT-X-DISCONTINUITY-SEQUENCE:3
        #EXT-X-MAP:URI="720p/init-abc.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z
        #EXT-X-PART:DURATION=0.20000,URI="720p/7.0.m4s",INDEPENDENT=YES
        #EXT-X-PART:DURATION=0.20000,URI="720p/7.1.m4s"
        #EXT-X-PART:DURATION=0.15000,URI="720p/7.2.m4s"
        #EXTINF:0.55000,
        720p/7.m4s
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.550Z
        #EXT-X-PART:DURATION=0.20000,URI="720p/8.0.m4s",INDEPENDENT=YES
        #EXT-X-PART:DURATION=0.20000,URI="720p/8.1.m4s"
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI="720p/8.2.m4s"
        """
    )


def test_after_a_whole_segment_the_first_part_of_the_next_one_is_to_come() -> None:
    """8216bis, 4.4.5.3."""
    listed = listed_as(PLAN, "audio", [segment(7, 200)], 0, ended=False)
    assert listed.endswith('audio/7.m4s\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="audio/8.0.m4s"\n')


def test_an_ended_playlist_has_its_endlist_and_no_parts_to_come() -> None:
    """RFC 8216, 4.3.3.4."""
    listed = listed_as(PLAN, "720p", [segment(7, 200, 200), segment(8, 200, start=400)], 0, ended=True)
    assert listed == text(
        """
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-TARGETDURATION:2
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.0,PART-HOLD-BACK=0.64002,HOLD-BACK=6.0
        #EXT-X-PART-INF:PART-TARGET=0.21334
        #EXT-X-MEDIA-SEQUENCE:7
        #EXT-X-DISCONTINUITY-SEQUENCE:0
        #EXT-X-MAP:URI="720p/init-abc.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z
        #EXTINF:0.40000,
        720p/7.m4s
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.400Z
        #EXTINF:0.20000,
        720p/8.m4s
        #EXT-X-ENDLIST
        """
    )


def test_a_segment_without_media_is_a_gap() -> None:
    """8216bis, 4.4.4.7."""
    listed = listed_as(PLAN, "720p", [segment(7, 200), gap(8, 2000, 200), segment(9, 200, start=2200)], 0, False)
    assert listed.split("720p/7.m4s\n")[1] == text(
        """
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.200Z
        #EXT-X-GAP
        #EXTINF:2.00000,
        720p/8.m4s
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:02.200Z
        #EXT-X-PART:DURATION=0.20000,URI="720p/9.0.m4s",INDEPENDENT=YES
        #EXTINF:0.20000,
        720p/9.m4s
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI="720p/10.0.m4s"
        """
    )


def test_a_gap_that_still_grows_lists_nothing_but_its_time() -> None:
    open_gap = Segment(8, 1000, NOON + 200, False, "abc")
    listed = listed_as(PLAN, "720p", [segment(7, 200), open_gap], 0, ended=False)
    assert listed.split("720p/7.m4s\n")[1] == text(
        """
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.200Z
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI="720p/8.0.m4s"
        """
    )


def test_after_a_discontinuity_the_init_segment_is_named_again() -> None:
    """RFC 8216, 4.3.2.5: a map applies to what follows; players expect one where the encoding changes."""
    other = segment(8, 200, start=200, discontinuity=True)
    other.init = "def"
    same_again = segment(9, 200, start=400, discontinuity=True)
    same_again.init = "def"
    listed = listed_as(PLAN, "720p", [segment(7, 200), other, same_again, gap(10, 200, 600)], 0, ended=True)
    tags = [line for line in listed.splitlines() if line.startswith(("#EXT-X-DISC", "#EXT-X-MAP", "720p/"))]
    assert tags[1:] == [
        '#EXT-X-MAP:URI="720p/init-abc.mp4"',
        "720p/7.m4s",
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="720p/init-def.mp4"',
        "720p/8.m4s",
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="720p/init-def.mp4"',
        "720p/9.m4s",
        '#EXT-X-MAP:URI="720p/init-abc.mp4"',
        "720p/10.m4s",
    ]


def test_a_segment_that_no_init_segment_was_made_for_names_none() -> None:
    silent = Segment(0, 1000, NOON, False, None, 2000)
    assert "EXT-X-MAP" not in listed_as(PLAN, "audio", [silent], 0, ended=False)


@pytest.mark.parametrize("target", [1, 2, 4, 10])
def test_parts_are_listed_for_the_last_three_targets_only(target: int) -> None:
    """8216bis, 4.4.4.9: parts leave once they are more than three targets from the end."""
    plan = replace(PLAN, target_duration=target)
    halves = [500, 500]
    segments = [segment(msn, *halves, start=msn * 1000) for msn in range(3 * target + 6)]
    segments.append(segment(len(segments), 500, start=len(segments) * 1000, whole=False))
    lines = listed_as(plan, "720p", segments, 0, ended=False).splitlines()
    with_parts = {int(line.split("720p/")[1].split(".")[0]) for line in lines if line.startswith("#EXT-X-PART:")}
    ends = {s.msn: sum(later.seconds for later in segments if later.msn > s.msn) for s in segments}
    assert with_parts == {msn for msn, end in ends.items() if end < 3 * target}


def test_an_empty_playlist_is_still_one() -> None:
    assert listed_as(PLAN, "720p", [], 0, ended=False).endswith(
        "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
    )


def test_a_long_target_holds_players_further_back() -> None:
    """8216bis, 4.4.3.8: HOLD-BACK at least three targets, PART-HOLD-BACK at least three part targets."""
    plan = replace(PLAN, target_duration=10, part_target=100_200)
    assert (
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=60.0,PART-HOLD-BACK=3.00600,HOLD-BACK=30.0\n"
        "#EXT-X-PART-INF:PART-TARGET=1.00200\n"
    ) in listed_as(plan, "720p", [segment(0, 1000)], 0, ended=False)


def test_it_tells_where_the_other_renditions_are() -> None:
    """8216bis, 4.4.5.4: so that who changes to one of them can ask for its news at once."""
    reports = (Report("480p", 8, 1), Report("audio", 7, 9))
    listed = MediaPlaylist(PLAN, "720p", [segment(7, 200, 200)], 0, False, reports)
    assert listed.text().endswith(
        '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="720p/8.0.m4s"\n'
        '#EXT-X-RENDITION-REPORT:URI="480p.m3u8",LAST-MSN=8,LAST-PART=1\n'
        '#EXT-X-RENDITION-REPORT:URI="audio.m3u8",LAST-MSN=7,LAST-PART=9\n'
    )
    assert "RENDITION-REPORT" not in replace(listed, ended=True).text()


def test_a_delta_update_leaves_out_what_is_more_than_six_targets_from_the_end() -> None:
    """8216bis, 6.2.5.1: with the tags that belong to it; the init segment of what follows is named all the same."""
    segments = [segment(7 + n, 2000, start=2000 * n, discontinuity=n == 1) for n in range(8)]
    listed = MediaPlaylist(PLAN, "720p", [*segments, segment(15, 200, start=16_000, whole=False)], 3, False)
    assert (
        listed.text(Form.DELTA)
        .split("#EXT-X-DISCONTINUITY-SEQUENCE:3\n")[1]
        .startswith(
            text(
                """
            #EXT-X-SKIP:SKIPPED-SEGMENTS=2
            #EXT-X-MAP:URI="720p/init-abc.mp4"
            #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:04.000Z
            #EXTINF:2.00000,
            720p/9.m4s
            """
            )
        )
    )
    head = "#EXT-X-MEDIA-SEQUENCE:7\n"
    assert listed.text(Form.DELTA).split(head)[0] == listed.text().split(head)[0]
    assert listed.text().endswith(listed.text(Form.DELTA).split("720p/9.m4s\n")[1])


def test_a_delta_update_that_would_leave_out_nothing_is_all_of_it() -> None:
    listed = MediaPlaylist(PLAN, "720p", [segment(7 + n, 2000, start=2000 * n) for n in range(7)], 0, False)
    assert listed.text(Form.DELTA) == listed.text()


def test_a_classic_playlist_lists_whole_segments_alone() -> None:
    segments = [gap(6, 2000), segment(7, 200, 200, start=2000), segment(8, 200, start=2400, whole=False)]
    assert MediaPlaylist(PLAN, "720p", segments, 0, False, (Report("audio", 8, 0),)).text(Form.CLASSIC) == text(
        """
        #EXTM3U
        #EXT-X-VERSION:8
        #EXT-X-TARGETDURATION:2
        #EXT-X-MEDIA-SEQUENCE:6
        #EXT-X-DISCONTINUITY-SEQUENCE:0
        #EXT-X-MAP:URI="720p/init-abc.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z
        #EXT-X-GAP
        #EXTINF:2.00000,
        720p/6.m4s
        #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:02.000Z
        #EXTINF:0.40000,
        720p/7.m4s
        """
    )


@pytest.mark.parametrize("milliseconds", [0, 1, 7, 123, 499, 500, 999])
def test_dates_are_exact_to_the_millisecond(milliseconds: int) -> None:
    listed = listed_as(PLAN, "720p", [segment(0, 200, start=milliseconds)], 0, ended=False)
    assert f"T08:00:00.{milliseconds:03}Z" in listed


def test_a_multivariant_playlist_names_every_picture_best_first_and_the_sound_they_share() -> None:
    """RFC 8216, 4.3.4.1 and 4.3.4.2; a player begins with the first (6.3.1)."""
    variants = [
        Variant("1080p60", HIGH, 7_856_840, 6_000_001),
        Variant("720p", MIDDLE, 3_015_840, 2_100_000),
        Variant("480p", LOW, 1_470_840),
    ]
    assert multivariant_playlist("b1", variants, SOUND, independent=True) == text(
        """
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="b1/audio.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=7856840,AVERAGE-BANDWIDTH=6000001,SCORE=3.0,CODECS="avc1.640028,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=59.940,CLOSED-CAPTIONS=NONE,AUDIO="audio"
        b1/1080p60.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=3015840,AVERAGE-BANDWIDTH=2100000,SCORE=2.0,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,CLOSED-CAPTIONS=NONE,AUDIO="audio"
        b1/720p.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=1470840,SCORE=1.0,CODECS="avc1.64001e,mp4a.40.2",RESOLUTION=854x480,FRAME-RATE=29.970,CLOSED-CAPTIONS=NONE,AUDIO="audio"
        b1/480p.m3u8
        """
    )


def test_a_multivariant_playlist_of_the_hosts_own_picture_promises_no_independent_segments() -> None:
    assert multivariant_playlist("b1", [Variant("source", MIDDLE, 3_128_000)], SOUND, independent=False) == text(
        """
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="b1/audio.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=3128000,SCORE=1.0,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,CLOSED-CAPTIONS=NONE,AUDIO="audio"
        b1/source.m3u8
        """
    )


def test_a_multivariant_playlist_without_sound_promises_none() -> None:
    assert multivariant_playlist("b1", [Variant("480p", LOW, 1_339_000)], None, independent=True) == text(
        """
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-STREAM-INF:BANDWIDTH=1339000,SCORE=1.0,CODECS="avc1.64001e",RESOLUTION=854x480,FRAME-RATE=29.970,CLOSED-CAPTIONS=NONE
        b1/480p.m3u8
        """
    )


def test_a_multivariant_playlist_without_picture_is_of_sound_alone() -> None:
    assert multivariant_playlist("b1", [Variant("audio", None, 131_840, 128_000)], SOUND, independent=False) == text(
        """
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-STREAM-INF:BANDWIDTH=131840,AVERAGE-BANDWIDTH=128000,SCORE=1.0,CODECS="mp4a.40.2"
        b1/audio.m3u8
        """
    )


def test_a_classic_multivariant_playlist_names_classic_ones() -> None:
    listed = multivariant_playlist("b1", [Variant("480p", LOW, 1_339_000)], SOUND, True, Form.CLASSIC)
    assert "#EXT-X-VERSION:8\n" in listed
    assert 'URI="b1/audio.classic.m3u8"' in listed
    assert listed.endswith("\nb1/480p.classic.m3u8\n")


def test_a_reader_finds_every_variant_again() -> None:
    variants = [Variant("720p", MIDDLE, 3_000_000, 2_000_000), Variant("480p", LOW, 1_000_000)]
    read = m3u8.loads(multivariant_playlist("b1", variants, SOUND, independent=True))
    assert read.is_independent_segments
    assert [p.uri for p in read.playlists] == ["b1/720p.m3u8", "b1/480p.m3u8"]
    assert [p.stream_info.resolution for p in read.playlists] == [(1280, 720), (854, 480)]
    assert [p.stream_info.bandwidth for p in read.playlists] == [3_000_000, 1_000_000]
    assert [p.stream_info.average_bandwidth for p in read.playlists] == [2_000_000, None]
    assert [p.media[0].uri for p in read.playlists] == ["b1/audio.m3u8"] * 2


def test_a_reader_of_playlists_finds_it_all_again() -> None:
    other = segment(9, 200, 200, start=2550, discontinuity=True)
    other.init = "def"
    segments = [segment(7, 200, 200, 150), gap(8, 2000, 550), other, segment(10, 200, start=2950, whole=False)]
    read = m3u8.loads(listed_as(PLAN, "720p", segments, 4, ended=False))
    assert (read.media_sequence, read.discontinuity_sequence, read.target_duration) == (7, 4, 2)
    assert read.part_inf.part_target == 0.21334
    assert read.server_control.can_block_reload == "YES"
    assert [s.uri for s in read.segments if s.uri] == ["720p/7.m4s", "720p/8.m4s", "720p/9.m4s"]
    assert [s.duration for s in read.segments if s.uri] == [0.55, 2.0, 0.4]
    assert [bool(s.gap_tag) for s in read.segments if s.uri] == [False, True, False]
    assert [s.discontinuity for s in read.segments if s.uri] == [False, False, True]
    assert [s.init_section.uri for s in read.segments if s.uri][::2] == ["720p/init-abc.mp4", "720p/init-def.mp4"]
    assert [len(s.parts) for s in read.segments] == [3, 0, 2, 1]
    assert read.preload_hint.uri == "720p/10.1.m4s"
    assert not read.is_endlist


def test_names_of_files_say_what_they_are() -> None:
    assert (init_uri("0"), segment_uri(123), part_uri(123, 4)) == ("init-0.mp4", "123.m4s", "123.4.m4s")
