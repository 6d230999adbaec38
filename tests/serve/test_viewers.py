"""Who watches a room: pages by heartbeat, other players by their requests."""

import pytest

from serve import viewers as viewers_module
from serve.viewers import Viewers

CHROME = ("192.0.2.1", "Chrome")
VLC = ("192.0.2.1", "VLC")


def test_nobody_watches_at_first() -> None:
    assert Viewers().count(0) == 0


def test_each_page_is_a_viewer_also_behind_one_address() -> None:
    viewers = Viewers()
    for page in ("a", "b", "c", "a"):
        viewers.heartbeat(page, CHROME, 0)
    assert viewers.count(1) == 3


def test_a_page_that_is_silent_for_fifteen_seconds_is_gone() -> None:
    viewers = Viewers()
    viewers.heartbeat("a", CHROME, 0)
    viewers.heartbeat("b", CHROME, 5)
    assert viewers.count(14.9) == 2
    assert viewers.count(15) == 1
    viewers.heartbeat("b", CHROME, 16)
    assert viewers.count(30) == 1
    assert viewers.count(31) == 0


def test_other_players_are_known_by_address_and_program() -> None:
    viewers = Viewers()
    for second in range(5):
        viewers.request(VLC, second)
        viewers.request(("192.0.2.2", "VLC"), second)
    assert viewers.count(5) == 2
    assert viewers.count(19) == 0


@pytest.mark.parametrize("page_first", [True, False])
def test_a_pages_own_requests_are_not_counted_again(page_first: bool) -> None:
    viewers = Viewers()
    if page_first:
        viewers.heartbeat("a", CHROME, 0)
    viewers.request(CHROME, 1)
    viewers.request(VLC, 1)
    viewers.heartbeat("a", CHROME, 2)
    assert viewers.count(2) == 2


def test_a_player_goes_on_after_the_page_beside_it_was_closed() -> None:
    viewers = Viewers()
    viewers.heartbeat("a", CHROME, 0)
    for second in range(0, 20, 2):
        viewers.request(CHROME, second)
    assert viewers.count(19) == 1


def test_a_page_may_change_its_address() -> None:
    viewers = Viewers()
    viewers.heartbeat("a", CHROME, 0)
    viewers.heartbeat("a", ("198.51.100.7", "Chrome"), 5)
    viewers.request(CHROME, 6)
    assert viewers.count(6) == 2


def test_made_up_viewers_take_no_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers_module, "_MOST", 10)
    viewers = Viewers()
    for number in range(50):
        viewers.heartbeat(f"page {number}", CHROME, 0)
        viewers.request(("192.0.2.9", f"program {number}"), 0)
    assert viewers.count(0) == 20
    viewers.heartbeat("page 3", CHROME, 10)
    viewers.request(("192.0.2.9", "program 3"), 10)
    assert viewers.count(20) == 2, "who was counted before still is"
