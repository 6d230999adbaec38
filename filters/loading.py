"""Loads Python that filters are written in: a user's file, anew each time, or a module by its name."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from filters.errors import SpecError
from filters.faults import explain, named

_BESIDE = "__veilcast_beside__"
"""Marks what a filter's file has imported from its own folder: that is loaded anew with it."""


class _Uncached(SourceFileLoader):
    """Compiles each time: compiled files are told apart by the second, and an author may be faster than that."""

    def path_stats(self, path: str) -> dict[str, float]:
        raise OSError("it is not kept")


def load_file(title: str, path: Path) -> ModuleType:
    """Run the file at ``path`` as a module of its own, and with it what it imports from its own folder.

    That folder is searched last: a file in it never hides an installed module. Raises SpecError, which has file and
    line, whatever goes wrong in it.
    """
    if not path.is_file():
        raise SpecError(named(title, f"there is no file {path}"))
    name = _free_name(path.stem)
    description = importlib.util.spec_from_file_location(name, path, loader=_Uncached(name, str(path)))
    assert description is not None
    assert description.loader is not None
    module = importlib.util.module_from_spec(description)
    sys.modules[name] = module
    try:
        with _beside(path.parent):
            description.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a user's code, which may do anything
        del sys.modules[name]
        raise SpecError(explain(title, error, str(path))) from error
    return module


def load_module(title: str, name: str) -> ModuleType:
    """Import a module by its name. Raises SpecError whatever goes wrong in it."""
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise SpecError(explain(title, error)) from error


def _free_name(stem: str) -> str:
    """Return a module name that is not taken: what an earlier load has made goes on with what it was."""
    number = 1
    while (name := f"veilcast_filter_{number}_{stem}") in sys.modules:
        number += 1
    return name


@contextmanager
def _beside(folder: Path) -> Iterator[None]:
    """Have modules in ``folder`` found, and loaded anew; nothing is written there."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    for name, module in list(sys.modules.items()):
        if getattr(module, _BESIDE, None) == str(folder):
            del sys.modules[name]
    importlib.invalidate_caches()
    before = set(sys.modules)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = written
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if name.partition(".")[0] not in before and file and folder in Path(file).parents:
                setattr(module, _BESIDE, str(folder))
