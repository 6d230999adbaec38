"""The ladder: what an operator may ask for, and what becomes of it for a host's picture."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcode.ladder import (
    CONSTANT_RATES,
    MOST_RUNGS,
    PRESETS,
    Ladder,
    LadderError,
    Wanted,
    bit_rate,
    constant_rate,
    parse_ladder,
    rungs_for,
)
from transcode.media import FrameRate
from transcode.opening import PART_TARGET, PART_UNIT

THIRTY, SIXTY = FrameRate(30, 1), FrameRate(60, 1)


def names(ladder: str, width: int, height: int, rate: FrameRate = THIRTY) -> list[str]:
    return [f"{rung.name} {rung.width}x{rung.height}" for rung in rungs_for(parse_ladder(ladder), width, height, rate)]


# What may be asked for.


@pytest.mark.parametrize(
    ("text", "ladder"),
    [
        ("auto", Ladder(False, None)),
        ("source", Ladder(True, ())),
        ("720p", Ladder(False, (Wanted(720, 30),))),
        ("480p, 1080p60 ,720p", Ladder(False, (Wanted(1080, 60), Wanted(720, 30), Wanted(480, 30)))),
        ("720p,source", Ladder(True, (Wanted(720, 30),))),
        ("720P60,720p", Ladder(False, (Wanted(720, 60), Wanted(720, 30)))),
    ],
)
def test_a_ladder_is_read_best_first(text: str, ladder: Ladder) -> None:
    assert parse_ladder(text) == ladder
    assert ladder.transcodes is (text != "source")


@pytest.mark.parametrize(
    "text",
    ["", ",", "720", "p", "720p,", "720p;480p", "auto,720p", "source,source", "720p,720p30", "0p", "119p", "2161p",
     "99999p", "720p1", "720p61", "720p0", "-720p", "\uff17\uff12\uff10p", "720p60fps", "x" * 5000],
)  # fmt: skip
def test_anything_else_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(LadderError, match=r"auto|from 120p to 2160p|frame rates are|twice"):
        parse_ladder(text)


def test_more_rungs_than_can_be_of_use_are_refused() -> None:
    asked = ",".join(f"{200 + 10 * n}p" for n in range(MOST_RUNGS + 1))
    with pytest.raises(LadderError, match=f"at most {MOST_RUNGS}"):
        parse_ladder(asked)


# What becomes of it.


@pytest.mark.parametrize(
    ("size", "made"),
    [
        ((3840, 2160), ["1080p 1920x1080", "720p 1280x720", "480p 854x480"]),
        ((1920, 1080), ["1080p 1920x1080", "720p 1280x720", "480p 854x480"]),
        ((1280, 720), ["720p 1280x720", "480p 854x480"]),
        ((1024, 576), ["576p 1024x576"]),
        ((854, 480), ["480p 854x480"]),
        ((640, 360), ["360p 640x360"]),
        ((1080, 1920), ["1080p 1080x1920", "720p 720x1280", "480p 480x854"]),
        ((2560, 1080), ["1080p 2560x1080", "720p 1706x720", "480p 1138x480"]),
        ((853, 479), ["478p 852x478"]),
        ((1, 1), ["2p 2x2"]),
    ],
)
def test_auto_fits_the_picture(size: tuple[int, int], made: list[str]) -> None:
    assert names("auto", *size) == made


def test_auto_keeps_sixty_frames_in_the_best_rung_alone() -> None:
    assert names("auto", 1280, 720, SIXTY) == ["720p60 1280x720", "480p 854x480"]
    assert [rung.every for rung in rungs_for(parse_ladder("auto"), 1280, 720, SIXTY)] == [1, 2]
    assert names("auto", 854, 480, SIXTY) == ["480p 854x480"]


@pytest.mark.parametrize(
    ("asked", "size", "rate", "made"),
    [
        ("1080p60,720p,480p", (1920, 1080), SIXTY, ["1080p60 1920x1080", "720p 1280x720", "480p 854x480"]),
        ("1080p60,720p,480p", (1920, 1080), THIRTY, ["1080p 1920x1080", "720p 1280x720", "480p 854x480"]),
        ("1080p,720p,480p", (1280, 720), THIRTY, ["720p 1280x720", "480p 854x480"]),
        ("1080p", (640, 360), THIRTY, ["360p 640x360"]),
        ("720p60,720p", (1280, 720), SIXTY, ["720p60 1280x720", "720p 1280x720"]),
        ("720p60,720p", (1280, 720), THIRTY, ["720p 1280x720"]),
        ("720p60", (1280, 720), FrameRate(60_000, 1001), ["720p60 1280x720"]),
        ("720p", (1280, 720), FrameRate(50, 1), ["720p 1280x720"]),
    ],
)
def test_a_list_is_never_more_than_the_host_sends(
    asked: str, size: tuple[int, int], rate: FrameRate, made: list[str]
) -> None:
    assert names(asked, *size, rate) == made


sizes = st.integers(1, 8192)
ladders = st.one_of(
    st.just("auto"),
    st.lists(st.tuples(st.integers(120, 2160), st.sampled_from(["", "24", "60"])), min_size=1, max_size=5, unique=True)
    .map(lambda rungs: [f"{size}p{rate}" for size, rate in rungs])
    .map(",".join),
)


@given(ladders, sizes, sizes, st.sampled_from(CONSTANT_RATES))
def test_any_picture_gets_rungs_that_players_and_encoders_can_take(
    asked: str, width: int, height: int, rate: FrameRate
) -> None:
    rungs = rungs_for(parse_ladder(asked), width, height, rate)
    assert rungs
    assert len({rung.name for rung in rungs}) == len(rungs)
    for rung in rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        assert 2 <= rung.width <= max(2, width)
        assert 2 <= rung.height <= max(2, height)
        assert rung.every >= 1
        assert rung.bit_rate >= 100_000
        # The aspect is kept as well as whole pairs of pixels allow.
        if min(rung.width, rung.height) >= 100:
            assert Fraction(rung.width, rung.height) == pytest.approx(width / height, rel=0.03)


def test_bit_rates_follow_the_table_in_the_readme() -> None:
    table = {(426, 240): 400, (640, 360): 800, (854, 480): 1300, (1280, 720): 2800, (1920, 1080): 5000}
    assert {size: bit_rate(*size, 30) // 1000 for size in table} == table
    assert bit_rate(1920, 1080, 60) == 7_500_000
    assert bit_rate(1280, 720, 10) == 1_680_000
    assert bit_rate(1280, 720, 30) < bit_rate(1600, 900, 30) < bit_rate(1920, 1080, 30)


def test_presets_have_names() -> None:
    assert PRESETS == ("fast", "balanced", "quality")


# Frame rates.


@pytest.mark.parametrize("rate", CONSTANT_RATES, ids=lambda rate: f"{float(rate):.2f}")
def test_every_constant_rate_fills_its_parts(rate: FrameRate) -> None:
    most = PART_TARGET * rate.numerator // (rate.denominator * PART_UNIT)
    assert most * rate.denominator / rate.numerator >= 0.93 * PART_TARGET / PART_UNIT


@given(st.floats(0, 1000), st.lists(st.floats(0, 1e6), max_size=2))
def test_every_measure_has_a_constant_rate(measured: float, claims: list[float]) -> None:
    rate = constant_rate(measured, tuple(claims))
    assert rate in CONSTANT_RATES
    if 0 < measured <= 60:
        assert float(rate) >= measured * 0.97, "no host's frames are left out"


@pytest.mark.parametrize("rate", CONSTANT_RATES, ids=lambda rate: f"{float(rate):.2f}")
def test_a_claim_that_the_measure_bears_out_is_exact(rate: FrameRate) -> None:
    assert constant_rate(float(rate) * 1.01, (float(rate),)) == rate
    assert constant_rate(0, (float(rate),)) == rate
