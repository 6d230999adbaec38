"""Messages: what each is on the wire, that it is read back, and what a broken one is."""

import pytest

from ingest.rtmp import amf0, messages
from ingest.rtmp.chunks import ABORT, AGGREGATE, SET_CHUNK_SIZE, Message
from ingest.rtmp.errors import AmfError, MessageError
from ingest.rtmp.limits import Limits
from ingest.rtmp.messages import (
    TABLE,
    Abort,
    Acknowledgement,
    Command,
    Data,
    Media,
    SetChunkSize,
    SetPeerBandwidth,
    Typed,
    UserControl,
    WindowAckSize,
    parse,
)

CASES: dict[str, tuple[Typed, int, str]] = {
    "Acknowledgement": (Acknowledgement(0x01020304), 3, "01020304"),
    "User Control": (UserControl(messages.STREAM_BEGIN, 1), 4, "0000 00000001"),
    "Window Acknowledgement Size": (WindowAckSize(2_500_000), 5, "002625a0"),
    "Set Peer Bandwidth": (SetPeerBandwidth(2_500_000), 6, "002625a0 02"),
    "Audio": (Media(False, 20, b"\xaf\x01sound", 1), 8, "af01 736f756e64"),
    "Video": (Media(True, 33, b"\x17\x01", 1), 9, "1701"),
    "Data": (
        Data(("onMetaData", {"a": 1.0}), 1),
        18,
        "02000a 6f6e4d65746144617461 03 000161 003ff0000000000000 000009",
    ),
    "Command": (Command("hi", 4.0, (None, "x"), 1), 20, "02 0002 6869 00 4010000000000000 05 02 0001 78"),
}


def read(message: Message) -> list[Typed]:
    return list(parse(message, Limits()))


@pytest.mark.parametrize(("typed", "type_id", "wire"), CASES.values(), ids=CASES.keys())
def test_on_the_wire_and_back(typed: Typed, type_id: int, wire: str) -> None:
    message = typed.message()
    assert (message.type_id, message.payload) == (type_id, bytes.fromhex(wire))
    assert read(message) == [typed]


def test_every_row_of_the_table_is_shown_above() -> None:
    assert {row.name.removesuffix(", AMF3") for row in TABLE.values()} == set(CASES)


def test_what_the_chunk_stream_obeys_is_only_written() -> None:
    assert SetChunkSize(4096).message() == Message(SET_CHUNK_SIZE, 0, 0, bytes.fromhex("00001000"))
    assert Abort(4).message() == Message(ABORT, 0, 0, bytes.fromhex("00000004"))


def test_an_acknowledgement_wraps() -> None:
    assert Acknowledgement((1 << 32) + 5).message().payload == bytes.fromhex("00000005")


def test_amf3_is_amf0_behind_a_zero() -> None:
    payload = amf0.encode("publish", 3, None, "key")
    assert read(Message(17, 1, 0, b"\0" + payload)) == [Command("publish", 3.0, (None, "key"), 1)]
    assert read(Message(17, 1, 0, payload)) == [Command("publish", 3.0, (None, "key"), 1)]
    assert read(Message(15, 1, 0, b"\0" + amf0.encode("onMetaData"))) == [Data(("onMetaData",), 1)]


def test_a_command_without_a_transaction_has_number_0() -> None:
    assert read(Message(20, 0, 0, amf0.encode("bare"))) == [Command("bare", 0.0)]
    assert read(Message(20, 0, 0, amf0.encode("odd", "text", 1))) == [Command("odd", 0.0, (1.0,))]


@pytest.mark.parametrize(
    "message",
    [
        Message(3, 0, 0, b"\0\0\1"),
        Message(4, 0, 0, b"\0"),
        Message(5, 0, 0, b""),
        Message(6, 0, 0, b"\0"),
        Message(20, 0, 0, b""),
        Message(20, 0, 0, amf0.encode(1)),
    ],
)
def test_what_is_cut_short_is_the_peers_fault(message: Message) -> None:
    with pytest.raises(MessageError):
        read(message)


@pytest.mark.parametrize("payload", ["0003 00000001 00000bb8", "0020", "001f 00", "ffff 00000000"])
def test_user_control_that_nobody_has_written_down_is_no_error(payload: str) -> None:
    assert isinstance(read(Message(4, 0, 0, bytes.fromhex(payload)))[0], UserControl)


@pytest.mark.parametrize("type_id", [0, 7, 16, 19, 99])
def test_types_that_no_publisher_needs_are_passed_over(type_id: int) -> None:
    assert read(Message(type_id, 0, 0, b"whatever")) == []


def tag(type_id: int, stamp: int, body: bytes) -> bytes:
    low, high = stamp & 0xFFFFFF, stamp >> 24
    head = bytes((type_id,)) + len(body).to_bytes(3, "big") + low.to_bytes(3, "big") + bytes((high, 0, 0, 0))
    return head + body + (11 + len(body)).to_bytes(4, "big")


def test_an_aggregate_is_split_and_its_times_count_from_its_own() -> None:
    body = tag(9, 0x01000000, b"v1") + tag(8, 0x01000014, b"a1") + tag(18, 0x01000028, amf0.encode("x"))
    assert read(Message(AGGREGATE, 1, 5000, body)) == [
        Media(True, 5000, b"v1", 1),
        Media(False, 5020, b"a1", 1),
        Data(("x",), 1),
    ]


def test_an_aggregate_may_lack_its_last_back_pointer() -> None:
    assert read(Message(AGGREGATE, 1, 0, tag(8, 0, b"a")[:-4])) == [Media(False, 0, b"a", 1)]


@pytest.mark.parametrize(
    "body",
    [tag(8, 0, b"long")[:-6], tag(AGGREGATE, 0, tag(8, 0, b"a")), tag(18, 0, bytes(70_000))],
    ids=["cut short", "in one another", "a large command in it"],
)
def test_a_broken_aggregate(body: bytes) -> None:
    with pytest.raises(MessageError, match="aggregate"):
        read(Message(AGGREGATE, 1, 0, body))


@pytest.mark.parametrize("rubbish", [b"\0\0\0", b"\xff", b"\x02\xff\xff", b"\x04"])
def test_rubbish_behind_a_command_is_not_read(rubbish: bytes) -> None:
    payload = amf0.encode("publish", 5, None, "key")
    assert read(Message(20, 1, 0, payload + rubbish)) == [Command("publish", 5.0, (None, "key"), 1)]


@pytest.mark.parametrize(
    "payload", [b"\xff", amf0.encode("connect") + b"\xff", amf0.encode("connect", 1) + b"\x03\xff"]
)
def test_but_name_transaction_and_object_have_to_be_whole(payload: bytes) -> None:
    with pytest.raises(AmfError):
        read(Message(20, 1, 0, payload))


def test_data_ends_where_it_cannot_be_read() -> None:
    assert read(Message(18, 1, 0, amf0.encode("onMetaData") + b"\x08\0\0")) == [Data(("onMetaData",), 1)]
