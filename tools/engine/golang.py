"""Go, as the tools use it: a module of our own in a folder, and what is built from its dependencies."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tools.engine.builds import Report, Steps
from tools.engine.processes import ToolError

__all__ = ["GO_VERSION", "go_steps", "init_module", "require_go"]

GO_VERSION = "1.26.6"


def require_go(complaint: str, alternative: str = "") -> None:
    """Make sure that there is a Go to build with.

    Raises:
        ToolError: There is none; the message is the complaint, and the hint ends with the alternative.
    """
    if shutil.which("go") is None:
        raise ToolError(complaint, _hint(alternative))


def init_module(folder: Path, name: str) -> None:
    """Make the folder an empty Go module."""
    (folder / "go.mod").write_text(f"module {name}\n\ngo {GO_VERSION}\n")


def go_steps(what: str, folder: Path, report: Report, alternative: str = "") -> Steps:
    """Return the steps of a build in a module's folder; `alternative` ends the hint when Go is too old."""
    return Steps(what, folder, report, lambda: _hint(alternative), _environment())


def _environment() -> Mapping[str, str]:
    flags = [flag for flag in os.environ.get("GOFLAGS", "").split() if not flag.startswith("-mod=")]
    return {**os.environ, "GOFLAGS": " ".join([*flags, "-mod=mod"]), "GOWORK": "off"}


def _hint(alternative: str) -> str:
    found = _version()
    if found and tuple(map(int, found.split("."))) >= tuple(map(int, GO_VERSION.split("."))):
        return (
            "Check that Go reaches its module proxy (`go env GOPROXY`) and that the disk has 6 GB to spare; try again."
        )
    install = (
        f"Install Go {GO_VERSION} or newer (found: {found or 'none'}) from your package manager or Go's download page, "
        "and try again."
    )
    return " ".join(filter(None, (install, alternative)))


def _version() -> str | None:
    go = shutil.which("go")
    if go is None:
        return None
    answer = subprocess.run([go, "env", "GOVERSION"], check=False, capture_output=True, text=True)
    match = re.match(r"go(\d+(\.\d+)*)", answer.stdout)
    return match.group(1) if match else None
