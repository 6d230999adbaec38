"""A broadcast's one continuous sound: packets of any host in, blocks on a fixed grid out. Threads: one caller.

Rule: block k is always the samples [k * BLOCK, (k + 1) * BLOCK) of the room's timeline, whatever the host sends.
Sound is placed by counting samples; only a packet that is half a frame or more off the count is placed by its stamp.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.resampler import AudioResampler
from av.error import FFmpegError
from numpy.typing import NDArray

from ingest.media import Codec, Track
from transcode.cmaf.codecs import parse_audio
from transcode.grid import BLOCK, RATE
from transcode.media import TIMELINE, TimedPacket

_FADE = RATE // 200  # 5 ms: a border between sound and silence does not click
_RISE = (0.5 - 0.5 * np.cos(np.pi * (np.arange(_FADE) + 0.5) / _FADE)).astype(np.float32)
_LOUDEST = 8.0  # times full scale: what a damaged packet may decode to at most
_LAYOUTS = {1: "mono", 2: "stereo"}
_DECODERS = {
    Codec.AAC: "aac",
    Codec.MP3: "mp3float",
    Codec.OPUS: "opus",
    Codec.FLAC: "flac",
    Codec.AC3: "ac3",
    Codec.PCMA: "pcm_alaw",
    Codec.PCMU: "pcm_mulaw",
}

Samples = NDArray[np.float32]
"""Planar samples, of shape (channels, samples); 1 is full scale."""


@dataclass(frozen=True, slots=True)
class Block:
    """Samples [``number`` * BLOCK, (``number`` + 1) * BLOCK) of the room's timeline: fltp at RATE, mono or stereo."""

    number: int
    frame: av.AudioFrame


def samples_of(frame: av.AudioFrame) -> Samples:
    """Return a copy of the samples of an fltp frame of one or two channels."""
    planes = frame.planes
    samples = np.empty((len(planes), frame.samples), np.float32)
    for row, plane in enumerate(planes):
        samples[row] = np.frombuffer(memoryview(plane), np.float32, frame.samples)
    return samples


def block_of(number: int, samples: Samples) -> Block:
    """Make a block of ``samples``: (1 or 2, BLOCK)."""
    frame = av.AudioFrame("fltp", _LAYOUTS[len(samples)], BLOCK)
    frame.sample_rate = RATE
    for plane, channel in zip(frame.planes, samples, strict=True):
        np.frombuffer(memoryview(plane), np.float32, BLOCK)[:] = channel
    return Block(number, frame)


class SoundTrack:
    """Makes blocks of ``channels`` (1 or 2) channels, the first of them number ``start``.

    What comes before ``start`` only primes decoder and resampler. Holes are silence; of what overlaps, the first stays.
    It holds less than a block, and what the resampler holds: a jump ahead gives its silence at once.
    ``errors`` counts packets that could not be decoded; they are missing, as if they had not come.
    """

    def __init__(self, channels: int, start: int) -> None:
        self.errors = 0
        self._channels = channels
        self._first = start * BLOCK
        self._next = start  # number of the block that comes next
        self._end = self._first  # the sample up to which all is settled
        # What was last handed out, for its echo; then, from the next block on, what is settled; then room.
        self._room: Samples = np.zeros((channels, _FADE + 2 * BLOCK), np.float32)
        self._risen = 0  # samples of the run that are out, up to _FADE
        self._run: _Run | None = None
        self._track: Track | None = None
        self._decoder: AudioCodecContext | None = None

    def configure(self, track: Track) -> None:
        """Packets are of ``track`` from here on."""
        if track == self._track:
            return
        self._track = track
        self._decoder = _decoder(track)

    def packet(self, packet: TimedPacket) -> Iterator[Block]:
        """Take the next packet; yield the blocks that it completes."""
        if self._run is not None:
            late = self._run.count.halves(packet.pts)
            if late < 0:
                return  # it has been heard
            if late > 0:
                yield from self._leave()
        if self._run is None and self._decoder is not None:
            self._decoder.flush_buffers()  # its last half frame does not overlap what follows
        for frame in self._decode(packet.data):
            form = _Form(frame.sample_rate, frame.layout.name, frame.format.name)
            if self._run is None or self._run.form != form:
                yield from self._leave()
                self._run, self._risen = _Run(form, packet.pts), 0
            try:
                samples = self._run.take(frame)
            except FFmpegError:
                self.errors += 1  # a layout that nothing can be made of
                self._run = None
            else:
                yield from self._place(self._run, samples)

    def advance(self, pts: int) -> Iterator[Block]:
        """Take it that no more sound comes for a time before ``pts`` (ticks); yield the blocks that are whole by it.

        Up to 1 ms of sound that has come may still be inside the resampler, and a block with it.
        """
        if self._run is not None and self._run.count.behind(pts):
            yield from self._leave()
        if self._run is None:
            yield from self._silence(pts * RATE // TIMELINE)

    def end(self, pts: int) -> Iterator[Block]:
        """Yield all that is left up to ``pts`` (ticks) and beyond; silence fills the last block."""
        yield from self.advance(pts)
        yield from self._leave()
        yield from self._silence(-(-self._end // BLOCK) * BLOCK)

    def _decode(self, data: bytes) -> "list[av.AudioFrame]":
        if self._decoder is None or not data:  # an empty packet would tell the decoder that the end has come
            self.errors += 1
            return []
        # A packet made of foreign bytes lacks the padding that decoders read into; this one is copied and has it.
        coded: av.Packet[Any] = av.Packet(len(data))
        coded.update(data)
        try:
            return self._decoder.decode(coded)
        except FFmpegError:
            self.errors += 1
            return []

    def _leave(self) -> Iterator[Block]:
        """End the run, if there is one: its last samples come out, and a short echo of them that fades."""
        run, self._run = self._run, None
        if run is None:
            return
        yield from self._place(run, run.rest())
        if self._risen:
            at = self._at(self._end)
            self._room[:, at : at + _FADE] += self._room[:, at - _FADE : at][:, ::-1] * _RISE[::-1]

    def _place(self, run: "_Run", samples: Samples) -> Iterator[Block]:
        """Put down what ``run`` has made, after the silence before it and without what comes too late."""
        begin = run.made
        run.made += samples.shape[1]
        yield from self._silence(begin)
        samples = samples[:, self._end - begin :]
        if self._channels < len(samples):
            samples = samples.mean(0, keepdims=True)
        for offset in range(0, samples.shape[1], BLOCK):
            piece = samples[:, offset : offset + BLOCK]
            if self._end == self._first:
                self._risen = _FADE  # no silence before it
            if rising := min(_FADE - self._risen, piece.shape[1]):
                piece[:, :rising] *= _RISE[self._risen : self._risen + rising]
                self._risen += rising
            at = self._at(self._end)
            self._room[:, at : at + piece.shape[1]] += piece
            self._end += piece.shape[1]
            yield from self._whole()

    def _silence(self, until: int) -> Iterator[Block]:
        """Settle that nothing more sounds before the sample ``until``."""
        while self._end < until:
            self._end = min(until, (self._next + 1) * BLOCK)
            yield from self._whole()

    def _whole(self) -> Iterator[Block]:
        """Hand out the block that is settled, if one is."""
        if self._end >= (self._next + 1) * BLOCK:
            block = block_of(self._next, self._room[:, _FADE : _FADE + BLOCK])
            self._room[:, :-BLOCK] = self._room[:, BLOCK:]
            self._room[:, -BLOCK:] = 0
            self._next += 1
            yield block

    def _at(self, sample: int) -> int:
        return sample - self._next * BLOCK + _FADE


@dataclass(frozen=True, slots=True)
class _Form:
    """What a decoder gives; a resampler takes one."""

    rate: int
    layout: str
    format: str


class Count:
    """Times sound by counting its samples at ``rate`` from ``anchor`` (ticks) on: no rounding adds up."""

    def __init__(self, anchor: int, rate: int) -> None:
        self._anchor = anchor
        self._rate = rate
        self._samples = 0
        self._frame = 1  # samples of the last frame

    @property
    def begin(self) -> int:
        """Where it begins: the nearest sample of the room's timeline."""
        return (self._anchor * RATE + TIMELINE // 2) // TIMELINE

    def add(self, samples: int) -> None:
        """Count a frame of ``samples``."""
        self._samples += samples
        self._frame = max(1, samples)

    def behind(self, pts: int) -> bool:
        """Return whether what is counted ends before ``pts``."""
        return self._late(pts) > 0

    def halves(self, pts: int) -> int:
        """Return how many whole half frames ``pts`` comes after (negative: before) the end of what is counted."""
        late = 2 * self._late(pts)
        halves = abs(late) // (self._frame * TIMELINE)
        return halves if late > 0 else -halves

    def _late(self, pts: int) -> int:
        return (pts - self._anchor) * self._rate - self._samples * TIMELINE


class _Run:
    """Sound without a hole, from ``anchor`` (ticks) on. ``made`` is the sample that the resampler gives next.

    libswresample holds back half its filter and begins with the sample at the anchor: what it gives needs no shift.
    """

    def __init__(self, form: _Form, anchor: int) -> None:
        self.form = form
        self.count = Count(anchor, form.rate)
        self.made = self.count.begin
        # What becomes of one channel in two, or of two in one, is not left to the library: it takes 3 dB off.
        self._channels = 1 if form.layout == "mono" else 2
        self._resampler = AudioResampler("fltp", _LAYOUTS[self._channels], RATE)

    def take(self, frame: av.AudioFrame) -> Samples:
        """Return what ``frame`` completes. Raises FFmpegError for a layout that cannot be mixed."""
        frame.pts = None
        resampled = self._resampler.resample(frame)
        self.count.add(frame.samples)
        return self._join(resampled)

    def rest(self) -> Samples:
        """Return what is still inside; nothing can be taken after that."""
        # One that has nothing to do gives the None back.
        return self._join([frame for frame in self._resampler.resample(None) if frame is not None])

    def _join(self, frames: "list[av.AudioFrame]") -> Samples:
        if not frames:
            return np.zeros((self._channels, 0), np.float32)
        parts = [samples_of(frame) for frame in frames]
        samples = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        if samples.size and not (samples.min() >= -_LOUDEST and samples.max() <= _LOUDEST):  # or some are no numbers
            np.nan_to_num(samples, copy=False)
            np.clip(samples, -_LOUDEST, _LOUDEST, out=samples)
        return samples


def _decoder(track: Track) -> AudioCodecContext:
    context = av.CodecContext.create(_DECODERS[track.codec], "r")
    assert isinstance(context, AudioCodecContext)
    if track.codec is Codec.OPUS:
        # Its pre-skip (RFC 7845, 4.2) is of files: time is counted from the first packet on, and nothing is left out.
        context.extradata = track.config[:10] + bytes(2) + track.config[12:]
    elif track.codec in (Codec.AAC, Codec.FLAC):
        context.extradata = track.config
    elif track.codec in (Codec.PCMA, Codec.PCMU):
        sound = parse_audio(track)
        context.sample_rate, context.layout = sound.sample_rate, _LAYOUTS[sound.channels]
    return context
