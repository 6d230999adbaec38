"""What the matcher promises: places within the text, one match for what overlaps, nothing for ordinary lines."""

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.iso7064 import mod_97_10

from filters.errors import SpecError
from filters.secrets import DEFAULT_KINDS, KINDS, Match, Matcher
from filters.secrets.numbers import COUNTRIES

ORDINARY = Path(__file__).with_name("data_secrets_ordinary.txt").read_text(encoding="utf-8").splitlines()
COMMON = ("DE", "GB", "FR", "ES", "IT", "NL", "BE", "CH", "AT", "PL", "NO", "PT")
EVERYTHING = Matcher(kinds=KINDS)


def found(text: str, matcher: Matcher = EVERYTHING) -> list[tuple[str, str]]:
    """Return categories and texts of all complete matches."""
    return [(match.category, text[match.start : match.end]) for match in matcher.find(text) if not match.partial]


def test_kinds_are_what_the_option_offers() -> None:
    assert KINDS == ("card", "email", "phone", "iban", "ssn", "vat", "key", "password")
    assert set(DEFAULT_KINDS) == {*KINDS} - {"vat"}


def test_ordinary_lines_have_no_secrets() -> None:
    assert len(ORDINARY) >= 200
    assert [(line, found(line)) for line in ORDINARY if found(line)] == []


def test_ordinary_lines_seldom_need_a_second_reading() -> None:
    doubtful = [line for line in ORDINARY if EVERYTHING.doubtful(line)]
    assert len(doubtful) <= 0.08 * len(ORDINARY), doubtful


@given(st.text(max_size=120) | st.text("0149OIlS|sk_- .@:/=eyJABDE", max_size=80))
@example("sk_live_" * 40)
@example("4111 " * 60)
@example("\x00" + "1" * 500)
@example("password: " * 50)
@example("ß İ 4111 1111 1111 1111 ﬃ")
def test_any_text_has_places_within_it(text: str) -> None:
    matches = EVERYTHING.find(text)
    for match in matches:
        assert 0 <= match.start < match.end <= len(text)
        assert 0 <= match.score <= 1
    assert matches == sorted(matches, key=lambda match: match.start)
    assert all(one.end <= other.start for one, other in pairwise(matches))
    spans = EVERYTHING.doubtful(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(any(start <= match.start and match.end <= end for start, end in spans) for match in matches)
    EVERYTHING.label(text)
    for category in ("password", "key", "card-number", "ssn", "iban", "vat", "phone", "email"):
        assert all(0 <= match.start < match.end <= len(text) for match in EVERYTHING.value(category, text))


def test_what_overlaps_is_one_named_by_the_surest() -> None:
    text = "Password: DE89 3704 0044 0532 0130 00"
    (match,) = EVERYTHING.find(text)
    assert match == Match("iban", 10, len(text), 0.98)


def test_a_complete_one_swallows_partial_ones() -> None:
    matches = Matcher(kinds=("card",), patterns=[r"Order 4111 1111 11"]).find("Order 4111 1111 11")
    assert matches == [Match("pattern", 0, 18, 0.95)]


def test_only_the_kinds_that_are_asked_for_are_found() -> None:
    line = "anna@example.com 4111 1111 1111 1111"
    assert found(line, Matcher(kinds=("email",))) == [("email", "anna@example.com")]
    assert Matcher(kinds=("email",)).doubtful(line) == [(0, 16)]
    assert found(line, Matcher(kinds=())) == []
    assert Matcher(kinds=("email",)).label("Password:") is None
    assert ("vat", "DE136695976") not in found("DE136695976", Matcher())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kinds": ("cards",)}, "'cards' is none of the kinds: choose from card, email"),
        ({"region": "Germany"}, "'Germany' is no region: write two letters"),
    ],
)
def test_what_cannot_be_looked_for_is_told(options: dict[str, object], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        Matcher(**options)  # type: ignore[arg-type]  # what an operator may write


def confused(text: str, chance: random.Random) -> str:
    """Return a text with one character as recognition may misread it, and now and then a torn or a lost space."""
    alike = {
        "0": "Oo",
        "1": "lI|",
        "5": "S",
        "8": "B",
        "2": "Z",
        "O": "0",
        "I": "1l",
        "S": "5",
        "B": "8",
        "-": "\u2014\u2013",
    }
    places = [at for at, character in enumerate(text) if character in alike]
    spaces = [at for at, character in enumerate(text) if character == " "]
    if spaces and chance.random() < 0.2:
        at = chance.choice(spaces)
        return text[:at] + chance.choice(["", "  "]) + text[at + 1 :]
    if not places:
        return text
    at = chance.choice(places)
    return text[:at] + chance.choice(alike[text[at]]) + text[at + 1 :]


def card(chance: random.Random) -> str:
    prefix, groups = chance.choice(
        [("4", (4, 4, 4, 4)), ("51", (4, 4, 4, 4)), ("2221", (4, 4, 4, 4)), ("37", (4, 6, 5)), ("6011", (4, 4, 4, 4)),
         ("36", (4, 6, 4)), ("3530", (4, 4, 4, 4))]
    )  # fmt: skip
    digits = prefix + "".join(chance.choices("0123456789", k=sum(groups) - 1 - len(prefix)))
    digits += luhn.calc_check_digit(digits)
    return joined(digits, groups, chance.choice([" ", "-", ""]))


def iban(chance: random.Random) -> str:
    country = chance.choice(COMMON)
    body = "".join(
        chance.choice("ABCDEFGHKLMNPRTUVWXY" if sort == "a" else "0123456789") for sort in COUNTRIES[country]
    )
    written = country + mod_97_10.calc_check_digits(body + country) + body
    return joined(written, (4,) * 9, chance.choice([" ", ""]))


def ssn(chance: random.Random) -> str:
    return f"{chance.randint(1, 665):03d}-{chance.randint(1, 99):02d}-{chance.randint(1, 9999):04d}"


def joined(text: str, groups: tuple[int, ...], between: str) -> str:
    parts = []
    for length in groups:
        parts.append(text[:length])
        text = text[length:]
    return between.join(part for part in parts if part)


@pytest.mark.parametrize(("drawn", "category"), [(card, "card-number"), (iban, "iban"), (ssn, "ssn")])
def test_numbers_with_one_character_misread_are_found(drawn: Callable[[random.Random], str], category: str) -> None:
    chance = random.Random(20)
    missed = []
    for _ in range(400):
        text = confused(drawn(chance), chance)
        line = chance.choice(["", "2024-01-15 ", "Number: ", "| ", "("]) + text
        matches = [match for match in EVERYTHING.find(line) if not match.partial]
        covered = sum(match.end - match.start for match in matches)
        if not any(match.category == category for match in matches) or covered < len(text):
            missed.append(line)
    assert len(missed) <= 0.03 * 400, missed


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Dlv%2Kcw3D4eI", "Dlv%2Kcw3D4eI"),
        ("assword = glG1e%A5+0f", "glG1e%A5+0f"),
        ("sword: Tr0ub4dor3", "Tr0ub4dor3"),
        ("d = piAY$H%gacM9be", "piAY$H%gacM9be"),
        ("= L%*aEqG*%$J", "L%*aEqG*%$J"),
        ("33 1 99 00 67 30", "33 1 99 00 67 30"),
        ("KIAAGMNPU35HDG6TJEX", "KIAAGMNPU35HDG6TJEX"),
        ("-31632023053-422536192258-SyH5pjVeJ5ZRsRV52nXTytxx", "-31632023053-422536192258-SyH5pjVeJ5ZRsRV52nXTytxx"),
    ],
)
def test_what_tells_a_secret_may_be_out_of_sight(text: str, secret: str) -> None:
    assert EVERYTHING.find(text) == []
    assert [text[match.start : match.end] for match in EVERYTHING.cut(text)] == [secret]


def test_what_something_is_set_to_is_no_name_on_a_machine() -> None:
    assert [match.category for match in EVERYTHING.cut("rd = ld959m8@nkG")] == ["password"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "drwxr-xr-x 2 root",
        "report_2.pdf",
        "const aB3=x*2;",
        "2026-12-18 08:40:25 paid",
        "anna@Annas-MBP-2 ~ %",
        "react@18.2.0-RC1",
        "Build2.sh*",
        "README2.md~",
        "word = words[i+1]",
        "3920174 file.txt",
        "15551234567 bytes",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty.txt",
        "9c5b94b1-35ad-49bb-b118-8e8fc24abf80 running",
        "test_what_is_cut_off_and_none_all_the_same PASSED",
        "ERROR_INVALID_PARAMETER_87",
        "docker-compose-2024-01-15.yaml",
        "IMG_20240115_143022 saved",
    ],
)
def test_what_is_cut_off_and_none_all_the_same(text: str) -> None:
    assert EVERYTHING.cut(text) == []
