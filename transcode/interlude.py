"""Sends a coded slate and silence in the host's place, as packets on the timeline: for what is passed on. Pure, no I/O.

Rule: no encoder runs. The slate was coded once, beforehand, and its frames are sent over and over, each with the stamp
that is due; the silence is written in the host's own format (``silence``), so that the sound needs no new init segment.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ingest.media import Kind, Track
from transcode.cmaf.codecs import parse_aac
from transcode.media import TIMELINE, FrameRate, TimedPacket
from transcode.silence import silent_frame


@dataclass(frozen=True, slots=True)
class CodedSlate:
    """A slate as an encoder made it, for players that have ``track`` (whose record holds the host's sets, too).

    ``units`` are its access units, ``frame_rate`` of them a second; the first is the only keyframe, and they are shown
    in their order.
    """

    track: Track
    units: tuple[bytes, ...]
    frame_rate: FrameRate


class Interlude:
    """One absence of the host's: ``slate`` from ``picture`` (ticks) on, silence in the format of ``sound``, if there is
    any, from ``sound_end`` on: each goes on where the host's own ended. Raises CodecError.

    ``shift`` is how long (ticks) the host's pictures wait for their turn after they are decoded (it reorders them): the
    slate waits as long, so that decode times never go back when the host does.
    """

    def __init__(self, slate: CodedSlate, picture: int, shift: int, sound: Track | None, sound_end: int) -> None:
        self._slate = slate
        self._anchor = picture  # where the frames are counted from
        self._shift = shift
        self._shown = 0
        self._anchor_sound = sound_end
        self._sounded = 0
        self._silence = b""
        if sound is not None:
            aac = parse_aac(sound.config)
            self._silence = silent_frame(sound.config)
            self._rate, self._frame = aac.sample_rate, aac.frame_length

    def cut(self, pts: int) -> Iterator[TimedPacket]:
        """Yield what comes before ``pts``, where a segment begins: the next frame is a keyframe, and shown then."""
        yield from self.until(pts)
        self._anchor, self._shown = pts, 0

    def until(self, pts: int) -> Iterator[TimedPacket]:
        """Yield the frames that begin before ``pts`` (ticks), and the sound that ends by then."""
        while (at := self._picture(self._shown)) < pts:
            place = self._shown % len(self._slate.units)
            yield TimedPacket(Kind.VIDEO, at, at - self._shift, place == 0, self._slate.units[place])
            self._shown += 1
        while self._silence and self._sound(self._sounded + 1) <= pts:
            at = self._sound(self._sounded)
            yield TimedPacket(Kind.AUDIO, at, at, True, self._silence)
            self._sounded += 1

    def _picture(self, number: int) -> int:
        rate = self._slate.frame_rate
        return self._anchor + number * TIMELINE * rate.denominator // rate.numerator

    def _sound(self, number: int) -> int:
        return self._anchor_sound + number * self._frame * TIMELINE // self._rate
