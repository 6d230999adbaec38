"""What authors import makes sense, refuses what does not, and loads quickly."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from filters import (
    TICKS,
    AudioFilter,
    Box,
    Detector,
    Effect,
    Finding,
    Kind,
    Picture,
    Planes,
    Sound,
    Unverified,
    Upto,
    VideoFilter,
    audio_filter,
    video_filter,
)


def finding(**changes: Any) -> Finding:
    whole: dict[str, Any] = {"kind": Kind.PICTURE, "start": 0, "end": TICKS, "category": "card-number"}
    return Finding(**(whole | changes))


@pytest.mark.parametrize(
    "changes",
    [
        *[{"start": -1}, {"end": 0}, {"start": 9, "end": 9}, {"end": 0.5}, {"end": 3601 * TICKS}],
        *[{"category": ""}, {"category": "Card"}, {"category": "card number"}, {"category": "x" * 33}],
        *[{"score": 1.5}, {"score": "high"}, {"effect": Effect.TONE}, {"kind": Kind.SOUND, "effect": Effect.FILL}],
        *[{"box": (0, 0, 1, 1)}, {"box": Box(0, 0, 0, 1)}, {"box": Box(0, 0, 1, 1 << 17)}],
        {"kind": Kind.SOUND, "box": Box(0, 0, 1, 1)},
    ],
)
def test_a_finding_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        finding(**changes)


def test_what_hides_most_is_meant_unless_something_else_is_said() -> None:
    assert finding().covering is Effect.FILL
    assert finding(kind=Kind.SOUND).covering is Effect.MUTE
    assert finding(effect=Effect.BLUR).covering is Effect.BLUR


@pytest.mark.parametrize("arguments", [(-1, 0, Box(0, 0, 1, 1)), (0, -1, Box(0, 0, 1, 1)), (0, 0, Box(0, 0, 1, -1))])
def test_a_region_that_makes_no_sense_is_refused(arguments: tuple[int, int, Box]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Unverified(*arguments)


def test_a_function_becomes_a_filter() -> None:
    @video_filter
    def invert(image: Any, t: float, *, by: int = 255) -> Any:
        """Turn dark into light."""
        return by - image

    @audio_filter
    def half(samples: Any, t: float) -> Any:
        return samples / 2

    @video_filter(pixels="yuv")
    def dark(image: Planes, t: float) -> Planes:
        return image

    assert invert(by=200).picture(np.uint8(50), 0.0) == 150
    assert issubclass(invert, VideoFilter)
    assert (invert.__name__, invert.__doc__, invert.pixels) == ("invert", "Turn dark into light.", "bgr")
    assert issubclass(half, AudioFilter)
    assert half().sound(np.full((1, 1), 4, np.float32), 0.0)[0, 0] == 2
    assert dark.pixels == "yuv"


def test_a_detector_takes_what_it_overrides() -> None:
    class Eyes(Detector):
        def picture(self, picture: Picture) -> list[Finding]:
            return []

    class Both(Eyes):
        def sound(self, sound: Sound) -> list[Finding]:
            return []

    assert Eyes().takes == {Kind.PICTURE}
    assert Both().takes == {Kind.PICTURE, Kind.SOUND}
    assert Detector().takes == frozenset()
    assert Eyes().clearance(Upto(3, 4)) == (3, 4)


@pytest.mark.parametrize("module", ["filters", "filters.spec", "filters.errors", "filters.registry", "filters.options"])
def test_what_the_command_line_needs_loads_no_library(module: str) -> None:
    code = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert not {"numpy", "cv2", "PIL", "av"} & set(json.loads(ran.stdout))
