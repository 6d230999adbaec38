"""Filters on files: what a room would make of them, frame by frame, and what is said where nothing can be made."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from filters.spec import parse
from tests.support.hls_reader import beeps, flashes, frames
from transcode.machine import processor_time
from transcode.offline import OfflineError, run
from transcode.testcard import make_clip

SECONDS, FPS = 4, 30
FRAMES = SECONDS * FPS
SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "filters"
MINE = '''
from pathlib import Path

from filters import *
from transcode.testcard import read_code


@video_filter
def invert(image, t):
    return 255 - image


@video_filter
def diary(image, t, *, path: str):
    """Note when it is called."""
    with open(path, "a") as file:
        print(t, file=file)
    return image


@video_filter
def moody(image, t):
    if t >= 1:
        raise RuntimeError("enough")
    return image


@audio_filter
def halved(samples, t):
    return samples / 2


@audio_filter
def tone(samples, t):
    samples[:] = 0.25
    return samples


class Shy(VideoFilter):
    """Cannot let go."""

    def picture(self, image, t):
        return image

    def close(self):
        raise RuntimeError("stay")


class Seer(Detector):
    """Find the pictures from number ``first`` to ``last`` when the last one has come, ``lag`` seconds being allowed."""

    def __init__(self, *, first: int, last: int, lag: float = 1.0, lookahead: float = 1.0):
        self.first, self.last, self.lookahead = first, last, lookahead
        self.lag = round(lag * TICKS)

    def picture(self, picture):
        code = read_code(picture.planes.y)
        if code == self.first:
            self.start = picture.pts
        if code == self.last:
            yield Finding(Kind.PICTURE, self.start, picture.pts + 1, "number")

    def clearance(self, seen):
        return Upto(max(0, seen.picture - self.lag), seen.sound)


class Ear(Detector):
    """Mute the third second once it is over."""

    lookahead = 1.5

    def sound(self, sound):
        if sound.pts // TICKS == 3 > (sound.pts - 1920) // TICKS:
            yield Finding(Kind.SOUND, 2 * TICKS - TICKS // 4, 3 * TICKS - TICKS // 4, "word")

    def clearance(self, seen):
        return Upto(seen.picture, max(0, seen.sound - round(1.5 * TICKS)))


class Lazy(Detector):
    """Clear nothing before 2 s."""

    lookahead = 0.5

    def picture(self, picture):
        return ()

    def clearance(self, seen):
        return seen if seen.picture > 2 * TICKS else Upto(0, 0)


class Thrifty(Detector):
    """Refuse to work with fewer processors than there are."""

    def __init__(self, *, cores: float):
        self.cores = cores

    def open(self, stream):
        if stream.cores < self.cores:
            raise RuntimeError("too few")

    def picture(self, picture):
        return ()


class Broken(Detector):
    def sound(self, sound):
        raise ValueError("no ears")
'''

Run = Callable[..., bytes]


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of the test card: its bar code counts frames, and each second it flashes and beeps."""
    path = tmp_path_factory.mktemp("clip") / "card.mp4"
    make_clip(path, seconds=SECONDS, width=320, height=180, bitrate=400_000)
    return path


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


@pytest.fixture
def made(card: Path, mine: Path, tmp_path: Path) -> Run:
    """Returns what becomes of the card, or of another file, by filters of ``mine``."""

    def make(*names: str, source: Path = card) -> bytes:
        target = tmp_path / "out.mp4"
        run([parse(f"{mine}:{name}") for name in names], source, target)
        return target.read_bytes()

    return make


@pytest.fixture
def refused(card: Path, mine: Path, tmp_path: Path) -> Callable[..., str]:
    """Returns why nothing can be made, when that has left nothing behind."""

    def fail(*names: str, source: Path = card) -> str:
        (folder := tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(OfflineError) as caught:
            run([parse(f"{mine}:{name}") for name in names], source, folder / "out.mp4")
        assert not list(folder.iterdir())
        return str(caught.value)

    return fail


def ffmpeg(source: Path, target: Path, *words: str) -> Path:
    command: list[str | Path] = ["ffmpeg", "-loglevel", "error", "-nostdin", "-y", "-i", source, *words, target]
    subprocess.run(command, check=True, timeout=60)
    return target


def beeped(media: bytes) -> list[float]:
    """When it beeps, but for the very beginning and end."""
    return [beep for beep in beeps(media) if 0.5 < beep < SECONDS - 0.5]


def codes(media: bytes) -> list[int | None]:
    """The number that each frame shows; None where it is covered."""
    return [code for _, code, _ in frames(media)]


def lumas(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="gray").astype(int) for frame in file.decode(video=0)]


def loudness(path: Path) -> float:
    with av.open(str(path)) as file:
        return float(np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)]).std())


def length(path: Path, kind: str) -> float:
    with av.open(str(path)) as file:
        (stream,) = [stream for stream in file.streams if stream.type == kind]
        assert stream.duration is not None
        assert stream.time_base is not None
        return float(stream.duration * stream.time_base)


# What comes out.


def test_nothing_is_lost_moved_or_added(card: Path, made: Run, tmp_path: Path) -> None:
    media = made("diary:path=/dev/null", "Seer:first=999,last=999")
    assert codes(media) == list(range(FRAMES))
    assert [time for time, _, _ in frames(media)] == pytest.approx([n / FPS for n in range(FRAMES)], abs=1e-3)
    assert flashes(media) == pytest.approx(flashes(card.read_bytes()), abs=1e-3)
    assert beeped(media) == pytest.approx(beeped(card.read_bytes()), abs=0.002)
    out = tmp_path / "out.mp4"
    assert length(out, "video") == pytest.approx(SECONDS, abs=1e-3)
    assert length(out, "audio") == pytest.approx(length(card, "audio"), abs=0.025)


def test_all_sound_is_changed(card: Path, made: Run, tmp_path: Path) -> None:
    made("halved")
    assert loudness(tmp_path / "out.mp4") == pytest.approx(loudness(card) / 2, rel=0.02)


def test_every_picture_is_changed(card: Path, made: Run, tmp_path: Path) -> None:
    made("invert")
    before, after = lumas(card), lumas(tmp_path / "out.mp4")
    assert len(after) == FRAMES
    for one, other in zip(before, after, strict=True):
        assert abs((one + other)[24:] - 255).mean() < 6


def test_filters_act_in_their_order(card: Path, made: Run, tmp_path: Path) -> None:
    made("invert", "halved", "invert")
    assert np.mean([abs(a - b).mean() for a, b in zip(lumas(card), lumas(tmp_path / "out.mp4"), strict=True)]) < 4


def test_filters_are_told_the_time_in_the_file(made: Run, tmp_path: Path) -> None:
    made(f"diary:path={tmp_path}/diary", "Seer:first=999,last=999")
    times = list(map(float, (tmp_path / "diary").read_text().split()))
    assert times == pytest.approx([n / FPS for n in range(FRAMES)], abs=1e-3)


# Detectors.


@pytest.mark.parametrize(("first", "last"), [(40, 52), (0, 10), (FRAMES - 20, FRAMES - 1), (30, 30)])
def test_what_is_found_is_covered_from_before_it_is_found(made: Run, first: int, last: int) -> None:
    shown = codes(made(f"Seer:first={first},last={last}"))
    assert shown == [None if first <= n <= last else n for n in range(FRAMES)]


def test_what_is_not_cleared_when_its_time_has_come_is_covered(made: Run) -> None:
    shown = codes(made("Lazy"))
    # Half a second, and a little for packets to come one after the other, is what a room would wait.
    covered = shown.count(None)
    assert 1.3 * FPS <= covered <= 1.5 * FPS
    assert shown == [None if n < covered else n for n in range(FRAMES)]


def test_a_detector_that_needs_longer_than_it_says_has_all_covered(made: Run) -> None:
    assert set(codes(made("Seer:first=999,last=999,lag=1.2,lookahead=1.0"))) == {None}


def test_a_detector_that_needs_all_of_its_time_decides_about_the_end_too(made: Run) -> None:
    assert codes(made("Seer:first=999,last=999,lag=2.5,lookahead=2.5")) == list(range(FRAMES))


def test_detectors_may_take_the_whole_machine(made: Run, refused: Callable[..., str]) -> None:
    assert codes(made(f"Thrifty:cores={processor_time()}"))[0] is not None
    assert "too few" in refused(f"Thrifty:cores={processor_time() + 0.01}")


def test_sound_is_muted_where_it_was_found(card: Path, made: Run) -> None:
    assert beeped(made("Ear")) == pytest.approx([1.0, 3.0], abs=0.002)
    assert beeped(card.read_bytes()) == pytest.approx([1.0, 2.0, 3.0], abs=0.002)


def test_the_samples_work(card: Path, tmp_path: Path) -> None:
    specs = [parse(f"{SAMPLES}/{name}") for name in ("toy_detector.py:Chroma", "clock.py:Clock", "quiet.py:quiet")]
    run(specs, card, tmp_path / "out.mp4")
    assert codes((tmp_path / "out.mp4").read_bytes()) == list(range(FRAMES))


# Files of other sorts.


@pytest.mark.parametrize("rate", ["25", "30000/1001", "60"])
def test_reordered_pictures_and_other_rates(card: Path, made: Run, tmp_path: Path, rate: str) -> None:
    numerator, _, denominator = rate.partition("/")
    hertz = int(numerator) / int(denominator or 1)
    retimed = ("-vf", f"setpts=N/({rate})/TB", "-r", rate)
    reordered = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "50", "-c:a", "copy")
    source = ffmpeg(card, tmp_path / "in.mkv", *retimed, *reordered)

    media = made("Seer:first=40,last=52", source=source)

    shown = list(frames(media))
    # Where pictures are over before sound is, the last one stays until half a second before the end.
    assert len(shown) == pytest.approx(max(FRAMES, (SECONDS - 0.5) * hertz), abs=1)
    assert hertz > FPS or len(shown) == FRAMES
    assert [code for _, code, _ in shown] == [None if 40 <= n <= 52 else min(n, FRAMES - 1) for n in range(len(shown))]
    assert [time for time, _, _ in shown] == pytest.approx([n / hertz for n in range(len(shown))], abs=2e-3)


def test_a_badly_interleaved_file(card: Path, made: Run, tmp_path: Path) -> None:
    pictures, sound = ffmpeg(card, tmp_path / "v.mp4", "-an", "-c", "copy"), tmp_path / "late.mp4"
    command: list[str | Path] = [
        "ffmpeg",
        "-loglevel",
        "error",
        "-i",
        pictures,
        "-i",
        card,
        "-map",
        "1:a",
        "-map",
        "0:v",
        "-c",
        "copy",
    ]
    subprocess.run([*command, "-max_interleave_delta", "0", sound], check=True, timeout=60)
    media = made("diary:path=/dev/null", source=sound)
    assert codes(media) == list(range(FRAMES))
    assert beeped(media) == pytest.approx([1.0, 2.0, 3.0], abs=0.002)


def test_pictures_alone_stay_alone(card: Path, made: Run, tmp_path: Path) -> None:
    source = ffmpeg(card, tmp_path / "in.mp4", "-an", "-c", "copy")
    assert codes(made("Seer:first=3,last=4", source=source))[2:6] == [2, None, None, 5]
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert not file.streams.audio
    made("tone", source=source)
    assert length(tmp_path / "out.mp4", "audio") == pytest.approx(SECONDS, abs=0.03)


def test_sound_alone(card: Path, made: Run, tmp_path: Path) -> None:
    source = ffmpeg(card, tmp_path / "in.m4a", "-vn", "-c", "copy")
    assert beeped(made("Ear", source=source)) == pytest.approx([1.0, 3.0], abs=0.002)
    assert length(tmp_path / "out.mp4", "audio") == pytest.approx(SECONDS, abs=0.03)


# What cannot be made.


def test_a_filter_that_fails_is_named_and_leaves_nothing(refused: Callable[..., str]) -> None:
    assert "mine.py:moody" in (said := refused("halved", "moody"))
    assert "enough" in said
    assert "no ears" in refused("Broken")
    assert "stay" in refused("Shy")
    assert "there is no nobody" in refused("nobody")
    assert "must be given path" in refused("diary")


def test_a_filter_that_fails_leaves_what_was_there(card: Path, mine: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_text("mine")
    with pytest.raises(OfflineError):
        run([parse(f"{mine}:moody")], card, target)
    assert target.read_text() == "mine"


def test_a_file_is_not_written_over_while_it_is_read(card: Path, mine: Path, tmp_path: Path) -> None:
    source = tmp_path / "card.mp4"
    source.write_bytes(card.read_bytes())
    (same := tmp_path / "same.mp4").symlink_to(source)
    for target in (source, same):
        with pytest.raises(OfflineError, match="name another file"):
            run([parse(f"{mine}:invert")], source, target)
    assert source.read_bytes() == card.read_bytes()


def test_what_cannot_be_read_is_said(card: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    (text := tmp_path / "in.mp4").write_text("no film")
    assert refused("invert", source=text).startswith(f"cannot read {text}: ")
    assert "too short" in refused("invert", source=ffmpeg(card, tmp_path / "short.mp4", "-c", "copy", "-t", "0.2"))
    captions = tmp_path / "in.srt"
    captions.write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n")
    assert "neither picture nor sound" in refused("invert", source=captions)


def test_other_codecs_are_named_with_what_helps(card: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    mpeg = ffmpeg(card, tmp_path / "in.mpg", "-c:v", "mpeg2video", "-c:a", "mp2")
    said = refused("invert", source=mpeg)
    assert "holds mpeg2video" in said
    assert "ffmpeg -i in.mpg -c:v libx264" in said
    stream = ffmpeg(card, tmp_path / "in.ts", "-c", "copy")
    assert "ffmpeg -i in.ts -c copy remuxed.mp4" in refused("invert", source=stream)


def test_a_folder_that_there_is_not_is_said(card: Path, mine: Path, tmp_path: Path) -> None:
    with pytest.raises(OfflineError, match="make it first"):
        run([parse(f"{mine}:invert")], card, tmp_path / "none" / "out.mp4")
