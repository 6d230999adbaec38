"""The shipped reverse proxy, ``samples/deployment/nginx.conf``, before a server on loopback: all but its addresses and
files is as it is shipped.
"""

import os
import shutil
import socket
from pathlib import Path
from typing import Self

from serve.certificates import Pair
from tests.support.processes import Child, free_port, until
from tests.support.server import ROOT

SAMPLE = ROOT / "samples" / "deployment" / "nginx.conf"

_AROUND = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/temp-body;
    proxy_temp_path {folder}/temp-proxy;
    fastcgi_temp_path {folder}/temp-fastcgi;
    uwsgi_temp_path {folder}/temp-uwsgi;
    scgi_temp_path {folder}/temp-scgi;
    include {folder}/veilcast.conf;
}}
"""


class Proxy:
    """One nginx in the foreground, at ``https://localhost:PORT``, with a certificate for that name."""

    def __init__(self, folder: Path, server: str, pair: Pair) -> None:
        self._folder = folder
        self._port = free_port()
        self._other = {
            "listen 443 ssl http2;": f"listen 127.0.0.1:{self._port} ssl http2;",
            "listen [::]:443 ssl http2;": "",
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "listen [::]:80;": "",
            "127.0.0.1:8080": server,
            "/var/lib/nginx/veilcast": str(folder / "cache"),
            "/etc/letsencrypt/live/live.example.org/fullchain.pem": str(pair.certificate),
            "/etc/letsencrypt/live/live.example.org/privkey.pem": str(pair.key),
            "live.example.org": "localhost",
        }

    @property
    def url(self) -> str:
        return f"https://localhost:{self._port}"

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True)
        text = SAMPLE.read_text()
        for shipped, here in self._other.items():
            assert shipped in text, f"{SAMPLE} has no {shipped!r} any more"
            text = text.replace(shipped, here)
        (self._folder / "veilcast.conf").write_text(text)
        configuration = self._folder / "nginx.conf"
        # Started as root it would give its work to a user who may not write here.
        configuration.write_text(_AROUND.format(folder=self._folder, user="user root;" if os.geteuid() == 0 else ""))
        program = shutil.which("nginx") or "/usr/sbin/nginx"  # which is in the path of root alone
        command = (program, "-p", str(self._folder), "-c", str(configuration), "-e", "stderr")
        self._child = Child(command, self._folder / "nginx.log")
        try:
            until(self._listens, "nginx to start")
        except BaseException:
            self._child.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop()

    def said(self) -> str:
        """What it complained of."""
        return self._child.said()

    def _listens(self) -> bool:
        assert self._child.running, self._child.said()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0
