"""An error is told in one line, with the line of the filter's own file."""

from collections.abc import Callable

import pytest

from filters import FilterError, SpecError
from filters.faults import explain
from filters.registry import make
from filters.spec import parse
from tests.filters.conftest import Write


def raised(call: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as found:  # noqa: PT011 - any
        call()
    return found.value


def test_the_innermost_line_of_the_filters_own_file_is_named(write: Write) -> None:
    path = write("mine.py", "import json\nfrom filters import video_filter\n@video_filter\ndef f(image, t):\n"
                 "    return inner(image)\ndef inner(image):\n    return json.loads('{')\n")  # fmt: skip
    made = make(parse(f"{path}:f"))
    error = raised(lambda: made.picture(None, 0.0))  # type: ignore[attr-defined]
    assert explain("mine.py:f", error).startswith("filter mine.py:f: JSONDecodeError: Expecting property name")
    assert explain("mine.py:f", error).endswith(" (mine.py, line 7)")
    assert explain("named", error, str(path)).endswith(" (mine.py, line 7)")
    assert explain("named", error).endswith(" (decoder.py, line 353)") or "(decoder.py, line" in explain("named", error)


def test_a_function_that_cannot_be_called_like_that_is_told_by_its_file(write: Write) -> None:
    path = write("mine.py", "from filters import video_filter\n@video_filter\ndef f(image):\n    return image\n")
    made = make(parse(f"{path}:f"))
    error = raised(lambda: made.picture(None, 0.0))  # type: ignore[attr-defined]
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next and error.__traceback__.tb_next.tb_next
    assert explain("mine.py:f", error) == (
        "filter mine.py:f: TypeError: f() takes 1 positional argument but 2 were given (mine.py)"
    )


def test_text_is_one_line_and_at_most_200_characters() -> None:
    told = explain("f", ValueError("a\n  b\t" + "c" * 500))
    assert told.startswith("filter f: ValueError: a b ccc")
    assert len(told) == len("filter f: ValueError: ") + 200
    assert explain("f", ValueError()) == "filter f: ValueError"


def test_an_error_that_cannot_even_be_told_is_named() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert explain("f", Odd()) == "filter f: Odd"


def test_what_is_said_about_a_filter_on_purpose_is_told_as_it_is() -> None:
    assert explain("f", raised(lambda: fail(SpecError("give it a text")))) == "filter f: give it a text"
    assert explain("f", FilterError("the model is gone")) == "filter f: the model is gone"


def fail(error: Exception) -> None:
    raise error
