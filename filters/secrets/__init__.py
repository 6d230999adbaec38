"""Tells which parts of a line of recognised text are secrets. Pure: it reads nothing, keeps nothing, logs nothing."""

from filters.secrets.match import Match
from filters.secrets.matcher import DEFAULT_KINDS, KINDS, Matcher

__all__ = ["DEFAULT_KINDS", "KINDS", "Match", "Matcher"]
