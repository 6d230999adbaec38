"""The test card: what the sample host shows, and what tests and benches read back. Runs in processes of its own.

The sample host speaks, in place of a beep each second, and for a part of its 16 s it shows a payment card and an e-mail
address, for filters to cover. Its words are in ``data/host.opus``, 16 s. But for the bar code its picture is as calm as
a screen's: a filter that reads has to read anew whatever moves.

A moving picture with a clock, a frame counter and, each second, a flash and a beep at the same instant; and a bar code
that carries a number through any encoder. Geometry of the bar code, in parts of the picture's width and height: two
rows of 32 cells from x = 0.05 to 0.95, row heights 0.04, the first at y = 0.90. Cells are white for 1 and black for 0,
most significant first: 48 bits of the value, then 16 check bits, ``value % 65521 ^ 0x5A5A``.
"""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Sound = Callable[[int, int], NDArray[np.float32]]
"""Returns so many samples from a sample on: float32 (2, count)."""

SAMPLE_RATE = 48_000
BEEP_SECONDS = 0.1
BEEP_HERTZ = 1000
FLASH_FRAMES = 2
CARD_NUMBER = "4111 1111 1111 1111"
"""The number that payment systems use for trials: it passes the check (ISO/IEC 7812-1, Luhn) and is nobody's."""
ADDRESS = "ada@example.com"
"""An e-mail address of a domain that is reserved for examples (RFC 2606, section 3)."""
CARD_SECONDS, ADDRESS_SECONDS = range(4, 11), range(9, 15)
"""The seconds of every 16 in which the sample host shows them. Neither reaches the seam."""

_VALUE_BITS, _CHECK_BITS, _COLUMNS = 48, 16, 32
_LEFT, _RIGHT, _TOP, _ROW = 0.05, 0.95, 0.90, 0.04
_MODULUS, _MASK = 65521, 0x5A5A

_INK, _PAPER, _ACCENT = (236, 232, 228), (46, 34, 28), (92, 178, 255)  # BGR
_BARS = ((200, 200, 200), (60, 190, 200), (190, 190, 70), (80, 180, 80), (180, 80, 180), (70, 70, 200), (190, 90, 60))
_CARD_LEFT, _CARD_TOP, _CARD_RIGHT, _CARD_BOTTOM = 0.53, 0.34, 0.945, 0.78
_CARD_COLOURS = ((150, 84, 58), (250, 246, 240), (110, 196, 222))  # ground, ink, chip; BGR
_BEEPS, _SPEAKS = "test card: flash and beep each second", "the host says two words that you do not hear"
_ROUND = 16  # seconds, after which the sample host begins anew
_VOICE = Path(__file__).with_name("data") / "host.opus"
_CHORD = ((110, 0.03), (165, 0.02), (220, 0.015), (277, 0.01))


def _cells(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the cells' corners (left, top, right, bottom) in pixels, most significant bit first."""
    size = (_RIGHT - _LEFT) / _COLUMNS
    for bit in range(_VALUE_BITS + _CHECK_BITS):
        row, column = divmod(bit, _COLUMNS)
        left, top = _LEFT + column * size, _TOP + row * _ROW
        yield (round(left * width), round(top * height), round((left + size) * width), round((top + _ROW) * height))


def draw_code(image: Picture, value: int) -> None:
    """Draw ``value`` (below 2**48) into ``image``, BGR or grey, as a bar code."""
    if not 0 <= value < 1 << _VALUE_BITS:
        raise ValueError("a bar code holds 48 bits")
    bits = value << _CHECK_BITS | (value % _MODULUS ^ _MASK)
    for index, (left, top, right, bottom) in enumerate(_cells(image.shape[1], image.shape[0])):
        image[top:bottom, left:right] = 235 if bits >> (_VALUE_BITS + _CHECK_BITS - 1 - index) & 1 else 16


def read_code(luma: Picture) -> int | None:
    """Return the value of the bar code in ``luma`` (height, width), None if it cannot be read."""
    bits = 0
    for left, top, right, bottom in _cells(luma.shape[1], luma.shape[0]):
        inset_x, inset_y = (right - left) // 4, (bottom - top) // 4
        cell = luma[top + inset_y : bottom - inset_y, left + inset_x : right - inset_x]
        bits = bits << 1 | int(cell.mean() > 127)
    value, check = divmod(bits, 1 << _CHECK_BITS)
    return value if check == value % _MODULUS ^ _MASK else None


class TestCard:
    """Paints the card at one size; ``width`` and ``height`` in pixels, even.

    ``secrets``: the sample host's, with what filters are to cover, and without what moves in each picture.
    """

    __test__ = False  # no test-case, whatever its name makes pytest think

    def __init__(
        self, width: int, height: int, fps: Fraction | int = 30, line: str = _BEEPS, secrets: bool = False
    ) -> None:
        self.width, self.height, self.fps = width, height, Fraction(fps)
        self.secrets = secrets
        self._line = line
        self._unit = height / 720
        self._ground = self._paint_ground()

    def paint(self, number: int, clock: str, value: int) -> Picture:
        """Return frame ``number`` (BGR, height x width x 3) with the text ``clock`` and the bar code ``value``."""
        image = self._ground.copy()
        self._write(image, clock, 0.05, 0.50, 2.6, _INK)
        if self.secrets:
            self._paint_secrets(image, int(number / self.fps) % _ROUND)
        else:
            self._paint_motion(image, number)
        draw_code(image, value)
        return image

    def _paint_motion(self, image: Picture, number: int) -> None:
        seconds = number / self.fps
        self._write(image, f"frame {number}", 0.05, 0.60, 1.1, _ACCENT)
        # A ball on a path that is back where it was after 16 s, so that a clip of 16 s or a multiple has no seam.
        angle = 2 * math.pi * float(seconds)
        x = self.width * (0.72 + 0.2 * math.sin(angle * 3 / 16))
        y = self.height * (0.40 + 0.22 * math.sin(angle * 2 / 16 + 1))
        centre = (round(x), round(y))
        cv2.circle(image, centre, round(58 * self._unit), _ACCENT, -1, cv2.LINE_AA)
        cv2.circle(image, centre, round(36 * self._unit), _PAPER, -1, cv2.LINE_AA)
        if number % self.fps < FLASH_FRAMES:
            image[: round(0.06 * self.height)] = 235

    def _paint_secrets(self, image: Picture, second: int) -> None:
        """Paint what the sample host shows in this second of its 16, beside all else that is written."""
        if second in CARD_SECONDS:
            ground, ink, chip = _CARD_COLOURS
            self._fill(image, _CARD_LEFT, _CARD_TOP, _CARD_RIGHT, _CARD_BOTTOM, ground)
            self._fill(image, 0.56, 0.43, 0.61, 0.50, chip)
            self._write(image, "EXAMPLE BANK", 0.74, 0.42, 0.9, ink)
            for place, group in enumerate(CARD_NUMBER.split()):  # as close as on real cards
                self._write(image, group, 0.56 + 0.093 * place, 0.615, 1.35, ink)
            self._write(image, "ADA EXAMPLE", 0.56, 0.73, 0.9, ink)
        if second in ADDRESS_SECONDS:
            self._write(image, "Write to", 0.05, 0.70, 0.9, _ACCENT)
            self._write(image, ADDRESS, 0.05, 0.765, 1.25, _INK)

    def _fill(
        self, image: Picture, left: float, top: float, right: float, bottom: float, colour: tuple[int, int, int]
    ) -> None:
        columns = slice(round(left * self.width), round(right * self.width))
        image[round(top * self.height) : round(bottom * self.height), columns] = colour

    def _paint_ground(self) -> Picture:
        shade = np.linspace(1.25, 0.8, self.height, dtype=np.float32)[:, None, None]
        image = np.clip(np.array(_PAPER, np.float32) * shade, 0, 255).astype(np.uint8)
        image = np.repeat(image, self.width, axis=1)
        top, bottom = round(0.80 * self.height), round(0.86 * self.height)
        for index, colour in enumerate(_BARS):
            left, right = (round((0.05 + 0.9 * (index + side) / len(_BARS)) * self.width) for side in (0, 1))
            image[top:bottom, left:right] = colour
        self._write(image, "VEILCAST", 0.05, 0.22, 2.2, _INK)
        self._write(image, self._line, 0.05, 0.30, 0.9, (170, 160, 150))
        image[: round(0.06 * self.height)] = 16
        return image

    def _write(self, image: Picture, text: str, x: float, y: float, size: float, colour: tuple[int, int, int]) -> None:
        origin = (round(x * self.width), round(y * self.height))
        thickness = max(1, round(size * 1.6 * self._unit))
        cv2.putText(image, text, origin, cv2.FONT_HERSHEY_DUPLEX, size * self._unit, colour, thickness, cv2.LINE_AA)


def sound(start: int, count: int) -> NDArray[np.float32]:
    """Return ``count`` samples of the card's sound from sample ``start`` on: float32 (2, count), stereo."""
    time = (start + np.arange(count)) / SAMPLE_RATE
    wave = _chord(time)
    beeping = time % 1 < BEEP_SECONDS
    wave = np.where(beeping, 0.4 * np.sin(2 * np.pi * BEEP_HERTZ * time), wave)
    return np.tile(wave.astype(np.float32), (2, 1))


def _chord(time: NDArray[np.float64]) -> NDArray[np.float64]:
    wave = sum((level * np.sin(2 * np.pi * hertz * time) for hertz, level in _CHORD), np.zeros(len(time)))
    return np.asarray(wave * (1 + 0.4 * np.sin(2 * np.pi * time / 8)))


def speech() -> Sound:
    """Return what makes the sound of the card with the host's voice in place of beeps: as ``sound`` does."""
    with av.open(str(_VOICE)) as file:
        voice = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])

    def spoken(start: int, count: int) -> NDArray[np.float32]:
        chord = _chord((start + np.arange(count)) / SAMPLE_RATE) / 4
        wave = chord + voice[(start + np.arange(count)) % len(voice)]
        return np.tile(wave.astype(np.float32), (2, 1))

    return spoken


def make_clip(
    path: Path,
    seconds: int = 16,
    width: int = 1280,
    height: int = 720,
    fps: int = 30,
    bitrate: int = 2_500_000,
    speaks: bool = False,
) -> None:
    """Write the sample clip: H.264 with a keyframe every 2 s and AAC, its bar code counting frames.

    The host ``speaks`` and shows what is to be covered, or it beeps each second. ``path`` appears whole or not at all.
    16 s, and multiples of it, loop without a seam in picture and sound. At the defaults it takes some 6 s of one core.
    Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with av.open(str(unfinished), "w", format="mp4") as container:
            card = TestCard(width, height, fps, _SPEAKS if speaks else _BEEPS, secrets=speaks)
            _write_clip(container, card, speech() if speaks else sound, seconds, bitrate)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_clip(
    container: av.container.OutputContainer, card: TestCard, heard: Sound, seconds: int, bitrate: int
) -> None:
    video = container.add_stream("libx264", rate=card.fps)
    video.width, video.height, video.pix_fmt, video.bit_rate = card.width, card.height, "yuv420p", bitrate
    video.codec_context.gop_size = int(2 * card.fps)
    video.options = {"preset": "superfast", "x264-params": f"scenecut=0:bframes=0:vbv-maxrate={bitrate // 1000}"
                     f":vbv-bufsize={bitrate // 1000}"}  # fmt: skip
    audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
    audio.bit_rate = 128_000
    samples = 0
    for number in range(int(seconds * card.fps)):
        clock = f"{number // card.fps // 60:02}:{number // card.fps % 60:02}"
        clock += "" if card.secrets else f".{int(number % card.fps):02}"
        frame = av.VideoFrame.from_ndarray(card.paint(number, clock, number), "bgr24")
        container.mux(video.encode(frame))
        while samples < (number + 1) / card.fps * SAMPLE_RATE:
            container.mux(audio.encode(_audio_frame(samples, heard)))
            samples += 1024
    container.mux(video.encode(None))
    container.mux(audio.encode(None))


def _audio_frame(start: int, heard: Sound) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(heard(start, 1024), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts = SAMPLE_RATE, start
    return frame
