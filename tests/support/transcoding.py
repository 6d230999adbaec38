"""A transcoded room without a server, for benchmarks: the real worker process, fed a clip by the gate's own parts; and
the same work as one ffmpeg command. Pictures and sound of both come out as one file for each rung.
"""

import asyncio
import contextlib
import os
import resource
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import psutil

from ingest.media import Codec, Kind, Track
from tests.support.processes import Child
from transcode.aac import OPTIONS as AAC_OPTIONS
from transcode.encode import SOFTWARE, options, threads_for
from transcode.ladder import parse_ladder, rungs_for, sound_for
from transcode.media import (
    TIMELINE,
    Cut,
    End,
    FrameRate,
    Init,
    Part,
    PartItem,
    Plan,
    RoomItem,
    SegmentStart,
    TimedPacket,
)
from transcode.opening import OWN_TARGET_DURATION, PART_TARGET
from transcode.process import Transcoder
from transcode.regular_cutter import RegularCutter
from transcode.supervisor import Limits

_AHEAD = TIMELINE * 3 // 4  # a room not fed in real time gets so much more than has come out: too little to seem late
_SAMPLE = 0.25  # seconds
_PATIENCE = 300.0  # seconds beyond real time
_NEVER = 1 << 20  # frames between keyframes that nobody asked for


@dataclass(frozen=True, slots=True)
class Clip:
    """What a host sends, on a room's timeline and with the cutter's marks; ``seconds`` of it."""

    path: Path
    items: tuple[RoomItem, ...]
    plan: Plan
    seconds: float

    @property
    def cuts(self) -> list[float]:
        """When segments begin, in seconds."""
        return [
            item.pts / TIMELINE for item in self.items if isinstance(item, Cut) and item.pts < self.seconds * TIMELINE
        ]


def read_clip(path: Path, ladder: str, preset: str, seconds: float) -> Clip:
    """Read the first ``seconds`` of a file of H.264 without B-frames at 30 frames a second and AAC."""
    tracks: list[Track] = []
    packets: list[TimedPacket] = []
    with av.open(str(path)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        width, height = video.codec_context.width, video.codec_context.height
        for stream, kind, codec in ((video, Kind.VIDEO, Codec.H264), (audio, Kind.AUDIO, Codec.AAC)):
            tracks.append(Track(kind, codec, bytes(stream.codec_context.extradata or b"")))
        for packet in file.demux(video, audio):
            if packet.pts is None or packet.dts is None or packet.pts < 0:
                continue  # an encoder's priming
            pts, dts = (round(stamp * packet.time_base * TIMELINE) for stamp in (packet.pts, packet.dts))
            kind = Kind.VIDEO if packet.stream.type == "video" else Kind.AUDIO
            if dts < seconds * TIMELINE:
                packets.append(TimedPacket(kind, pts, dts, packet.is_keyframe, bytes(packet)))
    packets.sort(key=lambda packet: packet.dts)
    rate = FrameRate(30, 1)
    rungs = rungs_for(parse_ladder(ladder), width, height, rate)
    plan = Plan(rungs, sound_for(2, None), rate, preset, OWN_TARGET_DURATION, PART_TARGET)
    cutter = RegularCutter(0, rate)
    cut = [item for packet in packets for item in cutter.packet(packet)]
    return Clip(path, (*tracks, *cut, End(cutter.media_end)), plan, seconds)


# --- ours ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Came:
    """A part came at ``at`` (monotonic seconds); its last frame ends at ``end`` (ticks), and was fed at ``fed``."""

    rendition: str
    end: int
    fed: float
    at: float

    @property
    def lag(self) -> float:
        """Seconds from the part's last frame in to the part out."""
        return self.at - self.fed


@dataclass
class Outcome:
    """What a room's worker made, and took: CPU in seconds (``gate``: of this process), memory in bytes."""

    parts: list[Came] = field(default_factory=list)
    made: list[PartItem] = field(default_factory=list)
    dropped: int = 0
    cpu: float = 0.0
    gate: float = 0.0
    peak: int = 0
    shared_out: int = 0
    """Peak of the proportional set size: shared pages count in parts."""

    def write(self, folder: Path) -> None:
        """Write each rendition as one file."""
        names = {item.rendition for item in self.made}
        for name in names:
            items = [item for item in self.made if item.rendition == name and isinstance(item, Init | Part)]
            (folder / f"{name}.mp4").write_bytes(b"".join(item.data for item in items))


class Room:
    """Plays a clip to a worker: in real time, or as fast as the worker goes. Fails if the worker has to be replaced.

    ``keep`` what it makes; ``watch`` its memory, which costs a little.
    """

    def __init__(self, clip: Clip, keep: bool = False, watch: bool = False) -> None:
        self.outcome = Outcome()
        self._clip = clip
        self._keep = keep
        self._looks = watch
        self._ends: dict[str, int] = {}
        self._scales: dict[str, int] = {}
        self._fed: dict[Kind, tuple[list[int], list[float]]] = {kind: ([], []) for kind in Kind}
        self._count = len(clip.plan.encoded) + 1
        self._moved = asyncio.Event()
        self._notes: list[str] = []
        self._transcoder = Transcoder(clip.plan, self._received, self._notes.append, limits=Limits(finish=60))

    async def play(self, real_time: bool, delay: float = 0.0) -> Outcome:
        """Play all of it; ``delay`` in seconds before the first packet."""
        self._transcoder.start()
        watch = asyncio.create_task(self._watch()) if self._looks else None
        try:
            async with asyncio.timeout(_PATIENCE + self._clip.seconds):
                await asyncio.sleep(delay)
                await self._feed(real_time)
                await self._transcoder.finish()
        finally:
            self.outcome.dropped = self._transcoder.stats.dropped_packets
            if watch is not None:
                watch.cancel()
            await self._transcoder.close()
        assert not self._notes, " ".join(self._notes)
        return self.outcome

    async def _feed(self, real_time: bool) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for item in self._clip.items:
            if isinstance(item, TimedPacket):
                if real_time:
                    await asyncio.sleep(max(0.0, began + item.dts / TIMELINE - loop.time()))
                while not real_time and item.dts - self._position > _AHEAD:
                    self._moved.clear()
                    await self._moved.wait()
                stamps, times = self._fed[item.kind]
                stamps.append(item.pts)
                times.append(loop.time())
            self._transcoder.feed(item)

    @property
    def _position(self) -> int:
        """How far the slowest rendition has come, in ticks."""
        if len(self._ends) < self._count:
            return 0
        return min(end * TIMELINE // self._scales[name] for name, end in self._ends.items())

    def _received(self, item: PartItem) -> None:
        now = asyncio.get_running_loop().time()
        match item:
            case SegmentStart(rendition=name, start=start, timescale=timescale):
                self._ends[name], self._scales[name] = start, timescale
            case Part(rendition=name, duration=duration):
                self._ends[name] += duration
                end = self._ends[name] * TIMELINE // self._scales[name]
                stamps, times = self._fed[Kind.AUDIO if name == Kind.AUDIO else Kind.VIDEO]
                self.outcome.parts.append(Came(name, end, times[max(0, bisect_left(stamps, end) - 1)], now))
                self._moved.set()
        if self._keep:
            self.outcome.made.append(item)

    async def _watch(self) -> None:
        """Look at the worker's memory."""
        while True:
            await asyncio.sleep(_SAMPLE)
            with contextlib.suppress(psutil.Error, OSError):
                if pid := self._transcoder.stats.pid:
                    self.outcome.peak = max(self.outcome.peak, _high_water(pid))
                    self.outcome.shared_out = max(self.outcome.shared_out, psutil.Process(pid).memory_full_info().pss)


def _high_water(pid: int) -> int:
    """Return the most bytes that a process has had resident."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@contextlib.contextmanager
def measuring(outcome: Outcome) -> Iterator[None]:
    """Add to ``outcome`` the CPU seconds that this process takes meanwhile, and children that end meanwhile took."""
    before = _cpu(resource.RUSAGE_CHILDREN), _cpu(resource.RUSAGE_SELF)
    try:
        yield
    finally:
        outcome.cpu += _cpu(resource.RUSAGE_CHILDREN) - before[0]
        outcome.gate += _cpu(resource.RUSAGE_SELF) - before[1]


def _cpu(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def run_room(clip: Clip, real_time: bool = False, keep: bool = False, watch: bool = False) -> Outcome:
    """Play a clip to one worker."""

    async def play() -> Outcome:
        return await Room(clip, keep, watch).play(real_time)

    counted = Outcome()
    with measuring(counted):
        outcome = asyncio.run(play())
    outcome.cpu, outcome.gate = counted.cpu, counted.gate
    return outcome


# --- the peer --------------------------------------------------------------------------------------------------


def run_ffmpeg(clip: Clip, folder: Path, real_time: bool = False) -> float:
    """Do the same by the best command known of Debian's ffmpeg; return its CPU seconds.

    One decode, each rung scaled from the one above, one AAC for all, HLS in fMP4; the options of our encoders.
    """
    counted = Outcome()
    with measuring(counted), Child(ffmpeg_command(clip, folder, real_time), folder / "ffmpeg.log") as child:
        status = child.wait(_PATIENCE + clip.seconds)
        assert status == 0, child.said()
    return counted.cpu


def ffmpeg_command(clip: Clip, folder: Path, real_time: bool = False) -> Sequence[str | Path]:
    """Return the command; what it makes is put into ``folder``."""
    rungs = clip.plan.encoded
    words: list[str | Path] = ["ffmpeg", "-hide_banner", "-loglevel", "warning", "-nostdin", "-y"]
    words += ["-re"] if real_time else []
    words += ["-threads", "1", "-t", f"{clip.seconds:g}", "-i", clip.path, "-filter_complex_threads", "1"]
    words += ["-filter_complex", cascade("0:v", [(rung.width, rung.height) for rung in rungs])]
    for number, rung in enumerate(rungs):
        words += ["-map", f"[{number}]"]
        given = options(SOFTWARE, clip.plan.preset, rung.bit_rate)
        # How units are delimited is the container's affair.
        given["x264-params"] = given["x264-params"].replace("annexb=0:", "")
        given["g"] = str(_NEVER)
        given["threads"] = str(threads_for(rung, float(clip.plan.frame_rate), clip.plan.preset))
        for name, value in given.items():
            words += [f"-{name}:v:{number}", value]
    assert clip.plan.sound is not None
    words += ["-c:v", "libx264", "-force_key_frames", ",".join(f"{cut:g}" for cut in clip.cuts)]
    words += ["-map", "0:a", "-c:a", "aac", "-b:a", str(clip.plan.sound.bit_rate), "-ar", "48000", "-ac", "2"]
    for name, value in AAC_OPTIONS.items():
        words += [f"-{name}", value]
    variants = [f"v:{number},agroup:sound,name:{rung.name}" for number, rung in enumerate(rungs)]
    # Every keyframe begins a segment: none comes unasked, and the first segment is half as long.
    words += ["-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "-hls_segment_type", "fmp4"]
    words += ["-hls_fmp4_init_filename", "%v-init.mp4", "-hls_segment_filename", folder / "%v-%d.m4s"]
    words += ["-master_pl_name", "master.m3u8", "-var_stream_map", " ".join([*variants, "a:0,agroup:sound,name:audio"])]
    return [*words, folder / "%v.m3u8"]


def join_segments(folder: Path, names: Sequence[str]) -> None:
    """Make one file of each rendition that ffmpeg has made, beside its segments."""
    for name in names:
        segments = sorted(folder.glob(f"{name}-*.m4s"), key=lambda path: int(path.stem.rpartition("-")[2]))
        whole = b"".join(path.read_bytes() for path in (folder / f"{name}-init.mp4", *segments))
        (folder / f"{name}.mp4").write_bytes(whole)


def cascade(source: str, sizes: Sequence[tuple[int, int]]) -> str:
    """Return a filter graph from ``source``, that has the first of ``sizes``, to pads 0, 1, ... of each size."""
    chains, above = [], source
    for number, (width, height) in enumerate(sizes):
        scale = f"scale={width}:{height}:flags=bicubic" if number else "null"
        if number == len(sizes) - 1:
            chains.append(f"[{above}]{scale}[{number}]")
        else:
            chains.append(f"[{above}]{scale},split=2[{number}][below{number}]")
        above = f"below{number}"
    return ";".join(chains)


def scratch() -> str | None:
    """Return a folder in memory for what is made, if there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
