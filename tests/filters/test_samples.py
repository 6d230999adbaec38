"""The samples, and the filters that are built in, are what the conformance kit asks for, and do as they say."""

from pathlib import Path

import numpy as np
import pytest

from filters import TICKS, Box, Finding, Kind, Planes, Stream
from filters.registry import Role, check, find
from filters.spec import parse
from filters.testing import bgr_of, check_detector, check_plain, patch, pictures
from tests.support.server import ROOT

FOLDER = ROOT / "samples" / "filters"
SHOWN = [
    line.partition("--filter ")[2]
    for path in sorted(FOLDER.glob("*.py"))
    for line in path.read_text().splitlines()
    if line.startswith("veilcast ")
]
CARD = Box(100, 60, 80, 40)


def spec_of(shown: str) -> str:
    return str(parse(shown).absolute(ROOT))


def test_each_sample_shows_how_it_is_used() -> None:
    assert {parse(shown).path for shown in SHOWN} == {f"./samples/filters/{path.name}" for path in FOLDER.glob("*.py")}


@pytest.mark.parametrize("shown", SHOWN)
def test_what_a_sample_shows_can_be_used(shown: str) -> None:
    found = check(parse(spec_of(shown)))
    assert found.summary
    if found.role is not Role.DETECTOR:
        check_plain(spec_of(shown), width=640, height=360)


@pytest.mark.parametrize("position", ["top-left", "center", "bottom-right"])
def test_the_overlay_conforms(position: str) -> None:
    assert check_plain(f"overlay:text=Evening show,position={position}", width=640, height=360) < 0.01


@pytest.mark.parametrize("colour", [(0, 255, 0), (255, 0, 255)])
@pytest.mark.parametrize(("options", "ahead"), [("", 0.5), (":look_back=1", 1), (":look_back=0,effect=blur", 0)])
def test_the_toy_detector_covers_a_card_from_before_it_appears(
    colour: tuple[int, int, int], options: str, ahead: float
) -> None:
    spec = spec_of(f"./samples/filters/toy_detector.py:Chroma{options}")
    shown = pictures(4, patch(CARD, colour, 1.5, 2))
    truth = [Finding(Kind.PICTURE, round((1.5 - ahead) * TICKS), 2 * TICKS, "card", CARD)]
    found = check_detector(spec, shown, truth=truth)
    assert all(each.start >= (1.5 - ahead) * TICKS - 1 and each.end < 2.2 * TICKS for each in found)
    assert all(each.box and each.box.width <= CARD.width + 4 and each.box.height <= CARD.height + 4 for each in found)


def test_the_toy_detector_finds_nothing_where_nothing_is() -> None:
    assert check_detector(spec_of("./samples/filters/toy_detector.py:Chroma"), pictures(2)) == []


def test_the_clock_shows_another_second_each_second() -> None:
    clock = find(parse(spec_of("./samples/filters/clock.py:Clock")))()
    clock.open(Stream(320, 180, 30, 0))

    def at(t: float) -> bytes:
        shown = Planes(*(plane.copy() for plane in pictures(0.04)[0].planes))
        clock.picture(shown, t)  # type: ignore[attr-defined]
        return shown.y.tobytes()

    assert at(61.0) == at(61.9)
    assert at(61.0) != at(62.0)


def test_the_sample_that_the_readme_shows_inverts() -> None:
    made = find(parse(spec_of("./samples/filters/invert.py:invert")))()
    image = bgr_of(pictures(0.04)[0].planes)
    np.testing.assert_array_equal(made.picture(image, 0.0), 255 - image)  # type: ignore[attr-defined]


def test_a_spec_with_a_relative_path_is_found_from_where_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    check_plain("./invert.py:invert", width=64, height=48)
    assert Path("invert.py").is_file()
