"""Refuses regular expressions that may take for ever. Pure.

Python's re tries, for a text that does not match, all ways to share it out among repeats: exponentially many where an
open repeat (``*``, ``+``, ``{2,}``) stands within another one, or where one has alternatives that begin alike.
"""

import re

from filters.errors import SpecError

_OPEN = re.compile(r"[*+]|\{\d*,\}")
_COUNTED = re.compile(r"\{\d+(?:,\d+)?\}|\{,\d+\}")
_REACHES = (2_000, 2_000, 400, 100)
"""Characters, by the number of open repeats: each makes time grow with one more power of the text's length."""
_MANY = 20  # a counted repeat of more is as bad as an open one


class _Group:
    """What is known of a group while it is read."""

    def __init__(self) -> None:
        self.repeats = False
        self.branches = False


def reach(pattern: str, place: str) -> int:
    """Return in how many characters a valid pattern can be looked for in about a second, whatever they are.

    Raises SpecError, which names the place alone, if it may never come to an end.
    """
    groups = [_Group()]
    closed: _Group | None = None
    open_repeats = at = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            closed = None
            at += 2
        elif pattern[at] == "[":
            end = _class_end(pattern, at)
            closed = None
            at = end
        elif pattern[at] == "(":
            groups.append(_Group())
            at += 1
            if opening := re.compile(r"\?(?:P<\w+>|P=\w+|#[^)]*|\(\w+\)|<?[=!]|[a-zA-Z\-]*:|>|[a-zA-Z]+)").match(
                pattern, at
            ):
                at = opening.end()
            closed = None
        elif pattern[at] == ")":
            closed = groups.pop()
            groups[-1].repeats |= closed.repeats
            at += 1
        elif pattern[at] == "|":
            groups[-1].branches = True
            closed = None
            at += 1
        elif repeat := _OPEN.match(pattern, at):
            if closed and (closed.repeats or closed.branches):
                raise SpecError(
                    f"{place} has a repeat within a repeat, or alternatives that are repeated, as in (a+)+: that may "
                    "take for ever; bound the outer one, as in (a+){1,5}"
                )
            open_repeats += 1
            groups[-1].repeats, closed = True, None
            at = repeat.end()
            at += pattern[at : at + 1] in ("?", "+")
        elif counted := _COUNTED.match(pattern, at):
            most = max(map(int, re.findall(r"\d+", counted[0])))
            if closed and (closed.repeats or closed.branches) and most > (5 if closed.repeats else _MANY):
                raise SpecError(
                    f"{place} has a repeat within one of up to {most}: that may take for ever; bound the inner or the "
                    "outer one"
                )
            closed = None
            at = counted.end()
        else:
            closed = None
            at += 1
    if open_repeats >= len(_REACHES):
        raise SpecError(
            f"{place} has {open_repeats} open repeats, such as .* or a+, and {len(_REACHES) - 1} can be: bound them, "
            "as in .{0,20}"
        )
    return _REACHES[open_repeats]


def _class_end(pattern: str, at: int) -> int:
    """Return where the character class that begins there ends. A ``]`` that comes first is one of its characters."""
    at += 2 if pattern[at + 1 : at + 2] == "^" else 1
    at += pattern[at : at + 1] == "]"
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1
