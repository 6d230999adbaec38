"""A text or an image stands where it is asked for, and nothing else of the picture changes."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from filters import Planes, SpecError, Stream
from filters.chain import Chain
from filters.overlay import Overlay
from filters.pixels import bgr_of, planes_of
from filters.registry import make
from filters.spec import parse

WIDTH, HEIGHT = 640, 360
GROUND = 90


def ground(width: int = WIDTH, height: int = HEIGHT) -> Planes:
    return planes_of(np.full((height, width, 3), GROUND, np.uint8))


def shown(options: str, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.int64]:
    """The picture with the overlay: (height, width, 3), BGR."""
    made = Chain([("overlay", make(parse(f"overlay:{options}")))])
    made.open(Stream(width, height, 30, 0))
    first = made.picture(ground(width, height), 0)
    again = made.picture(ground(width, height), 1)
    for plane, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(plane, same)
    made.close()
    return bgr_of(first).astype(np.int64)


def place(picture: NDArray[np.int64]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what differs from the ground."""
    rows, columns = np.nonzero(np.abs(picture - GROUND).max(2) > 8)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    """40x20: the left half red, the right half transparent but green."""
    image = Image.new("RGBA", (40, 20), (255, 0, 0, 255))
    image.paste((0, 255, 0, 0), (20, 0, 40, 20))
    image.save(tmp_path / "logo.png")
    return tmp_path / "logo.png"


def test_a_text_can_be_seen_on_any_ground_and_stays_in_its_corner() -> None:
    picture = shown("text=Evening show")
    left, top, right, bottom = place(picture)
    assert picture.max() > 240
    assert picture.min() < 40
    margin = round(0.03 * HEIGHT)
    assert right <= WIDTH - margin
    assert bottom <= HEIGHT - margin
    assert left > WIDTH // 2
    assert 10 < bottom - top < 40


@pytest.mark.parametrize(
    ("position", "across", "down"),
    [
        *[("top-left", 0, 0), ("top", 1, 0), ("top-right", 2, 0), ("center", 1, 1)],
        *[("bottom-left", 0, 2), ("bottom", 1, 2), ("bottom-right", 2, 2)],
    ],
)
def test_positions(position: str, across: int, down: int) -> None:
    left, top, right, bottom = place(shown(f"text=Hello,position={position}"))
    assert [left < WIDTH / 4, abs(left + right - WIDTH) < 6, right > WIDTH * 3 / 4][across]
    assert [top < HEIGHT / 4, abs(top + bottom - HEIGHT) < HEIGHT / 8, bottom > HEIGHT * 3 / 4][down]


def test_an_image_has_its_colours_and_is_transparent_where_it_says_so(logo: Path) -> None:
    picture = shown(f"image={logo},position=top-left,image_size=0.25,margin=0.1")
    assert place(picture) == pytest.approx((36, 36, 36 + 90, 36 + 90), abs=4)
    assert np.abs(picture[60, 60] - (0, 0, 255)).max() <= 3
    assert np.abs(picture[60, 140] - GROUND).max() <= 1
    edge = picture[60, 120:132]
    assert (edge[:, 1] <= GROUND + 2).all(), "what cannot be seen of a colour does not bleed"


def test_opacity_mixes_with_the_ground(logo: Path) -> None:
    picture = shown(f"image={logo},position=top-left,image_size=0.25,opacity=0.5")
    assert np.abs(picture[40, 40] - np.array([45, 45, 172])).max() <= 4
    assert np.abs(shown("text=Hello,opacity=0") - GROUND).max() <= 1


def test_image_and_text_stand_below_each_other(logo: Path) -> None:
    picture = shown(f"image={logo},text=Hello,position=top-left")
    _, top, _, bottom = place(picture)
    assert bottom - top > 0.15 * HEIGHT + 10


def test_a_long_text_is_broken_and_one_too_large_is_made_smaller() -> None:
    _, top, _, bottom = place(shown(f"text={'word ' * 60},position=center"))
    assert bottom - top > 50
    for text in ("word " * 99, "w" * 200, "a\nb\nc\nd\ne\nf"):
        left, top, right, bottom = place(shown(f"text={text},size=0.3,position=center"))
        assert left >= 0.03 * HEIGHT - 2
        assert top >= 0.03 * HEIGHT - 2
        assert right <= WIDTH - 0.03 * HEIGHT + 2
        assert bottom <= HEIGHT - 0.03 * HEIGHT + 2


@pytest.mark.parametrize("text", ["Ærøskøbing", "Київ", "Αθήνα", "مرحبا", "שלום", "1+1=2\\, 100 %", "ǆ e\u0301"])
def test_scripts(text: str) -> None:
    left, _, right, _ = place(shown(f"text={text}"))
    assert right - left > 15


def test_arabic_is_joined() -> None:
    left, _, right, _ = place(shown("text=ببببب,size=0.2"))
    apart_left, _, apart_right, _ = place(shown("text=ب‌ب‌ب‌ب‌ب,size=0.2"))  # with what forbids it
    assert right - left < apart_right - apart_left


@pytest.mark.parametrize(("width", "height"), [(2, 2), (64, 48), (320, 180), (1080, 1920), (1920, 1080), (642, 362)])
def test_any_size_of_picture(width: int, height: int, logo: Path) -> None:
    assert shown(f"text=Hello there,image={logo}", width, height).shape == (height, width, 3)


def test_pictures_beyond_white_do_not_overflow() -> None:
    made = Overlay(text="Hello", opacity=0.004, position="center", size=0.9)
    made.open(Stream(WIDTH, HEIGHT, 30, 0))
    for level in (0, 255):
        given = Planes(*(np.full_like(plane, level) for plane in ground()))
        made.picture(given, 0)
        assert all(np.abs(plane.astype(int) - level).max() <= 2 for plane in given)


def test_a_room_with_sound_alone_is_no_reason_to_fail() -> None:
    Overlay(text="Hello").open(Stream(0, 0, 0, 2))


def test_without_anything_to_show_it_says_what_to_give() -> None:
    with pytest.raises(SpecError, match="filter overlay: it has nothing to show: give it text=… or image="):
        make(parse("overlay"))


def test_an_image_that_cannot_be_shown_is_refused_without_telling_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    Image.new("L", (5000, 4000)).save(tmp_path / "large.png")
    for name, told in {
        "gone.png": "its image cannot be read: No such file or directory",
        "text.png": "neither a PNG nor a JPEG file",
        "cut.png": "",
        "large.png": "5000 x 4000 pixels, more than 16000000",
    }.items():
        with pytest.raises(SpecError, match=f"filter overlay: .*{told}") as raised:
            make(parse(f"overlay:image={tmp_path / name}"))
        assert str(tmp_path) not in str(raised.value)
    with pytest.raises(SpecError, match="absolute path"):
        make(parse("overlay:image=logo.png"))


@pytest.mark.parametrize("options", ["size=0", "size=2", "opacity=1.5", "margin=0.5", "image_size=-1"])
def test_numbers_out_of_range_are_refused(options: str) -> None:
    with pytest.raises(SpecError, match=rf"filter overlay: the option {options.partition('=')[0]} is from "):
        make(parse(f"overlay:text=a,{options}"))


def test_letters_that_no_font_has_are_refused() -> None:
    with pytest.raises(SpecError, match="no font of this machine has the letters"):
        make(parse("overlay:text=\U0001e900\U0001e901"))
