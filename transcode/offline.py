"""Runs filters on a file as a room would: the same decoding, hold, release rule, filters and encoding. Blocking.

Nothing depends on how fast the machine is: the detectors are given each packet as far before it goes out as they look
ahead, and what they have not cleared by then is covered by the slate, as in a room whose machine is never late. After
the end they are given the last picture over and over, and silence, for as long as they look ahead: so they decide about
the end of the file too, and nothing is covered only because it is the end.

What is made begins with the first picture that can be decoded, and has the stamps of the file, not those of the hold.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import av
from av.stream import Stream

from filters import Detector, Filter, FilterError
from filters.chain import Chain
from filters.registry import Role, check, make
from filters.spec import Spec
from ingest.media import Kind, Track
from transcode.encode import EncoderError
from transcode.files import FileError, MediaFile
from transcode.grid import BLOCK, RATE
from transcode.guard import Guard
from transcode.hold import Held, Hold
from transcode.ladder import Encoding, Ladder, Wanted
from transcode.lane import Inline
from transcode.lookout import Lookout, Watcher
from transcode.machine import processor_time
from transcode.media import TIMELINE, End, Init, Part, PartItem, Plan, Slate, Tick, TimedPacket
from transcode.opening import Opening
from transcode.pipeline import Pipeline
from transcode.regular_cutter import RegularCutter
from transcode.verdicts import Require
from transcode.worker import stream_of

_OWN_SIZE = Ladder(False, (Wanted(1 << 14, 60),))
_SLATE = Slate("Covered", "A detector had not cleared this when its time had come.")
_BLOCK_TICKS = BLOCK * TIMELINE // RATE
_PACKET = TIMELINE // 10
"""Packets come one after the other: what the detectors have been given ends up to so much before the newest."""
_MOST_BYTES = 1 << 40  # what is held is as much as the detectors look ahead, whatever that takes


class OfflineError(Exception):
    """The file is not made; the text says why and what to do."""


def run(specs: Sequence[Spec], source: Path, target: Path) -> None:
    """Make the MP4 file ``target`` of what ``source`` becomes by the filters ``specs``, in their order.

    ``target`` appears whole or not at all. Raises OfflineError.
    """
    if target.exists() and target.samefile(source):
        raise OfflineError(f"{target} would be written over while it is read: name another file for the result")
    if not target.parent.is_dir():
        raise OfflineError(f"there is no folder {target.parent}: make it first")
    try:
        with (
            MediaFile(source) as file,
            TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder,
        ):
            _make(file, specs, source, Path(folder)).replace(target)
    except (FileError, FilterError, EncoderError) as error:
        raise OfflineError(str(error)) from error
    except OSError as error:
        raise OfflineError(f"cannot write {target}: {error.strerror or error}") from error


def _make(file: MediaFile, specs: Sequence[Spec], source: Path, folder: Path) -> Path:
    cast = _Cast(specs)
    plan = _plan(file, source)
    if all(track.kind is not Kind.AUDIO for track in file.tracks) and not cast.chain.sounds:
        plan = replace(plan, sound=None)
    with _Shelf(folder) as shelf:
        _Room(plan, cast, shelf).play(file)
        cast.chain.close()
    whole = folder / "whole.mp4"
    _join([path for path in shelf.paths if path.stat().st_size], whole)
    return whole


class _Cast:
    """The filters that take part, each made with its options: plain ones in a chain, and detectors by title."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        plain: list[tuple[str, Filter]] = []
        self.detectors: list[tuple[str, Detector]] = []
        self.ahead = 0
        """How far (ticks) the detectors look ahead."""
        for spec in specs:
            spec = spec.absolute(Path.cwd())
            about, made = check(spec), make(spec)
            if about.role is Role.DETECTOR:
                assert isinstance(made, Detector)
                self.detectors.append((spec.title, made))
                self.ahead = max(self.ahead, round(about.lookahead * TIMELINE))
            else:
                plain.append((spec.title, made))
        self.chain = Chain(plain)


def _plan(file: MediaFile, source: Path) -> Plan:
    """Return the plan of a room with one rung, of the picture's own size."""
    opening = Opening(Encoding(_OWN_SIZE, "balanced"))
    opening.claimed_rate = file.frame_rate
    for track in file.tracks:
        opening.track(track)
    for packet in file.packets():
        opening.packet(packet)
        if opening.plan is not None:
            return opening.plan
    raise FileError(f"{source} is too short: take half a second of pictures, or two seconds of sound, at least")


class _Room:
    """What a room with ``plan`` has: detectors that look ahead, the hold, a cutter and the pipeline, to ``shelf``."""

    def __init__(self, plan: Plan, cast: _Cast, shelf: "_Shelf") -> None:
        rate = plan.frame_rate if plan.encoded else None
        self._frame = rate.denominator * TIMELINE // rate.numerator if rate else 0
        guard = Guard(failed=_fails, frame=self._frame)
        watchers = [
            Watcher(number, title, detector, Inline(), guard.ledger.take)
            for number, (title, detector) in enumerate(cast.detectors)
        ]
        guard.ledger.take(Require(tuple(tuple(sorted(watcher.takes)) for watcher in watchers)))
        stream = stream_of(plan, processor_time(), live=False)  # nothing else has to be in time
        for watcher in watchers:
            watcher.open(stream)
        if cast.chain.pictures or cast.chain.sounds:
            guard.use(cast.chain, stream)
        self._lookout = Lookout(plan, watchers)
        self._hold = Hold(cast.ahead + _PACKET if watchers else 0, bool(plan.rungs), _MOST_BYTES)
        self._cutter = RegularCutter(0, rate)
        self._pipeline = Pipeline(plan, shelf.take, guard=guard)

    def play(self, file: MediaFile) -> None:
        """Play all of ``file``."""
        ends = self._ends(file)
        leader = ends[Kind.VIDEO] if self._frame else ends[Kind.AUDIO]
        unit = self._frame or _BLOCK_TICKS
        self._pipeline.feed(_SLATE)
        for track in file.tracks:
            self._lookout.feed(track)
        self._push_all(file.tracks)
        self._cutter.start(0)
        after = map(Tick, range(leader, max(ends.values()) + self._hold.delay + 2 * unit, unit))
        items: Iterator[TimedPacket | Tick] = heapq.merge(file.packets(), after, key=_due)
        for item in items:
            if isinstance(item, TimedPacket):
                self._lookout.feed(item)
            else:
                if item.pts == leader:
                    self._push_all(file.tracks)  # a decoder that begins anew lets go of what the one before still has
                for kind in (kind for kind in Kind if ends[kind] <= item.pts):
                    self._lookout.outlast(kind, item.pts)
            self._push(item)
        # Stamps waver: of less than half a frame no frame is made.
        self._pipeline.feed(End(leader - self._frame // 2))
        self._pipeline.close()
        self._lookout.close()

    def _ends(self, file: MediaFile) -> dict[Kind, int]:
        """Return when the tracks are over (ticks)."""
        ends = dict.fromkeys(Kind, 0)
        for packet in file.packets():
            lasts = self._frame if packet.kind is Kind.VIDEO else _BLOCK_TICKS
            ends[packet.kind] = max(ends[packet.kind], packet.pts + lasts)
        return ends

    def _push_all(self, items: Iterable[Held]) -> None:
        for item in items:
            self._push(item)

    def _push(self, item: Held) -> None:
        for out in self._hold.push(item):
            if isinstance(out, Track):
                self._pipeline.feed(out)
            elif isinstance(out, TimedPacket):
                # Its time has come; but what is made has the file's time, and not that of the hold.
                due = replace(out, pts=out.pts - self._hold.delay, dts=out.dts - self._hold.delay)
                for each in self._cutter.packet(due):
                    self._pipeline.feed(each)


def _due(item: TimedPacket | Tick) -> int:
    return item.pts if isinstance(item, Tick) else item.dts


def _fails(fault: str) -> None:
    """A plain filter has failed, or works again."""
    if fault:
        raise OfflineError(fault)


class _Shelf:
    """Keeps the renditions that are made, each as a file in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._begun: dict[str, str] = {}  # the init segment of each

    def __enter__(self) -> "_Shelf":
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    @property
    def paths(self) -> list[Path]:
        """The files, the picture's first."""
        return sorted(self._folder / f"{name}.part" for name in self._files)

    def take(self, items: Sequence[PartItem]) -> None:
        """Take what the pipeline makes."""
        for item in items:
            match item:
                case Init(rendition=name, name=init, data=data):
                    if self._begun.setdefault(name, init) != init:
                        raise EncoderError("the hardware encoder has failed: try again")
                    self._file(name).write(data)
                case Part(rendition=name, data=data):
                    self._file(name).write(data)

    def _file(self, name: str) -> BinaryIO:
        if name not in self._files:
            self._files[name] = (self._folder / f"{name}.part").open("wb")
        return self._files[name]


def _join(renditions: Sequence[Path], whole: Path) -> None:
    """Put pictures and sound into one MP4 that can be played while it is loaded."""
    with ExitStack() as stack:
        out = stack.enter_context(av.open(str(whole), "w", format="mp4", options={"movflags": "faststart"}))
        files = [stack.enter_context(av.open(str(path))) for path in renditions]
        readers = []
        for file in files:
            (stream,) = file.streams
            readers.append(_stamped(file.demux(stream), out.add_stream_from_template(stream)))
        for _, packet in heapq.merge(*readers, key=lambda stamped: stamped[0]):
            out.mux_one(packet)


def _stamped(packets: "Iterator[av.Packet[Stream]]", stream: Stream) -> "Iterator[tuple[Fraction, av.Packet[Stream]]]":
    for packet in packets:
        if packet.dts is not None:
            at = packet.dts * packet.time_base
            packet.stream = stream
            yield at, packet
