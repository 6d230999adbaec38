"""Plain filters act in order on the same picture, and one that does not do as it has promised is named."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import filters.chain
from filters import (
    AudioFilter,
    Detector,
    Filter,
    FilterError,
    Planes,
    SpecError,
    Stream,
    VideoFilter,
    audio_filter,
    video_filter,
)
from filters.chain import Chain
from filters.pixels import bgr_of, planes_of
from filters.registry import make
from filters.spec import parse
from tests.filters.conftest import Write

STREAM = Stream(640, 360, 30.0, 2)


def planes(level: int = 100) -> Planes:
    return planes_of(np.full((360, 640, 3), level, np.uint8))


def block() -> Any:
    return np.linspace(-1, 1, 2048, dtype=np.float32).reshape(2, 1024)


def chain(*functions: Any) -> Chain:
    made = Chain([(f"f{number}", function()) for number, function in enumerate(functions)])
    made.open(STREAM)
    return made


@video_filter
def lighter(image: Any, t: float) -> Any:
    image += 10
    return image


@video_filter
def darker(image: Any, t: float) -> Any:
    return image // 2


@video_filter(pixels="yuv")
def grey(image: Planes, t: float) -> None:
    image.u[:] = 128
    image.v[:] = 128


@audio_filter
def half(samples: Any, t: float) -> Any:
    return samples * np.float32(0.5)


def test_filters_act_in_order() -> None:
    assert abs(int(bgr_of(chain(lighter, darker).picture(planes(), 0)).mean()) - 55) <= 1
    assert abs(int(bgr_of(chain(darker, lighter).picture(planes(), 0)).mean()) - 60) <= 1


def test_neighbours_share_one_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(convert: Callable[..., Any], name: str) -> Callable[..., Any]:
        return lambda given: calls.append(name) or convert(given)  # type: ignore[func-returns-value]

    monkeypatch.setattr(filters.chain, "bgr_of", counted(bgr_of, "bgr"))
    monkeypatch.setattr(filters.chain, "planes_of", counted(planes_of, "planes"))
    chain(lighter, darker, grey, lighter).picture(planes(), 0)
    assert calls == ["bgr", "planes", "bgr", "planes"]
    calls.clear()
    chain(grey, grey).picture(planes(), 0)
    assert calls == []


def test_planes_may_be_changed_in_place_or_given_back_the_same_or_new() -> None:
    @video_filter(pixels="yuv")
    def new(image: Planes, t: float) -> Planes:
        return Planes(image.y + np.uint8(5), image.u, image.v)

    @video_filter(pixels="yuv")
    def same(image: Planes, t: float) -> Planes:
        image.y[:] += 5
        return image

    given = planes()
    before = int(given.y[0, 0])
    shown = chain(grey, new, same).picture(given, 0)
    assert int(shown.y[0, 0]) == before + 10
    assert shown is given


def test_it_says_what_it_acts_on() -> None:
    assert (chain(lighter).pictures, chain(lighter).sounds) == (True, False)
    assert (chain(half).pictures, chain(half).sounds) == (False, True)
    assert (chain().pictures, chain().sounds) == (False, False)


def test_what_does_not_concern_it_passes_untouched() -> None:
    given, samples = planes(), block()
    assert chain(half).picture(given, 0) is given
    assert chain(lighter).sound(samples, 0) is samples


def test_sound_passes_through_all_of_them() -> None:
    np.testing.assert_allclose(chain(half, half).sound(block(), 0), block() / 4)


def test_a_picture_that_a_filter_shows_again_is_not_written_into_by_the_next() -> None:
    class Freeze(VideoFilter):
        def open(self, stream: Stream) -> None:
            self.kept = np.full((stream.height, stream.width, 3), 50, np.uint8)

        def picture(self, image: Any, t: float) -> Any:
            return self.kept

    made = chain(Freeze, lighter)
    for _ in range(3):
        assert abs(int(bgr_of(made.picture(planes(), 0)).mean()) - 60) <= 1


def test_windows_on_arrays_are_taken() -> None:
    @video_filter
    def mirror(image: Any, t: float) -> Any:
        return image[:, ::-1]

    @video_filter
    def flat(image: Any, t: float) -> Any:
        return np.broadcast_to(np.uint8(70), image.shape)

    assert abs(int(bgr_of(chain(mirror, flat, lighter, mirror).picture(planes(), 0)).mean()) - 80) <= 1


BAD_PICTURES: list[tuple[Callable[[Any], Any], str]] = [
    (lambda image: image[..., 0], "returned a picture of shape (360, 640), not (360, 640, 3)"),
    (lambda image: image[:100], "returned a picture of shape (100, 640, 3), not (360, 640, 3)"),
    (lambda image: image * 0.5, "returned a picture of float64, not uint8: use .astype('uint8')"),
    (lambda image: None, "returned nothing: end it with return"),
    (lambda image: "x", "returned str, not a picture as a numpy array"),
]
BAD_PLANES: list[tuple[Callable[[Any], Any], str]] = [
    (lambda image: image.y, "returned ndarray, not Planes"),
    (lambda image: (image.y, image.u), "returned tuple, not Planes"),
    (lambda image: (image.y, image.y, image.v), "returned a plane u of shape (360, 640), not (180, 320)"),
]
BAD_SOUNDS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda samples: samples[:, 1:], "returned sound of shape (2, 1023), not (2, 1024)"),
    (lambda samples: samples.astype(np.float64), "returned sound of float64, not float32: use .astype('float32')"),
    (lambda samples: samples * np.float32("nan"), "returned sound with samples that are no numbers"),
    (lambda samples: None, "returned nothing"),
]


@pytest.mark.parametrize(("change", "told"), BAD_PICTURES)
def test_a_wrong_picture_is_an_error_that_names_the_filter(change: Callable[[Any], Any], told: str) -> None:
    made = chain(lighter, video_filter(lambda image, t: change(image)))
    with pytest.raises(FilterError) as raised:
        made.picture(planes(), 0)
    assert str(raised.value).startswith(f"filter f1: {told}")
    assert str(raised.value).endswith(" (test_chain.py)")


@pytest.mark.parametrize(("change", "told"), BAD_PLANES)
def test_wrong_planes_are_an_error(change: Callable[[Any], Any], told: str) -> None:
    made = chain(video_filter(pixels="yuv")(lambda image, t: change(image)))
    with pytest.raises(FilterError) as raised:
        made.picture(planes(), 0)
    assert told in str(raised.value)


@pytest.mark.parametrize(("change", "told"), BAD_SOUNDS)
def test_wrong_sound_is_an_error(change: Callable[[Any], Any], told: str) -> None:
    made = chain(half, audio_filter(lambda samples, t: change(samples)))
    with pytest.raises(FilterError) as raised:
        made.sound(block(), 0)
    assert told in str(raised.value)


def test_an_error_names_file_and_line(write: Write) -> None:
    path = write(
        "my_filter.py",
        "from filters import video_filter\n\n@video_filter\ndef invert(image, t):\n    return image[0]\n\n"
        "@video_filter\ndef broken(image, t):\n    raise ValueError('no\\nway')\n",
    )
    titles = [f"{path}:invert", f"{path}:broken"]
    for text, told in zip(
        titles,
        (
            "filter my_filter.py:invert: returned a picture of shape (640, 3), not (360, 640, 3) (my_filter.py)",
            "filter my_filter.py:broken: ValueError: no way (my_filter.py, line 9)",
        ),
        strict=True,
    ):
        spec = parse(text)
        made = Chain([(spec.title, make(spec))])
        made.open(STREAM)
        with pytest.raises(FilterError) as raised:
            made.picture(planes(), 0)
        assert str(raised.value) == told


class Door(AudioFilter):
    """Keeps a list of who came and went."""

    def __init__(self, name: str, log: list[str], fails: str = "") -> None:
        self.name, self.log, self.fails = name, log, fails

    def open(self, stream: Stream) -> None:
        self.step("open")

    def close(self) -> None:
        self.step("close")

    def step(self, what: str) -> None:
        self.log.append(f"{what} {self.name}")
        if self.fails == what:
            raise OSError(f"cannot {what}")


def doors(log: list[str], **fails: str) -> list[tuple[str, Filter]]:
    return [(name, Door(name, log, fails.get(name, ""))) for name in "abc"]


def test_what_is_open_is_closed_in_the_opposite_order_and_once() -> None:
    log: list[str] = []
    made = Chain(doors(log))
    made.open(STREAM)
    made.close()
    made.close()
    assert log == ["open a", "open b", "open c", "close c", "close b", "close a"]


def test_one_that_does_not_open_is_named_and_those_before_it_are_closed() -> None:
    log: list[str] = []
    with pytest.raises(FilterError, match=r"filter b: OSError: cannot open \(test_chain.py, line \d+\)"):
        Chain(doors(log, b="open")).open(STREAM)
    assert log == ["open a", "open b", "close a"]


def test_one_that_does_not_close_keeps_no_other_open() -> None:
    log: list[str] = []
    made = Chain(doors(log, c="close"))
    made.open(STREAM)
    with pytest.raises(FilterError, match="filter c: OSError: cannot close"):
        made.close()
    assert log[3:] == ["close c", "close b", "close a"]


def test_what_a_filter_says_on_purpose_is_told_as_it_is() -> None:
    @video_filter
    def choosy(image: Any, t: float) -> Any:
        raise SpecError("it needs a larger picture")

    with pytest.raises(FilterError, match=r"^filter f0: it needs a larger picture$"):
        chain(choosy).picture(planes(), 0)


def test_only_plain_filters_are_taken_and_only_pixels_that_there_are() -> None:
    class Odd(VideoFilter):
        pixels = "rgb"  # type: ignore[assignment]

    with pytest.raises(FilterError, match="filter d: it is no plain filter"):
        Chain([("d", Detector())])
    with pytest.raises(FilterError, match="its pixels are 'bgr' or 'yuv', not 'rgb'"):
        Chain([("o", Odd())])


def test_an_interrupt_is_nobodys_fault() -> None:
    @video_filter
    def stop(image: Any, t: float) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        chain(stop).picture(planes(), 0)
