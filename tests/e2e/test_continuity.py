"""The playlist follower of the continuity tests finds what it has to find: literal playlists, one after the other."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.support.follower import Account, History

NOON = int(datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp())
PART = 0.5


def playlist(
    first: int, *segments: str, breaks: int = 0, target: int = 2, part_target: float = PART, ended: bool = False
) -> str:
    return "\n".join(
        (
            "#EXTM3U",
            "#EXT-X-VERSION:9",
            f"#EXT-X-TARGETDURATION:{target}",
            f"#EXT-X-PART-INF:PART-TARGET={part_target}",
            f"#EXT-X-MEDIA-SEQUENCE:{first}",
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{breaks}",
            *segments,
            *(["#EXT-X-ENDLIST"] if ended else ()),
            "",
        )
    )


def segment(
    number: int, lasts: float = 2.0, at: float | None = None, gap: bool = False, torn: bool = False, init: str = "a"
) -> str:
    """A whole segment without parts; it begins two seconds after the one before unless ``at`` says otherwise."""
    date = datetime.fromtimestamp(NOON + (2 * number if at is None else at), UTC).isoformat(timespec="milliseconds")
    return "\n".join(
        (
            *(["#EXT-X-DISCONTINUITY"] if torn else ()),
            f'#EXT-X-MAP:URI="init-{init}.mp4"',
            f"#EXT-X-PROGRAM-DATE-TIME:{date}",
            *(["#EXT-X-GAP"] if gap else ()),
            f"#EXTINF:{lasts:.5f},",
            f"{number}.m4s",
        )
    )


def growing(number: int, parts: int, lasts: float = PART) -> str:
    date = datetime.fromtimestamp(NOON + 2 * number, UTC).isoformat(timespec="milliseconds")
    listed = [f'#EXT-X-PART:DURATION={lasts:.5f},URI="{number}.{index}.m4s"' for index in range(parts)]
    return "\n".join((f"#EXT-X-PROGRAM-DATE-TIME:{date}", *listed))


def read(*playlists: str, every: float = 0.5) -> History:
    """What is known after ``playlists``, which came ``every`` half second."""
    history = History()
    for index, text in enumerate(playlists):
        history.take(index * every, text)
    return history


def test_a_stream_that_goes_on_as_it_should() -> None:
    history = read(
        playlist(7, segment(7), segment(8), growing(9, 1)),
        playlist(7, segment(7), segment(8), growing(9, 2)),
        playlist(8, segment(8), segment(9), growing(10, 1)),
        playlist(9, segment(9), segment(10), ended=True),
    )
    assert history.broken == []
    assert history.account() == Account(wait=0.5)
    assert history.ended


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (playlist(7, segment(7)), playlist(6, segment(6), segment(7)), "MEDIA-SEQUENCE went back from 7 to 6"),
        (
            playlist(7, segment(7), breaks=2),
            playlist(8, segment(8), breaks=1),
            "DISCONTINUITY-SEQUENCE went back from 2 to 1",
        ),
        (playlist(7, segment(7), segment(8)), playlist(7, segment(7)), "live edge went back from (9, 0) to (8, 0)"),
        (playlist(7, growing(7, 3)), playlist(7, growing(7, 2)), "live edge went back from (7, 3) to (7, 2)"),
        (
            playlist(7, segment(7), segment(8)),
            playlist(7, segment(7), segment(8).replace("8.m4s", "eight.m4s")),
            "segment 8: uri changed from 8.m4s to eight.m4s",
        ),
        (playlist(7, segment(7)), playlist(7, segment(7, lasts=1.5)), "segment 7: duration changed from 2.0 to 1.5"),
        (playlist(7, segment(7)), playlist(7, segment(7, gap=True)), "segment 7: gap changed from False to True"),
        (playlist(7, segment(7)), playlist(7, segment(7, init="b")), "segment 7: init changed"),
        (playlist(7, segment(7)), playlist(7, segment(7, at=15)), "segment 7: start changed"),
        (
            playlist(7, segment(7), segment(8), segment(9)),
            playlist(7, segment(7), segment(9).replace("9.m4s", "8.m4s"), segment(9)),
            "segment 8: start changed",
        ),
        (
            playlist(7, segment(7), segment(8, torn=True)),
            playlist(8, segment(8)),
            "segment 8: breaks changed from 1 to 0",
        ),
        (
            playlist(7, segment(7), segment(8, torn=True), segment(9)),
            playlist(9, segment(9)),
            "segment 9: breaks changed from 1 to 0",
        ),
        (playlist(7, growing(7, 1)), playlist(7, growing(7, 2, lasts=0.4)), "part 7.0 changed"),
        (playlist(7, segment(7)), playlist(7, segment(7), target=4), "targets changed from (2, 0.5) to (4, 0.5)"),
        (playlist(7, segment(7)), playlist(7, segment(7), part_target=0.4), "targets changed"),
        (playlist(7, segment(7)), playlist(7, segment(7), segment(8, lasts=2.5001)), "segment 8 is longer"),
        (playlist(7, segment(7)), playlist(7, segment(7), growing(8, 1, lasts=0.6)), "part 8.0 is longer"),
        (playlist(8, segment(8)), playlist(7, segment(7), segment(8)), "segment 7 came late"),
        (playlist(7, segment(7), ended=True), playlist(7, segment(7), segment(8)), "ENDLIST was taken back"),
    ],
)
def test_what_was_listed_stays_as_it_was(before: str, after: str, found: str) -> None:
    assert read(before).broken == []
    assert any(found in text for text in read(before, after).broken)


def test_a_blocking_reload_brings_what_it_waits_for() -> None:
    history = read(playlist(7, segment(7), growing(8, 1)))
    history.take(1.0, playlist(7, segment(7), growing(8, 1)))
    assert history.broken == []
    history.take(1.5, playlist(7, segment(7), growing(8, 1)), blocked=True)
    assert any("blocking reload" in text for text in history.broken)


def test_what_is_lost_is_counted() -> None:
    history = read(
        playlist(7, segment(7), segment(8)),
        playlist(7, segment(7), segment(8), segment(9, gap=True), segment(10, at=21.5)),
        playlist(20, segment(20, at=25, torn=True), segment(21, at=26.5)),
        every=2.0,
    )
    assert history.broken == []
    account = history.account()
    assert replace(account, lost=round(account.lost, 3), again=round(account.again, 3)) == Account(
        discontinuities=1, gap=2.0, lost=3.0, again=0.5, wait=2.0, recovery=4.0, skipped=9
    )


def test_a_discontinuity_is_counted_also_when_its_tag_was_never_seen() -> None:
    history = read(playlist(7, segment(7)), playlist(9, segment(9), breaks=1))
    assert history.broken == []
    assert history.account().discontinuities == 1


def test_an_interruption_lasts_until_there_is_something_to_play() -> None:
    history = History()
    history.take(10.0, playlist(7, segment(7), growing(8, 1)))
    history.take(10.5, playlist(7, segment(7), growing(8, 2)))
    history.take(13.0, playlist(7, segment(7), segment(8), segment(9, gap=True)))
    history.take(15.0, playlist(7, segment(7), segment(8), segment(9, gap=True), segment(10, gap=True)))
    history.take(16.0, playlist(8, segment(8), segment(9, gap=True), segment(10, gap=True), growing(11, 1)))
    history.take(16.5, playlist(8, segment(8), segment(9, gap=True), segment(10, gap=True), growing(11, 2)))
    assert history.broken == []
    assert history.account().wait == 2.5
    assert history.account(since=11.0, until=16.7).recovery == 5.0
    assert history.account(since=16.2, until=16.7) == Account(wait=0.5)
    assert history.account(since=16.2, until=30.0).wait == 13.5, "nothing new is a wait too"


def test_only_what_came_since_a_moment_counts() -> None:
    history = read(
        playlist(7, segment(7), segment(8, gap=True), segment(9, torn=True)),
        playlist(7, segment(7), segment(8, gap=True), segment(9, torn=True), segment(10)),
        every=0.8,
    )
    assert history.account().discontinuities == 1
    assert history.account(since=0.5) == Account(wait=0.8)
