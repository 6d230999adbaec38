"""The slate shows the room's title and a line of text, on any picture size, and whatever it is given it is drawn."""

import random
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFont

from transcode.media import Slate
from transcode.slate import draw, slate_frame

TITLE, LINE = "Evening show with Ana", "The stream will be back in a moment."
SIZES = [(1280, 720), (640, 360), (1920, 1080), (1080, 1920), (320, 180), (64, 48), (2, 2), (3840, 2160)]
INK = 150


def pixels(slate: Slate, width: int = 640, height: int = 360) -> NDArray[np.int64]:
    """(height, width, 3), RGB."""
    return np.asarray(draw(slate, width, height)).astype(np.int64)


def inked(image: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where there are letters: (height, width)."""
    found: NDArray[np.bool_] = image.min(axis=2) > INK
    return found


def light(colours: NDArray[np.int64]) -> NDArray[np.float64]:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    share = colours / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ [0.2126, 0.7152, 0.0722], np.float64)


def file_of(image: Image.Image, kind: str, **options: object) -> bytes:
    data = BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_has_the_size_that_is_asked_for_and_is_dark(width: int, height: int) -> None:
    frame = slate_frame(Slate(TITLE, LINE), width, height)
    assert (frame.width, frame.height, frame.format.name) == (width, height, "yuv420p")
    assert not frame.interlaced_frame
    assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (1, 1, 1, 1)
    assert 16 < frame.to_ndarray()[:height].mean() < 60


@pytest.mark.parametrize(("width", "height"), [size for size in SIZES if min(size) >= 180])
def test_text_stands_within_safe_margins(width: int, height: int) -> None:
    there = inked(pixels(Slate(TITLE, LINE), width, height))
    rows, columns = np.flatnonzero(there.any(1)), np.flatnonzero(there.any(0))
    assert there.sum() > width * height / 1000
    assert columns[0] >= width * 0.07
    assert columns[-1] <= width * 0.93
    assert rows[0] >= height * 0.05
    assert rows[-1] <= height * 0.95


def test_another_title_is_another_slate_and_so_is_another_line() -> None:
    one = pixels(Slate(TITLE, LINE))
    assert (one != pixels(Slate("Morning show", LINE))).any()
    assert (one != pixels(Slate(TITLE, "Gleich zurück."))).any()
    assert (one == pixels(Slate(TITLE, LINE))).all()


@pytest.mark.parametrize("title", ["word " * 60, "w" * 200, "a" * 70 + " b", "é" * 100_000])
@pytest.mark.parametrize("size", [(640, 360), (360, 640)])
def test_a_long_title_is_broken_into_lines_and_shortened(title: str, size: tuple[int, int]) -> None:
    there = inked(pixels(Slate(title.strip(), LINE), *size))
    rows, columns = np.flatnonzero(there.any(1)), np.flatnonzero(there.any(0))
    assert columns[-1] <= size[0] * 0.93
    assert rows[0] >= size[1] * 0.05
    assert rows[-1] <= size[1] * 0.95


def test_letters_that_no_font_has_are_left_out_rather_than_boxes() -> None:
    assert (pixels(Slate("\U0010fff0\U0010fff1", LINE)) == pixels(Slate("", LINE))).all()
    assert (pixels(Slate("Show \u0007\U0010fff0now", LINE)) == pixels(Slate("Show now", LINE))).all()


def test_a_mark_without_a_letter_to_stand_on_is_left_out() -> None:
    assert (pixels(Slate("\u0301\u093f\u200d", LINE)) == pixels(Slate("", LINE))).all()
    assert (pixels(Slate("e\u0301", LINE)) == pixels(Slate("é", LINE))).all()


def pillows_own() -> bytes:
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font.font_bytes


OWN = pillows_own()


class Limited(ImageFont.FreeTypeFont):
    """Pillow's own font, as if it had no shapes for ``missing``."""

    def __init__(self, size: float, missing: str) -> None:
        super().__init__(BytesIO(OWN), size)
        self._missing = missing

    def getmask(self, text: str | bytes, *args: Any, **options: Any) -> Any:
        lacks = isinstance(text, str) and set(text) & set(self._missing)
        return super().getmask("\U0010fffe" if lacks else text, *args, **options)

    def font_variant(self, *_: object, **__: object) -> "Limited":
        return self


@pytest.mark.parametrize(("first", "second", "best"), [("Z", "", ""), ("oxZ", "Z", "Z"), ("Z", "oxZ", "Z")])
def test_the_font_that_has_most_letters_is_taken(
    first: str, second: str, best: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(missing: dict[str, str]) -> NDArray[np.int64]:
        """What is drawn on a machine that has these fonts, each without some letters."""

        def truetype(name: str, size: float) -> Limited:
            if name not in missing:
                raise OSError("cannot open resource")
            return Limited(size, missing[name])

        with monkeypatch.context() as patch:
            patch.setattr(ImageFont, "truetype", truetype)
            patch.setattr(ImageFont, "load_default", lambda size: Limited(size, "oxyZ"))
            return pixels(Slate("Zoxy", LINE))

    latin, others = "DejaVuSans.ttf", "NotoSansCJK-Regular.ttc"
    assert (shown({latin: first, others: second}) == shown({latin: best})).all()
    assert (shown({latin: "oxyZ"}) != shown({latin: best})).any()


@pytest.mark.parametrize("title", ["", " ", "\n\t", "\u202ebackwards", "a\nb"])
def test_odd_titles_are_drawn(title: str) -> None:
    assert pixels(Slate(title, LINE)).shape == (360, 640, 3)


# The host's own image.


@pytest.mark.parametrize(
    "colour", [(200, 60, 30), (255, 255, 255), (0, 0, 0), (0, 0, 255), (12, 240, 90), (255, 0, 0)], ids=str
)
def test_an_image_fills_the_picture_in_its_own_colours(colour: tuple[int, int, int]) -> None:
    """BT.709, limited range (ITU-R BT.709-6, 3.2 to 3.5)."""
    frame = slate_frame(Slate("", "", file_of(Image.new("RGB", (320, 180), colour), "PNG")), 640, 360)
    red, green, blue = colour
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    expected = (
        16 + luma * 219 / 255,
        128 + (blue - luma) / 1.8556 * 224 / 255,
        128 + (red - luma) / 1.5748 * 224 / 255,
    )
    for plane, value in zip(frame.planes, expected, strict=True):
        shown = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        assert np.abs(shown - value).max() <= 2


def test_an_image_of_another_shape_is_whole_and_undistorted() -> None:
    image = file_of(Image.new("RGB", (400, 400), (200, 60, 30)), "PNG")
    shown = pixels(Slate("", "", image))[60]
    red = np.flatnonzero(shown[:, 0] > 150)
    assert abs(len(red) - 360) <= 2
    assert abs(red[0] - 140) <= 1


@pytest.mark.parametrize("ground", [(255, 255, 255), (255, 230, 0), (128, 128, 128), None], ids=str)
@pytest.mark.parametrize("size", [(640, 360), (360, 640)], ids=str)
@pytest.mark.parametrize("words", [(TITLE, ""), ("", LINE)], ids=["title", "line"])
def test_text_can_be_read_on_any_image(
    ground: tuple[int, int, int] | None, size: tuple[int, int], words: tuple[str, str]
) -> None:
    """It has the contrast that WCAG 2.2, 1.4.3 asks for."""
    image = file_of(Image.new("RGB", size, ground), "PNG") if ground else b""
    title, line = words
    one, other = (pixels(Slate(title[:length], line[:length], image), *size) for length in (8, 9))
    letter = (one != other).any(2)  # the one that only the longer text has
    ink, behind = light(other[letter]).max(), light(one[letter]).max()
    assert (ink + 0.05) / (behind + 0.05) >= 4.5


@pytest.mark.parametrize("orientation", range(9))
def test_a_photograph_is_turned_upright(orientation: int) -> None:
    """Its first row and column are where EXIF 2.32, 4.6.4 says: here its upper left quarter is white when upright."""
    upright = Image.new("RGB", (640, 360), (0, 0, 0))
    upright.paste((250, 250, 250), (0, 0, 320, 180))
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    photograph = upright.transpose(stored[orientation]) if orientation in stored else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = pixels(Slate("", "", file_of(photograph, "JPEG", exif=exif, quality=95)))
    assert np.abs(shown - np.asarray(upright)).mean() < 2


def test_a_photograph_whose_notes_are_damaged_is_shown() -> None:
    photograph = file_of(Image.new("RGB", (640, 360), (200, 60, 30)), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05")
    assert np.abs(pixels(Slate("", "", photograph))[20, 320] - (200, 60, 30)).max() <= 4


def test_grey_of_16_bits_keeps_its_light() -> None:
    grey = file_of(Image.fromarray(np.full((360, 640), 100 << 8, np.uint16)), "PNG")
    assert np.abs(pixels(Slate("", "", grey)) - 100).max() <= 1


@pytest.mark.parametrize("size", [(20_000, 2), (2, 20_000), (1, 1)], ids=str)
@pytest.mark.parametrize("canvas", [(640, 360), (360, 640), (64, 48)], ids=str)
def test_an_image_may_have_any_shape(size: tuple[int, int], canvas: tuple[int, int]) -> None:
    shown = pixels(Slate("", "", file_of(Image.new("RGB", size, (200, 60, 30)), "PNG")), *canvas)
    assert np.abs(shown.max(axis=(0, 1)) - (200, 60, 30)).max() <= 2


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA", "1", "I;16", "CMYK"])
def test_all_kinds_of_images_are_taken(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert (pixels(Slate(TITLE, LINE, file_of(Image.new(mode, (320, 180)), kind))) >= 0).all()


def test_what_is_transparent_shows_the_ground() -> None:
    clear = file_of(Image.new("RGBA", (640, 360), (255, 255, 255, 0)), "PNG")
    assert pixels(Slate("", "", clear))[:100].max() < 60


def test_whatever_is_wrong_with_an_image_a_slate_is_drawn() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x011A] = 6, "a note", 72.0
    clear = Image.new("P", (30, 20), 1)
    picture = Image.effect_noise((60, 40), 80).convert("RGB")
    files = [file_of(picture, "JPEG", exif=exif), file_of(picture, "PNG", exif=exif)]
    files.append(file_of(clear, "PNG", transparency=1))
    chance = random.Random(4)
    for turn in range(600):
        damaged = bytearray(files[turn % 3])
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(min(len(damaged), 150))] = chance.randrange(256)
        assert draw(Slate("", "", bytes(damaged)), 64, 48).size == (64, 48)


def bomb() -> bytes:
    return file_of(Image.new("1", (10_000, 10_000)), "PNG")


@pytest.mark.parametrize(
    "image",
    [b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(50), b"no image at all", bytes(100), bomb()],
    ids=["cut off", "another kind", "text", "zeros", "a bomb"],
)
def test_an_image_that_cannot_be_shown_is_left_out_and_said(image: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert (pixels(Slate(TITLE, LINE, image)) == pixels(Slate(TITLE, LINE))).all()
    assert "the slate's image cannot be shown" in caplog.text
