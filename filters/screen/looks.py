"""Looks that are being read: what each is about, and what is covered until it has been read. Values only."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from filters.api import Box
from filters.screen.scribe import Hit, Look

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from filters.screen.tiles import Map


class Veil(NamedTuple):
    """A region that is covered until it is lifted."""

    number: int
    start: int  # ticks
    box: Box


@dataclass(slots=True)
class Reading:
    """A look that is being read."""

    look: Look
    picture: int  # its number
    first: "NDArray[np.int64]"  # since which picture each tile was dirty; -1 where it is not read
    veils: list[Veil]
    veiled: "Map"
    lines: list[tuple[Box, Veil]] = field(default_factory=list)  # and their veils
    gone: int | None = None  # since which picture nothing of it is there any more
    since: int | None = None
    outlined: bool = False  # its lines' veils are all there is, and stand where they stood in the picture that is read
    hits: list[Hit] = field(default_factory=list)
    unclear: list[Box] = field(default_factory=list)  # lines that could not be read
    unread: bool = False  # none of it has been read
    asked: int | None = None  # in which picture it was, if later

    @property
    def began(self) -> int:
        """The picture since which any of it has been dirty."""
        if self.since is None:
            self.since = earliest(self.first, self.picture)
        return self.since

    def also(self, other: "Reading") -> None:
        """Take over what is covered for ``other``, which shows the same."""
        self.veils += other.all_veils
        both = (self.first >= 0) & (other.first >= 0)
        self.first = np.where(both, np.minimum(self.first, other.first), self.first)
        self.since = None

    @property
    def all_veils(self) -> list[Veil]:
        """All that is covered for it."""
        return [*self.veils, *(veil for _, veil in self.lines)]


def earliest(since: "NDArray[np.int64]", otherwise: int) -> int:
    """Return the earliest of the pictures since which tiles are dirty; ``otherwise`` if none is."""
    known = since[since >= 0]
    return int(known.min()) if len(known) else otherwise
