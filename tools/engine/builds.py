"""What takes long is made once for all checkouts of this machine: in the cache, under a lock, whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

import platformdirs

from tools.engine.processes import ToolError, capture

__all__ = ["Report", "Steps", "build_once", "cache_folder", "fingerprint"]

Found = TypeVar("Found")
Report: TypeAlias = Callable[[str], None]

REPORT_SECONDS = 15.0
TAIL_LINES = 20
FINGERPRINT_DIGITS = 16


@dataclass(frozen=True)
class Steps:
    """The commands that make one thing, run to their ends.

    Attributes:
        what: What they make, with its article, as messages name it.
        folder: Where they run.
        environment: The whole one; None inherits ours.
        report: Is told now and then that a command still runs.
        hint: Gives the next step after a failure.
    """

    what: str
    folder: Path
    report: Report
    hint: Callable[[], str]
    environment: Mapping[str, str] | None = None

    def run(self, step: str, *command: str | Path) -> str:
        """Run a command and return what it printed to stdout.

        Raises:
            ToolError: It failed; the message ends with its last lines.
        """
        started = time.monotonic()

        def wait(process: subprocess.Popen[bytes]) -> None:
            while process.poll() is None:
                try:
                    process.wait(REPORT_SECONDS)
                except subprocess.TimeoutExpired:
                    self.report(f"  {step}, {time.monotonic() - started:.0f} s so far")

        code, stdout, stderr = capture(command, wait, environment=self.environment, folder=self.folder)
        if code != 0:
            tail = "\n".join((stdout + stderr).splitlines()[-TAIL_LINES:])
            raise ToolError(f"{self.what} could not be built: {step} failed.\n{tail}", self.hint())
        return stdout.strip()


def cache_folder() -> Path:
    """Return where builds are kept: the user's cache folder, outside every checkout."""
    return Path(os.environ.get("ALLOMIA_PULUMI_CACHE") or platformdirs.user_cache_dir("allomia-pulumi"))


def build_once(
    what: str,
    folder: Path,
    find: Callable[[Path], Found | None],
    build: Callable[[Path, Path], None],
    report: Report,
) -> Found:
    """Return what `find` sees in the folder; build it first when that is nothing.

    Processes that want the same folder wait for the one that builds it. A build that is killed leaves nothing that
    counts.

    Args:
        what: What is built, with its article, as messages name it.
        folder: Where it is, or goes.
        find: Returns None for what is missing or broken.
        build: Takes an empty folder to work in and another one to fill, which becomes `folder`.
        report: Is told that another process is building.

    Raises:
        ToolError: From `build`, or `find` sees nothing after it.
    """
    if found := find(folder):
        return found
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_name(f"{folder.name}.lock"), what, report):
        # Another process may have built it while this one waited.
        if found := find(folder):
            return found
        _build(folder, build)
    if found := find(folder):
        return found
    raise ToolError(f"{what} was built into {folder}, but does not work.", "Remove that folder and try again.")


def fingerprint(files: Iterable[Path], folder: Path, *texts: str) -> str:
    """Return a key for the names, below the folder, and contents of files, and for texts."""
    parts = [each for path in sorted(files) for each in (str(path.relative_to(folder)).encode(), path.read_bytes())]
    digest = hashlib.sha256()
    for part in (*parts, *(text.encode() for text in texts)):
        digest.update(f"{len(part)}:".encode() + part)
    return digest.hexdigest()[:FINGERPRINT_DIGITS]


def _build(folder: Path, build: Callable[[Path, Path], None]) -> None:
    prefix = f".build-{folder.name}-"
    for left_by_a_kill in folder.parent.glob(f"{prefix}*"):
        shutil.rmtree(left_by_a_kill)
    # Beside its destination, so that the finished folder can be renamed into place.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=prefix) as name:
        scratch, finished = Path(name, "scratch"), Path(name, "finished")
        scratch.mkdir()
        finished.mkdir()
        build(scratch, finished)
        if folder.exists():
            shutil.rmtree(folder)
        finished.rename(folder)


@contextmanager
def _locked(path: Path, what: str, report: Report) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"Another process is building {what[:1].lower()}{what[1:]}; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
