"""The one exception that the engine prints, for the dynamic face."""

from __future__ import annotations

__all__ = ["Shown"]


class Shown(Exception):
    """An error as the engine prints it: one line, no module path."""


Shown.__module__ = "builtins"
Shown.__qualname__ = "allomia"
