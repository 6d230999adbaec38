"""Who is connected, and who has to go where that is too many. Pure, no I/O.

Rules: no network has more than its share, whoever is one too many of it has to go. Where all places are taken, the
stranger who came first has to go: who holds places without publishing can so keep no host out. Publishers stay.
"""

import ipaddress
from collections import Counter
from typing import Generic, TypeVar

T = TypeVar("T")


class Crowd(Generic[T]):
    """At most ``most`` connections, and ``most_of_one`` of one network."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._networks: dict[T, str] = {}
        self._counts: Counter[str] = Counter()
        self._strangers: dict[T, None] = {}  # in the order in which they came

    def all(self) -> list[T]:
        """Everybody."""
        return list(self._networks)

    def enter(self, one: T, host: str) -> T | None:
        """Count ``one`` in, a stranger; return who has to go, perhaps ``one`` itself. It counts until it has left."""
        self._networks[one] = network = network_of(host)
        self._counts[network] += 1
        self._strangers[one] = None
        if self._counts[network] > self._most_of_one:
            going = one
        elif len(self._networks) > self._most:
            going = next(iter(self._strangers))
        else:
            return None
        del self._strangers[going]  # nobody goes twice, however long it takes
        return going

    def trust(self, one: T, trusted: bool) -> None:
        """``one`` publishes, or does no longer."""
        if trusted:
            self._strangers.pop(one, None)
        else:
            self._strangers[one] = None

    def leave(self, one: T) -> None:
        """Count ``one`` out."""
        network = self._networks.pop(one)
        self._strangers.pop(one, None)
        self._counts[network] -= 1
        if not self._counts[network]:
            del self._counts[network]


def network_of(host: str) -> str:
    """Return what one peer may have for itself: its address; by IPv6 the 64 bits that it and its neighbours share."""
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    return str(address.ipv4_mapped or int(address) >> 64)
