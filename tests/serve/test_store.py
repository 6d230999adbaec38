"""The store: what outlives the server, and what it says when the data folder does not play along."""

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.media import Codec, Kind, Track
from serve.store import FILE, BroadcastRow, RoomRow, Store, StoreError
from transcode.media import FrameRate, Plan, Rung, Sound

ROOM = RoomRow("demo", "Demo", "720p,480p", "fast", -16.0, False, "k1", True, 60, b"\x89PNG", moderation_budget=0.5)
TRACKS = (Track(Kind.VIDEO, Codec.H264, b"\x01\x64\x00"), Track(Kind.AUDIO, Codec.AAC, b"\x11\x90"))
PLAN = Plan(
    (Rung("source", 1280, 720, 1, 4_000_000), Rung("480p", 854, 480, 2, 1_300_000)),
    Sound(48000, 2, 128_000, True, -16.0),
    FrameRate(30_000, 1001),
    "fast",
    4,
    21_334,
)
BROADCAST = BroadcastRow("b1", "demo", 1_800_000_000_000, PLAN, TRACKS, 7, 1_260_000, 2)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def full(store: Store) -> None:
    """No room is left on the disk."""
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")


def test_rooms_outlive_the_server(tmp_path: Path) -> None:
    first = Store(tmp_path)
    first.save_room(ROOM)
    first.save_room(replace(ROOM, name="a", stream_key="k2", private=True, open=False))
    first.close()
    assert Store(tmp_path).rooms() == [replace(ROOM, name="a", stream_key="k2", private=True, open=False), ROOM]


def test_saving_a_room_again_replaces_its_settings(store: Store) -> None:
    store.save_room(ROOM)
    changed = RoomRow("demo", "Other", "auto", "quality", None, True, "k9", False, 90, b"")
    store.save_room(changed)
    assert store.rooms() == [changed]


def test_two_rooms_never_have_the_same_key(store: Store) -> None:
    store.save_room(ROOM)
    with pytest.raises(StoreError):
        store.save_room(replace(ROOM, name="other"))


def test_a_running_broadcast_comes_back_as_it_was(tmp_path: Path) -> None:
    first = Store(tmp_path)
    first.save_room(ROOM)
    first.save_broadcast(BROADCAST)
    first.close()
    assert Store(tmp_path).running_broadcast("demo") == BROADCAST


def test_a_killed_server_loses_nothing(tmp_path: Path) -> None:
    killed = Store(tmp_path)
    killed.save_room(ROOM)
    killed.save_broadcast(BROADCAST)
    assert Store(tmp_path).running_broadcast("demo") == BROADCAST


def test_a_broadcast_of_sound_alone_comes_back_as_it_was(store: Store) -> None:
    store.save_room(ROOM)
    silent = replace(BROADCAST, plan=replace(PLAN, rungs=()))
    store.save_broadcast(silent)
    assert store.running_broadcast("demo") == silent


@pytest.mark.parametrize("column", ["plan", "tracks"])
@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"video": null}'])
def test_a_broadcast_that_cannot_be_read_is_not_taken_up_and_the_server_starts(
    store: Store, caplog: pytest.LogCaptureFixture, column: str, text: str
) -> None:
    store.save_room(ROOM)
    store.save_broadcast(BROADCAST)
    if (column, text) == ("tracks", "[]"):
        text = "[[]]"  # no track at all can be read
    store._db.execute(f"UPDATE broadcasts SET {column} = ?", (text,))
    assert store.running_broadcast("demo") is None
    assert "broadcast b1 cannot be taken up again" in caplog.text
    assert store.rooms() == [ROOM]


def test_only_how_far_it_has_come_and_its_tracks_change(store: Store) -> None:
    store.save_room(ROOM)
    store.save_broadcast(BROADCAST)
    further = replace(BROADCAST, number=8, position=1_440_000, discontinuities=3, tracks=TRACKS[:1])
    store.save_broadcast(further)
    assert store.running_broadcast("demo") == further


def test_a_broadcast_that_ended_is_never_taken_up_again(store: Store) -> None:
    store.save_room(ROOM)
    store.save_broadcast(BROADCAST)
    store.end_broadcast("b1")
    assert store.running_broadcast("demo") is None
    store.save_broadcast(replace(BROADCAST, number=9))
    assert store.running_broadcast("demo") is None


def test_broadcasts_are_of_their_room_and_the_newest_counts(store: Store) -> None:
    store.save_room(ROOM)
    store.save_room(replace(ROOM, name="other", stream_key="k2"))
    store.save_broadcast(BROADCAST)
    newer = replace(BROADCAST, id="b2", started_at=BROADCAST.started_at + 1)
    store.save_broadcast(newer)
    assert store.running_broadcast("demo") == newer
    assert store.running_broadcast("other") is None


def test_deleting_a_room_deletes_its_broadcasts(store: Store) -> None:
    store.save_room(ROOM)
    store.save_broadcast(BROADCAST)
    store.delete_room("demo")
    assert store.rooms() == []
    assert store.running_broadcast("demo") is None


def test_a_server_keeps_the_values_it_once_chose(tmp_path: Path) -> None:
    first = Store(tmp_path)
    assert first.server_value("token", "a") == "a"
    assert first.server_value("token", "b") == "a"
    first.close()
    assert Store(tmp_path).server_value("token", "c") == "a"


def test_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "new" / "folder")
    store.save_room(ROOM)
    for path in (tmp_path / "new" / "folder").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_a_folder_that_cannot_be_made_is_named_and_so_is_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot open the data folder .*file.*another with --data"):
        Store(tmp_path / "file" / "data")


def test_a_file_that_is_no_database_is_an_error_not_a_loss(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"precious" * 1000)
    with pytest.raises(StoreError, match="cannot open"):
        Store(tmp_path)
    assert (tmp_path / FILE).read_bytes() == b"precious" * 1000


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="newer Veilcast"):
        Store(tmp_path)


def test_a_database_of_the_first_version_keeps_its_rooms_as_they_were(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as db:
        db.executescript(
            """
            CREATE TABLE server (name TEXT PRIMARY KEY, value TEXT NOT NULL);
            CREATE TABLE rooms (
                name TEXT PRIMARY KEY, title TEXT NOT NULL, ladder TEXT NOT NULL, private INTEGER NOT NULL,
                stream_key TEXT NOT NULL UNIQUE, open INTEGER NOT NULL
            );
            CREATE TABLE broadcasts (
                id TEXT PRIMARY KEY, room TEXT NOT NULL REFERENCES rooms(name) ON DELETE CASCADE,
                started_at INTEGER NOT NULL, plan TEXT NOT NULL, tracks TEXT NOT NULL,
                number INTEGER NOT NULL, position INTEGER NOT NULL, discontinuities INTEGER NOT NULL,
                ended INTEGER NOT NULL
            );
            CREATE INDEX broadcasts_room ON broadcasts(room, ended);
            INSERT INTO server VALUES ('token', 'secret');
            INSERT INTO rooms VALUES ('demo', 'Demo', 'source', 1, 'k1', 1);
            INSERT INTO broadcasts VALUES (
                'b1', 'demo', 1800000000000,
                '{"video":{"codecs":"avc1.64001f","width":1280,"height":720,"frame_rate":30.0},"audio":null,'
                || '"target_duration":4,"part_target":21334,"bandwidth":3000000}',
                '[]', 7, 1260000, 2, 0
            );
            PRAGMA user_version = 1;
            """
        )
    db.close()
    for _ in range(2):  # it is brought up to date once
        store = Store(tmp_path)
        assert store.rooms() == [RoomRow("demo", "Demo", "source", "balanced", None, True, "k1", True)]
        assert store.server_value("token", "new") == "secret"
        assert store.running_broadcast("demo") is None
        assert store._db.execute("SELECT ended FROM broadcasts WHERE id = 'b1'").fetchone() == (1,)
        store.close()
    store = Store(tmp_path)
    store.save_room(ROOM)
    store.save_broadcast(replace(BROADCAST, id="b2"))
    assert store.running_broadcast("demo") == replace(BROADCAST, id="b2")


def test_a_full_disk_is_said_so_and_what_was_there_can_still_be_read(store: Store) -> None:
    store.save_room(ROOM)
    full(store)
    with pytest.raises(StoreError, match=r"cannot write to the data folder .*full.*give it room"):
        store.save_room(replace(ROOM, name="other", stream_key="k2", title="x" * 100_000))
    assert ROOM in store.rooms()


def test_the_last_number_can_still_be_noted_on_a_full_disk(store: Store) -> None:
    """It replaces the one before: no more room is needed."""
    store.save_room(ROOM)
    store.save_broadcast(BROADCAST)
    full(store)
    store.save_broadcast(replace(BROADCAST, number=8))
    noted = store.running_broadcast("demo")
    assert noted is not None
    assert noted.number == 8


def test_a_read_only_database_is_said_so(store: Store) -> None:
    store._db.execute("PRAGMA query_only = ON")
    for write in (
        lambda: store.save_room(ROOM),
        lambda: store.save_broadcast(BROADCAST),
        lambda: store.end_broadcast("b1"),
        lambda: store.delete_room("demo"),
        lambda: store.server_value("token", "a"),
    ):
        with pytest.raises(StoreError, match=r"cannot write to the data folder .*make it writable"):
            write()
