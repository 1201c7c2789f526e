"""The npm package: the Node SDK, compiled before it is published, so that nothing runs where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools.engine.builds import Report
from tools.engine.node import compile_sdk
from tools.engine.processes import ToolError
from tools.engine.sdks import write_sdks
from tools.release.names import NPM_PACKAGE

__all__ = ["build_npm_package"]

PACK = ("npm", "pack", "--ignore-scripts", "--no-update-notifier", "--loglevel=error")


def build_npm_package(tree: Path, folder: Path, report: Report) -> None:
    """Pack the SDK of a staged tree's schema into a folder.

    Raises:
        ToolError: There is no Node or npm, the SDK does not compile, or npm does not pack it.
    """
    with tempfile.TemporaryDirectory(prefix="npm-package-") as name:
        sdks, compiled = Path(name, "sdk"), Path(name, "compiled")
        write_sdks(sdks, tree / "schema.json", report, is_published=True)
        sources = sdks / "nodejs"
        compile_sdk(sources, compiled, report)
        package = compiled / "bin"
        # The compiled code reads its version from the manifest beside it, so this folder is the package.
        for file in (sources / "package.json", sources / "README.md", tree / "LICENSE"):
            shutil.copy(file, package)
        for path in package.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        answer = subprocess.run(
            [*PACK, "--pack-destination", folder],
            cwd=package,
            env={**os.environ, "npm_config_cache": str(Path(name, "cache"))},
            check=False,
            capture_output=True,
            text=True,
        )
    if answer.returncode != 0 or not (folder / NPM_PACKAGE).is_file():
        raise ToolError(f"npm packed no {NPM_PACKAGE}.", answer.stderr.strip())
