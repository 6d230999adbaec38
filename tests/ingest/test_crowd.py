"""Who has to go where there are too many."""

import pytest

from ingest.rtmp.crowd import Crowd, network_of

HERE, THERE = "192.0.2.1", "192.0.2.2"


def test_there_is_room_up_to_the_limit() -> None:
    crowd = Crowd[str](2, 2)
    assert [crowd.enter("a", HERE), crowd.enter("b", THERE)] == [None, None]
    assert crowd.all() == ["a", "b"]


def test_of_one_network_the_one_too_many_goes() -> None:
    crowd = Crowd[str](9, 2)
    assert [crowd.enter(one, HERE) for one in "abc"] == [None, None, "c"]
    assert crowd.enter("d", THERE) is None
    crowd.leave("c")
    crowd.leave("a")
    assert crowd.enter("e", HERE) is None


def test_of_all_the_stranger_who_came_first_goes() -> None:
    crowd = Crowd[str](2, 9)
    assert [crowd.enter(one, HERE) for one in "abcd"] == [None, None, "a", "b"], "whether or not they have left yet"
    crowd.leave("a")
    crowd.leave("b")
    assert crowd.enter("e", HERE) == "c"


def test_publishers_stay() -> None:
    crowd = Crowd[str](2, 9)
    for one in "ab":
        crowd.enter(one, HERE)
        crowd.trust(one, True)
    assert crowd.enter("c", HERE) == "c"
    crowd.leave("c")
    crowd.trust("b", False)
    assert crowd.enter("d", HERE) == "b", "who has stopped is a stranger again"


@pytest.mark.parametrize(
    ("host", "other", "one"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("?", "?", True),
    ],
)
def test_who_shares_a_network_is_counted_as_one(host: str, other: str, one: bool) -> None:
    """By IPv6 each subscriber has 2**64 addresses at least."""
    assert (network_of(host) == network_of(other)) is one
