"""A filter's options: read from the signature that its author wrote, and made of the texts of a spec. Pure."""

import difflib
import inspect
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from filters.api import Filter, options_of
from filters.errors import SpecError
from filters.faults import named

Value = str | int | float | bool | tuple[str, ...] | None

_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_SHOWN = 40  # characters of a number that is none
_WRITABLE = "str, int, float, bool, a Literal of strings, or tuple[str, ...]"


@dataclass(frozen=True, slots=True)
class OptionDescription:
    """An option as it is told to users. ``type``: str, int, float, bool or list; ``choices``: all that it may be, or
    may be in the list; empty if anything goes."""

    name: str
    type: str
    default: Value
    choices: tuple[str, ...]
    required: bool


@dataclass(frozen=True, slots=True)
class _Type:
    name: Literal["str", "int", "float", "bool", "list"]
    choices: tuple[str, ...] = ()
    container: Callable[[Sequence[str]], Any] = tuple


@dataclass(frozen=True, slots=True)
class _Option:
    name: str
    type: _Type
    default: Any  # Parameter.empty: it must be given


def options_described(title: str, filter_class: type[Filter]) -> tuple[OptionDescription, ...]:
    """Return what options there are. Raises SpecError if the author has not written what they are."""
    return tuple(
        OptionDescription(
            option.name, option.type.name, _shown(option.default), option.type.choices, option.default is _MUST
        )
        for option in _options(title, filter_class)
    )


def convert(title: str, filter_class: type[Filter], given: Sequence[tuple[str, tuple[str, ...]]]) -> dict[str, Any]:
    """Make arguments for ``filter_class`` of the ``given`` options of a spec. Raises SpecError, which tells of no text
    that was given: options may be what is to be hidden."""
    options = {option.name: option for option in _options(title, filter_class)}
    for name, _ in given:
        if name not in options:
            raise SpecError(named(title, f"it has no option {name}{_instead(name, options)}"))
    arguments = {name: _value(title, options[name], values) for name, values in given}
    missing = [name for name, option in options.items() if option.default is _MUST and name not in arguments]
    if missing:
        wanted = ", ".join(f"{name}=…" for name in missing)
        raise SpecError(named(title, f"it must be given {wanted}"))
    return arguments


_MUST = inspect.Parameter.empty


def _options(title: str, filter_class: type[Filter]) -> list[_Option]:
    function = options_of(filter_class)
    own = 1 if function is filter_class.__init__ else 2  # self; or the picture or sound, and its time
    plain = [p for p in _signature(function).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    by_place = [p for p in plain if p.kind is not p.KEYWORD_ONLY]
    rest = [p for p in plain if p.kind is p.KEYWORD_ONLY]
    if any(p.kind is p.POSITIONAL_ONLY and p.default is _MUST for p in by_place[own:]):
        raise SpecError(named(title, "its options cannot be given by name: take away the / in its parameters"))
    return [_option(title, function, p) for p in (*by_place[own:], *rest) if p.kind is not p.POSITIONAL_ONLY]


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    if sys.version_info >= (3, 14):  # what is imported for type checkers alone is no reason to fail
        import annotationlib

        return inspect.signature(function, annotation_format=annotationlib.Format.FORWARDREF)
    return inspect.signature(function)


def _option(title: str, function: Callable[..., Any], parameter: inspect.Parameter) -> _Option:
    annotation: Any = parameter.annotation
    if annotation is _MUST and parameter.default is not _MUST:
        annotation = _type_of(parameter.default)
    if isinstance(annotation, str):
        try:  # as Python does it: the author's own text, in the author's own module
            annotation = eval(annotation, inspect.unwrap(function).__globals__)  # noqa: S307
        except Exception:
            annotation = None
    found = _read(annotation)
    if found is None:
        raise SpecError(named(title, f"the option {parameter.name} needs a type in its signature: {_WRITABLE}"))
    return _Option(parameter.name, found, parameter.default)


def _type_of(default: object) -> object:
    return tuple[str, ...] if isinstance(default, tuple | list) else type(default)


def _read(annotation: Any) -> _Type | None:  # noqa: ANN401 - anything may stand there
    """Return what type an annotation means; None if it is none that an option can have."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _read(arguments[0])
    if origin in (Union, UnionType):
        others = [argument for argument in arguments if argument is not NoneType]
        return _read(others[0]) if len(others) == 1 else None
    if origin is Literal and all(isinstance(choice, str) for choice in arguments):
        return _Type("str", arguments)
    if origin is list or (origin is tuple and arguments[1:] == (...,)):
        item = _read(arguments[0])
        return _Type("list", item.choices, origin) if item and item.name == "str" else None
    names: Mapping[Any, _Type] = {kind: _Type(kind.__name__) for kind in (str, int, float, bool)}  # type: ignore[arg-type]
    return names.get(annotation) if isinstance(annotation, type) and not arguments else None


def _value(title: str, option: _Option, values: tuple[str, ...]) -> Any:  # noqa: ANN401 - by its type
    if option.type.name == "list":
        words = [word for word in values if word]
        for word in words:
            _check_choice(title, option, word)
        return option.type.container(words)
    text = "+".join(values)  # only lists are parted
    match option.type.name:
        case "str":
            _check_choice(title, option, text)
            return text
        case "bool":
            if text.lower() in (*_YES, *_NO):
                return text.lower() in _YES
            wanted = "true or false"
        case "int":
            try:
                return int(text)
            except ValueError:
                wanted = "a whole number"
        case _:
            wanted = "a number"
            try:
                number = float(text)
            except ValueError:
                number = math.nan
            if math.isfinite(number):
                return number
    raise SpecError(named(title, f"the option {option.name} is {wanted}, not {text[:_SHOWN]!r}"))


def _check_choice(title: str, option: _Option, text: str) -> None:
    choices = option.type.choices
    if choices and text not in choices:
        some = "made of" if option.type.name == "list" else "one of"
        near = difflib.get_close_matches(text, choices, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise SpecError(named(title, f"the option {option.name} is {some} {', '.join(choices)}{hint}"))


def _instead(name: str, options: Mapping[str, _Option]) -> str:
    if not options:
        return ", nor any other"
    near = difflib.get_close_matches(name, options, 1)
    return f"{f': did you mean {near[0]}?' if near else '.'} Its options: {', '.join(options)}"


def _shown(default: object) -> Value:
    if default is _MUST or default is None:
        return None
    if isinstance(default, tuple | list):
        return tuple(str(item) for item in default)
    return default if isinstance(default, str | int | float | bool) else str(default)
