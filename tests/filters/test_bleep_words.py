"""What bleep is asked for: files, lists, thresholds and pronunciations; and that nothing told of them is a word."""

from pathlib import Path

import pytest

from filters.bleep import Bleep
from filters.errors import SpecError
from filters.registry import check, describe
from filters.spec import parse
from filters.speech.lexicon import keywords
from filters.speech.sphinx import dictionary, threshold
from filters.speech.spotter import Keyword
from filters.speech.words import MOST, Entry, gathered, read

SECRET = "qwxzplorf"


def said(word: str) -> tuple[tuple[str, ...], ...]:
    return keywords([Entry(word, "here")], dictionary())[0].pronunciations


def test_a_line_may_have_a_threshold_and_a_pronunciation() -> None:
    assert read("Son  of a Gun", "here") == Entry("son of a gun", "here")
    assert read("darn /1e-15/ # mild", "here") == Entry("darn", "here", None, -15)
    assert read("Veilcast = v ey1 l K AE2 S T /1e-5/", "here") == Entry(
        "veilcast", "here", ("V", "EY", "L", "K", "AE", "S", "T"), -5
    )
    assert read("  # nothing", "here") is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"{SECRET}!!", "neither a word nor a phrase"),
        (f"{SECRET} = Q W X", "a pronunciation that is none"),
        (f"{SECRET} =", "a pronunciation that is none"),
        (f"{SECRET} = K", "1 phonemes"),
        (f"{SECRET} /often/", "a threshold that is none"),
        (f"{SECRET} /0/", "a threshold that is none"),
        (f"{SECRET} /1e-300/", "a threshold that is none"),
        (f"{SECRET} /nan/", "a threshold that is none"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_by_its_place_alone(line: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text(f"# two lines\nharmless\n{line}\n", encoding="utf-8")
    with pytest.raises(SpecError, match=f"line 3 of the file has {told}|line 3 of the file is {told}") as error:
        Bleep(file=str(file))
    assert SECRET not in str(error.value)


def test_a_word_that_nobody_knows_is_told_by_its_place() -> None:
    with pytest.raises(SpecError, match="word 2 of the option words, word 3 of the option words: write how") as error:
        Bleep(words=("conference", SECRET, f"{SECRET} too"))
    assert SECRET not in str(error.value)
    with pytest.raises(SpecError) as error:
        check(parse(f"bleep:words={SECRET}"))
    assert SECRET not in str(error.value)


def test_forms_and_compounds_of_known_words_are_known() -> None:
    assert said("knuckleheads") == (("N", "AH", "K", "AH", "L", "HH", "EH", "D", "Z"),)
    assert ("S", "T", "R", "IY", "M", "ER", "Z") in said("streamers")
    assert said("bleeped") == (("B", "L", "IY", "P", "T"),)
    assert said("well-known")[0] == ("W", "EH", "L", "N", "OW", "N")


def test_every_way_to_say_a_word_is_looked_for() -> None:
    assert len(said("directory")) > 1
    assert len(said("the record")) > 1


def test_what_is_written_last_counts(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("\ufeffbastard /1e-30/\nconference\n", encoding="utf-8")
    found = {entry.spelling: entry for entry in gathered(("conference /1e-5/",), ("english",), str(file))}
    assert found["bastard"].threshold == -30
    assert found["conference"].threshold == -5
    assert len(found) > 20


@pytest.mark.parametrize("name", ["english", "english-short"])
def test_the_lists_can_be_said(name: str) -> None:
    entries = gathered((), (name,), "")
    lengths = [keyword.length for keyword in keywords(entries, dictionary())]
    assert min(lengths) >= (5 if name == "english" else 3)


def test_without_words_there_is_nothing_to_do() -> None:
    for options in ("lists=none", "lists="):
        with pytest.raises(SpecError, match="has no words"):
            check(parse(f"bleep:{options}"))


def test_there_may_be_too_many(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("\n".join(f"w{number} = K AA N F" for number in range(MOST + 1)), encoding="utf-8")
    with pytest.raises(SpecError, match=f"can look for {MOST}"):
        Bleep(lists=("none",), file=str(file))


@pytest.mark.parametrize(
    ("content", "told"), [(None, "cannot be read"), (b"\xff\xfe\x00", "not UTF-8"), (b"a" * (2 << 20), "larger than")]
)
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "words.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SpecError, match=told):
        Bleep(file=str(file))


def test_options_are_checked() -> None:
    with pytest.raises(SpecError, match="an absolute path"):
        Bleep(file="words.txt")
    with pytest.raises(SpecError, match="not available yet"):
        Bleep(mouth=True)
    with pytest.raises(SpecError, match="from 0 to 2"):
        Bleep(sensitivity=3)
    with pytest.raises(SpecError, match="made of english"):
        check(parse("bleep:lists=klingon"))


def test_it_is_described() -> None:
    found = describe("bleep")
    assert found.takes == ("sound",)
    assert 1.5 <= found.lookahead <= 3
    assert found.context == 1
    options = [option.name for option in found.options]
    assert options == ["words", "lists", "file", "tone", "mouth", "sensitivity", "model"]


def test_sensitivity_moves_all_thresholds() -> None:
    keyword, own = Keyword((("K",) * 8,)), Keyword((("K",) * 8,), -30)
    assert threshold(keyword, 1.5) == threshold(keyword) - 5
    assert threshold(own) == -30
    assert threshold(own, 0.9) == pytest.approx(-29)
