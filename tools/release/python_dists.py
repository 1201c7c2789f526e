"""The wheel and the sdist, as hatchling builds them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools.engine.processes import ToolError

__all__ = ["build_dists"]


def build_dists(tree: Path, folder: Path, seconds: int) -> None:
    """Build both from a staged tree into a folder.

    Raises:
        ToolError: hatchling is missing or refuses.
    """
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(seconds), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    answer = subprocess.run(command, cwd=tree, env=environment, check=False, capture_output=True, text=True)
    if answer.returncode != 0:
        raise ToolError("hatchling built no wheel and sdist.", answer.stderr.strip())
