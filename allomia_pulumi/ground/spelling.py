"""The spelling of inputs in messages: as the caller of the operation writes them, and not as the wire does.

The core names an input once, by its wire name; the boundary of each face says who calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import Final

__all__ = ["Caller", "spell", "spell_argument", "spelled_for"]

CAPITAL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
OPTIONS: Final = {"apiUrl": "--api-url", "tenantKeyRef": "--tenant-key-ref"}
"""The settings that the command line takes as options; others have their names of the configuration there too."""


class Caller(Enum):
    """Who an operation's messages are for."""

    ANY_LANGUAGE = "names as on the wire: YAML, TypeScript, and whatever else the plugin serves"
    PYTHON = "names of a Python program's arguments"
    COMMAND_LINE = "options"


_caller: ContextVar[Caller] = ContextVar("caller", default=Caller.ANY_LANGUAGE)


@contextmanager
def spelled_for(caller: Caller) -> Iterator[None]:
    """Spell inputs for a caller in all that is said inside the block, by this thread."""
    before = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(before)


def spell(name: str) -> str:
    """Return an input's name as the caller writes it, parts of it after dots."""
    match _caller.get():
        case Caller.PYTHON:
            return CAPITAL.sub("_", name).lower()
        case Caller.COMMAND_LINE:
            return OPTIONS.get(name, name)
    return name


def spell_argument(name: str) -> str:
    """Return what a setting is called that was given as an argument, or as an option."""
    spelled = spell(name)
    return f"{'option' if spelled.startswith('-') else 'argument'} {spelled}"
