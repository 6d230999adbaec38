"""Adobe's authentication, with a client that goes about it as librtmp and ffmpeg do."""

import hashlib
from base64 import b64encode

import pytest

from ingest.rtmp.adobe import AdobeLogin
from ingest.rtmp.claims import fields
from ingest.rtmp.errors import LoginError
from ingest.rtmp.session import PublishAsked, ServerSession, State
from ingest.source import Claim
from tests.support.rtmp_client import Script
from tests.support.rtmp_server import Replay

KEY = "a-secret-stream-key"


class Clock:
    seconds = 1000.0


def b64_md5(text: str) -> str:
    return b64encode(hashlib.md5(text.encode()).digest()).decode()


def asked(login: AdobeLogin, app: str) -> str:
    with pytest.raises(LoginError) as caught:
        login.claim(app)
    return str(caught.value)


def answer(question: str, key: str, user: str = "demo", challenge: str = "00c0ffee") -> str:
    """The app of a client that has been asked."""
    given = fields(question)
    inner = b64_md5(user + given["salt"] + key)
    response = b64_md5(inner + given["opaque"] + challenge)
    return f"login?authmod=adobe&user={user}&challenge={challenge}&response={response}&opaque={given['opaque']}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def login(clock: Clock) -> AdobeLogin:
    return AdobeLogin(lambda: clock.seconds)


def test_three_connections(login: AdobeLogin) -> None:
    assert asked(login, "login") == "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ]"
    question = asked(login, "login?authmod=adobe&user=demo")
    assert question.startswith("[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=demo&salt=")
    assert list(fields(question)) == ["opaque", "challenge", "salt", "user", "reason"]
    claim = login.claim(answer(question, KEY))
    assert claim is not None
    assert claim.room == "demo"
    assert claim.proof.fits(KEY)
    assert not any(claim.proof.fits(other) for other in ("", "guess", KEY.upper()))
    assert KEY not in repr(claim)


@pytest.mark.parametrize("app", ["live", "", "live/login", "live?key=x", "logins"])
def test_other_apps_need_no_login(login: AdobeLogin, app: str) -> None:
    assert login.claim(app) is None


@pytest.mark.parametrize("app", ["live", "login/", "/login", "login/x", "login?a=b"])
def test_who_asks_for_it_may_do_so_in_any_app(login: AdobeLogin, app: str) -> None:
    assert "reason=needauth" in asked(login, f"{app}?authmod=adobe&user=demo")


def test_the_answer_may_stand_in_tc_url_alone(login: AdobeLogin) -> None:
    with pytest.raises(LoginError, match="needauth") as caught:
        login.claim("login", "rtmp://host/login?authmod=adobe&user=demo")
    claim = login.claim("login", f"rtmp://host/{answer(str(caught.value), KEY)}")
    assert claim is not None
    assert claim.proof.fits(KEY)


def test_an_app_of_nothing_but_a_user_is_asked(login: AdobeLogin) -> None:
    assert "reason=needauth" in asked(login, "?authmod=adobe&user=demo")


def test_a_wrong_key_makes_a_claim_that_does_not_fit(login: AdobeLogin) -> None:
    claim = login.claim(answer(asked(login, "login?authmod=adobe&user=demo"), "guess"))
    assert claim is not None
    assert not claim.proof.fits(KEY)


def test_no_question_is_asked_twice(login: AdobeLogin) -> None:
    first, second = (fields(asked(login, "login?authmod=adobe&user=demo")) for _ in range(2))
    assert first["salt"] != second["salt"]
    assert first["opaque"] != second["opaque"]


def test_an_answer_has_its_time(login: AdobeLogin, clock: Clock) -> None:
    app = answer(asked(login, "login?authmod=adobe&user=demo"), KEY)
    clock.seconds += 30
    assert login.claim(app) is not None
    clock.seconds += 1
    assert "reason=authfailed" in asked(login, app)


def test_an_answer_is_for_the_user_who_was_asked(login: AdobeLogin) -> None:
    question = asked(login, "login?authmod=adobe&user=demo")
    assert "reason=authfailed" in asked(login, answer(question, KEY, user="other"))


def test_an_answer_is_for_the_server_that_asked(login: AdobeLogin) -> None:
    question = asked(AdobeLogin(lambda: 1000.0), "login?authmod=adobe&user=demo")
    assert "reason=authfailed" in asked(login, answer(question, KEY))


@pytest.mark.parametrize(
    "app",
    [
        "login?authmod=llnw&user=demo",
        "login?authmod=adobe",
        "login?authmod=adobe&user=",
        "login?authmod=adobe&user=de%20mo",
        "login?authmod=adobe&user=d]mo",
        "login?authmod=adobe&user=" + "a" * 65,
        "login?authmod=adobe&user=demo&response=x",
        "login?authmod=adobe&user=demo&response=x&opaque=" + "f" * 92,
        "login?authmod=adobe&user=demo&response=x&opaque=-0000000003e8" + "f" * 80,
        "login?authmod=adobe&user=demo&response=\udcff&opaque=\udcff",
    ],
)
def test_what_makes_no_sense_fails(login: AdobeLogin, app: str) -> None:
    assert asked(login, app) == "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed"


# In a session.


class LoggingIn(Replay):
    """A Replay of one connection to ``app``."""

    def __init__(self, login: AdobeLogin, app: str) -> None:
        super().__init__()
        self.session = ServerSession(login=login)
        script = Script()
        self.feed(script.handshake() + bytes(1536))
        self.wire = script.command("connect", 1, {"app": app, "flashVer": "test host"})
        self.script = script


def test_it_is_told_by_the_error_of_its_connect(login: AdobeLogin) -> None:
    replay = LoggingIn(login, "login")
    with pytest.raises(LoginError):
        replay.feed(replay.wire)
    [error] = replay.commands
    assert (error.name, error.transaction) == ("_error", 1.0)
    assert error.arguments == (
        None,
        {
            "level": "error",
            "code": "NetConnection.Connect.Rejected",
            "description": "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ]",
        },
    )
    assert replay.session.state is State.CLOSED


def test_who_has_logged_in_publishes_by_any_name(login: AdobeLogin) -> None:
    app = answer(asked(login, "login?authmod=adobe&user=demo"), KEY)
    replay = LoggingIn(login, app)
    replay.feed(replay.wire, replay.script.command("publish", 2, None, "whatever"))
    assert replay.commands[0].name == "_result"
    [event] = replay.events
    assert isinstance(event, PublishAsked)
    assert isinstance(event.claim, Claim)
    assert event.claim.room == "demo"
    assert event.claim.proof.fits(KEY)
