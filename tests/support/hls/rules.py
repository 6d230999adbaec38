"""The rules that the checker holds a room to: which are in the specifications, and what else Veilcast promises.

    python -m tests.support.hls.rules

prints them, each with the fault that is planted to see that it is found. "8216" is RFC 8216, "8216bis" is
draft-pantos-hls-rfc8216bis; "Veilcast" stands for promises of our own.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its ``name``, the ``section`` that states it, and what it says."""

    name: str
    section: str
    text: str


RULES: list[Rule] = []


def _rule(name: str, section: str, text: str) -> Rule:
    RULES.append(Rule(name, section, text))
    return RULES[-1]


# --- one media playlist ------------------------------------------------------------------------------------------

EXTM3U = _rule("extm3u", "8216bis, 4.4.1.1", "The first line is EXTM3U.")
VERSION = _rule("version", "8216bis, 4.4.1.2 and 8", "EXT-X-VERSION is enough for the tags that are used.")
GRAMMAR = _rule(
    "grammar", "8216bis, 4.1 and 4.2", "Each line is a URI or a well-formed known tag; tags of the playlist come once."
)
HOLD_BACK = _rule("hold-back", "8216bis, 4.4.3.8", "HOLD-BACK is at least three target durations.")
PART_HOLD_BACK = _rule(
    "part-hold-back", "8216bis, 4.4.3.8", "PART-HOLD-BACK is at least three part targets, as it should be."
)
CAN_SKIP = _rule("can-skip-until", "8216bis, 4.4.3.8", "CAN-SKIP-UNTIL is at least six target durations.")
CAN_BLOCK = _rule("can-block-reload", "8216bis, B.1", "A playlist with parts offers blocking reloads.")
EXTINF = _rule("extinf", "8216bis, 4.4.3.1", "A segment's duration, rounded, is no longer than the target.")
PART_LONGEST = _rule("part-longest", "8216bis, 4.4.4.9", "A part is no longer than PART-TARGET.")
PART_SHORTEST = _rule(
    "part-shortest",
    "8216bis, 4.4.4.9",
    "A part is 85 % of PART-TARGET or longer, unless it is the last one before a segment ends.",
)
PARTS_SUM = _rule(
    "parts-sum",
    "Veilcast",
    "Parts add up to their segment, to the rounding. Less than a frame of sound may be missing, half a second before a"
    " discontinuity, and what it takes where one frame outlasts PART-TARGET.",
)
MAP = _rule("map", "8216bis, 4.4.4.5", "All that has media has an EXT-X-MAP.")
DATED = _rule("dated", "Veilcast", "Each segment has an EXT-X-PROGRAM-DATE-TIME.")
NO_HINT_AT_END = _rule("ended-for-good", "8216bis, 4.4.3.4", "After EXT-X-ENDLIST nothing is hinted at or grows.")
SKIP_BOUNDARY = _rule(
    "skip-boundary", "8216bis, 6.2.5.1", "A Delta Update skips only what is further from the end than CAN-SKIP-UNTIL."
)
GAP_BARE = _rule("gap-bare", "8216bis, 4.4.4.7", "A gap has no parts to be had.")

# --- the playlists of a rendition, one after the other -------------------------------------------------------------

TARGET_FIXED = _rule("target-fixed", "8216bis, 4.4.3.1 and 6.2.1", "TARGETDURATION never changes.")
PART_TARGET_FIXED = _rule("part-target-fixed", "8216bis, 4.4.3.7 and 6.2.1", "PART-TARGET never changes.")
CONTROL_FIXED = _rule("control-fixed", "8216bis, 4.4.3.8", "EXT-X-SERVER-CONTROL never changes.")
MEDIA_SEQUENCE = _rule(
    "media-sequence", "8216bis, 6.2.2", "MEDIA-SEQUENCE never goes back, and goes on by the segments that left."
)
DISCONTINUITY_SEQUENCE = _rule(
    "discontinuity-sequence",
    "8216bis, 6.2.2",
    "DISCONTINUITY-SEQUENCE never goes back, and goes on by the discontinuities that left.",
)
EDGE = _rule("edge", "8216bis, 6.2.1", "The live edge never goes back.")
APPENDED = _rule("appended", "8216bis, 6.2.1", "Segments come at the end alone.")
SEGMENT_FIXED = _rule("segment-fixed", "8216bis, 6.2.1", "A segment that was listed stays as it was.")
PART_FIXED = _rule("part-fixed", "8216bis, 6.2.1", "A part that was listed stays as it was.")
PARTS_STAY = _rule(
    "parts-stay", "8216bis, 4.4.4.9", "Parts are listed until they are three target durations from the end."
)
PARTS_LEAVE = _rule(
    "parts-leave", "8216bis, 4.4.4.9", "Parts that are more than three target durations from the end are not listed."
)
LENGTH = _rule(
    "length",
    "8216bis, 6.2.2",
    "A playlist is never shortened to less than three target durations, but by a server that lost all it had.",
)
ENDLIST = _rule("endlist", "8216bis, 4.4.3.4", "EXT-X-ENDLIST is not taken back, and nothing comes after it.")
BLOCKING = _rule("blocking", "8216bis, 6.2.5.2", "A blocking reload is answered with what it waited for.")
DATES = _rule(
    "dates",
    "Veilcast",
    "A segment is dated where the one before ends, to 5 ms: players subtract dates from each other.",
)
DATES_FORWARD = _rule("dates-forward", "Veilcast", "Programme time does not go back.")
HINT = _rule("preload-hint", "8216bis, 4.4.5.3 and 6.2.6", "EXT-X-PRELOAD-HINT names the part that comes next.")
HINT_AT_END = _rule(
    "hint-at-end",
    "8216bis, 4.4.5.3 and 6.2.6",
    "Once a segment has all its parts the first one of the next segment is hinted at.",
)
DELTA = _rule("delta", "8216bis, 6.2.5.1", "A Delta Update and what was told before say what all of it says.")

# --- the renditions of a broadcast ---------------------------------------------------------------------------------

REPORTS = _rule("rendition-reports", "8216bis, 4.4.5.4 and B.1", "Each other rendition has its EXT-X-RENDITION-REPORT.")
REPORT_AHEAD = _rule("report-ahead", "8216bis, 4.4.5.4", "A report is not ahead of its rendition.")
REPORT_STALE = _rule(
    "report-stale",
    "Veilcast",
    "A report knows what its rendition had listed when the playlist before was asked for: a part and its duration ago.",
)
SAME_TARGETS = _rule("same-targets", "8216bis, 6.2.4", "All renditions have the same target duration.")
SAME_NUMBERS = _rule("same-numbers", "Veilcast", "All renditions list the same media sequence numbers.")
IN_STEP = _rule("in-step", "Veilcast", "No rendition lags more than a target duration behind another.")
SAME_BREAKS = _rule(
    "same-discontinuities",
    "8216bis, 6.2.4",
    "A media sequence number has the same Discontinuity Sequence Number in all renditions.",
)
SAME_DATES = _rule(
    "same-dates", "8216bis, 6.2.4", "A media sequence number has the same programme time in all renditions, to a frame."
)

# --- the multivariant playlist -------------------------------------------------------------------------------------

MASTER_GRAMMAR = _rule(
    "master-grammar", "8216bis, 4.4.6", "A multivariant playlist begins with EXTM3U, and has well-formed known tags."
)
RESOLVES = _rule("resolves", "8216bis, 4.4.6", "Every playlist that is named is there.")
AUDIO_GROUP = _rule("audio-group", "8216bis, 4.4.6.2", "The AUDIO group of a variant is there.")
SCORE = _rule("score", "8216bis, 4.4.6.2", "All variants have a SCORE, or none.")
AVERAGE = _rule("average-bandwidth", "8216bis, 4.4.6.2", "AVERAGE-BANDWIDTH is no higher than BANDWIDTH.")
BANDWIDTH = _rule(
    "bandwidth", "8216, 4.1", "BANDWIDTH is the peak of picture and sound, to 10 %: of all runs of about a target."
)
CODECS = _rule("codecs", "8216bis, 4.4.6.2", "CODECS says what the init segments say.")
RESOLUTION = _rule("resolution", "8216bis, 4.4.6.2", "RESOLUTION is the size of the decoded picture.")
FRAME_RATE = _rule("frame-rate", "8216bis, 4.4.6.2", "FRAME-RATE is the most frames a second that there are, to 2 %.")
INDEPENDENT = _rule(
    "independent-segments", "8216bis, 4.4.2.1", "Where independent segments are claimed all begin with a keyframe."
)

# --- media ---------------------------------------------------------------------------------------------------------

INIT = _rule("init", "8216bis, 3.1.2", "An init segment has one track, of a codec that we send, and no samples.")
CHUNK = _rule(
    "chunk", "ISO/IEC 23000-19, 7.3.2.3", "A part is a CMAF chunk: a moof and its mdat, whose samples it has."
)
DECODES = _rule("decodes", "8216bis, 3", "A segment can be decoded with its init segment alone.")
PART_KEY = _rule("part-key", "8216bis, 4.4.4.9", "A part that is marked INDEPENDENT has a keyframe (IDR).")
PART_UNMARKED = _rule("part-unmarked", "Veilcast", "A part that begins with a keyframe (IDR) is marked INDEPENDENT.")
WHOLE = _rule("whole", "8216bis, 4.4.4.9", "The parts of a segment, one after the other, are the segment.")
SEGMENT_LENGTH = _rule(
    "segment-length",
    "8216bis, 4.4.4.1",
    "EXTINF is how long its media lasts, to a frame; before a discontinuity and the end half a second may be missing.",
)
PART_LENGTH = _rule(
    "part-length", "8216bis, 4.4.4.9", "A part's DURATION is how long its media lasts, to 1 ms, or is PART-TARGET."
)
CONTINUOUS = _rule(
    "continuous",
    "8216bis, 6.2.1",
    "Media goes on where it ended, to 1 ms, but at gaps and discontinuities; no whole frame is missing in between.",
)
TOGETHER = _rule(
    "together", "8216bis, 6.2.4", "Picture and sound of the same number begin within a frame of each other."
)

# --- HTTP ----------------------------------------------------------------------------------------------------------

THERE = _rule("there", "8216bis, 6.2.1", "What is listed can be had.")
CORS = _rule("cors", "Veilcast", "Players on other sites may read every answer, errors too.")
TYPES = _rule("types", "8216bis, 4", "Playlists are application/vnd.apple.mpegurl, media is video/mp4 or audio/mp4.")
CACHING = _rule("caching", "Veilcast", "Media may be kept for a day, a playlist no longer than until there is news.")
AT_ONCE = _rule("at-once", "8216bis, 6.2.5.2", "Who waits for nothing is answered at once.")
HELD = _rule("held", "8216bis, 6.2.6", "A part that was hinted at is held until it is there, and is then that part.")
TOO_FAR = _rule("too-far", "8216bis, 6.2.5.2", "Who waits for what is too far ahead is answered with 400.")
PART_ALONE = _rule("part-alone", "8216bis, 6.2.5.2", "_HLS_part without _HLS_msn is answered with 400.")
MALFORMED = _rule("malformed", "8216bis, 6.2.5", "A directive that is no number is answered with 400.")
COMPRESSED = _rule("compressed", "Veilcast", "A playlist comes compressed for who can read that, and is the same.")
CLASSIC = _rule("classic", "Veilcast", "NAME.classic.m3u8 lists the same whole segments, and no tag of low latency.")
GAP_404 = _rule("gap-404", "8216bis, 4.4.4.7", "A gap has no media: it is answered with 404.")
KEPT = _rule(
    "kept",
    "8216bis, 6.2.2",
    "A segment that left can be had for as long as it lasts and the longest playlist that named it.",
)
GONE = _rule("gone-404", "8216bis, 6.2.2", "What is gone is answered with 404, at once.")


def main() -> None:
    from tests.support.hls.faults.table import FAULTS  # needs the decoders, the table does not

    planted = {fault.rule.name: fault.text for fault in FAULTS}
    for rule in RULES:
        print(f"{rule.name}\n    {rule.section}: {rule.text}\n    fault: {planted[rule.name]}")
    print(f"{len(RULES)} rules")


if __name__ == "__main__":
    main()
