"""The test card: its bar code outlives encoders, flash and beep are one instant, and the clip has no seam.

What the sample host shows for filters to cover is there when it is said to be, and beside all that is to stay.
"""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hls_reader import beeps, flashes, frames
from transcode.testcard import (
    ADDRESS_SECONDS,
    CARD_SECONDS,
    SAMPLE_RATE,
    Picture,
    TestCard,
    draw_code,
    make_clip,
    read_code,
    sound,
)

SIZES = [(320, 180), (640, 360), (854, 480), (1280, 720), (1920, 1080)]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "card.mp4"
    make_clip(path, seconds=3, width=320, height=180, bitrate=200_000)
    return path


def grey(width: int, height: int) -> Picture:
    return np.full((height, width), 90, np.uint8)


@given(st.integers(0, 2**48 - 1), st.sampled_from(SIZES))
def test_a_code_says_its_number_at_every_size(value: int, size: tuple[int, int]) -> None:
    image = grey(*size)
    draw_code(image, value)
    assert read_code(image) == value


@given(st.integers(0, 2**48 - 1), st.sampled_from(SIZES), st.sampled_from(SIZES))
def test_a_code_outlives_scaling_and_noise(value: int, painted: tuple[int, int], shown: tuple[int, int]) -> None:
    image = grey(*painted)
    draw_code(image, value)
    scaled = cv2.resize(image, shown, interpolation=cv2.INTER_AREA).astype(np.float32)
    noise = np.random.default_rng(value).normal(0, 25, scaled.shape)
    assert read_code(np.clip(scaled + noise, 0, 255).astype(np.uint8)) == value


@given(st.integers(0, 2**48 - 1), st.integers(0, 63))
def test_a_code_with_one_wrong_cell_is_not_read(value: int, cell: int) -> None:
    image = grey(320, 180)
    draw_code(image, value)
    row, column = divmod(cell, 32)
    top, left = round((0.90 + 0.04 * row) * 180), round((0.05 + 0.9 / 32 * column) * 320)
    bottom, right = round((0.94 + 0.04 * row) * 180), round((0.05 + 0.9 / 32 * (column + 1)) * 320)
    image[top:bottom, left:right] = 255 - image[top:bottom, left:right]
    assert read_code(image) is None


@pytest.mark.parametrize("luma", [0, 90, 255], ids=["black", "grey", "white"])
def test_a_picture_without_a_code_has_none(luma: int) -> None:
    assert read_code(np.full((180, 320), luma, np.uint8)) is None


@pytest.mark.parametrize("value", [-1, 2**48])
def test_a_number_that_does_not_fit_is_not_drawn(value: int) -> None:
    with pytest.raises(ValueError, match="48 bits"):
        draw_code(grey(320, 180), value)


def test_the_clip_is_what_a_host_sends(small: Path) -> None:
    with av.open(str(small)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height, video.average_rate) == (
            "h264",
            320,
            180,
            Fraction(30),
        )
        assert (audio.codec_context.name, audio.rate, audio.channels) == ("aac", 48000, 2)
        packets = [packet for packet in file.demux(video) if packet.dts is not None]
        assert all(packet.pts == packet.dts for packet in packets), "pictures are not reordered"
        assert [number for number, packet in enumerate(packets) if packet.is_keyframe] == [0, 60]
        assert float(video.duration * video.time_base) == 3  # type: ignore[operator]


def test_its_bar_code_counts_every_frame_through_a_poor_encode(small: Path) -> None:
    assert [code for _, code, _ in frames(small.read_bytes())] == list(range(90))


def test_flash_and_beep_come_at_the_same_instant_each_second(small: Path) -> None:
    media = small.read_bytes()
    assert flashes(media) == pytest.approx([1, 2], abs=0.001)
    within = [beep for beep in beeps(media) if 0.5 < beep < 2.5]  # the last AAC frame reaches past the end
    assert within == pytest.approx([1, 2], abs=0.01)


def test_sound_goes_on_where_a_block_ended() -> None:
    whole = sound(0, SAMPLE_RATE)
    halves = [sound(0, SAMPLE_RATE // 2), sound(SAMPLE_RATE // 2, SAMPLE_RATE // 2)]
    assert np.array_equal(whole, np.concatenate(halves, axis=1))
    assert np.abs(whole).max() <= 0.5, "nobody's ears are hurt"


def test_sixteen_seconds_have_no_seam_in_picture_and_sound() -> None:
    card = TestCard(320, 180)
    first, after = (card.paint(number, "", 0) for number in (0, 16 * 30))
    counter = slice(round(0.54 * 180), round(0.64 * 180))
    first[counter], after[counter] = 0, 0
    assert np.array_equal(first, after)
    assert np.allclose(sound(0, SAMPLE_RATE), sound(16 * SAMPLE_RATE, SAMPLE_RATE), atol=1e-4)


def differs(second: int) -> set[tuple[int, int]]:
    """Return the places (row, column of 20 by 20) where the sample host's picture is not what it was at first."""
    before, now = (TestCard(640, 360, secrets=True).paint(number, "00:00", 7) for number in (0, second * 30))
    rows, columns = np.nonzero((before != now).any(axis=2))
    return set(zip((rows // 18).tolist(), (columns // 32).tolist(), strict=True))


@pytest.mark.parametrize("round_", [0, 1])
def test_the_sample_host_shows_a_card_and_an_address_when_it_is_said_to(round_: int) -> None:
    for second in range(16):
        places = differs(16 * round_ + second)
        assert any(column >= 10 for _, column in places) == (second in CARD_SECONDS), second
        assert any(column < 10 for _, column in places) == (second in ADDRESS_SECONDS), second


def test_what_it_shows_covers_no_other_text_and_no_code() -> None:
    second = next(second for second in CARD_SECONDS if second in ADDRESS_SECONDS)
    written = {(row, column) for row in range(6) for column in range(20)}  # the flash, the name, what is said
    written |= {(row, column) for row in range(6, 13) for column in range(10)}  # the clock, the counter
    written |= {(row, column) for row in range(16, 20) for column in range(20)}  # the bars, the bar code
    assert not differs(second) & written


def test_its_number_is_as_large_as_eyes_and_programs_can_read_at_480p() -> None:
    picture = TestCard(854, 480, secrets=True).paint(CARD_SECONDS[0] * 30, "", 0)
    row = slice(round(0.56 * 480), round(0.64 * 480))
    ink = picture[row, round(0.54 * 854) : round(0.94 * 854)].min(axis=2) > 180
    heights = np.flatnonzero(ink.any(axis=1))
    assert heights.max() - heights.min() >= 16
    digits = np.flatnonzero(np.diff(ink.any(axis=0).astype(int)) == 1)
    assert len(digits) == 16, "digits do not touch"


def test_seconds_in_which_it_shows_something_end_before_the_seam() -> None:
    assert differs(15) == differs(16) == set()


def test_within_a_second_nothing_moves_but_its_code() -> None:
    card = TestCard(640, 360, secrets=True)
    first, *others = (card.paint(CARD_SECONDS[0] * 30 + number, "00:04", 7) for number in range(30))
    assert all(np.array_equal(first, other) for other in others)


def test_only_a_clip_that_speaks_shows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds: list[int] = []
    monkeypatch.setattr(TestCard, "_paint_secrets", lambda card, image, second: seconds.append(second))
    make_clip(tmp_path / "plain.mp4", seconds=2, width=320, height=180)
    assert seconds == []
    make_clip(tmp_path / "sample.mp4", seconds=2, width=320, height=180, speaks=True)
    assert seconds == [0] * 30 + [1] * 30


def test_a_clip_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "media" / "card.mp4"

    def full_disk(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(TestCard, "paint", full_disk)
    with pytest.raises(OSError, match="no space left"):
        make_clip(path, seconds=1, width=320, height=180)
    assert list(path.parent.iterdir()) == []


def test_a_clip_replaces_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "card.mp4"
    path.write_text("an older one")
    make_clip(path, seconds=1, width=320, height=180)
    assert len(list(frames(path.read_bytes()))) == 30
    assert list(tmp_path.iterdir()) == [path]
