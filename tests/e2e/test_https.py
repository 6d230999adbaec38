"""Rooms by HTTPS: from the server itself, and through the reverse proxy that is shipped as a sample."""

import json
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urljoin

import pytest

from serve.certificates import Pair, now
from serve.self_signed import ensure
from tests.support import ffmpeg
from tests.support.hls_reader import fetch
from tests.support.https import Https
from tests.support.processes import free_port, until
from tests.support.proxy import Proxy
from tests.support.server import VEILCAST, RunningServer

_PART = re.compile(r'#EXT-X-PART:.*URI="([^"]+)"')


@dataclass(frozen=True)
class OnAir:
    """A server with a room on air, where its HTTPS is, and a client that trusts the server's own certificate."""

    server: RunningServer
    url: str
    web: Https


@pytest.fixture(scope="module")
def on_air(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Iterator[OnAir]:
    folder = tmp_path_factory.mktemp("https")
    address = f"127.0.0.1:{free_port()}"
    with RunningServer(folder, "--https", address) as server:
        server.room("demo")
        with ffmpeg.publish_file(server.publish_url("demo"), clip, folder / "host.log"):
            server.playable("demo")
            yield OnAir(server, f"https://{address}", Https(server.data / "https" / "cert.pem"))


@pytest.fixture(scope="module")
def proxy(on_air: OnAir, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Https]]:
    """Where the proxy before that server is, and a client that trusts it."""
    folder = tmp_path_factory.mktemp("proxy")
    pair = ensure(folder / "cert.pem", ["localhost"], now())
    with Proxy(folder / "nginx", on_air.server.http, pair) as nginx:
        yield nginx.url, Https(pair.certificate)
    assert "[error]" not in nginx.said()


def playlists(web: Https, url: str) -> Iterator[str]:
    """The URLs of the media playlists of the room ``demo``."""
    master = f"{url}/hls/demo/master.m3u8"
    yield from (urljoin(master, name) for name in re.findall(r"[\w/-]+\.m3u8", web.get(master).text))


def newest_part(web: Https, playlist: str) -> str:
    name: str = _PART.findall(web.get(playlist).text)[-1]
    return urljoin(playlist, name)


def newest_segment(text: str) -> int:
    return int(re.findall(r"^(?:\w+/)?(\d+)\.m4s$", text, re.MULTILINE)[-1])


def test_a_room_is_played_by_https_by_who_knows_the_servers_certificate(on_air: OnAir) -> None:
    named = on_air.url.replace("127.0.0.1", "localhost")
    for url in (on_air.url, named):
        found = list(playlists(on_air.web, url))
        assert [name.rpartition("/")[2] for name in found] == ["audio.m3u8", "source.m3u8"]
        for playlist in found:
            part = newest_part(on_air.web, playlist)
            assert part.startswith(url)
            assert on_air.web.get(part).body == fetch(part.replace(url, on_air.server.url))
    assert on_air.web.get(f"{named}/r/demo").status == 200


def test_the_certificate_is_trusted_by_nobody_else_and_for_no_other_name(on_air: OnAir, tmp_path: Path) -> None:
    stranger = Https(ensure(tmp_path / "cert.pem", ["127.0.0.1"], now()).certificate)
    with pytest.raises(URLError, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.get(on_air.url)
    port = int(on_air.url.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
        pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"),
    ):
        on_air.web.context.wrap_socket(connection, server_hostname="live.example.org")


def test_the_command_line_goes_by_https_where_it_is_told_whom_to_trust(on_air: OnAir) -> None:
    token = json.loads((on_air.server.data / "server.json").read_text())["token"]
    words = (*VEILCAST, "room", "show", "demo", "--json", "--server", on_air.url, "--token", token)

    def run(**env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, check=False, capture_output=True, text=True, env={**os.environ, **env}, timeout=60)

    refused = run()
    assert (refused.returncode, "is not trusted" in refused.stderr) == (1, True)
    told = run(SSL_CERT_FILE=str(on_air.server.data / "https" / "cert.pem"))
    assert json.loads(told.stdout)["name"] == "demo"


def test_a_host_publishes_by_rtmps_and_its_certificate_is_that_of_https(tmp_path: Path, clip: Path) -> None:
    port = free_port()
    with RunningServer(tmp_path, "--rtmps", f"127.0.0.1:{port}") as server:
        room = server.room("demo")
        key, url = room["stream_key"], room["rtmps_url"]
        assert url == f"rtmps://127.0.0.1:{port}/live"
        with ffmpeg.publish_file(f"{url}/{key}", clip, tmp_path / "host.log"):
            server.playable("demo")
        own = Https(server.data / "https" / "cert.pem")
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            own.context.wrap_socket(connection, server_hostname="localhost").close()
    assert server.child is not None
    assert key not in server.child.said()


def test_a_renewed_certificate_is_taken_up_and_nobody_is_cut_off(tmp_path: Path) -> None:
    pair = ensure(tmp_path / "given" / "cert.pem", ["127.0.0.1"], now())
    renewed = ensure(tmp_path / "renewed" / "cert.pem", ["127.0.0.1"], now())
    old, new = Https(pair.certificate), Https(renewed.certificate)
    address = f"127.0.0.1:{free_port()}"
    files = ("--https-cert", str(pair.certificate), "--https-key", str(pair.key))
    rtmps = ("127.0.0.1", free_port())
    with RunningServer(tmp_path, "--https", address, "--rtmps", f"{rtmps[0]}:{rtmps[1]}", *files) as server:
        connection = old.connect(f"https://{address}")
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b"ok\n"
        before = connection.sock
        _put(pair, renewed)
        until(lambda: _answers(new, f"https://{address}/healthz"), "the renewed certificate to be served")
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b"ok\n"
        assert connection.sock is before
        with socket.create_connection(rtmps, timeout=10) as host, pytest.raises(ssl.SSLCertVerificationError):
            old.context.wrap_socket(host, server_hostname=rtmps[0])
        with socket.create_connection(rtmps, timeout=10) as host:
            new.context.wrap_socket(host, server_hostname=rtmps[0]).close()
        assert not (server.data / "https").exists()
        assert server.stop() == 0, "with a connection that is open"
        connection.close()


def _put(pair: Pair, other: Pair) -> None:
    """Put ``other`` in the place of ``pair``, one file after the other."""
    other.certificate.replace(pair.certificate)
    other.key.replace(pair.key)


def _answers(web: Https, url: str) -> bool:
    try:
        return web.get(url).status == 200
    except (URLError, ssl.SSLError):
        return False


def test_the_proxy_speaks_http_2(proxy: tuple[str, Https], tmp_path: Path, on_air: OnAir) -> None:
    url, web = proxy
    page = (
        "curl",
        "--silent",
        "--show-error",
        "--http2",
        "--cacert",
        str(web.certificate),
        "-o",
        str(tmp_path / "page"),
    )
    words = (*page, "-w", "%{http_version} %{http_code}", f"{url}/r/demo")
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("2 200", "")
    assert (tmp_path / "page").read_bytes() == on_air.web.get(f"{on_air.url}/r/demo").body


def test_a_blocking_reload_through_the_proxy_comes_back_with_news(proxy: tuple[str, Https]) -> None:
    url, web = proxy
    *_, playlist = playlists(web, url)
    answer = web.get(playlist)
    for _ in range(2):
        awaited = newest_segment(answer.text) + 1
        answer = web.get(f"{playlist}?_HLS_msn={awaited}")
        assert newest_segment(answer.text) >= awaited
        assert answer.headers["Cache-Control"] == "max-age=6"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        again = web.get(f"{playlist}?_HLS_msn={awaited}")
        assert (again.headers["X-Cache"], again.body) == ("HIT", answer.body)


def test_viewers_who_ask_for_the_same_part_make_one_request(proxy: tuple[str, Https]) -> None:
    url, web = proxy
    *_, playlist = playlists(web, url)

    def ask_together() -> bool:
        part = newest_part(web, playlist)
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: web.get(part), range(4)))
        assert len({answer.body for answer in answers}) == 1
        assert web.get(part).headers["X-Cache"] == "HIT"
        return sorted(answer.headers["X-Cache"] for answer in answers) == ["HIT", "HIT", "HIT", "MISS"]

    # On a machine that is busy the one may be slower than the others wait for it.
    until(ask_together, "a part that is asked for once")


def test_events_come_through_the_proxy_at_once(proxy: tuple[str, Https]) -> None:
    url, web = proxy
    connection = web.connect(url)
    connection.request("GET", "/api/v1/rooms/demo/events")
    events = connection.getresponse()
    assert (events.readline(), events.readline()[:6]) == (b"event: state\n", b"data: ")
    connection.close()


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/server.json"])
def test_the_proxy_hides_what_is_not_for_viewers(proxy: tuple[str, Https], path: str) -> None:
    url, web = proxy
    assert web.get(url + path).status == 404
