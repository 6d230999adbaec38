"""Colour: what a decoded picture's numbers mean, and HDR and wide-gamut colours as BT.709 ones. Pure, no I/O.

Code points are those of ITU-T H.273, which decoders put on their frames.
"""

import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc

Floats = npt.NDArray[np.float64]

BT709_MATRIX = 1
"""MatrixCoefficients of BT.709 (H.273, table 4)."""

REFERENCE_WHITE = 203.0
"""Luminance of diffuse white in HDR, cd/m² (ITU-R BT.2408, 2.2): what SDR shows as its white."""
PEAK = 1000.0
"""Luminance that HDR is taken to reach, cd/m²; what is brighter is shown as white."""

_BT601_MATRIX = 6
_BT2020_MATRIX = 9
_MATRICES = (BT709_MATRIX, 4, 5, _BT601_MATRIX, 7, _BT2020_MATRIX)  # those that the scaler knows
_HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)

_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])  # BT.2020, table 4
_LUMA_709 = np.array([0.2126, 0.7152, 0.0722])  # BT.709, 3.2
_2020_TO_709 = np.array(  # linear light; BT.2087, annex 2
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
_SDR_GAMMA = 2.4  # BT.1886


def matrix(code: int, transfer: int, primaries: int, width: int, height: int) -> int:
    """Return the matrix that a picture's YUV was made with; where it does not say, what its size stands for."""
    if code in _MATRICES:
        return code
    if beyond_709(transfer, primaries):
        return _BT2020_MATRIX
    return _BT601_MATRIX if height < 720 and width <= 1024 else BT709_MATRIX


def color_range(code: int, pixel_format: str) -> ColorRange:
    """Return full (JPEG) or limited (MPEG) range; limited where the picture does not say."""
    full = code == ColorRange.JPEG or pixel_format.startswith("yuvj")
    return ColorRange.JPEG if full else ColorRange.MPEG


def beyond_709(transfer: int, primaries: int) -> bool:
    """Whether a picture is HDR or of wide gamut, so that its light has to be converted, see ``to_sdr``."""
    return transfer in _HDR or primaries == ColorPrimaries.BT2020


def to_sdr(signal: Floats, transfer: int, primaries: int) -> Floats:
    """Return the BT.709 signal that looks like ``signal``; both are non-linear R'G'B', 0 to 1, shape (..., 3).

    PQ and HLG (ITU-R BT.2100, tables 4 and 5; HLG as on a display of 1,000 cd/m²) are tone-mapped by the EETF of ITU-R
    BT.2390-11, 5.4.1, from ``PEAK`` to ``REFERENCE_WHITE``, applied to the largest of R, G and B, which keeps hue and
    saturation: light below about 90 cd/m² stays as it is. BT.2020 primaries (assumed for HDR that names none) become
    BT.709's; colours that BT.709 does not have move towards grey of their luminance until it has them. The display is
    that of BT.1886.
    """
    if transfer in _HDR:
        light = _pq_light(signal) if transfer == ColorTrc.SMPTE2084 else _hlg_light(signal)
        brightest = light.max(axis=-1, keepdims=True)
        light = light * (_tone_map(brightest) / np.maximum(brightest, 1e-9))
        light /= REFERENCE_WHITE
    else:
        light = signal**_SDR_GAMMA
    if primaries != ColorPrimaries.BT709:
        light = _into_gamut(light @ _2020_TO_709.T)
    return np.clip(light, 0, 1) ** (1 / _SDR_GAMMA)


def cube(transfer: int, primaries: int, size: int = 33) -> str:
    """Return ``to_sdr`` as a table of ``size``³ points in Adobe's .cube format (1.0), red changing fastest."""
    steps = np.linspace(0, 1, size)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    table = to_sdr(np.stack((red, green, blue), axis=-1), transfer, primaries)
    rows = (f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in table.reshape(-1, 3).tolist())
    return "\n".join([f"LUT_3D_SIZE {size}", *rows, ""])


_M1, _M2 = 2610 / 16384, 2523 / 32
_C1, _C2, _C3 = 3424 / 4096, 2413 / 128, 2392 / 128


def _pq_light(signal: Floats) -> Floats:
    root = signal ** (1 / _M2)
    light: Floats = 10_000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)
    return light


def _pq_signal(light: Floats) -> Floats:
    root = (light / 10_000) ** _M1
    signal: Floats = ((_C1 + _C2 * root) / (1 + _C3 * root)) ** _M2
    return signal


def _hlg_light(signal: Floats) -> Floats:
    a = 0.17883277
    b = 1 - 4 * a
    c = 0.5 - a * np.log(4 * a)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = (scene @ _LUMA_2020)[..., np.newaxis]
    light: Floats = PEAK * luminance**0.2 * scene  # the OOTF for a display of 1,000 cd/m²
    return light


def _tone_map(light: Floats) -> Floats:
    """Bring ``light`` (cd/m²) of up to ``PEAK`` below ``REFERENCE_WHITE``."""
    peak = _pq_signal(np.array(PEAK))
    white = _pq_signal(np.array(REFERENCE_WHITE)) / peak
    knee = 1.5 * white - 0.5
    signal = np.minimum(_pq_signal(light) / peak, 1)
    t = np.maximum(signal - knee, 0) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * white
    return _pq_light(np.where(signal < knee, signal, spline) * peak)


def _into_gamut(light: Floats) -> Floats:
    """Desaturate just as much as is needed to have R, G and B within 0 to 1."""
    grey = np.clip(light @ _LUMA_709, 0, 1)[..., np.newaxis]
    chroma = light - grey
    room = np.where(chroma > 0, 1 - grey, grey)
    kept = np.min(np.minimum(room / np.maximum(np.abs(chroma), 1e-9), 1), axis=-1, keepdims=True)
    within: Floats = grey + chroma * kept
    return within
