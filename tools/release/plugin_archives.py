"""The archives of the plugin, one for each platform as the engine's installer asks for them.

The plugin is Python sources, and its dependencies are installed where it runs: wheels of grpcio and others would tie an
archive to one version of Python. So all archives have the same content.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tools.engine.processes import ToolError
from tools.release.archives import files_below, write_tar_gz
from tools.release.names import PLUGIN_ARCHIVES

__all__ = ["CONTENT", "build_plugin_archives"]

CONTENT: Final = (
    "LICENSE",
    "PulumiPlugin.yaml",
    "README.md",
    "__main__.py",
    "allomia_pulumi",
    "allomia_pulumi_sdk",
    "pyproject.toml",
    "schema.json",
)


def build_plugin_archives(tree: Path, folder: Path, seconds: int) -> None:
    """Write the archives from a staged tree into a folder.

    Raises:
        ToolError: The tree lacks a part of the plugin.
    """
    missing = [name for name in CONTENT if not (tree / name).exists()]
    if missing:
        raise ToolError(f"The commit has no {missing[0]}, which an archive of the plugin holds.")
    files = files_below(tree, *CONTENT)
    for name in PLUGIN_ARCHIVES.values():
        write_tar_gz(folder / name, files, seconds)
