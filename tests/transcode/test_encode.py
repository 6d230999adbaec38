"""Encoders: what presets promise, which one is taken, and what becomes of a rung whose hardware fails on the way."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from ingest.media import Codec, Kind, Track
from tests.support.media import decode
from tests.support.segments import check_rendition, segments_of
from transcode import rung as rungs
from transcode.cmaf.avc import parse_avc
from transcode.cmaf.packer import Unit
from transcode.encode import (
    HARDWARE,
    SOFTWARE,
    Encoder,
    EncoderError,
    open_encoder,
    options,
    threads_for,
)
from transcode.ladder import PRESETS
from transcode.lane import Inline
from transcode.media import Cut, FrameRate, Init, PartItem, Plan, Rung
from transcode.opening import PART_TARGET

RATE = FrameRate(30, 1)
RUNG = Rung("120p", 160, 120, 1, 300_000)
DELAYS = {"fast": 0, "balanced": 0, "quality": 10}


def picture(number: int, size: tuple[int, int] = (160, 120)) -> av.VideoFrame:
    width, height = size
    planes = np.random.default_rng(number).integers(40, 200, (height * 3 // 2, width), np.uint8)
    planes[height:] = 128
    return av.VideoFrame.from_ndarray(planes, "yuv420p")


@pytest.mark.parametrize("preset", PRESETS)
def test_pictures_leave_in_order_and_no_later_than_the_preset_says(preset: str) -> None:
    encoder = open_encoder(RUNG, RATE, preset, (SOFTWARE,))
    numbers = []
    for number in range(40):
        numbers += [unit.number for unit in encoder.encode(picture(number), number, number == 0)]
        # Threads hold back a picture each; so small a rung has one.
        assert len(numbers) == max(0, number + 1 - DELAYS[preset])
    numbers += [unit.number for unit in encoder.flush()]
    assert numbers == list(range(40))


@pytest.mark.parametrize("preset", PRESETS)
def test_keyframes_come_when_they_are_asked_for_and_never_else(preset: str) -> None:
    encoder = open_encoder(RUNG, RATE, preset, (SOFTWARE,))
    units = []
    for number in range(300):
        frame = picture(number if number % 50 else 1000 + number)  # every 50th is another scene
        frame.pict_type = av.video.frame.PictureType.I  # as a host's keyframe comes out of the decoder
        units += list(encoder.encode(frame, number, number in (0, 70, 71, 200)))
    units += list(encoder.flush())
    assert [unit.number for unit in units if unit.keyframe] == [0, 70, 71, 200]
    for unit in units:
        kinds = {unit.data[4] & 0x1F}
        assert (5 in nal_types(bytes(unit.data))) == unit.keyframe, kinds


def nal_types(data: bytes) -> set[int]:
    found, at = set(), 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        found.add(data[at + 4] & 0x1F)
        at += 4 + length
    assert at == len(data)
    return found


def test_the_peak_bit_rate_is_kept_over_a_second() -> None:
    """Noise wants far more than the cap: no second of it, wherever it begins, takes more than the buffer beside it."""
    encoder = open_encoder(RUNG, RATE, "fast", (SOFTWARE,))
    sizes = [len(unit.data) for n in range(240) for unit in encoder.encode(picture(n), n, n % 60 == 0)]
    seconds = [8 * sum(sizes[start : start + 30]) for start in range(30, 210)]
    assert max(seconds) <= 1.65 * RUNG.bit_rate
    assert sum(sizes[60:]) * 8 / 6 <= 1.1 * RUNG.bit_rate


def test_the_record_says_what_players_need() -> None:
    encoder = open_encoder(RUNG, FrameRate(30_000, 1001), "balanced", (SOFTWARE,))
    avc = parse_avc(encoder.track.config)
    assert (avc.width, avc.height, avc.sample_aspect_ratio) == (160, 120, Fraction(1))
    assert avc.frame_rate == Fraction(30_000, 1001)
    assert avc.codecs.startswith("avc1.64")


@pytest.mark.parametrize("preset", PRESETS)
def test_two_encoders_of_a_rung_have_the_same_parameter_sets(preset: str) -> None:
    """So that one can go on where another stopped, in the middle of a segment."""
    one, two = (open_encoder(RUNG, RATE, preset, (SOFTWARE,)) for _ in range(2))
    assert one.track == two.track


def test_captions_and_notes_of_the_host_are_not_passed_on() -> None:
    for codec in (SOFTWARE, *HARDWARE):
        for preset in PRESETS:
            chosen = options(codec, preset, 1_000_000)
            assert (chosen["a53cc"], chosen["udu_sei"]) == ("0", "0")


def test_threads_are_as_few_as_keep_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcode.encode.processors", lambda: 16)
    large = Rung("1080p", 1920, 1080, 1, 1)
    assert [threads_for(Rung("720p", 1280, 720, 1, 1), 30, preset) for preset in PRESETS] == [1, 1, 2]
    assert [threads_for(large, 30, preset) for preset in PRESETS] == [1, 2, 3]
    assert [threads_for(large, 60, preset) for preset in PRESETS] == [2, 3, 5]
    assert threads_for(Rung("2160p60", 3840, 2160, 1, 1), 60, "fast") == 6
    monkeypatch.setattr("transcode.encode.processors", lambda: 2)
    assert threads_for(large, 60, "quality") == 2


def test_an_encoder_that_is_not_there_gives_way_to_the_next() -> None:
    encoder = open_encoder(RUNG, RATE, "fast", ("h264_of_tomorrow", SOFTWARE))
    assert encoder.name == SOFTWARE
    with pytest.raises(EncoderError, match="h264_of_tomorrow"):
        open_encoder(RUNG, RATE, "fast", ("h264_of_tomorrow",))


def test_hardware_is_taken_only_where_it_gives_a_picture() -> None:
    """On a machine without it libavcodec has the encoder, and it does not start."""
    encoder = open_encoder(RUNG, RATE, "fast")
    assert next(iter(encoder.encode(picture(0), 0, True))).keyframe


class Failing:
    """Hardware that works until its driver is gone."""

    name = "h264_nvenc"

    def __init__(self, inner: Encoder, last: int) -> None:
        self._inner = inner
        self._last = last
        sets = inner.track.config
        self.track = Track(Kind.VIDEO, Codec.H264, sets[:1] + sets[1:])

    def encode(self, frame: av.VideoFrame, number: int, keyframe: bool) -> Iterator[Unit]:
        if number > self._last:
            raise EncoderError("h264_nvenc failed: no device")
        yield from self._inner.encode(frame, number, keyframe)

    def flush(self) -> Iterator[Unit]:
        yield from ()


def test_hardware_that_fails_at_the_end_costs_its_last_frames_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Stuck(Failing):
        def flush(self) -> Iterator[Unit]:
            raise EncoderError("h264_nvenc failed: no device")

    hardware = Stuck(open_encoder(RUNG, RATE, "fast", (SOFTWARE,)), 1000)
    monkeypatch.setattr(rungs, "open_encoder", lambda *_: hardware)
    plan = Plan((RUNG,), None, RATE, "fast", 2, PART_TARGET)
    made: list[PartItem] = []
    lane = rungs.RungLane(plan, RUNG, Inline(), made.extend, None)
    lane.cut(Cut(0, 0), 0)
    for number in range(30):
        lane.picture(picture(number), number)
    lane.end(30)
    assert [segment.duration for segment in segments_of(made, RUNG.name)] == [30_000]
    assert "its last frames are lost" in caplog.text


def test_rungs_of_one_size_stamp_frames_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[av.VideoFrame]] = {}

    class Noting(Failing):
        def __init__(self, inner: Encoder, rung: Rung) -> None:
            super().__init__(inner, 1000)
            self._frames = seen.setdefault(rung.name, [])

        def encode(self, frame: av.VideoFrame, number: int, keyframe: bool) -> Iterator[Unit]:
            self._frames.append(frame)
            yield from super().encode(frame, number, keyframe)

    real = open_encoder
    monkeypatch.setattr(rungs, "open_encoder", lambda rung, *rest: Noting(real(rung, *rest), rung))
    below = replace(RUNG, name="again")
    plan = Plan((RUNG, below), None, RATE, "fast", 2, PART_TARGET)
    lanes = [rungs.RungLane(plan, rung, Inline(), lambda _: None, None) for rung in plan.rungs]
    lanes[0].feeds(lanes[1])
    for lane in lanes:
        lane.cut(Cut(0, 0), 0)
    for number in range(3):
        lanes[0].picture(picture(number), number)
    for mine, other in zip(seen[RUNG.name], seen["again"], strict=True):
        assert mine is not other
        assert mine.planes[0].buffer_ptr == other.planes[0].buffer_ptr, "one picture in memory"


@pytest.mark.parametrize("last", [0, 25, 58, 59, 75])
def test_a_rung_whose_hardware_fails_goes_on_in_software_with_the_next_segment(
    last: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = open_encoder

    def first_hardware(rung: Rung, rate: FrameRate, preset: str, codecs: tuple[str, ...] = ("hw",)) -> Encoder:
        if codecs == (SOFTWARE,):
            return real(rung, rate, "quality", codecs)  # whose parameter sets are others
        return Failing(real(rung, rate, preset, (SOFTWARE,)), last)

    monkeypatch.setattr(rungs, "open_encoder", first_hardware)
    plan = Plan((RUNG,), None, RATE, "fast", 2, PART_TARGET)
    made: list[PartItem] = []
    lane = rungs.RungLane(plan, RUNG, Inline(), made.extend, None)
    for msn in range(4):
        lane.cut(Cut(msn, msn * 180_000), msn * 60)
    for number in range(240):
        lane.picture(picture(number), number)
    lane.end(240)
    segments = segments_of(made, RUNG.name)
    check_rendition(segments, plan, True)
    assert [segment.msn for segment in segments] == [0, 1, 2, 3]
    assert [segment.duration for segment in segments] == 4 * [60_000]
    failed = (last + 1) // 60
    assert [sum(len(chunk.rows) for chunk in segment.chunks) for segment in segments] == [
        60 if msn != failed else last + 1 - 60 * failed for msn in range(4)
    ]
    assert sum(isinstance(item, Init) for item in made) == 2
    assert "no device" in caplog.text
    after = [item for item in made if getattr(item, "msn", failed + 1) > failed or isinstance(item, Init)][1:]
    assert len(list(decode(after, RUNG.name))) == 60 * (3 - failed)
