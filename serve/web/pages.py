"""The built pages, read into memory once: what to answer for each, and under which headers. No routes here.

Nothing is looked up on disk by a name that came in a request. The pages are made by ``serve/web/build.py``.
"""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DIST = Path(__file__).with_name("dist")
NO_CACHE = "no-cache"
IMMUTABLE = "public, max-age=31536000, immutable"
"""Assets have a digest of their content in their names."""

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    # media-chrome's elements carry style sheets in their shadow trees, which count as inline ones.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
    # hls.js plays through MediaSource, which is a blob: address.
    "media-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
)


class NotBuilt(Exception):
    """The pages have not been built, so that there is nothing to serve; the text says what to do."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to serve: ``plain`` and ``gzipped`` are its body, ``headers`` all that its answer needs but the coding."""

    plain: bytes
    gzipped: bytes
    etag: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pages:
    """All pages and assets. ``assets`` by their file names, which stand below ``/assets/``."""

    home: File
    room: File
    embed: File
    assets: Mapping[str, File]


def read_pages(folder: Path = DIST) -> Pages:
    """Read the built pages. Raises NotBuilt."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        assets = {name: _file(folder / "assets" / name, IMMUTABLE) for name in manifest["assets"]}
        home, room = (_page(folder / name, "'none'") for name in ("home.html", "room.html"))
        embed = _page(folder / "embed.html", "*")
    except (OSError, ValueError, KeyError) as error:
        raise NotBuilt(
            f"the pages have not been built ({error}): run ./run setup in the clone, or pip install veilcast"
        ) from error
    return Pages(home, room, embed, assets)


def _page(path: Path, framed_by: str) -> File:
    policy = "; ".join((*_POLICY, f"frame-ancestors {framed_by}"))
    return _file(path, NO_CACHE, {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"})


def _file(path: Path, cache: str, more: Mapping[str, str] | None = None) -> File:
    body = path.read_bytes()
    headers = {
        "Content-Type": _TYPES[path.suffix],
        "Cache-Control": cache,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        **(more or {}),
    }
    return File(body, gzip.compress(body, mtime=0), hashlib.sha256(body).hexdigest()[:16], headers)
