"""The real ffmpeg as a host, and as a judge of what comes out."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support.processes import Child

_QUIET = ("ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin")
_ENCODE = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p")


def publish_file(url: str, path: Path, log: Path) -> Child:
    """Publish a file again and again, as it is, in real time."""
    return Child((*_QUIET, "-re", "-stream_loop", "-1", "-i", path, "-c", "copy", "-f", "flv", url), log)


def publish_pattern(
    url: str,
    log: Path,
    size: str = "320x180",
    fps: int = 30,
    gop: int = 60,
    video: bool = True,
    audio: bool = True,
    codec: tuple[str, ...] = _ENCODE,
    sound: tuple[str, ...] = (),
) -> Child:
    """Publish ffmpeg's test picture and tone, encoded on the way; ``sound`` are more words for the latter."""
    words: list[str | Path] = [*_QUIET]
    if video:
        words += ["-re", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={fps}"]
    if audio:
        words += ["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
    if video:
        words += [*codec, "-g", str(gop)]
    return Child([*words, *(("-c:a", "aac", *sound) if audio else ()), "-f", "flv", url], log)


def probe(url: str) -> list[dict[str, Any]]:
    """Return what ffprobe says of the streams at ``url``."""
    words = ("ffprobe", "-loglevel", "error", "-show_streams", "-of", "json", url)
    done = subprocess.run(words, capture_output=True, timeout=60, check=True)
    streams: list[dict[str, Any]] = json.loads(done.stdout)["streams"]
    return streams
