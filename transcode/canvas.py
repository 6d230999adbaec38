"""Brings every decoded picture to one size and one format, for effects and encoders. Threads: one caller.

Decoded frames belong to their decoder, which predicts others from them: their pixels are never changed here.
"""

from collections.abc import Iterator
from fractions import Fraction

import av
from av.error import FFmpegError

from transcode.conversion import Conversion, Look, look_of, needs_none, plain, tagged

_COVER = (24, 128, 128)  # a little lighter than black, which would look like a fault


class PictureError(ValueError):
    """A picture cannot be converted: it is left out, and the next one may be fine again."""


class Canvas:
    """Makes frames of ``width`` x ``height`` (both even) of any pictures.

    What leaves is yuv420p of 8 bits in BT.709 and limited range, progressive, upright, with square pixels, and tagged
    so; ``pts`` and ``time_base`` are those of the picture that came. Nothing is cropped: a picture of another display
    aspect has black bars. One that is right already is passed on as it is, and its decoder may still read it.
    """

    def __init__(self, width: int, height: int) -> None:
        if width < 2 or height < 2 or width % 2 or height % 2:
            raise ValueError(f"a canvas of {width}x{height}: use even sizes from 2 up")
        self._width = width
        self._height = height
        self._look: Look | None = None
        self._conversion: Conversion | None = None

    def draw(self, frame: av.VideoFrame, sample_aspect_ratio: Fraction) -> Iterator[av.VideoFrame]:
        """Yield what can be shown now: the picture itself, or those that waited for their successor's fields.

        ``sample_aspect_ratio`` is the width of a pixel by its height; one that is not positive counts as 1. Raises
        ``PictureError``.
        """
        look = look_of(frame, sample_aspect_ratio)
        if look != self._look:
            yield from self.flush()
            self._conversion = self._set_up(look)
            self._look = look
        if self._conversion is None:
            yield tagged(frame)
        else:
            yield from self._convert(self._conversion, frame)

    def flush(self) -> Iterator[av.VideoFrame]:
        """Yield the picture that still waits for a successor, if there is one. Raises ``PictureError``."""
        conversion = self._conversion
        self._forget()
        if conversion is not None:
            yield from self._convert(conversion, None)

    def blank(self) -> av.VideoFrame:
        """Return a plain and very dark frame, the cover for when there is no picture. It has no ``pts``."""
        return plain(self._width, self._height, _COVER)

    def _set_up(self, look: Look) -> Conversion | None:
        try:
            return None if needs_none(look, self._width, self._height) else Conversion(look, self._width, self._height)
        except (FFmpegError, OSError) as error:  # a full disk: tables for HDR pass through a file
            raise _picture_error(look, error) from error

    def _convert(self, conversion: Conversion, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        try:
            yield from conversion.convert(frame)
        except FFmpegError as error:
            self._forget()
            raise _picture_error(conversion.look, error) from error

    def _forget(self) -> None:
        self._look = self._conversion = None


def _picture_error(look: Look, error: Exception) -> PictureError:
    return PictureError(f"pictures of {look.width}x{look.height} in {look.format} cannot be converted: {error}")
