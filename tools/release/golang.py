"""The Go SDK: a module to unpack beside a program, which takes it by a `replace`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tools.release.archives import files_below, write_tar_gz
from tools.release.names import GO_SDK

__all__ = ["build_go_sdk"]


def build_go_sdk(tree: Path, folder: Path, seconds: int) -> None:
    """Write the archive from a staged tree into a folder."""
    with tempfile.TemporaryDirectory(prefix="go-sdk-") as name:
        module = Path(name, "go")
        shutil.copytree(tree / "sdk" / "go", module)
        # A module's documentation is shown only where its licence lies beside it.
        shutil.copy(tree / "LICENSE", module)
        entries = files_below(module, *(path.name for path in module.iterdir()))
        write_tar_gz(folder / GO_SDK, entries, seconds)
