"""The certificate of the server's own making: for whom it is, how long it lasts, when it is made anew."""

import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from serve import network
from serve.certificates import CertificateError, load, now
from serve.config import Address
from serve.self_signed import SOON, VALID, ensure

NAMES = ["studio", "studio.local", "localhost", "192.168.1.20", "127.0.0.1", "::1"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "https" / "cert.pem"


@pytest.fixture
def today() -> datetime:
    return now()


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_it_is_for_the_names_that_are_wanted_and_vouches_for_nobody_else(path: Path, today: datetime) -> None:
    pair = ensure(path, NAMES, today)
    assert set(load(pair).names) == set(NAMES)
    made = read(path)
    key = made.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert made.not_valid_after_utc - made.not_valid_before_utc < timedelta(days=398)


def test_its_key_is_for_this_user_alone(path: Path, today: datetime) -> None:
    pair = ensure(path, NAMES, today)
    assert stat.S_IMODE(pair.key.stat().st_mode) == 0o600
    assert sorted(file.name for file in path.parent.iterdir()) == ["cert.pem", "key.pem"]


def test_it_is_kept_as_long_as_it_will_do(path: Path, today: datetime) -> None:
    ensure(path, NAMES, today)
    made = read(path)
    ensure(path, NAMES[1:], today + timedelta(days=300))
    assert read(path) == made


def test_it_is_made_anew_before_it_ends_with_the_same_key(path: Path, today: datetime) -> None:
    ensure(path, NAMES, today)
    made = read(path)
    ensure(path, NAMES, today + VALID - SOON)
    again = read(path)
    assert again.not_valid_after_utc > made.not_valid_after_utc
    assert again.public_key() == made.public_key()


def test_a_new_address_is_added_to_those_that_it_had(path: Path, today: datetime) -> None:
    ensure(path, ["localhost", "192.168.1.20"], today)
    pair = ensure(path, ["localhost", "10.0.0.7"], today)
    assert set(load(pair).names) == {"localhost", "10.0.0.7", "192.168.1.20"}
    made = read(path)
    ensure(path, ["localhost", "192.168.1.20"], today)
    assert read(path) == made, "back where it was before, browsers know it still"


@pytest.mark.parametrize("broken", ["cert.pem", "key.pem"])
@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_what_has_been_broken_is_made_anew(path: Path, today: datetime, broken: str, content: bytes | None) -> None:
    ensure(path, NAMES, today)
    file = path.with_name(broken)
    file.unlink() if content is None else file.write_bytes(content)
    assert set(load(ensure(path, NAMES, today)).names) >= set(NAMES)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, today: datetime) -> None:
    (tmp_path / "https").touch()
    with pytest.raises(CertificateError, match=r"cannot keep a certificate for HTTPS in .*https .*or name one by"):
        ensure(tmp_path / "https" / "cert.pem", NAMES, today)


def test_a_machine_is_known_by_its_names_and_all_addresses_that_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = Address("0.0.0.0", 8443)
    monkeypatch.setattr("socket.gethostname", lambda: "studio.example.org")
    names = network.names(everywhere)
    assert {"studio.example.org", "studio.local", "localhost", "127.0.0.1", "::1"} <= set(names)
    assert {address.host for address in network.reachable(everywhere)} <= set(names)
    assert "tv.lan" in network.names(Address("tv.lan", 1))
    monkeypatch.setattr("socket.gethostname", lambda: "Büro PC")
    assert all(name.isascii() for name in network.names(everywhere)), "certificates have no other names"
