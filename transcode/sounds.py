"""A room's sound on its way to viewers: one continuous track, guarded, encoded once for all. Threads: one caller."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ingest.media import Codec, Kind, Track
from transcode.aac import PRIMING, AacEncoder
from transcode.cmaf.header import header
from transcode.cmaf.packer import Packer, Unit
from transcode.grid import BLOCK, RATE, sound_grid
from transcode.guard import Guard
from transcode.loudness import Loudness
from transcode.media import AUDIO, Aired, Cut, PartItem, Plan, Sound, TimedPacket
from transcode.soundtrack import Block, SoundTrack, block_of


class Sounds:
    """Makes the ``sound`` of ``plan``. ``emit`` takes it: in one call what viewers are to learn at once.

    ``aired`` says where another pipeline left off.
    """

    def __init__(
        self,
        plan: Plan,
        sound: Sound,
        emit: Callable[[Sequence[PartItem]], None],
        aired: Aired | None,
        guard: Guard,
    ) -> None:
        self._channels = sound.channels
        self._emit = emit
        self._guard = guard
        self._loudness = Loudness(sound.loudness) if sound.loudness is not None else None
        self._encoder = AacEncoder(sound.channels, sound.bit_rate)
        self._packer = Packer(AUDIO, Codec.AAC, RATE, BLOCK, plan.part_target, aired)
        self._next = 0  # number of the unit that comes next
        self._configuration: Track | None = None
        self._track: SoundTrack | None = None
        if aired is not None:
            self._begin(aired.end // BLOCK)
        emit([header(AUDIO, Track(Kind.AUDIO, Codec.AAC, self._encoder.config), RATE)])

    def track(self, track: Track) -> None:
        """Packets are of ``track`` from here on."""
        self._configuration = track
        if self._track is not None:
            self._track.configure(track)

    def cut(self, cut: Cut) -> None:
        """A segment begins with the first AAC frame at or after the cut. The first one begins the broadcast."""
        number = sound_grid().at_or_after(cut.pts)
        if self._track is None:
            self._begin(number)
        self._packer.cut(cut.msn, number, cut.discontinuity)

    def packet(self, packet: TimedPacket) -> None:
        """Take the next packet."""
        if self._track is not None:
            self._encode(self._track.packet(packet))

    def advance(self, pts: int) -> None:
        """No sound for a time before ``pts`` is waited for any longer."""
        if self._track is not None:
            self._encode(self._track.advance(pts))

    def end(self, pts: int) -> None:
        """The broadcast ends at ``pts``."""
        if self._track is not None:
            self._encode(self._track.end(pts))
            self._pack(self._encoder.flush())
            self._send(self._packer.end(self._next))

    def _begin(self, number: int) -> None:
        # The encoder has to hear what comes before the first unit that is wanted.
        self._next = number
        self._track = SoundTrack(self._channels, max(0, number - PRIMING))
        if self._configuration is not None:
            self._track.configure(self._configuration)

    def _encode(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            passed = self._guard.sound(block)
            block = passed or block_of(block.number, np.zeros((self._channels, BLOCK), np.float32))
            if self._loudness is not None:
                block = self._loudness.process(block)
            self._pack(self._encoder.encode(block))

    def _pack(self, units: Iterable[Unit]) -> None:
        for unit in units:
            if unit.number < self._next:
                continue  # heard only to prime the encoder
            self._next = unit.number + 1
            self._send(self._packer.unit(unit))

    def _send(self, items: Iterable[PartItem]) -> None:
        if made := list(items):
            self._emit(made)
