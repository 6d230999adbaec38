"""Nothing leaks: what a real server publishes of a real host, decoded as viewers get it, had been cleared before.

Each picture of the host carries its number and each 20 ms of its sound a tone; the detector writes down what it has
cleared before it clears it; then things go wrong.
"""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from serve.client import ClientError
from tests.support import ffmpeg
from tests.support.harvest import Harvest
from tests.support.processes import until
from tests.support.proof import Proof, prove
from tests.support.server import ROOT, VEILCAST, RunningServer
from transcode.testcard import read_code

TOYS = ROOT / "tests" / "support" / "toy_filters.py"
LADDER = "360p,240p"
HELD = 2.0
IN_FLIGHT = 0.7
"""Seconds after an order until what was under way by then has come out: a part and what the encoders hold, 3 x."""


class Show:
    """A filtered room on air, its host, and all that it publishes."""

    def __init__(self, server: RunningServer, clip: Path, **settings: Any) -> None:
        self.server = server
        self.log = server.folder / "cleared.jsonl"
        self.orders = server.folder / "orders"
        self.spec = f"{TOYS}:Picky:log={self.log},orders={self.orders},lookahead={HELD}"
        server.room("demo", LADDER, **{"filters": [self.spec], **settings})
        self.host = ffmpeg.publish_file(server.publish_url("demo"), clip, server.folder / "host.log")
        self.harvest = Harvest(server.playable("demo"))

    def __enter__(self) -> "Show":
        self.harvest.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.harvest.__exit__()
        self.host.stop()

    @property
    def room(self) -> dict[str, Any]:
        return self.server.client.show("demo")

    @property
    def moderation(self) -> dict[str, Any]:
        found: dict[str, Any] = self.room["moderation"]
        return found

    def pid(self) -> int:
        pid: int = until(lambda: self.moderation["pid"], "a detector process")
        return pid

    def cleared(self, seconds: float = 1.5) -> None:
        """Wait until the host's picture has been going out for so long."""
        self.server.wait_for("demo", state="live")
        end = time.monotonic() + seconds

        def undisturbed() -> bool:
            nonlocal end
            if self.room["state"] != "live":
                end = time.monotonic() + seconds
            return time.monotonic() > end

        until(undisturbed, "the room to be cleared", 60)

    def order(self, deed: str) -> None:
        """Have the detector go wrong."""
        self.orders.write_text(deed)
        until(lambda: not self.orders.exists(), f"the detector to {deed}")


@pytest.fixture
def show(server: RunningServer, indexed: Path) -> Iterator[Callable[..., Show]]:
    shows: list[Show] = []

    def start(**settings: Any) -> Show:
        shows.append(Show(server, indexed, **settings))
        return shows[-1]

    yield start
    for each in shows:
        each.host.stop()


def check(proof: Proof) -> None:
    assert not proof.leaks, "\n".join([f"{len(proof.leaks)} leaks", *proof.leaks[:20]])


def test_nothing_leaks_whatever_becomes_of_the_detector(show: Callable[..., Show]) -> None:
    with show() as on_air:
        on_air.cleared(6)
        covered = sum(on_air.moderation["covered_seconds"].values())
        calm = time.monotonic()
        for restarts, wrong in enumerate(("kill", "sound:raise", "picture:nonsense", "stop"), 1):
            match wrong:
                case "kill":
                    os.kill(on_air.pid(), signal.SIGKILL)
                case "stop":
                    os.kill(on_air.pid(), signal.SIGSTOP)
                case _:
                    on_air.order(wrong)
            until(lambda: on_air.moderation["restarts"] == restarts, f"another detector after {wrong}")  # noqa: B023
            on_air.pid()
            on_air.cleared()
        assert "late" in on_air.moderation["covered_seconds"], "one that had stopped was missed"
        end = time.monotonic()
    proof = prove(on_air.harvest, on_air.log)
    check(proof)
    assert covered <= 0.01 * 6
    assert on_air.harvest.reaped["audio"].discontinuities == 0
    for name in on_air.harvest.pictures:
        numbers = [number for _, _, number in proof.shown[name]]
        assert numbers == sorted(numbers)
        assert len(numbers) > 0.6 * len(proof.numbers), "most of it can be seen"
    assert len(proof.between(0, calm)) > 100
    assert len(proof.between(end - 1.4, end)) > 20, "it goes on after all that"
    assert len(proof.audible) > 400


def test_nothing_leaks_when_a_filter_comes_and_the_worker_goes(show: Callable[..., Show]) -> None:
    with show(filters=[]) as on_air:
        until(lambda: len(on_air.harvest.reaped["360p"].parts) > 10, "a room without filters")
        on_air.server.client.change("demo", {"filters": [on_air.spec]})
        since = time.monotonic() + IN_FLIGHT
        on_air.server.wait_for("demo", delay=HELD)
        on_air.cleared(2)
        begun = time.monotonic()
        os.kill(on_air.room["worker"]["pid"], signal.SIGKILL)
        until(lambda: on_air.room["worker"]["restarts"] == 1, "another worker")
        on_air.cleared(2)
        on_air.order("picture:grow")
        until(lambda: on_air.moderation["restarts"] == 1, "one that takes too much to be replaced")
        on_air.pid()
        os.kill(on_air.room["worker"]["pid"], signal.SIGKILL)
        on_air.cleared(4)  # the first two of them without a worker
        end = time.monotonic()
    proof = prove(on_air.harvest, on_air.log, since)
    check(proof)
    assert len(proof.between(since, begun)) > 20
    assert len(proof.between(end - 1.5, end)) > 20
    assert on_air.harvest.reaped["360p"].discontinuities == 0


def test_nothing_leaks_while_a_detector_hangs_or_cannot_begin(show: Callable[..., Show]) -> None:
    with show() as on_air:
        on_air.cleared(2)
        calm = time.monotonic()
        on_air.orders.write_text("open:raise")
        os.kill(on_air.pid(), signal.SIGKILL)
        until(lambda: "told to" in " ".join(on_air.room["warnings"]), "the fault to be told")
        on_air.cleared(2)
        assert not on_air.room["warnings"]
        on_air.order("picture:hang")
        on_air.server.wait_for("demo", state="covered")
        until(lambda: "does not come back" in " ".join(on_air.room["warnings"]), "it to be missed")
        on_air.cleared(2)
        end = time.monotonic()
    proof = prove(on_air.harvest, on_air.log)
    check(proof)
    assert len(proof.between(0, calm)) > 20
    assert len(proof.between(end - 1.5, end)) > 20


def test_what_is_dumped_or_covered_never_airs(show: Callable[..., Show]) -> None:
    with show() as on_air:
        on_air.cleared(2)
        before = time.monotonic()
        newest = max(prove_numbers(on_air.log))
        on_air.server.client.dump("demo")
        dumped = time.monotonic()
        on_air.server.wait_for("demo", state="covered", covered="dump")
        on_air.cleared(2)
        on_air.server.client.cover("demo", True)
        covered = time.monotonic()
        on_air.server.wait_for("demo", state="covered", covered="operator")
        time.sleep(2)
        lifted = time.monotonic()
        on_air.server.client.cover("demo", False)
        on_air.cleared(2)
        end = time.monotonic()
    proof = prove(on_air.harvest, on_air.log)
    check(proof)
    shown = set(proof.between(dumped + IN_FLIGHT, end))
    assert min(shown) > newest, "what was held is gone"
    assert not proof.between(dumped + IN_FLIGHT, before + HELD)
    assert not proof.between(covered + IN_FLIGHT, lifted)
    assert not [at for at, _ in proof.audible if covered + IN_FLIGHT <= at < lifted]
    assert len(proof.between(lifted, end)) > 20
    assert on_air.harvest.reaped["360p"].discontinuities == 0


def prove_numbers(log: Path) -> set[int]:
    """What the detector has cleared so far: it is held for some time yet."""
    return {number for line in log.read_text().splitlines() for _, number in json.loads(line)["pictures"]}


def test_a_plain_filter_that_fails_covers_its_room_until_it_works(show: Callable[..., Show]) -> None:
    with show(filters=[]) as on_air:
        mood = on_air.server.folder / "mood"
        on_air.server.client.change("demo", {"filters": [f"{TOYS}:moody:orders={mood}"]})
        on_air.cleared(1)
        mood.touch()
        wrong = time.monotonic()
        room = on_air.server.wait_for("demo", state="covered", covered="filter")
        assert any("toy_filters.py:moody" in text and "in a bad mood" in text for text in room["warnings"])
        time.sleep(2)
        mended = time.monotonic()
        mood.unlink()
        on_air.cleared(1)
        assert not on_air.room["warnings"]
        end = time.monotonic()
        pid = on_air.room["worker"]["pid"]
        on_air.server.client.change("demo", {"filters": [f"{TOYS}:Slow:seconds=7"]})
        on_air.server.wait_for("demo", state="covered", covered="warming")
        on_air.cleared(1)
        assert on_air.room["worker"]["pid"] == pid, "one that loads something is not taken for dead"
    on_air.log.touch()
    (best, *_) = prove_pictures(on_air.harvest)
    assert not [number for at, number in best if wrong + IN_FLIGHT < at < mended]
    assert [number for at, number in best if mended < at < end]


def prove_pictures(harvest: Harvest) -> Iterator[list[tuple[float, int]]]:
    """(moment, number) of each picture that can be seen, for each rendition."""
    for name in harvest.pictures:
        found = ((at, read_code(luma)) for at, _, luma in harvest.frames(name))
        yield [(at, number) for at, number in found if number is not None]


def test_the_filters_of_the_readme_work_word_for_word(server: RunningServer, clip: Path) -> None:
    text = (ROOT / "README.md").read_text()
    inverts, flash = (block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    (command,) = re.findall(r"^veilcast (room start demo --filter \./my_filter\.py:\S+)$", text, re.MULTILINE)
    folder = server.data / "filters"
    folder.mkdir()
    (folder / "my_filter.py").write_text(inverts)
    (folder / "flash.py").write_text(flash)
    words = (*VEILCAST, *command.split(), "--data", str(server.data), "--ladder", "360p", "--force", "--json")
    started = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(started.stdout)["state"] == "waiting"
    with ffmpeg.publish_file(server.publish_url("demo"), clip, server.folder / "host.log"):
        with Harvest(server.playable("demo")) as harvest:
            until(lambda: len(harvest.reaped["360p"].parts) > 10, "two seconds")
            server.client.change("demo", {"filters": [f"{folder / 'flash.py'}:Flash"]})
            server.wait_for("demo", delay=1.0)
            server.wait_for("demo", state="live")
            time.sleep(3)
        room = server.client.show("demo")
        assert not room["warnings"]
    codes = [(read_code(luma), read_code(255 - luma)) for _, _, luma in harvest.frames("360p")]
    negative = [inverse for _, inverse in codes if inverse is not None]
    assert len(negative) > 40
    assert codes[-1][0] is not None


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("nonesuch", "nonesuch"),
        ("overlay:txt=Hello", "txt"),
        ("{folder}/broken.py:any", "broken.py, line 2"),
        ("{folder}/missing.py:any", "missing.py"),
    ],
)
def test_a_room_whose_filter_cannot_be_had_does_not_start(server: RunningServer, spec: str, says: str) -> None:
    folder = server.data / "filters"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "broken.py").write_text("import filters\ndef broken(:\n")
    with pytest.raises(ClientError, match=says):
        server.room("demo", "240p", filters=[spec.format(folder=folder)])
    with pytest.raises(ClientError):
        server.client.show("demo")
