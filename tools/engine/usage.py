"""What the processes of one project used, as Linux counts it: memory at its peak, and CPU time."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.engine.workspace import Workspace

__all__ = ["PROVIDER", "Usage"]

KIB_PER_MB = 1024
PROVIDER, ENGINE, OTHER = "provider", "engine", "other"
LOOKS_PER_SEARCH = 5
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# The fields of `/proc/PID/stat` after the name, which may have spaces: user and system time of the process itself.
USER_TIME, SYSTEM_TIME = 11, 12


@dataclass(frozen=True)
class _Look:
    """One process as it was last seen."""

    role: str
    peak_mb: float
    cpu_seconds: float


class Usage:
    """Watch every process of a workspace while the context runs.

    A process's own high-water mark (`VmHWM`) and its own clock are read, so that what happens between two looks counts
    as well; what it does after the last look before its end is missed.

    Args:
        workspace: The project, whose processes are known by their environment.
        every: Seconds between two looks.
    """

    def __init__(self, workspace: Workspace, every: float = 0.5) -> None:
        self._mark = f"PULUMI_HOME={workspace.env['PULUMI_HOME']}".encode()
        self._every = every
        self._seen: dict[int, _Look] = {}
        self._alive: set[int] = set()
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

    @property
    def peaks(self) -> dict[str, float]:
        """Return the highest mark in MB by role: `provider` (either face), `engine` (the CLI) and `other`."""
        return {role: max(look.peak_mb for look in self._of(role)) for role in self._roles()}

    @property
    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time of all processes by role."""
        return {role: sum(look.cpu_seconds for look in self._of(role)) for role in self._roles()}

    def _roles(self) -> set[str]:
        return {look.role for look in self._seen.values()}

    def _of(self, role: str) -> Iterator[_Look]:
        return (look for look in self._seen.values() if look.role == role)

    def _watch(self) -> None:
        looks = 0
        while not self._over.wait(self._every):
            # Finding processes costs more than looking at those that are known.
            if looks % LOOKS_PER_SEARCH == 0:
                self._alive.update(self._search())
            looks += 1
            for process in tuple(self._alive):
                look = _look(Path("/proc", str(process)))
                if look is None:
                    self._alive.discard(process)
                else:
                    self._seen[process] = look

    def _search(self) -> Iterator[int]:
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if self._mark in environment.read_bytes().split(b"\0"):
                    yield int(environment.parent.name)


def _look(process: Path) -> _Look | None:
    """Look at a process, or return None if it has ended; it may do so between two reads."""
    try:
        arguments = (process / "cmdline").read_bytes()
        found = re.search(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # What is only waiting to be reaped has neither arguments nor memory.
    if not arguments or found is None:
        return None
    ticks = int(fields[USER_TIME]) + int(fields[SYSTEM_TIME])
    return _Look(_role(arguments.split(b"\0")), int(found[1]) / KIB_PER_MB, ticks / TICKS_PER_SECOND)


def _role(arguments: list[bytes]) -> str:
    if b"pulumi.dynamic" in arguments or any(each.endswith(b"/pulumi-resource-allomia") for each in arguments[:2]):
        return PROVIDER
    return ENGINE if arguments[0].endswith(b"/pulumi") else OTHER
