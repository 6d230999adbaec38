"""Where a stream key may stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rtmp.claims import claim, fields
from ingest.source import Claim, SentKey

CASES = {
    # What it is: app, tcUrl, stream name; room, key.
    "the stream name": ("live", "rtmp://h/live", "KEY", "", "KEY"),
    "with the room's name": ("live", "rtmp://h/live", "demo?key=KEY", "demo", "KEY"),
    "among other fields": ("live", "rtmp://h/live", "demo?a=b&key=KEY&c", "demo", "KEY"),
    "the first of two": ("live", "rtmp://h/live", "demo?key=KEY&key=OTHER", "demo", "KEY"),
    "with fields that mean nothing": ("live", "rtmp://h/live", "KEY?token=1", "", "KEY"),
    "without a room's name": ("live", "rtmp://h/live", "?key=KEY", "", "KEY"),
    "an empty field": ("live", "rtmp://h/live", "demo?key=", "demo", ""),
    "another case of the field": ("live", "rtmp://h/live", "demo?KEY=KEY", "", "demo"),
    "a path in the stream name": ("live", "rtmp://h/live", "a/b/KEY", "", "KEY"),
    "a path in the app": ("live/a/b", "rtmp://h/live/a/b", "KEY", "", "KEY"),
    "no app": ("", "rtmp://h", "KEY", "", "KEY"),
    "OBS with all in the server's field": ("live/KEY", "rtmp://h/live/KEY", "", "", "KEY"),
    "the same without live": ("KEY", "rtmp://h/KEY", "", "", "KEY"),
    "the app's query": ("live?key=KEY", "rtmp://h/live?key=KEY", "demo", "demo", "KEY"),
    "the app's query and no stream name": ("live?key=KEY", "rtmp://h/live?key=KEY", "", "", "KEY"),
    "the app's query with the room in the path": ("live/demo?key=KEY", "rtmp://h/live/demo?key=KEY", "", "demo", "KEY"),
    "the app's query and a slash": ("live?key=KEY/", "rtmp://h/live?key=KEY/", "demo", "demo", "KEY"),
    "tcUrl's query alone": ("live", "rtmp://h:1935/live?key=KEY", "demo", "demo", "KEY"),
    "tcUrl without an app": ("", "rtmp://h/live/KEY", "", "", "KEY"),
    "the stream name's query before the app's": ("live?key=OTHER", "", "demo?key=KEY", "demo", "KEY"),
    "two queries": ("live", "", "demo?a=b?key=KEY", "demo", "KEY"),
    "slashes round the app": ("/live/", "rtmp://h//live/", "KEY", "", "KEY"),
    "slashes round the stream name": ("live", "rtmp://h/live", "/KEY/", "", "KEY"),
    "blanks": (" live ", " rtmp://h/live", " KEY\r\n", "", "KEY"),
    "blanks before tcUrl": ("", "  rtmp://h/live/KEY", "", "", "KEY"),
    "tcUrl without a scheme": ("", "h:1935/live/KEY", "", "", "KEY"),
    "tcUrl that begins with slashes": ("", "//h/live/KEY", "", "", "KEY"),
    "tcUrl in capitals": ("", "RTMP://H/live/KEY", "", "", "KEY"),
    "tcUrl by IPv6": ("", "rtmp://[::1]:1935/live/KEY", "", "", "KEY"),
    "nothing": ("", "", "", "", ""),
}


@pytest.mark.parametrize(("app", "tc_url", "stream", "room", "key"), CASES.values(), ids=CASES.keys())
def test_a_key_is_found(app: str, tc_url: str, stream: str, room: str, key: str) -> None:
    assert claim(app, tc_url, stream) == Claim(SentKey(key), room)


@given(st.text(), st.text(), st.text())
def test_any_text_makes_a_claim(app: str, tc_url: str, stream: str) -> None:
    claim(app, tc_url, stream).proof.fits("KEY")


def test_a_key_fits_itself_alone_and_is_not_shown() -> None:
    key = SentKey("KEY")
    assert key.fits("KEY")
    assert not any(key.fits(other) for other in ("", "KE", "KEYS", "key", "\udcff"))
    assert "KEY" not in repr(Claim(key, "demo"))


def test_values_of_fields_are_taken_as_they_are() -> None:
    """Base64 has signs that a form's decoding would change."""
    assert fields("live?response=a+b/c==&empty=&&=x") == {"response": "a+b/c==", "empty": ""}
