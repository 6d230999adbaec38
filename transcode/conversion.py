"""Converts pictures of one look into a canvas's format: deinterlaces, turns, tone-maps, scales, adds bars."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import av
import numpy as np
from av.error import BlockingIOError as NotYet
from av.error import EOFError as Finished
from av.filter import Graph
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter

from filters import Planes
from transcode.colour import BT709_MATRIX, beyond_709, color_range, cube, matrix
from transcode.media import TIMELINE

FORMAT = "yuv420p"
"""The pixel format of all that leaves."""

_BLACK = (16, 128, 128)
_ALIKE = Fraction(1, 100)  # aspects that differ by no more are taken to be the same
_RGB_MATRIX = 0
_MATRICES = {4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m"}  # as the filter that is exact has them
_UPRIGHT = {90: ("transpose=cclock",), 180: ("hflip", "vflip"), 270: ("transpose=clock",)}


class Look(NamedTuple):
    """All of a picture that its conversion depends on; colours by their code points in ITU-T H.273."""

    width: int
    height: int
    format: str
    matrix: int
    primaries: int
    transfer: int
    range: int
    interlaced: bool
    rotation: int  # degrees counterclockwise that turn it upright: 0, 90, 180, 270
    sample_aspect_ratio: Fraction
    time_base: Fraction | None


class Box(NamedTuple):
    """Where on the canvas a picture is, in pixels; all are even, as a chroma sample serves two lines and columns."""

    left: int
    top: int
    width: int
    height: int


def look_of(frame: av.VideoFrame, sample_aspect_ratio: Fraction) -> Look:
    """Return the look of ``frame``, what it leaves open filled in. Angles that are no right ones are ignored."""
    width, height, pixels = frame.width, frame.height, frame.format
    transfer, primaries = frame.color_trc, frame.color_primaries
    rotation = frame.rotation
    return Look(
        width,
        height,
        pixels.name,
        _RGB_MATRIX if pixels.is_rgb else matrix(frame.colorspace, transfer, primaries, width, height),
        primaries,
        transfer,
        ColorRange.JPEG if pixels.is_rgb else color_range(frame.color_range, pixels.name),
        frame.interlaced_frame,
        0 if rotation % 90 else rotation % 360,
        sample_aspect_ratio,
        frame.time_base,
    )


def fit(look: Look, width: int, height: int) -> Box:
    """Return where on a canvas of ``width`` x ``height`` a picture is: as large as its display aspect allows."""
    ratio = look.sample_aspect_ratio if look.sample_aspect_ratio > 0 else Fraction(1)
    aspect = ratio * look.width / look.height
    if look.rotation % 180:
        aspect = 1 / aspect
    stretch = aspect * height / width
    if abs(stretch - 1) <= _ALIKE:
        return Box(0, 0, width, height)
    inner_width = width if stretch > 1 else _even(aspect * height)
    inner_height = height if stretch < 1 else _even(width / aspect)
    return Box((width - inner_width) // 4 * 2, (height - inner_height) // 4 * 2, inner_width, inner_height)


def needs_none(look: Look, width: int, height: int) -> bool:
    """Whether a picture is already what a canvas of ``width`` x ``height`` wants."""
    return (
        (look.width, look.height, look.format) == (width, height, FORMAT)
        and (look.matrix, look.range) == (BT709_MATRIX, ColorRange.MPEG)
        and not (look.interlaced or look.rotation or beyond_709(look.transfer, look.primaries))
        and fit(look, width, height) == (0, 0, width, height)
    )


def tagged(frame: av.VideoFrame) -> av.VideoFrame:
    """Return ``frame``, whose pixels are in BT.709 already, saying so, and asking no encoder for a picture type."""
    frame.colorspace = BT709_MATRIX
    frame.color_primaries = ColorPrimaries.BT709
    frame.color_trc = ColorTrc.BT709
    frame.color_range = ColorRange.MPEG
    frame.pict_type = 0
    return frame


def plain(width: int, height: int, colour: tuple[int, int, int]) -> av.VideoFrame:
    """Return a new frame in one colour (Y, U, V)."""
    frame = av.VideoFrame(width, height, FORMAT)
    for plane, value in zip(planes_of(frame), colour, strict=True):
        plane[...] = value
    return tagged(frame)


def copy_of(frame: av.VideoFrame) -> tuple[av.VideoFrame, Planes]:
    """Return a frame of its own with the pixels of ``frame``, and its planes, which may be changed."""
    copy = av.VideoFrame(frame.width, frame.height, FORMAT)
    planes = planes_of(copy)
    for target, source in zip(planes, planes_of(frame), strict=True):
        np.copyto(target, source)
    return tagged(copy), planes


def frame_of(planes: Planes) -> av.VideoFrame:
    """Return a new frame of ``planes``."""
    height, width = planes.y.shape
    frame = av.VideoFrame(width, height, FORMAT)
    for target, source in zip(planes_of(frame), planes, strict=True):
        np.copyto(target, source)
    return tagged(frame)


def planes_of(frame: av.VideoFrame) -> Planes:
    """Return the planes of a yuv420p frame as views. Others may read the frame: see ``copy_of``."""
    y, u, v = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    )
    return Planes(y, u, v)


class Conversion:
    """Converts pictures that look like ``look`` for a canvas of ``width`` x ``height``.

    It is set up once, which costs more than a picture does. Raises ``av.FFmpegError`` where FFmpeg cannot do it.
    """

    def __init__(self, look: Look, width: int, height: int) -> None:
        self.look = look
        self._size = width, height
        self._tick = look.time_base or Fraction(1, TIMELINE)
        self._box = fit(look, width, height)
        self._scaler = VideoReformatter()
        # The scaler takes all monochrome pictures for full range: limited ones stay as they are if it is to make that.
        kept = look.format.startswith("gray") and look.range == ColorRange.MPEG
        self._target = ColorRange.JPEG if kept else ColorRange.MPEG
        self._graph = self._build()
        self._recolour = self._matrix_graph()

    def convert(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """Yield what ``frame`` completes; None ends it, and yields what is left."""
        if frame is not None and self.look.matrix != _RGB_MATRIX:
            frame.colorspace, frame.color_range = self.look.matrix, self.look.range
        if self._graph is not None:
            for filtered in _through(self._graph, frame):
                if filtered.pts is not None and filtered.time_base is not None:
                    filtered.pts = int(filtered.pts * filtered.time_base / self._tick)  # the deinterlacer counts fields
                filtered.time_base = self._tick
                yield self._place(self._coloured(self._scale(filtered)))
        elif frame is not None:
            yield self._place(self._coloured(self._scale(frame)))

    def _build(self) -> Graph | None:
        look = self.look
        filters = ["bwdif=mode=send_frame:parity=auto:deint=all"] if look.interlaced else []
        if look.rotation:
            filters += [*_UPRIGHT[look.rotation], "sidedata=mode=delete:type=DISPLAYMATRIX"]
        light = beyond_709(look.transfer, look.primaries)
        if not filters and not light:
            return None
        graph = Graph()
        graph.threads = 1
        nodes = [
            graph.add(
                "buffer",
                f"video_size={look.width}x{look.height}:pix_fmt={look.format}:time_base={self._tick}"
                f":colorspace={look.matrix}:range={int(look.range)}",
            )
        ]
        nodes += [graph.add(*_name_and_options(text)) for text in filters]
        if light:
            # Scaled first: hosts' pictures are larger than the canvas more often than smaller.
            nodes.append(graph.add("scale", f"{self._box.width}:{self._box.height}:flags=bicubic"))
            nodes.append(graph.add("format", "gbrp16le"))  # of the formats for tables, by far the fastest
            with TemporaryDirectory() as folder:
                table = Path(folder, "light.cube")
                table.write_text(cube(look.transfer, look.primaries))
                nodes.append(graph.add("lut3d", file=str(table), interp="tetrahedral"))
            for kind in ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"):
                nodes.append(graph.add("sidedata", f"mode=delete:type={kind}"))
        graph.link_nodes(*nodes, graph.add("buffersink")).configure()
        return graph

    def _matrix_graph(self) -> Graph | None:
        """What turns a picture's matrix into BT.709's: the scaler would be slower, and make it a little darker."""
        look = self.look
        if look.matrix not in _MATRICES or look.format.startswith("gray"):
            return None
        if beyond_709(look.transfer, look.primaries):
            return None
        graph = Graph()
        graph.threads = 1
        source = (
            f"video_size={self._box.width}x{self._box.height}:pix_fmt={FORMAT}:time_base={self._tick}"
            f":colorspace={look.matrix}:range={int(ColorRange.MPEG)}"
        )
        options = f"ispace={_MATRICES[look.matrix]}:iprimaries=bt709:itrc=bt709:irange=tv:all=bt709:format={FORMAT}"
        nodes = graph.add("buffer", source), graph.add("colorspace", options), graph.add("buffersink")
        graph.link_nodes(*nodes).configure()
        return graph

    def _coloured(self, picture: av.VideoFrame) -> av.VideoFrame:
        if self._recolour is None:
            return picture
        picture.colorspace, picture.color_range = self.look.matrix, ColorRange.MPEG
        (coloured,) = _through(self._recolour, picture)
        coloured.time_base = self._tick
        return coloured

    def _scale(self, frame: av.VideoFrame) -> av.VideoFrame:
        return self._scaler.reformat(
            frame,
            self._box.width,
            self._box.height,
            FORMAT,
            dst_colorspace=None if self._recolour is not None else Colorspace.ITU709,
            dst_color_range=self._target,
            interpolation=Interpolation.BICUBIC,
            threads=1,
        )

    def _place(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Return a frame of the canvas's size with ``picture`` in its place."""
        if (picture.width, picture.height) == self._size:
            return tagged(picture)
        frame = plain(*self._size, _BLACK)
        for index, (target, source) in enumerate(zip(planes_of(frame), planes_of(picture), strict=True)):
            top, left = (self._box.top, self._box.left) if index == 0 else (self._box.top // 2, self._box.left // 2)
            height, width = source.shape
            target[top : top + height, left : left + width] = source
        frame.pts, frame.time_base = picture.pts, picture.time_base
        return frame


def _through(graph: Graph, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
    graph.vpush(frame)
    while True:
        try:
            yield graph.vpull()
        except (NotYet, Finished):
            return


def _name_and_options(text: str) -> tuple[str, str | None]:
    name, _, options = text.partition("=")
    return name, options or None


def _even(length: Fraction) -> int:
    return max(2, round(length / 2) * 2)
