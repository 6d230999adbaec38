"""Whether one more room fits on the machine. Figures are processors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.capacity import ASSUMED, SPARE, Picture, Running, estimate, judge, spared, taken
from transcode.ladder import PRESETS, Encoding, parse_ladder, rungs_for, sound_for
from transcode.media import SOURCE, FrameRate, Plan, Rung, Sound

SMALL = Picture(1280, 720, FrameRate(30, 1))
LADDERS = ["auto", "1080p60,720p,480p", "720p,480p", "480p", "source,720p"]


def encoding(ladder: str = "auto", preset: str = "fast") -> Encoding:
    return Encoding(parse_ladder(ladder), preset)


def plan(ladder: str, preset: str = "fast", picture: Picture = SMALL) -> Plan:
    rungs = rungs_for(parse_ladder(ladder), picture.width, picture.height, picture.frame_rate)
    own = (Rung(SOURCE, picture.width, picture.height, 1, 6_000_000),) if "source" in ladder else ()
    return Plan((*own, *rungs), sound_for(2, None), picture.frame_rate, preset, 2, 21334)


# What rooms take.


@pytest.mark.parametrize(("preset", "rooms"), [("fast", 3), ("balanced", 2)])
def test_as_many_rooms_fit_as_the_benchmark_found_to_keep_up(preset: str, rooms: int) -> None:
    wanted = encoding("720p,480p", preset)
    room = Running(plan("720p,480p", preset))
    found = [judge(2, [room] * others, wanted, SMALL).carried for others in range(5)]
    assert found == [others < rooms for others in range(5)]


def test_the_two_cores_of_the_figures_carry_one_full_ladder() -> None:
    assert estimate(encoding()) == pytest.approx(1.4, abs=0.1)
    assert [judge(2, [Running(plan("auto", picture=ASSUMED))] * n, encoding()).carried for n in range(2)] == [
        True,
        False,
    ]


def test_presets_and_pictures_cost_what_they_are() -> None:
    costs = [estimate(encoding("720p,480p", preset), SMALL) for preset in PRESETS]
    assert costs == pytest.approx([0.58, 0.87, 1.65], abs=0.03)
    fast = Picture(1280, 720, FrameRate(60, 1))
    assert estimate(encoding("720p60"), fast) > 1.9 * estimate(encoding("720p"), SMALL)
    assert estimate(encoding("720p"), fast) < 1.5 * estimate(encoding("720p"), SMALL), "half of it is only decoded"
    assert estimate(encoding("480p")) > 2 * estimate(encoding("480p"), Picture(854, 480, FrameRate(30, 1)))


def test_a_measure_is_better_than_an_estimate() -> None:
    assert taken(Running(plan("720p,480p"), 0.2)) == 0.2
    assert taken(Running(plan("720p,480p"))) == estimate(encoding("720p,480p"), SMALL)


def test_a_room_that_passes_all_on_takes_next_to_nothing() -> None:
    room = plan("source")
    passed_on = Plan(room.rungs, Sound(48_000, 2, 128_000, False), room.frame_rate, "fast", 4, 21334)
    assert taken(Running(passed_on)) < 0.02
    sound = Plan((), sound_for(2, None), room.frame_rate, "fast", 2, 21334)
    assert taken(Running(sound)) < 0.05


def test_a_mixed_room_decodes_its_host_s_picture() -> None:
    assert taken(Running(plan("source,480p", picture=ASSUMED))) == estimate(encoding("480p"))


# Verdicts.


def test_the_operator_is_told_with_figures_what_to_do() -> None:
    rooms = [Running(plan("720p,480p"), measured) for measured in (0.6, 0.5, 0.4)]
    assert judge(2, rooms, encoding("720p,480p", "balanced"), SMALL).text == (
        "needs about 0.9 of a processor; 2 processors, 10% kept free, 1.5 in use by 3 rooms:"
        " stop another room, use --ladder 240p (about 0.3), or start it anyway with --force"
    )
    assert judge(4, rooms[:1], encoding("auto", "quality")).text == (
        "needs about 4.1 processors; 4 processors, 10% kept free, 0.6 in use by 1 room:"
        " stop another room, use --preset fast, use --ladder 720p,480p (about 1.9), or start it anyway with --force"
    )
    assert judge(1, [], encoding()).text == (
        "needs about 1.4 processors; 1 processor, 10% kept free, none in use:"
        " use --ladder 720p,480p (about 0.8), or start it anyway with --force"
    )
    assert judge(1, [Running(plan("720p,480p"), 0.9)], encoding()).text == (
        "needs about 1.4 processors; 1 processor, 10% kept free, 0.9 in use by 1 room:"
        " stop another room, use --ladder source, or start it anyway with --force"
    )


def test_what_fits_is_told_with_figures_too() -> None:
    verdict = judge(8, [], encoding("720p"), SMALL)
    assert verdict.carried
    assert verdict.text == "needs about 0.4 of a processor; 8 processors, 10% kept free, none in use"


def test_a_room_of_which_nothing_is_encoded_is_always_carried() -> None:
    assert judge(1, [Running(plan("auto"), 1.5)], encoding("source")).carried


rooms = st.lists(
    st.builds(
        Running, st.builds(plan, st.sampled_from(LADDERS), st.sampled_from(PRESETS)), st.none() | st.floats(0, 2)
    ),
    max_size=6,
)


@given(st.integers(1, 32), rooms, rooms, st.builds(encoding, st.sampled_from(LADDERS), st.sampled_from(PRESETS)))
def test_more_rooms_never_make_room_and_more_processors_do(
    processors: int, some: list[Running], more: list[Running], wanted: Encoding
) -> None:
    verdict = judge(processors, some, wanted)
    assert verdict.carried == (sum(map(taken, some)) + estimate(wanted) <= SPARE * processors)
    assert verdict.carried >= judge(processors, [*some, *more], wanted).carried
    assert verdict.carried <= judge(processors + 1, some, wanted).carried
    assert verdict.carried != ("--force" in verdict.text)


@given(st.integers(1, 8), rooms, st.builds(encoding, st.sampled_from(LADDERS), st.sampled_from(PRESETS)))
def test_a_ladder_that_is_advised_fits(processors: int, some: list[Running], wanted: Encoding) -> None:
    text = judge(processors, some, wanted).text
    if "--ladder" in text:
        words = text.partition("--ladder ")[2].split()[0].rstrip(",")
        assert judge(processors, some, encoding(words, wanted.preset)).carried
    if "--preset" in text:
        assert judge(processors, some, Encoding(wanted.ladder)).carried


# What is left for detectors.


@pytest.mark.parametrize(("processors", "cores"), [(0.25, 0.5), (1, 0.5), (2, 1), (3, 1.5), (4, 2), (64, 2)])
def test_detectors_may_take_half_of_the_machine_within_bounds(processors: float, cores: float) -> None:
    assert spared(processors) == cores
