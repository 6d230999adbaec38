"""What a kind of scene is given to make one: its generators, its film, and a folder for what it needs meanwhile."""

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.support.scenes.film import Film
from tests.support.scenes.prose import Prose
from tests.support.scenes.secrets import Vault


@dataclass(frozen=True, slots=True)
class Take:
    """One scene to be made. ``index`` counts the scenes of its kind: even ones are light with grey edges of text, odd
    ones dark with subpixel ones, so that each seed has both."""

    index: int
    rng: Random
    film: Film
    folder: Path
    vault: Vault = field(init=False)
    prose: Prose = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "vault", Vault(self.rng))
        object.__setattr__(self, "prose", Prose(self.rng))

    @property
    def dark(self) -> bool:
        return self.index % 2 == 1
