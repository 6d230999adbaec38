"""``./run bench latency``: how far behind the host its viewers are, and how long they wait. A real page, real programs.

A host publishes the wall clock, 720p30 from a zero-latency encoder, into a room that is transcoded to 720p; Debian's
Chromium plays its page. All of it runs on this one machine. The parts:

- latency: from the clock that is drawn into a picture until that picture is presented, over some minutes; and stalls;
- where: where that time goes, as a player sees it that has no buffer, and as hls.js's does;
- open: from asking for a live room's page to its first frame, each time with an empty cache;
- publish: from the host's connection until a page that was waiting shows its first picture, and until the multivariant
  playlist is there: from the first part on where that is asked for, as pages do, else from the first segment on;
- cut: after 10 s without a network, from its return until the page is as close to the host as before, to half a second;
- loss: the first again, where 2 % of the packets are lost each way and the way there and back takes 80 ms.

"required" is what has to be met, "sought" what would be better.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from subprocess import SubprocessError
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from playwright.sync_api import Browser
from playwright.sync_api import Error as BrowserError

from serve.client import ClientError
from tests.bench.e2e import machine
from tests.support.browser import CHROMIUM, Viewer, another, chromium
from tests.support.clock import publish_clock
from tests.support.edge import Edge
from tests.support.glass import Glass, rank, seen, seen_for, watch
from tests.support.limits import Limits
from tests.support.line import HERE, Line, NoLine
from tests.support.processes import Child, until
from tests.support.relay import Relay, Way
from tests.support.server import RunningServer, status
from tests.support.transcoding import scratch

LADDER = "720p"
SEGMENT = 2.0  # the target duration of a transcoded room, seconds
SETTLE = 6.0
"""Seconds that a player is given to come close to its live edge before it is measured."""
CUT = 10.0
AS_BEFORE, LASTING = 0.5, 2.0
"""Live again: no more than so much further behind than before, and for so long, in seconds."""
RECOVERY = SEGMENT + 1.0
DELAY, LOSS = 0.04, 0.02  # each way

FAILURES = (AssertionError, OSError, ClientError, BrowserError, SubprocessError, ValueError)


@dataclass(frozen=True, slots=True)
class Effort:
    """How long (seconds) and how often is measured."""

    watched: float
    where: float = 10.0
    opens: int = 20
    publishes: int = 5
    cuts: int = 3


QUICK = Effort(watched=20.0, where=5.0, opens=5, publishes=2, cuts=1)


class Show:
    """A room that is ready, on a server that runs; its host comes when it is told to."""

    def __init__(self, server: RunningServer, name: str, folder: Path) -> None:
        self._server, self.name, self._folder = server, name, folder
        self.room = server.room(name, ladder=LADDER)
        self.host: Child | None = None

    @property
    def url(self) -> str:
        """The page."""
        return str(self.room["watch_url"])

    @property
    def playlist(self) -> str:
        """The multivariant one."""
        return str(self.room["hls_url"])

    def through(self, relay: Relay) -> str:
        """The page, by way of ``relay``."""
        return relay.url + urlsplit(self.url).path

    def publish(self) -> Child:
        self.host = publish_clock(self._server.publish_url(self.name), self._folder / f"{self.name}.log")
        return self.host

    def host_says(self, word: str) -> float:
        """Wait for the newest number that the host says after ``word``."""
        host = self.host
        assert host is not None

        def said() -> str | None:
            assert host.running, host.said()
            *_, last = ["", *(line for line in host.said().splitlines() if line.startswith(word + " "))]
            return last.partition(" ")[2]

        return float(until(said, f"the host to say {word}"))

    def close(self) -> None:
        if self.host is not None:
            self.host.stop()


@contextmanager
def show(server: RunningServer, name: str, folder: Path, on_air: bool = True) -> Iterator[Show]:
    """A room, with its host on air if that is asked for. The room is gone afterwards."""
    shown = Show(server, name, folder)
    try:
        if on_air:
            shown.publish()
            server.playable(name)
        yield shown
    finally:
        shown.close()
        server.client.delete(name)


@contextmanager
def page(browser: Browser) -> Iterator[Viewer]:
    """A page that is watched from its first moment on; nothing is opened yet."""
    viewer = Viewer(browser)
    try:
        watch(viewer.context)
        yield viewer
    finally:
        viewer.close()


def counted(viewer: Viewer) -> int:
    """How many stalls the page has counted itself."""
    return int(viewer.state["counters"]["stalls"])


def trouble(viewer: Viewer, limits: Limits, before: int = 0) -> None:
    """Say what the page had to do beyond playing, if it was anything; ``before`` rescues were known already."""
    said = [f"{each['act']} ({each['details']})" for each in viewer.state["troubles"][before:]]
    if said:
        limits.note(f"the page's player: {', '.join(said)}")


# --- the parts -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """Limits of what is watched for minutes, in seconds."""

    p50: float
    p95: float | None
    sought: tuple[float | None, float | None] = (None, None)


def watched(part: str, limits: Limits, viewer: Viewer, seconds: float, wanted: Wanted) -> None:
    """Watch a page that plays, and judge it."""
    viewer.until_playing()
    seen_for(viewer, SETTLE)
    began = counted(viewer)
    glass = seen_for(viewer, seconds)
    ages = glass.ages
    assert len(ages) > seconds, f"only {len(ages)} pictures of the clock were seen in {seconds:g} s"
    what = f"glass to glass, {seconds:g} s"
    limits.row(part, f"{what}, p50", median(ages), "s", wanted.p50, wanted.sought[0])
    limits.row(part, f"{what}, p95", rank(ages, 0.95), "s", wanted.p95, wanted.sought[1])
    stills = glass.stills()
    limits.row(part, "stalls that the page counted", counted(viewer) - began, "", 0)
    limits.row(part, "times that the playhead stood still > 0.5 s", len(stills), "", 0)
    limits.row(part, "longest of them", max(stills, default=0.0), "s")
    limits.row(part, "reloads of the page", viewer.loads - 1, "", 0)
    told_of_player(part, limits, glass)
    trouble(viewer, limits)


def told_of_player(part: str, limits: Limits, glass: Glass) -> None:
    """What hls.js had meanwhile."""
    players = glass.players
    if players:
        limits.note(
            f"hls.js, median: {median(each.latency for each in players):.2f} s behind the playlist's edge,"
            f" {median(each.target for each in players):.2f} s wanted, {median(each.ahead for each in players):.2f} s"
            f" buffered (5 % below {rank([each.ahead for each in players], 0.05):.2f} s),"
            f" speed {median(each.rate for each in players):.2f}"
        )


def measure_latency(limits: Limits, browser: Browser, server: RunningServer, folder: Path, effort: Effort) -> None:
    with show(server, "clock", folder) as room, page(browser) as viewer:
        viewer.open(room.url)
        watched("latency", limits, viewer, effort.watched, Wanted(1.2, 1.8, (1.0, 1.5)))


def measure_where(limits: Limits, browser: Browser, server: RunningServer, folder: Path, effort: Effort) -> None:
    with show(server, "where", folder) as room, page(browser) as viewer:
        viewer.open(room.url)
        viewer.until_playing()
        seen_for(viewer, SETTLE)
        glass = seen_for(viewer, effort.where)
        edge = Edge(room.playlist)
        try:
            arrivals = list(edge.follow(effort.where))
        finally:
            edge.close()
        assert arrivals, "no part could be read"
        host = room.host_says("spent")
        newest, oldest = median(each.newest for each in arrivals), median(each.oldest for each in arrivals)
        limits.row("where", "host: clock drawn to packet sent, p50", host, "s")
        limits.row("where", "server: last packet of a part to part out, p50", newest - host, "s")
        limits.row("where", "first picture of a part waits for its last, p50", oldest - newest, "s")
        limits.row("where", "player: from part out to its picture presented, p50", median(glass.ages) - oldest, "s")
        told_of_player("where", limits, glass)


def measure_open(limits: Limits, browser: Browser, server: RunningServer, folder: Path, effort: Effort) -> None:
    waits = []
    with show(server, "open", folder) as room:
        time.sleep(SETTLE)
        for _ in range(effort.opens):
            with page(browser) as viewer:
                viewer.open(room.url)
                until(lambda viewer=viewer: seen(viewer.page).first is not None, "a first frame")  # type: ignore[misc]
                waits.append(seen(viewer.page).first or 0.0)
    limits.row("open", f"page open to first frame, p50 of {len(waits)}", median(waits), "s")
    limits.row("open", f"page open to first frame, p95 of {len(waits)}", rank(waits, 0.95), "s", 1.0)


class Poll:
    """Asks for a URL again and again, until it is there."""

    def __init__(self, url: str) -> None:
        self._there: float | None = None
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> "Poll":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def found(self) -> float:
        """Wait until it is there; return when it came, as ``time.time``."""
        return until(lambda: self._there, f"{self._url} to be there")

    def _ask(self) -> None:
        while not self._stop.wait(0.02):
            if status(self._url) == 200:
                self._there = time.time()
                return


def measure_publish(limits: Limits, browser: Browser, server: RunningServer, folder: Path, effort: Effort) -> None:
    listed, classic, shown = [], [], []
    for number in range(effort.publishes):
        with show(server, f"publish-{number}", folder, on_air=False) as room, page(browser) as viewer:
            viewer.open(room.url)
            until(lambda viewer=viewer: viewer.state["face"] == "waiting", "the page to wait")  # type: ignore[misc]
            viewer.page.wait_for_timeout(1000)
            with Poll(room.playlist + "?start=parts") as parts, Poll(room.playlist) as segments:
                room.publish()
                connected = room.host_says("connecting")
                until(lambda viewer=viewer: seen(viewer.page).host is not None, "the host")  # type: ignore[misc]
                shown.append((seen(viewer.page).host or 0.0) - connected)
                listed.append(parts.found() - connected)
                classic.append(segments.found() - connected)
    rounds, limit = f"{effort.publishes} rounds", SEGMENT + 0.5
    for what, waits in (("page shows it", shown), ("playlist with parts", listed), ("playlist of segments", classic)):
        limits.row("publish", f"host connects to {what}, p50 of {rounds}", median(waits), "s", limit, 1.0)
        limits.row("publish", f"host connects to {what}, worst of {rounds}", max(waits), "s", limit, 1.0)


@contextmanager
def behind(line: Line, browser: Browser, folder: Path, name: str) -> Iterator[tuple[Show, Viewer]]:
    """A server on this end of ``line``, with a host on air, and a browser like ``browser`` on the other."""
    place = folder / name
    place.mkdir()
    server = RunningServer(place)
    server.http = f"{HERE}:0"
    program = line.program(CHROMIUM)
    with server, show(server, name, place) as room, another(browser, program) as there, page(there) as viewer:
        yield room, viewer


def measure_cuts(limits: Limits, browser: Browser, server: RunningServer, folder: Path, effort: Effort) -> None:
    """By a relay: connections that stand still, and that are closed. By a line that is unplugged: all is lost that is
    on the way, and the browser is told.
    """
    with show(server, "cut", folder) as room:
        for name in ("connections stand still", "connections are closed"):
            with limits.measuring(f"cut, {name}", *FAILURES), Relay(server.http) as relay, page(browser) as viewer:
                viewer.open(room.through(relay))
                if name.endswith("still"):
                    cut_off(limits, viewer, name, relay.freeze, relay.thaw, effort)
                else:
                    cut_off(limits, viewer, name, relay.refuse, relay.accept, effort)
    name = "the line is unplugged"
    try:
        with limits.measuring(f"cut, {name}", *FAILURES), Line(0.0, 0.0, folder) as line:
            cut_off_line(limits, browser, line, folder, name, effort)
    except NoLine as error:
        limits.note(f"cut, {name}: there is no line here: {error}")


def cut_off_line(limits: Limits, browser: Browser, line: Line, folder: Path, name: str, effort: Effort) -> None:
    with behind(line, browser, folder, "unplugged") as (room, viewer):
        viewer.open(room.url)
        cut_off(limits, viewer, name, line.unplug, line.plug, effort)


def cut_off(
    limits: Limits, viewer: Viewer, name: str, cut: Callable[[], None], mend: Callable[[], None], effort: Effort
) -> None:
    """Cut a page off again and again, and judge how it comes back."""
    viewer.until_playing()
    seen_for(viewer, SETTLE)
    waits: list[float] = []
    missed = 0
    for _ in range(effort.cuts):
        before = median(seen_for(viewer, 4).ages)
        troubles = len(viewer.state["troubles"])
        cut()
        viewer.page.wait_for_timeout(CUT * 1000)
        seen(viewer.page)
        mended = time.time()
        mend()
        glass = seen_for(viewer, RECOVERY + LASTING + 6)
        waited = glass.settled(mended, before + AS_BEFORE, LASTING)
        if waited is None:
            missed += 1
        else:
            waits.append(waited)
        trouble(viewer, limits, troubles)
    what = f"network back to live again, {name}"
    if waits:
        limits.row("cut", f"{what}, p50", median(waits), "s")
        limits.row("cut", f"{what}, worst", max(waits), "s", RECOVERY)
    limits.row("cut", f"times it was not live {RECOVERY + 6:g} s later, {name}", missed, "", 0)
    limits.row("cut", f"reloads of the page, {name}", viewer.loads - 1, "", 0)


def measure_loss(limits: Limits, browser: Browser, server: RunningServer, folder: Path, effort: Effort) -> None:
    """In a network of its own where there can be one, else by a relay that behaves as TCP would."""
    wanted = Wanted(2.0, None)
    what = f"{LOSS:.0%} loss and {2000 * DELAY:g} ms there and back"
    congestion = Path("/proc/sys/net/ipv4/tcp_congestion_control")
    try:
        with Line(DELAY, LOSS, folder) as line, behind(line, browser, folder, "loss") as (room, viewer):
            limits.note(f"{what} by {line.means}; congestion control: {congestion.read_text().strip()}")
            viewer.open(room.url)
            watched("loss", limits, viewer, effort.watched, wanted)
            return
    except NoLine as error:
        limits.note(f"{what} by a relay that emulates what TCP would do, as there is no line here: {error}")
    with show(server, "loss", folder) as room, Relay(server.http, Way(DELAY, LOSS)) as relay, page(browser) as viewer:
        viewer.open(room.through(relay))
        watched("loss", limits, viewer, effort.watched, wanted)


Measure = Callable[[Limits, Browser, RunningServer, Path, Effort], None]
PARTS: dict[str, Measure] = {
    "latency": measure_latency,
    "where": measure_where,
    "open": measure_open,
    "publish": measure_publish,
    "cut": measure_cuts,
    "loss": measure_loss,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="./run bench latency", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="how long to watch; 5 unless told")
    parser.add_argument(
        "--quick", action="store_true", help="watch for 20 s each time, and do all else less often: two minutes"
    )
    parser.add_argument("--only", default=",".join(PARTS), metavar="LIST", help="some of " + ",".join(PARTS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    given = parser.parse_args()
    parts = given.only.split(",")
    if not set(parts) <= set(PARTS):
        parser.error(f"--only takes a list of {', '.join(PARTS)}")
    effort = QUICK if given.quick else Effort(watched=given.minutes * 60)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # nothing is left behind
    limits, where = Limits(), machine()
    print(f"{where}\nHost, server and browser share this machine: figures are noisy.\n", flush=True)
    limits.head()
    with TemporaryDirectory(prefix="veilcast-bench-", dir=scratch()) as name, ExitStack() as stack:
        folder = Path(name)
        server = stack.enter_context(RunningServer(folder))
        browser = stack.enter_context(chromium())
        for part in parts:
            with limits.measuring(part, *FAILURES):
                PARTS[part](limits, browser, server, folder, effort)
    print(f"load {os.getloadavg()[0]:.1f} at the end", flush=True)
    if given.json is not None:
        limits.write(given.json, machine=where, minutes=effort.watched / 60)
    limits.finish()


if __name__ == "__main__":
    main()
