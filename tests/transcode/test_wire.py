"""The link to a worker: every message survives the wire however it is chopped, and nothing damaged passes as one."""

import struct
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import Box, Effect, Finding, Unverified
from filters import Kind as Sense
from ingest.media import Codec, Kind, Track
from transcode.media import (
    Aired,
    AudioFormat,
    Cut,
    Delay,
    End,
    FrameRate,
    Init,
    Part,
    Plan,
    Rung,
    SegmentEnd,
    SegmentStart,
    Slate,
    Sound,
    Tick,
    TimedPacket,
    VideoFormat,
)
from transcode.verdicts import Cause, Cleared, Cover, Found, Hole, Orphan, Require, Unveil, Veil
from transcode.wire import (
    LONGEST,
    VERSION,
    Ack,
    Covering,
    Done,
    Entry,
    Fault,
    Hello,
    Look,
    Message,
    Ping,
    PlainFilters,
    Pong,
    Setup,
    Shed,
    StandIn,
    Takes,
    Unpacker,
    WireError,
    pack,
)

PLAN = Plan(
    (Rung("720p", 1280, 720, 1, 3_000_000), Rung("480p", 854, 480, 2, 1_200_000)),
    Sound(48_000, 2, 160_000, transcoded=True, loudness=-16.0),
    FrameRate(30_000, 1001),
    "fast",
    2,
    21_334,
)
EVERY_KIND: tuple[Message, ...] = (
    Setup(VERSION, PLAN, (Aired("720p", "i-1", 3, 4, 90_000, 120_000, whole=False),)),
    Entry(0, Track(Kind.VIDEO, Codec.H264, b"\x01\x64")),
    Entry(1, TimedPacket(Kind.VIDEO, 3000, 0, True, bytes(range(256)))),
    Entry(2, Cut(7, 180_000, discontinuity=True)),
    Entry(3, Tick(180_000, away=False)),
    Entry(4, End(360_000)),
    Entry(5, Slate("Evening show", "Back in a moment", b"\x89PNG")),
    Ping(),
    Shed(2),
    Hello(VERSION),
    Init("720p", "i-1", b"ftyp", VideoFormat("avc1.64001f", 1280, 720, 29.97)),
    Init("audio", "i-2", b"ftyp", AudioFormat("mp4a.40.2", 48_000, 2)),
    SegmentStart("720p", 3, 90_000, 30_000, discontinuity=False),
    Part("720p", 3, 0, 6006, independent=True, data=b"moof"),
    SegmentEnd("720p", 3, 60_060),
    Ack(4),
    Pong(60 << 20, 3.5, 1, 2, {"late": 3000}),
    Entry(6, Delay(90_000, 360_960)),
    PlainFilters(("overlay:text=Hello",)),
    Covering("late"),
    Fault("filter x: ValueError"),
    Look(VERSION, PLAN, ("toy", "./toy.py:other"), 0.5),
    Takes(((Sense.PICTURE, Sense.SOUND), ()), 90_000),
    Require(((Sense.SOUND,),)),
    Found(0, Finding(Sense.PICTURE, 0, 3000, "card-number", Box(1, -2, 30, 40), 0.5, Effect.BLUR)),
    Found(1, Finding(Sense.SOUND, 0, 3000, "word")),
    Veil(0, Unverified(7, 3000, Box(0, 0, 10, 10))),
    Unveil(0, 7),
    Orphan(90_000),
    Cleared(0, 3001, -1),
    Hole(0, 90_000, Cause.UNSEEN),
    Cover(True),
    StandIn("720p", "3f0c", (b"keyframe", b"more")),
    Done(),
)

PLAIN: dict[object, st.SearchStrategy[object]] = {
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    str: st.text(max_size=12),
    bytes: st.binary(max_size=64),
    Kind: st.sampled_from(Kind),
    Codec: st.sampled_from(Codec),
}

BOXES = st.builds(Box, *(st.integers(low, 4000) for low in (-4000, -4000, 1, 1)))
CATEGORIES = st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True)
SAID: dict[object, st.SearchStrategy[object]] = {  # what takes no nonsense
    Finding: st.one_of(
        st.builds(Finding, st.just(Sense.PICTURE), st.integers(0, 900), st.integers(901, 9000), CATEGORIES, BOXES),
        st.builds(Finding, st.just(Sense.SOUND), st.integers(0, 900), st.integers(901, 9000), CATEGORIES),
    ),
    Unverified: st.builds(Unverified, st.integers(0, 2**31), st.integers(0, 2**40), BOXES, CATEGORIES),
    Sense: st.sampled_from(Sense),
    Cause: st.sampled_from(Cause),
}


def made(kind: object) -> st.SearchStrategy[Any]:
    """Any value of ``kind``, whose numbers fit in 64 bits."""
    if kind in PLAIN:
        return PLAIN[kind]
    if kind in SAID:
        return SAID[kind]
    if get_origin(kind) is dict:
        return st.dictionaries(*map(made, get_args(kind)), max_size=3)
    if get_origin(kind) is tuple:
        return st.lists(made(get_args(kind)[0]), max_size=3).map(tuple)
    if get_origin(kind) in (UnionType, Union):
        return st.one_of([made(each) for each in get_args(kind)])
    if kind is type(None):
        return st.none()
    assert isinstance(kind, type)
    return st.builds(kind, **{name: made(each) for name, each in get_type_hints(kind).items()})


messages = made(Message)


def unpacked(chunks: Iterable[bytes]) -> list[Message]:
    unpacker = Unpacker()
    return [message for chunk in chunks for message in unpacker.receive(chunk)]


@given(st.lists(messages, max_size=6), st.data())
def test_any_message_survives_any_chopping(sent: list[Message], data: st.DataObject) -> None:
    stream = b"".join(map(pack, sent))
    marks = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    chunks = [stream[start:end] for start, end in pairwise([0, *marks, len(stream)])]
    assert unpacked(chunks) == sent


@pytest.mark.parametrize("message", EVERY_KIND, ids=lambda message: type(message).__name__)
def test_every_message_arrives_whole_and_byte_by_byte(message: Message) -> None:
    stream = pack(message) * 2
    assert unpacked([stream]) == [message, message]
    assert unpacked(stream[i : i + 1] for i in range(len(stream))) == [message, message]


def test_every_message_of_the_union_has_been_tried() -> None:
    assert {type(message) for message in EVERY_KIND} == set(get_args(Message))


def test_the_bytes_of_a_packet_travel_as_they_are() -> None:
    packed = pack(Entry(1, TimedPacket(Kind.VIDEO, 0, 0, False, bytes(1000))))
    assert b"\xc5\x03\xe8" + bytes(1000) in packed  # MessagePack bin 16


def test_a_message_that_is_not_whole_is_waited_for() -> None:
    unpacker = Unpacker()
    packed = pack(Ack(7))
    assert list(unpacker.receive(packed[:-1])) == []
    assert list(unpacker.receive(packed[-1:] + packed[:3])) == [Ack(7)]


def test_messages_that_are_not_fetched_are_not_lost() -> None:
    unpacker = Unpacker()
    assert next(unpacker.receive(pack(Ack(1)) + pack(Ack(2)))) == Ack(1)
    assert list(unpacker.receive(pack(Ack(3)))) == [Ack(2), Ack(3)]


@given(st.sampled_from(EVERY_KIND), st.data())
@settings(max_examples=400)
def test_damage_is_a_wire_error_or_another_message_and_nothing_else(message: Message, data: st.DataObject) -> None:
    packed = bytearray(pack(message))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    with suppress(WireError):
        assert all(isinstance(each, get_args(Message)) for each in unpacked([bytes(packed)]))


@given(st.binary(max_size=400))
def test_noise_is_a_wire_error_or_waits_for_more(noise: bytes) -> None:
    with suppress(WireError):
        unpacked([noise])


@pytest.mark.parametrize(
    ("packed", "says"),
    [
        (struct.pack(">IB", 1, 99) + b"x", "no message 99"),
        (struct.pack(">IB", LONGEST + 1, 8), "longer than the link takes"),
        (struct.pack(">IB", 3, 4) + msgspec.msgpack.encode("no"), "is damaged"),
        (struct.pack(">IB", 1, 4) + msgspec.msgpack.encode({}), "missing required field `offset`"),
        (struct.pack(">IB", 0, 4), "is damaged"),
        (struct.pack(">IB", 2000, 4) + b"\x91" * 2000, "is damaged"),
    ],
    ids=["unknown", "too long", "another type", "field missing", "empty", "nested"],
)
def test_what_is_wrong_is_said_and_stays_wrong(packed: bytes, says: str) -> None:
    unpacker = Unpacker()
    with pytest.raises(WireError, match=says):
        list(unpacker.receive(packed))
    with pytest.raises(WireError, match=says):
        list(unpacker.receive(pack(Ping())))


def test_a_length_that_is_too_great_is_refused_before_its_body_comes() -> None:
    with pytest.raises(WireError):
        unpacked([struct.pack(">IB", LONGEST + 1, 8)])


def test_a_message_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(WireError, match="longer than the link takes"):
        pack(Part("720p", 0, 0, 1, True, bytes(LONGEST)))
