"""Scenes as files: each encoded once as a host would (x264, 3 Mbit/s), with its labels beside it, and kept.

Files are kept below ``tests/artifacts`` by kind, seed and the sources that make them.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
from av.video.stream import VideoStream

from filters.pixels import planes_of
from tests.support.scenes.scene import HEIGHT, RATE, WIDTH, Image, Label, Scene
from tests.support.server import ROOT
from transcode.conversion import frame_of

ARTIFACTS = ROOT / "tests" / "artifacts" / "leaks"
_TAPES = ARTIFACTS / "tapes"
_SCENES = ROOT / "tests" / "support" / "scenes"

BIT_RATE = 3_000_000
_X264 = {
    "preset": "veryfast",
    "maxrate": str(BIT_RATE),
    "bufsize": str(BIT_RATE),
    "g": str(2 * RATE),
    "threads": "2",  # a number of its own: what x264 makes depends on it
    "colorspace": "bt709",
    "color_primaries": "bt709",
    "color_trc": "bt709",
    "color_range": "tv",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of ``count`` frames from ``first`` on, which are the same in all of them."""

    first: int
    count: int
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Tape:
    """An encoded scene of ``frames`` frames: the file ``path`` and what is shown in it."""

    kind: str
    name: str
    frames: int
    path: Path
    spans: tuple[Labels, ...]

    @property
    def labels(self) -> list[tuple[Label, ...]]:
        """The labels of each frame."""
        return [span.labels for span in self.spans for _ in range(span.count)]


class TapeError(Exception):
    """A scene cannot be had; the text says why."""


def tapes(kinds: Sequence[str], seed: int, stale: bool = False) -> list[Tape]:
    """Return the scenes of ``kinds``, made unless they are there already; ``stale``: of older sources, too.

    Raises TapeError.
    """
    found: list[Tape] = []
    for kind in kinds:
        folder = _TAPES / f"{kind}-{seed}-{_digest()}"
        if stale and not folder.is_dir():
            older = sorted(_TAPES.glob(f"{kind}-{seed}-*"), key=lambda path: path.stat().st_mtime)
            folder = older[-1] if older else folder
        if not folder.is_dir():
            _make(kind, seed, folder)
        found += [read(path) for path in sorted(folder.glob("*.json"))]
    return found


def _make(kind: str, seed: int, folder: Path) -> None:
    from tests.support.scenes.catalogue import scenes  # scenes need programs that offline work on kept ones does not

    began = time.monotonic()
    _TAPES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=_TAPES, prefix="making-") as name:
        draft = Path(name, "draft")
        draft.mkdir()
        for number, scene in enumerate(scenes((kind,), seed, _TAPES.parent / "scenes")):
            record(scene, draft / f"{number:02}.mp4")
        if not any(draft.glob("*.json")):
            raise TapeError(f"there is no scene of the kind {kind}")
        if not folder.is_dir():  # two runs may make the same ones
            draft.rename(folder)
    _log.info("scenes of the kind %s: made in %.0f s", kind, time.monotonic() - began)


def _digest() -> str:
    digest = hashlib.sha256(json.dumps(_X264).encode())
    for path in sorted(_SCENES.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(_SCENES).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


# --- one scene -------------------------------------------------------------------------------------------------


def record(scene: Scene, path: Path) -> Tape:
    """Encode ``scene`` to the MP4 file ``path``; its labels go beside it, as JSON, and are written last."""
    spans: list[Labels] = []

    def images() -> Iterable[Image]:
        for number, frame in enumerate(scene.frames):
            if spans and spans[-1].labels == frame.labels:
                spans[-1] = Labels(spans[-1].first, spans[-1].count + 1, frame.labels)
            else:
                spans.append(Labels(number, 1, frame.labels))
            yield frame.image

    frames = encode(images(), path)
    tape = Tape(scene.kind, scene.name, frames, path, tuple(spans))
    written = {
        "kind": tape.kind,
        "name": tape.name,
        "frames": tape.frames,
        "spans": [[span.first, span.count, [_listed(label) for label in span.labels]] for span in spans],
    }
    path.with_suffix(".json").write_text(json.dumps(written))
    return tape


def read(path: Path) -> Tape:
    """Return the tape whose labels stand in ``path``."""
    found = json.loads(path.read_text())
    spans = tuple(
        Labels(first, count, tuple(_label(each) for each in labels)) for first, count, labels in found["spans"]
    )
    return Tape(found["kind"], found["name"], found["frames"], path.with_suffix(".mp4"), spans)


def _listed(label: Label) -> list[Any]:
    return [label.id, label.category, label.text, [int(side) for side in label.box], float(label.share)]


def _label(found: Sequence[Any]) -> Label:
    name, category, text, (left, top, right, bottom), share = found
    return Label(name, category, text, (left, top, right, bottom), share)


def encode(images: Iterable[Image], path: Path) -> int:
    """Encode pictures to the MP4 file ``path`` as the host of all scenes does; return how many there were."""
    count = 0
    before: Image | None = None
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=RATE, options=_X264)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", BIT_RATE
        stream.time_base = stream.codec_context.time_base = Fraction(1, RATE)
        for image in images:
            if image is not before:
                planes = planes_of(image)
                before = image
            frame = frame_of(planes)
            frame.pts, frame.time_base = count, Fraction(1, RATE)
            file.mux(stream.encode(frame))
            count += 1
        file.mux(stream.encode(None))
    return count
