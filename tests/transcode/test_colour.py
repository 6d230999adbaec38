"""Colour: which matrix a picture has, and what HDR and wide-gamut light looks like in BT.709."""

from itertools import pairwise

import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc
from hypothesis import given
from hypothesis import strategies as st

from transcode.colour import PEAK, REFERENCE_WHITE, beyond_709, color_range, cube, matrix, to_sdr

PQ, HLG, SDR = ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67, ColorTrc.BT709
WIDE, NARROW, UNSAID = ColorPrimaries.BT2020, ColorPrimaries.BT709, ColorPrimaries.UNSPECIFIED
UNSPECIFIED = 2

# Signals of BT.2100 for some luminances in cd/m² (BT.2408, table 1 and 3).
PQ_SIGNALS = {0: 0.0, 1: 0.150, 26: 0.380, 100: 0.508, 203: 0.581, 1000: 0.752, 10_000: 1.0}
HLG_WHITE = 0.75


def grey(signal: float, transfer: int, primaries: int = WIDE) -> float:
    red, green, blue = to_sdr(np.full(3, signal), transfer, primaries)
    assert max(red, green, blue) - min(red, green, blue) < 0.002, "grey is not neutral"
    return float(green)


class TestWhatAPictureIs:
    @pytest.mark.parametrize("code", [1, 4, 5, 6, 7, 9])
    def test_a_matrix_that_is_told_is_taken(self, code: int) -> None:
        assert matrix(code, SDR, NARROW, 64, 64) == code

    @pytest.mark.parametrize(
        ("width", "height", "code"),
        [(720, 576, 6), (1024, 576, 6), (640, 480, 6), (1280, 720, 1), (1920, 1080, 1), (1280, 640, 1), (720, 1280, 1)],
    )
    def test_one_that_is_not_goes_by_size(self, width: int, height: int, code: int) -> None:
        assert matrix(UNSPECIFIED, SDR, UNSAID, width, height) == code

    @pytest.mark.parametrize(("transfer", "primaries"), [(PQ, UNSAID), (HLG, UNSAID), (SDR, WIDE)])
    def test_hdr_and_wide_gamut_have_that_of_bt_2020(self, transfer: int, primaries: int) -> None:
        assert beyond_709(transfer, primaries)
        assert matrix(UNSPECIFIED, transfer, primaries, 640, 360) == 9

    def test_range_is_limited_unless_told(self) -> None:
        assert color_range(ColorRange.UNSPECIFIED, "yuv420p") == ColorRange.MPEG
        assert color_range(ColorRange.JPEG, "yuv420p") == ColorRange.JPEG
        assert color_range(ColorRange.UNSPECIFIED, "yuvj420p") == ColorRange.JPEG


class TestLight:
    def test_pq_reference_white_is_near_the_white_of_sdr(self) -> None:
        assert 0.85 < grey(PQ_SIGNALS[203], PQ) < 0.95

    def test_hlg_reference_white_is_the_same(self) -> None:
        assert grey(HLG_WHITE, HLG) == pytest.approx(grey(PQ_SIGNALS[203], PQ), abs=0.01)

    @pytest.mark.parametrize("nits", [1, 26])
    def test_what_is_not_bright_stays_as_it_is(self, nits: int) -> None:
        assert grey(PQ_SIGNALS[nits], PQ) == pytest.approx((nits / REFERENCE_WHITE) ** (1 / 2.4), abs=0.005)

    def test_black_is_black_and_the_peak_is_white(self) -> None:
        assert grey(0, PQ) == grey(0, HLG) == 0
        assert grey(PQ_SIGNALS[int(PEAK)], PQ) == pytest.approx(1, abs=0.002)
        assert grey(1, HLG) == pytest.approx(1, abs=0.002)
        assert grey(1, PQ) == pytest.approx(1, abs=0.002)

    @pytest.mark.parametrize("transfer", [PQ, HLG])
    def test_brighter_is_brighter_up_to_the_peak(self, transfer: int) -> None:
        brightest = PQ_SIGNALS[int(PEAK)] if transfer == PQ else 1
        levels = [grey(float(signal), transfer) for signal in np.linspace(0.01, brightest - 0.005, 100)]
        assert all(lower < higher for lower, higher in pairwise(levels))

    def test_sdr_grey_of_wide_gamut_is_the_same_grey(self) -> None:
        assert grey(0.6, SDR) == pytest.approx(0.6, abs=0.001)

    def test_bt_709_red_in_bt_2020_is_full_red(self) -> None:
        in_2020 = np.array([0.6274, 0.0691, 0.0164]) ** (1 / 2.4)  # BT.2087, annex 1
        assert to_sdr(in_2020, SDR, WIDE) == pytest.approx([1, 0, 0], abs=0.05)

    def test_hdr_of_bt_709_primaries_keeps_them(self) -> None:
        red, green, blue = to_sdr(np.array([0.5, 0.0, 0.0]), PQ, NARROW)
        assert red > 0.5
        assert green == blue == 0

    def test_a_colour_that_bt_709_lacks_keeps_its_hue(self) -> None:
        red, green, blue = to_sdr(np.array([0.1, 0.55, 0.1]), PQ, WIDE)
        assert green > 0.8
        assert max(red, blue) < 0.5

    @given(st.tuples(*[st.floats(0, 1)] * 3), st.sampled_from([PQ, HLG, SDR]), st.sampled_from([WIDE, NARROW]))
    def test_every_colour_has_one_in_bt_709(
        self, signal: tuple[float, float, float], transfer: int, primaries: int
    ) -> None:
        shown = to_sdr(np.array(signal), transfer, primaries)
        assert np.isfinite(shown).all()
        assert shown.min() >= 0
        assert shown.max() <= 1


def test_a_cube_lists_red_fastest() -> None:
    size, *rows = cube(PQ, NARROW, size=3).splitlines()
    assert size == "LUT_3D_SIZE 3"
    assert len(rows) == 27
    assert rows[0] == "0.000000 0.000000 0.000000"
    red, green, blue = map(float, rows[1].split())
    assert red > 0
    assert green == blue == 0
