"""All readers read a line, and tell where each character stands; without a network, and with what is installed."""

import socket
from itertools import pairwise
from typing import NoReturn

import numpy as np
import pytest

from filters.api import Box
from filters.errors import FilterError
from filters.reading import rapid
from filters.reading.ctc import decoded
from filters.reading.hybrid import HybridReader
from filters.reading.levelled import levelled
from filters.reading.rapid import RapidReader, Strip, TextFinder
from filters.reading.reading import NOTHING, LineReader, Reading
from filters.reading.swift import SwiftReader
from tests.filters.test_screen_lines import DARK_ON_LIGHT, FAINT, LIGHT_ON_DARK, Page, written

TEXT = "Pay with 4556 7375 8689 9855"


@pytest.fixture(scope="module", params=["rapid", "swift"])
def reader(request: pytest.FixtureRequest) -> LineReader:
    if request.param == "rapid":
        return RapidReader()
    return SwiftReader()


def starts(text: str, size: int, left: int) -> list[int]:
    """Where each character of a text that is written at ``left`` begins."""
    page = Page(size * len(text), 3 * size)
    return [left + page.write(text[:end], 0, 0, size).width for end in range(len(text))]


@pytest.mark.parametrize("inks", [DARK_ON_LIGHT, LIGHT_ON_DARK], ids=["dark on light", "light on dark"])
@pytest.mark.parametrize("size", [13, 20, 40])
def test_a_line_is_read_and_its_characters_stand_where_they_do(
    reader: LineReader, size: int, inks: tuple[int, int]
) -> None:
    line, ink = written(TEXT, size, inks)
    reading = reader.read(line)
    assert reading.text == TEXT
    assert 0.7 < reading.confidence <= 1
    assert len(reading.edges) == len(TEXT) + 1
    assert all(one <= other for one, other in pairwise(reading.edges))
    left, right = reading.span(9, 28)
    assert left == pytest.approx(starts(TEXT, size, ink.left)[9], abs=0.5 * size)
    assert right == pytest.approx(ink.left + ink.width, abs=0.5 * size)


def test_of_next_to_nothing_nothing_is_read_and_blank_ground_is_a_guess_at_most(reader: LineReader) -> None:
    for shape in ((1, 40), (40, 1), (1, 1)):
        assert reader.read(np.full(shape, 255, np.uint8)) == NOTHING
    blank = reader.read(np.full((32, 320), 255, np.uint8))
    assert len(blank.edges) == len(blank.text) + 1
    assert not blank.text or blank.confidence < 0.1, "it is read again"


def test_a_part_of_a_picture_is_read_without_a_copy(reader: LineReader) -> None:
    """A line is a view on a picture, with gaps between its rows."""
    line, _ = written(TEXT)
    around = np.pad(line, ((5, 5), (40, 40)), mode="edge")
    assert reader.read(around[5:-5, 40:-40]) == reader.read(line)


def test_no_network_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object, **named: object) -> NoReturn:
        raise AssertionError("a socket is opened")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    line, _ = written(TEXT)
    assert RapidReader().read(line).text == TEXT
    assert SwiftReader().read(line).text == TEXT
    assert len(TextFinder().find(np.pad(line, 40, mode="edge"), 640)) == 1


def test_a_model_that_is_not_there_is_told() -> None:
    with pytest.raises(
        FilterError, match=r"the text model none\.onnx cannot be loaded .*: install the package rapidocr"
    ):
        rapid.session("none.onnx")


@pytest.mark.parametrize(
    "text",
    [
        "jo.m_baker-89+k@mail.example.org",
        "AKIA7Q2XN4VBTE5ZLMRD and ghp_a8Xk2LmQ9vTz",
        "Pay to DE12 3456 7890 1234 5678 90",
        "password=Blue-Falcon#47!",
        "def f(a, b={'x': [1, 2]}): return a[0] % 2",
        "Grüße aus Köln, 12,50 € für René",
    ],
)
@pytest.mark.parametrize("inks", [DARK_ON_LIGHT, LIGHT_ON_DARK, FAINT], ids=["dark on light", "light on dark", "faint"])
def test_the_swift_reader_reads_what_screens_show(text: str, inks: tuple[int, int]) -> None:
    line, _ = written(text, 16, inks)
    assert SwiftReader().read(line).text == text


@pytest.mark.parametrize("height", [2, 7, 23, 24, 25, 90])
def test_lines_are_levelled_whatever_they_are_like(height: int) -> None:
    ramp = np.tile(np.linspace(0, 255, 301).astype(np.uint8), (height, 1))
    seen = levelled(ramp)
    assert seen.shape == (24, max(8, round(301 * 24 / height)))
    dark, light = (levelled(np.asarray(written(TEXT, inks=inks)[0])) for inks in (LIGHT_ON_DARK, DARK_ON_LIGHT))
    assert np.median(dark) == np.median(light) == pytest.approx(0, abs=0.05)
    assert dark.max() == pytest.approx(light.max(), abs=0.1)
    assert np.abs(levelled(np.full((height, 40), 17, np.uint8))).max() == 0


def test_of_a_path_repeats_and_blanks_are_left_out() -> None:
    path = [0, 1, 1, 0, 1, 2, 0, 0]
    likely = np.full((len(path), 3), 0.1, np.float32)
    likely[np.arange(len(path)), path] = 0.8
    likely[2, 1] = 0.9
    text, edges, sure = decoded(likely, ["", "a", "b"], 10.0, 78)
    assert text == "aab"
    assert edges == (0.0, 30.0, 50.0, 75.0)
    assert sure == pytest.approx((0.9, 0.8, 0.8))
    assert decoded(likely[:1], ["", "a", "b"], 10.0, 78) == ("", (0.0,), ())


def test_a_space_that_is_overlooked_between_columns_is_there() -> None:
    path = [1, 0, 2, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 0, 1]
    likely = np.full((len(path), 4), 0.1, np.float32)
    likely[np.arange(len(path)), path] = 0.8
    text, edges, sure = decoded(likely, ["", "a", "b", " "], 10.0, 150, widest=30.0)
    assert text == "ab b a"
    assert edges == (0.0, 15.0, 42.5, 57.5, 85.0, 120.0, 150.0)
    assert len(sure) == len(text)


@pytest.mark.parametrize("angle", [-12, 0, 9])
def test_text_is_found_in_a_picture_however_it_is_turned(angle: int) -> None:
    page = Page(640, 400)
    ink = page.write(TEXT, 130, 180, 26)
    turned = page._image.rotate(-angle, center=(320, 195), fillcolor=240)
    (strip,) = TextFinder().find(np.array(turned), 640)
    assert strip.angle == pytest.approx(angle, abs=2)
    assert strip.length > ink.width
    assert RapidReader().read(strip.upright(np.array(turned))).text == TEXT


def test_a_strip_is_a_box_of_its_part() -> None:
    level = Strip((100.0, 50.0), 80.0, 20.0, 0.0)
    assert level.box(0, 80) == Box(60, 40, 80, 20)
    assert level.box(60, 80) == Box(120, 40, 20, 20)
    steep = Strip((100.0, 50.0), 80.0, 20.0, 30.0).box(60, 80)
    assert steep.left > 110
    assert steep.top > 50, "clockwise: it falls to the right"
    assert min(steep.width, steep.height) >= 20


class Fixed:
    """Reads the same whatever it is shown, and keeps how wide that was."""

    def __init__(self, reading: Reading) -> None:
        self.widths: list[int] = []
        self._reading = reading

    def read(self, line: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> Reading:
        self.widths.append(line.shape[1])
        return self._reading


LINE = np.zeros((20, 400), np.uint8)
QUICK = Reading("abcdefghij", tuple(float(40 * n) for n in range(11)), 0.9)


def test_what_is_doubtful_is_read_again_with_something_around_it() -> None:
    good = Fixed(Reading("x", (3.0, 9.0), 0.9))
    hybrid = HybridReader(Fixed(QUICK), good, lambda text: [(2, 3), (8, 9)] if text == QUICK.text else [])
    first = hybrid.first(LINE)
    assert first == QUICK
    parts = hybrid.again(LINE, first)
    assert parts == [(64, 137), (304, 377)]
    assert hybrid.second(LINE, parts[0]) == Reading("x", (67.0, 73.0), 0.9), "in pixels of the whole"
    assert good.widths == [73]


def test_parts_that_are_near_to_each_other_are_read_as_one() -> None:
    hybrid = HybridReader(Fixed(QUICK), Fixed(NOTHING), lambda text: [(0, 1), (2, 3), (9, 10)])
    assert hybrid.again(LINE, QUICK) == [(0, 137), (344, 400)]


def test_all_is_read_again_where_the_first_reading_was_a_guess_or_there_was_none() -> None:
    guess = QUICK._replace(confidence=0.5)
    assert HybridReader(Fixed(guess), Fixed(NOTHING), lambda text: []).again(LINE, guess) == [(0, 400)]
    assert HybridReader(Fixed(QUICK), Fixed(NOTHING), lambda text: []).again(LINE, None) == [(0, 400)]
    assert HybridReader(Fixed(QUICK), Fixed(NOTHING), lambda text: []).again(LINE, QUICK) == []
