"""A client that speaks HTTPS and trusts one certificate alone, by its names; as careful as a browser is."""

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Https:
    """Trusts ``certificate``."""

    def __init__(self, certificate: Path) -> None:
        self.certificate = certificate
        self.context = ssl.create_default_context(cafile=certificate)
        self.context.set_alpn_protocols(["http/1.1"])

    def get(self, url: str, seconds: float = 30) -> Answer:
        """Raises URLError where the certificate is not the one that is trusted, or is for another name."""
        try:
            with urllib.request.urlopen(url, timeout=seconds, context=self.context) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())

    def connect(self, url: str) -> http.client.HTTPSConnection:
        """A connection that is kept for several requests."""
        parts = urlsplit(url)
        return http.client.HTTPSConnection(parts.hostname or "", parts.port, context=self.context, timeout=30)
