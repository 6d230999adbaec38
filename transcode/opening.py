"""The opening of a broadcast: what its first packets tell of all that stays fixed from then on. Pure, no I/O.

TARGETDURATION and PART-TARGET may not change while a playlist lives (RFC 8216bis, 6.2.1). A room with a ``source`` rung
has the host's keyframes and frame rate to live with: its first GOP is held until it is whole, and measured. One that is
transcoded altogether makes its own, and waits no longer than the frame rate takes to measure.
"""

import math
from itertools import pairwise
from statistics import median

from ingest.media import Kind, Track
from transcode.cmaf.codecs import PLAYABLE, parse_audio, parse_video
from transcode.cmaf.config import AudioConfig, VideoConfig
from transcode.ladder import SOUND_RATE, Encoding, constant_rate, rungs_for, sound_for
from transcode.media import SOURCE, TIMELINE, FrameRate, Plan, Rung, Sound, TimedPacket

TARGET_DURATION = 4
"""Seconds; keyframes may be this far apart without the host being told to change them."""
LONGEST_TARGET_DURATION = 10
OWN_TARGET_DURATION = 2
"""Seconds; where segments are as long as we make them, or there is sound alone."""
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
_FEW = 5  # frames; a picture that comes more slowly is measured for longer
_SOUND_FRAME = 1024  # samples
_MOST_BYTES = 32 << 20
_PACKET_COST = 256  # bytes that a held packet takes beside its data, roughly


class Opening:
    """Holds the first packets of a broadcast until its ``Plan`` is known.

    Waits at most ``LONGEST_TARGET_DURATION`` for what it has to measure, 2 s for a second track to be announced, 3 s
    for the first packet of one that was; and holds at most 32 MiB. What is known then decides.
    """

    def __init__(self, encoding: Encoding) -> None:
        self.packets: list[TimedPacket] = []
        self.tracks: dict[Kind, Track] = {}
        self.plan: Plan | None = None
        self.claimed_rate = 0.0
        """Frames a second as the host's metadata has it; 0 where it has not."""
        self._encoding = encoding
        self._seen: set[Kind] = set()
        self._stamps: list[int] = []  # decode times of the picture
        self._keyframes: list[int] = []  # decode times of the first two
        self._bytes = 0

    @property
    def passes_on(self) -> bool:
        """Whether players get the host's own picture."""
        return self._encoding.ladder.source

    def track(self, track: Track) -> None:
        """A track is announced, or announced anew."""
        self.tracks[track.kind] = track

    def packet(self, packet: TimedPacket) -> None:
        """Take the next packet; ``plan`` is set once enough is known."""
        self.packets.append(packet)
        self._bytes += len(packet.data)
        self._seen.add(packet.kind)
        if packet.kind is Kind.VIDEO:
            self._stamps.append(packet.dts)
            if packet.keyframe and len(self._keyframes) < 2:
                self._keyframes.append(packet.dts)
        span = packet.dts - self.packets[0].dts
        full = self._bytes + len(self.packets) * _PACKET_COST > _MOST_BYTES
        if full or span >= LONGEST_TARGET_DURATION * TIMELINE:
            self.plan = self._measure(LONGEST_TARGET_DURATION)
        elif self._makes_its_own and Kind.VIDEO in self.tracks and (Kind.VIDEO in self._seen or span < _PROMISED):
            # Sound that comes later has its place: a transcoded broadcast with a picture always lists it.
            if self._timed:
                self.plan = self._measure(OWN_TARGET_DURATION)
        elif span < max(map(self._patience, Kind)):
            return
        elif Kind.VIDEO not in self._seen:
            self.plan = self._measure(OWN_TARGET_DURATION)
        elif len(self._keyframes) > 1 and packet.dts - self._keyframes[0] >= _MEASURED:
            interval = (self._keyframes[1] - self._keyframes[0]) / TIMELINE
            fitting = math.ceil(interval - _ROUNDING)
            self.plan = self._measure(min(max(fitting, TARGET_DURATION), LONGEST_TARGET_DURATION))

    @property
    def _makes_its_own(self) -> bool:
        """Whether nothing of the host's own picture is passed on."""
        return not self._encoding.ladder.source and self._encoding.ladder.transcodes

    @property
    def _timed(self) -> bool:
        """Whether the picture has come for long enough to tell its frame rate."""
        if not self._keyframes:
            return False
        seen = self._stamps[-1] - self._keyframes[0]
        return seen >= _MEASURED and (len(self._stamps) >= _FEW or seen >= _ANNOUNCED)

    def _patience(self, kind: Kind) -> int:
        if kind in self._seen:
            return 0
        return _PROMISED if kind in self.tracks else _ANNOUNCED

    def _measure(self, target_duration: int) -> Plan:
        sound = self._sound()
        if Kind.VIDEO not in self.tracks or Kind.VIDEO not in self._seen:
            return self._of_sound(sound)
        picture = parse_video(self.tracks[Kind.VIDEO])
        frame = self._frame_seconds(picture)
        own = Rung(SOURCE, picture.display_width, picture.height, 1, self._bit_rate(Kind.VIDEO))
        if not self._encoding.ladder.transcodes:
            rate = FrameRate(round(1000 / frame), 1000)
            if sound is None or Kind.AUDIO not in self._seen:
                return self._plan((own,), None, rate, target_duration, fit_part_target(frame))
            part_target = fit_part_target(frame, self._sound_seconds(sound))
            return self._plan((own,), self._own_sound(sound), rate, target_duration, part_target)
        rate = constant_rate(1 / frame, (float(picture.frame_rate or 0), self.claimed_rate))
        rungs = rungs_for(self._encoding.ladder, own.width, own.height, rate)
        made = sound_for(sound.channels if sound else 2, self._encoding.loudness)
        if self._makes_its_own:
            return self._plan(rungs, made, rate, target_duration, PART_TARGET)
        part_target = fit_part_target(frame, 1 / float(rate), _SOUND_FRAME / SOUND_RATE)
        return self._plan((own, *rungs), made, rate, target_duration, part_target)

    def _of_sound(self, sound: AudioConfig | None) -> Plan:
        """A broadcast without a picture."""
        still = FrameRate(0, 1)
        if self._encoding.ladder.transcodes:
            made = sound_for(sound.channels if sound else 2, self._encoding.loudness)
            return self._plan((), made, still, OWN_TARGET_DURATION, PART_TARGET)
        if sound is None:
            return self._plan((), None, still, OWN_TARGET_DURATION, PART_TARGET)
        part_target = fit_part_target(self._sound_seconds(sound))
        return self._plan((), self._own_sound(sound), still, OWN_TARGET_DURATION, part_target)

    def _plan(
        self, rungs: tuple[Rung, ...], sound: Sound | None, rate: FrameRate, target_duration: int, part_target: int
    ) -> Plan:
        """No part is promised to be longer than a segment may be, not even of a picture that stands for seconds."""
        target_duration = min(max(target_duration, math.ceil(part_target / PART_UNIT)), LONGEST_TARGET_DURATION)
        part_target = min(part_target, target_duration * PART_UNIT)
        return Plan(rungs, sound, rate, self._encoding.preset, target_duration, part_target)

    def _own_sound(self, sound: AudioConfig) -> Sound:
        """The sound where the host's own picture is passed on: its own, too, unless hardly any browser plays that."""
        if not self._passes_on_sound:
            return sound_for(sound.channels, self._encoding.loudness)
        return Sound(sound.sample_rate, sound.channels, self._bit_rate(Kind.AUDIO), False)

    @property
    def _passes_on_sound(self) -> bool:
        """Whether players can play the sound as it is, where it is up to that."""
        return self.tracks[Kind.AUDIO].codec in PLAYABLE

    def _sound_seconds(self, sound: AudioConfig) -> float:
        """How long the frames of the sound are that players get."""
        if not self._passes_on_sound:
            return _SOUND_FRAME / SOUND_RATE
        samples = [sound.samples(packet.data) for packet in self.packets if packet.kind is Kind.AUDIO]
        return max(samples, default=sound.frame_length) / sound.sample_rate

    def _bit_rate(self, kind: Kind) -> int:
        span = max(self.packets[-1].dts - self.packets[0].dts, 1)
        size = sum(len(packet.data) for packet in self.packets if packet.kind is kind)
        return size * 8 * TIMELINE // span

    def _sound(self) -> AudioConfig | None:
        return parse_audio(self.tracks[Kind.AUDIO]) if Kind.AUDIO in self.tracks else None

    def _frame_seconds(self, picture: VideoConfig) -> float:
        gaps = [after - before for before, after in pairwise(self._stamps)]
        measured = median(gaps) / TIMELINE if gaps else 0.0
        # Stamps are whole milliseconds: where the stream's own rate agrees with them it is the exact one.
        if picture.frame_rate and abs(1 / picture.frame_rate - measured) <= _STAMP_JITTER / 2:
            return float(1 / picture.frame_rate)
        if gaps:
            mean = (self._stamps[-1] - self._stamps[0]) / len(gaps) / TIMELINE
            if mean and abs(mean - measured) < _STAMP_JITTER:
                return mean
        return measured or (float(1 / picture.frame_rate) if picture.frame_rate else 1 / 30)


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
