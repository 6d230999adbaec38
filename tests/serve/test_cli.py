"""The command line against a stand-in for the API: what it asks, what it prints, how it fails."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from cli import cli
from filters.spec import Spec
from serve import terminal
from serve.config import Address, ServeConfig
from serve.credentials import FILE, Credentials
from tests.support.fake_api import ROOM, TOKEN, Answer, FakeApi, fake_api, problem
from transcode.verdicts import Cause

PROGRAM = Path(__file__).parents[2] / "cli.py"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    """A server that ``tmp_path``, as the data folder, points to."""
    with fake_api() as api:
        Credentials(api.url, TOKEN).write(tmp_path)
        yield api


@pytest.fixture
def veilcast(tmp_path: Path) -> "Veilcast":
    return Veilcast(tmp_path)


class Veilcast:
    """Runs commands with ``tmp_path`` as the data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def __call__(self, *words: str, answer: str | None = None, **variables: str) -> Result:
        env = {"VEILCAST_DATA": str(self.data), **variables}
        return CliRunner().invoke(cli, words, input=answer, env=env)

    def fails(self, *words: str, status: int = 1, answer: str | None = None, **variables: str) -> str:
        """What a command that has to fail says: nothing on standard output, the last line of standard error."""
        result = self(*words, answer=answer, **variables)
        assert result.exit_code == status, result.output
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
        if status == 1 and answer is None:
            assert len(result.stderr.splitlines()) == 1
        return result.stderr.splitlines()[-1]


class TestRooms:
    def test_start_sends_the_settings_that_are_given_and_no_others(self, api: FakeApi, veilcast: Veilcast) -> None:
        api.answers["PUT /api/v1/rooms/demo"] = Answer(ROOM)
        assert veilcast("room", "start", "demo").exit_code == 0
        words = ("--title", "T", "--ladder", "source,720p", "--preset", "fast", "--loudness", "-16", "--private")
        assert veilcast("room", "start", "demo", *words).exit_code == 0
        given = {"title": "T", "ladder": "source,720p", "preset": "fast", "loudness": -16, "private": True}
        assert veilcast("room", "start", "demo", "--title", "T", "--force").exit_code == 0
        assert [body for _, body in api.asked] == [{}, given, {"title": "T", "force": True}]

    def test_loudness_is_switched_off_by_name(self, api: FakeApi, veilcast: Veilcast) -> None:
        api.answers["PATCH /api/v1/rooms/demo"] = Answer(ROOM)
        assert veilcast("room", "set", "demo", "--loudness", "off").exit_code == 0
        assert api.asked[-1][1] == {"loudness": None}

    def test_a_slate_is_read_and_sent_and_taken_away_by_name(
        self, api: FakeApi, veilcast: Veilcast, tmp_path: Path
    ) -> None:
        api.answers["PATCH /api/v1/rooms/demo"] = Answer(ROOM)
        image = tmp_path / "slate.png"
        image.write_bytes(b"\x89PNG and more")
        assert veilcast("room", "set", "demo", "--slate", str(image), "--grace", "300").exit_code == 0
        assert api.asked[-1][1] == {"slate": base64.b64encode(b"\x89PNG and more").decode(), "grace": 300}
        assert veilcast("room", "set", "demo", "--slate", "none").exit_code == 0
        assert api.asked[-1][1] == {"slate": ""}

    @pytest.mark.parametrize(("size", "said"), [(0, "is empty"), ((5 << 20) + 1, "use a file of 5 MiB at most")])
    def test_a_slate_that_cannot_be_sent_changes_nothing(
        self, api: FakeApi, veilcast: Veilcast, tmp_path: Path, size: int, said: str
    ) -> None:
        """An empty one least of all: it would take the slate away."""
        image = tmp_path / "slate.png"
        image.write_bytes(bytes(size))
        told = veilcast("room", "set", "demo", "--slate", str(image))
        assert (told.exit_code, api.asked) == (2, [])
        assert said in told.stderr

    @pytest.mark.parametrize(
        ("option", "value", "status", "said"),
        [
            ("--ladder", "720", 1, "use auto, source, or a list such as 720p,480p or source,720p"),
            ("--ladder", "", 1, "use auto, source, or a list"),
            ("--preset", "slow", 2, "is not one of 'fast', 'balanced', 'quality'"),
            ("--loudness", "loud", 2, "write LUFS such as -16, or off"),
            ("--loudness", "nan", 2, "write LUFS such as -16, or off"),
            ("--slate", "/nowhere.png", 2, "cannot read /nowhere.png: No such file"),
            ("--grace", "long", 2, "is not a valid integer"),
        ],
    )
    @pytest.mark.parametrize("command", ["start", "set"])
    def test_a_value_that_is_none_is_told_what_is_one(
        self, api: FakeApi, veilcast: Veilcast, command: str, option: str, value: str, status: int, said: str
    ) -> None:
        assert said in veilcast.fails("room", command, "demo", option, value, status=status)
        assert api.asked == []

    @pytest.mark.parametrize("command", ["start", "show"])
    def test_it_is_told_what_becomes_of_pictures_and_sound(
        self, api: FakeApi, veilcast: Veilcast, command: str
    ) -> None:
        api.answers["PUT /api/v1/rooms/demo"] = api.answers["GET /api/v1/rooms/demo"] = Answer(ROOM)
        lines = [line.split() for line in veilcast("room", command, "demo").stdout.splitlines()]
        assert ["Ladder", "auto"] in lines
        assert ["Preset", "balanced"] in lines
        assert not {"Loudness", "Worker"}.intersection(line[0] for line in lines if line)
        renditions = [
            {"name": "1080p60", "width": 1920, "height": 1080, "frame_rate": 59.94, "bit_rate": 7_500_000},
            {"name": "480p", "width": 854, "height": 480, "frame_rate": 29.97, "bit_rate": 1_300_000},
        ]
        worker = {"pid": 1, "restarts": 2, "dropped_packets": 0, "dropped_frames": 7, "repeated_frames": 9, "rss": 1}
        room = {**ROOM, "loudness": -16.0, "renditions": renditions, "worker": worker}
        api.answers["PUT /api/v1/rooms/demo"] = api.answers["GET /api/v1/rooms/demo"] = Answer(room)
        told = veilcast("room", command, "demo").stdout
        assert "auto: 1080p60 (1920x1080, 59.94/s), 480p (854x480, 29.97/s)" in told
        assert "-16 LUFS" in told
        assert "restarts 2, frames dropped 7\n" in told

    @pytest.mark.parametrize(
        ("words", "answer", "said"),
        [
            (("--ladder", "480p"), {"publisher": {"address": "a"}}, "with a new broadcast, which begins now"),
            (("--loudness", "-16"), {}, "with the next broadcast"),
            (("--title", "T"), {}, ""),
            (("--preset", "fast"), {"broadcast": "b1"}, ""),
        ],
    )
    def test_set_says_when_it_takes_effect(
        self, api: FakeApi, veilcast: Veilcast, words: tuple[str, ...], answer: dict[str, object], said: str
    ) -> None:
        api.answers["PATCH /api/v1/rooms/demo"] = Answer({**ROOM, **answer})
        told = veilcast("room", "set", "demo", *words).stderr
        assert said in told
        assert bool(told) is bool(said)

    def test_start_prints_what_host_and_viewers_need(self, api: FakeApi, veilcast: Veilcast) -> None:
        api.answers["PUT /api/v1/rooms/demo"] = Answer(ROOM)
        lines = [line.split() for line in veilcast("room", "start", "demo").stdout.splitlines()]
        assert ["Server", ROOM["rtmp_url"]] in lines
        assert ["Stream", "key", ROOM["stream_key"]] in lines
        assert ["Watch", ROOM["watch_url"]] in lines
        assert "encrypted" not in str(lines)
        api.answers["PUT /api/v1/rooms/demo"] = Answer({**ROOM, "rtmps_url": "rtmps://127.0.0.1:1936/live"})
        assert "or, encrypted  rtmps://127.0.0.1:1936/live" in veilcast("room", "start", "demo").stdout

    @pytest.mark.parametrize(
        ("words", "request_line"),
        [
            (("start", "demo"), "PUT /api/v1/rooms/demo"),
            (("show", "demo"), "GET /api/v1/rooms/demo"),
            (("set", "demo", "--public"), "PATCH /api/v1/rooms/demo"),
            (("stop", "demo"), "POST /api/v1/rooms/demo/stop"),
            (("rotate-key", "demo"), "POST /api/v1/rooms/demo/rotate-key"),
            (("kick", "demo"), "POST /api/v1/rooms/demo/kick"),
        ],
    )
    def test_json_is_the_room_as_the_server_gives_it(
        self, api: FakeApi, veilcast: Veilcast, words: tuple[str, ...], request_line: str
    ) -> None:
        api.answers[request_line] = Answer(ROOM)
        assert json.loads(veilcast("room", *words, "--json").stdout) == ROOM
        assert [asked for asked, _ in api.asked] == [request_line]

    def test_list_is_a_table_or_an_array(self, api: FakeApi, veilcast: Veilcast) -> None:
        assert json.loads(veilcast("room", "list", "--json").stdout) == [ROOM]
        table = veilcast("room", "list").stdout
        assert "waiting" in table
        assert ROOM["watch_url"] in table
        api.answers["GET /api/v1/rooms"] = Answer({"rooms": []})
        assert "veilcast room start NAME" in veilcast("room", "list").stdout

    def test_show_tells_what_a_worker_takes(self, api: FakeApi, veilcast: Veilcast) -> None:
        worker = {"pid": 7, "restarts": 1, "dropped_packets": 0, "processors": 0.58}
        api.answers["GET /api/v1/rooms/demo"] = Answer({**ROOM, "worker": worker})
        assert "takes 0.6 processors, restarts 1" in veilcast("room", "show", "demo").stdout

    def test_show_tells_all_and_passes_no_control_characters_on(self, api: FakeApi, veilcast: Veilcast) -> None:
        video = {"codec": "h264", "width": 1280, "height": 720}
        publisher = {"address": "127.0.0.1:5", "software": "OBS\x1b[2J", "since": 1, "video": video, "audio": None}
        room = {**ROOM, "state": "live", "live_since": 1, "publisher": publisher, "warnings": ["keyframes are rare"]}
        api.answers["GET /api/v1/rooms/demo"] = Answer(room)
        result = veilcast("room", "show", "demo")
        assert "h264, 1280x720" in result.stdout
        assert "\x1b" not in result.stdout
        assert "Warning: keyframes are rare" in result.stderr

    def test_delete_asks_first(self, api: FakeApi, veilcast: Veilcast) -> None:
        api.answers["GET /api/v1/rooms/demo"] = Answer(ROOM)
        api.answers["DELETE /api/v1/rooms/demo"] = Answer(None, 204)
        for answer in ("n\n", ""):
            assert "was not deleted" in veilcast.fails("room", "delete", "demo", answer=answer)
        assert all(not asked.startswith("DELETE") for asked, _ in api.asked)
        assert veilcast("room", "delete", "demo", answer="y\n").exit_code == 0
        assert json.loads(veilcast("room", "delete", "demo", "--yes", "--json").stdout) == {
            "name": "demo",
            "deleted": True,
        }

    def test_set_without_a_setting_is_a_mistake_in_use(self, api: FakeApi, veilcast: Veilcast) -> None:
        assert "nothing to change" in veilcast.fails("room", "set", "demo", status=2)
        assert api.asked == []


class TestModeration:
    @pytest.fixture(autouse=True)
    def there(self, api: FakeApi) -> None:
        for line in ("PUT /api/v1/rooms/demo", "PATCH /api/v1/rooms/demo", "GET /api/v1/rooms/demo"):
            api.answers[line] = Answer(ROOM)

    def told(self, api: FakeApi, veilcast: Veilcast, **fields: object) -> Result:
        api.answers["GET /api/v1/rooms/demo"] = Answer({**ROOM, **fields})
        return veilcast("room", "show", "demo")

    @pytest.mark.parametrize("command", ["start", "set"])
    def test_filters_are_sent_in_their_order_with_their_files_made_absolute(
        self, api: FakeApi, veilcast: Veilcast, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        words = ("--filter", "./mine.py:invert", "--filter", "bleep:words=a+b,tone=mute", "--filter", "blur-faces")
        assert veilcast("room", command, "demo", *words, "--delay", "4", "--on-overrun", "stop").exit_code == 0
        filters = [f"{tmp_path.resolve()}/mine.py:invert", "bleep:words=a+b,tone=mute", "blur-faces"]
        assert api.asked[-1][1] == {"filters": filters, "delay": 4, "on_overrun": "stop"}

    @pytest.mark.parametrize("command", ["start", "set"])
    @pytest.mark.parametrize(("word", "sent"), [("0.5", 0.5), ("auto", None)])
    def test_a_budget_is_sent_as_it_is_given(
        self, api: FakeApi, veilcast: Veilcast, command: str, word: str, sent: float | None
    ) -> None:
        assert veilcast("room", command, "demo", "--moderation-budget", word).exit_code == 0
        assert api.asked[-1][1] == {"moderation_budget": sent}

    def test_show_tells_what_detectors_take_beside_what_they_may(self, api: FakeApi, veilcast: Veilcast) -> None:
        filters = [{"spec": "bleep", "title": "bleep", "role": "detector", "lookahead": 2.5}]
        told = {"detectors": [{"filter": "bleep", "lag": 0.5}], "processors": 0.34, "budget": 0.5}
        shown = self.told(api, veilcast, filters=filters, moderation=told, moderation_budget=0.5).stdout
        assert "bleep 0.5 s behind, take 0.3 of 0.5 processors" in shown
        assert "0.5 processors for its detectors" in shown
        asleep = {"detectors": [{"filter": "bleep", "lag": None}], "asleep": True, "processors": 0.0, "budget": 0.5}
        assert "bleep sleeps, take 0.0 of 0.5" in self.told(api, veilcast, filters=filters, moderation=asleep).stdout
        auto = self.told(api, veilcast, filters=filters, moderation_budget=None).stdout
        assert "a share of the machine's processors for its detectors" in auto
        assert "processors" not in self.told(api, veilcast).stdout, "a room without detectors"

    def test_filters_and_delay_are_taken_back_by_name(self, api: FakeApi, veilcast: Veilcast) -> None:
        assert veilcast("room", "set", "demo", "--filter", "none", "--delay", "auto").exit_code == 0
        assert api.asked[-1][1] == {"filters": [], "delay": None}

    def test_a_variable_has_a_filter_on_each_line(self, api: FakeApi, veilcast: Veilcast) -> None:
        lines = "bleep:words=two words\ninvert"
        assert veilcast("room", "start", "demo", VEILCAST_ROOM_START_FILTER=lines).exit_code == 0
        assert api.asked[-1][1] == {"filters": ["bleep:words=two words", "invert"]}

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--filter", ""), "names no filter: write NAME, NAME:option=value, or ./file.py:name"),
            (("--filter", "bleep:words"), "options are written option=value"),
            (("--filter", "none", "--filter", "bleep"), "takes all filters away: give it alone"),
            (("--delay", "long"), "write seconds such as 4, or auto"),
            (("--delay", "inf"), "write seconds such as 4, or auto"),
            (("--on-overrun", "skip"), "is not one of 'cover', 'stop'"),
            (("--moderation-budget", "much"), "write processors such as 0.5, or auto"),
        ],
    )
    @pytest.mark.parametrize("command", ["start", "set"])
    def test_what_is_no_filter_or_delay_is_told_what_is_one(
        self, api: FakeApi, veilcast: Veilcast, command: str, words: tuple[str, ...], said: str
    ) -> None:
        assert said in veilcast.fails("room", command, "demo", *words, status=2)
        assert api.asked == []

    @pytest.mark.parametrize("command", ["start", "set"])
    def test_recordings_are_refused_and_the_server_is_not_asked(
        self, api: FakeApi, veilcast: Veilcast, command: str
    ) -> None:
        said = veilcast.fails("room", command, "demo", "--title", "T", "--record")
        assert "not available in this version; nothing was started or changed" in said
        assert api.asked == []

    @pytest.mark.parametrize(
        ("words", "path", "body", "said"),
        [
            (("dump", "demo"), "dump", None, "What room 'demo' held is thrown away"),
            (("cover", "demo"), "cover", {"on": True}, "Room 'demo' is covered."),
            (("cover", "demo", "--on"), "cover", {"on": True}, "Room 'demo' is covered."),
            (("cover", "demo", "--off"), "cover", {"on": False}, "Room 'demo' is covered by you no longer."),
        ],
    )
    def test_a_room_is_dumped_and_covered_at_once(
        self, api: FakeApi, veilcast: Veilcast, words: tuple[str, ...], path: str, body: object, said: str
    ) -> None:
        api.answers[f"POST /api/v1/rooms/demo/{path}"] = Answer({**ROOM, "delay": 4})
        assert said in veilcast("room", *words).stdout
        assert api.asked == [(f"POST /api/v1/rooms/demo/{path}", body)]
        assert json.loads(veilcast("room", *words, "--json").stdout)["delay"] == 4

    def test_show_tells_filters_with_their_options_and_the_delay(self, api: FakeApi, veilcast: Veilcast) -> None:
        filters = [
            {"spec": "bleep:words=a+b", "title": "bleep", "role": "detector", "lookahead": 2.5},
            {"spec": "/home/me/mine.py:invert", "title": "mine.py:invert", "role": "video", "lookahead": 0},
        ]
        told = self.told(api, veilcast, filters=filters, delay=4).stdout
        assert "Filters     bleep:words=a+b (looks 2.5 s ahead)\n            /home/me/mine.py:invert\n" in told
        assert "held 4 s for moderation" in told
        assert "If late     shows the slate" in told
        assert "stops the room" in self.told(api, veilcast, filters=filters, on_overrun="stop").stdout
        bare = self.told(api, veilcast).stdout
        assert not {"Filters", "Delay", "late"}.intersection(bare.split())

    @pytest.mark.parametrize(
        ("cause", "words"),
        [
            ("operator", "by its operator"),
            ("dump", "what was held has been thrown away"),
            ("filter", "a filter fails"),
            ("warming", "a detector is getting ready"),
            ("late", "a detector is late"),
            ("unseen", "detectors have not seen all of it"),
            ("asleep", "nobody watched, and detectors slept"),
            ("another", "another"),
        ],
    )
    def test_show_says_why_a_room_is_covered(self, api: FakeApi, veilcast: Veilcast, cause: str, words: str) -> None:
        assert f"live, covered: {words}\n" in self.told(api, veilcast, state="covered", covered=cause).stdout

    def test_every_cause_has_words(self) -> None:
        assert set(terminal._COVERED) == set(Cause)

    def test_show_tells_how_moderation_does(self, api: FakeApi, veilcast: Veilcast) -> None:
        moderation = {
            "held_seconds": 4.04, "held_bytes": 2_200_000, "covered": "", "covered_seconds": {"late": 1.5, "dump": 0},
            "findings": {"email": 1, "card-number": 3}, "broken_promises": 2,
            "detectors": [{"filter": "bleep", "lag": 0.82}, {"filter": "mine.py:f", "lag": None}],
            "pid": 7, "rss": 1, "restarts": 1, "processors": 0.5, "faults": ["mine.py, line 3: it failed"],
        }  # fmt: skip
        result = self.told(api, veilcast, moderation=moderation, warnings=["mine.py, line 3: it failed"])
        for line in (
            "4.0 s, 2.1 MiB",
            "bleep 0.8 s behind, mine.py:f is getting ready, restarts 1, take 0.5 processors",
            "card-number 3, email 1",
            "1.5 s (a detector is late)",
            "2 (findings that came too late)",
        ):
            assert f"  {line}\n" in result.stdout
        assert result.stderr == "Warning: mine.py, line 3: it failed\n", "said once"


class TestFilters:
    """With the real child process: no server runs."""

    FILE = """
from typing import Literal
from filters import Detector, video_filter

@video_filter
def invert(image, t, *, strength: float = 0.5, where: Literal["here", "there"] = "here"):
    'Turn colours around.\\n\\nAll of them.'
    return 255 - image

class Look(Detector):
    'Look for something.'
    lookahead = 2.5
    context = 1.0
    def __init__(self, words: tuple[str, ...]) -> None: ...
    def picture(self, picture): return ()
"""

    @pytest.fixture
    def file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "mine.py").write_text(self.FILE)
        return tmp_path / "mine.py"

    def test_a_filter_in_a_file_is_described_with_its_options(self, veilcast: Veilcast, file: Path) -> None:
        told = veilcast("filters", "describe", "./mine.py:invert").stdout
        assert told.splitlines() == [
            "mine.py:invert (video)",
            "  Turn colours around.",
            "",
            "  All of them.",
            "Options:",
            "  strength  a number; 0.5",
            "  where     here or there; here",
        ]
        told = veilcast("filters", "describe", "./mine.py:Look:words=a").stdout
        assert "  words  a list, a+b+c; must be given\n" in told
        assert "Looks 2.5 s ahead, and has to have seen 1 s. Is given: picture." in told

    def test_json_is_the_description(self, veilcast: Veilcast, file: Path) -> None:
        told = json.loads(veilcast("filters", "describe", f"{file}:invert", "--json").stdout)
        assert (told["name"], told["role"], told["summary"]) == ("mine.py:invert", "video", "Turn colours around.")
        assert told["options"][0]["default"] == 0.5

    def test_what_is_no_filter_is_answered_in_one_line(self, veilcast: Veilcast, file: Path) -> None:
        assert "there is no filter no-such" in veilcast.fails("filters", "describe", "no-such")
        assert "there is no invrt: did you mean invert?" in veilcast.fails("filters", "describe", "./mine.py:invrt")
        file.write_text("import os\n\nos.abort()\n")
        assert "was killed by signal 6" in veilcast.fails("filters", "describe", "./mine.py:invert")

    def test_they_are_run_on_a_file_in_their_order(
        self, veilcast: Veilcast, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done: list[tuple[list[str], Path, Path]] = []
        offline = ModuleType("transcode.offline")

        class OfflineError(Exception):
            pass

        def run(specs: Sequence[Spec], source: Path, target: Path) -> None:
            done.append((list(map(str, specs)), source, target))
            if target.name == "bad.mp4":
                raise OfflineError("in.mp4 has no picture")

        vars(offline).update(run=run, OfflineError=OfflineError)
        monkeypatch.setitem(sys.modules, "transcode.offline", offline)
        Path("in.mp4").touch()
        words = ("filters", "run", "./mine.py:invert", "in.mp4")
        assert veilcast(*words, "out.mp4", "--filter", "overlay").exit_code == 0
        assert done == [([f"{file}:invert", "overlay"], Path("in.mp4"), Path("out.mp4"))]
        assert veilcast.fails(*words, "bad.mp4") == "Error: in.mp4 has no picture"
        assert "'none.mp4' does not exist" in veilcast.fails(*words[:-1], "none.mp4", "out.mp4", status=2)
        assert "names no filter" in veilcast.fails("filters", "run", "", "in.mp4", "out.mp4", status=2)

    def test_filters_are_listed_by_name(self, veilcast: Veilcast) -> None:
        told = veilcast("filters", "list")
        assert told.exit_code == 0
        listed = json.loads(veilcast("filters", "list", "--json").stdout)
        usable = {one["spec"] for one in listed if one["description"] is not None}
        assert usable <= {line.split()[0] for line in told.stdout.splitlines()}


class TestErrors:
    def test_no_server_has_been_started(self, veilcast: Veilcast) -> None:
        said = veilcast.fails("room", "list")
        assert str(veilcast.data) in said
        assert "`veilcast serve`" in said

    def test_the_server_is_gone(self, veilcast: Veilcast) -> None:
        with fake_api() as api:
            Credentials(api.url, TOKEN).write(veilcast.data)
        said = veilcast.fails("room", "list", "--json")
        assert f"nothing answers at {api.url}" in said
        assert FILE in said

    def test_an_unknown_room_lists_the_known_ones(self, api: FakeApi, veilcast: Veilcast) -> None:
        for words in (("show",), ("stop",), ("kick",), ("rotate-key",), ("set", "--title", "T"), ("delete", "--yes")):
            said = veilcast.fails("room", words[0], "nope", *words[1:])
            assert "there is no room 'nope'; the rooms are: demo" in said

    def test_the_servers_own_words_are_passed_on(self, api: FakeApi, veilcast: Veilcast) -> None:
        api.answers["PUT /api/v1/rooms/A%20b%2F"] = problem(422, "'A b/' cannot name a room")
        assert veilcast.fails("room", "start", "A b/") == "Error: 'A b/' cannot name a room"

    @pytest.mark.parametrize("name", ["", ".", ".."])
    def test_a_name_that_would_change_the_path_is_not_sent(self, api: FakeApi, veilcast: Veilcast, name: str) -> None:
        assert "is no room name" in veilcast.fails("room", "delete", "--yes", name)
        assert api.asked == []

    def test_a_wrong_token(self, api: FakeApi, veilcast: Veilcast) -> None:
        said = veilcast.fails("room", "list", "--server", api.url, "--token", "wrong")
        assert "does not take this token" in said
        assert "wrong" not in said.replace("does not", "")

    def test_a_data_folders_token_goes_to_its_own_server_only(self, api: FakeApi, veilcast: Veilcast) -> None:
        assert veilcast("room", "list", VEILCAST_SERVER=api.url).exit_code == 0
        with fake_api() as other:
            assert "add --token" in veilcast.fails("room", "show", "demo", "--server", other.url)
            assert other.asked == []

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(b"<html>", content="text/html"),
            Answer(b"{", content="application/json"),
            Answer([]),
            Answer({"rooms": [{}]}),
            problem(404, "?"),
        ],
    )
    def test_what_answers_is_no_veilcast(self, api: FakeApi, veilcast: Veilcast, answer: Answer) -> None:
        api.answers["GET /api/v1/rooms"] = answer
        assert "is not Veilcast's API" in veilcast.fails("room", "list")

    @pytest.mark.parametrize("server", ["", "host:80", "ftp://host", "http://"])
    def test_a_server_that_is_no_address(self, veilcast: Veilcast, server: str) -> None:
        assert "write http://HOST:PORT" in veilcast.fails("room", "list", "--server", server)

    @pytest.mark.parametrize("option", ["--rtmp", "--rtmps", "--http", "--https"])
    def test_an_address_that_is_none(self, veilcast: Veilcast, option: str) -> None:
        assert "write HOST:PORT" in veilcast.fails("serve", option, "8080", status=2)

    def test_a_certificate_without_its_key_or_without_https(self, veilcast: Veilcast) -> None:
        assert "--https-cert needs --https-key FILE" in veilcast.fails("serve", "--https-cert", "cert.pem")
        both = ("--https-cert", "cert.pem", "--https-key", "key.pem")
        assert "--https-cert needs --https HOST:PORT" in veilcast.fails("serve", *both)

    def test_a_configuration_file_that_is_wrong(self, veilcast: Veilcast, tmp_path: Path) -> None:
        (tmp_path / "v.toml").write_text("prot = 1")
        assert "no option 'prot'" in veilcast.fails("serve", "--config", str(tmp_path / "v.toml"))


class TestServing:
    def told(
        self,
        capsys: pytest.CaptureFixture[str],
        config: ServeConfig,
        as_json: bool,
        *https: str,
        rtmps: tuple[str, ...] = (),
    ) -> str:
        rooms = [{"name": "demo", "state": "live", "watch_url": "http://127.0.0.1:80/r/demo"}]
        terminal.serving("http://127.0.0.1:80", "rtmp://127.0.0.1:1935/live", https, rtmps, config, rooms, as_json)
        return capsys.readouterr().out

    def test_links_are_told_with_those_of_https(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        address = Address("127.0.0.1", 0)
        config = ServeConfig(tmp_path, address, address, https=address)
        told = self.told(capsys, config, False, "https://127.0.0.1:443", "https://[::1]:443")
        assert "  http://127.0.0.1:80/\n" in told
        for link in ("https://127.0.0.1:443/", "https://[::1]:443/", "https://127.0.0.1:443/r/demo"):
            assert f" {link}\n" in told
        assert "each browser warns once" in told
        assert str(config.own_certificate) in told
        as_json = json.loads(self.told(capsys, config, True, "https://127.0.0.1:443"))
        assert (as_json["url"], as_json["https"]) == ("http://127.0.0.1:80", ["https://127.0.0.1:443/"])

    def test_links_are_told_with_those_of_rtmps(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        address, rtmps = Address("127.0.0.1", 0), ("rtmps://127.0.0.1:1936/live",)
        config = ServeConfig(tmp_path, address, address, rtmps=address)
        told = self.told(capsys, config, False, rtmps=rtmps)
        assert " rtmps://127.0.0.1:1936/live\n" in told
        assert f"refuse it until their machine trusts {config.own_certificate}" in " ".join(told.split())
        assert "each browser" not in told
        assert json.loads(self.told(capsys, config, True, rtmps=rtmps))["rtmps"] == list(rtmps)

    def test_nobody_is_warned_of_a_certificate_that_was_given(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        address, pem = Address("127.0.0.1", 0), Path("x.pem")
        config = ServeConfig(tmp_path, address, address, https=address, https_cert=pem, https_key=pem)
        assert "warns once" not in self.told(capsys, config, False, "https://live.example.org:443")
        assert "https" not in self.told(capsys, ServeConfig(tmp_path, address, address), False)


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_there_is_a_script_for_each_shell(self, veilcast: Veilcast, shell: str) -> None:
        assert "_VEILCAST_COMPLETE" in veilcast("completion", shell).stdout
        assert veilcast("completion", SHELL=f"/bin/{shell}").stdout == veilcast("completion", shell).stdout

    def test_an_unknown_shell_is_told_the_known_ones(self, veilcast: Veilcast) -> None:
        assert "bash, zsh, fish" in veilcast.fails("completion", status=2, SHELL="/bin/csh")

    @pytest.mark.parametrize(("incomplete", "offered"), [("d", ["plain,demo"]), ("x", [])])
    def test_rooms_are_completed_from_the_running_server(
        self, api: FakeApi, veilcast: Veilcast, incomplete: str, offered: list[str]
    ) -> None:
        assert _complete(veilcast.data, f"veilcast room show {incomplete}") == offered

    def test_without_a_server_nothing_is_offered_and_nothing_is_said(self, veilcast: Veilcast) -> None:
        assert _complete(veilcast.data, "veilcast room show ") == []


def _complete(data: Path, line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    words = line.split(" ")
    env = {
        **os.environ,
        "VEILCAST_DATA": str(data),
        "_VEILCAST_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    child = subprocess.run([sys.executable, PROGRAM], env=env, capture_output=True, text=True, timeout=60, check=True)
    assert child.stderr == ""
    return child.stdout.split()


def test_the_command_line_starts_without_the_heavy_parts() -> None:
    code = "import sys, cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, cwd=PROGRAM.parent
    ).stdout.split()
    heavy = {"av", "numpy", "cv2", "aiohttp", "asyncio", "msgspec", "rich", "http.client", "ssl", "cryptography"}
    assert heavy.isdisjoint(loaded)


def test_every_command_has_help(veilcast: Veilcast) -> None:
    groups = [("room",), ("filters",), ()]
    for group in groups:
        commands = veilcast(*group, "--help").stdout.partition("Commands:")[2].splitlines()
        for line in filter(None, map(str.strip, commands)):
            assert veilcast(*group, line.split()[0], "--help").exit_code == 0
