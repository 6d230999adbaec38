"""What benchmarks transcode: a clip whose pictures and sound have the statistics of what cameras and microphones give.

    python -m tests.bench.material [SECONDS]       makes the clip and prints where it is

A test pattern codes far too easily, and noise far too badly. Here textures have 1/f spectra and objects of all sizes
that hide each other (dead leaves, as natural pictures do), seen by a camera that pans, zooms, rolls, has a shutter and
a noisy sensor; people-like things move before it; scenes are cut every 5 to 10 s. All of it comes from one seed. The
clip is coded as a host does it, and kept in the user's cache, since it takes as long to make as it lasts.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import cv2
import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_dir

WIDTH, HEIGHT, FPS = 1920, 1080, 30
GOP_SECONDS = 2
_SEED = 7
_MARGIN = 1.35  # a scene's world is so much larger than what the camera sees
_LEAF = 2700  # pixels of a world for each of its objects
_SHUTTER = 0.5  # of a frame's time
_NOISE = 1.6  # standard deviation of the sensor's noise, in steps of 8 bit luma
_SHORTEST, _LONGEST = 5.0, 10.0  # seconds of a scene
_SOUND_RATE = 48_000
_FOLDER = "bench-"
_QUIET = ("ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y")
_BT709 = ("-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")

Plane = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating[Any]]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layer:
    """A picture in planes: luma, and both chromas at half its size; ``alpha`` (luma and chroma size) where it shows."""

    luma: Plane
    chroma: Plane
    alpha: tuple[Floats, Floats] | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """How something moves: a sum of slow sines for each of x, y (in pixels), roll (radians) and log zoom."""

    drift: Floats  # per second
    swing: Floats  # amplitudes
    pace: Floats  # radians a second
    phase: Floats

    def at(self, seconds: float) -> Floats:
        return self.drift * seconds + self.swing * np.sin(self.pace * seconds + self.phase)


class Scene:
    """A world, what moves before it, and the camera's way."""

    def __init__(self, random: np.random.Generator, seconds: float) -> None:
        self._seconds = seconds
        self._world = _world(random, round(WIDTH * _MARGIN) // 2 * 2, round(HEIGHT * _MARGIN) // 2 * 2)
        restless = random.choice([0.05, 0.4, 1.0])  # a tripod, a hand, a sports camera
        self._camera = _walk(
            random, restless * np.array([45, 20, 0.01, 0.012]), restless * np.array([70, 40, 0.02, 0.06])
        )
        self._sprites = [_sprite(random, int(size)) for size in random.uniform(120, 520, int(random.integers(2, 5)))]
        lively = np.array([90.0, 30, 0.06, 0.01]), np.array([60.0, 50, 0.12, 0.05])
        self._walks = [_walk(random, *lively) for _ in self._sprites]
        self._places = [(random.uniform(0.2, 0.8) * WIDTH, random.uniform(0.3, 0.8) * HEIGHT) for _ in self._sprites]

    def picture(self, seconds: float) -> tuple[Plane, Plane]:
        """Return luma and chroma at ``seconds`` of this scene, as an open shutter sees it."""
        moment = seconds - self._seconds / 2
        opens, closes = self._instant(moment), self._instant(moment + _SHUTTER / FPS)
        return _between(opens[0], closes[0]), _between(opens[1], closes[1])

    def _instant(self, seconds: float) -> tuple[Plane, Plane]:
        x, y, roll, zoom = self._camera.at(seconds)
        world = self._world.luma.shape
        view = _placed((WIDTH / 2 + x, HEIGHT / 2 + y), (world[1] / 2, world[0] / 2), roll, np.exp(zoom))
        luma = _warp(self._world.luma, view, (WIDTH, HEIGHT))
        chroma = _warp(self._world.chroma, _half(view), (WIDTH // 2, HEIGHT // 2))
        for sprite, walk, place in zip(self._sprites, self._walks, self._places, strict=True):
            dx, dy, turn, growth = walk.at(seconds)
            middle = (sprite.luma.shape[1] / 2, sprite.luma.shape[0] / 2)
            spot = (place[0] + x + dx, place[1] + y + dy)
            _lay(sprite, luma, chroma, _placed(spot, middle, roll + turn, np.exp(growth)))
        return luma, chroma


def clip(seconds: int = 60) -> Path:
    """Return a 1080p30 clip of at least ``seconds``, coded as a host would: 6 Mbit/s, and 128 kbit/s of AAC."""
    lengths = [int(path.stem.partition("-")[2]) for path in _path("").parent.glob("1080p-*.mp4")]
    seconds = min((length for length in lengths if length >= seconds), default=seconds)
    return _cached(f"1080p-{seconds}", lambda path: _make(path, seconds))


def smaller_clip(source: Path, height: int, megabits: float, seconds: int) -> Path:
    """Return the beginning of the clip ``source`` as a host sends it that shows ``height`` lines."""
    width = round(height * WIDTH / HEIGHT / 2) * 2
    scaled = ("-t", str(seconds), "-vf", f"scale={width}:{height}:flags=bicubic")

    def make(path: Path) -> None:
        subprocess.run((*_QUIET, "-i", source, *scaled, *_as_a_host(megabits), "-c:a", "copy", path), check=True)

    return _cached(f"{height}p-{megabits:g}-{seconds}-of-{source.stem}", make)


def _as_a_host(megabits: float) -> tuple[str, ...]:
    rate = f"{megabits:g}M"
    keyframes = ("-g", str(GOP_SECONDS * FPS), "-keyint_min", str(GOP_SECONDS * FPS), "-sc_threshold", "0", "-bf", "0")
    picture = ("-c:v", "libx264", "-preset", "veryfast", *keyframes, "-b:v", rate, "-maxrate", rate, "-bufsize", rate)
    return *picture, "-pix_fmt", "yuv420p", *_BT709


# --- pictures --------------------------------------------------------------------------------------------------


def _spectral(random: np.random.Generator, width: int, height: int) -> Floats:
    """A texture whose amplitudes fall with frequency as 1/f; mean 0, standard deviation 1."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    frequency = np.hypot(down, across)
    frequency[0, 0] = np.inf
    waves = random.standard_normal(frequency.shape) + 1j * random.standard_normal(frequency.shape)
    texture = np.fft.irfft2(waves / frequency, (height, width))
    return cast(Floats, (texture / texture.std()).astype(np.float32))


def _world(random: np.random.Generator, width: int, height: int) -> Layer:
    """Dead leaves over a 1/f ground: shapes of all sizes (their number falls with the cube of it) hide each other."""
    luma = np.full((height, width), 110, np.float32)
    chroma = np.full((height // 2, width // 2, 2), 128, np.float32)
    sizes = np.clip(14 / np.sqrt(random.uniform(0.0006, 1, width * height // _LEAF)), 14, 420)
    for size in sizes:
        middle = random.uniform((0, 0), (width, height))
        axes = size * random.uniform(0.35, 1, 2)
        angle = random.uniform(0, 180)
        light, colour = random.normal(115, 42), random.normal(128, 14, 2)
        shape = ((middle[0], middle[1]), (2 * axes[0], 2 * axes[1]), angle)
        halved = ((middle[0] / 2, middle[1] / 2), (axes[0], axes[1]), angle)
        if random.random() < 0.6:
            cv2.ellipse(luma, shape, float(light), -1, cv2.LINE_AA)
            cv2.ellipse(chroma, halved, [*map(float, colour)], -1, cv2.LINE_AA)
        else:
            cv2.fillPoly(luma, [cv2.boxPoints(shape).astype(np.int32)], float(light))
            cv2.fillPoly(chroma, [cv2.boxPoints(halved).astype(np.int32)], [*map(float, colour)])
    sharp: Floats = cv2.GaussianBlur(luma, (0, 0), 0.8).astype(np.float32)  # as a lens is
    sharp += 9 * _spectral(random, width, height) + 2.5 * _grain(random, width, height)
    for plane in range(2):
        chroma[..., plane] += 4 * _spectral(random, width // 2, height // 2)
    return Layer(_bytes(sharp), _bytes(chroma))


def _grain(random: np.random.Generator, width: int, height: int) -> Floats:
    """Fine structure: cloth, leaves, gravel; here more, there less of it."""
    fine = cv2.GaussianBlur(random.standard_normal((height, width)).astype(np.float32), (0, 0), 1.0) * 3
    return cast(Floats, fine * np.clip(1 + _spectral(random, width, height), 0, 3))


def _sprite(random: np.random.Generator, size: int) -> Layer:
    """A thing with a soft outline that is textured in itself."""
    width, height = size // 4 * 4, round(size * random.uniform(1, 1.5)) // 4 * 4
    world = _world(random, width, height)
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    wobble = 1 + 0.15 * np.sin(3 * np.arctan2(down, across) + random.uniform(0, 6))
    inside = np.clip((0.85 * wobble - np.hypot(down, across)) * size / 6, 0, 1).astype(np.float32)
    light = _bytes(world.luma.astype(np.float32) * 0.8 + random.uniform(0, 50))
    return Layer(light, world.chroma, (inside, cv2.resize(inside, (width // 2, height // 2))))


def _walk(random: np.random.Generator, drift: Floats, swing: Floats) -> Walk:
    sign = random.choice([-1.0, 1.0], 4)
    return Walk(
        sign * drift * random.uniform(0.3, 1, 4),
        swing * random.uniform(0.2, 1, 4),
        random.uniform(0.3, 1.6, 4),
        random.uniform(0, 6.28, 4),
    )


def _placed(place: Point, middle: Point, roll: float, zoom: float) -> Floats:
    """Return the affine matrix that puts a layer's ``middle`` at ``place``, turned and enlarged."""
    matrix = cv2.getRotationMatrix2D(middle, float(np.degrees(roll)), float(zoom))
    matrix[:, 2] += np.subtract(place, middle)
    return cast(Floats, matrix)


def _half(matrix: Floats) -> Floats:
    """Return the same for planes of half the size."""
    halved: Floats = matrix * np.array([1, 1, 0.5])
    return halved


def _warp(plane: Plane, matrix: Floats, size: tuple[int, int]) -> Plane:
    return cast(Plane, cv2.warpAffine(plane, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))


def _lay(layer: Layer, luma: Plane, chroma: Plane, matrix: Floats) -> None:
    """Lay ``layer`` over a picture, in its place."""
    assert layer.alpha is not None
    height, width = layer.luma.shape
    corners = matrix @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    left, top = np.maximum(corners.min(axis=1).astype(int) // 2 * 2, 0)
    right, bottom = np.minimum(corners.max(axis=1).astype(int) // 2 * 2 + 2, (WIDTH, HEIGHT))
    if right - left < 4 or bottom - top < 4:
        return
    moved = matrix - np.array([[0, 0, left], [0, 0, top]])
    for plane, under, alpha, scale in (
        (layer.luma, luma, layer.alpha[0], 1),
        (layer.chroma, chroma, layer.alpha[1], 2),
    ):
        part = under[top // scale : bottom // scale, left // scale : right // scale]
        place, size = (moved if scale == 1 else _half(moved)), (part.shape[1], part.shape[0])
        over = cv2.warpAffine(plane, place, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        weight = cv2.warpAffine(alpha, place, size, flags=cv2.INTER_LINEAR)
        if scale == 2:
            weight = weight[..., None]
        part += ((over.astype(np.float32) - part) * weight).astype(np.int16).astype(np.uint8)


def _between(one: Plane, other: Plane) -> Plane:
    return cast(Plane, cv2.addWeighted(one, 0.5, other, 0.5, 0))


def _bytes(plane: Floats) -> Plane:
    """Round to what 8 bits of limited range hold."""
    return np.clip(np.rint(plane), 16, 235).astype(np.uint8)


def _scene_lengths(random: np.random.Generator, frames: int) -> Iterator[int]:
    while frames > 0:
        length = round(random.uniform(_SHORTEST, _LONGEST) * FPS)
        length = frames if frames - length < _SHORTEST * FPS else length
        yield length
        frames -= length


def _film(random: np.random.Generator, seconds: int, camera: BinaryIO) -> None:
    """Write the raw pictures (I420) to ``camera``."""
    rows, columns = HEIGHT + 64, WIDTH + 64
    grain = np.rint(random.normal(0, _NOISE, (rows, columns))).astype(np.int8)
    for length in _scene_lengths(random, seconds * FPS):
        scene = Scene(random, length / FPS)
        for number in range(length):
            luma, chroma = scene.picture(number / FPS)
            down, across = random.integers(0, 64, 2)
            noise = grain[down : down + HEIGHT, across : across + WIDTH]
            camera.write(cv2.add(luma, noise, dtype=cv2.CV_8U).tobytes())
            for plane in range(2):
                camera.write(chroma[..., plane].tobytes())


# --- sound -----------------------------------------------------------------------------------------------------


def _speak(random: np.random.Generator, seconds: int, path: Path) -> None:
    """Write a voice's vowels, one syllable after the other with pauses, in a room that hums pink."""
    count = seconds * _SOUND_RATE
    times = np.arange(count) / _SOUND_RATE

    def wander(paces: float, low: float, high: float) -> npt.NDArray[np.float64]:
        """Go somewhere else ``paces`` times a second."""
        steps = random.uniform(low, high, round(seconds * paces) + 2)
        return np.interp(times * paces, np.arange(len(steps)), steps)

    pitch = wander(2, 95, 170)
    turns = np.cumsum(pitch) / _SOUND_RATE
    formants = [(wander(4, 300, 800), 90, 1.0), (wander(4, 900, 2200), 130, 0.5), (wander(4, 2300, 3200), 200, 0.25)]
    voice = np.zeros(count)
    for harmonic in range(1, 36):
        loud = sum(gain / (1 + ((harmonic * pitch - middle) / width) ** 2) for middle, width, gain in formants)
        voice += loud * np.sin(2 * np.pi * harmonic * turns)
    syllables = np.clip(np.sin(np.pi * 4 * times) + 0.3, 0, 1) * (wander(1.5, -0.6, 1) > 0)
    voice *= np.convolve(syllables, np.hanning(960) / 480, "same") * 0.12
    hiss = random.standard_normal((2, count))
    spectrum = np.fft.rfft(hiss)
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(spectrum.shape[1]), 20)), count)
    both = voice + 0.02 * pink / pink.std()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(_SOUND_RATE)
        file.writeframes((np.clip(both, -1, 1).T * 32767).astype("<i2").tobytes())


# --- the clip --------------------------------------------------------------------------------------------------


def _make(path: Path, seconds: int) -> None:
    sound = path.with_suffix(".wav")
    _speak(np.random.default_rng(_SEED), seconds, sound)
    pictures = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "-")
    words: tuple[str | Path, ...] = (
        *_QUIET,
        *pictures,
        "-i",
        sound,
        *_as_a_host(6),
        "-c:a",
        "aac",
        "-b:a",
        "128k",
        path,
    )
    try:
        with subprocess.Popen(words, stdin=subprocess.PIPE) as encoder:
            assert encoder.stdin is not None
            _film(np.random.default_rng(_SEED), seconds, cast(BinaryIO, encoder.stdin))
        if encoder.returncode:
            raise RuntimeError(f"ffmpeg could not code the material: it ended with status {encoder.returncode}")
    finally:
        sound.unlink()


def _cached(name: str, make: Callable[[Path], None]) -> Path:
    """Return the clip ``name`` as this version of the module makes it."""
    path = _path(name)
    if not path.exists():
        for old in path.parent.parent.glob(f"{_FOLDER}*"):
            if old != path.parent:
                shutil.rmtree(old)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = Path(folder) / path.name
            make(made)
            made.replace(path)
    return path


def _path(name: str) -> Path:
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
    return Path(user_cache_dir("veilcast", appauthor=False)) / f"{_FOLDER}{version}" / f"{name}.mp4"


if __name__ == "__main__":
    print(clip(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
