"""bleep with a model for sherpa-onnx: the runtime loads what a test has made, hears pitches, and words are covered."""

import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from filters.api import SAMPLE_RATE, TICKS, Effect, Finding, Kind, Sound, Stream, Upto
from filters.bleep import Bleep
from filters.errors import FilterError, SpecError
from filters.registry import check
from filters.spec import parse
from filters.speech import sherpa
from filters.speech.sherpa import Recogniser, SherpaSpotter, behind, joined, listed, words_in
from filters.speech.spotter import RATE, Hit
from filters.speech.words import Entry
from filters.testing import check_detector
from filters.trial import covered_by
from tests.support.tiny_model import PIECES, ctc, sung, transducer

if TYPE_CHECKING:
    from filters.api import Samples

BA, D, GER, SON, OF, A = range(len(PIECES))
KINDS = pytest.mark.parametrize("make", [transducer, ctc])
ENCODER = "encoder-epoch-1-avg-1.onnx"


def entries(*spellings: str) -> list[Entry]:
    return [Entry(spelling, "here") for spelling in spellings]


def bleep(folder: Path, *words: str) -> Bleep:
    return Bleep(words=words or ("bad", "son of a bad"), lists=("none",), model=str(folder))


def spotted(spotter: SherpaSpotter, samples: "Samples") -> list[Hit]:
    return spotter.feed((samples[0, ::3] * 32767).astype(np.int16))


@KINDS
def test_it_conforms_and_covers_the_words(make: Callable[[Path], Path], tmp_path: Path) -> None:
    make(tmp_path)
    samples = sung([(None, 3), (BA, 0.2), (D, 0.2), (SON, 0.3), (None, 2), (BA, 0.2), (D, 0.2), (None, 6)])
    truth = [Finding(Kind.SOUND, round(start * TICKS), round((start + 0.4) * TICKS), "word") for start in (3.0, 5.7)]
    found = check_detector(lambda: bleep(tmp_path), sounds=samples, truth=truth)
    assert {(finding.category, finding.covering) for finding in found} == {("word", Effect.TONE)}
    assert all(0 < finding.score <= 1 for finding in found)
    one, other = covered_by(found, Kind.SOUND)
    assert [at / TICKS for at in (*one, *other)] == pytest.approx([2.64, 3.53, 5.34, 6.53], abs=0.05), "and not more"


@KINDS
def test_only_whole_words_are_found(make: Callable[[Path], Path], tmp_path: Path) -> None:
    recogniser = Recogniser(str(make(tmp_path)))
    badger = sung([(None, 1), (BA, 0.2), (D, 0.2), (GER, 0.2), (None, 3)])
    assert spotted(SherpaSpotter(entries("bad", "ger", "badge"), recogniser), badger) == []
    (hit,) = spotted(SherpaSpotter(entries("bad", "badger"), recogniser), badger)
    assert hit.word == 1
    assert (hit.start / RATE, hit.end / RATE) == pytest.approx((1 - sherpa.EARLY, 1.4 + sherpa.LATE), abs=0.05)


def test_a_word_that_goes_on_after_a_pause_is_found_as_both(tmp_path: Path) -> None:
    recogniser = Recogniser(str(transducer(tmp_path)))
    samples = sung([(None, 1), (BA, 0.2), (D, 0.2), (None, 1), (GER, 0.2), (None, 3)])
    assert [hit.word for hit in spotted(SherpaSpotter(entries("bad", "badger"), recogniser), samples)] == [0, 1]


@KINDS
def test_phrases_are_found(make: Callable[[Path], Path], tmp_path: Path) -> None:
    spotter = SherpaSpotter(entries("son of a badger", "of bad"), Recogniser(str(make(tmp_path))))
    said = [(piece, 0.2) for piece in (SON, OF, A, BA, D, GER)]
    (hit,) = spotted(spotter, sung([(None, 1), *said, (None, 2), (OF, 0.2), (A, 0.2), (BA, 0.2), (D, 0.2), (None, 3)]))
    assert hit.word == 0
    assert (hit.start / RATE, hit.end / RATE) == pytest.approx((0.7, 2.5), abs=0.05)


def test_no_word_is_lost_where_one_stream_follows_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sherpa, "RESTART", 5 * RATE)
    recogniser = Recogniser(str(transducer(tmp_path)))
    spotter = SherpaSpotter(entries("son of a bad"), recogniser)
    notes: list[tuple[int | None, float]] = [(SON, 0.2), (OF, 0.2), (A, 0.2), (BA, 0.2), (D, 0.2), (None, 0.31)]
    samples = sung([(None, 1), *(60 * notes), (None, 4)])
    found: list[tuple[float, float]] = []
    decided = 0
    streams = set()
    for at in range(0, samples.shape[1], 480):
        hits = spotted(spotter, samples[:, at : at + 480])
        assert all(hit.start >= decided for hit in hits)
        found += [(hit.start / RATE, hit.end / RATE) for hit in hits]
        assert spotter.decided >= decided
        decided = spotter.decided
        streams.add(spotter._ear.began)
    assert len(streams) > 8
    said = [1 + 1.31 * number for number in range(60)]
    assert all(any(one <= start and end >= start + 1 for one, end in found) for start in said)
    assert len(found) < 66, "few are told twice"
    spotter.close()


def test_the_clearance_is_never_further_behind_than_the_lookahead_nor_ahead(tmp_path: Path) -> None:
    detector = bleep(transducer(tmp_path))
    detector.open(Stream(0, 0, 0, 1))
    cleared = [0]
    samples = sung([(None, 2), (BA, 3), (D, 4), (None, 3)])
    for at in range(0, samples.shape[1], 331):
        block = samples[:, at : at + 331]
        for finding in detector.sound(Sound(at * TICKS // SAMPLE_RATE, at, block)):
            assert finding.start >= cleared[-1]
        seen = (at + block.shape[1]) * TICKS // SAMPLE_RATE
        cleared.append(detector.clearance(Upto(0, seen)).sound)
        assert seen - cleared[-1] <= detector.lookahead * TICKS
    assert all(one <= other for one, other in pairwise(cleared))
    assert cleared[-1] > 8 * TICKS
    detector.close()


def test_a_gap_begins_it_anew_with_the_model_that_is_loaded(tmp_path: Path) -> None:
    detector = bleep(transducer(tmp_path))
    detector.open(Stream(0, 0, 0, 1))
    for file in tmp_path.iterdir():
        file.unlink()
    samples = sung([(None, 1), (BA, 0.2), (D, 0.2), (None, 4)])
    found = [list(detector.sound(Sound(first * 15 // 8, first, samples))) for first in (0, 1_000_000)]
    assert [len(each) for each in found] == [1, 1]
    assert found[1][0].start - found[0][0].start == pytest.approx(1_875_000, abs=2)


def test_how_far_it_looks_ahead_depends_on_the_model(tmp_path: Path) -> None:
    for name, frames, shift in (("short", 45, 32), ("long", 141, 128)):
        (tmp_path / name).mkdir()
        transducer(tmp_path / name, T=frames, decode_chunk_len=shift)
    short, long = (check(parse(f"bleep:lists=none,words=bad,model={tmp_path / name}")) for name in ("short", "long"))
    assert long.lookahead - short.lookahead == pytest.approx(0.96, abs=0.11)
    recogniser = Recogniser(str(tmp_path / "short"))
    assert behind(entries("bad"), recogniser) < short.lookahead < behind(entries("bad"), recogniser) + 0.21


def test_words_that_no_dictionary_has_are_taken_with_a_model_alone(tmp_path: Path) -> None:
    transducer(tmp_path)
    assert check(parse(f"bleep:lists=none,words=qwxzplorf,model={tmp_path}")).lookahead > 2
    with pytest.raises(SpecError, match="nobody knows how to say word 1"):
        check(parse("bleep:lists=none,words=qwxzplorf"))


def test_the_folder_of_a_model_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="an absolute path"):
        bleep(Path("model"))
    with pytest.raises(SpecError, match="no folder that can be read"):
        bleep(tmp_path / "none")
    with pytest.raises(SpecError, match=r"has no ctc\*.onnx or model\*.onnx, no tokens.txt: a stre"):
        bleep(tmp_path)


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (ENCODER, r"has no encoder\*.onnx: a stre"),
        ("decoder-epoch-1-avg-1.onnx", r"has no decoder\*.onnx: a stre"),
        ("joiner-epoch-1-avg-1.onnx", r"has no joiner\*.onnx: a stre"),
        ("tokens.txt", "has no tokens.txt: a stre"),
    ],
)
def test_files_that_are_missing_are_told(file: str, told: str, tmp_path: Path) -> None:
    (transducer(tmp_path) / file).unlink()
    with pytest.raises(SpecError, match=told) as error:
        check(parse(f"bleep:lists=none,words=secret,model={tmp_path}"))
    assert "encoder*.onnx, decoder*.onnx, joiner*.onnx, tokens.txt" in str(error.value)
    assert "secret" not in str(error.value)
    assert len(str(error.value)) < 200, "all of it is told"


def test_of_several_files_the_int8_one_is_taken(tmp_path: Path) -> None:
    transducer(tmp_path)
    transducer(tmp_path, suffix="-epoch-1-avg-1.int8.onnx")
    assert {path.suffixes[-2] for path in Recogniser(str(tmp_path))._model.parts.values()} == {".int8"}
    transducer(tmp_path, suffix="-epoch-2-avg-1.int8.onnx")
    with pytest.raises(SpecError, match=r"has 2 of encoder\*.onnx: leave one"):
        bleep(tmp_path)


@KINDS
@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"model_type": None}, "it is of no kind that it tells, and only streaming zipformer2"),
        ({"model_type": "conformer"}, "it is conformer, and only streaming zipformer2"),
        ({"T": None}, "its T is missing or no number from 1 to"),
        ({"T": "many"}, "its T is missing"),
        ({"T": 0}, "its T is missing"),
        ({"T": 31}, "its decode_chunk_len is greater than its T"),
        ({"decode_chunk_len": None}, "its decode_chunk_len is missing"),
        ({"num_heads": None}, "its num_heads is missing or no list"),
        ({"encoder_dims": "4,four"}, "its encoder_dims is missing or no list"),
        ({"left_context_len": 1 << 30}, "its left_context_len is missing or no list"),
        ({"encoder_dims": "4,4"}, "not equally long"),
    ],
)
def test_what_would_end_the_process_is_told_before(
    make: Callable[..., Path], metadata: dict[str, object], told: str, tmp_path: Path
) -> None:
    make(tmp_path, **metadata)
    with pytest.raises(SpecError, match=rf"^(encoder-epoch-1-avg-1|model)\.onnx cannot be used: .*{told}"):
        bleep(tmp_path)


@pytest.mark.parametrize("what", ["empty", "text", "half", "pointer", "noise"])
def test_a_file_that_is_no_model_is_told(what: str, tmp_path: Path) -> None:
    file = transducer(tmp_path) / ENCODER
    contents = {
        "empty": b"",
        "text": b"hello " * 100,
        "half": file.read_bytes()[: file.stat().st_size // 2],
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "noise": np.random.default_rng(0).bytes(5000),
    }
    file.write_bytes(contents[what])
    with pytest.raises(SpecError, match=r"encoder-epoch-1-avg-1\.onnx is no ONNX model, or not all of one"):
        bleep(tmp_path)


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        ("<blk> 0\nthere is more\n", "line 2: write a token"),
        ("<blk> 0\nword\n", "line 2: write a token"),
        ("<blk> 0\nword -1\n", "line 2: write a token"),
        ("<blk> 0\nA 1\nB 2\n", "lacks 4 of the 7"),
        ("", "lacks 7 of the 7"),
    ],
)
def test_tokens_that_are_none_are_told(tokens: str, told: str, tmp_path: Path) -> None:
    (transducer(tmp_path) / "tokens.txt").write_text(tokens, encoding="utf-8")
    with pytest.raises(SpecError, match=told):
        bleep(tmp_path)


def test_a_ctc_model_needs_a_blank(tmp_path: Path) -> None:
    file = ctc(tmp_path, name="ctc-epoch-1.int8.onnx") / "tokens.txt"
    assert bleep(tmp_path).lookahead > 2
    file.write_text(file.read_text(encoding="utf-8").replace("<blk>", "<b>"), encoding="utf-8")
    with pytest.raises(SpecError, match="has no <blk>"):
        bleep(tmp_path)


@KINDS
def test_a_model_that_only_looks_like_one_fails_when_it_is_opened(make: Callable[..., Path], tmp_path: Path) -> None:
    detector = bleep(make(tmp_path, left_context_len=3))
    with pytest.raises(FilterError, match=r"sherpa-onnx cannot use what is in the folder .*: Got invalid dimensions"):
        detector.open(Stream(0, 0, 0, 1))


def test_a_graph_that_is_none_fails_when_it_is_opened(tmp_path: Path) -> None:
    (transducer(tmp_path) / "joiner-epoch-1-avg-1.onnx").write_bytes(b"\x3a\x04abcd")
    detector = bleep(tmp_path)
    with pytest.raises(FilterError, match="sherpa-onnx cannot use what is in the folder"):
        detector.open(Stream(0, 0, 0, 1))


def test_without_the_package_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transducer(tmp_path)
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    with pytest.raises(SpecError, match=r"pip install 'veilcast\[sherpa\]'"):
        bleep(tmp_path)
    assert Bleep(words=("conference",), lists=("none",)).lookahead > 1, "without a model it is not needed"


def test_without_a_model_the_runtime_is_not_loaded() -> None:
    code = "import sys, filters.bleep as b; b.Bleep().open(None); sys.exit('sherpa_onnx' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_tokens_make_words_with_times() -> None:
    tokens = ["\u2581DON", "'", "T", " so", "<unk>", "n", "\u2581\u6df7", "\u86cbU", ".S", " -", " E", "-MAIL"]
    words = joined(tokens, [0.1 * number for number in range(len(tokens))], [-0.5] * len(tokens))
    assert [word.text for word in words] == ["dont", "so", "n", "\u6df7", "\u86cb", "us", "e", "mail"]
    assert [(round(word.first, 1), round(word.last, 1)) for word in words] == [
        *((0.0, 0.2), (0.3, 0.3), (0.5, 0.5), (0.6, 0.6), (0.7, 0.7), (0.7, 0.8), (1.0, 1.0), (1.1, 1.1))
    ]
    assert words[0].score == pytest.approx(0.607, abs=0.001)
    assert joined(["a"], [1.0], [])[0].score == 1
    with pytest.raises(FilterError, match="other tokens than times"):
        joined(["a"], [], [])


def test_words_are_compared_without_case_and_marks() -> None:
    assert words_in("Don\u2019t  well-KNOWN U.S. \u6df7\u86cb") == ["dont", "well", "known", "us", "\u6df7", "\u86cb"]
    assert listed(entries("well-known it's", "pen", "don't", "dont")) == {
        ("well", "known", "its"): [0],
        ("wellknown", "its"): [0],
        ("pen",): [1],
        ("dont",): [2, 3],
    }
    with pytest.raises(SpecError, match="here has neither"):
        listed(entries("..."))
