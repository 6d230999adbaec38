"""The real server as a child process, and its rooms by the API."""

import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

from serve.client import Client, Target
from serve.credentials import Credentials
from tests.support.processes import Child, until

ROOT = Path(__file__).resolve().parents[2]
VEILCAST = (sys.executable, str(ROOT / "cli.py"))


class RunningServer:
    """``veilcast serve`` on loopback. Its ports stay the same when it is started again; ``options`` are more of its."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self._options = options
        self.data = folder / "data"
        self.rtmp = self.http = "127.0.0.1:0"
        self.child: Child | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self.child is not None
        return self.child.pid

    @property
    def url(self) -> str:
        return f"http://{self.http}"

    @property
    def client(self) -> Client:
        return Client(Target.find(self.data))

    def start(self) -> None:
        (self.data / "server.json").unlink(missing_ok=True)  # of one that was killed
        command = (*VEILCAST, "serve", "--data", str(self.data), "--rtmp", self.rtmp, "--http", self.http, "-v")
        self.child = child = Child((*command, *self._options), self.folder / "server.log")

        def started() -> Credentials | None:
            assert child.running, child.said()
            return Credentials.read(self.data)

        self.http = until(started, "the server to start").url.removeprefix("http://")
        self.rtmp = self.room("probe")["rtmp_url"].removeprefix("rtmp://").removesuffix("/live")

    def stop(self) -> int:
        """SIGTERM; return the exit status."""
        assert self.child is not None
        return self.child.stop()

    def kill(self) -> None:
        """SIGKILL."""
        assert self.child is not None
        self.child.kill()

    def room(self, name: str, ladder: str = "source", **settings: object) -> dict[str, Any]:
        """Open a room, a ``source`` one unless another ladder is asked for; however small the machine is."""
        return self.client.start(name, {"ladder": ladder, **settings}, force=True)

    def publish_url(self, name: str) -> str:
        room = self.client.show(name)
        return f"{room['rtmp_url']}/{room['stream_key']}"

    def wait_for(self, name: str, **fields: object) -> dict[str, Any]:
        """Wait until the room ``name`` has these fields."""

        def fits() -> dict[str, Any] | None:
            room = self.client.show(name)
            return room if all(room[key] == value for key, value in fields.items()) else None

        return until(fits, f"room {name} to be {fields}")

    def playable(self, name: str) -> str:
        """Wait until a room can be played; return its multivariant playlist's URL."""
        url: str = self.client.show(name)["hls_url"]
        until(lambda: status(url) == 200, f"room {name} to be playable")
        return url


def status(url: str) -> int:
    """The HTTP status of a GET."""
    try:
        with urllib.request.urlopen(url, timeout=15) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
