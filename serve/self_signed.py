"""The certificate that a server makes for itself, for networks where nobody else vouches for it.

It is for the server alone: no authority that could vouch for others, should its key be lost (RFC 5280, 4.2.1.9).
"""

import ipaddress
import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from serve.certificates import CertificateError, Pair, names, read

VALID = timedelta(days=397)
"""Apple's systems refuse any that is valid for more than 398 days."""
SOON = timedelta(days=30)
"""So long before its end it is made anew."""

_EARLY = timedelta(days=1)  # clocks of phones and televisions are wrong
_MOST_NAMES = 64
_MOST_COMMON_NAME = 64  # characters: RFC 5280, appendix A.1


def ensure(certificate: Path, wanted: Sequence[str], now: datetime) -> Pair:
    """Make a certificate and its key beside it where there are none; anew where it ends soon or lacks a name.

    The key is kept, and so are the names that it had: a laptop that comes home is known there. Raises CertificateError.
    """
    pair = Pair(certificate, certificate.with_name("key.pem"))
    try:
        certificate.parent.mkdir(parents=True, exist_ok=True)
        key = _read_key(pair.key)
        if key is None:
            key = ec.generate_private_key(ec.SECP256R1())
            private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            _write(pair.key, private, 0o600)
        old = _read_certificate(pair.certificate)
        had = names(old) if old is not None else ()
        fits = old is not None and old.public_key() == key.public_key() and now < old.not_valid_after_utc - SOON
        if not fits or not set(wanted) <= set(had):
            made = _make(key, list(dict.fromkeys([*wanted, *had]))[:_MOST_NAMES], now)
            _write(pair.certificate, made.public_bytes(Encoding.PEM), 0o644)
    except OSError as error:
        raise CertificateError(
            f"cannot keep a certificate for HTTPS in {certificate.parent} ({error.strerror or error}): make it"
            " writable, or name one by --https-cert and --https-key"
        ) from error
    return pair


def _make(key: ec.EllipticCurvePrivateKey, hosts: Sequence[str], now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Veilcast, {hosts[0]}"[:_MOST_COMMON_NAME])])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now - _EARLY + VALID)
        .add_extension(x509.SubjectAlternativeName(_alternatives(hosts)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_USAGE, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )


_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _alternatives(hosts: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for host in hosts:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            found.append(x509.DNSName(host))
    return found


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey | None:
    """The key; None where there is none that is ours. Raises CertificateError where it can't be told."""
    if not path.exists():
        return None
    try:
        key = load_pem_private_key(read(path), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _read_certificate(path: Path) -> x509.Certificate | None:
    if not path.exists():
        return None
    try:
        return x509.load_pem_x509_certificate(read(path))
    except ValueError:
        return None


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file, all of it or nothing."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    new.replace(path)
