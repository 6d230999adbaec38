"""What is covered is covered wholly, wherever blocks and boxes begin and end, and the rest stays as it is."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import SAMPLE_RATE, Box, Effect, Planes
from filters.effects import RAMP, TONE_LEVEL, cover_picture, cover_sound

PICTURE_EFFECTS = [Effect.FILL, Effect.PIXELATE, Effect.BLUR]
START = 7_654_321
Spans = list[tuple[int, int, Effect]]


def noise(width: int = 128, height: int = 96, seed: int = 1) -> Planes:
    draw = np.random.default_rng(seed)
    half = (height // 2, width // 2)
    return Planes(*(draw.integers(16, 236, size, np.uint8) for size in ((height, width), half, half)))


def copied(planes: Planes) -> Planes:
    return Planes(*(plane.copy() for plane in planes))


def changed(before: Planes, after: Planes) -> list[tuple[int, int, int, int]]:
    """Of each plane the rectangle in which it has changed: left, top, right, bottom."""
    found = []
    for old, new in zip(before, after, strict=True):
        rows, columns = np.nonzero(old != new)
        found.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    return found


@pytest.mark.parametrize("effect", PICTURE_EFFECTS)
def test_a_box_and_nothing_else_is_covered(effect: Effect) -> None:
    before = noise()
    after = copied(before)
    cover_picture(after, Box(20, 10, 40, 30), effect)
    assert changed(before, after) == [(20, 10, 60, 40), (10, 5, 30, 20), (10, 5, 30, 20)]


def test_a_box_grows_to_whole_pixels_of_chroma() -> None:
    before = noise()
    after = copied(before)
    cover_picture(after, Box(21, 11, 38, 28), Effect.FILL)
    assert changed(before, after) == [(20, 10, 60, 40), (10, 5, 30, 20), (10, 5, 30, 20)]


@pytest.mark.parametrize("effect", PICTURE_EFFECTS)
@pytest.mark.parametrize(
    "box", [Box(-50, -50, 50, 50), Box(128, 0, 9, 9), Box(0, 96, 9, 9), Box(500, 500, 9, 9), Box(-9, 0, 8, 999)]
)
def test_a_box_outside_the_picture_does_nothing(effect: Effect, box: Box) -> None:
    planes = noise()
    cover_picture(planes, box, effect)
    for plane, original in zip(planes, noise(), strict=True):
        np.testing.assert_array_equal(plane, original)


@pytest.mark.parametrize("effect", PICTURE_EFFECTS)
@given(
    box=st.builds(Box, st.integers(-99, 140), st.integers(-99, 110), st.integers(1, 300), st.integers(1, 300)),
)
def test_what_is_shown_depends_on_a_few_colours_inside_the_box_alone(effect: Effect, box: Box) -> None:
    one, other = noise(seed=1), noise(seed=2)
    inside = np.zeros((96, 128), bool)
    inside[
        max(0, box.top // 2 * 2) : max(0, -(-(box.top + box.height) // 2) * 2),
        max(0, box.left // 2 * 2) : max(0, -(-(box.left + box.width) // 2) * 2),
    ] = True
    for plane, source in zip(other, copied(one), strict=True):  # the same inside, another world outside
        here = inside if plane.shape == inside.shape else inside[::2, ::2]
        plane[here] = source[here]
    cover_picture(one, box, effect)
    cover_picture(other, box, effect)
    np.testing.assert_array_equal(one.y[inside], other.y[inside])
    if effect is Effect.FILL:
        assert set(one.y[inside]) <= {32}
    if effect is Effect.PIXELATE and inside.any():
        short, long = sorted((inside.any(0).sum(), inside.any(1).sum()))
        assert len(np.unique(one.y[inside])) <= 3 * (3 * long / short + 1)


@pytest.mark.parametrize("effect", PICTURE_EFFECTS)
def test_without_a_box_all_of_the_picture_is_covered(effect: Effect) -> None:
    planes = noise(1280, 720)
    cover_picture(planes, None, effect)
    for plane in planes:  # of noise nothing is left but its mean
        assert plane.std() < 2


@pytest.mark.parametrize("effect", PICTURE_EFFECTS)
def test_of_stripes_as_fine_as_those_of_letters_a_third_of_the_contrast_is_left_at_most(effect: Effect) -> None:
    for height in (24, 48, 200):  # a line of text
        planes = Planes(np.full((720, 1280), 50, np.uint8), *(np.full((360, 640), 128, np.uint8) for _ in "uv"))
        stroke = max(2, height // 8)
        planes.y[100 : 100 + height, 100:900] = np.where(np.arange(800) // stroke % 2, 235, 16)
        cover_picture(planes, Box(100, 100, 800, height), effect)
        covered = planes.y[100 : 100 + height, 100:900].astype(int)
        assert np.ptp(covered) <= (235 - 16) / 3


@pytest.mark.parametrize("effect", PICTURE_EFFECTS)
def test_planes_with_gaps_between_their_rows_are_covered_in_place(effect: Effect) -> None:
    whole = noise(160, 96)
    window = Planes(whole.y[:, :128], whole.u[:, :64], whole.v[:, :64])
    cover_picture(window, None, effect)
    assert (whole.y[:, 128:] == noise(160, 96).y[:, 128:]).all()
    assert (whole.y[:, :128] != noise(160, 96).y[:, :128]).mean() > 0.9


def sound(count: int, channels: int = 2, seed: int = 3) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    samples = np.random.default_rng(seed).uniform(-1, 1, (channels, count)).astype(np.float32)
    samples[:, ::7] = -0.0  # bit for bit: also the sign of nothing
    return samples


def spans_around(count: int) -> st.SearchStrategy[Spans]:
    span = st.tuples(
        st.integers(START - 1000, START + count + 1000),
        st.integers(1, 1500),
        st.sampled_from([Effect.MUTE, Effect.TONE]),
    )
    return st.lists(span.map(lambda found: (found[0], found[0] + found[1], found[2])), max_size=5)


@given(spans=spans_around(4000), cuts=st.lists(st.integers(0, 4000), max_size=12))
def test_it_does_not_matter_where_blocks_begin_and_end(spans: Spans, cuts: list[int]) -> None:
    whole, pieces = sound(4000), sound(4000)
    cover_sound(whole, START, spans)
    borders = [0, *sorted(cuts), 4000]
    for start, end in pairwise(borders):
        cover_sound(pieces[:, start:end], START + start, spans)
    assert whole.tobytes() == pieces.tobytes()


@given(spans=spans_around(4000))
def test_nothing_is_left_in_a_span_and_nothing_changes_away_from_all(spans: Spans) -> None:
    one, other = sound(4000, seed=1), sound(4000, seed=2)
    other[:, ::5] = np.nan
    cover_sound(one, START, spans)
    cover_sound(other, START, spans)
    numbers = np.arange(START, START + 4000)
    inside, near = np.zeros(4000, bool), np.zeros(4000, bool)
    for start, end, _ in spans:
        inside |= (start <= numbers) & (numbers < end)
        near |= (start - RAMP <= numbers) & (numbers < end + RAMP)
    assert one[:, inside].tobytes() == other[:, inside].tobytes()
    assert one[:, ~near].tobytes() == sound(4000, seed=1)[:, ~near].tobytes()


def test_muted_sound_is_silent_and_fades_on_both_sides() -> None:
    samples = np.ones((1, 3000), np.float32)
    cover_sound(samples, START, [(START + 1000, START + 2000, Effect.MUTE)])
    assert (samples[0, 1000:2000] == 0).all()
    assert (samples[0, : 1000 - RAMP] == 1).all()
    fade, rise = samples[0, 1000 - RAMP : 1000], samples[0, 2000 : 2000 + RAMP]
    assert (np.diff(fade) < 0).all()
    np.testing.assert_array_equal(fade, rise[::-1])
    assert fade[RAMP // 2] == pytest.approx(0.5, abs=0.01)
    assert np.abs(np.diff(samples)).max() < 0.01


def test_a_tone_has_1_khz_at_minus_18_dbfs_and_goes_on_over_blocks() -> None:
    samples = sound(SAMPLE_RATE, 1)
    for at in range(0, SAMPLE_RATE, 1000):
        cover_sound(samples[:, at : at + 1000], START + at, [(START - 9, START + 2 * SAMPLE_RATE, Effect.TONE)])
    power = np.abs(np.fft.rfft(samples[0])) / (SAMPLE_RATE / 2)
    assert power.argmax() == 1000
    assert power[1000] == pytest.approx(TONE_LEVEL, rel=1e-4)
    assert np.delete(power, 1000).max() < 1e-5
    assert 20 * np.log10(TONE_LEVEL) == pytest.approx(-18)


def test_no_spans_and_no_samples_are_nothing_to_do() -> None:
    samples = sound(100)
    cover_sound(samples, START, [])
    cover_sound(samples[:, :0], START, [(START, START + 9, Effect.TONE)])
    cover_sound(samples, START, [(START + 9, START + 9, Effect.TONE)])
    assert samples.tobytes() == sound(100).tobytes()
