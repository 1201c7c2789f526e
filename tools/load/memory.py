"""How much memory the processes of one project took at most, as Linux counts it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.engine.workspace import Workspace

__all__ = ["PeakMemory"]

POLL_SECONDS = 0.5
KIB_PER_MB = 1024
PROVIDER, ENGINE, OTHER = "provider", "engine", "other"


class PeakMemory:
    """Watch every process of a workspace while the context runs.

    A process's own high-water mark (`VmHWM`) is read, so that what happens between two looks counts as well.

    Attributes:
        peaks: The highest mark in MB by role: `provider` (either face), `engine` (the CLI) and `other`.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.peaks: dict[str, float] = {}
        self._mark = f"PULUMI_HOME={workspace.env['PULUMI_HOME']}".encode()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(POLL_SECONDS):
            for process in self._processes():
                # A process may end while it is being looked at.
                with suppress(OSError):
                    role, peak = _role(process), _high_water(process)
                    self.peaks[role] = max(peak, self.peaks.get(role, 0.0))

    def _processes(self) -> Iterator[Path]:
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if self._mark in environment.read_bytes().split(b"\0"):
                    yield environment.parent


def _role(process: Path) -> str:
    arguments = (process / "cmdline").read_bytes().split(b"\0")
    if b"pulumi.dynamic" in arguments or any(each.endswith(b"/pulumi-resource-allomia") for each in arguments[:2]):
        return PROVIDER
    return ENGINE if arguments[0].endswith(b"/pulumi") else OTHER


def _high_water(process: Path) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())
    return int(found[1]) / KIB_PER_MB if found else 0.0
