"""Modules of a program's own folder that bear the name of one that this package needs.

Python looks into the folder of a program first, so a `secrets.py` or `httpx.py` beside `__main__.py` is what everybody
in the process gets by that name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Final

from allomia_pulumi.errors import InvalidConfiguration

__all__ = ["program_folder_last", "refuse_shadows"]

OURS: Final = frozenset({"__main__", "allomia_pulumi", "allomia_pulumi_sdk"})


@contextmanager
def program_folder_last() -> Iterator[None]:
    """Let modules be found in the program's folder only where nobody else has them."""
    own = [entry for entry in sys.path if _is_programs(entry)]
    before, during = list(sys.path), [entry for entry in sys.path if not _is_programs(entry)] + own
    sys.path[:] = during
    try:
        yield
    finally:
        if sys.path == during:
            sys.path[:] = before
        else:
            # Somebody changed it meanwhile, and the order is all that is ours to put back.
            own = [entry for entry in own if entry in sys.path]
            sys.path[:] = own + [entry for entry in sys.path if entry not in own]


@contextmanager
def refuse_shadows() -> Iterator[None]:
    """Refuse what was imported in vain, or in place of another module, because of a file in the program's folder.

    Raises:
        InvalidConfiguration: A file stands where a module that is needed should be; the message names it.
    """
    try:
        yield
    except Exception:
        if shadows := _shadows():
            raise _refusal(shadows) from None
        raise
    if used := [module for module in _shadows() if _is_used(module)]:
        raise _refusal(used)


def _refusal(shadows: list[ModuleType]) -> InvalidConfiguration:
    files = ", ".join(sorted(str(module.__file__) for module in shadows))
    return InvalidConfiguration(
        f"{files} was imported in place of a module of Python or of a package that is needed here; nothing was done",
        "Give the file another name, which no module of Python or of an installed package has.",
    )


def _shadows() -> list[ModuleType]:
    """Return the modules of the program's folder under names that belong to others."""
    return [module for name, module in _own_modules().items() if name not in OURS and _has_owner(name)]


def _own_modules() -> dict[str, ModuleType]:
    """Return the modules on the highest level that came from the program's folder."""
    folders = {os.path.realpath(entry or os.curdir) for entry in sys.path if _is_programs(entry)}
    return {
        name: module
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType) and "." not in name and _folder_of(module) in folders
    }


def _folder_of(module: ModuleType) -> str:
    """Return the folder that a module on the highest level was found in; empty for one without a file."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return ""
    folder = os.path.dirname(file)  # noqa: PTH120 - every module of the process is looked at, and a Path is slow
    is_package = hasattr(module, "__path__")
    return os.path.realpath(os.path.dirname(folder) if is_package else folder)  # noqa: PTH120 - the same


def _has_owner(name: str) -> bool:
    """Tell whether Python or an installed package has a module of that name."""
    if name in sys.stdlib_module_names:
        return True
    elsewhere = [entry for entry in sys.path if not _is_programs(entry)]
    return PathFinder.find_spec(name, elsewhere) is not None


def _is_used(shadow: ModuleType) -> bool:
    """Tell whether a module that is not the program's refers to it, and so expects another one there."""
    own = _own_modules().keys() | {"__main__"}
    others = (module for name, module in list(sys.modules.items()) if name.partition(".")[0] not in own)
    return any(shadow in _values(module) for module in others)


def _values(module: ModuleType | None) -> list[object]:
    return [value for value in vars(module).values() if isinstance(value, ModuleType)] if module else []


def _is_programs(entry: str) -> bool:
    """Tell whether an entry of the search path is the folder that the program lies in: the current one, or its own."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    folders = {os.getcwd()} | ({os.path.dirname(os.path.realpath(main))} if main else set())  # noqa: PTH109, PTH120
    return not entry or (os.path.realpath(entry) in folders and not entry.endswith("-packages"))
