"""Run the unit and contract tests on each supported Python, or once on the oldest declared versions; end in a table."""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.engine.builds import cache_folder
from tools.engine.processes import CHECKOUT, ToolError
from tools.pythons.environments import clean_environ, environment_for
from tools.pythons.finding import Interpreter, find_python, supported
from tools.pythons.floors import floor_constraints

LAYERS = ("tests/unit", "tests/contract")
WORKERS = "2"
PYPROJECT, CONSTRAINTS = CHECKOUT / "pyproject.toml", CHECKOUT / "constraints.txt"
LACKED = "not on this machine: neither on PATH nor in pyenv's folder nor known to uv"


@dataclass(frozen=True)
class Outcome:
    """One line of the closing table."""

    name: str
    told: str
    is_good: bool = True


def main() -> None:
    """Run what the arguments ask for; exit with 1 when a test failed or nothing could be run."""
    asked = _arguments()
    wanted = asked.only.split() or supported()
    found = {version: find_python(version) for version in wanted}
    if asked.floors:
        outcomes = _at_floors(found, asked.tests)
    else:
        outcomes = [each for version, python in found.items() for each in _on(version, python, asked.tests)]
    width = max(len(each.name) for each in outcomes)
    print("\n" + "\n".join(f"{each.name:<{width}}  {each.told}" for each in outcomes))
    sys.exit(0 if all(each.is_good for each in outcomes) and any(found.values()) else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.pythons", description=__doc__)
    parser.add_argument("--floors", action="store_true", help="the oldest declared versions, on the oldest Python")
    parser.add_argument("--only", default="", metavar="VERSIONS", help="these Pythons and no other: '3.12 3.13'")
    parser.add_argument("tests", nargs="*", default=LAYERS, help=f"instead of {' and '.join(LAYERS)}")
    return parser.parse_args()


def _on(version: str, interpreter: Interpreter | None, tests: list[str]) -> list[Outcome]:
    if interpreter is None:
        return [Outcome(f"Python {version}", LACKED)]
    return _run(f"Python {interpreter.version}", f"py{version}", interpreter, CONSTRAINTS.read_text(), tests)


def _at_floors(found: dict[str, Interpreter | None], tests: list[str]) -> list[Outcome]:
    oldest = next(filter(None, found.values()), None)
    if oldest is None:
        return [Outcome("floors", LACKED, is_good=False)]
    constraints = floor_constraints(PYPROJECT, CONSTRAINTS)
    return _run(f"floors on Python {oldest.version}", "floors", oldest, constraints, tests)


def _run(name: str, folder: str, interpreter: Interpreter, constraints: str, tests: list[str]) -> list[Outcome]:
    try:
        python = environment_for(interpreter, folder, constraints, print)
    except ToolError as error:
        print(error)
        return [Outcome(name, "no environment could be made; see above", is_good=False)]
    return [_test(name, python, each) for each in tests]


def _test(name: str, python: Path, tests: str) -> Outcome:
    """Run tests, show what pytest prints, and keep its last line."""
    print(f"\n{name}: {tests}", flush=True)
    command: list[str | Path] = [python, "-m", "pytest", "-q", "-n", WORKERS, "--dist", "worksteal"]
    cache = f"cache_dir={cache_folder() / 'pytest-pythons'}"
    last = "nothing was printed"
    with subprocess.Popen(
        [*command, "-o", cache, tests], cwd=CHECKOUT, env=clean_environ(), stdout=subprocess.PIPE, text=True
    ) as run:
        for line in run.stdout or ():
            print(line, end="", flush=True)
            last = line.strip() or last
    return Outcome(name, f"{tests}: {last}", run.returncode == 0)


if __name__ == "__main__":
    main()
