"""Debian's nginx as a server of files, set up for many players: the peer that is measured beside the origin."""

import os
from pathlib import Path
from typing import Self

from tests.support.processes import Child, free_port, until
from tests.support.server import status

_CONFIGURATION = """
daemon off;
{user}
worker_processes 1;
worker_rlimit_nofile {files};
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections {connections}; multi_accept on; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_timeout 60s;
    keepalive_requests 1000000;
    open_file_cache max=100 inactive=60s;
    open_file_cache_valid 60s;
    client_body_temp_path {folder}/temp-body;
    proxy_temp_path {folder}/temp-proxy;
    fastcgi_temp_path {folder}/temp-fastcgi;
    uwsgi_temp_path {folder}/temp-uwsgi;
    scgi_temp_path {folder}/temp-scgi;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        root {folder}/files;
        gzip_static on;
        types {{ application/vnd.apple.mpegurl m3u8; video/mp4 m4s; }}
        add_header Cache-Control no-cache;
        add_header Access-Control-Allow-Origin *;
        location /ready {{ return 204; }}
    }}
}}
"""


class StaticNginx:
    """One nginx in the foreground, with one worker. It serves what lies in ``files``; NAME.gz is NAME compressed."""

    def __init__(self, folder: Path, players: int) -> None:
        self._folder = folder
        self._connections = 4 * players + 64
        self._port = free_port()
        self.files = folder / "files"
        self.files.mkdir(parents=True)

    def __enter__(self) -> Self:
        configuration = self._folder / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                folder=self._folder,
                port=self._port,
                connections=self._connections,
                files=2 * self._connections,
                # Started as root it would give its work to a user who may not read here.
                user="user root;" if os.geteuid() == 0 else "",
            )
        )
        command = ("nginx", "-p", str(self._folder), "-c", str(configuration), "-e", "stderr")
        self._child = Child(command, self._folder / "nginx.log")
        try:
            until(self._answers, "nginx to start")
        except BaseException:
            self._child.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop()

    @property
    def pid(self) -> int:
        """The master; its worker is its child."""
        return self._child.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _answers(self) -> bool:
        assert self._child.running, self._child.said()
        try:
            return status(f"{self.url}/ready") == 204
        except OSError:
            return False
