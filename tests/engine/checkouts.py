"""Copies of this checkout as source plugins, and projects that find the plugin only there."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from tools.engine.plugin_packages import PluginPackages
from tools.engine.processes import CHECKOUT
from tools.engine.sdks import ensure_sdkgen
from tools.engine.workspace import Workspace

__all__ = ["PROGRAM", "copy_checkout", "processes_of", "shut_off"]

PROGRAM = """\
name: clinic
runtime: yaml
config:
  organizationId: {type: string}
resources:
  ehr:
    type: allomia:OrganizationApiKey
    properties:
      organizationId: ${organizationId}
outputs:
  secret: ${ehr.secret}
"""

SOURCES = (
    "PulumiPlugin.yaml",
    "__main__.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "allomia_pulumi",
    "allomia_pulumi_sdk",
)


def copy_checkout(folder: Path) -> Path:
    """Copy what a source plugin needs of this checkout."""
    folder.mkdir(parents=True)
    for name in SOURCES:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


def shut_off(project: Workspace, packages: PluginPackages | None = None) -> Workspace:
    """Take our own environment from a project's PATH, and the network from its pip if there are packages instead."""
    ours = str(Path(sys.executable).parent)
    path = project.env["PATH"].split(os.pathsep)
    project.env["PATH"] = os.pathsep.join(folder for folder in path if folder != ours)
    project.env["ALLOMIA_ENGINE_PROGRAM_GENERATOR"] = str(ensure_sdkgen())
    project.env.update(packages.environment() if packages else {})
    return project


def processes_of(project: Workspace, checkout: Path) -> list[int]:
    """Return what runs of a checkout's plugin for a project: its own processes, and the language host that has them."""
    mark = f"PULUMI_HOME={project.root / 'pulumi'}".encode()
    parts = (os.fsencode(checkout), b"language_host.py")
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_ours = mark in (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes()
            if is_ours and any(part in command for part in parts):
                found.append(int(folder.name))
    return found
