"""A user's program under two type checkers: what is right passes, and each mistake is found by both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAMS = ("program", "mistakes", "native_only", "pasted")
# Each checker has ignores of its own, and one that ignores nothing is an error: so a mistake is one for both.
MYPY = ["--strict", "--config-file=", f"--cache-dir={os.devnull}"]
PYRIGHT = {
    "typeCheckingMode": "strict",
    "enableTypeIgnoreComments": False,
    "reportUnnecessaryTypeIgnoreComment": "error",
    "reportUnusedExpression": "none",
    "reportUnusedCallResult": "none",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the programs; what both faces have is there once for each, by its import line."""
    folder = tmp_path_factory.mktemp("user")
    for name in PROGRAMS:
        text = (HERE / f"{name}.py").read_text()
        (folder / f"{name}.py").write_text(text)
        if "from allomia_pulumi import" in text:
            native = text.replace("from allomia_pulumi import", "from allomia_pulumi.native import")
            (folder / f"{name}_native.py").write_text(native)
    (folder / "pyrightconfig.json").write_text(json.dumps(PYRIGHT))
    return folder


@pytest.mark.parametrize(
    "command",
    [["mypy", *MYPY], ["basedpyright", "--pythonpath", sys.executable]],
    ids=["mypy", "basedpyright"],
)
def test_both_faces_are_typed_and_every_mistake_is_found(folder: Path, command: list[str]) -> None:
    files = sorted(path.name for path in folder.glob("*.py"))
    assert len(files) == 2 * 2 + 2
    program = [Path(sys.executable).with_name(command[0]), *command[1:], *files]
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
