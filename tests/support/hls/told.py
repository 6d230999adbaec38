"""What players ask for and are told: the evidence that the checker judges. Values only.

Times are in seconds, moments those of ``time.monotonic``.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """A playlist as it came.

    It was asked for at ``asked_at`` and was there at ``at``. ``msn`` and ``part``: what the request waited for, None:
    nothing. ``skip``: whether it asked for a Delta Update. ``after_absence``: the server could not be reached since the
    one before.
    """

    text: str
    asked_at: float
    at: float
    msn: int | None = None
    part: int | None = None
    skip: bool = False
    after_absence: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the server: its HTTP status, the headers (names in lower case), the body, and how long it took."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float
