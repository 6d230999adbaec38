"""Adobe's authentication: OBS's "Use authentication", ``rtmp://USER:PASSWORD@…`` in ffmpeg. Sans-IO.

The user is a room's name, the password its stream key, which so is not sent. It takes three connections:

    app that is connected to                               answer to it (an error)
    -----------------------------------------------------  -------------------------------------------------------
    login                                                  code=403 need auth; authmod=adobe
    login?authmod=adobe&user=U                             ?reason=needauth&user=U&salt=S&challenge=C&opaque=O
    login?authmod=adobe&user=U&challenge=D&response=R      none: connected. Whether R fits the key shows when
      &opaque=O                                            it publishes

R = b64(md5(b64(md5(U S KEY)) O D)). There is no specification; the source is how librtmp and ffmpeg go about it.

Rules: nothing at first tells a client that could log in from one that has its key in the stream name, so the app says
it: ``login``. Nothing is kept between the connections: what was asked is in O, signed, and good for a while.
"""

import hashlib
import hmac
import os
import string
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ingest.rtmp.claims import fields, first_segment
from ingest.rtmp.errors import LoginError
from ingest.source import Claim

LOGIN: Final = "login"
"""The app of clients that are to authenticate themselves."""
_SECONDS: Final = 30
"""How long an answer may take."""

_REJECTED = "[ AccessManager.Reject ] : "
_NEEDED = f"{_REJECTED}[ code=403 need auth; authmod=adobe ]"
_ASKED = (
    f"{_REJECTED}[ authmod=adobe ] : ?reason=needauth&user={{user}}&salt={{salt}}&challenge={{salt}}&opaque={{opaque}}"
)
_FAILED = f"{_REJECTED}[ authmod=adobe ] : ?reason=authfailed"

_SALT = 16  # hexadecimal digits, as all the lengths here
_TIME = 12
_LONGEST_USER = 64
_PLAIN = frozenset(string.ascii_letters + string.digits + "-_.")


@dataclass(frozen=True, slots=True)
class _Response:
    """A client's answer."""

    user: str
    salt: str
    opaque: str
    challenge: str
    response: str = field(repr=False)

    def fits(self, key: str) -> bool:
        """Whether who has made it knows ``key``."""
        inner = _hash(self.user + self.salt + key)
        return hmac.compare_digest(_hash(inner + self.opaque + self.challenge).encode(), self.response.encode())


class AdobeLogin:
    """Asks, and knows its own questions again; one for all connections. ``now`` tells seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._secret = os.urandom(32)

    def claim(self, app: str, tc_url: str = "") -> Claim | None:
        """Return the claim that a client's answer makes; None for one that is not to authenticate itself.

        Clients put it into the app and tcUrl, or into one of them. Raises LoginError with what a client that has to
        authenticate itself is told.
        """
        given = next((found for text in (app, tc_url) if "authmod" in (found := fields(text))), None)
        if given is None:
            if first_segment(app) != LOGIN:
                return None
            raise LoginError(_NEEDED)
        user = given.get("user", "")
        if given["authmod"] != "adobe" or not 0 < len(user) <= _LONGEST_USER or not _PLAIN.issuperset(user):
            raise LoginError(_FAILED)
        if "response" not in given:
            new = os.urandom(_SALT // 2).hex()
            raise LoginError(_ASKED.format(user=user, salt=new, opaque=self._sign(user, new, int(self._now()))))
        opaque = given.get("opaque", "")
        if (salt := self._salt_of(user, opaque)) is None:
            raise LoginError(_FAILED)
        return Claim(_Response(user, salt, opaque, given.get("challenge", ""), given["response"]), user)

    def _sign(self, user: str, salt: str, second: int) -> str:
        asked = f"{second:0{_TIME}x}{salt}"
        return asked + hmac.new(self._secret, (asked + user).encode(), hashlib.sha256).hexdigest()

    def _salt_of(self, user: str, opaque: str) -> str | None:
        """Return the salt that came with a question; None if it is none of ours, or too old."""
        time, salt = opaque[:_TIME], opaque[_TIME : _TIME + _SALT]
        try:
            second = int(time, 16)
        except ValueError:
            return None
        if not hmac.compare_digest(self._sign(user, salt, second).encode(), opaque.encode()):
            return None
        return salt if self._now() - second <= _SECONDS else None


def _hash(text: str) -> str:
    return b64encode(hashlib.md5(text.encode(errors="replace"), usedforsecurity=False).digest()).decode()
