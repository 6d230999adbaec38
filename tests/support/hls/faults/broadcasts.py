"""A planted fault for each rule of the renditions of a broadcast, and of its multivariant playlist."""

from dataclasses import replace

from tests.support.hls import rules
from tests.support.hls.faults.planting import (
    SOUND,
    Fault,
    fault,
    in_all,
    in_last,
    in_masters,
    in_single,
    swap,
    swap_pattern,
    with_told,
    without,
)
from tests.support.hls.faults.playlists import shifted
from tests.support.hls.legal import Record

_LATE = 30
"""Parts: three segments."""


def _lags(record: Record) -> Record:
    """At the end the sound is told where it was long ago."""
    told = record.playlists[SOUND]
    late = replace(told[-_LATE], asked_at=told[-1].at + 0.1, at=told[-1].at + 0.2)
    return with_told(record, SOUND, (*told[:-_LATE], late))


def _numbers_missing(record: Record) -> Record:
    """Of the sound there is nothing between its first playlist and its last."""
    told = record.playlists[SOUND]
    last = next(each for each in reversed(told) if "EXT-X-SKIP" not in each.text)
    return with_told(record, SOUND, (told[0], replace(last, msn=None, part=None)))


BROADCASTS: tuple[Fault, ...] = (
    fault(rules.REPORTS, "nothing is reported of the sound", in_last(without('#EXT-X-RENDITION-REPORT:URI="audio'))),
    fault(
        rules.REPORT_AHEAD,
        "the sound is said to be at segment 999",
        in_last(swap_pattern(r'("audio.m3u8",LAST-MSN=)\d+', r"\g<1>999"), before=4),
    ),
    fault(
        rules.REPORT_STALE,
        "of the other picture a part is reported of long ago",
        in_last(swap_pattern(r'("120p.m3u8",LAST-MSN=)\d+', r"\g<1>3")),
    ),
    fault(
        rules.SAME_TARGETS,
        "the sound has a target of its own",
        in_single(
            lambda text: swap(",HOLD-BACK=6.0", ",HOLD-BACK=9.0")(
                swap("UNTIL=12.0", "UNTIL=18.0")(swap("TARGETDURATION:2", "TARGETDURATION:3")(text))
            ),
            SOUND,
        ),
    ),
    fault(rules.SAME_NUMBERS, "of the sound some numbers are left out", _numbers_missing, media=True),
    fault(rules.IN_STEP, "the sound comes three segments late", _lags, "report-ahead"),
    fault(
        rules.SAME_BREAKS,
        "the sound counts a discontinuity more",
        in_all(swap("DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:1"), SOUND),
    ),
    fault(rules.SAME_DATES, "the sound is dated 60 ms later", in_all(shifted(60), SOUND)),
    fault(rules.MASTER_GRAMMAR, "it begins with its version", in_masters(swap("#EXTM3U\n", ""))),
    fault(rules.AUDIO_GROUP, "a group that is not there", in_masters(swap(',AUDIO="audio"', ',AUDIO="x"'))),
    fault(rules.SCORE, "one variant has no SCORE", in_masters(swap("SCORE=1.0,", ""))),
    fault(
        rules.AVERAGE,
        "the average is above the peak",
        in_masters(swap_pattern(r"AVERAGE-BANDWIDTH=\d+", "AVERAGE-BANDWIDTH=99999999")),
    ),
    fault(
        rules.BANDWIDTH,
        "the peak is said to be 50 kbit/s",
        in_masters(swap_pattern(r":BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+", ":BANDWIDTH=50000")),
        media=True,
    ),
    fault(rules.CODECS, "another profile of H.264", in_masters(swap_pattern(r"avc1\.\w+", "avc1.4d401f")), media=True),
    fault(rules.RESOLUTION, "a size that is not there", in_masters(swap("240x180", "320x180")), media=True),
    fault(rules.FRAME_RATE, "twice the frames", in_masters(swap("RATE=30.000", "RATE=60.000")), media=True),
)
