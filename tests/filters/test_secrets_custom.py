"""What an operator may add: words, patterns, exceptions; and that no error repeats them."""

import time

import pytest

from filters.errors import SpecError
from filters.secrets import Matcher

SECRET = "qwxzplorf"


def found(matcher: Matcher, line: str) -> list[tuple[str, str]]:
    return [(match.category, line[match.start : match.end]) for match in matcher.find(line)]


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("Project Bluebird starts", ["Bluebird"]),
        ("BLUEBIRD!", ["BLUEBIRD"]),
        ("B1uebird, Bluebirb, 8luebird", ["B1uebird", "8luebird"]),
        ("Bluebirds fly", []),
        ("/srv/bluebird/x", ["bluebird"]),
        ("at 12 Elrn Street now", ["12 Elrn Street"]),
        ("at I2 ElmStreet", ["I2 ElmStreet"]),
        ("12 Elm", []),
    ],
)
def test_words_are_whole_in_any_case_and_with_the_usual_misreadings(line: str, seen: list[str]) -> None:
    matcher = Matcher(kinds=(), words=("bluebird", "12 Elm Street"))
    assert found(matcher, line) == [("word", text) for text in seen]


def test_patterns_are_searched_for() -> None:
    matcher = Matcher(kinds=(), patterns=(r"ACME-\d{4}", r"(?i)case no\. \w+"))
    assert found(matcher, "ACME-1234 and Case no. 77b") == [("pattern", "ACME-1234"), ("pattern", "Case no. 77b")]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"patterns": ("ok", f"{SECRET}(")},
            "pattern 2 of the option patterns is no regular expression at character 10",
        ),
        ({"patterns": (f"(?:{SECRET})?",)}, "pattern 1 of the option patterns matches nothing at all"),
        ({"patterns": (f"({SECRET}+)+",)}, r"pattern 1 of the option patterns has a repeat within a repeat"),
        ({"patterns": (SECRET * 100,)}, "pattern 1 of the option patterns has 900 characters"),
        ({"allow": (f"/{SECRET}[/",)}, "text 1 of the option allow is no regular expression"),
        ({"allow": ("x", f"/({SECRET}*)*/")}, "text 2 of the option allow has a repeat within a repeat"),
        ({"allow": (" ",)}, "text 1 of the option allow is empty"),
        ({"words": (SECRET, "--")}, "word 2 of the option words has neither letters nor digits"),
    ],
)
def test_what_is_wrong_is_told_by_its_place_alone(options: dict[str, tuple[str, ...]], told: str) -> None:
    with pytest.raises(SpecError, match=told) as error:
        Matcher(**options)  # type: ignore[arg-type]  # each of them is a sequence of texts
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+b", "(a*)*b", "(?:a+b?)*c", "([a-z]+)*!", "(a|aa)+b", "((a+)b?)+c", r"(\w+\s?)*x", "(a{2,})+b", "(a+){10}b",
     ".*a.*b.*c.*d.*", "a+a+a+a+b"],
)  # fmt: skip
def test_patterns_that_may_take_for_ever_are_refused(pattern: str) -> None:
    with pytest.raises(SpecError):
        Matcher(patterns=(pattern,))


@pytest.mark.parametrize(
    "pattern",
    [r"\d{3}-\d{4}", r"(?:\d{4}[ -]?){4}", r"[(a+)+]", r"\(a+\)+", r"(?P<name>ab)+c", r"foo.*bar",
     r"(?:cat|dog)s?", r"(?<=x)\w+", r"[]+]x"],
)  # fmt: skip
def test_patterns_that_come_to_an_end_are_taken(pattern: str) -> None:
    Matcher(patterns=(pattern,)).find("a (a) foo x1 bar 1234 5678 9012 3456" * 5)


@pytest.mark.parametrize("pattern", ["a+b", ".*a.*b", "a+a+a+b"])
def test_patterns_come_to_an_end_on_any_text(pattern: str) -> None:
    matcher = Matcher(kinds=(), patterns=(pattern,))
    began = time.process_time()
    matcher.find("a" * 100_000)
    assert time.process_time() - began < 10


def test_a_pattern_finds_what_stands_far_behind() -> None:
    matcher = Matcher(kinds=(), patterns=(r"key\w+ \w+ \w+",))
    assert found(matcher, "x " * 700 + "keyring of anna" + " x" * 30) == [("pattern", "keyring of anna")]
    assert found(matcher, "x " * 1_100 + "keyring of anna") == []


def test_what_is_allowed_is_no_match() -> None:
    line = "Ask support@example.com or anna@example.com or bob@other.example"
    assert found(Matcher(allow=("support@example.com",)), line) == [
        ("email", "anna@example.com"),
        ("email", "bob@other.example"),
    ]
    assert found(Matcher(allow=("@example.com",)), line) == [("email", "bob@other.example")]
    assert found(Matcher(allow=(r"/^(support|bob)@/",)), line) == [("email", "anna@example.com")]


@pytest.mark.parametrize(
    "text", ["Support@Example.com", "support@ exarnple.com", "supp0rt@example,com", "support©example.com"]
)
def test_what_is_allowed_may_be_misread(text: str) -> None:
    assert found(Matcher(allow=("support@example.com",)), f"Ask {text} now") == []


def test_what_is_allowed_may_be_in_the_middle_of_being_typed() -> None:
    matcher = Matcher(allow=("support@example.com", "4111 1111 1111 1111"))
    assert found(matcher, "support@exa") == []
    assert found(matcher, "4111 1111 11") == []
    assert found(matcher, "anna@exa") == [("email", "anna@exa")]


def test_what_is_allowed_holds_beside_a_label() -> None:
    assert Matcher(allow=("changeit",)).value("password", "changeit") == []
