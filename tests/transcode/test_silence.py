"""Silence is written in any format that a host's AAC may have, and decodes to nothing."""

from typing import Any

import av
import numpy as np
import pytest
from av.audio.resampler import AudioResampler

from ingest.media import Codec, Kind, Track
from tests.support.media import make_clip
from transcode.cmaf.config import CodecError
from transcode.silence import silent_frame
from transcode.soundtrack import samples_of

LC, RATE_48000, RATE_24000 = 2, 3, 6
CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8}


def aac(record: bytes) -> Track:
    return Track(Kind.AUDIO, Codec.AAC, record)


def lc(configuration: int, short: bool = False) -> bytes:
    """The AudioSpecificConfig of 48 kHz AAC-LC; ``short`` frames have 960 samples."""
    return (LC << 11 | RATE_48000 << 7 | configuration << 3 | short << 2).to_bytes(2, "big")


def high_efficiency(kind: int, configuration: int) -> bytes:
    """That of 24 kHz AAC-LC from which a decoder makes 48 kHz; ``kind`` is 5 (SBR) or 29 (with parametric stereo)."""
    return (kind << 27 | RATE_24000 << 23 | configuration << 19 | RATE_48000 << 15 | LC << 10).to_bytes(4, "big")


def decode(record: bytes, frames: list[bytes], codec: str = "aac") -> list[av.AudioFrame]:
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.extradata = record
    decoded: list[av.AudioFrame] = []
    for frame in frames:
        packet: av.Packet[Any] = av.Packet(len(frame))
        packet.update(frame)
        decoded += decoder.decode(packet)
    return decoded


@pytest.mark.parametrize("configuration", CHANNELS)
def test_it_is_silent_in_every_layout(configuration: int) -> None:
    record = lc(configuration)

    decoded = decode(record, [silent_frame(aac(record))] * 3)

    assert [frame.samples for frame in decoded] == [1024] * 3
    assert {frame.layout.nb_channels for frame in decoded} == {CHANNELS[configuration]}
    mixed = [mix for frame in decoded for mix in AudioResampler("fltp", "stereo", 48_000).resample(frame)]
    assert mixed
    assert not any(samples_of(mix).any() for mix in mixed)


def test_a_frame_may_be_short() -> None:
    record = lc(2, short=True)

    assert [frame.samples for frame in decode(record, [silent_frame(aac(record))] * 3)] == [960] * 3


@pytest.mark.parametrize(("front", "back"), [("11", "1"), ("0101", "0111")])
def test_there_is_none_in_a_layout_of_its_own_of_many_channels(front: str, back: str) -> None:
    """Three pairs, or seven channels."""
    ends = f"{len(front):04b}0000{len(back):04b}000000000" + "000" + "".join(f"{bit}0000" for bit in front + back)
    text = f"{LC:05b}{RATE_48000:04b}0000000" + "0000" + "01" + "0011" + ends
    record = int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")
    with pytest.raises(CodecError, match="a layout of its own"):
        silent_frame(aac(record))


@pytest.mark.parametrize("kind", [5, 29])
def test_it_fits_the_core_of_high_efficiency_sound(kind: int) -> None:
    record = high_efficiency(kind, 2 if kind == 5 else 1)

    decoded = decode(record, [silent_frame(aac(record))] * 3)

    assert len(decoded) == 3
    assert all(not samples_of(frame).any() for frame in decoded)


def test_what_sounded_last_fades_out_within_a_frame() -> None:
    clip = make_clip(1, video=False)
    assert clip.audio is not None
    heard = [packet.data for packet in clip.packets[:20]]

    decoded = decode(clip.audio.config, heard + [silent_frame(clip.audio)] * 2)

    assert np.abs(samples_of(decoded[-3])).max() > 0.1
    assert np.abs(samples_of(decoded[-2])).max() < 0.5
    assert not samples_of(decoded[-1]).any()


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_in_opus(channels: int) -> None:
    head = b"OpusHead\1" + bytes((channels,)) + bytes.fromhex("000080bb0000000000")
    track = Track(Kind.AUDIO, Codec.OPUS, head)
    decoded = decode(head, [silent_frame(track)] * 3, "opus")
    assert [frame.samples for frame in decoded] == [960] * 3
    assert {frame.layout.nb_channels for frame in decoded} == {channels}
    assert max(np.abs(samples_of(frame)).max() for frame in decoded) == 0


def test_there_is_no_silence_in_opus_of_many_channels() -> None:
    head = b"OpusHead\1\6" + bytes.fromhex("000080bb00000000010402000401020305")
    with pytest.raises(CodecError, match="more than two channels"):
        silent_frame(Track(Kind.AUDIO, Codec.OPUS, head))


@pytest.mark.parametrize(("channels", "size"), [(1, 16), (2, 16), (2, 24), (6, 24)])
def test_silence_in_flac(channels: int, size: int) -> None:
    form = 48_000 << 44 | (channels - 1) << 41 | (size - 1) << 36
    info = bytes.fromhex("12001200000000000000") + form.to_bytes(8, "big") + bytes(16)
    decoded = decode(info, [silent_frame(Track(Kind.AUDIO, Codec.FLAC, info))] * 3, "flac")
    assert [frame.samples for frame in decoded] == [4608] * 3
    assert {frame.layout.nb_channels for frame in decoded} == {channels}
    assert not any(any(bytes(plane)) for frame in decoded for plane in frame.planes)
