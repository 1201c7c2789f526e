"""Find the Pythons of this machine: on PATH, in pyenv's folder, and by uv."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NEWEST", "OLDEST", "Interpreter", "find_python", "supported"]

OLDEST, NEWEST = (3, 11), (3, 14)
# An environment needs these two modules, and Debian ships them apart; a Python without ssl cannot fetch a package.
PROBE = "import ensurepip, ssl, sys, venv; print('{}.{}.{}'.format(*sys.version_info))"
PROBE_SECONDS = 30


@dataclass(frozen=True)
class Interpreter:
    """A Python that starts and can make environments.

    Attributes:
        version: All of it: `3.12.1`.
    """

    program: Path
    version: str


def supported() -> list[str]:
    """Return every Python that may be run, oldest first, as `3.11`."""
    return [f"{OLDEST[0]}.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]


def find_python(wanted: str) -> Interpreter | None:
    """Return the first Python of that version (`3.12`) that works; None when this machine has none."""
    for program in _candidates(wanted):
        version = _probe(program)
        if version is not None and version.startswith(f"{wanted}."):
            return Interpreter(program, version)
    return None


def _candidates(wanted: str) -> Iterator[Path]:
    name = f"python{wanted}"
    yield Path(sys.executable)
    # All of PATH and not its first hit: a shim of pyenv may be there for a version that it then refuses to start.
    for folder in os.get_exec_path():
        if found := shutil.which(name, path=folder):
            yield Path(found)
    yield from _of_pyenv(wanted)
    yield from _of_uv(wanted)


def _of_pyenv(wanted: str) -> list[Path]:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = (root / "versions").glob(f"{wanted}.*/bin/python")
    return sorted(found, key=lambda path: [int(part) for part in re.findall(r"\d+", path.parts[-3])], reverse=True)


def _of_uv(wanted: str) -> list[Path]:
    uv = shutil.which("uv")
    if uv is None:
        return []
    answer = subprocess.run(
        [uv, "python", "find", "--offline", "--no-project", wanted], check=False, capture_output=True, text=True
    )
    return [Path(answer.stdout.strip())] if answer.returncode == 0 else []


def _probe(program: Path) -> str | None:
    try:
        answer = subprocess.run(
            [program, "-I", "-c", PROBE], check=False, capture_output=True, text=True, timeout=PROBE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
