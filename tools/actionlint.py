"""Come by actionlint, which checks GitHub workflows offline: built once from its Go module into the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tools.engine.builds import cache_folder
from tools.engine.processes import ToolError

__all__ = ["ensure_actionlint"]

VERSION = "1.7.9"
PACKAGE = "github.com/rhysd/actionlint/cmd/actionlint"


def ensure_actionlint() -> Path:
    """Return the program, built if it is not there yet (about ten seconds).

    Raises:
        ToolError: Go is missing, or the build failed.
    """
    program = cache_folder() / f"actionlint-{VERSION}" / "actionlint"
    if program.is_file():
        return program
    go = shutil.which("go")
    if go is None:
        raise ToolError("Go is not on PATH.", "Install Go; actionlint is built with it.")
    build = program.parent.with_suffix(f".{os.getpid()}")
    result = subprocess.run(
        [go, "install", f"{PACKAGE}@v{VERSION}"],
        env={**os.environ, "GOBIN": str(build)},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise ToolError("actionlint could not be built.", result.stderr)
    program.parent.mkdir(parents=True, exist_ok=True)
    (build / program.name).replace(program)
    build.rmdir()
    return program
