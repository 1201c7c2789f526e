"""The files of a commit, and of nothing else: no environment, cache or secret that lies in the checkout."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tools.engine.processes import CHECKOUT, ToolError

__all__ = ["Commit", "export", "head", "require_clean"]

MOST_SHOWN = 5
EXECUTABLE, PLAIN, FOLDER = 0o755, 0o644, 0o755


@dataclass(frozen=True)
class Commit:
    """A commit.

    Attributes:
        digest: Its full name.
        seconds: When it was made; the time of everything in a release.
    """

    digest: str
    seconds: int


def head(checkout: Path = CHECKOUT) -> Commit:
    """Return the commit that is checked out.

    Raises:
        ToolError: The folder is no checkout.
    """
    digest, seconds = _git(checkout, "log", "-1", "--format=%H %ct").decode().split()
    return Commit(digest, int(seconds))


def require_clean(checkout: Path = CHECKOUT) -> None:
    """Make sure that the checkout has nothing that its commit lacks.

    Raises:
        ToolError: It has; the message names the first of the files.
    """
    changed = _git(checkout, "status", "--porcelain").decode().splitlines()
    if changed:
        shown = ", ".join(line[3:] for line in changed[:MOST_SHOWN])
        more = f" and {len(changed) - MOST_SHOWN} more" if len(changed) > MOST_SHOWN else ""
        raise ToolError(
            f"A release is built from a commit, and these files differ from it: {shown}{more}.",
            "Commit or remove them; `make release-check` builds the commit without them.",
        )


def export(commit: Commit, folder: Path, checkout: Path = CHECKOUT) -> None:
    """Write the files of a commit into an empty folder, with modes and times that depend on the commit alone.

    Symbolic links become the files that they name, because Windows makes none without a privilege.

    Raises:
        ToolError: The folder is no checkout.
    """
    settings = ("-c", "core.autocrlf=false", "-c", "core.eol=lf")
    archive = _git(checkout, *settings, "archive", "--format=tar", commit.digest)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    for path in list(folder.rglob("*")):
        if path.is_symlink():
            text = path.read_bytes()
            path.unlink()
            path.write_bytes(text)
        if path.is_dir():
            path.chmod(FOLDER)
        else:
            path.chmod(EXECUTABLE if path.stat().st_mode & 0o100 else PLAIN)


def _git(checkout: Path, *arguments: str) -> bytes:
    answer = subprocess.run(["git", *arguments], cwd=checkout, check=False, capture_output=True)  # noqa: S607 - on PATH
    if answer.returncode != 0:
        told = answer.stderr.decode(errors="replace").strip()
        raise ToolError("A release is built from a commit, and git did not show one.", told)
    return answer.stdout
