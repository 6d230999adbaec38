"""What `veilcast doctor` looks at. Each check answers with an outcome, never with an exception.

A check fails where Veilcast can't work as asked, and warns where it works but something should be done. It leaves
nothing behind.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib.metadata import packages_distributions
from pathlib import Path
from urllib.parse import urlsplit

from serve import network
from serve.client import Client, ClientError, NotRunning, Target
from serve.config import Address, ServeConfig

LITTLE_SPACE = 1 << 30
NO_SPACE = 50 << 20
_RENEWAL = timedelta(days=10)  # certbot renews 30 days before the end

_ENCODERS = """
import av
for name in ("libx264", "aac"):
    try:
        av.CodecContext.create(name, "w")
    except Exception as error:
        raise SystemExit(f"PyAV {av.__version__} has no encoder {name}: {error}")
from transcode.encode import working_hardware
hardware = ", ".join(working_hardware()) or "none that works"
print(f"PyAV {av.__version__}: libx264, aac; hardware: {hardware}")
"""
_OURS = ("cli", "ingest", "transcode", "filters", "serve")


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, and what to do where it isn't well."""

    name: str
    outcome: Outcome
    found: str
    fix: str = ""


def examine(config: ServeConfig, server: str | None, token: str | None) -> Iterator[Check]:
    """All checks, each when it is done. ``server`` and ``token`` as they were given, if they were."""
    yield python()
    yield from neighbours(packages_distributions())
    yield data_folder(config.data)
    reached, ours = reachable(config.data, server, token)
    yield reached
    yield port("RTMP port", config.rtmp, "--rtmp", ours)
    yield port("HTTP port", config.http, "--http", ours)
    if config.https is not None:
        yield port("HTTPS port", config.https, "--https", ours)
    if config.rtmps is not None:
        yield port("RTMPS port", config.rtmps, "--rtmps", ours)
    if config.https_cert is not None and config.https_key is not None:
        yield certificate(config.https_cert, config.https_key)
    yield encoders()
    yield pages(Path(__file__).parent / "web" / "dist")
    yield clock()


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    """The interpreter."""
    found = f"{'.'.join(map(str, version))} at {sys.executable}"
    if version >= (3, 11):
        return Check("Python", Outcome.OK, found)
    return Check("Python", Outcome.FAIL, found, "install Python 3.11 or later")


def neighbours(distributions: Mapping[str, list[str]]) -> Iterator[Check]:
    """Other packages that own one of our top-level names; one of the two hides the other."""
    for name in _OURS:
        if others := sorted(set(distributions.get(name, ())) - {"veilcast"}):
            yield Check(
                "Packages",
                Outcome.WARN,
                f"{', '.join(others)} also installs a top-level package {name!r}",
                "install Veilcast in an environment of its own (./run does, or pipx)",
            )


def data_folder(data: Path) -> Check:
    """Whether the data folder, or the folder it will be made in, can be written, and has room."""
    name = "Data folder"
    base = next(folder for folder in (data, *data.absolute().parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=base) as file:
            file.write(b"veilcast")
            file.flush()
        free = shutil.disk_usage(base).free
    except OSError as error:
        fix = "make it writable for this user, or choose another with --data DIR"
        return Check(name, Outcome.FAIL, f"{data}: {error.strerror}", fix)
    found = f"{data}, {free / (1 << 30):.1f} GiB free"
    if free < NO_SPACE:
        return Check(name, Outcome.FAIL, found, "free some space, or choose another folder with --data DIR")
    if free < LITTLE_SPACE:
        return Check(name, Outcome.WARN, found, "free some space")
    return Check(name, Outcome.OK, found)


def reachable(data: Path, server: str | None, token: str | None) -> tuple[Check, frozenset[int]]:
    """Whether a server answers, and the ports that it holds. No server at all is well: it may not be started."""
    name = "Server"
    try:
        target = Target.find(data, server, token)
        rooms = Client(target, timeout=5).rooms()
    except NotRunning as error:
        if server is not None:
            return Check(name, Outcome.FAIL, str(error)), frozenset()
        return Check(name, Outcome.OK, "not running; `veilcast serve` starts it"), frozenset()
    except ClientError as error:
        return Check(name, Outcome.FAIL, str(error)), frozenset()
    urls = [target.url, *(str(room[name]) for room in rooms for name in ("rtmp_url", "rtmps_url") if room.get(name))]
    ports = frozenset(port for url in urls if (port := urlsplit(url).port))
    return Check(name, Outcome.OK, f"{target.url} answers; rooms: {len(rooms)}"), ports


def port(name: str, address: Address, option: str, ours: frozenset[int]) -> Check:
    """Whether a port is free, or held by a server of ours."""
    try:
        free = network.is_free(address)
    except OSError as error:
        fix = f"choose another address with {option} HOST:PORT"
        return Check(name, Outcome.FAIL, f"cannot listen on {address}: {error.strerror}", fix)
    if free:
        return Check(name, Outcome.OK, f"{address} is free")
    holder = network.holder(address.port) or ""
    if address.port in ours or holder.startswith("veilcast "):
        return Check(name, Outcome.OK, f"{address} is in use by Veilcast")
    return Check(name, Outcome.FAIL, *network.taken(address, option).split(": ", 1))


def certificate(path: Path, key: Path) -> Check:
    """Whether the certificate for HTTPS and RTMPS can be used with its key, and for how long."""
    from serve.certificates import CertificateError, Pair, load, now  # only where there is one

    name = "Certificate"
    try:
        loaded = load(Pair(path, key))
    except CertificateError as error:
        return Check(name, Outcome.FAIL, str(error))
    found = f"{path}, for {', '.join(loaded.names) or 'no name'}, until {loaded.ends.date()}"
    if loaded.ends < now() + _RENEWAL:
        return Check(name, Outcome.WARN, found, "renew it: browsers refuse one that has expired")
    return Check(name, Outcome.OK, found)


def encoders() -> Check:
    """Whether PyAV can encode H.264 and AAC, and what hardware helps, asked in a child process."""
    name = "Encoders"
    fix = "install Veilcast's own requirements again: `pip install av`"
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-c", _ENCODERS], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(name, Outcome.FAIL, f"PyAV could not be asked: {error}", fix)
    if child.returncode == 0:
        return Check(name, Outcome.OK, child.stdout.strip())
    last = child.stderr.strip().splitlines()[-1:] or [f"exit status {child.returncode}"]
    return Check(name, Outcome.FAIL, last[0], fix)


def pages(built: Path) -> Check:
    """Whether the pages that viewers see have been built into the package."""
    if any(built.rglob("*.html")) and any(built.rglob("*.js")):
        return Check("Pages", Outcome.OK, f"built in {built}")
    fix = "run `python serve/web/build.py` in the clone, or install Veilcast again"
    return Check("Pages", Outcome.FAIL, f"not built: {built} is empty", fix)


def clock() -> Check:
    """Whether the time of day can be right: playlists carry it."""
    name = "Clock"
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    if time.time() < Path(__file__).stat().st_mtime - 86_400:
        return Check(name, Outcome.WARN, f"{now} is before Veilcast was installed", "set the clock")
    synchronised = _synchronised()
    if synchronised is False:
        return Check(name, Outcome.WARN, f"{now}, not synchronised", "turn NTP on: `timedatectl set-ntp true`")
    return Check(name, Outcome.OK, f"{now}, synchronised" if synchronised else now)


def _synchronised() -> bool | None:
    """What systemd knows of NTP; None where it isn't there to tell."""
    try:
        child = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(child.stdout.strip()) if child.returncode == 0 else None
