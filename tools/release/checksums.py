"""The digests of a release's files, in the form that `sha256sum --check` reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tools.engine.processes import ToolError
from tools.release.names import CHECKSUMS

__all__ = ["require_digests", "write_digests"]


def write_digests(folder: Path) -> None:
    """Write the digests of all files of a folder into it."""
    lines = [f"{digest}  {name}\n" for name, digest in _digests(folder).items()]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def require_digests(folder: Path) -> int:
    """Return how many files a folder has beside their digests.

    Raises:
        ToolError: A file is missing, is another one than was built, or was not built.
    """
    lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    built = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = _digests(folder)
    for name in sorted(built.keys() | found.keys()):
        if name not in found:
            raise ToolError(f"{name} is missing, and {CHECKSUMS} has it.")
        if built.get(name) != found[name]:
            raise ToolError(f"{name} is not what was built: its digest is not that of {CHECKSUMS}.")
    return len(found)


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != CHECKSUMS)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
