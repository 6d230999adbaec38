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
_SHORTEST_PART = 0.15  # seconds; a PART-TARGET of one's own is the first above this that is filled well
_STAMP_JITTER = 0.002
_ROUNDING = 0.2  # seconds a GOP may exceed TARGETDURATION, against which lengths count rounded (RFC 8216, 4.3.3.1)
_ANNOUNCED = 2 * TIMELINE
_PROMISED = 3 * TIMELINE
_MEASURED = TIMELINE // 2
_MOST_BYTES = 32 << 20
_PACKET_COST = 256  # bytes that a held packet takes beside its data, roughly


class Opening:
    """Holds the first packets of a broadcast until its ``Plan`` is known.

    Waits at most ``LONGEST_TARGET_DURATION`` for the second keyframe, 2 s for a second track to be announced, 3 s for
    the first packet of one that was; and holds at most 32 MiB. What is known then decides.
    """

    def __init__(self) -> None:
        self.packets: list[TimedPacket] = []
        self.tracks: dict[Kind, Track] = {}
        self.plan: Plan | None = None
        self._seen: set[Kind] = set()
        self._keyframes: list[int] = []  # decode times of the first two
        self._bytes = 0

    def track(self, track: Track) -> None:
        """A track is announced, or announced anew."""
        self.tracks[track.kind] = track

    def packet(self, packet: TimedPacket) -> None:
        """Take the next packet; ``plan`` is set once enough is known."""
        self.packets.append(packet)
        self._bytes += len(packet.data)
        self._seen.add(packet.kind)
        if packet.kind is Kind.VIDEO and packet.keyframe and len(self._keyframes) < 2:
            self._keyframes.append(packet.dts)
        span = packet.dts - self.packets[0].dts
        full = self._bytes + len(self.packets) * _PACKET_COST > _MOST_BYTES
        if full or span >= LONGEST_TARGET_DURATION * TIMELINE:
            self.plan = self._measure(LONGEST_TARGET_DURATION)
        elif span < max(map(self._patience, Kind)):
            return
        elif Kind.VIDEO not in self._seen:
            self.plan = self._measure(SOUND_TARGET_DURATION)
        elif len(self._keyframes) > 1 and packet.dts - self._keyframes[0] >= _MEASURED:
            interval = (self._keyframes[1] - self._keyframes[0]) / TIMELINE
            fitting = math.ceil(interval - _ROUNDING)
            self.plan = self._measure(min(max(fitting, TARGET_DURATION), LONGEST_TARGET_DURATION))

    def _patience(self, kind: Kind) -> int:
        if kind in self._seen:
            return 0
        return _PROMISED if kind in self.tracks else _ANNOUNCED

    def _measure(self, target_duration: int) -> Plan:
        video, audio = None, None
        frames: list[float] = []
        if Kind.VIDEO in self.tracks and Kind.VIDEO in self._seen:
            avc = parse_avc(self.tracks[Kind.VIDEO].config)
            frames.append(self._frame_seconds(avc))
            video = VideoFormat(avc.codecs, avc.display_width, avc.height, round(1 / frames[0], 3))
        if Kind.AUDIO in self.tracks and Kind.AUDIO in self._seen:
            aac = parse_aac(self.tracks[Kind.AUDIO].config)
            frames.append(aac.frame_length / aac.sample_rate)
            audio = audio_format(aac)
        if video is None:
            target_duration = SOUND_TARGET_DURATION
        span = max(self.packets[-1].dts - self.packets[0].dts, 1)
        return Plan(video, audio, target_duration, fit_part_target(*frames), self._bytes * 8 * TIMELINE // span)

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


def fit_part_target(*frames: float) -> int:
    """Return the PART-TARGET (10 µs) for tracks whose frames last ``frames`` (seconds).

    The usual one, if whole frames of each fill it well; else the shortest longer than 0.15 s that they do.
    """
    usual = PART_TARGET / PART_UNIT
    longest = max(frames, default=usual)
    own = sorted(
        length
        for frame in frames
        for count in range(1, 2 + int(max(2 * usual, longest) / frame))
        if (length := count * frame + _STAMP_JITTER) >= max(_SHORTEST_PART, longest)
    )
    for target in (usual, *own):
        if all(int(target / frame) * frame >= _FULLNESS * target for frame in frames):
            return PART_TARGET if target == usual else math.ceil(target * PART_UNIT)
    return math.ceil((longest + _STAMP_JITTER) * PART_UNIT)
