"""Options are what a filter's signature says; texts become its values, and what was given is not repeated."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest

from filters import SpecError, VideoFilter, video_filter
from filters.options import convert, options_described
from filters.spec import parse

Tone = Literal["beep", "mute"]


@video_filter
def everything(  # type: ignore[no-untyped-def]
    image: Any,
    t: float,
    *,
    must: str,
    word: str = "x",
    count: int = 3,
    share: float = 0.5,
    on: bool = False,
    tone: Tone = "beep",
    words: tuple[str, ...] = (),
    more: list[str] | None = None,
    kinds: tuple[Literal["card", "mail"], ...] = ("card",),
    maybe: Annotated[int, "a note"] | None = None,
    plain=0.25,  # noqa: ANN001
) -> Any:
    return image


class Kept(VideoFilter):
    def __init__(self, strength: "float" = 1.0) -> None:
        self.strength = strength

    def picture(self, image: Any, t: float) -> Any:
        return image


def given(text: str) -> dict[str, Any]:
    return convert("x", everything, parse(f"x:{text}").options)


def error(text: str) -> str:
    with pytest.raises(SpecError) as raised:
        given(text)
    return str(raised.value)


def test_options_are_told_with_types_defaults_and_choices() -> None:
    told = {option.name: option for option in options_described("x", everything)}
    assert [(name, option.type, option.default) for name, option in told.items()] == [
        *[("must", "str", None), ("word", "str", "x"), ("count", "int", 3), ("share", "float", 0.5)],
        *[("on", "bool", False), ("tone", "str", "beep"), ("words", "list", ()), ("more", "list", None)],
        *[("kinds", "list", ("card",)), ("maybe", "int", None), ("plain", "float", 0.25)],
    ]
    assert told["tone"].choices == ("beep", "mute")
    assert told["kinds"].choices == ("card", "mail")
    assert [name for name, option in told.items() if option.required] == ["must"]


def test_a_class_has_those_of_its_constructor_and_may_have_none() -> None:
    assert [option.name for option in options_described("x", Kept)] == ["strength"]
    assert convert("x", Kept, (("strength", ("2",)),)) == {"strength": 2.0}
    assert options_described("x", VideoFilter) == ()


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("word=a", "word", "a"),
        ("word=1+1", "word", "1+1"),
        ("word=", "word", ""),
        ("count=-4", "count", -4),
        ("share=1e+3", "share", 1000.0),
        ("on=Yes", "on", True),
        ("on=0", "on", False),
        ("tone=mute", "tone", "mute"),
        ("words=a+b+c", "words", ("a", "b", "c")),
        (r"words=C\+\++b", "words", ("C++", "b")),
        ("words=", "words", ()),
        ("more=a", "more", ["a"]),
        ("kinds=mail+card", "kinds", ("mail", "card")),
        ("maybe=2", "maybe", 2),
        ("plain=2", "plain", 2.0),
    ],
)
def test_texts_become_values(text: str, name: str, value: object) -> None:
    found = given(f"must=m,{text}")
    assert found == {"must": "m", name: value}
    assert type(found[name]) is type(value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("word=a", "filter x: it must be given must=…"),
        ("must=m,count=4.5", "filter x: the option count is a whole number, not '4.5'"),
        ("must=m,share=much", "the option share is a number, not 'much'"),
        ("must=m,share=nan", "the option share is a number, not 'nan'"),
        ("must=m,on=perhaps", "the option on is true or false, not 'perhaps'"),
        ("must=m,tone=bep", "the option tone is one of beep, mute (did you mean beep?)"),
        ("must=m,kinds=card+mial", "the option kinds is made of card, mail (did you mean mail?)"),
        ("must=m,wrods=a", "filter x: it has no option wrods: did you mean words? Its options: must, word, "),
    ],
)
def test_what_is_wrong_is_said_with_what_is_allowed(text: str, told: str) -> None:
    assert told in error(text)


def test_no_text_that_was_given_is_told_again() -> None:
    for text in ("must=hunter2,tone=hunter2", "must=m,kinds=hunter2", "mist=hunter2", "words=hunter2"):
        assert "hunter2" not in error(text)


def no_type(image: Any, t: float, *, thing) -> Any:  # type: ignore[no-untyped-def] # noqa: ANN001
    return image


def strange_type(image: Any, t: float, *, thing: dict[str, int]) -> Any:
    return image


def unknown_type(image: Any, t: float, *, thing: "Nowhere") -> Any:  # type: ignore[name-defined] # noqa: F821
    return image


@pytest.mark.parametrize("function", [no_type, strange_type, unknown_type])
def test_an_author_who_has_not_said_what_an_option_is_is_told_how(function: Callable[..., Any]) -> None:
    with pytest.raises(SpecError, match="the option thing needs a type in its signature: str, int"):
        options_described("x", video_filter(function))


def test_a_filter_without_options_says_so() -> None:
    @video_filter
    def bare(image: Any, t: float) -> Any:
        return image

    with pytest.raises(SpecError, match="it has no option a, nor any other"):
        convert("x", bare, (("a", ("1",)),))


def test_types_of_pictures_that_are_known_to_checkers_alone_do_no_harm() -> None:
    @video_filter
    def typed(image: "NotImported", t: float, *, on: "bool" = True) -> "NotImported":  # type: ignore[name-defined] # noqa: F821
        return image

    assert [option.type for option in options_described("x", typed)] == ["bool"]
