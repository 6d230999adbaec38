"""What a codec's record says that others need to know, and what reads it bit by bit. Values only, no I/O."""

from dataclasses import dataclass
from fractions import Fraction


class CodecError(ValueError):
    """A codec record cannot be read; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class VideoConfig:
    """What a picture's record says: its RFC 6381 string; ``width`` and ``height`` are coded pixels after cropping."""

    codecs: str
    width: int
    height: int
    sample_aspect_ratio: Fraction = Fraction(1)
    frame_rate: Fraction | None = None

    @property
    def display_width(self) -> int:
        """Width on a screen with square pixels."""
        return round(self.width * self.sample_aspect_ratio)


@dataclass(frozen=True, slots=True)
class AudioConfig:
    """What a sound's record says: its RFC 6381 string; ``frame_length`` counts a packet's samples at ``sample_rate``,
    as a rule: ``samples`` is exact."""

    codecs: str
    sample_rate: int
    channels: int
    frame_length: int

    def samples(self, data: bytes) -> int:
        """Return how many samples (of each channel) a packet with ``data`` holds, at least one."""
        return self.frame_length


ODDEST_ASPECT = 3
"""A sample aspect ratio beyond this is nonsense, and pixels are taken for square."""


def aspect_of(wide: int, high: int) -> Fraction:
    """Return a sample aspect ratio that makes sense."""
    credible = wide and high and 1 / ODDEST_ASPECT <= wide / high <= ODDEST_ASPECT
    return Fraction(wide, high) if credible else Fraction(1)


def checked(config: VideoConfig, name: str) -> VideoConfig:
    """Return ``config`` if boxes can say its sizes, in 16 bits (ISO/IEC 14496-12, 8.3.2 and 12.1.3).

    Raises CodecError.
    """
    if not all(0 < size < 1 << 16 for size in (config.width, config.height, config.display_width)):
        raise CodecError(f"the {name} picture size {config.width} x {config.height} is not possible")
    return config


class Bits:
    """Reads bits, most significant first (ITU-T H.264, 7.2 and 9.1)."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def u(self, count: int) -> int:
        """Return an unsigned integer of ``count`` bits."""
        if count > self._left:
            raise CodecError("the record ends too early")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def ue(self) -> int:
        """Return an unsigned Exp-Golomb number."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 32:
                raise CodecError("a number in the record is too long")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """Return a signed Exp-Golomb number."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)
