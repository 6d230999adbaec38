"""Media files as if hosts sent them: tracks and packets on a timeline that begins with the first picture. Blocking.

What is taken is H.264 and AAC, as they are in the file.
"""

import heapq
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
from av.container import InputContainer
from av.stream import Disposition, Stream

from ingest.media import Codec, Kind, Track
from transcode.cmaf.asc import parse_aac
from transcode.cmaf.avc import parse_avc
from transcode.cmaf.config import CodecError
from transcode.media import TIMELINE, TimedPacket

CODECS = {"h264": Codec.H264, "aac": Codec.AAC}
"""By libavcodec's names."""


class FileError(Exception):
    """A file cannot be taken for what a host sends; the text says why and what to do."""


def recode(path: Path) -> str:
    """Return the command that makes of a file one that hosts can send."""
    return f"ffmpeg -i {path.name} -c:v libx264 -g 60 -pix_fmt yuv420p -c:a aac recoded.mp4"


def playable(file: InputContainer) -> list[Stream]:
    """Return the picture and the sound of a file, as far as it has them: the first of each that is no cover."""
    pictures = [stream for stream in file.streams.video if not stream.disposition & Disposition.attached_pic]
    return [*pictures[:1], *file.streams.audio[:1]]


class MediaFile:
    """A file that is open for reading; a context manager. Raises FileError if it is none, or holds other codecs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._open()
        try:
            self._streams = self._chosen()
            self.tracks = [self._track(stream) for stream in self._streams]
        except FileError:
            self._file.close()
            raise

    def __enter__(self) -> "MediaFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def frame_rate(self) -> float:
        """Pictures a second, as the file has it; 0 if it does not say."""
        video = next((stream for stream in self._streams if stream.type == "video"), None)
        return float(getattr(video, "average_rate", None) or 0)

    def packets(self) -> Iterator[TimedPacket]:
        """Yield all packets in the order in which they are decoded, over both tracks. Raises FileError.

        The first keyframe is shown at 0; without pictures sound begins there. What is heard before that, and an
        encoder's priming, comes before 0.
        """
        began = self._began(self._streams[0])
        # However badly a file is interleaved, of two readers neither has to hold what the other needs.
        yield from heapq.merge(*(self._read(stream, began) for stream in self._streams), key=lambda packet: packet.dts)

    def _open(self) -> InputContainer:
        try:
            return av.open(str(self._path))
        except (av.FFmpegError, UnicodeError) as error:
            raise FileError(f"cannot read {self._path}: {getattr(error, 'strerror', error)}") from error

    def _chosen(self) -> list[Stream]:
        streams = playable(self._file)
        if not streams:
            raise FileError(f"{self._path} holds neither picture nor sound")
        for stream in streams:
            if (name := stream.codec_context.name) not in CODECS:
                raise FileError(
                    f"{self._path} holds {name}, and what is taken is H.264 and AAC: recode it first, such as with"
                    f" {recode(self._path)}"
                )
        return streams

    def _track(self, stream: Stream) -> Track:
        record = bytes(stream.codec_context.extradata or b"")
        kind = Kind.VIDEO if stream.type == "video" else Kind.AUDIO
        try:
            parse_avc(record) if kind is Kind.VIDEO else parse_aac(record)
        except CodecError as error:
            raise FileError(
                f"{self._path} holds its {kind} in another form than hosts send: put it into an MP4 first, such as with"
                f" ffmpeg -i {self._path.name} -c copy remuxed.mp4"
            ) from error
        return Track(kind, CODECS[stream.codec_context.name], record)

    def _began(self, leader: Stream) -> Fraction:
        """Return when (seconds of the file) its first keyframe is shown."""
        for packet in self._demux(leader):
            if packet.is_keyframe and packet.pts is not None and (packet.pts >= 0 or leader.type == "video"):
                return packet.pts * packet.time_base
        raise FileError(f"{self._path} holds no keyframe: recode it first, such as with {recode(self._path)}")

    def _read(self, stream: Stream, began: Fraction) -> Iterator[TimedPacket]:
        kind = Kind.VIDEO if stream.type == "video" else Kind.AUDIO
        for packet in _timed(self._demux(stream), stream):
            assert packet.pts is not None
            assert packet.dts is not None
            pts, dts = (round((stamp * packet.time_base - began) * TIMELINE) for stamp in (packet.pts, packet.dts))
            if kind is Kind.VIDEO and pts < 0:
                continue  # it cannot be decoded without what comes before
            yield TimedPacket(kind, pts, dts, packet.is_keyframe, bytes(packet))

    def _demux(self, stream: Stream) -> "Iterator[av.Packet[Stream]]":
        with self._open() as file:
            try:
                yield from file.demux(file.streams[stream.index])
            except av.FFmpegError as error:
                raise FileError(f"cannot read {self._path} to its end: {error.strerror}") from error


def _timed(packets: "Iterator[av.Packet[Stream]]", stream: Stream) -> "Iterator[av.Packet[Stream]]":
    """Yield the packets that are shown; where pictures are reordered, Matroska does not say when the first decode."""
    early: list[av.Packet[Stream]] = []
    known = False
    for packet in packets:
        if packet.pts is None:
            continue
        early.append(packet)
        known = known or packet.dts is not None
        if known:
            yield from _filled(early, stream)
            early.clear()
    yield from _filled(early, stream)


def _filled(packets: "list[av.Packet[Stream]]", stream: Stream) -> "Iterator[av.Packet[Stream]]":
    """Yield ``packets``; those without a decode time get one before the last one's, each a frame apart."""
    for place, packet in enumerate(packets, 1 - len(packets)):
        if packet.dts is None:
            last = packets[-1].dts if packets[-1].dts is not None else packets[0].pts
            assert last is not None
            rate = getattr(stream, "average_rate", None) or 30
            packet.dts = last + round(place / rate / packet.time_base)
        yield packet
