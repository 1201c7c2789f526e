"""What the package says of the Pythons and the versions that it runs on."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import allomia_pulumi
from tools.engine.processes import CHECKOUT, ToolError
from tools.pythons.finding import Interpreter, find_python, supported
from tools.pythons.floors import declared, floor_constraints

PYPROJECT = CHECKOUT / "pyproject.toml"
PACKAGE = Path(allomia_pulumi.__file__).parent
# Typeshed's own types: type checkers bring it along, and it never runs.
OF_TYPE_CHECKERS = {"_typeshed"}

PROJECT = """
[project]
name = "thing"
dependencies = ["Some_Lib>=1.2.3,<2", "marked>=4; python_version > '3'", "pinned==7"]
[project.optional-dependencies]
cli = ["teller>=0.1"]
sandbox = ["thing[cli]", "server>=5"]
test = ["thing[cli,sandbox]", "tester>=8", "server>=5"]
"""


@pytest.fixture
def floors(tmp_path: Path) -> Callable[[str, str], list[str]]:
    def written(project: str, pins: str) -> list[str]:
        pyproject, constraints = tmp_path / "pyproject.toml", tmp_path / "constraints.txt"
        pyproject.write_text(project)
        constraints.write_text(pins)
        return floor_constraints(pyproject, constraints).splitlines()

    return written


def imported(*modules: Path) -> set[str]:
    """Return the distributions that modules import, and the name of what nothing brings along."""
    found: set[str] = set()
    for node in (node for module in modules for node in ast.walk(ast.parse(module.read_text()))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
    return found - sys.stdlib_module_names - {PACKAGE.name} - OF_TYPE_CHECKERS


def undeclared(names: set[str], promised: Iterable[str]) -> set[str]:
    brought_by = importlib.metadata.packages_distributions()
    kept = {canonicalize_name(each) for each in promised}
    return {name for name in names if not kept & {canonicalize_name(each) for each in brought_by.get(name, [])}}


@pytest.mark.catalogue(87)
def test_every_import_is_of_a_declared_dependency() -> None:
    assert undeclared(imported(*PACKAGE.rglob("*.py")), (each.name for each in declared(PYPROJECT))) == set()


def test_only_the_command_line_and_the_sandbox_import_what_an_extra_brings() -> None:
    modules = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in {"cli", "sandbox"}]
    base = tomllib.loads(PYPROJECT.read_text())["project"]["dependencies"]
    assert undeclared(imported(*modules), (Requirement(each).name for each in base)) == set()


@pytest.mark.catalogue(87)
def test_the_floors_pin_what_is_shipped_and_leave_what_is_brought_along(
    floors: Callable[[str, str], list[str]],
) -> None:
    pins = "# a comment\ntester==8.4\nserver==6.0\nsome-lib==1.9\nbrought-along==3\n"
    shipped = ["marked==4", "pinned==7", "server==5", "some-lib==1.2.3", "teller==0.1"]
    assert floors(PROJECT, pins) == [*shipped, "tester==8.4"]


def test_a_dependency_without_an_oldest_version_is_an_error(floors: Callable[[str, str], list[str]]) -> None:
    with pytest.raises(ToolError, match="server is declared without an oldest version"):
        floors(PROJECT.replace("server>=5", "server"), "")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a machine without any Python: nothing on PATH, nothing of pyenv, and no uv."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    return tmp_path


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_machine_that_lacks_a_python_has_none(machine: Path) -> None:
    assert machine
    assert find_python("3.12") is None


def test_a_shim_that_refuses_and_a_python_without_ensurepip_are_passed_over(machine: Path) -> None:
    program(machine / "bin" / "python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    program(machine / "pyenv/versions/3.12.10/bin/python", "echo 'No module named ensurepip' >&2; exit 1")
    found = program(machine / "pyenv/versions/3.12.9/bin/python", "echo 3.12.9")
    program(machine / "pyenv/versions/3.12.1/bin/python", "echo 3.12.1")
    assert find_python("3.12") == Interpreter(found, "3.12.9")


def test_a_python_that_only_uv_knows_is_found(machine: Path) -> None:
    found = program(machine / "of-uv" / "python", "echo 3.14.0")
    program(machine / "bin" / "uv", f"echo {found}")
    assert find_python("3.14") == Interpreter(found, "3.14.0")


def test_a_python_of_another_version_is_not_taken(machine: Path) -> None:
    program(machine / "bin" / "python3.1", "echo 3.12.1")
    assert find_python("3.1") is None


def test_the_classifiers_name_supported_pythons() -> None:
    classifiers = tomllib.loads(PYPROJECT.read_text())["project"]["classifiers"]
    named = [each.rpartition(" ")[2] for each in classifiers if re.fullmatch(r".* :: Python :: 3\.\d+", each)]
    assert named
    assert named == [each for each in supported() if each in named]
