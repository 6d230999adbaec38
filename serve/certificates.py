"""Certificates as files: what a pair of PEM files holds, made into what TLS is spoken with.

OpenSSL judges whether a pair can be used; this module says in words what is wrong with one that can't.
"""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

_OTHERS_KEY = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
"""OpenSSL's words for a key that is not the certificate's; the last one where it is of another kind altogether."""


class CertificateError(Exception):
    """A certificate or key that can't be used or kept; the text names the file and says what to do."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two PEM files: a certificate, with those of its issuers below it, and its private key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """A pair that has been read: how TLS is spoken with it, when it ends, and the names that it is for."""

    context: ssl.SSLContext
    ends: datetime
    names: tuple[str, ...]

    def expired(self, now: datetime) -> bool:
        """Whether browsers refuse it by now."""
        return self.ends < now


def load(pair: Pair) -> Certificate:
    """Read a pair. One that has expired is read, too. Raises CertificateError."""
    try:
        certificate = x509.load_pem_x509_certificates(read(pair.certificate))[0]
    except ValueError as error:
        raise CertificateError(f"{pair.certificate} holds no certificate in PEM form: name such a file") from error
    read(pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    locked = False

    def password() -> str:  # without it OpenSSL would ask at the terminal
        nonlocal locked
        locked = True
        return ""

    try:
        context.load_cert_chain(pair.certificate, pair.key, password)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None)
        if locked:
            text = f"the key {pair.key} is encrypted: decrypt it, such as by `openssl pkey -in FILE -out NEW`"
        elif reason is None:
            text = f"{pair.key} holds no private key in PEM form: name such a file"
        elif reason in _OTHERS_KEY:
            text = (
                f"the key {pair.key} does not belong to the certificate {pair.certificate}: name the two that were made"
                " together; in the certificate's file the server's own comes first"
            )
        else:
            text = f"OpenSSL takes neither {pair.certificate} nor its key ({reason}): have another certificate made"
        raise CertificateError(text) from error
    return Certificate(context, certificate.not_valid_after_utc, names(certificate))


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The host names and addresses that a certificate is for, as text."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return (
        *alternatives.get_values_for_type(x509.DNSName),
        *map(str, alternatives.get_values_for_type(x509.IPAddress)),
    )


def read(path: Path) -> bytes:
    """The content of one of the files. Raises CertificateError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(
            f"cannot read {path} ({error.strerror or error}): name a file that is there and that this user may read"
        ) from error


def now() -> datetime:
    """The time of day, as certificates have it."""
    return datetime.now(UTC)
