"""A room that nobody watches, with a real server and real detectors: nothing leaks of what they slept through.

Each picture of the host carries its number and each 20 ms of its sound a tone; the detector writes down what it has
cleared before it clears it. How long detectors stay awake is short here.
"""

import asyncio
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from filters import TICKS
from serve.client import Client, Target
from serve.config import Address, ServeConfig
from serve.server import Server
from tests.support import ffmpeg
from tests.support.harvest import Harvest
from tests.support.processes import until
from tests.support.proof import prove
from tests.support.server import ROOT

TOYS = ROOT / "tests" / "support" / "toy_filters.py"
ANYWHERE = Address("127.0.0.1", 0)
AWAKE = 6.0
SLEEP = 4.0
HELD = 2.0
FPS = 30


async def test_detectors_sleep_and_wake_up_and_nothing_leaks_of_what_they_slept_through(
    tmp_path: Path, indexed: Path
) -> None:
    log = tmp_path / "cleared.jsonl"
    server = Server(ServeConfig(tmp_path / "data", ANYWHERE, ANYWHERE, (TOYS.parent,)), awake=AWAKE)
    await server.start()
    try:
        client = Client(Target.find(tmp_path / "data"))
        harvest = await asyncio.to_thread(play, client, log, indexed, tmp_path)
    finally:
        await server.close()
    asleep, woken = in_the_rooms_time(log)
    assert woken - asleep > FPS * SLEEP
    proof = prove(harvest, log)
    assert not proof.leaks, "\n".join(proof.leaks[:20])
    assert harvest.reaped["audio"].discontinuities == 0
    numbers = [number for _, _, number in proof.shown["240p"]]
    assert numbers == sorted(numbers)
    assert len([number for number in numbers if number <= asleep]) > FPS, "before they fell asleep"
    assert len([number for number in numbers if number >= woken]) > FPS, "and after they had woken up"
    assert proof.audible


def in_the_rooms_time(log: Path) -> tuple[int, int]:
    """Rewrite what the detector wrote down, by its own time, which stood still while it slept: how long that was, the
    numbers of the pictures tell. Returns the last before it, and the first after it."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    stamps = {number: pts for line in lines for pts, number in line["pictures"]}
    asleep, woken = max(pairwise(sorted(stamps)), key=lambda pair: pair[1] - pair[0])
    slept = (woken - asleep) * TICKS // FPS - (stamps[woken] - stamps[asleep])
    heard_again = stamps[woken] - TICKS // 5  # sound is given from a moment before the keyframe on
    for line in lines:
        line["pictures"] = [(pts + slept * (number >= woken), number) for pts, number in line["pictures"]]
        if line["sound"] > heard_again:
            line["sound"] += slept
        else:  # what came after it had fallen asleep it has not heard
            line["sound"] = min(line["sound"], stamps[asleep] + TICKS)
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return asleep, woken


def play(client: Client, log: Path, clip: Path, folder: Path) -> Harvest:
    """Let a host publish, and a viewer come when detectors have slept for a while. Returns what the viewer got."""

    def room() -> dict[str, Any]:
        return client.show("demo")

    def is_asleep() -> bool:
        moderation = room()["moderation"]
        return moderation is not None and moderation["asleep"]

    spec = f"{TOYS}:Picky:log={log},lookahead={HELD}"
    opened = client.start("demo", {"ladder": "240p", "filters": [spec]}, force=True)
    with ffmpeg.publish_file(f"{opened['rtmp_url']}/{opened['stream_key']}", clip, folder / "host.log"):
        until(is_asleep, "nobody to come")
        until(lambda: room()["covered"] == "asleep", "it to be seen that they sleep")
        detector = psutil.Process(room()["moderation"]["pid"])
        used, looked = sum(detector.cpu_times()[:2]), log.stat().st_size
        time.sleep(SLEEP)
        assert sum(detector.cpu_times()[:2]) - used < 0.05 * SLEEP, "who sleeps takes no processor"
        assert log.stat().st_size == looked, "and looks at nothing"
        with Harvest(room()["hls_url"]) as harvest:
            until(lambda: not is_asleep(), "them to wake up")
            until(lambda: room()["state"] == "live", "the host to be seen")
            time.sleep(3)
        told = room()["moderation"]
        assert (told["pid"], told["restarts"]) == (detector.pid, 0), "they stay loaded"
        assert told["covered_seconds"]["asleep"] > SLEEP
    return harvest
