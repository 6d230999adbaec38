"""OBS Studio as a host: the real program under a virtual screen, with a profile of our own, driven by obs-websocket.

It has a home and a runtime folder of its own, so that it neither finds nor leaves anything of the user's.
"""

import json
import os
import time
from pathlib import Path
from typing import Self

import obsws_python

from tests.support.processes import PATIENCE, Child, free_port, until

_VERSION = 29 << 24 | 2
_WIDTH, _HEIGHT = 640, 360
SCENE = (0xF0, 0x80, 0x20)
"""The colour of all that it shows: red, green, blue."""


class Obs:
    """OBS with one scene, a colour; it publishes to ``server`` with ``key``.

    ``login`` are the user and the password of "Use authentication".
    """

    def __init__(self, folder: Path, server: str, key: str, login: tuple[str, str] | None = None) -> None:
        self._folder = folder
        self._port = free_port()
        self._write_configuration(server, key, login)

    def __enter__(self) -> Self:
        display, screen = os.pipe()
        command = ("Xvfb", "-displayfd", str(screen), "-screen", "0", "800x600x24", "-nolisten", "tcp")
        self._screen = Child(command, self._folder / "xvfb.log", pass_fds=(screen,))
        os.close(screen)
        with os.fdopen(display) as number:
            name = f":{number.readline().strip()}"
        runtime = self._folder / "runtime"
        runtime.mkdir(mode=0o700)
        home = str(self._folder)
        env = {"HOME": home, "XDG_CONFIG_HOME": f"{home}/.config", "XDG_RUNTIME_DIR": str(runtime), "DISPLAY": name,
               "LIBGL_ALWAYS_SOFTWARE": "1", "QT_QPA_PLATFORM": "xcb"}  # fmt: skip
        self._program = Child(("obs", "--multi", "--minimize-to-tray"), self._folder / "obs.log", env)
        self._control = until(self._connect, "OBS to start", 3 * PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self._program.stop()
        self._screen.stop()

    def start_streaming(self) -> None:
        self._control.start_stream()

    def stop_streaming(self) -> None:
        self._control.stop_stream()

    def rescale(self, width: int, height: int) -> None:
        """Send pictures of another size from the next start on."""
        self._control.set_video_settings(30, 1, _WIDTH, _HEIGHT, width, height)

    @property
    def streaming(self) -> bool:
        return bool(self._control.get_stream_status().output_active)

    def _connect(self) -> "obsws_python.ReqClient | None":
        assert self._program.running, self._program.said()
        try:
            return obsws_python.ReqClient(host="127.0.0.1", port=self._port, timeout=3)
        except (OSError, obsws_python.error.OBSSDKError, obsws_python.error.OBSSDKTimeoutError):
            time.sleep(0.2)
            return None

    def _write_configuration(self, server: str, key: str, login: tuple[str, str] | None) -> None:
        root = self._folder / ".config" / "obs-studio"
        profile, scenes = root / "basic" / "profiles" / "Test", root / "basic" / "scenes"
        profile.mkdir(parents=True)
        scenes.mkdir(parents=True)
        no_wizard = "\n".join(f"Pre{version}Defaults=false" for version in ("19", "21", "23", "24.1"))
        (root / "global.ini").write_text(
            f"[General]\nFirstRun=true\nLastVersion={_VERSION}\n{no_wizard}\n"
            f"[OBSWebSocket]\nFirstLoad=false\nServerEnabled=true\nAuthRequired=false\nServerPort={self._port}\n"
            "[Basic]\nProfile=Test\nProfileDir=Test\nSceneCollection=Test\nSceneCollectionFile=Test\n"
        )
        (profile / "basic.ini").write_text(
            "[General]\nName=Test\n[Output]\nMode=Advanced\n[AdvOut]\nEncoder=obs_x264\nTrackIndex=1\n"
            f"[Video]\nBaseCX={_WIDTH}\nBaseCY={_HEIGHT}\nOutputCX={_WIDTH}\nOutputCY={_HEIGHT}\nFPSCommon=30\n"
        )
        settings: dict[str, object] = {"server": server, "key": key, "use_auth": login is not None}
        if login is not None:
            settings["username"], settings["password"] = login
        (profile / "service.json").write_text(json.dumps({"type": "rtmp_custom", "settings": settings}))
        encoder = {"rate_control": "CBR", "bitrate": 600, "keyint_sec": 2, "preset": "ultrafast"}
        (profile / "streamEncoder.json").write_text(json.dumps(encoder))
        sources = [
            {"id": "scene", "name": "Scene", "settings": {"items": [{"name": "Colour", "id": 1, "visible": True}]}},
            {"id": "color_source_v3", "name": "Colour",
             "settings": {"color": int.from_bytes((*SCENE, 0xFF), "little"), "width": _WIDTH, "height": _HEIGHT}},
        ]  # fmt: skip
        collection = {"name": "Test", "current_scene": "Scene", "current_program_scene": "Scene",
                      "scene_order": [{"name": "Scene"}], "sources": sources}  # fmt: skip
        (scenes / "Test.json").write_text(json.dumps(collection))
