"""What a single media playlist has to keep, whatever others said before. Pure."""

from itertools import zip_longest

from tests.support.hls import rules
from tests.support.hls.findings import Place
from tests.support.hls.reader import Entry, Playlist

_LEAST_PARTS = 3
_HOLD_BACK_TARGETS, _SKIP_TARGETS, PART_TARGETS = 3, 6, 3
_FULLNESS = 0.85
SOUND_FRAME = 0.025
"""Seconds: AAC at 44,100 Hz has frames of 23 ms. A hole that is shorter cannot be filled."""
TORN = 0.5
"""Seconds that may be missing where one host takes over from another: sound and picture do not end together."""
DIGIT = 0.5e-5
"""Durations are told to five digits."""
CLOSE = 0.01
"""Seconds: what is that near to a boundary may be on either side of it, for the rounding."""
_NEEDS = {
    "EXT-X-MAP": 6,  # beside segments
    "EXT-X-GAP": 8,
    "EXT-X-SKIP": 9,
    "EXT-X-PART": 9,
    "EXT-X-PART-INF": 9,
    "EXT-X-PRELOAD-HINT": 9,
    "EXT-X-RENDITION-REPORT": 9,
    "EXT-X-SERVER-CONTROL": 9,
}
"""The protocol version that a tag needs, or comes with."""


def check_sheet(text: str, playlist: Playlist, place: Place) -> None:
    """Hold ``playlist``, which is ``text``, to the rules of all playlists."""
    place.hold(rules.EXTM3U, text.startswith("#EXTM3U\n"), repr(text[:20]))
    for problem in playlist.problems:
        place.hold(rules.GRAMMAR, False, problem)
    for tag in playlist.tags & _NEEDS.keys():
        place.hold(rules.VERSION, playlist.version >= _NEEDS[tag], f"version {playlist.version} and {tag}")
    if playlist.target is None:
        place.hold(rules.GRAMMAR, False, "there is no EXT-X-TARGETDURATION")
        return
    _check_control(playlist, playlist.target, place)
    for entry, following in zip_longest(playlist.entries, playlist.entries[1:]):
        _check_entry(entry, playlist, playlist.target, place)
        if entry.duration is not None and entry.parts and not entry.gap:
            _check_sum(entry, entry.duration, following is not None and following.torn, playlist, place)
    _check_places(playlist, playlist.target, place)


def _check_control(playlist: Playlist, target: float, place: Place) -> None:
    def least(rule: rules.Rule, name: str, limit: float) -> None:
        said = playlist.control.get(name)
        place.hold(rule, said is None or float(said) >= limit - DIGIT, f"{name}={said}, not {limit:g}")

    least(rules.HOLD_BACK, "HOLD-BACK", _HOLD_BACK_TARGETS * target)
    least(rules.CAN_SKIP, "CAN-SKIP-UNTIL", _SKIP_TARGETS * target)
    if playlist.part_target is not None:
        least(rules.PART_HOLD_BACK, "PART-HOLD-BACK", _LEAST_PARTS * playlist.part_target)
        place.hold(rules.PART_HOLD_BACK, "PART-HOLD-BACK" in playlist.control, "there is none")
        offered = playlist.control.get("CAN-BLOCK-RELOAD") == "YES"
        place.hold(rules.CAN_BLOCK, offered, f"EXT-X-SERVER-CONTROL has {playlist.control}")


def _check_entry(entry: Entry, playlist: Playlist, target: float, place: Place) -> None:
    number = entry.number
    place.hold(rules.DATED, entry.date is not None, f"segment {number}")
    place.hold(rules.MAP, entry.init is not None or not _has_media(entry), f"segment {number}")
    if entry.gap:
        place.hold(rules.GAP_BARE, not entry.parts, f"segment {number} has {len(entry.parts)} parts")
    if entry.duration is not None:
        place.hold(
            rules.EXTINF, round(entry.duration) <= target, f"segment {number}: {entry.duration} s, target {target:g}"
        )
    if playlist.part_target is None:
        place.hold(rules.GRAMMAR, not entry.parts, f"segment {number} has parts, and there is no EXT-X-PART-INF")
        return
    longest = playlist.part_target
    last = len(entry.parts) - 1
    for index, part in enumerate(entry.parts):
        seen = f"part {number}.{index}: {part.duration} s, PART-TARGET {longest}"
        place.hold(rules.PART_LONGEST, part.duration <= longest + DIGIT, seen)
        if index < last:  # the last one may be so as its segment ends; of a segment that grows nobody knows yet
            place.hold(rules.PART_SHORTEST, part.duration >= _FULLNESS * longest - DIGIT, seen)


def _check_sum(entry: Entry, lasts: float, torn: bool, playlist: Playlist, place: Place) -> None:
    """``torn``: whether a discontinuity follows: what comes before it may lack some."""
    rounding = (len(entry.parts) + 1) * DIGIT
    stands = any(part.duration >= (playlist.part_target or 0.0) for part in entry.parts)
    least = -lasts if stands else -TORN if torn else -SOUND_FRAME
    off = sum(part.duration for part in entry.parts) - lasts
    seen = f"segment {entry.number}: {off:+.5f} s from its EXTINF of {lasts}"
    place.hold(rules.PARTS_SUM, min(least, -rounding) <= off <= rounding, seen)


def _has_media(entry: Entry) -> bool:
    return bool(entry.parts) or (entry.uri is not None and not entry.gap)


def _check_places(playlist: Playlist, target: float, place: Place) -> None:
    """What depends on how far it is from the end."""
    ends = playlist.ends()
    for entry, end in zip(playlist.entries, ends, strict=True):
        seen = f"segment {entry.number}, {end:.2f} s from the end"
        place.hold(rules.PARTS_LEAVE, not entry.parts or end <= PART_TARGETS * target + CLOSE, seen)
    if playlist.ended:
        place.hold(rules.NO_HINT_AT_END, playlist.hint is None, f"hinted at {playlist.hint}")
        grows = [entry.number for entry in playlist.entries if entry.uri is None]
        place.hold(rules.NO_HINT_AT_END, not grows, f"segment {grows} grows")
    if playlist.skipped:
        # What was skipped ends where the first that is listed begins.
        listed = sum(entry.seconds for entry in playlist.entries)
        until = float(playlist.control.get("CAN-SKIP-UNTIL", "inf"))
        seen = f"{playlist.skipped} skipped up to {listed:.2f} s from the end, CAN-SKIP-UNTIL={until:g}"
        place.hold(rules.SKIP_BOUNDARY, listed > until - CLOSE, seen)
