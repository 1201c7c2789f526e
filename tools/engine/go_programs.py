"""The Go example, compiled once with the Go SDK of this checkout, and its runs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.engine.builds import Report, build_once, cache_folder, fingerprint
from tools.engine.golang import GO_VERSION, go_steps, require_go
from tools.engine.processes import CHECKOUT
from tools.engine.sdks import SDKS
from tools.engine.workspace import TIMEOUT_SECONDS, Result, Workspace

__all__ = ["GO_EXAMPLE", "GoProgram", "ensure_go_example", "go_example_copy"]

GO_EXAMPLE = Path("examples", "go")
GO_SDK = SDKS / "go"
SOURCES = {".go", ".mod", ".sum"}
PROGRAM = "program"
WHAT = "The Go example"


@dataclass(frozen=True)
class GoProgram:
    """A compiled program.

    Attributes:
        path: The program's file.
    """

    path: Path

    def run(self, project: Workspace, *arguments: str, timeout: float = TIMEOUT_SECONDS) -> Result:
        """Run it in a project's folder, with the project's environment.

        The CLI is on its PATH, so that it can use the Automation API.

        Raises:
            ToolError: It took more than `timeout` seconds.
        """
        return project.call(self.path, *arguments, timeout=timeout)


def ensure_go_example(report: Report = print) -> GoProgram:
    """Return the program of `examples/go`, compiled when its sources or those of the Go SDK are new.

    Args:
        report: Is told, in plain lines, about a build and its progress; about nothing else.

    Raises:
        ToolError: Go is missing or too old, or it does not compile.
    """
    require_go("There is no Go to compile the Go example with.")
    folders = [CHECKOUT / GO_EXAMPLE, CHECKOUT / GO_SDK]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in SOURCES]
    folder = cache_folder() / "go-example" / fingerprint(files, CHECKOUT, GO_VERSION)

    def build(_scratch: Path, finished: Path) -> None:
        report("Compiling the Go example with Pulumi's Go SDK (about a minute on 2 cores, once).")
        with go_example_copy() as example:
            command = ("go", "build", "-mod=readonly", "-trimpath", "-ldflags", "-s -w", "-o", finished / PROGRAM, ".")
            go_steps(WHAT, example, report).run("compiling", *command)

    return build_once(WHAT, folder, _find, build, report)


@contextmanager
def go_example_copy() -> Iterator[Path]:
    """Yield the folder of a copy of the example, with the SDK where its `go.mod` says."""
    with tempfile.TemporaryDirectory(prefix="go-example-") as name:
        for folder in (GO_EXAMPLE, GO_SDK):
            shutil.copytree(CHECKOUT / folder, Path(name) / folder)
        yield Path(name) / GO_EXAMPLE


def _find(folder: Path) -> GoProgram | None:
    program = folder / PROGRAM
    return GoProgram(program) if os.access(program, os.X_OK) else None
