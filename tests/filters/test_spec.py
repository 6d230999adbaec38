"""The text that names a filter and its options is read as it was written, or refused with a reason."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import SpecError
from filters.spec import MOST, Spec, parse

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,20}", fullmatch=True)
ATTRIBUTES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
OPTIONS = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
GIVEN = st.dictionaries(OPTIONS, st.lists(st.text(max_size=9), min_size=1, max_size=4).map(tuple), max_size=4)
PATHS = st.from_regex(r"/[A-Za-z0-9_ ./-]{0,20}\.py", fullmatch=True)


@given(name=NAMES, options=GIVEN)
def test_a_named_filter_is_read_back_from_its_text(name: str, options: dict[str, tuple[str, ...]]) -> None:
    spec = Spec(name, None, tuple(options.items()))
    assert parse(str(spec)) == spec
    assert spec.title == name


@given(path=PATHS, name=ATTRIBUTES, options=GIVEN)
def test_one_in_a_file_is_read_back_from_its_text(path: str, name: str, options: dict[str, tuple[str, ...]]) -> None:
    spec = Spec(name, path, tuple(options.items()))
    assert parse(str(spec)) == spec
    assert spec.title == f"{Path(path).name}:{name}"


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("overlay", Spec("overlay")),
        ("overlay:text=a b,size=0.1", Spec("overlay", None, (("text", ("a b",)), ("size", ("0.1",))))),
        ("bleep:words=a+b+c", Spec("bleep", None, (("words", ("a", "b", "c")),))),
        (r"overlay:text=a\,b\+c\\d", Spec("overlay", None, (("text", (r"a,b+c\d",)),))),
        ("overlay:text=a=b:c", Spec("overlay", None, (("text", ("a=b:c",)),))),
        ("./my.py:invert", Spec("invert", "./my.py")),
        ("../x/my.py:invert:n=1", Spec("invert", "../x/my.py", (("n", ("1",)),))),
    ],
)
def test_texts(text: str, spec: Spec) -> None:
    assert parse(text) == spec


@pytest.mark.parametrize(
    "text", ["", ":", "a b", "1x", "x:text", "x:=1", "x:a=1,", "x:a=1,a=2", "x:A=1", "./my.py", "x" * (MOST + 1)]
)
def test_what_is_no_spec_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        parse(text)


def test_a_relative_path_is_made_one_that_holds_everywhere(tmp_path: Path) -> None:
    assert parse("./sub/../my.py:f").absolute(tmp_path) == Spec("f", str(tmp_path.resolve() / "my.py"))
    assert parse("overlay").absolute(tmp_path) == Spec("overlay")
