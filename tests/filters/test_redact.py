"""redact-text from the outside: its options, its errors, and that secrets are covered from their first picture on."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from filters.api import TICKS, Box, Effect, Finding, Kind, Picture, Planes, Stream, Upto
from filters.errors import SpecError
from filters.pixels import bgr_of
from filters.redact import RedactText
from filters.registry import Role, check, describe
from filters.spec import parse
from filters.testing import check_detector
from filters.trial import covered_by
from tests.filters.test_screen_lines import Page

if TYPE_CHECKING:
    from filters.api import Bytes

WIDTH, HEIGHT = 640, 360
START, END, WHOLE = 0.8, 1.8, 5.7  # seconds
INKS = 30, 220  # noise shows on such a ground
LABEL, CARD, EMAIL, WORD = "Pay with ", "4556 7375 8689 9855", "jane.doe@example.com", "Bluebird"
SECRET = "qwxzplorf"

Paint = Callable[[float], "Bytes"]


def clip(paint: Paint, frame_rate: float = 30.0) -> list[Picture]:
    """``WHOLE`` seconds of grey pictures, with a little noise, of what ``paint`` shows at a time."""
    grain = np.random.default_rng(2).integers(-2, 3, (HEIGHT, WIDTH))
    grey = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    made = []
    for number in range(round(WHOLE * frame_rate)):
        noisy = np.clip(paint(number / frame_rate) + np.roll(grain, 7 * number), 16, 235).astype(np.uint8)
        made.append(Picture(round(number * TICKS / frame_rate), Planes(noisy, grey, grey), bgr_of))
    return made


def page(*lines: tuple[str, int, int]) -> "Bytes":
    made = Page(WIDTH, HEIGHT, INKS)
    for text, left, top in lines:
        made.write(text, left, top, 20)
    return made.luma


def ink(text: str, left: int, top: int) -> Box:
    return Page(WIDTH, HEIGHT, INKS).write(text, left, top, 20)


def truth(category: str, box: Box, start: float = START, end: float = END) -> Finding:
    return Finding(Kind.PICTURE, round(start * TICKS), round(end * TICKS), category, box)


ALL = ((LABEL + CARD, 30, 60), (EMAIL, 30, 140), (f"{WORD} starts today", 30, 220))
EMPTY, FULL = page(), page(*ALL)
OWN = {
    "card-number": ink(CARD, 30 + ink(LABEL, 30, 60).width, 60),
    "email": ink(EMAIL, 30, 140),
    "word": ink(WORD, 30, 220),
}


def flashed(t: float) -> "Bytes":
    return FULL if START <= t < END else EMPTY


@pytest.mark.parametrize(
    ("options", "categories"),
    [
        ({}, {"card-number", "email"}),
        ({"kinds": ("email",), "words": (WORD,)}, {"email", "word"}),
        ({"patterns": (r"\d{4} 9855",), "kinds": ("iban",), "effect": "blur"}, {"pattern"}),
        ({"allow": ("@example.com",)}, {"card-number"}),
    ],
    ids=["as it comes", "kinds and words", "patterns and effect", "allow"],
)
def test_secrets_are_covered_from_their_first_picture_on(options: dict[str, object], categories: set[str]) -> None:
    wanted = [truth(category, OWN[category]) for category in categories & set(OWN)]
    found = check_detector(lambda: RedactText(**options), clip(flashed), truth=wanted)  # type: ignore[arg-type]
    assert {each.category for each in found} == categories
    assert {each.covering for each in found} == {Effect(str(options.get("effect", "fill")))}
    ((start, end),) = covered_by(found, Kind.PICTURE)
    assert START - 0.2 < start / TICKS <= START, "and hardly before"
    assert END <= end / TICKS < END + 0.2
    boxes = [each.box for each in found if each.box is not None]
    assert all(box.height < 40 and box.left + box.width < 400 for box in boxes), "nor much beside"


def test_of_sixty_pictures_a_second_none_is_shown_though_every_second_one_is_looked_at() -> None:
    odd = 49 / 60

    def shown(t: float) -> "Bytes":
        return FULL if odd - 0.001 <= t < END else EMPTY

    wanted = [truth("card-number", OWN["card-number"], odd), truth("email", OWN["email"], odd)]
    check_detector(RedactText, clip(shown, 60), truth=wanted, frame_rate=60)


def test_nothing_is_cleared_before_it_has_looked_and_all_where_pictures_stop() -> None:
    detector = RedactText()
    detector.open(Stream(WIDTH, HEIGHT, 30, 0))
    assert detector.clearance(Upto(5000, 5000)) == Upto(-1, 5000)
    cleared = []
    for picture in clip(lambda t: EMPTY)[:30]:
        list(detector.picture(picture))
        cleared.append(detector.clearance(Upto(picture.pts + 1, 7)).picture)
    assert all(picture <= 3000 * number for number, picture in enumerate(cleared))
    assert cleared == sorted(cleared)
    assert cleared[-1] >= 3000 * 24
    last = 29 * 3000
    assert detector.clearance(Upto(last + 30 * TICKS, 0)).picture == last + 1, "no change has begun that was not seen"
    detector.close()
    detector.close()


def test_it_tells_what_it_is_and_what_it_takes() -> None:
    described = describe("redact-text")
    assert (described.role, described.takes) == (Role.DETECTOR, ("picture",))
    assert 0 < described.lookahead < 4, "a delay of four seconds is enough"
    assert [option.name for option in described.options] == ["kinds", "words", "patterns", "allow", "region", "effect"]
    for option in described.options:
        assert f"{option.name}: " in described.doc
    assert "not everything" in described.doc


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (f"patterns={SECRET}(", "pattern 1 of the option patterns is no regular expression"),
        (rf"patterns=\\d\+\+{SECRET}(+x", "pattern 1 of the option patterns is no regular expression"),
        (f"patterns=x+({SECRET}*)*", "pattern 2 of the option patterns"),
        (f"words={SECRET}+..", "word 2 of the option words has neither letters nor digits"),
        (f"allow=/{SECRET}[/", "text 1 of the option allow is no regular expression"),
        (f"words={SECRET},region=Atlantis", "Atlantis"),
        (f"words={SECRET},kinds=cards", "card"),
        (f"words={SECRET},effect=tone", "effect"),
    ],
)
def test_an_error_says_what_is_wrong_and_never_what_is_to_be_hidden(options: str, told: str) -> None:
    with pytest.raises(SpecError, match=told) as error:
        check(parse(f"redact-text:{options}"))
    assert SECRET not in str(error.value)
    assert "redact-text" in str(error.value)
