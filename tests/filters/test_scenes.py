"""The benchmark's scenes: secrets of right form, boxes that hold their ink, and the same ones for the same seed."""

import re
import zlib
from pathlib import Path
from random import Random

import numpy as np
import phonenumbers
import pytest
from stdnum import iban, luhn
from stdnum.eu import vat
from stdnum.gb import vat as gb_vat
from stdnum.us import ssn

from tests.support.scenes import pages, secrets
from tests.support.scenes.chrome import Chrome, Sheet, marked
from tests.support.scenes.film import Film, Shown
from tests.support.scenes.footage import Footage, laid_over
from tests.support.scenes.held import sheet
from tests.support.scenes.prose import Prose
from tests.support.scenes.sanity import faults
from tests.support.scenes.scene import HEIGHT, WIDTH, Box, Label
from tests.support.scenes.secrets import CATEGORIES, KEY_STYLES, Secret, Vault
from tests.support.scenes.sight import all_spotted, difference, ink, moved, on_plain, seen
from tests.support.scenes.take import Take

DRAWS = 60
KEY_FORMS = {
    "aws": r"AKIA[A-Z2-7]{16}",
    "github": r"gh[pos]_[0-9A-Za-z]{36}",
    "stripe": r"[sr]k_(live|test)_[0-9A-Za-z]{24}",
    "slack": r"xoxb-\d{11}-\d{12}-[0-9A-Za-z]{24}",
    "google": r"AIza[0-9A-Za-z_-]{35}",
    "openai": r"sk-(proj-)?[0-9A-Za-z]{40}",
}
LIST = """</head><body style="margin:0;font:16px/24px 'DejaVu Sans'"><p style="height:100px;margin:0">A room</p>
<div id="list" style="height:200px;overflow:hidden"><div style="height:60px">IBAN {first}</div>
<div style="height:600px">Mail {second}</div></div><div id="popup" style="position:absolute;left:180px;top:150px;
width:400px;height:80px;background:#fff;display:none">Tel. {over}</div>"""
WORD = Secret("w", "password", "abcdefghij")
BOX = (100, 50, 200, 70)


def draws(seed: int = 1) -> range:
    return range(seed * DRAWS, (seed + 1) * DRAWS)


def test_card_numbers_pass_luhn() -> None:
    numbers = [re.sub("[ -]", "", secrets.card(Random(seed))) for seed in draws()]
    assert all(luhn.is_valid(number) and len(number) in (15, 16) for number in numbers)


def test_ibans_have_right_check_digits_and_national_parts() -> None:
    assert all(iban.is_valid(secrets.iban(Random(seed))) for seed in draws())


def test_phone_numbers_can_be_dialled_from_their_own_country_or_from_abroad() -> None:
    for seed in draws():
        text = secrets.phone(Random(seed))
        regions = ["ZZ"] if text.startswith("+") else ["US", "GB"]
        parsed = [phonenumbers.parse(text, None if region == "ZZ" else region) for region in regions]
        assert any(phonenumbers.is_valid_number(number) for number in parsed), text


def test_vat_and_social_security_numbers_are_valid() -> None:
    for seed in draws():
        number = secrets.vat(Random(seed))
        assert gb_vat.is_valid(number) if number.startswith("GB") else vat.is_valid(number), number
        assert ssn.is_valid(secrets.ssn(Random(seed)))


@pytest.mark.parametrize("style", KEY_STYLES)
def test_keys_look_like_those_of_their_service(style: str) -> None:
    assert all(re.fullmatch(KEY_FORMS[style], secrets.key(Random(seed), style)) for seed in draws())


def test_a_github_token_ends_in_the_checksum_of_the_rest() -> None:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    token = secrets.key(Random(4), "github")
    value = 0
    for sign in token[-6:]:
        value = value * 62 + alphabet.index(sign)
    assert value == zlib.crc32(token[4:-6].encode())


def test_a_vault_gives_no_secret_twice_and_the_same_for_the_same_seed() -> None:
    def taken(seed: int) -> list[str]:
        vault = Vault(Random(seed))
        return [vault.take(category).text for category in CATEGORIES * 8]

    assert len(set(taken(3))) == len(CATEGORIES) * 8
    assert taken(3) == taken(3)
    assert not set(taken(3)) & set(taken(4))


def test_a_page_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    def html(number: int, seed: int) -> list[str]:
        take = Take(0, Random(seed), Film(tmp_path / f"{number}"), tmp_path)
        return [page(take) for page in pages.PAGES]

    assert html(0, 5) == html(1, 5)
    assert all(one != other for one, other in zip(html(2, 5), html(3, 6), strict=True))


class TestSeen:
    """What can be read through a window and beside what covers it."""

    def test_all_of_it(self) -> None:
        assert seen(WORD, BOX) == Label("w", "password", "abcdefghij", BOX, 1.0)

    def test_half_typed(self) -> None:
        assert seen(WORD, (100, 50, 140, 70), text="abcd") == Label("w", "password", "abcd", (100, 50, 140, 70), 0.4)

    def test_cut_by_a_window_at_its_left(self) -> None:
        assert seen(WORD, BOX, window=(130, 0, 900, 700)) == Label("w", "password", "defghij", (130, 50, 200, 70), 0.7)

    def test_cut_along_the_line(self) -> None:
        label = seen(WORD, BOX, window=(0, 55, 900, 700))
        assert label == Label("w", "password", "abcdefghij", (100, 55, 200, 70), 0.75)

    def test_too_little_of_the_line_to_read(self) -> None:
        assert seen(WORD, BOX, window=(0, 62, 900, 700)) is None

    def test_covered_at_its_right(self) -> None:
        label = seen(WORD, BOX, covers=[(160, 0, 300, 700)])
        assert label == Label("w", "password", "abcdef", (100, 50, 160, 70), 0.6)

    def test_covered_in_its_middle(self) -> None:
        label = seen(WORD, BOX, covers=[(140, 40, 160, 80)])
        assert label == Label("w", "password", "abcdghij", BOX, 0.8)

    def test_outside_the_picture(self) -> None:
        assert seen(WORD, (-200, 50, -100, 70)) is None


def test_ink_is_found_to_the_pixel() -> None:
    blank = np.full((HEIGHT, WIDTH, 3), 240, np.uint8)
    drawn = blank.copy()
    drawn[303:311, 402:450] = 20
    assert ink(difference(drawn, blank), (390, 290, 500, 330)) == (402, 303, 450, 311)
    assert on_plain(drawn, (390, 290, 500, 330)) == (402, 303, 450, 311)
    assert on_plain(blank, (390, 290, 500, 330)) is None


@pytest.mark.parametrize("box", [(390, -90, 500, -60), (-90, 290, -60, 330), (390, HEIGHT + 9, 500, HEIGHT + 30)])
def test_nothing_of_the_picture_is_ink_of_what_is_outside_it(box: Box) -> None:
    drawn = np.full((HEIGHT, WIDTH, 3), 240, np.uint8)
    drawn[::40, ::40] = 20
    assert ink(difference(drawn, np.full_like(drawn, 240)), box) is None
    assert on_plain(drawn, box) is None


def test_a_page_shows_of_a_secret_what_is_neither_scrolled_away_nor_covered(tmp_path: Path) -> None:
    vault = Vault(Random(2))
    first, second, over = (vault.take(category) for category in ("iban", "email", "phone"))

    def labels(sheet: Sheet, scrolled: int, popup: bool = False) -> dict[str, Label]:
        sheet.page.evaluate("(rows) => { document.getElementById('list').scrollTop = rows; }", scrolled)
        sheet.page.evaluate(
            "(how) => { document.getElementById('popup').style.display = how; }", "" if popup else "none"
        )
        return {label.id: label for label in all_spotted(vault, sheet.taken()[1])}

    with Chrome(tmp_path, subpixel=False) as chrome:
        sheet = chrome.sheet(width=640, height=360)
        sheet.show(LIST.format(first=marked(first), second=marked(second), over=marked(over)))
        clear = labels(sheet, 0)
        box = clear[first.id].box
        half = labels(sheet, box[3] - 100 - (box[3] - box[1]) * 2 // 3)  # the list begins in row 100
        gone = labels(sheet, 60)
        far = labels(sheet, 300)
        under = labels(sheet, 0, popup=True)

    assert {label.share for label in clear.values()} == {1.0}
    assert set(clear) == {first.id, second.id}

    assert set(half) == {first.id, second.id}
    assert half[first.id].share == pytest.approx(2 / 3, abs=0.05)
    assert half[first.id].box == (box[0], 100, box[2], 100 + (box[3] - box[1]) * 2 // 3)
    assert half[second.id].share == 1.0

    moved_up = {second.id: moved(clear[second.id].box, 0, -60)}
    assert {name: label.box for name, label in gone.items()} == moved_up
    assert far == {}

    assert set(under) == {first.id, second.id, over.id}
    covered = under[second.id]
    assert covered.box[:2] == clear[second.id].box[:2]
    assert 165 < covered.box[2] <= 180  # the popup begins there; a letter of which half is hidden is not counted
    assert second.text.startswith(covered.text)
    assert covered.share == pytest.approx(
        (covered.box[2] - covered.box[0]) / (clear[second.id].box[2] - covered.box[0]), abs=0.1
    )
    assert under[first.id].share == under[over.id].share == 1.0


class TestFaults:
    """Labels that cannot be true are found by their boxes."""

    @staticmethod
    def label(name: str, box: Box, share: float = 1.0) -> Label:
        return Label(name, "email", "a@example.com", box, share)

    def test_lines_beside_each_other_and_what_is_hidden_in_part_are_in_order(self) -> None:
        one, two = self.label("a", (100, 50, 200, 70)), self.label("b", (100, 68, 200, 88))
        cut = self.label("a", (100, 60, 200, 70), 0.5)
        assert faults("chat", [(one, two), (cut, two), (), (one,)]) == []

    def test_a_box_that_holds_others_too(self) -> None:
        wrong = self.label("a", (100, 30, 200, 69))
        found = faults("chat", [(self.label("a", BOX),), (self.label("a", BOX),), (wrong,)])
        assert found == [f"frame 2: a at {wrong.box}, and at {BOX} elsewhere"]

    def test_what_is_zoomed_is_wider_too(self) -> None:
        assert faults("slides", [(self.label("a", BOX),), (self.label("a", (0, 0, 300, 60)),)]) == []
        assert len(faults("slides", [(self.label("a", BOX),), (self.label("a", (0, 0, 120, 60)),)])) == 1

    def test_only_what_is_held_may_be_tilted(self) -> None:
        frames = [(self.label("a", (0, 0, 600, 30)),), (self.label("a", (0, 0, 600, 90)),)]
        assert faults("camera", frames) == []
        assert len(faults("chat", frames)) == 1

    def test_labels_that_lie_over_each_other_in_one_frame(self) -> None:
        one, two = self.label("a", BOX), self.label("b", (100, 65, 200, 85))
        assert faults("chat", [(one,), (two,)]) == []
        assert faults("chat", [(one,), (two,), (one, two)]) == [f"frame 2: a at {one.box} lies over b at {two.box}"]


class TestFilm:
    """Scenes are kept on disk."""

    def test_comes_back_to_the_bit(self, tmp_path: Path) -> None:
        noise = np.random.default_rng(1)
        pictures = [noise.integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8) for _ in range(2)]
        label = Label("a", "email", "a@example.com", (1, 2, 30, 40), 0.5)
        film = Film(tmp_path / "film")
        film.add(pictures[0], [label], 2)
        film.add(pictures[0], [])
        film.add(pictures[1], [label])
        film.close()

        frames = list(Shown(tmp_path / "film"))
        assert [frame.labels for frame in frames] == [(label,), (label,), (), (label,)]
        assert frames[0].image is frames[2].image
        assert not frames[0].image.flags.writeable
        assert np.array_equal(frames[0].image, pictures[0])
        assert np.array_equal(frames[3].image, pictures[1])

    def test_refuses_what_is_not_in_the_picture(self, tmp_path: Path) -> None:
        film = Film(tmp_path / "film")
        blank = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        with pytest.raises(ValueError, match="not in the picture"):
            film.add(blank, [Label("a", "email", "a", (0, 0, WIDTH + 1, 10), 1.0)])
        with pytest.raises(ValueError, match="shape"):
            film.add(blank[:100])


@pytest.mark.parametrize("turned", [-4.0, 0.0, 5.0])
def test_the_box_of_a_held_secret_is_that_of_its_ink(turned: float) -> None:
    held = sheet(Random(7), Vault(Random(7)), Prose(Random(7)), 600, ["iban"])
    angle = np.radians(turned)
    matrix = np.array([[np.cos(angle), -np.sin(angle), 300.0], [np.sin(angle), np.cos(angle), 200.0]])
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    laid_over(image, held.image, matrix)
    (box,) = held.boxes(matrix).values()
    found = on_plain(image, (box[0] - 4, box[1] - 4, box[2] + 4, box[3] + 4))
    assert found is not None
    assert max(abs(one - other) for one, other in zip(found, box, strict=True)) <= 2


@pytest.mark.parametrize("webcam", [False, True])
def test_camera_video_moves_and_is_the_same_for_the_same_seed(webcam: bool) -> None:
    def filmed(seed: int) -> list[bytes]:
        footage = Footage(Random(seed), 320, 180, webcam)
        return [footage.sensed(footage.view(frame), frame).tobytes() for frame in range(4)]

    assert filmed(1) == filmed(1)
    assert len(set(filmed(1) + filmed(2))) == 8
