"""The part link's interface: what a gate tells an origin, and nothing else passes between the two. No I/O.

A broadcast has one owner. In one process the link is a call; between machines it would be a stream of the same items.
"""

from dataclasses import dataclass
from typing import Protocol

from transcode.media import PartItem, Plan


@dataclass(frozen=True, slots=True)
class BroadcastStart:
    """A broadcast begins, or goes on after a restart of its gate.

    ``started_at`` is the wall-clock time of tick 0 in Unix milliseconds; ``discontinuities`` how many came before.
    """

    room: str
    broadcast: str
    plan: Plan
    started_at: int
    discontinuities: int


class PartLink(Protocol):
    """The origin's end of the link."""

    def begin(self, start: BroadcastStart) -> None:
        """A broadcast begins."""
        ...

    def part(self, broadcast: str, item: PartItem) -> None:
        """The next item of a broadcast."""
        ...

    def end(self, broadcast: str) -> None:
        """A broadcast is over: its playlists get their ENDLIST, and stay for players to finish."""
        ...

    def forget(self, room: str) -> None:
        """A room is deleted: nothing of it is served any more."""
        ...
