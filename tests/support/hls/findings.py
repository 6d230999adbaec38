"""What the checker has found: rules that were broken, where, and what was seen. Pure."""

from collections.abc import Container, Iterator
from dataclasses import dataclass

from tests.support.hls.rules import Rule

_TOLD = 5
"""Of the same rule at the same place: what is broken all the time is told no more often."""


@dataclass(frozen=True, slots=True)
class Violation:
    """``rule`` was broken at ``where``, such as a broadcast and its rendition; ``seen`` is the evidence."""

    rule: Rule
    where: str
    seen: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule.name} ({self.rule.section}): {self.seen}"


class Findings:
    """Violations in the order in which they were found. The same one is told once."""

    def __init__(self) -> None:
        self._known: set[Violation] = set()
        self._found: list[Violation] = []
        self._counts: dict[tuple[str, str], int] = {}

    def __iter__(self) -> Iterator[Violation]:
        return iter(self._found)

    def __len__(self) -> int:
        return sum(self._counts.values())

    @property
    def rules(self) -> set[str]:
        """The names of the rules that were broken."""
        return {name for name, _ in self._counts}

    def texts(self, leave_out: Container[str] = ()) -> list[str]:
        """What was found, for people, but for the rules named ``leave_out``; what was found often is told a few times,
        and how often it was."""
        more = [
            f"{where}: {name}: {count} times in all"
            for (name, where), count in self._counts.items()
            if count > _TOLD and name not in leave_out
        ]
        return [*(str(each) for each in self if each.rule.name not in leave_out), *more]

    def add(self, rule: Rule, where: str, seen: str) -> None:
        violation = Violation(rule, where, seen)
        if violation in self._known:
            return
        self._known.add(violation)
        count = self._counts[rule.name, where] = self._counts.get((rule.name, where), 0) + 1
        if count <= _TOLD:
            self._found.append(violation)


@dataclass(frozen=True, slots=True)
class Place:
    """Where findings are made: rules are held against what is seen there."""

    findings: Findings
    where: str

    def hold(self, rule: Rule, holds: bool, seen: str) -> None:
        """Say what was seen if ``rule`` does not hold."""
        if not holds:
            self.findings.add(rule, self.where, seen)
