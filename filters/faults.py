"""Says in one line what has gone wrong in a filter, and where in its author's file. Pure."""

import sys
import traceback
from pathlib import Path

from filters.errors import FilterError

_MOST = 200  # characters of an error's text
_FILE = ".py:"  # stands in the title of a filter that is named by its file
_OURS = Path(__file__).parent


def explain(title: str, error: BaseException, source: str | None = None) -> str:
    """Return ``filter TITLE: ValueError: text (my_filter.py, line 7)``: at most 200 characters of text, in one line.

    The line is the innermost one in the filter's own file: ``source`` (a path), or the file that the title names. An
    error that has no line there has that of where it was raised. A FilterError is told by its text alone.
    """
    told = named(title, _one_line(error))
    place = "" if isinstance(error, FilterError) else _place(title, error, source)
    return f"{told} ({place})" if place else told


def named(title: str, text: str) -> str:
    """Return ``text`` with the filter's title before it."""
    return f"filter {title}: {text}"


def source_of(filter_class: type) -> str | None:
    """Return the path of the file that a filter is written in, if it is known."""
    return getattr(sys.modules.get(filter_class.__module__), "__file__", None)


def _one_line(error: BaseException) -> str:
    kind = "" if isinstance(error, FilterError) else type(error).__name__
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # an author's own class of errors may be faulty, too
        text = ""
    text = " ".join((text or "").split())
    if len(text) > _MOST:
        text = text[: _MOST - 1] + "…"
    return ": ".join(part for part in (kind, text) if part)


def _place(title: str, error: BaseException, source: str | None) -> str:
    if isinstance(error, SyntaxError) and error.filename and not error.filename.startswith("<"):
        return f"{Path(error.filename).name}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    name = Path(source).name if source else title.rpartition(_FILE)[0] + ".py" if _FILE in title else None
    own = [frame for frame in frames if frame.filename == source or (not source and Path(frame.filename).name == name)]
    if own:
        return f"{name or Path(own[-1].filename).name}, line {own[-1].lineno}"
    if name and all(_is_machinery(frame.filename) for frame in frames):
        return name  # it was called, but not as it can be: no line of it was reached
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""


def _is_machinery(filename: str) -> bool:
    """Whether a file belongs to Python's imports or to Veilcast: no author looks for a mistake there."""
    return filename.startswith("<") or Path(filename).parent == _OURS
