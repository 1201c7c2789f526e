"""Read the oldest version of each dependency that `pyproject.toml` declares, and write them down for pip."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.engine.processes import ToolError

__all__ = ["declared", "floor_constraints"]

# What users install. The test tools beside them stay at the versions of `constraints.txt`.
SHIPPED_EXTRAS = ("cli", "sandbox")


def declared(pyproject: Path) -> list[Requirement]:
    """Return what the package and the extras that users install depend on, without the package itself."""
    project = tomllib.loads(pyproject.read_text())["project"]
    texts = [*project["dependencies"]]
    for extra in SHIPPED_EXTRAS:
        texts += project["optional-dependencies"][extra]
    return [each for each in map(Requirement, texts) if each.name != project["name"]]


def floor_constraints(pyproject: Path, constraints: Path) -> str:
    """Return constraints that pin each declared dependency to its oldest version, and the test tools to theirs.

    What dependencies bring along is left to pip: whoever has an old one of ours beside new ones of theirs gets that.

    Raises:
        ToolError: A dependency has no oldest version.
    """
    floors = {canonicalize_name(each.name): _floor(each) for each in declared(pyproject)}
    tools = tomllib.loads(pyproject.read_text())["project"]["optional-dependencies"]["test"]
    kept = {canonicalize_name(Requirement(each).name) for each in tools} - floors.keys()
    lines = [f"{name}=={version}" for name, version in sorted(floors.items())]
    lines += [line for line, name in _pins(constraints.read_text().splitlines()) if name in kept]
    return "\n".join(lines) + "\n"


def _floor(requirement: Requirement) -> str:
    for each in requirement.specifier:
        if each.operator in {">=", "=="}:
            return each.version
    raise ToolError(f"{requirement.name} is declared without an oldest version.", "Declare it as `>=`.")


def _pins(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if line and not line.startswith("#"):
            yield line, canonicalize_name(Requirement(line).name)
