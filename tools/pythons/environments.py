"""Make an environment of this checkout for one Python, in the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tools.engine.builds import Report, Steps, cache_folder, fingerprint
from tools.engine.processes import CHECKOUT
from tools.pythons.finding import Interpreter

__all__ = ["clean_environ", "environment_for"]

# Variables by which one Python tells another where to look.
OF_ANOTHER_PYTHON = frozenset({"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"})
DIGITS = 12


def environment_for(interpreter: Interpreter, name: str, constraints: str, report: Report) -> Path:
    """Return the Python of an environment with this checkout and what its tests need, up to date.

    Args:
        interpreter: Makes it.
        name: Tells it from the checkout's other ones; making it again replaces it.
        constraints: For pip, as text.
        report: Is told when it has to be made.

    Raises:
        ToolError: It cannot be made; the message ends with pip's last lines.
    """
    checkout = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:DIGITS]
    folder = cache_folder() / "pythons" / checkout / name
    ready, python = folder / "ready", folder / "bin" / "python"
    content = fingerprint([CHECKOUT / "pyproject.toml"], CHECKOUT, constraints, str(interpreter))
    if ready.is_file() and ready.read_text() == content:
        return python
    report(f"Setting up an environment for {name} with Python {interpreter.version} (about a minute).")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pins = folder / "constraints.txt"
    pins.write_text(constraints)
    what = f"The environment for {name}"
    steps = Steps(what, CHECKOUT, report, lambda: "Check that pip reaches its package index.", clean_environ())
    steps.run("making it", interpreter.program, "-m", "venv", folder)
    steps.run(
        "installing",
        python,
        "-m",
        "pip",
        "install",
        "--progress-bar",
        "off",
        "--constraint",
        pins,
        "--editable",
        f"{CHECKOUT}[test]",
    )
    ready.write_text(content)
    return python


def clean_environ() -> Mapping[str, str]:
    """Return our environment without what belongs to the Python that runs us."""
    return {name: value for name, value in os.environ.items() if name not in OF_ANOTHER_PYTHON}
