"""File names as settings give them, and files that a command writes: nothing is overwritten."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from allomia_pulumi.errors import InvalidInput
from allomia_pulumi.ground.redaction import printable

__all__ = ["check_new", "expand_home", "in_home", "write_new"]

LONGEST_PATH: Final = 1000
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


def check_new(path: Path) -> None:
    """Refuse early what `write_new` would refuse after all the work.

    Raises:
        InvalidInput: There is such a file already, or no such folder.
    """
    if os.path.lexists(path):
        raise _is_there(path)
    if not path.parent.is_dir():
        raise InvalidInput(f"{_shown(path)} cannot be written: there is no such folder", "Make it, or name another.")


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet; of one that cannot be written whole, nothing stays.

    Raises:
        InvalidInput: It is there already, or cannot be written.
    """
    try:
        # An exclusive creation follows no link, so nothing of others is written to.
        with path.open("x", encoding="utf-8", newline="\n") as file:
            try:
                file.write(text)
                file.flush()
            except OSError:
                with suppress(OSError):
                    path.unlink()
                raise
    except FileExistsError:
        raise _is_there(path) from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else type(problem).__name__
        raise InvalidInput(
            f"{_shown(path)} cannot be written ({reason}); nothing was left there", "Name another file."
        ) from None


def _is_there(path: Path) -> InvalidInput:
    return InvalidInput(
        f"{_shown(path)} is there already, and was not overwritten", "Name another file, or delete that one."
    )


def _shown(path: Path) -> str:
    return printable(str(path), LONGEST_PATH)
