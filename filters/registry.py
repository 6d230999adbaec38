"""Finds filters by their names or files, makes them with their options, and describes them.

It runs their authors' code: the server has that done in another process.
"""

import difflib
import inspect
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType, ModuleType

from filters.api import AudioFilter, Detector, Filter, Kind, VideoFilter
from filters.errors import SpecError
from filters.faults import explain, named, source_of
from filters.loading import load_file, load_module
from filters.options import OptionDescription, convert, options_described
from filters.spec import Spec, parse

GROUP = "veilcast.filters"
"""The entry-point group by which other packages register theirs."""
BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "bleep": "filters.bleep:Bleep",
        "overlay": "filters.overlay:Overlay",
        "redact-text": "filters.redact:RedactText",
    }
)
"""Where Veilcast's own are, by name. No other package can take these names."""


class Role(StrEnum):
    """What sort of filter it is."""

    VIDEO = "video"
    AUDIO = "audio"
    DETECTOR = "detector"


_BASES: Mapping[Role, type[Filter]] = MappingProxyType(
    {Role.VIDEO: VideoFilter, Role.AUDIO: AudioFilter, Role.DETECTOR: Detector}
)


@dataclass(frozen=True, slots=True)
class Description:
    """A filter as it is told to users. ``doc`` is all that its author says, ``summary`` the first line of it.

    ``lookahead`` and ``context`` in seconds; ``takes``: "picture", "sound" or both.
    """

    name: str
    role: Role
    summary: str
    doc: str
    options: tuple[OptionDescription, ...]
    lookahead: float
    context: float
    takes: tuple[str, ...]


def names() -> list[str]:
    """Return the names of all filters that can be had by name, in order."""
    return sorted({*BUILT_IN, *_registered()})


def find(spec: Spec) -> type[Filter]:
    """Return the filter's class. A file is loaded anew each time. Raises SpecError."""
    if spec.path is not None:
        module = load_file(spec.title, Path(spec.path))
        return _checked(spec.title, _attribute(spec.title, module, spec.name))
    place = BUILT_IN.get(spec.name) or _registered().get(spec.name)
    if place is None:
        known = names()
        near = difflib.get_close_matches(spec.name, known, 1)
        hint = f": did you mean {near[0]}?" if near else "."
        raise SpecError(f"there is no filter {spec.name}{hint} There are: {', '.join(known)}")
    name, _, attribute = place.partition(":")
    return _checked(spec.title, _attribute(spec.title, load_module(spec.title, name), attribute))


def make(spec: Spec) -> Filter:
    """Return the filter, made with its options and not opened yet. Raises SpecError."""
    return _made(spec, find(spec))


def check(spec: Spec) -> Description:
    """Return what the filter is like, once it has been made with its options. Raises SpecError."""
    filter_class = find(spec)
    return _with_instance(spec, _made(spec, filter_class))


def describe(spec: Spec | str) -> Description:
    """Return what a filter is like, with the options that are given; they need not be all. Raises SpecError.

    A detector may look ahead as far as its options say: that is told if all that must be given are.
    """
    spec = parse(spec) if isinstance(spec, str) else spec
    filter_class = find(spec)
    if spec.options:
        return _with_instance(spec, _made(spec, filter_class))
    with suppress(SpecError):
        return _with_instance(spec, _made(spec, filter_class))
    return _description(spec, filter_class, None)


def _registered() -> dict[str, str]:
    from importlib.metadata import entry_points  # takes a while, and who only names files does not need it

    return {found.name: found.value for found in entry_points(group=GROUP)}


def _attribute(title: str, module: ModuleType, name: str) -> object:
    found: object = module
    try:
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError:
        raise SpecError(named(title, f"there is no {name}{_others(module, name)}")) from None
    return found


def _others(module: ModuleType, name: str) -> str:
    own = {other: value for other, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
    there = [other for other, value in own.items() if _is_filter(value)]
    if not there:
        return ", nor any filter: decorate a function with @video_filter, or write a class of one"
    near = difflib.get_close_matches(name, there, 1)
    return f"{f': did you mean {near[0]}?' if near else '.'} Filters in it: {', '.join(there)}"


def _is_filter(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, tuple(_BASES.values())) and found not in _BASES.values()


def _checked(title: str, found: object) -> type[Filter]:
    if isinstance(found, type) and _is_filter(found):
        roles = [role for role, base in _BASES.items() if issubclass(found, base)]
        if len(roles) > 1:
            raise SpecError(named(title, f"it is {' and '.join(roles)} at once: make two filters of it"))
        _check_methods(title, found, _BASES[roles[0]])
        return found
    if isinstance(found, type):
        raise SpecError(
            named(title, "it is a class, but no filter: derive it from VideoFilter, AudioFilter or Detector")
        )
    if callable(found) and not isinstance(found, Filter):
        raise SpecError(named(title, "it is a function, but no filter: put @video_filter or @audio_filter above it"))
    raise SpecError(named(title, "it is no filter: name a function with @video_filter, or the class itself"))


def _check_methods(title: str, found: type[Filter], base: type[Filter]) -> None:
    """Raise SpecError for a class that does nothing."""
    wanted = [method for method in ("picture", "sound") if hasattr(base, method)]
    if all(getattr(found, method) is getattr(base, method) for method in wanted):
        raise SpecError(named(title, f"it does nothing: write its method {' or '.join(wanted)}"))


def _made(spec: Spec, filter_class: type[Filter]) -> Filter:
    arguments = convert(spec.title, filter_class, spec.options)
    try:
        return filter_class(**arguments)
    except Exception as error:  # an author's code, which may do anything
        raise SpecError(explain(spec.title, error, source_of(filter_class))) from error


def _with_instance(spec: Spec, made: Filter) -> Description:
    try:
        found = _description(spec, type(made), made)
        made.close()
    except SpecError:
        raise
    except Exception as error:
        raise SpecError(explain(spec.title, error, source_of(type(made)))) from error
    return found


def _description(spec: Spec, filter_class: type[Filter], made: Filter | None) -> Description:
    role = next(role for role, base in _BASES.items() if issubclass(filter_class, base))
    doc = inspect.cleandoc(filter_class.__doc__ or "")
    lookahead, context = 0.0, 0.0
    takes: tuple[str, ...] = ("sound",) if role is Role.AUDIO else ("picture",)
    if issubclass(filter_class, Detector):
        # Without its options there is only what the class says; what depends on them is not there yet.
        detector = made if isinstance(made, Detector) else filter_class.__new__(filter_class)
        lookahead = _seconds(spec.title, detector, "lookahead", made is not None)
        context = _seconds(spec.title, detector, "context", made is not None)
        takes = _takes(detector, made is not None)
    return Description(
        name=spec.title,
        role=role,
        summary=doc.partition("\n")[0],
        doc=doc,
        options=options_described(spec.title, filter_class),
        lookahead=lookahead,
        context=context,
        takes=takes,
    )


def _seconds(title: str, detector: Detector, name: str, whole: bool) -> float:
    try:
        value = getattr(detector, name)
    except Exception:
        if whole:
            raise
        return float(getattr(Detector, name))
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise SpecError(named(title, f"its {name} is in seconds, from 0 on, not {value!r}"))
    return float(value)


def _takes(detector: Detector, whole: bool) -> tuple[str, ...]:
    try:
        return tuple(kind.value for kind in Kind if kind in detector.takes)
    except Exception:
        if whole:
            raise
        return tuple(kind.value for kind in Kind)
