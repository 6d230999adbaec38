"""AMF0: what encoders send is read, what we write is read back, and nothing costs more than it weighs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.rtmp import amf0
from ingest.rtmp.amf import Value
from ingest.rtmp.errors import AmfError

VECTORS = {
    "number": ("00 4008000000000000", 3.0),
    "boolean": ("01 01", True),
    "any byte but 0 is true": ("01 02", True),
    "string": ("02 0004 6c697665", "live"),
    "string that is no UTF-8": ("02 0002 ff61", "\ufffda"),
    "object": ("03 0003 617070 02 0004 6c697665 0000 09", {"app": "live"}),
    "empty object": ("03 0000 09", {}),
    "an empty name is a name": ("03 0000 05 0000 09", {"": None}),
    "null": ("05", None),
    "undefined": ("06", None),
    "unsupported": ("0d", None),
    "ECMA array": ("08 00000001 0001 61 01 00 0000 09", {"a": False}),
    "ECMA array with a wrong count": ("08 00000000 0001 61 01 00 0000 09", {"a": False}),
    "strict array": ("0a 00000002 05 01 01", [None, True]),
    "date, its zone ignored": ("0b 408f400000000000 0078", 1000.0),
    "long string": ("0c 00000002 6869", "hi"),
    "XML": ("0f 00000003 3c612f", "<a/"),
    "typed object": ("10 0001 54 0001 61 05 0000 09", {"a": None}),
}


@pytest.mark.parametrize(("wire", "value"), VECTORS.values(), ids=VECTORS.keys())
def test_each_kind_of_value(wire: str, value: Value) -> None:
    assert amf0.decode(bytes.fromhex(wire)) == [value]


def test_values_follow_one_another() -> None:
    assert amf0.decode(amf0.encode("connect", 1, {"app": "live"}, None)) == ["connect", 1.0, {"app": "live"}, None]


def test_nothing_is_no_value() -> None:
    assert amf0.decode(b"") == []


def test_a_reference_repeats_an_object() -> None:
    assert amf0.decode(bytes.fromhex("03 0001 61 05 0000 09 07 0000")) == [{"a": None}, {"a": None}]


BROKEN = {
    "cut in a number": "00 4008",
    "no marker's byte": "01",
    "cut in a string": "02 0004 6c69",
    "a string longer than the message": "0c ffffffff 61",
    "an object without its end": "03 0001 61 05",
    "an array longer than the message": "0a ffffffff 05",
    "reserved marker: movie clip": "04",
    "reserved marker: record set": "0e",
    "AMF3 and no value of it": "11",
    "an end without an object": "09",
    "a reference to nothing": "07 0000",
    "an array that holds itself": "0a 00000001 07 0000",
    "an object that holds itself": "03 0001 61 07 0000 0000 09",
}


@pytest.mark.parametrize("wire", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_broken_is_the_peers_fault(wire: str) -> None:
    with pytest.raises(AmfError):
        amf0.decode(bytes.fromhex(wire))


def test_depth_is_bounded() -> None:
    def nested(depth: int) -> bytes:
        return bytes.fromhex("0a 00000001") * depth + b"\x05"

    amf0.decode(nested(3), most_depth=3)
    with pytest.raises(AmfError, match="deep"):
        amf0.decode(nested(4), most_depth=3)
    with pytest.raises(AmfError, match="deep"):
        amf0.decode(nested(50_000))


def test_references_cannot_multiply_what_was_sent() -> None:
    """Ten arrays, each of ten references to the one before, would be 10**10 values in 350 bytes."""
    bomb = bytes.fromhex("0a 0000000a") + b"\x05" * 10
    for index in range(10):
        bomb += bytes.fromhex("0a 0000000a") + (b"\x07" + index.to_bytes(2, "big")) * 10
    with pytest.raises(AmfError, match="too many"):
        amf0.decode(bomb)


def test_text_of_64_kib_is_a_long_string() -> None:
    text = "x" * (1 << 16)
    assert amf0.encode(text)[:5] == bytes.fromhex("0c 00010000")
    assert amf0.decode(amf0.encode(text)) == [text]


def test_what_amf0_has_no_type_for_is_a_bug_of_ours() -> None:
    with pytest.raises(TypeError, match="bytes"):
        amf0.encode(b"raw")


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.lists(VALUES, max_size=4))
def test_what_is_written_is_read_back(values: list[Value]) -> None:
    assert amf0.decode(amf0.encode(*values), most_depth=30) == values


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_values_or_an_error(data: bytes) -> None:
    try:
        values = amf0.decode(data)
    except AmfError:
        return
    assert len(values) <= len(data)
