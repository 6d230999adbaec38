"""Debian's nginx with its RTMP module: the peer that benchmarks measure beside Veilcast. HLS in segments of 2 s."""

import os
from pathlib import Path
from typing import Self

from tests.support.processes import Child, free_port, until
from tests.support.server import status

MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")

_CONFIGURATION = """
load_module {module};
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
rtmp {{
    access_log off;
    server {{
        listen 127.0.0.1:{rtmp};
        chunk_size 4096;
        application live {{
            live on;
            hls on;
            hls_path {folder}/hls;
            hls_fragment 2s;
            hls_playlist_length 24s;
        }}
    }}
}}
http {{
    access_log off;
    client_body_temp_path {folder}/temp-body;
    proxy_temp_path {folder}/temp-proxy;
    fastcgi_temp_path {folder}/temp-fastcgi;
    uwsgi_temp_path {folder}/temp-uwsgi;
    scgi_temp_path {folder}/temp-scgi;
    server {{
        listen 127.0.0.1:{http};
        location /ready {{ return 204; }}
        location /hls/ {{
            root {folder};
            log_not_found off;
            types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; }}
            add_header Cache-Control no-cache;
        }}
    }}
}}
"""


class Nginx:
    """One nginx in the foreground. It takes any stream name and plays it at ``playlist(name)``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.rtmp_port, self._http_port = free_port(), free_port()

    def __enter__(self) -> Self:
        (self._folder / "hls").mkdir(parents=True)
        configuration = self._folder / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                module=MODULE,
                folder=self._folder,
                rtmp=self.rtmp_port,
                http=self._http_port,
                # Started as root it would give its work to a user who may not write here.
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

    def playlist(self, name: str) -> str:
        """The media playlist of the stream ``name``."""
        return f"http://127.0.0.1:{self._http_port}/hls/{name}.m3u8"

    def _answers(self) -> bool:
        assert self._child.running, self._child.said()
        try:
            return status(f"http://127.0.0.1:{self._http_port}/ready") == 204
        except OSError:
            return False
