"""Filters are found by name or in files; whatever is wrong with one is said so that its author can put it right."""

import sys
from pathlib import Path

import numpy as np
import pytest

from filters import Detector, SpecError, Stream, VideoFilter
from filters.registry import BUILT_IN, Role, check, describe, find, make, names
from filters.spec import Spec, parse
from tests.filters.conftest import Write

PLAIN = """
from filters import audio_filter, video_filter

@video_filter
def invert(image, t):
    \"\"\"Turn dark into light.

    And light into dark.
    \"\"\"
    return 255 - image

@audio_filter
def hush(samples, t, *, level: float = 0.5):
    return samples * level

def helper(x):
    return x

number = 7
"""
DETECTOR = """
from filters import Detector

class Watch(Detector):
    \"\"\"Watch for words.\"\"\"

    context = 0.5

    def __init__(self, *, words: tuple[str, ...], lookahead: float = 2):
        self.words = words
        self.lookahead = lookahead

    def sound(self, sound):
        return ()
"""


def spec_of(path: Path, name: str, options: str = "") -> Spec:
    return parse(f"{path}:{name}" + (f":{options}" if options else ""))


def error_of(spec: Spec | str) -> str:
    with pytest.raises(SpecError) as raised:
        make(parse(spec) if isinstance(spec, str) else spec)
    return str(raised.value)


def test_built_in_filters_are_listed_once_and_found() -> None:
    assert "overlay" in names()
    assert names() == sorted(set(names()))
    assert all(issubclass(find(Spec(name)), VideoFilter | Detector) for name in BUILT_IN)


def test_a_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    text = error_of("overlaid:text=secret")
    assert "there is no filter overlaid: did you mean overlay?" in text
    assert "There are: " in text
    assert "secret" not in text


def test_packages_register_filters_by_entry_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "veil_extra.py").write_text(PLAIN)
    info = tmp_path / "veil_extra-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: veil-extra\nVersion: 1\n")
    points = "invert = veil_extra:invert\noverlay = veil_extra:invert\nbroken = veil_extra:number\ngone = veil_gone:x\n"
    (info / "entry_points.txt").write_text(f"[veilcast.filters]\n{points}")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {"invert", "broken", "gone"} <= set(names())
    assert names().count("overlay") == 1
    assert describe("invert").name == "invert"
    assert find(Spec("overlay")).__module__ == "filters.overlay", "the names of Veilcast's own are not for others"
    assert "it is no filter" in error_of("broken")
    assert error_of("gone").startswith("filter gone: ModuleNotFoundError: No module named 'veil_gone'")
    monkeypatch.delitem(sys.modules, "veil_extra")


def test_a_file_gives_the_filter_that_is_named(write: Write) -> None:
    path = write("mine.py", PLAIN)
    made = make(spec_of(path, "invert"))
    made.open(Stream(4, 2, 30, 0))
    assert isinstance(made, VideoFilter)
    assert (made.picture(np.zeros((2, 4, 3), np.uint8), 0.0) == 255).all()


def test_a_file_that_has_changed_gives_new_code_at_once_and_the_old_goes_on(write: Write) -> None:
    path = write("mine.py", "import mine_helper\nfrom filters import video_filter\n"
                 "@video_filter\ndef f(image, t):\n    return mine_helper.N + 1\n")  # fmt: skip
    write("mine_helper.py", "N = 1\n")
    first = make(spec_of(path, "f"))
    write("mine_helper.py", "N = 5\n")
    path.write_text(path.read_text().replace("+ 1", "+ 2"))
    second = make(spec_of(path, "f"))
    assert isinstance(first, VideoFilter)
    assert isinstance(second, VideoFilter)
    assert (first.picture(None, 0), second.picture(None, 0)) == (2, 7)
    assert type(first).__module__ != type(second).__module__
    assert not list(path.parent.glob("**/*.pyc"))


def test_a_file_beside_the_filter_hides_no_installed_module(write: Write) -> None:
    write("json.py", "raise RuntimeError('hidden')\n")
    path = write("mine.py", "import json\njson.dumps\n" + PLAIN)
    find(spec_of(path, "invert"))


def test_what_a_file_has_is_named_when_it_lacks_what_was_asked_for(write: Write) -> None:
    path = write("mine.py", PLAIN)
    assert error_of(spec_of(path, "invrt")) == (
        "filter mine.py:invrt: there is no invrt: did you mean invert? Filters in it: invert, hush"
    )
    assert "nor any filter" in error_of(spec_of(write("empty.py", "x = 1"), "f"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def f(:\n", "filter mine.py:f: SyntaxError: invalid syntax (mine.py, line 1)"),
        ("\n\nimport nowhere_at_all\n", "ModuleNotFoundError: No module named 'nowhere_at_all' (mine.py, line 3)"),
        ("x = 1\n1 / 0\n", "filter mine.py:f: ZeroDivisionError: division by zero (mine.py, line 2)"),
        ("import sys\nsys.exit('bye')\n", "SystemExit: bye (mine.py, line 2)"),
        ("def f(image, t):\n    return image\n", "it is a function, but no filter: put @video_filter"),
        ("class f:\n    pass\n", "it is a class, but no filter: derive it from VideoFilter"),
        ("f = 3\n", "it is no filter"),
        ("from filters import VideoFilter as f\n", "derive it from VideoFilter"),
        (
            "from filters import VideoFilter\nclass f(VideoFilter):\n    pass\n",
            "it does nothing: write its method picture",
        ),
        ("from filters import Detector\nclass f(Detector):\n    pass\n", "write its method picture or sound"),
        (
            "from filters import *\nclass f(Detector, VideoFilter):\n    def picture(self, x): return ()\n",
            "it is video and detector at once: make two filters of it",
        ),
        (
            "from filters import *\nclass f(AudioFilter):\n    def __init__(self):\n        raise OSError('no model')\n"
            "    def sound(self, samples, t):\n        return samples\n",
            "filter mine.py:f: OSError: no model (mine.py, line 4)",
        ),
        (
            "from filters import *\nclass f(Detector):\n    lookahead = 'soon'\n    def sound(self, s): return ()\n",
            "its lookahead is in seconds",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_line(write: Write, text: str, told: str) -> None:
    spec = spec_of(write("mine.py", text), "f")
    with pytest.raises(SpecError) as raised:
        check(spec)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_named() -> None:
    assert error_of("/nowhere/f.py:f") == "filter f.py:f: there is no file /nowhere/f.py"


def test_a_plain_filter_is_described(write: Write) -> None:
    found = describe(spec_of(write("mine.py", PLAIN), "invert"))
    assert (found.name, found.role, found.takes) == ("mine.py:invert", Role.VIDEO, ("picture",))
    assert found.summary == "Turn dark into light."
    assert found.doc == "Turn dark into light.\n\nAnd light into dark."
    assert (found.options, found.lookahead, found.context) == ((), 0, 0)


def test_a_detector_is_described_with_what_its_options_make_of_it(write: Write) -> None:
    path = write("mine.py", DETECTOR)
    found = describe(spec_of(path, "Watch", "words=a+b,lookahead=3"))
    assert (found.role, found.lookahead, found.context, found.takes) == (Role.DETECTOR, 3, 0.5, ("sound",))
    assert [(option.name, option.type, option.required) for option in found.options] == [
        ("words", "list", True),
        ("lookahead", "float", False),
    ]


def test_a_detector_is_described_without_what_it_must_be_given(write: Write) -> None:
    found = describe(spec_of(write("mine.py", DETECTOR), "Watch"))
    assert (found.lookahead, found.context, found.takes) == (1.0, 0.5, ("sound",))
    assert describe("overlay").summary == "Show a text, an image or both on every picture."


def test_what_is_checked_is_made_with_all_its_options(write: Write) -> None:
    path = write("mine.py", DETECTOR)
    with pytest.raises(SpecError, match=r"filter mine.py:Watch: it must be given words=…"):
        check(spec_of(path, "Watch"))
    with pytest.raises(SpecError, match="it has nothing to show"):
        check(parse("overlay"))
    assert check(spec_of(path, "Watch", "words=a")).lookahead == 2
