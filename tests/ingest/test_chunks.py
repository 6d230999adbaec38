"""The chunk stream: every form of header, extended timestamps, interleaving, limits; any split gives the same."""

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.rtmp.chunks import ChunkReader, ChunkWriter, Message, basic_header
from ingest.rtmp.errors import ChunkError, TooLargeError
from ingest.rtmp.limits import Limits
from tests.support.rtmp_server import split


def form0(stamp: int, length: int, type_id: int = 9, stream_id: int = 1) -> bytes:
    return stamp.to_bytes(3, "big") + length.to_bytes(3, "big") + bytes((type_id,)) + stream_id.to_bytes(4, "little")


def form1(delta: int, length: int, type_id: int = 9) -> bytes:
    return form0(delta, length, type_id)[:7]


def form2(delta: int) -> bytes:
    return delta.to_bytes(3, "big")


def read(data: bytes, limits: Limits | None = None) -> list[Message]:
    return list(ChunkReader(limits or Limits()).receive(data))


def stamps(data: bytes) -> list[int]:
    return [message.timestamp for message in read(data)]


# Headers.


def test_form_0_has_everything() -> None:
    assert read(b"\x04" + form0(1000, 2, 8, 1) + b"hi") == [Message(8, 1, 1000, bytearray(b"hi"))]


def test_form_1_keeps_the_stream_and_adds_to_the_time() -> None:
    data = b"\x04" + form0(1000, 1, 8, 7) + b"a" + b"\x44" + form1(20, 2, 9) + b"bc"
    assert read(data)[1] == Message(9, 7, 1020, bytearray(b"bc"))


def test_form_2_keeps_length_and_type() -> None:
    data = b"\x04" + form0(1000, 1, 8, 7) + b"a" + b"\x84" + form2(20) + b"b"
    assert read(data)[1] == Message(8, 7, 1020, bytearray(b"b"))


def test_form_3_keeps_the_delta() -> None:
    data = b"\x04" + form0(1000, 1) + b"a" + b"\x84" + form2(20) + b"b" + b"\xc4c\xc4d"
    assert stamps(data) == [1000, 1020, 1040, 1060]


def test_form_3_after_form_0_adds_its_time_again() -> None:
    assert stamps(b"\x04" + form0(10, 1) + b"a\xc4b") == [10, 20]


def test_form_3_goes_on_with_a_long_message() -> None:
    body = bytes(range(256)) + bytes(44)
    data = b"\x04" + form0(5, 300) + body[:128] + b"\xc4" + body[128:256] + b"\xc4" + body[256:]
    assert read(data) == [Message(9, 1, 5, bytearray(body))]


def test_form_1_may_come_first() -> None:
    """Some encoders begin a chunk stream so; its stream is 0, its time counts from 0."""
    assert read(b"\x44" + form1(20, 1) + b"a") == [Message(9, 0, 20, bytearray(b"a"))]


@pytest.mark.parametrize("header", [b"\x84" + form2(1), b"\xc4"])
def test_forms_2_and_3_may_not(header: bytes) -> None:
    with pytest.raises(ChunkError):
        read(header + b"a")


@pytest.mark.parametrize("chunk_stream_id", [2, 63, 64, 319, 320, 65599])
def test_ids_of_one_two_and_three_bytes(chunk_stream_id: int) -> None:
    header = basic_header(0, chunk_stream_id)
    assert len(header) == 1 + (chunk_stream_id > 63) + (chunk_stream_id > 319)
    message = Message(9, 1, 3, bytes(300))
    written = ChunkWriter().write(message, chunk_stream_id)
    assert written.startswith(header)
    assert read(written) == [message]


@pytest.mark.parametrize("chunk_stream_id", [0, 1, 65600])
def test_other_ids_cannot_be_written(chunk_stream_id: int) -> None:
    with pytest.raises(ValueError, match="chunk stream ids"):
        basic_header(0, chunk_stream_id)


def test_small_ids_in_the_long_form_are_the_same_stream() -> None:
    """64 to 319 can be written with two bytes or three (5.3.1.1)."""
    assert stamps(b"\x00\x00" + form0(10, 1) + b"a" + b"\x81\x00\x00" + form2(5) + b"b") == [10, 15]


def test_an_empty_message_is_one() -> None:
    assert read(b"\x04" + form0(1, 0) + b"\xc4") == [Message(9, 1, 1, b""), Message(9, 1, 2, b"")]


def test_messages_may_be_interleaved() -> None:
    video, audio = b"v" * 200, b"a" * 150
    data = (
        b"\x06" + form0(1, 200) + video[:128] + b"\x04" + form0(2, 150, 8) + audio[:128]
        + b"\xc6" + video[128:] + b"\xc4" + audio[128:]
    )  # fmt: skip
    assert [bytes(message.payload) for message in read(data)] == [video, audio]


def test_a_message_may_come_between_many_chunks_of_another() -> None:
    long = b"".join(b"\xc4" + bytes((number,)) * 10 for number in range(1, 20))
    short = b"\x06" + form0(2, 10) + b"s" * 10
    data = control(1, 10) + b"\x04" + form0(1, 200) + bytes(10) + long[:55] + short + long[55:]
    assert [bytes(message.payload) for message in read(data)] == [
        b"s" * 10,
        b"".join(bytes((number,)) * 10 for number in range(20)),
    ]


def test_a_new_header_gives_up_the_message_before() -> None:
    data = b"\x04" + form0(1, 200) + bytes(128) + b"\x04" + form0(9, 1) + b"x"
    reader = ChunkReader(Limits())
    assert [message.timestamp for message in reader.receive(data)] == [9]
    assert reader.held == 0


# Time.

LATE = 0x01020304


@pytest.mark.parametrize("repeated", [True, False])
def test_an_extended_timestamp_is_repeated_or_not(repeated: bool) -> None:
    """The specification leaves it open, so encoders do both: what comes is looked at."""
    again = b"\xc4" + (LATE.to_bytes(4, "big") if repeated else b"")
    body = bytes(range(200, 0, -1))
    data = b"\x04" + form0(0xFFFFFF, 200) + LATE.to_bytes(4, "big") + body[:128] + again + body[128:]
    following = b"\x44" + form1(20, 1) + b"x"
    assert read(data + following) == [Message(9, 1, LATE, body), Message(9, 1, LATE + 20, b"x")]


@pytest.mark.parametrize("repeated", [True, False])
def test_an_extended_delta(repeated: bool) -> None:
    again = b"\xc4" + (LATE.to_bytes(4, "big") if repeated else b"")
    body = bytes(range(200, 0, -1))
    data = b"\x04" + form0(7, 1) + b"x" + b"\x44" + form1(0xFFFFFF, 200) + LATE.to_bytes(4, "big")
    assert read(data + body[:128] + again + body[128:])[1] == Message(9, 1, LATE + 7, body)


@pytest.mark.parametrize("repeated", [True, False])
def test_an_extended_delta_for_message_after_message(repeated: bool) -> None:
    again = b"\xc4" + (LATE.to_bytes(4, "big") if repeated else b"")
    data = b"\x04" + form0(7, 1) + b"x" + b"\x44" + form1(0xFFFFFF, 1) + LATE.to_bytes(4, "big") + b"y" + again + b"z"
    assert stamps(data) == [7, LATE + 7, 2 * LATE + 7]


def test_of_an_encoder_that_repeats_a_message_may_begin_with_another_delta() -> None:
    body = bytes(200)
    long = b"\x04" + form0(0xFFFFFF, 200) + LATE.to_bytes(4, "big") + body[:128]
    other = (LATE + 1).to_bytes(4, "big")
    data = (
        long
        + b"\xc4"
        + LATE.to_bytes(4, "big")
        + body[128:]
        + b"\xc4"
        + other
        + body[:128]
        + b"\xc4"
        + other
        + body[128:]
    )
    assert read(data) == [Message(9, 1, LATE, body), Message(9, 1, 2 * LATE + 1, body)]


def test_a_short_rest_is_not_waited_for_when_nothing_is_repeated() -> None:
    """Two bytes are due and no repeat: what came cannot begin one, so the message is whole."""
    data = b"\x04" + form0(0xFFFFFF, 130) + LATE.to_bytes(4, "big") + bytes(128) + b"\xc4" + b"\xaa\xbb"
    assert len(read(data)) == 1


def test_exactly_0xffffff_is_extended() -> None:
    assert stamps(ChunkWriter().write(Message(9, 1, 0xFFFFFF, b"x"), 4)) == [0xFFFFFF]
    assert stamps(ChunkWriter().write(Message(9, 1, 0xFFFFFE, b"x"), 4)) == [0xFFFFFE]


def test_time_wraps_at_2_to_the_32() -> None:
    written = ChunkWriter().write(Message(9, 1, (1 << 32) - 10, b"x"), 4)
    assert stamps(written + b"\x84" + form2(30) + b"y") == [(1 << 32) - 10, 20]


# Control.


def control(type_id: int, value: int) -> bytes:
    return b"\x02" + form0(0, 4, type_id, 0) + value.to_bytes(4, "big")


def test_the_chunk_size_can_be_set() -> None:
    data = control(1, 300) + b"\x04" + form0(1, 300) + bytes(300)
    assert len(read(data)) == 1


def test_a_chunk_size_of_one() -> None:
    assert read(control(1, 1) + b"\x04" + form0(1, 3) + b"a\xc4b\xc4c") == [Message(9, 1, 1, b"abc")]


def test_the_largest_chunk_size_is_taken() -> None:
    assert len(read(control(1, 0x7FFFFFFF) + b"\x04" + form0(1, 60000) + bytes(60000))) == 1


@pytest.mark.parametrize("size", [0, 0x80000000])
def test_an_impossible_chunk_size(size: int) -> None:
    with pytest.raises(ChunkError, match="chunk size"):
        read(control(1, size))


def test_a_control_message_that_is_too_short() -> None:
    with pytest.raises(ChunkError, match="short"):
        read(b"\x02" + form0(0, 3, 1, 0) + b"\0\0\1")


def test_control_counts_on_any_chunk_stream() -> None:
    data = b"\x07" + form0(0, 4, 1, 5) + (300).to_bytes(4, "big") + b"\x04" + form0(1, 300) + bytes(300)
    assert len(read(data)) == 1


def test_abort_drops_what_came() -> None:
    reader = ChunkReader(Limits())
    begun = b"\x04" + form0(1, 200) + bytes(128)
    data = begun + control(2, 4) + control(2, 4) + control(2, 9) + b"\xc4" + b"y" * 128 + b"\xc4" + b"y" * 72
    assert [bytes(message.payload) for message in reader.receive(data)] == [b"y" * 200]
    assert reader.held == 0


# Limits.


def test_a_size_is_refused_before_a_byte_is_kept() -> None:
    reader = ChunkReader(Limits(message=1000))
    with pytest.raises(TooLargeError, match="1001"):
        list(reader.receive(b"\x04" + form0(1, 1001)))
    assert reader.held == 0


def test_only_media_may_be_large_and_only_of_who_is_trusted() -> None:
    limits = Limits(message=1000, media_message=2000)
    reader = ChunkReader(limits)
    reader.trust(True)
    assert len(list(reader.receive(control(1, 4096) + b"\x04" + form0(1, 2000) + bytes(2000)))) == 1
    with pytest.raises(TooLargeError, match="2001"):
        list(reader.receive(b"\x05" + form0(1, 2001)))
    with pytest.raises(TooLargeError, match="1001"):
        list(reader.receive(b"\x06" + form0(1, 1001, 18)))
    reader.trust(False)
    with pytest.raises(TooLargeError, match="1001"):
        list(reader.receive(b"\x07" + form0(1, 1001)))


def test_half_messages_are_bounded_together() -> None:
    reader = ChunkReader(Limits(held=1000))
    halves = b"".join(bytes((chunk_stream_id,)) + form0(1, 200) + bytes(128) for chunk_stream_id in range(3, 12))
    with pytest.raises(TooLargeError, match="unfinished"):
        list(reader.receive(halves))


def test_chunk_streams_are_bounded() -> None:
    def use(count: int) -> bytes:
        return b"".join(basic_header(0, 2 + number) + form0(1, 1) + b"x" for number in range(count))

    assert len(read(use(10), Limits(chunk_streams=10))) == 10
    with pytest.raises(TooLargeError, match="chunk streams"):
        read(use(11), Limits(chunk_streams=10))


# Any split.


class Encoder:
    """Writes as encoders do: the shortest header that says it, deltas, chunks of several messages taking turns."""

    def __init__(self, repeats: bool, chunk_size: int) -> None:
        self._repeats = repeats
        self._chunk_size = chunk_size
        self._last: dict[int, tuple[Message, int]] = {}  # with the time field of its header

    def chunks(self, message: Message, chunk_stream_id: int) -> Iterator[bytes]:
        form, field = 0, message.timestamp
        if chunk_stream_id in self._last:
            last, last_field = self._last[chunk_stream_id]
            if last.stream_id == message.stream_id and last.timestamp <= message.timestamp:
                form, field = 1, message.timestamp - last.timestamp
                if (last.type_id, len(last.payload)) == (message.type_id, len(message.payload)):
                    form = 3 if field == last_field else 2
        self._last[chunk_stream_id] = message, field
        extended = field.to_bytes(4, "big") if field >= 0xFFFFFF else b""
        header = form0(min(field, 0xFFFFFF), len(message.payload), message.type_id, message.stream_id)
        shown = extended if form < 3 or self._repeats else b""
        begins = basic_header(form, chunk_stream_id) + header[: (11, 7, 3, 0)[form]] + shown
        goes_on = basic_header(3, chunk_stream_id) + (extended if self._repeats else b"")
        for at in range(0, max(len(message.payload), 1), self._chunk_size):
            yield (goes_on if at else begins) + message.payload[at : at + self._chunk_size]


STAMPS = st.integers(0, 100) | st.integers(0xFFFFF0, 0x1000010) | st.integers(0, 0xEFFFFFFF)
BODIES = st.integers(0, 60).map(lambda size: b"\xfa" * size) | st.integers(100, 2000).map(lambda size: b"\xfb" * size)
LANES = st.lists(
    st.lists(st.builds(Message, st.sampled_from([8, 9, 18]), st.integers(1, 2), STAMPS, BODIES), max_size=6), max_size=3
)


@settings(deadline=None)
@given(LANES, st.booleans(), st.integers(1, 200), st.lists(st.integers(1, 400)), st.data())
def test_whatever_an_encoder_does_is_understood_in_any_split(
    lanes: list[list[Message]], repeats: bool, chunk_size: int, sizes: list[int], data: st.DataObject
) -> None:
    encoder = Encoder(repeats, chunk_size)
    wire, sent = control(1, chunk_size), []
    waiting = dict(zip((3, 64, 65599), lanes, strict=False))
    under_way: dict[int, list[bytes]] = {}
    while turns := sorted({number for number, messages in waiting.items() if messages} | set(under_way)):
        turn = data.draw(st.sampled_from(turns))
        chunks = under_way.pop(turn, None) or list(encoder.chunks(waiting[turn][0], turn))
        some = data.draw(st.sampled_from([1, 2, 50]))
        wire += b"".join(chunks[:some])
        if chunks[some:]:
            under_way[turn] = chunks[some:]
        else:
            sent.append(waiting[turn].pop(0))
    assert read(wire) == sent
    reader = ChunkReader(Limits())
    assert [message for part in split(wire, sizes) for message in reader.receive(part)] == sent
    assert reader.held == 0


MESSAGES = st.lists(
    st.builds(
        Message,
        st.sampled_from([8, 9, 18, 20]),
        st.integers(0, 5),
        st.integers(0, (1 << 32) - 1) | st.integers(0, 100),
        st.binary(max_size=40) | st.integers(120, 700).map(bytes),
    ),
    max_size=6,
)


@settings(deadline=None)
@given(MESSAGES, st.integers(1, 300), st.lists(st.integers(1, 200)), st.sampled_from([3, 70, 1000]))
def test_what_is_written_is_read_back_in_any_split(
    sent: list[Message], chunk_size: int, sizes: Iterable[int], chunk_stream_id: int
) -> None:
    writer = ChunkWriter(chunk_size)
    written = control(1, chunk_size) + b"".join(writer.write(message, chunk_stream_id) for message in sent)
    assert read(written) == sent
    reader = ChunkReader(Limits())
    assert [message for part in split(written, sizes) for message in reader.receive(part)] == sent
    reader = ChunkReader(Limits())
    by_byte = [message for at in range(len(written)) for message in reader.receive(written[at : at + 1])]
    assert by_byte == sent
    assert reader.held == 0
