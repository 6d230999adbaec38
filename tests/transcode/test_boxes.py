"""CMAF bytes: an independent parser, PyAV and ffprobe read back what was written."""

import io
import json
import struct
import subprocess
from fractions import Fraction

import av
import pytest

from ingest.media import Codec, Kind, Track
from tests.support.boxes import Row, parse, read_chunk
from tests.support.media import Clip, make_clip
from transcode.cmaf import boxes
from transcode.cmaf.asc import parse_aac
from transcode.cmaf.avc import parse_avc
from transcode.cmaf.boxes import Sample

SYNC, NON_SYNC = 0x02000000, 0x01010000
INIT_TREE = "moov(mvhd trak(tkhd mdia(mdhd hdlr minf({}mhd dinf(dref) stbl(stsd stts stsc stsz stco)))) mvex(trex))"


@pytest.fixture(scope="module")
def clip() -> Clip:
    return make_clip(seconds=2, gop=30, b_frames=2, size=(96, 64))


def video_init(clip: Clip) -> bytes:
    assert clip.video
    return boxes.video_init(clip.video, parse_avc(clip.video.config), 90_000)


def audio_init(clip: Clip) -> bytes:
    assert clip.audio
    return boxes.audio_init(clip.audio, parse_aac(clip.audio.config))


def samples(clip: Clip, kind: Kind) -> list[Sample]:
    packets = [packet for packet in clip.packets if packet.kind is kind]
    length = 3000 if kind is Kind.VIDEO else 1024
    return [Sample(length, round(p.offset / 1000 * 30) * 3000, p.keyframe, p.data) for p in packets]


def whole(clip: Clip, kind: Kind, start: int = 0, per_chunk: int = 6) -> bytes:
    """An init segment and all the clip's samples in chunks."""
    init, codec = (video_init(clip), Codec.H264) if kind is Kind.VIDEO else (audio_init(clip), Codec.AAC)
    out, at = [init], start
    rows = samples(clip, kind)
    for number, first in enumerate(range(0, len(rows), per_chunk), 1):
        some = rows[first : first + per_chunk]
        out.append(boxes.chunk(number, at, some, codec))
        at += sum(sample.duration for sample in some)
    return b"".join(out)


# Init segments.


def test_a_video_header_has_the_boxes_that_cmaf_asks_for(clip: Clip) -> None:
    ftyp, moov = parse(video_init(clip))
    assert ftyp.kind == "ftyp"
    assert {ftyp.body[at : at + 4] for at in (0, *range(8, len(ftyp.body), 4))} >= {b"iso6", b"cmfc"}
    assert moov.tree == INIT_TREE.format("v")
    assert struct.unpack_from(">8xII", moov.find("mvhd").body, 4)[1] == 0  # nobody knows how long it gets
    assert struct.unpack(">4I", moov.find("trak/tkhd").body[4:20])[2] == 1
    assert struct.unpack(">II", moov.find("trak/tkhd").body[-8:]) == (96 << 16, 64 << 16)
    assert struct.unpack_from(">8xI", moov.find("trak/mdia/mdhd").body, 4) == (90_000,)
    assert moov.find("trak/mdia/hdlr").body[8:12] == b"vide"
    assert moov.find("trak/mdia/minf/dinf/dref").body == bytes((0, 0, 0, 0, 0, 0, 0, 1)) + b"\0\0\0\x0curl \0\0\0\1"
    assert struct.unpack(">5I", moov.find("mvex/trex").body[4:]) == (1, 1, 0, 0, 0)


def test_the_video_entry_holds_the_hosts_own_record(clip: Clip) -> None:
    assert clip.video
    (entry,) = parse(parse(video_init(clip))[1].find("trak/mdia/minf/stbl/stsd").body[8:])
    assert entry.kind == "avc1"
    assert struct.unpack_from(">6xH16xHH", entry.body) == (1, 96, 64)
    inner = {box.kind: box.body for box in parse(entry.body[78:])}
    assert inner == {"avcC": clip.video.config, "pasp": struct.pack(">II", 1, 1)}


def test_a_picture_of_other_pixels_is_shown_in_its_display_size() -> None:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 720, 576, "yuv420p", Fraction(1, 25)
    encoder.sample_aspect_ratio = Fraction(64, 45)
    encoder.flags |= av.codec.context.Flags.global_header
    encoder.options = {"x264-params": "annexb=0"}
    encoder.open()
    assert encoder.extradata
    track = Track(Kind.VIDEO, Codec.H264, bytes(encoder.extradata))
    init = boxes.video_init(track, parse_avc(track.config), 90_000)
    moov = parse(init)[1]
    assert struct.unpack(">II", moov.find("trak/tkhd").body[-8:]) == (1024 << 16, 576 << 16)
    (entry,) = parse(moov.find("trak/mdia/minf/stbl/stsd").body[8:])
    assert struct.unpack_from(">6xH16xHH", entry.body) == (1, 720, 576)
    assert {box.kind: box.body for box in parse(entry.body[78:])}["pasp"] == struct.pack(">II", 64, 45)


def test_an_audio_header_has_the_boxes_that_cmaf_asks_for(clip: Clip) -> None:
    assert clip.audio
    _, moov = parse(audio_init(clip))
    assert moov.tree == INIT_TREE.format("s")
    assert struct.unpack_from(">8xI", moov.find("trak/mdia/mdhd").body, 4) == (48_000,)
    assert moov.find("trak/mdia/hdlr").body[8:12] == b"soun"
    (entry,) = parse(moov.find("trak/mdia/minf/stbl/stsd").body[8:])
    assert entry.kind == "mp4a"
    assert struct.unpack_from(">6xH8xHH4xI", entry.body) == (1, 2, 16, 48_000 << 16)
    (esds,) = parse(entry.body[28:])
    assert esds.kind == "esds"
    assert descriptors(esds.body[4:]) == {3: {4: {5: clip.audio.config}, 6: b"\x02"}}


Descriptors = dict[int, "Descriptors | bytes"]


def descriptors(data: bytes) -> Descriptors:
    """Read MPEG-4 descriptors (14496-1, 8.3.3): tag, size in groups of seven bits, content."""
    found: Descriptors = {}
    at = 0
    while at < len(data):
        tag, size, at = data[at], 0, at + 1
        while True:
            size, more, at = size << 7 | data[at] & 0x7F, data[at] & 0x80, at + 1
            if not more:
                break
        assert size <= len(data) - at
        skip = {3: 3, 4: 13}.get(tag)
        found[tag] = data[at : at + size] if skip is None else descriptors(data[at + skip : at + size])
        at += size
    return found


@pytest.mark.parametrize("rate", [88200, 96000])
def test_a_rate_that_the_old_field_cannot_say_is_left_to_the_codecs_own_record(rate: int) -> None:
    track = make_clip(seconds=0.5, video=False, sample_rate=rate).audio
    assert track
    init = boxes.audio_init(track, parse_aac(track.config))
    (entry,) = parse(parse(init)[1].find("trak/mdia/minf/stbl/stsd").body[8:])
    assert struct.unpack_from(">24xI", entry.body) == (0,)
    assert ffprobe(whole(make_clip(seconds=0.5, video=False, sample_rate=rate), Kind.AUDIO))["sample_rate"] == str(rate)


# Chunks.


def test_a_video_chunk_byte_for_byte() -> None:
    rows = [Sample(3000, 6000, True, b"IDR"), Sample(3000, -3000, False, b"P"), Sample(2970, 0, False, b"BB")]
    expected = b"".join(
        (
            b"\0\0\0\x8cmoof",
            b"\0\0\0\x10mfhd\0\0\0\0\0\0\0\7",
            b"\0\0\0\x74traf",
            b"\0\0\0\x14tfhd\0\2\0\x20\0\0\0\1\1\1\0\0",
            b"\0\0\0\x14tfdt\1\0\0\0\0\0\0\1\0\0\0\0",
            b"\0\0\0\x44trun\1\0\x0f\1\0\0\0\3\0\0\0\x94",
            struct.pack(">IIIi", 3000, 3, SYNC, 6000),
            struct.pack(">IIIi", 3000, 1, NON_SYNC, -3000),
            struct.pack(">IIIi", 2970, 2, NON_SYNC, 0),
            b"\0\0\0\x0emdatIDRPBB",
        )
    )
    assert boxes.chunk(7, 1 << 32, rows, Codec.H264) == expected


def test_an_audio_chunk_byte_for_byte() -> None:
    expected = b"".join(
        (
            b"\0\0\0\x6cmoof",
            b"\0\0\0\x10mfhd\0\0\0\0\0\0\0\1",
            b"\0\0\0\x54traf",
            b"\0\0\0\x14tfhd\0\2\0\x20\0\0\0\1\2\0\0\0",
            b"\0\0\0\x14tfdt\1\0\0\0\0\0\0\0\0\0\4\0",
            b"\0\0\0\x24trun\1\0\3\1\0\0\0\2\0\0\0\x74",
            struct.pack(">IIII", 1024, 2, 1024, 1),
            b"\0\0\0\x0bmdataab",
        )
    )
    assert boxes.chunk(1, 1024, [Sample(1024, 0, True, b"aa"), Sample(1024, 0, True, b"b")], Codec.AAC) == expected


def test_every_row_of_a_chunk_points_to_its_own_bytes(clip: Clip) -> None:
    for kind, codec in ((Kind.VIDEO, Codec.H264), (Kind.AUDIO, Codec.AAC)):
        rows = samples(clip, kind)[:9]
        chunk = read_chunk(boxes.chunk(3, 12345, rows, codec))
        assert (chunk.sequence, chunk.decode_time) == (3, 12345)
        assert chunk.rows == tuple(
            Row(s.duration, s.offset, SYNC if s.keyframe else NON_SYNC, bytes(s.data)) for s in rows
        )


@pytest.mark.parametrize("offset", [-(1 << 31), -90_000, -1, 0, 1, (1 << 31) - 1])
def test_composition_offsets_are_signed(offset: int) -> None:
    chunk = read_chunk(boxes.chunk(1, 0, [Sample(1, offset, True, b"x")], Codec.H264))
    assert chunk.rows[0].offset == offset


@pytest.mark.parametrize("decode_time", [0, (1 << 32) - 1, 1 << 32, 90_000 * 3600 * 24 * 365 * 10])
def test_decode_times_of_years_are_told(decode_time: int) -> None:
    assert read_chunk(boxes.chunk(1, decode_time, [Sample(1, 0, True, b"x")], Codec.H264)).decode_time == decode_time


def test_the_sequence_number_wraps() -> None:
    assert read_chunk(boxes.chunk((1 << 32) + 5, 0, [Sample(1, 0, True, b"x")], Codec.AAC)).sequence == 5


# Read back by others.


def demux(data: bytes) -> list[tuple[int | None, int | None, bool, bytes]]:
    with av.open(io.BytesIO(data), "r", format="mov,mp4") as container:
        return [(p.pts, p.dts, p.is_keyframe, bytes(p)) for p in container.demux(container.streams[0]) if p.size]


@pytest.mark.parametrize("start", [0, 8_100_000_000])
def test_pyav_reads_the_same_packets_back(clip: Clip, start: int) -> None:
    expected, at = [], start
    for sample in samples(clip, Kind.VIDEO):
        expected.append((at + sample.offset, at, sample.keyframe, sample.data))
        at += sample.duration
    assert demux(whole(clip, Kind.VIDEO, start)) == expected
    sounds = samples(clip, Kind.AUDIO)
    assert demux(whole(clip, Kind.AUDIO, start)) == [
        (start + n * 1024, start + n * 1024, True, sample.data) for n, sample in enumerate(sounds)
    ]


def test_pyav_decodes_every_frame(clip: Clip) -> None:
    with av.open(io.BytesIO(whole(clip, Kind.VIDEO)), "r", format="mov,mp4") as container:
        assert container.streams.video[0].codec_context.width == 96
        assert len(list(container.decode(video=0))) == 60
    with av.open(io.BytesIO(whole(clip, Kind.AUDIO)), "r", format="mov,mp4") as container:
        assert container.streams.audio[0].rate == 48_000
        assert sum(frame.samples for frame in container.decode(audio=0)) == len(samples(clip, Kind.AUDIO)) * 1024


def ffprobe(data: bytes) -> dict[str, str]:
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-count_packets", "-show_streams", "-of", "json", "-i", "pipe:0"],
        input=data,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == b""
    (stream,) = json.loads(done.stdout)["streams"]
    return {key: str(value) for key, value in stream.items()}


def test_ffprobe_reads_them_without_a_word(clip: Clip) -> None:
    video = ffprobe(whole(clip, Kind.VIDEO))
    assert (video["codec_name"], video["width"], video["height"], video["time_base"]) == ("h264", "96", "64", "1/90000")
    assert video["nb_read_packets"] == "60"
    audio = ffprobe(whole(clip, Kind.AUDIO))
    assert (audio["codec_name"], audio["profile"], audio["channels"]) == ("aac", "LC", "2")
    assert audio["time_base"] == "1/48000"


@pytest.mark.parametrize("kind", Kind)
def test_ffmpeg_decodes_them_without_a_word(clip: Clip, kind: Kind) -> None:
    done = subprocess.run(
        ["ffmpeg", "-v", "warning", "-xerror", "-i", "pipe:0", "-f", "null", "-"],
        input=whole(clip, kind),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == b""


@pytest.mark.parametrize("codec", list(Codec))
def test_chunks_are_alike_for_all_pictures_and_for_all_sounds(codec: Codec) -> None:
    samples = [boxes.Sample(1024, 0, True, b"data")]
    like = Codec.H264 if codec.kind is Kind.VIDEO else Codec.AAC
    assert boxes.chunk(1, 0, samples, codec) == boxes.chunk(1, 0, samples, like)
