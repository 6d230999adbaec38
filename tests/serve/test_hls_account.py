"""What the HLS checker tells of gaps, losses and waiting, of literal playlists, one after the other."""

from dataclasses import replace
from datetime import UTC, datetime

from tests.support.hls.account import Account
from tests.support.hls.findings import Findings, Place
from tests.support.hls.history import History
from tests.support.hls.told import Told

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
    return told(*((index * every, text) for index, text in enumerate(playlists)))


def told(*playlists: tuple[float, str]) -> History:
    """What is known after playlists that came at those moments."""
    history = History(Place(Findings(), "room"))
    for at, text in playlists:
        history.take(Told(text, at, at))
    return history


def test_a_stream_that_goes_on_as_it_should() -> None:
    history = read(
        playlist(7, segment(7), segment(8), growing(9, 1)),
        playlist(7, segment(7), segment(8), growing(9, 2)),
        playlist(8, segment(8), segment(9), growing(10, 1)),
        playlist(9, segment(9), segment(10), ended=True),
    )
    assert history.account() == Account(wait=0.5)
    assert history.ended


def test_what_is_lost_is_counted() -> None:
    history = read(
        playlist(7, segment(7), segment(8)),
        playlist(7, segment(7), segment(8), segment(9, gap=True), segment(10, at=21.5)),
        playlist(20, segment(20, at=25, torn=True), segment(21, at=26.5)),
        every=2.0,
    )
    account = history.account()
    assert replace(account, lost=round(account.lost, 3), again=round(account.again, 3)) == Account(
        discontinuities=1, gap=2.0, lost=3.0, again=0.5, wait=2.0, recovery=4.0, skipped=9
    )


def test_a_discontinuity_is_counted_also_when_its_tag_was_never_seen() -> None:
    history = read(playlist(7, segment(7)), playlist(9, segment(9), breaks=1))
    assert history.account().discontinuities == 1


def test_an_interruption_lasts_until_there_is_something_to_play() -> None:
    history = told(
        (10.0, playlist(7, segment(7), growing(8, 1))),
        (10.5, playlist(7, segment(7), growing(8, 2))),
        (13.0, playlist(7, segment(7), segment(8), segment(9, gap=True))),
        (15.0, playlist(7, segment(7), segment(8), segment(9, gap=True), segment(10, gap=True))),
        (16.0, playlist(8, segment(8), segment(9, gap=True), segment(10, gap=True), growing(11, 1))),
        (16.5, playlist(8, segment(8), segment(9, gap=True), segment(10, gap=True), growing(11, 2))),
    )
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
