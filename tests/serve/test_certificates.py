"""Pairs of PEM files: what is read of a good one, and what is said of any other."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from serve.certificates import CertificateError, Pair, load, now
from serve.self_signed import ensure


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return ensure(tmp_path / "cert.pem", ["localhost", "::1"], now())


def said(certificate: Path, key: Path) -> str:
    with pytest.raises(CertificateError) as caught:
        load(Pair(certificate, key))
    return str(caught.value)


def test_a_pair_is_read_with_its_names_and_its_end(pair: Pair) -> None:
    loaded = load(pair)
    assert loaded.names == ("localhost", "::1")
    assert not loaded.expired(now())
    assert loaded.expired(loaded.ends + timedelta(seconds=1))
    assert loaded.context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_both_may_be_in_one_file(pair: Pair) -> None:
    pair.certificate.write_bytes(pair.key.read_bytes() + pair.certificate.read_bytes())
    assert load(Pair(pair.certificate, pair.certificate)).names


@pytest.mark.parametrize("lacking", ["certificate", "key"])
def test_a_file_that_is_not_there_is_named(pair: Pair, lacking: str) -> None:
    path: Path = getattr(pair, lacking)
    path.unlink()
    assert f"cannot read {path} (No such file" in said(pair.certificate, pair.key)


def test_a_file_that_cannot_be_read_is_named(pair: Pair, tmp_path: Path) -> None:
    assert f"cannot read {tmp_path} (Is a directory)" in said(pair.certificate, tmp_path)


def test_files_that_hold_something_else_are_named(pair: Pair) -> None:
    assert f"{pair.key} holds no certificate in PEM form" in said(pair.key, pair.key)
    assert f"{pair.certificate} holds no private key in PEM form" in said(pair.certificate, pair.certificate)
    pair.certificate.write_bytes(b"\x00\xff")
    assert "holds no certificate in PEM form" in said(pair.certificate, pair.key)


def test_a_key_of_another_certificate_is_told(pair: Pair, tmp_path: Path) -> None:
    other = ensure(tmp_path / "other" / "cert.pem", ["localhost"], now())
    assert f"the key {other.key} does not belong to the certificate" in said(pair.certificate, other.key)
    of_another_kind = rsa.generate_private_key(65537, 2048)
    pair.key.write_bytes(of_another_kind.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert "does not belong to the certificate" in said(pair.certificate, pair.key)


def test_a_key_with_a_password_is_told_and_nobody_is_asked_for_it(pair: Pair) -> None:
    key = load_pem_private_key(pair.key.read_bytes(), None)
    pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    assert f"the key {pair.key} is encrypted: decrypt it" in said(pair.certificate, pair.key)
