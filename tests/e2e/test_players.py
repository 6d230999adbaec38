"""Players that are not ours: each plays a live room for ten seconds, by both playlists, from its first second on.

What a player says of itself is believed: how many pictures and how much sound it has shown, and that none was lost. The
browser's player, hls.js, is in ``tests/browser``.
"""

import re
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.support import ffmpeg
from tests.support.processes import until
from tests.support.server import RunningServer, status

SECONDS = 10
FRAMES = 30
"""A second."""
STARTS = 4
"""Seconds that a player may take to begin: those that know nothing of parts wait for whole segments."""
WARM = 7.0
"""Seconds that GStreamer is left out at first: its 1.22 waits for ever in a playlist of one segment."""


@dataclass(frozen=True, slots=True)
class Played:
    """What a player has shown: seconds of picture and of sound, and frames that it has lost."""

    picture: float
    sound: float
    lost: int = 0


def run(words: list[str | Path]) -> str:
    """Return what a program says until it ends, or is over its time."""
    try:
        done = subprocess.run(
            words, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS + 20
        )
    except subprocess.TimeoutExpired as error:
        return str(error.stdout)
    return done.stdout


def by_ffmpeg(url: str, folder: Path) -> Played:
    """FFmpeg's own demuxer, at the pace of the stream: it counts what it decodes."""
    words = ("ffmpeg", "-nostdin", "-hide_banner", "-i", url, "-t", str(SECONDS), "-f", "null", "-")
    said = run([*words])
    frames = re.findall(r"frame= *(\d+)", said)
    times = re.findall(r"time=00:00:(\d+\.\d+)", said)
    assert frames, said
    assert times, said
    return Played(int(frames[-1]) / FRAMES, float(times[-1]))


def by_mpv(url: str, folder: Path) -> Played:
    """mpv, with its clock and its output chain, but nothing to show it on."""
    status = "${=time-pos} ${frame-drop-count} ${audio-pts}"
    words = (
        "mpv",
        "--no-config",
        "--vo=null",
        "--ao=null",
        f"--length={SECONDS}",
        f"--term-status-msg={status}\\n",
        url,
    )
    said = run([*words])
    told = re.findall(r"^(\d+\.\d+) (\d+) (\S+)", said.replace("\x1b[K", "").replace("\r", "\n"), re.MULTILINE)
    assert told, said
    first, last = float(told[0][0]), float(told[-1][0])
    return Played(last - first, last - first, int(told[-1][1]))


def by_gstreamer(url: str, folder: Path) -> Played:
    """GStreamer's ``hlsdemux2``: each buffer that reaches a sink is told of."""
    time.sleep(WARM)
    sinks = [f"{kind}-sink=fakesink name={kind}sink silent=false sync=true" for kind in ("video", "audio")]
    pipeline = ("gst-launch-1.0", "-v", "playbin3", f"uri={url}", *sinks)
    said = run(["timeout", "--signal=INT", str(SECONDS + STARTS), *pipeline])

    def seconds(kind: str) -> float:
        stamps = re.findall(rf"\({kind}sink:sink\) .*?pts: \d:(\d\d):(\d\d\.\d+)", said)
        assert stamps, said
        times = [60 * int(minutes) + float(rest) for minutes, rest in stamps]
        return max(times) - min(times)

    return Played(seconds("video"), seconds("audio"))


def by_vlc(url: str, folder: Path) -> Played:
    """VLC, which refuses to be root; it is asked for its counters."""
    folder.chmod(0o777)
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", f"HOME={folder}")
    vlc = ("vlc", "-I", "rc", "--rc-fake-tty", "--no-dbus", "--vout", "dummy", "--aout", "dummy", url)
    typed = f"(sleep {SECONDS + STARTS}; echo stats; sleep 1; echo quit) | exec timeout -s KILL {SECONDS + STARTS + 6} "
    said = run(["sh", "-c", typed + '"$@"', "sh", *nobody, *vlc])
    counters = {name: int(value) for name, value in re.findall(r"\| ([a-z ]+?) *: +(\d+)\n", said)}
    assert "frames displayed" in counters, said
    sound = counters["buffers played"] * 1024 / 48_000
    return Played(counters["frames displayed"] / FRAMES, sound, counters["frames lost"] + counters["buffers lost"])


PLAYERS: tuple[Callable[[str, Path], Played], ...] = (by_ffmpeg, by_mpv, by_gstreamer, by_vlc)


def test_all_play_from_the_first_second_of_a_broadcast_on(server: RunningServer, tmp_path: Path) -> None:
    master = server.room("demo", ladder="240p")["hls_url"]
    with ffmpeg.publish_pattern(server.publish_url("demo"), tmp_path / "host.log", size="426x240", fps=FRAMES):
        until(lambda: status(master) == 200, "the playlist")
        with ThreadPoolExecutor(2 * len(PLAYERS)) as pool:
            playing = {
                f"{play.__name__}, {playlist}": pool.submit(play, master.replace("master", playlist), tmp_path)
                for play in PLAYERS
                for playlist in ("master", "classic")
            }
            played = {name: future.result() for name, future in playing.items()}
    for name, one in played.items():
        assert one.picture >= SECONDS - 1.5, name
        assert one.sound >= SECONDS - 1.5, name
        assert one.lost <= FRAMES // 2, name
