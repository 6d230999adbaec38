"""What is published: a leader, the scenes one after another, a tail; with markers by which frames are found again.

A marker is ten black frames and ten white ones. It stands before the first scene, between kinds, and after the last
one. The number of a frame is counted from the programme's first.
"""

import heapq
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, groupby, repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import av
import numpy as np
from av.audio.stream import AudioStream
from av.stream import Stream
from av.video.stream import VideoStream

from filters.api import SAMPLE_RATE
from tests.support.leaks.tapes import Tape, encode, read
from tests.support.scenes.scene import HEIGHT, RATE, WIDTH, Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from filters.api import Samples

LEADER = 20
"""Seconds of grey in which detectors load their models."""
TAIL = 10
"""Seconds of grey after the last marker: more than any delay, so that it is out before the host hangs up."""
HALF = 10
"""Frames of a marker that are black, and as many that are white."""

_GREY = 128
_BLOCK = 1024  # samples of an AAC frame
_HUM = 0.01  # amplitude: there is sound, and nothing to hear
_HERTZ = 125  # a whole number of periods in a second


@dataclass(frozen=True, slots=True)
class Cue:
    """The scene of ``tape`` begins with frame ``first``."""

    first: int
    tape: Tape


@dataclass(frozen=True, slots=True)
class Programme:
    """A file to publish, of ``frames`` frames: ``cues`` in order, and the first white frame of each marker."""

    path: Path
    frames: int
    markers: tuple[int, ...]
    cues: tuple[Cue, ...]

    @property
    def seconds(self) -> float:
        return self.frames / RATE

    def kinds(self) -> dict[str, tuple[int, int]]:
        """Return of each kind its first frame, and the one after its last."""
        found: dict[str, tuple[int, int]] = {}
        for cue in self.cues:
            first, _ = found.get(cue.tape.kind, (cue.first, 0))
            found[cue.tape.kind] = first, cue.first + cue.tape.frames
        return found

    def save(self) -> None:
        """Write beside the file what is in it."""
        cues = [[cue.first, str(cue.tape.path)] for cue in self.cues]
        written = {"frames": self.frames, "markers": self.markers, "cues": cues}
        self.path.with_suffix(".json").write_text(json.dumps(written))


def load(path: Path) -> Programme:
    """Return the programme of a file, as ``save`` has written it."""
    found = json.loads(path.with_suffix(".json").read_text())
    cues = tuple(Cue(first, read(Path(tape).with_suffix(".json"))) for first, tape in found["cues"])
    return Programme(path, found["frames"], tuple(found["markers"]), cues)


def compose(
    tapes: Sequence[Tape], path: Path, leader: int = LEADER, tail: int = TAIL, sound: "Samples | None" = None
) -> Programme:
    """Make a programme of ``tapes`` as the MP4 file ``path``: scenes as they are encoded, and ``sound``, (1, count) at
    ``SAMPLE_RATE``, over and over; a faint hum unless told. ``leader`` and ``tail`` in seconds."""
    with TemporaryDirectory(dir=path.parent) as folder:
        grey, end, marker = (Path(folder, f"{name}.mp4") for name in ("leader", "tail", "marker"))
        encode(repeat(_plain(_GREY), leader * RATE), grey)
        encode(repeat(_plain(_GREY), tail * RATE), end)
        encode(chain(repeat(_plain(0), HALF), repeat(_plain(255), HALF)), marker)
        pieces = [(grey, leader * RATE)]
        markers, cues = [], []
        at = leader * RATE
        for _, group in groupby(tapes, lambda tape: tape.kind):
            pieces.append((marker, 2 * HALF))
            markers.append(at + HALF)
            at += 2 * HALF
            for tape in group:
                pieces.append((tape.path, tape.frames))
                cues.append(Cue(at, tape))
                at += tape.frames
        pieces += [(marker, 2 * HALF), (end, tail * RATE)]
        markers.append(at + HALF)
        programme = Programme(path, at + 2 * HALF + tail * RATE, tuple(markers), tuple(cues))
        _join(pieces, programme, _hum() if sound is None else sound[0])
    programme.save()
    return programme


def _plain(level: int) -> Image:
    return np.full((HEIGHT, WIDTH, 3), level, np.uint8)


def _join(pieces: Sequence[tuple[Path, int]], programme: Programme, wave: "NDArray[np.float32]") -> None:
    """Write all pieces (file, frames), one after the other, without encoding them again."""
    with av.open(str(pieces[0][0])) as first, av.open(str(programme.path), "w", format="mp4") as out:
        video = out.add_stream_from_template(first.streams.video[0])
        heard = out.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        assert isinstance(heard, AudioStream)
        expected = bytes(first.streams.video[0].codec_context.extradata or b"")
        sound = _sound(programme.frames, wave, heard)
        both = heapq.merge(_pictures(pieces, video, expected), sound, key=lambda packet: packet[0])
        for _, packet in both:
            out.mux_one(packet)


def _pictures(
    pieces: Sequence[tuple[Path, int]], target: VideoStream, expected: bytes
) -> "Iterator[tuple[Fraction, av.Packet[Stream]]]":
    at = 0
    for path, frames in pieces:
        with av.open(str(path)) as file:
            stream: Stream = file.streams.video[0]
            assert stream.codec_context.extradata == expected, f"{path} is of another encoder"
            for packet in file.demux(stream):
                if packet.dts is None or packet.pts is None:
                    continue
                base = packet.time_base
                shift = round(Fraction(at, RATE) / base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = target
                yield packet.dts * base, packet
        at += frames


def _hum() -> "NDArray[np.float32]":
    return (_HUM * np.sin(2 * np.pi * _HERTZ * np.arange(SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)


def _sound(
    frames: int, wave: "NDArray[np.float32]", stream: AudioStream
) -> "Iterator[tuple[Fraction, av.Packet[Stream]]]":
    for first in range(0, frames * SAMPLE_RATE // RATE, _BLOCK):
        block = np.take(wave, np.arange(first, first + _BLOCK), mode="wrap")[None]
        frame = av.AudioFrame.from_ndarray(block, "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, first, Fraction(1, SAMPLE_RATE)
        yield from _stamped(stream, frame)
    yield from _stamped(stream, None)


def _stamped(stream: AudioStream, frame: av.AudioFrame | None) -> "Iterator[tuple[Fraction, av.Packet[Stream]]]":
    for packet in stream.encode(frame):
        if packet.dts is not None:
            yield packet.dts * packet.time_base, packet
