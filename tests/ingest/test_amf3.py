"""AMF3 inside AMF0: each kind of value is read or passed over, so that what comes after it is understood."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.rtmp import amf0
from ingest.rtmp.amf import Value
from ingest.rtmp.errors import AmfError

VECTORS: dict[str, tuple[str, Value]] = {
    "undefined": ("00", None),
    "null": ("01", None),
    "false": ("02", False),
    "true": ("03", True),
    "integer": ("04 05", 5.0),
    "integer of two bytes": ("04 81 00", 128.0),
    "integer of four bytes": ("04 80 c0 80 00", float(1 << 21)),
    "negative integer": ("04 ff ff ff ff", -1.0),
    "double": ("05 4008000000000000", 3.0),
    "string": ("06 09 6c697665", "live"),
    "empty string": ("06 01", ""),
    "XML document": ("07 07 3c612f", "<a/"),
    "XML": ("0b 07 3c612f", "<a/"),
    "date": ("08 01 408f400000000000", 1000.0),
    "byte array": ("0c 07 ffffff", None),
    "array": ("09 05 01 02 03", [False, True]),
    "array with names": ("09 03 03 61 03 01 02", {"a": True, "0": False}),
    "object": ("0a 0b 01 09 6e616d65 04 05 01", {"name": 5.0}),
    "object of a class": ("0a 23 03 43 03 61 03 62 02 03", {"a": False, "b": True}),
    "array collection": (
        "0a 07 43 666c65782e6d6573736167696e672e696f2e4172726179436f6c6c656374696f6e 09 03 01 03",
        [True],
    ),
    "vector of integers": ("0d 05 00 00000001 ffffffff", [1.0, -1.0]),
    "vector of unsigned integers": ("0e 03 00 ffffffff", [4294967295.0]),
    "vector of doubles": ("0f 03 01 4008000000000000", [3.0]),
    "vector of objects": ("10 03 00 01 03", [True]),
    "dictionary": ("11 05 00 06 03 61 03 04 01 02", {"a": True}),
    "string by reference": ("09 05 01 06 03 61 06 00", ["a", "a"]),
    "an empty string is not kept": ("09 07 01 06 01 06 03 61 06 00", ["", "a", "a"]),
    "object by reference": ("09 05 01 09 03 01 03 0a 02", [[True], [True]]),
    "class by reference": ("09 05 01 0a 13 01 03 61 02 0a 01 03", [{"a": False}, {"a": True}]),
}


@pytest.mark.parametrize(("wire", "value"), VECTORS.values(), ids=VECTORS.keys())
def test_each_kind_of_value_and_what_comes_after_it(wire: str, value: Value) -> None:
    assert amf0.decode(b"\x11" + bytes.fromhex(wire) + amf0.encode("after")) == [value, "after"]


def test_it_stands_inside_amf0s_objects() -> None:
    wire = bytes.fromhex("03 0001 61 11 06 03 62 0001 63 05 0000 09")
    assert amf0.decode(wire) == [{"a": "b", "c": None}]


def test_each_value_has_references_of_its_own() -> None:
    with pytest.raises(AmfError, match="no string"):
        amf0.decode(bytes.fromhex("11 06 03 61 11 06 00"))


BROKEN = {
    "nothing": "",
    "unknown marker": "12",
    "cut in an integer": "04 ff ff",
    "cut in a string": "06 09 6c69",
    "a string longer than the message": "06 ff ff ff ff",
    "an array longer than the message": "09 ff ff ff ff 01 01",
    "a vector longer than the message": "0d ff ff ff ff 00",
    "a class with more names than there are bytes": "0a bf ff ff ff 01",
    "a reference to nothing": "0a 02",
    "a class that is not there": "0a 05",
    "an array that holds itself": "09 03 01 09 00",
    "a class that writes itself": "0a 07 03 58 01",
}


@pytest.mark.parametrize("wire", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_broken_is_the_peers_fault(wire: str) -> None:
    with pytest.raises(AmfError):
        amf0.decode(b"\x11" + bytes.fromhex(wire))


def test_depth_is_bounded_with_that_of_amf0() -> None:
    def nested(outer: int, inner: int) -> bytes:
        return bytes.fromhex("0a 00000001") * outer + b"\x11" + bytes.fromhex("09 03 01") * inner + b"\x01"

    amf0.decode(nested(2, 1), most_depth=3)
    with pytest.raises(AmfError, match="deep"):
        amf0.decode(nested(2, 2), most_depth=3)


def test_references_cannot_multiply_what_was_sent() -> None:
    """Arrays, each of ten references to the one before."""
    bomb = b"\x11\x09\x17\x01" + b"\x09\x15\x01" + b"\x01" * 10
    for index in range(1, 11):
        bomb += b"\x09\x15\x01" + bytes((9, index * 2)) * 10
    with pytest.raises(AmfError, match="too many"):
        amf0.decode(bomb)


def test_a_class_cannot_multiply_what_was_sent() -> None:
    """One of a hundred names, and objects of it that end too early."""
    names = b"".join(bytes((3, letter)) for letter in range(1, 101))
    bomb = b"\x11\x09\x83\x49\x01\x0a\x8c\x43\x01" + names + b"\x01" * 100 + b"\x0a\x01" * 50
    with pytest.raises(AmfError):
        amf0.decode(bomb)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_values_or_an_error(data: bytes) -> None:
    try:
        values = amf0.decode(b"\x11" + data)
    except AmfError:
        return
    assert len(values) <= len(data)
