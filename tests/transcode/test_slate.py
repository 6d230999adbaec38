"""The slate shows the room's title and a line of text, on any picture size, and whatever it is given it is drawn."""

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

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


@pytest.mark.parametrize("title", ["word " * 60, "w" * 200, "a" * 70 + " b"])
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


@pytest.mark.parametrize("title", ["", " ", "\n\t", "\u202ebackwards", "a\nb"])
def test_odd_titles_are_drawn(title: str) -> None:
    assert pixels(Slate(title, LINE)).shape == (360, 640, 3)


# The host's own image.


def test_an_image_fills_the_picture_in_its_own_colours() -> None:
    image = file_of(Image.new("RGB", (1280, 720), (200, 60, 30)), "PNG")
    frame = slate_frame(Slate("", "", image), 640, 360)
    luma = frame.to_ndarray()[:100]
    expected = 16 + (0.2126 * 200 + 0.7152 * 60 + 0.0722 * 30) * 219 / 255
    assert abs(luma.mean() - expected) <= 2


def test_an_image_of_another_shape_is_whole_and_undistorted() -> None:
    image = file_of(Image.new("RGB", (400, 400), (200, 60, 30)), "PNG")
    shown = pixels(Slate("", "", image))[60]
    red = np.flatnonzero(shown[:, 0] > 150)
    assert abs(len(red) - 360) <= 2
    assert abs(red[0] - 140) <= 1


def test_text_on_a_white_image_can_be_read() -> None:
    white = file_of(Image.new("RGB", (640, 360), (255, 255, 255)), "PNG")
    lettered, bare = (pixels(Slate(title, LINE, white)) for title in (TITLE, ""))
    changed = (lettered != bare).any(2) & (bare[..., 0] < 200)
    assert changed.sum() > 500
    assert lettered[changed].max() - np.median(bare[changed]) > 100


def test_a_photograph_is_turned_upright() -> None:
    photograph = Image.new("RGB", (360, 640), (0, 0, 0))
    photograph.paste((250, 250, 250), (0, 0, 180, 640))  # its left half, which is the top when it is upright
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it clockwise
    shown = pixels(Slate("", "", file_of(photograph, "JPEG", exif=exif, quality=95)))
    assert shown[20, 320].min() > 200


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "LA", "1", "I;16", "CMYK"])
def test_all_kinds_of_images_are_taken(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert (pixels(Slate(TITLE, LINE, file_of(Image.new(mode, (320, 180)), kind))) >= 0).all()


def test_what_is_transparent_shows_the_ground() -> None:
    clear = file_of(Image.new("RGBA", (640, 360), (255, 255, 255, 0)), "PNG")
    assert pixels(Slate("", "", clear))[:100].max() < 60


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
