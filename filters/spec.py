"""Which filter is meant, and with what options: the text that rooms are given. Pure; loads nothing.

``NAME``, ``NAME:option=value,option=value`` (a list is ``a+b+c``), or ``./file.py:name``, with options after another
colon. In a value ``\\`` takes a comma, plus or backslash after it as it is.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from filters.errors import SpecError

MOST = 4096
"""Characters that a spec may have."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_FILE = re.compile(r"(?P<path>.+\.py):(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<options>.*))?", re.DOTALL)
_OPTION = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class Spec:
    """A filter that is asked for: ``name``, in the Python file ``path`` if that is not None, and its ``options``.

    A value is a list of texts: what stood between the pluses.
    """

    name: str
    path: str | None = None
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def title(self) -> str:
        """What to call it where its options must not be seen: they may be what is to be hidden."""
        return f"{Path(self.path).name}:{self.name}" if self.path else self.name

    def __str__(self) -> str:
        """Return it as text; ``parse`` gives the same back."""
        head = f"{self.path}:{self.name}" if self.path else self.name
        words = ",".join(f"{name}={'+'.join(map(_escaped, values))}" for name, values in self.options)
        return f"{head}:{words}" if words else head

    def absolute(self, folder: Path) -> "Spec":
        """Return it with a path that holds wherever it is read; ``folder`` is where a relative one begins."""
        return replace(self, path=str((folder / Path(self.path).expanduser()).resolve())) if self.path else self


def parse(text: str) -> Spec:
    """Read a spec. Raises SpecError."""
    if len(text) > MOST:
        raise SpecError(f"a filter is named in {MOST} characters at most: put long lists into a file")
    if found := _FILE.fullmatch(text):
        path: str | None = found["path"]
        name, options = found["name"], found["options"] or ""
    else:
        path = None
        name, _, options = text.partition(":")
        if not _NAME.fullmatch(name):
            raise SpecError(
                f"{text.partition(':')[0]!r} names no filter: write NAME, NAME:option=value, or ./file.py:name"
            )
    return Spec(name, path, tuple(_options(name, options)) if options else ())


def _options(name: str, text: str) -> list[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = []
    for word in _split(text, ","):
        option, equals, value = word.partition("=")
        if not equals or not _OPTION.fullmatch(option):
            raise SpecError(f"filter {name}: options are written option=value,option=value (a comma in a value: \\,)")
        if option in (given for given, _ in found):
            raise SpecError(f"filter {name}: the option {option} is given twice")
        found.append((option, tuple(_plain(part) for part in _split(value, "+"))))
    return found


def _split(text: str, border: str) -> list[str]:
    """Split ``text`` at each ``border`` that no backslash takes."""
    parts, start, index = [], 0, 0
    while index < len(text):
        if text[index] == "\\":
            index += 1
        elif text[index] == border:
            parts.append(text[start:index])
            start = index + 1
        index += 1
    return [*parts, text[start:]]


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _escaped(text: str) -> str:
    return re.sub(r"([\\,+])", r"\\\1", text)
