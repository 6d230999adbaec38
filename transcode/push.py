"""The sample host: publishes a file over RTMP in real time, as an encoder would. Blocking: run it in its own process.

Packets go out as they are in the file, paced by the monotonic clock. A loop goes on where the last round ended.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from transcode.files import CODECS, playable, recode

_TIMEOUT = 10.0
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 15.0  # seconds until a lost server is tried again
_SERVER = "Server error: "
_LOG_LINES = 20

_Log = list[tuple[int, str, str]]


class PushError(Exception):
    """The file cannot be published; the text says why and what to do."""


class ServerGone(PushError):
    """No server answers, or it has closed the connection: it may be back later."""


def push(url: str, path: Path, loop: bool = False, reconnect: bool = False) -> None:
    """Publish ``path`` to ``url`` (``rtmp://HOST:PORT/live/KEY``), once or for ever. Raises PushError.

    SIGINT and SIGTERM end it in order. ``reconnect`` makes it try again, from the file's beginning, whenever the server
    is gone; a server that refuses is never asked again.
    """
    wait = _FIRST_WAIT
    with contextlib.suppress(KeyboardInterrupt), _sigterm_interrupts():
        while True:
            began = time.monotonic()
            try:
                return _publish(url, path, loop)
            except ServerGone:
                if not reconnect:
                    raise
                wait = _FIRST_WAIT if time.monotonic() - began > _LONGEST_WAIT else min(2 * wait, _LONGEST_WAIT)
                time.sleep(wait)


@contextlib.contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, where signals can be had: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _publish(url: str, path: Path, loop: bool) -> None:
    try:
        file = av.open(str(path))
    except av.FFmpegError as error:
        raise PushError(f"cannot read {path}: {error.strerror}") from error
    av.logging.set_level(av.logging.ERROR)  # what the server says is only in FFmpeg's log
    with file, av.logging.Capture(local=False) as log:
        streams = _playable(file, path)
        out, outputs = _connect(url, streams, log)
        began = time.monotonic()
        try:
            for packet, seconds in _packets(file, streams, loop):
                ahead = began + float(seconds) - time.monotonic()
                if ahead > 0:
                    time.sleep(ahead)
                packet.stream = outputs[packet.stream.index]
                out.mux_one(packet)
                del log[:-_LOG_LINES]
            out.close()
        except av.FFmpegError as error:
            why = f" ({reason})" if (reason := _server_words(log)) else ""
            raise ServerGone(f"the server closed the connection{why}: start again to go on") from error
        finally:
            with contextlib.suppress(av.FFmpegError):
                out.close()


def _playable(file: InputContainer, path: Path) -> list[Stream]:
    streams = playable(file)
    if not streams:
        raise PushError(f"{path} holds neither picture nor sound")
    for stream in streams:
        name = stream.codec_context.name
        if name not in CODECS:
            raise PushError(
                f"{path} holds {name}, and H.264 and AAC are pushed: recode it first, such as with {recode(path)}"
            )
    return streams


def _packets(file: InputContainer, streams: list[Stream], loop: bool) -> Iterator[tuple["av.Packet[Stream]", Fraction]]:
    """Yield packets with stamps that never go back, and when they are due, in seconds from the start."""
    offset = Fraction(0)
    while True:
        end = Fraction(0)
        shift: Fraction | None = None
        for packet in file.demux(streams):
            if packet.dts is None or packet.pts is None:
                continue
            base = packet.time_base
            if packet.pts < 0 and packet.stream.type == "audio":
                continue  # an encoder's priming, which an edit list would hide
            if shift is None:
                # Reordered pictures decode before 0: all moves, so that the first is sent at 0.
                shift = max(Fraction(0), -packet.dts * base)
            moved = offset + shift
            dts, pts = packet.dts * base + moved, packet.pts * base + moved
            end = max(end, dts + (packet.duration or 0) * base)
            packet.dts, packet.pts = round(dts / base), round(pts / base)
            yield packet, dts
        if not loop or end <= offset:
            return
        offset = end
        file.seek(0)


def _connect(url: str, streams: list[Stream], log: _Log) -> tuple[OutputContainer, dict[int, Stream]]:
    """Begin to publish; the connection is made when the header is written."""
    out = None
    try:
        out = av.open(url, "w", format="flv", options={"flvflags": "no_duration_filesize"}, timeout=_TIMEOUT)
        outputs: dict[int, Stream] = {s.index: out.add_stream_from_template(s) for s in streams}
        out.start_encoding()
    except av.FFmpegError as error:
        if out is not None:
            with contextlib.suppress(av.FFmpegError):
                out.close()
        if reason := _server_words(log):
            raise PushError(f"the server refused it: {reason}") from error
        where = url.rpartition("/")[0]
        raise ServerGone(f"no RTMP server answers at {where} ({error.strerror}): is it running?") from error
    return out, outputs


def _server_words(log: _Log) -> str:
    """Return the last that the server has said, or nothing."""
    said = [text.strip().removeprefix(_SERVER) for _, _, text in log if text.startswith(_SERVER)]
    return said[-1] if said else ""
