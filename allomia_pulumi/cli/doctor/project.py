"""Project file of a program: the way from `Pulumi.yaml` to the provider."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from allomia_pulumi.cli.stacks import find_project_file
from allomia_pulumi.errors import InvalidConfiguration
from allomia_pulumi.ground.redaction import printable

__all__ = ["PLUGIN", "Project", "read_project"]

PLUGIN = "pulumi-resource-allomia"
NAME = "allomia"


@dataclass(frozen=True)
class Project:
    """A project.

    Attributes:
        file: Its `Pulumi.yaml`.
        runtime: Its language, such as `python`.
        options: The runtime's options.
        plugin_folder: The folder that `plugins.providers` names for this provider, if it does.
        package: The folder or address that `packages` names for this provider, without a version, if it does.
    """

    file: Path
    runtime: str
    options: Mapping[str, Any]
    plugin_folder: Path | None
    package: str | None

    @property
    def folder(self) -> Path:
        """Return its folder."""
        return self.file.parent

    def python(self, environ: Mapping[str, str]) -> str | None:
        """Return the Python that Pulumi starts for this project, or None if it is not known here."""
        toolchain = self.options.get("toolchain")
        virtualenv = self.options.get("virtualenv") or (".venv" if toolchain == "uv" else None)
        if virtualenv:
            return str(self.folder / str(virtualenv) / ("Scripts" if os.name == "nt" else "bin") / "python")
        if toolchain == "poetry":
            return None
        return shutil.which(environ.get("PULUMI_PYTHON_CMD") or "python3")

    def stack_file(self, stack: str) -> Path:
        """Return a stack's configuration file, which need not exist."""
        return self.file.with_name(f"Pulumi.{stack}{self.file.suffix}")

    def stack_configuration(self, stack: str) -> Mapping[str, Any]:
        """Return what a stack's configuration file sets, by full names; empty when there is no such file."""
        content = _read(self.stack_file(stack))
        config = content.get("config") if content else None
        return {str(name): value for name, value in config.items()} if isinstance(config, dict) else {}


def read_project(folder: Path) -> Project:
    """Read the project that a folder belongs to, as the Pulumi CLI finds it: here, or further up.

    Raises:
        InvalidConfiguration: There is none, or it is not readable.
    """
    file = find_project_file(folder)
    if file is None:
        raise InvalidConfiguration(f"{printable(str(folder))} has no Pulumi.yaml", "Name a folder of a Pulumi project.")
    content = _read(file)
    if content is None:
        raise InvalidConfiguration(f"{printable(str(file))} is not readable as YAML", "Mend it.")
    runtime = content.get("runtime")
    name, options = (runtime.get("name"), runtime.get("options")) if isinstance(runtime, dict) else (runtime, None)
    return Project(
        file,
        str(name or ""),
        options if isinstance(options, dict) else {},
        _plugin(file.parent, content),
        _package(content),
    )


def _read(file: Path) -> dict[str, Any] | None:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError):
        return None
    return content if isinstance(content, dict) else None


def _plugin(folder: Path, content: Mapping[str, Any]) -> Path | None:
    plugins = content.get("plugins")
    providers = plugins.get("providers") if isinstance(plugins, dict) else None
    for entry in providers if isinstance(providers, list) else ():
        path = entry.get("path") if isinstance(entry, dict) and entry.get("name") == NAME else None
        if isinstance(path, str):
            return folder / path
    return None


def _package(content: Mapping[str, Any]) -> str | None:
    packages = content.get("packages")
    entry = packages.get(NAME) if isinstance(packages, dict) else None
    source = entry.get("source") if isinstance(entry, dict) else entry
    return source.partition("@")[0] if isinstance(source, str) else None
