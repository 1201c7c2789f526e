"""Two builds of one commit that have nothing in common but the commit, compared byte by byte."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.engine.processes import CHECKOUT, ToolError
from tools.release.sources import Commit

__all__ = ["build_apart", "compare"]

SECONDS_OF_A_YEAR: Final = 365 * 86_400


@dataclass(frozen=True)
class Surroundings:
    """What must not matter."""

    umask: int
    variables: Mapping[str, str]
    folder: str


SURROUNDINGS: Final = (
    Surroundings(0o022, {"LC_ALL": "C.UTF-8", "TZ": "UTC"}, "checkout"),
    Surroundings(0o077, {"LC_ALL": "C", "TZ": "Pacific/Kiritimati"}, "elsewhere/Another Folder"),
)


def build_apart(commit: Commit, root: Path, number: int, address: str) -> Path:
    """Build a release from a clone in surroundings of its own, and return the folder that it is in.

    Raises:
        ToolError: It cannot be built.
    """
    around = SURROUNDINGS[number]
    clone, release = root / around.folder, root / f"release-{number}"
    clone.parent.mkdir(parents=True, exist_ok=True)
    _run(["git", "clone", "--quiet", "--no-hardlinks", "--no-checkout", str(CHECKOUT), str(clone)], root)
    _run(["git", "checkout", "--quiet", "--detach", commit.digest], clone)
    # The tools may be newer than the commit, as while they are worked on.
    shutil.rmtree(clone / "tools", ignore_errors=True)
    shutil.copytree(CHECKOUT / "tools", clone / "tools")
    for path in clone.rglob("*"):
        if ".git" not in path.parts and not path.is_symlink():
            os.utime(path, (commit.seconds + number * SECONDS_OF_A_YEAR,) * 2)
    scratch = root / f"scratch-{number}"
    scratch.mkdir()
    environment = {
        **os.environ,
        **around.variables,
        "PLUGIN_DOWNLOAD_URL": address,
        "PYTHONHASHSEED": str(number + 1),
        "TMPDIR": str(scratch),
    }
    command = [sys.executable, "-m", "tools.release", "--dirty", "--into", str(release)]
    _run(command, clone, environment, around.umask)
    return release


def compare(first: Path, second: Path) -> int:
    """Return how many files two releases have, all equal byte by byte.

    Raises:
        ToolError: They differ; the message names the first file, and the first member of it that differs.
    """
    names = sorted(path.name for path in first.iterdir())
    others = sorted(path.name for path in second.iterdir())
    if names != others:
        raise ToolError(f"The builds have different files: {sorted(set(names) ^ set(others))}.")
    for name in names:
        if (first / name).read_bytes() != (second / name).read_bytes():
            raise ToolError(f"{name} differs: {_difference(_members(first / name), _members(second / name))}.")
    return len(names)


def _difference(one: dict[str, object], other: dict[str, object]) -> str:
    if list(one) != list(other):
        return "its members, or their order"
    return next((name for name in one if one[name] != other[name]), "only the archive itself")


def _members(path: Path) -> dict[str, object]:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return {each.filename: (each.date_time, each.external_attr, each.CRC) for each in archive.infolist()}
    if path.suffix in {".gz", ".tgz"}:
        with tarfile.open(path) as archive:
            return {each.name: _told(archive, each) for each in archive}
    return {}


def _told(archive: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[object, ...]:
    content = archive.extractfile(member)
    text = content.read() if content else b""
    return member.mtime, member.mode, member.uid, member.gid, member.uname, hashlib.sha256(text).digest()


def _run(command: list[str], folder: Path, environment: Mapping[str, str] | None = None, umask: int = -1) -> None:
    answer = subprocess.run(
        command, cwd=folder, env=environment, umask=umask, check=False, capture_output=True, text=True
    )
    if answer.returncode != 0:
        raise ToolError(f"`{' '.join(command[:3])} …` failed.", (answer.stderr or answer.stdout).strip())
