"""Figures of a benchmark beside their limits: a table on standard output, a verdict, and all of it as JSON."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured. ``required`` and ``sought`` are the most that it may be; None: nothing is asked."""

    part: str
    name: str
    value: float | None
    """None: it could not be measured."""
    unit: str
    required: float | None = None
    sought: float | None = None

    @property
    def met(self) -> bool:
        if self.value is None:
            return False
        return self.required is None or self.value <= self.required

    @property
    def verdict(self) -> str:
        """A word or two for the table."""
        if self.value is None:
            return "NOT MEASURED"
        if not self.met:
            return "NOT MET"
        if self.sought is not None and self.value > self.sought:
            return "ok, not as sought" if self.required is not None else "not as sought"
        return "" if self.required is None and self.sought is None else "ok"


@dataclass
class Limits:
    """The table, row by row."""

    figures: list[Figure] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def head(self) -> None:
        print(f"{'':<58}{'value':>12}{'required':>10}{'sought':>9}", flush=True)

    def row(
        self,
        part: str,
        name: str,
        value: float,
        unit: str,
        required: float | None = None,
        sought: float | None = None,
    ) -> None:
        """Print one figure and keep it."""
        figure = Figure(part, name, round(value, 4), unit, required, sought)
        self.figures.append(figure)
        digits = 0 if unit == "" and value == int(value) else 3 if unit == "s" else 2
        shown = f"{value:.{digits}f} {unit}".rstrip()
        print(
            f"{part + ': ' + name:<58}{shown:>12}{_limit(required):>10}{_limit(sought):>9}  {figure.verdict}",
            flush=True,
        )

    def note(self, text: str) -> None:
        """Print a line that belongs to the figures."""
        self.notes.append(text)
        print(f"  {text}", flush=True)

    @contextmanager
    def measuring(self, part: str, *errors: type[Exception]) -> Iterator[None]:
        """Note a part that fails with one of ``errors``, and go on with the next."""
        try:
            yield
        except errors as error:
            self.failures.append(f"{part}: {error}")
            self.figures.append(Figure(part, "could not be measured", None, ""))
            print(f"{part + ': could not be measured':<58}{'FAILED':>12}", flush=True)

    def write(self, path: Path, **more: object) -> None:
        """Write all of it as JSON, with ``more`` fields."""
        figures = [{**asdict(figure), "met": figure.met} for figure in self.figures]
        path.write_text(
            json.dumps({**more, "figures": figures, "failures": self.failures, "notes": self.notes}, indent=2) + "\n"
        )

    def finish(self) -> None:
        """Exit with status 1 if a limit is not met, or something could not be measured."""
        missed = [f"{figure.part}: {figure.name}: {figure.verdict}" for figure in self.figures if not figure.met]
        if missed:
            sys.exit("\n" + "\n".join([*missed, *self.failures]))


def _limit(value: float | None) -> str:
    return "" if value is None else f"<= {value:g}"
