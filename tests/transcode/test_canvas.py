"""The canvas: whatever a host sends, frames of one size and one format leave."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.bitstream import BitStreamFilterContext
from av.codec.context import Flags
from av.filter import Graph
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transcode.canvas import Canvas, PictureError

SQUARE = Fraction(1)
TICK = Fraction(1, 90_000)
UNSPECIFIED, BT709, BT601, BT2020 = 2, 1, 6, 9
LUMA = {BT709: (0.2126, 0.0722), BT601: (0.299, 0.114), BT2020: (0.2627, 0.0593)}  # of red and blue
LIMITED, FULL = ColorRange.MPEG, ColorRange.JPEG
PQ, HLG = ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67

Rgb = tuple[float, float, float]
PATCHES: list[Rgb] = [(0.8, 0.1, 0.1), (0.1, 0.7, 0.2), (0.2, 0.2, 0.9), (0.9, 0.8, 0.1), (0.5, 0.5, 0.5)]


def yuv(rgb: Rgb, matrix: int = BT709, full: bool = False, bits: int = 8) -> list[int]:
    """What H.273, 8.3 makes of non-linear R'G'B'."""
    red, green, blue = rgb
    of_red, of_blue = LUMA[matrix]
    luma = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    chroma = (blue - luma) / (2 * (1 - of_blue)), (red - luma) / (2 * (1 - of_red))
    one = 1 << (bits - 8)
    if full:
        top = (1 << bits) - 1
        return [round(top * luma), *(round(top * value + 128 * one) for value in chroma)]
    return [round((16 + 219 * luma) * one), *(round((128 + 224 * value) * one) for value in chroma)]


def planes(frame: av.VideoFrame) -> Iterator[npt.NDArray[Any]]:
    """Yield the planes as arrays that share the frame's memory."""
    wide = frame.format.components[0].bits > 8
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), np.uint16 if wide else np.uint8)
        yield rows.reshape(-1, plane.line_size // (2 if wide else 1))[: plane.height, : plane.width]


def paint(values: Iterable[int], width: int, height: int, pixels: str = "yuv420p", **tags: int) -> av.VideoFrame:
    """Return a frame whose planes are filled with ``values``."""
    frame = av.VideoFrame(width, height, pixels)
    for plane, value in zip(planes(frame), values, strict=True):
        plane[...] = value
    frame.pts, frame.time_base = 0, TICK
    for name, value in tags.items():
        setattr(frame, name, value)
    return frame


def draw(canvas: Canvas, *frames: av.VideoFrame, ratio: Fraction = SQUARE) -> list[av.VideoFrame]:
    shown = [picture for frame in frames for picture in canvas.draw(frame, ratio)]
    return [*shown, *canvas.flush()]


def only(frames: list[av.VideoFrame]) -> av.VideoFrame:
    (frame,) = frames
    return frame


def centre(frame: av.VideoFrame) -> list[int]:
    return [int(plane[plane.shape[0] // 2, plane.shape[1] // 2]) for plane in planes(frame)]


def assert_right(frame: av.VideoFrame, width: int, height: int) -> None:
    assert (frame.width, frame.height, frame.format.name) == (width, height, "yuv420p")
    assert (frame.colorspace, frame.color_primaries, frame.color_trc) == (BT709, ColorPrimaries.BT709, ColorTrc.BT709)
    assert frame.color_range == ColorRange.MPEG
    assert not frame.interlaced_frame
    assert frame.rotation == 0
    assert frame.pict_type == 0


def encode(frames: Iterable[av.VideoFrame], **tags: int) -> list["av.Packet[Any]"]:
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "qp": "4"}
    packets = []
    for number, frame in enumerate(frames):
        if number == 0:
            encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, frame.format.name
            encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
            for name, value in tags.items():
                setattr(encoder, name, value)
        frame.pts, frame.time_base = number, Fraction(1, 25)
        packets += encoder.encode(frame)
    return [*packets, *encoder.encode(None)]


def decode(packets: Iterable["av.Packet[Any]"]) -> list[av.VideoFrame]:
    decoder: Any = av.CodecContext.create("h264", "r")
    return [frame for packet in [*packets, None] for frame in decoder.decode(packet)]


class TestPicturesThatAreRightAlready:
    @pytest.mark.parametrize("matrix", [BT709, UNSPECIFIED])
    @pytest.mark.parametrize("range_", [ColorRange.MPEG, ColorRange.UNSPECIFIED])
    def test_pass_uncopied_with_tags(self, matrix: int, range_: int) -> None:
        frame = paint((90, 100, 110), 1280, 720, colorspace=matrix, color_range=range_, pict_type=1)
        assert only(draw(Canvas(1280, 720), frame)) is frame
        assert_right(frame, 1280, 720)
        assert centre(frame) == [90, 100, 110]

    def test_pass_at_less_than_hd_if_they_say_that_they_are_bt_709(self) -> None:
        frame = paint((90, 100, 110), 64, 48, colorspace=BT709)
        assert only(draw(Canvas(64, 48), frame)) is frame

    def test_pass_when_their_aspect_is_right_within_a_hundredth(self) -> None:
        frame = paint((90, 100, 110), 64, 48, colorspace=BT709)
        assert only(draw(Canvas(64, 48), frame, ratio=Fraction(100, 101))) is frame

    def test_decoded_picture_types_do_not_reach_an_encoder(self) -> None:
        frames = decode(encode(paint((50 + n, 128, 128), 64, 48) for n in range(3)))
        assert any(frame.pict_type for frame in frames)
        for canvas in (Canvas(64, 48), Canvas(32, 24), Canvas(64, 64)):
            assert [frame.pict_type for frame in draw(canvas, *frames)] == [0, 0, 0]


class TestColour:
    @pytest.mark.parametrize("rgb", PATCHES)
    @pytest.mark.parametrize("full", [False, True])
    @pytest.mark.parametrize("matrix", [BT601, 5, BT709])
    def test_matrix_and_range_are_converted(self, matrix: int, full: bool, rgb: Rgb) -> None:
        values = yuv(rgb, BT601 if matrix == 5 else matrix, full)
        frame = paint(values, 64, 48, colorspace=matrix, color_range=FULL if full else LIMITED)
        shown = only(draw(Canvas(64, 48), frame))
        assert_right(shown, 64, 48)
        assert centre(shown) == pytest.approx(yuv(rgb), abs=3)

    @pytest.mark.parametrize("rgb", PATCHES)
    def test_small_pictures_that_do_not_say_are_bt_601(self, rgb: Rgb) -> None:
        shown = only(draw(Canvas(64, 48), paint(yuv(rgb, BT601), 64, 48, colorspace=UNSPECIFIED)))
        assert centre(shown) == pytest.approx(yuv(rgb), abs=3)

    @pytest.mark.parametrize("rgb", PATCHES)
    def test_large_pictures_that_do_not_say_are_bt_709_when_scaled_too(self, rgb: Rgb) -> None:
        shown = only(draw(Canvas(64, 36), paint(yuv(rgb), 1280, 720, colorspace=UNSPECIFIED)))
        assert centre(shown) == pytest.approx(yuv(rgb), abs=3)

    @pytest.mark.parametrize("rgb", PATCHES)
    def test_j_formats_are_of_full_range(self, rgb: Rgb) -> None:
        shown = only(draw(Canvas(64, 48), paint(yuv(rgb, full=True), 64, 48, "yuvj420p", colorspace=BT709)))
        assert_right(shown, 64, 48)
        assert centre(shown) == pytest.approx(yuv(rgb), abs=3)

    @pytest.mark.parametrize(
        ("pixels", "bits"),
        [
            ("yuv422p", 8),
            ("yuv444p", 8),
            ("yuv420p10le", 10),
            ("yuv422p10le", 10),
            ("yuv444p12le", 12),
        ],
    )
    @pytest.mark.parametrize("matrix", [BT601, BT709])
    def test_chroma_is_subsampled_and_depth_reduced(self, pixels: str, bits: int, matrix: int) -> None:
        for rgb in PATCHES:
            frame = paint(yuv(rgb, matrix, bits=bits), 64, 48, pixels, colorspace=matrix)
            shown = only(draw(Canvas(64, 48), frame))
            assert_right(shown, 64, 48)
            assert centre(shown) == pytest.approx(yuv(rgb), abs=3)

    @pytest.mark.parametrize("rgb", PATCHES)
    def test_rgb_becomes_yuv(self, rgb: Rgb) -> None:
        red, green, blue = (round(255 * value) for value in rgb)
        shown = only(draw(Canvas(64, 48), paint((green, blue, red), 64, 48, "gbrp")))
        assert_right(shown, 64, 48)
        assert centre(shown) == pytest.approx(yuv(rgb), abs=3)

    @pytest.mark.parametrize(("pixels", "bits"), [("gray", 8), ("gray10le", 10)])
    @pytest.mark.parametrize("full", [False, True])
    def test_monochrome_pictures_keep_their_greys(self, full: bool, pixels: str, bits: int) -> None:
        for level in (0.0, 0.5, 1.0):
            luma = yuv((level,) * 3, full=full, bits=bits)[0]
            frame = paint((luma,), 64, 48, pixels, color_range=FULL if full else LIMITED)
            assert centre(only(draw(Canvas(64, 48), frame))) == pytest.approx(yuv((level,) * 3), abs=1)

    def test_wide_gamut_is_narrowed(self) -> None:
        red = 0.6274 ** (1 / 2.4), 0.0691 ** (1 / 2.4), 0.0164 ** (1 / 2.4)  # of BT.709, in BT.2020
        frame = paint(
            yuv(red, BT2020, bits=10), 64, 48, "yuv420p10le", colorspace=BT2020, color_primaries=ColorPrimaries.BT2020
        )
        shown = only(draw(Canvas(64, 48), frame))
        assert_right(shown, 64, 48)
        assert centre(shown) == pytest.approx(yuv((1, 0, 0)), abs=16)  # at a corner of the table it is least exact


class TestHdr:
    def ramp(self, transfer: int, levels: int = 50, **tags: int) -> av.VideoFrame:
        """Greys from left to right, 8 columns each."""
        frame = paint((0, 512, 512), levels * 8, 16, "yuv420p10le", color_trc=transfer, **tags)
        luma = next(planes(frame))
        luma[...] = np.repeat(np.linspace(64, 940, levels), 8).astype(np.uint16)
        return frame

    @pytest.mark.parametrize("transfer", [PQ, HLG])
    def test_a_grey_ramp_stays_neutral_and_rises(self, transfer: int) -> None:
        frame = self.ramp(transfer, colorspace=BT2020, color_primaries=ColorPrimaries.BT2020)
        shown = only(draw(Canvas(400, 16), frame))
        assert_right(shown, 400, 16)
        luma, blue, red = planes(shown)
        levels = luma[:, 4::8].mean(axis=0)
        assert np.all(np.diff(levels) > -0.5)
        assert levels[0] == pytest.approx(16, abs=1)
        assert levels[-1] == pytest.approx(235, abs=1)
        assert np.abs(np.stack((blue, red)).astype(int) - 128).max() <= 1

    @pytest.mark.parametrize(("transfer", "signal"), [(PQ, 0.581), (HLG, 0.75)])
    def test_reference_white_is_bright_and_not_clipped(self, transfer: int, signal: float) -> None:
        frame = paint(yuv((signal,) * 3, bits=10), 64, 48, "yuv420p10le", color_trc=transfer, colorspace=BT2020)
        luma = centre(only(draw(Canvas(64, 48), frame)))[0]
        assert 16 + 0.85 * 219 < luma < 16 + 0.95 * 219

    def test_colours_are_not_washed_out(self) -> None:
        red = paint(yuv((0.55, 0.2, 0.2), BT2020, bits=10), 64, 48, "yuv420p10le", color_trc=PQ, colorspace=BT2020)
        shown = only(draw(Canvas(64, 48), red)).to_ndarray(format="rgb24")[24, 32]
        assert shown[0] > 180
        assert max(shown[1:]) < 80

    def test_a_larger_decoded_picture_is_scaled_too(self) -> None:
        source = [self.ramp(PQ) for _ in range(2)]
        packets = encode(
            source, colorspace=BT2020, color_primaries=ColorPrimaries.BT2020, color_trc=PQ, color_range=LIMITED
        )
        shown = draw(Canvas(200, 16), *decode(packets))
        assert [frame.pts for frame in shown] == [0, 1]
        assert_right(shown[0], 200, 16)
        luma = next(planes(shown[0]))
        assert (luma[0, 0], luma[3, 0]) == (16, 16), "a bar above"
        assert luma[8, 2] < luma[8, 80] < luma[8, 120]


class TestShape:
    @settings(max_examples=60, deadline=None)
    @given(
        size=st.tuples(st.integers(2, 300), st.integers(2, 300)),
        canvas=st.tuples(st.integers(8, 100), st.integers(8, 100)),
        ratio=st.fractions(Fraction(1, 3), 3, max_denominator=99),
    )
    @example(size=(23, 12), canvas=(8, 12), ratio=Fraction(1, 3))
    def test_pictures_keep_their_aspect_and_are_centred(
        self, size: tuple[int, int], canvas: tuple[int, int], ratio: Fraction
    ) -> None:
        width, height = canvas[0] * 2, canvas[1] * 2
        frame = paint((200, 90, 90), *size, colorspace=BT709)
        shown = only(draw(Canvas(width, height), frame, ratio=ratio))
        assert_right(shown, width, height)
        luma, *chroma = planes(shown)
        columns, rows = (np.flatnonzero((luma > 100).any(axis=axis)) for axis in (0, 1))
        left, right, top, bottom = columns[0], width - 1 - columns[-1], rows[0], height - 1 - rows[-1]
        inner_width, inner_height = width - left - right, height - top - bottom
        assert min(left + right, top + bottom) == 0, "it is as large as fits"
        assert abs(left - right) <= 2
        assert abs(top - bottom) <= 2
        aspect = ratio * size[0] / size[1]
        if abs(aspect * height / width - 1) <= Fraction(1, 100):
            assert (inner_width, inner_height) == (width, height)
        elif aspect * height > width:
            assert abs(inner_height - max(width / aspect, 1)) <= 1
        else:
            assert abs(inner_width - max(aspect * height, 1)) <= 1
        inside = luma[top : height - bottom, left : width - right]
        assert inside.min() >= 190
        assert (luma > 100).sum() == inside.size, "nothing but black around"
        for plane in chroma:
            assert set(np.unique(plane)) <= {*range(85, 96), 128}

    def test_bars_are_black(self) -> None:
        luma, *chroma = planes(only(draw(Canvas(64, 36), paint((200, 90, 160), 48, 36, colorspace=BT709))))
        assert set(np.unique(luma[:, :8])) == set(np.unique(luma[:, 56:])) == {16}
        assert all(set(np.unique(plane[:, :4])) == {128} for plane in chroma)

    def test_anamorphic_pictures_are_stretched_to_square_pixels(self) -> None:
        frame = paint((200, 90, 90), 72, 58, colorspace=BT709)
        luma = next(planes(only(draw(Canvas(102, 58), frame, ratio=Fraction(64, 45)))))
        assert luma.min() >= 190, "no bars"

    @pytest.mark.parametrize("ratio", [Fraction(0), Fraction(-1)])
    def test_an_unknown_sample_aspect_ratio_means_square(self, ratio: Fraction) -> None:
        frame = paint((200, 90, 90), 64, 48, colorspace=BT709)
        assert only(draw(Canvas(64, 48), frame, ratio=ratio)) is frame

    @pytest.mark.parametrize("size", [(853, 479), (16, 16), (1, 1), (2, 300), (1279, 721)])
    def test_odd_and_tiny_sizes(self, size: tuple[int, int]) -> None:
        shown = only(draw(Canvas(128, 72), paint((90, 128, 128), *size, colorspace=BT709)))
        assert_right(shown, 128, 72)
        assert int(next(planes(shown)).max()) == pytest.approx(90, abs=2)

    @pytest.mark.parametrize("size", [(0, 2), (3, 2), (2, 3), (-2, 2)])
    def test_a_canvas_has_even_sizes(self, size: tuple[int, int]) -> None:
        with pytest.raises(ValueError, match="even"):
            Canvas(*size)


class TestRotation:
    def turned(self, degrees: int, pixels: str = "yuv420p") -> av.VideoFrame:
        """A decoded frame of 64x48, its upper quarter bright, that says to be turned counterclockwise."""
        frame = paint((50, 128, 128), 64, 48, pixels)
        next(planes(frame))[:12] = 200
        orientation = BitStreamFilterContext(f"h264_metadata=display_orientation=insert:rotate={degrees}", "h264")
        return decode([packet for coded in encode([frame]) for packet in orientation.filter(coded)])[0]

    @pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuvj420p"])
    @pytest.mark.parametrize(
        ("degrees", "bright"),
        [
            (90, np.s_[:, 1:11]),
            (270, np.s_[:, -11:-1]),
        ],
    )
    def test_quarter_turns(self, degrees: int, bright: Any, pixels: str) -> None:
        shown = only(draw(Canvas(48, 64), self.turned(degrees, pixels)))
        assert_right(shown, 48, 64)
        luma = next(planes(shown))
        assert luma[bright].min() > 170
        assert (luma > 120).mean() == pytest.approx(0.25, abs=0.02)

    def test_upside_down(self) -> None:
        shown = only(draw(Canvas(64, 48), self.turned(180)))
        assert_right(shown, 64, 48)
        assert next(planes(shown))[-11:].min() > 170

    def test_the_aspect_turns_along(self) -> None:
        luma = next(planes(only(draw(Canvas(64, 64), self.turned(90)))))
        assert luma[:, :8].max() == luma[:, 56:].max() == 16
        assert luma[:, 8:56].min() > 40

    def test_other_angles_are_ignored(self) -> None:
        shown = only(draw(Canvas(64, 48), self.turned(45)))
        assert next(planes(shown))[:11].min() > 170


def interlaced(numbers: Iterable[int], order: str, width: int = 64, height: int = 48) -> list[av.VideoFrame]:
    """Frames whose even lines are as light as 50 + 10 * number, and odd lines 5 more, flagged as interlaced."""
    graph = Graph()
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("yuv420p"), time_base=TICK)
    graph.link_nodes(source, graph.add("setfield", order), graph.add("buffersink")).configure()
    frames = []
    for number in numbers:
        frame = paint((50 + 10 * number, 128, 128), width, height, colorspace=BT709, color_range=LIMITED)
        next(planes(frame))[1::2] += 5
        frame.pts = number * 3600
        graph.vpush(frame)
        frames.append(graph.vpull())
    return frames


class TestInterlaced:
    @pytest.mark.parametrize(("order", "first"), [("tff", 50), ("bff", 55)])
    def test_each_frame_gives_one_made_of_its_first_field(self, order: str, first: int) -> None:
        canvas = Canvas(64, 48)
        shown = draw(canvas, *interlaced(range(5), order))
        for number, frame in enumerate(shown):
            assert_right(frame, 64, 48)
            assert (frame.pts, frame.time_base) == (number * 3600, TICK)
            luma = next(planes(frame))
            assert set(np.unique(luma[::2] if order == "tff" else luma[1::2])) == {first + 10 * number}
        assert len(shown) == 5

    def test_a_picture_waits_for_the_next_ones_fields(self) -> None:
        canvas = Canvas(64, 48)
        one, two = interlaced(range(2), "tff")
        assert list(canvas.draw(one, SQUARE)) == []
        assert [frame.pts for frame in canvas.draw(two, SQUARE)] == [0]
        assert [frame.pts for frame in canvas.flush()] == [3600]
        assert list(canvas.flush()) == []

    def test_only_flagged_pictures_are_deinterlaced_and_order_is_kept(self) -> None:
        plain = [paint((60, 128, 128), 64, 48, colorspace=BT709, pts=3600 * number) for number in (2, 3)]
        frames = [*interlaced(range(2), "tff"), *plain, *interlaced((4,), "bff")]
        shown = draw(Canvas(64, 48), *frames)
        assert [frame.pts for frame in shown] == [0, 3600, 7200, 10800, 14400]
        assert shown[2] is plain[0]

    def test_scaling_and_turning_come_after(self) -> None:
        shown = draw(Canvas(32, 32), *interlaced(range(3), "tff"))
        assert [frame.pts for frame in shown] == [0, 3600, 7200]
        for frame in shown:
            assert_right(frame, 32, 32)
        luma = next(planes(shown[1]))
        assert np.ptp(luma[6:26].astype(int)) <= 4, "no combing"

    def test_decoded_fields(self) -> None:
        decoded = decode(encode(interlaced(range(4), "bff"), flags=Flags.interlaced_dct, colorspace=BT709))
        assert all(frame.interlaced_frame for frame in decoded)
        shown = draw(Canvas(64, 48), *decoded)
        assert [frame.pts for frame in shown] == [0, 1, 2, 3]
        assert [centre(frame)[0] for frame in shown] == pytest.approx([55, 65, 75, 85], abs=1)


class TestMidStream:
    def test_every_change_is_followed(self) -> None:
        canvas = Canvas(64, 48)
        changes = [
            paint(yuv((0.8, 0.1, 0.1)), 64, 48, colorspace=BT709),
            paint(yuv((0.8, 0.1, 0.1), BT601), 64, 48, colorspace=BT601),
            paint(yuv((0.8, 0.1, 0.1), full=True), 64, 48, colorspace=BT709, color_range=FULL),
            paint(yuv((0.8, 0.1, 0.1)), 320, 240, colorspace=BT709),
            paint(yuv((0.8, 0.1, 0.1)), 32, 32, colorspace=BT709),
            paint(yuv((0.8, 0.1, 0.1), bits=10), 64, 48, "yuv420p10le", colorspace=BT709),
            paint(yuv((0.8, 0.1, 0.1)), 64, 48, "yuv444p", colorspace=BT709),
            paint(yuv((0.8, 0.1, 0.1)), 64, 48, colorspace=BT709),
        ]
        for number, frame in enumerate(changes * 2):
            frame.pts = number
            shown = only(list(canvas.draw(frame, SQUARE)))
            assert_right(shown, 64, 48)
            assert (shown.pts, shown.time_base) == (number, TICK)
            assert centre(shown) == pytest.approx(yuv((0.8, 0.1, 0.1)), abs=3)

    def test_a_changed_sample_aspect_ratio_is_one(self) -> None:
        canvas = Canvas(64, 48)
        frame = paint((200, 128, 128), 64, 48, colorspace=BT709)
        assert next(planes(only(list(canvas.draw(frame, SQUARE)))))[0, 0] == 200
        assert next(planes(only(list(canvas.draw(frame, Fraction(2))))))[0, 0] == 16

    def test_what_was_decoded_is_not_touched(self) -> None:
        """A decoder predicts from its frames: their pixels must stay."""

        def motion() -> Iterator[av.VideoFrame]:
            for number in range(12):
                frame = paint((60, 120, 130), 64, 48)
                next(planes(frame))[:, number * 4 : number * 4 + 16] = 200
                yield frame

        packets = encode(motion())
        undisturbed = [frame.to_ndarray() for frame in decode(packets)]
        decoder: Any = av.CodecContext.create("h264", "r")
        canvases = [Canvas(64, 48), Canvas(64, 64), Canvas(32, 24)]
        numbers = iter(range(len(undisturbed)))
        for packet in [*packets, None]:
            for frame in decoder.decode(packet):
                for canvas in canvases:
                    list(canvas.draw(frame, SQUARE))
                assert np.array_equal(frame.to_ndarray(), undisturbed[next(numbers)])
        assert next(numbers, None) is None

    def test_frames_that_leave_do_not_share_pixels(self) -> None:
        canvas = Canvas(64, 64)
        one, two = (only(list(canvas.draw(paint((value, 128, 128), 64, 48), SQUARE))) for value in (60, 180))
        assert (centre(one)[0], centre(two)[0]) == pytest.approx((60, 180), abs=1)


class TestFaults:
    def test_what_cannot_be_converted_is_an_error_and_the_next_picture_is_fine(self) -> None:
        canvas = Canvas(64, 48)
        strange = av.VideoFrame(64, 48, "gray32le")
        strange.pts, strange.time_base = 0, TICK
        for _ in range(2):
            with pytest.raises(PictureError, match="64x48 in gray32le"):
                list(canvas.draw(strange, SQUARE))
        assert_right(only(draw(canvas, paint((90, 128, 128), 32, 32))), 64, 48)

    def test_an_interlaced_picture_too_small_for_fields_is_one(self) -> None:
        with pytest.raises(PictureError):
            draw(Canvas(64, 48), *interlaced(range(2), "tff", 2, 2))


def test_the_cover_is_plain_and_very_dark() -> None:
    cover = Canvas(64, 48).blank()
    assert_right(cover, 64, 48)
    luma, *chroma = planes(cover)
    assert np.ptp(luma) == 0
    assert 16 <= luma[0, 0] <= 32
    assert all(set(np.unique(plane)) == {128} for plane in chroma)
