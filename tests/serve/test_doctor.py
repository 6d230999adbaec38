"""The doctor's checks, each with a machine that is well and one that is not."""

import json
import os
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import cli
from serve import doctor, network
from serve.certificates import now
from serve.config import Address
from serve.credentials import FILE, Credentials
from serve.doctor import Outcome
from serve.self_signed import ensure
from tests.support.fake_api import TOKEN, fake_api


@pytest.fixture
def taken() -> Iterator[Address]:
    """An address that this process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Address(*listener.getsockname())


@pytest.fixture
def free() -> Address:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return Address(*listener.getsockname())


def test_python() -> None:
    assert doctor.python((3, 11, 0)).outcome is Outcome.OK
    assert doctor.python((3, 10, 9)).outcome is Outcome.FAIL


def test_another_package_with_one_of_our_names_is_named() -> None:
    assert list(doctor.neighbours({"serve": ["veilcast"], "other": ["other"]})) == []
    (check,) = doctor.neighbours({"filters": ["veilcast", "filters-of-another"]})
    assert (check.outcome, check.found.split()[0]) == (Outcome.WARN, "filters-of-another")


def test_a_data_folder_that_does_not_exist_yet_is_well(tmp_path: Path) -> None:
    assert doctor.data_folder(tmp_path / "a" / "b").outcome is Outcome.OK
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_is_a_file_is_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    check = doctor.data_folder(path)
    assert (check.outcome, "--data DIR" in check.fix) == (Outcome.FAIL, True)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = []
    for space in ("LITTLE_SPACE", "NO_SPACE"):
        monkeypatch.setattr(doctor, space, 1 << 60)
        outcomes.append(doctor.data_folder(tmp_path).outcome)
    assert outcomes == [Outcome.WARN, Outcome.FAIL]


def test_a_port(taken: Address, free: Address) -> None:
    assert doctor.port("P", free, "--http", frozenset()).outcome is Outcome.OK
    assert doctor.port("P", taken, "--http", frozenset({taken.port})).outcome is Outcome.OK
    check = doctor.port("P", taken, "--http", frozenset())
    assert check.outcome is Outcome.FAIL
    assert f"port {taken.port} is taken" in check.found
    assert "--http" in check.fix


def test_an_address_of_another_machine() -> None:
    check = doctor.port("P", Address("192.0.2.1", 0), "--http", frozenset())
    assert (check.outcome, "cannot listen" in check.found) == (Outcome.FAIL, True)


def test_who_holds_a_port(taken: Address, free: Address) -> None:
    assert f"(pid {os.getpid()})" in str(network.holder(taken.port))
    assert network.holder(free.port) is None


def test_the_server(tmp_path: Path) -> None:
    assert doctor.reachable(tmp_path, None, None)[0].outcome is Outcome.OK, "a server that was not started is no fault"
    with fake_api() as api:
        Credentials(api.url, TOKEN).write(tmp_path)
        check, ports = doctor.reachable(tmp_path, None, None)
        assert check.outcome is Outcome.OK
        assert ports == {int(api.url.rpartition(":")[2]), 1935}
        assert doctor.reachable(tmp_path, api.url, "wrong")[0].outcome is Outcome.FAIL
    assert doctor.reachable(tmp_path, api.url, TOKEN)[0].outcome is Outcome.FAIL, "it was asked for by name"


def test_pages(tmp_path: Path) -> None:
    assert doctor.pages(tmp_path).outcome is Outcome.FAIL
    (tmp_path / "index.html").touch()
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "page-1.js").touch()
    assert doctor.pages(tmp_path).outcome is Outcome.OK


def test_a_certificate(tmp_path: Path) -> None:
    good = ensure(tmp_path / "good" / "cert.pem", ["localhost"], now())
    check = doctor.certificate(good.certificate, good.key)
    assert (check.outcome, "for localhost, until" in check.found) == (Outcome.OK, True)
    ends_soon = ensure(tmp_path / "old" / "cert.pem", ["localhost"], now() - timedelta(days=390))
    assert doctor.certificate(ends_soon.certificate, ends_soon.key).outcome is Outcome.WARN
    check = doctor.certificate(good.certificate, ends_soon.key)
    assert (check.outcome, "does not belong" in check.found) == (Outcome.FAIL, True)


def test_https_is_looked_at_where_it_is_asked_for(tmp_path: Path, taken: Address, free: Address) -> None:
    words = ["doctor", "--data", str(tmp_path), "--rtmp", str(free), "--http", str(free)]
    for option in ("https", "rtmps"):
        said = CliRunner().invoke(cli, [*words, f"--{option}", str(taken)]).stdout
        assert f"fail  {option.upper()} port: port {taken.port} is taken" in said
        assert "Certificate" not in said, "it would be one of the server's own making"


def test_encoders() -> None:
    assert doctor.encoders().outcome is Outcome.OK


def test_the_command_prints_every_check_and_fails_when_one_does(tmp_path: Path, taken: Address, free: Address) -> None:
    words = ["doctor", "--data", str(tmp_path), "--rtmp", str(free), "--http", str(taken)]
    result = CliRunner().invoke(cli, [*words, "--json"])
    outcomes = {check["name"]: check["outcome"] for check in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert (outcomes["RTMP port"], outcomes["HTTP port"]) == ("ok", "fail")
    assert f"fail  HTTP port: port {taken.port} is taken" in CliRunner().invoke(cli, words).stdout


def test_credentials_are_for_this_user_alone_and_survive_nonsense(tmp_path: Path) -> None:
    Credentials("http://127.0.0.1:1", "t").write(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert Credentials.read(tmp_path) == Credentials("http://127.0.0.1:1", "t")
    for nonsense in ("", "[]", "{}", '"text"'):
        (tmp_path / FILE).write_text(nonsense)
        assert Credentials.read(tmp_path) is None
    Credentials.remove(tmp_path)
    Credentials.remove(tmp_path)
    assert list(tmp_path.iterdir()) == []
