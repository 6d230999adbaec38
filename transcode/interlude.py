"""What stands in for a host that is away where its own tracks are passed on: packets on the timeline. Pure, no I/O.

Rule: no encoder runs. The slate was coded once, beforehand, and its frames are sent over and over, each with the stamp
that is due; the silence is written in the host's own format (``silence``), so that the sound needs no new init segment.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ingest.media import Kind, Track
from transcode.cmaf.codecs import parse_audio
from transcode.media import TIMELINE, FrameRate, TimedPacket
from transcode.silence import silent_frame


@dataclass(frozen=True, slots=True)
class CodedSlate:
    """A slate as an encoder made it, for players that have ``track`` (whose record holds the host's sets, too).

    ``units`` are its access units; the first is the only keyframe, and they are shown in their order.
    """

    track: Track
    units: tuple[bytes, ...]


class SlateFrames:
    """Stands in for the picture from ``start`` (ticks) on, where the host's own ended.

    ``shift`` is how long (ticks) the host's pictures wait for their turn after they are decoded (it reorders them): the
    slate waits as long, so that decode times never go back when the host does.
    """

    def __init__(self, slate: CodedSlate, frame_rate: FrameRate, start: int, shift: int) -> None:
        self._slate = slate
        self._rate = frame_rate
        self._anchor = start  # where the frames are counted from
        self._shift = shift
        self._shown = 0  # since then

    @property
    def end(self) -> int:
        """How far it has come (ticks)."""
        return self._at(self._shown)

    def show(self, slate: CodedSlate) -> None:
        """Show ``slate`` from the next frame on."""
        self._slate = slate
        self._anchor, self._shown = self._at(self._shown), 0

    def cut(self, pts: int) -> Iterator[TimedPacket]:
        """Yield the frames that begin before ``pts``, where a segment does: the next one is a keyframe, shown then."""
        yield from self.until(pts)
        self._anchor, self._shown = pts, 0

    def until(self, pts: int) -> Iterator[TimedPacket]:
        """Yield the frames that begin before ``pts`` (ticks)."""
        while (at := self._at(self._shown)) < pts:
            place = self._shown % len(self._slate.units)
            yield TimedPacket(Kind.VIDEO, at, at - self._shift, place == 0, self._slate.units[place])
            self._shown += 1

    def _at(self, number: int) -> int:
        return self._anchor + number * TIMELINE * self._rate.denominator // self._rate.numerator


class Silence:
    """Stands in for the sound ``track`` from ``start`` (ticks) on, where the host's own ended. Raises CodecError."""

    def __init__(self, track: Track, start: int) -> None:
        sound = parse_audio(track)
        self._unit = silent_frame(track)
        self._rate, self._length = sound.sample_rate, sound.samples(self._unit)
        self._start = start
        self._sent = 0

    @property
    def end(self) -> int:
        """How far it has come (ticks)."""
        return self._at(self._sent)

    def cut(self, pts: int) -> Iterator[TimedPacket]:
        """Yield what ends by ``pts``: sound is cut between its own frames."""
        yield from self.until(pts)

    def until(self, pts: int) -> Iterator[TimedPacket]:
        """Yield the frames that end by ``pts`` (ticks)."""
        while self._at(self._sent + 1) <= pts:
            at = self._at(self._sent)
            yield TimedPacket(Kind.AUDIO, at, at, True, self._unit)
            self._sent += 1

    def _at(self, number: int) -> int:
        return self._start + number * self._length * TIMELINE // self._rate
