"""A short-lived process that loads filters and tells what they are like: ``python -P -m filters.describe``.

So their authors' code never runs in the server. One JSON object comes on standard input:

    {"specs": ["TEXT", …]}   each is found and made with its options, but not opened: no model is loaded
    {"list": true}           all that can be had by name, with or without the options that must be given

and one goes to standard output, its list in the same order; what the loaded code prints goes to standard error:

    {"filters": [{"spec": "TEXT", "description": {…}}, {"spec": "TEXT", "error": "…"}]}
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from dataclasses import asdict

from filters.errors import FilterError
from filters.faults import explain
from filters.registry import Description, check, describe, names
from filters.spec import parse


def answer(question: dict[str, object]) -> dict[str, object]:
    """Return the answer to ``question``, both as above. Raises ValueError for another one."""
    match question:
        case {"list": True}:
            return {"filters": [_told(name, describe) for name in names()]}
        case {"specs": [*specs]} if all(isinstance(text, str) for text in specs):
            return {"filters": [_told(str(text), _check) for text in specs]}
    raise ValueError('ask for {"specs": ["TEXT", …]} or {"list": true}')


def main() -> None:
    """Answer, and end at once, whatever threads the loaded code has left behind."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # nothing of a filter's options in a core dump
    question = json.load(sys.stdin.buffer)
    output = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(output, "w", encoding="utf-8") as answers:
        json.dump(answer(question), answers)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _check(text: str) -> Description:
    return check(parse(text))


def _told(text: str, look: Callable[[str], Description]) -> dict[str, object]:
    try:
        return {"spec": text, "description": asdict(look(text))}
    except FilterError as error:
        return {"spec": text, "error": str(error)}
    except Exception as error:  # one filter, however strange, must not be in the way of the others
        return {"spec": text, "error": explain(text.partition(":")[0], error)}


if __name__ == "__main__":
    main()
