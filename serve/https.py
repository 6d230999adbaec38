"""The certificate that new connections are given, by HTTPS and RTMPS: whoever issues it renews it, and so do we.

Connections that are open keep theirs. A pair that can't be used leaves the one before it in its place.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from pathlib import Path

from serve import network
from serve.certificates import CertificateError, Pair, load, now
from serve.config import ServeConfig
from serve.self_signed import SOON, ensure

LOOK = 2.0
"""Seconds until the files are looked at again."""

_log = logging.getLogger(__name__)


class LiveCertificate:
    """The certificate of a pair of files, as they are by now. ``renew`` is called when it ends soon.

    It begins with what they hold. Raises CertificateError.
    """

    def __init__(self, pair: Pair, renew: Callable[[], object] = lambda: None) -> None:
        self._pair = pair
        self._renew = renew
        self._stamp = _stamp(pair)
        self._current = load(pair)
        self._said: set[str] = set()
        self.context = load(pair).context
        """What listeners take, once and for all."""
        self.context.sni_callback = self._choose
        self._tell_if_expired()

    @property
    def names(self) -> tuple[str, ...]:
        """The names and addresses that it is for."""
        return self._current.names

    def look(self) -> None:
        """See whether the files have changed, and take them if they can be used."""
        try:
            if self._current.ends - SOON < now():
                self._renew()
        except CertificateError as error:
            self._warn(str(error))
        stamp = _stamp(self._pair)  # before they are read: what changes meanwhile is seen the next time
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._current = load(self._pair)
            except CertificateError as error:
                self._warn(f"{error}. The server goes on with the certificate that it has")
            else:
                self._said.clear()
                _log.info("there is a new certificate, valid until %s", self._current.ends.date())
        self._tell_if_expired()

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK)
            self.look()

    def _choose(self, connection: ssl.SSLObject, _: str | None, __: ssl.SSLContext) -> None:
        """Called in each handshake, whether it names a server or not."""
        connection.context = self._current.context

    def _tell_if_expired(self) -> None:
        if self._current.expired(now()):
            self._warn(
                f"the certificate {self._pair.certificate} has expired on {self._current.ends.date()}: browsers refuse"
                " it. Renew it; it is taken up without a restart"
            )

    def _warn(self, text: str) -> None:
        """Say it once, until there is another certificate."""
        if text not in self._said:
            self._said.add(text)
            _log.warning("%s", text)


def certificate(config: ServeConfig) -> LiveCertificate:
    """The certificate of a server that is told so. Raises CertificateError."""
    if config.https_cert is not None and config.https_key is not None:
        return LiveCertificate(Pair(config.https_cert, config.https_key))
    path = config.own_certificate
    names = list(dict.fromkeys(name for address in config.secure for name in network.names(address)))
    return LiveCertificate(ensure(path, names, now()), lambda: ensure(path, names, now()))


def _stamp(pair: Pair) -> tuple[tuple[int, int, int] | None, ...]:
    return tuple(map(_file_stamp, (pair.certificate, pair.key)))


def _file_stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
