"""Hostile bytes: whatever comes, a session gives events or a PeerError, and holds no more than its limits say.

``./run bench fuzz`` does more of the same.
"""

import contextlib
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.rtmp.chunks import ChunkReader, ChunkWriter, Message, basic_header
from ingest.rtmp.errors import PeerError
from ingest.rtmp.limits import Limits
from ingest.rtmp.messages import Command
from ingest.rtmp.session import Event
from tests.ingest.test_recordings import RECORDINGS
from tests.support import rtmp_fuzz
from tests.support.rtmp_client import Script
from tests.support.rtmp_server import Replay, split

SMALL = Limits(stranger_bytes=100_000, message=20_000, media_message=50_000, held=100_000)
PATIENT = Limits(stranger_bytes=1 << 20, stranger_messages=1 << 20)
HANDSHAKE = Script().handshake() + bytes(1536)
CONNECT = Script().connect("live", "x")
PUBLISH = Script().command("publish", 2, None, "key")
SIZES = st.lists(st.integers(1, 500), max_size=20)


def survives(*parts: bytes) -> None:
    with contextlib.suppress(PeerError):
        Replay(SMALL).feed(*parts)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300), st.sampled_from([b"", b"\x03", HANDSHAKE, HANDSHAKE + CONNECT]), SIZES)
def test_random_bytes(data: bytes, before: bytes, sizes: list[int]) -> None:
    survives(before, *split(data, sizes))


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.builds(
            Message, st.integers(0, 30), st.integers(0, 3), st.integers(0, (1 << 32) - 1), st.binary(max_size=60)
        ),
        max_size=8,
    ),
    SIZES,
)
def test_random_messages_to_a_publishing_session(sent: list[Message], sizes: list[int]) -> None:
    survives(
        HANDSHAKE + CONNECT + PUBLISH,
        *split(b"".join(ChunkWriter().write(message, 4) for message in sent), sizes),
    )


def outcome(*parts: bytes) -> tuple[list[Event], str]:
    """What a session makes of them, and the rule that was broken, if one was."""
    replay = Replay(PATIENT)
    try:
        replay.feed(*parts)
    except PeerError as error:
        return replay.events, str(error)
    return replay.events, ""


COMMANDS = st.sampled_from(
    ["connect", "createStream", "releaseStream", "FCPublish", "publish", "FCUnpublish", "deleteStream", "closeStream",
     "_checkbw", "getStreamLength", "play", "dance", "_result"]
)  # fmt: skip
VALUES = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["live", "key", "", {"app": "live"}, [1.0]])
CALLS = st.builds(
    lambda name, transaction, values, stream: Command(name, transaction, tuple(values), stream).message(),
    COMMANDS, st.integers(0, 3), st.lists(VALUES, max_size=3), st.integers(0, 2),
)  # fmt: skip
MEDIA = st.builds(Message, st.sampled_from([8, 9]), st.just(1), st.integers(0, 99), st.binary(max_size=300))


@settings(deadline=None, max_examples=200)
@given(st.sampled_from([b"", CONNECT, CONNECT + PUBLISH]), st.lists(CALLS | MEDIA, max_size=12), SIZES)
def test_any_dialogue_in_any_split_ends_the_same(before: bytes, sent: list[Message], sizes: list[int]) -> None:
    writer = ChunkWriter()
    wire = HANDSHAKE + before + b"".join(writer.write(message, 3 + message.type_id % 3) for message in sent)
    whole = outcome(wire)
    assert outcome(HANDSHAKE, *split(wire[len(HANDSHAKE) :], sizes)) == whole
    assert outcome(*(wire[at : at + 1] for at in range(len(wire)))) == whole


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(sorted(RECORDINGS)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=6)), min_size=1, max_size=6),
    st.booleans(),
)
def test_mutated_recordings(name: str, changes: list[tuple[float, bytes]], early: bool) -> None:
    data = bytearray(RECORDINGS[name][:12_000])
    for place, new in changes:
        # Where the dialogue is, most can be broken.
        at = 3073 + int(place * (800 if early else len(data) - 3073))
        data[at : at + len(new)] = new
    survives(bytes(data))


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(sorted(RECORDINGS)), st.floats(0, 1), st.floats(0, 1))
def test_recordings_with_a_piece_missing(name: str, start: float, length: float) -> None:
    data = RECORDINGS[name][:12_000]
    at = 3073 + int(start * (len(data) - 3073))
    survives(data[:at] + data[at + 1 + int(length * 200) :])


BROKE = {
    "AV1: an OBU ends before the extension of its header": (
        "03060000000000090900000000906176303181000c0006000001000006090000000091617630310c"
    ),
}
"""Inputs of ``./run bench fuzz`` that once broke a rule."""


@pytest.mark.parametrize("data", BROKE.values(), ids=BROKE)
def test_what_broke_once(data: str) -> None:
    rtmp_fuzz.check(bytes.fromhex(data), both=True)


@pytest.mark.parametrize("seed", range(3))
def test_spoilt_inputs(seed: int) -> None:
    rng, known = random.Random(seed), rtmp_fuzz.seeds()
    for data in known if seed == 0 else [rtmp_fuzz.spoil(rng, known) for _ in range(500)]:
        rtmp_fuzz.check(data, both=True)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(2, 40), st.integers(0, 25_000), st.binary(max_size=200)), max_size=40))
def test_what_is_half_sent_is_bounded(halves: list[tuple[int, int, bytes]]) -> None:
    reader = ChunkReader(Limits(message=20_000, held=3000, chunk_streams=16))
    wire = b"".join(
        basic_header(0, chunk_stream_id) + bytes(3) + length.to_bytes(3, "big") + b"\x09" + bytes(4) + body
        for chunk_stream_id, length, body in halves
    )
    with contextlib.suppress(PeerError):
        for part in split(wire, [500] * 20):
            list(reader.receive(part))
            assert reader.held <= 3000


def test_an_announced_size_takes_no_memory() -> None:
    """Sixty chunk streams, each with 16 MB announced and one chunk sent."""
    reader = ChunkReader(Limits())
    reader.trust(True)
    wire = b"".join(
        basic_header(0, 3 + number) + bytes(3) + (16_000_000).to_bytes(3, "big") + b"\x09" + bytes(4) + bytes(128)
        for number in range(60)
    )
    tracemalloc.start()
    try:
        list(reader.receive(wire))
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reader.held == 60 * 128
    assert peak < 100_000
    assert held < 100_000


def test_messages_of_one_byte_do_not_pile_up() -> None:
    """Sixty-four thousand of them: they are handed on one by one."""
    replay = Replay(Limits(stranger_bytes=1 << 20, stranger_messages=1 << 20))
    replay.feed(HANDSHAKE + CONNECT)
    wire = b"\x04" + bytes(3) + bytes(3) + b"\x09" + bytes(4) + b"\xc4" * (1 << 16)
    tracemalloc.start()
    try:
        replay.feed(wire)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200_000
