"""Every codec that a host may send, from FFmpeg's FLV tags to what players decode: transcoded, and passed on.

The pictures are greys that count, of 30 a second; the sound is a tone of 440 Hz.
"""

import io

import av
import numpy as np
import pytest

from ingest.media import Codec, Kind, Packet, Track
from ingest.rtmp.flv import FlvReader, Item, OtherTrack
from tests.support.codecs import PICTURES, SOUNDS, clip, encoded, tags_of
from tests.support.media import GREYS, Clip, decode, number_of
from tests.support.segments import check_rendition, segments_of
from tests.support.stage import Stage
from transcode import decode as decode_module
from transcode.cmaf.codecs import PLAYABLE, parse_audio, parse_video
from transcode.cutter import Cutter
from transcode.decode import VideoDecoder
from transcode.ladder import Encoding, parse_ladder
from transcode.media import TIMELINE, AudioFormat, End, Init, PartItem, Plan, TimedPacket, VideoFormat
from transcode.opening import Opening
from transcode.passthrough import Passthrough
from transcode.timekeeper import Timekeeper

MS = TIMELINE // 1000
SECONDS = 3


def source(made: Clip) -> tuple[Plan, list[PartItem]]:
    """What a ``source`` room makes of a host's stream."""
    keeper, opening = Timekeeper(0), Opening(Encoding(parse_ladder("source")))
    keeper.connect()
    for track in made.tracks:
        opening.track(track)
        if track.kind is Kind.AUDIO:
            sound = parse_audio(track)
            keeper.audio(sound.sample_rate, sound.samples)
    for packet in made.packets:
        timed = keeper.packet(packet, packet.stamp * MS)
        assert timed is not None
        if opening.plan is None:
            opening.packet(timed)
        else:
            opening.packets.append(timed)
    assert opening.plan is not None
    cutter = Cutter(0, opening.plan.target_duration, bool(opening.plan.rungs))
    passthrough = Passthrough(opening.plan)
    items: list[PartItem] = []
    for track in made.tracks:
        items += passthrough.feed(track)
    for held in opening.packets:
        for item in cutter.packet(held):
            items += passthrough.feed(item)
    items += passthrough.feed(End(cutter.media_end))
    return opening.plan, items


def frequency(items: list[PartItem]) -> tuple[float, float]:
    """What the sound is tuned to (Hz), and how long it is (seconds)."""
    frames = [frame for frame in decode(items, "audio") if isinstance(frame, av.AudioFrame)]
    blocks = []
    for frame in frames:
        samples = frame.to_ndarray().astype(float)
        blocks.append(samples[0] if frame.format.is_planar else samples[0][:: frame.layout.nb_channels])
    wave = np.concatenate(blocks)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    rate = frames[0].sample_rate
    return float(spectrum.argmax()) * rate / len(wave), len(wave) / rate


def counts(numbers: list[int]) -> None:
    """Each of a host's pictures is there, in order: a lossy grey may be the next one."""
    first = numbers[0]
    assert all(min((n - first - m) % GREYS, (first + m - n) % GREYS) <= 1 for m, n in enumerate(numbers)), numbers


@pytest.mark.parametrize("codec", PICTURES)
def test_a_picture_is_transcoded(codec: str) -> None:
    made = clip(codec, None, SECONDS)
    stage = Stage(made).play(made.packets).end()
    assert stage.plan.frame_rate.numerator == 30
    (rung,) = stage.plan.rungs
    assert (rung.width, rung.height) == (64, 64)
    numbers = stage.numbers(rung.name)
    assert len(numbers) >= SECONDS * 30 - 4
    counts(numbers)


@pytest.mark.parametrize("codec", SOUNDS)
def test_a_sound_is_transcoded(codec: str) -> None:
    made = clip("h264", codec, SECONDS)
    stage = Stage(made).play(made.packets).end()
    assert stage.plan.sound is not None
    assert stage.plan.sound.channels == (1 if codec.startswith("pcm") else 2)
    heard, seconds = frequency(stage.items)
    assert heard == pytest.approx(440, abs=1)
    assert seconds == pytest.approx(SECONDS, abs=0.15)


def test_av1_that_more_threads_decode_holds_no_picture_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_module, "_EASY", 0)
    monkeypatch.setattr(decode_module, "processors", lambda: 4)
    made = clip("av1", None, SECONDS)
    assert made.video is not None
    decoder = VideoDecoder(made.video)
    for packet in made.packets[:20]:
        at = packet.stamp * MS
        (picture,) = decoder.decode(TimedPacket(Kind.VIDEO, at, at, packet.keyframe, packet.data))
        assert picture.pts == at


NAMES = {
    "h264": ("avc1.4d400a", "avc1", "avcC"),
    "hevc": ("hvc1.1.6.L30.90", "hvc1", "hvcC"),
    "av1": ("av01.0.00M.08", "av01", "av1C"),
    "vp9": ("vp09.00.10.08", "vp09", "vpcC"),
    "aac": ("mp4a.40.2", "mp4a", "esds"),
    "opus": ("Opus", "Opus", "dOps"),
    "flac": ("fLaC", "fLaC", "dfLa"),
}


@pytest.mark.parametrize("codec", PICTURES)
def test_a_picture_is_passed_on(codec: str) -> None:
    made = clip(codec, None, SECONDS)
    plan, items = source(made)
    (rung,) = plan.rungs
    assert (rung.width, rung.height) == (64, 64)
    segments = segments_of(items, "source")
    check_rendition(segments, plan, True)
    (init,) = [item for item in items if isinstance(item, Init)]
    assert init.format == VideoFormat(NAMES[codec][0], 64, 64, 30.0)
    assert NAMES[codec][1].encode() in init.data
    assert NAMES[codec][2].encode() in init.data
    numbers = [number_of(frame) for frame in decode(items, "source")]
    assert len(numbers) == SECONDS * 30
    counts(numbers)


@pytest.mark.parametrize("codec", ["aac", "opus", "flac"])
def test_a_sound_that_browsers_play_is_passed_on(codec: str) -> None:
    made = clip("hevc", codec, SECONDS)
    plan, items = source(made)
    assert plan.sound is not None
    assert not plan.sound.transcoded
    check_rendition(segments_of(items, "audio"), plan, True)
    (init,) = [item for item in items if isinstance(item, Init) and item.rendition == "audio"]
    assert init.format == AudioFormat(NAMES[codec][0], 48_000, 2)
    assert NAMES[codec][1].encode() in init.data
    assert NAMES[codec][2].encode() in init.data
    heard, seconds = frequency(items)
    assert heard == pytest.approx(440, abs=1)
    assert seconds == pytest.approx(SECONDS, abs=0.15)


@pytest.mark.parametrize("codec", ["mp3", "ac3", "pcma", "pcmu"])
def test_a_sound_that_they_do_not_play_is_transcoded_beside_a_picture_that_is_passed_on(codec: str) -> None:
    made = clip("h264", codec, SECONDS)
    plan, items = source(made)
    assert [rung.name for rung in plan.rungs] == ["source"]
    assert plan.encoded == ()
    assert plan.sound is not None
    assert plan.sound.transcoded
    assert {item.rendition for item in items} == {"source"}, "the worker makes the sound"
    stage = Stage(made, "source").play(made.packets).end()
    heard, _ = frequency(stage.items)
    assert heard == pytest.approx(440, abs=1)


def test_what_is_passed_on_is_what_can_be_packed() -> None:
    assert {codec.value for codec in PLAYABLE} == set(NAMES)


# What the records say.


def track_of(picture: str | None, sound: str | None) -> Track:
    (track,) = clip(picture, sound, SECONDS).tracks
    return track


@pytest.mark.parametrize("codec", PICTURES)
def test_what_is_known_of_a_picture(codec: str) -> None:
    config = parse_video(track_of(codec, None))
    assert (config.width, config.height, config.display_width) == (64, 64, 64)
    assert config.frame_rate in (None, 30)
    assert (config.frame_rate is None) == (codec in ("vp9", "av1"))


@pytest.mark.parametrize(
    ("codec", "rate", "channels", "length"),
    [
        ("aac", 48_000, 2, 1024),
        ("mp3", 44_100, 2, 1152),
        ("opus", 48_000, 2, 960),
        ("flac", 48_000, 2, 4608),
        ("ac3", 48_000, 2, 1536),
        ("pcma", 8_000, 1, 160),
        ("pcmu", 8_000, 1, 160),
    ],
)
def test_what_is_known_of_a_sound(codec: str, rate: int, channels: int, length: int) -> None:
    made = clip(None, codec, SECONDS)
    assert made.audio is not None
    config = parse_audio(made.audio)
    assert (config.sample_rate, config.channels, config.frame_length) == (rate, channels, length)
    lengths = [config.samples(packet.data) for packet in made.packets]
    assert lengths[:-1] == [length] * (len(lengths) - 1)
    assert sum(lengths) / rate == pytest.approx(SECONDS, abs=0.12)


# Several tracks, as FFmpeg's muxer writes them.


def test_of_several_tracks_of_a_host_the_first_of_each_kind_plays() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="flv") as out:
        main, other = encoded(out, "hevc", "opus", 1), encoded(out, "av1", "aac", 1)
        for packet in sorted([*main, *other], key=lambda packet: (packet.dts or 0) * packet.time_base):
            out.mux(packet)
    flv, items = FlvReader(), list[Item]()
    for tag in tags_of(file.getvalue()):
        items += (flv.video if tag.video else flv.audio)(tag.stamp, tag.body)
    assert [item.codec for item in items if isinstance(item, Track)] == [Codec.HEVC, Codec.OPUS]
    others = [item for item in items if isinstance(item, OtherTrack)]
    assert {(item.kind, item.number, item.codec) for item in others} == {
        (Kind.VIDEO, 1, "AV1"),
        (Kind.AUDIO, 1, "AAC"),
    }
    pictures = [item for item in items if isinstance(item, Packet) and item.kind is Kind.VIDEO]
    assert [packet.data for packet in pictures] == [packet.data for packet in clip("hevc", None, 1).packets]
