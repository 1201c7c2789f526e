"""File names as settings give them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

__all__ = ["expand_home", "in_home"]

HOMES: Final = ("HOME", "USERPROFILE")
"""The variables that say where the home is, on Unix and on Windows."""


def in_home(name: str, environ: Mapping[str, str]) -> Path | None:
    """Return a file of the user's home by the given environment, which need not say where that is."""
    home = next(filter(None, map(environ.get, HOMES)), None)
    return Path(home, name) if home else None


def expand_home(path: str, environ: Mapping[str, str]) -> str:
    """Return a path with the home in place of a leading `~`, as a shell reads it."""
    if path == "~" or path.startswith(("~/", f"~{os.sep}")):
        # A second slash would lead out of the home, to the root.
        return str(in_home(path[1:].lstrip(f"/{os.sep}"), environ) or path)
    return path
