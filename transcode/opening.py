"""The opening of a broadcast: what its first GOP tells of all that stays fixed from then on. Pure, no I/O.

TARGETDURATION and PART-TARGET may not change while a playlist lives (RFC 8216bis, 6.2.1), and a ``source`` room has
the host's keyframes and frame rate to live with. So the first GOP is held until it is whole, and measured.
"""

import math
from itertools import pairwise
from statistics import median

from ingest.media import Kind, Track
from transcode.cmaf.codecs import AacConfig, AvcConfig, parse_aac, parse_avc
from transcode.media import TIMELINE, AudioFormat, Plan, TimedPacket, VideoFormat

TARGET_DURATION = 4
"""Seconds; keyframes may be this far apart without the host being told to change them."""
LONGEST_TARGET_DURATION = 10
SOUND_TARGET_DURATION = 2
PART_TARGET = 21_334
"""In 10 µs: ten AAC frames at 48 kHz."""
PART_UNIT = 100_000
"""PART-TARGET units in a second."""
_FULLNESS = 0.85  # RFC 8216bis, 4.4.4.9: parts other than the last are at least this full
_PART_ABOUT = 0.2
_STAMP_JITTER = 0.002
_SECOND_TRACK = 2 * TIMELINE
_PROMISED_PICTURE = 3 * TIMELINE
_MEASURED = TIMELINE // 2
_MOST_BYTES = 32 << 20


class Opening:
    """Holds the first packets of a broadcast until its ``Plan`` is known.

    Waits at most ``LONGEST_TARGET_DURATION`` for the second keyframe, 2 s for a second track to be announced, 3 s for
    the picture of one that was; and holds at most 32 MiB. What is known then decides.
    """

    def __init__(self) -> None:
        self.packets: list[TimedPacket] = []
        self.tracks: dict[Kind, Track] = {}
        self.plan: Plan | None = None
        self._bytes = 0

    def track(self, track: Track) -> None:
        """A track is announced, or announced anew."""
        self.tracks[track.kind] = track

    def packet(self, packet: TimedPacket) -> None:
        """Take the next packet; ``plan`` is set once enough is known."""
        self.packets.append(packet)
        self._bytes += len(packet.data)
        span = packet.dts - self.packets[0].dts
        full = self._bytes > _MOST_BYTES
        if len(self.tracks) < len(Kind) and span < _SECOND_TRACK and not full:
            return
        frames = [p for p in self.packets if p.kind is Kind.VIDEO]
        if not frames and (Kind.VIDEO not in self.tracks or span >= _PROMISED_PICTURE):
            self.plan = self._measure(SOUND_TARGET_DURATION)
            return
        keyframes = [p.dts for p in frames if p.keyframe]
        waited = span >= LONGEST_TARGET_DURATION * TIMELINE or full
        if waited:
            self.plan = self._measure(LONGEST_TARGET_DURATION)
        elif len(keyframes) > 1 and packet.dts - keyframes[0] >= _MEASURED:
            interval = (keyframes[1] - keyframes[0]) / TIMELINE
            self.plan = self._measure(min(max(math.ceil(interval), TARGET_DURATION), LONGEST_TARGET_DURATION))

    def _measure(self, target_duration: int) -> Plan:
        seen = {packet.kind for packet in self.packets}
        video, audio = None, None
        part_target = PART_TARGET
        if Kind.VIDEO in self.tracks and Kind.VIDEO in seen:
            avc = parse_avc(self.tracks[Kind.VIDEO].config)
            frame = self._frame_seconds(avc)
            part_target = fit_part_target(frame)
            video = VideoFormat(avc.codecs, avc.display_width, avc.height, round(1 / frame, 3))
        if Kind.AUDIO in self.tracks and Kind.AUDIO in seen:
            audio = audio_format(parse_aac(self.tracks[Kind.AUDIO].config))
        span = max(self.packets[-1].dts - self.packets[0].dts, 1)
        return Plan(video, audio, target_duration, part_target, self._bytes * 8 * TIMELINE // span)

    def _frame_seconds(self, avc: AvcConfig) -> float:
        stamps = [packet.dts for packet in self.packets if packet.kind is Kind.VIDEO]
        gaps = [after - before for before, after in pairwise(stamps)]
        measured = median(gaps) / TIMELINE if gaps else 0.0
        # Stamps are whole milliseconds: where the stream's own rate agrees with them it is the exact one.
        if avc.frame_rate and abs(1 / avc.frame_rate - measured) <= _STAMP_JITTER / 2:
            return float(1 / avc.frame_rate)
        if gaps and (mean := (stamps[-1] - stamps[0]) / len(gaps) / TIMELINE) and abs(mean - measured) < _STAMP_JITTER:
            return mean
        return measured or (float(1 / avc.frame_rate) if avc.frame_rate else 1 / 30)


def audio_format(aac: AacConfig) -> AudioFormat:
    """Return what players are told of ``aac``."""
    return AudioFormat(aac.codecs, aac.sample_rate, aac.channels)


def fit_part_target(frame: float) -> int:
    """Return the PART-TARGET (10 µs) for frames of ``frame`` seconds: the usual one if whole frames fill it well."""
    usual = PART_TARGET / PART_UNIT
    fitting = int(usual / frame)
    if fitting and fitting * frame >= _FULLNESS * usual:
        return PART_TARGET
    frames = max(1, round(_PART_ABOUT / frame))
    return math.ceil((frames * frame + _STAMP_JITTER) * PART_UNIT)
