"""Words that a real host says never reach a viewer: its published sound, decoded as viewers get it, has a tone there.

Speech is made by espeak-ng, so it is the same each time: it is looked for in what went out by what it is.
"""

import os
import signal
import subprocess
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from filters.api import SAMPLE_RATE
from tests.support import ffmpeg
from tests.support.harvest import Harvest
from tests.support.hls_reader import beeps, flashes
from tests.support.processes import until
from tests.support.server import RunningServer
from tests.support.speech import Spoken, spoken

if TYPE_CHECKING:
    from filters.api import Samples

PIECES = ("we have seen that the", "bullshit", "is here again today, and the", "hospital", "was open to all of them")
WORDS, REST = (1, 3), (0, 2, 4)
SPEC = "bleep:lists=none,words=bullshit+hospital /1e-20/"
LEAD = 0.5  # seconds of silence before it is said again
HEARD = 0.8
"""How much of what went out is like a piece of the speech where that is heard, at least."""
SPARE = 0.15
"""And how much more it may be like a word than what is said elsewhere: its vowels are in other words, too."""


@pytest.fixture(scope="session")
def speech() -> Spoken:
    return spoken(PIECES, "en-us+f3")


@pytest.fixture(scope="session")
def talk(once: Callable[[str, Callable[[Path], None]], Path], speech: Spoken) -> Path:
    return once("talk.mp4", lambda path: make_talk(path, speech))


def make_talk(path: Path, speech: Spoken) -> None:
    """Make a film of somebody who says it."""
    silence = np.zeros(round(LEAD * SAMPLE_RATE), np.float32)
    samples = np.concatenate([silence, speech.samples[0], silence])
    sound = path.with_suffix(".wav")
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((samples * 32767).clip(-32768, 32767).astype(np.int16).tobytes())
    picture = f"testsrc2=size=320x180:rate=30:duration={len(samples) / SAMPLE_RATE}"
    command = ["ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i", picture, "-i", str(sound)]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30", "-bf", "0"]
    subprocess.run([*command, "-c:a", "aac", "-b:a", "128k", "-ac", "1", str(path)], check=True, timeout=60)


def published(harvest: Harvest) -> "Samples":
    """Return all sound that went out, as it is played."""
    frames = sorted(((at, samples) for _, at, samples in harvest.sound()), key=lambda frame: frame[0])
    first = frames[0][0]
    whole = np.zeros(round((frames[-1][0] - first) * SAMPLE_RATE) + len(frames[-1][1]), np.float32)
    for at, samples in frames:
        start = round((at - first) * SAMPLE_RATE)
        whole[start : start + len(samples)] = samples
    return whole


def likeness(whole: "Samples", piece: "Samples") -> "Samples":
    """Return how much ``whole`` is like ``piece`` from each sample on: 1 where it is the same, however loud."""
    size = 1 << (len(whole) + len(piece)).bit_length()
    product = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(piece, size)))[: len(whole) - len(piece)]
    energy = np.concatenate([[0.0], np.cumsum(whole.astype(np.float64) ** 2)])
    there = np.sqrt(np.maximum(energy[len(piece) :] - energy[: -len(piece)], 1e-3))[: len(product)]
    return np.asarray(product / there / np.sqrt((piece.astype(np.float64) ** 2).sum()), np.float32)


def middle(speech: Spoken, number: int, seconds: float = 0.3) -> "Samples":
    """Return a stretch from the middle of a piece."""
    start, end = (round(at * SAMPLE_RATE) for at in speech.times[number])
    length = round(seconds * SAMPLE_RATE)
    return speech.samples[0, (start + end - length) // 2 :][:length]


def check_words(whole: "Samples", speech: Spoken) -> None:
    """Nothing of the words went out."""
    rest = speech.samples[0].copy()
    for number in WORDS:
        start, end = (round(at * SAMPLE_RATE) for at in speech.times[number])
        rest[start:end] = 0
    for number in WORDS:
        word = middle(speech, number)
        usual = likeness(rest, word).max()
        assert usual + SPARE < HEARD
        assert likeness(whole, word).max() < usual + SPARE, "a word was heard"


def times_heard(alike: "Samples", above: float) -> int:
    """Return how often, counting what is within a second as one."""
    places = np.flatnonzero(alike > above)
    return 1 + int((np.diff(places) > SAMPLE_RATE).sum()) if len(places) else 0


def tones(whole: "Samples") -> list[float]:
    """Return how long (seconds) each tone of 1 kHz is."""
    block = SAMPLE_RATE // 100
    blocks = whole[: len(whole) // block * block].reshape(-1, block).astype(np.float64)
    turn = np.exp(-2j * np.pi * 1000 * np.arange(block) / SAMPLE_RATE)
    level = 2 * np.abs(blocks @ turn) / block
    pure = (level > 0.09) & (level**2 / 2 > 0.8 * (blocks**2).mean(axis=1))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], pure.astype(int), [0]])))
    return [(end - start) / 100 for start, end in zip(edges[::2], edges[1::2], strict=True) if end - start > 5]


def slow_down(pid: int, seconds: float) -> None:
    """Let a process have a hundredth of its time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.3)
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.003)


def test_words_are_beeped_and_all_else_is_heard(server: RunningServer, talk: Path, speech: Spoken) -> None:
    server.room("demo", "360p", filters=[SPEC])
    with ffmpeg.publish_file(server.publish_url("demo"), talk, server.folder / "host.log"):
        with Harvest(server.playable("demo")) as harvest:
            server.wait_for("demo", state="live")
            until(lambda: server.client.show("demo")["moderation"]["findings"].get("word", 0) >= 8, "words to be found")
            time.sleep(5)
        room = server.client.show("demo")
    whole = published(harvest)
    check_words(whole, speech)
    for number in REST:
        assert times_heard(likeness(whole, middle(speech, number)), HEARD) >= 2, "the rest is heard"
    lengths = tones(whole)
    shortest = min(speech.times[number][1] - speech.times[number][0] for number in WORDS)
    assert len(lengths) >= 4
    assert sum(length > shortest for length in lengths) >= 4
    assert max(lengths) < 1.2
    assert harvest.reaped["audio"].discontinuities == 0
    assert room["moderation"]["broken_promises"] == 0
    told = (server.data / "moderation.jsonl").read_text() + (server.folder / "server.log").read_text()
    assert "word" in told
    assert "hospital" not in told, "words are in no log"


def test_no_word_is_heard_while_the_detector_is_killed_stopped_and_slowed(
    server: RunningServer, talk: Path, speech: Spoken
) -> None:
    server.room("demo", "360p", filters=[SPEC])
    with (
        ffmpeg.publish_file(server.publish_url("demo"), talk, server.folder / "host.log"),
        Harvest(server.playable("demo")) as harvest,
    ):
        for restarts, blow in enumerate((signal.SIGKILL, signal.SIGSTOP), 1):
            server.wait_for("demo", state="live")
            time.sleep(4)
            pid = server.client.show("demo")["moderation"]["pid"]
            os.kill(pid, blow)
            until(lambda: server.client.show("demo")["moderation"]["restarts"] == restarts, "another one", 60)  # noqa: B023
        server.wait_for("demo", state="live")
        slow_down(server.client.show("demo")["moderation"]["pid"], 5)
        server.wait_for("demo", state="live")
        time.sleep(6)
    whole = published(harvest)
    check_words(whole, speech)
    assert times_heard(likeness(whole, middle(speech, REST[1])), HEARD) >= 1, "the rest is heard"
    assert tones(whole)


def test_sound_stays_with_its_picture(server: RunningServer, clip: Path) -> None:
    server.room("demo", "360p", filters=[SPEC])
    with (
        ffmpeg.publish_file(server.publish_url("demo"), clip, server.folder / "host.log"),
        Harvest(server.playable("demo")) as harvest,
    ):
        server.wait_for("demo", state="live")
        time.sleep(8)
    seen = flashes(harvest.media("360p"))
    heard = beeps(harvest.media("audio"))
    pairs = [
        (flash, min(heard, key=lambda beep: abs(beep - flash))) for flash in seen if min(heard) < flash < max(heard)
    ]
    assert len(pairs) >= 4
    assert all(abs(flash - beep) <= 0.040 for flash, beep in pairs), pairs


@pytest.mark.parametrize("sound", [("-ar", "44100", "-ac", "1"), ("-ar", "22050", "-ac", "2"), None])
def test_a_host_with_any_sound_or_none_is_on_air(server: RunningServer, sound: tuple[str, ...] | None) -> None:
    server.room("demo", "180p", filters=[SPEC])
    host = ffmpeg.publish_pattern(
        server.publish_url("demo"), server.folder / "host.log", audio=sound is not None, sound=sound or ()
    )
    with host, Harvest(server.playable("demo")) as harvest:
        server.wait_for("demo", state="live")
        time.sleep(4)
        room = server.client.show("demo")
        assert room["state"] == "live"
        assert sum(room["moderation"]["covered_seconds"].values()) < 0.2
    loud = [float(np.abs(samples).max()) for _, _, samples in harvest.sound()]
    assert (max(loud[-50:]) > 0.01) == (sound is not None)
