"""The players of ``./run bench viewers``: they get what there is, and count what goes wrong."""

import gzip
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support import ffmpeg
from tests.support.load_client import Course, Files, live, play, static
from tests.support.server import RunningServer

pytestmark = pytest.mark.skipif(not (shutil.which("cc") or shutil.which("gcc")), reason="there is no C compiler")

PART = 0.05
PARTS = 10  # in a segment
LISTED = 6  # segments
SKIPPED = 4


@dataclass
class Origin:
    """A stream that needs no media: part n of all is there at ``began + (n + 1) * PART``. And what is wrong with it."""

    url: str
    truncated: bool = False
    refused: bool = False
    endless: bool = False
    closing: bool = False
    began: float = 0.0
    deltas: int = 0

    @property
    def made(self) -> int:
        return int((time.monotonic() - self.began) / PART)

    def wait_for(self, number: int) -> None:
        time.sleep(max(0.0, self.began + (number + 1) * PART - time.monotonic()) + 0.002)

    def playlist(self, skip: bool) -> bytes:
        made = self.made
        edge = made // PARTS
        lines = ["#EXTM3U", "#EXT-X-VERSION:9", "#EXT-X-TARGETDURATION:1", f"#EXT-X-PART-INF:PART-TARGET={PART}"]
        lines.append("#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,PART-HOLD-BACK=1.5")
        lines.append(f"#EXT-X-MEDIA-SEQUENCE:{edge - LISTED + 1}")
        if skip:
            lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={SKIPPED}")
        else:
            lines.append('#EXT-X-MAP:URI="init.mp4"')
        for number in range(edge - LISTED + 1 + (SKIPPED if skip else 0), edge + 1):
            for part in range(PARTS if number < edge else made % PARTS):
                lines.append(f'#EXT-X-PART:DURATION={PART},URI="made/{number}-{part}?a=b,c"')
            if number < edge:
                lines += [f"#EXTINF:{PART * PARTS},", f"made/{number}"]
        return "\n".join(lines).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    origin: ClassVar[Origin]

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(where.query).items()}
        if where.path == "/a/master.m3u8":
            media = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x, y",URI="b/audio.m3u8"'
            self.answer(f'#EXTM3U\n{media}\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\n/a/b/video.m3u8\n'.encode())
        elif where.path.endswith(".m3u8"):
            if "_HLS_msn" in query:
                if self.origin.refused and "audio" in where.path:
                    self.answer(b"", 503)
                    return
                self.origin.wait_for(int(query["_HLS_msn"]) * PARTS + int(query["_HLS_part"]))
            skip = query.get("_HLS_skip") == "YES"
            self.origin.deltas += skip
            self.answer(gzip.compress(self.origin.playlist(skip)), coding="gzip")
        elif self.origin.endless and "made/" in where.path:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            self.close_connection = True
        else:
            assert where.path in ("/a/b/init.mp4", "/files/part") or (where.path[:10], where.query) == (
                "/a/b/made/",
                "a=b,c",
            )
            self.answer(bytes(50_000))

    def answer(self, body: bytes, status: int = 200, coding: str = "identity") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Encoding", coding)
        self.end_headers()
        whole = not (self.origin.truncated and len(body) == 50_000)
        self.wfile.write(body if whole else body[:-1])
        self.close_connection = self.origin.closing or not whole

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Listener(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Players are gone when all is measured, whatever they wait for."""


@contextmanager
def serving(**faults: bool) -> Iterator[Origin]:
    class Own(Handler):
        pass

    with Listener(("127.0.0.1", 0), Own) as server:
        began = time.monotonic() - LISTED * PARTS * PART
        Own.origin = Origin(f"http://127.0.0.1:{server.server_port}", began=began, **faults)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield Own.origin
        server.shutdown()


COURSE = Course(viewers=2, start=0.05, settle=0.25, seconds=0.8, linger=0)
BRIEF = Course(viewers=2, start=0.05, settle=0.15, seconds=0.3, linger=0)


def test_players_get_every_part_of_a_real_room(server: RunningServer, tmp_path: Path) -> None:
    server.room("demo")
    url = server.publish_url("demo")
    with ffmpeg.publish_pattern(url, tmp_path / "host.log", size="160x90", gop=30, sound=("-ar", "48000")):
        outcome = play(live(server.playable("demo"), Course(viewers=3, start=0.2, settle=0.2, seconds=1, linger=0)))
    assert (outcome.complete, outcome.wrong, outcome.reconnects) == (3, 0, 0)
    assert [each.name for each in outcome.renditions] == ["picture", "sound"]
    for each in outcome.renditions:
        assert each.parts > 0
        assert each.part_bytes > 100
        assert 0.1 < each.part_seconds <= each.part_target
        assert each.lateness is not None


def test_players_read_deltas_and_connect_again_where_they_are_sent_away() -> None:
    with serving(closing=True) as origin:
        outcome = play(live(f"{origin.url}/a/master.m3u8", COURSE))
    assert (outcome.complete, outcome.wrong) == (2, 0)
    assert outcome.reconnects > 20
    assert origin.deltas > 10
    for each in outcome.renditions:
        assert (each.part_bytes, each.failed) == (50_000, 0)
        assert each.parts + each.missing >= 0.5 * each.expected > 10


def test_what_goes_wrong_is_counted() -> None:
    with serving(truncated=True, refused=True) as origin:
        outcome = play(live(f"{origin.url}/a/master.m3u8", BRIEF))
    assert outcome.errors["truncated"] > 1
    assert outcome.status["503"] >= 2
    assert (outcome.complete, outcome.late) == (0, outcome.due)
    with serving(endless=True) as origin:
        outcome = play(live(f"{origin.url}/a/master.m3u8", BRIEF))
    assert outcome.errors["malformed"] > 1


def test_nobody_there_is_counted() -> None:
    with serving() as origin:
        url = origin.url
    outcome = play(live(f"{url}/a/master.m3u8", BRIEF))
    assert outcome.errors["refused"] >= 2
    assert outcome.complete == 0


def test_files_are_fetched_at_their_pace() -> None:
    with serving() as origin:
        files = [Files(name, "/a/b/video.m3u8", "/files/part", 0.1) for name in ("picture", "sound")]
        outcome = play(static(origin.url, COURSE, files))
    assert (outcome.complete, outcome.wrong) == (2, 0)
    for each in outcome.renditions:
        assert 0 < each.parts <= each.expected + 2
        assert each.part_bytes == 50_000
        assert each.playlist_bytes > 0
